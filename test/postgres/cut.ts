// A wire that can be cut: stands between a client and a Postgres server, lets everything through, and breaks where a test
// says, by what the client asks (protocol 3.0: a kind byte, a length, the text; PostgreSQL 55.7).

import { createConnection, createServer, type Socket } from 'node:net';
import type { PostgresAddress } from '../../connector/sql/address.ts';

/** What happens to a message: it passes, it is dropped with both ends, or it passes and its answer is dropped. */
export type Verdict = 'pass' | 'cutBefore' | 'cutAnswer';

export interface Wire {
  readonly address: PostgresAddress;
  /**
   * Asked for each text that the client sends to be run at once (`begin`, `commit`, `rollback`). `changed`: since `begin` it has
   * sent a text that changes something; what a connection has prepared before is not seen again.
   */
  verdict: (text: string, changed: boolean) => Verdict;
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
      upstream.write(chunk);
    });
    // The answer has come: what was asked has been done.
    upstream.on('data', (chunk: Buffer) => (deaf ? cut() : client.write(chunk)));
    upstream.on('close', () => client.destroy());
    client.on('close', () => upstream.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const { port } = proxy.address() as { port: number };
  const wire: Wire = {
    address: { ...server, port },
    verdict: () => 'pass',
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
