// The real MSAL, a browser reduced to what MSAL asks of one, and a provider that answers as the standards let it: what the
// dialog is told of each ending. The whole way through a real browser and the embedded sign-in is an end-to-end test.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Config } from '#shared/api.ts';
import { type Identity, msalConfiguration, signIn } from '../../extension/sign-in.ts';

const origin = 'https://signin.example';
const redirect = 'https://ehgklkmaaldpgkaiebolcafcmkcachbi.chromiumapp.org/';
const config: Config = {
  version: 1,
  organisation: { id: 't', name: 'Contoso' },
  authority: `${origin}/signin/default`,
  protocol: 'oidc',
  clientId: 'reset-and-resend-extension',
  scopes: ['openid', 'profile', 'offline_access', 'Passwords.Reset'],
};

/** What came to the token endpoint, and what the next authorization request is answered with. */
let grants: URLSearchParams[];
let nonce: string;
let refreshFails: boolean;
let lifetime: number;

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

function idToken(): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: config.authority,
    aud: config.clientId,
    sub: 'gwen',
    nonce,
    iat: now,
    exp: now + 3600,
    ver: '2.0',
  };
  return `${encode({ alg: 'RS256', typ: 'JWT' })}.${encode({ ...claims, preferred_username: 'gwen', name: 'Gwen' })}.c2ln`;
}

/** Discovery and token endpoint; anything else is a request that must not be made. */
async function provider(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const url = String(input instanceof Request ? input.url : input);
  if (url.startsWith(`${config.authority}/.well-known/openid-configuration`)) {
    return Response.json({
      issuer: config.authority,
      authorization_endpoint: `${config.authority}/auth`,
      token_endpoint: `${config.authority}/token`,
      end_session_endpoint: `${config.authority}/end`,
      jwks_uri: `${config.authority}/jwks`,
    });
  }
  if (!url.startsWith(`${config.authority}/token`)) throw new Error(`asked ${url}`);
  const grant = new URLSearchParams(String(init?.body));
  grants.push(grant);
  if (grant.get('grant_type') === 'refresh_token' && refreshFails) {
    return Response.json({ error: 'invalid_grant', error_description: 'expired' }, { status: 400 });
  }
  return Response.json({
    token_type: 'Bearer',
    access_token: `access-${grants.length}`,
    refresh_token: `refresh-${grants.length}`,
    id_token: idToken(),
    expires_in: lifetime,
    scope: 'openid profile offline_access Passwords.Reset',
  });
}

type Ending = 'code' | 'login_required' | 'access_denied' | 'closed' | 'unreachable' | 'silent';
const asked: { url: URL; interactive: boolean }[] = [];

/** The browser's identity, whose provider ends as told. */
function identity(...endings: Ending[]): Identity {
  return {
    getRedirectURL: () => redirect,
    async launchWebAuthFlow({ url, interactive }) {
      const to = new URL(url);
      asked.push({ url: to, interactive });
      const ending = endings.shift() ?? 'closed';
      const state = encodeURIComponent(to.searchParams.get('state') ?? '');
      nonce = to.searchParams.get('nonce') ?? '';
      if (ending === 'code') return `${redirect}#code=the-code&state=${state}`;
      if (ending === 'closed') throw new Error('The user did not approve access.');
      if (ending === 'silent') throw new Error('User interaction required.');
      if (ending === 'unreachable') throw new Error('Authorization page could not be loaded.');
      return `${redirect}#error=${ending}&error_description=x&state=${state}`;
    },
  };
}

/** As much of a page as MSAL looks at. */
function page() {
  const items = new Map<string, string>();
  const storage = {
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => void items.set(key, value),
    removeItem: (key: string) => void items.delete(key),
    clear: () => items.clear(),
    key: (index: number) => [...items.keys()][index] ?? null,
    get length() {
      return items.size;
    },
  };
  const location = new URL('chrome-extension://ehgklkmaaldpgkaiebolcafcmkcachbi/dialog.html?w=1');
  const nothing = () => {};
  vi.stubGlobal('sessionStorage', new Proxy(storage, { ownKeys: () => [...items.keys()] }));
  vi.stubGlobal('localStorage', storage);
  vi.stubGlobal('location', location);
  const heard = { addEventListener: nothing, removeEventListener: nothing };
  vi.stubGlobal('document', { title: 'Reset & resend', cookie: '', ...heard });
  vi.stubGlobal('addEventListener', nothing);
  vi.stubGlobal('removeEventListener', nothing);
  vi.stubGlobal('window', globalThis);
  vi.stubGlobal('parent', globalThis);
  vi.stubGlobal('top', globalThis);
  vi.stubGlobal('fetch', provider);
  return items;
}

beforeEach(() => {
  grants = [];
  asked.length = 0;
  nonce = '';
  refreshFails = false;
  lifetime = 3600;
});
afterEach(() => vi.unstubAllGlobals());

