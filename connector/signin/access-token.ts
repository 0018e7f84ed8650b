// Access tokens in the shape of Entra's v2 tokens: of a person who uses a program, and of a program by itself. One place
// says what is in them, whichever endpoint issues them.

import { importJWK, SignJWT } from 'jose';
import type { Directory } from '../directory/directory.ts';
import { everyMember } from '../policy/roles.ts';
import type { Client } from '../store/clients.ts';
import type { Tenant } from '../tenant.ts';
import type { Person } from './accounts.ts';
import { type KeyStore, readKeys } from './keys.ts';

/** How long an access token of a person lasts, in seconds. */
export const accessTokenLife = 3600;

interface Common {
  /** For whom it is: `aud`. */
  readonly audience: string;
  /** Which program asked. */
  readonly azp: string;
  /** How that program proved itself. */
  readonly azpacr: Azpacr;
  /** When it is issued, in milliseconds since the epoch. */
  readonly at: number;
  /** What tells this token from all others. */
  readonly uti: string;
}

/** Not at all, by a secret, by a signature. */
export type Azpacr = '0' | '1' | '2';

export type Claims = Readonly<Record<string, unknown>>;

function common(tenant: Tenant, { audience, azp, azpacr, at, uti }: Common, life: number): Claims {
  const issuedAt = Math.floor(at / 1000);
  return {
    ...{ iss: tenant.issuer, aud: audience, tid: tenant.tid, azp, azpacr, ver: '2.0' },
    ...{ iat: issuedAt, nbf: issuedAt, exp: issuedAt + life, uti },
  };
}

/** Of a person who uses a program. Roles are those that the person holds at this moment. */
export async function delegatedClaims(
  directory: Directory,
  tenant: Tenant,
  { user }: Person,
  token: Common & { readonly scopes: readonly string[] },
): Promise<Claims> {
  return {
    ...common(tenant, token, accessTokenLife),
    oid: user.id,
    sub: user.id,
    ...(token.scopes.length > 0 && { scp: token.scopes.join(' ') }),
    // As in Entra, so that nobody's roles can be told from a token that says nothing of roles.
    wids: [...(await directory.standingOf(user.id)).roles, everyMember],
    name: user.displayName,
    preferred_username: user.userPrincipalName,
  };
}

/** Of a program by itself: its id is the object id of its service principal. */
export function appClaims(
  tenant: Tenant,
  client: Client,
  token: Omit<Common, 'azp'> & { readonly roles: readonly string[]; readonly wids: readonly string[] },
): Claims {
  return {
    ...common(tenant, { ...token, azp: client.id }, client.tokenMinutes * 60),
    oid: client.id,
    sub: client.id,
    idtyp: 'app',
    app_displayname: client.name,
    ...(token.roles.length > 0 && { roles: token.roles }),
    ...(token.wids.length > 0 && { wids: token.wids }),
  };
}

/** Signs claims with the newest key of a tenant; the key is opened once. */
export function signer(store: KeyStore): (tenant: Tenant, claims: Claims) => Promise<string> {
  const known = new Map<string, ReturnType<typeof newest>>();
  async function newest(tenant: string) {
    const [jwk] = (await readKeys(store, tenant)).signing;
    if (!jwk) throw new Error('There is no key that signs.');
    return { kid: jwk.kid ?? '', key: await importJWK(jwk, 'RS256') };
  }
  return async (tenant, claims) => {
    const found = known.get(tenant.id) ?? newest(tenant.id);
    known.set(tenant.id, found);
    // A failure (a locked database) is not to be remembered.
    found.catch(() => known.delete(tenant.id));
    const { kid, key } = await found;
    return new SignJWT({ ...claims }).setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid }).sign(key);
  };
}
