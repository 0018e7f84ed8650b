// A move between the engines: that all arrives as it was, and that it may be broken off at any statement and any commit.

import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { migrate, writeMeta } from '../../connector/sql/migrate.ts';
import { migrations } from '../../connector/sql/migrations.ts';
import { abandon, discard, type MoveDeps, moveDatabase } from '../../connector/sql/move.ts';
import type { End } from '../../connector/sql/move-check.ts';
import { clearFence, lowerFence, raiseFence, unfenced } from '../../connector/sql/move-fence.ts';
import { readMove, whyNot } from '../../connector/sql/move-record.ts';
import { openPostgres } from '../../connector/sql/postgres.ts';
import { ownTables, type Table, tablesOf } from '../../connector/sql/schema.ts';
import type { Sql, Statement } from '../../connector/sql/sql.ts';
import { openSqlite } from '../../connector/sql/sqlite.ts';
import { StartError } from '../../connector/start-error.ts';
import { wireTo } from '../postgres/cut.ts';
import { type FreshDatabase, freshDatabase } from '../postgres/database.ts';
import { engines, freshSql } from '../postgres/engine.ts';
import { contentOf, fillings, insert, plainFilling } from './filling.ts';

let tables: Table[] = [];
const places: FreshDatabase[] = [];
beforeAll(async () => {
  tables = await ownTables();
});
afterEach(async () => {
  await Promise.all(places.splice(0).map((place) => place[Symbol.asyncDispose]()));
}, 60_000);

const endOf = (sql: Sql, engine: End['engine']): End => {
  const place = randomUUID();
  return { sql, engine, shown: `${engine}:${place.slice(0, 4)}`, place };
};

async function sqliteEnd(options: Parameters<typeof openSqlite>[1] = {}): Promise<End> {
  const sql = openSqlite(':memory:', options);
  await migrate(sql);
  return endOf(sql, 'sqlite');
}

async function postgresEnd(options: Parameters<FreshDatabase['open']>[0] = {}): Promise<End> {
  const database = await freshDatabase({ migrated: true });
  places.push(database);
  return endOf(await database.open(options), 'postgres');
}

/** Moves, as the command does; `from` of a hook's making. */
function move(from: End, to: End, more: Partial<MoveDeps> = {}) {
  const deps: MoveDeps = {
    ...{ from, to, now: () => 1_000_000, newId: () => randomUUID(), say: () => {}, stopped: () => false },
    alone: async () => ({ dead: false }),
    ...more,
  };
  return moveDatabase(deps);
}

const standing = async ({ sql }: End) => whyNot(await sql.run(readMove)) === undefined;
/** Everything but what the end of a move adds itself: an audit entry for each tenant. */
async function contents({ sql }: End) {
  return contentOf(sql, tables);
}

describe('the tables of a move', () => {
  it('are all that the migrations have made, on either engine, with the same columns and keys', async () => {
    const made = migrations.flat().flatMap((text) => /create table (?:if not exists )?(\w+)/.exec(text)?.[1] ?? []);
    const dropped = migrations.flat().flatMap((text) => /drop table (?:if exists )?(\w+)/.exec(text)?.[1] ?? []);
    const wanted = [...made.filter((name) => !dropped.includes(name)), 'meta'].sort();
    expect(tables.map(({ name }) => name).sort()).toEqual(wanted);
    expect(tables.filter(({ key }) => key.length === 0)).toEqual([]);
    await using database = await freshDatabase({ migrated: true });
    const there = await tablesOf(await database.open(), 'postgres');
    const byName = (all: Table[]) => Object.fromEntries(all.map((table) => [table.name, table]));
    expect(byName(there)).toEqual(byName(tables));
  });
});

