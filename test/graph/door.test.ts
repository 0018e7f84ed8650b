// The door itself: who passes, and every refusal as the service words it.

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { updateUser } from '../../connector/store/users.ts';
import { origin } from '../world.ts';
import { errorOf, type GraphWorld, graphWorld } from './graph-world.ts';

let world: GraphWorld;
beforeAll(async () => {
  world = await graphWorld({ names: ['globalAdmin', 'passwordAdmin', 'noRole', 'amara', 'kwame'] });
});
afterAll(() => world[Symbol.asyncDispose]());

const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

describe('an error', () => {
  it('looks as it does on the wire, in every member and header', async () => {
    const clientId = '5a8c4a5e-9c2e-4d30-9c8f-3a3d0e1f2b3c';
    const { status, body, headers } = await world.call('globalAdmin', 'GET', '/users/nobody', undefined, {
      headers: { 'client-request-id': clientId },
    });
    expect(status).toBe(404);
    const requestId = headers['request-id'];
    expect(requestId).toMatch(guid);
    expect(body).toEqual({
      error: {
        code: 'Request_ResourceNotFound',
        message: "Resource 'nobody' does not exist or one of its queried reference-property objects are not present.",
        innerError: { date: '2026-11-22T09:00:00', 'request-id': requestId, 'client-request-id': clientId },
      },
    });
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'client-request-id': clientId,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
  });

  it('has the shape of those captured from a real tenant', async () => {
    let fixtures: Record<string, { status: number; body: unknown }>;
    try {
      const file = new URL('../../../shared/data/real-tenant-fixtures/graph-fixtures.json', import.meta.url);
      fixtures = JSON.parse(readFileSync(file, 'utf8'));
    } catch {
      return console.warn('shared/data is not there: errors are not compared with captured ones');
    }
    const blank = (body: unknown) =>
      JSON.parse(
        JSON.stringify(body)
          .replace(/"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"/, '"{timestamp}"')
          .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '{guid}'),
      );
    const missing = await world.call('globalAdmin', 'GET', '/users/2819c223-7f76-453a-919d-413861904646');
    expect([missing.status, blank(missing.body)]).toEqual(Object.values(fixtures['graph-error-not-found'] ?? {}));
    const invalid = await world.call('globalAdmin', 'GET', '/users/not-a-valid-object-id');
    expect([invalid.status, blank(invalid.body)]).toEqual(Object.values(fixtures['graph-error-invalid-id'] ?? {}));
    const anonymous = await world.app.inject({ url: '/v1.0/users' });
    expect([anonymous.statusCode, blank(anonymous.json())]).toEqual(
      Object.values(fixtures['graph-error-unauthenticated'] ?? {}),
    );
  });

  it('echoes no client-request-id that is no GUID', async () => {
    const { headers } = await world.call('globalAdmin', 'GET', '/me', undefined, {
      headers: { 'client-request-id': 'x y' },
    });
    expect(headers['client-request-id']).toBe(headers['request-id']);
  });
});

