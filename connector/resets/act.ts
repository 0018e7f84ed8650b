// What an admin does to a reset on its way: cancel it before the password changes, "wrong person: kill now", or let it go
// on with a right of their own where the earlier one is no longer accepted.

import { Problem } from '#shared/problem.ts';
import { enqueue } from '../jobs.ts';
import type { Sql } from '../sql/sql.ts';
import { resetJob } from './lease.ts';
import { mayKill, move, type ResetRow, readReset, shredded } from './row.ts';
import { endReplaced, handBack, owesScramble } from './supersede.ts';
import { beforeChange } from './transitions.ts';

export interface Act {
  readonly tenant: string;
  readonly id: string;
  readonly callerId: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Who that is, and by which role; absent: the directory no longer knows the person, or cannot be asked. */
  readonly by?: { readonly name: string; readonly role: string };
  /** The right of whoever acts, as the row keeps it; absent: what the row has stays. */
  readonly grant?: Pick<ResetRow, 'grant_identity' | 'sealed_grant'>;
}

/**
 * Ends a reset before anything was changed. Asking again is answered with the row as it is.
 * @throws Problem notFound; stateConflict when the password is being changed or was
 */
function cancel(sql: Sql, act: Act): Promise<ResetRow> {
  return sql.run(function* (tx) {
    const row = yield* readReset(tx, act.tenant, act.id);
    if (!row) throw new Problem('notFound');
    if (row.state === 'cancelled') return row;
    if (!(beforeChange as readonly string[]).includes(row.state))
      throw new Problem('stateConflict', { state: row.state });
    // The epoch moves too: a worker that is sending right now finds that its write matches no row.
    const set = { ...shredded, needs_you: null, next_attempt_at: null, epoch: row.epoch + 1 };
    const ended = { at: act.at, actor: `user:${act.callerId}`, events: [{ name: 'cancelled' as const }], set };
    const moved = yield* move(tx, row, 'cancelled', ended);
    if (!moved) throw new Problem('stateConflict', { state: row.state });
    yield* handBack(tx, moved, act.at);
    return moved;
  });
}

/**
 * The wrong person has the link, or the password: the link and those that it replaced are dead at once, a password that
 * may have been set is scrambled as soon as a call that is under way has settled. Asking again is answered with the row.
 * @throws Problem notFound; stateConflict when it has ended in another way
 */
function kill(sql: Sql, act: Act): Promise<ResetRow> {
  return sql.run(function* (tx) {
    const row = yield* readReset(tx, act.tenant, act.id);
    if (!row) throw new Problem('notFound');
    if (row.state === 'recalled') return row;
    if (!mayKill(row)) throw new Problem('stateConflict', { state: row.state });
    const who = { at: act.at, actor: `user:${act.callerId}` };
    const replacedOwed = yield* endReplaced(tx, row, who);
    const scramble = owesScramble(row) || row.scramble === 1 || replacedOwed ? 1 : 0;
    const set = { ...shredded, ...act.grant, scramble, needs_you: null, next_attempt_at: null, epoch: row.epoch + 1 };
    const moved = yield* move(tx, row, 'recalled', { ...who, events: [{ name: 'recalled' }], set });
    if (!moved) throw new Problem('stateConflict', { state: row.state });
    const job = { tenant: act.tenant, kind: resetJob, ref: row.id, subject: row.user_id, dueAt: act.at };
    if (scramble === 1) yield* enqueue(tx, job);
    return moved;
  });
}

/**
 * What waits for a sign-in goes on with the right of whoever has signed in. A reset that waits for none stays as it is.
 * @throws Problem notFound
 */
function grant(sql: Sql, act: Act): Promise<ResetRow> {
  return sql.run(function* (tx) {
    const row = yield* readReset(tx, act.tenant, act.id);
    if (!row) throw new Problem('notFound');
    if (row.needs_you !== 'signInAgain') return row;
    // Their role is what the directory is asked for from now on: the first one's may be gone with their sign-in.
    const caller = act.by && { caller_id: act.callerId, caller_name: act.by.name, caller_role: act.by.role };
    const set = { ...act.grant, ...caller, needs_you: null, why: null, next_attempt_at: null, epoch: row.epoch + 1 };
    const who = { at: act.at, actor: `user:${act.callerId}` };
    const moved = yield* move(tx, row, row.state, { ...who, events: [{ name: 'signedInAgain' }], set });
    yield* enqueue(tx, { tenant: act.tenant, kind: resetJob, ref: row.id, subject: row.user_id, dueAt: act.at });
    return moved ?? row;
  });
}

/** What an admin may do, by its name in the address. */
export const acts = { cancel, kill, grant } as const satisfies Record<
  string,
  (sql: Sql, act: Act) => Promise<ResetRow>
>;
