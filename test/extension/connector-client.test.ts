// The client against a real HTTP server that fails in the ways networks, proxies and connectors fail.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import type { Reset, ResetRequest } from '#shared/api.ts';
import { problemBody } from '#shared/messages/problem.ts';
import { Problem, type ProblemCode } from '#shared/problem.ts';
import { type ConnectorOptions, connector, type Sighting } from '../../extension/connector-client.ts';
import { readEvents, type StreamEvent } from '../../extension/event-stream.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

type Handler = (response: ServerResponse, seen: Seen, count: number) => unknown;

/** A server that answers every request with `handle`, and a client of it that never sleeps. */
async function world(handle: Handler, options: Partial<ConnectorOptions> = {}) {
  const seen: Seen[] = [];
  const waits: number[] = [];
  const listener: RequestListener = async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const what = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body };
    seen.push(what);
    await handle(response, what, seen.length);
  };
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const client = connector({
    origin: `http://127.0.0.1:${port}`,
    locale: 'tr',
    token: async () => 'token-1',
    wait: async (milliseconds) => void waits.push(milliseconds),
    timeout: 2_000,
    ...options,
  });
  return { client, seen, waits, server, port };
}

function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  const type = status < 400 ? 'application/json' : 'application/problem+json';
  response.writeHead(status, { 'content-type': type, ...headers }).end(JSON.stringify(body));
}

function problem(response: ServerResponse, code: ProblemCode, headers?: Record<string, string>): void {
  const found = new Problem(code);
  json(response, found.status, problemBody(found, 'tr'), headers);
}

const user = { id: 'u', displayName: 'Amara Nwosu', userPrincipalName: 'amara.nwosu@contoso.example' };
const reset = (seq: number, more: Partial<Reset> = {}): Reset => ({
  id: 'r1',
  user,
  mode: 'link',
  credential: 'password',
  state: 'ready',
  startedAt: '2026-11-22T10:00:00.000Z',
  startedBy: { id: 'c', displayName: 'Gwen Okafor' },
  recipient: { shown: 'a•••@m•••.example', onFile: true },
  pin: false,
  locale: 'en',
  generated: true,
  mail: { from: 'it@contoso.example', subject: 'Your new password' },
  expiresAt: '2026-11-23T10:00:00.000Z',
  may: [],
  seq,
  events: [],
  ...more,
});
const request: ResetRequest = {
  user: 'u',
  mode: 'link',
  forceChangePasswordNextSignIn: true,
  recipient: { onFile: 'a1' },
  pin: '48201937',
  locale: 'en',
};

