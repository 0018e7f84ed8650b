// The walk's way to `ready`: roles and person are asked of the directory again, then it is told the one password of this
// reset, as often as it takes; or it makes a Temporary Access Pass, whose value leaves this file only encrypted for the link.

import type { EventName } from '#shared/api.ts';
import { Problem } from '#shared/problem.ts';
import type { Directory, NotDone, PasswordChange } from '../directory/directory.ts';
import { release, wakeSubject } from '../jobs.ts';
import type { Tenant } from '../tenant.ts';
import { authoriseReset } from './authorise.ts';
import {
  aad,
  answerLost,
  askedToWait,
  askForSignIn,
  backoffAfter,
  callOf,
  deadline,
  directoryFor,
  endSessions,
  events,
  expireUnchanged,
  glanceAfter,
  isMendable,
  isOurs,
  isPassing,
  type Lease,
  moved,
  type Next,
  operationOf,
  remaining,
  sessionsStay,
  showsBy,
  sinceCalls,
  soonAfter,
  standsBack,
  unlessWoken,
  type WalkDeps,
  why,
  within,
} from './lease.ts';
import { passesOf, passLifetime, passPermission } from './pass.ts';
import { type Columns, isPass, type ResetRow, shredded } from './row.ts';
import { Held, handBack, olderCall, unlessHeld, wakeReplaced } from './supersede.ts';

/** mailed → changing, or rejected when role or person are gone */
export async function beginChange(deps: WalkDeps, tenant: Tenant, row: ResetRow, job: Lease): Promise<Next> {
  const now = deps.now();
  if (now >= row.expires_at) return expireUnchanged(deps, row, job);
  if (standsBack(row, now)) return row.expires_at;
  if (row.next_attempt_at !== null && now < row.next_attempt_at) return row.next_attempt_at;
  const directory = directoryFor(deps, tenant, row);
  try {
    // The role may be gone, the person blocked or deleted since the mail went out (reset.md C24, C25).
    const { user } = await authoriseReset(directory, row.caller_id, row.user_id);
    if (isPass(row) && !(await passPermission(directory, tenant.policy, row.caller_id, user)))
      throw new Problem('passNotAllowed');
  } catch (error) {
    return noteNotBegun(deps, row, job, error);
  }
  const older = await deps.sql.read((tx) => olderCall(tx, row, now));
  if (older !== undefined) return older;
  let looked: Looked;
  try {
    looked = await look(directory, row);
  } catch (error) {
    return noteNotBegun(deps, row, job, error);
  }
  return call(deps, row, job, directory, looked);
}

/** Nothing was changed: whoever may no longer, or is gone, ends it; what passes is waited for. */
async function noteNotBegun(deps: WalkDeps, row: ResetRow, job: Lease, error: unknown): Promise<Next> {
  if (!(error instanceof Problem)) throw error;
  if (error.code === 'signInAgain') return askForSignIn(deps, row, job, error);
  if (isPassing(error)) return deferChange(deps, row, job, error, askedToWait(error, deps.now()));
  const set = { ...shredded, why: why(error.code, error.details), needs_you: null };
  await moved(deps, job, row, 'rejected', events('rejected'), set, handBack);
  return undefined;
}

/** What the directory held right before a call. */
interface Looked {
  /** When the password had last changed before our first call: by this a change of ours is known again after its answer was lost. */
  readonly seen: number | null;
  /** When it has last changed by now. What comes after that is not replaced unseen: this process may be frozen from here on. */
  readonly since?: number;
}

async function look(directory: Directory, row: ResetRow): Promise<Looked> {
  if (isPass(row)) return { seen: row.seen_at };
  const since = (await directory.lastPasswordChange(row.user_id))?.at ?? 0;
  return { seen: row.seen_at ?? since, since };
}

