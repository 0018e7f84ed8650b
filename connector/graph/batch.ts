// POST /$batch (Microsoft Graph JSON batching): up to 20 requests in one, each answered by itself, with the caller's own
// token. What depends on another waits for it, and is 424 when that one has failed. Two at a time are worked on and others
// get their turn in between, so that a batch of heavy requests holds up nobody.

import { AsyncLocalStorage } from 'node:async_hooks';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Permissions } from './access.ts';
import { doorPath, type GraphDeps } from './deps.ts';
import { badRequest, gatewayError } from './error.ts';
import { graphPermissionNames } from './permissions.ts';

const most = 20;
/** How many of them are worked on at the same time. */
const atOnce = 2;
/** When the answers have this many characters together, what is left is not begun. */
const mostAnswered = 8 * 1024 * 1024;
const methods = ['GET', 'POST', 'PATCH', 'PUT', 'DELETE'] as const;

/** Whoever may do anything may ask for it in a batch: each request is then held against its own route. */
const anything: Permissions = {
  delegated: graphPermissionNames('delegated'),
  application: graphPermissionNames('application'),
};

interface Item {
  readonly id: string;
  readonly method: (typeof methods)[number];
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly dependsOn: readonly string[];
}

/** Around the work on a request of a batch: nothing that is sent can forge it, or write its way around it. */
const inBatch = new AsyncLocalStorage<true>();