describe.each(engines)('stopped writes on %s', (engine) => {
  it('refuse every change of every table, also to who was there before, and nothing else', async () => {
    await using fresh = await freshSql(engine);
    const { sql } = fresh;
    await migrate(sql);
    const filling = plainFilling(tables, 'a');
    await insert(sql, filling);
    const before = await contentOf(sql, tables);
    const names = tables.map(({ name }) => name);
    // What this connection has prepared before is refused too.
    const acts = ({ name, columns: [first] }: Table) => [
      `insert into "${name}" select * from "${name}"`,
      `update "${name}" set "${first?.name}" = "${first?.name}"`,
      `delete from "${name}"`,
    ];
    const outcomeOf = (text: string) =>
      sql
        .run(function* (tx) {
          yield* tx.change(text, []);
          throw new Error('not refused');
        })
        .catch((error: Error) => ({
          message: error.message,
          ...('details' in error ? { details: error.details } : {}),
        }));
    await sql.run((tx) => writeMeta(tx, 'some', 'thing'));
    for (const table of tables.filter(({ name }) => name !== 'meta')) {
      for (const text of acts(table).slice(1)) expect(await outcomeOf(text)).toEqual({ message: 'not refused' });
    }
    await sql.run((tx) => raiseFence(tx, engine, names));
    await sql.run((tx) => raiseFence(tx, engine, names));
    const refused = { message: 'unavailable', details: { reason: 'moving', retryAfter: 10 } };
    for (const table of tables)
      for (const text of acts(table)) expect([text, await outcomeOf(text)]).toEqual([text, refused]);
    if (engine === 'postgres') for (const name of names) expect(await outcomeOf(`truncate "${name}"`)).toEqual(refused);
    await expect(sql.run((tx) => writeMeta(tx, 'version', '1'))).rejects.toMatchObject({ code: 'unavailable' });
    await sql.run((tx) => writeMeta(tx, 'move', '{}'));
    expect(await sql.run((tx) => unfenced(tx, engine, names))).toEqual([]);

    await sql.run((tx) => lowerFence(tx, engine));
    expect(await sql.run((tx) => unfenced(tx, engine, names))).toEqual(names);
    for (const table of tables.filter(({ name }) => name !== 'meta'))
      for (const text of acts(table).slice(1))
        expect([text, await outcomeOf(text)]).toEqual([text, { message: 'not refused' }]);
    await sql.run((tx) => raiseFence(tx, engine, names));
    expect(await outcomeOf('delete from user_word')).toEqual(refused);
    await sql.run((tx) => lowerFence(tx, engine));
    await clearFence(sql, engine);
    if (engine === 'postgres') expect(await sql.all`select tgname from pg_trigger where not tgisinternal`).toEqual([]);
    await insert(sql, plainFilling(tables, 'b'));
    const after = await contentOf(sql, tables);
    for (const name of names.filter((one) => one !== 'meta'))
      expect((after[name] as unknown[]).length).toBeGreaterThan((before[name] as unknown[]).length);
  });

  it('wait for a unit of work that is under way, and let none through afterwards', async () => {
    await using fresh = await freshSql(engine);
    const { sql } = fresh;
    await migrate(sql);
    await insert(sql, plainFilling(tables, 'a'));
    const outcomes: ('done' | 'refused')[] = [];
    let count = 0;
    const write = async () => {
      for (let n = 0; n < 25; n++) {
        const key = `writer ${count++}`;
        try {
          await sql.run(function* (tx) {
            yield* tx.run`insert into resource_count (tenant, resource_type, total, epoch, newest) values (${key}, 'a', 1, 1, '')`;
            yield* tx.run`insert into user_word (tenant, word, user_id) values (${key}, 'a', 'a')`;
          });
          outcomes.push('done');
        } catch (error) {
          expect(error).toMatchObject({ code: 'unavailable', details: { reason: 'moving' } });
          outcomes.push('refused');
        }
      }
    };
    const writers = [write(), write(), write()];
    await sql.run((tx) =>
      raiseFence(
        tx,
        engine,
        tables.map(({ name }) => name),
      ),
    );
    const frozen = await contentOf(sql, tables);
    await Promise.all(writers);
    expect(await contentOf(sql, tables)).toEqual(frozen);
    const written = (frozen.user_word as string[][]).filter(([tenant]) => tenant?.startsWith('writer'));
    expect(written.length).toBe(outcomes.filter((outcome) => outcome === 'done').length);
    expect(outcomes).toContain('refused');
  });
});

