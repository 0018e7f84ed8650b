// Passwords of the embedded store: argon2id hashes apart from the people, changed by compare-and-set, tried under a
// delay that grows with failures and costs the same whether or not the account exists (OWASP ASVS 5.0 6.3, 6.5).
//
// A password is hashed as the UTF-8 of exactly what was typed: no trimming, no Unicode normalisation. The policy
// admits printable ASCII alone, as Entra does, and on that every normalisation form is the identity.

import { hash as argon2Hash, verify as argon2Verify } from '@node-rs/argon2';
import { Problem } from '#shared/problem.ts';
import { record } from '../audit.ts';
import { wakeSubject } from '../jobs.ts';
import type { Sql, Tx, Work } from '../sql/sql.ts';
import type { Stamp } from './resource.ts';

// Hashing -------------------------------------------------------------------------------------------------------

/** The two operations, at one cost. `verify` without a hash does the same work and answers false. */
export interface Argon {
  hash(password: string): Promise<string>;
  verify(hash: string | undefined, password: string): Promise<boolean>;
}

const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** Of nothing: has the cost of a real hash, and no password that anybody knows leads to it. */
const nobody = `$argon2id$v=19$m=19456,t=2,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`;

/** argon2id with the parameters of OWASP's Password Storage Cheat Sheet (19 MiB, two passes, one lane). */
export const argon2id: Argon = {
  hash: (password) => argon2Hash(password, cost),
  async verify(hash, password) {
    const right = await argon2Verify(hash ?? nobody, password);
    return right && hash !== undefined;
  },
};

/** A bounded queue before argon2: each hash holds 19 MiB and a core, so a flood is refused rather than swallowed. */
export interface Hashing {
  /**
   * Runs work that hashes once it has a place.
   * @throws Problem unavailable, before the work has begun, when too many are waiting
   */
  turn<T>(work: (argon: Argon) => Promise<T>): Promise<T>;
}

/** @param concurrency how many hash at a time @param waiting how many may wait for their turn */
export function hashing(limits: { concurrency: number; waiting: number; argon?: Argon }): Hashing {
  const { concurrency, waiting, argon = argon2id } = limits;
  const queue: (() => void)[] = [];
  let running = 0;

  return {
    async turn(work) {
      if (running < concurrency) running++;
      else if (queue.length >= waiting) throw new Problem('unavailable', { reason: 'busy' });
      // Whoever ends hands his place to the next: `running` stays as it is.
      else await new Promise<void>((resolve) => queue.push(resolve));
      try {
        return await work(argon);
      } finally {
        const next = queue.shift();
        if (next) next();
        else running--;
      }
    },
  };
}

// The record ----------------------------------------------------------------------------------------------------

/**
 * Who set a password: the person, an operator at the command line, directory sync, somebody at the Graph door (by object id),
 * or one of our own operations by its name.
 */
export type ChangedBy = 'self' | 'operator' | 'sync' | `graph:${string}` | OurOperation;
type OurOperation = `reset:${string}` | `scramble:${string}`;

/** Is this the name of one of our own operations? */
export function isOurOperation(changedBy: string): changedBy is OurOperation {
  return /^(reset|scramble):/.test(changedBy);
}

/** What is known of a person's password. Times in milliseconds since the epoch; `version` grows with each change. */
export interface Credential {
  readonly version: number;
  readonly forceChange: boolean;
  readonly changedAt: number;
  /** When sessions were last ended: sign-ins and tokens from before are worth nothing. 0: never. */
  readonly sessionsFrom: number;
  readonly changedBy: ChangedBy;
}

interface CredentialRow {
  hash: string;
  force_change: number;
  changed_at: number;
  changed_by: ChangedBy;
  sessions_from: number;
  version: number;
}

function credentialOf(row: CredentialRow): Credential {
  return {
    version: row.version,
    forceChange: row.force_change === 1,
    changedAt: row.changed_at,
    changedBy: row.changed_by,
    sessionsFrom: row.sessions_from,
  };
}

function* readRow(tx: Tx, tenant: string, userId: string): Work<CredentialRow | undefined> {
  return yield* tx.get<CredentialRow>`
    select hash, force_change, changed_at, changed_by, sessions_from, version from credential
    where tenant = ${tenant} and user_id = ${userId}`;
}

/** The record of a person's password, without the hash; undefined when none was ever set. */
export function* readCredential(tx: Tx, tenant: string, userId: string): Work<Credential | undefined> {
  const row = yield* readRow(tx, tenant, userId);
  return row && credentialOf(row);
}

