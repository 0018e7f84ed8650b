// A real connector process on a real database file, for tests that kill it: `node connector/main.ts serve`.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const main = new URL('../connector/main.ts', import.meta.url).pathname;

/** For processes' environment: modules need not be stripped of their types and compiled by each of them. */
export const compiled = { NODE_COMPILE_CACHE: fileURLToPath(new URL('../data/compiled', import.meta.url)) };

/** A folder of the test's own, and an environment in which commands use it. */
export function installation(more: Readonly<Record<string, string>> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'rr-serve-'));
  const env: Record<string, string> = {
    PATH: process.env.PATH ?? '',
    HOME: folder,
    RR_DATABASE: `sqlite:${join(folder, 'state', 'connector.db')}`,
    RR_SECRET_KEY: Buffer.alloc(32, 3).toString('base64'),
    RR_ORGANISATION: 'Contoso',
    RR_DOMAINS: 'contoso.example',
    RR_MAIL_FROM: 'helpdesk@contoso.example',
    RR_LOG_LEVEL: 'warn',
    ...compiled,
    ...more,
  };
  return { folder, env, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Runs a command to its end, but no longer than 15 s (`code` is then null); never throws for its exit code. */
export async function command(env: Readonly<Record<string, string>>, ...argv: string[]) {
  const limits = { timeout: 15_000, killSignal: 'SIGKILL' as const };
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [main, ...argv], { env, ...limits });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number | null; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

/** A free port on loopback. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export interface Process {
  readonly child: ChildProcess;
  /** Standard output and error so far. */
  output(): string;
  /** Ends it, and waits until it has ended. */
  end(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Starts `serve` and waits until it answers. */
export async function startServing(env: Readonly<Record<string, string>>, port: number): Promise<Process> {
  const child = spawn(process.execPath, [main, 'serve'], { env: { ...env, RR_LISTEN: `127.0.0.1:${port}` } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  for (let tries = 0; tries < 400; tries++) {
    if (child.exitCode !== null) throw new Error(`serve ended: ${output}`);
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
    if (answer?.ok) break;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return {
    child,
    output: () => output,
    end: (signal = 'SIGTERM') => {
      child.kill(signal);
      return ended;
    },
  };
}
