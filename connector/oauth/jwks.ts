// Keys of other issuers (RFC 7517), fetched from addresses that an operator gave: bounded in time and size, kept by
// `kid`, and fetched again at most once a minute, whatever is asked for.

import { importJWK, type JWK } from 'jose';
import type { Logger } from '../log.ts';
import { fetchJson } from './fetch-json.ts';

/** Public keys of one issuer by `kid`. */
type Keys = ReadonlyMap<string, CryptoKey>;

interface Entry {
  keys: Keys;
  /** When the keys came, and when they were last asked for, in milliseconds since the epoch. */
  fetchedAt: number;
  askedAt: number;
  asking?: Promise<void>;
}

export interface JwksDeps {
  readonly fetch: typeof fetch;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: Logger;
}

const mostKeys = 100;
const pause = 60_000;
/** After this a key that the issuer has taken back is believed no longer, provided that the issuer answers. */
const freshFor = 3_600_000;
/** And after this in any case. */
const staleFor = 24 * 3_600_000;

/** Is this an address from which keys may be fetched? https, or http on this machine; without a name and password. */
export function isJwksUri(text: string): boolean {
  const url = URL.parse(text);
  if (url?.username !== '' || url.password !== '' || url.hash !== '') return false;
  const loopback = /^(127(\.\d{1,3}){3}|localhost|\[::1\])$/.test(url.hostname);
  return url.protocol === 'https:' || (url.protocol === 'http:' && loopback);
}

/** Looks keys up: the RS256 key of this `kid` behind this address, undefined when there is none. Never throws. */
export function remoteKeys(deps: JwksDeps): (uri: string, kid: string) => Promise<CryptoKey | undefined> {
  const entries = new Map<string, Entry>();

  async function refresh(uri: string, entry: Entry): Promise<void> {
    try {
      entry.keys = await fetchKeys(deps.fetch, uri);
      entry.fetchedAt = deps.now();
    } catch (error) {
      // The address is an operator's setting, and what is wrong there is for the operator.
      deps.log.warn({ uri, reason: error instanceof Error ? error.message : String(error) }, 'jwks');
    }
  }

  return async (uri, kid) => {
    const at = deps.now();
    const entry: Entry = entries.get(uri) ?? { keys: new Map(), fetchedAt: -Infinity, askedAt: -Infinity };
    entries.set(uri, entry);
    const wanting = !entry.keys.has(kid) || at - entry.fetchedAt > freshFor;
    if (wanting && entry.asking === undefined && at - entry.askedAt >= pause) {
      entry.askedAt = at;
      entry.asking = refresh(uri, entry).finally(() => {
        entry.asking = undefined;
      });
    }
    if (wanting) await entry.asking;
    return at - entry.fetchedAt > staleFor ? undefined : entry.keys.get(kid);
  };
}

async function fetchKeys(fetching: typeof fetch, uri: string): Promise<Keys> {
  if (!isJwksUri(uri)) throw new Error('Keys are fetched over https.');
  const parsed = (await fetchJson(fetching, uri)) as { keys?: unknown } | null;
  if (!Array.isArray(parsed?.keys)) throw new Error('It is not a JWK Set.');
  const keys = new Map<string, CryptoKey>();
  for (const jwk of parsed.keys.slice(0, mostKeys) as (JWK | null)[]) {
    if (jwk?.kty !== 'RSA' || typeof jwk.kid !== 'string' || typeof jwk.n !== 'string') continue;
    if ((jwk.use ?? 'sig') !== 'sig' || (jwk.alg ?? 'RS256') !== 'RS256') continue;
    const { kty, n, e } = jwk;
    // One key that is no key does not spoil the others.
    const key = await importJWK({ kty, n, e } as JWK, 'RS256').catch(() => undefined);
    if (key && !(key instanceof Uint8Array)) keys.set(jwk.kid, key);
  }
  if (keys.size === 0) throw new Error('It has no RSA key for signatures.');
  return keys;
}
