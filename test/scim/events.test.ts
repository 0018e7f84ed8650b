// Events by the words of the SCIM profile (RFC 9967 draft 16), of RFC 8417 (SET), RFC 8936 (poll) and RFC 7240 (Prefer).

import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { describe, expect, test } from 'vitest';
import { asyncPreference } from '../../connector/scim/async.ts';
import { eventUris, type FeedResource, keptFor, mostWaiting, publish, setFeed } from '../../connector/store/events.ts';
import { createUser } from '../../connector/store/users.ts';
import { core, errorSchema, makeToken, patchOp, scimServer, start } from './scim-server.ts';

type Server = Awaited<ReturnType<typeof scimServer>>;
const issuer = 'https://connector.example/scim/events/default';
const groupSchema = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const clientOf = (token: string) => token.split('_')[1] as string;
const operator = { at: start, actor: 'operator' };

async function feedOn(server: Server, resources: readonly FeedResource[] = ['User', 'Group'], announce = false) {
  const client = clientOf(server.token);
  await server.sql.run((tx) => setFeed(tx, 'default', client, { resources, announce }, operator));
}

async function poll(server: Server, body: object | string = {}, token = server.token) {
  const response = await fetch(`${server.origin}/scim/events/poll`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify({ returnImmediately: true, ...body }),
  });
  const text = await response.text();
  const answer = JSON.parse(text) as { sets: Record<string, string>; moreAvailable: boolean };
  return { status: response.status, headers: response.headers, answer };
}

interface Claims {
  readonly iss: string;
  readonly aud: string[];
  readonly jti: string;
  readonly iat: number;
  readonly txn: string;
  readonly sub_id: { format: string; uri: string; externalId?: string };
  // biome-ignore lint/suspicious/noExplicitAny: payloads are what the tests look into
  readonly events: Record<string, any>;
}

/** The events that wait, read as a receiver reads them; then they are acknowledged. */
async function taken(server: Server, token = server.token): Promise<Claims[]> {
  const { answer } = await poll(server, {}, token);
  await poll(server, { ack: Object.keys(answer.sets), maxEvents: 0 }, token);
  return Object.values(answer.sets).map((set) => decodeJwt(set) as unknown as Claims);
}

const short = ({ sub_id, events }: Claims) => [sub_id.uri, events];

