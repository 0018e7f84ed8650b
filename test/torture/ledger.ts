// What happened as the people saw it: what was promised to them, what they did, what they were shown. The checks compare
// it with what is there when everything is quiet.

import PostalMime from 'postal-mime';
import { fromBase64url, type Link, parseFragment } from '#shared/link.ts';

/** A reset that an admin has asked for. */
export interface Started {
  readonly key: string;
  readonly person: string;
  readonly address: string;
  readonly pin?: string;
  readonly created?: string;
  readonly supersede?: string;
  /** Ids that were answered; more than one is a violation. */
  readonly ids: Set<string>;
  /** Acts that were answered with 200. */
  readonly acts: Set<'cancel' | 'kill'>;
  /** What the link page has shown. */
  readonly shown: Set<string>;
  /** When it was first shown, in milliseconds since the epoch; who it was shown to. */
  holders: Set<string>;
  link?: Link;
}

export interface Ledger {
  readonly started: Started[];
  /** Passwords that people have chosen, or may have: the answer can have been lost. By person. */
  readonly chosen: Map<string, string[]>;
  /** Sentences about what must never happen, as it was noticed. */
  readonly violations: string[];
  /** What happened, for whoever has to understand a violation. */
  readonly history: string[];
}

export function newLedger(): Ledger {
  return { started: [], chosen: new Map(), violations: [], history: [] };
}

export function note(ledger: Ledger, text: string): void {
  ledger.history.push(`${new Date().toISOString().slice(11, 23)} ${text}`);
}

/** The link of a mail. @throws Error when there is none */
export async function linkOf(mail: Buffer): Promise<Link> {
  // As the next server has it: dots that were stuffed for the way taken out again (RFC 5321 §4.5.2).
  const { text = '' } = await PostalMime.parse(Buffer.from(mail.toString('latin1').replace(/^\./gm, ''), 'latin1'));
  const url = /https:\/\/\S+\/r\/[\w-]+#[\w.-]+/.exec(text)?.[0] ?? '';
  const { pathname, hash } = new URL(url);
  const key = parseFragment(hash)?.key;
  const id = fromBase64url(pathname.split('/').at(-1) ?? '', 16);
  if (!key || !id) throw new Error('The mail has no link.');
  return { id, key };
}
