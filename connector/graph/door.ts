// The Graph door, mounted at /v1.0: the embedded directory in the words of Microsoft Graph v1.0, for scripts and Graph
// SDKs. Only organisations whose directory is embedded have one. README.md beside this file lists every endpoint.
//
// A request passes in this order: who calls (the same tokens as `/api`, for this origin), whether they are still
// somebody, how fast they ask, whether there is such an address, and whether the token has a permission of the route.
// What a permission leaves open the role matrix decides, in the routes (authority.ts).

import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '#shared/problem.ts';
import { type Access, recentTokens, verifyAccess } from '../http/auth.ts';
import { parseJson } from '../http/json.ts';
import { type Paths, watchPaths } from '../http/methods.ts';
import { announcesBody } from '../http/unread.ts';
import { rateLimit, rateOf } from '../scim/limits.ts';
import { decorateCaller, setCaller } from './access.ts';
import { authenticationRoutes } from './authentication.ts';
import { batchRoutes } from './batch.ts';
import { doorPath, type GraphDeps, type GraphRoutes } from './deps.ts';
import { denied, gatewayError } from './error.ts';
import { groupRoutes } from './groups.ts';
import { decorateIdentity, setIdentity } from './identity.ts';
import { mailRoutes } from './mail.ts';
import { meRoutes } from './me.ts';
import { membershipRoutes } from './membership.ts';
import { organizationRoutes } from './organization.ts';
import { ownedObjectRoutes } from './owned-objects.ts';
import { asGraphError, sendError, unauthenticated } from './refusal.ts';
import { roleRoutes } from './roles.ts';
import { sessionRoutes } from './sessions.ts';
import { usersRead } from './users-read.ts';
import { userWriteRoutes } from './users-write.ts';

/** The parts of the door, each with its routes. */
const parts: readonly GraphRoutes[] = [
  usersRead,
  meRoutes,
  userWriteRoutes,
  authenticationRoutes,
  sessionRoutes,
  membershipRoutes,
  ownedObjectRoutes,
  groupRoutes,
  roleRoutes,
  organizationRoutes,
  mailRoutes,
  batchRoutes,
];

const json = 'application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8';

/** The door as a fastify plugin. */
export function graphDoor(deps: GraphDeps, routes: readonly GraphRoutes[] = parts): FastifyPluginAsync {
  return async (app) => {
    const paths = watchPaths(app, (url) => url.startsWith(doorPath));
    decorateIdentity(app);
    decorateCaller(app);
    speakGraph(app, deps);
    app.addHook('onRequest', (request, reply, done) => {
      const { requestId, clientRequestId } = setIdentity(request, deps.now(), deps.random);
      reply.header('request-id', requestId).header('client-request-id', clientRequestId);
      done();
    });
    const admit = admission(deps, paths);
    app.addHook('onRequest', (request, _reply, done) => {
      admit(request).then(() => done(), done);
    });
    for (const part of routes) part(app, deps);
  };
}

/** Who may pass, before a byte of the body is read. */
function admission(deps: GraphDeps, paths: Paths): (request: FastifyRequest) => Promise<void> {
  const wait = rateLimit(deps.rate ?? rateOf(0), deps.now);
  const auth = { ...deps, recent: recentTokens() };
  const stillThere = onceATurn((access: Access) => isStill(deps, access));
  return async (request) => {
    const access = await verifyAccess(auth, request.headers.authorization, (tenant) => {
      if (tenant.directory === 'embedded') return deps.publicUrl;
      throw unauthenticated('Access token validation failure. Invalid audience.', true);
    });
    if (!(await stillThere(access))) throw new Problem('unauthorized');
    const retryAfter = wait(`${access.tenant.id} ${access.azp || access.oid}`);
    if (retryAfter > 0) throw new Problem('throttled', { retryAfter });
    if (request.is404) throw noSuchAddress(request, paths);
    const { 'content-encoding': encoding = 'identity' } = request.headers;
    if (encoding !== 'identity' && encoding !== '') throw new Problem('unsupportedMediaType');
    if (!isPermitted(request, access)) throw denied();
    setCaller(request, access);
  };
}

