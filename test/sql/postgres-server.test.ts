// Postgres servers that are set up otherwise than one would think: what the connector asks of them holds all the same, or it
// says at its start why it cannot work there.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { parseDatabaseAddress } from '../../connector/sql/address.ts';
import { migrate } from '../../connector/sql/migrate.ts';
import { openPostgres } from '../../connector/sql/postgres.ts';
import { connectionOf } from '../../connector/sql/postgres-connection.ts';
import { fateOf } from '../../connector/sql/postgres-error.ts';
import { ownTables, tablesOf } from '../../connector/sql/schema.ts';
import { isCommitUnknown } from '../../connector/sql/sql.ts';
import { type FreshDatabase, freshDatabase } from '../postgres/database.ts';
import { startPostgres } from '../postgres/server.ts';

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

async function database(): Promise<FreshDatabase> {
  const one = await freshDatabase();
  open.push(one);
  return one;
}

function postgresAt(url: string) {
  const address = parseDatabaseAddress(url);
  if (address.engine !== 'postgres') throw new Error('This is no address of Postgres.');
  return address;
}

describe('a database', () => {
  it('may have defaults of its own: units of work are what they are', async () => {
    const { query, address, open: opened } = await database();
    const strange = {
      standard_conforming_strings: 'off',
      backslash_quote: 'off',
      escape_string_warning: 'off',
      TimeZone: 'Pacific/Kiritimati',
      DateStyle: 'SQL, DMY',
      default_transaction_isolation: 'read uncommitted',
      default_transaction_deferrable: 'on',
      extra_float_digits: '-15',
      bytea_output: 'escape',
      intervalstyle: 'sql_standard',
      xmloption: 'content',
      plan_cache_mode: 'force_generic_plan',
      default_tablespace: '',
      transform_null_equals: 'on',
      // The last: after it, nothing else can be set.
      default_transaction_read_only: 'on',
    };
    for (const [name, value] of Object.entries(strange))
      await query(`alter database ${address.database} set ${name} = '${value}'`);
    const sql = await opened();
    await migrate(sql);
    const text = "\\'; \\\\ %_ 😀 \n";
    await sql.run(function* (tx) {
      yield* tx.run`insert into user_word (tenant, word, user_id) values ('t', ${text}, 'u')`;
    });
    expect(await sql.get`select word, user_id from user_word where word = ${text}`).toEqual({
      word: text,
      user_id: 'u',
    });
    const [isolation] = await sql.run(function* (tx) {
      return yield* tx.query(`select current_setting('transaction_isolation') as now`, []);
    });
    expect(isolation).toEqual({ now: 'serializable' });
  });

  it('may keep the connector in a schema of its own, beside another with the same tables', async () => {
    const { query, address, open: opened } = await database();
    await query('create table meta (key text primary key, value text not null)');
    await query(`insert into meta values ('version', '99'), ('readableFrom', '99')`);
    await query('create schema own');
    await query(`alter database ${address.database} set search_path = own, public`);
    const sql = await opened();
    // A name that is not there yet would be looked for in public as well.
    await migrate(sql);
    const byName = (all: readonly { name: string }[]) => all.map(({ name }) => name).sort();
    expect(byName(await tablesOf(sql, 'postgres'))).toEqual(byName(await ownTables()));
    expect(await query('select value from public.meta')).toEqual([{ value: '99' }, { value: '99' }]);
  });

  it('in which nothing may be made says so at the start', async () => {
    const { query, address, open: opened } = await database();
    const role = `r_${address.database.slice(-12)}`;
    await query(`create role ${role} login`);
    try {
      const mine = { ...address, user: role };
      // As of Postgres 15 nobody but the owner may make tables in public.
      const error = await openPostgres(mine, { connections: 1, patience: 200 }).then(
        async (sql) => {
          await sql.close();
          return 'opened';
        },
        (error: unknown) => error,
      );
      expect(String(error)).toMatch(/may not make tables in the schema public .*grant/);
      await query(`alter database ${address.database} set search_path = nowhere`);
      const lost = await openPostgres(mine, { connections: 1, patience: 200 }).catch((error: unknown) => error);
      expect(String(lost)).toMatch(/no schema/);
      await query(`alter database ${address.database} reset search_path`);
      // Once the tables are there, that right is not needed any more.
      const owner = await opened();
      await migrate(owner);
      await query(`grant select, insert, update, delete on all tables in schema public to ${role}`);
      const sql = await openPostgres(mine, { connections: 1, patience: 200 });
      expect(await sql.get`select count(*) as n from tenant`).toEqual({ n: 0 });
      await sql.close();
    } finally {
      await query(`drop owned by ${role}`);
      await query(`drop role ${role}`);
    }
  });
});