describe('a move', () => {
  it('brings everything from one engine to the other, and back', { timeout: 60_000 }, async () => {
    const empty = await sqliteEnd();
    const arbitrary = await fillings(empty.sql);
    await fc.assert(
      fc.asyncProperty(arbitrary, async (filling) => {
        const [first, last] = [await sqliteEnd(), await sqliteEnd()];
        const middle = await postgresEnd();
        await insert(
          first.sql,
          filling.filter(({ table }) => table.name !== 'tenant'),
        );
        const before = await contents(first);
        await move(first, middle);
        expect(await contents(middle)).toEqual(before);
        await move(middle, last);
        expect(await contents(last)).toEqual(before);
        expect(await Promise.all([first, middle, last].map(standing))).toEqual([false, false, true]);
      }),
      { numRuns: 4 },
    );
  });

  it('keeps the order of keys over many pages, whatever the engine sorts by', { timeout: 60_000 }, async () => {
    const [first, last] = [await sqliteEnd(), await sqliteEnd()];
    const middle = await postgresEnd();
    await first.sql.run(function* (tx) {
      for (let n = 0; n < 700; n++) {
        yield* tx.run`insert into reset_event (tenant, reset, seq, name, at, evidence) values ('t', 'r', ${n * 7 - 900}, 'n', ${n}, null)`;
        const word = `${['ä', 'a', 'Z', '_', '😀', '-', 'ß'][n % 7]}${n}`;
        yield* tx.run`insert into user_word (tenant, word, user_id) values ('t', ${word}, ${String(n)})`;
      }
    });
    const before = await contents(first);
    expect(await move(first, middle)).toEqual({ rows: 1402, already: false });
    expect(await move(middle, last)).toEqual({ rows: 1402, already: false });
    expect(await contents(last)).toEqual(before);
  });

  it('says in the record of every tenant that it has come to its end', async () => {
    const [from, to] = [await sqliteEnd(), await sqliteEnd()];
    await insert(
      from.sql,
      plainFilling(
        tables.filter(({ name }) => name !== 'audit' && name !== 'tenant'),
        'a',
      ),
    );
    for (const id of ['one', 'two']) {
      await from.sql.run(function* (tx) {
        yield* tx.run`insert into tenant (id, tid, name, domains, directory, issuer, client_id, mail_from, policy, branding, created)
          values (${id}, ${id}, ${id}, '', 'embedded', '', '', '', '{}', '{}', 0)`;
      });
    }
    const before = await contents(from);
    await move(from, to);
    const { audit, ...rest } = await contents(to);
    expect({ ...rest, audit: [] }).toEqual(before);
    expect(audit).toEqual(
      ['one', 'two'].map((id) => [
        id,
        '1',
        '1000000',
        'operator',
        'database.moved',
        ...Array(3).fill(expect.any(String)),
        // Chained at once: it never waited, and is hashed with its place.
        ...[null, null],
      ]),
    );
  });
});

/** Breaks off where it is told to: at a statement, or right behind the n-th commit since it was told, as kill -9 would. */
function breaking() {
  class Broken extends Error {}
  const state: { at?: ((statement: Statement) => boolean) | undefined; commits: number } = {
    commits: Number.POSITIVE_INFINITY,
  };
  return {
    state,
    Broken,
    options: {
      beforeStatement(statement: Statement) {
        if (!state.at?.(statement)) return;
        state.at = undefined;
        throw new Broken('broken off');
      },
      commit(commit: () => void) {
        commit();
        if (--state.commits === 0) throw new Broken('broken off');
      },
    },
  };
}

/** Rows in a few tables: each is a commit of its own. */
const few = () =>
  tables.filter(({ name }) => ['user_word', 'reset_event', 'group_member', 'oidc_model'].includes(name));
