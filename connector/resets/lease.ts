// One walk of a reset: what its steps are given and share. Every write goes through `moved`, under the walk's own fence.

import type { EventName } from '#shared/api.ts';
import type { LinkCryptography } from '#shared/link.ts';
import { Problem, type ProblemCode, type ProblemDetails } from '#shared/problem.ts';
import type {
  Acting,
  Directory,
  DirectoryOf,
  Grant,
  NotDone,
  Outcome,
  PasswordChange,
} from '../directory/directory.ts';
import type { Job } from '../jobs.ts';
import type { Logger } from '../log.ts';
import type { Mail } from '../mail/mail.ts';
import type { Scheduler } from '../scheduler.ts';
import { type Keyring, Secret } from '../secret.ts';
import type { Sql, Tx, Work } from '../sql/sql.ts';
import type { Tenant, Tenants } from '../tenant.ts';
import type { Witness } from '../witness/witness.ts';
import { type Columns, type Move, move, type ResetRow, shredded } from './row.ts';
import { handBack } from './supersede.ts';
import type { Watchers } from './watchers.ts';

export interface WalkDeps {
  readonly sql: Sql;
  readonly tenants: Tenants;
  readonly directoryOf: DirectoryOf;
  readonly mailOf: (tenant: Tenant, acting: Acting) => Mail;
  readonly keyring: Keyring;
  readonly scramblePassword: () => string;
  readonly random: (bytes: number) => Uint8Array;
  readonly cryptography: LinkCryptography;
  readonly now: () => number;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  readonly watchers: Watchers;
  /** So many times longer than usual are the waits between two looks at a directory; absent: once. For simulated days. */
  readonly patience?: number;
  /** Asked before anything outside is changed. */
  readonly witness: Pick<Witness, 'mark'>;
}

/** The job of every reset; its `ref` is the reset's id, its `subject` the person's. */
export const resetJob = 'reset';

export const minute = 60_000;
/** One attempt's mail dialogue (60 s) and the writes around it fit into a lease; milliseconds. */
export const leaseFor = 90_000;
/** How long the holder of a link may see the password, in milliseconds. */
export const leaseTime = 10 * minute;
/** After a failure of mail or directory: 1, 5, 15, 30 minutes, then every hour, until the reset expires (reset.md C14). */
const backoff = [1, 5, 15, 30, 60].map((minutes) => minutes * minute);
/** After `unknown`, and after a conflict: soon, since the same bytes or the same value are harmless. */
export const soon = 2_000;
/** How often a directory that can't tell by itself is asked whether the password has changed. */
const glance = 10 * minute;

/** When to ask again a directory that has nothing new. */
export function glanceAfter({ patience = 1 }: WalkDeps, now: number): number {
  return now + glance * patience;
}

/** A time to look at the directory by oneself; never, where whoever waits is woken by what happens there. */
export function unlessWoken({ wakes }: Directory, at: number): number {
  return wakes ? Number.POSITIVE_INFINITY : at;
}

/** When to ask next: whoever has just opened the link chooses a new password soon, or not for a while. */
export function nextGlance(deps: WalkDeps, row: ResetRow, now: number): number {
  const { patience = 1 } = deps;
  const opened = row.leased_until === null ? Number.POSITIVE_INFINITY : now - (row.leased_until - leaseTime);
  if (opened < 10 * minute) return now + (minute / 4) * patience;
  return opened < 60 * minute ? now + minute * patience : glanceAfter(deps, now);
}
/** What is left of the lease for our own writes once a remote call has been given up. */
const reserve = 5_000;

/** Evidence: the password was changed, and whoever is signed in stays so. */
export const sessionsStay = 'sessions not ended';

/** Evidence: nobody knows yet whether the directory has set the password. */
export const answerLost = 'answer lost';

