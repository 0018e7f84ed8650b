// The servers that benchmarks compare, each a process of its own: the connector as it is served, and the bare limit.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { command, freePort, installation, startServing } from '../serving.ts';
import type { Target } from './load.ts';

export interface Server extends Target {
  end(): Promise<void>;
}

/** A connector with settings of its own, and how commands are run on the same settings. */
export interface ConnectorServer extends Server {
  readonly origin: string;
  run(...argv: string[]): ReturnType<typeof command>;
}
/** The connector, started as `npm run serve` starts it; its SCIM door is what is measured. */
export async function connector(name: string): Promise<ConnectorServer> {
  const place = installation({ NODE_OPTIONS: '--max-semi-space-size=4' });
  const { stdout } = await command(place.env, 'token', 'create', '--name', 'bench', '--scope', 'scim');
  const token = /rr_[0-9a-f]{16}_[A-Za-z0-9_-]{43}/.exec(stdout)?.[0] ?? '';
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const env = { ...place.env, RR_PUBLIC_URL: origin };
  const serving = await startServing(env, port);
  const end = async () => {
    await serving.end();
    place.remove();
  };
  const run = (...argv: string[]) => command(env, ...argv);
  return { ...targetOf(name, `${origin}/scim/v2`, token, serving.child), origin, run, end };
}

/** A process under load. */
export function targetOf(name: string, base: string, token: string, child: ChildProcess): Target {
  // Also when an answer was wrong and the benchmark ended there.
  process.once('exit', () => child.kill());
  return { name, base: new URL(base), token, pid: child.pid ?? 0, ids: [], groups: new Map(), next: 0 };
}

/** Starts a script of this folder on a free port, and waits until it answers. */
export async function started(script: string, ...more: string[]): Promise<{ child: ChildProcess; port: number }> {
  const port = await freePort();
  const file = new URL(script, import.meta.url).pathname;
  const child = spawn(process.execPath, [file, String(port), ...more], { stdio: ['ignore', 'ignore', 'inherit'] });
  for (let tries = 0; tries < 200; tries++) {
    const answered = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
    if (answered || child.exitCode !== null) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { child, port };
}

/** Ends a process and waits until it has ended. */
export async function ended(child: ChildProcess): Promise<void> {
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill();
  await exit;
}

/** The bare limit (limit.ts). */
export async function limit(): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), 'rr-limit-'));
  const { child, port } = await started('limit.ts', join(folder, 'limit.db'));
  const end = () => ended(child).then(() => rm(folder, { recursive: true }));
  return { ...targetOf('the limit', `http://127.0.0.1:${port}/`, 'limit', child), end };
}
