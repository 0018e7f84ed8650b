// By what a request is found again: `request-id` is ours, `client-request-id` the caller's own where it is a GUID, else the
// same (Microsoft Graph, HTTP response headers). Both are sent with every answer and stand in every error.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { uuidv7 } from '../store/uuid.ts';

const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export interface RequestIdentity {
  readonly requestId: string;
  readonly clientRequestId: string;
}

// On the request itself, as who calls is (access.ts).
const identity = Symbol('identity');
type Identified = FastifyRequest & { [identity]?: RequestIdentity | undefined };

/** Has the requests of the door made with a place for their identity. */
export function decorateIdentity(app: FastifyInstance): void {
  app.decorateRequest(identity, undefined);
}

/** Gives a request its identity; the door's first act. */
export function setIdentity(
  request: FastifyRequest,
  now: number,
  random: (bytes: number) => Uint8Array,
): RequestIdentity {
  const requestId = uuidv7(now, random(10));
  const given = request.headers['client-request-id'];
  const clientRequestId = typeof given === 'string' && guid.test(given) ? given : requestId;
  const made = { requestId, clientRequestId };
  (request as Identified)[identity] = made;
  return made;
}

const nobody = '00000000-0000-0000-0000-000000000000';

/** The identity of a request; of one that never reached the door, zeros. */
export function identify(request: FastifyRequest): RequestIdentity {
  return (request as Identified)[identity] ?? { requestId: nobody, clientRequestId: nobody };
}
