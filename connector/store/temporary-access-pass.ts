// Temporary Access Passes of the embedded store: one per person at most, usable between two times, as an argon2id hash.
// The words are Microsoft Graph's (temporaryAccessPassAuthenticationMethod).

import { generatePassword } from '#shared/password.ts';
import { Problem } from '#shared/problem.ts';
import { record } from '../audit.ts';
import { wakeSubject } from '../jobs.ts';
import { Secret } from '../secret.ts';
import type { Sql, Tx, Work } from '../sql/sql.ts';
import type { Hashing } from './credentials.ts';

/** The shortest and the longest life of a pass, as Entra allows them. */
export const passMinutes = { least: 10, most: 43_200 } as const;

export interface PassDeps {
  readonly sql: Sql;
  readonly hashing: Hashing;
  readonly random: (bytes: number) => Uint8Array;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** What is known of a pass, never its value. Times in milliseconds since the epoch. */
export interface TemporaryAccessPass {
  readonly id: string;
  readonly created: number;
  readonly starts: number;
  readonly ends: number;
  readonly isUsableOnce: boolean;
  /** When somebody first signed in with it. */
  readonly used?: number;
}

interface PassRow {
  id: string;
  hash: string;
  created: number;
  starts: number;
  ends: number;
  once: number;
  used: number | null;
}

function passOf({ id, created, starts, ends, once, used }: PassRow): TemporaryAccessPass {
  return { id, created, starts, ends, isUsableOnce: once === 1, ...(used === null ? {} : { used }) };
}

/** Can one sign in with it now? */
export function isUsable(pass: TemporaryAccessPass, now: number): boolean {
  return now >= pass.starts && now < pass.ends && !(pass.isUsableOnce && pass.used !== undefined);
}

function* readRow(tx: Tx, tenant: string, userId: string): Work<PassRow | undefined> {
  return yield* tx.get<PassRow>`select id, hash, created, starts, ends, once, used from temporary_access_pass
    where tenant = ${tenant} and user_id = ${userId}`;
}

/** The pass of a person, usable or not. */
export function* readPass(tx: Tx, tenant: string, userId: string): Work<TemporaryAccessPass | undefined> {
  const row = yield* readRow(tx, tenant, userId);
  return row && passOf(row);
}

/**
 * Makes a pass; an earlier one of this person is gone with that. Its value is told here and never again.
 * @param wanted `starts` in milliseconds since the epoch, now when absent; `actor` as in the audit
 * @throws Problem targetUnknown; invalidValue with `field` for a lifetime outside `passMinutes`; unavailable when too
 *   many hashes are waiting
 */
export async function createPass(
  { sql, hashing, random, now }: PassDeps,
  tenant: string,
  userId: string,
  wanted: { lifetimeInMinutes: number; isUsableOnce: boolean; starts?: number; actor: string },
): Promise<TemporaryAccessPass & { readonly pass: Secret }> {
  const { lifetimeInMinutes: minutes, isUsableOnce } = wanted;
  if (!Number.isInteger(minutes) || minutes < passMinutes.least || minutes > passMinutes.most) {
    throw new Problem('invalidValue', { field: 'lifetimeInMinutes' });
  }
  const value = generatePassword(random);
  const hash = await hashing.turn((argon) => argon.hash(value));
  const at = now();
  const starts = wanted.starts ?? at;
  const made = { id: crypto.randomUUID(), created: at, starts, ends: starts + minutes * 60_000, isUsableOnce };
  await sql.run((tx) => insert(tx, tenant, userId, { ...made, hash }, wanted.actor));
  return { ...made, pass: new Secret(value) };
}

function* insert(
  tx: Tx,
  tenant: string,
  userId: string,
  { id, hash, created, starts, ends, isUsableOnce }: TemporaryAccessPass & { readonly hash: string },
  actor: string,
): Work<void> {
  const person = yield* tx.get`select id from app_user where tenant = ${tenant} and id = ${userId}`;
  if (!person) throw new Problem('targetUnknown');
  yield* tx.run`insert into temporary_access_pass (tenant, user_id, id, hash, created, starts, ends, once, used)
    values (${tenant}, ${userId}, ${id}, ${hash}, ${created}, ${starts}, ${ends}, ${isUsableOnce ? 1 : 0}, ${null})
    on conflict (tenant, user_id) do update set id = excluded.id, hash = excluded.hash, created = excluded.created,
      starts = excluded.starts, ends = excluded.ends, once = excluded.once, used = excluded.used`;
  yield* record(tx, { tenant, at: created, actor, action: 'pass.created', target: `user:${userId}` });
}

/**
 * Tries a pass, at the same cost whether or not there is one. The right one is noted as used, and one that is usable once
 * is used up, also when two try it at the same time. Whoever asks counts the failures (credentials.ts).
 * @throws Problem unavailable when too many hashes are waiting
 */
export async function tryPass(
  { sql, hashing, now }: Omit<PassDeps, 'random'>,
  tenant: string,
  userId: string,
  value: string,
): Promise<boolean> {
  return hashing.turn(async (argon) => {
    const row = await sql.run((tx) => readRow(tx, tenant, userId));
    const right = await argon.verify(row?.hash, value);
    const at = now();
    if (!row || !right || !isUsable(passOf(row), at)) return false;
    return sql.run((tx) => noteUse(tx, tenant, userId, row.id, at));
  });
}

function* noteUse(tx: Tx, tenant: string, userId: string, id: string, at: number): Work<boolean> {
  const used = yield* tx.run`update temporary_access_pass set used = coalesce(used, ${at})
    where tenant = ${tenant} and user_id = ${userId} and id = ${id} and (once = 0 or used is null)`;
  if (used === 0) return false;
  yield* record(tx, { tenant, at, actor: `user:${userId}`, action: 'pass.used', target: `user:${userId}` });
  yield* wakeSubject(tx, tenant, userId, at);
  return true;
}

/** Removes a person's pass, if it is the one with this id or none is named; false when there was none. */
export function* removePass(
  tx: Tx,
  tenant: string,
  userId: string,
  act: { at: number; actor: string; id?: string },
): Work<boolean> {
  const row = yield* readRow(tx, tenant, userId);
  if (!row || (act.id !== undefined && act.id !== row.id)) return false;
  yield* tx.run`delete from temporary_access_pass where tenant = ${tenant} and user_id = ${userId} and id = ${row.id}`;
  yield* record(tx, { tenant, at: act.at, actor: act.actor, action: 'pass.removed', target: `user:${userId}` });
  return true;
}
