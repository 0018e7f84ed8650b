// Setting a password in Graph. A cloud account takes it at once (PATCH passwordProfile); one that is synchronised is told
// to its own Active Directory (resetPassword, 202, an operation that is watched to its end). There is no compare-and-set:
// the time of the last change is read right before the write.

import { Problem } from '#shared/problem.ts';
import { type GraphAnswer, type GraphClient, NoAnswer, segment } from '../entra/graph-client.ts';
import { retryAfterOf } from '../entra/token-endpoint.ts';
import type { Outcome, PasswordProfile } from './directory.ts';
import { type Attempt, type Attempts, isOf } from './graph-attempts.ts';
import { readBody } from './graph-people.ts';
import { failedWrite, outcomeOfError, refusalOf } from './graph-problem.ts';

export interface PasswordDeps {
  readonly client: GraphClient;
  readonly now: () => number;
  readonly pause: (milliseconds: number) => Promise<void>;
  readonly attempts: Attempts;
  /** Only on behalf of an admin: there is no resetPassword for applications. */
  readonly mayResetSynced: boolean;
  /** Milliseconds for everything that one call does. */
  readonly total: number;
}

export interface Setting {
  readonly id: string;
  readonly profile: PasswordProfile;
  readonly operation: string;
  readonly ifUnchangedSince?: number | undefined;
  /** Until when the call may last, in milliseconds since the epoch: no longer than the caller's lease. */
  readonly until?: number | undefined;
}

/** The password as an authentication method: the same id for everybody (Graph, passwordAuthenticationMethod). */
const passwordMethod = '28c10230-6103-485e-b985-444c60001490';
/** Between looks at whether a change shows already, in milliseconds; Graph's replicas follow within seconds. */
const looks = [0, 200, 400, 800, 1600];
/** Between looks at an operation; the last one repeats. */
const polls = [500, 1000, 2000, 4000];
/** Two servers of Graph need not agree on the second. */
const skew = 5000;

interface Target {
  readonly synced: boolean;
  /** lastPasswordChangeDateTime, milliseconds. */
  readonly changedAt: number | undefined;
}

/** When the password last changed, by Graph's clock; nobody: undefined. @throws Problem as any read */
export async function readTarget(deps: Pick<PasswordDeps, 'client' | 'now'>, id: string): Promise<Target | undefined> {
  const query = { $select: 'id,onPremisesSyncEnabled,lastPasswordChangeDateTime' };
  const body = await readBody(deps, `/users/${segment(id)}`, 'User.Read.All', { query });
  if (!body) return undefined;
  const changedAt = Date.parse(String(body.lastPasswordChangeDateTime ?? ''));
  return { synced: body.onPremisesSyncEnabled === true, changedAt: Number.isNaN(changedAt) ? undefined : changedAt };
}

/** Sets a password; see the port (directory.ts). `done.at` is on Graph's clock. */
export function setPassword(deps: PasswordDeps, setting: Setting): Promise<Outcome> {
  return deps.attempts.alone(setting.id, async () => {
    try {
      return await settingAlone(deps, setting);
    } catch (error) {
      return outcomeOfError(error);
    }
  });
}

async function settingAlone(deps: PasswordDeps, setting: Setting): Promise<Outcome> {
  const { id, operation, profile, ifUnchangedSince } = setting;
  const until = Math.min(deps.now() + deps.total, setting.until ?? Number.POSITIVE_INFINITY);
  const target = await readTarget(deps, id);
  if (!target) return { outcome: 'failed', problem: new Problem('targetUnknown') };
  const { changedAt } = target;
  const last = deps.attempts.of(id);
  const digest = deps.attempts.digest(profile);
  const again = last?.operation === operation && last.digest === digest ? last : undefined;
  // Done before, and nobody has changed it since: a second time would end the sessions of whoever signed in meanwhile.
  if (again?.done && (changedAt === undefined || changedAt <= again.latest)) {
    return { outcome: 'done', at: again.latest };
  }
  const ours = changedAt !== undefined && last?.operation === operation && isOf(last, changedAt);
  if (ifUnchangedSince !== undefined && changedAt !== undefined && changedAt > ifUnchangedSince && !ours) {
    return { outcome: 'failed', problem: new Problem('stateConflict') };
  }
  if (target.synced && !deps.mayResetSynced) {
    return { outcome: 'failed', problem: new Problem('targetSynced', { reason: 'appOnly' }) };
  }
  const attempt: Attempt = {
    ...{ operation, digest, before: again ? again.before : changedAt },
    ...{ latest: until + (deps.client.ahead() ?? 0) + skew, done: false },
    ...(again?.location === undefined ? {} : { location: again.location }),
  };
  return target.synced ? resetSynced(deps, setting, attempt, last, until) : patch(deps, setting, attempt, last, until);
}

