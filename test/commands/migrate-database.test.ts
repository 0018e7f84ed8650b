// `migrate-database` as it is typed, between real connectors under traffic, a SQLite file and a Postgres server: killed at its
// steps and begun again, and no acknowledged change, no reset and no password is lost on the way there and back.

import { Buffer } from 'node:buffer';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { verify } from '@node-rs/argon2';
import { importJWK, SignJWT } from 'jose';
import PostalMime from 'postal-mime';
import { SMTPServer } from 'smtp-server';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Reset } from '#shared/api.ts';
import { deriveLink, fromBase64url, openPassword, parseFragment, toBase64url } from '#shared/link.ts';
import { parseOpenAnswer } from '#shared/link-open.ts';
import { migrateDatabaseCommand } from '../../connector/commands/migrate-database.ts';
import { readConfig } from '../../connector/config.ts';
import { KeyError } from '../../connector/master-key.ts';
import { keyring } from '../../connector/secret.ts';
import { readKeys } from '../../connector/signin/keys.ts';
import { parseDatabaseAddress } from '../../connector/sql/address.ts';
import { openDatabase } from '../../connector/sql/engines.ts';
import { whyNot } from '../../connector/sql/move-record.ts';
import { ownTables } from '../../connector/sql/schema.ts';
import type { Sql } from '../../connector/sql/sql.ts';
import { StartError } from '../../connector/start-error.ts';
import { tenants } from '../../connector/tenant.ts';
import { cast } from '../people.ts';
import { type FreshDatabase, freshDatabase } from '../postgres/database.ts';
import { command, freePort, installation, type Process, startServing } from '../serving.ts';
import { contentOf, insert, plainFilling } from '../sql/filling.ts';

const main = new URL('../../connector/main.ts', import.meta.url).pathname;
const password = 'hunter2-of-the-database';

let database: FreshDatabase;
let here = installation();
beforeEach(async () => {
  database = await freshDatabase();
  here = installation();
});
afterEach(async () => {
  here.remove();
  await database[Symbol.asyncDispose]();
});

/** Looks again and again, for 30 s at most. */
async function until<T>(look: () => Promise<T | undefined> | T | undefined, what: string): Promise<T> {
  for (let tries = 0; tries < 1200; tries++) {
    const found = await look();
    if (found) return found;
    await wait(25);
  }
  throw new Error(`Waited in vain: ${what}.`);
}

/** A database looked at past the connectors. */
async function looking<T>(address: string, look: (sql: Sql) => Promise<T>): Promise<T> {
  const sql = await openDatabase(parseDatabaseAddress(address), { connections: 1, name: 'a test' });
  try {
    return await look(sql);
  } finally {
    await sql.close();
  }
}

/** May a connector be started on it? */
const usable = (address: string) =>
  looking(address, async (sql) => {
    const [row] = await sql.all<{ value: string }>`select value from meta where key = 'move'`.catch(() => []);
    return whyNot(row && JSON.parse(row.value)) === undefined;
  });

const outputs: string[] = [];
async function migrating(env: Readonly<Record<string, string>>, ...argv: string[]) {
  const done = await command(env, 'migrate-database', ...argv);
  outputs.push(done.stdout + done.stderr);
  return done;
}

/** The same without a process of its own. */
async function typed(env: Readonly<Record<string, string>>, ...argv: string[]) {
  const said: string[] = [];
  const { config, lines } = readConfig(env, () => '');
  if (!config) throw new Error(lines.flatMap(({ problem }) => problem ?? []).join('\n'));
  const out = { say: (line: string) => void said.push(line), print: (line: string) => void said.push(line) };
  const deps = { config, world: { now: Date.now, random, env }, stop: new Promise(() => {}) };
  let code: number;
  try {
    code = await migrateDatabaseCommand(argv, deps, out);
  } catch (error) {
    // As main.ts tells it.
    if (!(error instanceof StartError || error instanceof KeyError)) throw error;
    code = 1;
    said.push(error.message);
  }
  outputs.push(said.join('\n'));
  return { code, said: said.join('\n') };
}

