// The token endpoint towards programs: a token for themselves, one for the person whose token they hold, and again later;
// over TLS, with the real provider, the real database and the real validator. Refusals as a real tenant words them.

import { existsSync, readFileSync } from 'node:fs';
import { decodeJwt, decodeProtectedHeader, generateKeyPair } from 'jose';
import { describe, expect, it } from 'vitest';
import { verifyAccess } from '../../connector/http/auth.ts';
import { everyMember, roleTemplates } from '../../connector/policy/roles.ts';
import { signer } from '../../connector/signin/access-token.ts';
import { extensionClientId } from '../../connector/signin/clients.ts';
import { keysOf } from '../../connector/signin/keys.ts';
import { createClient, mintId, revokeClient, setGraphRights } from '../../connector/store/clients.ts';
import { endSessions } from '../../connector/store/credentials.ts';
import { assignRole } from '../../connector/store/roles.ts';
import { deleteUser } from '../../connector/store/users.ts';
import { saveTenant } from '../../connector/tenant.ts';
import { cast } from '../people.ts';
import { ask, jwtBearer, type Program, type Rights, register } from './program.ts';
import {
  authorization,
  issuer,
  openSite,
  publicUrl,
  random,
  redeemCode,
  refresh,
  type Site,
  visitor,
} from './visitor.ts';

const { globalAdmin } = cast;
const password = 'Kf7e-rB4m-t9Rz-5hWd';
const forItself = { grant_type: 'client_credentials', scope: `${publicUrl}/.default` };
const onBehalf = { grant_type: jwtBearer, requested_token_use: 'on_behalf_of' };

async function withAdmin() {
  const site = await openSite();
  const id = await site.person(globalAdmin, password, { role: roleTemplates['Global Administrator'] });
  return Object.assign(site, { id });
}

/** A token of the extension's, for a program that is an API: authorization code with PKCE. */
async function signedIn(site: Site, program: Program, more: Record<string, string> = {}) {
  const visit = visitor(site);
  const scope = `openid profile offline_access api://${program.id}/Passwords.Reset`;
  const { url, verifier } = authorization({ scope, ...more });
  const answer = await visit.submit(await visit.go(url), { userName: globalAdmin.userName, password });
  const { answer: response, tokens } = await redeemCode(visit, answer, verifier);
  expect(response.status, response.text).toBe(200);
  return { visit, tokens, assertion: tokens.access_token };
}

/** What the Graph door believes. */
const atDoor = (site: Site, token: string) =>
  verifyAccess(
    { tenants: site.deps.tenants, keysOf: keysOf(site.deps), now: site.now },
    `Bearer ${token}`,
    () => publicUrl,
  );

/** Status, `error` and the number; that it says so in every way in which programs look for it. */
function refusal({ status, headers, told }: Awaited<ReturnType<typeof ask>>) {
  expect(headers['content-type']).toMatch(/^application\/json/);
  expect(headers['cache-control']).toBe('no-store');
  expect(Object.keys(told)).not.toContain('access_token');
  const [number] = told.error_codes;
  expect(told.error_description.startsWith(`AADSTS${number}: `)).toBe(true);
  return [status, told.error, number];
}

