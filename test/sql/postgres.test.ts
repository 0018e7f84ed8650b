// What is Postgres' own: serializable transactions that are run again, connections that are lost at each step, and texts
// that are translated.

import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { Problem } from '#shared/problem.ts';
import { parseDatabaseAddress } from '../../connector/sql/address.ts';
import { migrate } from '../../connector/sql/migrate.ts';
import { migrations } from '../../connector/sql/migrations.ts';
import { openPostgres } from '../../connector/sql/postgres.ts';
import { native, nativeTexts } from '../../connector/sql/postgres-text.ts';
import { isCommitUnknown, type Sql, type Tx, type Work } from '../../connector/sql/sql.ts';
import { wireTo } from '../postgres/cut.ts';
import { type FreshDatabase, freshDatabase } from '../postgres/database.ts';
import { freePort } from '../serving.ts';

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

async function notes(options: Parameters<FreshDatabase['open']>[0] = {}) {
  const database = await freshDatabase();
  open.push(database);
  const sql = await database.open(options);
  await sql.run(function* (tx) {
    yield* tx.run`create table note (id text primary key, n bigint)`;
  });
  return { database, sql };
}

function* add(tx: Tx, id: string, n = 1): Work<number> {
  return yield* tx.run`insert into note (id, n) values (${id}, ${n})`;
}

const count = async (sql: Sql) => (await sql.get<{ n: number }>`select count(*) as n from note`)?.n;

/** Every unit of work in turn waits here until all have come so far. */
function meeting(of: number): () => Promise<void> {
  let come = 0;
  let go: () => void = () => {};
  const all = new Promise<void>((resolve) => {
    go = resolve;
  });
  return () => {
    if (++come === of) go();
    return all;
  };
}

