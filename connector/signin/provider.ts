// One OpenID provider (OpenID Connect Core 1.0, OAuth 2.1 profile: code with PKCE, rotating refresh tokens) per tenant,
// by oidc-provider. What is ours: where it keeps things, who the people are, and what the tokens say: access tokens
// have the shape of Entra's v2 tokens, so that one validator reads both.

import type OpenIdProvider from 'oidc-provider';
import type { AccessToken, Configuration, KoaContextWithOIDC } from 'oidc-provider';
import { Problem } from '#shared/problem.ts';
import type { Logger } from '../log.ts';
import type { Tenant } from '../tenant.ts';
import { accessTokenLife, delegatedClaims } from './access-token.ts';
import { findPerson, inGoodStanding, type People, type Person } from './accounts.ts';
import { apiScope, clientsOf, mayRedeem } from './clients.ts';
import { apiOf, jwtBearer } from './grants.ts';
import { type KeyStore, readKeys } from './keys.ts';
import { modelsOf } from './models.ts';
import { errors, interactionPolicy, Provider } from './openid.ts';

/** Lifetimes in seconds. A refresh token lives as long as Entra gives single-page applications: a day, rotated or not. */
const lifetimes = {
  AccessToken: accessTokenLife,
  IdToken: 3600,
  AuthorizationCode: 60,
  Interaction: 3600,
  Session: 24 * 3600,
  Grant: 14 * 24 * 3600,
  RefreshToken: 24 * 3600,
} as const;

/** Is it over in a moment: the database, or this connector's word of its keys? */
export function isBusy(error: unknown): boolean {
  return error instanceof Problem && error.code === 'unavailable';
}

/** Rotating a refresh token does not make it younger. */
function refreshTokenLife(ctx: KoaContextWithOIDC): number {
  return ctx.oidc.entities.RotatedRefreshToken?.remainingTTL ?? lifetimes.RefreshToken;
}

export interface ProviderDeps extends People, KeyStore {
  readonly log: Logger;
  readonly extensionIds: readonly string[];
  /** Answers a browser that the provider has to disappoint. */
  readonly renderError: NonNullable<Configuration['renderError']>;
}

/** What our own pages hand to the provider when a person has signed in; `version` is that of the password. */
export type Login = {
  readonly accountId: string;
  readonly ts: number;
  readonly version: number;
  readonly remember: false;
  readonly amr: string[];
};

/** Makes the provider of a tenant; its issuer is `tenant.issuer`. The keys are made when there are none yet. */
export async function providerOf(deps: ProviderDeps, tenant: Tenant): Promise<OpenIdProvider> {
  const keys = await readKeys(deps, tenant.id);
  const path = new URL(tenant.issuer).pathname;
  const cookie = { httpOnly: true, sameSite: 'lax' } as const;

  const configuration: Configuration = {
    adapter: modelsOf(deps, tenant.id),
    jwks: { keys: [...keys.signing] },
    clients: clientsOf(tenant.issuer, deps.extensionIds),
    clientAuthMethods: ['none'],
    responseTypes: ['code', 'none'],
    pkce: { required: (_ctx, client) => client.responseTypeAllowed('code') },
    scopes: ['openid', 'profile', 'offline_access'],
    claims: { openid: ['sub', 'oid', 'tid', 'ver'], profile: ['name', 'preferred_username'] },
    conformIdTokenClaims: false,
    cookies: {
      keys: [...keys.cookies],
      // By path, so that the tenants of one connector don't see each other's.
      long: { ...cookie, path },
      short: cookie,
      names: { session: 'rr_session', interaction: 'rr_interaction', resume: 'rr_resume' },
    },
    features: {
      devInteractions: { enabled: false },
      dPoP: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: (ctx) => resourceIn(ctx.oidc.params?.scope) ?? tenant.clientId,
        getResourceServerInfo: async (_ctx, resource) => ({
          ...(await serverOf(deps, tenant, resource)),
          accessTokenFormat: 'jwt',
          accessTokenTTL: lifetimes.AccessToken,
          jwt: { sign: { alg: 'RS256' } },
        }),
        useGrantedResource: () => true,
      },
    },
    formats: { customizers: { jwt: (ctx, token, jwt) => entraShape(deps, tenant, ctx, token as AccessToken, jwt) } },
    ttl: {
      ...lifetimes,
      RefreshToken: refreshTokenLife,
    },
    rotateRefreshToken: true,
    issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    expiresWithSession: () => true,
    clientBasedCORS: (_ctx, origin) => mayRedeem(origin, deps.extensionIds),
    interactions: { policy: policy(), url: (_ctx, interaction) => `${path}/interaction/${interaction.uid}` },
    loadExistingGrant: firstPartyGrant,
    findAccount: async (ctx, id, token) => {
      const person = await findPerson(deps, tenant, id);
      const login = ctx.oidc.result?.login as Login | undefined;
      const signedInAt = token && 'authTime' in token ? token.authTime : ctx.oidc.session?.authTime();
      if (!person || !inGoodStanding(person, signedInAt)) return undefined;
      if (login && login.version !== person.credential.version) return undefined;
      return accountOf(tenant, person);
    },
    renderError: deps.renderError,
  };

  const provider = new Provider(tenant.issuer, configuration);
  provider.use(async (ctx, next) => {
    await next();
    // What the token endpoint answers besides (token-endpoint.ts): the library speaks for itself alone.
    if (ctx.oidc?.route === 'discovery') ctx.body = withPrograms(ctx.body as Discovery);
  });
  // The door writes these headers itself from the public address, see door.ts.
  provider.proxy = true;
  provider.on('server_error', (_ctx, error) => {
    if (isBusy(error)) deps.log.warn({ tenant: tenant.id, err: error }, 'sign-in has to wait');
    else deps.log.error({ tenant: tenant.id, err: error }, 'sign-in failed');
  });
  provider.onerror = (error) => deps.log.warn({ tenant: tenant.id, err: error }, 'sign-in connection failed');
  return provider;
}

