// A real SMTP server on loopback that keeps what it accepts as .eml files: the private mailboxes of the sample people.
// It answers 250 only after the file is on disk, as RFC 5321 §6.1 asks of whoever takes a mail over.

import { mkdir, readdir, readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import PostalMime, { type Email } from 'postal-mime';
import { SMTPServer } from 'smtp-server';
import { writeAside } from './certificate.ts';

/** One mail to one mailbox. `id` sorts by arrival. */
export interface Received {
  readonly id: string;
  readonly path: string;
  readonly to: string;
  readonly email: Email;
}

export interface MailServer {
  readonly port: number;
  /** Every mail in the folder, newest first; older ones from earlier starts included. */
  mails(): Promise<Received[]>;
  find(id: string): Promise<Received | undefined>;
  /** Called for each mail that arrives from now on; returns how to stop it. */
  watch(listener: (mail: Received) => void): () => void;
  /** The next mail to this address: one that arrived after `since` (an id), or that still will. */
  next(to: string, options?: { since?: string; signal?: AbortSignal }): Promise<Received>;
  [Symbol.asyncDispose](): Promise<void>;
}

const idPattern = /^\d{13}-\d{4}$/;

/** Starts the server on loopback; port 0 takes a free one. */
export async function startMailServer(options: { folder: string; port?: number }): Promise<MailServer> {
  const { folder } = options;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const listeners = new Set<(mail: Received) => void>();
  let count = 0;

  async function read(id: string): Promise<Received | undefined> {
    const path = join(folder, `${id}.eml`);
    const bytes = idPattern.test(id) ? await readFile(path).catch(() => undefined) : undefined;
    if (!bytes) return undefined;
    const email = await PostalMime.parse(bytes);
    return { id, path, to: email.deliveredTo ?? '', email };
  }

  async function ids(): Promise<string[]> {
    const names = (await readdir(folder)).filter((name) => name.endsWith('.eml')).map((name) => name.slice(0, -4));
    return names.filter((id) => idPattern.test(id)).sort();
  }

  const server = new SMTPServer({
    banner: 'practice inbox',
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    size: 1_000_000,
    rejectOversized: true,
    disableReverseLookup: true,
    logger: false,
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', async () => {
        try {
          for (const rcpt of session.envelope.rcptTo) {
            count = (count + 1) % 10_000;
            const id = `${String(Date.now()).padStart(13, '0')}-${String(count).padStart(4, '0')}`;
            const from = session.envelope.mailFrom ? session.envelope.mailFrom.address : '';
            // As the last server on the way adds them (RFC 5321 §4.4); the envelope outlives a restart in them.
            const trace = `Return-Path: <${from}>\r\nDelivered-To: ${rcpt.address}\r\n`;
            await writeAside(join(folder, `${id}.eml`), Buffer.concat([Buffer.from(trace), ...chunks]), 0o600);
            const mail = await read(id);
            if (mail) for (const listener of listeners) listener(mail);
          }
          done();
        } catch (error) {
          done(error instanceof Error ? error : new Error(String(error)));
        }
      });
    },
  });
  // A client that breaks off is its own affair.
  server.on('error', () => {});
  await new Promise<void>((resolve, reject) => {
    server.server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });

  async function mails(): Promise<Received[]> {
    const found = await Promise.all((await ids()).reverse().map(read));
    return found.filter((mail) => mail !== undefined);
  }
  function watch(listener: (mail: Received) => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }
  return {
    port: (server.server.address() as AddressInfo).port,
    mails,
    find: read,
    watch,
    next(to, { since, signal } = {}) {
      return new Promise((resolve, reject) => {
        const isIt = (mail: Received) => mail.to.toLowerCase() === to.toLowerCase() && mail.id > (since ?? '');
        const settle = (end: () => void) => {
          unwatch();
          signal?.removeEventListener('abort', giveUp);
          end();
        };
        const giveUp = () => settle(() => reject(signal?.reason));
        const take = (mail: Received) => isIt(mail) && settle(() => resolve(mail));
        const unwatch = watch(take);
        if (signal?.aborted) return giveUp();
        signal?.addEventListener('abort', giveUp);
        if (since !== undefined) mails().then((kept) => kept.filter(isIt).slice(0, 1).forEach(take), reject);
      });
    },
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
