// Whom an address means: `/users/{id | userPrincipalName}`, and `/me`, which is the person behind the token.

import type { FastifyInstance, FastifyRequest, RouteHandlerMethod } from 'fastify';
import { fold } from '../filter/fold.ts';
import type { Tx, Work } from '../sql/sql.ts';
import { readStored, type StoredUser } from '../store/users.ts';
import { callerOf, type Permissions } from './access.ts';
import { gatewayError, notFound } from './error.ts';

/** The id or user name in the address; of `/me` the caller's own. @throws GraphError 400 for an app that asks for `/me` */
export function personIn(request: FastifyRequest): string {
  const { id } = request.params as { id?: string };
  if (id !== undefined) return id;
  const { appOnly, oid } = callerOf(request);
  if (appOnly) throw gatewayError('/me request is only valid with delegated authentication flow.');
  return oid;
}

/** A person by id, or by userPrincipalName in any case. @throws GraphError 404 */
export function* personOf(tx: Tx, tenant: string, idOrName: string): Work<StoredUser> {
  const byId = yield* readStored(tx, tenant, idOrName.toLowerCase());
  if (byId) return byId;
  const byName = yield* tx.get<StoredUser>`select id, resource as text, version from app_user
    where tenant = ${tenant} and user_name_key = ${fold(idOrName)}`;
  if (!byName) throw notFound(idOrName.slice(0, 256));
  return byName;
}

/** Adds a route for people, and for oneself under `/me`. A `/me` that apps ask for is refused with a word of its own. */
export function routePerson(
  app: FastifyInstance,
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  path: string,
  graph: Permissions,
  handler: RouteHandlerMethod,
  own: Permissions = graph,
): void {
  app.route({ method, url: `/users/:id${path}`, config: { graph }, handler });
  const application = [...new Set([...graph.application, ...own.application])];
  app.route({ method, url: `/me${path}`, config: { graph: { ...own, application } }, handler });
}
