// The stage of the Postgres benchmark: a server that forgets nothing (fsync on), an administrator, a mail server that takes
// everything, connectors that come and go, and somebody who looks at what the server's sessions wait for.

import { type ChildProcess, fork } from 'node:child_process';
import { importJWK, SignJWT } from 'jose';
import pg from 'pg';
import { SMTPServer } from 'smtp-server';
import { keyring } from '../../connector/secret.ts';
import { readKeys } from '../../connector/signin/keys.ts';
import { parseDatabaseAddress } from '../../connector/sql/address.ts';
import { openDatabase } from '../../connector/sql/engines.ts';
import { tenants } from '../../connector/tenant.ts';
import { type PostgresServer, startPostgres } from '../postgres/server.ts';
import { command, freePort, installation } from '../serving.ts';
import type { Target } from './load.ts';
import type { Counted, Word } from './postgres-connector.ts';

/** A process of the stage that is a connector between `open` and `close`. */
export interface Served extends Target {
  open(): Promise<void>;
  close(): Promise<void>;
  /** What it has counted since it was asked last. */
  counts(): Promise<Counted>;
}

export interface Stage {
  readonly server: PostgresServer;
  readonly url: string;
  /** For questions past the connectors. */
  readonly pool: pg.Pool;
  /** The Authorization header of the administrator at /api. */
  readonly bearer: string;
  mails(): number;
  readonly connectors: readonly Served[];
  [Symbol.asyncDispose](): Promise<void>;
}

/** What its settings and people are called. */
const origin = 'http://127.0.0.1';
const secret = new Uint8Array(32).fill(3);

/** Takes every mail at once; `count()` of them so far. */
async function sink(): Promise<{ port: number; count: () => number; close: () => Promise<void> }> {
  let mails = 0;
  const smtp = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    // A machine without a name server would wait for one at each connection.
    disableReverseLookup: true,
    onData(stream, _session, done) {
      stream.resume();
      stream.on('end', () => {
        mails++;
        done();
      });
    },
  });
  smtp.on('error', () => {});
  const port = await freePort();
  await new Promise<void>((resolve) => smtp.listen(port, '127.0.0.1', resolve));
  return { port, count: () => mails, close: () => new Promise((resolve) => smtp.close(() => resolve())) };
}

/** Sets everything up: some seconds. @param connections of each connector to the database */
export async function makeStage(most: number, connections: number): Promise<Stage> {
  await using parts = new AsyncDisposableStack();
  const server = parts.use(await startPostgres({ fsync: true, settings: { shared_buffers: '256MB' } }));
  const url = await server.create('bench');
  const mail = await sink();
  parts.defer(() => mail.close());
  const place = installation({
    RR_DATABASE: url,
    RR_SECRET_KEY: Buffer.from(secret).toString('base64'),
    RR_MAIL: `smtp://127.0.0.1:${mail.port}`,
    RR_PUBLIC_URL: origin,
    BENCH_CONNECTIONS: String(connections),
  });
  parts.defer(() => place.remove());
  const admin = await said(
    place.env,
    /Object id: (\S+)/,
    ...['user', 'create', '--user-name', 'admin@contoso.example', '--role', 'Global Administrator'],
  );
  const token = await said(
    place.env,
    /(rr_[0-9a-f]{16}_[\w-]{43})/,
    'token',
    'create',
    '--name',
    'b',
    '--scope',
    'scim',
  );
  const bearer = await bearerOf(url, admin);
  const pool = new pg.Pool({ connectionString: url, max: 32, application_name: 'bench' });
  pool.on('error', () => {});
  parts.defer(() => pool.end());
  const connectors: Served[] = [];
  for (let number = 1; number <= most; number++) {
    const port = await freePort();
    const file = new URL('postgres-connector.ts', import.meta.url);
    const child = fork(file, { env: { ...place.env, RR_LISTEN: `127.0.0.1:${port}` } });
    parts.defer(async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.disconnect();
      await ended;
    });
    const ask = (word: Word) => {
      const answered = answer(child);
      child.send(word);
      return answered;
    };
    const base = new URL(`http://127.0.0.1:${port}/scim/v2`);
    connectors.push({
      ...{ name: `connector ${number}`, base, token, pid: child.pid ?? 0, ids: [], groups: new Map<number, string>() },
      next: number * 10_000_000,
      open: async () => void (await ask('open')),
      close: async () => void (await ask('close')),
      counts: async () => (await ask('counts')) as Counted,
    });
  }
  const made = parts.move();
  const dispose = () => made.disposeAsync();
  return { server, url, pool, bearer, mails: mail.count, connectors, [Symbol.asyncDispose]: dispose };
}

/** The next message of a process; rejects when it ends instead. */
function answer(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const gone = () => reject(new Error('A connector has ended.'));
    child.once('exit', gone);
    child.once('message', (message) => {
      child.removeListener('exit', gone);
      resolve(message);
    });
  });
}

async function said(env: Readonly<Record<string, string>>, pattern: RegExp, ...argv: string[]): Promise<string> {
  const { stdout, stderr } = await command(env, ...argv);
  const found = pattern.exec(stdout)?.[1];
  if (found === undefined) throw new Error(`${argv.join(' ')} said: ${stdout}${stderr}`);
  return found;
}

/** An access token with the sign-in's own key, taken from the database as its owner could. */
async function bearerOf(url: string, oid: string): Promise<string> {
  const sql = await openDatabase(parseDatabaseAddress(url));
  try {
    const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
    const { signing } = await readKeys({ sql, keyring: keyring([secret]), now: Date.now, random }, 'default');
    const tenant = await tenants(sql).byId('default');
    const [jwk] = signing;
    if (!tenant || !jwk) throw new Error('The sign-in has no key.');
    const token = await new SignJWT({ tid: tenant.tid, oid, scp: 'Passwords.Reset', ver: '2.0' })
      .setProtectedHeader({ alg: 'RS256', kid: jwk.kid as string })
      .setIssuer(tenant.issuer)
      .setAudience(tenant.clientId)
      .setIssuedAt()
      .setExpirationTime('4h')
      .sign(await importJWK(jwk, 'RS256'));
    return `Bearer ${token}`;
  } finally {
    await sql.close();
  }
}
