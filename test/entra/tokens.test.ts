// The three grants against a token endpoint, with Entra's own refusals.

import { createHash, createPublicKey, X509Certificate } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { jwtVerify } from 'jose';
import { generate } from 'selfsigned';
import { describe, expect, test } from 'vitest';
import { challengedClaims, claimsParameter } from '../../connector/entra/claims.ts';
import { readCredential } from '../../connector/entra/credential.ts';
import { applicationPermissions, delegatedPermissions, delegatedScopes } from '../../connector/entra/permissions.ts';
import { tokensOf } from '../../connector/entra/tokens.ts';
import { graphPermission } from '../../connector/graph/permissions.ts';
import { Secret } from '../../connector/secret.ts';
import { everything, graph, incoming, refusal, startEntra } from './entra.ts';

const ada = incoming('ada');
/** Whatever has been consented to (Entra, "scopes and permissions"). */
const consented = `${graph}/.default offline_access`;
const refused = (work: Promise<unknown>) =>
  work.then(
    () => expect.fail('was not refused'),
    (error: { code: string; details: Record<string, unknown> }) => error,
  );

describe('on behalf of', () => {
  test('asks as the documentation says, for all that was consented to, and says that we take challenges', async () => {
    await using entra = await startEntra();
    const { token, refresh } = await tokensOf(entra.deps()).onBehalfOf(ada);
    expect(token.reveal()).toBe('access-1');
    const asked = Object.fromEntries(entra.asked[0] ?? []);
    expect(asked).toEqual({
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      requested_token_use: 'on_behalf_of',
      assertion: ada.reveal(),
      scope: consented,
      claims: '{"access_token":{"xms_cc":{"values":["cp1"]}}}',
      client_id: entra.deps().clientId,
      client_secret: 'hunter2',
    });
    expect(refresh?.reveal()).toBe('refresh-1');
  });

  test('is asked for once per incoming token, also by many at once, until shortly before its end', async () => {
    await using entra = await startEntra();
    const tokens = tokensOf(entra.deps());
    const many = await Promise.all([1, 2, 3].map(() => tokens.onBehalfOf(ada)));
    expect(new Set(many.map(({ token }) => token.reveal())).size).toBe(1);
    expect((await tokens.onBehalfOf(incoming('bo'))).token.reveal()).not.toBe(many[0]?.token.reveal());
    expect(entra.asked).toHaveLength(2);
    entra.script.now += 3470_000;
    await tokens.onBehalfOf(ada);
    expect(entra.asked).toHaveLength(2);
    entra.script.now += 11_000;
    await tokens.onBehalfOf(ada);
    expect(entra.asked).toHaveLength(3);
  });

  test('a token that Graph has refused is not used again', async () => {
    await using entra = await startEntra();
    const tokens = tokensOf(entra.deps());
    const { token } = await tokens.onBehalfOf(ada);
    tokens.forget(token);
    expect((await tokens.onBehalfOf(ada)).token.reveal()).toBe('access-2');
  });

  test('interaction required: sign in again, with the very claims, and the next attempt asks anew', async () => {
    await using entra = await startEntra();
    const claims = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}';
    entra.refusals.push(refusal(400, 'interaction_required', 50076, { claims, suberror: 'basic_action' }));
    const tokens = tokensOf(entra.deps());
    expect(await refused(tokens.onBehalfOf(ada))).toMatchObject({ code: 'signInAgain', details: { claims } });
    expect((await tokens.onBehalfOf(ada)).token.reveal()).toBe('access-1');
  });

  test.each([
    ['the password has changed', refusal(400, 'invalid_grant', 50173), 'signInAgain', {}],
    ['an old assertion', refusal(400, 'invalid_grant', 50013), 'signInAgain', {}],
    ['for another audience', refusal(400, 'invalid_grant', 500131), 'directoryMisconfigured', { code: 'AADSTS500131' }],
    ['a wrong secret', refusal(401, 'invalid_client', 7000215), 'directoryMisconfigured', { reason: 'secretWrong' }],
    ['an old secret', refusal(401, 'invalid_client', 7000222), 'directoryMisconfigured', { reason: 'secretExpired' }],
    [
      'a strange certificate',
      refusal(401, 'invalid_client', 700027),
      'directoryMisconfigured',
      { reason: 'certificateWrong' },
    ],
    [
      'no such client',
      refusal(400, 'unauthorized_client', 700038),
      'directoryMisconfigured',
      { reason: 'clientUnknown' },
    ],
    ['no such resource', refusal(400, 'invalid_resource', 500011), 'directoryMisconfigured', { code: 'AADSTS500011' }],
    ['too many', { status: 429, body: {} }, 'throttled', {}],
    ['a fault of theirs', { status: 503, body: {} }, 'unavailable', {}],
  ])('%s', async (_, answer, code, details) => {
    await using entra = await startEntra();
    entra.refusals.push(answer);
    const problem = await refused(tokensOf(entra.deps()).onBehalfOf(ada));
    expect(problem.code).toBe(code);
    expect(problem.details).toMatchObject(details);
    expect(entra.lines.join('')).not.toMatch(/hunter2|access-|refresh-/);
    expect(entra.lines.join('')).not.toContain(ada.reveal());
  });

  test('what is not consented to and not needed is done without: one request, which names nothing', async () => {
    await using entra = await startEntra();
    const granted = [...delegatedScopes('needed'), 'User.RevokeSessions.All'];
    entra.script.scope = granted.map((name) => `${graph}/${name}`).join(' ');
    const { token, refresh = new Secret('') } = await tokensOf(entra.deps()).onBehalfOf(ada);
    expect(token.reveal()).toBe('access-1');
    await tokensOf(entra.deps()).refreshed(refresh, async () => {});
    expect(entra.asked.map((asked) => asked.get('scope'))).toEqual([consented, consented]);
  });

  test('no consent at all, or to less than is needed: consentMissing, which names it where it can', async () => {
    await using entra = await startEntra();
    const noConsent = refusal(400, 'invalid_grant', 65001, { suberror: 'consent_required' });
    entra.refusals.push(noConsent);
    const tokens = tokensOf(entra.deps());
    expect((await refused(tokens.onBehalfOf(ada))).code).toBe('consentMissing');
    entra.script.scope = delegatedScopes('all')
      .filter((name) => name !== 'RoleManagement.Read.Directory')
      .map((name) => `${graph}/${name.toLowerCase()}`)
      .join(' ');
    const problem = await refused(tokens.onBehalfOf(ada));
    expect(problem).toMatchObject({ code: 'consentMissing', details: { permission: 'RoleManagement.Read.Directory' } });
    entra.script.scope = everything;
    await tokens.onBehalfOf(ada);
  });
});