/** A password that has been hashed, on its way into the store. */
export interface NewCredential {
  readonly tenant: string;
  readonly userId: string;
  readonly hash: string;
  readonly forceChange: boolean;
  readonly changedBy: ChangedBy;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Compare and set: only while the record has this version; 0: only when there is none. */
  readonly ifVersion?: number;
}

export type Change =
  | { readonly outcome: 'done'; readonly at: number; readonly version: number }
  | { readonly outcome: 'conflict' };

/**
 * Sets a password: sessions and refresh tokens made with the old one end, the delay after failures is forgotten, and a
 * Temporary Access Pass from before goes unless the person did it. When the person or an operator did it, it is recorded
 * and whoever waits for this person is woken (our own operations record their steps themselves). All in the caller's
 * transaction.
 */
export function* setPassword(tx: Tx, next: NewCredential): Work<Change> {
  const { tenant, userId, at } = next;
  const current = yield* readRow(tx, tenant, userId);
  if (next.ifVersion !== undefined && next.ifVersion !== (current?.version ?? 0)) return { outcome: 'conflict' };
  const version = (current?.version ?? 0) + 1;
  const forceChange = next.forceChange ? 1 : 0;
  yield* tx.run`insert into credential (tenant, user_id, hash, force_change, changed_at, changed_by, version)
    values (${tenant}, ${userId}, ${next.hash}, ${forceChange}, ${at}, ${next.changedBy}, ${version})
    on conflict (tenant, user_id) do update set hash = excluded.hash, force_change = excluded.force_change,
      changed_at = excluded.changed_at, changed_by = excluded.changed_by, version = excluded.version`;
  yield* tx.run`delete from sign_in_attempt where tenant = ${tenant} and account = ${userId}`;
  yield* endSessions(tx, tenant, userId, at);
  // What scrambles one reset's password may come after the pass that another hands out in its place.
  if (next.changedBy !== 'self' && !next.changedBy.startsWith('scramble:')) {
    yield* dropPass(tx, tenant, userId, { at, actor: next.changedBy === 'operator' ? 'operator' : 'connector' });
  }
  if (next.changedBy === 'self' || next.changedBy === 'operator') {
    const actor = next.changedBy === 'self' ? `user:${userId}` : 'operator';
    yield* record(tx, { tenant, at, actor, action: 'password.changed', target: `user:${userId}` });
    yield* wakeSubject(tx, tenant, userId, at);
  }
  return { outcome: 'done', at, version };
}

/**
 * Ends the sessions, grants and refresh tokens of a person; how many rows that were. Access tokens run out within the
 * hour, and are exchanged for no new ones.
 * @param at milliseconds since the epoch
 */
export function* endSessions(tx: Tx, tenant: string, userId: string, at: number): Work<number> {
  yield* tx.run`update credential set sessions_from = ${at} where tenant = ${tenant} and user_id = ${userId}`;
  return yield* tx.run`delete from oidc_model where tenant = ${tenant} and account = ${userId}`;
}

/** Takes away a Temporary Access Pass that a person may have from before: it would sign in whoever was given it then. */
export function* dropPass(tx: Tx, tenant: string, userId: string, { at, actor, client }: Stamp): Work<void> {
  const gone = yield* tx.run`delete from temporary_access_pass where tenant = ${tenant} and user_id = ${userId}`;
  if (gone === 0) return;
  const target = `user:${userId}`;
  yield* record(tx, { tenant, at, actor, client, action: 'temporaryAccessPass.deleted', target });
}

/**
 * Hashes a password and sets it, unless this very operation has set this very password before: then it answers as it
 * did. Without `ifVersion` it compares with the record as it was when hashing began.
 * @throws Problem unavailable when too many hashes are waiting; nothing was changed
 */
export async function changePassword(
  { sql, hashing, now }: { sql: Sql; hashing: Hashing; now: () => number },
  tenant: string,
  userId: string,
  change: { password: string; forceChange: boolean; changedBy: ChangedBy; ifVersion?: number },
): Promise<Change> {
  const { password, forceChange, changedBy } = change;
  return hashing.turn(async (argon) => {
    const row = await sql.read((tx) => readRow(tx, tenant, userId));
    const ours = isOurOperation(changedBy) && row?.changed_by === changedBy;
    if (row && ours && (await argon.verify(row.hash, password))) {
      return { outcome: 'done', at: row.changed_at, version: row.version };
    }
    const hash = await argon.hash(password);
    const ifVersion = change.ifVersion ?? row?.version ?? 0;
    return sql.run((tx) => setPassword(tx, { tenant, userId, hash, forceChange, changedBy, at: now(), ifVersion }));
  });
}

