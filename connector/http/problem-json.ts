// Problems on the wire for `/api` and `/r`: problem+json (RFC 9457), and JSON bodies as these doors read them.

import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { pickLocale } from '#shared/locale.ts';
import { problemBody } from '#shared/messages/problem.ts';
import { Problem } from '#shared/problem.ts';
import { parseJson } from './json.ts';

/** Any error as a Problem; a fault of the program's own becomes `internal` and tells nothing. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  switch ((error as FastifyError | undefined)?.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new Problem('tooLarge');
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new Problem('unsupportedMediaType');
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
      return new Problem('invalidSyntax');
    default: {
      const status = (error as FastifyError | undefined)?.statusCode;
      return new Problem(status !== undefined && status >= 400 && status < 500 ? 'invalidSyntax' : 'internal');
    }
  }
}

/** A fastify error handler. */
export function problemReply(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = asProblem(error);
  if (problem.code === 'internal') request.log.error({ err: error }, 'request failed');
  if (problem.status === 401) {
    // RFC 6750 §3.1
    const reason = problem.code === 'tokenExpired' ? ', error="invalid_token"' : challengeOf(problem);
    reply.header('www-authenticate', `Bearer realm="reset-and-resend"${reason}`);
  }
  if (problem.status === 429 || problem.status === 503) {
    reply.header('retry-after', String(problem.details.retryAfter ?? 2));
  }
  if (problem.code === 'methodNotAllowed' && typeof problem.details.allow === 'string') {
    reply.header('allow', problem.details.allow);
  }
  const body = problemBody(problem, pickLocale(request.headers['accept-language']));
  reply
    .code(problem.status)
    // CORS has said `Origin` by now.
    .header('vary', [reply.getHeader('vary') ?? [], 'Accept-Language'].flat().join(', '))
    .type('application/problem+json; charset=utf-8')
    .send(body);
}

/** A claims challenge travels on as Entra's own (entra, claims-challenge). */
function challengeOf({ code, details }: Problem): string {
  if (code !== 'signInAgain' || typeof details.claims !== 'string') return '';
  return `, error="insufficient_claims", claims="${Buffer.from(details.claims).toString('base64')}"`;
}

/** JSON only, bounded in depth, without prototype keys. */
export function readJsonBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    try {
      done(null, body === '' ? undefined : parseJson(body as string));
    } catch (error) {
      done(error as Error);
    }
  });
}
