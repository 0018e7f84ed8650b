// The walk: one step of a reset at a time, saved before the next begins. Called with a leased job; whatever happens in
// between (kill -9, a lost answer, a second worker), the row says where to go on, and every step may be done again.

import type { EventName } from '#shared/api.ts';
import { Problem, type ProblemCode, type ProblemDetails } from '#shared/problem.ts';
import type { Directory, Outcome } from '../directory/directory.ts';
import type { Job } from '../jobs.ts';
import { release } from '../jobs.ts';
import type { Logger } from '../log.ts';
import type { Mail, SendOutcome } from '../mail/mail.ts';
import type { Keyring } from '../secret.ts';
import type { Sql, Tx, Work } from '../sql/sql.ts';
import type { Tenant, Tenants } from '../tenant.ts';
import { authoriseReset } from './authorise.ts';
import { type Columns, move, type ResetRow, readReset, shredded } from './row.ts';
import { endOlder, olderCall, restoreOlder } from './supersede.ts';
import type { Watchers } from './watchers.ts';

export interface WalkDeps {
  readonly sql: Sql;
  readonly tenants: Tenants;
  readonly directoryOf: (tenant: Tenant) => Directory;
  readonly mailOf: (tenant: Tenant) => Mail;
  readonly keyring: Keyring;
  readonly scramblePassword: () => string;
  readonly now: () => number;
  readonly log: Logger;
  readonly watchers: Watchers;
}

/** The job of every reset; its `ref` is the reset's id, its `subject` the person's. */
export const resetJob = 'reset';

const minute = 60_000;
/** After a failure of mail or directory: 1, 5, 15, 30 minutes, then every hour, until the reset expires (reset.md C14). */
const backoff = [1, 5, 15, 30, 60].map((minutes) => minutes * minute);
/** After `unknown`, and after a conflict: soon, since the same bytes or the same value are harmless. */
const soon = 2_000;
/** How often a directory that can't tell by itself is asked whether the password has changed. */
const glance = 10 * minute;
/** What is left of the lease for our own writes once a remote call has been given up. */
const reserve = 5_000;

/** When the job is due again; undefined: it has nothing left to do. */
type Next = number | undefined;
type Step = (deps: WalkDeps, tenant: Tenant, row: ResetRow, job: Job) => Promise<Next>;

const steps: Readonly<Record<ResetRow['state'], Step>> = {
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
  superseded: ended,
};

/** Walks a reset as far as it goes now, then gives the job back. Throws only what is a fault of the program's own. */
export async function walk(deps: WalkDeps, job: Job): Promise<void> {
  const { sql, now, watchers, log } = deps;
  const tenant = await deps.tenants.byId(job.tenant);
  // From now on only this worker's writes match the row.
  let row = await sql.run(function* (tx) {
    yield* tx.run`update reset set epoch = ${job.epoch} where tenant = ${job.tenant} and id = ${job.ref}
      and epoch < ${job.epoch}`;
    return yield* readReset(tx, job.tenant, job.ref);
  });
  let next: Next = now();
  let progress = false;
  for (let taken = 0; row && tenant && taken < 20; taken++) {
    const before = row;
    next = await steps[row.state](deps, tenant, row, job);
    row = await sql.run((tx) => readReset(tx, job.tenant, job.ref));
    if (row && row.seq !== before.seq) watchers.changed(job.tenant, job.ref);
    if (row?.state === before.state) break;
    progress = true;
    log.info({ reset: row?.id, state: row?.state }, 'reset moved');
  }
  const dueAt = row && tenant ? next : undefined;
  await sql.run((tx) => release(tx, job, progress ? { dueAt, attempts: 0 } : { dueAt }));
  if (row) watchers.changed(job.tenant, job.ref);
}

function remaining(job: Job, now: number): number {
  return job.leasedUntil - reserve - now;
}

function events(...names: EventName[]): { name: EventName }[] {
  return names.map((name) => ({ name }));
}

