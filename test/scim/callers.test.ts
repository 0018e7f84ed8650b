// Who may do what at the door: scopes by route, rates by client, the tenant's border, and that a sync credential can
// sync and nothing else.

import { randomBytes } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseExtensions } from '../../connector/scim/extensions.ts';
import { rateLimit, rateOf } from '../../connector/scim/limits.ts';
import { resourceTypes } from '../../connector/scim/resource-types.ts';
import { callerName } from '../../connector/store/clients.ts';
import { mintToken, rotateToken, type TokenScope } from '../../connector/token.ts';
import { makeWorld } from '../world.ts';
import { core, errorSchema, groupSchema, makeToken, patchOp, scimServer, start } from './scim-server.ts';

type Server = Awaited<ReturnType<typeof scimServer>>;

const bulkRequest = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest';
const tokenFor = (server: Server, ...scopes: TokenScope[]) =>
  makeToken(server.sql, 'default', start, undefined, scopes);

const credentials = (server: Server) => server.sql.all<{ version: number }>`select version from credential`;

describe('scopes', () => {
  test('scim.read reads, scim.write writes, and each refusal is RFC 6750 §3.1 insufficient_scope', async () => {
    await using server = await scimServer();
    const [reader, writer] = [await tokenFor(server, 'scim.read'), await tokenFor(server, 'scim.write')];
    const { id } = await server.create({ userName: 'ada' });
    const search = { schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'] };
    const change = { schemas: [patchOp], Operations: [{ op: 'replace', path: 'title', value: 'x' }] };
    const requests: [string, string, unknown, 'scim.read' | 'scim.write'][] = [
      ['GET', '/Users', undefined, 'scim.read'],
      ['HEAD', '/Users', undefined, 'scim.read'],
      ['GET', `/Users/${id}`, undefined, 'scim.read'],
      ['POST', '/Users/.search', search, 'scim.read'],
      ['POST', '/.search', search, 'scim.read'],
      ['GET', '/Groups', undefined, 'scim.read'],
      ['GET', '/Schemas', undefined, 'scim.read'],
      ['GET', '/ResourceTypes', undefined, 'scim.read'],
      ['POST', '/Users', { schemas: [core], userName: 'bob' }, 'scim.write'],
      ['PUT', `/Users/${id}`, { schemas: [core], userName: 'ada' }, 'scim.write'],
      ['PATCH', `/Users/${id}`, change, 'scim.write'],
      ['POST', '/Bulk', { schemas: [], Operations: [] }, 'scim.write'],
      ['DELETE', `/Users/${id}`, undefined, 'scim.write'],
    ];
    for (const [method, path, body, scope] of requests) {
      const [right, wrong] = scope === 'scim.read' ? [reader, writer] : [writer, reader];
      const refused = await server.ask(method, path, body, { token: wrong });
      expect([method, path, refused.status]).toEqual([method, path, 403]);
      expect(refused.headers.get('www-authenticate')).toBe(
        `Bearer realm="scim", error="insufficient_scope", scope="${scope}"`,
      );
      if (method !== 'HEAD') {
        expect(refused.body).toMatchObject({ schemas: [errorSchema], status: '403' });
        expect(refused.body.detail).toContain(scope);
      }
      const { status } = await server.ask(method, path, body, { token: right });
      expect([method, path, [401, 403].includes(status)]).toEqual([method, path, false]);
    }
    expect((await server.ask('GET', '/Users', undefined)).status).toBe(200);
  });

  test('scim.write alone is told what became of a write, and nothing of what is there', async () => {
    await using server = await scimServer();
    const token = await tokenFor(server, 'scim.write');
    const ask = (method: string, path: string, body: object) => server.ask(method, path, body, { token });
    const kept = ['schemas', 'id', 'meta'];
    const user = { schemas: [core], userName: 'ada', title: 'secret', emails: [{ value: 'secret@x.example' }] };
    const made = await ask('POST', '/Users?attributes=userName,emails', user);
    expect([made.status, Object.keys(made.body)]).toEqual([201, kept]);
    const { id } = made.body;
    expect(made.headers.get('location')).toMatch(new RegExp(`/Users/${id}$`));
    const group = await ask('POST', '/Groups', { schemas: [groupSchema], displayName: 'g', members: [{ value: id }] });
    expect([group.status, Object.keys(group.body)]).toEqual([201, kept]);
    const change = { schemas: [patchOp], Operations: [{ op: 'replace', value: { externalId: 'x' } }] };
    const none = { schemas: [patchOp], Operations: [{ op: 'replace', path: 'externalId', value: 'x' }] };
    for (const path of [`/Users/${id}`, `/Groups/${group.body.id}`]) {
      for (const query of ['', '?attributes=members,emails', '?excludedAttributes=x', '?attributes=']) {
        for (const body of [change, none]) {
          const answer = await ask('PATCH', `${path}${query}`, body);
          expect([path, query, answer.status, answer.text]).toEqual([path, query, 204, '']);
          expect(answer.headers.get('etag')).toBe('W/"2"');
        }
      }
      const body = path.startsWith('/Users') ? user : { schemas: [groupSchema], displayName: 'g' };
      const put = await ask('PUT', `${path}?attributes=title,displayName`, body);
      expect([put.status, Object.keys(put.body)]).toEqual([200, kept]);
    }
    const Operations = [{ method: 'PATCH', path: `/Users/${id}`, data: change }];
    const bulk = await ask('POST', '/Bulk?attributes=emails', {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
      Operations,
    });
    expect(Object.keys(bulk.body.Operations[0])).toEqual(['location', 'method', 'version', 'status']);
    expect((await ask('PATCH', `/Users/${id}?attributes=a&excludedAttributes=b`, change)).status).toBe(400);
  });

  test('a password needs scim.password, and a token that may only do that can do nothing', async () => {
    await using server = await scimServer();
    const { id } = await server.create({ userName: 'ada' });
    const change = { schemas: [patchOp], Operations: [{ op: 'replace', path: 'password', value: 'Ganz9#neu!Wort' }] };
    const refused = await server.ask('PATCH', `/Users/${id}`, change);
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([
      403,
      expect.stringContaining('scope="scim.password"'),
    ]);
    const alone = await tokenFor(server, 'scim.password');
    expect((await server.ask('GET', '/Users', undefined, { token: alone })).status).toBe(403);
    expect((await server.ask('PATCH', `/Users/${id}`, change, { token: alone })).status).toBe(403);
  });

  test('wherever a PATCH says it, a password is set by a token that may, and refused for any other', async () => {
    await using server = await scimServer();
    const hr = 'urn:example:params:scim:schemas:hr:1.0:User';
    const full = await tokenFor(server, 'scim', 'scim.password');
    const { id } = await server.create({ userName: 'ada' });
    const password = 'Ganz9#neu!Wort';
    const forms: object[][] = [
      [{ op: 'replace', path: 'password', value: password }],
      [{ op: 'Replace', value: { PassWord: password } }],
      [{ op: 'add', path: core, value: { password } }],
      [{ op: 'replace', value: { [core]: { password } } }],
      [{ op: 'replace', value: { [core.toUpperCase()]: { [core]: { password } } } }],
      [{ op: 'replace', path: `${core}:password`, value: password }],
      [{ op: 'replace', value: { title: 'x', [`${core}:password`]: password } }],
      [
        { op: 'replace', path: core, value: { password } },
        { op: 'replace', path: 'title', value: 'y' },
      ],
    ];
    let version = 0;
    for (const Operations of forms) {
      const body = { schemas: [patchOp], Operations };
      const refused = await server.ask('PATCH', `/Users/${id}`, body);
      expect([Operations, refused.status]).toEqual([Operations, 403]);
      expect([Operations, await credentials(server)]).toEqual([Operations, version === 0 ? [] : [{ version }]]);
      const set = await server.ask('PATCH', `/Users/${id}`, body, { token: full });
      expect([Operations, [200, 204].includes(set.status)]).toEqual([Operations, true]);
      expect([Operations, await credentials(server)]).toEqual([Operations, [{ version: ++version }]]);
      expect(set.text).not.toContain(password);
    }
    expect((await server.patch(id, { op: 'replace', value: { [hr]: { password } } })).status).toBe(400);
    const Operations = [{ method: 'PATCH', path: `/Users/${id}`, data: { schemas: [patchOp], Operations: forms[3] } }];
    const bulk = { schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'], Operations };
    expect((await server.ask('POST', '/Bulk', bulk)).body.Operations[0].status).toBe('403');
    expect((await server.ask('POST', '/Bulk', bulk, { token: full })).body.Operations[0].status).toBe('200');
    expect(await credentials(server)).toEqual([{ version: ++version }]);
  });

  test('an extension may have an attribute called password, which is none', async () => {
    const hr = 'urn:example:params:scim:schemas:hr:1.0:User';
    const attributes = [{ name: 'password', type: 'string' }];
    const extension = { resourceType: 'User', required: false, schema: { id: hr, name: 'HR', attributes } };
    await using server = await scimServer({ extensions: parseExtensions(JSON.stringify([extension]), resourceTypes) });
    const { id } = await server.create({ userName: 'ada' });
    const answer = await server.patch(id, { op: 'replace', path: `${hr}:password`, value: 'x' });
    expect([answer.status, answer.body[hr]]).toEqual([200, { password: 'x' }]);
    expect(await credentials(server)).toEqual([]);
  });

  test('what is asked for is the route, however its address is written', async () => {
    await using server = await scimServer();
    const [reader, writer] = [await tokenFor(server, 'scim.read'), await tokenFor(server, 'scim.write')];
    const { id } = await server.create({ userName: 'ada' });
    const { hostname, port } = new URL(server.origin);
    /** As it is written: a client library would take the fragment away and put escapes right. */
    const post = (path: string, token: string, body: object) =>
      new Promise<number>((resolve, reject) => {
        const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' };
        const sent = httpRequest({ hostname, port, method: 'POST', path: `/scim/v2${path}`, headers }, (answer) => {
          answer.resume();
          resolve(answer.statusCode ?? 0);
        });
        sent.on('error', reject);
        sent.end(JSON.stringify(body));
      });
    const bulk = { schemas: [bulkRequest], Operations: [{ method: 'DELETE', path: `/Users/${id}` }] };
    const search = { schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'] };
    const bob = { schemas: [core], userName: 'bob' };
    for (const end of ['#/.search', '?x=/.search', '#x/.search', '?a#/.search', '%23/.search', '/%2e%2e/.search']) {
      expect([end, await post(`/Bulk${end}`, reader, bulk)]).toEqual([end, 403]);
      expect([end, await post(`/Users${end}`, reader, bob)]).toEqual([end, 403]);
    }
    for (const path of ['/Users/.search#x', '/Users/%2Esearch', '/users/.search/', '/.search#', '/Users/.search?x=1']) {
      expect([path, await post(path, writer, search)]).toEqual([path, 403]);
      expect([path, await post(path, reader, search)]).toEqual([path, 200]);
    }
    expect((await server.ask('GET', `/Users/${id}`)).status).toBe(200);
  });
});

describe('RR_SCIM_RATE', () => {
  test('429 with Retry-After (RFC 6585 §4) before the body is read; the other client goes on', async () => {
    await using server = await scimServer({ rate: 2 });
    const answers = [];
    for (let n = 0; n < 12; n++) answers.push(await server.ask('GET', '/Users'));
    expect(answers.map(({ status }) => status)).toEqual([...Array(10).fill(200), 429, 429]);
    const last = answers.at(-1);
    expect([last?.headers.get('retry-after'), last?.body.status]).toEqual(['1', '429']);
    expect((await server.ask('GET', '/Users', undefined, { token: server.otherToken })).status).toBe(200);
    server.clock.at += 1000;
    expect((await server.ask('GET', '/Users')).status).toBe(200);
  });

  test('both tokens of a rotated client draw from one bucket', async () => {
    await using server = await scimServer({ rate: 1 });
    const minted = mintToken(randomBytes);
    const id = server.token.split('_')[1] as string;
    const rotation = { tenant: 'default', id, at: start, actor: 'operator', overlap: 1000 };
    await server.sql.run((tx) => rotateToken(tx, minted, rotation));
    for (let n = 0; n < 5; n++) await server.ask('GET', '/Users');
    const { status } = await server.ask('GET', '/Users', undefined, { token: minted.secret.reveal() });
    expect(status).toBe(429);
  });

  test('over any time no more than burst + rate × seconds pass, and whoever waits as told does', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.array(fc.integer({ min: 0, max: 3000 }), { maxLength: 200 }),
        (perSecond, pauses) => {
          let at = 0;
          let passed = 0;
          const { burst } = rateOf(perSecond);
          const limit = rateLimit(rateOf(perSecond), () => at);
          for (const pause of pauses) {
            at += pause;
            const wait = limit('c');
            if (wait === 0) passed++;
            else {
              at += wait * 1000;
              expect(limit('c')).toBe(0);
              passed++;
            }
          }
          expect(passed).toBeLessThanOrEqual(burst + (perSecond * at) / 1000 + 1e-6);
        },
      ),
    );
  });

  test('25 requests a second, as Entra needs, pass any setting of 25 and more for ever', () => {
    let at = 0;
    const limit = rateLimit(rateOf(25), () => at);
    for (let n = 0; n < 25 * 600; n++) {
      at = n * 40;
      expect(limit('entra')).toBe(0);
    }
    const off = rateLimit(rateOf(0), () => at);
    for (let n = 0; n < 10_000; n++) expect(off('entra')).toBe(0);
  });
});

