// The resets door, `/api`: what the dialog asks (shared/api.ts). Errors are problem+json in the reader's language.

import { Readable } from 'node:stream';
import cors from '@fastify/cors';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import {
  type Config,
  type Me,
  type Organisation,
  type Person,
  parseResetRequest,
  type Reset,
  type Search,
} from '#shared/api.ts';
import { type Locale, pickLocale } from '#shared/locale.ts';
import { Problem } from '#shared/problem.ts';
import type { Directory, User } from '../directory/directory.ts';
import { askingOnce } from '../directory/once.ts';
import type { Caller } from '../http/auth.ts';
import { problemReply, readJsonBodies } from '../http/problem-json.ts';
import { mayResetSomebody, noStanding } from '../policy/roles.ts';
import type { Tenant, Tenants } from '../tenant.ts';
import { authoriseSearch } from './authorise.ts';
import { actOn, beginReset, type DeskDeps, permitted, unasked } from './desk.ts';
import { makeOffer } from './offer.ts';
import { type ResetRow, readEvents, readReset } from './row.ts';
import { toReset } from './view.ts';

export interface ApiDeps extends DeskDeps {
  readonly tenants: Tenants;
  readonly authenticate: (authorization: string | undefined) => Promise<Caller>;
  /** Where administrators of a tenant sign in, and with what the extension asks for. */
  readonly signInOf: (tenant: Tenant) => Pick<Config, 'authority' | 'protocol' | 'clientId' | 'scopes'>;
  /** Chromium ids that may call from a browser; any moz-extension: may, since Firefox gives every profile its own. */
  readonly extensionIds: readonly string[];
}

type Handler = (request: FastifyRequest, reply: FastifyReply, caller: Caller) => Promise<unknown>;
/** A stream says something at least this often, so that a dead one is noticed, and looks by itself. */
const heartbeat = 10_000;
const idempotencyKey = /^[\x21-\x7e]{8,200}$/;

/** The plugin; mount it under `/api`. */
export function resetsDoor(deps: ApiDeps) {
  return async (app: FastifyInstance): Promise<void> => {
    readJsonBodies(app);
    app.setErrorHandler(problemReply);
    app.setNotFoundHandler(() => {
      throw new Problem('notFound');
    });
    await app.register(cors, {
      origin: (origin, allow) => allow(null, origin !== undefined && mayCall(deps, origin)),
      methods: ['GET', 'POST'],
      allowedHeaders: ['Authorization', 'Content-Type', 'Accept-Language', 'Idempotency-Key', 'Last-Event-ID'],
      exposedHeaders: ['Location', 'Retry-After', 'Idempotency-Replayed', 'WWW-Authenticate'],
      maxAge: 600,
      strictPreflight: false,
    });
    app.addHook('onSend', async (_request, reply) => {
      reply.header('cache-control', 'no-store');
    });

    // Before the body is read: whoever is nobody gets nothing parsed.
    const callers = new WeakMap<FastifyRequest, Caller>();
    app.addHook('onRequest', async (request) => {
      if (request.method === 'OPTIONS' || request.routeOptions.url === '/api/config' || request.is404) return;
      callers.set(request, await deps.authenticate(request.headers.authorization));
    });
    const known = (handler: Handler) => async (request: FastifyRequest, reply: FastifyReply) => {
      const caller = callers.get(request);
      if (!caller) throw new Problem('unauthorized');
      return handler(request, reply, caller);
    };

    app.get('/config', (request) => config(deps, request));
    app.get(
      '/me',
      known(async (_request, _reply, caller) => me(caller)),
    );
    app.get(
      '/users',
      known((request, _reply, caller) => search(deps, request, caller)),
    );
    app.get<{ Params: { id: string } }>(
      '/users/:id/offer',
      known((request, _reply, caller) => makeOffer(deps, caller, parameter(request, 'id'), localeOf(request))),
    );
    app.post(
      '/resets',
      known((request, reply, caller) => post(deps, request, reply, caller)),
    );
    app.get(
      '/resets/:id',
      known((request, _reply, caller) => read(deps, request, caller)),
    );
    app.get(
      '/resets/:id/events',
      // A HEAD would open a stream that nobody reads, and nobody closes.
      { exposeHeadRoute: false },
      known((request, reply, caller) => events(deps, request, reply, caller)),
    );
    for (const name of ['cancel', 'kill', 'grant'] as const) {
      app.post(
        `/resets/:id/${name}`,
        known(async (request, _reply, caller) => {
          const acted = await actOn(deps, caller, parameter(request, 'id'), name);
          return resetOf(deps, acted, localeOf(request));
        }),
      );
    }
  };
}

function mayCall(deps: ApiDeps, origin: string): boolean {
  if (/^moz-extension:\/\/[0-9a-f-]{36}$/.test(origin)) return true;
  return deps.extensionIds.some((id) => origin === `chrome-extension://${id}`);
}

function parameter(request: FastifyRequest, name: string): string {
  const value = (request.params as Record<string, unknown>)[name];
  if (typeof value !== 'string' || value.length > 200) throw new Problem('notFound');
  return value;
}

function localeOf(request: FastifyRequest): Locale {
  return pickLocale(request.headers['accept-language']);
}

/** A caller as a person; what the token says of the name is for display only. */
export function personOf(user: User): Person {
  return { id: user.id, displayName: user.displayName, userPrincipalName: user.userPrincipalName };
}

