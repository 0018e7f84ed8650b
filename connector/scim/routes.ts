// The SCIM door, mounted at /scim/v2 (RFC 7644 §3.2):
//
//   POST   /Users             create                 GET    /Users            list, filter
//   GET    /Users/{id}        read                   POST   /Users/.search    the same with a body
//   PUT    /Users/{id}        replace                PATCH  /Users/{id}       change
//   DELETE /Users/{id}        remove                 GET    /ServiceProviderConfig, /ResourceTypes, /Schemas
//
// A bearer token of scope `scim` opens it, and nothing else: not a reset, not another tenant.

import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '#shared/problem.ts';
import { parseFilter } from '../filter/scim.ts';
import { parseJson } from '../http/json.ts';
import type { Logger } from '../log.ts';
import type { Sql } from '../sql/sql.ts';
import type { UserContent } from '../store/user-resource.ts';
import {
  createUser,
  deleteUser,
  etag,
  isUserSearchable,
  listUsers,
  resourceText,
  type Stamp,
  type StoredUser,
  updateUser,
  userById,
} from '../store/users.ts';
import { uuidv7 } from '../store/uuid.ts';
import { type Token, verifyToken } from '../token.ts';
import { fieldOf } from './attribute.ts';
import { defaultCount, maxResults, resourceTypeResource, schemaResource, serviceProviderConfig } from './discovery.ts';
import { asProblem, scimJson, sendError } from './error.ts';
import { patchUser } from './patch.ts';
import { projectionOf } from './projection.ts';
import { idOf, ifMatch, ifNoneMatch, type Query, queryOf, searchOf, whole } from './request.ts';
import { readUser } from './resource.ts';
import { resourceTypes, schemas } from './resource-types.ts';
import { user } from './user.ts';

export interface ScimDeps {
  readonly sql: Sql;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
  readonly log: Logger;
  /** The connector's origin, for `meta.location`. */
  readonly publicUrl: string;
}

type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>;

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
const listResponse = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';

/** The door as a fastify plugin. */
export function scimDoor(deps: ScimDeps): FastifyPluginAsync {
  return async (app) => {
    const { sql, now, random, log } = deps;
    const base = `${deps.publicUrl}${app.prefix}`;
    const callers = new WeakMap<FastifyRequest, Token>();

    speakScim(app, log);
    app.addHook('onRequest', async (request) => {
      // RFC 7643 §5: what authentication is asked for should be known before one has it.
      if (request.routeOptions.url === `${app.prefix}/ServiceProviderConfig` && request.method === 'GET') return;
      const token = await verifyToken(sql, request.headers.authorization, now());
      if (!token.scopes.includes('scim')) throw new Problem('scopeMissing');
      callers.set(request, token);
    });

    /** The tenant of the token, and who acts when. */
    const callerOf = (request: FastifyRequest): { tenant: string; by: Stamp } => {
      const token = callers.get(request);
      if (!token) throw new Error('A route was reached without a token.');
      return { tenant: token.tenant, by: { at: now(), actor: `token:${token.id}` } };
    };

    /** Sends a User as the request wants it. Made before anything is written, so that a bad parameter changes nothing. */
    const userSender = (request: FastifyRequest, reply: FastifyReply) => {
      const { attributes, excludedAttributes } = queryOf(request);
      const project = projectionOf(user, attributes, excludedAttributes);
      return (stored: StoredUser, status = 200) => {
        const location = `${base}/Users/${stored.id}`;
        const text = project(resourceText(stored, base));
        return reply.code(status).header('location', location).header('etag', etag(stored.version)).send(text);
      };
    };

    const list = async (request: FastifyRequest, reply: FastifyReply, query: Query) => {
      const { tenant } = callerOf(request);
      const project = projectionOf(user, query.attributes, query.excludedAttributes);
      const filter = query.filter === undefined ? undefined : parseFilter(query.filter, searchable);
      const startIndex = Math.max(1, whole(query.startIndex, 'startIndex') ?? 1);
      const count = Math.min(maxResults, Math.max(0, whole(query.count, 'count') ?? defaultCount));
      const page = await sql.run((tx) => listUsers(tx, tenant, filter, { startIndex, count }));
      const resources = page.users.map((stored) => project(resourceText(stored, base)));
      return reply.send(listText(resources, page.total, startIndex));
    };

    endpoint(app, '/Users', {
      GET: (request, reply) => list(request, reply, queryOf(request)),
      async POST(request, reply) {
        const send = userSender(request, reply);
        const { tenant, by } = callerOf(request);
        const content = readUser(request.body);
        const id = uuidv7(by.at, random(10));
        const stored = await sql.run((tx) => createUser(tx, tenant, id, content, by));
        return send(stored, 201);
      },
    });

    endpoint(app, '/Users/.search', {
      POST: (request, reply) => list(request, reply, searchOf(request.body)),
    });

    endpoint(app, '/Users/:id', {
      async GET(request, reply) {
        const send = userSender(request, reply);
        const stored = await userById(sql, callerOf(request).tenant, idOf(request));
        if (!stored) throw new Problem('notFound');
        if (!ifNoneMatch(request)(stored.version)) {
          return reply.code(304).header('etag', etag(stored.version)).send();
        }
        return send(stored);
      },
      async PUT(request, reply) {
        const send = userSender(request, reply);
        const { tenant, by } = callerOf(request);
        const { body } = request;
        const replace = (current: UserContent) => readUser(body, current);
        const stored = await sql.run((tx) => updateUser(tx, tenant, idOf(request), replace, by, ifMatch(request)));
        return send(stored);
      },
      async PATCH(request, reply) {
        const send = userSender(request, reply);
        const { tenant, by } = callerOf(request);
        const { body } = request;
        const change = (current: UserContent) => patchUser(current, body);
        const stored = await sql.run((tx) => updateUser(tx, tenant, idOf(request), change, by, ifMatch(request)));
        return send(stored);
      },
      async DELETE(request, reply) {
        const { tenant, by } = callerOf(request);
        await sql.run((tx) => deleteUser(tx, tenant, idOf(request), by, ifMatch(request)));
        return reply.code(204).send();
      },
    });

    discovery(app, base);
    for (const absent of ['/', '/.search', '/Me', '/Bulk']) {
      app.all(absent, async () => {
        throw new Problem('notImplemented');
      });
    }
  };
}

