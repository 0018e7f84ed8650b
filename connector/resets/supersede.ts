// A newer reset takes an older one's place: the older link dies in the transaction that saves the newer one's `mailed`,
// and comes back to life as the person's only reset when the newer one ends before that.

import { record } from '../audit.ts';
import { enqueue } from '../jobs.ts';
import type { Tx, Work } from '../sql/sql.ts';
import { isLive, isPass, move, type ResetRow, shredded } from './row.ts';
import { afterChange } from './transitions.ts';

/** How far back a chain of replacements is followed. */
const longest = 50;
/** No call can be under way for longer: what says so was written while a clock was ahead (clock.ts). */
const longestCall = 3 * 60_000;

/** Marks the older one as replaced; false when it is not live any more or somebody else has replaced it already. */
export function* takePlace(tx: Tx, older: ResetRow, newer: string): Work<boolean> {
  const taken = yield* tx.run`update reset set superseded_by = ${newer}, seq = seq + 1
    where tenant = ${older.tenant} and id = ${older.id} and superseded_by is null and state = ${older.state}`;
  return taken === 1;
}

function* replacedBy(tx: Tx, newer: ResetRow): Work<ResetRow[]> {
  return yield* tx.all<ResetRow>`select * from reset
    where tenant = ${newer.tenant} and user_id = ${newer.user_id} and superseded_by = ${newer.id}`;
}

/** The newer one's mail was accepted: every link before it dies. */
export function* endOlder(tx: Tx, newer: ResetRow, at: number): Work<void> {
  let front = yield* replacedBy(tx, newer);
  for (let depth = 0; front.length > 0 && depth < longest; depth++) {
    const behind: ResetRow[] = [];
    for (const older of front) {
      if (isLive(older)) {
        // If the newer one does not come to set its own password, the older one's is still to be made useless.
        const scramble = owesScramble(older) ? 1 : 0;
        const set = { ...shredded, scramble, needs_you: null, next_attempt_at: null };
        yield* move(tx, older, 'superseded', { at, actor: 'connector', events: [{ name: 'superseded' }], set });
      }
      behind.push(...(yield* replacedBy(tx, older)));
    }
    front = behind;
  }
}

/** The newer one ended before its mail was accepted: what it would have replaced is the person's reset again. */
function* restoreOlder(tx: Tx, newer: ResetRow, at: number): Work<void> {
  for (const older of yield* replacedBy(tx, newer)) {
    if (!isLive(older)) continue;
    yield* tx.run`update reset set superseded_by = ${newer.superseded_by}, seq = seq + 1
      where tenant = ${older.tenant} and id = ${older.id}`;
    yield* tx.run`insert into reset_event (tenant, reset, seq, name, at, evidence)
      values (${older.tenant}, ${older.id}, ${older.seq + 1}, 'reinstated', ${at}, null)`;
    const detail = { by: newer.id };
    const target = `reset:${older.id}`;
    yield* record(tx, { tenant: older.tenant, at, actor: 'connector', action: 'reset.reinstated', target, detail });
    yield* enqueue(tx, { tenant: older.tenant, kind: 'reset', ref: older.id, subject: older.user_id, dueAt: at });
  }
}

/** A reset has ended without a password of its own: what it had replaced is looked after again. */
export function* handBack(tx: Tx, newer: ResetRow, at: number): Work<void> {
  yield* restoreOlder(tx, newer, at);
  yield* wakeReplaced(tx, newer, at);
}

/**
 * Those that were replaced look what they still owe: the newer one has ended after its mail without a password of its own,
 * or it has a password where they had a pass, or the other way round, which takes nothing from them.
 */
export function* wakeReplaced(tx: Tx, newer: ResetRow, at: number): Work<void> {
  const rows = yield* tx.all<{ id: string }>`select id from reset where tenant = ${newer.tenant}
    and user_id = ${newer.user_id} and state = 'superseded' and scramble = 1`;
  for (const { id } of rows) {
    yield* enqueue(tx, { tenant: newer.tenant, kind: 'reset', ref: id, subject: newer.user_id, dueAt: at });
  }
}

/**
 * "Wrong person" is about the person: whatever this one has replaced is dead with it. True when one of those may have
 * set a password (or made a pass, as this one would): then making this one's useless makes theirs useless, too. One that
 * has handed over the other kind makes its own useless.
 */
