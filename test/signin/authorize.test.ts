// The whole way of the extension: authorization code with PKCE, tokens, refreshing, signing in quietly; over TLS, with
// the real provider and the real database.

import { decodeJwt, decodeProtectedHeader } from 'jose';
import { describe, expect, it } from 'vitest';
import { authenticate } from '../../connector/http/auth.ts';
import { everyMember, roleTemplates } from '../../connector/policy/roles.ts';
import { extensionClientId, redirectUriOf } from '../../connector/signin/clients.ts';
import { keysOf } from '../../connector/signin/keys.ts';
import { tenants } from '../../connector/tenant.ts';
import { cast } from '../people.ts';
import {
  type Answer,
  authorization,
  extensionId,
  geckoId,
  issuer,
  openSite,
  publicUrl,
  redeem,
  redeemCode,
  redirectUri,
  refresh,
  returned,
  visitor,
} from './visitor.ts';

const { globalAdmin, amara } = cast;
const password = 'Kf7e-rB4m-t9Rz-5hWd';

async function withAdmin() {
  const site = await openSite();
  const id = await site.person(globalAdmin, password, { role: roleTemplates['Global Administrator'] });
  return Object.assign(site, { id });
}

async function signIn(visit: ReturnType<typeof visitor>, more: Record<string, string> = {}) {
  const { url, verifier } = authorization(more);
  const answer = await visit.submit(await visit.go(url), { userName: globalAdmin.userName, password });
  return { answer, verifier };
}