/** Bodies in and out, and every error, as RFC 7644 §3.1 and §3.12 have them. */
function speakScim(app: FastifyInstance, log: Logger): void {
  app.removeAllContentTypeParsers();
  // Okta's test posts application/json.
  app.addContentTypeParser(
    [scimJson, 'application/json'],
    { parseAs: 'buffer' },
    async (_request: FastifyRequest, body: Buffer) => {
      let text: string;
      try {
        text = new TextDecoder('utf-8', { fatal: true }).decode(body);
      } catch {
        throw new Problem('invalidSyntax', { reason: 'It is not UTF-8.' });
      }
      return text === '' ? undefined : parseJson(text);
    },
  );
  app.addHook('onSend', async (_request, reply, payload) => {
    // Exactly this: fastify would add a charset, which JSON has none of, and a 204 or 304 has no content to name.
    if (payload === undefined || payload === null || payload === '') reply.removeHeader('content-type');
    else reply.header('content-type', scimJson);
    reply.header('cache-control', 'no-store');
    return payload;
  });
  app.setErrorHandler((error: Error, _request, reply) => {
    const problem = asProblem(error);
    if (!problem) log.error({ err: error }, 'scim');
    return sendError(reply, problem ?? new Problem('internal'));
  });
  app.setNotFoundHandler((_request, reply) => sendError(reply, new Problem('notFound')));
}

/** The handlers of one URL; every other method is 405 with Allow (RFC 9110 §15.5.6). */
function endpoint(
  app: FastifyInstance,
  url: string,
  handlers: Partial<Record<(typeof methods)[number], Handler>>,
): void {
  const allow = [...Object.keys(handlers), ...('GET' in handlers ? ['HEAD'] : [])].join(', ');
  for (const method of methods) {
    const handler = handlers[method];
    if (handler) app.route({ method, url, handler });
    else {
      app.route({
        method,
        url,
        handler: async () => {
          throw new Problem('methodNotAllowed', { allow });
        },
      });
    }
  }
}

/** RFC 7644 §4. */
function discovery(app: FastifyInstance, base: string): void {
  const types = resourceTypes.map((type) => resourceTypeResource(type, base));
  const described = schemas.map((schema) => schemaResource(schema, base));
  const lists = {
    '/ResourceTypes': { all: types, name: (at: number) => resourceTypes[at]?.name },
    '/Schemas': { all: described, name: (at: number) => schemas[at]?.id },
  };
  endpoint(app, '/ServiceProviderConfig', {
    GET: async (_request, reply) => reply.send(JSON.stringify(serviceProviderConfig(base))),
  });
  for (const [url, { all, name }] of Object.entries(lists)) {
    endpoint(app, url, {
      async GET(request, reply) {
        // §4: a client must not believe that what it filtered for is all there is.
        if (queryOf(request).filter !== undefined) throw new Problem('filterNotAllowed');
        return reply.send(
          listText(
            all.map((one) => JSON.stringify(one)),
            all.length,
            1,
          ),
        );
      },
    });
    endpoint(app, `${url}/:id`, {
      async GET(request, reply) {
        const found = all.find((_one, at) => name(at)?.toLowerCase() === idOf(request).toLowerCase());
        if (!found) throw new Problem('notFound');
        return reply.send(JSON.stringify(found));
      },
    });
  }
}

/** ListResponse (RFC 7644 §3.4.2); `itemsPerPage` is how many there are in this answer. */
function listText(resources: readonly string[], total: number, startIndex: number): string {
  const head = JSON.stringify({
    schemas: [listResponse],
    totalResults: total,
    startIndex,
    itemsPerPage: resources.length,
  });
  return `${head.slice(0, -1)},"Resources":[${resources.join(',')}]}`;
}

/** Names in a filter: those that exist and that the store has an index for. */
const searchable: Parameters<typeof parseFilter>[1] = (path, use, parent) => {
  const field = fieldOf(user, path, use, parent);
  return field && isUserSearchable(parent ? `${parent.path}.${field.path}` : field.path) ? field : undefined;
};
