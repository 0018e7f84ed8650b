// Who may pass the door: a live token whose scopes cover what the request is about to do (RFC 6750), at a bearable rate.
// Everything here happens before a byte of the body is read.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from '#shared/problem.ts';
import type { Sql } from '../sql/sql.ts';
import { actorOf, covers, type Token, type TokenScope, verifyToken } from '../token.ts';
import type { Caller } from './collection.ts';
import { type Rate, rateLimit, rateOf } from './limits.ts';

export interface CallerDeps {
  readonly sql: Sql;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Of each client; without one there is no limit. */
  readonly rate?: Rate;
}

/**
 * What a request needs: queries read, also the ones that are sent with POST (RFC 7644 §3.4.3); all else writes. By the route
 * that was found, never by the address: a fragment or an escape would make it read differently here and there.
 */
function scopeNeeded({ method, routeOptions }: FastifyRequest): TokenScope {
  const reads = method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
  return reads || (method === 'POST' && /\/\.search\/?$/.test(routeOptions.url ?? '')) ? 'scim.read' : 'scim.write';
}

// Kept on the request itself: the entries of a WeakMap hold their requests until the collector next goes through everything.
const admitted = Symbol('token');
type Admitted = FastifyRequest & { [admitted]: Token | null };

/** Admits the requests of a plugin, and knows afterwards who sent them. */
export function callers(app: FastifyInstance, { sql, now, rate = rateOf(0) }: CallerDeps) {
  app.decorateRequest(admitted, null);
  const wait = rateLimit(rate, now);
  const lookedUp = new Map<string, Promise<Token>>();

  /** Once for all that arrives in one turn of the event loop: a token that is revoked is dead in the next one. */
  const verified = (authorization: string | undefined): Promise<Token> => {
    if (authorization === undefined) return verifyToken(sql, authorization, now());
    let token = lookedUp.get(authorization);
    if (!token) {
      token = verifyToken(sql, authorization, now());
      if (lookedUp.size === 0) setImmediate(() => lookedUp.clear());
      lookedUp.set(authorization, token);
    }
    return token;
  };

  const known = (request: FastifyRequest): Token | undefined => (request as Admitted)[admitted] ?? undefined;
  const tokenOf = (request: FastifyRequest): Token => {
    const token = known(request);
    if (!token) throw new Error('A route was reached without a token.');
    return token;
  };
  return {
    /**
     * Lets a request pass that has one of these scopes; without them, the one that its route needs.
     * @throws Problem unauthorized, tokenExpired, throttled with `retryAfter` in seconds, scopeMissing with `scope`
     */
    async admit(request: FastifyRequest, ...scopes: readonly TokenScope[]): Promise<void> {
      const token = await verified(request.headers.authorization);
      const retryAfter = wait(token.client);
      if (retryAfter > 0) throw new Problem('throttled', { retryAfter });
      const needed = scopes.length > 0 ? scopes : [scopeNeeded(request)];
      if (!needed.some((scope) => covers(token.scopes, scope))) {
        throw new Problem('scopeMissing', { scope: needed.join(' ') });
      }
      (request as Admitted)[admitted] = token;
    },
    tokenOf,
    /** The token, where the request has one: not yet after a 401. */
    known,
    /** Who asks, and the stamp of what is written. @param txn the transaction that he was promised, if he was */
    callerOf(request: FastifyRequest, txn?: string): Caller {
      const token = tokenOf(request);
      const via = request.method === 'PUT' ? 'put' : 'patch';
      const by = { at: now(), actor: actorOf(token), via, ...(txn === undefined ? {} : { txn }) } as const;
      return { tenant: token.tenant, scopes: token.scopes, by };
    },
  };
}