/** Asks once for all requests of one token that arrive in one turn of the event loop, and anew in the next one. */
function onceATurn<K, V>(ask: (key: K) => Promise<V>): (key: K) => Promise<V> {
  const asked = new Map<K, Promise<V>>();
  return (key) => {
    let answer = asked.get(key);
    if (!answer) {
      answer = ask(key);
      if (asked.size === 0) setImmediate(() => asked.clear());
      asked.set(key, answer);
    }
    return answer;
  };
}

/** A token outlives what it was given to: a person may be blocked or gone since, an app revoked, also one that acts for people. */
async function isStill({ sql }: GraphDeps, { tenant, oid, appOnly, azp }: Access): Promise<boolean> {
  if (appOnly) {
    const app = await sql.get<{ revoked: number | null }>`select revoked from client
      where tenant = ${tenant.id} and id = ${oid}`;
    return app?.revoked === null;
  }
  // What is no row of ours, the extension, cannot be revoked.
  const person = await sql.get<{ active: number; revoked: number | null }>`select u.active, c.revoked
    from app_user u left join client c on c.tenant = u.tenant and c.id = ${azp}
    where u.tenant = ${tenant.id} and u.id = ${oid}`;
  return person?.active === 1 && person.revoked === null;
}

/** Any one permission of the route is enough; delegated ones count for people, application ones for apps alone. */
function isPermitted({ routeOptions }: FastifyRequest, { appOnly, scopes, roles }: Access): boolean {
  const asked = routeOptions.config.graph;
  if (!asked) return false;
  const held = appOnly ? roles : scopes;
  return (appOnly ? asked.application : asked.delegated).some((name) => held.includes(name));
}

function noSuchAddress(request: FastifyRequest, paths: Paths): Error {
  const allow = paths.allow(request.url);
  if (allow !== '') return new Problem('methodNotAllowed', { allow });
  const segment = paths.unknownSegment(request.url) ?? request.url.split(/[?#]/, 1)[0]?.split('/').at(-1) ?? '';
  return gatewayError(`Resource not found for the segment '${segment.slice(0, 256)}'.`);
}

/** Bodies in and out, and every error, as Microsoft Graph has them. */
function speakGraph(app: FastifyInstance, { log, now }: GraphDeps): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async (_request: FastifyRequest, body: Buffer) => {
      if (!isUtf8(body)) throw new Problem('invalidSyntax');
      const text = body.toString('utf8');
      // A byte order mark is no part of the text (RFC 8259 §8.1).
      return text === '' ? undefined : parseJson(text.replace(/^\ufeff/, ''));
    },
  );
  // Clients name a type in a DELETE that has no body.
  app.addContentTypeParser('*', async ({ raw, headers }: FastifyRequest) => {
    if (!announcesBody(raw)) return;
    if (headers['content-type']) throw new Problem('unsupportedMediaType');
    throw gatewayError('Write requests (excluding DELETE) must contain the Content-Type header declaration.');
  });
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (payload === undefined || payload === null || payload === '') reply.removeHeader('content-type');
    else if (reply.statusCode < 400) {
      const type = reply.getHeader('content-type');
      if (type === 'application/json' || type === 'application/json; charset=utf-8') reply.header('content-type', json);
    }
    reply.header('odata-version', '4.0').header('cache-control', 'no-store');
    done(null, payload);
  });
  app.setErrorHandler((error: Error, request, reply) => {
    const told = asGraphError(error, request);
    if (told.status >= 500 && told.status !== 503) log.error({ err: error }, 'graph');
    return sendError(told, request, reply, now());
  });
  app.setNotFoundHandler((request, reply) => {
    // Never reached by a request that was let in: admission tells what is not there.
    return sendError(asGraphError(gatewayError('Resource not found.'), request), request, reply, now());
  });
}

/** A URL that no route and no hook of the door sees: with malformed percent-escapes, or longer than any. */
export function malformedAddress({ now, random }: Pick<GraphDeps, 'now' | 'random'>) {
  return (_error: Error, reply: FastifyReply): FastifyReply => {
    const { requestId, clientRequestId } = setIdentity(reply.request, now(), random);
    reply.header('request-id', requestId).header('client-request-id', clientRequestId);
    reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
    return sendError(gatewayError('The request URI is not valid.'), reply.request, reply, now());
  };
}
