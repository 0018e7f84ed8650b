// A Problem as SCIM tells it (RFC 7644 §3.12): one place for status, scimType, sentence and headers.

import type { FastifyError, FastifyReply } from 'fastify';
import { problemSentence } from '#shared/messages/problem.ts';
import { Problem, type ProblemCode } from '#shared/problem.ts';
import { maxPayloadSize } from './bulk-request.ts';

export const scimJson = 'application/scim+json';
const errorSchema = 'urn:ietf:params:scim:api:messages:2.0:Error';

/** Of what a client calls an id; ours are shorter. */
const longestId = 100;

/** Where the sentence for people would not help whoever reads a sync client's log. */
const sentences: Partial<Record<ProblemCode, string>> = {
  unauthorized: 'The bearer token is missing, unknown or revoked.',
  tokenExpired: 'The bearer token has expired.',
  scopeMissing: 'The bearer token has not the scope that this needs.',
  throttled: 'More requests than this client may send. Wait as long as Retry-After says.',
  unsupportedMediaType: 'Send application/scim+json or application/json.',
};

/** What went wrong, as a Problem; undefined for an error of our own. */
export function asProblem(error: Partial<FastifyError>): Problem | undefined {
  if (error instanceof Problem) return error;
  // RFC 7644 §3.7.4: the answer names the limit.
  if (error.statusCode === 413) {
    return new Problem('tooLarge', { reason: `Its size exceeds the maxPayloadSize (${maxPayloadSize}).` });
  }
  if (error.statusCode === 415) return new Problem('unsupportedMediaType');
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) {
    return new Problem('invalidSyntax', { reason: 'The request is not well-formed.' });
  }
  return undefined;
}

/** That a resource is not there names it (RFC 7644 §3.12: "Resource 2819c223-7f76-453a-919d-413861904646 not found"). */
export function ofResource(problem: Problem, id: string | undefined): Problem {
  if (problem.code !== 'notFound' || id === undefined) return problem;
  return new Problem('notFound', { id: id.length > longestId ? `${id.slice(0, longestId)}…` : id });
}

/** The Error message (RFC 7644 §3.12) as an object. */
export function errorMessage({ status, scimType, code, details }: Problem): object {
  const said = [details.reason, code === 'scopeMissing' && details.scope ? `It needs ${details.scope}.` : undefined];
  const reason = said
    .filter((one) => typeof one === 'string')
    .map((one) => ` ${one.replace(/^\p{Ll}/u, (c) => c.toUpperCase())}${one.endsWith('.') ? '' : '.'}`)
    .join('');
  // “could not be read as JSON” is only half true of JSON that does not follow the schema: then the reason says it all.
  const whole = code === 'invalidSyntax' && reason !== '';
  return {
    schemas: [errorSchema],
    status: String(status),
    ...(scimType === undefined ? {} : { scimType }),
    detail: whole ? reason.trim() : `${sentences[code] ?? problemSentence('en', code, details)}${reason}`,
  };
}

/** Sends the Error message. `details.reason`, where there is one, is a sentence (or half of one) for the client's log. */
export function sendError(reply: FastifyReply, problem: Problem): FastifyReply {
  const { status, code, details } = problem;
  // RFC 6750 §3: the challenge says which scheme, and of a token that was given what is wrong with it.
  const scope = typeof details.scope === 'string' ? details.scope : 'scim';
  if (status === 401) {
    const given = reply.request.headers.authorization !== undefined;
    reply.header('www-authenticate', `Bearer realm="scim"${given ? ', error="invalid_token"' : ''}`);
  }
  if (code === 'scopeMissing') {
    reply.header('www-authenticate', `Bearer realm="scim", error="insufficient_scope", scope="${scope}"`);
  }
  if (code === 'methodNotAllowed' && typeof details.allow === 'string') reply.header('allow', details.allow);
  if (status === 503) reply.header('retry-after', String(details.retryAfter ?? 1));
  if (status === 429) reply.header('retry-after', String(details.retryAfter ?? 1));
  return reply
    .code(status)
    .header('content-type', scimJson)
    .send(JSON.stringify(errorMessage(problem)));
}

/**
 * A URL that no route and no hook of the door sees: with malformed percent-escapes, or an id that is longer than any.
 * To be sent without fastify's charset.
 */
export function malformedUrl(error: Partial<FastifyError>, reply: FastifyReply): FastifyReply {
  const problem =
    error.code === 'FST_ERR_MAX_PARAM_LENGTH'
      ? new Problem('notFound')
      : new Problem('invalidSyntax', { reason: 'The URL has a malformed percent-escape.' });
  reply.code(problem.status).header('content-type', scimJson).header('cache-control', 'no-store');
  return reply.header('x-content-type-options', 'nosniff').send(Buffer.from(JSON.stringify(errorMessage(problem))));
}
