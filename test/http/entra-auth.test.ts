// Tokens of Entra at the API: an issuer of its own behind HTTP (oauth2-mock-server), found by OpenID discovery; each claim
// wrong, keys that roll over, and an issuer that is not there.

import type { JWTPayload } from 'jose';
import { OAuth2Server } from 'oauth2-mock-server';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AuthDeps, authenticate } from '../../connector/http/auth.ts';
import { issuerKeys, keysByDirectory } from '../../connector/http/issuer-keys.ts';
import { logger } from '../../connector/log.ts';
import { defaultPolicy, type Tenant } from '../../connector/tenant.ts';

const tid = '0f6e2d3c-1111-4222-8333-444455556666';
const otherTid = '7a6e2d3c-9999-4222-8333-444455556666';
const oid = '9a1f3c5e-7a11-4222-8333-444455556666';
const connector = 'c0ffee00-0000-4000-8000-000000000001';
const extension = 'c0ffee00-0000-4000-8000-000000000002';
const graph = '00000003-0000-0000-c000-000000000000';

let entra: OAuth2Server;
let origin: string;
let tenant: Tenant;
let time: number;
let asked: string[];
let logged: string[];
let deps: AuthDeps;

beforeEach(async () => {
  const path = `/${tid}/v2.0`;
  entra = new OAuth2Server(undefined, undefined, {
    endpoints: { wellKnownDocument: `${path}/.well-known/openid-configuration`, jwks: '/keys', token: '/token' },
  });
  await entra.issuer.keys.generate('RS256', { kid: 'first' });
  await entra.start(0, 'localhost');
  origin = new URL(entra.issuer.url ?? '').origin;
  entra.issuer.url = `${origin}${path}`;
  entra.service.on('beforeWellKnownOpenIdConfiguration', (answer) => {
    answer.body.jwks_uri = `${origin}/keys`;
  });
  tenant = {
    ...{ id: 'default', tid, name: 'Contoso', domains: [], directory: `graph://${tid}`, issuer: `${origin}${path}` },
    ...{ clientId: connector, extensionClientId: extension, mailFrom: '', policy: defaultPolicy, branding: {} },
  };
  time = Date.now();
  asked = [];
  logged = [];
  useTenant(tenant);
});

afterEach(async () => {
  if (entra.listening) await entra.stop();
});

/** A connector that has just been started, with this tenant alone. */
function useTenant(one: Tenant): void {
  const now = () => time;
  const fetching: typeof fetch = (input, init) => {
    asked.push(new URL(String(input)).pathname);
    return fetch(input, init);
  };
  const log = logger('debug', { write: (line: string) => void logged.push(line) });
  const remote = issuerKeys({ fetch: fetching, now, log });
  const embedded = () => {
    throw new Error('The embedded keys have no say here.');
  };
  deps = {
    now,
    keysOf: keysByDirectory({ embedded, remote }),
    tenants: { byIssuer: async (issuer: string) => (issuer === one.issuer ? one : undefined) } as AuthDeps['tenants'],
  };
}

