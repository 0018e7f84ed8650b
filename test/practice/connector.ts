// The connector of the practice, as its own process and with nothing but its settings: what `npm start` shows is the
// product, started the way an operator starts it.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { geckoId, practiceId } from '../../extension/identity.ts';
import { contoso } from '../people.ts';
import { lastLines } from '../set-up/children.mjs';
import { Trouble } from '../set-up/trouble.mjs';
import { type Certificate, writeAside } from './certificate.ts';

export interface ConnectorOptions {
  /** Of the project. */
  readonly root: string;
  /** Of the practice: the database, the key and the log lie there. */
  readonly folder: string;
  readonly port: number;
  readonly certificate: Certificate;
  readonly mailPort: number;
  /** Settings beside or instead of those of the practice. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface ConnectorProcess {
  readonly url: string;
  /** Runs `node connector/main.ts …` on the same settings; its standard output. */
  command(...args: string[]): Promise<string>;
  /** Opens the doors and waits until they answer. */
  serve(signal?: AbortSignal): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The practice's database, in a folder without anything else, since it may be thrown away with it. */
export function databaseOf(folder: string): string {
  return join(folder, 'connector', 'connector.db');
}

/** The settings, on an environment that is free of anybody else's. */
async function settings(options: ConnectorOptions): Promise<NodeJS.ProcessEnv> {
  const { folder, port, certificate, mailPort } = options;
  const key = join(folder, 'master.key');
  if ((await readFile(key, 'utf8').catch(() => '')) === '') {
    await writeAside(key, `${randomBytes(32).toString('base64')}\n`, 0o600);
  }
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('RR_'));
  return {
    ...Object.fromEntries(inherited),
    RR_LISTEN: `127.0.0.1:${port}`,
    RR_PUBLIC_URL: `https://127.0.0.1:${port}`,
    RR_TLS_CERT: certificate.certFile,
    RR_TLS_KEY: certificate.keyFile,
    RR_SECRET_KEY_FILE: key,
    RR_DATABASE: `sqlite:${databaseOf(folder)}`,
    // What remembers the practice's database outside of it is thrown away with it.
    XDG_CONFIG_HOME: dirname(databaseOf(folder)),
    RR_MAIL: `smtp://127.0.0.1:${mailPort}`,
    RR_MAIL_FROM: `${contoso.name} IT <it@${contoso.domain}>`,
    RR_ORGANISATION: contoso.name,
    RR_DOMAINS: contoso.domain,
    RR_SUPPORT: 'Contoso service desk, extension 4357',
    RR_TIME_ZONE: Intl.DateTimeFormat().resolvedOptions().timeZone,
    RR_EXTENSION_IDS: `${practiceId},${geckoId}`,
    ...options.env,
  };
}

/** Prepares the connector; nothing runs until `serve` or `command`. */
export async function connectorProcess(options: ConnectorOptions): Promise<ConnectorProcess> {
  const { root, folder, port } = options;
  const env = await settings(options);
  const main = join(root, 'connector', 'main.ts');
  const logFile = join(folder, 'connector.log');
  const url = `https://127.0.0.1:${port}`;
  let child: ChildProcess | undefined;
  const isOver = () => !child || child.exitCode !== null || child.signalCode !== null;

  return {
    url,

    command(...args) {
      return new Promise((resolve, reject) => {
        execFile(process.execPath, [main, ...args], { cwd: root, env }, (error, stdout, stderr) => {
          if (!error) return resolve(stdout);
          const what = `node connector/main.ts ${args.slice(0, 2).join(' ')}`;
          reject(new Trouble(`${what} did not work:`, lastLines(stderr || stdout)));
        });
      });
    },

    async serve(signal) {
      mkdirSync(folder, { recursive: true });
      const log = openSync(logFile, 'w', 0o600);
      // A group of its own: at Ctrl-C the terminal asks everybody at once, and the order matters here.
      child = spawn(process.execPath, [main, 'serve'], { cwd: root, env, stdio: ['ignore', log, log], detached: true });
      closeSync(log);
      process.once('exit', () => isOver() || child?.kill('SIGKILL'));
      const late = AbortSignal.timeout(20_000);
      for (;;) {
        const answer = await fetch(`${url}/readyz`).catch(() => undefined);
        if (answer?.ok) return;
        signal?.throwIfAborted();
        if (isOver() || late.aborted) {
          const why = isOver() ? 'The connector ended right after its start:' : 'The connector does not become ready:';
          throw new Trouble(why, lastLines(readFileSync(logFile, 'utf8')));
        }
        await wait(50);
      }
    },

    async [Symbol.asyncDispose]() {
      if (!child || isOver()) return;
      const ended = new Promise((resolve) => child?.once('exit', resolve));
      child.kill('SIGTERM');
      const late = setTimeout(() => child?.kill('SIGKILL'), 5000);
      await ended;
      clearTimeout(late);
    },
  };
}