const failure = (one: Promise<unknown>) =>
  one.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('broken off', () => {
  it.each(['goes on', 'is given up'] as const)(
    'right behind any commit, which is all that can be told apart, it %s',
    { timeout: 60_000 },
    async (then) => {
      let broken = 0;
      for (let at = 1, whole = false; !whole; at++) {
        const { state, options, Broken } = breaking();
        const [from, to] = [await sqliteEnd(options), await sqliteEnd(options)];
        await insert(from.sql, plainFilling(few(), 'a'));
        const before = await contents(from);
        state.commits = at;
        const error = await failure(move(from, to));
        whole = error === undefined;
        if (!whole) expect(error).toBeInstanceOf(Broken);
        if (!whole) broken++;
        state.commits = Number.POSITIVE_INFINITY;
        // Never two that may be served, and nothing is changed where it came from.
        const both = (await standing(from)) && (await standing(to));
        expect(both && (await to.sql.run(readMove)) !== undefined, `at ${at}`).toBe(false);
        expect(await contents(from), `at ${at}`).toEqual(before);
        const record = await from.sql.run(readMove);
        if (then === 'goes on' || record?.state === 'done') {
          if (then === 'is given up') await expect(abandon(from, 2)).rejects.toThrow(/too late/);
          await move(from, to);
          expect(await contents(to), `at ${at}`).toEqual(before);
        } else {
          const id = await abandon(from, 2);
          expect(await standing(from)).toBe(true);
          // Written again, and moved once more: over what was left there, or after it was taken away.
          await insert(from.sql, plainFilling(few(), 'b'));
          if (id !== undefined && at % 2 === 0) await discard(to, id);
          const later = await contents(from);
          await move(from, to);
          expect(await contents(to), `at ${at}`).toEqual(later);
        }
        expect([await standing(from), await standing(to)], `at ${at}`).toEqual([false, true]);
      }
      expect(broken).toBeGreaterThan(15);
    },
  );

  const writes = (what: RegExp) => (statement: Statement) =>
    what.test(`${statement.text} ${statement.values.join(' ')}`);
  const steps: [string, 'to Postgres' | 'from Postgres', RegExp][] = [
    ['stopping writes', 'from Postgres', /create trigger move_fence_user_word_delete/],
    ['taking the target', 'to Postgres', /into meta .*"role":"target","state":"copying"/s],
    ['copying', 'to Postgres', /insert into "reset_event"/],
    ['copying', 'from Postgres', /insert into "reset_event"/],
    ['leaving the source', 'from Postgres', /into meta .*"role":"source","state":"done"/s],
    ['opening the target', 'to Postgres', /into meta .*"role":"target","state":"done"/s],
  ];
  it.each(steps)('while %s, %s, it goes on', { timeout: 60_000 }, async (_step, way, at) => {
    const { state, options, Broken } = breaking();
    const { beforeStatement } = options;
    const ends = [await sqliteEnd(options), await postgresEnd({ beforeStatement })] as const;
    const [from, to] = way === 'to Postgres' ? ends : ([ends[1], ends[0]] as const);
    await insert(from.sql, plainFilling(few(), 'a'));
    const before = await contents(from);
    state.at = writes(at);
    expect(await failure(move(from, to))).toBeInstanceOf(Broken);
    expect([await standing(from), await contents(from)]).toEqual([/stopping/.test(_step), before]);
    await move(from, to);
    expect(await contents(to)).toEqual(before);
    expect([await standing(from), await standing(to)]).toEqual([false, true]);
  });

  it('by a wire that is cut at every third commit it arrives all the same', { timeout: 60_000 }, async () => {
    const from = await sqliteEnd();
    for (let n = 0; n < 60; n++) await insert(from.sql, plainFilling(few(), `key ${n}`));
    const before = await contents(from);
    await using database = await freshDatabase({ migrated: true });
    await using wire = await wireTo(database.address);
    const sql = await openPostgres(wire.address, { connections: 2, random: () => 0 });
    const to = endOf(sql, 'postgres');
    let commits = 0;
    let cuts = 0;
    wire.verdict = (text) => {
      if (text !== 'commit' || ++commits % 3 !== 0) return 'pass';
      return ++cuts % 2 === 0 ? 'cutBefore' : 'cutAnswer';
    };
    await move(from, to);
    wire.verdict = () => 'pass';
    expect(cuts).toBeGreaterThan(7);
    expect(await contents(to)).toEqual(before);
    expect([await standing(from), await standing(to)]).toEqual([false, true]);
    await sql.close();
  });

  it('by somebody who asks it to stop, it says how to go on', async () => {
    const [from, to] = [await sqliteEnd(), await sqliteEnd()];
    await insert(
      from.sql,
      plainFilling(
        tables.filter(({ name }) => name !== 'audit'),
        'a',
      ),
    );
    await expect(move(from, to, { stopped: () => true })).rejects.toThrow(/^Stopped\. .*same command/);
    expect([await standing(from), await standing(to)]).toEqual([false, false]);
    await expect(migrate(from.sql)).rejects.toThrow(/^This database is being moved to sqlite:/);
    await expect(migrate(to.sql)).rejects.toThrow(/^This database is being filled from sqlite:/);
    await move(from, to);
    await expect(migrate(from.sql)).rejects.toThrow(
      /^This database was moved to sqlite:.* Set RR_DATABASE to that one\.$/,
    );
    await migrate(to.sql);
    expect(await move(from, to)).toEqual({ rows: 0, already: true });
  });
});