interface Answered {
  readonly id: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** @throws GraphError 400: the whole batch is refused */
function readBatch(body: unknown): Item[] {
  const requests = isObject(body) ? body.requests : undefined;
  if (!Array.isArray(requests) || requests.length === 0) {
    throw gatewayError('Invalid batch payload format.');
  }
  if (requests.length > most) {
    throw gatewayError(`Number of batch request steps exceeds the maximum value of ${most}.`);
  }
  const items = requests.map(readItem);
  const before = new Set<string>();
  for (const { id, dependsOn } of items) {
    const key = id.toLowerCase();
    if (before.has(key)) throw badRequest(`Duplicate request id '${id}' in the batch: ids are not case-sensitive.`);
    // Only on what stands before it: so there is no circle, and the order of the list is an order to work in.
    const unknown = dependsOn.find((other) => !before.has(other.toLowerCase()));
    if (unknown !== undefined) throw badRequest(`Request '${id}' depends on '${unknown}', which does not precede it.`);
    before.add(key);
  }
  return items;
}

function readItem(given: unknown): Item {
  if (!isObject(given)) throw gatewayError('Invalid batch payload format.');
  const { id, method, url, headers = {}, body, dependsOn = [] } = given;
  if (typeof id !== 'string' || id === '' || id.length > 256) throw badRequest("Each request needs an 'id'.");
  const known = methods.find((one) => one === String(method).toUpperCase());
  if (!known) throw badRequest(`The method of request '${id}' is not supported.`);
  if (typeof url !== 'string' || url === '' || /\p{Cc}/u.test(url)) {
    throw badRequest(`The url of request '${id}' is missing or is none.`);
  }
  if (!isObject(headers) || !Object.values(headers).every((value) => typeof value === 'string')) {
    throw badRequest(`The headers of request '${id}' are not an object of strings.`);
  }
  if (!Array.isArray(dependsOn) || !dependsOn.every((one) => typeof one === 'string')) {
    throw badRequest(`dependsOn of request '${id}' is not a list of ids.`);
  }
  return { id, method: known, url: url.trim(), headers: headers as Record<string, string>, body, dependsOn };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * An address below the door: given with or without a slash before it, with or without the version.
 * @returns undefined for one that leads elsewhere
 */
function addressOf(url: string): string | undefined {
  const path = url.replace(/^\/+/, '');
  const whole = /^v1\.0(\/|$)/i.test(path) ? `/v1.0${path.slice(4)}` : `${doorPath}/${path}`;
  if (!URL.canParse(whole, 'http://door')) return undefined;
  const { pathname, search } = new URL(whole, 'http://door');
  return pathname.startsWith(`${doorPath}/`) ? `${pathname}${search}` : undefined;
}

/** Ours, and what a request inside of another cannot have. */
const notTaken = new Set([
  'authorization',
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'expect',
  'upgrade',
]);
/** Said once, by the answer around them. */
const notGiven = new Set(['connection', 'content-length', 'date', 'keep-alive', 'transfer-encoding', 'odata-version']);

const leadsNowhere = 'The url of the request leads to no resource that a batch can ask for.';

function refused({ id }: Item, status: number, code: string, message: string): Answered {
  return { id, status, headers: { 'Content-Type': 'application/json' }, body: { error: { code, message } } };
}

export function batchRoutes(app: FastifyInstance, _deps: GraphDeps): void {
  /** The answer, and how many characters it has. */
  async function answer(request: FastifyRequest, item: Item): Promise<{ answered: Answered; size: number }> {
    const { id, method, body } = item;
    const url = addressOf(item.url);
    if (url === undefined) return { answered: refused(item, 400, 'BadRequest', leadsNowhere), size: 0 };
    const own = Object.entries(item.headers).map(([name, value]) => [name.toLowerCase(), value] as const);
    const headers: Record<string, string> = Object.fromEntries(own.filter(([name]) => !notTaken.has(name)));
    const payload = payloadOf(body, headers['content-type']);
    const inner = {
      method,
      url,
      headers: { ...headers, authorization: request.headers.authorization ?? '' },
      remoteAddress: request.ip,
      ...(payload === undefined ? {} : { payload }),
    };
    const response = await inBatch.run(true, async () => app.inject(inner));
    const given = Object.entries(response.headers).filter(([name]) => !notGiven.has(name));
    const text = response.payload;
    const isJson = /^application\/json/.test(String(response.headers['content-type'] ?? ''));
    const answered = {
      id,
      status: response.statusCode,
      headers: Object.fromEntries(given.map(([name, value]) => [titled(name), String(value)])),
      ...(text === '' ? {} : { body: isJson ? JSON.parse(text) : text }),
    };
    return { answered, size: text.length };
  }

  async function answers(request: FastifyRequest, items: readonly Item[]): Promise<Answered[]> {
    const begun = new Map<string, Promise<Answered>>();
    let size = 0;

    async function one(item: Item): Promise<Answered> {
      // Whatever it depends on stands before it, and has begun.
      const needed = await Promise.all(item.dependsOn.map((id) => begun.get(id.toLowerCase())));
      if (needed.some((other) => other === undefined || other.status >= 400)) {
        return refused(item, 424, 'FailedDependency', 'A request that this one depends on has failed.');
      }
      if (size >= mostAnswered) {
        const message = 'The answers of the batch have reached their maximum size. Nothing was done for this request.';
        return refused(item, 413, 'ResponseSizeExceeded', message);
      }
      const { answered, size: more } = await answer(request, item);
      size += more;
      return answered;
    }

    const queue = items.values();
    async function work(): Promise<void> {
      for (const item of queue) {
        const answered = one(item);
        begun.set(item.id.toLowerCase(), answered);
        await answered;
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    await Promise.all(Array.from({ length: atOnce }, work));
    return Promise.all(begun.values());
  }

  app.post('/$batch', { config: { graph: anything } }, async (request, reply) => {
    // However its address was written: here it has been read.
    if (inBatch.getStore()) throw gatewayError(leadsNowhere);
    return reply.send({ responses: await answers(request, readBatch(request.body)) });
  });
}

/** JSON as it is sent; a text is the base64 of what is to be sent (JSON batching, request format). */
function payloadOf(body: unknown, type: string | undefined): string | Buffer | undefined {
  if (body === undefined || body === null) return undefined;
  if (typeof body !== 'string') return JSON.stringify(body);
  // A MIME message travels in base64 also where it is sent by itself: sendMail opens it.
  return type !== undefined && /^text\/plain/i.test(type) ? body : Buffer.from(body, 'base64');
}

/** `content-type` as the service writes it in a batch: `Content-Type`. */
function titled(name: string): string {
  return name === 'request-id' || name === 'client-request-id'
    ? name
    : name.replace(/(^|-)[a-z]/g, (c) => c.toUpperCase());
}
