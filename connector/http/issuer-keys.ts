// The keys that sign an issuer's access tokens (OpenID Connect Discovery 1.0 §4, RFC 7517): found by its own word, kept by
// `kid`, fetched again when a token names a key that is not known yet (roll-over), but not at everybody's bidding. An
// issuer that cannot be reached is a fault of its own, never a token's.

import { errors, importJWK, type JWK, type JWTVerifyGetKey } from 'jose';
import { Problem } from '#shared/problem.ts';
import type { Logger } from '../log.ts';
import { fetchJson } from '../oauth/fetch-json.ts';
import { isJwksUri } from '../oauth/jwks.ts';
import type { Tenant } from '../tenant.ts';

export interface IssuerKeysDeps {
  readonly fetch: typeof fetch;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: Logger;
}

type Key = Exclude<Awaited<ReturnType<JWTVerifyGetKey>>, Uint8Array | JWK>;
type Whose = Pick<Tenant, 'issuer' | 'tid'>;

interface Entry {
  keys: ReadonlyMap<string, Key>;
  /** When the keys came, and when they were last asked for, in milliseconds since the epoch. */
  fetchedAt: number;
  askedAt: number;
  asking?: Promise<void>;
}

/** Between two questions to an issuer, in milliseconds: whoever invents names of keys does not make us a flood. */
const coolDown = 30_000;
/** After this the keys are asked for again, so that one that was taken back is believed no longer. */
const freshFor = 3_600_000;
/** For so long an issuer that does not answer is taken to have the keys that it had. */
const staleFor = 24 * 3_600_000;
const mostKeys = 100;

/**
 * Keys of issuers as jose asks for them.
 * The function that it returns throws Problem unavailable when the issuer cannot be asked, and
 * JWKSNoMatchingKey when the issuer says that there is no such key.
 */
export function issuerKeys(deps: IssuerKeysDeps): (tenant: Whose) => JWTVerifyGetKey {
  const { now, log } = deps;
  const entries = new Map<string, Entry>();

  async function refresh(tenant: Whose, entry: Entry): Promise<void> {
    try {
      entry.keys = await fetchIssuerKeys(deps.fetch, tenant);
      entry.fetchedAt = now();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      log.warn({ issuer: tenant.issuer, reason }, 'keys of the issuer');
    }
  }

  function ask(tenant: Whose, entry: Entry): Promise<void> | undefined {
    if (entry.asking === undefined && now() - entry.askedAt >= coolDown) {
      entry.askedAt = now();
      entry.asking = refresh(tenant, entry).finally(() => {
        delete entry.asking;
      });
    }
    return entry.asking;
  }

  return (tenant) => async (header) => {
    const place = `${tenant.issuer} ${tenant.tid}`;
    const entry: Entry = entries.get(place) ?? { keys: new Map(), fetchedAt: -Infinity, askedAt: -Infinity };
    entries.set(place, entry);
    // Entra names its keys; without a name there is nothing to roll over to.
    if (header?.kid === undefined) throw new errors.JWKSNoMatchingKey();
    const age = now() - entry.fetchedAt;
    if (entry.keys.has(header.kid) && age <= staleFor) {
      // Nobody waits for a question whose answer is known already, as far as anybody can tell.
      if (age > freshFor) void ask(tenant, entry);
    } else {
      await ask(tenant, entry);
    }
    const answered = now() - entry.fetchedAt <= staleFor && entry.fetchedAt >= entry.askedAt;
    const key = now() - entry.fetchedAt <= staleFor ? entry.keys.get(header.kid) : undefined;
    if (key) return key;
    // Unknown, and nobody was there to say whether it is one of theirs.
    if (!answered) throw new Problem('unavailable', { reason: 'issuer' });
    throw new errors.JWKSNoMatchingKey();
  };
}

/** What chooses between the embedded sign-in's own keys and those of another issuer. */
export function keysByDirectory(sources: {
  readonly embedded: (tenant: Tenant) => JWTVerifyGetKey;
  readonly remote: (tenant: Tenant) => JWTVerifyGetKey;
}): (tenant: Tenant) => JWTVerifyGetKey {
  return (tenant) => (isRemote(tenant) ? sources.remote(tenant) : sources.embedded(tenant));
}

/** Does another sign-in than the embedded one vouch for the people of this tenant? */
export function isRemote({ directory }: Pick<Tenant, 'directory'>): boolean {
  return directory.startsWith('graph://');
}

/** @throws Error with a sentence for the operator */
async function fetchIssuerKeys(fetching: typeof fetch, tenant: Whose): Promise<Map<string, Key>> {
  const base = tenant.issuer.replace(/\/$/, '');
  if (!isJwksUri(tenant.issuer)) throw new Error('An issuer is spoken to over https.');
  const found = (await fetchJson(fetching, `${base}/.well-known/openid-configuration`)) as Discovery | null;
  // RFC 8414 §3.3: else somebody could vouch for an issuer that he is not.
  if (!isIssuer(found?.issuer, tenant)) throw new Error('The issuer calls itself by another name.');
  const uri = found?.jwks_uri;
  if (typeof uri !== 'string' || !isJwksUri(uri)) throw new Error('The issuer does not say where its keys are.');
  const set = (await fetchJson(fetching, uri)) as { keys?: unknown } | null;
  if (!Array.isArray(set?.keys)) throw new Error('It is not a JWK Set.');
  const keys = new Map<string, Key>();
  for (const jwk of set.keys.slice(0, mostKeys) as (EntraKey | null)[]) {
    if (jwk?.kty !== 'RSA' || typeof jwk.kid !== 'string' || typeof jwk.n !== 'string') continue;
    if ((jwk.use ?? 'sig') !== 'sig' || (jwk.alg ?? 'RS256') !== 'RS256') continue;
    // Keys of Entra's common endpoint say whose tokens they may sign.
    if (jwk.issuer !== undefined && !isIssuer(jwk.issuer, tenant)) continue;
    const { kty, n, e } = jwk;
    // One key that is no key does not spoil the others.
    const key = await importJWK({ kty, n, e } as JWK, 'RS256').catch(() => undefined);
    if (key && !(key instanceof Uint8Array)) keys.set(jwk.kid, key);
  }
  if (keys.size === 0) throw new Error('It has no RSA key for signatures of this issuer.');
  return keys;
}

interface Discovery {
  readonly issuer?: unknown;
  readonly jwks_uri?: unknown;
}
type EntraKey = JWK & { readonly issuer?: unknown };

/** The name of an issuer, also as a pattern for all tenants: `https://login.microsoftonline.com/{tenantid}/v2.0`. */
function isIssuer(name: unknown, { issuer, tid }: Whose): boolean {
  return typeof name === 'string' && name.replace('{tenantid}', tid) === issuer;
}