describe('a move is refused', () => {
  it('when a row does not arrive as it was: it is not switched', async () => {
    const tampering = { on: false };
    const [from, to] = [await sqliteEnd(), await sqliteEnd()];
    await insert(
      from.sql,
      plainFilling(
        tables.filter(({ name }) => name !== 'audit' && name !== 'tenant'),
        'a',
      ),
    );
    const say = (line: string) => {
      if (line.startsWith('Copied')) tampering.on = true;
    };
    const spoiled: End = {
      ...to,
      sql: {
        ...to.sql,
        async read(work) {
          if (tampering.on) {
            tampering.on = false;
            await to.sql.run(function* (tx) {
              yield* tx.run`update user_word set user_id = 'x' where word like '%1'`;
            });
          }
          return to.sql.read(work);
        },
      },
    };
    await expect(move(from, spoiled, { say })).rejects.toThrow(/^The table user_word is not the same at both ends/);
    expect([await standing(from), await standing(to)]).toEqual([false, false]);
  });

  it('when Postgres cannot hold it: the row is named, and writes go on', async () => {
    const from = await sqliteEnd();
    // As an earlier release could write it; this one takes no such text from anybody.
    await from.sql.run(function* (tx) {
      yield* tx.run`insert into user_word (tenant, word, user_id) values ('t', cast(x'610062' as text), 'u')`;
    });
    await expect(move(from, await postgresEnd())).rejects.toThrow(
      /^Postgres cannot hold .*: user_word \["t","a\\u0000b","u"\]\.$/,
    );
    await insert(from.sql, plainFilling(tables, 'a'));
    expect(await standing(from)).toBe(true);
  });

  it('when a text is too long for an index of Postgres: its row is named, and the move can be given up', async () => {
    const from = await sqliteEnd();
    // What cannot be compressed.
    const long = Array.from({ length: 6000 }, () =>
      String.fromCodePoint(0x4e00 + Math.floor(Math.random() * 20_000)),
    ).join('');
    await from.sql.run(function* (tx) {
      for (const word of ['a', long, 'z'])
        yield* tx.run`insert into user_word (tenant, word, user_id) values ('t', ${word}, 'u')`;
    });
    const to = await postgresEnd();
    await expect(move(from, to)).rejects.toThrow(
      /too long for an index \(user_word \["t","[^"]{60}","u"\]\)\..*--abort/,
    );
    await abandon(from, 2);
    await insert(from.sql, plainFilling(tables, 'a'));
    expect(await standing(from)).toBe(true);
  });

  it('when the target is not empty, is another’s, or the very same: writes go on', async () => {
    const from = await sqliteEnd();
    const full = await sqliteEnd();
    await insert(full.sql, plainFilling(tables, 'a'));
    await expect(move(from, full)).rejects.toThrow(/ is not empty \(\w+\)\. Name an empty database\.$/);
    const half = await sqliteEnd();
    const other = await sqliteEnd();
    await insert(
      other.sql,
      plainFilling(
        tables.filter(({ name }) => name !== 'audit'),
        'a',
      ),
    );
    await expect(move(other, half, { stopped: () => true })).rejects.toThrow(StartError);
    await expect(move(from, half)).rejects.toThrow(/what a move from .* has left unfinished/);
    await expect(move(half, from)).rejects.toThrow(/ is itself being filled from /);
    await expect(move(other, await sqliteEnd())).rejects.toThrow(/ is being moved to .* Go on with that/);
    await move(other, half);
    await expect(move(from, other)).rejects.toThrow(/ was moved to .* Name an empty database/);
    await expect(move(from, from)).rejects.toThrow(/same database/);
    expect(await standing(from)).toBe(true);
    await insert(from.sql, plainFilling(tables, 'a'));
  });

  it('when the schema is another release’s', async () => {
    const from = await sqliteEnd();
    await from.sql.run((tx) => writeMeta(tx, 'version', String(migrations.length + 1)));
    await expect(move(from, await sqliteEnd())).rejects.toThrow(/schema of another release/);
    const strange = await sqliteEnd();
    await strange.sql.run(function* (tx) {
      yield* tx.run`alter table job add column more text`;
    });
    await expect(move(strange, await sqliteEnd())).rejects.toThrow(
      /^The table job of .* is not as this release has it/,
    );
  });

  it('by its first run once another one has taken it over', async () => {
    const [from, to] = [await sqliteEnd(), await sqliteEnd()];
    await insert(
      from.sql,
      plainFilling(
        tables.filter(({ name }) => name !== 'audit' && name !== 'tenant'),
        'a',
      ),
    );
    let second: Promise<unknown> | undefined;
    const first = move(from, to, {
      say(line) {
        if (line === 'Writes are stopped.') second = move(from, to);
      },
    });
    const outcomes = await Promise.allSettled([first, first.catch(() => second)]);
    expect(outcomes[0]).toMatchObject({
      status: 'rejected',
      reason: { message: expect.stringMatching(/taken this over/) },
    });
    expect(outcomes[1]?.status).toBe('fulfilled');
    expect([await standing(from), await standing(to)]).toEqual([false, true]);
  });

  it('to be used before its end, by a connector that is started on the target', async () => {
    const [from, to] = [await sqliteEnd(), await sqliteEnd()];
    await move(from, to, {
      async alone() {
        await expect(migrate(to.sql)).rejects.toThrow(/is being filled/);
        return { dead: false };
      },
    });
    await migrate(to.sql);
  });
});