describe('a caller', () => {
  const ask = (authorization?: string) =>
    world.app.inject({ url: '/v1.0/me', headers: authorization === undefined ? {} : { authorization } });
  const said = async (authorization?: string) => {
    const answer = await ask(authorization);
    const { error } = answer.json();
    return [answer.statusCode, error.code, error.message, answer.headers['www-authenticate']];
  };
  const invalid = 'Bearer realm="", error="invalid_token"';

  it.each([
    ['without a token', undefined, 'Access token is empty.', 'Bearer realm=""'],
    ['with what is no token', 'Bearer abc', 'Access token validation failure.', invalid],
    ['with a token of the SCIM door', 'Bearer rr_0123456789abcdef_x', 'Access token validation failure.', invalid],
  ])('%s is 401', async (_what, authorization, message, challenge) => {
    expect(await said(authorization)).toEqual([401, 'InvalidAuthenticationToken', message, challenge]);
  });

  it('with an old token is told so', async () => {
    const old = await world.token('globalAdmin', { aud: origin, scp: 'User.Read', exp: world.now() / 1000 - 3600 });
    const message = 'Lifetime validation failed, the token is expired.';
    expect(await said(`Bearer ${old}`)).toEqual([401, 'InvalidAuthenticationToken', message, invalid]);
  });

  it('with a token for the resets is refused: it is for another audience', async () => {
    const other = await world.token('globalAdmin', { scp: 'User.Read' });
    expect((await ask(`Bearer ${other}`)).statusCode).toBe(401);
  });

  it('of another tenant’s directory finds no door', async () => {
    const token = await world.token('globalAdmin', { aud: origin, scp: 'User.Read', uti: 'not seen before' });
    await world.sql.run((tx) => setDirectory(tx, 'graph://elsewhere'));
    try {
      expect((await said(`Bearer ${token}`)).slice(0, 3)).toEqual([
        401,
        'InvalidAuthenticationToken',
        'Access token validation failure. Invalid audience.',
      ]);
    } finally {
      await world.sql.run((tx) => setDirectory(tx, 'embedded'));
    }
  });

  function* setDirectory(tx: Parameters<Parameters<typeof world.sql.run>[0]>[0], directory: string) {
    yield* tx.run`update tenant set directory = ${directory} where id = 'default'`;
  }

  it('who has been blocked since, or an app that has been revoked, is nobody any more', async () => {
    const kwame = await world.bearer('kwame');
    expect((await ask(`Bearer ${kwame}`)).statusCode).toBe(200);
    const by = { at: world.now(), actor: 'operator' };
    await world.sql.run((tx) => updateUser(tx, 'default', world.ids.kwame, (user) => ({ ...user, active: false }), by));
    expect((await ask(`Bearer ${kwame}`)).statusCode).toBe(401);
    const app = await world.newApp();
    const list = () => world.call(app, 'GET', '/users?$top=1');
    expect((await list()).status).toBe(200);
    await world.sql.run(function* (tx) {
      yield* tx.run`update client set revoked = 1 where id = ${app.app}`;
    });
    expect((await list()).status).toBe(401);
  });

  it('without a permission of the route is 403, of whichever kind', async () => {
    const message = 'Insufficient privileges to complete the operation.';
    const refused = [403, 'Authorization_RequestDenied', message];
    expect(errorOf(await world.call('globalAdmin', 'GET', '/users', undefined, { scp: 'Mail.Send' }))).toEqual(refused);
    const app = await world.newApp();
    expect(errorOf(await world.call(app, 'GET', '/users', undefined, { scp: 'Mail.Send' }))).toEqual(refused);
    // What a person has been given is not an app's, and the other way round.
    const token = await world.token('globalAdmin', { aud: origin, scp: 'Mail.Send', roles: ['User.Read.All'] });
    const answer = await world.app.inject({ url: '/v1.0/users', headers: { authorization: `Bearer ${token}` } });
    expect(answer.statusCode).toBe(403);
  });

  it('that is an app has no /me', async () => {
    const message = '/me request is only valid with delegated authentication flow.';
    for (const url of ['/me', '/me/memberOf']) {
      expect(errorOf(await world.call(await world.newApp(), 'GET', url))).toEqual([400, 'BadRequest', message]);
    }
  });
});

describe('an address', () => {
  it.each([
    ['/nothing', "Resource not found for the segment 'nothing'."],
    ['/users/x/nothing', "Resource not found for the segment 'nothing'."],
    ['/users/x/authentication/nothing/y', "Resource not found for the segment 'nothing'."],
    ['/groups/x/members/y', "Resource not found for the segment 'y'."],
  ])('%s is not there', async (url, message) => {
    expect(errorOf(await world.call('globalAdmin', 'GET', url))).toEqual([400, 'BadRequest', message]);
  });

  it('that is not there is not told of to a stranger', async () => {
    expect((await world.app.inject({ url: '/v1.0/nothing' })).statusCode).toBe(401);
  });

  it.each([
    ['PUT', '/users', 'GET, HEAD, POST'],
    ['DELETE', '/me', 'GET, HEAD, PATCH'],
    ['GET', '/$batch', 'POST'],
    ['POST', '/domains', 'GET, HEAD'],
  ] as const)('%s %s is 405', async (method, url, allow) => {
    const answer = await world.call('globalAdmin', method, url, undefined, { wrong: true });
    const message = 'Specified HTTP method is not allowed for the request target.';
    expect([...errorOf(answer), answer.headers.allow]).toEqual([405, 'Request_BadRequest', message, allow]);
  });

  it.each([
    ["/users('{amara}')", '/users/{amara}'],
    ['/Users/{amara}', '/users/{amara}'],
    ['/USERS/{amara}/', '/users/{amara}'],
    ["/users(userPrincipalName='amara.nwosu@contoso.example')", '/users/{amara}'],
    ["/users('amara.nwosu%40contoso.example')", '/users/{amara}'],
    ['/users/{amara}/MemberOf/Microsoft.Graph.Group', '/users/{amara}/memberOf/microsoft.graph.group'],
    [
      "/directoryRoles(roleTemplateId='62e90394-69f5-4237-9190-012177145e10')",
      '/directoryRoles/62e90394-69f5-4237-9190-012177145e10',
    ],
  ])('%s is %s', async (written, plain) => {
    const of = async (url: string) => {
      const { status, body } = await world.call('globalAdmin', 'GET', url.replace('{amara}', world.ids.amara));
      return [status, body];
    };
    expect(await of(written)).toEqual(await of(plain));
    expect((await of(plain))[0]).toBe(200);
  });

  it.each(['%zz', '%E0%A4%A', 'a%2'])('with %s in it is no address', async (text) => {
    const answer = await world.app.inject({ url: `/v1.0/users/${text}` });
    expect([answer.statusCode, answer.json().error.code]).toEqual([400, 'BadRequest']);
    expect(answer.headers['request-id']).toMatch(guid);
  });
});

