// A real mail server on TCP for the cluster: keeps what it has taken, and can hold its answer to the final dot until a test
// lets it go, so that a connector can die, or be frozen, with its mail delivered and no 250 heard.

import { SMTPServer } from 'smtp-server';
import { freePort } from '../serving.ts';

export interface Taken {
  readonly to: string;
  readonly bytes: Buffer;
  /** When the dot came, by the real clock; milliseconds since the epoch. */
  readonly at: number;
}

export interface MailServer {
  readonly url: string;
  /** Every message whose final dot has come, in order. */
  readonly taken: Taken[];
  /** The answer to the next message for this address waits until `release`. */
  hold(to: string): { readonly arrived: Promise<void>; release(): void };
  /** Messages for this address are put off (450, RFC 5321 §4.2.3) until the returned function is called. */
  defer(to: string): () => void;
  /** The first message to this address; rejects after a minute. */
  letter(to: string): Promise<Buffer>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts it on a free port of loopback. */
export async function startMailServer(): Promise<MailServer> {
  const taken: Taken[] = [];
  const held = new Map<string, { arrived: () => void; released: Promise<void> }>();
  const deferred = new Set<string>();
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    onRcptTo({ address }, _session, done) {
      done(deferred.has(address.toLowerCase()) ? Object.assign(new Error('Not now'), { responseCode: 450 }) : null);
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', async () => {
        const to = session.envelope.rcptTo[0]?.address.toLowerCase() ?? '';
        taken.push({ to, bytes: Buffer.concat(chunks), at: Date.now() });
        const hold = held.get(to);
        held.delete(to);
        hold?.arrived();
        await hold?.released;
        done();
      });
    },
  });
  server.on('error', () => {});
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `smtp://127.0.0.1:${port}`,
    taken,
    hold(to) {
      const [arrived, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      held.set(to.toLowerCase(), { arrived: arrived.resolve, released: released.promise });
      return { arrived: arrived.promise, release: released.resolve };
    },
    defer(to) {
      deferred.add(to.toLowerCase());
      return () => void deferred.delete(to.toLowerCase());
    },
    async letter(to) {
      for (let tries = 0; tries < 2400; tries++) {
        const found = taken.find((mail) => mail.to === to.toLowerCase());
        if (found) return found.bytes;
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
      throw new Error(`No mail has come to ${to}.`);
    },
    async [Symbol.asyncDispose]() {
      await new Promise<void>((resolve) => server.close(resolve));
    },
  };
}
