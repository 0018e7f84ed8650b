// Requests to Microsoft Graph through Microsoft's own client (@microsoft/microsoft-graph-client), with a chain of our
// own: our fetch, our bearer, retries for reads alone, and every answer handed on as it came. Values are encoded here,
// since the client encodes none of `&`, `#` and `+`.

import {
  Client,
  type Middleware,
  ResponseType,
  RetryHandler,
  RetryHandlerOptions,
  TelemetryHandler,
} from '@microsoft/microsoft-graph-client';
import { Problem } from '#shared/problem.ts';
import type { Logger } from '../log.ts';
import type { Secret } from '../secret.ts';
import { challengedClaims } from './claims.ts';
import { retryAfterOf } from './token-endpoint.ts';

export interface GraphDeps {
  readonly fetch: typeof fetch;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: Logger;
  /** Origin of Graph. */
  readonly graph: string;
  readonly limits?: Partial<Limits>;
}

/** Milliseconds for everything that one call does; `longestWait` for one Retry-After of a read. */
export interface Limits {
  readonly read: number;
  readonly write: number;
  readonly longestWait: number;
}
const limits: Limits = { read: 15_000, write: 25_000, longestWait: 4000 };
/** Of a read that was throttled or found the service busy. */
const readRetries = 2;

/** With whose token. */
export interface Right {
  /** @throws Problem when there is none to be had */
  token(challenge?: string): Promise<Secret>;
  forget(token: Secret): void;
  /** The connector's own name: then there is nobody who could be asked to sign in again. */
  readonly own: boolean;
}

export interface GraphAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed JSON; undefined when there was none. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
}

/** No answer came. `sent`: the request may have arrived. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  readonly sent: boolean;
  constructor(cause: string, sent: boolean) {
    super(cause);
    this.sent = sent;
  }
}

export interface Asking {
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Until when at most, in milliseconds since the epoch. */
  readonly until?: number;
}

export interface GraphClient {
  /** A GET. @throws NoAnswer; Problem signInAgain and what `Right` throws */
  read(path: string, asking?: Asking): Promise<GraphAnswer>;
  /** One request, never repeated but after a 401, which did nothing. @throws as read */
  write(
    method: 'POST' | 'PATCH' | 'DELETE',
    path: string,
    body: object | undefined,
    asking?: Asking,
  ): Promise<GraphAnswer>;
  /** How far Graph's clock was ahead of ours at its last answer, in milliseconds, to the second; undefined: nobody knows. */
  ahead(): number | undefined;
}

/** A segment of a path: an id, a user name with `#EXT#` in it. */
export function segment(id: string): string {
  return encodeURIComponent(id);
}

/** A string in a filter (OData ABNF, SQUOTE-in-string). */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Failures before anything was sent: no connection, or no trust in who answers. */
const notSent =
  /^(ECONNREFUSED|ENOTFOUND|EAI_\w+|EHOSTUNREACH|ENETUNREACH|EADDR\w+|UND_ERR_CONNECT_TIMEOUT|UNABLE_TO_\w+|CERT_\w+|CRL_\w+|DEPTH_ZERO_\w+|SELF_SIGNED_\w+|INVALID_\w+|HOSTNAME_MISMATCH|ERR_TLS_\w+|ERR_SSL_\w+)$/;