/** mailed or changing → changing, and the call to the directory */
async function call(
  deps: WalkDeps,
  row: ResetRow,
  job: Lease,
  directory: Directory,
  { seen, since }: Looked,
): Promise<Next> {
  const now = deps.now();
  if (now >= row.expires_at && row.state === 'mailed') return expireUnchanged(deps, row, job);
  // Not begun when the lease would run out under it.
  if (remaining(job, now) < 10_000) return now;
  await deps.witness.mark();
  // Nothing is said any more of what had to be waited for before the change was begun.
  const cleared = row.state === 'mailed' ? { needs_you: null, why: null, next_attempt_at: null } : {};
  // Checked right before the write: from here until the deadline our call may be under way (reset.md, epochs).
  const noted = { ...cleared, ...callOf(job, directory), seen_at: seen };
  const move = moved(deps, job, row, 'changing', [], noted, function* (tx) {
    // Asked again with the note, by which the older one sees ours: either of the two waits.
    const until = yield* olderCall(tx, row, now);
    if (until !== undefined) throw new Held(until);
  });
  const mine = await unlessHeld(move);
  if (mine instanceof Held) return mine.until;
  if (!mine) return now;
  // What is known of earlier calls stays at hand: this one may turn out to have done nothing.
  const begun: ResetRow = { ...row, ...cleared, state: 'changing' };
  return isPass(row) ? makePass(deps, begun, job, directory) : setPassword(deps, begun, job, directory, since);
}

/** changing → ready: the directory holds our password, or has made our pass, and the link is armed */
export async function change(deps: WalkDeps, tenant: Tenant, row: ResetRow, job: Lease): Promise<Next> {
  const now = deps.now();
  if (row.next_attempt_at !== null && now < row.next_attempt_at) return row.next_attempt_at;
  if (now >= row.expires_at) {
    if (!isPass(row) && row.seen_at === null && row.baseline_at === null) return expireUnchanged(deps, row, job);
    // Tried all day, and an answer was lost: if the directory holds our password, it is made useless.
    await moved(deps, job, row, 'expired', [expiredUnknown], { ...shredded, ...unknown, scramble: 1 });
    return deps.now();
  }
  if (!isPass(row) && row.baseline_at !== null) return armLate(deps, row, job, directoryFor(deps, tenant, row));
  const older = await deps.sql.read((tx) => olderCall(tx, row, now));
  if (older !== undefined) return older;
  // A password is set again as often as one likes; an earlier call for a pass may still make one that replaces ours.
  if (isPass(row) && row.call_until !== null && now < row.call_until) return row.call_until;
  if (remaining(job, now) < 10_000) return now;
  const directory = directoryFor(deps, tenant, row);
  let looked: Looked;
  try {
    looked = await look(directory, row);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return noteNoChange(deps, row, job, directory, { outcome: 'failed', problem: error });
  }
  return call(deps, row, job, directory, looked);
}

/** Nobody knows whether a call has had an effect: `call_until`, `call_by` and `seen_at` stay, since by them it will be known. */
const unknown = { needs_you: null, next_attempt_at: null } as const satisfies Columns;
/** Whether it has set the password is found out by whoever scrambles. */
const expiredUnknown = { name: 'expired', evidence: answerLost } as const;
const settled = { ...unknown, call_until: null, call_by: null, seen_at: null, why: null } as const satisfies Columns;

async function setPassword(
  deps: WalkDeps,
  row: ResetRow,
  job: Lease,
  directory: Directory,
  since: number | undefined,
): Promise<Next> {
  if (row.sealed_password === null) throw new Error('A reset in changing has no password.');
  const password = deps.keyring.openText(row.sealed_password, aad(row, 'sealed_password'));
  const profile = { password, forceChangePasswordNextSignIn: row.force_change === 1 };
  const outcome = await within(
    deps,
    remaining(job, deps.now()),
    directory.setPassword(row.user_id, profile, operationOf(row), since, deadline(job)),
  );
  deps.log.info({ reset: row.id, outcome: outcome.outcome }, 'password change');
  if (outcome.outcome !== 'done') return noteNoChange(deps, row, job, directory, outcome);
  // Not every admin who may reset may end sessions: the password is changed all the same, and the record says so.
  const revoked = directory.endsSessions ? outcome : await endSessions(deps, row, job, directory);
  const last = await lastChange(deps, job, directory, row);
  const baseline = Math.max(outcome.at, isOurs(row, last) ? (last?.at ?? 0) : 0);
  // An earlier call, whose answer was lost, may still take effect: whoever comes next waits for it, as this one need not.
  const earlier = row.call_until !== null && row.call_until > deps.now() ? row.call_until : null;
  const call_by = earlier === null ? null : row.call_by;
  const set = { ...settled, call_until: earlier, call_by, baseline_at: baseline, sealed_password: null };
  const passwordSet = {
    name: 'passwordSet' as const,
    ...(revoked.outcome === 'done' ? {} : { evidence: sessionsStay }),
  };
  return arm(deps, row, job, directory, passwordSet, set);
}

