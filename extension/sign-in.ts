// Signs the administrator in, in an extension page: MSAL keeps state, nonce and PKCE (RFC 7636), the browser's
// identity.launchWebAuthFlow shows the provider's page. Tokens stay in the page (sessionStorage of this window, ended
// with it); a later window asks the provider's own session, without a window (`quiet`).

import type { AuthenticationResult, Configuration, PublicClientApplication } from '@azure/msal-browser';
import type { Config } from '#shared/api.ts';

/** What is needed of the browser's `identity`. */
export interface Identity {
  getRedirectURL(): string;
  launchWebAuthFlow(details: { url: string; interactive: boolean }): Promise<string | undefined>;
}

/**
 * `needed`: the provider wants to see the person. `closed`: the person closed the provider's window, which is a
 * decision, not a fault. `failed`: `why` is the provider's or the browser's error code or sentence, for people who
 * check.
 */
export type SignInOutcome =
  | { readonly outcome: 'done' }
  | { readonly outcome: 'needed' }
  | { readonly outcome: 'closed' }
  | { readonly outcome: 'failed'; readonly why: string };

export interface SignIn {
  /** An access token without showing anything; `fresh`: not the one that was refused. Never rejects. */
  token(fresh?: boolean): Promise<string | undefined>;
  /** By the provider's session (prompt=none): shows nothing. */
  quiet(): Promise<SignInOutcome>;
  /**
   * In the provider's window; call it from a click. `choose`: let the person take another account. `claims`: what the
   * directory wants of this sign-in (OpenID Connect Core §5.5), as it came with the refusal.
   */
  interactive(how?: { choose?: boolean; claims?: string | undefined }): Promise<SignInOutcome>;
}

const openIdScopes = ['openid', 'profile', 'email', 'offline_access'];

/** MSAL's configuration for what a connector says of its provider. `navigate` takes the address and keeps the page. */
export function msalConfiguration(
  config: Config,
  redirectUri: string,
  navigate: (url: string) => false,
): Configuration {
  return {
    auth: {
      clientId: config.clientId,
      authority: config.authority,
      // No question to Microsoft about an authority that the connector has named.
      knownAuthorities: [new URL(config.authority).host],
      redirectUri,
      onRedirectNavigate: navigate,
      // Continuous access evaluation: the directory may ask for a new sign-in at any time, and we can answer (cp1).
      ...(config.protocol === 'entra' ? { clientCapabilities: ['cp1'] } : {}),
      ...(config.protocol === 'oidc'
        ? {
            OIDCOptions: {
              responseMode: 'fragment',
              // MSAL asks for these at every refresh too: none that the provider hasn't announced.
              defaultScopes: config.scopes.filter((scope) => openIdScopes.includes(scope)),
            },
          }
        : {}),
    },
    cache: { cacheLocation: 'sessionStorage' },
    system: {
      protocolMode: config.protocol === 'oidc' ? 'OIDC' : 'AAD',
      loggerOptions: { piiLoggingEnabled: false, loggerCallback: () => {} },
    },
  };
}

/** Of every access token this much of its life is left, in milliseconds. */
const margin = 60_000;

