// Asynchronous requests (RFC 9967 draft §2.5.1): `Prefer: respond-async` is answered with 202 and `Set-Txn`, and the
// outcome becomes an event of the client's.
//
// The work is done before the 202 is sent: requests take milliseconds here, and a 202 that a crash could make untrue
// would be a promise without anything behind it. When a client reads the 202, the change and its event are on disk.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Sql } from '../sql/sql.ts';
import { append, eventUris } from '../store/events.ts';
import type { Token } from '../token.ts';

interface AsyncDeps {
  readonly sql: Sql;
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
  /** The URL that resources stand under, and the one for events. */
  readonly base: string;
  readonly eventsBase: string;
  readonly known: (request: FastifyRequest) => Token | undefined;
}

const changing = ['POST', 'PUT', 'PATCH', 'DELETE'];

/**
 * `respond-async` and `wait` of a Prefer header (RFC 7240 §4.1, §4.3); undefined when it is not asked for.
 * `wait` in seconds.
 */
export function asyncPreference(header: string | readonly string[] | undefined): { wait?: number } | undefined {
  if (header === undefined) return undefined;
  const preferences = (Array.isArray(header) ? header.join(',') : String(header)).split(',').map((one) => {
    const [name = '', value = ''] = (one.split(';', 1)[0] ?? '').split('=');
    return { name: name.trim().toLowerCase(), value: value.trim().replace(/^"(.*)"$/, '$1') };
  });
  if (!preferences.some(({ name, value }) => name === 'respond-async' && value === '')) return undefined;
  const wait = preferences.find(({ name }) => name === 'wait')?.value ?? '';
  return /^\d{1,9}$/.test(wait) ? { wait: Number(wait) } : {};
}

/** Gives the endpoints of a door their asynchronous form. To be registered before the door's own onSend. */
export function answerAsync(app: FastifyInstance, deps: AsyncDeps) {
  const promised = new WeakMap<FastifyRequest, string>();

  // Only what reaches an endpoint is accepted: a body that can't be read, or a caller who may not, is told at once.
  app.addHook('preHandler', (request, _reply, done) => {
    const { url } = request.routeOptions;
    const { prefer } = request.headers;
    const changes = url !== undefined && !url.endsWith('/.search') && changing.includes(request.method);
    if (prefer !== undefined && changes && asyncPreference(prefer) && deps.known(request)) {
      promised.set(request, Buffer.from(deps.random(16)).toString('hex'));
    }
    done();
  });

  // With callbacks, since nearly every request passes without waiting for anything.
  app.addHook('onSend', (request, reply, payload, done) => {
    const txn = promised.get(request);
    const token = deps.known(request);
    if (txn === undefined || token === undefined || reply.statusCode >= 500 || reply.statusCode === 405) {
      done(null, payload);
      return;
    }
    promised.delete(request);
    postpone(request, reply, payload, { txn, token }).then((sent) => done(null, sent), done);
  });

  async function postpone(
    request: FastifyRequest,
    reply: FastifyReply,
    payload: unknown,
    { txn, token }: { txn: string; token: Token },
  ): Promise<unknown> {
    const { wait } = asyncPreference(request.headers.prefer) ?? {};
    // RFC 7240 §4.3: who would wait this long for the answer can have it.
    if (wait !== undefined && reply.elapsedTime <= wait * 1000) return payload;
    const outcomes = outcomesOf(request, reply, typeof payload === 'string' ? payload : '', deps.base);
    const several = outcomes.length !== 1 || outcomes[0]?.index !== undefined;
    const at = deps.now();
    await deps.sql.run(function* (tx) {
      for (const { index, uri, payload: outcome } of outcomes) {
        yield* append(tx, token.tenant, token.client, {
          at,
          // §2.5.1.2: each operation of a Bulk request has a completion of its own.
          txn: index === undefined ? txn : `${txn}:${index}`,
          uri,
          events: { [eventUris.asyncResponse]: outcome },
        });
      }
    });
    const location = several ? undefined : reply.getHeader('location');
    for (const name of ['etag', 'content-location']) reply.removeHeader(name);
    reply
      .code(202)
      .header('set-txn', txn)
      .header('preference-applied', 'respond-async')
      .header('location', location ?? `${deps.eventsBase}/txn/${txn}`);
    return '';
  }

  /** The transaction that a request was promised, for the events of what it changes. */
  return (request: FastifyRequest): string | undefined => promised.get(request);
}

interface Outcome {
  readonly index?: number;
  readonly uri: string;
  readonly payload: object;
}

/** What came of a request, as operations of a Bulk response (RFC 7644 §3.7.3). */
function outcomesOf(request: FastifyRequest, reply: FastifyReply, text: string, base: string): Outcome[] {
  const answer = text === '' ? undefined : (JSON.parse(text) as Record<string, unknown>);
  if (Array.isArray(answer?.Operations)) {
    return (answer.Operations as { location?: string }[]).map((payload, index) => ({
      index,
      uri: pathUnder(base, payload.location) ?? '/Bulk',
      payload,
    }));
  }
  const location = reply.getHeader('location');
  const version = reply.getHeader('etag');
  const path = (request.url.split(/[?#]/, 1)[0] ?? '').slice(new URL(base).pathname.length);
  return [
    {
      uri: pathUnder(base, location) ?? path,
      payload: {
        method: request.method,
        ...(location === undefined ? {} : { location }),
        ...(version === undefined ? {} : { version }),
        status: String(reply.statusCode),
        ...(reply.statusCode >= 300 ? { response: answer } : {}),
      },
    },
  ];
}

function pathUnder(base: string, location: unknown): string | undefined {
  return typeof location === 'string' && location.startsWith(`${base}/`) ? location.slice(base.length) : undefined;
}
