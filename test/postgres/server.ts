// A Postgres server of the tests' own: its data in a folder that goes with it, on loopback, everybody let in. Whoever starts
// one ends it; should that process be killed, the server ends by itself.

import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { chownSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';
import { freePort } from '../serving.ts';
import { fetchPostgres, findPostgres } from '../set-up/postgres.mjs';

export interface ServerOptions {
  /** May a crash of the machine cost what was committed? The default; `true` for benchmarks. A killed server keeps all. */
  readonly fsync?: boolean;
  /** More settings, as in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string | number>>;
}

export interface PostgresServer {
  readonly port: number;
  /** The data directory: server.log is in it, and postmaster.pid as long as it runs. */
  readonly folder: string;
  /** What RR_DATABASE takes. */
  url(database: string): string;
  /** Makes an empty database, whose default order of texts is none of the connector's: by language. */
  create(database: string): Promise<string>;
  drop(database: string): Promise<void>;
  /** The process that all connections come from, as long as the server runs. */
  pid(): number;
  /** Ends it at once as a crash would (`kill`: SIGKILL to all of it), or breaks off what is under way and writes all down (`fast`). */
  stop(how: 'kill' | 'fast'): Promise<void>;
  /** Starts it again, on the same port and data. */
  start(): Promise<void>;
  /** Ends it and removes its folder. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Only loopback, and nothing that a test would wait for: no lock file elsewhere, no socket, a pause that ends soon. */
const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: 400,
  shared_buffers: '64MB',
  // A killed server's are left behind in /dev/shm otherwise.
  dynamic_shared_memory_type: 'mmap',
  logging_collector: 'off',
  log_min_messages: 'warning',
  log_min_error_statement: 'panic',
} as const;
const hasty = { fsync: 'off', full_page_writes: 'off', autovacuum_naptime: '10min' } as const;
const user = 'postgres';
const root = resolve(fileURLToPath(new URL('../..', import.meta.url)));

/** Makes the data (about a second) and starts a server on it. */
export async function startPostgres({ fsync = false, settings: more }: ServerOptions = {}): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'rr-postgres-'));
  // Should this process be killed, the next run finds out that it is gone.
  writeFileSync(join(folder, 'owner'), String(process.pid));
  const as = unprivileged();
  if (as) chownSync(folder, as.uid, as.gid);
  let server: ChildProcess | undefined;
  let port = 0;

  try {
    const bin = usableBy(as, findPostgres(root) ?? (await fetchPostgres(root)), folder);
    const initdb = promisify(execFile);
    // Ordered by language where it can be: what forgets to ask for the order of bytes is found out.
    const common = [
      '-D',
      join(folder, 'data'),
      '-U',
      user,
      '-A',
      'trust',
      '-E',
      'UTF8',
      '--no-sync',
      '--no-instructions',
    ];
    const byLanguage = ['--locale-provider=icu', '--icu-locale=en-US', '--locale=C'];
    const where = { cwd: folder, env: { PATH: process.env.PATH ?? '', TZ: 'UTC' }, ...as };
    await initdb(join(bin, 'initdb'), [...common, ...byLanguage], where).catch(async () => {
      rmSync(join(folder, 'data'), { recursive: true, force: true });
      await initdb(join(bin, 'initdb'), [...common, '--locale=C'], where);
    });
    const all = { ...settings, ...(fsync ? {} : hasty), ...more };
    const lines = Object.entries(all).map(([name, value]) => `${name} = '${value}'\n`);
    writeFileSync(join(folder, 'data', 'postgresql.auto.conf'), lines.join(''));

    const begin = async () => {
      // Ends with this process: its end is the end of the shell's input, which our side holds.
      const script = '"$@" </dev/null & p=$!; exec 3<&0; { cat <&3 >/dev/null; kill -INT $p; } & wait $p';
      const command = [join(bin, 'postgres'), '-D', join(folder, 'data'), '-p', String(port)];
      const child = spawn('/bin/sh', ['-c', script, 'sh', ...command], {
        ...where,
        stdio: ['pipe', 'ignore', 'pipe'],
        detached: true,
      });
      let said = '';
      child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4000)));
      server = child;
      await answering(port, child, () => said);
    };
    for (let attempt = 1; ; attempt++) {
      port = await freePort();
      try {
        await begin();
        break;
      } catch (error) {
        // Somebody else was given the same port.
        if (attempt === 5 || !/in use/.test((error as Error).message)) throw error;
      }
    }

    const query = async (text: string) => {
      const client = new pg.Client({ host: '127.0.0.1', port, user, database: 'postgres' });
      await client.connect();
      try {
        await client.query(text);
      } finally {
        await client.end();
      }
    };
    const url = (database: string) => `postgres://${user}@127.0.0.1:${port}/${database}`;
    const pid = () => Number(readFileSync(join(folder, 'data', 'postmaster.pid'), 'utf8').split('\n', 1)[0]);
    const stop = async (how: 'kill' | 'fast') => {
      const child = server;
      server = undefined;
      if (!child || child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      // The shell, the server and what it has started are one group of ours.
      if (how === 'kill') process.kill(-(child.pid as number), 'SIGKILL');
      else child.stdin?.end();
      await ended;
      child.stdin?.destroy();
    };
    /** What a killed server has started notices it within moments, and keeps a new one from the data until then. */
    const start = async () => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await begin();
        } catch (error) {
          if (attempt === 200 || !/shared memory|lock file/.test((error as Error).message)) throw error;
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      }
    };
    return {
      get port() {
        return port;
      },
      folder: join(folder, 'data'),
      url,
      async create(database) {
        await query(`create database "${database}"`);
        return url(database);
      },
      drop: (database) => query(`drop database if exists "${database}" with (force)`),
      pid,
      stop,
      start,
      async [Symbol.asyncDispose]() {
        await stop('fast');
        rmSync(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Postgres refuses to run as root: then it runs as its own user, if there is one, or as nobody. */
function unprivileged(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const name of ['postgres', 'nobody']) {
    const [, , uid, gid] = users.find((line) => line.startsWith(`${name}:`))?.split(':') ?? [];
    if (uid && gid) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Error('Postgres does not run as root, and there is no user postgres or nobody.');
}

/** The programs where that user can reach them: a clone that lies in root's own folder is copied. */
function usableBy(as: { uid: number; gid: number } | undefined, bin: string, folder: string): string {
  if (!as || spawnSync(join(bin, 'initdb'), ['--version'], { cwd: folder, ...as }).status === 0) return bin;
  cpSync(dirname(bin), join(folder, 'programs'), { recursive: true, verbatimSymlinks: true });
  return join(folder, 'programs', 'bin');
}

async function answering(port: number, child: ChildProcess, said: () => string): Promise<void> {
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`Postgres has ended: ${said()}`);
    const client = new pg.Client({ host: '127.0.0.1', port, user, database: 'postgres' });
    client.on('error', () => {});
    try {
      await client.connect();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 25));
    } finally {
      await client.end().catch(() => {});
    }
  }
}