/** Sign-in at the provider of one organisation. MSAL is fetched at first need, not before. */
export function signIn(config: Config, identity: Identity, now: () => number = Date.now): SignIn {
  const scopes = config.scopes.filter((scope) => config.protocol === 'entra' || !openIdScopes.includes(scope));
  let held: AuthenticationResult | undefined;
  let asked: string | undefined;
  let client: Promise<{ msal: typeof import('@azure/msal-browser'); app: PublicClientApplication }> | undefined;

  async function load() {
    const msal = await import('@azure/msal-browser');
    const app = new msal.PublicClientApplication(
      msalConfiguration(config, identity.getRedirectURL(), (url) => {
        asked = url;
        return false;
      }),
    );
    await app.initialize();
    return { msal, app };
  }

  function ready() {
    client ??= load().catch((error) => {
      client = undefined;
      throw error;
    });
    return client;
  }

  async function flow(interactive: boolean, prompt?: string, claims?: string): Promise<SignInOutcome> {
    try {
      const { app } = await ready();
      asked = undefined;
      await app.acquireTokenRedirect({
        scopes,
        ...(prompt === undefined ? {} : { prompt }),
        ...(claims === undefined ? {} : { claims }),
      });
      if (asked === undefined) return { outcome: 'failed', why: 'no_authorization_request' };
      const url: string = asked;
      const answer = await identity.launchWebAuthFlow({ url, interactive }).catch((error: unknown) => error);
      const came = typeof answer === 'string' ? new URL(answer).hash : '';
      // MSAL waits for an answer and refuses a second question until it has one: tell it that nothing came.
      const state = encodeURIComponent(new URL(url).searchParams.get('state') ?? '');
      const result = await app
        .handleRedirectPromise({
          hash: came || `#error=access_denied&error_description=closed&state=${state}`,
          navigateToLoginRequestUrl: false,
        })
        .catch((error: unknown) => error);
      if (came === '') return nothingCame(answer, interactive);
      return isResult(result) ? keep(app, result) : await refused(result);
    } catch (error) {
      return await refused(error);
    }
  }

  function keep(app: PublicClientApplication, result: AuthenticationResult): SignInOutcome {
    held = result;
    app.setActiveAccount(result.account);
    return { outcome: 'done' };
  }

  async function refused(error: unknown): Promise<SignInOutcome> {
    const { msal } = await ready().catch(() => ({ msal: undefined }));
    if (msal && error instanceof msal.InteractionRequiredAuthError) return { outcome: 'needed' };
    if (msal && error instanceof msal.AuthError) {
      // RFC 6749 §4.1.2.1: the person, or the provider for them, said no.
      if (error.errorCode === 'access_denied') return { outcome: 'closed' };
      return { outcome: 'failed', why: error.errorCode };
    }
    return { outcome: 'failed', why: error instanceof Error ? error.message : 'unknown' };
  }

  async function silent(fresh: boolean): Promise<string | undefined> {
    if (!held) return undefined;
    const { msal, app } = await ready();
    const { RefreshToken, AccessTokenAndRefreshToken } = msal.CacheLookupPolicy;
    held = await app.acquireTokenSilent({
      scopes,
      account: held.account,
      // MSAL's further ways, an iframe or a popup, need a page on the redirect origin, which no extension has.
      cacheLookupPolicy: fresh ? RefreshToken : AccessTokenAndRefreshToken,
    });
    return held.accessToken;
  }

  return {
    async token(fresh = false) {
      if (held && !fresh && (held.expiresOn?.getTime() ?? 0) - now() > margin) return held.accessToken;
      if (!held) return undefined;
      const token = await silent(fresh).catch(() => undefined);
      if (token !== undefined) return token;
      // A refresh token of a single-page application ends after 24 hours; the provider's session may live on.
      held = undefined;
      return (await flow(false, 'none')).outcome === 'done'
        ? (held as AuthenticationResult | undefined)?.accessToken
        : undefined;
    },
    quiet: () => flow(false, 'none'),
    // OpenID Connect knows select_account as well, but few providers beside Entra do.
    interactive: ({ choose = false, claims } = {}) =>
      flow(true, choose ? (config.protocol === 'entra' ? 'select_account' : 'login') : undefined, claims),
  };
}

/** The browser ended the flow without an address. Its sentences differ and have no codes. */
function nothingCame(error: unknown, interactive: boolean): SignInOutcome {
  const sentence = error instanceof Error ? error.message : '';
  if (/could not be loaded|network/i.test(sentence)) return { outcome: 'failed', why: sentence };
  return { outcome: interactive ? 'closed' : 'needed' };
}

function isResult(value: unknown): value is AuthenticationResult {
  return typeof value === 'object' && value !== null && 'accessToken' in value;
}