describe('the authorization code flow', () => {
  it('ends at the extension with a code in the fragment, and tokens of the shape of Entra’s', async () => {
    await using site = await withAdmin();
    const visit = visitor(site);
    const { answer, verifier } = await signIn(visit);
    expect(answer.status).toBe(303);
    expect(answer.headers.location?.startsWith(`${redirectUri}#`)).toBe(true);
    expect(returned(answer).get('state')).toBe('the-state');
    expect(returned(answer).get('iss')).toBe(issuer);

    const { answer: response, tokens } = await redeemCode(visit, answer, verifier);
    expect(response.status, response.text).toBe(200);
    expect(response.headers['cache-control']).toBe('no-store');
    expect(response.headers['access-control-allow-origin']).toBe(`chrome-extension://${extensionId}`);
    expect(response.headers['x-content-type-options']).toBe('nosniff');
    expect(tokens).toMatchObject({ token_type: 'Bearer', expires_in: 3600, scope: 'Passwords.Reset' });

    const issuedAt = Math.floor(site.now() / 1000);
    expect(decodeProtectedHeader(tokens.access_token)).toEqual({
      alg: 'RS256',
      typ: 'at+jwt',
      kid: expect.any(String),
    });
    expect(decodeJwt(tokens.access_token)).toEqual({
      iss: issuer,
      aud: 'api://reset-and-resend',
      tid: site.tenant.tid,
      oid: site.id,
      sub: site.id,
      azp: extensionClientId,
      azpacr: '0',
      scp: 'Passwords.Reset',
      wids: ['62e90394-69f5-4237-9190-012177145e10', everyMember],
      name: 'Gwen Okafor',
      preferred_username: 'gwen.okafor@contoso.example',
      ver: '2.0',
      iat: issuedAt,
      nbf: issuedAt,
      exp: issuedAt + 3600,
      uti: expect.any(String),
    });
    expect(decodeJwt(tokens.id_token)).toMatchObject({
      iss: issuer,
      aud: extensionClientId,
      sub: site.id,
      oid: site.id,
      tid: site.tenant.tid,
      ver: '2.0',
      name: 'Gwen Okafor',
      preferred_username: 'gwen.okafor@contoso.example',
      nonce: 'the-nonce',
    });
  });

  it('issues what the API’s validator believes, for as long as it says', async () => {
    await using site = await withAdmin();
    const visit = visitor(site);
    const { answer, verifier } = await signIn(visit);
    const { tokens } = await redeemCode(visit, answer, verifier);
    const deps = { tenants: tenants(site.sql), keysOf: keysOf(site.deps), now: site.now };
    const caller = await authenticate(deps, `Bearer ${tokens.access_token}`);
    expect(caller).toMatchObject({ id: site.id, userPrincipalName: globalAdmin.userName, azp: extensionClientId });
    expect(caller.wids).toEqual([roleTemplates['Global Administrator'], everyMember]);
    await expect(authenticate(deps, `Bearer ${tokens.id_token}`)).rejects.toMatchObject({ code: 'unauthorized' });
    site.pass(3_600_000 + 61_000);
    await expect(authenticate(deps, `Bearer ${tokens.access_token}`)).rejects.toMatchObject({ code: 'tokenExpired' });
  });

  it('gives the tokens to Firefox, too, whatever its installation’s origin is', async () => {
    await using site = await withAdmin();
    const visit = visitor(site);
    const firefox = redirectUriOf(geckoId);
    expect(firefox).toMatch(/^https:\/\/[0-9a-f]{40}\.extensions\.allizom\.org\/$/);
    const { answer, verifier } = await signIn(visit, { redirect_uri: firefox });
    expect(answer.headers.location?.startsWith(`${firefox}#`)).toBe(true);
    const { answer: response } = await redeem(
      visit,
      {
        ...{ grant_type: 'authorization_code', code: returned(answer).get('code') ?? '' },
        ...{ code_verifier: verifier, redirect_uri: firefox },
      },
      'moz-extension://5f0c3c0e-aaaa-4bbb-8ccc-0123456789ab',
    );
    expect(response.status, response.text).toBe(200);
  });

  it.each([
    ['a page', 'https://evil.example'],
    ['another extension', 'chrome-extension://ponmlkjihgfedcbaponmlkjihgfedcba'],
    ['an opaque origin', 'null'],
    ['what only looks like Firefox', 'moz-extension://evil.example'],
  ])('does not answer %s at the token endpoint', async (_, origin) => {
    await using site = await withAdmin();
    const visit = visitor(site);
    const { answer, verifier } = await signIn(visit);
    const { answer: response } = await redeem(
      visit,
      {
        ...{ grant_type: 'authorization_code', code: returned(answer).get('code') ?? '' },
        ...{ code_verifier: verifier, redirect_uri: redirectUri },
      },
      origin,
    );
    expect(response.status).toBe(400);
    expect(response.headers['access-control-allow-origin']).toBeUndefined();
    expect(response.text).not.toContain('access_token');
  });

  it('answers the preflight of the token endpoint, and lets everybody read discovery and keys', async () => {
    await using site = await openSite();
    const visit = visitor(site);
    const origin = `chrome-extension://${extensionId}`;
    const preflight = await visit.send('OPTIONS', `${issuer}/token`, undefined, {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type',
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers['access-control-allow-origin']).toBe(origin);
    const discovery = await visit.send('GET', `${issuer}/.well-known/openid-configuration`, undefined, { origin });
    expect(discovery.headers['access-control-allow-origin']).toBe(origin);
    expect(JSON.parse(discovery.text)).toMatchObject({
      issuer,
      authorization_endpoint: `${issuer}/auth`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/jwks`,
      response_types_supported: ['code', 'none'],
      code_challenge_methods_supported: ['S256'],
      grant_types_supported: expect.arrayContaining([
        ...['authorization_code', 'refresh_token', 'client_credentials'],
        'urn:ietf:params:oauth:grant-type:jwt-bearer',
      ]),
      token_endpoint_auth_methods_supported: ['none', 'client_secret_post', 'client_secret_basic', 'private_key_jwt'],
      token_endpoint_auth_signing_alg_values_supported: expect.arrayContaining(['RS256', 'PS256']),
    });
    const { keys } = JSON.parse((await visit.send('GET', `${issuer}/jwks`)).text) as { keys: object[] };
    expect(keys).toEqual([
      { kty: 'RSA', alg: 'RS256', use: 'sig', kid: expect.any(String), e: 'AQAB', n: expect.any(String) },
    ]);
  });
});

describe('requests that are refused', () => {
  const trouble = async (more: Record<string, string>): Promise<Answer> => {
    await using site = await withAdmin();
    return await visitor(site).go(authorization(more).url);
  };

  it.each([
    ['an unknown client', { client_id: 'somebody-else' }, 'invalid_client'],
    ['an address that is not the extension’s', { redirect_uri: 'https://evil.example/' }, 'invalid_redirect_uri'],
  ])('%s: a page, and no redirect', async (_, more, code) => {
    const answer = await trouble(more);
    expect(answer.status).toBe(400);
    expect(answer.headers.location).toBeUndefined();
    expect(answer.headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect(answer.text).toContain('This sign-in can’t go on');
    expect(answer.text).toContain(code);
    expect(answer.text).not.toContain('evil.example');
  });

  it.each([
    ['no PKCE', { code_challenge: '', code_challenge_method: '' }, 'invalid_request'],
    ['PKCE by plain text', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['tokens from the front channel', { response_type: 'token' }, 'unsupported_response_type'],
    ['another resource', { resource: 'https://graph.microsoft.com/' }, 'invalid_target'],
    [
      'an API that is not there',
      { scope: 'openid api://c0ffee00-0000-7000-8000-000000000001/Passwords.Reset' },
      'invalid_target',
    ],
  ])('%s: told to the extension', async (_, more, error) => {
    expect(returned(await trouble(more)).get('error')).toBe(error);
  });

  it('a code with another verifier, and a code a second time, which also ends what it gave', async () => {
    await using site = await withAdmin();
    const visit = visitor(site);
    const first = await signIn(visit);
    const wrong = await redeemCode(visit, first.answer, 'a'.repeat(43));
    expect(wrong.answer.status).toBe(400);
    expect(wrong.tokens.error).toBe('invalid_grant');

    const again = authorization();
    const answer = await visit.go(again.url);
    const { tokens } = await redeemCode(visit, answer, again.verifier);
    expect(tokens.access_token).toBeTruthy();
    const replay = await redeemCode(visit, answer, again.verifier);
    expect(replay.tokens.error).toBe('invalid_grant');
    expect((await refresh(visit, tokens.refresh_token)).tokens.error).toBe('invalid_grant');
  });

  it('one of two redemptions of a code at the same moment', async () => {
    await using site = await withAdmin();
    const visit = visitor(site);
    const { answer, verifier } = await signIn(visit);
    const both = await Promise.all([redeemCode(visit, answer, verifier), redeemCode(visit, answer, verifier)]);
    expect(both.filter(({ tokens }) => tokens.access_token)).toHaveLength(1);
  });

  it('everything, without extension ids', async () => {
    await using site = await openSite({ extensionIds: [] });
    const answer = await visitor(site).go(authorization().url);
    expect(answer.text).toContain('invalid_client');
  });
});

describe('refreshing', () => {
  it('rotates, gives roles as they are now, and a token used twice ends the whole family', async () => {
    await using site = await withAdmin();
    const visit = visitor(site);
    const { answer, verifier } = await signIn(visit);
    const { tokens } = await redeemCode(visit, answer, verifier);
    await site.sql.run(function* (tx) {
      yield* tx.run`delete from role_assignment`;
    });
    // MSAL asks again for what it asked for at first, offline_access too where it was not told otherwise.
    const second = await refresh(visit, tokens.refresh_token, { scope: 'Passwords.Reset openid profile' });
    expect(second.answer.status, second.answer.text).toBe(200);
    expect(second.tokens.refresh_token).not.toBe(tokens.refresh_token);
    expect(decodeJwt(second.tokens.access_token)).toMatchObject({ scp: 'Passwords.Reset', wids: [everyMember] });

    expect((await refresh(visit, tokens.refresh_token)).tokens.error).toBe('invalid_grant');
    expect((await refresh(visit, second.tokens.refresh_token)).tokens.error).toBe('invalid_grant');
  });

  it('takes a refresh that asks for offline_access, as MSAL does by default', async () => {
    await using site = await withAdmin();
    const visit = visitor(site);
    const { answer, verifier } = await signIn(visit);
    const { tokens } = await redeemCode(visit, answer, verifier);
    const scope = 'Passwords.Reset openid profile offline_access';
    const second = await refresh(visit, tokens.refresh_token, { scope });
    expect(second.answer.status, second.answer.text).toBe(200);
  });

  it('ends with the person’s standing: blocked, or another password', async () => {
    await using site = await withAdmin();
    const visit = visitor(site);
    const { answer, verifier } = await signIn(visit);
    const { tokens } = await redeemCode(visit, answer, verifier);
    await site.block(globalAdmin);
    expect((await refresh(visit, tokens.refresh_token)).tokens.error).toBe('invalid_grant');

    const other = await site.person(amara, password);
    const theirs = visitor(site);
    const request = authorization();
    const in_ = await theirs.submit(await theirs.go(request.url), { userName: amara.userName, password });
    const got = await redeemCode(theirs, in_, request.verifier);
    await site.setPassword(other, 'Tz4w-mN8b-c3Vy-j7Rk');
    expect((await refresh(theirs, got.tokens.refresh_token)).tokens.error).toBe('invalid_grant');
  });
});

describe('signing in quietly', () => {
  const quiet = { prompt: 'none' };

  it('works with a session and says login_required without one', async () => {
    await using site = await withAdmin();
    const visit = visitor(site);
    expect(returned(await visit.go(authorization(quiet).url)).get('error')).toBe('login_required');
    await signIn(visit);
    const { url, verifier } = authorization(quiet);
    const answer = await visit.go(url);
    expect(returned(answer).get('error')).toBeNull();
    expect((await redeemCode(visit, answer, verifier)).tokens.access_token).toBeTruthy();
  });

  it.each([
    ['is blocked', (site: Awaited<ReturnType<typeof withAdmin>>) => site.block(globalAdmin)],
    [
      'has got a temporary password',
      (site: Awaited<ReturnType<typeof withAdmin>>) => site.setPassword(site.id, 'Tz4w-mN8b-c3Vy-j7Rk'),
    ],
  ])('ends when the person %s', async (_, happen) => {
    await using site = await withAdmin();
    const visit = visitor(site);
    await signIn(visit);
    await happen(site);
    expect(returned(await visit.go(authorization(quiet).url)).get('error')).toBe('login_required');
    const asked = await visit.go(authorization().url);
    expect(asked.status).toBe(200);
    expect(asked.text).toContain('name="password"');
  });

  it('asks again where the client wants it: prompt=login, select_account, consent', async () => {
    await using site = await withAdmin();
    const visit = visitor(site);
    await signIn(visit);
    for (const prompt of ['login', 'select_account', 'login consent']) {
      const page = await visit.go(authorization({ prompt }).url);
      expect(page.text, prompt).toContain('name="password"');
      const done = await visit.submit(page, { userName: globalAdmin.userName, password });
      expect(returned(done).get('code'), prompt).toBeTruthy();
    }
    expect(returned(await visit.go(authorization({ prompt: 'consent' }).url)).get('code')).toBeTruthy();
  });

  it('lets another person take over the browser, and ends the first one’s session', async () => {
    await using site = await withAdmin();
    const other = await site.person(amara, password);
    const visit = visitor(site);
    const first = await signIn(visit);
    const { tokens } = await redeemCode(visit, first.answer, first.verifier);
    const { url, verifier } = authorization({ prompt: 'select_account' });
    const answer = await visit.submit(await visit.go(url), { userName: amara.userName, password });
    const taken = await redeemCode(visit, answer, verifier);
    expect(decodeJwt(taken.tokens.access_token).oid).toBe(other);
    expect((await refresh(visit, tokens.refresh_token)).tokens.error).toBe('invalid_grant');
  });
});

describe('the connection', () => {
  it('is the same behind a proxy that ends TLS: addresses and secure cookies of the public name', async () => {
    await using site = await openSite({ proxied: true });
    await site.person(globalAdmin, password);
    const visit = visitor(site);
    const page = await visit.go(authorization().url);
    expect(page.url.startsWith(`${publicUrl}/signin/default/interaction/`)).toBe(true);
    const answer = await visit.submit(page, { userName: globalAdmin.userName, password });
    expect(returned(answer).get('code')).toBeTruthy();
    expect(visit.cookies().length).toBeGreaterThan(0);
    for (const { attributes } of visit.cookies()) expect(attributes).toMatch(/secure/i);
  });

  it('is not led astray by what a stranger writes into the headers', async () => {
    await using site = await withAdmin();
    const visit = visitor(site);
    const answer = await visit.send('GET', authorization().url, undefined, {
      host: 'evil.example',
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'http',
    });
    expect(answer.headers.location).toMatch(/^\/signin\/default\/interaction\//);
    const [{ attributes } = { attributes: '' }] = visit.cookies();
    expect(attributes).toMatch(/secure/i);
    const { returnTo } = await interactionOf(site);
    expect(returnTo.startsWith(`${issuer}/auth/`)).toBe(true);
  });

  it('keeps cookies to the tenant’s path, away from scripts and other sites', async () => {
    await using site = await withAdmin();
    const visit = visitor(site);
    await signIn(visit);
    const session = visit.cookies().filter(({ name }) => name.startsWith('rr_session'));
    expect(session.map(({ path }) => path)).toEqual(['/signin/default', '/signin/default']);
    for (const { attributes } of session) {
      expect(attributes).toMatch(/httponly/i);
      expect(attributes).toMatch(/samesite=lax/i);
      expect(attributes).not.toMatch(/expires/i);
    }
  });
});

async function interactionOf({ sql, ring }: Pick<Awaited<ReturnType<typeof openSite>>, 'sql' | 'ring'>) {
  const row = await sql.get<{ id: string; payload: string }>`
    select id, payload from oidc_model where kind = 'Interaction'`;
  if (!row) throw new Error('There is no interaction.');
  const place = `oidc_model/default/Interaction:${row.id}/payload`;
  return JSON.parse(ring.openText(row.payload, place)) as { returnTo: string };
}
