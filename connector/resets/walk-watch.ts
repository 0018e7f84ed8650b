// The walk after the change: waits for the link to be opened and the password to be replaced, and makes useless what
// nobody shall use any more.

import { Problem } from '#shared/problem.ts';
import type { Directory, PasswordChange } from '../directory/directory.ts';
import type { Tenant } from '../tenant.ts';
import { isRestored } from '../witness/restored.ts';
import {
  answerLost,
  askedToWait,
  backoffAfter,
  callOf,
  changedSince,
  deadline,
  directoryFor,
  endSessions,
  events,
  glanceAfter,
  isBlind,
  isPassing,
  type Lease,
  moved,
  type Next,
  needsAfter,
  nextGlance,
  remaining,
  scrambleOf,
  sessionsStay,
  showsBy,
  sinceCalls,
  soonAfter,
  unlessWoken,
  type WalkDeps,
  within,
} from './lease.ts';
import { type Columns, isPass, type ResetRow, shredded } from './row.ts';
import { Held, newerCall, newerCredential, newerOnItsWay, olderCall, unlessHeld } from './supersede.ts';
import { noteEnd, removePass, sawUse } from './walk-pass.ts';

/**
 * Looks whether the password has changed since ours was set; true when there is nothing left to watch. A directory that
 * cannot be looked at keeps nothing from ending in time: what an end owes is decided after another look.
 */
async function sawChange(deps: WalkDeps, tenant: Tenant, row: ResetRow, job: Lease, until: number): Promise<boolean> {
  let last: PasswordChange | undefined;
  try {
    last = await directoryFor(deps, tenant, row).lastPasswordChange(row.user_id);
  } catch (error) {
    if (isBlind(row, error) || (error instanceof Problem && deps.now() >= until)) return false;
    throw error;
  }
  const who = changedSince(row, last);
  if (!who) return false;
  const set = { ...shredded, changed: 1, needs_you: needsAfter(row, null), next_attempt_at: null };
  // "By the user" only with a record that says so (reset.md); what another reset has set is no news of this one.
  const noted = who === 'operation' ? [] : [{ name: 'changed' as const, evidence: who }];
  return moved(deps, job, row, 'done', noted, set);
}

/** Is there nothing left to watch? */
const sawEnd: typeof sawChange = (deps, tenant, row, job, until) =>
  (isPass(row) ? sawUse : sawChange)(deps, tenant, row, job, until);

/** ready → leased is the recipient's doing (link.ts); here it is watched, and ended when its time is over. */
export async function waitForOpening(deps: WalkDeps, tenant: Tenant, row: ResetRow, job: Lease): Promise<Next> {
  if (await sawEnd(deps, tenant, row, job, row.expires_at)) return deps.now();
  const now = deps.now();
  const look = unlessWoken(directoryFor(deps, tenant, row), glanceAfter(deps, now));
  if (now < row.expires_at) return Math.min(row.expires_at, look);
  await moved(deps, job, row, 'expired', events('expired'), {
    ...shredded,
    scramble: 1,
    needs_you: needsAfter(row, null),
  });
  return deps.now();
}

/** Opened, or said to be done: watched until the person has chosen a password, or the time for it is over. */
export async function waitForChange(deps: WalkDeps, tenant: Tenant, row: ResetRow, job: Lease): Promise<Next> {
  const changeBy = row.change_by ?? row.expires_at;
  if (row.remember === 1 && row.state === 'done' && row.holder_hash !== null) {
    return rememberAddress(deps, tenant, row, job, changeBy);
  }
  if (row.changed === 1) return undefined;
  if (await sawEnd(deps, tenant, row, job, changeBy)) return deps.now();
  const now = deps.now();
  // The admin has let the person keep it: then it is not temporary, and saying that it works is the end.
  const keeps = row.force_change === 0 && !isPass(row);
  if (keeps && row.state === 'done') return undefined;
  if (now >= changeBy) {
    if (isPass(row) && row.state === 'done') return noteEnd(deps, row, job);
    if (keeps) {
      const set = { ...shredded, changed: 1, needs_you: needsAfter(row, null) };
      await moved(deps, job, row, 'done', [{ name: 'done', evidence: 'kept' }], set);
      return undefined;
    }
    const set = { ...shredded, scramble: 1, needs_you: needsAfter(row, null) };
    await moved(deps, job, row, 'expired', events('expired'), set);
    return deps.now();
  }
  const leased = row.ciphertext !== null && row.leased_until !== null ? row.leased_until : undefined;
  if (row.state === 'leased' && leased !== undefined && now >= leased) {
    // Opened, and nobody said that it worked: perhaps a scanner (reset.md S5). Nobody can open it again.
    const set: Columns = { ...shredded, needs_you: row.needs_you ?? 'likelyScanner' };
    await moved(deps, job, row, 'leased', events('leaseEnded'), set);
  }
  const leaseEnd = leased !== undefined && now < leased ? leased : changeBy;
  return Math.min(leaseEnd, changeBy, unlessWoken(directoryFor(deps, tenant, row), nextGlance(deps, row, now)));
}

