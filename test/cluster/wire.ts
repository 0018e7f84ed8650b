// The wire between one connector and Postgres: it can go silent in both directions, as a network does that drops packets
// (nothing is refused, what was on its way arrives when it heals), and it tells when the connector is at a named step.

import { createConnection, createServer, type Socket } from 'node:net';
import { parseDatabaseAddress } from '../../connector/sql/address.ts';

export interface Wire {
  /** What RR_DATABASE takes. */
  readonly url: string;
  /** From now on nothing passes, and nobody is told. */
  silence(): void;
  /** What was on its way arrives, what has been waiting to connect is let through. */
  heal(): void;
  /**
   * Calls `then` once: `asked`, when the connector sends something that matches, which is kept back until the promise
   * resolves; `committed`, when the server has committed what matched, before the connector hears of it; `unknown`, as
   * `committed`, and the connector never hears of it. Undefined: waits for nothing any more.
   */
  at(moment: Moment | undefined): void;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface Moment {
  readonly when: 'asked' | 'committed' | 'unknown';
  readonly text: RegExp;
  readonly then: () => Promise<void> | void;
}

/** @param url of the database as the server has it */
export async function wireTo(url: string): Promise<Wire> {
  const address = parseDatabaseAddress(url);
  if (address.engine !== 'postgres') throw new Error('This is no address of Postgres.');
  const server = { host: address.host, port: address.port };
  const sockets = new Set<Socket>();
  const waiting = new Set<() => void>();
  let silent = false;
  let moment: Moment | undefined;
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    if (silent) socket.pause();
  };

  function join(client: Socket): void {
    const upstream = createConnection(server.port, server.host);
    keep(upstream);
    /** The moment that the open transaction has been part of. */
    let seen: Moment | undefined;
    let committing = false;
    // In the order in which it came, whatever is waited for meanwhile.
    let [up, down] = [Promise.resolve(), Promise.resolve()];
    const reach = async () => {
      const reached = moment;
      moment = undefined;
      await reached?.then();
    };
    client.on('data', (chunk: Buffer) => {
      up = up.then(async () => {
        const text = chunk.toString('latin1');
        if (text.startsWith('Q') && text.includes('begin')) seen = undefined;
        if (moment?.text.test(text)) {
          if (moment.when === 'asked') await reach();
          else seen = moment;
        }
        committing = text.startsWith('Q') && text.includes('commit');
        upstream.write(chunk);
      });
    });
    upstream.on('data', (chunk: Buffer) => {
      down = down.then(async () => {
        if (committing && seen !== undefined && seen === moment && chunk.includes('COMMIT')) {
          await reach();
          if (seen.when === 'unknown') return void client.destroy();
        }
        client.write(chunk);
      });
    });
    upstream.on('close', () => void down.then(() => client.destroy()));
    client.on('close', () => void up.then(() => upstream.destroy()));
  }

  const proxy = createServer((client) => {
    keep(client);
    if (!silent) return join(client);
    const later = () => join(client);
    waiting.add(later);
    client.on('close', () => waiting.delete(later));
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const { port } = proxy.address() as { port: number };
  return {
    url: url.replace(/@[^/]+/, `@127.0.0.1:${port}`),
    silence() {
      silent = true;
      for (const socket of sockets) socket.pause();
    },
    heal() {
      silent = false;
      for (const socket of sockets) socket.resume();
      for (const later of waiting) later();
      waiting.clear();
    },
    at(next) {
      moment = next;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}
