// An https proxy on loopback between the connector and a Graph upstream, which goes wrong when a test says so (faults.ts has
// the ways) and keeps every request and answer that passed. It listens first: the upstream takes `origin` as its public
// address, so that nextLink, Location and the issuer lead back through here. What is kept holds secrets: memory only.

import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { type IncomingHttpHeaders, type IncomingMessage, request as overHttp, type ServerResponse } from 'node:http';
import { createServer, request as overHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { type Certificate, certificate } from '../practice/certificate.ts';

/** What the client sent. `path` is without the query; `body` is parsed when it is JSON or a form. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly body?: unknown;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly bytes: Buffer;
}

/** What the client is given: an answer, a cut connection, or nothing until it gives up. */
export type Fate = Answer | 'drop' | 'hang';

/**
 * One way to go wrong. `forward` hands the request to the upstream, which commits what it asks for, and gives its answer.
 * Undefined: this time nothing is wrong.
 */
export interface Fault {
  readonly name: string;
  readonly meet: (asked: Asked, forward: () => Promise<Answer>) => Promise<Fate | undefined>;
}

/** Which requests meet a fault. */
export interface Match {
  readonly method?: string;
  /** Of the path without the query. */
  readonly path: RegExp;
  /** The first request that meets it, counted from 1 among those that match. Default 1. */
  readonly from?: number;
  /** How many requests meet it. Default 1. */
  readonly times?: number;
}

/** One request with its answer, as both sides saw them. Bodies are parsed where they are JSON. */
export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly requestHeaders: IncomingHttpHeaders;
  readonly requestBody?: unknown;
  /** What the client got; absent when the connection was cut or nothing came. */
  readonly status?: number;
  readonly headers?: Answer['headers'];
  readonly body?: unknown;
  /** What the upstream had answered; absent when it was never asked. */
  readonly upstream?: { readonly status: number; readonly headers: Answer['headers']; readonly body?: unknown };
  /** The fault that it met. */
  readonly fault?: string;
}

/** A fault in place. */
export interface Scripted {
  /** How many requests matched, and how many met the fault. */
  readonly seen: number;
  readonly met: number;
  /** Resolves when the fate of the n-th request that meets it is settled (default: the first). */
  meets(nth?: number): Promise<void>;
  /** Resolves when the first request that meets it has arrived. */
  reaches(): Promise<void>;
  remove(): void;
}

export interface FaultProxy {
  /** https://localhost:PORT, without a slash. */
  readonly origin: string;
  /** The certificate, to be trusted by the client: PEM, and the file for NODE_EXTRA_CA_CERTS. */
  readonly ca: string;
  readonly caFile: string;
  /** The key pair's files, for an upstream that speaks https with the same certificate. */
  readonly certFile: string;
  readonly keyFile: string;
  /**
   * Where requests go: an http or https origin on loopback; before that everything is answered 502.
   * @param ca what signs the upstream's certificate (PEM); default: the proxy's own pair
   */
  forwardTo(upstream: string, ca?: string): void;
  /** Whose clock the Date of answers is on, in milliseconds since the epoch; default: each service's own. */
  keepTime(now: () => number): void;
  /** Puts a fault in place. Where several match, the one put in place last that has turns left is met. */
  fault(match: Match, fault: Fault): Scripted;
  /** Takes all faults away; what passed stays recorded. */
  heal(): void;
  /** What has passed, in order of arrival, each once its fate was settled. */
  readonly passed: readonly Exchange[];
  /** Forgets what has passed. */
  forget(): void;
  close(): Promise<void>;
}

interface Rule extends Match {
  readonly fault: Fault;
  seen: number;
  met: number;
  waiting: { nth: number; resolve: () => void }[];
  readonly arrived: PromiseWithResolvers<void>;
}

const hopByHop = /^(connection|keep-alive|transfer-encoding|te|trailer|upgrade|proxy-.*|content-length)$/i;

let pairOfProcess: Promise<Certificate> | undefined;

/** One pair for the process: of two with one subject, OpenSSL would only ever try the first. */
function trustedPair(): Promise<Certificate> {
  pairOfProcess ??= (async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rr-fault-proxy-'));
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    const pair = await certificate(folder);
    setDefaultCACertificates([...getCACertificates('default'), pair.cert]);
    return pair;
  })();
  return pairOfProcess;
}

/**
 * Starts it on a free port. Clients of this process trust its certificate from then on; others are given `caFile`.
 */