describe('a sync credential can sync and nothing else', () => {
  test('it neither starts nor reads nor ends a reset, finds nobody there, and no sign-in syncs', async () => {
    await using world = await makeWorld();
    const reset = await world.reset('globalAdmin', 'amara');
    expect(reset.statusCode, reset.body).toBe(202);
    const authorization = `Bearer ${world.scimToken}`;
    const { id } = reset.json<{ id: string }>();
    for (const [method, url] of [
      ['POST', '/api/resets'],
      ['GET', `/api/resets/${id}`],
      ['GET', `/api/resets/${id}/events`],
      ['POST', `/api/resets/${id}/cancel`],
      ['POST', `/api/resets/${id}/kill`],
      ['GET', '/api/users?search=amara'],
      ['GET', `/api/users/${world.ids.amara}/offer`],
    ] as const) {
      const response = await world.app.inject({
        method,
        url,
        headers: { authorization, 'content-type': 'application/json', 'idempotency-key': 'k' },
        ...(method === 'POST' ? { payload: '{}' } : {}),
      });
      expect([url, response.statusCode]).toEqual([url, 401]);
      expect(response.body).not.toContain(id);
    }
    // The other way round: an administrator's access token is not a sync credential.
    const response = await world.app.inject({
      url: '/scim/v2/Users',
      headers: { authorization: `Bearer ${await world.token('globalAdmin')}` },
    });
    expect(response.statusCode).toBe(401);
  });

  test('no request reaches another tenant, whatever id it names', async () => {
    await using server = await scimServer();
    const { id } = await server.create({ userName: 'ada' });
    const token = server.otherToken;
    const change = { schemas: [patchOp], Operations: [{ op: 'replace', path: 'active', value: false }] };
    for (const [method, body] of [
      ['GET', undefined],
      ['PUT', { schemas: [core], userName: 'eve' }],
      ['PATCH', change],
      ['DELETE', undefined],
    ] as const) {
      expect([method, (await server.ask(method, `/Users/${id}`, body, { token })).status]).toEqual([method, 404]);
    }
    expect((await server.ask('GET', `/Users?filter=id eq "${id}"`, undefined, { token })).body.totalResults).toBe(0);
    const group = {
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'],
      displayName: 'x',
      members: [{ value: id }],
    };
    expect((await server.ask('POST', '/Groups', group, { token })).status).toBe(400);
    expect((await server.ask('GET', `/Users/${id}`)).body).toMatchObject({ userName: 'ada', active: true });
  });
});