/** When the job is due again; undefined: it has nothing left to do. */
export type Next = number | undefined;
/** A claimed job on its walk. */
export interface Lease extends Job {
  /** The row's epoch during this walk: a write under another one matches no row. */
  readonly fence: number;
  /** Something failed and is to be tried again: what counts for the backoff. */
  failed: boolean;
  /** The last move has given the job back: this walk is over. */
  released: boolean;
  /** The row as this walk has last written or read it; undefined: somebody else was faster, and it is read again. */
  row: ResetRow | undefined;
}
export type Step = (deps: WalkDeps, tenant: Tenant, row: ResetRow, job: Lease) => Promise<Next>;

/** Until when a remote call may take, in milliseconds since the epoch: our own writes still fit into the lease. */
export function deadline(job: Lease): number {
  return job.leasedUntil - reserve;
}

/** Milliseconds until `deadline`; below zero: it has passed. */
export function remaining(job: Lease, now: number): number {
  return deadline(job) - now;
}

/** Events without evidence, as `move` takes them. */
export function events(...names: EventName[]): { name: EventName }[] {
  return names.map((name) => ({ name }));
}

/** An alarm is the admin's to end, by "kill": nothing that happens meanwhile takes it away. */
export function needsAfter(row: ResetRow, needs: ResetRow['needs_you']): ResetRow['needs_you'] {
  const passing = needs === 'overdue' || needs === 'directoryFailed';
  // What a person has to do is not hidden by what mends itself.
  if (passing && (row.needs_you === 'pinLocked' || row.needs_you === 'likelyScanner')) return row.needs_you;
  return row.needs_you === 'alarm' ? 'alarm' : needs;
}

/** The reason of a state, as the row keeps it: JSON of a problem’s code and details. */
export function why(code: ProblemCode, details: ProblemDetails = {}): string {
  return JSON.stringify({ code, details });
}

/**
 * A walk's one way to write: moves its row on, or notes something in its state, under the walk's fence; `job.row` is the row from
 * then on. False: somebody else was faster, and nothing was written.
 * @param also in the same transaction, with the new row; what it throws leaves nothing of either
 * @throws Problem unavailable as `sql.run` does
 */
export async function moved(
  deps: WalkDeps,
  job: Lease,
  row: ResetRow,
  to: ResetRow['state'],
  events: readonly { name: EventName; evidence?: string }[],
  set: Columns = {},
  also?: (tx: Tx, row: ResetRow, at: number) => Work<void>,
): Promise<boolean> {
  const at = deps.now();
  job.row = await deps.sql.run((tx) =>
    movedOn(tx, row, to, { at, actor: 'connector', events, set, epoch: job.fence }, also),
  );
  return job.row !== undefined;
}

function* movedOn(
  tx: Tx,
  row: ResetRow,
  to: ResetRow['state'],
  change: Move,
  also?: (tx: Tx, row: ResetRow, at: number) => Work<void>,
): Work<ResetRow | undefined> {
  const after = yield* move(tx, row, to, change);
  if (after && also) yield* also(tx, after, change.at);
  return after;
}

/** Milliseconds until the next attempt, after so many (reset.md C14). */
export function backoffAfter(attempts: number): number {
  return backoff[Math.min(attempts, backoff.length) - 1] ?? minute;
}

/** After an answer that was lost: soon, a few times, then as after any failure. */
export function soonAfter(attempts: number): number {
  return attempts <= 3 ? soon : backoffAfter(attempts - 3);
}

/** Not before, where the other side has said so (Retry-After), in milliseconds since the epoch; else 0. */
export function askedToWait({ details }: Problem, now: number): number {
  return typeof details.retryAfter === 'number' ? now + details.retryAfter * 1000 : 0;
}

/** Throttled, out of reach, or wrongly set up: nothing is said about the person, and it will be mended. */
export function isPassing({ code }: Problem): boolean {
  return code === 'throttled' || code === 'unavailable' || isMendable(code);
}

/** Consent or the connector's own credential is missing: an operator has to do something. */
export function isMendable(code: ProblemCode): boolean {
  return code === 'consentMissing' || code === 'directoryMisconfigured';
}

