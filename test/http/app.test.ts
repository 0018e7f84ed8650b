// What all doors share, on a whole connector: addresses nobody can read, wrong methods, bytes that are no HTTP. Each
// door answers in its own form, with its headers.

import { connect } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../connector/http/app.ts';
import { readableUrl, refuseRaw } from '../../connector/http/raw.ts';
import { logger } from '../../connector/log.ts';
import { extensionId, makeWorld, type World } from '../world.ts';

let world: World;
beforeAll(async () => {
  world = await makeWorld({ names: ['globalAdmin', 'amara'] });
});
afterAll(() => world[Symbol.asyncDispose]());

const origin = `chrome-extension://${extensionId}`;
const problem = expect.stringMatching(/^application\/problem\+json/);

describe('an address that cannot be read', () => {
  it.each([
    ['a broken escape', '%zz'],
    ['half an escape', 'a%2'],
    ['octets that are no UTF-8', '%E0%A4%A'],
    ['a lone octet', '%ff'],
    ['a very long name', 'a'.repeat(8000)],
  ])('%s is answered by its door', async (_what, name) => {
    const authorization = `Bearer ${await world.token('globalAdmin')}`;
    const api = await world.app.inject({ url: `/api/resets/${name}`, headers: { authorization, origin } });
    expect([api.statusCode, api.json().code]).toEqual([404, 'notFound']);
    expect(api.headers).toMatchObject({
      'content-type': problem,
      'access-control-allow-origin': origin,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    const scim = await world.scim('GET', `/Users/${name}`);
    expect([scim.statusCode, scim.json().status, scim.headers['content-type']]).toEqual([
      // SCIM calls what it can't read a bad request; a name that is only too long names nothing.
      ...(name.includes('%') ? [400, '400'] : [404, '404']),
      'application/scim+json',
    ]);
    const link = await world.post(name, 'open', { proof: 'x', holder: 'x' });
    expect([link.statusCode, link.headers['content-type']]).toEqual([expect.any(Number), problem]);
    expect(link.statusCode).toBeLessThan(500);
    const elsewhere = await world.app.inject({ url: `/${name}` });
    expect([elsewhere.statusCode, elsewhere.headers['content-type']]).toEqual([404, problem]);
  });

  it('is turned into one that can, and every other one stays as it is', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^\/[a-f0-9%/?#&=]{0,20}$/), (url) => {
        const path = (text: string) => text.split(/[?#]/, 1)[0] ?? '';
        const readable = readableUrl({ url });
        const decodes = (text: string) => URL.canParse(`http://x${text}`) && !fails(() => decodeURIComponent(text));
        expect(decodes(path(readable))).toBe(true);
        if (decodes(path(url))) expect(readable).toBe(url);
        expect(readable.slice(path(readable).length)).toBe(url.slice(path(url).length));
      }),
    );
  });
});

function fails(work: () => void): boolean {
  try {
    work();
    return false;
  } catch {
    return true;
  }
}

describe('a method that a path does not have', () => {
  it.each([
    ['PUT', '/api/resets', 'POST'],
    ['GET', '/api/resets', 'POST'],
    ['DELETE', '/api/resets/x', 'GET, HEAD'],
    ['POST', '/api/resets/x/events?y=/', 'GET'],
    ['HEAD', '/api/resets/x/events', 'GET'],
    ['POST', '/api/config', 'GET, HEAD'],
    ['POST', '/r/x', 'GET, HEAD'],
    ['GET', '/r/x/open', 'POST'],
    ['PATCH', '/r/x/done', 'POST'],
    ['DELETE', '/healthz', 'GET, HEAD'],
  ] as const)('%s %s is 405', async (method, url, allow) => {
    const answer = await world.app.inject({ method, url, headers: { origin } });
    expect([answer.statusCode, answer.headers.allow]).toEqual([405, allow]);
    expect(answer.headers['content-type']).toEqual(problem);
    if (method !== 'HEAD') expect(answer.json().code).toBe('methodNotAllowed');
    if (url.startsWith('/api')) expect(answer.headers['access-control-allow-origin']).toBe(origin);
  });

  it('is 404 where there is no path', async () => {
    for (const url of ['/api', '/api/resets/', '/api/resets/x/y', '/r', '/r/', '/x'])
      expect([url, (await world.app.inject({ method: 'PUT', url })).statusCode]).toEqual([url, 404]);
  });
});

it('an error varies by language and by origin', async () => {
  const answer = await world.app.inject({ url: '/api/users?search=a', headers: { origin } });
  expect([answer.statusCode, answer.headers.vary]).toEqual([401, 'Origin, Accept-Language']);
  const link = await world.app.inject({ method: 'POST', url: '/r/x/open', headers: { origin } });
  expect([link.statusCode, link.headers.vary]).toEqual([403, 'Accept-Language']);
});

describe('bytes that are no request', () => {
  it.each([
    [
      'a header that is none',
      'GET /r/SECRETLINK HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer SECRET\r\nNo header\r\n\r\n',
      400,
    ],
    ['not HTTP', 'SECRET\r\n\r\n', 400],
    [
      'two lengths',
      'POST /r/SECRET HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      400,
    ],
    ['a header too long', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'SECRET'.repeat(4000)}\r\n\r\n`, 431],
  ])('%s: a status, nothing else, and nothing of it in the log', async (_what, bytes, status) => {
    const lines: string[] = [];
    const log = logger('trace', { write: (line: string) => void lines.push(line) });
    const app = await createApp({ log, trustedProxies: [], doors: {}, ready: async () => true });
    await app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = app.server.address() as { port: number };
    const answer = await new Promise<string>((resolve) => {
      let text = '';
      const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
      socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
      socket.on('error', () => {});
      socket.on('close', () => resolve(text));
    });
    await app.close();
    expect(answer).toMatch(
      new RegExp(`^HTTP/1.1 ${status} [\\w ]+\r\nContent-Length: 0\r\nConnection: close\r\n\r\n$`),
    );
    const logged = lines.join('');
    expect(logged).toContain('not a request');
    for (const secret of ['SECRET', [...Buffer.from('SECRET')].join(',')]) expect(logged).not.toContain(secret);
  });

  it('says nothing to a connection that is gone', () => {
    const gone = { destroyed: true, end: () => expect.unreachable() };
    refuseRaw(logger('silent'))({ name: 'Error', message: '', code: 'HPE_INVALID_METHOD' }, gone as never);
  });
});

it('a database that says nothing is not waited for, and is asked once by all who want to know', async () => {
  let asked = 0;
  const silent = () => {
    asked++;
    return new Promise<boolean>(() => {});
  };
  const app = await createApp({ log: logger('silent'), trustedProxies: [], doors: {}, ready: silent });
  const answers = await Promise.all([1, 2, 3].map(() => app.inject('/readyz')));
  expect(answers.map(({ statusCode, body }) => [statusCode, body])).toEqual(
    answers.map(() => [503, '{"status":"not ready"}']),
  );
  expect(asked).toBe(1);
  await app.close();
});
