// A wire that can be cut: stands between a client and a Postgres server, lets everything through, and breaks where a test
// says, by what the client asks (protocol 3.0: a kind byte, a length, the text; PostgreSQL 55.7).

import { createConnection, createServer, type Socket } from 'node:net';
import type { PostgresAddress } from '../../connector/sql/address.ts';

/**
 * What happens to a message: it passes, it is dropped with both ends, it passes and its answer is dropped, or its first
 * letter becomes another, so that the server does not understand it.
 */
export type Verdict = 'pass' | 'cutBefore' | 'cutAnswer' | 'misspell';

export interface Wire {
  readonly address: PostgresAddress;
  /**
   * Asked for each text that the client sends to be run at once (`begin`, `commit`, `rollback`). `changed`: since `begin` it has
   * sent a text that changes something; what a connection has prepared before is not seen again.
   */
  verdict: (text: string, changed: boolean) => Verdict;
  /** Keeps notifications back, as a pooler does that lends a connection for a transaction (NotificationResponse, `A`). */
  silent: boolean;
  /** Breaks all connections that are open. */
  cutAll(): void;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function wireTo(server: PostgresAddress): Promise<Wire> {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  };
  const proxy = createServer((client) => {
    const upstream = createConnection(server.port, server.host);
    keep(client);
    keep(upstream);
    let deaf = false;
    let changed = false;
    const cut = () => {
      client.destroy();
      upstream.destroy();
    };
    client.on('data', (chunk: Buffer) => {
      // A simple query is one message of its own, and small: it comes in one piece.
      const text = chunk[0] === 0x51 ? chunk.subarray(5, -1).toString() : '';
      if (text.startsWith('begin')) changed = false;
      if (/\b(insert into|update|delete from)\s/.test(chunk.toString('latin1'))) changed = true;
      const verdict = text === '' ? 'pass' : wire.verdict(text, changed);
      if (verdict === 'cutBefore') return cut();
      if (verdict === 'cutAnswer') deaf = true;
      if (verdict === 'misspell') chunk[5] = 0x78;
      upstream.write(chunk);
    });
    // The answer has come: what was asked has been done.
    let rest: Buffer = Buffer.alloc(0);
    upstream.on('data', (chunk: Buffer) => {
      if (deaf) return cut();
      const [whole, more] = messages(Buffer.concat([rest, chunk]));
      rest = more;
      for (const message of whole) if (!(wire.silent && message[0] === 0x41)) client.write(message);
    });
    upstream.on('close', () => client.destroy());
    client.on('close', () => upstream.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const { port } = proxy.address() as { port: number };
  const wire: Wire = {
    address: { ...server, port },
    verdict: () => 'pass',
    silent: false,
    cutAll() {
      for (const socket of sockets) socket.destroy();
    },
    async [Symbol.asyncDispose]() {
      wire.cutAll();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
  return wire;
}

/** The messages of a server that are whole, each a kind byte and a length, and the beginning of the next one. */
function messages(bytes: Buffer): [whole: Buffer[], rest: Buffer] {
  const whole: Buffer[] = [];
  let at = 0;
  while (bytes.length >= at + 5) {
    const end = at + 1 + bytes.readUInt32BE(at + 1);
    if (end > bytes.length) break;
    whole.push(bytes.subarray(at, end));
    at = end;
  }
  return [whole, bytes.subarray(at)];
}
