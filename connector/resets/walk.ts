// The walk: one step of a reset at a time, saved before the next begins. Called with a job that was taken; whatever happens in
// between (kill -9, a lost answer, a second worker), the row says where to go on, and every step may be done again.

import { Problem } from '#shared/problem.ts';
import { release } from '../jobs.ts';
import { broughtBack } from './clock.ts';
import {
  askedToWait,
  askForSignIn,
  backoffAfter,
  events,
  isMendable,
  isPassing,
  type Lease,
  moved,
  type Next,
  needsAfter,
  type Step,
  type WalkDeps,
} from './lease.ts';
import { type ResetRow, readReset } from './row.ts';
import type { Taken } from './take.ts';
import { beginChange, change } from './walk-change.ts';
import { beginMail, sendMail } from './walk-mail.ts';
import { scramble, waitForChange, waitForOpening } from './walk-watch.ts';

const stepOf: Readonly<Record<ResetRow['state'], Step>> = {
  requested: ended,
  prepared: beginMail,
  mailing: sendMail,
  mailed: beginChange,
  changing: change,
  ready: waitForOpening,
  leased: waitForChange,
  done: waitForChange,
  expired: scramble,
  recalled: scramble,
  rejected: ended,
  cancelled: ended,
  refused: ended,
  scrambled: ended,
  superseded: scramble,
};

/** Walks a reset as far as it goes now, then gives the job back. Throws only when the database can't be written. */
export async function walk(deps: WalkDeps, taken: Taken): Promise<void> {
  const { sql, now, watchers, log } = deps;
  const tenant = await deps.tenants.byId(taken.tenant);
  let { row } = taken;
  const job: Lease = { ...taken, fence: row?.epoch ?? 0, failed: false, released: false, row };
  const noteMove = ({ id, state }: ResetRow) => log.info({ reset: id, state }, 'reset moved');
  if (row && taken.moved) {
    watchers.changed(job.tenant, row.user_id);
    noteMove(row);
  }
  const times = row && tenant && broughtBack(row, tenant, now());
  if (row && times && (await moved(deps, job, row, row.state, [], times))) row = job.row;
  let next: Next;
  for (let steps = 0; row && tenant && steps < 20; steps++) {
    const before = row;
    next = await stepOf[row.state](deps, tenant, row, job).catch((error: unknown) => stumble(deps, before, job, error));
    // What this walk has not moved is where it was, as far as it concerns this walk: an act that came between has woken the job.
    row = job.row ?? (await sql.read((tx) => readReset(tx, job.tenant, job.ref)));
    job.row = row;
    if (row && row.seq !== before.seq) watchers.changed(job.tenant, row.user_id);
    if (job.released) return void (row && noteMove(row));
    if (row && row.epoch !== job.fence) {
      // An admin was faster, or the lease has passed on: what is to be done now is looked at afresh.
      next = now();
      break;
    }
    if (!row || row.state === before.state) break;
    noteMove(row);
    // A step that has moved it may have to wait all the same, such as for somebody to sign in.
    if (next !== undefined && next > now()) break;
  }
  // A step that had stumbled went well this time.
  if (row && !job.failed && (row.state === 'ready' || row.state === 'leased' || row.state === 'done')) {
    const set = { needs_you: row.needs_you === 'overdue' ? null : row.needs_you, next_attempt_at: null };
    if (set.needs_you !== row.needs_you || row.next_attempt_at !== null)
      await moved(deps, job, row, row.state, [], set);
  }
  const dueAt = row && tenant ? next : undefined;
  await sql.run((tx) => release(tx, job, job.failed ? { dueAt } : { dueAt, attempts: 0 }));
}

/** A step threw what it should not: it is tried again later, and somebody is told, since nothing may wait in silence. */
async function stumble(deps: WalkDeps, row: ResetRow, job: Lease, error: unknown): Promise<Next> {
  if (error instanceof Problem && error.code === 'signInAgain') return askForSignIn(deps, row, job, error);
  job.failed = true;
  const passing = error instanceof Problem && isPassing(error);
  const log = { reset: row.id, state: row.state };
  if (passing) deps.log.warn({ ...log, code: error.code }, 'a step of a reset has to wait');
  else deps.log.error({ ...log, err: error }, 'a step of a reset failed');
  const next = Math.max(deps.now() + backoffAfter(job.attempts), passing ? askedToWait(error, deps.now()) : 0);
  // A service that is busy for a while is no alarm.
  const patient = passing && !isMendable(error.code) && job.attempts < 4;
  const needs = patient ? row.needs_you : needsAfter(row, 'overdue');
  // Told when it begins; what lasts for days is no news each hour.
  const told = row.needs_you === needs && job.attempts > 5;
  await moved(deps, job, row, row.state, told ? [] : events('deferred'), { needs_you: needs, next_attempt_at: next });
  return next;
}

async function ended(): Promise<Next> {
  return undefined;
}
