// Bearer tokens of machines that call a door: opaque, per tenant, with scope and expiry, kept as a hash, revoked at once.
//
// A token is `rr_<id>_<secret>`: the id is public and names it in lists and records, the secret has 256 random bits. Its hash
// is a plain SHA-256: nobody can guess 256 bits, so that a slow or salted hash would protect nothing and cost every request.
//
// Two kinds live in one table: long ones that an operator made, and access tokens of the token endpoint (RFC 6749 §4.4).
// Both are opaque: a signed one would be good until it expires, whatever has been revoked, and would need a key to be
// kept and rotated; the one indexed look-up that this costs per request is what the long ones cost anyway.

import { hash, timingSafeEqual } from 'node:crypto';
import { Problem } from '#shared/problem.ts';
import { record } from './audit.ts';
import { Secret } from './secret.ts';
import type { Sql, Tx, Work } from './sql/sql.ts';

/**
 * What a token may be good for, all of it at `/scim/v2` and nowhere else: `scim.read` sees people and groups,
 * `scim.write` changes them, `scim.password` sets passwords besides; `scim` is read and write.
 */
export const tokenScopes = ['scim', 'scim.read', 'scim.write', 'scim.password'] as const;
export type TokenScope = (typeof tokenScopes)[number];

/** A token without its secret. Times in milliseconds since the epoch. */
export interface Token {
  readonly tenant: string;
  readonly id: string;
  /** The program that it was given to; several tokens may belong to one. */
  readonly client: string;
  readonly kind: 'long' | 'access';
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
  client: string;
  kind: Token['kind'];
  name: string;
  scope: string;
  hash: string;
  created: number;
  expires: number | null;
  last_used: number | null;
  revoked: number | null;
}

const bearer = /^Bearer +([^ ]+) *$/i;
const shape = /^rr_[0-9a-f]{16}_[A-Za-z0-9_-]{43}$/;
const minute = 60_000;
/** Rotation needs the old one and the new one; whoever has more has lost count. */
export const mostLive = 2;
/** Live access tokens of one client. The oldest goes, so that a client that never keeps one fills no disk. */
const mostAccess = 1000;

/** The hash under which a secret of 256 random bits is kept. */
export function hashOf(secret: string): string {
  return hash('sha256', secret, 'base64url');
}

function tokenOf(row: Row): Token {
  return {
    tenant: row.tenant,
    id: row.id,
    client: row.client,
    kind: row.kind,
    name: row.name,
    scopes: row.scope.split(' '),
    created: row.created,
    ...(row.expires === null ? {} : { expires: row.expires }),
    ...(row.last_used === null ? {} : { lastUsed: row.last_used }),
    ...(row.revoked === null ? {} : { revoked: row.revoked }),
  };
}

/** Is it good for something now? */
export function isLive({ expires, revoked }: { expires?: number; revoked?: number }, now: number): boolean {
  return revoked === undefined && (expires === undefined || expires > now);
}

/** Whether scopes cover one: `scim` is `scim.read` and `scim.write`. */
export function covers(scopes: readonly string[], scope: TokenScope): boolean {
  return scopes.includes(scope) || (scope !== 'scim.password' && scopes.includes('scim'));
}

/** Who acts, as the record has it: a long token by itself, access tokens by their client. Ids; `callerName` knows names. */
export function actorOf({ kind, id, client }: Token): string {
  return kind === 'long' ? `token:${id}` : `client:${client}`;
}

/** A new token's text, from `random(bytes)`; only its hash is ever stored. */
export function mintToken(random: (bytes: number) => Uint8Array): { id: string; secret: Secret } {
  const id = Buffer.from(random(8)).toString('hex');
  return { id, secret: new Secret(`rr_${id}_${Buffer.from(random(32)).toString('base64url')}`) };
}

type Minted = ReturnType<typeof mintToken>;

function* insert(tx: Tx, minted: Minted, row: Omit<Token, 'id' | 'lastUsed' | 'revoked'>): Work<void> {
  yield* tx.run`insert into token
      (tenant, id, client, kind, name, scope, hash, created, expires, last_used, revoked)
    values (${row.tenant}, ${minted.id}, ${row.client}, ${row.kind}, ${row.name}, ${row.scopes.join(' ')},
      ${hashOf(minted.secret.reveal())}, ${row.created}, ${row.expires ?? null}, ${null}, ${null})`;
}