async function patch(
  deps: PasswordDeps,
  { id, profile }: Setting,
  attempt: Attempt,
  last: Attempt | undefined,
  until: number,
): Promise<Outcome> {
  deps.attempts.note(id, attempt);
  const answer = await written(deps, id, last, () =>
    // Always with the password: without it Graph has answered 204 and done nothing (microsoft-graph-docs#4267).
    deps.client.write('PATCH', `/users/${segment(id)}`, { passwordProfile: profile }, { until }),
  );
  if (answer.status === 204 || answer.status === 200) return done(deps, id, attempt, answer, until);
  return notDone(deps, id, last, failedWrite(answer, deps.now(), [profile.password]));
}

/** A write that came to nothing for certain leaves the record of the one before it. */
async function written(
  deps: PasswordDeps,
  id: string,
  last: Attempt | undefined,
  write: () => Promise<GraphAnswer>,
): Promise<GraphAnswer> {
  try {
    return await write();
  } catch (error) {
    if (!(error instanceof NoAnswer) || !error.sent) deps.attempts.note(id, last);
    throw error;
  }
}

function notDone(deps: PasswordDeps, id: string, last: Attempt | undefined, outcome: Outcome): Outcome {
  if (outcome.outcome === 'failed') deps.attempts.note(id, last);
  return outcome;
}

async function resetSynced(
  deps: PasswordDeps,
  { id, profile }: Setting,
  attempt: Attempt,
  last: Attempt | undefined,
  until: number,
): Promise<Outcome> {
  deps.attempts.note(id, attempt);
  let { location } = attempt;
  if (location === undefined) {
    const path = `/users/${segment(id)}/authentication/methods/${passwordMethod}/resetPassword`;
    // A change at the next sign-in is always asked for by this action; there is no switch.
    const answer = await written(deps, id, last, () =>
      deps.client.write('POST', path, { newPassword: profile.password }, { until }),
    );
    if (answer.status !== 202) return notDone(deps, id, last, failedWrite(answer, deps.now(), [profile.password]));
    location = answer.headers.get('location') ?? undefined;
    // Accepted, and nobody will say what became of it: never taken for done.
    if (location === undefined) return { outcome: 'unknown', why: '202 without Location' };
  }
  deps.attempts.note(id, { ...attempt, location });
  const end = await watched(deps, location, until);
  if (end.state === 'running') return { outcome: 'unknown', why: 'still running' };
  if (end.state === 'succeeded') return done(deps, id, attempt, end.answer, until);
  if (end.state === 'failed') {
    return notDone(deps, id, last, { outcome: 'failed', problem: refusalOf(end.detail, [profile.password]) });
  }
  // Gone: the next attempt sets the same value once more.
  deps.attempts.note(id, attempt);
  return { outcome: 'unknown', why: end.why };
}

type End =
  | { readonly state: 'succeeded'; readonly answer: GraphAnswer }
  | { readonly state: 'failed'; readonly detail: string }
  | { readonly state: 'running' }
  | { readonly state: 'gone'; readonly why: string };

/** Looks at an operation until it has ended, or the time is up. */
async function watched(deps: PasswordDeps, location: string, until: number): Promise<End> {
  for (let look = 0; ; look++) {
    const answer = await deps.client.read(location, { until }).catch((error: unknown) => {
      if (error instanceof NoAnswer) return undefined;
      throw error;
    });
    if (answer?.status === 200) {
      // The page says Succeeded, its example succeeded: any case will do.
      const state = String(answer.body?.status ?? '').toLowerCase();
      if (state === 'succeeded') return { state, answer };
      if (state === 'failed') return { state, detail: String(answer.body?.statusDetail ?? 'failed') };
    } else if (answer && answer.status >= 400 && answer.status < 500 && answer.status !== 429) {
      return { state: 'gone', why: `operation: HTTP ${answer.status}` };
    }
    const asked = answer && retryAfterOf(answer.headers, deps.now());
    const wait = asked === undefined ? (polls[Math.min(look, polls.length - 1)] ?? 1000) : asked * 1000;
    if (deps.now() + wait >= until) return { state: 'running' };
    await deps.pause(wait);
  }
}

/**
 * The time of our change on Graph's clock. The property is read until it has moved; where it is not seen to move (a
 * replica that lags, two changes within one second), the answer's Date and a margin stand for it: too late a time could
 * only miss a change that the person made within seconds, too early a one would take our own for theirs.
 */
async function done(
  deps: PasswordDeps,
  id: string,
  attempt: Attempt,
  answer: GraphAnswer,
  until: number,
): Promise<Outcome> {
  const before = attempt.before ?? Number.NEGATIVE_INFINITY;
  for (const wait of looks) {
    if (wait > 0 && deps.now() + wait < until) await deps.pause(wait);
    const seen = await readTarget(deps, id).catch(() => undefined);
    if (seen?.changedAt !== undefined && seen.changedAt > before) return noted(deps, id, attempt, seen.changedAt);
    if (deps.now() >= until) break;
  }
  const date = Date.parse(answer.headers.get('date') ?? '');
  return noted(deps, id, attempt, Math.max((Number.isNaN(date) ? deps.now() : date) + skew, before));
}

function noted(deps: PasswordDeps, id: string, { operation, digest, before }: Attempt, at: number): Outcome {
  deps.attempts.note(id, { operation, digest, before, latest: at, done: true });
  return { outcome: 'done', at };
}
