// How a reset looks to the dialog: the row and its events as shared/api.ts has them, with what this caller may do now.

import type { Reset, ResetEvent } from '#shared/api.ts';
import type { Locale } from '#shared/locale.ts';
import { problemBody } from '#shared/messages/problem.ts';
import { isProblemCode, Problem, type ProblemBody, type ProblemDetails } from '#shared/problem.ts';
import { type EventRow, isLive, mayKill, type ResetRow } from './row.ts';
import { beforeChange } from './transitions.ts';

const iso = (time: number) => new Date(time).toISOString();

/** A row as the API's Reset; `mayAct`: this caller may reset this person; `locale`: of `why`, for people. */
export function toReset(row: ResetRow, events: readonly EventRow[], mayAct: boolean, locale: Locale): Reset {
  return {
    id: row.id,
    user: { id: row.user_id, displayName: row.display_name, userPrincipalName: row.user_name },
    mode: row.mode,
    credential: row.credential,
    state: row.state,
    ...(row.needs_you ? { needsYou: row.needs_you } : {}),
    ...(row.why ? { why: whyBody(row.why, locale) } : {}),
    startedAt: iso(row.started_at),
    startedBy: { id: row.caller_id, displayName: row.caller_name },
    recipient: { shown: row.recipient_masked, onFile: row.recipient_on_file === 1 },
    pin: row.pin === 1,
    locale: row.locale,
    generated: row.generated === 1,
    mail: { from: row.mail_from, subject: row.mail_subject },
    expiresAt: iso(row.expires_at),
    ...(row.change_by === null ? {} : { changeBy: iso(row.change_by) }),
    ...(row.next_attempt_at === null ? {} : { nextAttemptAt: iso(row.next_attempt_at) }),
    ...(row.supersedes ? { supersedes: row.supersedes } : {}),
    ...(row.superseded_by ? { supersededBy: row.superseded_by } : {}),
    may: mayAct ? acts(row) : [],
    seq: row.seq,
    events: events.map(toEvent),
  };
}

function whyBody(text: string, locale: Locale): ProblemBody {
  const { code, details } = JSON.parse(text) as { code: unknown; details: ProblemDetails };
  return problemBody(new Problem(isProblemCode(code) ? code : 'internal', details), locale);
}

function toEvent({ seq, name, at, evidence }: EventRow): ResetEvent {
  return { seq, name, at: iso(at), ...(evidence === null ? {} : { evidence }) };
}

/** What can be done with a reset in its state; who may do it is decided elsewhere. */
export function acts(row: ResetRow): Reset['may'] {
  const may: Reset['may'][number][] = [];
  if ((beforeChange as readonly string[]).includes(row.state)) may.push('cancel');
  if (isLive(row) && row.superseded_by === null) may.push('sendAgain');
  if (mayKill(row)) may.push('kill');
  if (row.needs_you === 'signInAgain') may.push('grant');
  return may;
}
