// Where clients fetch their events, mounted at /scim/events (RFC 8936):
//
//   POST /poll               acknowledge, and take what waits; without anything waiting, wait for it
//   GET  /txn/{txn}          the completion of an asynchronous request (RFC 9967 draft §2.5.1.1)
//   GET  /{tenant}/jwks.json the keys that the events are signed with
//
// A client sees its own events and nobody else's, whatever it asks for.

import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '#shared/problem.ts';
import { record } from '../audit.ts';
import { problemReply, readJsonBodies } from '../http/problem-json.ts';
import type { Logger } from '../log.ts';
import { sealNow } from '../sealer.ts';
import type { Keyring } from '../secret.ts';
import type { Sql } from '../sql/sql.ts';
import { acknowledge, ofTransaction, waiting } from '../store/events.ts';
import type { Tenants } from '../tenant.ts';
import { actorOf, verifyToken } from '../token.ts';
import { callers } from './callers.ts';
import type { Rate } from './limits.ts';
import { jtiOf, seqOf, setSigner } from './sets.ts';

export interface EventsDeps {
  readonly sql: Sql;
  readonly tenants: Tenants;
  readonly keyring: Keyring;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: Logger;
  /** The connector's origin. */
  readonly publicUrl: string;
  readonly rate?: Rate;
  /** Resolves after so many milliseconds, or when the signal says so. */
  readonly pause?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

/** How long a poll waits for an event, and how often it looks, in milliseconds. */
const patience = 20_000;
const glance = 500;
/** Events in one answer. */
const mostEvents = 1000;
/** Acknowledgements in one request. */
const mostAcks = 10_000;

/** The events' endpoints as a fastify plugin. */
export function eventsDoor(deps: EventsDeps): FastifyPluginAsync {
  return async (app) => {
    const { sql, now, log } = deps;
    const pause = deps.pause ?? sleep;
    const signer = setSigner({ ...deps, base: `${deps.publicUrl}${app.prefix}` });
    const { admit, tokenOf } = callers(app, deps);
    /** The poll that waits for a client: there is one, and the next one takes its place. */
    const polls = new Map<string, AbortController>();

    readJsonBodies(app);
    app.setErrorHandler((error, request, reply) => {
      if (error instanceof Problem && error.code === 'scopeMissing') {
        reply.header('www-authenticate', 'Bearer realm="scim", error="insufficient_scope"');
      }
      if (error instanceof Problem && error.code === 'methodNotAllowed') reply.header('allow', 'POST');
      problemReply(error, request, reply);
    });
    app.addHook('onRequest', async (request, reply) => {
      reply.header('cache-control', 'no-store');
      // Keys are public.
      if (request.routeOptions.url === `${app.prefix}/:tenant/jwks.json`) return;
      // Whoever may only write is told how his own requests ended.
      await admit(request, 'scim.read', 'scim.write');
    });
    // A server that closes does not wait for those who wait.
    app.addHook('preClose', async () => {
      for (const poll of polls.values()) poll.abort();
    });

    app.get('/:tenant/jwks.json', async (request, reply) => {
      const tenant = await deps.tenants.byId((request.params as { tenant: string }).tenant);
      if (!tenant) throw new Problem('notFound');
      return send(reply, await signer.jwks(tenant.id), 'application/jwk-set+json');
    });

    app.get('/txn/:txn', async (request, reply) => {
      const { tenant, client } = tokenOf(request);
      await sealNow(sql, tenant, now());
      const events = await ofTransaction(sql, tenant, client, (request.params as { txn: string }).txn);
      const [only] = events;
      if (!only) throw new Problem('notFound');
      if (events.length === 1) {
        return reply.type('application/secevent+jwt').send(await signer.sign(tenant, client, only));
      }
      const sets = await Promise.all(events.map((event) => signer.sign(tenant, client, event)));
      return send(reply, { sets });
    });

    app.all('/poll', async (request, reply) => {
      if (request.method !== 'POST') throw new Problem('methodNotAllowed');
      const token = tokenOf(request);
      const { tenant, client } = token;
      const wanted = pollOf(request.body);

      const settled = [...wanted.ack, ...Object.keys(wanted.setErrs)].flatMap((jti) => seqOf(client, jti) ?? []);
      if (settled.length > 0) {
        const at = now();
        const refused = Object.keys(wanted.setErrs);
        await sql.run(function* (tx) {
          yield* acknowledge(tx, tenant, client, settled);
          if (refused.length === 0) return;
          const detail = { refused: refused.length };
          const target = `client:${client}`;
          yield* record(tx, { tenant, at, actor: actorOf(token), action: 'client.events.refused', target, detail });
        });
        for (const jti of refused) log.warn({ client, jti, reason: wanted.setErrs[jti] }, 'event refused');
      }

      const wait = new AbortController();
      if (!wanted.returnImmediately && wanted.maxEvents > 0) {
        polls.get(client)?.abort();
        polls.set(client, wait);
      } else wait.abort();
      const { socket } = request.raw;
      const leave = () => wait.abort();
      socket.once('close', leave);
      try {
        const found = await waitFor(request, wanted.maxEvents, wait.signal);
        const sets: Record<string, string> = {};
        for (const event of found.events) {
          sets[jtiOf(client, event.seq)] = await signer.sign(tenant, client, event);
        }
        return send(reply, { sets, moreAvailable: found.more });
      } finally {
        socket.off('close', leave);
        if (polls.get(client) === wait) polls.delete(client);
      }
    });

    async function waitFor(request: FastifyRequest, most: number, signal: AbortSignal) {
      const { tenant, client } = tokenOf(request);
      const until = now() + patience;
      for (;;) {
        // What was answered before this request is told by it, also where events are numbered behind the writes.
        await sealNow(sql, tenant, now());
        const found = await waiting(sql, tenant, client, most);
        if (found.events.length > 0 || signal.aborted || now() >= until) return found;
        await pause(glance, signal);
        // A token may have been revoked while its client waited.
        await verifyToken(sql, request.headers.authorization, now());
      }
    }
  };
}

/** As bytes: fastify would add a charset, which JSON has none of. */
function send(reply: FastifyReply, body: object, type = 'application/json'): FastifyReply {
  return reply.type(type).send(Buffer.from(JSON.stringify(body)));
}

interface Poll {
  readonly maxEvents: number;
  readonly returnImmediately: boolean;
  readonly ack: readonly string[];
  /** `jti` → what was wrong, in the client's words. */
  readonly setErrs: Readonly<Record<string, string>>;
}

/** RFC 8936 §2.2 and §2.4. @throws Problem invalidSyntax, invalidValue with `field` */
function pollOf(body: unknown): Poll {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new Problem('invalidSyntax', { reason: 'A poll is a JSON object.' });
  }
  const { maxEvents = mostEvents, returnImmediately = false, ack = [], setErrs = {} } = body as Record<string, unknown>;
  const refuse = (field: string): never => {
    throw new Problem('invalidValue', { field });
  };
  if (typeof maxEvents !== 'number' || !Number.isSafeInteger(maxEvents) || maxEvents < 0) return refuse('maxEvents');
  if (typeof returnImmediately !== 'boolean') return refuse('returnImmediately');
  if (!Array.isArray(ack) || ack.length > mostAcks || !ack.every((one) => typeof one === 'string')) {
    return refuse('ack');
  }
  if (typeof setErrs !== 'object' || setErrs === null || Array.isArray(setErrs)) return refuse('setErrs');
  const errors = Object.entries(setErrs as Record<string, unknown>);
  if (errors.length > mostAcks) return refuse('setErrs');
  const said = errors.map(([jti, error]) => {
    const err = (error as { err?: unknown } | null)?.err;
    return typeof err === 'string' ? ([jti, err.slice(0, 100)] as const) : refuse('setErrs');
  });
  return { maxEvents: Math.min(maxEvents, mostEvents), returnImmediately, ack, setErrs: Object.fromEntries(said) };
}

function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', done);
  });
}
