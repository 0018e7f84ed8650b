// The token endpoint as clients use it: secrets, signed assertions, federation with a real JWKS server, and every
// refusal of RFC 6749 §5.2.

import { randomBytes } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import * as clients from '../../connector/store/clients.ts';
import { callerName, clientById, type Federation, mintId } from '../../connector/store/clients.ts';
import { sweep } from '../../connector/sweeper.ts';
import type { TokenScope } from '../../connector/token.ts';
import { scimServer } from './scim-server.ts';

type Server = Awaited<ReturnType<typeof scimServer>>;
const tokenUrl = 'https://connector.example/scim/oauth/token';
const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const day = 86_400_000;

/** A client with a secret. */
async function makeClient(
  { sql, clock }: Server,
  more: { tenant?: string; scopes?: readonly TokenScope[]; tokenMinutes?: number } = {},
) {
  const tenant = more.tenant ?? 'default';
  const id = mintId(randomBytes);
  const minted = clients.mintSecret(randomBytes);
  const by = { at: clock.at, actor: 'operator' };
  await sql.run(function* (tx) {
    const { scopes = ['scim'], tokenMinutes = 60 } = more;
    yield* clients.createClient(tx, { tenant, id, name: 'entra', scopes, tokenMinutes }, by);
    yield* clients.addSecret(tx, tenant, id, minted, { expires: clock.at + 365 * day, overlap: 0 }, by);
  });
  return { id, tenant, secret: minted.secret.reveal(), secretId: minted.id };
}

