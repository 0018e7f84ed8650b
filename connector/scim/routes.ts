// The SCIM door, mounted at /scim/v2 (RFC 7644 §3.2): of every resource type in resource-types.ts the same endpoints over
// its collection, and what stands beside them.
//
//   POST   /Users             create                 GET    /Users            list, filter
//   GET    /Users/{id}        read                   POST   /Users/.search    the same with a body
//   PUT    /Users/{id}        replace                PATCH  /Users/{id}       change
//   DELETE /Users/{id}        remove                 POST   /Bulk             many of these (bulk.ts)
//   GET    /                  list all types         POST   /.search          the same with a body (root.ts)
//   GET    /ServiceProviderConfig, /ResourceTypes, /Schemas                   discovery; /Me is 501 (root.ts)
//
// A bearer token opens it: of scope `scim.read` to see, `scim.write` to change, `scim.password` besides to set passwords
// (`scim` is the first two). It opens nothing else: not a reset, not another tenant.

import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '#shared/problem.ts';
import { parseJson } from '../http/json.ts';
import { announcesBody } from '../http/unread.ts';
import type { Logger } from '../log.ts';
import type { Tx, Work } from '../sql/sql.ts';
import { queries } from '../store/query.ts';
import { etag } from '../store/users.ts';
import { uuidv7 } from '../store/uuid.ts';
import { covers } from '../token.ts';
import { answerAsync } from './async.ts';
import { bulkEndpoint } from './bulk.ts';
import { callers } from './callers.ts';
import {
  answersPatch,
  type Caller,
  type Collection,
  type Condition,
  type Prepared,
  type Stored,
} from './collection.ts';
import { cursors } from './cursor.ts';
import { type Described, resourceTypeResource, schemaResource, serviceProviderConfig } from './discovery.ts';
import { type Door, endpoint, type ScimDeps } from './door.ts';
import { asProblem, ofResource, scimJson, sendError } from './error.ts';
import { type PatchRequest, readPatch } from './patch-request.ts';
import { type Projection, projectionOf } from './projection.ts';
import { answerQuery, listText } from './query.ts';
import { refusals } from './refusals.ts';
import { idOf, ifMatch, ifNoneMatch, isFlagged, namesTag, type Query, queryOf, searchOf } from './request.ts';
import { collectionsOf, schemasOf } from './resource-types.ts';
import { rootEndpoints } from './root.ts';
import { eventsPath } from './sets.ts';

/** The door as a fastify plugin. */
export function scimDoor(deps: ScimDeps): FastifyPluginAsync {
  return async (app) => {
    const { log } = deps;
    const open = new RegExp(`^${app.prefix}/ServiceProviderConfig/?$`, 'i');
    const base = `${deps.publicUrl}${app.prefix}`;
    const { admit, callerOf, known } = callers(app, deps);

    const refuse = refusals(app);
    const promised = answerAsync(app, { ...deps, base, eventsBase: `${deps.publicUrl}${eventsPath}`, known });
    speakScim(app, log);
    app.addHook('onRequest', (request, _reply, done) => {
      // RFC 7643 §5: what authentication is asked for should be known before one has it.
      const reads = request.method === 'GET' || request.method === 'HEAD';
      if (reads && open.test(request.routeOptions.url ?? '')) return done();
      const admitted = admit(request);
      admitted.then(() => refuse(request)).then(() => done(), done);
    });

    const door: Door = {
      ...{
        deps,
        base,
        collections: collectionsOf(deps.extensions, deps.passwords),
        callerOf: (one) => callerOf(one, promised(one)),
      },
      queries: queries(deps.sql),
      cursors: cursors(deps.keyring, deps.now),
    };
    for (const collection of door.collections) resources(app, door, collection);
    discovery(app, door);
    rootEndpoints(app, door);
    bulkEndpoint(app, door);
  };
}

/** What is sent of one resource, and its version. */
interface Shown {
  readonly text: string;
  readonly stored: Stored;
}

/** The same, where nothing but the version may be sent (204, 304). */
interface Answered {
  readonly text: string | undefined;
  readonly stored: Stored;
}

/** What a PUT or PATCH asks for. */
interface Change<Body = unknown> {
  readonly id: string;
  readonly body: Body;
  readonly match: Condition;
}