// Trying --------------------------------------------------------------------------------------------------------

/** Failures in a row that cost nothing but themselves: people mistype. */
const freeFailures = 4;
const firstDelay = 5_000;
/** The longest delay. It is never a lock-out: whoever waits may try again, and the right password clears it. */
const longestDelay = 5 * 60_000;
/** Failures older than this are forgotten. */
const memory = 24 * 3_600_000;

/** How long an account is not tried after this many failures in a row, in milliseconds: 0 up to four, then 5 s, 10 s … 5 min. */
export function delayAfter(failures: number): number {
  if (failures <= freeFailures) return 0;
  return Math.min(firstDelay * 2 ** Math.min(failures - freeFailures - 1, 20), longestDelay);
}

/**
 * Counts an attempt before its outcome is known, so that many at once are many: the good one clears the count again.
 * Answers until when the account must not be tried, if it must not.
 */
function* beginAttempt(tx: Tx, tenant: string, account: string, now: number): Work<number | undefined> {
  const row = yield* tx.get<{ failures: number; next_try_at: number }>`select failures, next_try_at
    from sign_in_attempt where tenant = ${tenant} and account = ${account}`;
  // Further away than any delay: the clock was set back. Such a wait would be one without end.
  if (row && row.next_try_at > now && row.next_try_at <= now + longestDelay) return row.next_try_at;
  const failures = (row && now - row.next_try_at < memory ? row.failures : 0) + 1;
  const nextTryAt = now + delayAfter(failures);
  yield* tx.run`insert into sign_in_attempt (tenant, account, failures, next_try_at)
    values (${tenant}, ${account}, ${failures}, ${nextTryAt})
    on conflict (tenant, account) do update set failures = excluded.failures, next_try_at = excluded.next_try_at`;
  yield* tx.run`delete from sign_in_attempt where (tenant, account) in
    (select tenant, account from sign_in_attempt where next_try_at < ${now - memory} limit 5)`;
  return undefined;
}

/** Clears the count; undefined when the password was changed while it was being verified. */
function* endAttempt(tx: Tx, tenant: string, userId: string, version: number): Work<Credential | undefined> {
  const row = yield* readRow(tx, tenant, userId);
  if (row?.version !== version) return undefined;
  yield* tx.run`delete from sign_in_attempt where tenant = ${tenant} and account = ${userId}`;
  return credentialOf(row);
}

export type Verdict =
  | { readonly outcome: 'right'; readonly credential: Credential }
  | { readonly outcome: 'wrong' }
  /** Not even looked at. `until` in milliseconds since the epoch. */
  | { readonly outcome: 'wait'; readonly until: number };

/**
 * Tries a password. An account that does not exist, or never had a password, costs the same statements and the same
 * hash, and is delayed the same way: from outside nothing tells it from one that does.
 * @param who a person, or a keyed hash of a name that nobody has
 * @throws Problem unavailable when too many hashes are waiting; the attempt was not counted
 */
export async function verifyPassword(
  { sql, hashing, now }: { sql: Sql; hashing: Hashing; now: () => number },
  tenant: string,
  who: { readonly userId: string } | { readonly stranger: string },
  password: string,
): Promise<Verdict> {
  const account = 'userId' in who ? who.userId : `?${who.stranger}`;
  return hashing.turn(async (argon) => {
    const started = await sql.run(function* (tx) {
      const until = yield* beginAttempt(tx, tenant, account, now());
      return { until, row: yield* readRow(tx, tenant, account) };
    });
    if (started.until !== undefined) return { outcome: 'wait', until: started.until };
    const right = await argon.verify(started.row?.hash, password);
    if (!right || !started.row) return { outcome: 'wrong' };
    const { version } = started.row;
    const credential = await sql.run((tx) => endAttempt(tx, tenant, account, version));
    return credential ? { outcome: 'right', credential } : { outcome: 'wrong' };
  });
}

/** Is this the password that is set now? For "choose another one" alone: nothing is counted, the caller has just proved himself. */
export async function isCurrentPassword(
  { sql, hashing }: { sql: Sql; hashing: Hashing },
  tenant: string,
  userId: string,
  password: string,
): Promise<boolean> {
  return hashing.turn(async (argon) => {
    const row = await sql.read((tx) => readRow(tx, tenant, userId));
    return argon.verify(row?.hash, password);
  });
}