export function* endReplaced(tx: Tx, newer: ResetRow, act: { at: number; actor: string }): Work<boolean> {
  let owed = false;
  let front = yield* replacedBy(tx, newer);
  for (let depth = 0; front.length > 0 && depth < longest; depth++) {
    const behind: ResetRow[] = [];
    for (const older of front) {
      const debt = owesScramble(older) || older.scramble === 1;
      if (isLive(older) || (older.state === 'superseded' && debt)) {
        const itself = debt && older.credential !== newer.credential;
        owed ||= debt && !itself;
        const scramble = itself ? 1 : 0;
        const set = { ...shredded, scramble, needs_you: null, next_attempt_at: null, epoch: older.epoch + 1 };
        yield* move(tx, older, 'recalled', { ...act, events: [{ name: 'recalled' }], set });
        const job = { tenant: older.tenant, kind: 'reset', ref: older.id, subject: older.user_id, dueAt: act.at };
        if (itself) yield* enqueue(tx, job);
      }
      behind.push(...(yield* replacedBy(tx, older)));
    }
    front = behind;
  }
  return owed;
}

/**
 * Has a newer reset of this person set its password, or made its pass? `same`: what ours was, so that ours is gone already.
 * `other`: ours is still there, and nobody needs it any more.
 */
export function* newerCredential(tx: Tx, row: ResetRow): Work<'same' | 'other' | undefined> {
  const newer = yield* tx.all<Pick<ResetRow, 'credential'>>`select credential from reset
    where tenant = ${row.tenant} and user_id = ${row.user_id}
      and nth > ${row.nth} and baseline_at is not null`;
  const sameKind = newer.filter(({ credential }) => credential === row.credential);
  if (sameKind.length > 0) return 'same';
  return newer.length > sameKind.length ? 'other' : undefined;
}

/** Is a newer reset of this person just having its pass made? It takes the place of whichever there is. */
export function* newerPassInTheMaking(tx: Tx, row: ResetRow): Work<boolean> {
  const newer = yield* tx.get`select id from reset where tenant = ${row.tenant} and user_id = ${row.user_id}
    and nth > ${row.nth} and state = 'changing'
    and credential = 'temporaryAccessPass' limit 1`;
  return newer !== undefined;
}

/** Is a newer reset of this person still on its way to set its own? */
export function* newerOnItsWay(tx: Tx, row: ResetRow): Work<boolean> {
  const newer = yield* tx.get`select id from reset where tenant = ${row.tenant} and user_id = ${row.user_id}
    and nth > ${row.nth} and baseline_at is null
    and state in ('requested', 'prepared', 'mailing', 'mailed', 'changing') limit 1`;
  return newer !== undefined;
}

/**
 * Until when a call of an older reset to the directory may still be under way; the newer one waits for it, so that the
 * newest password wins. Undefined: nothing to wait for.
 */
export function* olderCall(tx: Tx, newer: ResetRow, now: number): Work<number | undefined> {
  const row = yield* tx.get<{ until: number | null }>`select max(call_until) as until from reset
    where tenant = ${newer.tenant} and user_id = ${newer.user_id} and nth < ${newer.nth}
      and call_until > ${now} and call_until <= ${now + longestCall}`;
  return row?.until ?? undefined;
}

/** Likewise of a newer reset: whoever would scramble waits, and finds that nothing is left to be scrambled. */
export function* newerCall(tx: Tx, older: ResetRow, now: number): Work<number | undefined> {
  const row = yield* tx.get<{ until: number | null }>`select max(call_until) as until from reset
    where tenant = ${older.tenant} and user_id = ${older.user_id} and nth > ${older.nth}
      and call_until > ${now} and call_until <= ${now + longestCall}`;
  return row?.until ?? undefined;
}

/** Thrown in a unit of work, so that nothing of it is kept: another call comes first. */
export class Held extends Error {
  override readonly name = 'Held';
  /** Milliseconds since the epoch. */
  readonly until: number;
  constructor(until: number) {
    super('Another call is under way.');
    this.until = until;
  }
}

/** Whether a move was made, or what has kept it from being made. */
export async function unlessHeld(move: Promise<boolean>): Promise<boolean | Held> {
  return move.catch((error: unknown) => {
    if (error instanceof Held) return error;
    throw error;
  });
}

/** Does an ending from this state owe a scramble? */
export function owesScramble(row: ResetRow): boolean {
  return (afterChange as readonly string[]).includes(row.state);
}

/** Has a reset that this one replaced set a password? */
export function* replacedAPassword(tx: Tx, newer: ResetRow): Work<boolean> {
  return (yield* replacedBy(tx, newer)).some((older) => older.baseline_at !== null && !isPass(older));
}