/** The endpoints of one collection (RFC 7644 §3.2). A bad parameter is found before anything is written. */
function resources(app: FastifyInstance, door: Door, collection: Collection): void {
  const { deps, base, callerOf } = door;
  const { sql, random } = deps;
  const { type } = collection;

  const viewOf = ({ attributes, excludedAttributes }: Query) => projectionOf(type, attributes, excludedAttributes);
  /** What is shown of a write: to whoever may not read, what became of it and nothing of what is there. */
  const writtenView = (request: FastifyRequest, { scopes }: Caller): Projection => {
    const asked = viewOf(queryOf(request));
    return covers(scopes, 'scim.read') ? asked : projectionOf(type, 'meta', undefined);
  };

  // Units of work have names and are not written where they are run: an engine makes a hidden class for every generator
  // function that it comes by, and keeps it, with all the request that the function saw, until a full collection.
  function* shown(tx: Tx, tenant: string, stored: Stored, view: Projection): Work<Shown> {
    const [text = ''] = yield* collection.texts(tx, tenant, [stored], { base, shows: view.shows });
    return { stored, text: view.text(text) };
  }

  function* created(tx: Tx, caller: Caller, id: string, body: unknown, prepared: Prepared, view: Projection) {
    const stored = yield* collection.create(tx, caller, id, body, prepared);
    return yield* shown(tx, caller.tenant, stored, view);
  }

  function* found(tx: Tx, tenant: string, id: string, matches: Condition, view: Projection): Work<Answered> {
    const stored = yield* collection.read(tx, tenant, id);
    if (!stored) throw new Problem('notFound');
    return matches(stored.version) ? yield* shown(tx, tenant, stored, view) : { stored, text: undefined };
  }

  function* replaced(tx: Tx, caller: Caller, { id, body, match }: Change, prepared: Prepared, view: Projection) {
    const stored = yield* collection.replace(tx, caller, id, body, match, prepared);
    return yield* shown(tx, caller.tenant, stored, view);
  }

  /** @param view absent: nothing is shown */
  function* patched(
    tx: Tx,
    caller: Caller,
    { id, body: patch, match }: Change<PatchRequest>,
    prepared: Prepared,
    view: Projection | undefined,
  ): Work<Answered> {
    const stored = yield* collection.patch(tx, caller, id, patch, match, prepared);
    return view ? yield* shown(tx, caller.tenant, stored, view) : { stored, text: undefined };
  }

  const name = (reply: FastifyReply, { id, version }: Stored) =>
    reply.header('location', `${base}${type.endpoint}/${id}`).header('etag', etag(version));

  const send = (reply: FastifyReply, { stored, text }: Shown, status = 200) =>
    name(reply, stored)
      .code(status)
      // RFC 7643 §3.1: `meta.location` is the same.
      .header('content-location', `${base}${type.endpoint}/${stored.id}`)
      .send(text);

  const list = async (request: FastifyRequest, reply: FastifyReply, query: Query) =>
    reply.send(await answerQuery(door, callerOf(request).tenant, type.endpoint, [collection], query));

  endpoint(app, type.endpoint, {
    GET: (request, reply) => list(request, reply, queryOf(request)),
    async POST(request, reply) {
      const caller = callerOf(request);
      const view = writtenView(request, caller);
      const { body } = request;
      const prepared = await collection.prepare(caller, body);
      const id = uuidv7(caller.by.at, random(10));
      return send(reply, await sql.run((tx) => created(tx, caller, id, body, prepared, view)), 201);
    },
  });

  endpoint(app, `${type.endpoint}/.search`, {
    POST: (request, reply) => list(request, reply, searchOf(request.body)),
  });

  endpoint(app, `${type.endpoint}/:id`, {
    async GET(request, reply) {
      const view = viewOf(queryOf(request));
      const { tenant } = callerOf(request);
      const matches = ifNoneMatch(request);
      const { stored, text } = await sql.read((tx) => found(tx, tenant, idOf(request), matches, view));
      if (text === undefined) return reply.code(304).header('etag', etag(stored.version)).send();
      return send(reply, { stored, text });
    },
    async PUT(request, reply) {
      const caller = callerOf(request);
      const view = writtenView(request, caller);
      const change = { id: idOf(request), body: request.body, match: ifMatch(request) };
      const prepared = await collection.prepare(caller, change.body);
      return send(reply, await sql.run((tx) => replaced(tx, caller, change, prepared, view)));
    },
    async PATCH(request, reply) {
      const caller = callerOf(request);
      const view = writtenView(request, caller);
      const patch = readPatch(request.body, isFlagged(request));
      const prepared = await collection.preparePatch(caller, patch);
      const shows = covers(caller.scopes, 'scim.read') && (view.asked || answersPatch(collection, patch) === 200);
      const change = { id: idOf(request), body: patch, match: ifMatch(request) };
      const shownView = shows ? view : undefined;
      const { stored, text } = await sql.run((tx) => patched(tx, caller, change, prepared, shownView));
      if (text === undefined) return name(reply, stored).code(204).send();
      return send(reply, { stored, text });
    },
    async DELETE(request, reply) {
      const caller = callerOf(request);
      await sql.run((tx) => collection.remove(tx, caller, idOf(request), ifMatch(request)));
      return reply.code(204).send();
    },
  });
}