describe('units of work on Postgres', () => {
  it('are alone: of two that each read what the other writes, one is run again', async () => {
    const meet = meeting(2);
    const restarts: string[] = [];
    const { sql } = await notes({
      onRestart: (fate) => restarts.push(fate),
      // Both have read before either writes.
      beforeStatement: ({ text }) => (text.startsWith('update') ? meet() : undefined),
    });
    await sql.run((tx) => add(tx, 'a'));
    await sql.run((tx) => add(tx, 'b'));
    // At least one stays on duty: each leaves only while the other is there.
    function* leave(tx: Tx, id: string): Work<boolean> {
      const there = yield* tx.get<{ n: number }>`select sum(n) as n from note`;
      if (there?.n !== 2) return false;
      yield* tx.run`update note set n = 0 where id = ${id}`;
      return true;
    }
    const left = await Promise.all([sql.run((tx) => leave(tx, 'a')), sql.run((tx) => leave(tx, 'b'))]);
    expect(left.sort()).toEqual([false, true]);
    expect(await sql.get`select sum(n) as n from note`).toEqual({ n: 1 });
    expect(restarts).toEqual(['again']);
  });

  it('that wait for each other in a circle are both done', async () => {
    const meet = meeting(2);
    const { sql } = await notes({
      // Each has changed one row before it wants the other.
      beforeStatement: ({ text }) => (text.includes('second') ? meet() : undefined),
    });
    await sql.run((tx) => add(tx, 'a'));
    await sql.run((tx) => add(tx, 'b'));
    function* both(tx: Tx, first: string, second: string): Work<void> {
      yield* tx.run`update note set n = n + 1 where id = ${first}`;
      yield* tx.run`update note set n = n + 1 where id = ${second} /* second */`;
    }
    await Promise.all([sql.run((tx) => both(tx, 'a', 'b')), sql.run((tx) => both(tx, 'b', 'a'))]);
    expect(await sql.all`select id, n from note order by id`).toEqual([
      { id: 'a', n: 3 },
      { id: 'b', n: 3 },
    ]);
  });

  it('count up one row, however many at once', async () => {
    const { sql } = await notes();
    await sql.run((tx) => add(tx, 'a', 0));
    function* up(tx: Tx): Work<void> {
      const row = yield* tx.get<{ n: number }>`select n from note where id = ${'a'}`;
      yield* tx.run`update note set n = ${(row?.n ?? 0) + 1} where id = ${'a'}`;
    }
    await Promise.all(Array.from({ length: 25 }, () => sql.run(up)));
    expect(await sql.get`select n from note`).toEqual({ n: 25 });
  });

  it('that are refused leave nothing, and never say a value', async () => {
    const { sql } = await notes();
    await sql.run((tx) => add(tx, 'hunter2'));
    const refused = await sql.run((tx) => add(tx, 'hunter2')).catch((error: unknown) => error);
    expect(refused).toMatchObject({ name: 'PostgresError', code: '23505' });
    expect(JSON.stringify([refused, String(refused), (refused as Error).stack])).not.toContain('hunter2');
    const thrown = sql.run(function* (tx) {
      yield* add(tx, 'b');
      throw new Problem('uniqueness');
    });
    await expect(thrown).rejects.toMatchObject({ code: 'uniqueness' });
    const lost = sql.run(function* (tx) {
      add(tx, 'lost').next();
      yield* add(tx, 'kept');
    });
    await expect(lost).rejects.toThrow(/yield\*/);
    expect(await sql.all`select id from note`).toEqual([{ id: 'hunter2' }]);
  });

  it('only read where they say so, on one snapshot, without waiting for a writer', async () => {
    const { sql, database } = await notes();
    await sql.run((tx) => add(tx, 'a'));
    let between = async () => {};
    const reader = await database.open({
      beforeStatement: ({ text }) => (text.includes('late') ? between() : undefined),
    });
    between = () => sql.run((tx) => add(tx, 'b')).then(() => {});
    const seen = await reader.read(function* (tx) {
      const before = yield* tx.all`select id from note`;
      return [before, yield* tx.all`select id from note /* late */`];
    });
    expect(seen).toEqual([[{ id: 'a' }], [{ id: 'a' }]]);
    expect(await count(reader)).toBe(2);
    await expect(reader.read((tx) => add(tx, 'c'))).rejects.toThrow('only reads');
    await expect(sql.get`delete from note returning id`).rejects.toThrow('in a unit of work');
    expect(await count(sql)).toBe(2);
  });

  it('tell a text that cannot be stored', async () => {
    const { sql } = await notes();
    await expect(sql.run((tx) => add(tx, 'a\0b'))).rejects.toMatchObject({ code: 'invalidValue' });
    await expect(sql.get`select id from note where id = ${'\0'}`).rejects.toMatchObject({ code: 'invalidValue' });
    expect(await count(sql)).toBe(0);
  });

  it('give numbers as numbers, as long as those can hold them', async () => {
    const { sql } = await notes();
    await sql.run((tx) => add(tx, 'most', Number.MAX_SAFE_INTEGER));
    expect(
      await sql.get`select n, count(*) as c, sum(n) as s, max(n) as m, (n > 3) as yes, (n < 3) as no,
      length(id) as l, null as nothing from note group by id, n`,
    ).toEqual({
      ...{ n: Number.MAX_SAFE_INTEGER, c: 1, s: Number.MAX_SAFE_INTEGER, m: Number.MAX_SAFE_INTEGER },
      ...{ yes: 1, no: 0, l: 4, nothing: null },
    });
    await expect(sql.get`select n + 2 as n from note`).rejects.toThrow(/Postgres: RangeError/);
  });

  it('put texts in the order of their bytes, as SQLite does, whatever the database would do', async () => {
    const { sql, database } = await notes();
    const texts = ['a', 'B', '_', 'ä', '-', 'Z', 'é', 'aa', 'A', '😀', '�', ''];
    for (const text of texts) await sql.run((tx) => add(tx, text));
    await sql.run(function* (tx) {
      yield* tx.run`alter table note add column other text not null default 'text'`;
      yield* tx.run`update note set other = id`;
    });
    const byBytes = texts.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    for (const column of ['id', 'other']) {
      const rows = await sql.run(function* (tx) {
        return yield* tx.query<{ id: string }>(`select id from note order by ${column}`, []);
      });
      expect(rows.map(({ id }) => id)).toEqual(byBytes);
    }
    const between = await sql.all`select id from note where id > ${'Z'} and id < ${'b'} order by id`;
    expect(between).toEqual([{ id: '_' }, { id: 'a' }, { id: 'aa' }]);
    const [own] = await database.query<{ right: boolean }>(`select 'a' < 'B' as right`);
    expect(own).toEqual({ right: true });
  });

  it('are finished before it is closed, and refused afterwards', async () => {
    const meet = meeting(2);
    const { sql, database } = await notes({
      beforeStatement: ({ values }) => (values[0] === 'slow' ? meet() : undefined),
    });
    const slow = sql.run((tx) => add(tx, 'slow'));
    const closed = sql.close();
    await expect(sql.run((tx) => add(tx, 'b'))).rejects.toMatchObject({ details: { reason: 'closing' } });
    await expect(sql.get`select id from note`).rejects.toMatchObject({ details: { reason: 'closing' } });
    await meet();
    expect(await slow).toBe(1);
    await closed;
    expect(await database.query('select id from note')).toEqual([{ id: 'slow' }]);
  });

  it('use what is prepared anew after another has changed the table', async () => {
    const { sql, database } = await notes({ connections: 2 });
    await sql.run((tx) => add(tx, 'a'));
    const all = () => sql.all`select * from note`;
    for (let times = 0; times < 4; times++) await Promise.all([all(), all()]);
    await database.query('alter table note add column more bigint');
    const unit = function* (tx: Tx): Work<unknown> {
      return yield* tx.all`select * from note`;
    };
    expect(await Promise.all([all(), sql.run(unit), sql.read(unit)])).toEqual(
      Array.from({ length: 3 }, () => [{ id: 'a', n: 1, more: null }]),
    );
  });

  it('give up a lock that is held for too long, and a process that sleeps on one', async () => {
    const { sql, database } = await notes({ patience: 300, timeouts: { lock: 50 } });
    await sql.run((tx) => add(tx, 'a'));
    const meet = meeting(2);
    let stuck = () => {};
    const held = new Promise<void>((resolve) => {
      stuck = resolve;
    });
    const sleeper = await database.open({
      timeouts: { idle: 400 },
      async beforeStatement({ text }) {
        if (!text.includes('asleep') || stuck === undefined) return;
        stuck();
        await meet();
      },
    });
    const slept = sleeper.run(function* (tx) {
      yield* tx.run`update note set n = n + 1 where id = ${'a'}`;
      yield* tx.run`update note set n = n + 1 where id = ${'a'} /* asleep */`;
    });
    await held;
    const up = (tx: Tx) => tx.run`update note set n = n + 10 where id = ${'a'}`;
    const raise = function* (tx: Tx): Work<number> {
      return yield* up(tx);
    };
    await expect(sql.run(raise)).rejects.toMatchObject({ code: 'unavailable', details: { reason: 'locked' } });
    // The server has ended the sleeper's transaction: nothing stands in the way any more.
    const patient = await database.open();
    expect(await patient.run(raise)).toBe(1);
    await meet();
    await slept;
    expect(await sql.get`select n from note`).toEqual({ n: 13 });
  });
});

