// The walk after a Temporary Access Pass was made: looks whether somebody has signed in with it, and removes one that
// nobody shall use any more. No password was changed, so that none is watched; only what the wrong person has chosen after
// signing in with the pass is scrambled.

import { Problem } from '#shared/problem.ts';
import type { Directory, Outcome } from '../directory/directory.ts';
import type { Tenant } from '../tenant.ts';
import {
  backoffAfter,
  deadline,
  directoryFor,
  endSessions,
  events,
  glanceAfter,
  type Lease,
  moved,
  type Next,
  needsAfter,
  remaining,
  scrambleOf,
  sessionsStay,
  soon,
  type WalkDeps,
  within,
} from './lease.ts';
import { passesOf } from './pass.ts';
import { type Columns, type ResetRow, shredded } from './row.ts';
import { newerCredential, newerOnItsWay, newerPassInTheMaking } from './supersede.ts';

/**
 * Looks whether somebody has signed in with the pass; true when there is nothing left to watch. A directory that cannot be
 * looked at keeps nothing from ending in time.
 * @param until when it is ended anyway, in milliseconds since the epoch
 */
export async function sawUse(
  deps: WalkDeps,
  tenant: Tenant,
  row: ResetRow,
  job: Lease,
  until: number,
): Promise<boolean> {
  try {
    if (!(await isUsed(directoryFor(deps, tenant, row), row))) return false;
  } catch (error) {
    if (error instanceof Problem && deps.now() >= until) return false;
    throw error;
  }
  const set = { ...shredded, changed: 1, needs_you: needsAfter(row, null), next_attempt_at: null };
  return moved(deps, job, row, 'done', events('passUsed'), set);
}

async function isUsed(directory: Directory, { user_id, pass_id }: ResetRow): Promise<boolean> {
  return pass_id !== null && (await passesOf(directory).isUsed(user_id, pass_id));
}

/** Its time is over, and it has ended by itself: after "I have signed in" that is all there is to say. */
export async function noteEnd(deps: WalkDeps, row: ResetRow, job: Lease): Promise<Next> {
  const set = { ...shredded, changed: 1, needs_you: needsAfter(row, null) };
  await moved(deps, job, row, 'done', events('passEnded'), set);
  return undefined;
}

/** Removes the pass of a reset that has ended, unless it was used in the proper way or another has taken its place. */
export async function removePass(deps: WalkDeps, row: ResetRow, job: Lease, directory: Directory): Promise<Next> {
  const now = deps.now();
  const ended: Columns = { scramble: 0, next_attempt_at: null, needs_you: null, call_until: null };
  const newer = await deps.sql.read((tx) => newerCredential(tx, row));
  if (newer === 'same') {
    await moved(deps, job, row, row.state, [], ended);
    return undefined;
  }
  if (row.state === 'superseded') {
    if (await deps.sql.read((tx) => newerOnItsWay(tx, row))) return glanceAfter(deps, now);
    // Who was shown a pass that was then replaced may still be using it, while nothing better has come.
    const usable = row.change_by ?? row.expires_at;
    if (newer === undefined && now < usable) return usable;
  }
  // Nobody knows which one was made: the one that is being made now is another.
  if (row.pass_id === null && (await deps.sql.read((tx) => newerPassInTheMaking(tx, row)))) return now + soon;
  // Ended while it was looked at; "wrong person" ends it however it was used.
  if (row.state === 'expired' && (await isUsed(directory, row))) {
    await moved(deps, job, row, 'done', events('passUsed'), { ...ended, changed: 1, needs_you: needsAfter(row, null) });
    return undefined;
  }
  // Before the pass goes, and with it what tells whether it was used.
  const scrambled = await scrambleChosen(deps, row, job, directory);
  if (scrambled && scrambled.outcome !== 'done') return notRemoved(deps, row, job, scrambled, ended);
  const call = passesOf(directory).remove(row.user_id, row.pass_id ?? undefined);
  const outcome = await within(deps, remaining(job, deps.now()), call);
  if (outcome.outcome !== 'done') return notRemoved(deps, row, job, outcome, ended);
  return noteRemoved(deps, row, job, directory, { ended, scrambled: scrambled !== undefined });
}

/**
 * "Wrong person" after a sign-in with the pass: whoever signed in may have chosen a new password, which is made useless.
 * Undefined: there is none.
 */
async function scrambleChosen(
  deps: WalkDeps,
  row: ResetRow,
  job: Lease,
  directory: Directory,
): Promise<Outcome | undefined> {
  if (row.state !== 'recalled') return undefined;
  const last = await directory.lastPasswordChange(row.user_id);
  if (!last || row.baseline_at === null) return undefined;
  const ours = last.by.kind === 'operation';
  if (ours && last.by.operation === scrambleOf(row)) return { outcome: 'done', at: last.at };
  if (ours || last.at <= row.baseline_at || !(await isUsed(directory, row))) return undefined;
  const profile = { password: deps.scramblePassword(), forceChangePasswordNextSignIn: true };
  // Only what was just looked at is replaced: a change in between makes this a conflict, and it is looked at again.
  const call = directory.setPassword(row.user_id, profile, scrambleOf(row), last.at, deadline(job));
  return within(deps, remaining(job, deps.now()), call);
}

async function notRemoved(
  deps: WalkDeps,
  row: ResetRow,
  job: Lease,
  outcome: Exclude<Outcome, { outcome: 'done' }>,
  ended: Columns,
): Promise<Next> {
  if (outcome.outcome === 'failed' && outcome.problem.code === 'targetUnknown') {
    // Deleted meanwhile: there is nothing left to protect.
    await moved(deps, job, row, row.state, [], ended);
    return undefined;
  }
  if (outcome.outcome === 'failed' && outcome.problem.code === 'signInAgain') throw outcome.problem;
  job.failed = true;
  const conflict = outcome.outcome === 'failed' && outcome.problem.code === 'stateConflict';
  const next = deps.now() + (conflict ? soon : backoffAfter(job.attempts));
  await moved(deps, job, row, row.state, events('deferred'), { next_attempt_at: next, needs_you: 'directoryFailed' });
  return next;
}

/** Sessions end only where the wrong person may have begun them: a pass that merely was not used has begun none. */
async function noteRemoved(
  deps: WalkDeps,
  row: ResetRow,
  job: Lease,
  directory: Directory,
  { ended, scrambled }: { readonly ended: Columns; readonly scrambled: boolean },
): Promise<Next> {
  const wrongPerson = row.state === 'recalled';
  const ending = wrongPerson && (await endSessions(deps, row, job, directory));
  const stay = ending && ending.outcome !== 'done' ? { evidence: sessionsStay } : {};
  const to = row.state === 'expired' ? 'scrambled' : row.state;
  const useless = scrambled ? events('scrambled') : [];
  await moved(deps, job, row, to, [...useless, { name: 'passRemoved', ...stay }], ended);
  return undefined;
}