describe('a program for itself', () => {
  it('gets its application permissions as roles, by a secret in the form or in a Basic header', async () => {
    await using site = await withAdmin();
    const program = await register(site, { appRoles: ['User.Read.All', 'Mail.Send'], tokenMinutes: 90 });
    const basic = Buffer.from(`${program.id}:${program.secret}`).toString('base64');
    const answers = [
      await ask(site, { ...forItself, ...program.proof }),
      await ask(site, forItself, { authorization: `Basic ${basic}` }),
      await ask(site, { ...forItself, ...program.proof, scope: `${publicUrl}//.default` }),
    ];
    for (const { status, headers, told } of answers) {
      expect(status, told.error_description).toBe(200);
      expect([headers['cache-control'], headers.pragma]).toEqual(['no-store', 'no-cache']);
      const { access_token, ...rest } = told;
      expect(rest).toEqual({ token_type: 'Bearer', expires_in: 5400, ext_expires_in: 5400 });
      const at = Math.floor(site.now() / 1000);
      expect(decodeJwt(access_token)).toEqual({
        ...{ iss: issuer, aud: publicUrl, tid: site.tenant.tid, oid: program.id, sub: program.id, azp: program.id },
        ...{ azpacr: '1', idtyp: 'app', ver: '2.0', app_displayname: 'reset-connector', uti: expect.any(String) },
        ...{ roles: ['User.Read.All', 'Mail.Send'], iat: at, nbf: at, exp: at + 5400 },
      });
      expect(decodeProtectedHeader(access_token)).toEqual({ alg: 'RS256', typ: 'JWT', kid: expect.any(String) });
      expect(await atDoor(site, access_token)).toMatchObject({
        ...{ oid: program.id, appOnly: true, scopes: [], roles: ['User.Read.All', 'Mail.Send'] },
        name: 'reset-connector',
      });
    }
  });

  it('carries the administrator roles that it holds at that moment', async () => {
    await using site = await withAdmin();
    const program = await register(site, { appRoles: ['User-PasswordProfile.ReadWrite.All'] });
    const role = roleTemplates['User Administrator'];
    await site.sql.run((tx) => assignRole(tx, 'default', program.id, role, program.by));
    const { told } = await ask(site, { ...forItself, ...program.proof });
    expect(await atDoor(site, told.access_token)).toMatchObject({ wids: [role], appOnly: true });
  });

  it.each(['PS256', 'RS256'] as const)('proves itself by a signature (%s), and with each one once', async (alg) => {
    await using site = await withAdmin();
    const program = await register(site, { appRoles: ['User.Read.All'] });
    const key = await program.key(alg);
    const proof = await program.assertion(key, alg);
    const { status, told } = await ask(site, { ...forItself, ...proof });
    expect(status, told.error_description).toBe(200);
    expect(decodeJwt(told.access_token).azpacr).toBe('2');
    expect(refusal(await ask(site, { ...forItself, ...proof }))).toEqual([401, 'invalid_client', 700027]);
    const { client_id: _, ...unnamed } = await program.assertion(key, alg);
    expect((await ask(site, { ...forItself, ...unnamed })).status).toBe(200);
  });

  it.each<[string, Record<string, unknown>]>([
    ['for another endpoint', { aud: `${publicUrl}/scim/oauth/token` }],
    ['that has ended', { exp: 1 }],
    ['that lasts for ever', { exp: 4e9 }],
    ['without a number', { jti: undefined }],
    ['about another', { sub: 'c0ffee00-0000-7000-8000-000000000001' }],
  ])('is refused with a signature %s', async (_, change) => {
    await using site = await withAdmin();
    const program = await register(site);
    const proof = await program.assertion(await program.key(), 'PS256', change);
    expect(refusal(await ask(site, { ...forItself, ...proof }))).toEqual([401, 'invalid_client', 700027]);
  });

  it('is refused with another’s key, another’s secret, or none; what is logged holds no secret', async () => {
    await using site = await withAdmin();
    const [program, other] = [await register(site), await register(site)];
    await program.key();
    const { privateKey } = await generateKeyPair('PS256');
    const forged = await program.assertion(privateKey);
    const refusals = [
      [{ ...forItself, ...forged }, [401, 'invalid_client', 700027]],
      [{ ...forItself, client_id: program.id, client_secret: other.secret }, [401, 'invalid_client', 7000215]],
      [{ ...forItself, client_id: program.id }, [401, 'invalid_client', 7000218]],
      [{ ...forItself, client_id: 'nobody', client_secret: 'x' }, [400, 'unauthorized_client', 700038]],
      [{ ...forItself, ...program.proof, ...forged }, [400, 'invalid_request', 90014]],
      [{ ...program.proof, scope: 'x' }, [400, 'unsupported_grant_type', 70003]],
      [{ ...forItself, ...program.proof, grant_type: 'no_such_grant' }, [400, 'unsupported_grant_type', 70003]],
      [{ ...forItself, ...program.proof, grant_type: 'toString' }, [400, 'unsupported_grant_type', 70003]],
      [{ ...program.proof, grant_type: 'client_credentials' }, [400, 'invalid_request', 900144]],
      [{ ...forItself, ...program.proof, scope: 'User.Read.All' }, [400, 'invalid_scope', 1002012]],
      [{ ...forItself, ...program.proof, scope: `${publicUrl}/User.Read.All` }, [400, 'invalid_scope', 1002012]],
      [
        { ...forItself, ...program.proof, scope: 'https://graph.microsoft.com/.default' },
        [400, 'invalid_resource', 500011],
      ],
      [{ ...forItself, ...program.proof, scope: `api://${program.id}/.default` }, [400, 'invalid_resource', 500011]],
      [
        { ...forItself, ...program.proof, scope: `${forItself.scope} ${program.id}/.default` },
        [400, 'invalid_scope', 28000],
      ],
    ] as const;
    for (const [form, expected] of refusals) expect([form, refusal(await ask(site, form))]).toEqual([form, expected]);
    const basic = await ask(site, forItself, { authorization: 'Basic eDp5' });
    expect([refusal(basic), basic.headers['www-authenticate']]).toEqual([
      [400, 'unauthorized_client', 700038],
      undefined,
    ]);
    const lines = site.logged.join('\n');
    expect(lines).toContain(program.id);
    for (const secret of [program.secret, other.secret, forged.client_assertion]) expect(lines).not.toContain(secret);
  });

  it('is refused when it is revoked, of another organisation, or a client of the sync door', async () => {
    await using site = await withAdmin();
    const elsewhere = { ...site.tenant, id: 'fabrikam', tid: '7a6e2d3c-9999-4222-8333-444455556666' };
    await site.sql.run((tx) => saveTenant(tx, { ...elsewhere, issuer: `${publicUrl}/signin/fabrikam` }, site.now()));
    const other = await register(site, { tenant: 'fabrikam' });
    expect(refusal(await ask(site, { ...forItself, ...other.proof }))).toEqual([400, 'unauthorized_client', 700038]);
    const program = await register(site);
    const sync = mintId(random);
    await site.sql.run(function* (tx) {
      yield* revokeClient(tx, site.tenant.id, program.id, program.by);
      yield* createClient(
        tx,
        { tenant: 'default', id: sync, name: 's', scopes: ['scim'], tokenMinutes: 60 },
        program.by,
      );
      yield* tx.run`update client_credential set client = ${sync}, revoked = ${null} where client = ${program.id}`;
    });
    expect(refusal(await ask(site, { ...forItself, ...program.proof }))).toEqual([401, 'invalid_client', 7000215]);
    const asSync = { ...forItself, client_id: sync, client_secret: program.secret };
    expect(refusal(await ask(site, asSync))).toEqual([400, 'unauthorized_client', 700038]);
  });

  it('may be for another API, where nobody’s permission comes along', async () => {
    await using site = await withAdmin();
    const [program, api] = [await register(site, { appRoles: ['User.Read.All'] }), await register(site, { api: true })];
    const { told } = await ask(site, { ...forItself, ...program.proof, scope: `api://${api.id}/.default` });
    expect(decodeJwt(told.access_token)).toMatchObject({ aud: api.id, azp: program.id, idtyp: 'app' });
    expect(decodeJwt(told.access_token)).not.toHaveProperty('roles');
    await expect(atDoor(site, told.access_token)).rejects.toMatchObject({ code: 'unauthorized' });
  });

  const captured = new URL('../../../shared/data/real-tenant-fixtures/', import.meta.url);
  it.skipIf(!existsSync(captured)).each([
    ['invalid-client', (id: string) => ({ ...forItself, client_id: id, client_secret: 'wrong' })],
    ['unknown-client', () => ({ ...forItself, client_id: '9a1f3c5e-7a11-4222-8333-444455556666', client_secret: 'x' })],
    [
      'unsupported-grant-type',
      (id: string, secret: string) => ({ grant_type: 'no_such_grant', client_id: id, client_secret: secret }),
    ],
    [
      'invalid-scope',
      (id: string, secret: string) => ({
        ...{ grant_type: 'client_credentials', client_id: id, client_secret: secret },
        scope: 'api://not-a-registered-resource/.default',
      }),
    ],
  ])('is refused as a real tenant refuses it: %s', async (name, form) => {
    await using site = await withAdmin();
    const program = await register(site);
    const { response } = JSON.parse(readFileSync(new URL(`token-error-${name}.json`, captured), 'utf8')) as {
      response: { status: number; body: Record<string, unknown> };
    };
    const { status, told } = await ask(site, form(program.id, program.secret));
    const { error, error_codes, error_uri } = response.body;
    expect(told).toMatchObject({ error, error_codes, ...(error_uri === undefined ? {} : { error_uri }) });
    expect(status).toBe(response.status);
    expect(Object.keys(told)).toEqual(Object.keys(response.body));
    // The capture has names where ids were, and its sentences may go on longer than ours.
    const plain = (text: unknown) =>
      String(text)
        .replace(/\{[\w-]+\}|[\w-]{36}/g, '_')
        .split(/\. | Trace ID/);
    expect(plain(told.error_description)[0]).toBe(plain(response.body.error_description)[0]);
    expect(told.error_description).toMatch(/ Trace ID: \S{36} Correlation ID: \S{36} Timestamp: \S{10} \S{8}Z$/);
  });

  it('finds its own name for the request in the refusal', async () => {
    await using site = await withAdmin();
    const id = '9a1f3c5e-7a11-4222-8333-444455556666';
    const { told } = await ask(site, { ...forItself, client_id: id }, { 'client-request-id': id });
    expect(told).toMatchObject({ correlation_id: id });
    const { told: other } = await ask(site, { ...forItself, client_id: id }, { 'client-request-id': '<script>' });
    expect(JSON.stringify(other)).not.toContain('<script>');
  });

  it('sends a form, of a bearable size', async () => {
    await using site = await withAdmin();
    const program = await register(site);
    const large = await ask(site, { ...forItself, ...program.proof, more: 'x'.repeat(60_000) });
    expect(refusal(large)).toEqual([413, 'invalid_request', 900144]);
    const twice = `${new URLSearchParams({ ...forItself, ...program.proof })}&scope=y`;
    const answer = await visitor(site).send('POST', `${issuer}/token`, twice);
    expect([answer.status, JSON.parse(answer.text).error]).toEqual([400, 'invalid_request']);
    const json = await visitor(site).send('POST', `${issuer}/token`, '{}', {
      ...{ 'content-type': 'application/json', accept: 'application/json' },
    });
    expect([json.status, JSON.parse(json.text).error]).toEqual([400, 'invalid_request']);
  });
});