/** An access token that Entra signs, with these claims changed; undefined takes one away. */
async function bearer(change: JWTPayload = {}, kid?: string): Promise<string> {
  const seconds = Math.floor(time / 1000);
  const claims: JWTPayload = {
    ...{ iss: tenant.issuer, aud: connector, tid, oid, sub: 'pairwise', azp: extension, azpacr: '0', ver: '2.0' },
    ...{ scp: 'Passwords.Reset', wids: ['966707d0-3269-4727-9be2-8c3a10f19b9d'], name: 'Gwen Okafor' },
    ...{ preferred_username: 'gwen.okafor@contoso.example', upn: 'somebody.else@contoso.example' },
    ...{ iat: seconds, nbf: seconds, exp: seconds + 3600 },
    ...change,
  };
  entra.service.once('beforeTokenSigning', (token) => {
    for (const name of Object.keys(token.payload)) delete token.payload[name];
    Object.assign(token.payload, JSON.parse(JSON.stringify(claims)));
    if (kid !== undefined) token.header.kid = kid;
  });
  const response = await fetch(`${origin}/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'x' }),
  });
  const { access_token } = (await response.json()) as { access_token: string };
  return `Bearer ${access_token}`;
}

const refused = async (authorization: string, code = 'unauthorized') =>
  expect(authenticate(deps, authorization)).rejects.toMatchObject({ name: 'Problem', code });
const believed = async (authorization: string) =>
  expect(await authenticate(deps, authorization)).toMatchObject({ id: oid, azp: extension });

describe('the claims of an access token', () => {
  it('are believed when all of them are right; nobody is known by upn', async () => {
    const caller = await authenticate(deps, await bearer());
    expect(caller).toMatchObject({
      ...{ id: oid, azp: extension, scopes: ['Passwords.Reset'], userPrincipalName: 'gwen.okafor@contoso.example' },
      wids: ['966707d0-3269-4727-9be2-8c3a10f19b9d'],
    });
    expect(JSON.stringify(caller)).not.toContain('somebody.else');
    expect(asked).toEqual([`/${tid}/v2.0/.well-known/openid-configuration`, '/keys']);
  });

  it.each<[string, JWTPayload, string?]>([
    ['another tenant’s issuer', { iss: 'https://login.microsoftonline.com/other/v2.0' }],
    ['a version 1 issuer', { iss: `https://sts.windows.net/${tid}/`, ver: '1.0' }],
    ['version 1', { ver: '1.0' }],
    ['no version', { ver: undefined }],
    ['a token for Graph', { aud: graph }],
    ['a token for the extension itself', { aud: extension }],
    ['our audience by its other name', { aud: `api://${connector}` }],
    ['our audience in a list', { aud: [connector] }],
    ['another tenant', { tid: otherTid }],
    ['no tenant', { tid: undefined }],
    ['another app than the extension', { azp: 'c0ffee00-0000-4000-8000-000000000003' }],
    ['no app', { azp: undefined }],
    ['an app of version 1', { azp: undefined, appid: extension }],
    ['no object id', { oid: undefined }],
    ['a name for an object id', { oid: 'gwen.okafor@contoso.example' }],
    ['no scope', { scp: undefined }, 'scopeMissing'],
    ['another scope', { scp: 'User.Read' }, 'scopeMissing'],
    ['an app’s own token', { scp: undefined, roles: ['Passwords.Reset'], idtyp: 'app' }, 'scopeMissing'],
    ['an app’s own token that has a scope', { idtyp: 'app' }, 'scopeMissing'],
    ['no end', { exp: undefined }],
  ])('%s is refused', async (_, change, code) => {
    await refused(await bearer(change), code);
  });

  it('allow a minute for the clocks, both ways', async () => {
    const seconds = Math.floor(time / 1000);
    await believed(await bearer({ exp: seconds - 58 }));
    await refused(await bearer({ exp: seconds - 62 }), 'tokenExpired');
    await believed(await bearer({ nbf: seconds + 58, iat: seconds + 58 }));
    await refused(await bearer({ nbf: seconds + 62 }));
  });

  it('speak for no tenant whose row mixes two, and for none whose extension is not known', async () => {
    const mixed = await bearer({ tid: otherTid });
    useTenant({ ...tenant, tid: otherTid });
    await refused(mixed);
    const { extensionClientId: _, ...unset } = tenant;
    useTenant(unset);
    await refused(await bearer());
    await refused(await bearer({ azp: undefined }));
    useTenant({ ...tenant, extensionClientId: '' });
    await refused(await bearer({ azp: undefined }));
    await refused(await bearer({ azp: '' }));
  });
});

