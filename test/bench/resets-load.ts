// Administrators who reset people over real HTTP, and what has become of those resets: read from the database file, since
// to ask the connector would be load of its own.

import { fork, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { text } from 'node:stream/consumers';
import { freePort, type Process, startServing } from '../serving.ts';
import type { SinkCount } from './mail-sink.ts';
import type { Seen } from './probe.ts';
import type { Somebody } from './resets-place.ts';
import { ended } from './servers.ts';

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** The mail server's process. */
export async function startSink(port: number) {
  const child = fork(new URL('mail-sink.ts', import.meta.url).pathname, [String(port)], { serialization: 'json' });
  const next = () => new Promise<unknown>((resolve) => child.once('message', resolve));
  await next();
  const asked = async (what: 'count' | 'forget') => {
    const answer = next();
    child.send(what);
    return (await answer) as SinkCount;
  };
  const end = async () => {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.disconnect();
    await ended;
  };
  return { count: () => asked('count'), forget: () => asked('forget'), end };
}

/** A connector, served as always, with a probe inside. */
export interface Served {
  readonly origin: string;
  readonly serving: Process;
  look(): Promise<Seen>;
}

export async function serveProbed(env: Readonly<Record<string, string>>, folder: string, more = ''): Promise<Served> {
  const port = Number(new URL(env.RR_PUBLIC_URL ?? '').port) || (await freePort());
  const socket = join(folder, 'probe');
  const probe = new URL('probe.ts', import.meta.url).href;
  const options = `--max-semi-space-size=4 --import ${probe} ${more}`;
  const serving = await startServing({ ...env, PROBE_SOCKET: socket, NODE_OPTIONS: options.trim() }, port);
  const look = async () => JSON.parse(await text(connect(socket))) as Seen;
  return { origin: `http://127.0.0.1:${port}`, serving, look };
}

/** A process that does nothing: how late its event loop is, is how late the machine makes any. */
export async function idle(folder: string) {
  const socket = join(folder, 'idle');
  const probe = new URL('probe.ts', import.meta.url).href;
  const child = spawn(process.execPath, ['--import', probe, '--eval', 'setInterval(() => {}, 1e6)'], {
    env: { ...process.env, PROBE_SOCKET: socket },
    stdio: 'ignore',
  });
  process.once('exit', () => child.kill());
  while (!existsSync(socket)) await pause(20);
  const look = async () => JSON.parse(await text(connect(socket))) as Seen;
  return { look, end: () => ended(child) };
}

/** Each administrator resets one person after the other, until all have been taken; then the connections are closed. */
export async function resetAll(
  origin: string,
  tokens: readonly string[],
  people: readonly Somebody[],
  at: { administrators: number; each?: (answered: number) => void },
): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: at.administrators });
  let next = 0;
  const administrator = async (token: string) => {
    while (next < people.length) {
      const somebody = people[next++] as Somebody;
      const asked = performance.now();
      const status = await post(agent, `${origin}/api/resets`, token, `bench-${somebody.id}`, somebody.request);
      if (status !== 202) throw new Error(`A reset was answered with ${status}.`);
      at.each?.(performance.now() - asked);
    }
  };
  try {
    await Promise.all(
      Array.from({ length: at.administrators }, (_, nth) => administrator(tokens[nth % tokens.length] ?? '')),
    );
  } finally {
    agent.destroy();
  }
}

function post(agent: Agent, url: string, token: string, key: string, body: object): Promise<number> {
  const payload = JSON.stringify(body);
  const headers = {
    authorization: `Bearer ${token}`,
    'idempotency-key': key,
    ...{ 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) },
  };
  return new Promise((resolve, reject) => {
    request(url, { method: 'POST', agent, headers }, (answer) => {
      answer.resume();
      answer.once('end', () => resolve(answer.statusCode ?? 0));
    })
      .once('error', reject)
      .end(payload);
  });
}

/** Looks into the database of a connector that is serving. */
export function reader(file: string) {
  const db = new DatabaseSync(file, { readOnly: true });
  db.exec('pragma busy_timeout = 2000');
  const states = db.prepare('select state, count(*) as n from reset group by state');
  const events = db.prepare('select count(*) as n from reset_event where name = ?');
  const resets = db.prepare('select count(*) as n from reset');
  const audit = db.prepare('select count(*) as n from audit where action = ?');
  return {
    states: () => Object.fromEntries(states.all().map(({ state, n }) => [String(state), Number(n)])),
    /** How many resets have this event, and how many records of the audit say so. */
    events: (name: string) => Number(events.get(name)?.n),
    recorded: (action: string) => Number(audit.get(action)?.n),
    resets: () => Number(resets.get()?.n),
    close: () => db.close(),
  };
}

/**
 * Waits until so many resets are armed.
 * @param every how often is looked, in milliseconds: a look reads all resets there are, and what it takes others lack
 * @throws Error when for a minute and a half none has become so
 */
export async function untilArmed(look: ReturnType<typeof reader>, wanted: number, every: number): Promise<void> {
  let before = -1;
  let since = performance.now();
  for (;;) {
    const { ready = 0 } = look.states();
    if (ready >= wanted) return;
    if (ready !== before) since = performance.now();
    else if (performance.now() - since > 90_000)
      throw new Error(`${ready} of ${wanted} are armed: ${JSON.stringify(look.states())}`);
    before = ready;
    await pause(every);
  }
}
