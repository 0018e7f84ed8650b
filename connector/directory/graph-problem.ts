// What Graph's refusals mean here. Codes decide where there are any; some matters have no code of their own and are only
// told apart by the sentence (Graph, "error responses"; the sentences as captured from real tenants).

import { Problem } from '#shared/problem.ts';
import { errorOf, type GraphAnswer, NoAnswer } from '../entra/graph-client.ts';
import { retryAfterOf } from '../entra/token-endpoint.ts';
import type { Outcome } from './directory.ts';

/** Throttled or busy: certain that nothing was done, and when to come back. */
function passing({ status, headers }: GraphAnswer, now: number): Outcome & { outcome: 'failed' } {
  const retryAfter = retryAfterOf(headers, now);
  const code = status === 429 ? 'throttled' : 'unavailable';
  if (retryAfter === undefined) return { outcome: 'failed', problem: new Problem(code) };
  return { outcome: 'failed', problem: new Problem(code, { retryAfter }), retryAt: now + retryAfter * 1000 };
}

/**
 * Why a read gave nothing.
 * @param permission what it needs: named when it was forbidden
 */
export function readProblem(answer: GraphAnswer, now: number, permission: string): Problem {
  if (answer.status === 429 || answer.status >= 500) return passing(answer, now).problem;
  if (answer.status === 403) return new Problem('consentMissing', { permission });
  return new Problem('directoryRefused', { reason: reasonOf(answer) });
}

/** Code and sentence of an answer, for people. @param secrets never repeated */
export function reasonOf(answer: GraphAnswer, secrets: readonly string[] = []): string {
  const { code, message } = errorOf(answer);
  return cleaned(message || code || `HTTP ${answer.status}`, secrets);
}

function cleaned(text: string, secrets: readonly string[]): string {
  const clean = secrets.reduce((left, secret) => left.replaceAll(secret, '[secret]'), text);
  // The sentence that it stands in brings the full stop.
  return clean.replace(/\s+/g, ' ').trim().slice(0, 300).replace(/\.$/, '');
}

/** The Active Directory account is protected: AdminCount=1 (entra, users-reset-password). */
const adminCount = /80231367|AdminCount/i;
const synchronised = /on-premises mastered|Directory Sync objects|on-premises.*writeback|writeback.*(not|disabled)/i;

/** A refusal in words, from an error or from `statusDetail` of an operation. @param secrets never repeated */
export function refusalOf(text: string, secrets: readonly string[]): Problem {
  if (adminCount.test(text)) return new Problem('targetProtected');
  if (synchronised.test(text)) return new Problem('targetSynced');
  return new Problem('directoryRefused', { reason: cleaned(text, secrets) });
}

/**
 * What an answer to a write that is no success means for the person's account. Three-valued: an answer that does not
 * say whether it was done is `unknown`.
 * @param secrets what must not come back in a sentence
 */
export function failedWrite(answer: GraphAnswer, now: number, secrets: readonly string[] = []): Outcome {
  const { status } = answer;
  const failed = (problem: Problem): Outcome => ({ outcome: 'failed', problem });
  if (status === 429 || status === 503) return passing(answer, now);
  // A gateway's answer, not the directory's: what stands behind it may have gone on.
  if (status >= 500 || status === 408 || status < 400) return { outcome: 'unknown', why: `HTTP ${status}` };
  // Somebody else is changing the same account this moment.
  if (status === 409 || status === 412 || status === 423) return failed(new Problem('unavailable'));
  if (status === 404) return failed(new Problem('targetUnknown'));
  // A role that is too weak and a permission that is missing answer the same.
  if (status === 403) return failed(new Problem('targetPrivileged', { reason: 'directory' }));
  return failed(refusalOf(errorOf(answer).message || reasonOf(answer), secrets));
}

/** The outcome of a write that threw. @throws what is no failure of the other side */
export function outcomeOfError(error: unknown): Outcome {
  // From before anything was sent: no token, or no right.
  if (error instanceof Problem) return { outcome: 'failed', problem: error };
  if (error instanceof NoAnswer) {
    return error.sent
      ? { outcome: 'unknown', why: error.message }
      : { outcome: 'failed', problem: new Problem('unavailable') };
  }
  throw error;
}