/** The client for one caller. */
export function graphClient(deps: GraphDeps, right: Right): GraphClient {
  const bounds = { ...limits, ...deps.limits };
  const failures = new WeakMap<AbortSignal, unknown>();
  let ahead: number | undefined;
  const sdk = Client.initWithMiddleware({
    baseUrl: `${deps.graph}/`,
    defaultVersion: 'v1.0',
    // Another host than Microsoft's own is told nothing about the client else.
    customHosts: new Set([new URL(deps.graph).hostname]),
    middleware: chain(deps, bounds, failures),
  });

  async function once(method: string, path: string, body: object | undefined, asking: Asking, token: Secret) {
    const bound = method === 'GET' ? bounds.read : bounds.write;
    const left = asking.until === undefined ? bound : Math.min(bound, asking.until - deps.now());
    if (left <= 0) throw new NoAnswer('deadline', false);
    const signal = AbortSignal.timeout(left);
    const query = Object.entries(asking.query ?? {}).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
    const request = sdk
      .api(query.length > 0 ? `${path}?${query.join('&')}` : path)
      .responseType(ResponseType.RAW)
      .headers({ ...asking.headers, authorization: `Bearer ${token.reveal()}` })
      // A redirect would take the token along.
      .options({ signal, redirect: 'error' });
    const sent = (): Promise<Response> => {
      if (method === 'GET') return request.get();
      if (method === 'DELETE') return request.delete();
      return method === 'PATCH' ? request.patch(body) : request.post(body ?? {});
    };
    try {
      const answer = await answerOf(await sent());
      const date = Date.parse(answer.headers.get('date') ?? '');
      if (!Number.isNaN(date)) ahead = date - deps.now();
      return answer;
    } catch (error) {
      const code = codeOf(failures.get(signal) ?? error);
      deps.log.warn({ method, cause: code }, 'Graph did not answer');
      throw new NoAnswer(code, !notSent.test(code));
    }
  }

  async function send(method: string, path: string, body: object | undefined, asking: Asking): Promise<GraphAnswer> {
    const token = await right.token();
    const answer = await once(method, path, body, asking, token);
    if (answer.status !== 401) return noted(answer);
    right.forget(token);
    const claims = challengedClaims(answer.headers.get('www-authenticate'));
    if (claims !== undefined && !right.own) throw new Problem('signInAgain', { claims });
    const again = await once(method, path, body, asking, await right.token(claims));
    if (again.status !== 401) return noted(again);
    noted(again);
    if (right.own) throw new Problem('directoryMisconfigured', { code: 'InvalidAuthenticationToken' });
    const more = challengedClaims(again.headers.get('www-authenticate'));
    throw new Problem('signInAgain', more === undefined ? {} : { claims: more });
  }

  function noted(answer: GraphAnswer): GraphAnswer {
    if (answer.status < 400 || answer.status === 404) return answer;
    const request = answer.headers.get('request-id');
    deps.log.info({ status: answer.status, error: errorOf(answer).code, request }, 'refused by Graph');
    return answer;
  }

  return {
    read: (path, asking = {}) => send('GET', path, undefined, asking),
    write: (method, path, body, asking = {}) => send(method, path, body, asking),
    ahead: () => ahead,
  };
}

/** Retries, then the client's own telemetry headers, then our fetch. */
function chain(deps: GraphDeps, bounds: Limits, failures: WeakMap<AbortSignal, unknown>): Middleware[] {
  const retry = new RetryHandler(
    new RetryHandlerOptions(1, readRetries, (_delay, _attempt, _request, options, response) => {
      const wait = retryAfterOf(response.headers, deps.now()) ?? 0;
      // A write that was answered may have been done: its caller decides.
      return options?.method === 'GET' && wait * 1000 <= bounds.longestWait && options.signal?.aborted !== true;
    }),
  );
  const transport: Middleware = {
    async execute(context) {
      const signal = context.options?.signal as AbortSignal;
      try {
        const url = new URL(context.request as string);
        // Links in answers lead to Graph, or to nobody who should see the token.
        if (url.origin !== deps.graph) throw Object.assign(new Error(), { code: 'ERR_TLS_OTHER_ORIGIN' });
        context.response = await deps.fetch(url, context.options as RequestInit);
      } catch (error) {
        failures.set(signal, error);
        throw error;
      }
    },
  };
  return [retry, new TelemetryHandler(), transport];
}

async function answerOf(response: Response): Promise<GraphAnswer> {
  const text = await response.text();
  let body: GraphAnswer['body'];
  try {
    const value: unknown = text === '' ? undefined : JSON.parse(text);
    if (typeof value === 'object' && value !== null) body = value as Record<string, unknown>;
  } catch {
    // An error page of something in between.
  }
  return { status: response.status, headers: response.headers, body };
}

/** The system's word for a failure; a message could repeat an address. */
function codeOf(error: unknown): string {
  const { name, code, cause } = error as { name?: string; code?: unknown; cause?: { code?: unknown; name?: string } };
  const found = cause?.code ?? (typeof code === 'string' && code !== '' ? code : undefined) ?? cause?.name ?? name;
  return typeof found === 'string' ? found : 'Error';
}

/** What an error body says (Graph, "error responses"): both spellings of innerError are about. */
export function errorOf({ body }: GraphAnswer): { readonly code: string; readonly message: string } {
  const error = body?.error as { code?: unknown; message?: unknown } | undefined;
  const text = (value: unknown) => (typeof value === 'string' ? value : '');
  return { code: text(error?.code), message: text(error?.message) };
}