describe('RFC 9967 §2.4 provisioning events', () => {
  test('§2.4.1 create, §2.4.2 patch, §2.4.3 put, §2.4.5 activate, §2.4.6 deactivate, §2.4.4 delete', async () => {
    await using server = await scimServer();
    await feedOn(server);
    const user = { userName: 'ada', externalId: 'hr-1', name: { familyName: 'Love' } };
    const { id } = await server.create(user);
    await server.patch(
      id,
      { op: 'replace', path: 'name.givenName', value: 'Ada' },
      { op: 'add', path: 'title', value: 'x' },
    );
    await server.patch(id, { op: 'replace', path: 'active', value: false });
    await server.ask('PUT', `/Users/${id}`, { schemas: [core], userName: 'ada', externalId: 'hr-1', active: true });
    await server.ask('DELETE', `/Users/${id}`);
    const all = await taken(server);
    const uri = `/Users/${id}`;
    expect(all.map(short)).toEqual([
      [uri, { [eventUris.create]: { version: 'W/"1"', attributes: expect.arrayContaining(['userName', 'name']) } }],
      [uri, { [eventUris.patch]: { version: 'W/"2"', attributes: ['name', 'title'] } }],
      [uri, { [eventUris.patch]: { version: 'W/"3"', attributes: ['active'] }, [eventUris.deactivate]: {} }],
      [
        uri,
        {
          [eventUris.put]: { version: 'W/"4"', attributes: expect.arrayContaining(['name', 'title', 'active']) },
          [eventUris.activate]: {},
        },
      ],
      [uri, { [eventUris.delete]: {} }],
    ]);
    // §2.4: exactly one of data and attributes; a notice tells no value.
    expect(JSON.stringify(all)).not.toContain('Love');
    // §2.1: uri MUST be there, externalId if known. §2.2: each change has a txn of its own.
    for (const { sub_id } of all) expect(sub_id).toEqual({ format: 'scim', uri, externalId: 'hr-1' });
    expect(new Set(all.map(({ txn }) => txn)).size).toBe(5);
  });

  test('groups: members by name only, and those who leave because a person is deleted', async () => {
    await using server = await scimServer();
    const ada = await server.create({ userName: 'ada' });
    await feedOn(server, ['Group']);
    const made = await server.ask('POST', '/Groups', { schemas: [groupSchema], displayName: 'Crew', externalId: 'g1' });
    const uri = `/Groups/${made.body.id}`;
    const add = { schemas: [patchOp], Operations: [{ op: 'add', path: 'members', value: [{ value: ada.id }] }] };
    await server.ask('PATCH', uri, add);
    await server.ask('DELETE', `/Users/${ada.id}`);
    await server.ask('DELETE', uri);
    const all = await taken(server);
    expect(all.map(short)).toEqual([
      [uri, { [eventUris.create]: { version: 'W/"1"', attributes: expect.arrayContaining(['displayName']) } }],
      [uri, { [eventUris.patch]: { version: 'W/"2"', attributes: ['members'] } }],
      [uri, { [eventUris.patch]: { version: 'W/"3"', attributes: ['members'] } }],
      [uri, { [eventUris.delete]: {} }],
    ]);
    expect(all.every(({ sub_id }) => sub_id.externalId === 'g1')).toBe(true);
    expect(JSON.stringify(all)).not.toContain(ada.id);
  });

  test('what changes nothing, is refused or is rolled back tells nothing', async () => {
    await using server = await scimServer();
    const { id } = await server.create({ userName: 'ada', title: 'x' });
    await server.create({ userName: 'bob' });
    await feedOn(server);
    await server.patch(id, { op: 'replace', path: 'title', value: 'x' });
    await server.patch(id, { op: 'replace', path: 'userName', value: 'bob' });
    await server.patch(
      id,
      { op: 'replace', path: 'title', value: 'y' },
      { op: 'remove', path: 'emails[value eq "z"]' },
      { op: 'replace', path: 'nowhere', value: 1 },
    );
    await server.ask('POST', '/Users', { schemas: [core], userName: 'bob' });
    const by = { at: start, actor: 'operator' };
    await expect(
      server.sql.run(function* (tx) {
        yield* createUser(tx, 'default', 'u1', { schemas: [core], userName: 'eve', active: true }, by);
        throw new Error('later in the same transaction');
      }),
    ).rejects.toThrow('later');
    expect(await taken(server)).toEqual([]);
  });

  test('a change made by an operator is told too, and another tenant’s is not', async () => {
    await using server = await scimServer();
    await feedOn(server);
    const content = { schemas: [core], userName: 'eve', active: true };
    await server.sql.run((tx) => createUser(tx, 'default', 'u1', content, operator));
    await server.sql.run((tx) => createUser(tx, 'fabrikam', 'u2', content, operator));
    expect((await taken(server)).map(({ sub_id }) => sub_id.uri)).toEqual(['/Users/u1']);
  });
});

describe('RFC 9967 §2.3 feed events', () => {
  test('§2.3.1 feed:add for what is there when a feed begins, §2.3.2 feed:remove for what leaves it', async () => {
    await using server = await scimServer();
    const ada = await server.create({ userName: 'ada', externalId: 'hr-1' });
    server.clock.at += 1;
    const bob = await server.create({ userName: 'bob' });
    const crew = await server.ask('POST', '/Groups', { schemas: [groupSchema], displayName: 'Crew' });
    await feedOn(server, ['User', 'Group'], true);
    const joined = await taken(server);
    expect(joined.map(short)).toEqual([
      [`/Users/${ada.id}`, { [eventUris.added]: {} }],
      [`/Users/${bob.id}`, { [eventUris.added]: {} }],
      [`/Groups/${crew.body.id}`, { [eventUris.added]: {} }],
    ]);
    expect(joined[0]?.sub_id.externalId).toBe('hr-1');
    await server.patch(ada.id, { op: 'replace', path: 'title', value: 'x' });
    await feedOn(server, ['User'], true);
    await server.ask('DELETE', `/Groups/${crew.body.id}`);
    const later = await taken(server);
    expect(later.map(({ events }) => Object.keys(events))).toEqual([[eventUris.patch], [eventUris.removed]]);
    const ids = [...joined, ...later].map(({ jti }) => jti);
    expect(new Set(ids).size).toBe(5);
    await feedOn(server, [], true);
    expect((await taken(server)).map(({ events }) => Object.keys(events)[0])).toEqual([
      eventUris.removed,
      eventUris.removed,
    ]);
    await server.create({ userName: 'eve' });
    expect(await taken(server)).toEqual([]);
  });
});