describe('refresh', () => {
  test('each newer token is handed over once, and whoever has an older one is served', async () => {
    await using entra = await startEntra();
    const tokens = tokensOf(entra.deps());
    const { refresh } = await tokens.onBehalfOf(ada);
    if (!refresh) return expect.fail('no refresh token');
    const kept: string[] = [];
    const keep = async (secret: Secret) => void kept.push(secret.reveal());
    const first = await Promise.all([tokens.refreshed(refresh, keep), tokens.refreshed(refresh, keep)]);
    expect(first.map(({ token }) => token.reveal())).toEqual(['access-2', 'access-2']);
    entra.script.now += 3600_000;
    expect((await tokens.refreshed(refresh, keep)).token.reveal()).toBe('access-3');
    expect(kept.at(-1)).toBe('refresh-3');
    expect(new Set(kept).size).toBe(kept.length);
    expect(entra.asked.map((asked) => asked.get('refresh_token'))).toEqual([null, 'refresh-1', 'refresh-2']);
  });

  test('a newer token that could not be saved is saved with the next call, after a restart the saved one goes on', async () => {
    await using entra = await startEntra();
    const tokens = tokensOf(entra.deps());
    const { refresh = new Secret('') } = await tokens.onBehalfOf(ada);
    const full = tokens.refreshed(refresh, () => Promise.reject(new Error('disk full')));
    await expect(full).rejects.toThrow('disk full');
    let saved = new Secret('');
    await tokens.refreshed(refresh, async (secret) => {
      saved = secret;
    });
    expect(entra.asked).toHaveLength(2);
    await tokensOf(entra.deps()).refreshed(saved, async () => {});
    expect(entra.asked.at(-1)?.get('refresh_token')).toBe('refresh-2');
    expect(entra.asked.at(-1)?.get('scope')).toBe(entra.asked[0]?.get('scope'));
  });

  test('refused: sign in again', async () => {
    await using entra = await startEntra();
    const tokens = tokensOf(entra.deps());
    const { refresh = new Secret('') } = await tokens.onBehalfOf(ada);
    entra.refusals.push(refusal(400, 'invalid_grant', 700082));
    expect((await refused(tokens.refreshed(refresh, async () => {}))).code).toBe('signInAgain');
  });
});