describe('what is remembered of a write', () => {
  test('the record has the token’s id, and its name can be told, also when it is revoked', async () => {
    await using server = await scimServer();
    await server.create({ userName: 'ada' });
    const row = await server.sql.get<{ actor: string }>`select actor from audit where action = 'user.created'`;
    expect(row?.actor).toBe(`token:${server.token.split('_')[1]}`);
    await server.sql.run(function* (tx) {
      yield* tx.run`update token set revoked = ${start} where tenant = 'default'`;
    });
    expect(await callerName(server.sql, 'default', row?.actor ?? '')).toBe('entra');
    expect(await callerName(server.sql, 'fabrikam', row?.actor ?? '')).toBeUndefined();
  });

  test('a recovery address keeps the time at which it came, and a changed one has a new time', async () => {
    await using server = await scimServer();
    const home = (value: string) => ({ type: 'home', value });
    const times = async () => {
      const rows = await server.sql.all<{ key: string; kind: string; at: number }>`
        select address_key as key, kind, changed_at as at from user_address where tenant = 'default' order by key, kind`;
      return Object.fromEntries(rows.map(({ key, kind, at }) => [`${kind} ${key}`, at - start]));
    };
    const { id } = await server.create({ userName: 'ada', emails: [home('a@mail.example')] });
    expect(await times()).toEqual({ 'userName ada': 0, 'home a@mail.example': 0 });

    server.clock.at = start + 1000;
    await server.patch(id, { op: 'Add', path: 'emails', value: [home('b@mail.example')] });
    expect(await times()).toEqual({ 'userName ada': 0, 'home a@mail.example': 0, 'home b@mail.example': 1000 });

    server.clock.at = start + 2000;
    await server.patch(id, { op: 'replace', path: 'emails[value eq "a@mail.example"].value', value: 'c@mail.example' });
    expect(await times()).toEqual({ 'userName ada': 0, 'home b@mail.example': 1000, 'home c@mail.example': 2000 });

    // What nobody changed is as old as it was, also when the whole profile is sent again (Okta), in another case.
    server.clock.at = start + 3000;
    const put = (...emails: object[]) =>
      server.ask('PUT', `/Users/${id}`, { schemas: [core], userName: 'ada', emails });
    await put(home('B@mail.example'), home('c@mail.example'));
    expect(await times()).toEqual({ 'userName ada': 0, 'home b@mail.example': 1000, 'home c@mail.example': 2000 });

    // Taken away and put back within one request: nothing has changed. In two requests: it came anew.
    server.clock.at = start + 4000;
    await server.patch(
      id,
      { op: 'remove', path: 'emails[value eq "c@mail.example"]' },
      { op: 'add', path: 'emails', value: [home('c@mail.example')] },
    );
    expect((await times())['home c@mail.example']).toBe(2000);
    await put(home('b@mail.example'));
    server.clock.at = start + 5000;
    await put(home('b@mail.example'), home('c@mail.example'));
    expect(await times()).toEqual({ 'userName ada': 0, 'home b@mail.example': 1000, 'home c@mail.example': 5000 });

    // The mailbox that becomes the recovery address is a new recovery address.
    server.clock.at = start + 6000;
    await put({ type: 'work', value: 'b@mail.example' }, home('c@mail.example'));
    server.clock.at = start + 7000;
    await put(home('b@mail.example'));
    expect(await times()).toEqual({ 'userName ada': 0, 'home b@mail.example': 7000 });
  });
});
