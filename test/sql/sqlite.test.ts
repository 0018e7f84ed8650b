import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, it } from 'vitest';
import { Problem } from '#shared/problem.ts';
import type { Sql, Statement, Tx, Work } from '../../connector/sql/sql.ts';
import { openSqlite } from '../../connector/sql/sqlite.ts';

const open: Sql[] = [];
afterEach(async () => {
  for (const sql of open.splice(0)) await sql.close();
});

function file(): string {
  return join(mkdtempSync(join(tmpdir(), 'rr-sql-')), 'test.db');
}

async function notes(path = ':memory:', beforeStatement?: (statement: Statement) => void): Promise<Sql> {
  const sql = openSqlite(path, { busyFor: 300, ...(beforeStatement ? { beforeStatement } : {}) });
  open.push(sql);
  await sql.run(function* (tx) {
    yield* tx.run`create table if not exists note (id text primary key, n bigint)`;
  });
  return sql;
}

function* add(tx: Tx, id: string, n = 1): Work<number> {
  return yield* tx.run`insert into note (id, n) values (${id}, ${n})`;
}

const count = async (sql: Sql) => (await sql.get<{ n: number }>`select count(*) as n from note`)?.n;

describe('units of work on SQLite', () => {
  it('commits what a generator did and returns its value', async () => {
    const sql = await notes();
    expect(await sql.run((tx) => add(tx, 'a'))).toBe(1);
    expect(await sql.get`select id, n from note`).toEqual({ id: 'a', n: 1 });
    expect(await sql.get`select id from note where id = ${'b'}`).toBeUndefined();
  });

  it('reads on one snapshot, without waiting for a writer, and never writes', async () => {
    const path = file();
    const sql = await notes(path);
    await sql.run((tx) => add(tx, 'a'));
    const other = new DatabaseSync(path);
    other.exec('begin immediate');
    const seen = await sql.read(function* (tx) {
      const before = yield* tx.get<{ n: number }>`select count(*) as n from note`;
      other.exec(`insert into note (id, n) values ('b', 1); commit`);
      const after = yield* tx.get<{ n: number }>`select count(*) as n from note`;
      return [before?.n, after?.n];
    });
    expect(seen).toEqual([1, 1]);
    // What is read in the same turn of the event loop is read on the same snapshot; the next turn sees more.
    expect(await count(sql)).toBe(2);
    other.exec(`begin immediate; insert into note (id, n) values ('d', 1); commit; delete from note where id = 'd'`);
    await expect(sql.read((tx) => add(tx, 'c'))).rejects.toThrow('only reads');
    expect(await count(sql)).toBe(2);
    const returning = 'update note set n = 9 returning n';
    await expect(
      sql.read(function* (tx) {
        yield* tx.query(returning, []);
      }),
    ).rejects.toThrow('only reads');
    expect(await sql.run((tx) => add(tx, 'c'))).toBe(1);
    other.close();
  });

  it('refuses what still waits for another process when it is closed', async () => {
    const path = file();
    const sql = await notes(path);
    const other = new DatabaseSync(path);
    other.exec('begin immediate');
    const waiting = expect(sql.run((tx) => add(tx, 'a'))).rejects.toMatchObject({ code: 'unavailable' });
    await new Promise((resolve) => setTimeout(resolve, 20));
    await sql.close();
    await waiting;
    other.close();
  });

  it('lets works that arrive in one turn share a commit, and a failing one fails alone', async () => {
    const path = file();
    const sql = await notes(path);
    const results = await Promise.allSettled([
      sql.run((tx) => add(tx, 'a')),
      sql.run(function* (tx) {
        yield* add(tx, 'b');
        throw new Problem('uniqueness');
      }),
      sql.run((tx) => add(tx, 'a')),
      sql.run((tx) => add(tx, 'c')),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
    expect(await sql.all`select id from note order by id`).toEqual([{ id: 'a' }, { id: 'c' }]);
  });

  it('leaves nothing behind of one that fails after an “update … returning”, and everything of the others', async () => {
    const sql = await notes(file());
    await sql.run((tx) => add(tx, 'a'));
    const results = await Promise.allSettled([
      sql.run((tx) => add(tx, 'b')),
      sql.run(function* (tx) {
        yield* tx.query('update note set n = n + 10 where id = ? returning n', ['a']);
        throw new Problem('uniqueness');
      }),
      sql.run(function* (tx) {
        return yield* tx.query<{ n: number }>('update note set n = n + 100 where id = ? returning n', ['a']);
      }),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await sql.all`select id, n from note order by id`).toEqual([
      { id: 'a', n: 101 },
      { id: 'b', n: 1 },
    ]);
  });

  it('finds a forgotten yield*', async () => {
    const sql = await notes();
    const work = sql.run(function* (tx) {
      add(tx, 'lost').next();
      yield* add(tx, 'kept');
    });
    await expect(work).rejects.toThrow(/yield\*/);
    expect(await count(sql)).toBe(0);
  });

  it('changes nothing when it is stopped at any statement', async () => {
    for (let stop = 1; stop <= 3; stop++) {
      let seen = 0;
      let armed = false;
      const sql = await notes(':memory:', () => {
        if (armed && ++seen === stop) throw new Error('stopped');
      });
      armed = true;
      const work = sql.run(function* (tx) {
        for (const id of ['a', 'b', 'c']) yield* add(tx, id);
      });
      await expect(work).rejects.toThrow('stopped');
      armed = false;
      expect(await count(sql)).toBe(0);
    }
  });

  it('runs the innocent again when the disk failed under the group', async () => {
    let full = 2;
    const sql = await notes(':memory:', (statement) => {
      if (statement.values[0] === 'b' && full-- > 0) throw Object.assign(new Error('disk'), { errcode: 13 });
    });
    const results = await Promise.allSettled(['a', 'b', 'c'].map((id) => sql.run((tx) => add(tx, id))));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect((results[1] as PromiseRejectedResult).reason).toMatchObject({ code: 'unavailable' });
    expect(await sql.all`select id from note order by id`).toEqual([{ id: 'a' }, { id: 'c' }]);
  });

  it('waits for a locked database without blocking the event loop, then refuses', async () => {
    const path = file();
    const sql = await notes(path);
    const other = new DatabaseSync(path);
    other.exec('begin immediate');
    let turns = 0;
    const ticking = setInterval(() => turns++, 5);
    await expect(sql.run((tx) => add(tx, 'a'))).rejects.toMatchObject({ code: 'unavailable' });
    clearInterval(ticking);
    expect(turns).toBeGreaterThan(5);
    const later = sql.run((tx) => add(tx, 'a'));
    other.exec('commit');
    other.close();
    expect(await later).toBe(1);
  });

  it('keeps what was promised through a reopening, in WAL with full synchronisation', async () => {
    const path = file();
    const sql = await notes(path);
    await sql.run((tx) => add(tx, 'a'));
    await sql.close();
    await expect(sql.run((tx) => add(tx, 'b'))).rejects.toMatchObject({ code: 'unavailable' });
    const again = await notes(path);
    expect(await count(again)).toBe(1);
    expect(await again.get`pragma journal_mode`).toEqual({ journal_mode: 'wal' });
    expect(await again.get`pragma synchronous`).toEqual({ synchronous: 2 });
  });
});
