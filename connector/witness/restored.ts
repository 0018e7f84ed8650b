// What becomes of resets in a database that was restored from a backup: whatever was under way when the copy was made may
// have ended long ago, in ways that the copy does not know. It ends here, visibly: no mail goes out, no password is set, no
// link opens. A temporary password that is still there is made useless as after any expiry, by what the directory shows:
// one that the person has chosen since is never touched.

import { liveStates } from '#shared/api.ts';
import { enqueue } from '../jobs.ts';
import { isPass, move, type ResetRow, recordMove, shredded } from '../resets/row.ts';
import { owesScramble } from '../resets/supersede.ts';
import type { Tx, Work } from '../sql/sql.ts';

const why = JSON.stringify({ code: 'restored', details: {} });

/** Was it ended because its database was restored? */
export function isRestored(row: ResetRow): boolean {
  return row.why === why;
}

const underWay = [...liveStates, 'done'].map((state) => `'${state}'`).join(', ');

/** Ends all that is under way, in every tenant; how many. Part of the start's one transaction. */
export function* endAll(tx: Tx, at: number): Work<number> {
  const rows = yield* tx.query<ResetRow>(
    `select * from reset where state in (${underWay}) or scramble = 1 order by tenant, started_at`,
    [],
  );
  let ended = 0;
  for (const row of rows) {
    // Handed over and chosen, or kept: nothing is left of it.
    const over = row.state === 'done' && (row.changed === 1 || (row.force_change === 0 && !isPass(row)));
    if (over && row.scramble === 0) continue;
    // What was to be made useless still is, but no longer a password that somebody may have chosen since.
    const stays = row.scramble === 1;
    const scramble = stays || owesScramble(row) ? 1 : 0;
    const set = {
      ...shredded,
      ...{ scramble, why, needs_you: null, next_attempt_at: null, remember: 0, epoch: row.epoch + 1 },
    };
    const how = { at, actor: 'connector', events: [{ name: 'restored' as const }], set };
    const after = yield* move(tx, row, stays ? row.state : 'expired', how);
    if (!after) continue;
    if (!stays) yield* recordMove(tx, after, 'reset.restored', how);
    ended++;
    const { tenant, id: ref, user_id: subject } = row;
    if (scramble === 1) yield* enqueue(tx, { tenant, kind: 'reset', ref, subject, dueAt: at });
  }
  return ended;
}
