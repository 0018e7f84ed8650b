// Who may ask the embedded sign-in for tokens: the extension, a public client that proves itself by PKCE (RFC 7636)
// and by redirect addresses that browsers give to nobody else; and the sign-in's own account page.

import { createHash } from 'node:crypto';
import type { ClientMetadata } from 'oidc-provider';

/** The one scope of `/api`. */
export const apiScope = 'Passwords.Reset';

/** The extension's client id, in every installation. */
export const extensionClientId = 'reset-and-resend-extension';
/** The account page: gets no code and no token, only a session. */
export const accountClientId = 'reset-and-resend-account';

const isChromiumId = (id: string) => /^[a-p]{32}$/.test(id);

/** Where `identity.launchWebAuthFlow` expects the answer: Chromium by extension id, Firefox by SHA-1 of the Gecko id. */
export function redirectUriOf(extensionId: string): string {
  if (isChromiumId(extensionId)) return `https://${extensionId}.chromiumapp.org/`;
  return `https://${createHash('sha1').update(extensionId).digest('hex')}.extensions.allizom.org/`;
}

/**
 * May a page of this origin read the token endpoint's answer? Firefox gives each installation an origin of its own, so
 * every `moz-extension:` may; what counts is the code and its verifier, never the origin.
 */
export function mayRedeem(origin: string, extensionIds: readonly string[]): boolean {
  if (/^moz-extension:\/\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(origin)) return true;
  return extensionIds.some((id) => isChromiumId(id) && origin === `chrome-extension://${id}`);
}

/** The clients of an issuer; without extension ids there is the account page alone. */
export function clientsOf(issuer: string, extensionIds: readonly string[]): ClientMetadata[] {
  const account: ClientMetadata = {
    client_id: accountClientId,
    redirect_uris: [`${issuer}/account`],
    response_types: ['none'],
    grant_types: [],
    token_endpoint_auth_method: 'none',
  };
  if (extensionIds.length === 0) return [account];
  const extension: ClientMetadata = {
    client_id: extensionClientId,
    client_name: 'Reset & Resend',
    redirect_uris: extensionIds.map(redirectUriOf),
    response_types: ['code'],
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'none',
  };
  return [extension, account];
}
