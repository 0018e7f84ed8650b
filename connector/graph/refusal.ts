// Errors on the wire (Microsoft Graph error responses): whatever went wrong becomes one GraphError here, and one body.

import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { problemSentence } from '#shared/messages/problem.ts';
import { Problem } from '#shared/problem.ts';
import { badRequest, denied, GraphError, gatewayError, notFound } from './error.ts';
import { identify } from './identity.ts';

/** The sentence for every password that is not accepted: which rule it breaks is not told. */
const weakPassword =
  'The specified password does not comply with password complexity requirements. Please provide a different password.';

const unreadable =
  'Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.';

const oneResource: Readonly<Record<string, string>> = { users: 'User', me: 'User', groups: 'Group' };

/** The Graph names of what the store may say is taken. */
const takenProperties: Readonly<Record<string, string>> = { userName: 'userPrincipalName' };

/** The Graph names of what the store may say is wrong. */
const invalidProperties: Readonly<Record<string, string>> = { 'members.value': 'members' };

function taken(attribute: string): GraphError {
  const target = takenProperties[attribute] ?? attribute.split(',', 1)[0] ?? attribute;
  const message = `Another object with the same value for property ${target} already exists.`;
  return new GraphError(400, 'Request_BadRequest', message, {}, [{ code: 'ObjectConflict', message, target }]);
}

/** The token is missing, or is not good for this door. */
export function unauthenticated(message: string, given: boolean): GraphError {
  const challenge = `Bearer realm=""${given ? ', error="invalid_token"' : ''}`;
  return new GraphError(401, 'InvalidAuthenticationToken', message, { 'www-authenticate': challenge });
}

function ofProblem({ code, status, details }: Problem, request: FastifyRequest): GraphError {
  switch (code) {
    case 'unauthorized': {
      const given = request.headers.authorization !== undefined;
      return unauthenticated(given ? 'Access token validation failure.' : 'Access token is empty.', given);
    }
    case 'tokenExpired':
      return unauthenticated('Lifetime validation failed, the token is expired.', true);
    case 'scopeMissing':
    case 'roleMissing':
    case 'targetSelf':
    case 'targetPrivileged':
      return denied();
    case 'notFound':
    case 'targetUnknown':
      return notFound(String(details.id ?? idIn(request)));
    case 'uniqueness':
      return taken(String(details.attribute ?? 'userName'));
    case 'invalidSyntax':
      return gatewayError(unreadable);
    case 'invalidValue': {
      const segment = (request.routeOptions.url ?? '').split('/')[2] ?? '';
      const of = oneResource[segment] ?? 'DirectoryObject';
      const field = String(details.field ?? 'id');
      return badRequest(
        `Invalid value specified for property '${invalidProperties[field] ?? field}' of resource '${of}'.`,
      );
    }
    case 'methodNotAllowed': {
      const message = 'Specified HTTP method is not allowed for the request target.';
      return new GraphError(405, 'Request_BadRequest', message, { allow: String(details.allow ?? '') });
    }
    case 'preconditionFailed':
      return new GraphError(412, 'Request_BadRequest', 'The resource has been changed since it was read.');
    case 'stateConflict':
      return new GraphError(409, 'Directory_ConcurrencyViolation', 'The object was changed by another request.');
    case 'tooLarge':
      return new GraphError(413, 'RequestEntityTooLarge', 'The request size exceeds the maximum limit.');
    case 'unsupportedMediaType':
      return new GraphError(415, 'BadRequest', 'Entity only allows writes with a JSON Content-Type header.');
    case 'throttled':
      return new GraphError(429, 'TooManyRequests', 'Too many requests', {
        'retry-after': String(details.retryAfter ?? 1),
      });
    case 'unavailable':
      return new GraphError(503, 'serviceNotAvailable', 'The service is temporarily unavailable.', {
        'retry-after': String(details.retryAfter ?? 1),
      });
    default:
      if (code.startsWith('password')) return badRequest(weakPassword);
      if (status >= 500)
        return new GraphError(500, 'Service_InternalServerError', 'Encountered an internal server error.');
      return badRequest(problemSentence('en', code, details));
  }
}

/** The id that the address names. */
function idIn(request: FastifyRequest): string {
  const { memberId, id } = (request.params ?? {}) as { memberId?: string; id?: string };
  return (memberId ?? id ?? '').slice(0, 256);
}

/** Any error as the door tells it. */
export function asGraphError(error: unknown, request: FastifyRequest): GraphError {
  if (error instanceof GraphError) return error;
  if (error instanceof Problem) return ofProblem(error, request);
  const { code, statusCode } = (error ?? {}) as Partial<FastifyError>;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return ofProblem(new Problem('tooLarge'), request);
  const mistaken = statusCode !== undefined && statusCode >= 400 && statusCode < 500;
  return ofProblem(new Problem(mistaken ? 'invalidSyntax' : 'internal'), request);
}

/** Sends an error: `date` without a zone, as the service writes it. */
export function sendError(error: GraphError, request: FastifyRequest, reply: FastifyReply, now: number): FastifyReply {
  const { requestId, clientRequestId } = identify(request);
  const { status, code, message, details, headers } = error;
  const innerError = {
    date: new Date(now).toISOString().slice(0, 19),
    'request-id': requestId,
    'client-request-id': clientRequestId,
  };
  const body = { error: { code, message, ...(details.length > 0 ? { details } : {}), innerError } };
  for (const [name, value] of Object.entries(headers)) if (value !== '') reply.header(name, value);
  return reply
    .code(status)
    .header('content-type', 'application/json')
    .send(Buffer.from(JSON.stringify(body)));
}
