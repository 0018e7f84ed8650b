// What the API believes, and everything that it does not.

import { createHmac } from 'node:crypto';
import {
  createLocalJWKSet,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type JWTPayload,
  SignJWT,
  UnsecuredJWT,
} from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { type AuthDeps, authenticate } from '../../connector/http/auth.ts';
import { Secret } from '../../connector/secret.ts';
import { defaultPolicy, type Tenant } from '../../connector/tenant.ts';
import { mintToken } from '../../connector/token.ts';

const now = Date.UTC(2026, 10, 22, 9);
const seconds = now / 1000;
const oid = '0190f5c3-7a11-7222-8333-444455556666';

function tenant(id: string, tid: string): Tenant {
  const issuer = `https://connector.example/signin/${id}`;
  return {
    ...{ id, tid, issuer, name: id, domains: [], directory: 'embedded', clientId: 'api://reset-and-resend' },
    ...{ mailFrom: '', policy: defaultPolicy, branding: {} },
  };
}
const contoso = tenant('contoso', '0f6e2d3c-1111-4222-8333-444455556666');
const fabrikam = tenant('fabrikam', '7a6e2d3c-9999-4222-8333-444455556666');

type Pair = Awaited<ReturnType<typeof generateKeyPair>>;
let ours: Pair;
let theirs: Pair;
let deps: AuthDeps;

