// How a walk begins: due resets are claimed, fenced and read in one transaction, and one that has just been prepared goes on
// to `mailing` in it, since that step asks nobody.

import { claim, type Job } from '../jobs.ts';
import type { Sql, Tx, Work } from '../sql/sql.ts';
import { leaseFor, resetJob } from './lease.ts';
import { move, type ResetRow } from './row.ts';

/** A claimed job with the row of its reset, whose epoch is this walk's fence. */
export interface Taken extends Job {
  /** Undefined: there is no such reset. */
  readonly row: ResetRow | undefined;
  /** Has the row moved by being taken? */
  readonly moved: boolean;
}

/**
 * Resets that are due, leased to the caller. From the commit on only their walks' writes match the rows, unless an admin's
 * act moves the epoch on.
 * @param now milliseconds since the epoch
 * @param most how many
 * @throws Problem unavailable as `sql.run` does; was it committed all the same, they come back after their lease
 */
export function takeResets(sql: Sql, now: number, most: number): Promise<Taken[]> {
  return sql.run((tx) => taken(tx, now, most), 'readCommitted');
}

function* taken(tx: Tx, now: number, most: number): Work<Taken[]> {
  const all: Taken[] = [];
  while (all.length < most) {
    const job = yield* claim(tx, resetJob, now, leaseFor);
    if (!job) break;
    all.push(yield* begun(tx, job, now));
  }
  return all;
}

function* begun(tx: Tx, job: Job, at: number): Work<Taken> {
  const [row] = yield* tx.query<ResetRow>(
    'update reset set epoch = epoch + 1 where tenant = ? and id = ? returning *',
    [job.tenant, job.ref],
  );
  // One that has been replaced stands back first (walk-mail.ts).
  if (row?.state !== 'prepared' || row.superseded_by !== null) return { ...job, row, moved: false };
  const mailing = yield* move(tx, row, 'mailing', { at, actor: 'connector', events: [], epoch: row.epoch });
  return { ...job, row: mailing, moved: true };
}