/** Replaced before its own mail was accepted: it waits for the newer one's end, or its own. */
export function standsBack(row: ResetRow, now: number): boolean {
  return row.superseded_by !== null && now < row.expires_at;
}

/** Ends a reset that has changed nothing; what it would have replaced is the person's reset again. */
export async function expireUnchanged(deps: WalkDeps, row: ResetRow, job: Lease): Promise<Next> {
  await moved(deps, job, row, 'expired', events('expired'), { ...shredded, needs_you: null }, handBack);
  return undefined;
}

/** Can nothing be seen before the end, because the admin's right was that of an hour? Then nobody is bothered before. */
export function isBlind(row: ResetRow, error: unknown): boolean {
  return row.grant_identity === 'none' && error instanceof Problem && error.code === 'signInAgain';
}

/** What refuses the right to ask is no failure of the directory: an admin must sign in again, and nothing is hammered. */
export async function askForSignIn(
  deps: WalkDeps,
  row: ResetRow,
  job: Lease,
  { code, details }: Problem,
): Promise<Next> {
  const needs = needsAfter(row, 'signInAgain');
  const again = deps.now() + 60 * minute;
  // Told once: the row is looked at again each hour, and as soon as somebody has signed in.
  const told = row.needs_you === needs && row.why === why(code, details);
  // No call was made: what is not known of an earlier one is so still.
  const { call_until, call_by, seen_at, baseline_at } = row;
  // The right of an hour has no successor.
  const over = row.grant_identity === 'none' ? { sealed_grant: null } : {};
  const set: Columns = { ...over, needs_you: needs, why: why(code, details), next_attempt_at: null };
  const noted = told ? [] : [{ name: 'deferred' as const, evidence: code }];
  await moved(deps, job, row, row.state, noted, { ...set, call_until, call_by, seen_at, baseline_at });
  return row.expires_at > deps.now() ? Math.min(row.expires_at, again) : again;
}

/** An outcome also of a call that throws a Problem, and of one that does not answer in time. */
export async function within<Done>(
  { scheduler }: WalkDeps,
  milliseconds: number,
  call: Promise<Done | NotDone>,
): Promise<Done | NotDone> {
  let forget = () => {};
  const late = new Promise<NotDone>((resolve) => {
    forget = scheduler.after(Math.max(0, milliseconds), () => resolve({ outcome: 'unknown', why: 'timeout' }));
  });
  try {
    return await Promise.race([call, late]);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { outcome: 'failed', problem: error };
  } finally {
    forget();
  }
}

/** Ends the person's sessions; not after the lease, when they may have signed in with what they have chosen since. */
export async function endSessions(deps: WalkDeps, row: ResetRow, job: Lease, directory: Directory): Promise<Outcome> {
  const left = remaining(job, deps.now());
  if (left <= 0) return { outcome: 'unknown', why: 'timeout' };
  return within(deps, left, directory.revokeSessions(row.user_id));
}

/** The name of the operation that sets this reset's password, or makes its pass. */
export function operationOf(row: ResetRow): string {
  return `reset:${row.id}`;
}

/** Did this reset itself make that change, by its own password or by scrambling it? */
export function isOurs(row: ResetRow, last: PasswordChange | undefined): boolean {
  if (last?.by.kind !== 'operation') return false;
  return last.by.operation === operationOf(row) || last.by.operation === scrambleOf(row);
}

/** The name of the operation that makes this reset's password useless. */
export function scrambleOf(row: ResetRow): string {
  return `scramble:${row.id}`;
}

/**
 * Has the password changed since ours was set, and who did it? By the record wherever there is one, since clocks are
 * set back; by time only where nobody knows. `operation`: another reset of this person has set its own.
 */
export function changedSince(
  row: ResetRow,
  last: PasswordChange | undefined,
): 'self' | 'operation' | 'since' | undefined {
  if (!last || row.baseline_at === null || isOurs(row, last)) return undefined;
  if (last.by.kind === 'other') return 'since';
  if (last.by.kind !== 'unknown') return last.by.kind;
  return last.at > row.baseline_at && !tookEffectLate(row, last) ? 'since' : undefined;
}