/**
 * Every answer that is lost is asked for again: the second pass takes the place of the first, which was shown to nobody.
 * The key that it is encrypted with goes in the transaction that arms.
 */
async function makePass(deps: WalkDeps, row: ResetRow, job: Lease, directory: Directory): Promise<Next> {
  if (row.sealed_key === null) throw new Error('A reset in changing has no key for its pass.');
  const wanted = { lifetimeInMinutes: passLifetime(row.expires_at, deps.now()), isUsableOnce: true };
  const call = passesOf(directory).create(row.user_id, wanted, operationOf(row), deadline(job));
  const outcome = await within(deps, remaining(job, deps.now()), call);
  deps.log.info({ reset: row.id, outcome: outcome.outcome }, 'Temporary Access Pass');
  if (outcome.outcome !== 'done') return noteNoChange(deps, row, job, directory, outcome);
  const key = deps.keyring.open(row.sealed_key, aad(row, 'sealed_key'));
  const context = { tenant: row.tenant, reset: row.id };
  const sealed = await deps.cryptography.sealPassword(outcome.pass.reveal(), key, context, deps.random(12));
  const made = { pass_id: outcome.id, change_by: outcome.until, baseline_at: outcome.at };
  const set = { ...settled, ...made, sealed_key: null, ciphertext: JSON.stringify(sealed) };
  return arm(deps, row, job, directory, { name: 'passCreated' }, set);
}

async function arm(
  deps: WalkDeps,
  row: ResetRow,
  job: Lease,
  directory: Directory,
  event: { name: EventName; evidence?: string },
  set: Columns,
): Promise<Next> {
  // What comes next is the recipient's: the job goes back in the transaction that arms.
  const next = Math.min(row.expires_at, unlessWoken(directory, glanceAfter(deps, deps.now())));
  let released = false;
  const armed = await moved(deps, job, row, 'ready', [event, { name: 'armed' }], set, function* last(tx, after, at) {
    yield* wakeReplaced(tx, after, at);
    released = yield* release(tx, job, { dueAt: next, attempts: 0 });
  });
  job.released = armed && released;
  const { baseline_at = null, call_until = null, call_by = null } = set;
  if (!armed) await settleLate(deps, row, job, { call_until, call_by, seen_at: null, baseline_at });
  return deps.now();
}

/** Another walk has set it, and lost its fence on the way back (settleLate): that is known, and nothing is set again. */
function armLate(deps: WalkDeps, row: ResetRow, job: Lease, directory: Directory): Promise<Next> {
  const { baseline_at, call_until, call_by } = row;
  const set = { ...settled, call_until, call_by, baseline_at, sealed_password: null };
  const told = directory.endsSessions ? {} : { evidence: sessionsStay };
  return arm(deps, row, job, directory, { name: 'passwordSet', ...told }, set);
}

/** The password is set, whatever this look at it meets: then the time of the change is good enough. */
async function lastChange(
  deps: WalkDeps,
  job: Lease,
  directory: Directory,
  row: ResetRow,
): Promise<PasswordChange | undefined> {
  try {
    const look = directory.lastPasswordChange(row.user_id).then((last) => ({ last }));
    // Not longer than the lease: the link is to be armed under it.
    const seen = await within(deps, remaining(job, deps.now()), look);
    return 'last' in seen ? seen.last : undefined;
  } catch (error) {
    if (error instanceof Problem) return undefined;
    throw error;
  }
}

