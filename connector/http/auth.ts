// Bearer token → who calls: the one place where an access token of Entra's v2 shape is believed. Who issued it decides
// which tenant is spoken for; the keys come from `keysOf` (the embedded sign-in's own, or an issuer's: issuer-keys.ts).

import { decodeJwt, errors, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { Problem } from '#shared/problem.ts';
import { Secret } from '../secret.ts';
import type { Tenant, Tenants } from '../tenant.ts';
import { isRemote } from './issuer-keys.ts';

/** A verified access token: of a person who uses an app (delegated), or of an app alone. */
export interface Access {
  readonly tenant: Tenant;
  /** Object id: of the person, or of the app's service principal. */
  readonly oid: string;
  /** Is there no person behind it? Then `roles` count, else `scopes`. */
  readonly appOnly: boolean;
  readonly scopes: readonly string[];
  /** Application permissions. */
  readonly roles: readonly string[];
  /** The client that called. */
  readonly azp: string;
  readonly name: string;
  readonly userPrincipalName: string;
  readonly wids: readonly string[];
  /** Until when it holds, in milliseconds since the epoch. */
  readonly expiresAt: number;
  readonly token: Secret;
}

/** Who is calling. Roles in `wids` are as old as the token: what is allowed is asked of the directory. */
export interface Caller {
  readonly tenant: Tenant;
  /** Object id (`oid`). */
  readonly id: string;
  readonly name: string;
  readonly userPrincipalName: string;
  /** The client that called. */
  readonly azp: string;
  readonly scopes: readonly string[];
  /** Role template ids. */
  readonly wids: readonly string[];
  /** Until when the token holds, in milliseconds since the epoch. */
  readonly expiresAt: number;
  /** What on-behalf-of exchanges. */
  readonly token: Secret;
}

export interface AuthDeps {
  readonly tenants: Tenants;
  readonly keysOf: (tenant: Tenant) => JWTVerifyGetKey;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Tokens that were verified a moment ago; absent: each is verified each time. */
  readonly recent?: RecentTokens;
}

/**
 * Tokens that were verified a moment ago: a signature costs more than the request that it comes with. For so short a time
 * a key or a setting that has been taken back is still believed; whether person or app still exist is asked elsewhere.
 */
export interface RecentTokens {
  /** @param authorization the whole header, as it was sent */
  get(authorization: string, now: number): Access | undefined;
  keep(authorization: string, access: Access, now: number): void;
}

/** How long a verified token is remembered, in milliseconds, and how many are. */
const recently = 10_000;
const mostRecent = 1000;

/** An empty memory, for one door: what it holds was issued for that door's audience. */
export function recentTokens(): RecentTokens {
  const known = new Map<string, { access: Access; until: number }>();
  return {
    get(authorization, now) {
      const found = known.get(authorization);
      if (found && now < found.until) return found.access;
      if (found) known.delete(authorization);
      return undefined;
    },
    keep(authorization, access, now) {
      const [oldest] = known.size >= mostRecent ? known.keys() : [];
      if (oldest !== undefined) known.delete(oldest);
      known.set(authorization, { access, until: Math.min(now + recently, access.expiresAt) });
    },
  };
}

/** The scope without which no door of resets opens. */
const requiredScope = 'Passwords.Reset';
/** Of the clocks, in seconds. */
const tolerance = 60;
const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * The caller of an Authorization header (RFC 6750 §2.1): a person who uses the extension.
 * @throws Problem unauthorized, tokenExpired (all else was right), scopeMissing, unavailable (the issuer cannot be asked)
 */
export async function authenticate(deps: AuthDeps, authorization: string | undefined): Promise<Caller> {
  const { oid, appOnly, scopes, ...access } = await verifyAccess(deps, authorization, ({ clientId }) => clientId);
  // A token that an app got for itself has no person behind it (entra, access-token claims).
  if (appOnly || !scopes.includes(requiredScope)) throw new Problem('scopeMissing');
  if (!isExtension(access)) throw new Problem('unauthorized');
  const { tenant, name, userPrincipalName, azp, wids, expiresAt, token } = access;
  return { tenant, id: oid, name, userPrincipalName, azp, scopes, wids, expiresAt, token };
}

/**
 * Another program of the organisation may have been given our scope, but nobody has looked at what it asks. The embedded
 * sign-in gives it to the extension alone; where Entra signs people in, the operator has to say which one that is.
 */
function isExtension({ tenant, azp }: Pick<Access, 'tenant' | 'azp'>): boolean {
  const { extensionClientId } = tenant;
  if (extensionClientId === undefined) return !isRemote(tenant);
  return azp !== '' && azp === extensionClientId;
}

/**
 * The access token of an Authorization header, for whatever it allows.
 * @param audienceOf what `aud` must be
 * @throws Problem unauthorized, tokenExpired (all else was right), unavailable (the issuer cannot be asked)
 */
export async function verifyAccess(
  deps: AuthDeps,
  authorization: string | undefined,
  audienceOf: (tenant: Tenant) => string,
): Promise<Access> {
  const known = authorization === undefined ? undefined : deps.recent?.get(authorization, deps.now());
  if (known) return known;
  const token = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+) *$/i.exec(authorization ?? '')?.[1];
  if (authorization === undefined || token === undefined) throw new Problem('unauthorized');
  try {
    const access = await verified(deps, token, audienceOf);
    deps.recent?.keep(authorization, access, deps.now());
    return access;
  } catch (error) {
    if (error instanceof errors.JWTExpired) throw new Problem('tokenExpired');
    if (error instanceof errors.JOSEError) throw new Problem('unauthorized');
    throw error;
  }
}

