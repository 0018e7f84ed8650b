// What an admin does to a reset on its way: cancel it before the password changes, or "wrong person: kill now".

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
    const set = { ...shredded, scramble, needs_you: null, next_attempt_at: null, epoch: row.epoch + 1 };
    const moved = yield* move(tx, row, 'recalled', { ...who, events: [{ name: 'recalled' }], set });
    if (!moved) throw new Problem('stateConflict', { state: row.state });
    const job = { tenant: act.tenant, kind: resetJob, ref: row.id, subject: row.user_id, dueAt: act.at };
    if (scramble === 1) yield* enqueue(tx, job);
    return moved;
  });
}

/** An admin's act by its name in the address. Errors: as of `cancel` and `kill`. */
export function act(sql: Sql, name: 'cancel' | 'kill', what: Act): Promise<ResetRow> {
  return name === 'cancel' ? cancel(sql, what) : kill(sql, what);
}
