// What `check` finds: one line each, with what to do about it. Nothing that it tries changes anything, and no secret is in
// what it says.

import { problemSentence } from '#shared/messages/problem.ts';
import { Problem } from '#shared/problem.ts';

/** `warn`: works today, and somebody should look at it. `wrong`: does not work, or must not stay so. */
export interface Finding {
  readonly mark: 'ok' | 'warn' | 'wrong';
  readonly name: string;
  readonly text: string;
}

/** The three kinds of finding under one name. */
export function findings(name: string) {
  return {
    ok: (text: string): Finding => ({ mark: 'ok', name, text }),
    warn: (text: string): Finding => ({ mark: 'warn', name, text }),
    wrong: (text: string): Finding => ({ mark: 'wrong', name, text }),
  };
}

/** The network, as far as `check` needs it. */
export interface Net {
  readonly fetch: typeof fetch;
  /** The certificate that a server shows. @throws when there is no TLS connection at all */
  readonly certificateOf: (origin: string) => Promise<{ validTo: number; trusted: boolean; why?: string }>;
}

const day = 86_400_000;
/** From so many days on an end is mentioned. */
export const soon = 30;

/** How long until then, for a person; undefined when it is further away than `soon`. Times in milliseconds. */
export function nearEnd(until: number, now: number): string | undefined {
  const days = Math.floor((until - now) / day);
  if (until <= now) return 'has ended';
  if (days > soon) return undefined;
  return days === 0 ? 'ends within a day' : `ends in ${days} ${days === 1 ? 'day' : 'days'}`;
}

/** The finding for something that ends; `remedy` is a whole clause. */
export function endOf(name: string, what: string, until: number, now: number, remedy: string): Finding {
  const say = findings(name);
  const near = nearEnd(until, now);
  if (near === undefined) return say.ok(`${what} is valid until ${new Date(until).toISOString().slice(0, 10)}`);
  return until <= now ? say.wrong(`${what} ${near}: ${remedy}`) : say.warn(`${what} ${near}: ${remedy}`);
}

/** What went wrong, in words for whoever runs the connector. */
export function sentenceOf(error: unknown): string {
  if (error instanceof Problem) return problemSentence('en', error.code, error.details);
  if (!(error instanceof Error)) return String(error);
  // fetch hides the reason in `cause`.
  const { code, message } = (error.cause ?? {}) as { code?: string; message?: string };
  return code ?? message ?? error.message;
}

/** A request with a bound on its time; the answer's body is read. */
export async function get(net: Net, url: string, headers: Readonly<Record<string, string>> = {}) {
  const sent = performance.now();
  const response = await net.fetch(url, { headers, redirect: 'manual', signal: AbortSignal.timeout(10_000) });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, took: performance.now() - sent };
}