describe('a body', () => {
  const send = (payload: string, type: string | undefined = 'application/json', more: Record<string, string> = {}) =>
    world.call('globalAdmin', 'PATCH', `/users/${world.ids.amara}`, undefined, {
      payload,
      headers: { ...(type === '' ? {} : { 'content-type': type }), ...more },
    });
  const unreadable =
    'Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.';

  it.each([
    ['no JSON', '{"jobTitle":', 400, 'BadRequest', unreadable],
    ['a name twice', '{"jobTitle":"a","jobTitle":"b"}', 400, 'BadRequest', unreadable],
    ['nested too deeply', '['.repeat(50) + ']'.repeat(50), 400, 'BadRequest', unreadable],
    ['nothing', '{}', 400, 'BadRequest', 'Empty Payload. JSON content expected.'],
    ['an array', '[]', 400, 'Request_BadRequest', 'A JSON object is required as the body of the request.'],
    [
      'too long',
      JSON.stringify({ jobTitle: 'a'.repeat(2_000_000) }),
      413,
      'RequestEntityTooLarge',
      'The request size exceeds the maximum limit.',
    ],
  ])('that is %s is refused', async (_what, payload, ...error) => {
    expect(errorOf(await send(payload))).toEqual(error);
  });

  it('of another type, or in an encoding that is not read, is 415', async () => {
    const refused = [415, 'BadRequest', 'Entity only allows writes with a JSON Content-Type header.'];
    expect(errorOf(await send('a=b', 'application/x-www-form-urlencoded'))).toEqual(refused);
    expect(errorOf(await send('a', 'text/plain'))).toEqual(refused);
    expect(errorOf(await send('{}', 'application/json', { 'content-encoding': 'gzip' }))).toEqual(refused);
  });

  it('without a type says so', async () => {
    const response = await world.app.inject({
      method: 'PATCH',
      url: `/v1.0/users/${world.ids.amara}`,
      headers: { authorization: `Bearer ${await world.bearer('globalAdmin')}` },
      payload: Buffer.from('{}'),
    });
    expect([response.statusCode, response.json().error.message]).toEqual([
      400,
      'Write requests (excluding DELETE) must contain the Content-Type header declaration.',
    ]);
  });

  it('may begin with a byte order mark', async () => {
    expect((await send('\ufeff{"jobTitle":"Nurse"}')).status).toBe(204);
  });
});

it('slows a client down that asks too fast, and nobody else', async () => {
  await using quick = await graphWorld({ names: ['globalAdmin'], env: { RR_SCIM_RATE: '1' } });
  const app = await quick.newApp();
  const list = () => quick.call(app, 'GET', '/users?$top=1');
  const answers = [];
  for (let i = 0; i < 6; i++) answers.push(await list());
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 429]);
  const last = answers.at(-1);
  expect(last && [...errorOf(last), last.headers['retry-after']]).toEqual([
    429,
    'TooManyRequests',
    'Too many requests',
    '1',
  ]);
  expect((await quick.call('globalAdmin', 'GET', '/me')).status).toBe(200);
});