/** The organisation as the directory names it. */
export async function organisationOf(directory: Directory): Promise<Organisation> {
  const { id, displayName, verifiedDomains } = await directory.organization();
  return { id, name: displayName, domains: verifiedDomains };
}

async function config(deps: ApiDeps, request: FastifyRequest): Promise<Config> {
  const { domain } = request.query as { domain?: unknown };
  const tenant = await (typeof domain === 'string' ? deps.tenants.byDomain(domain) : deps.tenants.byId('default'));
  if (!tenant) throw new Problem('notFound');
  return {
    version: 1,
    organisation: { id: tenant.tid, name: tenant.name },
    ...deps.signInOf(tenant),
  };
}

/** By the token alone: a hint, as old as the token. */
function me({ id, wids }: Caller): Me {
  if (wids.length === 0) return { id };
  return { id, mayReset: mayResetSomebody({ ...noStanding, roles: wids }) };
}

async function search(deps: ApiDeps, request: FastifyRequest, caller: Caller): Promise<Search> {
  const directory = askingOnce(deps.directoryOf(caller.tenant, { kind: 'caller', caller }));
  const asking = await authoriseSearch(directory, caller.id);
  const { search: text } = request.query as { search?: unknown };
  if (typeof text !== 'string' || text.length > 256) throw new Problem('invalidValue', { field: 'search' });
  const wanted = text.trim();
  const exact = wanted === '' ? undefined : await directory.find(wanted);
  const others = wanted === '' ? [] : await directory.search(wanted);
  const users = [...(exact ? [exact] : []), ...others.filter(({ id }) => id !== exact?.id)].slice(0, 20);
  return {
    organisation: await organisationOf(directory),
    caller: personOf(asking),
    users: users.map((user) => ({
      ...personOf(user),
      accountEnabled: user.accountEnabled,
      ...(user.department === undefined ? {} : { department: user.department }),
      ...(user === exact ? { exact: true as const } : {}),
    })),
  };
}

async function post(deps: ApiDeps, request: FastifyRequest, reply: FastifyReply, caller: Caller): Promise<Reset> {
  const key = request.headers['idempotency-key'];
  if (typeof key !== 'string' || !idempotencyKey.test(key)) throw new Problem('idempotencyKeyMissing');
  const wanted = parseResetRequest(request.body);
  const { row, replayed } = await beginReset(deps, caller, key, wanted);
  reply.code(202).header('location', `/api/resets/${row.id}`);
  if (replayed) reply.header('idempotency-replayed', 'true');
  return resetOf(deps, row, localeOf(request));
}

async function resetOf(deps: ApiDeps, row: ResetRow, locale: Locale): Promise<Reset> {
  const events = await deps.sql.read((tx) => readEvents(tx, row.tenant, row.id));
  return toReset(row, events, true, locale);
}

async function read(deps: ApiDeps, request: FastifyRequest, caller: Caller): Promise<Reset> {
  const { row } = await permitted(deps, caller, parameter(request, 'id'));
  return resetOf(deps, row, localeOf(request));
}

/** The stream of a reset (HTML Living Standard, server-sent events): one event per change, each the whole Reset. */
async function events(deps: ApiDeps, request: FastifyRequest, reply: FastifyReply, caller: Caller): Promise<Readable> {
  const { row } = await permitted(deps, caller, parameter(request, 'id'));
  const { tenant, id, user_id: person } = row;
  const locale = localeOf(request);
  const lastSeen = Number(request.headers['last-event-id'] ?? Number.NaN);
  let sent = Number.isInteger(lastSeen) ? lastSeen : -1;
  let shown = '';
  let looking: Promise<void> = Promise.resolve();
  const stream = new Readable({ read() {} });

  const look = async () => {
    if (stream.destroyed) return;
    // What one may see can end while one looks: the token, the role.
    if (deps.now() >= caller.expiresAt) return void stream.push(null);
    const row = await deps.sql.read((tx) => readReset(tx, tenant, id));
    if (!row) return void stream.push(null);
    const reset = await resetOf(deps, row, locale);
    const data = JSON.stringify(reset);
    if (row.seq === sent || data === shown) return;
    [sent, shown] = [row.seq, data];
    stream.push(`id: ${row.seq}\nevent: reset\ndata: ${data}\n\n`);
  };
  const lookNext = () => {
    looking = looking.then(look).catch((error: unknown) => void stream.destroy(error as Error));
  };
  const unwatch = deps.watchers.watch(tenant, person, lookNext);
  // A directory elsewhere counts what it is asked.
  const often = caller.tenant.directory === 'embedded' ? 1 : 6;
  let beats = 0;
  const beat = setInterval(() => {
    stream.push(': still here\n\n');
    if (++beats % often !== 0) return lookNext();
    permitted(deps, caller, id).then(lookNext, (error: unknown) => {
      if (unasked(error) && (error as Problem).code !== 'signInAgain') lookNext();
      else stream.push(null);
    });
  }, heartbeat);
  stream.once('close', () => {
    clearInterval(beat);
    unwatch();
  });
  reply.header('content-type', 'text/event-stream; charset=utf-8').header('x-accel-buffering', 'no');
  stream.push('retry: 1000\n\n');
  lookNext();
  return stream;
}