async function verified(
  { tenants, keysOf, now }: AuthDeps,
  token: string,
  audienceOf: (tenant: Tenant) => string,
): Promise<Access> {
  // Not believed yet: it only says whose keys and whose settings must fit.
  const { iss } = decodeJwt(token);
  const tenant = typeof iss === 'string' ? await tenants.byIssuer(iss) : undefined;
  if (!tenant) throw new Problem('unauthorized');
  const audience = audienceOf(tenant);
  const { payload } = await jwtVerify(token, keysOf(tenant), {
    // A list, not the header's word (RFC 8725 §3.1): neither `none` nor an HMAC with the public key.
    algorithms: ['RS256'],
    issuer: tenant.issuer,
    audience,
    currentDate: new Date(now()),
    clockTolerance: tolerance,
    requiredClaims: ['exp', 'tid', 'oid', 'ver'],
  });
  const { tid, oid, ver, aud } = payload;
  if (aud !== audience || tid !== tenant.tid || ver !== '2.0') throw new Problem('unauthorized');
  // Entra's issuers have their tenant in the address: a row that mixes two of them speaks for neither.
  const [named] = new URL(tenant.issuer).pathname.split('/').filter((part) => guid.test(part));
  if (named !== undefined && named.toLowerCase() !== tid.toLowerCase()) throw new Problem('unauthorized');
  if (typeof oid !== 'string' || !guid.test(oid)) throw new Problem('unauthorized');

  // Only delegated tokens have `scp` (entra, access-token claims).
  const scopes = textOf(payload.scp).split(' ').filter(Boolean);
  return {
    tenant,
    oid,
    // An app's own token says so where it is asked to (the optional claim `idtyp`), and never has a scope.
    appOnly: payload.scp === undefined || payload.idtyp === 'app',
    roles: textsOf(payload.roles),
    name: textOf(payload.name ?? payload.app_displayname),
    // For people to read, never to decide by: it can be changed and used again.
    userPrincipalName: textOf(payload.preferred_username),
    azp: textOf(payload.azp),
    scopes,
    expiresAt: (payload.exp ?? 0) * 1000,
    wids: textsOf(payload.wids),
    token: new Secret(token),
  };
}

function textsOf(claim: unknown): string[] {
  return Array.isArray(claim) ? claim.filter((one) => typeof one === 'string') : [];
}

function textOf(claim: unknown): string {
  return typeof claim === 'string' ? claim : '';
}
