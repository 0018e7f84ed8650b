// Temporary Access Passes: what a person may sign in with in place of the password, for a while, and often only once. One
// a person; a new one replaces it. Shown once, kept as an argon2id hash.

import { record } from '../audit.ts';
import { wakeSubject } from '../jobs.ts';
import type { Sql, Tx, Work } from '../sql/sql.ts';
import { endSessions, type Hashing } from './credentials.ts';
import type { Stamp } from './resource.ts';

/** Times in milliseconds since the epoch. */
export interface TemporaryAccessPass {
  readonly id: string;
  readonly created: number;
  readonly starts: number;
  readonly ends: number;
  readonly once: boolean;
  readonly used?: number;
}

interface Row {
  id: string;
  hash: string;
  created: number;
  starts: number;
  ends: number;
  once: number;
  used: number | null;
}

/** Why a pass can be used now, or cannot (Microsoft Graph `methodUsabilityReason`). */
export type Usability = 'EnabledByPolicy' | 'NotYetValid' | 'Expired' | 'OneTimeUsed';

/** Can it be used now? */
export function usabilityOf({ starts, ends, once, used }: TemporaryAccessPass, now: number): Usability {
  if (once && used !== undefined) return 'OneTimeUsed';
  if (now < starts) return 'NotYetValid';
  return now < ends ? 'EnabledByPolicy' : 'Expired';
}

/** Without letters and digits that are taken for one another. */
const letters = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789+!@$#%*?';
const shape = /^[A-Za-z2-9+!@$#%*?]{16}$/;

/** A new one: 16 characters of 64, 96 bits. */
export function makePass(random: (bytes: number) => Uint8Array): string {
  return Array.from(random(16), (byte) => letters.charAt(byte % letters.length)).join('');
}

function passOf(row: Row): TemporaryAccessPass {
  const { id, created, starts, ends } = row;
  return { id, created, starts, ends, once: row.once === 1, ...(row.used === null ? {} : { used: row.used }) };
}

function* readRow(tx: Tx, tenant: string, userId: string): Work<Row | undefined> {
  return yield* tx.get<Row>`select id, hash, created, starts, ends, once, used from temporary_access_pass
    where tenant = ${tenant} and user_id = ${userId}`;
}

/** The pass of a person, used up and expired ones too. */
export function* readPass(tx: Tx, tenant: string, userId: string): Work<TemporaryAccessPass | undefined> {
  const row = yield* readRow(tx, tenant, userId);
  return row && passOf(row);
}

/** Gives a person a pass; the one before is worth nothing any more. */
export function* givePass(
  tx: Tx,
  tenant: string,
  userId: string,
  pass: TemporaryAccessPass & { readonly hash: string },
  { at, actor, client }: Stamp,
): Work<void> {
  yield* tx.run`insert into temporary_access_pass (tenant, user_id, id, hash, created, starts, ends, once, used)
    values (${tenant}, ${userId}, ${pass.id}, ${pass.hash}, ${pass.created}, ${pass.starts}, ${pass.ends},
      ${pass.once ? 1 : 0}, ${null})
    on conflict (tenant, user_id) do update set id = excluded.id, hash = excluded.hash, created = excluded.created,
      starts = excluded.starts, ends = excluded.ends, once = excluded.once, used = excluded.used`;
  const detail = { until: pass.ends, once: pass.once };
  yield* record(tx, {
    tenant,
    at,
    actor,
    client,
    action: 'temporaryAccessPass.created',
    target: `user:${userId}`,
    detail,
  });
}

/** Takes it away. False: there was none with this id. */
export function* takePass(
  tx: Tx,
  tenant: string,
  userId: string,
  id: string,
  { at, actor, client }: Stamp,
): Work<boolean> {
  const gone = yield* tx.run`delete from temporary_access_pass
    where tenant = ${tenant} and user_id = ${userId} and id = ${id}`;
  if (gone === 0) return false;
  yield* record(tx, { tenant, at, actor, client, action: 'temporaryAccessPass.deleted', target: `user:${userId}` });
  return true;
}

/**
 * Tries what somebody typed as a pass, and uses it when it is one: then the count of failures is cleared, sessions made
 * with the old password end, and a new password must be chosen at once. To be called only where an attempt has been
 * counted (`verifyPassword`); what has not the shape of a pass costs nothing, and what has costs the same for everybody.
 * @param userId absent: nobody has the name that was typed
 * @throws Problem unavailable when too many hashes are waiting
 */
export async function spendPass(
  {
    sql,
    hashing,
    now,
    random,
  }: {
    readonly sql: Sql;
    readonly hashing: Hashing;
    readonly now: () => number;
    readonly random: (bytes: number) => Uint8Array;
  },
  tenant: string,
  userId: string | undefined,
  typed: string,
): Promise<boolean> {
  if (!shape.test(typed)) return false;
  return hashing.turn(async (argon) => {
    const row = userId === undefined ? undefined : await sql.run((tx) => readRow(tx, tenant, userId));
    const usable = row !== undefined && usabilityOf(passOf(row), now()) === 'EnabledByPolicy';
    const right = await argon.verify(usable ? row.hash : undefined, typed);
    if (!right || !row || userId === undefined) return false;
    // Of a person who never had a password: one that nobody knows, to be replaced at once.
    const unknown = await argon.hash(Buffer.from(random(32)).toString('base64url'));
    return sql.run((tx) => spent(tx, tenant, userId, row.id, unknown, now()));
  });
}

function* spent(tx: Tx, tenant: string, userId: string, id: string, unknown: string, at: number): Work<boolean> {
  // Two who try the same at the same time: one of them has it.
  const used = yield* tx.run`update temporary_access_pass set used = ${at}
    where tenant = ${tenant} and user_id = ${userId} and id = ${id} and (once = 0 or used is null)`;
  if (used === 0) return false;
  yield* tx.run`delete from sign_in_attempt where tenant = ${tenant} and account = ${userId}`;
  yield* tx.run`insert into credential (tenant, user_id, hash, force_change, changed_at, changed_by, version)
    values (${tenant}, ${userId}, ${unknown}, 1, ${at}, 'operator', 1)
    on conflict (tenant, user_id) do update set force_change = 1`;
  yield* endSessions(tx, tenant, userId, at);
  const target = `user:${userId}`;
  yield* record(tx, { tenant, at, actor: target, action: 'temporaryAccessPass.used', target });
  yield* wakeSubject(tx, tenant, userId, at);
  return true;
}