describe('the extension at another API', () => {
  it('gets a token of that audience by its scope alone, which the API believes, and refreshes it', async () => {
    await using site = await withAdmin();
    const program = await register(site, { api: true });
    const { visit, tokens } = await signedIn(site, program);
    expect(tokens.scope).toBe(`api://${program.id}/Passwords.Reset`);
    expect(decodeJwt(tokens.access_token)).toMatchObject({
      ...{ aud: program.id, scp: 'Passwords.Reset', azp: extensionClientId, azpacr: '0', oid: site.id },
      wids: [roleTemplates['Global Administrator'], everyMember],
    });
    const deps = { tenants: site.deps.tenants, keysOf: keysOf(site.deps), now: site.now };
    const access = await verifyAccess(deps, `Bearer ${tokens.access_token}`, () => program.id);
    expect(access).toMatchObject({ appOnly: false, scopes: ['Passwords.Reset'], azp: extensionClientId });
    const again = await refresh(visit, tokens.refresh_token, {
      scope: `api://${program.id}/Passwords.Reset openid profile offline_access`,
    });
    expect(again.answer.status, again.answer.text).toBe(200);
    expect(decodeJwt(again.tokens.access_token)).toMatchObject({ aud: program.id, scp: 'Passwords.Reset' });
  });

  it.each<[string, Rights]>([
    ['is none', {}],
    ['is of another organisation', { api: true, tenant: 'fabrikam' }],
  ])('is told that a program %s', async (_, rights) => {
    await using site = await withAdmin();
    const program = await register(site, rights);
    const { url } = authorization({ scope: `openid api://${program.id}/Passwords.Reset` });
    const { headers } = await visitor(site).go(url);
    expect(headers.location).toContain('error=invalid_target');
  });

  it('gets no other scope of it', async () => {
    await using site = await withAdmin();
    const program = await register(site, { api: true });
    const { tokens } = await signedIn(site, program, { scope: `openid offline_access api://${program.id}/Everything` });
    expect(decodeJwt(tokens.access_token)).not.toHaveProperty('scp');
  });
});