function why(code: ProblemCode, details: ProblemDetails = {}): string {
  return JSON.stringify({ code, details });
}

async function moved(
  deps: WalkDeps,
  job: Job,
  row: ResetRow,
  to: ResetRow['state'],
  events: readonly { name: EventName; evidence?: string }[],
  set: Columns = {},
  also?: (tx: Tx, row: ResetRow, at: number) => Work<void>,
): Promise<boolean> {
  const at = deps.now();
  return deps.sql.run(function* (tx) {
    const row2 = yield* move(tx, row, to, { at, actor: 'connector', events, set, epoch: job.epoch });
    if (row2 && also) yield* also(tx, row2, at);
    return row2 !== undefined;
  });
}

// -- mail ---------------------------------------------------------------------------------------------------------

async function beginMail(deps: WalkDeps, _tenant: Tenant, row: ResetRow, job: Job): Promise<Next> {
  await moved(deps, job, row, 'mailing', []);
  return deps.now();
}

async function sendMail(deps: WalkDeps, tenant: Tenant, row: ResetRow, job: Job): Promise<Next> {
  const now = deps.now();
  if (now >= row.expires_at) return expireUnchanged(deps, row, job);
  if (row.next_attempt_at !== null && now < row.next_attempt_at) return Math.min(row.next_attempt_at, row.expires_at);
  // An answer of 5xx is final for this address: only the admin, or the end of the day, moves it.
  if (row.needs_you === 'mailFailed') return row.expires_at;
  if (row.sealed_mail === null) throw new Error('A reset in mailing has no mail.');
  const bytes = deps.keyring.open(row.sealed_mail, aad(row, 'sealed_mail'));
  const envelope = { from: row.mail_from, to: row.recipient };
  const outcome = await deps.mailOf(tenant).send({ envelope, messageId: row.message_id, bytes });
  deps.log.info({ reset: row.id, outcome: outcome.outcome }, 'mail attempt');
  return noteMail(deps, row, job, outcome);
}

async function noteMail(deps: WalkDeps, row: ResetRow, job: Job, outcome: SendOutcome): Promise<Next> {
  const attempts = row.mail_attempts + 1;
  if (outcome.outcome === 'accepted') {
    const accepted = [{ name: 'accepted' as const, evidence: outcome.reply }];
    // The key in the link is nowhere on our side from here on.
    const set = { mail_attempts: attempts, sealed_mail: null, needs_you: null, next_attempt_at: null, why: null };
    await moved(deps, job, row, 'mailed', accepted, set, endOlder);
    return deps.now();
  }
  const evidence = `${outcome.outcome}: ${outcome.reply}`;
  if (outcome.outcome === 'refused') {
    const set: Columns = { mail_attempts: attempts, needs_you: 'mailFailed', next_attempt_at: null };
    await moved(deps, job, row, 'mailing', [{ name: 'mailRefused', evidence }], set);
    return row.expires_at;
  }
  const wait = outcome.outcome === 'unknown' && attempts === 1 ? soon : backoffAfter(attempts);
  const next = Math.min(deps.now() + wait, row.expires_at);
  const needs = outcome.outcome === 'misconfigured' ? 'mailMisconfigured' : attempts >= 4 ? 'overdue' : null;
  const set: Columns = { mail_attempts: attempts, next_attempt_at: next, needs_you: needs };
  await moved(deps, job, row, 'mailing', [{ name: 'deferred', evidence }], set);
  return next;
}

function backoffAfter(attempts: number): number {
  return backoff[Math.min(attempts, backoff.length) - 1] ?? minute;
}

async function expireUnchanged(deps: WalkDeps, row: ResetRow, job: Job): Promise<Next> {
  await moved(deps, job, row, 'expired', events('expired'), { ...shredded, needs_you: null }, restoreOlder);
  return undefined;
}

// -- directory ----------------------------------------------------------------------------------------------------

