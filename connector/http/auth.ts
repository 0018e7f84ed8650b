// Bearer token → Caller: the one place where an access token of Entra's v2 shape is believed. Who issued it decides
// which tenant is spoken for; the keys come from `keysOf` (the embedded sign-in's own, later an issuer's JWKS).

import { decodeJwt, errors, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { Problem } from '#shared/problem.ts';
import type { Tenant, Tenants } from '../tenant.ts';

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
}

export interface AuthDeps {
  readonly tenants: Tenants;
  readonly keysOf: (tenant: Tenant) => JWTVerifyGetKey;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** The scope without which no door of resets opens. */
const requiredScope = 'Passwords.Reset';
/** Of the clocks, in seconds. */
const tolerance = 60;
const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * The caller of an Authorization header (RFC 6750 §2.1).
 * @throws Problem unauthorized, tokenExpired (all else was right), scopeMissing
 */
export async function authenticate(deps: AuthDeps, authorization: string | undefined): Promise<Caller> {
  const token = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+) *$/i.exec(authorization ?? '')?.[1];
  if (token === undefined) throw new Problem('unauthorized');
  try {
    return await verified(deps, token);
  } catch (error) {
    if (error instanceof errors.JWTExpired) throw new Problem('tokenExpired');
    if (error instanceof errors.JOSEError) throw new Problem('unauthorized');
    throw error;
  }
}

async function verified({ tenants, keysOf, now }: AuthDeps, token: string): Promise<Caller> {
  // Not believed yet: it only says whose keys and whose settings must fit.
  const { iss } = decodeJwt(token);
  const tenant = typeof iss === 'string' ? await tenants.byIssuer(iss) : undefined;
  if (!tenant) throw new Problem('unauthorized');
  const { payload } = await jwtVerify(token, keysOf(tenant), {
    // A list, not the header's word (RFC 8725 §3.1): neither `none` nor an HMAC with the public key.
    algorithms: ['RS256'],
    issuer: tenant.issuer,
    audience: tenant.clientId,
    currentDate: new Date(now()),
    clockTolerance: tolerance,
    requiredClaims: ['exp', 'tid', 'oid', 'ver'],
  });
  const { tid, oid, ver, aud } = payload;
  if (aud !== tenant.clientId || tid !== tenant.tid || ver !== '2.0') throw new Problem('unauthorized');
  if (typeof oid !== 'string' || !guid.test(oid)) throw new Problem('unauthorized');

  // Only delegated tokens have `scp`: one that an app got for itself has no person behind it (entra access-token claims).
  const scopes = textOf(payload.scp).split(' ').filter(Boolean);
  if (!scopes.includes(requiredScope)) throw new Problem('scopeMissing');
  return {
    tenant,
    id: oid,
    name: textOf(payload.name),
    // For people to read, never to decide by: it can be changed and used again.
    userPrincipalName: textOf(payload.preferred_username),
    azp: textOf(payload.azp),
    scopes,
    expiresAt: (payload.exp ?? 0) * 1000,
    wids: Array.isArray(payload.wids) ? payload.wids.filter((id) => typeof id === 'string') : [],
  };
}

function textOf(claim: unknown): string {
  return typeof claim === 'string' ? claim : '';
}
