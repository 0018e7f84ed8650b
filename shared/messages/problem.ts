// The sentences for problem codes, by language.

import type { Locale } from '../locale.ts';
import type { Problem, ProblemBody, ProblemCode, ProblemDetails } from '../problem.ts';
import { problem as en } from './en/problem.ts';
import { problem as tr } from './tr/problem.ts';

export const problemMessages = { en, tr } satisfies Record<
  Locale,
  Record<ProblemCode, (details: ProblemDetails) => string>
>;

/** The sentence for a code, in a language. */
export function problemSentence(locale: Locale, code: ProblemCode, details: ProblemDetails = {}): string {
  return problemMessages[locale][code](details);
}

/** A Problem as problem+json (RFC 9457 §3), in the reader's language. */
export function problemBody(problem: Problem, locale: Locale): ProblemBody {
  return {
    type: `urn:reset-and-resend:problem:${problem.code}`,
    title: problem.code,
    status: problem.status,
    detail: problemSentence(locale, problem.code, problem.details),
    code: problem.code,
    ...(Object.keys(problem.details).length ? { details: problem.details } : {}),
  };
}