async function beginChange(deps: WalkDeps, tenant: Tenant, row: ResetRow, job: Job): Promise<Next> {
  const now = deps.now();
  if (now >= row.expires_at) return expireUnchanged(deps, row, job);
  if (row.next_attempt_at !== null && now < row.next_attempt_at) return row.next_attempt_at;
  try {
    // The role may be gone, the person blocked or deleted since the mail went out (reset.md C24, C25).
    await authoriseReset(deps.directoryOf(tenant), row.caller_id, row.user_id);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.code === 'unavailable' || error.code === 'throttled') return deferChange(deps, row, job, error.code);
    const set = { ...shredded, why: why(error.code, error.details), needs_you: null };
    await moved(deps, job, row, 'rejected', events('rejected'), set, restoreOlder);
    return undefined;
  }
  const older = await deps.sql.run((tx) => olderCall(tx, row, now));
  if (older !== undefined) return older;
  // Not begun when the lease would run out under it.
  if (remaining(job, now) < 10_000) return now;
  await moved(deps, job, row, 'changing', [], { call_until: job.leasedUntil, next_attempt_at: null });
  return deps.now();
}

async function change(deps: WalkDeps, tenant: Tenant, row: ResetRow, job: Job): Promise<Next> {
  const now = deps.now();
  if (row.next_attempt_at !== null && now < row.next_attempt_at) return row.next_attempt_at;
  if (now >= row.expires_at) {
    // Tried all day without an answer: nobody knows whether it holds our password, so it is made useless.
    const set = { ...shredded, scramble: 1, call_until: null, needs_you: null, next_attempt_at: null };
    await moved(deps, job, row, 'expired', events('expired'), set);
    return deps.now();
  }
  const older = await deps.sql.run((tx) => olderCall(tx, row, now));
  if (older !== undefined) return older;
  if (remaining(job, now) < 10_000) return now;
  if (row.sealed_password === null) throw new Error('A reset in changing has no password.');
  // Checked right before the write: from here until the deadline our call may be under way (reset.md, epochs).
  const mine = await moved(deps, job, row, 'changing', [], { call_until: job.leasedUntil });
  if (!mine) return now;
  const password = deps.keyring.openText(row.sealed_password, aad(row, 'sealed_password'));
  const profile = { password, forceChangePasswordNextSignIn: row.force_change === 1 };
  const directory = deps.directoryOf(tenant);
  const outcome = await within(
    remaining(job, deps.now()),
    directory.setPassword(row.user_id, profile, operationOf(row)),
  );
  deps.log.info({ reset: row.id, outcome: outcome.outcome }, 'password change');
  if (outcome.outcome !== 'done') return noteNoChange(deps, row, job, outcome);
  const settled = await directory.lastPasswordChange(row.user_id);
  const baseline = Math.max(outcome.at, isOurs(row, settled) ? (settled?.at ?? 0) : 0);
  const set = { call_until: null, needs_you: null, next_attempt_at: null, why: null, baseline_at: baseline };
  const armed = { ...set, sealed_password: null };
  if (!(await moved(deps, job, row, 'ready', events('passwordSet', 'armed'), armed))) await settleLate(deps, row);
  return deps.now();
}

async function noteNoChange(deps: WalkDeps, row: ResetRow, job: Job, outcome: Exclude<Outcome, { outcome: 'done' }>) {
  if (outcome.outcome === 'failed' && !passing(outcome.problem)) {
    const set: Columns = {
      ...shredded,
      call_until: null,
      needs_you: null,
      why: why(outcome.problem.code, outcome.problem.details),
    };
    if (!(await moved(deps, job, row, 'refused', events('refused'), set))) await settleLate(deps, row);
    return undefined;
  }
  // An answer that never came leaves the call open until its deadline; a failure has ended it.
  const callUntil = outcome.outcome === 'unknown' ? row.call_until : null;
  const retryAt = outcome.outcome === 'failed' ? outcome.retryAt : deps.now() + soon;
  return deferChange(
    deps,
    row,
    job,
    outcome.outcome === 'failed' ? outcome.problem.code : 'unavailable',
    retryAt,
    callUntil,
  );
}

