// Refusals of the token endpoint towards programs with a proof of their own, in the words of Entra's security token service
// (RFC 6749 §5.2 with its additions): programs and people know them by the number.

import { uuidv7 } from '../store/uuid.ts';

type StsCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'invalid_scope'
  | 'invalid_resource'
  | 'server_error'
  | 'temporarily_unavailable';

/** A refusal; the sentence is for the program's operator. `number` as in `AADSTS50013`. */
export class StsError extends Error {
  override readonly name = 'StsError';
  readonly code: StsCode;
  readonly number: number;
  readonly sentence: string;
  readonly status: number;

  constructor(code: StsCode, number: number, sentence: string, status = code === 'invalid_client' ? 401 : 400) {
    super(`${code} ${number}`);
    this.code = code;
    this.number = number;
    this.sentence = sentence;
    this.status = status;
  }
}

/** The numbers are Microsoft's, and so is the page that explains them. */
const page = 'https://login.microsoftonline.com/error?code=';
/** These have none there. */
const withoutPage = [70003, 700038];

/**
 * The body of a refusal.
 * @param correlationId what the program calls its request, where it does
 */
export function stsBody(
  error: StsError,
  { now, random }: { now: () => number; random: (bytes: number) => Uint8Array },
  correlationId: string | undefined,
): Readonly<Record<string, unknown>> {
  const at = now();
  const trace = uuidv7(at, random(10));
  const known = /^[0-9a-f-]{36}$/i.test(correlationId ?? '');
  const correlation = known && correlationId !== undefined ? correlationId : uuidv7(at, random(10));
  const timestamp = `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')}Z`;
  const ids = `Trace ID: ${trace} Correlation ID: ${correlation} Timestamp: ${timestamp}`;
  return {
    error: error.code,
    error_description: `AADSTS${error.number}: ${error.sentence} ${ids}`,
    error_codes: [error.number],
    timestamp,
    trace_id: trace,
    correlation_id: correlation,
    ...(withoutPage.includes(error.number) ? {} : { error_uri: `${page}${error.number}` }),
  };
}