/**
 * Is this a call of ours whose answer was lost, and which took effect after the next one had succeeded? Nobody names the
 * hand; but whoever has not opened the link cannot have signed in, nor chosen anything.
 */
export function tookEffectLate(row: ResetRow, last: PasswordChange): boolean {
  const { baseline_at, call_until, leased_until } = row;
  if (baseline_at === null || call_until === null || last.by.kind !== 'unknown' || last.at <= baseline_at) return false;
  const until = row.call_by ?? call_until;
  // Written while a clock was ahead, it explains nothing: a password that somebody may have chosen is theirs.
  if (until > baseline_at + leaseFor + 2 * apart) return false;
  const opened = leased_until === null ? Number.POSITIVE_INFINITY : leased_until - leaseTime;
  return last.at <= until + apart && last.at < opened - apart;
}

/** Of two clocks, and of a lease that ends while an answer is on its way; milliseconds. */
const apart = minute;

/**
 * What has become of the calls whose answers were lost, by what the directory holds now. `ours`: it changed while one
 * of them could have taken place, and no record names another hand.
 */
export function sinceCalls(row: ResetRow, last: PasswordChange | undefined): 'nothing' | 'ours' | 'later' {
  if (isOurs(row, last)) return 'ours';
  if (!last || last.at <= (row.seen_at ?? 0)) return 'nothing';
  if (last.by.kind !== 'unknown') return 'later';
  return row.call_until !== null && last.at > (row.call_by ?? row.call_until) + apart ? 'later' : 'ours';
}

/** When a call that begins now may still take effect: columns of the row. */
export function callOf(job: Lease, directory: Directory): { call_until: number; call_by: number | null } {
  const ahead = directory.ahead?.();
  return { call_until: job.leasedUntil, call_by: ahead === undefined ? null : job.leasedUntil + ahead };
}

/** When a change of ours shows at the latest, in milliseconds since the epoch; clocks may have been set since the call. */
export function showsBy(row: ResetRow, directory: Directory): number {
  const { call_until, call_by } = row;
  const ahead = directory.ahead?.();
  if (call_until === null || call_by === null || ahead === undefined) return (call_until ?? 0) + apart;
  return call_by - ahead + apart;
}

/** Whose right a walk uses: the one that the reset has taken along. */
export function actingOf(deps: WalkDeps, row: ResetRow): Acting {
  return { kind: 'grant', grant: grantOf(deps, row), keep: keeping(deps, row) };
}

/** The directory, asked with that right. */
export function directoryFor(deps: WalkDeps, tenant: Tenant, row: ResetRow): Directory {
  return deps.directoryOf(tenant, actingOf(deps, row));
}

function grantOf(deps: WalkDeps, row: ResetRow): Grant {
  if (row.grant_identity === 'connector') return { identity: 'connector' };
  if (row.sealed_grant === null) return { identity: 'none' };
  const secret = new Secret(deps.keyring.openText(row.sealed_grant, aad(row, 'sealed_grant')));
  return { identity: row.grant_identity, secret };
}

/**
 * Outside of the walk's own writes: whoever has walked on meanwhile needs the newer form too. A grant that somebody else
 * has brought since is another one, and stays.
 */
function keeping(deps: WalkDeps, row: ResetRow): (secret: Secret) => Promise<void> {
  let held = row.sealed_grant;
  return async (secret) => {
    const sealed = deps.keyring.seal(secret.reveal(), aad(row, 'sealed_grant'));
    const kept = await deps.sql.run(function* (tx) {
      return yield* tx.run`update reset set sealed_grant = ${sealed} where tenant = ${row.tenant} and id = ${row.id}
        and grant_identity = 'admin' and sealed_grant = ${held}`;
    });
    if (kept === 1) held = sealed;
  };
}

/** What a sealed value is bound to: it opens in its own column of its own row alone. */
export function aad(row: ResetRow, column: string): string {
  return `reset/${row.tenant}/${row.id}/${column}`;
}