export async function startFaultProxy(): Promise<FaultProxy> {
  const pair = await trustedPair();
  const rules: Rule[] = [];
  const passed: Exchange[] = [];
  let upstream: URL | undefined;
  let upstreamCa = pair.cert;
  let now: (() => number) | undefined;

  const server = createServer({ key: pair.key, cert: pair.cert, keepAlive: true }, (incoming, outgoing) => {
    // A client that leaves in the middle is a case of its own, never an error of the proxy.
    void serve(incoming, outgoing).catch(() => incoming.socket.destroy());
  });

  async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const asked = await read(incoming);
    const rule = ruleFor(rules, asked);
    let answered: Answer | undefined;
    const ask = async () => {
      answered ??= upstream ? await forward(upstream, asked) : failure(502, 'There is no upstream yet.');
      return answered;
    };
    const fate = (await rule?.fault.meet(asked, ask)) ?? (await ask());
    const given = typeof fate === 'string' ? undefined : fate;
    passed.push({
      ...{ method: asked.method, path: asked.path, query: asked.query, requestHeaders: asked.headers },
      ...(asked.body === undefined ? {} : { requestBody: asked.body }),
      ...(given ? { status: given.status, headers: given.headers, ...bodyOf(given) } : {}),
      ...(answered ? { upstream: { status: answered.status, headers: answered.headers, ...bodyOf(answered) } } : {}),
      ...(rule ? { fault: rule.fault.name } : {}),
    });
    for (const one of rule?.waiting ?? []) if (rule && rule.met >= one.nth) one.resolve();
    if (fate === 'drop') return void incoming.socket.destroy();
    if (fate === 'hang') return;
    const date = now ? { date: new Date(now()).toUTCString() } : {};
    outgoing.writeHead(fate.status, { ...fate.headers, ...date, 'content-length': String(fate.bytes.length) });
    outgoing.end(asked.method === 'HEAD' ? undefined : fate.bytes);
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `https://localhost:${(server.address() as AddressInfo).port}`,
    ca: pair.cert,
    caFile: pair.certFile,
    certFile: pair.certFile,
    keyFile: pair.keyFile,
    forwardTo(origin, ca = pair.cert) {
      upstream = new URL(origin);
      upstreamCa = ca;
    },
    keepTime(clock) {
      now = clock;
    },
    fault(match, fault) {
      const arrived = Promise.withResolvers<void>();
      const rule: Rule = { ...match, fault, seen: 0, met: 0, waiting: [], arrived };
      rules.push(rule);
      return {
        get seen() {
          return rule.seen;
        },
        get met() {
          return rule.met;
        },
        meets: (nth = 1) =>
          new Promise((resolve) => (rule.met >= nth ? resolve() : rule.waiting.push({ nth, resolve }))),
        reaches: () => arrived.promise,
        remove: () => void (rules.includes(rule) && rules.splice(rules.indexOf(rule), 1)),
      };
    },
    heal: () => void rules.splice(0),
    passed,
    forget: () => void passed.splice(0),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };

  /** The upstream's answer, with the client's own Host, so that it sees the address that it is known by. */
  function forward(to: URL, { method, path, query, headers, bytes }: Asked): Promise<Answer> {
    const sent = Object.fromEntries(
      Object.entries(headers).filter(([name]) => !hopByHop.test(name) && name !== 'accept-encoding'),
    );
    return new Promise((resolve, reject) => {
      const options = { method, headers: { ...sent, 'content-length': bytes.length }, ca: upstreamCa };
      const request = to.protocol === 'https:' ? overHttps : overHttp;
      const onward = request(new URL(path + query, to), { ...options, servername: 'localhost' }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const kept = Object.entries(response.headers).filter(([name]) => !hopByHop.test(name));
          const head = Object.fromEntries(kept) as Answer['headers'];
          resolve({ status: response.statusCode ?? 0, headers: head, bytes: Buffer.concat(chunks) });
        });
      });
      onward.on('error', reject);
      onward.end(bytes);
    });
  }
}

/** The rule that this request meets; counts it in every rule that matches. */
function ruleFor(rules: readonly Rule[], { method, path }: Asked): Rule | undefined {
  let found: Rule | undefined;
  for (const rule of rules) {
    if ((rule.method !== undefined && rule.method !== method) || !rule.path.test(path)) continue;
    rule.seen += 1;
    if (rule.seen >= (rule.from ?? 1) && rule.met < (rule.times ?? 1)) found = rule;
  }
  if (found) found.met += 1;
  found?.arrived.resolve();
  return found;
}

async function read(incoming: IncomingMessage): Promise<Asked> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  const [path = '/', query] = (incoming.url ?? '/').split(/\?(.*)/s);
  const body = parsed(incoming.headers['content-type'], bytes);
  return {
    method: incoming.method ?? 'GET',
    path,
    query: query === undefined ? '' : `?${query}`,
    headers: incoming.headers,
    bytes,
    ...(body === undefined ? {} : { body }),
  };
}

function parsed(type: string | undefined, bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  if (/^application\/x-www-form-urlencoded/i.test(type ?? '')) {
    return Object.fromEntries(new URLSearchParams(bytes.toString()));
  }
  if (!/^application\/([\w.-]+\+)?json/i.test(type ?? '')) return undefined;
  try {
    return JSON.parse(bytes.toString()) as unknown;
  } catch {
    return undefined;
  }
}

/** `{ body }` of an answer that is JSON, else nothing. */
export function bodyOf({ headers, bytes }: Answer): { body?: unknown } {
  const body = parsed(String(headers['content-type'] ?? ''), bytes);
  return body === undefined ? {} : { body };
}

/** An answer with a JSON body. */
export function jsonAnswer(status: number, body: unknown, headers: Answer['headers'] = {}): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    bytes: Buffer.from(JSON.stringify(body)),
  };
}

function failure(status: number, message: string): Answer {
  return jsonAnswer(status, { error: { code: 'UnknownError', message } });
}
