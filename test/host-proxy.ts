// A CONNECT proxy (RFC 9110 §9.3.6) that leads each known host to a port of 127.0.0.1 and every other one nowhere.

import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';

export interface HostProxy {
  readonly port: number;
  close(): Promise<void>;
}

/** Starts it on a free port of loopback. */
export async function startHostProxy(hosts: Readonly<Record<string, number>>): Promise<HostProxy> {
  const open = new Set<Duplex>();
  const server = createServer((_, response) => response.writeHead(502).end());
  server.on('connect', (request, client: Duplex, head) => {
    const port = hosts[(request.url ?? '').replace(/:443$/, '')];
    open.add(client);
    client.on('error', () => client.destroy()).on('close', () => open.delete(client));
    if (port === undefined) return void client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
    const upstream = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      upstream.write(head);
      upstream.pipe(client).pipe(upstream);
    });
    upstream.on('error', () => client.destroy());
    client.on('close', () => upstream.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
