// The resets door at its edges: who is let in, what bodies are refused, how errors and streams look on the wire.

import { describe, expect, it } from 'vitest';
import type { Reset } from '#shared/api.ts';
import { extensionId, makeWorld } from '../world.ts';

const names = { names: ['globalAdmin', 'noRole', 'amara'] as const };

describe('callers', () => {
  it('without, with an expired, a foreign or a forged token are refused as problem+json', async () => {
    await using world = await makeWorld(names);
    const [head = '', body = ''] = (await world.token('globalAdmin')).split('.');
    const none = Buffer.from(JSON.stringify({ alg: 'none', typ: 'JWT' })).toString('base64url');
    const tokens: [string | undefined, number, string][] = [
      [undefined, 401, 'unauthorized'],
      ['', 401, 'unauthorized'],
      [`${none}.${body}.`, 401, 'unauthorized'],
      [`${head}.${body}.AAAA`, 401, 'unauthorized'],
      [await world.token('globalAdmin', { exp: 1 }), 401, 'tokenExpired'],
      [await world.token('globalAdmin', { aud: 'api://other' }), 401, 'unauthorized'],
      [await world.token('globalAdmin', { iss: 'https://evil.example' }), 401, 'unauthorized'],
      [await world.token('globalAdmin', { tid: crypto.randomUUID() }), 401, 'unauthorized'],
      [await world.token('globalAdmin', { scp: 'User.Read' }), 403, 'scopeMissing'],
      [world.scimToken, 401, 'unauthorized'],
    ];
    for (const [token, status, code] of tokens) {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const response = await world.app.inject({ url: '/api/users?search=a', headers });
      expect([response.statusCode, response.json().code]).toEqual([status, code]);
      expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
      if (status === 401) expect(response.headers['www-authenticate']).toMatch(/^Bearer /);
    }
  });

  it('learn from their token alone whether it shows a role that resets somebody', async () => {
    await using world = await makeWorld(names);
    const everyMember = 'b79fbf4d-3ef9-4689-8143-76b194e85509';
    const told = async (claims: object) => {
      const token = await world.token('noRole', { ...claims });
      const answer = await world.app.inject({ url: '/api/me', headers: { authorization: `Bearer ${token}` } });
      return answer.json();
    };
    const id = world.ids.noRole;
    expect(await told({})).toEqual({ id });
    expect(await told({ wids: [everyMember] })).toEqual({ id, mayReset: false });
    const helpdesk = '729827e3-9c14-49f7-bb1b-9608f156bbb8';
    expect(await told({ wids: [everyMember, helpdesk] })).toEqual({ id, mayReset: true });
    // And it decides nothing.
    const token = await world.token('noRole', { wids: [helpdesk] });
    const search = await world.app.inject({
      url: '/api/users?search=a',
      headers: { authorization: `Bearer ${token}` },
    });
    expect([search.statusCode, search.json().code]).toEqual([403, 'roleMissing']);
  });

  it('of the other door get that door’s own error form', async () => {
    await using world = await makeWorld(names);
    const headers = { authorization: `Bearer ${await world.token('globalAdmin')}` };
    const response = await world.app.inject({ url: '/scim/v2/Users', headers });
    expect(response.statusCode).toBe(401);
    expect(response.headers['content-type']).toMatch(/^application\/scim\+json/);
    expect(response.json()).toMatchObject({ schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'], status: '401' });
  });

  it('are only told to browsers of the extension (CORS)', async () => {
    await using world = await makeWorld(names);
    const preflight = (origin: string) =>
      world.app.inject({
        method: 'OPTIONS',
        url: '/api/resets',
        headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
      });
    for (const origin of [
      `chrome-extension://${extensionId}`,
      'moz-extension://5b3a1c9e-0b51-4d2f-9a63-3f1b7f0a1c11',
    ]) {
      const { headers, statusCode } = await preflight(origin);
      expect([statusCode, headers['access-control-allow-origin']]).toEqual([204, origin]);
      expect(headers['access-control-allow-headers']).toMatch(/Idempotency-Key/);
      expect(headers['access-control-allow-credentials']).toBeUndefined();
    }
    for (const origin of ['https://admin.cloud.microsoft', `chrome-extension://${'b'.repeat(32)}`, 'null']) {
      expect((await preflight(origin)).headers['access-control-allow-origin']).toBeUndefined();
    }
  });
});

describe('bodies', () => {
  it.each([
    ['malformed JSON', '{"user":', 400, 'invalidSyntax'],
    ['an array', '[]', 400, 'invalidSyntax'],
    ['a prototype key', '{"__proto__":{"admin":true}}', 400, 'invalidSyntax'],
    ['deep nesting', `${'{"a":'.repeat(100)}1${'}'.repeat(100)}`, 400, 'invalidSyntax'],
    ['more than a megabyte', JSON.stringify({ user: 'x'.repeat(1_100_000) }), 413, 'tooLarge'],
    ['nothing', '', 400, 'invalidSyntax'],
  ])('%s is refused', async (_what, payload, status, code) => {
    await using world = await makeWorld(names);
    const authorization = `Bearer ${await world.token('globalAdmin')}`;
    const headers = { authorization, 'content-type': 'application/json', 'idempotency-key': 'key-number-1' };
    const response = await world.app.inject({ method: 'POST', url: '/api/resets', headers, payload });
    expect([response.statusCode, response.json().code]).toEqual([status, code]);
  });

  it('of another type, or without an Idempotency-Key, are refused', async () => {
    await using world = await makeWorld(names);
    const xml = await world.api('globalAdmin', 'POST', '/resets', {}, { 'content-type': 'application/xml' });
    expect([xml.statusCode, xml.json().code]).toEqual([415, 'unsupportedMediaType']);
    for (const key of [{}, { 'idempotency-key': 'short' }, { 'idempotency-key': 'with a space in it' }]) {
      const response = await world.api('globalAdmin', 'POST', '/resets', {}, key as Record<string, string>);
      expect([response.statusCode, response.json().code]).toEqual([400, 'idempotencyKeyMissing']);
    }
  });
});

describe('a reset', () => {
  it('is nobody’s business but those who may reset its person', async () => {
    await using world = await makeWorld(names);
    const { id } = (await world.reset('globalAdmin', 'amara')).json<Reset>();
    for (const path of ['', '/events']) {
      expect((await world.api('noRole', 'GET', `/resets/${id}${path}`)).statusCode).toBe(403);
      expect((await world.api('globalAdmin', 'GET', `/resets/${crypto.randomUUID()}${path}`)).statusCode).toBe(404);
    }
    expect((await world.api('noRole', 'POST', `/resets/${id}/kill`)).statusCode).toBe(403);
    expect((await world.see(id)).state).toBe('prepared');
  });

  it('streams its changes, resumes after Last-Event-ID, and never takes a token from the address', async () => {
    await using world = await makeWorld(names);
    await world.app.listen({ port: 0, host: '127.0.0.1' });
    const base = `http://127.0.0.1:${(world.app.server.address() as { port: number }).port}/api`;
    const { id } = (await world.reset('globalAdmin', 'amara')).json<Reset>();
    const token = await world.token('globalAdmin');
    expect((await fetch(`${base}/resets/${id}/events?access_token=${token}`)).status).toBe(401);

    const abort = new AbortController();
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${base}/resets/${id}/events`, { headers, signal: abort.signal });
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    const seen: Reset[] = [];
    const reading = (async () => {
      let text = '';
      for await (const chunk of response.body ?? []) {
        text += Buffer.from(chunk).toString();
        for (const [, data] of text.matchAll(/^event: reset\ndata: (.*)$/gm)) seen.push(JSON.parse(data ?? ''));
        text = text.slice(text.lastIndexOf('\n\n') + 2);
        if (seen.at(-1)?.state === 'ready') abort.abort();
      }
    })().catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 50));
    await world.walk();
    await reading;
    expect(seen[0]?.state).toBe('prepared');
    expect(seen.at(-1)?.state).toBe('ready');
    const last = seen.at(-1)?.seq ?? 0;

    const again = new AbortController();
    const resumed = await fetch(`${base}/resets/${id}/events`, {
      headers: { ...headers, 'last-event-id': String(last) },
      signal: again.signal,
    });
    const first = resumed.body?.getReader();
    expect(Buffer.from((await first?.read())?.value ?? []).toString()).toBe('retry: 1000\n\n');
    const next = first?.read();
    await world.open((await world.letter()).link);
    expect(Buffer.from((await next)?.value ?? []).toString()).toMatch(new RegExp(`^id: ${last + 1}\nevent: reset\n`));
    again.abort();
  });

  it('is told at once when a newer one takes its place, and when it is given back', async () => {
    await using world = await makeWorld(names);
    await world.app.listen({ port: 0, host: '127.0.0.1' });
    const base = `http://127.0.0.1:${(world.app.server.address() as { port: number }).port}/api`;
    const { id } = (await world.reset('globalAdmin', 'amara')).json<Reset>();
    await world.walk();
    const abort = new AbortController();
    const headers = { authorization: `Bearer ${await world.token('globalAdmin')}` };
    const response = await fetch(`${base}/resets/${id}/events`, { headers, signal: abort.signal });
    const told: string[] = [];
    const reading = (async () => {
      for await (const chunk of response.body ?? []) {
        for (const [, data] of Buffer.from(chunk)
          .toString()
          .matchAll(/^data: (.*)$/gm)) {
          const { supersededBy, state } = JSON.parse(data ?? '') as Reset;
          told.push(supersededBy ? `${state}, replaced` : state);
        }
      }
    })().catch(() => {});
    // Well before the heartbeat, which would tell it as well.
    const until = async (wanted: string) => {
      for (let tries = 0; tries < 100 && told.at(-1) !== wanted; tries++) await new Promise((go) => setTimeout(go, 20));
      expect(told.at(-1)).toBe(wanted);
    };
    await until('ready');
    world.script.push({ outcome: 'later', code: 421, reply: '421' });
    const second = (await world.reset('globalAdmin', 'amara', { supersede: id })).json<Reset>();
    await world.walk();
    await until('ready, replaced');
    await world.api('globalAdmin', 'POST', `/resets/${second.id}/cancel`);
    await until('ready');
    await world.reset('globalAdmin', 'amara', { supersede: id });
    await world.walk();
    await until('superseded, replaced');
    abort.abort();
    await reading;
  });
});