describe('a program for the person whose token it holds', () => {
  const delegated = ['User.Read.All', 'User-PasswordProfile.ReadWrite.All'] as const;
  const wanted = `${publicUrl}/User.Read.All ${publicUrl}/User-PasswordProfile.ReadWrite.All`;

  async function middle() {
    const site = await withAdmin();
    const program = await register(site, { api: true, delegated, appRoles: ['User.ReadWrite.All'] });
    const { assertion } = await signedIn(site, program);
    const exchange = (more: Record<string, string> = {}) =>
      ask(site, { ...onBehalf, ...program.proof, assertion, scope: wanted, ...more });
    return Object.assign(site, { program, assertion, exchange });
  }

  it('gets none by a token from before the person was signed out everywhere', async () => {
    await using site = await middle();
    const before = await site.exchange();
    expect(before.status, before.told.error_description).toBe(200);
    site.pass(60_000);
    await site.sql.run((tx) => endSessions(tx, site.tenant.id, site.id, site.now()));
    expect(refusal(await site.exchange({ scope: `${wanted} offline_access` }))).toEqual([400, 'invalid_grant', 50173]);
    const { assertion } = await signedIn(site, site.program);
    expect((await site.exchange({ assertion })).status).toBe(200);
  });

  it('gets one for the Graph door: the person, itself as azp, the scopes that were consented to', async () => {
    await using site = await middle();
    const { status, told } = await site.exchange();
    expect(status, told.error_description).toBe(200);
    const { access_token, ...rest } = told;
    expect(rest).toEqual({ token_type: 'Bearer', expires_in: 3600, ext_expires_in: 3600, scope: wanted });
    const at = Math.floor(site.now() / 1000);
    expect(decodeJwt(access_token)).toEqual({
      ...{ iss: issuer, aud: publicUrl, tid: site.tenant.tid, oid: site.id, sub: site.id, azp: site.program.id },
      ...{ azpacr: '1', idtyp: 'user', ver: '2.0', scp: delegated.join(' '), iat: at, nbf: at, exp: at + 3600 },
      ...{ wids: [roleTemplates['Global Administrator'], everyMember], name: 'Gwen Okafor', uti: expect.any(String) },
      preferred_username: globalAdmin.userName,
    });
    expect(await atDoor(site, access_token)).toMatchObject({
      ...{ oid: site.id, appOnly: false, scopes: delegated, roles: [], azp: site.program.id },
    });
  });

  it('gets all that was consented to by .default, one by its bare name, in any case, and nothing for itself', async () => {
    await using site = await middle();
    const scp = async (scope: string) => decodeJwt((await site.exchange({ scope })).told.access_token).scp;
    expect(await scp(`${publicUrl}/.default`)).toBe(delegated.join(' '));
    expect(await scp('user.read.all')).toBe('User.Read.All');
    const all = await site.exchange({ scope: `${publicUrl}/.default offline_access openid` });
    expect(decodeJwt(all.told.access_token)).not.toHaveProperty('roles');
    expect(all.told.refresh_token).toMatch(/^[\w-]{43}$/);
  });

  it.each<[string, Record<string, string>, string, number]>([
    ['what nobody consented to', { scope: `${wanted} ${publicUrl}/Mail.Send` }, 'invalid_grant', 65001],
    ['only an application permission', { scope: `${publicUrl}/User.ReadWrite.All` }, 'invalid_grant', 65001],
    ['a permission that there is not', { scope: `${publicUrl}/User.Fly` }, 'invalid_scope', 70011],
    ['another resource', { scope: 'https://graph.microsoft.com/.default' }, 'invalid_resource', 500011],
    ['no scope', { scope: '' }, 'invalid_request', 900144],
    ['another use of the assertion', { requested_token_use: 'x' }, 'invalid_request', 900144],
    ['no assertion', { assertion: '' }, 'invalid_request', 900144],
    ['an assertion that is none', { assertion: 'a.b.c' }, 'invalid_grant', 50013],
    ['another secret', { client_secret: 'wrong' }, 'invalid_client', 7000215],
  ])('is refused for %s', async (_, more, error, number) => {
    await using site = await middle();
    expect(refusal(await site.exchange(more)).slice(1)).toEqual([error, number]);
  });

  it('is refused with a token that is not for it: another API’s, the Graph door’s, another program’s', async () => {
    await using site = await middle();
    const other = await register(site, { api: true, delegated });
    const { assertion } = await signedIn(site, other);
    expect(refusal(await site.exchange({ assertion }))).toEqual([400, 'invalid_grant', 500131]);
    const { told } = await site.exchange();
    const again = await site.exchange({ assertion: told.access_token });
    expect(refusal(again)).toEqual([400, 'invalid_grant', 500131]);
    expect(refusal(await site.exchange(other.proof))).toEqual([400, 'invalid_grant', 500131]);
  });

  it('is refused with a program’s own token, one that has ended, and one that was changed', async () => {
    await using site = await middle();
    const other = await register(site);
    const own = await ask(site, { ...forItself, ...other.proof, scope: `api://${site.program.id}/.default` });
    const withOwn = await site.exchange({ assertion: own.told.access_token });
    expect(refusal(withOwn)).toEqual([400, 'invalid_grant', 7000114]);
    const [head, body = '', signature] = site.assertion.split('.');
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as object;
    const changed = Buffer.from(JSON.stringify({ ...claims, oid: site.program.id })).toString('base64url');
    const withChanged = await site.exchange({ assertion: `${head}.${changed}.${signature}` });
    expect(refusal(withChanged)).toEqual([400, 'invalid_grant', 50013]);
    site.pass(3_600_000 + 61_000);
    expect(refusal(await site.exchange())).toEqual([400, 'invalid_grant', 500133]);
  });

  it('is refused with a token that another organisation’s keys signed', async () => {
    await using site = await middle();
    const fabrikam = { ...site.tenant, id: 'fabrikam', tid: '7a6e2d3c-9999-4222-8333-444455556666' };
    const other = { ...fabrikam, issuer: `${publicUrl}/signin/fabrikam` };
    await site.sql.run((tx) => saveTenant(tx, other, site.now()));
    const claims = decodeJwt(site.assertion);
    const sign = signer(site.deps);
    const theirs = await sign(other, { ...claims, iss: other.issuer, tid: other.tid });
    expect(refusal(await site.exchange({ assertion: theirs }))).toEqual([400, 'invalid_grant', 50013]);
    const posing = await sign(other, claims);
    expect(refusal(await site.exchange({ assertion: posing }))).toEqual([400, 'invalid_grant', 50013]);
  });

  it.each<[string, (site: Site & { id: string }) => Promise<unknown>, number]>([
    ['is blocked', (site) => site.block(globalAdmin), 50057],
    [
      'is gone',
      (site) => site.sql.run((tx) => deleteUser(tx, 'default', site.id, { at: site.now(), actor: 'operator' })),
      50034,
    ],
    ['has another password since', (site) => site.setPassword(site.id, 'Kf7e-rB4m-t9Rz-5hWe', false), 50173],
    ['has to choose a password', (site) => site.setPassword(site.id, 'Kf7e-rB4m-t9Rz-5hWe', true), 50173],
  ])('is refused for somebody who %s, then and with what it kept', async (_, happens, number) => {
    await using site = await middle();
    const kept = await site.exchange({ scope: `${publicUrl}/.default offline_access` });
    site.pass(2000);
    await happens(site);
    expect(refusal(await site.exchange())).toEqual([400, 'invalid_grant', number]);
    const later = { grant_type: 'refresh_token', refresh_token: kept.told.refresh_token };
    const [status, error] = refusal(await ask(site, { ...later, ...site.program.proof }));
    expect([status, error]).toEqual([400, 'invalid_grant']);
  });
});

