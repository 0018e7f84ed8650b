// The keys of the embedded sign-in, per tenant, sealed in `oidc_key`: RS256 keys that sign tokens (RFC 7517) and keys
// that sign cookies. There may be several of each: the newest signs, all of them verify.

import {
  calculateJwkThumbprint,
  createLocalJWKSet,
  errors,
  exportJWK,
  generateKeyPair,
  type JWK,
  type JWTVerifyGetKey,
} from 'jose';
import type { Keyring } from '../secret.ts';
import type { Sql, Tx, Work } from '../sql/sql.ts';

export interface KeyStore {
  readonly sql: Sql;
  readonly keyring: Keyring;
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
}

/** Newest first. */
export interface SigninKeys {
  readonly signing: readonly JWK[];
  readonly cookies: readonly string[];
}

interface KeyRow {
  id: string;
  kind: 'signing' | 'cookie';
  sealed: string;
}

const placeOf = (tenant: string, id: string) => `oidc_key/${tenant}/${id}/sealed`;

async function rowsOf({ sql }: KeyStore, tenant: string): Promise<KeyRow[]> {
  return sql.all<KeyRow>`select id, kind, sealed from oidc_key where tenant = ${tenant} order by created desc, id`;
}

async function makeKeys({ keyring, random }: KeyStore, tenant: string): Promise<KeyRow[]> {
  const { privateKey } = await generateKeyPair('RS256', { modulusLength: 2048, extractable: true });
  const jwk = await exportJWK(privateKey);
  const kid = await calculateJwkThumbprint(jwk);
  const signing = JSON.stringify({ ...jwk, kid, alg: 'RS256', use: 'sig' });
  const cookieId = Buffer.from(random(12)).toString('base64url');
  const cookie = Buffer.from(random(32)).toString('base64url');
  return [
    { id: kid, kind: 'signing', sealed: keyring.seal(signing, placeOf(tenant, kid)) },
    { id: cookieId, kind: 'cookie', sealed: keyring.seal(cookie, placeOf(tenant, cookieId)) },
  ];
}

function* saveKeys(tx: Tx, tenant: string, rows: readonly KeyRow[], created: number, onlyFirst: boolean): Work<void> {
  // Two processes that start at once must not each sign with a key of their own.
  const any = yield* tx.get`select id from oidc_key where tenant = ${tenant} limit 1`;
  if (any && onlyFirst) return;
  for (const row of rows) {
    yield* tx.run`insert into oidc_key (tenant, id, kind, sealed, created)
      values (${tenant}, ${row.id}, ${row.kind}, ${row.sealed}, ${created})`;
  }
}

/** The keys of a tenant; the first ones are made here. @throws SealError when the master key is another */
export async function readKeys(store: KeyStore, tenant: string): Promise<SigninKeys> {
  let rows = await rowsOf(store, tenant);
  if (rows.length === 0) {
    const made = await makeKeys(store, tenant);
    await store.sql.run((tx) => saveKeys(tx, tenant, made, store.now(), true));
    rows = await rowsOf(store, tenant);
  }
  const open = (row: KeyRow) => store.keyring.openText(row.sealed, placeOf(tenant, row.id));
  return {
    signing: rows.filter(({ kind }) => kind === 'signing').map((row) => JSON.parse(open(row)) as JWK),
    cookies: rows.filter(({ kind }) => kind === 'cookie').map(open),
  };
}

/** Adds a new pair that signs from the next start on; the older ones go on verifying what they have signed. */
export async function rotateKeys(store: KeyStore, tenant: string): Promise<void> {
  const made = await makeKeys(store, tenant);
  await store.sql.run((tx) => saveKeys(tx, tenant, made, store.now(), false));
}

function publicOf({ kty, n, e, kid, alg, use }: JWK): JWK {
  return { kty, n, e, kid, alg, use } as JWK;
}

/**
 * The public keys of a tenant as jose asks for them, straight from the database: read once, and again when a token
 * names a key that is not known yet.
 */
export function keysOf(store: KeyStore): (tenant: { readonly id: string }) => JWTVerifyGetKey {
  const known = new Map<string, { ids: string; get: JWTVerifyGetKey }>();
  const read = async (tenant: string) => {
    const { signing } = await readKeys(store, tenant);
    const ids = signing.map(({ kid }) => kid).join(' ');
    const found = { ids, get: createLocalJWKSet({ keys: signing.map(publicOf) }) as JWTVerifyGetKey };
    known.set(tenant, found);
    return found;
  };
  return ({ id }) =>
    async (header, token) => {
      const keys = known.get(id) ?? (await read(id));
      try {
        return await keys.get(header, token);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
        // Opening private keys is not free, and anybody can name a key: look at the list of names first.
        const rows = (await rowsOf(store, id)).filter(({ kind }) => kind === 'signing');
        if (rows.map((row) => row.id).join(' ') === keys.ids) throw error;
        return (await read(id)).get(header, token);
      }
    };
}
