// POST /$batch (Microsoft Graph JSON batching): up to 20 requests in one, each answered by itself, with the caller's own
// token. What depends on another waits for it, and is 424 when that one has failed.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Permissions } from './access.ts';
import { doorPath, type GraphDeps } from './deps.ts';
import { badRequest, gatewayError } from './error.ts';
import { graphPermissionNames } from './permissions.ts';

const most = 20;
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
 * @returns undefined for one that leads elsewhere, or to a batch
 */
function addressOf(url: string): string | undefined {
  const path = url.replace(/^\/+/, '');
  const whole = /^v1\.0(\/|$)/i.test(path) ? `/v1.0${path.slice(4)}` : `${doorPath}/${path}`;
  if (!URL.canParse(whole, 'http://door')) return undefined;
  const { pathname, search } = new URL(whole, 'http://door');
  const isBatch = /^\/v1\.0\/+(\$|%24)batch\/*$/i.test(pathname);
  return pathname.startsWith(`${doorPath}/`) && !isBatch ? `${pathname}${search}` : undefined;
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

function errorBody(code: string, message: string) {
  return { error: { code, message } };
}

export function batchRoutes(app: FastifyInstance, _deps: GraphDeps): void {
  async function answer(request: FastifyRequest, item: Item): Promise<Answered> {
    const { id, method, body } = item;
    const json = { 'Content-Type': 'application/json' };
    const url = addressOf(item.url);
    if (url === undefined) {
      const message = 'The url of the request leads to no resource that a batch can ask for.';
      return { id, status: 400, headers: json, body: errorBody('BadRequest', message) };
    }
    const own = Object.entries(item.headers).map(([name, value]) => [name.toLowerCase(), value] as const);
    const headers: Record<string, string> = Object.fromEntries(own.filter(([name]) => !notTaken.has(name)));
    const payload = payloadOf(body, headers['content-type']);
    const response = await app.inject({
      method,
      url,
      headers: { ...headers, authorization: request.headers.authorization ?? '' },
      remoteAddress: request.ip,
      ...(payload === undefined ? {} : { payload }),
    });
    const given = Object.entries(response.headers).filter(([name]) => !notGiven.has(name));
    const text = response.payload;
    const isJson = /^application\/json/.test(String(response.headers['content-type'] ?? ''));
    return {
      id,
      status: response.statusCode,
      headers: Object.fromEntries(given.map(([name, value]) => [titled(name), String(value)])),
      ...(text === '' ? {} : { body: isJson ? JSON.parse(text) : text }),
    };
  }

  app.post('/$batch', { config: { graph: anything } }, async (request, reply) => {
    const items = readBatch(request.body);
    const answers = new Map<string, Promise<Answered>>();
    for (const item of items) {
      const needed = item.dependsOn.map((id) => answers.get(id.toLowerCase()) as Promise<Answered>);
      answers.set(
        item.id.toLowerCase(),
        after(needed, item, () => answer(request, item)),
      );
    }
    return reply.send({ responses: await Promise.all(answers.values()) });
  });
}

async function after(needed: Promise<Answered>[], { id }: Item, go: () => Promise<Answered>): Promise<Answered> {
  const failed = (await Promise.all(needed)).some(({ status }) => status >= 400);
  if (!failed) return go();
  const body = errorBody('FailedDependency', 'A request that this one depends on has failed.');
  return { id, status: 424, headers: { 'Content-Type': 'application/json' }, body };
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