describe('the keys of the issuer', () => {
  it('are asked for once, by however many at a time', async () => {
    const tokens = [await bearer(), await bearer(), await bearer()];
    await Promise.all(tokens.map(believed));
    time += 3_000_000;
    await believed(await bearer());
    expect(asked).toHaveLength(2);
  });

  it('roll over: a new name is looked for at once, and a name that nobody has only now and then', async () => {
    await believed(await bearer());
    await entra.issuer.keys.generate('RS256', { kid: 'second' });
    time += 30_000;
    const [one, two] = [await bearer(), await bearer()];
    await believed(one);
    await believed(two);
    expect(asked).toHaveLength(4);
    for (let times = 0; times < 20; times++) await refused(await bearer({}, `invented-${times}`));
    expect(asked).toHaveLength(4);
    time += 30_000;
    await refused(await bearer({}, 'invented'));
    expect(asked).toHaveLength(6);
    // A key of the right name that signed nothing here.
    const [head, body] = (await bearer()).split('.');
    await refused(`${head}.${body}.${'A'.repeat(342)}`);
  });

  it('that were taken back are believed no longer than the hour that they are kept', async () => {
    await believed(await bearer());
    const token = async () => bearer({}, 'first');
    entra.service.addRoute('GET', '/rolled', (_request, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ keys: entra.issuer.keys.toJSON().map((key) => ({ ...key, kid: 'later' })) }));
    });
    entra.service.on('beforeWellKnownOpenIdConfiguration', (answer) => {
      answer.body.jwks_uri = `${origin}/rolled`;
    });
    time += 3_600_001;
    await believed(await token());
    await expect.poll(() => asked.at(-1)).toBe('/rolled');
    await expect.poll(async () => authenticate(deps, await token()).catch((error) => error.code)).toBe('unauthorized');
  });

  it('outlive an issuer that is away for a day; what is not known then is nobody’s fault but the issuer’s', async () => {
    const [old, unknown] = [await bearer({ exp: Math.floor(time / 1000) + 3 * 86_400 }), await bearer({}, 'second')];
    await believed(old);
    await entra.stop();
    time += 31_000;
    await refused(unknown, 'unavailable');
    await refused(unknown, 'unavailable');
    expect(asked).toHaveLength(3);
    time += 86_000_000;
    await believed(old);
    time += 86_000_000;
    await refused(old, 'unavailable');
    expect(logged.join('')).toContain('keys of the issuer');
    expect(logged.join('')).not.toContain(old.slice(7, 40));
  });

  it('are not there at first, and then they are', async () => {
    const token = await bearer();
    const { port } = entra.address();
    await entra.stop();
    await refused(token, 'unavailable');
    await entra.start(port, 'localhost');
    entra.issuer.url = tenant.issuer;
    await refused(token, 'unavailable');
    time += 30_000;
    await believed(token);
  });

  it('of the endpoint for all tenants count where they may sign for this one', async () => {
    entra.service.addRoute('GET', '/common', (_request, response) => {
      const [key] = entra.issuer.keys.toJSON();
      const issuers = [`${origin}/{tenantid}/v2.0`, `${origin}/${otherTid}/v2.0`, undefined];
      const keys = issuers.map((issuer, at) => ({ ...key, kid: `key-${at}`, issuer }));
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ keys }));
    });
    entra.service.on('beforeWellKnownOpenIdConfiguration', (answer) => {
      Object.assign(answer.body, { jwks_uri: `${origin}/common`, issuer: `${origin}/{tenantid}/v2.0` });
    });
    await believed(await bearer({}, 'key-0'));
    await believed(await bearer({}, 'key-2'));
    await refused(await bearer({}, 'key-1'));
  });

  it.each<[string, Record<string, unknown>]>([
    ['calls itself by another name', { issuer: 'https://login.microsoftonline.com/other/v2.0' }],
    ['has its keys nowhere', { jwks_uri: undefined }],
    ['has its keys where anybody can change them on the way', { jwks_uri: 'http://keys.example/' }],
    ['has no keys for signatures', { jwks_uri: 'http://localhost:1/' }],
  ])('an issuer that %s is not asked further', async (_, wrong) => {
    entra.service.on('beforeWellKnownOpenIdConfiguration', (answer) => {
      Object.assign(answer.body, wrong);
    });
    await refused(await bearer(), 'unavailable');
    expect(logged).toHaveLength(1);
  });

  it('has to be of the algorithm and have a name', async () => {
    await believed(await bearer());
    const [, body = ''] = (await bearer()).split('.');
    const head = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    for (const header of [
      { alg: 'none' },
      { alg: 'RS256' },
      { alg: 'HS256', kid: 'first' },
      { alg: 'PS256', kid: 'first' },
    ]) {
      await refused(`Bearer ${head(header)}.${body}.${'A'.repeat(342)}`);
    }
  });
});