describe('a request', () => {
  test('carries bearer, language and JSON; the person’s text is escaped into the query', async () => {
    const { client, seen } = await world((response) => json(response, 200, { users: [] }));
    expect(await client.search('a&b=ç d')).toEqual({ outcome: 'done', value: { users: [] } });
    expect(seen[0]).toMatchObject({ method: 'GET', path: '/api/users?search=a%26b%3D%C3%A7%20d' });
    expect(seen[0]?.headers).toMatchObject({ authorization: 'Bearer token-1', 'accept-language': 'tr' });
    expect(seen[0]?.path).not.toContain('token');
  });

  test('an id with slashes can’t leave its place in the path', async () => {
    const { client, seen } = await world((response) => problem(response, 'targetUnknown'));
    await client.offer('../../resets/x');
    expect(seen[0]?.path).toBe('/api/users/..%2F..%2Fresets%2Fx/offer');
  });

  test('a problem is failed, with the connector’s own sentence', async () => {
    const { client, seen } = await world((response) => problem(response, 'targetPrivileged'));
    const answer = await client.offer('u');
    expect(answer).toMatchObject({ outcome: 'failed', problem: { code: 'targetPrivileged', status: 403 } });
    expect(seen).toHaveLength(1);
  });

  test.each([
    ['a page of HTML', (r: ServerResponse) => r.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Hotel</h1>')],
    ['a problem of somebody else’s', (r: ServerResponse) => json(r, 400, { code: 'weird', status: 400, detail: 'x' })],
    ['JSON that is no object', (r: ServerResponse) => json(r, 200, 'ok')],
    ['a 404 without a body', (r: ServerResponse) => r.writeHead(404).end()],
  ])('%s is not a connector', async (_name, answer) => {
    const { client } = await world(answer);
    expect(await client.offer('u')).toEqual({ outcome: 'unknown', why: 'notConnector' });
  });

  test('a redirect is not followed: the token goes nowhere else', async () => {
    const elsewhere = await world((response) => json(response, 200, {}));
    const { client } = await world((response) => {
      response.writeHead(302, { location: `http://127.0.0.1:${elsewhere.port}/` }).end();
    });
    expect(await client.offer('u')).toEqual({ outcome: 'unknown', why: 'unreachable' });
    expect(elsewhere.seen).toHaveLength(0);
  });

  test('no answer is unknown, after a bounded number of tries', async () => {
    const { client, seen, waits } = await world((response) => response.destroy());
    expect(await client.offer('u')).toEqual({ outcome: 'unknown', why: 'unreachable' });
    expect(seen).toHaveLength(3);
    expect(waits).toEqual([500, 1000]);
  });

  test('an answer that hangs counts as none', async () => {
    const { client } = await world(() => {}, { timeout: 80 });
    expect(await client.offer('u')).toEqual({ outcome: 'unknown', why: 'unreachable' });
  });

  test('a refused token is replaced once, and once only', async () => {
    const tokens: boolean[] = [];
    const token = async (fresh: boolean) => {
      tokens.push(fresh);
      return fresh ? 'token-2' : 'token-1';
    };
    const { client, seen } = await world(
      (response, { headers }) =>
        headers.authorization === 'Bearer token-2'
          ? json(response, 200, { fine: true })
          : problem(response, 'tokenExpired'),
      { token },
    );
    expect(await client.offer('u')).toMatchObject({ outcome: 'done' });
    expect(tokens).toEqual([false, true]);
    expect(seen).toHaveLength(2);

    const stubborn = await world((response) => problem(response, 'unauthorized'), { token });
    expect(await stubborn.client.offer('u')).toMatchObject({ outcome: 'failed', problem: { status: 401 } });
    expect(stubborn.seen).toHaveLength(2);
  });
});

describe('the configuration', () => {
  const config = {
    version: 1,
    organisation: { id: 't', name: 'Contoso' },
    authority: 'https://connector.example/signin/default',
    protocol: 'oidc',
    clientId: 'reset-and-resend-extension',
    scopes: ['openid'],
  };

  test('is asked for without a token', async () => {
    const { client, seen } = await world((response) => json(response, 200, config));
    expect(await client.config('fabrikam.example')).toEqual({ outcome: 'done', value: config });
    expect(seen[0]?.path).toBe('/api/config?domain=fabrikam.example');
    expect(seen[0]?.headers.authorization).toBeUndefined();
  });

  test.each([
    ['another version', { version: 2 }],
    ['an authority without https', { authority: 'http://connector.example/signin' }],
    ['an authority that is a script', { authority: 'javascript:alert(1)' }],
    ['a protocol of its own', { protocol: 'saml' }],
    ['no organisation', { organisation: undefined }],
    ['no scopes', { scopes: 'openid' }],
  ])('with %s is none', async (_name, wrong) => {
    const { client } = await world((response) => json(response, 200, { ...config, ...wrong }));
    expect(await client.config()).toEqual({ outcome: 'unknown', why: 'notConnector' });
  });
});

describe('starting a reset', () => {
  test('repeats key and body to the letter until there is an answer', async () => {
    const { client, seen, waits } = await world((response, _seen, count) => {
      if (count === 1) return response.destroy();
      if (count === 2) return response.writeHead(502, { 'content-type': 'text/html' }).end('Bad Gateway');
      if (count === 3) return problem(response, 'unavailable', { 'retry-after': '3' });
      return json(response, 202, reset(2), { location: '/api/resets/r1' });
    });
    const answer = await client.start(request, 'key-1');
    expect(answer).toMatchObject({ outcome: 'done', value: { id: 'r1' } });
    expect(waits).toEqual([500, 1000, 3000]);
    expect(new Set(seen.map(({ headers }) => headers['idempotency-key']))).toEqual(new Set(['key-1']));
    expect(new Set(seen.map(({ body }) => body))).toEqual(new Set([JSON.stringify(request)]));
  });

  test('gives up after four tries and says that it doesn’t know', async () => {
    const { client, seen } = await world((response) => response.destroy());
    expect(await client.start(request, 'key-1')).toEqual({ outcome: 'unknown', why: 'unreachable' });
    expect(seen).toHaveLength(4);
  });

  test('an answer that was cut off in its body is unknown, and the next try tells', async () => {
    const { client, seen } = await world((response, _seen, count) => {
      if (count > 1) return json(response, 202, reset(2));
      response.writeHead(202, { 'content-type': 'application/json', 'content-length': '500' });
      response.write('{"id":"r1"');
      return setTimeout(() => response.destroy(), 20);
    });
    // A success whose body never came may not be taken for anything: asked again with the same key.
    expect(await client.start(request, 'key-1')).toMatchObject({ outcome: 'done', value: { id: 'r1' } });
    expect(seen).toHaveLength(2);
  });

  test('a refusal is final', async () => {
    const { client, seen } = await world((response) => problem(response, 'recipientOwnMailbox'));
    expect(await client.start(request, 'key-1')).toMatchObject({ outcome: 'failed' });
    expect(seen).toHaveLength(1);
  });

  test('a long Retry-After is not waited for in a dialog', async () => {
    const { client, waits } = await world((response) => problem(response, 'throttled', { 'retry-after': '3600' }));
    await client.start(request, 'key-1');
    expect(Math.max(...waits)).toBeLessThanOrEqual(15_000);
  });
});

describe('watching a reset', () => {
  const event = (value: Reset) => `id: ${value.seq}\nevent: reset\ndata: ${JSON.stringify(value)}\n\n`;
  const stream = (response: ServerResponse, ...parts: string[]) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const part of parts) response.write(part);
  };

  async function collect(sightings: AsyncGenerator<Sighting>, until: (seen: Sighting[]) => boolean = () => false) {
    const seen: Sighting[] = [];
    for await (const sighting of sightings) {
      seen.push(sighting);
      if (until(seen)) break;
    }
    return seen;
  }
  const seqs = (seen: Sighting[]) => seen.flatMap((one) => (one.kind === 'reset' ? [one.reset.seq] : []));

  test('goes on where the connection broke, and ends with the reset', async () => {
    const { client, seen } = await world((response, _seen, count) => {
      if (count === 1) {
        stream(response, ': hello\n\n', event(reset(3)), event(reset(4)).slice(0, 40));
        return setTimeout(() => response.destroy(), 20);
      }
      stream(response, event(reset(4)), event(reset(5, { state: 'cancelled' })));
      return response.end();
    });
    const sightings = await collect(client.watch('r1', 2, new AbortController().signal));
    expect(seqs(sightings)).toEqual([3, 4, 5]);
    expect(seen.map(({ headers }) => headers['last-event-id'])).toEqual(['2', '3']);
    expect(seen[0]).toMatchObject({ path: '/api/resets/r1/events' });
    expect(seen[0]?.headers).toMatchObject({ accept: 'text/event-stream', authorization: 'Bearer token-1' });
  });

  test('tells when the connection is lost and when it is back', async () => {
    const { client } = await world((response, _seen, count) => {
      if (count <= 3) return response.destroy();
      stream(response, event(reset(9, { state: 'superseded' })));
      return response.end();
    });
    const sightings = await collect(client.watch('r1', 2, new AbortController().signal));
    expect(sightings.map((one) => (one.kind === 'connection' ? one.lost : one.kind))).toEqual([true, false, 'reset']);
  });

  test('a silent stream counts as dead and is opened again', async () => {
    const { client, seen } = await world(
      (response, _seen, count) => {
        if (count === 1) return stream(response, ': only this\n\n');
        stream(response, event(reset(7, { state: 'refused' })));
        return response.end();
      },
      { silence: 60 },
    );
    expect(seqs(await collect(client.watch('r1', 2, new AbortController().signal)))).toEqual([7]);
    expect(seen).toHaveLength(2);
  });

  test('the connection counts as lost after the first silence', async () => {
    const { client } = await world(
      (response, _seen, count) => {
        if (count === 1) return stream(response, ': only this\n\n');
        stream(response, event(reset(7, { state: 'refused' })));
        return response.end();
      },
      { silence: 60 },
    );
    const sightings = await collect(client.watch('r1', 2, new AbortController().signal));
    expect(sightings.map((one) => (one.kind === 'connection' ? one.lost : one.kind))).toEqual([true, false, 'reset']);
  });

  test('a machine that wakes up asks at once, over a new connection, and tells nothing of it', async () => {
    const wakes = new Set<() => void>();
    const onWake = (listener: () => void) => {
      wakes.add(listener);
      return () => void wakes.delete(listener);
    };
    const { client, seen, waits } = await world(
      (response, _seen, count) => {
        if (count === 1) {
          setTimeout(() => wakes.forEach((wake) => void wake()), 30);
          return stream(response, ': here\n\n');
        }
        stream(response, event(reset(7, { state: 'refused' })));
        return response.end();
      },
      { onWake },
    );
    const sightings = await collect(client.watch('r1', 2, new AbortController().signal));
    expect(sightings.map(({ kind }) => kind)).toEqual(['reset']);
    expect(seen).toHaveLength(2);
    expect(waits).toEqual([]);
    expect(wakes.size).toBe(0);
  });

  test('a machine that wakes up does not wait for the rest of a pause', async () => {
    const wakes = new Set<() => void>();
    const { client, seen } = await world(
      (response, _seen, count) => {
        if (count === 1) return response.destroy();
        stream(response, event(reset(7, { state: 'refused' })));
        return response.end();
      },
      {
        onWake: (listener) => {
          wakes.add(listener);
          return () => void wakes.delete(listener);
        },
        wait: (_milliseconds, signal) =>
          new Promise((resolve) => {
            signal?.addEventListener('abort', () => resolve());
            wakes.forEach((wake) => void wake());
          }),
      },
    );
    expect(seqs(await collect(client.watch('r1', 2, new AbortController().signal)))).toEqual([7]);
    expect(seen).toHaveLength(2);
  });

  test('backs off while nobody answers, and resumes the pace the server asks for', async () => {
    const { client, waits } = await world((response, _seen, count) => {
      if (count < 5) return response.destroy();
      if (count === 5) {
        stream(response, 'retry: 1234\n\n', event(reset(3)));
        return response.end();
      }
      stream(response, event(reset(4, { state: 'cancelled' })));
      return response.end();
    });
    await collect(client.watch('r1', 2, new AbortController().signal));
    expect(waits).toEqual([500, 1000, 2000, 4000, 1234]);
  });

  test('ends for good when the connector refuses', async () => {
    const { client, seen } = await world((response) => problem(response, 'roleMissing'));
    const sightings = await collect(client.watch('r1', 2, new AbortController().signal));
    expect(sightings).toMatchObject([{ kind: 'problem', problem: { code: 'roleMissing' } }]);
    expect(seen).toHaveLength(1);
  });

  test('ends when it is told to, in mid-stream', async () => {
    const { client, server } = await world((response) => stream(response, event(reset(3))));
    const stop = new AbortController();
    const sightings = await collect(client.watch('r1', 2, stop.signal), (seen) => {
      if (seen.length === 1) stop.abort();
      return false;
    });
    expect(seqs(sightings)).toEqual([3]);
    const open = await new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count)));
    expect(open).toBeLessThanOrEqual(1);
  });

  test('events of another reset, and what is no JSON, are passed over', async () => {
    const { client } = await world((response) => {
      const other = event(reset(8, { id: 'r2' }));
      stream(response, other, 'event: reset\ndata: {oops\n\n', event(reset(9, { state: 'cancelled' })));
      return response.end();
    });
    expect(seqs(await collect(client.watch('r1', 2, new AbortController().signal)))).toEqual([9]);
  });
});

