// Several connectors, as real processes, on one Postgres database behind a load balancer: started, killed, frozen, cut off
// from the database, each under a clock and a release of its own.

import { type ChildProcess, spawn } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { parseDatabaseAddress } from '../../connector/sql/address.ts';
import { openPostgres } from '../../connector/sql/postgres.ts';
import type { Sql } from '../../connector/sql/sql.ts';
import { compiled, freePort } from '../serving.ts';
import { type Balancer, startBalancer } from './balancer.ts';
import { type MailServer, startMailServer } from './mail-server.ts';
import { type Settled, settle } from './settle.ts';
import { type Wire, wireTo } from './wire.ts';

export const publicHost = 'connector.contoso.example';
export const origin = `https://${publicHost}`;
const main = new URL('../../connector/main.ts', import.meta.url).pathname;
const preload = new URL('./preload.ts', import.meta.url).href;

export const secretKey = (fill: number) => Buffer.alloc(32, fill).toString('base64');

export type Name = 'A' | 'B' | 'C';
export const names = ['A', 'B', 'C'] as const satisfies readonly Name[];

/** How one connector is started: its settings besides, and which release it is. */
export interface Start {
  readonly env?: Readonly<Record<string, string>>;
  readonly release?: 'expanded' | 'contracted';
}

export interface Node {
  readonly name: Name;
  readonly port: number;
  readonly wire: Wire;
  /** All that its processes have said. */
  output(): string;
  /** Starts it, and waits until it is ready; what it said when it ended by itself before that. */
  start(how?: Start): Promise<{ readonly code: number | null; readonly said: string } | undefined>;
  /** SIGTERM, the orderly end, unless another signal is named; resolves when the process has ended. */
  end(signal?: 'SIGTERM' | 'SIGKILL'): Promise<number | null>;
  freeze(): void;
  thaw(): void;
  /** Sets its machine's clock: what it is ahead by, in milliseconds. */
  clock(ahead: number): void;
}

export interface Cluster {
  readonly nodes: Readonly<Record<Name, Node>>;
  readonly mail: MailServer;
  readonly balancer: Balancer;
  readonly settled: Settled;
  /** Past the wires. */
  readonly sql: Sql;
  /** Time passes for all of them, the frozen too: milliseconds. */
  pass(milliseconds: number): void;
  /** What time it is for those whose clock is right, in milliseconds since the epoch. */
  now(): number;
  /** How often what was done to them. */
  readonly figures: { kills: number; freezes: number };
  [Symbol.asyncDispose](): Promise<void>;
}

/** @param database an empty one @param people how many can be reset @param start false: none is started yet */
export async function startCluster(database: string, people: number, { start = true } = {}): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), 'rr-cluster-'));
  await using parts = new AsyncDisposableStack();
  parts.defer(() => rmSync(folder, { recursive: true, force: true }));
  const { private: key, cert } = await generate([{ name: 'commonName', value: publicHost }], {
    ...{ keyType: 'ec', algorithm: 'sha256' },
  } as Parameters<typeof generate>[1]);
  const mail = parts.use(await startMailServer());
  const env: Record<string, string> = {
    PATH: process.env.PATH ?? '',
    RR_SECRET_KEY: secretKey(3),
    RR_ORGANISATION: 'Contoso',
    RR_DOMAINS: 'contoso.example',
    RR_MAIL: mail.url,
    RR_MAIL_FROM: 'helpdesk@contoso.example',
    RR_PUBLIC_URL: origin,
    RR_TRUSTED_PROXIES: '127.0.0.1',
    RR_LOG_LEVEL: 'info',
    ...compiled,
  };
  const figures = { kills: 0, freezes: 0 };
  let passed = 0;
  const clocks: ((ahead?: number) => void)[] = [];

  async function nodeOf(name: Name): Promise<Node> {
    const wire = parts.use(await wireTo(database));
    const port = await freePort();
    const home = join(folder, name);
    mkdirSync(home);
    const file = join(home, 'clock');
    let own = 0;
    const clock = (ahead = own) => {
      own = ahead;
      writeFileSync(file, String(own + passed));
    };
    clock();
    clocks.push(clock);
    let child: ChildProcess | undefined;
    let ended: Promise<number | null> = Promise.resolve(null);
    let output = '';
    parts.defer(() => void child?.kill('SIGKILL'));
    return {
      ...{ name, port, wire, clock },
      output: () => output,
      async start(how = {}) {
        const own = { HOME: home, RR_DATABASE: wire.url, RR_LISTEN: `127.0.0.1:${port}`, CLUSTER_CLOCK: file };
        const release = how.release === undefined ? {} : { CLUSTER_RELEASE: how.release };
        const one = spawn(process.execPath, ['--import', preload, main, 'serve'], {
          env: { ...env, ...own, ...release, ...how.env },
          stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
        });
        child = one;
        const before = output.length;
        for (const stream of [one.stdout, one.stderr])
          stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
        ended = new Promise((resolve) => one.once('close', resolve));
        const code = await Promise.race([ended, listening(port, one, () => output.slice(before))]);
        if (code === undefined) return undefined;
        return { code, said: output.slice(before) };
      },
      end(signal = 'SIGTERM') {
        if (child?.kill(signal) && signal === 'SIGKILL') figures.kills++;
        return within(ended, 90_000, () => `${name} does not end by ${signal}: ${output.slice(-3000)}`);
      },
      freeze() {
        figures.freezes++;
        child?.kill('SIGSTOP');
      },
      thaw: () => void child?.kill('SIGCONT'),
    };
  }

  const [A, B, C] = [await nodeOf('A'), await nodeOf('B'), await nodeOf('C')];
  const nodes = { A, B, C };
  const balancer = parts.use(await startBalancer({ key, cert }, Object.values(nodes)));
  // All at once, on an empty database.
  const starting = start ? names.map((name) => nodes[name].start()) : [];
  const settled = await settle({ ...env, RR_DATABASE: database }, people);
  for (const failed of await Promise.all(starting)) if (failed) throw new Error(failed.said);
  const address = parseDatabaseAddress(database);
  if (address.engine !== 'postgres') throw new Error('This is no address of Postgres.');
  const sql = await openPostgres(address, { connections: 2 });
  parts.defer(() => sql.close());
  const made = parts.move();
  return {
    ...{ nodes, mail, balancer, settled, sql, figures },
    pass(milliseconds) {
      passed += milliseconds;
      for (const clock of clocks) clock();
    },
    now: () => Date.now() + passed,
    [Symbol.asyncDispose]: () => made.disposeAsync(),
  };
}

/** Resolves, with undefined, when it answers that it is ready. @throws Error with what it has said, after two and a half minutes */
async function listening(port: number, child: ChildProcess, said: () => string): Promise<undefined> {
  for (const until = Date.now() + 150_000; child.exitCode === null && child.signalCode === null; ) {
    const signal = AbortSignal.timeout(20_000);
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`, { signal }).catch(() => undefined);
    if (answer?.ok) return undefined;
    if (Date.now() > until) throw new Error(`It does not get ready: ${said().slice(-3000)}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return new Promise(() => {});
}

/** What is waited for without an end would be cut off by the test's own limit, and nobody would be told what it was. */
async function within<T>(waited: Promise<T>, milliseconds: number, why: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(why())), milliseconds);
  });
  return Promise.race([waited, late]).finally(() => clearTimeout(timer));
}

export const random = (bytes: number) => randomFillSync(new Uint8Array(bytes));
