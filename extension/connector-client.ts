// Speaks to the connector's resets door (shared/api.ts). Every answer is done, failed (the connector said why) or
// unknown (nothing intelligible came back, so it may or may not have happened).

import type { Config, Me, Offer, Reset, ResetRequest, Search } from '#shared/api.ts';
import type { Locale } from '#shared/locale.ts';
import { isProblemCode, type ProblemBody } from '#shared/problem.ts';
import { isOver } from './dialog/ladder.ts';
import { readEvents } from './event-stream.ts';

export type Answer<T> =
  | { readonly outcome: 'done'; readonly value: T }
  | { readonly outcome: 'failed'; readonly problem: ProblemBody }
  | { readonly outcome: 'unknown'; readonly why: Unknown };

/** `unreachable`: no answer. `notConnector`: an answer, but not one of a connector's. */
export type Unknown = 'unreachable' | 'notConnector';

/** What watching a reset tells: its newest state, or how the connection is. */
export type Sighting =
  | { readonly kind: 'reset'; readonly reset: Reset }
  | { readonly kind: 'connection'; readonly lost: boolean }
  | { readonly kind: 'problem'; readonly problem: ProblemBody };

export interface ConnectorOptions {
  /** Origin, without a slash at the end. */
  readonly origin: string;
  readonly locale: Locale;
  /** The bearer token; `fresh` when the last one was refused. Undefined: nobody is signed in. */
  token(fresh: boolean): Promise<string | undefined>;
  /** Milliseconds; aborted waits may end early. */
  wait?(milliseconds: number, signal?: AbortSignal): Promise<void>;
  readonly fetch?: typeof fetch;
  /** Milliseconds until a request counts as unanswered, and until a silent stream counts as dead. */
  readonly timeout?: number;
  readonly silence?: number;
  /** Calls the listener when the machine may be back: awake, or in a network. Returns how to stop it. */
  onWake?(listener: () => void): () => void;
}

export type Connector = ReturnType<typeof connector>;

interface Call {
  readonly method?: 'GET' | 'POST';
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly open?: true;
  /** How often in all, when the outcome is unknown or the connector asks to come back. */
  readonly attempts?: number;
  readonly signal?: AbortSignal;
}

const wait = (milliseconds: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener('abort', () => resolve(clearTimeout(timer)), { once: true });
  });

/** 500 ms, 1 s, 2 s, 4 s, 5 s. */
const backoff = (attempt: number) => Math.min(5_000, 500 * 2 ** attempt);