/** The address has proven to be the person's: the link was opened there, and it has worked. Given up at `until`. */
async function rememberAddress(
  deps: WalkDeps,
  tenant: Tenant,
  row: ResetRow,
  job: Lease,
  until: number,
): Promise<Next> {
  const directory = directoryFor(deps, tenant, row);
  const outcome = await within(deps, remaining(job, deps.now()), directory.rememberAddress(row.user_id, row.recipient));
  const late = deps.now() >= until;
  if (outcome.outcome === 'failed' && outcome.problem.code === 'signInAgain' && !late) throw outcome.problem;
  if (outcome.outcome === 'unknown' || (outcome.outcome === 'failed' && isPassing(outcome.problem))) {
    job.failed = true;
    if (job.attempts < 5 && !late) return Math.min(until, deps.now() + backoffAfter(job.attempts));
  }
  const event =
    outcome.outcome === 'done'
      ? { name: 'remembered' as const }
      : { name: 'notRemembered' as const, evidence: outcome.outcome === 'failed' ? outcome.problem.code : outcome.why };
  await moved(deps, job, row, row.state, [event], { remember: 0 });
  return deps.now();
}

/** What a scramble may do, after a look at what the directory holds. */
type Verdict = 'wait' | 'scramble' | 'done before' | 'not ours' | 'chosen';

const newerOf = (deps: WalkDeps, row: ResetRow) => deps.sql.read((tx) => newerCredential(tx, row));

async function judge(
  deps: WalkDeps,
  row: ResetRow,
  last: PasswordChange | undefined,
  newer: Awaited<ReturnType<typeof newerOf>>,
  directory: Directory,
): Promise<Verdict> {
  if (newer === 'same') return 'not ours';
  // Replaced by one that has not set its own yet: if it does, there is nothing left to scramble.
  if (row.state === 'superseded' && (await deps.sql.read((tx) => newerOnItsWay(tx, row)))) return 'wait';
  if (last?.by.kind === 'operation' && last.by.operation === scrambleOf(row)) return 'done before';
  // Calls whose answers were lost: our own, before there is a baseline, or a scramble.
  const became = row.seen_at === null ? undefined : sinceCalls(row, last);
  // In a restored database nobody knows who has chosen what since.
  const wrongPerson = row.state === 'recalled' && !isRestored(row);
  if (!wrongPerson) {
    if (row.baseline_at === null && became === undefined) return 'not ours';
    if (row.baseline_at === null && became === 'nothing')
      return deps.now() < showsBy(row, directory) ? 'wait' : 'not ours';
    // The link of a reset that was restored may have been opened since, and a password chosen: what no record names is left.
    if (row.baseline_at === null && isRestored(row) && last?.by.kind === 'unknown') return 'not ours';
    if (row.baseline_at === null && became === 'later') return last?.by.kind === 'operation' ? 'not ours' : 'chosen';
    // Changed while our scramble could have taken place: whoever it was, the temporary password is gone, and one that
    // the person may have chosen stays.
    if (row.baseline_at !== null && became === 'ours' && last?.by.kind === 'unknown') return 'done before';
  }
  // A scramble was begun, and what was looked at then is what is there now: this process died before the call. The password
  // may be that of a reset that this one had replaced, so that whose it is says nothing.
  if (row.baseline_at !== null && became === 'nothing') return 'scramble';
  // A password that the person chose is never touched (reset.md C32). After "wrong person" it may be the wrong person
  // who chose it.
  const chosen = changedSince(row, last);
  if (chosen === 'operation') return 'not ours';
  return chosen !== undefined && !wrongPerson ? 'chosen' : 'scramble';
}

