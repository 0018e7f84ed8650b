// The ways out for mail, in one list: the scheme of RR_MAIL chooses.

import { resolve } from 'node:path';
import { folderMail } from './folder.ts';
import type { Mail } from './mail.ts';
import { type SmtpDeps, smtpMail } from './smtp.ts';

export interface TransportDeps extends SmtpDeps {
  readonly random: (bytes: number) => Uint8Array;
}

const transports = {
  'folder:': (url, deps) => folderMail(folderPath(url), deps),
  'smtp:': (url, deps) => smtpMail(serverUrl(url), deps),
  'smtps:': (url, deps) => smtpMail(serverUrl(url), deps),
} as const satisfies Record<string, (url: string, deps: TransportDeps) => Mail>;

const forms = 'folder:<path>, smtp://[user:password@]host[:port] or smtps://[user:password@]host[:port]';

/** A path as it is written on this machine, not percent-encoded. */
function folderPath(text: string): string {
  const path = text.slice('folder:'.length);
  if (path === '') throw new Error(`The mail folder has no path; write ${forms}.`);
  return resolve(path);
}

/** The address may hold a password: what is wrong is said without repeating it. */
function serverUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url?.hostname) throw new Error(`The mail server’s address cannot be read; write ${forms}.`);
  if (url.password && !url.username) throw new Error('The mail server’s address has a password but no user.');
  if (url.pathname.length > 1 || url.search || url.hash) {
    throw new Error(
      'The mail server’s address ends after the port; encode “/”, “?” and “#” in a password as %2F, %3F, %23.',
    );
  }
  for (const part of [url.username, url.password]) {
    try {
      decodeURIComponent(part);
    } catch {
      throw new Error('User and password in the mail server’s address must be percent-encoded: write “%” as %25.');
    }
  }
  return url;
}

/**
 * The transport for an address such as RR_MAIL holds.
 * @throws Error with a sentence for the operator that never repeats the address
 */
export function mailTransport(url: string, deps: TransportDeps): Mail {
  const scheme = /^[a-z]+:/i.exec(url)?.[0].toLowerCase() ?? '';
  if (!Object.hasOwn(transports, scheme)) throw new Error(`There is no such way to send mail; write ${forms}.`);
  return transports[scheme as keyof typeof transports](url, deps);
}