describe('a program later on', () => {
  const delegated = ['User.Read.All', 'Mail.Send'] as const;

  async function kept() {
    const site = await withAdmin();
    const program = await register(site, { api: true, delegated });
    const { visit, tokens, assertion } = await signedIn(site, program);
    const scope = `${publicUrl}/User.Read.All offline_access`;
    const { told } = await ask(site, { ...onBehalf, ...program.proof, assertion, scope });
    const token = told.refresh_token;
    const later = (more: Record<string, string> = {}) =>
      ask(site, { grant_type: 'refresh_token', refresh_token: token, ...program.proof, ...more });
    return Object.assign(site, { program, token, later, visit, tokens });
  }

  it('goes on for the person long after that token, as often as it likes, and within what is consented to', async () => {
    await using site = await kept();
    for (const days of [1, 80, 80]) {
      site.pass(days * 86_400_000);
      const { status, told } = await site.later();
      expect(status, told.error_description).toBe(200);
      expect(told).toMatchObject({ scope: `${publicUrl}/User.Read.All`, refresh_token: site.token, expires_in: 3600 });
      expect(await atDoor(site, told.access_token)).toMatchObject({ oid: site.id, scopes: ['User.Read.All'] });
    }
    const more = await site.later({ scope: `${publicUrl}/.default` });
    expect(decodeJwt(more.told.access_token).scp).toBe('User.Read.All Mail.Send');
    const key = await site.program.key();
    const { client_secret: _, ...signed } = { client_secret: '', ...(await site.program.assertion(key)) };
    const form = { grant_type: 'refresh_token', refresh_token: site.token, ...signed };
    expect((await ask(site, form)).status).toBe(200);
    site.pass(90 * 86_400_000 + 1000);
    expect(refusal(await site.later())).toEqual([400, 'invalid_grant', 70000]);
  });

  it('does not when consent is taken back, the person signs out everywhere, or it is another program', async () => {
    await using site = await kept();
    const other = await register(site, { api: true, delegated });
    expect(refusal(await site.later(other.proof))).toEqual([400, 'invalid_grant', 70000]);
    expect(refusal(await site.later({ refresh_token: 'x' }))).toEqual([400, 'invalid_grant', 70000]);
    const none = { appRoles: [], delegated: [], api: true };
    await site.sql.run((tx) => setGraphRights(tx, 'default', site.program.id, none, site.program.by));
    expect(refusal(await site.later())).toEqual([400, 'invalid_grant', 65001]);
    await site.sql.run((tx) => setGraphRights(tx, 'default', site.program.id, { ...none, delegated }, site.program.by));
    expect((await site.later()).status).toBe(200);
    await site.deps.directory(site.tenant).revokeSessions(site.id);
    expect(refusal(await site.later())).toEqual([400, 'invalid_grant', 70000]);
  });

  it('does not once it is revoked: what it kept is gone', async () => {
    await using site = await kept();
    const rows = () => site.sql.all`select id from oidc_model where kind = 'OnBehalf'`;
    expect(await rows()).toHaveLength(1);
    await site.sql.run((tx) => revokeClient(tx, 'default', site.program.id, site.program.by));
    expect(await rows()).toHaveLength(0);
    expect(refusal(await site.later())).toEqual([401, 'invalid_client', 7000215]);
    // The extension's own tokens are not its.
    const refused = await refresh(site.visit, site.tokens.refresh_token);
    expect(refused.tokens.error).toBe('invalid_target');
  });

  it('keeps nothing that can be read: not in the database, not in the log', async () => {
    await using site = await kept();
    const rows = JSON.stringify(await site.sql.all`select * from oidc_model`);
    expect(rows).not.toContain(site.token);
    expect(site.logged.join('\n')).not.toContain(site.token);
    expect(site.logged.join('\n')).toContain('token issued');
  });

  it('does not take the extension’s refresh token, nor the extension the program’s', async () => {
    await using site = await kept();
    const theirs = await site.later({ refresh_token: site.tokens.refresh_token });
    expect(refusal(theirs)).toEqual([400, 'invalid_grant', 70000]);
    const { tokens } = await refresh(site.visit, site.token);
    expect(tokens.error).toBe('invalid_grant');
    expect((await refresh(site.visit, site.tokens.refresh_token)).answer.status).toBe(200);
  });
});