/** Bodies in and out, and every error, as RFC 7644 §3.1 and §3.12 have them. */
function speakScim(app: FastifyInstance, log: Logger): void {
  app.removeAllContentTypeParsers();
  // Okta's test posts application/json.
  app.addContentTypeParser(
    [scimJson, 'application/json'],
    { parseAs: 'buffer' },
    async (_request: FastifyRequest, body: Buffer) => {
      if (!isUtf8(body)) throw new Problem('invalidSyntax', { reason: 'It is not UTF-8.' });
      // A byte order mark is no part of the text (RFC 8259 §8.1).
      const text = body.toString('utf8', hasByteOrderMark(body) ? 3 : 0);
      return text === '' ? undefined : parseJson(text);
    },
  );
  app.addContentTypeParser('*', async ({ raw, is404 }: FastifyRequest) => {
    // Clients name a type in a DELETE that has no body: 415 is of content (RFC 9110 §15.5.16).
    if (announcesBody(raw) && !is404) throw new Problem('unsupportedMediaType');
  });
  app.addHook('onSend', (_request, reply, payload, done) => {
    // Exactly this: fastify would add a charset, which JSON has none of, and a 204 or 304 has no content to name.
    if (payload === undefined || payload === null || payload === '') reply.removeHeader('content-type');
    else reply.header('content-type', scimJson);
    reply.header('cache-control', 'no-store');
    done(null, payload);
  });
  app.setErrorHandler((error: Error, request, reply) => {
    const problem = asProblem(error);
    if (!problem) log.error({ err: error }, 'scim');
    const { id } = (request.params ?? {}) as { id?: string };
    return sendError(reply, ofResource(problem ?? new Problem('internal'), id));
  });
  app.setNotFoundHandler((_request, reply) => sendError(reply, new Problem('notFound')));
}

function hasByteOrderMark(body: Buffer): boolean {
  return body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf;
}

async function sendDescribed(request: FastifyRequest, reply: FastifyReply, one: Described): Promise<FastifyReply> {
  const { location, version } = one.meta;
  const known = request.headers['if-none-match'];
  if (version !== undefined) reply.header('etag', version);
  if (version !== undefined && known !== undefined && namesTag(known, version)) return reply.code(304).send();
  return reply.header('content-location', location).send(JSON.stringify(one));
}

/** RFC 7644 §4. */
function discovery(app: FastifyInstance, { deps, base, collections }: Door): void {
  const resourceTypes = collections.map(({ type }) => type);
  const schemas = schemasOf(resourceTypes);
  const types = resourceTypes.map((type) => resourceTypeResource(type, base));
  const described = schemas.map((schema) => schemaResource(schema, base));
  const lists = {
    '/ResourceTypes': { all: types, name: (at: number) => resourceTypes[at]?.name },
    '/Schemas': { all: described, name: (at: number) => schemas[at]?.id },
  };
  const config = serviceProviderConfig(base, deps.now());
  endpoint(app, '/ServiceProviderConfig', {
    GET: async (request, reply) => sendDescribed(request, reply, config),
  });
  for (const [url, { all, name }] of Object.entries(lists)) {
    endpoint(app, url, {
      async GET(request, reply) {
        // §4: a client must not believe that what it filtered for is all there is.
        if (queryOf(request).filter !== undefined) throw new Problem('filterNotAllowed');
        const head = { totalResults: all.length, startIndex: 1, itemsPerPage: all.length };
        return reply.send(
          listText(
            head,
            all.map((one) => JSON.stringify(one)),
          ),
        );
      },
    });
    endpoint(app, `${url}/:id`, {
      async GET(request, reply) {
        const found = all.find((_one, at) => name(at)?.toLowerCase() === idOf(request).toLowerCase());
        if (!found) throw new Problem('notFound');
        return sendDescribed(request, reply, found);
      },
    });
  }
}