interface SigninAccount {
  readonly accountId: string;
  readonly person: Person;
  claims(): { sub: string; [claim: string]: string };
  [key: string]: unknown;
}

function accountOf(tenant: Tenant, person: Person): SigninAccount {
  const { id, displayName, userPrincipalName } = person.user;
  return {
    accountId: id,
    person,
    claims: () => ({
      sub: id,
      oid: id,
      tid: tenant.tid,
      ver: '2.0',
      name: displayName,
      preferred_username: userPrincipalName,
    }),
  };
}

/** The library's checks, and one more: a session whose person is blocked, gone or has another password by now. */
function policy() {
  const { base, Check, Prompt } = interactionPolicy;
  const prompts = base();
  prompts.get('login')?.checks.add(
    new Check('account_standing', 'the session is no longer good', (ctx) => {
      const { session, account } = ctx.oidc;
      return session?.accountId !== undefined && account === undefined ? Check.REQUEST_PROMPT : Check.NO_NEED_TO_PROMPT;
    }),
  );
  prompts.add(new Prompt({ name: 'select_account', requestable: true }), 0);
  return prompts;
}

/** First-party: whatever the client may ask for is granted, without a screen that would ask nothing of anybody. */
async function firstPartyGrant(ctx: KoaContextWithOIDC) {
  const { client, account, session, provider, params, resourceServers } = ctx.oidc;
  if (!client || !account || !session || !params) return undefined;
  // MSAL asks for offline_access without prompt=consent, where the library takes it out of the request, and asks for it
  // again when it refreshes, where the library would then miss it. Consent is ours to give: it is put back.
  if (client.grantTypeAllowed('refresh_token')) {
    params.scope = [...new Set([...ctx.oidc.requestParamScopes, 'offline_access'])].join(' ');
  }
  const known = session.grantIdFor(client.clientId);
  const grant =
    (known && (await provider.Grant.find(known))) ||
    new provider.Grant({ clientId: client.clientId, accountId: account.accountId });
  const before = JSON.stringify([grant.openid, grant.resources]);
  grant.addOIDCScope([...ctx.oidc.requestParamOIDCScopes].join(' ') || 'openid');
  for (const [resource, server] of Object.entries(resourceServers ?? {})) {
    const scopes = [...ctx.oidc.requestParamScopes].filter((scope) => server.scopes.has(scope));
    if (scopes.length > 0) grant.addResourceScope(resource, scopes.join(' '));
  }
  if (JSON.stringify([grant.openid, grant.resources]) !== before) await grant.save();
  return grant;
}

interface Discovery {
  readonly grant_types_supported: readonly string[];
  readonly [name: string]: unknown;
}

function withPrograms(discovery: Discovery): Discovery {
  return {
    ...discovery,
    grant_types_supported: [...discovery.grant_types_supported, 'client_credentials', jwtBearer],
    token_endpoint_auth_methods_supported: ['none', 'client_secret_post', 'client_secret_basic', 'private_key_jwt'],
    token_endpoint_auth_signing_alg_values_supported: ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'],
  };
}

/** `api://<client id>/Passwords.Reset`: how Entra's clients say for which API they want a token; they send no `resource`. */
const scopeOfApi = /^(api:\/\/[0-9a-f-]{36})\/([^/]+)$/;

function resourceIn(scope: unknown): string | undefined {
  const words = typeof scope === 'string' ? scope.split(' ') : [];
  return words.map((word) => scopeOfApi.exec(word)?.[1]).find((resource) => resource !== undefined);
}

/** Who takes the token, and what it may say. @throws InvalidTarget for an API that there is not */
async function serverOf(deps: ProviderDeps, tenant: Tenant, resource: string) {
  if (resource === tenant.clientId) return { scope: apiScope, audience: tenant.clientId };
  const api = await apiOf(deps, tenant, resource);
  if (!api) throw new errors.InvalidTarget('There is no such API here.');
  return { scope: `${resource}/${apiScope}`, audience: api.id };
}

/** Turns the library's access token into one of Entra's shape. */
async function entraShape(
  deps: ProviderDeps,
  tenant: Tenant,
  ctx: KoaContextWithOIDC,
  token: AccessToken,
  jwt: { payload: { [claim: string]: unknown } },
): Promise<void> {
  const { person } = ctx.oidc.account as unknown as SigninAccount;
  const scopes = (token.scope ?? '').split(' ').filter((scope) => scope !== '');
  jwt.payload = {
    ...(await delegatedClaims(deps.directory(tenant), tenant, person, {
      audience: String(jwt.payload.aud),
      azp: token.clientId ?? '',
      azpacr: '0',
      at: deps.now(),
      uti: token.jti,
      scopes: scopes.map((scope) => scopeOfApi.exec(scope)?.[2] ?? scope),
    })),
  };
}
