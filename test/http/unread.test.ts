// Refusals of bodies that are still being sent: they can be read, by whoever reads only after sending too (RFC 9112 §9.6: a
// connection that is closed at once resets, and what it said is lost), and sending without an end has one.

import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { scimServer } from '../scim/scim-server.ts';

const megabyte = 1024 * 1024;
const piece = Buffer.alloc(64 * 1024, ' ');

let server: Awaited<ReturnType<typeof scimServer>>;
beforeAll(async () => {
  server = await scimServer();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

interface Sent {
  readonly answer: string;
  readonly bytes: number;
  readonly errors: readonly string[];
}

/** Sends all of a body before it reads anything, as Python's http.client does. */
function sendThenRead(path: string, bytes: number, headers: Record<string, string>): Promise<Sent> {
  const { hostname, port } = new URL(server.origin);
  const all = { host: 'connector.example', 'content-type': 'application/scim+json', ...headers };
  const chunked = 'transfer-encoding' in all;
  const head = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return new Promise((resolve) => {
    let answer = '';
    let left = bytes;
    const errors: string[] = [];
    const socket = connect(Number(port), hostname, () => {
      socket.pause();
      socket.write(`POST ${path} HTTP/1.1\r\n${head.join('')}\r\n`);
      send();
    });
    const send = (): void => {
      while (left > 0) {
        const part = piece.subarray(0, left);
        left -= part.length;
        const frame = chunked ? [`${part.length.toString(16)}\r\n`, part, '\r\n'] : [part];
        if (!frame.map((one) => socket.write(one)).at(-1)) return void socket.once('drain', send);
      }
      if (chunked) socket.write('0\r\n\r\n');
      // A moment of work between writing and reading, as long as a reset takes to arrive.
      setTimeout(() => socket.resume(), 50);
    };
    socket.on('data', (data) => {
      answer += data;
    });
    socket.on('error', ({ message }) => errors.push(message));
    socket.on('close', () => resolve({ answer, bytes: bytes - left, errors }));
  });
}

const lengths = [megabyte + 1, 2 * megabyte, 6 * megabyte, 12 * megabyte];

test.each(lengths)('RFC 9110 §15.5.14 413 of %d bytes can be read by who sends them all first', async (bytes) => {
  const authorization = `Bearer ${server.token}`;
  const forms: Record<string, string>[] = [{ 'content-length': String(bytes) }, { 'transfer-encoding': 'chunked' }];
  for (const length of forms) {
    const { answer, errors } = await sendThenRead('/scim/v2/Users', bytes, { authorization, ...length });
    expect([length, answer.split('\r\n', 1)[0], errors]).toEqual([length, 'HTTP/1.1 413 Payload Too Large', []]);
    const body = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4));
    expect([body.status, body.detail.includes('1048576')]).toEqual(['413', true]);
  }
});

test.each(lengths)('and by fetch: %d bytes', async (bytes) => {
  for (let time = 0; time < 4; time++) {
    const answer = await server.ask('POST', '/Users', Buffer.alloc(bytes, ' '));
    expect([answer.status, answer.body?.status, answer.headers.get('connection')]).toEqual([413, '413', 'close']);
  }
});

test('so can the refusals of who may not, and of the other doors', async () => {
  const length = { 'content-length': String(6 * megabyte) };
  const nobody = await sendThenRead('/scim/v2/Users', 6 * megabyte, { ...length, authorization: 'Bearer x' });
  expect([nobody.answer.slice(0, 12), nobody.errors]).toEqual(['HTTP/1.1 401', []]);
  const other = await sendThenRead('/healthz', 6 * megabyte, length);
  expect([other.answer.slice(0, 12), other.errors]).toEqual(['HTTP/1.1 405', []]);
});

test('who goes on for more than 16 MB is cut off', async () => {
  const headers = { authorization: `Bearer ${server.token}`, 'content-length': String(1024 * megabyte) };
  const { bytes } = await sendThenRead('/scim/v2/Users', 256 * megabyte, headers);
  // What lies in the buffers of two sockets is sent as well.
  expect(bytes).toBeLessThan(64 * megabyte);
});