async function post(server: Server, form: Record<string, string> | string, headers: Record<string, string> = {}) {
  const response = await fetch(`${server.origin}/scim/oauth/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: typeof form === 'string' ? form : new URLSearchParams(form).toString(),
  });
  // biome-ignore lint/suspicious/noExplicitAny: an answer is what the test looks into
  return { status: response.status, headers: response.headers, body: (await response.json()) as any };
}

/** What every invalid_client says. */
const unproved = 'The client is unknown, or did not prove who it is.';
const grant = { grant_type: 'client_credentials' };
const basic = (id: string, secret: string) => ({
  authorization: `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}`,
});

/** Status and error; that it is JSON no cache keeps. */
function refusal({ status, headers, body }: Awaited<ReturnType<typeof post>>) {
  expect(headers.get('content-type')).toMatch(/^application\/json/);
  expect(headers.get('cache-control')).toBe('no-store');
  expect(Object.keys(body)).not.toContain('access_token');
  return [status, body.error];
}

describe('RFC 6749 §4.4 client credentials', () => {
  test('§2.3.1 a secret in the form or in a Basic header opens /scim/v2 for an hour (§5.1)', async () => {
    await using server = await scimServer();
    const client = await makeClient(server);
    const inForm = { ...grant, client_id: client.id, client_secret: client.secret };
    for (const answer of [
      await post(server, inForm),
      await post(server, grant, basic(client.id, client.secret)),
      await post(server, grant, {
        authorization: basic(client.id, client.secret).authorization.replace('Basic', 'basic'),
      }),
    ]) {
      expect(answer.status).toBe(200);
      expect(answer.headers.get('cache-control')).toBe('no-store');
      expect(answer.headers.get('pragma')).toBe('no-cache');
      expect(answer.body).toEqual({
        access_token: expect.stringMatching(/^rr_/),
        token_type: 'Bearer',
        expires_in: 3600,
        scope: 'scim',
      });
      const token = answer.body.access_token;
      expect((await server.ask('GET', '/Users', undefined, { token })).status).toBe(200);
    }
    const { body } = await post(server, inForm);
    server.clock.at += 3600_000;
    const late = await server.ask('GET', '/Users', undefined, { token: body.access_token });
    expect([late.status, late.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringContaining('invalid_token'),
    ]);
  });

  test('an access token lasts as long as the client says', async () => {
    await using server = await scimServer();
    const { id, secret } = await makeClient(server, { tokenMinutes: 360 });
    expect((await post(server, grant, basic(id, secret))).body.expires_in).toBe(21_600);
  });

  test('§3.3 scopes: a part of what the client has, all of it by default, never more', async () => {
    await using server = await scimServer();
    const { id, secret } = await makeClient(server);
    const scoped = (scope: string) => post(server, { ...grant, scope }, basic(id, secret));
    expect((await scoped('scim.read')).body.scope).toBe('scim.read');
    expect((await scoped('scim.read scim.write scim.read')).body.scope).toBe('scim.read scim.write');
    // Entra's way to say "what was granted".
    expect((await scoped('api://reset-and-resend/.default')).body.scope).toBe('scim');
    for (const scope of ['scim.password', 'scim.read scim.password', 'everything']) {
      expect([scope, ...refusal(await scoped(scope))]).toEqual([scope, 400, 'invalid_scope']);
    }
    const reader = await makeClient(server, { scopes: ['scim.read'] });
    expect(refusal(await post(server, { ...grant, scope: 'scim' }, basic(reader.id, reader.secret)))).toEqual([
      400,
      'invalid_scope',
    ]);
    const { body } = await scoped('scim.read');
    expect((await server.ask('POST', '/Users', {}, { token: body.access_token })).status).toBe(403);
  });

  test('§5.2 every refusal has its error', async () => {
    await using server = await scimServer();
    const client = await makeClient(server);
    const other = await makeClient(server, { tenant: 'fabrikam' });
    const { id, secret } = client;
    const right = { ...grant, client_id: id, client_secret: secret };
    const cases: [string, Record<string, string> | string, Record<string, string>, number, string][] = [
      ['no client', grant, {}, 401, 'invalid_client'],
      ['an unknown client', { ...right, client_id: 'nobody' }, {}, 401, 'invalid_client'],
      ['a wrong secret', { ...right, client_secret: `${secret}x` }, {}, 401, 'invalid_client'],
      ['the secret of another client', { ...right, client_secret: other.secret }, {}, 401, 'invalid_client'],
      ['no grant type', { client_id: id, client_secret: secret }, {}, 400, 'invalid_request'],
      ['another grant', { ...right, grant_type: 'password' }, {}, 400, 'unsupported_grant_type'],
      ['a parameter twice (§3.2)', `${new URLSearchParams(right)}&scope=scim&scope=scim`, {}, 400, 'invalid_request'],
      ['two methods (§2.3)', right, basic(id, secret), 400, 'invalid_request'],
      ['two client ids', { ...grant, client_id: other.id }, basic(id, secret), 400, 'invalid_request'],
      ['a secret without client_id', { ...grant, client_secret: secret }, {}, 400, 'invalid_request'],
      ['another assertion type', { ...grant, client_id: id, client_assertion: 'x' }, {}, 400, 'invalid_request'],
      ['a Basic header without a colon', grant, { authorization: 'Basic abcd' }, 401, 'invalid_client'],
      ['a Basic header with a bad escape', grant, { authorization: `Basic ${btoa('%zz:x')}` }, 401, 'invalid_client'],
      ['a bearer token', grant, { authorization: `Bearer ${server.token}` }, 401, 'invalid_client'],
      ['JSON', JSON.stringify(right), { 'content-type': 'application/json' }, 415, 'invalid_request'],
      ['a large form', `x=${'x'.repeat(70_000)}`, {}, 413, 'invalid_request'],
      ['no form', '', {}, 401, 'invalid_client'],
    ];
    for (const [what, form, headers, ...expected] of cases) {
      expect([what, ...refusal(await post(server, form, headers))]).toEqual([what, ...expected]);
    }
    const challenged = await post(server, grant, basic(id, 'wrong'));
    expect([challenged.status, challenged.headers.get('www-authenticate')]).toEqual([401, 'Basic realm="scim"']);
    const get = await fetch(`${server.origin}/scim/oauth/token`);
    expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST']);
    // §3.2: a parameter without a value was not sent.
    expect((await post(server, { ...right, scope: '', client_assertion: '' })).status).toBe(200);
  });

  test('two secrets live side by side, a third is refused, and revocation holds for what was given out', async () => {
    await using server = await scimServer();
    const { sql, clock } = server;
    const client = await makeClient(server);
    const by = { at: clock.at, actor: 'operator' };
    const next = clients.mintSecret(randomBytes);
    const add = (minted: typeof next) =>
      sql.run((tx) => clients.addSecret(tx, 'default', client.id, minted, { overlap: 7 * day }, by));
    await add(next);
    const opens = async (secret: string) => (await post(server, grant, basic(client.id, secret))).status;
    expect([await opens(client.secret), await opens(next.secret.reveal())]).toEqual([200, 200]);
    await expect(add(clients.mintSecret(randomBytes))).rejects.toMatchObject({ code: 'stateConflict' });
    clock.at += 7 * day;
    expect([await opens(client.secret), await opens(next.secret.reveal())]).toEqual([401, 200]);

    const { body } = await post(server, grant, basic(client.id, next.secret.reveal()));
    const token = body.access_token;
    expect((await server.ask('GET', '/Users', undefined, { token })).status).toBe(200);
    await sql.run((tx) => clients.revokeCredential(tx, 'default', client.id, next.id, by));
    expect((await server.ask('GET', '/Users', undefined, { token })).status).toBe(401);
    expect(await opens(next.secret.reveal())).toBe(401);
  });

  test('a revoked client is dead at once, with its tokens; another tenant cannot do that', async () => {
    await using server = await scimServer();
    const { sql, clock } = server;
    const { id, secret } = await makeClient(server);
    const { body } = await post(server, grant, basic(id, secret));
    const by = { at: clock.at, actor: 'operator' };
    await expect(sql.run((tx) => clients.revokeClient(tx, 'fabrikam', id, by))).rejects.toMatchObject({
      code: 'notFound',
    });
    expect(await sql.run((tx) => clients.revokeClient(tx, 'default', id, by))).toBe(true);
    expect(await sql.run((tx) => clients.revokeClient(tx, 'default', id, by))).toBe(false);
    expect((await server.ask('GET', '/Users', undefined, { token: body.access_token })).status).toBe(401);
    expect(refusal(await post(server, grant, basic(id, secret)))).toEqual([401, 'invalid_client']);
  });

  test('a client writes under its own id, whose name can be told; it reads its own tenant alone', async () => {
    await using server = await scimServer();
    const client = await makeClient(server, { tenant: 'fabrikam' });
    const { body } = await post(server, grant, basic(client.id, client.secret));
    const token = body.access_token;
    const made = await server.ask(
      'POST',
      '/Users',
      { schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'], userName: 'ada' },
      { token },
    );
    expect(made.status).toBe(201);
    const row = await server.sql.get<{ actor: string }>`select actor from audit
      where tenant = 'fabrikam' and action = 'user.created'`;
    expect(row?.actor).toBe(`client:${client.id}`);
    expect(await callerName(server.sql, 'fabrikam', row?.actor ?? '')).toBe('entra');
    expect(await callerName(server.sql, 'default', row?.actor ?? '')).toBeUndefined();
    expect((await server.ask('GET', `/Users/${made.body.id}`)).status).toBe(404);
    expect((await clientById(server.sql, client.id))?.tenant).toBe('fabrikam');
  });

  test('a client that never keeps a token fills no disk', async () => {
    await using server = await scimServer();
    const { id, secret } = await makeClient(server);
    await server.sql.run(function* (tx) {
      for (let n = 0; n < 1100; n++) {
        yield* tx.run`insert into token (tenant, id, client, kind, name, scope, hash, created)
          values ('default', ${`t${n}`}, ${id}, 'access', 'entra', 'scim', ${`h${n}`}, ${server.clock.at - 2000 + n})`;
      }
    });
    expect((await post(server, grant, basic(id, secret))).status).toBe(200);
    const row = await server.sql.get<{ n: number }>`select count(*) as n from token where client = ${id}`;
    expect(row?.n).toBe(1000);
  });
});

describe('RFC 7523 §2.2 private_key_jwt', () => {
  async function keyed(alg = 'RS256') {
    const server = await scimServer();
    const client = await makeClient(server);
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
    const jwk = { ...(await exportJWK(publicKey)), kid: 'one' };
    const by = { at: server.clock.at, actor: 'operator' };
    await server.sql.run((tx) => clients.addKey(tx, 'default', client.id, mintId(randomBytes), jwk, by));
    const seconds = () => Math.floor(server.clock.at / 1000);
    const sign = (claims: JWTPayload = {}, header: object = {}, key: Parameters<SignJWT['sign']>[0] = privateKey) => {
      const now = seconds();
      const all = { iss: client.id, sub: client.id, aud: tokenUrl, exp: now + 300, iat: now, jti: mintId(randomBytes) };
      const kept = Object.entries({ ...all, ...claims }).filter(([, value]) => value !== undefined);
      return new SignJWT(Object.fromEntries(kept)).setProtectedHeader({ alg, kid: 'one', ...header }).sign(key);
    };
    const send = async (assertion: string, more: Record<string, string> = { client_id: client.id }) =>
      post(server, { ...grant, client_assertion_type: assertionType, client_assertion: assertion, ...more });
    return { server, client, sign, send, seconds, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  }

  test.each(['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'])(
    '%s opens; client_id may be absent (RFC 7521 §4.2)',
    async (alg) => {
      await using here = await keyed(alg);
      expect((await here.send(await here.sign())).status).toBe(200);
      expect((await here.send(await here.sign(), {})).status).toBe(200);
      expect((await here.send(await here.sign({ aud: 'https://connector.example/scim/oauth' }))).status).toBe(200);
      expect((await here.send(await here.sign({ aud: ['https://x.example', tokenUrl] }))).status).toBe(200);
    },
  );

  test('§3 7: an assertion proves once', async () => {
    await using here = await keyed();
    const assertion = await here.sign({ jti: 'a\u0000/é' });
    expect((await here.send(assertion)).status).toBe(200);
    expect(refusal(await here.send(assertion))).toEqual([401, 'invalid_client']);
    // Both at once: one of them.
    const twice = await here.sign();
    const both = await Promise.all([here.send(twice), here.send(twice)]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 401]);
    here.server.clock.at += 3600_000;
    await here.send(await here.sign());
    await sweep(here.server.sql, here.server.clock.at);
    const rows = await here.server.sql.all`select jti from client_assertion`;
    expect(rows).toHaveLength(1);
  });

  test('§3 what does not hold is invalid_client; the log says which claim, the answer nothing', async () => {
    await using here = await keyed();
    const { client, sign, seconds } = here;
    const stranger = await generateKeyPair('RS256');
    const cases: [string, string, string | RegExp][] = [
      ['iss', await sign({ iss: 'somebody' }), /iss/],
      ['sub', await sign({ sub: 'somebody' }), /sub/],
      ['no sub', await sign({ sub: undefined }), /sub/],
      ['aud', await sign({ aud: 'https://elsewhere.example/token' }), /aud/],
      ['no aud', await sign({ aud: undefined }), /aud/],
      ['exp', await sign({ exp: seconds() - 61 }), /expired/],
      ['no exp', await sign({ exp: undefined }), /exp/],
      ['exp far ahead', await sign({ exp: seconds() + 7200 }), /exp/],
      ['nbf', await sign({ nbf: seconds() + 120 }), /nbf/],
      ['no jti', await sign({ jti: undefined }), /jti/],
      ['another key', await sign({}, {}, stranger.privateKey), /not signed/],
      ['another kid', await sign({}, { kid: 'two' }), /not signed/],
      [
        'alg none',
        `${btoa('{"alg":"none"}').replaceAll('=', '')}.${btoa(JSON.stringify({ iss: client.id })).replaceAll('=', '')}.`,
        /not signed/,
      ],
      ['no JWT', 'x', /not a signed JWT|proved|prove/],
      ['three dots', 'a.b.c', /not a signed JWT|signed/],
    ];
    for (const [what, assertion, said] of cases) {
      const answer = await here.send(assertion);
      expect([what, ...refusal(answer)]).toEqual([what, 401, 'invalid_client']);
      expect([what, answer.body.error_description]).toEqual([what, unproved]);
      const told = JSON.parse(here.server.log.findLast((line) => line.includes('token refused')) ?? '{}');
      expect([what, told]).toEqual([what, expect.objectContaining({ client: client.id })]);
      expect([what, told.reason]).toEqual([what, expect.stringMatching(said)]);
    }
    // An HMAC with the public key as its secret (RFC 8725 §2.1).
    const secret = new TextEncoder().encode('k'.repeat(64));
    expect(refusal(await here.send(await sign({}, { alg: 'HS256' }, secret)))).toEqual([401, 'invalid_client']);
  });

  test('RFC 6749 §5.2: nobody learns from a refusal which clients there are, or how they prove themselves', async () => {
    await using here = await keyed();
    const { server, client, sign, send } = here;
    const by = { at: server.clock.at, actor: 'operator' };
    const revoked = await makeClient(server);
    await server.sql.run((tx) => clients.revokeClient(tx, 'default', revoked.id, by));
    const withSecretOnly = await makeClient(server);
    const stranger = await generateKeyPair('RS256');
    const spent = await sign();
    expect((await send(spent)).status).toBe(200);
    const answers = [await send(spent), await post(server, grant)];
    for (const id of [client.id, revoked.id, withSecretOnly.id, 'nobody']) {
      const signed = await sign({ iss: id, sub: id }, {}, stranger.privateKey);
      for (const assertion of [signed, await sign({ iss: 'https://i.example', sub: id }), 'x', 'a.b.c']) {
        answers.push(await send(assertion, { client_id: id }));
      }
      answers.push(await send(signed, {}));
      answers.push(await post(server, { ...grant, client_id: id, client_secret: 'wrong' }));
      answers.push(await post(server, grant, basic(id, 'wrong')));
    }
    answers.push(await post(server, grant, { authorization: 'Basic abcd' }));
    for (const { status, body } of answers) {
      expect([status, body]).toEqual([401, { error: 'invalid_client', error_description: unproved }]);
    }
  });

  test('a revoked key opens nothing; keys of another client neither', async () => {
    await using here = await keyed();
    const { server, client } = here;
    const other = await makeClient(server, { tenant: 'fabrikam' });
    expect(
      refusal(await here.send(await here.sign({ iss: other.id, sub: other.id }), { client_id: other.id })),
    ).toEqual([401, 'invalid_client']);
    const [key] = (await clients.credentialsOf(server.sql, 'default', client.id)).filter(({ kind }) => kind === 'key');
    const by = { at: server.clock.at, actor: 'operator' };
    await server.sql.run((tx) => clients.revokeCredential(tx, 'default', client.id, key?.id ?? '', by));
    expect(refusal(await here.send(await here.sign()))).toEqual([401, 'invalid_client']);
  });
});

describe('workload identity federation (RFC 7523 §3, as Entra asserts)', () => {
  const issuer = 'https://login.microsoftonline.com/11111111-2222-4333-8444-555555555555/v2.0';

  /** A JWKS server on a port of its own, and a client that takes the issuer's word. */
  async function federated(answer?: RequestListener) {
    const server = await scimServer();
    const pair = await generateKeyPair('RS256', { extractable: true });
    const published = [{ ...(await exportJWK(pair.publicKey)), kid: 'k1', use: 'sig' }];
    let asked = 0;
    const listener: RequestListener = (request, response) => {
      asked++;
      if (answer) return answer(request, response);
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({ keys: [{ kty: 'EC', kid: 'ec' }, null, { kty: 'RSA', kid: 'bad', n: '!' }, ...published] }),
      );
    };
    const jwks = createServer(listener);
    await new Promise<void>((resolve) => jwks.listen(0, '127.0.0.1', resolve));
    const jwksUri = `http://127.0.0.1:${(jwks.address() as AddressInfo).port}/keys`;
    const client = await makeClient(server);
    const by = { at: server.clock.at, actor: 'operator' };
    const federation: Federation = { issuer, audience: 'api://scim-app', subject: 'provisioning', jwksUri };
    const credential = mintId(randomBytes);
    await server.sql.run((tx) => clients.addFederation(tx, 'default', client.id, credential, federation, by));
    const sign = (claims: JWTPayload = {}, header: object = {}, key = pair.privateKey) => {
      const now = Math.floor(server.clock.at / 1000);
      const all = { iss: issuer, sub: 'provisioning', aud: 'api://scim-app', exp: now + 3600, nbf: now, iat: now };
      return new SignJWT({ ...all, ...claims }).setProtectedHeader({ alg: 'RS256', kid: 'k1', ...header }).sign(key);
    };
    const send = async (assertion: string, client_id = client.id) =>
      post(server, { ...grant, client_id, client_assertion_type: assertionType, client_assertion: assertion });
    return {
      ...{ server, client, sign, send, published, credential },
      asked: () => asked,
      async [Symbol.asyncDispose]() {
        jwks.closeAllConnections();
        await new Promise((resolve) => jwks.close(resolve));
        await server[Symbol.asyncDispose]();
      },
    };
  }

  test('an assertion opens, more than once while it lasts; the keys are fetched once', async () => {
    await using here = await federated();
    const assertion = await here.sign();
    for (let n = 0; n < 3; n++) {
      const answer = await here.send(assertion);
      expect([answer.status, answer.body.token_type]).toEqual([200, 'Bearer']);
      const token = answer.body.access_token;
      expect((await here.server.ask('GET', '/Users', undefined, { token })).status).toBe(200);
    }
    expect(here.asked()).toBe(1);
  });

  test('many at once ask for the keys once', async () => {
    await using here = await federated();
    const assertion = await here.sign();
    const answers = await Promise.all(Array.from({ length: 20 }, () => here.send(assertion)));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(here.asked()).toBe(1);
  });

  test('an unknown kid is looked for once a minute, so that a new key is believed and a storm is not passed on', async () => {
    await using here = await federated();
    expect((await here.send(await here.sign())).status).toBe(200);
    const pair = await generateKeyPair('RS256', { extractable: true });
    const next = () => here.sign({}, { kid: 'k2' }, pair.privateKey);
    for (let n = 0; n < 5; n++) expect((await here.send(await next())).status).toBe(401);
    expect(here.asked()).toBe(1);
    here.published.push({ ...(await exportJWK(pair.publicKey)), kid: 'k2', use: 'sig' });
    here.server.clock.at += 60_000;
    expect((await here.send(await next())).status).toBe(200);
    for (let n = 0; n < 5; n++) expect((await here.send(await here.sign({}, { kid: `x${n}` }))).status).toBe(401);
    expect(here.asked()).toBe(2);
  });

  test('a key that the issuer has taken back is believed for an hour at most', async () => {
    await using here = await federated();
    expect((await here.send(await here.sign())).status).toBe(200);
    here.published[0] = { ...(here.published[0] as { kid: string; use: string }), kid: 'k9' };
    here.server.clock.at += 3_600_001;
    expect((await here.send(await here.sign())).status).toBe(401);
  });

  test('issuer, audience, subject, time and algorithm must be the ones that were typed', async () => {
    await using here = await federated();
    const now = Math.floor(here.server.clock.at / 1000);
    const other = await generateKeyPair('RS256');
    const cases: [string, string][] = [
      ['iss', await here.sign({ iss: `${issuer}x` })],
      ['aud', await here.sign({ aud: 'api://other' })],
      ['sub', await here.sign({ sub: 'somebody' })],
      ['exp', await here.sign({ exp: now - 61 })],
      ['nbf', await here.sign({ nbf: now + 120 })],
      ['no kid', await here.sign({}, { kid: undefined })],
      ['another key', await here.sign({}, {}, other.privateKey)],
      ['PS256', await here.sign({}, { alg: 'PS256' }).catch(() => 'x.y.z')],
    ];
    for (const [what, assertion] of cases) {
      expect([what, ...refusal(await here.send(assertion))]).toEqual([what, 401, 'invalid_client']);
    }
    // The operator sees which client is refused and why; the token never.
    expect(here.server.log.join('')).toContain(here.client.id);
    expect(here.server.log.join('')).not.toContain((await here.sign()).slice(0, 60));
  });

  test('the word is taken for one client alone, until it is revoked', async () => {
    await using here = await federated();
    const other = await makeClient(here.server, { tenant: 'fabrikam' });
    expect(refusal(await here.send(await here.sign(), other.id))).toEqual([401, 'invalid_client']);
    const by = { at: here.server.clock.at, actor: 'operator' };
    await here.server.sql.run((tx) => clients.revokeCredential(tx, 'default', here.client.id, here.credential, by));
    expect(refusal(await here.send(await here.sign()))).toEqual([401, 'invalid_client']);
  });

  test.each<[string, RequestListener]>([
    ['an error', (_request, response) => void response.writeHead(500).end()],
    ['no JSON', (_request, response) => void response.end('<html>')],
    ['no keys', (_request, response) => void response.end('{"keys":[]}')],
    ['a redirection', (_request, response) => void response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()],
    ['more than it may', (_request, response) => void response.end(`{"keys":[],"x":"${'x'.repeat(300_000)}"}`)],
    ['nothing', (request) => void request.socket.destroy()],
  ])('a JWKS server that answers %s makes nobody known, and is left alone for a minute', async (_what, listener) => {
    await using here = await federated(listener);
    for (let n = 0; n < 3; n++) expect(refusal(await here.send(await here.sign()))).toEqual([401, 'invalid_client']);
    expect(here.asked()).toBe(1);
    expect(here.server.log.join('')).toContain('jwks');
  });
});