/** Replaces a password that nobody shall use any more by one that nobody knows; a pass is removed. */
export async function scramble(deps: WalkDeps, tenant: Tenant, row: ResetRow, job: Lease): Promise<Next> {
  if (row.scramble === 0) return undefined;
  const now = deps.now();
  if (row.next_attempt_at !== null && now < row.next_attempt_at) return row.next_attempt_at;
  if (row.call_until !== null && row.call_until > now) return row.call_until;
  const older = await deps.sql.read((tx) => olderCall(tx, row, now));
  if (older !== undefined) return older;
  const directory = directoryFor(deps, tenant, row);
  if (isPass(row)) return removePass(deps, row, job, directory);
  const newer = await newerOf(deps, row);
  // Who was shown a password that was then replaced may still be using it, while nothing better has come.
  const usable = row.state === 'superseded' && newer === undefined ? (row.change_by ?? row.expires_at) : 0;
  const ended: Columns = {
    scramble: 0,
    next_attempt_at: null,
    needs_you: null,
    call_until: null,
    call_by: null,
    seen_at: null,
  };
  if (newer === 'same') {
    // A newer reset has replaced it: nothing is left to be asked, whoever's right it was.
    await moved(deps, job, row, row.state, [], ended);
    return undefined;
  }
  const last = await directory.lastPasswordChange(row.user_id);
  const verdict = await judge(deps, row, last, newer, directory);
  if (verdict === 'wait' || (verdict === 'scramble' && now < usable)) return Math.max(usable, glanceAfter(deps, now));
  if (verdict === 'not ours') {
    const never = row.state === 'expired' && row.baseline_at === null && !isRestored(row);
    await moved(deps, job, row, row.state, never ? [{ name: 'expired', evidence: 'unchanged' }] : [], ended);
    return undefined;
  }
  if (verdict === 'chosen') {
    const evidence = last?.by.kind === 'self' ? 'self' : 'since';
    const to = row.state === 'expired' ? 'done' : row.state;
    const set = { ...ended, needs_you: needsAfter(row, null), changed: 1 };
    await moved(deps, job, row, to, [{ name: 'changed', evidence }], set);
    return undefined;
  }
  return verdict === 'done before'
    ? noteScrambled(deps, row, job, directory, ended, last?.by.kind === 'unknown' ? [answerLost, 'change seen'] : [])
    : makeUseless(deps, row, job, directory, last, ended);
}

async function makeUseless(
  deps: WalkDeps,
  row: ResetRow,
  job: Lease,
  directory: Directory,
  last: PasswordChange | undefined,
  ended: Columns,
): Promise<Next> {
  const seen = last?.at ?? 0;
  await deps.witness.mark();
  // By this a scramble whose answer is lost is known again; a newer reset waits for it.
  const begun = { ...callOf(job, directory), seen_at: seen, baseline_at: row.baseline_at ?? seen };
  const move = moved(deps, job, row, row.state, [], begun, function* (tx, _row, at) {
    const until = yield* newerCall(tx, row, at);
    if (until !== undefined) throw new Held(until);
  });
  const mine = await unlessHeld(move);
  if (mine instanceof Held) return mine.until;
  if (!mine) return deps.now();
  const profile = { password: deps.scramblePassword(), forceChangePasswordNextSignIn: true };
  // Only what was just looked at is replaced: a change in between makes this a conflict, and it is looked at again.
  const call = directory.setPassword(row.user_id, profile, scrambleOf(row), seen, deadline(job));
  const outcome = await within(deps, remaining(job, deps.now()), call);
  if (outcome.outcome === 'done') return noteScrambled(deps, row, job, directory, ended);
  if (outcome.outcome === 'failed' && outcome.problem.code === 'targetUnknown') {
    // Deleted meanwhile: there is nothing left to protect.
    await moved(deps, job, row, row.state, [], ended);
    return undefined;
  }
  if (outcome.outcome === 'failed' && outcome.problem.code === 'signInAgain') throw outcome.problem;
  job.failed = true;
  const conflict = outcome.outcome === 'failed' && outcome.problem.code === 'stateConflict';
  const asked = outcome.outcome === 'failed' ? (outcome.retryAt ?? askedToWait(outcome.problem, deps.now())) : 0;
  // Looked at again at once; but a directory that shows for a while what it held before conflicts for as long.
  const look = job.attempts === 1 ? 0 : soonAfter(job.attempts - 1);
  const next = Math.max(deps.now() + (conflict ? look : backoffAfter(job.attempts)), asked);
  // One that has certainly done nothing leaves what is known of the one before it.
  const { call_until, call_by, seen_at, baseline_at } = row;
  const known = outcome.outcome === 'failed' ? { call_until, call_by, seen_at, baseline_at } : {};
  const set: Columns = { ...known, next_attempt_at: next, needs_you: conflict ? row.needs_you : 'directoryFailed' };
  await moved(deps, job, row, row.state, conflict ? [] : events('deferred'), set);
  return next;
}

async function noteScrambled(
  deps: WalkDeps,
  row: ResetRow,
  job: Lease,
  directory: Directory,
  ended: Columns,
  evidence: readonly string[] = [],
): Promise<Next> {
  const revoked = await endSessions(deps, row, job, directory);
  const all = revoked.outcome === 'done' ? evidence : [...evidence, sessionsStay];
  const noted = { name: 'scrambled' as const, ...(all.length > 0 ? { evidence: all.join(', ') } : {}) };
  await moved(deps, job, row, row.state === 'expired' ? 'scrambled' : row.state, [noted], ended);
  return undefined;
}