describe('the configuration for MSAL', () => {
  test('of an OpenID provider: its own host is known, no question goes to Microsoft', () => {
    const { auth, system, cache } = msalConfiguration(config, redirect, () => false);
    expect(auth.knownAuthorities).toEqual(['signin.example']);
    expect(auth.OIDCOptions?.defaultScopes).toEqual(['openid', 'profile', 'offline_access']);
    expect(system?.protocolMode).toBe('OIDC');
    expect(cache?.cacheLocation).toBe('sessionStorage');
    expect(system?.loggerOptions?.piiLoggingEnabled).toBe(false);
  });

  test('of Entra', () => {
    const entra = { ...config, protocol: 'entra', authority: 'https://login.microsoftonline.com/t' } as const;
    const { auth, system } = msalConfiguration(entra, redirect, () => false);
    expect(system?.protocolMode).toBe('AAD');
    expect(auth.OIDCOptions).toBeUndefined();
  });
});

describe('signing in', () => {
  test('in the provider’s window: code and PKCE for a token, kept out of every lasting store', async () => {
    const items = page();
    const session = signIn(config, identity('code'));
    expect(await session.token()).toBeUndefined();
    expect(await session.interactive()).toEqual({ outcome: 'done' });
    expect(await session.token()).toBe('access-1');
    const [{ url, interactive } = { url: new URL('x:'), interactive: false }] = asked;
    expect(interactive).toBe(true);
    expect(url.searchParams.get('redirect_uri')).toBe(redirect);
    expect(url.searchParams.get('code_challenge_method')).toBe('S256');
    expect(url.searchParams.get('response_mode')).toBe('fragment');
    expect(url.searchParams.get('scope')?.split(' ').sort()).toEqual([...config.scopes].sort());
    expect(grants[0]?.get('code_verifier')).toMatch(/^[\w-]{43,}$/);
    // Nothing half-open remains that would keep the next sign-in from starting.
    expect([...items.keys()].filter((key) => /interaction|verifier|request/.test(key))).toEqual([]);
    expect(document.title).toBe('Reset & resend');
  });

  test('quietly, by the provider’s session: shows nothing', async () => {
    page();
    const session = signIn(config, identity('code'));
    expect(await session.quiet()).toEqual({ outcome: 'done' });
    expect(asked[0]?.interactive).toBe(false);
    expect(asked[0]?.url.searchParams.get('prompt')).toBe('none');
  });

  test.each<[Ending, string]>([
    ['login_required', 'the provider knows nobody'],
    ['silent', 'the browser would have to show a page'],
  ])('quietly, when %s: the button is needed, and works', async (ending) => {
    page();
    const session = signIn(config, identity(ending, 'code'));
    expect(await session.quiet()).toEqual({ outcome: 'needed' });
    expect(await session.interactive()).toEqual({ outcome: 'done' });
    expect(await session.token()).toBe('access-1');
  });

  test('a closed window is no error, and the next try works, again and again', async () => {
    page();
    const session = signIn(config, identity('closed', 'closed', 'access_denied', 'code'));
    for (let i = 0; i < 3; i++) expect(await session.interactive()).toEqual({ outcome: 'closed' });
    expect(await session.interactive()).toEqual({ outcome: 'done' });
  });

  test('a provider that can’t be reached is a failure, not a decision', async () => {
    page();
    const session = signIn(config, identity('unreachable'));
    expect(await session.interactive()).toEqual({ outcome: 'failed', why: 'Authorization page could not be loaded.' });
  });

  test('an answer to another question is refused', async () => {
    page();
    const forged = signIn(config, {
      getRedirectURL: () => redirect,
      launchWebAuthFlow: async () => `${redirect}#code=stolen&state=somebody-elses`,
    });
    expect((await forged.interactive()).outcome).toBe('failed');
    expect(grants).toHaveLength(0);
    expect(await forged.token()).toBeUndefined();
  });

  test('another account is asked for in the provider’s own words', async () => {
    page();
    await signIn(config, identity('closed')).interactive({ choose: true });
    expect(asked[0]?.url.searchParams.get('prompt')).toBe('login');
  });

  test('what the directory wants of the sign-in is asked for in its own words', async () => {
    page();
    const claims = '{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}';
    await signIn(config, identity('closed')).interactive({ claims });
    const wanted = JSON.parse(asked[0]?.url.searchParams.get('claims') ?? '{}') as { access_token?: object };
    expect(wanted.access_token).toMatchObject({ nbf: { essential: true, value: '1700000000' } });
  });
});

describe('a token', () => {
  test('that was refused is replaced by the refresh token, without a window', async () => {
    page();
    const session = signIn(config, identity('code'));
    await session.interactive();
    expect(await session.token(true)).toBe('access-2');
    expect(grants[1]?.get('grant_type')).toBe('refresh_token');
    expect(asked).toHaveLength(1);
  });

  test('that is about to end is replaced before it is used', async () => {
    page();
    lifetime = 30;
    const session = signIn(config, identity('code'));
    await session.interactive();
    lifetime = 3600;
    expect(await session.token()).toBe('access-2');
    expect(await session.token()).toBe('access-2');
    expect(grants).toHaveLength(2);
  });

  test('falls back to the provider’s session when the refresh token has ended', async () => {
    page();
    const session = signIn(config, identity('code', 'code'));
    await session.interactive();
    refreshFails = true;
    expect(await session.token(true)).toBe('access-3');
    expect(asked.map(({ interactive }) => interactive)).toEqual([true, false]);
  });

  test('is none when that has ended, too; it never rejects', async () => {
    page();
    const session = signIn(config, identity('code', 'login_required'));
    await session.interactive();
    refreshFails = true;
    expect(await session.token(true)).toBeUndefined();
    expect(await session.token()).toBeUndefined();
  });
});