/**
 * Stores a minted long token, as the first of a new client of the same id and name. Times in milliseconds since the epoch.
 */
export function* createToken(
  tx: Tx,
  minted: Minted,
  token: { tenant: string; name: string; scopes: readonly TokenScope[]; at: number; actor: string; expires?: number },
): Work<void> {
  const { tenant, name, scopes, at, actor, expires } = token;
  yield* tx.run`insert into client (tenant, id, name, scope, token_minutes, created, revoked)
    values (${tenant}, ${minted.id}, ${name}, ${scopes.join(' ')}, ${60}, ${at}, ${null})`;
  const kept = { tenant, client: minted.id, kind: 'long', name, scopes, created: at } as const;
  yield* insert(tx, minted, { ...kept, ...(expires === undefined ? {} : { expires }) });
  const detail = { scope: scopes.join(' ') };
  yield* record(tx, { tenant, at, actor, action: 'token.created', target: `token:${minted.id}`, detail });
}

/**
 * A second long token for the client of a live one: both open until the older one ends, `overlap` milliseconds from now
 * at the latest.
 * @throws Problem notFound (also for a dead one and for access tokens), stateConflict when two are live already
 */
export function* rotateToken(
  tx: Tx,
  minted: Minted,
  rotation: { tenant: string; id: string; at: number; actor: string; overlap: number; expires?: number },
): Work<{ client: string; ends: number }> {
  const { tenant, id, at, actor, overlap, expires } = rotation;
  const rows = yield* tx.all<Row>`select t.* from token t join token old on old.tenant = t.tenant
      and old.client = t.client and old.kind = t.kind
    where old.tenant = ${tenant} and old.id = ${id} and old.kind = 'long'`;
  const live = rows.map(tokenOf).filter((token) => isLive(token, at));
  const old = live.find((token) => token.id === id);
  if (!old) throw new Problem('notFound');
  if (live.length >= mostLive) throw new Problem('stateConflict');
  const ends = Math.min(old.expires ?? Number.MAX_SAFE_INTEGER, at + overlap);
  yield* tx.run`update token set expires = ${ends} where tenant = ${tenant} and id = ${id}`;
  const { client, name, scopes } = old;
  const kept = { tenant, client, kind: 'long', name, scopes, created: at } as const;
  yield* insert(tx, minted, { ...kept, ...(expires === undefined ? {} : { expires }) });
  const detail = { replacement: minted.id, ends };
  yield* record(tx, { tenant, at, actor, action: 'token.rotated', target: `token:${id}`, detail });
  return { client, ends };
}

/** Stores an access token of a client, without a record of its own: there is one an hour. `expires` as in `Token`. */
export function* issueAccessToken(
  tx: Tx,
  minted: Minted,
  client: { tenant: string; id: string; name: string },
  token: { scopes: readonly string[]; at: number; expires: number },
): Work<void> {
  const { tenant, id } = client;
  yield* tx.run`delete from token where tenant = ${tenant} and client = ${id} and kind = 'access'
    and expires <= ${token.at}`;
  const oldest = yield* tx.get<{ created: number }>`select created from token
    where tenant = ${tenant} and client = ${id} and kind = 'access'
    order by created desc limit 1 offset ${mostAccess - 2}`;
  if (oldest) {
    yield* tx.run`delete from token where tenant = ${tenant} and client = ${id} and kind = 'access'
      and created < ${oldest.created}`;
  }
  const { scopes, at, expires } = token;
  yield* insert(tx, minted, { tenant, client: id, kind: 'access', name: client.name, scopes, created: at, expires });
}

/** A tenant's long tokens, oldest first. */
export async function listTokens(sql: Pick<Sql, 'all'>, tenant: string): Promise<Token[]> {
  const rows = await sql.all<Row>`select * from token where tenant = ${tenant} and kind = 'long' order by created, id`;
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
  const text = bearer.exec(authorization ?? '')?.[1];
  if (text === undefined || !shape.test(text)) throw new Problem('unauthorized');
  const wanted = hashOf(text);
  const row = await sql.get<Row>`select * from token where hash = ${wanted}`;
  // The index has compared hashes already, which tells a caller nothing that he could choose; this makes it certain.
  if (!row || !timingSafeEqual(Buffer.from(row.hash), Buffer.from(wanted))) throw new Problem('unauthorized');
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