describe('a standby', () => {
  it('is not taken for a database, and taken once it has been promoted', { timeout: 60_000 }, async () => {
    const server = await startPostgres();
    open.push(server);
    const url = await server.create('app');
    await server.stop('fast');
    writeFileSync(join(server.folder, 'standby.signal'), '');
    await server.start();
    const address = postgresAt(url);
    await expect(openPostgres(address, { patience: 300 })).rejects.toThrow(/ it is a standby, which cannot be written/);
    const waiting = openPostgres(address, { patience: 20_000 });
    const client = new pg.Client(url);
    await client.connect();
    await client.query('select pg_promote()');
    await client.end();
    const sql = await waiting;
    expect((await migrate(sql)).version).toBeGreaterThan(0);
    await sql.close();
  });
});

describe('a server that is killed again and again under traffic', () => {
  it('keeps what was promised, and nothing of what was refused', { timeout: 120_000 }, async () => {
    const server = await startPostgres();
    open.push(server);
    const sql = await openPostgres(postgresAt(await server.create('app')), {
      ...{ connections: 6, patience: 20_000 },
      timeouts: { lock: 1000 },
    });
    open.push({ [Symbol.asyncDispose]: () => sql.close() });
    await sql.run(function* (tx) {
      yield* tx.run`create table note (id text primary key, n bigint)`;
      yield* tx.run`insert into note (id, n) values ('count', 0)`;
    });
    const outcomes: Record<'done' | 'unknown' | 'refused', string[]> = { done: [], unknown: [], refused: [] };
    let over = false;
    // All want the same row: at every kill some wait for its lock, some are between two statements, one is in its COMMIT.
    const write = async (who: number) => {
      for (let n = 0; !over; n++) {
        const id = `${who}/${n}`;
        const outcome = await sql
          .run(function* (tx) {
            yield* tx.run`insert into note (id, n) values (${id}, 1)`;
            const row = yield* tx.get<{ n: number }>`select n from note where id = 'count'`;
            yield* tx.run`update note set n = ${(row?.n ?? 0) + 1} where id = 'count'`;
          })
          .then(
            () => 'done' as const,
            (error: unknown) => (isCommitUnknown(error) ? 'unknown' : 'refused'),
          );
        outcomes[outcome].push(id);
      }
    };
    const writers = Array.from({ length: 8 }, (_none, who) => write(who));
    for (let kill = 0; kill < 4; kill++) {
      const before = outcomes.done.length;
      while (outcomes.done.length < before + 20) await wait(5);
      await server.stop(kill % 2 === 0 ? 'kill' : 'fast');
      await server.start();
    }
    over = true;
    await Promise.all(writers);
    const rows = await sql.all<{ id: string }>`select id from note where id <> 'count'`;
    const there = new Set(rows.map(({ id }) => id));
    expect(outcomes.done.filter((id) => !there.has(id))).toEqual([]);
    expect(outcomes.refused.filter((id) => there.has(id))).toEqual([]);
    expect(await sql.get`select n from note where id = 'count'`).toEqual({ n: there.size });
  });
});

describe('an address', () => {
  it('that names a certificate authority checks it, also where encryption alone was asked for, as libpq does', () => {
    const file = join(import.meta.dirname, 'postgres-server.test.ts');
    const sslOf = (query: string) => connectionOf(postgresAt(`postgres://u@db.example/d?${query}`)).ssl;
    expect(sslOf('sslmode=require')).toMatchObject({ rejectUnauthorized: false });
    expect(sslOf(`sslmode=require&sslrootcert=${file}`)).toMatchObject({ rejectUnauthorized: true });
  });

  it('that says something twice is refused: which of the two was meant?', () => {
    expect(() => parseDatabaseAddress('postgres://u@db.example/d?sslmode=disable&sslmode=verify-full')).toThrow(
      RangeError,
    );
  });
});

describe('an error', () => {
  it.each([
    // A pool of connections between us and the server has prepared the same name before.
    ['42P05', 'stale'],
    // transaction_timeout (Postgres 17) ends the session, as idle_in_transaction_session_timeout does.
    ['25P04', 'lost'],
    ['25P03', 'lost'],
  ] as const)('%s is no mistake of ours: %s', (code, fate) => {
    const error = new pg.DatabaseError('', 0, 'error');
    error.code = code;
    expect(fateOf(error)).toBe(fate);
  });
});
