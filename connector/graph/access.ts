// Which permission opens which route of the Graph door: Microsoft Graph's permission names, delegated (`scp`) and
// application (`roles`), declared beside each route and asked for before anything of the request is read.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Access } from '../http/auth.ts';

/** Any one of the names is enough; an empty list: nobody of this kind may. */
export interface Permissions {
  readonly delegated: readonly string[];
  readonly application: readonly string[];
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Of a route of the Graph door. A route without it is open to nobody. */
    readonly graph?: Permissions;
    /** Of a route of the SCIM door: the methods that its URL has. */
    readonly allow?: string;
  }
}

// Kept on the request itself: the entries of a WeakMap hold their requests until the collector next goes through everything.
const caller = Symbol('caller');
type Called = FastifyRequest & { [caller]?: Access | undefined };

/** Has the requests of the door made with a place for who calls. */
export function decorateCaller(app: FastifyInstance): void {
  app.decorateRequest(caller, undefined);
}

/** Notes who calls; the door's first hook. */
export function setCaller(request: FastifyRequest, access: Access): void {
  (request as Called)[caller] = access;
}

/** Who calls; every route behind the door's first hook has somebody. */
export function callerOf(request: FastifyRequest): Access {
  const access = (request as Called)[caller];
  if (!access) throw new Error('A route of the Graph door was reached without a caller.');
  return access;
}
