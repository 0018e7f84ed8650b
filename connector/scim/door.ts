// What the endpoints of the door share: who calls, which collections there are, and how a URL answers its methods.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '#shared/problem.ts';
import type { Logger } from '../log.ts';
import type { Keyring } from '../secret.ts';
import type { Sql } from '../sql/sql.ts';
import type { Queries } from '../store/query.ts';
import type { Caller, Collection } from './collection.ts';
import type { Cursors } from './cursor.ts';
import type { Extension } from './extensions.ts';
import type { Rate } from './limits.ts';
import type { Passwords } from './users.ts';

export interface ScimDeps {
  readonly sql: Sql;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
  readonly log: Logger;
  readonly keyring: Keyring;
  /** The connector's origin, for `meta.location`. */
  readonly publicUrl: string;
  /** What the organisation has added to the schemas; see extensions.ts. */
  readonly extensions?: readonly Extension[];
  /** What setting a password takes; without it no client can. */
  readonly passwords?: Passwords;
  /** How fast a client may ask; without one there is no limit. */
  readonly rate?: Rate;
}

export interface Door {
  readonly deps: ScimDeps;
  /** The URL that the endpoints stand under. */
  readonly base: string;
  readonly collections: readonly Collection[];
  readonly callerOf: (request: FastifyRequest) => Caller;
  readonly queries: Queries;
  readonly cursors: Cursors;
}

export type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>;

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

/** The handlers of one URL; every other method is 405 with Allow (RFC 9110 §15.5.6). */
export function endpoint(
  app: FastifyInstance,
  url: string,
  handlers: Partial<Record<(typeof methods)[number], Handler>>,
): void {
  const allow = [...Object.keys(handlers), ...('GET' in handlers ? ['HEAD'] : [])].join(', ');
  const refused: Handler = async () => {
    throw new Problem('methodNotAllowed', { allow });
  };
  for (const form of formsOf(url)) {
    for (const method of methods) {
      app.route({ method, url: form, handler: handlers[method] ?? refused, config: { allow } });
    }
  }
}

/** Microsoft's collection of requests asks for /users, and for /Users/ with a slash behind it. */
function formsOf(url: string): Set<string> {
  if (url === '/') return new Set([url]);
  return new Set([url, url.toLowerCase()].flatMap((form) => [form, `${form}/`]));
}