describe('RFC 8417 security event tokens', () => {
  test('§2.2 claims, §2.3 typ, signed by a key that the issuer publishes; never an access token', async () => {
    await using server = await scimServer();
    await feedOn(server);
    await server.create({ userName: 'ada' });
    const { answer } = await poll(server);
    const [[jti, set] = ['', '']] = Object.entries(answer.sets);
    expect(decodeProtectedHeader(set)).toMatchObject({ alg: 'RS256', typ: 'secevent+jwt', kid: expect.any(String) });
    const published = await fetch(`${server.origin}/scim/events/default/jwks.json`);
    const jwks = (await published.json()) as { keys: Record<string, unknown>[] };
    for (const key of jwks.keys) expect(Object.keys(key).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use']);
    const audience = `${issuer}/feeds/${clientOf(server.token)}`;
    const { payload } = await jwtVerify(set, createLocalJWKSet(jwks as never), { issuer, audience });
    expect(payload).toMatchObject({ jti, iat: start / 1000, aud: [audience], txn: expect.any(String) });
    // §2.1 of the profile: `sub` MUST NOT be there; RFC 8417 §4.5: nor `exp`.
    expect(payload).not.toHaveProperty('sub');
    expect(payload).not.toHaveProperty('exp');
    expect((await server.ask('GET', '/Users', undefined, { token: set })).status).toBe(401);
    // The same event is the same token each time.
    expect((await poll(server)).answer.sets[jti]).toBe(set);
  });

  test('each tenant has a key of its own, sealed in the database; an unknown tenant has none', async () => {
    await using server = await scimServer();
    const keysOf = async (tenant: string) => (await fetch(`${server.origin}/scim/events/${tenant}/jwks.json`)).json();
    const [one, other] = [await keysOf('default'), await keysOf('fabrikam')] as { keys: { n: string }[] }[];
    expect(one?.keys[0]?.n).not.toBe(other?.keys[0]?.n);
    expect(await keysOf('default')).toEqual(one);
    expect((await fetch(`${server.origin}/scim/events/nobody/jwks.json`)).status).toBe(404);
    const rows = await server.sql.all<{ sealed: string }>`select sealed from event_key`;
    expect(rows).toHaveLength(2);
    for (const { sealed } of rows) expect(sealed).toMatch(/^1\./);
  });
});

describe('RFC 8936 poll delivery', () => {
  test('§2.2 maxEvents and moreAvailable; §2.4 what is acknowledged is gone, what is not comes again', async () => {
    await using server = await scimServer();
    await feedOn(server);
    for (const userName of ['a', 'b', 'c']) await server.create({ userName });
    const first = await poll(server, { maxEvents: 2 });
    expect([Object.keys(first.answer.sets).length, first.answer.moreAvailable]).toEqual([2, true]);
    expect(first.headers.get('content-type')).toBe('application/json');
    expect(first.headers.get('cache-control')).toBe('no-store');
    expect(Object.keys((await poll(server, { maxEvents: 2 })).answer.sets)).toEqual(Object.keys(first.answer.sets));
    const [one = ''] = Object.keys(first.answer.sets);
    // §2.4.2: acknowledge only.
    expect((await poll(server, { maxEvents: 0, ack: [one] })).answer).toEqual({ sets: {}, moreAvailable: true });
    const rest = await poll(server);
    expect([Object.keys(rest.answer.sets).length, rest.answer.moreAvailable]).toEqual([2, false]);
    expect(Object.keys(rest.answer.sets)).not.toContain(one);
    // §2.4.3: acknowledge and take in one; what was acknowledged before, or is nobody's, does no harm.
    const ack = [one, ...Object.keys(rest.answer.sets), 'x', '.1', `${clientOf(server.otherToken)}.1`];
    expect((await poll(server, { ack })).answer).toEqual({ sets: {}, moreAvailable: false });
  });

  test('§2.4.4 an event that the client could not read is not sent again, and the record says so', async () => {
    await using server = await scimServer();
    await feedOn(server);
    await server.create({ userName: 'a' });
    const [jti = ''] = Object.keys((await poll(server)).answer.sets);
    const setErrs = { [jti]: { err: 'invalid_key', description: 'Key ID is unknown.' } };
    expect((await poll(server, { setErrs })).answer.sets).toEqual({});
    const row = await server.sql.get<{
      detail: string;
    }>`select detail from audit where action = 'client.events.refused'`;
    expect(row?.detail).toBe('{"refused":1}');
    expect(server.log.join('')).toContain('invalid_key');
  });

  test('a client fetches and acknowledges its own events alone', async () => {
    await using server = await scimServer();
    await feedOn(server);
    await server.create({ userName: 'a' });
    const mine = Object.keys((await poll(server)).answer.sets);
    const neighbour = await makeToken(server.sql, 'default');
    for (const token of [neighbour, server.otherToken]) {
      expect((await poll(server, { ack: mine }, token)).answer).toEqual({ sets: {}, moreAvailable: false });
    }
    expect(Object.keys((await poll(server)).answer.sets)).toEqual(mine);
  });

  test('§2.2 returnImmediately is false by default: a poll waits, for an event or for its time to end', async () => {
    await using server = await scimServer();
    await feedOn(server);
    const at = server.clock.at;
    const waited = await poll(server, '{}');
    expect([waited.status, waited.answer]).toEqual([200, { sets: {}, moreAvailable: false }]);
    expect(server.clock.at - at).toBeGreaterThanOrEqual(20_000);
    const waiting = poll(server, '{}');
    await server.create({ userName: 'a' });
    expect(Object.keys((await waiting).answer.sets)).toHaveLength(1);
  });

  test('a token that is revoked while its client waits gets nothing more', async () => {
    await using server = await scimServer();
    await feedOn(server);
    const waiting = poll(server, '{}');
    await server.sql.run(function* (tx) {
      yield* tx.run`update token set revoked = ${start} where tenant = 'default'`;
    });
    await server.sql.run((tx) =>
      createUser(tx, 'default', 'u1', { schemas: [core], userName: 'x', active: true }, operator),
    );
    expect((await waiting).status).toBe(401);
  });

  test('a poll ends when the same client polls again, when its client goes, and when the server closes', async () => {
    const server = await scimServer({ patient: true });
    await feedOn(server);
    const polls = (signal?: AbortSignal) =>
      fetch(`${server.origin}/scim/events/poll`, {
        method: 'POST',
        headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' },
        body: '{}',
        ...(signal ? { signal } : {}),
      }).then(
        ({ status }) => status,
        () => 'gone',
      );
    const first = polls();
    const until = new AbortController();
    const [one, second] = [await Promise.race([first, polls(until.signal)]), polls(until.signal)];
    expect(one).toBe(200);
    until.abort();
    expect(await second).toBe('gone');
    const third = polls();
    await server[Symbol.asyncDispose]();
    expect([200, 'gone']).toContain(await third);
  });

  test('§2.6 what is not a poll is refused, and so is who may not', async () => {
    await using server = await scimServer();
    const bodies = ['', '[]', 'null', '{"maxEvents":-1}', '{"maxEvents":"1"}', '{"maxEvents":1.5}', '{"ack":"x"}'];
    const more = [
      '{"ack":[1]}',
      '{"returnImmediately":"yes"}',
      '{"setErrs":[]}',
      '{"setErrs":{"x":1}}',
      '{"ack":[],"ack":[]}',
    ];
    for (const body of [...bodies, ...more]) {
      const { status } = await poll(server, body);
      expect([body, status]).toEqual([body, 400]);
    }
    const anonymous = await fetch(`${server.origin}/scim/events/poll`, { method: 'POST', body: '{}' });
    expect([anonymous.status, anonymous.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringMatching(/^Bearer/),
    ]);
    const get = await fetch(`${server.origin}/scim/events/poll`, {
      headers: { authorization: `Bearer ${server.token}` },
    });
    expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST']);
  });

  test('what nobody fetches is kept for seven days and 100,000 events', async () => {
    await using server = await scimServer();
    await feedOn(server);
    const change = { tenant: 'default', resource: 'User', id: 'x', action: 'patch', attributes: [] } as const;
    const fill = (from: number, n: number, at: number) =>
      server.sql.run(function* (tx) {
        for (let i = 0; i < n; i++) yield* publish(tx, { ...change, at, version: `W/"${from + i}"` });
      });
    await fill(0, 300, start);
    await fill(300, 300, start + keptFor + 1);
    const left = await server.sql.get<{ n: number; first: number }>`select count(*) as n, min(seq) as first from event`;
    expect(left).toMatchObject({ n: 300, first: 301 });
    await server.sql.run(function* (tx) {
      yield* tx.run`update event_stream set last_seq = ${mostWaiting + 600}`;
    });
    await fill(600, 256, start + keptFor + 1);
    expect((await server.sql.get<{ first: number }>`select min(seq) as first from event`)?.first).toBeGreaterThan(600);
  });
});

describe('RFC 9967 §2.5.1 asynchronous requests', () => {
  const prefer = { headers: { prefer: 'respond-async' } };

  test('§2.5.1.1 202 without a body, Set-Txn, Preference-Applied and Location; §2.5.1.3 the completion', async () => {
    await using server = await scimServer();
    const made = await server.ask('POST', '/Users', { schemas: [core], userName: 'ada' }, prefer);
    expect([made.status, made.text, made.headers.get('content-type')]).toEqual([202, '', null]);
    expect(made.headers.get('preference-applied')).toBe('respond-async');
    const txn = made.headers.get('set-txn');
    expect(txn).toMatch(/^[0-9a-f]{32}$/);
    const location = made.headers.get('location') ?? '';
    const id = location.split('/').at(-1) as string;
    expect((await server.ask('GET', `/Users/${id}`)).body.userName).toBe('ada');
    const requests: [string, unknown, string][] = [
      ['PUT', { schemas: [core], userName: 'ada', title: 'x' }, '200'],
      ['PATCH', { schemas: [patchOp], Operations: [{ op: 'replace', path: 'title', value: 'y' }] }, '200'],
      ['DELETE', undefined, '204'],
    ];
    for (const [method, body] of requests) {
      expect([method, (await server.ask(method, `/Users/${id}`, body, prefer)).status]).toEqual([method, 202]);
    }
    const all = await taken(server);
    expect(all[0]).toMatchObject({
      txn,
      sub_id: { format: 'scim', uri: `/Users/${id}` },
      events: { [eventUris.asyncResponse]: { method: 'POST', location, version: 'W/"1"', status: '201' } },
    });
    expect(
      all.map(({ events }) => [events[eventUris.asyncResponse].method, events[eventUris.asyncResponse].status]),
    ).toEqual([['POST', '201'], ...requests.map(([method, , status]) => [method, status])]);
    for (const { events } of all) expect(events[eventUris.asyncResponse]).not.toHaveProperty('response');
  });

  test('§2.5.1.3 an error is told as `response` with the sub-attributes of RFC 7644 §3.12', async () => {
    await using server = await scimServer();
    await server.create({ userName: 'ada' });
    const again = await server.ask('POST', '/Users', { schemas: [core], userName: 'ADA' }, prefer);
    expect(again.status).toBe(202);
    const missing = await server.ask('DELETE', '/Users/nobody', undefined, prefer);
    expect(missing.status).toBe(202);
    const [conflict, gone] = await taken(server);
    expect(conflict).toMatchObject({
      txn: again.headers.get('set-txn'),
      sub_id: { uri: '/Users' },
      events: {
        [eventUris.asyncResponse]: {
          method: 'POST',
          status: '409',
          response: { schemas: [errorSchema], status: '409', scimType: 'uniqueness', detail: expect.any(String) },
        },
      },
    });
    expect(gone).toMatchObject({
      sub_id: { uri: '/Users/nobody' },
      events: { [eventUris.asyncResponse]: { status: '404' } },
    });
  });

  test('§2.2 the change that a request made has the txn that the client was promised', async () => {
    await using server = await scimServer();
    await feedOn(server);
    const made = await server.ask('POST', '/Users', { schemas: [core], userName: 'ada' }, prefer);
    const all = await taken(server);
    expect(all.map(({ txn, events }) => [txn, Object.keys(events)])).toEqual([
      [made.headers.get('set-txn'), [eventUris.create]],
      [made.headers.get('set-txn'), [eventUris.asyncResponse]],
    ]);
    expect(new Set(all.map(({ jti }) => jti)).size).toBe(2);
  });

  test('§2.5.1.2 a Bulk request has a completion for each operation, with the index in its txn', async () => {
    await using server = await scimServer();
    const Operations = [
      { method: 'POST', path: '/Users', bulkId: 'one', data: { schemas: [core], userName: 'ada' } },
      { method: 'POST', path: '/Users', bulkId: 'two', data: { schemas: [core], userName: 'ada' } },
      { method: 'DELETE', path: '/Users/nobody' },
    ];
    const body = { schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'], Operations };
    const answer = await server.ask('POST', '/Bulk', body, prefer);
    const txn = answer.headers.get('set-txn');
    expect([answer.status, answer.headers.get('location')]).toEqual([
      202,
      `https://connector.example/scim/events/txn/${txn}`,
    ]);
    const all = await taken(server);
    expect(all.map(({ txn, events }) => [txn, events[eventUris.asyncResponse].status])).toEqual([
      [`${txn}:0`, '201'],
      [`${txn}:1`, '409'],
      [`${txn}:2`, '404'],
    ]);
    expect(all[0]?.events[eventUris.asyncResponse]).toMatchObject({ method: 'POST', bulkId: 'one' });
  });

  test('§2.5.1.1 (a) Location leads to the completion of a request that made nothing, for its client alone (§5)', async () => {
    await using server = await scimServer();
    const answer = await server.ask('POST', '/Users', { schemas: [core] }, prefer);
    const { pathname } = new URL(answer.headers.get('location') ?? '');
    const get = (token: string) => fetch(server.origin + pathname, { headers: { authorization: `Bearer ${token}` } });
    const found = await get(server.token);
    expect([found.status, found.headers.get('content-type')]).toEqual([200, 'application/secevent+jwt']);
    const claims = decodeJwt(await found.text()) as unknown as Claims;
    expect([claims.txn, claims.events[eventUris.asyncResponse].status]).toEqual([answer.headers.get('set-txn'), '400']);
    expect((await get(server.otherToken)).status).toBe(404);
    expect((await fetch(server.origin + pathname)).status).toBe(401);
  });

  test('what is refused before an endpoint is reached is answered at once; queries are never postponed', async () => {
    await using server = await scimServer();
    const statuses = [
      await server.ask('POST', '/Users', { schemas: [core] }, { ...prefer, token: 'rr_x' }),
      await server.ask('POST', '/Users', '{', prefer),
      await server.ask('POST', '/Users', 'x', { headers: { ...prefer.headers, 'content-type': 'text/plain' } }),
      await server.ask('GET', '/Users', undefined, prefer),
      await server.ask(
        'POST',
        '/Users/.search',
        { schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'] },
        prefer,
      ),
      await server.ask('POST', '/Nothing', {}, prefer),
      await server.ask('DELETE', '/Users', undefined, prefer),
    ].map(({ status, headers }) => [status, headers.get('set-txn')]);
    expect(statuses).toEqual([401, 400, 415, 200, 200, 404, 405].map((status) => [status, null]));
    expect(await taken(server)).toEqual([]);
  });

  test('RFC 7240 §2, §4.1, §4.3 the header: any case, lists, parameters; who would wait is answered', async () => {
    expect(asyncPreference(undefined)).toBeUndefined();
    expect(asyncPreference('return=minimal')).toBeUndefined();
    expect(asyncPreference('respond-asynchronously')).toBeUndefined();
    expect(asyncPreference('Respond-Async')).toEqual({});
    expect(asyncPreference('return=minimal, respond-async; x=1, wait="10"')).toEqual({ wait: 10 });
    expect(asyncPreference(['respond-async', 'wait = 5'])).toEqual({ wait: 5 });
    expect(asyncPreference('respond-async, wait=soon')).toEqual({});
    await using server = await scimServer();
    const waits = { headers: { prefer: 'respond-async, wait=100' } };
    const answer = await server.ask('POST', '/Users', { schemas: [core], userName: 'ada' }, waits);
    expect([answer.status, answer.headers.get('preference-applied')]).toEqual([201, null]);
    const none = await server.ask(
      'POST',
      '/Users',
      { schemas: [core], userName: 'bob' },
      { headers: { prefer: 'respond-async, wait=0' } },
    );
    expect(none.status).toBe(202);
  });
});

test('RFC 9967 §4 the events and asyncRequest are advertised', async () => {
  await using server = await scimServer();
  const { body } = await server.ask('GET', '/ServiceProviderConfig');
  expect(body.securityEvents).toEqual({ asyncRequest: 'request', eventUris: Object.values(eventUris) });
});