describe('a lost connection', () => {
  async function wired() {
    const { database, sql } = await notes();
    const wire = await wireTo(database.address);
    open.push(wire);
    const restarts: string[] = [];
    const far = await openPostgres(wire.address, {
      ...{ connections: 1, patience: 2000, onRestart: (fate) => restarts.push(fate) },
    });
    open.push({ [Symbol.asyncDispose]: () => far.close() });
    return { sql, wire, far, restarts };
  }

  it.each(['begin isolation level serializable read write', 'commit'])(
    'before %s has arrived: done once, or not known',
    async (step) => {
      const { sql, wire, far, restarts } = await wired();
      let cut = false;
      wire.verdict = (text) => {
        if (text !== step || cut) return 'pass';
        cut = true;
        return 'cutBefore';
      };
      const outcome = await far.run((tx) => add(tx, 'a')).catch((error: unknown) => error);
      expect(cut).toBe(true);
      // Whether a COMMIT arrived cannot be told from here.
      if (step === 'commit') expect(isCommitUnknown(outcome)).toBe(true);
      else expect(outcome).toBe(1);
      expect(restarts).toEqual(step === 'commit' ? [] : ['lost']);
      expect(await count(sql)).toBe(step === 'commit' ? 0 : 1);
    },
  );

  it('after COMMIT has arrived: it is said that nobody knows, and nothing is done twice', async () => {
    const { sql, wire, far } = await wired();
    wire.verdict = (text) => (text === 'commit' ? 'cutAnswer' : 'pass');
    const outcome = await far.run((tx) => add(tx, 'a')).catch((error: unknown) => error);
    expect(isCommitUnknown(outcome)).toBe(true);
    expect(outcome).toMatchObject({ code: 'unavailable', status: 503 });
    expect(await sql.all`select id, n from note`).toEqual([{ id: 'a', n: 1 }]);
    wire.verdict = () => 'pass';
    expect(await far.run((tx) => add(tx, 'b'))).toBe(1);
  });

  it('under what only reads: it is read again', async () => {
    const { sql, wire, far, restarts } = await wired();
    await sql.run((tx) => add(tx, 'a'));
    let cuts = 0;
    wire.verdict = (text) => (text === 'commit' && cuts++ === 0 ? 'cutAnswer' : 'pass');
    const ids = function* (tx: Tx): Work<unknown> {
      return yield* tx.all`select id from note`;
    };
    expect(await far.run(ids)).toEqual([{ id: 'a' }]);
    wire.cutAll();
    expect(await far.read(ids)).toEqual([{ id: 'a' }]);
    wire.cutAll();
    expect(await far.all`select id from note`).toEqual([{ id: 'a' }]);
    expect(cuts).toBeGreaterThan(0);
    expect(restarts[0]).toBe('lost');
  });

  it('that stays lost is said', async () => {
    const { wire, far } = await wired();
    await wire[Symbol.asyncDispose]();
    open.splice(open.indexOf(wire), 1);
    const impatient = openPostgres(wire.address, { patience: 100 });
    await expect(impatient).rejects.toThrow(/^The database at postgres:.* cannot be reached .* See RR_DATABASE\.$/);
    await expect(far.run((tx) => add(tx, 'a'))).rejects.toMatchObject({ details: { reason: 'database' } });
  });
});