beforeAll(async () => {
  ours = await generateKeyPair('RS256', { extractable: true });
  theirs = await generateKeyPair('RS256', { extractable: true });
  const setOf = async ({ publicKey }: Pair, kid: string) =>
    createLocalJWKSet({ keys: [{ ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' }] });
  const sets = { contoso: await setOf(ours, 'ours'), fabrikam: await setOf(theirs, 'theirs') };
  const byIssuer = async (issuer: string) => [contoso, fabrikam].find((one) => one.issuer === issuer);
  deps = {
    now: () => now,
    keysOf: ({ id }) => sets[id as keyof typeof sets],
    tenants: { byIssuer } as AuthDeps['tenants'],
  };
});

const claims: JWTPayload = {
  ...{ iss: contoso.issuer, aud: contoso.clientId, tid: contoso.tid, oid, sub: oid, azp: 'the-extension' },
  ...{ scp: 'Passwords.Reset', wids: ['62e90394-69f5-4237-9190-012177145e10'], ver: '2.0' },
  ...{ name: 'Gwen Okafor', preferred_username: 'gwen.okafor@contoso.example' },
  ...{ iat: seconds - 60, nbf: seconds - 60, exp: seconds + 3540 },
};

async function bearer(change: JWTPayload = {}, header = {}, pair = ours): Promise<string> {
  const payload = Object.fromEntries(
    Object.entries({ ...claims, ...change }).filter(([, value]) => value !== undefined),
  );
  const signed = await new SignJWT(payload)
    .setProtectedHeader({ alg: 'RS256', kid: 'ours', ...header })
    .sign(pair.privateKey);
  return `Bearer ${signed}`;
}

const refused = (authorization: string | undefined, code = 'unauthorized') =>
  expect(authenticate(deps, authorization)).rejects.toMatchObject({ name: 'Problem', code });

describe('authenticate', () => {
  it('knows the caller by object id, with tenant, client, scopes and roles', async () => {
    expect(await authenticate(deps, await bearer())).toEqual({
      tenant: contoso,
      token: expect.any(Secret),
      id: oid,
      name: 'Gwen Okafor',
      userPrincipalName: 'gwen.okafor@contoso.example',
      azp: 'the-extension',
      scopes: ['Passwords.Reset'],
      expiresAt: (seconds + 3540) * 1000,
      wids: ['62e90394-69f5-4237-9190-012177145e10'],
    });
  });

  it('takes a token without roles and names, and one with more scopes', async () => {
    const plain = await bearer({ wids: undefined, name: undefined, preferred_username: undefined });
    expect(await authenticate(deps, plain)).toMatchObject({ wids: [], name: '', userPrincipalName: '' });
    const more = await authenticate(deps, await bearer({ scp: 'openid Passwords.Reset' }));
    expect(more.scopes).toEqual(['openid', 'Passwords.Reset']);
  });

  it.each([
    ['no header', undefined],
    ['nothing in it', ''],
    ['another scheme', 'Basic Z3dlbjpwYXNzd29yZA=='],
    ['no token', 'Bearer '],
    ['half a token', 'Bearer eyJhbGciOiJSUzI1NiJ9.e30'],
    ['no JSON', 'Bearer a.b.c'],
    ['two tokens', 'Bearer a.b.c, Bearer a.b.c'],
  ])('refuses %s', async (_, authorization) => {
    await refused(authorization);
  });

  it('refuses a token of the sync door', async () => {
    await refused(`Bearer ${mintToken((bytes) => new Uint8Array(bytes)).secret.reveal()}`);
  });

  it.each<[string, JWTPayload]>([
    ['another issuer', { iss: 'https://login.microsoftonline.com/common/v2.0' }],
    ['no issuer', { iss: undefined }],
    ['another audience', { aud: 'https://graph.microsoft.com' }],
    ['our audience among others', { aud: [contoso.clientId, 'https://graph.microsoft.com'] }],
    ['no audience', { aud: undefined }],
    ['another tenant’s tid', { tid: fabrikam.tid }],
    ['no tid', { tid: undefined }],
    ['version 1', { ver: '1.0' }],
    ['no object id', { oid: undefined }],
    ['an object id that is a name', { oid: 'gwen.okafor@contoso.example' }],
    ['no end', { exp: undefined }],
    ['a beginning in the future', { nbf: seconds + 120 }],
  ])('refuses %s', async (_, change) => {
    await refused(await bearer(change));
  });

  it('tells a token that has run out from one that is wrong, with a minute for the clocks', async () => {
    await refused(await bearer({ exp: seconds - 61 }), 'tokenExpired');
    await expect(authenticate(deps, await bearer({ exp: seconds - 59 }))).resolves.toBeTruthy();
    await expect(authenticate(deps, await bearer({ nbf: seconds + 59 }))).resolves.toBeTruthy();
    await refused(await bearer({ exp: seconds - 61 }, {}, theirs));
  });

  it.each([undefined, '', 'openid profile', 'passwords.reset', 'Passwords.Reset.All', ['Passwords.Reset']])(
    'says which scope is missing: %j',
    async (scp) => {
      await refused(await bearer({ scp }), 'scopeMissing');
    },
  );

  it('refuses an app’s own token: nobody stands behind it', async () => {
    await refused(await bearer({ scp: undefined, roles: ['Passwords.Reset'] }), 'scopeMissing');
  });

  it('refuses another tenant’s key, under its own name and under ours', async () => {
    await refused(await bearer({}, { kid: 'theirs' }, theirs));
    await refused(await bearer({}, {}, theirs));
    const crossed = { iss: fabrikam.issuer, tid: contoso.tid };
    await refused(await bearer(crossed, { kid: 'theirs' }, theirs));
  });

  it('refuses a key that nobody has', async () => {
    await refused(await bearer({}, { kid: 'unknown' }));
  });

  it('refuses alg none, and another algorithm with the right key', async () => {
    await refused(`Bearer ${new UnsecuredJWT(claims).encode()}`);
    const { privateKey } = await generateKeyPair('PS256', { extractable: true });
    const signed = await new SignJWT(claims).setProtectedHeader({ alg: 'PS256', kid: 'ours' }).sign(privateKey);
    await refused(`Bearer ${signed}`);
  });

  it('refuses an HMAC made with the public key', async () => {
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const text = `${encode({ alg: 'HS256', kid: 'ours', typ: 'JWT' })}.${encode(claims)}`;
    const mac = createHmac('sha256', await exportSPKI(ours.publicKey))
      .update(text)
      .digest('base64url');
    await refused(`Bearer ${text}.${mac}`);
  });

  it('refuses a token that was changed after it was signed', async () => {
    const [header, payload = '', signature] = (await bearer()).split('.');
    const body = JSON.parse(Buffer.from(payload, 'base64url').toString()) as JWTPayload;
    const other = Buffer.from(JSON.stringify({ ...body, oid: '0190f5c3-0000-7222-8333-444455556666' }));
    await refused(`${header}.${other.toString('base64url')}.${signature}`);
  });

  it('lets a fault of its own be a fault', async () => {
    const broken = { ...deps, tenants: { byIssuer: () => Promise.reject(new Error('disk')) } as never };
    await expect(authenticate(broken, await bearer())).rejects.toThrow('disk');
  });
});