describe('in its own name', () => {
  test('one token for everybody, asked for once; after a challenge with the claims, whatever is held', async () => {
    await using entra = await startEntra();
    const tokens = tokensOf(entra.deps());
    await Promise.all([tokens.ownName(), tokens.ownName()]);
    await tokens.ownName();
    expect(entra.asked.map((asked) => [asked.get('grant_type'), asked.get('scope')])).toEqual([
      ['client_credentials', `${graph}/.default`],
    ]);
    const challenged = await tokens.ownName('{"access_token":{"nbf":{"essential":true,"value":"1"}}}');
    expect(challenged.token.reveal()).toBe('access-2');
    expect(JSON.parse(entra.asked[1]?.get('claims') ?? '')).toEqual({
      access_token: { nbf: { essential: true, value: '1' }, xms_cc: { values: ['cp1'] } },
    });
  });

  test('by certificate: PS256 under x5t#S256, for this endpoint, ten minutes at most, each assertion its own', async () => {
    await using entra = await startEntra();
    const made = await generate([{ name: 'commonName', value: 'reset-connector' }], {
      keySize: 2048,
      algorithm: 'sha256',
    });
    const files: Record<string, string> = { 'a.crt': made.cert, 'a.key': made.private };
    const credential = readCredential({ clientCert: 'a.crt', clientKey: 'a.key' }, (path) => files[path] ?? '');
    const deps = entra.deps(credential);
    await tokensOf(deps).ownName();
    await tokensOf(deps).ownName();
    const [first, second] = entra.asked.map((asked) => asked.get('client_assertion') ?? '');
    expect(entra.asked[0]?.get('client_assertion_type')).toBe('urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
    expect(entra.asked[0]?.has('client_secret')).toBe(false);
    const { payload, protectedHeader } = await jwtVerify(first ?? '', createPublicKey(made.cert), {
      algorithms: ['PS256'],
      currentDate: new Date(entra.script.now),
    });
    const thumbprint = createHash('sha256').update(new X509Certificate(made.cert).raw).digest('base64url');
    expect(protectedHeader).toEqual({ alg: 'PS256', typ: 'JWT', 'x5t#S256': thumbprint });
    const { jti, iat = 0, nbf, exp = 0, ...who } = payload;
    expect(who).toEqual({ aud: `${entra.issuer}/token`, iss: deps.clientId, sub: deps.clientId });
    expect(nbf).toBe(iat);
    expect(exp - iat).toBeGreaterThanOrEqual(300);
    expect(exp - iat).toBeLessThanOrEqual(600);
    expect(jti).toMatch(/^[\w-]{22}$/);
    expect(second).not.toBe(first);
  });

  test('a credential that cannot be used is said in a sentence, without the key', async () => {
    const rsa = await generate([{ name: 'commonName', value: 'a' }], { keySize: 2048 });
    const other = await generate([{ name: 'commonName', value: 'b' }], { keySize: 2048 });
    const ec = await generate([{ name: 'commonName', value: 'c' }], { keyType: 'ec', curve: 'P-256' });
    const read = (cert: string, key: string) => () =>
      readCredential({ clientCert: 'crt', clientKey: 'key' }, (path) => (path === 'crt' ? cert : key));
    expect(read(rsa.cert, other.private)).toThrow(/RR_CLIENT_KEY is not the private key/);
    expect(read(ec.cert, ec.private)).toThrow(/not an RSA key/);
    expect(read('garbage', rsa.private)).toThrow(/RR_CLIENT_CERT names a file/);
    expect(read(rsa.cert, 'garbage')).toThrow(/RR_CLIENT_KEY names a file/);
    expect(() => readCredential({}, () => '')).toThrow(/RR_CLIENT_SECRET/);
    expect(inspect(read(rsa.cert, rsa.private)(), { depth: 9 })).not.toContain('PRIVATE');
  });
});

describe('the endpoint', () => {
  test('is that of the issuer itself: metadata of another, or a plain address, are not trusted', async () => {
    const answers: Record<string, unknown>[] = [];
    const server = createServer((_, response) => response.end(JSON.stringify(answers.shift() ?? {})));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await using entra = await startEntra();
    const tokens = tokensOf({ ...entra.deps(), issuer });
    answers.push({ issuer: 'https://login.example', token_endpoint: `${issuer}/token` });
    expect((await refused(tokens.ownName())).code).toBe('directoryMisconfigured');
    answers.push({ issuer, token_endpoint: 'http://login.example/token' });
    expect((await refused(tokens.ownName())).code).toBe('directoryMisconfigured');
    await new Promise((resolve) => server.close(resolve));
    expect((await refused(tokens.ownName())).code).toBe('unavailable');
  });

  test('an answer that does not come is unavailable; Retry-After is passed on, as a number or a date', async () => {
    const after: (string | undefined)[] = ['7', new Date(Date.UTC(2026, 10, 22) + 9000).toUTCString(), undefined];
    const server = createServer((request, response) => {
      if (request.method === 'GET')
        return void response.end(JSON.stringify({ issuer, token_endpoint: `${issuer}/token` }));
      if (after.length === 0) return;
      const value = after.shift();
      response.writeHead(429, value === undefined ? {} : { 'retry-after': value }).end('{}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await using entra = await startEntra();
    const tokens = tokensOf({ ...entra.deps(), issuer, timeout: 100 });
    expect((await refused(tokens.ownName())).details).toEqual({ retryAfter: 7 });
    expect((await refused(tokens.ownName())).details).toEqual({ retryAfter: 9 });
    expect((await refused(tokens.ownName())).details).toEqual({});
    expect((await refused(tokens.ownName())).code).toBe('unavailable');
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('claims', () => {
  test('of a challenge are found in either alphabet, and only there', () => {
    const claims = '{"access_token":{"nbf":{"essential":true, "value":"1604106651"}, "q":"?>"}}';
    const header = (text: string) =>
      `Bearer realm="", authorization_uri="https://x/", error="insufficient_claims", claims="${text}"`;
    expect(challengedClaims(header(Buffer.from(claims).toString('base64')))).toBe(claims);
    expect(challengedClaims(header(Buffer.from(claims).toString('base64url')))).toBe(claims);
    expect(challengedClaims('Bearer error="invalid_token"')).toBeUndefined();
    expect(challengedClaims(header('bm90IGpzb24'))).toBeUndefined();
    expect(challengedClaims(null)).toBeUndefined();
  });

  test('that cannot be read do not hide what we can do', () => {
    for (const challenge of ['', 'null', '[]', '{"access_token":7}']) {
      expect(JSON.parse(claimsParameter(challenge))).toMatchObject({ access_token: { xms_cc: { values: ['cp1'] } } });
    }
  });
});

test('each permission that is asked for exists of that kind', () => {
  for (const name of Object.keys(delegatedPermissions)) expect(graphPermission(name, 'delegated')).toBe(name);
  for (const name of Object.keys(applicationPermissions)) expect(graphPermission(name, 'application')).toBe(name);
});