describe('opening a Postgres database', () => {
  it('names what is missing, and no secret', async () => {
    const database = await freshDatabase();
    open.push(database);
    const missing = { ...database.address, database: 'not_there' };
    await expect(openPostgres(missing)).rejects.toThrow(/no database not_there/);
    const encrypted = { ...database.address, sslmode: 'verify-full' as const };
    await expect(openPostgres(encrypted)).rejects.toThrow(/does not support SSL/);
    const nobody = parseDatabaseAddress(`postgres://nobody:hunter2@127.0.0.1:${await freePort()}/db`);
    if (nobody.engine !== 'postgres') throw new Error('no address');
    const refused = await openPostgres(nobody, { patience: 50 }).catch((error: unknown) => error);
    expect(String(refused)).toMatch(/ECONNREFUSED/);
    expect(String(refused)).not.toMatch(/hunter2|nobody/);
  });

  it('lets several connectors bring it to the newest schema at once', async () => {
    const database = await freshDatabase();
    open.push(database);
    const several = await Promise.all(Array.from({ length: 3 }, () => database.open({ connections: 2 })));
    const versions = await Promise.all(several.map((sql) => migrate(sql)));
    expect(versions.map(({ version }) => version)).toEqual(Array.from({ length: 3 }, () => migrations.length));
    const uncollated = await database.query(`select table_name, column_name from information_schema.columns
      where table_schema = 'public' and data_type = 'text' and collation_name is distinct from 'C'`);
    expect(uncollated).toEqual([]);
  });

  it('keeps what is promised on disk, also where the database is set not to', async () => {
    const database = await freshDatabase();
    open.push(database);
    await database.query(`alter database ${database.address.database} set synchronous_commit = off`);
    const hasty = await database.query(`select current_setting('synchronous_commit') as now`);
    const sql = await database.open();
    expect([hasty[0], await sql.get`select current_setting('synchronous_commit') as now`]).toEqual([
      { now: 'off' },
      { now: 'on' },
    ]);
  });
});

describe('texts for Postgres', () => {
  it('number their values, but not in quotes', () => {
    expect(native(`select '?', "a?" from t where a = ? and b in (?, ?) and c <> 'it''s ?'`, true)).toBe(
      `select '?', "a?" from t where a = $1 and b in ($2, $3) and c <> 'it''s ?'`,
    );
    expect(native(`create table t (a text primary key, b text default 'text')`, true)).toBe(
      `create table t (a text collate "C" primary key, b text collate "C" default 'text')`,
    );
    expect(native('create table t (a text)', false)).toBe('create table t (a text)');
    expect(native('select text from t', true)).toBe('select text from t');
  });

  it('have one name each, in all that are asked for twice, and never more than fit', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 3000 }), { maxLength: 4000 }), (asked) => {
        const texts = nativeTexts({ collate: true });
        const names = new Map<string, string>();
        for (const number of asked) {
          const { name, text } = texts.of(`select ${number} where ?`);
          expect(text).toBe(`select ${number} where $1`);
          if (name === undefined) continue;
          expect(names.get(name) ?? text).toBe(text);
          names.set(name, text);
        }
        expect(names.size).toBeLessThanOrEqual(500);
      }),
      { numRuns: 30 },
    );
  });
});