/** Throttled, unavailable or changed under us: the same value is set again later. */
function passing({ code }: Problem): boolean {
  return code === 'throttled' || code === 'unavailable' || code === 'stateConflict';
}

async function deferChange(
  deps: WalkDeps,
  row: ResetRow,
  job: Job,
  code: ProblemCode,
  retryAt?: number,
  callUntil: number | null = null,
): Promise<Next> {
  const next = Math.min(retryAt ?? deps.now() + backoffAfter(Math.min(job.attempts, 5)), row.expires_at);
  const needs = job.attempts >= 4 ? 'directoryFailed' : null;
  const set: Columns = { next_attempt_at: next, needs_you: needs, why: why(code), call_until: callUntil };
  if (!(await moved(deps, job, row, row.state, events('deferred'), set))) await settleLate(deps, row);
  return next;
}

/** The row moved on while the call was under way (kill, supersede): the call has ended, whoever waited may go on. */
async function settleLate(deps: WalkDeps, row: ResetRow): Promise<void> {
  const now = deps.now();
  await deps.sql.run(function* (tx) {
    yield* tx.run`update reset set call_until = null where tenant = ${row.tenant} and id = ${row.id}`;
    yield* tx.run`update job set due_at = ${now} where tenant = ${row.tenant} and subject = ${row.user_id}
      and kind = ${resetJob}`;
  });
}

/** The answer, or `unknown` when it does not come in time. */
async function within(milliseconds: number, call: Promise<Outcome>): Promise<Outcome> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<Outcome>((resolve) => {
    timer = setTimeout(() => resolve({ outcome: 'unknown', why: 'timeout' }), Math.max(0, milliseconds));
  });
  try {
    return await Promise.race([call, late]);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { outcome: 'failed', problem: error };
  } finally {
    clearTimeout(timer);
  }
}

function operationOf(row: ResetRow): string {
  return `reset:${row.id}`;
}

function isOurs(row: ResetRow, last: { by: { kind: string; operation?: string } } | undefined): boolean {
  return last?.by.kind === 'operation' && last.by.operation === operationOf(row);
}

// -- after the change ---------------------------------------------------------------------------------------------

/** Looks whether the password has changed since ours was set; true when it has, and the reset is done. */
async function sawChange(deps: WalkDeps, tenant: Tenant, row: ResetRow, job: Job): Promise<boolean> {
  const last = await deps.directoryOf(tenant).lastPasswordChange(row.user_id);
  if (!last || row.baseline_at === null || last.at <= row.baseline_at || isOurs(row, last)) return false;
  // "By the user" only with a record that says so (reset.md).
  const evidence = last.by.kind === 'self' ? 'self' : 'since';
  const set = { ...shredded, changed: 1, needs_you: null, next_attempt_at: null };
  return moved(deps, job, row, 'done', [{ name: 'changed', evidence }], set);
}

async function waitForOpening(deps: WalkDeps, tenant: Tenant, row: ResetRow, job: Job): Promise<Next> {
  if (await sawChange(deps, tenant, row, job)) return undefined;
  const now = deps.now();
  if (now < row.expires_at) return Math.min(row.expires_at, now + glance);
  await moved(deps, job, row, 'expired', events('expired'), { ...shredded, scramble: 1, needs_you: null });
  return deps.now();
}