async function noteNoChange(
  deps: WalkDeps,
  row: ResetRow,
  job: Lease,
  directory: Directory,
  outcome: NotDone,
): Promise<Next> {
  const now = deps.now();
  if (outcome.outcome === 'unknown') {
    const again = isPass(row) ? job.leasedUntil : now + soonAfter(job.attempts);
    // The call stays open until its deadline.
    return deferChange(deps, row, job, new Problem('unavailable', { reason: 'lost' }), again, {});
  }
  const { problem } = outcome;
  if (problem.code === 'signInAgain') return askForSignIn(deps, row, job, problem);
  if (isPassing(problem) || problem.code === 'stateConflict') {
    return deferChange(deps, row, job, problem, outcome.retryAt ?? askedToWait(problem, now));
  }
  // This call has done nothing; an earlier one, whose answer was lost, may have.
  if (row.seen_at !== null && !isPass(row) && problem.code !== 'targetUnknown') {
    const last = await lastChange(deps, job, directory, row);
    const became = sinceCalls(row, last);
    const refused = why(problem.code, problem.details);
    if (became !== 'nothing') {
      // Nobody can be handed it any more, and the old one is gone.
      const set: Columns = { ...shredded, ...earlierCall(row), ...unknown, why: refused, scramble: 1 };
      await moved(deps, job, row, 'expired', [{ name: 'refused' }, expiredUnknown], set);
      return deps.now();
    }
    const shows = showsBy(row, directory);
    if (last === undefined || now < shows) return deferChange(deps, row, job, problem, shows);
  }
  const set: Columns = { ...shredded, ...settled, why: why(problem.code, problem.details) };
  const ended = await moved(deps, job, row, 'refused', events('refused'), set, handBack);
  if (!ended) await settleLate(deps, row, job, earlierCall(row));
  return undefined;
}

/** What is not known of calls before this walk's: a call that has certainly done nothing leaves it as it was. */
function earlierCall({ call_until, call_by, seen_at }: ResetRow): Columns {
  return { call_until, call_by, seen_at };
}

/**
 * Tried again later: throttled, out of reach, changed under us, or to be mended by an operator.
 * @param notBefore in milliseconds since the epoch; 0: when it is due by itself
 * @param call what is known of the call; nothing, when it may still be under way
 */
async function deferChange(
  deps: WalkDeps,
  row: ResetRow,
  job: Lease,
  { code, details }: Problem,
  notBefore: number,
  call: Columns = earlierCall(row),
): Promise<Next> {
  job.failed = true;
  const now = deps.now();
  const own = now + backoffAfter(Math.min(job.attempts, 5));
  // However often it says "at once", nothing is hammered.
  const asked = Math.max(notBefore, now + soonAfter(job.attempts));
  const next = Math.min(notBefore > 0 ? asked : own, row.expires_at);
  const needs = job.attempts >= 4 || isMendable(code) ? 'directoryFailed' : null;
  const set: Columns = { next_attempt_at: next, needs_you: needs, why: why(code, details), ...call };
  if (!(await moved(deps, job, row, row.state, events('deferred'), set)) && 'call_until' in call)
    await settleLate(deps, row, job, call);
  return next;
}

/** The row moved on while the call was under way (kill, supersede): the call has ended, whoever waited may go on. */
async function settleLate(deps: WalkDeps, row: ResetRow, job: Lease, call: Columns): Promise<void> {
  const now = deps.now();
  const { call_until = null, call_by = null, seen_at = null, baseline_at = row.baseline_at } = call;
  await deps.sql.run(function* (tx) {
    // Whoever walks now may have begun a call of his own: what is known of that one stays.
    yield* tx.run`update reset set call_until = ${call_until}, call_by = ${call_by}, seen_at = ${seen_at}
      where tenant = ${row.tenant} and id = ${row.id} and call_until = ${job.leasedUntil}`;
    yield* tx.run`update reset set baseline_at = ${baseline_at}
      where tenant = ${row.tenant} and id = ${row.id} and baseline_at is null`;
    yield* wakeSubject(tx, row.tenant, row.user_id, now);
  });
}