describe('the event stream', () => {
  async function read(chunks: readonly Uint8Array[]): Promise<StreamEvent[]> {
    const events: StreamEvent[] = [];
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(chunk);
        controller.close();
      },
    });
    for await (const event of readEvents(body)) events.push(event);
    return events;
  }

  test('reads fields as the standard says', async () => {
    const text =
      ': comment\nevent: reset\nid: 7\ndata: one\ndata:two\n\ndata\n\nretry: 500\nretry: soon\ndata: x\n\ndata: cut';
    const events = await read([new TextEncoder().encode(text)]);
    expect(events.map(({ name, data, id, retry }) => [name, data, id, retry])).toEqual([
      ['reset', 'one\ntwo', '7', undefined],
      ['message', '', '7', undefined],
      ['message', 'x', '7', 500],
    ]);
  });

  test('does not depend on how bytes and lines are cut', async () => {
    const line = fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => text.replace(/[\r\n\0]/g, ''));
    const ending = fc.constantFrom('\n', '\r\n', '\r');
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 6 }), ending, fc.array(fc.nat(40)), async (lines, end, cuts) => {
        const text = lines.map((data) => `event: reset${end}data: ${data}${end}${end}`).join('');
        const bytes = new TextEncoder().encode(`${text}${end}`);
        const places = [...new Set(cuts.filter((cut) => cut < bytes.length))].sort((a, b) => a - b);
        const chunks = [...places, bytes.length].map((to, index) => bytes.slice(places[index - 1] ?? 0, to));
        // A CR at the very end waits for an LF that never comes, so that the last event may be missing with bare CRs.
        const data = (await read(chunks)).map((event) => event.data);
        expect(data).toEqual(lines);
      }),
    );
  });

  test('a line without end does not fill the memory', async () => {
    const endless = new Uint8Array(300_000).fill(0x61);
    await expect(read([endless, endless, endless, endless])).rejects.toThrow('too long');
  });
});
