// A taken port is a sentence that says which, and how to choose another.

import { type AddressInfo, createServer } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { expectFreePort, parsePort } from './ports.ts';

const server = createServer();
let port = 0;
beforeEach(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterEach(() => new Promise<void>((resolve) => void server.close(() => resolve())));

it('names the port, its use and the option', async () => {
  await expect(expectFreePort(port, 'the connector', '--port')).rejects.toThrow(
    new RegExp(`^Port ${port}, for the connector, is taken by another program\\. .*npm start -- --port \\d+$`),
  );
});

it('has nothing to say about a free one', async () => {
  await new Promise<void>((resolve) => void server.close(() => resolve()));
  await expect(expectFreePort(port, 'the inbox', '--inbox-port')).resolves.toBeUndefined();
});

it.each(['0', '65536', '80a', '', '-1', '1e3'])('refuses %j as a port', (text) => {
  expect(() => parsePort(text, '--port')).toThrow('--port wants a port from 1 to 65535');
});
