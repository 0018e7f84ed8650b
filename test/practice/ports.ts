// Is a port free? Asked before anything is started, so that the answer is a sentence and not a stack.

import { createServer } from 'node:net';
import { Trouble } from '../set-up/trouble.mjs';

/**
 * Makes sure that a loopback port can be listened on.
 * @param what is to listen there, as the sentence names it
 * @param option of `npm start` that chooses another
 * @throws Trouble with a sentence that says what to do
 */
export async function expectFreePort(port: number, what: string, option: string): Promise<void> {
  const code = await new Promise<string | undefined>((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(undefined)));
  });
  if (code === undefined) return;
  const other = port < 55_536 ? port + 10_000 : port - 10_000;
  const choose = `Choose another one: npm start -- ${option} ${other}`;
  if (code === 'EADDRINUSE') throw new Trouble(`Port ${port}, for ${what}, is taken by another program. ${choose}`);
  if (code === 'EACCES') throw new Trouble(`Port ${port}, for ${what}, is not allowed to this account. ${choose}`);
  throw new Trouble(`Port ${port}, for ${what}, can't be used (${code}). ${choose}`);
}

/**
 * The number in an option.
 * @throws Trouble when it is no port
 */
export function parsePort(text: string, option: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65_535) {
    throw new Trouble(`${option} wants a port from 1 to 65535, not “${text}”.`);
  }
  return port;
}