/** A connector, in the words of its contract. Nothing here throws for what the network or the connector does. */
export function connector(options: ConnectorOptions) {
  const pause = options.wait ?? wait;
  const send = options.fetch ?? ((...request: Parameters<typeof fetch>) => fetch(...request));
  const timeout = options.timeout ?? 15_000;
  const silence = options.silence ?? 25_000;

  /** One request, and once more with a fresh token when the first one was refused. */
  async function request(path: string, call: Call, limit?: number): Promise<Response | undefined> {
    for (const fresh of [false, true]) {
      const token = call.open ? undefined : await options.token(fresh);
      const limits = [call.signal, limit === undefined ? undefined : AbortSignal.timeout(limit)];
      const response = await send(options.origin + path, {
        method: call.method ?? 'GET',
        headers: {
          Accept: 'application/json',
          'Accept-Language': options.locale,
          ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
          ...(call.body === undefined ? {} : { 'Content-Type': 'application/json' }),
          ...call.headers,
        },
        ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
        signal: AbortSignal.any(limits.filter((signal) => signal !== undefined)),
        // The token is the only authority, and nothing of this belongs into a cache or a referrer.
        credentials: 'omit',
        cache: 'no-store',
        redirect: 'error',
        referrerPolicy: 'no-referrer',
      }).catch(() => undefined);
      // What wants a person's sign-in is answered by no fresh token: its claims would be lost.
      const challenged = response?.headers.get('WWW-Authenticate')?.includes('insufficient_claims') ?? false;
      if (response?.status !== 401 || fresh || call.open || challenged) return response;
      await response.body?.cancel();
    }
    return undefined;
  }

  /** The answer to one request, and in how many milliseconds it may be worth asking again. */
  async function once<T>(
    path: string,
    call: Call,
  ): Promise<{ answer: Answer<T>; again: number | undefined | 'never' }> {
    const response = await request(path, call, timeout);
    const text = await response?.text().catch(() => undefined);
    // An answer that was cut off is none, whatever its status said.
    if (!response || text === undefined)
      return { answer: { outcome: 'unknown', why: 'unreachable' }, again: undefined };
    const body = parseJson(text);
    if (response.ok && typeof body === 'object' && body !== null) {
      return { answer: { outcome: 'done', value: body as T }, again: 'never' };
    }
    const seconds = Number.parseInt(response.headers.get('Retry-After') ?? '', 10);
    const passing = [429, 502, 503, 504].includes(response.status);
    const again = passing ? (Number.isNaN(seconds) ? undefined : seconds * 1000) : 'never';
    if (isProblemBody(body)) return { answer: { outcome: 'failed', problem: body }, again };
    // A proxy's own page may stand before a connector that has already acted.
    return { answer: { outcome: 'unknown', why: response.ok || !passing ? 'notConnector' : 'unreachable' }, again };
  }

  /** The same request again, a few times, while it may help: always with the same headers and body. */
  async function ask<T>(path: string, call: Call = {}): Promise<Answer<T>> {
    const attempts = call.attempts ?? 3;
    for (let attempt = 0; ; attempt++) {
      const { answer, again } = await once<T>(path, call);
      if (again === 'never' || attempt + 1 >= attempts || call.signal?.aborted) return answer;
      await pause(Math.min(again ?? backoff(attempt), 15_000), call.signal);
    }
  }

  const at = (id: string) => `/api/resets/${encodeURIComponent(id)}`;

  return {
    /** What to know before signing in; for the organisation of a domain, or the connector's own. */
    config: async (domain?: string): Promise<Answer<Config>> => {
      const query = domain === undefined ? '' : `?domain=${encodeURIComponent(domain)}`;
      const answer = await ask<Config>(`/api/config${query}`, { open: true });
      const sound = answer.outcome !== 'done' || isConfig(answer.value);
      return sound ? answer : { outcome: 'unknown', why: 'notConnector' };
    },

    /** What the token tells of the caller. */
    me: (): Promise<Answer<Me>> => ask('/api/me', { attempts: 1 }),

    search: (text: string): Promise<Answer<Search>> => ask(`/api/users?search=${encodeURIComponent(text)}`),

    /** @param user object id */
    offer: (user: string): Promise<Answer<Offer>> => ask(`/api/users/${encodeURIComponent(user)}/offer`),

    /** Starts a reset. The key belongs to one attempt: whoever repeats the attempt repeats the key and the request. */
    start: (reset: ResetRequest, idempotencyKey: string): Promise<Answer<Reset>> =>
      ask('/api/resets', {
        ...{ method: 'POST', body: reset, attempts: 4 },
        headers: { 'Idempotency-Key': idempotencyKey },
      }),

    reset: (id: string): Promise<Answer<Reset>> => ask(at(id)),
    /** Both may be repeated: a second cancel or kill of the same reset changes nothing. */
    cancel: (id: string): Promise<Answer<Reset>> => ask(`${at(id)}/cancel`, { method: 'POST', body: {} }),
    kill: (id: string): Promise<Answer<Reset>> => ask(`${at(id)}/kill`, { method: 'POST', body: {} }),
    /** Lets a reset that waits for a sign-in go on with the right of whoever is signed in. */
    grant: (id: string): Promise<Answer<Reset>> => ask(`${at(id)}/grant`, { method: 'POST', body: {} }),

    /**
     * Follows a reset until the signal aborts, it has nothing more to tell, or the connector refuses, which is the last
     * that is told then. A broken or silent connection is taken up again where it was left (Last-Event-ID), for as long
     * as it takes, and at once when the machine wakes up.
     * @param seq of the state that is already known
     */
    async *watch(id: string, seq: number, signal: AbortSignal): AsyncGenerator<Sighting> {
      let seen = seq;
      let over = false;
      let barren = 0;
      let unreached = 0;
      let lost = false;
      let woken = new AbortController();
      const stopWaking = options.onWake?.(() => woken.abort());
      try {
        while (!signal.aborted) {
          const idle = new AbortController();
          woken = new AbortController();
          let timer = setTimeout(() => idle.abort(), silence);
          const alive = () => {
            clearTimeout(timer);
            timer = setTimeout(() => idle.abort(), silence);
          };
          let retry: number | undefined;
          try {
            const response = await request(`${at(id)}/events`, {
              headers: { Accept: 'text/event-stream', 'Last-Event-ID': String(seen) },
              signal: AbortSignal.any([signal, idle.signal, woken.signal]),
            });
            const refused = response && !response.ok ? parseJson(await response.text()) : undefined;
            if (isProblemBody(refused) && ![429, 503, 500].includes(refused.status)) {
              yield { kind: 'problem', problem: refused };
              return;
            }
            if (response?.ok && response.body) {
              alive();
              unreached = 0;
              if (lost) yield { kind: 'connection', lost: false };
              lost = false;
              for await (const event of readEvents(response.body, alive)) {
                retry = event.retry ?? retry;
                const reset = event.name === 'reset' ? readReset(event.data, id) : undefined;
                if (!reset) continue;
                barren = 0;
                seen = Math.max(seen, reset.seq);
                over = isOver(reset);
                yield { kind: 'reset', reset };
              }
            }
          } catch {
            // The connection broke; what follows takes it up again.
          } finally {
            clearTimeout(timer);
          }
          // One broken connection is no news, as proxies have their limits; one silence is: that long nothing was heard.
          if (!signal.aborted && !over && !woken.signal.aborted) {
            if ((unreached++ > 0 || idle.signal.aborted) && !lost) {
              lost = true;
              yield { kind: 'connection', lost: true };
            }
            await pause(retry ?? backoff(barren++), AbortSignal.any([signal, woken.signal]));
          }
          if (over) return;
        }
      } finally {
        stopWaking?.();
      }
    },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readReset(data: string, id: string): Reset | undefined {
  const reset = parseJson(data) as Partial<Reset> | undefined;
  return reset?.id === id && typeof reset.seq === 'number' && Array.isArray(reset.events)
    ? (reset as Reset)
    : undefined;
}

function isProblemBody(body: unknown): body is ProblemBody {
  if (typeof body !== 'object' || body === null) return false;
  const { code, status, detail } = body as Partial<ProblemBody>;
  return isProblemCode(code) && typeof status === 'number' && typeof detail === 'string';
}

/** Whoever answers decides where the administrator signs in: be strict about that much. */
function isConfig(config: Partial<Config>): boolean {
  return (
    config.version === 1 &&
    typeof config.organisation?.name === 'string' &&
    typeof config.clientId === 'string' &&
    Array.isArray(config.scopes) &&
    (config.protocol === 'oidc' || config.protocol === 'entra') &&
    typeof config.authority === 'string' &&
    URL.parse(config.authority)?.protocol === 'https:'
  );
}