/** Runs it until it says a line, and kills it there; whether it was alive by then. */
async function killedAt(env: Readonly<Record<string, string>>, line: RegExp): Promise<boolean> {
  const child = spawn(process.execPath, [main, 'migrate-database'], { env });
  let said = '';
  const ended = new Promise((resolve) => child.once('exit', resolve));
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (line.test(said)) child.kill('SIGKILL');
    });
  }
  await ended;
  outputs.push(said);
  expect(said).toMatch(line);
  return child.signalCode === 'SIGKILL';
}

/** A mail server that answers at once, or when it is told to. */
async function mailServer() {
  const mails: string[] = [];
  const held: (() => void)[] = [];
  const state = { holding: false };
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    onData(stream, _session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        mails.push(Buffer.concat(chunks).toString());
        if (state.holding) held.push(done);
        else done();
      });
    },
  });
  server.on('error', () => {});
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    mails,
    state,
    url: `smtp://127.0.0.1:${port}`,
    answer() {
      state.holding = false;
      for (const done of held.splice(0)) done();
    },
    [Symbol.dispose]: () => server.close(),
  };
}

const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));

/** An admin's and a sync client's requests to the connector at `base`. */
async function callers(env: Readonly<Record<string, string>>, base: string) {
  const person = cast.globalAdmin;
  const made = await command(
    env,
    ...['user', 'create', '--user-name', person.userName, '--display-name', person.displayName],
    ...['--role', 'Global Administrator'],
  );
  const adminId = /Object id: (\S+)/.exec(made.stdout)?.[1] ?? '';
  const minted = await command(env, 'token', 'create', '--name', 't', '--scope', 'scim');
  const token = minted.stdout.trim().split('\n').at(-1);
  // The sign-in's own key, taken from the database as its owner could: browsers are not what is tried here.
  const bearer = async () =>
    looking(env.RR_DATABASE ?? '', async (sql) => {
      const ring = keyring([new Uint8Array(32).fill(3)]);
      const { signing } = await readKeys({ sql, keyring: ring, now: Date.now, random }, 'default');
      const tenant = await tenants(sql).byId('default');
      const [jwk] = signing;
      if (!tenant || !jwk) throw new Error('The sign-in has no key.');
      return new SignJWT({ tid: tenant.tid, oid: adminId, scp: 'Passwords.Reset', ver: '2.0' })
        .setProtectedHeader({ alg: 'RS256', kid: jwk.kid as string })
        .setIssuer(tenant.issuer)
        .setAudience(tenant.clientId)
        .setIssuedAt()
        .setExpirationTime('1h')
        .sign(await importJWK(jwk, 'RS256'));
    });
  let signed: string | undefined;
  const api = async (path: string, body?: unknown, key?: string) => {
    signed ??= await bearer();
    return fetch(`${base}/api${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        ...{ authorization: `Bearer ${signed}`, 'content-type': 'application/json' },
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  };
  const scim = (path: string, body?: unknown) =>
    fetch(`${base}/scim/v2${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  return {
    scim,
    async person(name: keyof typeof cast): Promise<string> {
      const created = await scim('/Users', cast[name]);
      expect(created.status).toBe(201);
      return ((await created.json()) as { id: string }).id;
    },
    reset: (user: string, key: string) =>
      api(
        '/resets',
        {
          ...{ user, mode: 'link', forceChangePasswordNextSignIn: true, locale: 'en' },
          recipient: { address: `${key}@post.example` },
        },
        `migrate-database-${key}`,
      ),
    read: async (id: string) => (await (await api(`/resets/${id}`)).json()) as Reset,
  };
}

/** Opens the link of a mail, as its page does; the answer's status, and the password. */
async function openLink(mail: string, base: string, holder: Uint8Array) {
  const { text = '' } = await PostalMime.parse(mail);
  const url = new URL(/http:\/\/\S+\/r\/\S+/.exec(text)?.[0] ?? '');
  const fragment = parseFragment(url.hash);
  const id = url.pathname.split('/').at(-1) ?? '';
  const keys = await deriveLink({ id: fromBase64url(id) ?? new Uint8Array(), key: fragment?.key ?? new Uint8Array() });
  const response = await fetch(`${base}/r/${id}/open`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: base },
    body: JSON.stringify({ proof: toBase64url(keys.proof), holder: toBase64url(holder) }),
  });
  const body: unknown = await response.json();
  const answer = response.ok ? parseOpenAnswer(body) : undefined;
  return {
    status: response.status,
    body,
    password: answer?.state === 'open' ? await openPassword(answer, keys.encKey, answer) : undefined,
  };
}

/** Does the directory hold this password of a person? */
const holds = (address: string, user: string, value: string | undefined) =>
  looking(address, async (sql) => {
    const row = await sql.get<{ hash: string }>`select hash from credential where user_id = ${user}`;
    return verify(row?.hash ?? '', value ?? '');
  });

/** What is not the same: the end of a move adds an entry to the record. */
async function everything(address: string) {
  const { audit, audit_waiting, ...rest } = await looking(address, async (sql) => contentOf(sql, await ownTables()));
  // The move's own entry stands in the new database alone, chained or not yet.
  const others = (entries: unknown) => (entries as string[][]).filter((entry) => !entry.includes('database.moved'));
  return { ...rest, audit: others(audit), audit_waiting: others(audit_waiting) };
}

describe('migrate-database', () => {
  it('goes there and back under traffic, killed at its steps, and nothing is lost', { timeout: 240_000 }, async () => {
    using mail = await mailServer();
    const port = await freePort();
    const base = `http://127.0.0.1:${port}`;
    const file = here.env.RR_DATABASE ?? '';
    const postgres = database.url.replace('postgres@', `postgres:${password}@`);
    const back = `sqlite:${join(here.folder, 'again', 'connector.db')}`;
    const env = { ...here.env, RR_MAIL: mail.url, RR_PUBLIC_URL: base };
    const onFile = { ...env, RR_TARGET_DATABASE: postgres };
    const onPostgres = { ...env, RR_DATABASE: postgres, RR_TARGET_DATABASE: back };
    const serving: Process[] = [];
    const start = async (address: string, at = port) => {
      const one = await startServing({ ...env, RR_DATABASE: address }, at);
      serving.push(one);
      return one;
    };
    const flow = { over: false, accepted: [] as string[], refused: [] as string[], read: [] as number[] };
    let traffic: Promise<void> | undefined;
    /** Creates people and reads them, as fast as answers come; a connector that is gone is no answer. */
    async function drive(scim: Awaited<ReturnType<typeof callers>>['scim'], name: string): Promise<void> {
      for (let n = 0; !flow.over; n++) {
        const userName = `${name}${n}@contoso.example`;
        const body = { schemas: cast.amara.schemas, userName, displayName: `Zoë ${n} 😀`, active: true };
        const created = await scim('/Users', body).catch(() => undefined);
        if (created?.status === 201) flow.accepted.push(userName);
        else if (created)
          flow.refused.push(`${created.status} ${created.headers.get('retry-after')} ${await created.text()}`);
        const read = await scim('/Users?count=1').catch(() => undefined);
        if (read) flow.read.push(read.status);
        await wait(10);
      }
    }
    const stopTraffic = async () => {
      flow.over = true;
      await traffic;
      flow.over = false;
    };
    const acceptedIn = async (address: string) => {
      const there = await looking(address, (sql) => sql.all<{ user_name: string }>`select user_name from app_user`);
      const names = new Set(there.map(({ user_name }) => user_name));
      return flow.accepted.filter((name) => !names.has(name));
    };

    try {
      const old = await start(file);
      const { scim, person, reset, read } = await callers(env, base);
      const [amara, ada, ipek] = [await person('amara'), await person('ada'), await person('ipek')];
      const begun = async (user: string, key: string) => {
        const response = await reset(user, key);
        expect(response.status).toBe(202);
        return ((await response.json()) as Reset).id;
      };
      const mailTo = (key: string) => mail.mails.filter((text) => text.includes(`${key}@post.example`));
      // Tables that this story leaves empty are not left out of the move.
      const filler = plainFilling(
        (await ownTables()).filter(({ name }) => name !== 'tenant'),
        'x',
      );
      await looking(file, (sql) => insert(sql, filler));

      // One reset waits to be opened, and the mail of another one is under way when writes are stopped.
      const first = await begun(amara, 'first');
      await until(async () => (await read(first)).state === 'ready', 'the first reset');
      mail.state.holding = true;
      const second = await begun(ada, 'second');
      await until(() => mailTo('second').length === 1, 'the second mail');
      traffic = drive(scim, 'there');
      await until(() => flow.accepted.length > 5, 'traffic');

      await killedAt(onFile, /^From: /m);
      await killedAt(onFile, /^Writes are stopped/m);
      expect([await usable(file), await usable(postgres)]).toEqual([false, false]);
      const refusals = flow.refused.length;
      await until(() => flow.refused.length > refusals + 3, 'refusals');
      expect(flow.refused.at(-1)).toMatch(/^503 10 .*The database is being moved/);
      const holder = random(32);
      const [letter = ''] = mailTo('first');
      expect(await openLink(letter, base, holder)).toMatchObject({ status: 503, body: { code: 'unavailable' } });
      const refusedReset = await reset(ipek, 'third');
      expect([refusedReset.status, await refusedReset.json()]).toEqual([
        503,
        expect.objectContaining({ detail: expect.stringMatching(/^The database is being moved/) }),
      ]);
      // The mail server takes the second mail; nobody can write that down, and nobody says it.
      mail.answer();
      await until(() => /reset stopped on its way/.test(old.output()), 'the refused write');
      expect((await read(second)).state).toBe('mailing');
      const other = await command(onFile, 'token', 'list');
      expect([other.code, other.stderr]).toEqual([1, expect.stringMatching(/is being moved to postgres:.*--abort/)]);
      const toTarget = await command({ ...env, RR_DATABASE: postgres }, 'token', 'list');
      expect([toTarget.code, toTarget.stderr]).toEqual([1, expect.stringMatching(/is being filled from /)]);

      await killedAt(onFile, /^Copied: /m);
      const moved = await migrating(onFile);
      expect([moved.code, moved.stderr]).toEqual([0, expect.stringMatching(/is in use from now on/)]);
      // It ends by itself: what it reads would be out of date.
      expect(await until(() => old.child.exitCode ?? undefined, 'the old connector’s end')).toBe(1);
      expect(old.output()).toMatch(/This database was moved to postgres:.* Set RR_DATABASE to that one\./);
      await stopTraffic();
      expect(new Set(flow.read)).toEqual(new Set([200]));
      const content = await everything(postgres);
      expect(content).toEqual(withLeasesBroken(await everything(file), content));
      const empty = Object.entries(content).filter(([, rows]) => (rows as unknown[]).length === 0);
      expect(empty).toEqual([]);
      expect(await acceptedIn(postgres)).toEqual([]);
      expect([await usable(file), await usable(postgres)]).toEqual([false, true]);
      const again = await command({ ...env, RR_DATABASE: file }, 'serve');
      expect([again.code, again.stderr]).toEqual([1, expect.stringMatching(/was moved to postgres:/)]);
      expect((await migrating(onFile)).stderr).toMatch(/had come to its end before/);

      // Two connectors on Postgres: the link opens, the mail that nobody knew of goes out again as it was, one password each.
      const two = [await start(postgres), await start(postgres, await freePort())];
      const opened = await openLink(letter, base, holder);
      expect([opened.status, await holds(postgres, amara, opened.password)]).toEqual([200, true]);
      await until(async () => (await read(second)).state === 'ready', 'the second reset');
      expect([mailTo('first').length, new Set(mailTo('second')).size, mailTo('second').length]).toEqual([1, 1, 2]);
      const third = await begun(ipek, 'third');
      await until(async () => (await read(third)).state === 'ready', 'the third reset');
      expect((await command({ ...env, RR_DATABASE: postgres }, 'audit', '--last', '1')).stderr).toMatch(/none changed/);

      // And back, given up once on the way.
      traffic = drive(scim, 'back');
      await killedAt(onPostgres, /^Copied: /m);
      if (!(await usable(postgres))) {
        const given = await migrating(onPostgres, '--abort');
        expect([given.code, given.stderr]).toEqual([0, expect.stringMatching(/may write again/)]);
      }
      const before = flow.accepted.length;
      await until(() => flow.accepted.length > before + 3, 'writes after it was given up');
      await killedAt(onPostgres, /^Writes are stopped/m);
      await killedAt(onPostgres, /^Compared/m);
      const returned = await migrating(onPostgres);
      expect([returned.code, returned.stderr]).toEqual([0, expect.stringMatching(/in use from now on|end before/)]);
      for (const one of two) expect(await until(() => one.child.exitCode ?? undefined, 'an end')).toBe(1);
      await stopTraffic();
      const home = await everything(back);
      expect(home).toEqual(await everything(postgres));
      expect(await acceptedIn(back)).toEqual([]);
      expect([await usable(postgres), await usable(back)]).toEqual([false, true]);

      await start(back);
      const secondOpened = await openLink(mailTo('second')[0] ?? '', base, random(32));
      expect(await holds(back, ada, secondOpened.password)).toBe(true);
      const thirdOpened = await openLink(mailTo('third')[0] ?? '', base, random(32));
      expect(await holds(back, ipek, thirdOpened.password)).toBe(true);
      expect(mailTo('third')).toHaveLength(1);
      expect((await command({ ...env, RR_DATABASE: back }, 'audit', '--last', '1')).stderr).toMatch(/none changed/);

      const said = [...outputs, ...serving.map((one) => one.output())].join('\n');
      const secrets = [password, opened.password, secondOpened.password, thirdOpened.password, here.env.RR_SECRET_KEY];
      for (const secret of secrets) {
        expect(secret).toBeTruthy();
        expect(said.includes(secret ?? '')).toBe(false);
      }
    } finally {
      flow.over = true;
      await traffic;
      await Promise.all(serving.map((one) => one.end('SIGKILL')));
    }
  });

  it('looks first, and says what is wrong before anything is stopped', { timeout: 60_000 }, async () => {
    const postgres = database.url.replace('postgres@', `postgres:${password}@`);
    const { RR_DATABASE: file = '' } = here.env;
    const env = { ...here.env, RR_TARGET_DATABASE: postgres };
    expect(await typed(env)).toEqual({ code: 1, said: expect.stringMatching(/^There is no database at /) });
    expect((await command(here.env, 'user', 'list')).code).toBe(0);
    expect(await typed(env)).toEqual({ code: 1, said: expect.stringMatching(/was never served/) });
    const serving = await startServing(here.env, await freePort());
    try {
      expect(await typed(here.env)).toEqual({ code: 2, said: expect.stringMatching(/^RR_TARGET_DATABASE is missing/) });
      const seen = { code: 2, said: expect.stringMatching(/^Others can read command lines/) };
      expect(await typed(here.env, '--to', postgres)).toEqual(seen);
      const wrong = { code: 2, said: expect.stringMatching(/^--to is neither sqlite:FILE nor postgres:/) };
      expect(await typed(here.env, '--to', 'mysql://u:hunter2@h/d')).toEqual(wrong);
      const gone = { code: 1, said: expect.stringMatching(/^There is no database .* RR_TARGET_DATABASE/) };
      expect(await typed({ ...env, RR_TARGET_DATABASE: `${postgres}_gone` })).toEqual(gone);
      const otherKey = { ...env, RR_SECRET_KEY: Buffer.alloc(32, 9).toString('base64') };
      expect(await typed(otherKey)).toEqual({ code: 1, said: expect.stringMatching(/another master key/) });
      const served = { code: 1, said: expect.stringMatching(/is being served, or filled, by another process/) };
      expect(await typed({ ...env, RR_TARGET_DATABASE: file })).toEqual(served);
      const inOrder = { code: 0, said: expect.stringMatching(/^Both ends are in order: \d+ tables/m) };
      expect(await typed(env, '--check')).toEqual(inOrder);
      expect(await usable(file)).toBe(true);
      expect(await typed(env, '--abort')).toEqual({
        code: 0,
        said: expect.stringMatching(/^No move of .* is under way/),
      });
      expect(outputs.join('\n')).not.toMatch(/hunter2/);
    } finally {
      await serving.end();
    }
  });
});

/** What a move from a dead connector's file changes on purpose: jobs that it had leased are due again. */
function withLeasesBroken(content: Record<string, unknown>, there: Record<string, unknown>): Record<string, unknown> {
  const places = { leased: 7, due: 4 };
  const jobs = content.job as (string | null)[][];
  const now = there.job as (string | null)[][];
  const job = jobs.map((row, at) =>
    row[places.leased] === '0'
      ? row
      : row.map((value, place) => (place === places.leased ? '0' : place === places.due ? now[at]?.[place] : value)),
  );
  return { ...content, job, reset: there.reset };
}
