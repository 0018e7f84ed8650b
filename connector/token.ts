// API tokens of machines that call a door: opaque, per tenant, with scope and expiry, kept as a hash, revoked at once.
//
// A token is `rr_<id>_<secret>`: the id is public and names it in lists and records, the secret has 256 random bits. Its hash
// is a plain SHA-256: nobody can guess 256 bits, so that a slow or salted hash would protect nothing and cost every request.

import { createHash, timingSafeEqual } from 'node:crypto';
import { Problem } from '#shared/problem.ts';
import { record } from './audit.ts';
import { Secret } from './secret.ts';
import type { Sql, Tx, Work } from './sql/sql.ts';

/** What a token may be good for. `scim`: read and write people through `/scim/v2`, and nothing else. */
export const tokenScopes = ['scim'] as const;
export type TokenScope = (typeof tokenScopes)[number];

/** A token without its secret. Times in milliseconds since the epoch. */
export interface Token {
  readonly tenant: string;
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly created: number;
  readonly expires?: number;
  /** To the minute. */
  readonly lastUsed?: number;
  readonly revoked?: number;
}

interface Row {
  tenant: string;
  id: string;
  name: string;
  scope: string;
  hash: string;
  created: number;
  expires: number | null;
  last_used: number | null;
  revoked: number | null;
}

const shape = /^rr_[0-9a-f]{16}_[A-Za-z0-9_-]{43}$/;
const minute = 60_000;

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

function tokenOf(row: Row): Token {
  return {
    tenant: row.tenant,
    id: row.id,
    name: row.name,
    scopes: row.scope.split(' '),
    created: row.created,
    ...(row.expires === null ? {} : { expires: row.expires }),
    ...(row.last_used === null ? {} : { lastUsed: row.last_used }),
    ...(row.revoked === null ? {} : { revoked: row.revoked }),
  };
}

/** A new token's text, from `random(bytes)`; only its hash is ever stored. */
export function mintToken(random: (bytes: number) => Uint8Array): { id: string; secret: Secret } {
  const id = Buffer.from(random(8)).toString('hex');
  return { id, secret: new Secret(`rr_${id}_${Buffer.from(random(32)).toString('base64url')}`) };
}

/** Stores a minted token. Times in milliseconds since the epoch. */
export function* createToken(
  tx: Tx,
  minted: { id: string; secret: Secret },
  token: { tenant: string; name: string; scopes: readonly TokenScope[]; at: number; actor: string; expires?: number },
): Work<void> {
  const { tenant, name, scopes, at, actor, expires } = token;
  yield* tx.run`insert into token (tenant, id, name, scope, hash, created, expires, last_used, revoked)
    values (${tenant}, ${minted.id}, ${name}, ${scopes.join(' ')}, ${hashOf(minted.secret.reveal())}, ${at},
      ${expires ?? null}, ${null}, ${null})`;
  const detail = { scope: scopes.join(' ') };
  yield* record(tx, { tenant, at, actor, action: 'token.created', target: `token:${minted.id}`, detail });
}

/** A tenant's tokens, oldest first. */
export async function listTokens(sql: Pick<Sql, 'all'>, tenant: string): Promise<Token[]> {
  const rows = await sql.all<Row>`select * from token where tenant = ${tenant} order by created, id`;
  return rows.map(tokenOf);
}

/** Revokes a token at once. False: it was revoked before. @throws Problem notFound */
export function* revokeToken(tx: Tx, tenant: string, id: string, by: { at: number; actor: string }): Work<boolean> {
  const row = yield* tx.get<Row>`select * from token where tenant = ${tenant} and id = ${id}`;
  if (!row) throw new Problem('notFound');
  if (row.revoked !== null) return false;
  yield* tx.run`update token set revoked = ${by.at} where tenant = ${tenant} and id = ${id}`;
  yield* record(tx, { tenant, at: by.at, actor: by.actor, action: 'token.revoked', target: `token:${id}` });
  return true;
}

/**
 * The token of an Authorization header (RFC 6750 §2.1), looked up now: a revoked one is dead with the next request.
 * @throws Problem unauthorized (none, not one of ours, unknown, revoked; a JWT is not one of ours), tokenExpired
 */
export async function verifyToken(sql: Sql, authorization: string | undefined, now: number): Promise<Token> {
  const text = /^Bearer +([^ ]+) *$/i.exec(authorization ?? '')?.[1];
  if (text === undefined || !shape.test(text)) throw new Problem('unauthorized');
  const hash = hashOf(text);
  const row = await sql.get<Row>`select * from token where hash = ${hash}`;
  // The index has compared hashes already, which tells a caller nothing that he could choose; this makes it certain.
  if (!row || !timingSafeEqual(Buffer.from(row.hash), Buffer.from(hash))) throw new Problem('unauthorized');
  if (row.revoked !== null) throw new Problem('unauthorized');
  if (row.expires !== null && row.expires <= now) throw new Problem('tokenExpired');
  if (row.last_used === null || now - row.last_used >= minute) await touch(sql, row, now);
  return tokenOf(row);
}

/** At most once a minute, so that reading does not become writing. */
async function touch(sql: Sql, row: Row, now: number): Promise<void> {
  try {
    await sql.run(function* (tx) {
      yield* tx.run`update token set last_used = ${now} where tenant = ${row.tenant} and id = ${row.id}`;
    });
  } catch (error) {
    // A database that can't be written at the moment can still be read: the caller is who he is.
    if (!(error instanceof Problem)) throw error;
  }
}
