// The HTTP server: mounts the doors under their prefixes, one line each, with the limits and headers that all share.

import { type IncomingMessage, maxHeaderSize } from 'node:http';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyPluginAsync,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import { Problem } from '#shared/problem.ts';
import type { Logger } from '../log.ts';
import { refuseOtherMethods } from './methods.ts';
import { problemReply } from './problem-json.ts';
import { readableUrl, refuseRaw } from './raw.ts';
import type { Tls } from './tls.ts';
import { leaveUnwantedBodies } from './unread.ts';

export interface AppDeps {
  readonly log: Logger;
  /** Certificate chain and private key, PEM; absent: plain http on loopback, for a reverse proxy. */
  readonly tls?: Tls;
  readonly trustedProxies: readonly string[];
  /** Prefix → door. */
  readonly doors: Readonly<Record<string, FastifyPluginAsync>>;
  /** Prefix → how a door itself says that an address has malformed percent-escapes, which no route of its own sees. */
  readonly badUrl?: Readonly<Record<string, (error: Error, reply: FastifyReply) => FastifyReply>>;
  /** Prefix → an address of the door as its routes know it, where clients may write one in several ways. */
  readonly readUrl?: Readonly<Record<string, (url: string) => string>>;
  /** Is everything there that a request needs? */
  readonly ready: () => Promise<boolean>;
}

const megabyte = 1024 * 1024;
/** A database that says nothing for so long is out of reach: whoever asks /readyz does not wait for it. Milliseconds. */
const readyWithin = 3000;

/** A server with its doors; not listening yet. */
export async function createApp(deps: AppDeps): Promise<FastifyInstance> {
  const sayBadUrl = Object.entries(deps.badUrl ?? {}).map(([prefix, say]) => [`${prefix}/`, say] as const);
  const badUrlOf = (url = '') => sayBadUrl.find(([start]) => url.startsWith(start))?.[1];
  const readUrls = Object.entries(deps.readUrl ?? {}).map(([prefix, read]) => [`${prefix}/`, read] as const);
  const readUrlOf = (url: string) => readUrls.find(([start]) => url.startsWith(start))?.[1];
  const options = {
    loggerInstance: deps.log,
    // Routes by pattern are logged below; fastify's own lines would hold URLs, and a link's id is half a secret.
    logController: new LogController({ disableRequestLogging: true }),
    // No logger for each request: nothing says which request a line is about, and it would be made for every one.
    childLoggerFactory: (log: FastifyBaseLogger) => log,
    bodyLimit: megabyte,
    trustProxy: deps.trustedProxies.length > 0 ? [...deps.trustedProxies] : false,
    // A client that dribbles its request holds a connection no longer than this.
    connectionTimeout: 0,
    requestTimeout: 30_000,
    keepAliveTimeout: 10_000,
    // Longer than a request line can be: what an id may look like is for the doors to say, in their own form.
    routerOptions: { maxParamLength: maxHeaderSize },
    rewriteUrl: (request: IncomingMessage) => {
      const url = badUrlOf(request.url) ? (request.url ?? '/') : readableUrl(request);
      return readUrlOf(url)?.(url) ?? url;
    },
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      const said = badUrlOf(request.url);
      if (said) said(error, reply);
      else problemReply(error, request, reply);
    },
    clientErrorHandler: refuseRaw(deps.log),
    forceCloseConnections: true,
  };
  const app = (deps.tls
    ? Fastify({ ...options, https: { ...deps.tls, minVersion: 'TLSv1.2' } })
    : Fastify(options)) as unknown as FastifyInstance;

  app.setErrorHandler(problemReply);
  app.setNotFoundHandler(() => {
    throw new Problem('notFound');
  });
  // Hooks that every request passes take callbacks: a promise each is what a short request would mostly be made of.
  app.addHook('onRequest', (_request, reply, done) => {
    reply.header('x-content-type-options', 'nosniff');
    if (deps.tls) reply.header('strict-transport-security', 'max-age=31536000');
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const level = reply.statusCode >= 500 ? 'warn' : 'debug';
    if (deps.log.isLevelEnabled(level)) {
      const { method, routeOptions } = request;
      const ms = Math.round(reply.elapsedTime);
      deps.log[level]({ method, route: routeOptions.url, status: reply.statusCode, ms }, 'request');
    }
    done();
  });
  refuseOtherMethods(app);
  leaveUnwantedBodies(app);

  const readiness = askedTogether(deps.ready, readyWithin);
  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    const ready = await readiness();
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready' });
  });
  for (const [prefix, door] of Object.entries(deps.doors)) await app.register(door, { prefix });
  return app;
}

/** Asks once for all who want to know meanwhile; an answer that does not come in time, or a failure, is a no. */
function askedTogether(ask: () => Promise<boolean>, within: number): () => Promise<boolean> {
  let asking: Promise<boolean> | undefined;
  return () => {
    asking ??= ask()
      .catch(() => false)
      .finally(() => {
        asking = undefined;
      });
    const late = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => late.resolve(false), within);
    return Promise.race([asking, late.promise]).finally(() => clearTimeout(timer));
  };
}
