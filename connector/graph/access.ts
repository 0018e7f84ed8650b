// Which permission opens which route of the Graph door: Microsoft Graph's permission names, delegated (`scp`) and
// application (`roles`), declared beside each route and asked for before anything of the request is read.

import type { FastifyRequest } from 'fastify';
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

const callers = new WeakMap<FastifyRequest, Access>();

/** Notes who calls; the door's first hook. */
export function setCaller(request: FastifyRequest, access: Access): void {
  callers.set(request, access);
}

/** Who calls; every route behind the door's first hook has somebody. */
export function callerOf(request: FastifyRequest): Access {
  const access = callers.get(request);
  if (!access) throw new Error('A route of the Graph door was reached without a caller.');
  return access;
}