async function waitForChange(deps: WalkDeps, tenant: Tenant, row: ResetRow, job: Job): Promise<Next> {
  if (row.changed === 1) return undefined;
  if (await sawChange(deps, tenant, row, job)) return undefined;
  const now = deps.now();
  const changeBy = row.change_by ?? row.expires_at;
  if (now >= changeBy) {
    const set = { ...shredded, scramble: 1, needs_you: null };
    await moved(deps, job, row, 'expired', events('expired'), set);
    return deps.now();
  }
  if (row.state === 'leased' && row.ciphertext !== null && row.leased_until !== null && now >= row.leased_until) {
    // Opened, and nobody said that it worked: perhaps a scanner (reset.md S5). Nobody can open it again.
    const set: Columns = { ...shredded, needs_you: row.needs_you ?? 'likelyScanner' };
    await moved(deps, job, row, 'leased', events('leaseEnded'), set);
  }
  const leaseEnd =
    row.ciphertext !== null && row.leased_until !== null && now < row.leased_until ? row.leased_until : changeBy;
  return Math.min(leaseEnd, changeBy, now + glance);
}

/** Replaces a password that nobody shall use any more by one that nobody knows. */
async function scramble(deps: WalkDeps, tenant: Tenant, row: ResetRow, job: Job): Promise<Next> {
  if (row.scramble === 0) return undefined;
  const now = deps.now();
  if (row.next_attempt_at !== null && now < row.next_attempt_at) return row.next_attempt_at;
  if (row.call_until !== null && row.call_until > now) return row.call_until;
  const directory = deps.directoryOf(tenant);
  const last = await directory.lastPasswordChange(row.user_id);
  const newer = await deps.sql.run((tx) => newerChanged(tx, row));
  // After expiry a password that the person chose is never touched (reset.md C32). After "wrong person" it may be the
  // wrong person who chose it; only a newer reset's password is.
  const touched = last !== undefined && row.baseline_at !== null && last.at > row.baseline_at && !isOurs(row, last);
  if (newer || (row.state === 'expired' && touched)) {
    const set = { scramble: 0, next_attempt_at: null, needs_you: null, changed: touched && !newer ? 1 : row.changed };
    const evidence = last?.by.kind === 'self' ? 'self' : 'since';
    const noted = newer ? [] : [{ name: 'changed' as const, evidence }];
    await moved(deps, job, row, row.state === 'expired' && !newer ? 'done' : row.state, noted, set);
    return undefined;
  }
  const profile = { password: deps.scramblePassword(), forceChangePasswordNextSignIn: true };
  // Only what was just looked at is replaced: a change in between makes this a conflict, and it is looked at again.
  const call = directory.setPassword(row.user_id, profile, `scramble:${row.id}`, last?.at);
  const outcome = await within(remaining(job, deps.now()), call);
  if (outcome.outcome === 'done') {
    await directory.revokeSessions(row.user_id);
    const set = { scramble: 0, next_attempt_at: null, needs_you: null, call_until: null };
    await moved(deps, job, row, row.state === 'expired' ? 'scrambled' : 'recalled', events('scrambled'), set);
    return undefined;
  }
  if (outcome.outcome === 'failed' && outcome.problem.code === 'targetUnknown') {
    // Deleted meanwhile: there is nothing left to protect.
    await moved(deps, job, row, row.state, [], { scramble: 0, needs_you: null });
    return undefined;
  }
  const soonAgain = outcome.outcome === 'failed' && outcome.problem.code === 'stateConflict';
  const next = soonAgain ? deps.now() : deps.now() + backoffAfter(job.attempts);
  const set: Columns = { next_attempt_at: next, needs_you: soonAgain ? row.needs_you : 'directoryFailed' };
  await moved(deps, job, row, row.state, soonAgain ? [] : events('deferred'), set);
  return next;
}

/** Has a newer reset of this person set its password, or is it about to? Then ours is gone already. */
function* newerChanged(tx: Tx, row: ResetRow): Work<boolean> {
  const newer = yield* tx.get`select id from reset where tenant = ${row.tenant} and user_id = ${row.user_id}
    and id <> ${row.id} and started_at >= ${row.started_at} and baseline_at is not null limit 1`;
  return newer !== undefined;
}

async function ended(): Promise<Next> {
  return undefined;
}

function aad(row: ResetRow, column: string): string {
  return `reset/${row.tenant}/${row.id}/${column}`;
}
