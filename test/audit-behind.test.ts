// The record where many write at once: entries are chained behind the writes, by whoever holds the lease, and whatever is
// killed in between, the chain is whole, has no gaps, and holds every entry that was committed exactly once.

import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { endOfChain, leave, record, recordedEntries, type Said, verifyAudit } from '../connector/audit.ts';
import { logger } from '../connector/log.ts';
import { eventLoop } from '../connector/scheduler.ts';
import { seal, sealLease, sealNow, sealOnce, startSealer } from '../connector/sealer.ts';
import { migrate } from '../connector/sql/migrate.ts';
import type { Sql, Statement, Tx, Work } from '../connector/sql/sql.ts';
import { openSqlite } from '../connector/sql/sqlite.ts';
import { countOf } from '../connector/store/counts.ts';
import { publish, waiting } from '../connector/store/events.ts';
import { type FreshDatabase, freshDatabase } from './postgres/database.ts';
import { engines, freshSql } from './postgres/engine.ts';

const tenant = 'default';
const said = (n: number, action = 'a.b'): Said => ({
  at: n,
  actor: 'operator',
  action,
  target: `user:${n}`,
  detail: '{}',
});
const entry = (n: number, action = 'a.b') => ({ tenant, at: n, actor: 'operator', action, target: `user:${n}` });
const log = logger('fatal', { write() {} });

/** The targets in the order of the chain. */
async function chained(sql: Sql): Promise<string[]> {
  const rows = await sql.all<{ target: string }>`select target from audit where tenant = ${tenant} order by seq`;
  return rows.map(({ target }) => target);
}

const numbers = (count: number) => Array.from({ length: count }, (_one, n) => n);
const targets = (list: readonly number[]) => list.map((n) => `user:${n}`).sort();

describe.each(engines)('on %s', (engine) => {
  it('what waits is chained in the transaction that takes it out of the queue, and verifies', async () => {
    await using fresh = await freshSql(engine);
    const { sql } = fresh;
    await migrate(sql);
    await sql.run((tx) => record(tx, entry(0)));
    for (const n of [1, 2, 3]) await sql.run((tx) => leave(tx, tenant, said(n)));
    await sql.run((tx) => leave(tx, 'other', said(9)));
    await sealOnce(sql, 0);
    expect(await verifyAudit(sql, tenant)).toEqual({ entries: 4 });
    expect(await verifyAudit(sql, 'other')).toEqual({ entries: 1 });
    await sql.run((tx) => record(tx, entry(4)));
    await sealOnce(sql, 0);
    expect([(await chained(sql)).sort(), await verifyAudit(sql, tenant)]).toEqual([
      targets(numbers(5)),
      { entries: 5 },
    ]);
  });

  it('a sealer that is stopped at any statement has done all of it or nothing', async () => {
    let stopAt = Number.POSITIVE_INFINITY;
    let asked = 0;
    const beforeStatement = (_statement: Statement) => {
      if (++asked > stopAt) throw new Error('killed');
    };
    await using fresh = engine === 'sqlite' ? undefined : await freshDatabase({ migrated: true });
    const sql = fresh ? await fresh.open({ beforeStatement }) : openSqlite(':memory:', { beforeStatement });
    await migrate(sql);
    const all = 30;
    for (const n of numbers(all)) await sql.run((tx) => leave(tx, tenant, said(n)));
    for (let step = 0; ; step++) {
      [asked, stopAt] = [0, step];
      const sealed = await sql.run((tx) => seal(tx, tenant, { holder: 'a', now: 0 }), 'snapshot').catch(() => 'killed');
      stopAt = Number.POSITIVE_INFINITY;
      const { entries, brokenAt, waiting } = await verifyAudit(sql, tenant);
      expect([brokenAt, entries + (waiting?.entries ?? 0)]).toEqual([undefined, all]);
      if (sealed !== 'killed') {
        expect([sealed, waiting]).toEqual([all, undefined]);
        expect(step).toBeGreaterThan(5);
        break;
      }
      expect(entries).toBe(0);
    }
    expect((await chained(sql)).sort()).toEqual(targets(numbers(all)));
    if (!fresh) await sql.close();
  });

  it('a lease keeps others out until it is over or given back; a guest seals whoever has it', async () => {
    await using fresh = await freshSql(engine);
    const { sql } = fresh;
    await migrate(sql);
    let n = 0;
    const by = async (holder: string, now: number) => {
      await sql.run((tx) => leave(tx, tenant, said(n++)));
      return sql.run((tx) => seal(tx, tenant, { holder, now }), 'snapshot');
    };
    expect(await by('a', 1000)).toBe(1);
    expect(await by('b', 1000 + sealLease - 1)).toBeUndefined();
    expect(await by('guest', 1100)).toBe(2);
    expect(await by('b', 1100)).toBeUndefined();
    expect(await by('a', 1200)).toBe(2);
    expect(await by('b', 1200 + sealLease)).toBe(1);
    // Written by a clock that is an hour ahead: nobody waits for that.
    expect(await by('c', 3_600_000)).toBe(1);
    expect(await by('b', 5000)).toBe(1);
    expect(await verifyAudit(sql, tenant)).toEqual({ entries: 8 });
  });

  it('finds an entry that was changed while it waited, before and after it is chained', async () => {
    await using fresh = await freshSql(engine);
    const { sql } = fresh;
    await migrate(sql);
    for (const n of [1, 2]) await sql.run((tx) => leave(tx, tenant, said(n)));
    const change = (text: string) => sql.run((tx) => changed(tx, text));
    await change(`update audit_waiting set actor = 'nobody' where target = 'user:2'`);
    expect((await verifyAudit(sql, tenant)).waiting).toMatchObject({ entries: 2, changed: 1 });
    await sealOnce(sql, 0);
    expect((await verifyAudit(sql, tenant)).brokenAt).toBeDefined();
    // Nobody can mend it afterwards: the hash that it was recorded with is in the chain.
    await change(`update audit set actor = 'operator' where actor = 'nobody'`);
    expect((await verifyAudit(sql, tenant)).brokenAt).toBeDefined();
  });

  it('shows what is not yet chained behind everything else, and says so', async () => {
    await using fresh = await freshSql(engine);
    const { sql } = fresh;
    await migrate(sql);
    for (const n of [1, 2]) await sql.run((tx) => leave(tx, tenant, said(n)));
    await sealOnce(sql, 0);
    await sql.run((tx) => leave(tx, tenant, said(3, 'user.created')));
    const last = await recordedEntries(sql, tenant, 2);
    expect(last.map(({ seq, target }) => [seq, target])).toEqual([
      [2, expect.any(String)],
      [undefined, 'user:3'],
    ]);
    expect(await recordedEntries(sql, tenant, 9, 'user')).toHaveLength(1);
  });
});

function* changed(tx: Tx, text: string): Work<void> {
  yield* tx.change(text, []);
}

describe('on Postgres, many at once', () => {
  let database: FreshDatabase | undefined;
  afterEach(async () => {
    await database?.[Symbol.asyncDispose]();
    database = undefined;
  });

  it('with sealers that are killed at any statement, two at a time: whole, no gaps, each entry once', {
    timeout: 120_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 12 }), {
          minLength: 2,
          maxLength: 4,
        }),
        fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 12 }),
        async (writers, kills) => {
          database = await freshDatabase({ migrated: true });
          const writing = await database.open({ connections: 4 });
          let n = 0;
          const committed: number[] = [];
          /** Each writes entries in transactions of some, some of which fail after they have recorded. */
          const write = async (sizes: readonly number[]) => {
            for (const size of sizes) {
              const mine = numbers(size).map(() => n++);
              const fails = size === 3;
              const work = writing.run((tx) => several(tx, mine, fails));
              if (fails) await expect(work).rejects.toThrow('no');
              else committed.push(...(await work));
            }
          };
          let over = false;
          const sealing = async (holder: string, shift: number) => {
            let [asked, round] = [0, shift];
            const beforeStatement = () => {
              const at = kills[round % kills.length] ?? 1;
              if (!over && ++asked === at) {
                [asked, round] = [0, round + 2];
                throw new Error('killed');
              }
            };
            const sql = await (database as FreshDatabase).open({ connections: 1, beforeStatement });
            // Clocks of their own: each believes the other's lease to be over.
            let now = 0;
            while (!over) {
              now += sealLease + 1;
              await sql.run((tx) => seal(tx, tenant, { holder, now, most: 3 }), 'snapshot').catch(() => {});
              // A reader who follows the chain: nothing is skipped, nothing comes twice, whenever it asks.
              await follow(sql);
            }
          };
          const followed: string[] = [];
          let place = 0;
          const follow = async (sql: Sql) => {
            const from = place;
            const { rows, end } = await sql.read((tx) => readFrom(tx, from)).catch(() => ({ rows: [], end: from }));
            if (place !== from) return;
            place = end;
            followed.push(...rows);
          };
          const sealers = [sealing('a', 0), sealing('b', 1)];
          await Promise.all(writers.map(write));
          over = true;
          await Promise.all(sealers);
          await sealNow(writing, tenant, 0);
          await follow(writing);
          expect(await verifyAudit(writing, tenant)).toEqual({ entries: committed.length });
          expect((await chained(writing)).sort()).toEqual(targets(committed));
          expect(followed).toEqual(await chained(writing));
          await database[Symbol.asyncDispose]();
          database = undefined;
        },
      ),
      { numRuns: 12 },
    );
  });

  it('in the order in which they were committed, where one has seen the other', async () => {
    database = await freshDatabase({ migrated: true });
    const [a, b] = [await database.open({ connections: 1 }), await database.open({ connections: 1 })];
    for (let n = 0; n < 40; n++) await (n % 2 === 0 ? a : b).run((tx) => leave(tx, tenant, said(n)));
    await sealNow(a, tenant, 0);
    expect(await chained(a)).toEqual(numbers(40).map((n) => `user:${n}`));
  });

  it('a count follows the record: right on every snapshot, and another epoch after every change', async () => {
    database = await freshDatabase({ migrated: true });
    const sql = await database.open();
    const count = () => sql.read((tx) => countOf(tx, tenant, 'User'));
    const seen = new Set<number>();
    for (const [n, action] of [
      'user.created',
      'user.created',
      'user.deleted',
      'group.created',
      'user.created',
    ].entries()) {
      await sql.run((tx) => record(tx, entry(n, action)));
      const before = await count();
      if (n % 2 === 0) await sealNow(sql, tenant, 0);
      expect(await count()).toEqual(before);
      seen.add(before.epoch);
    }
    expect((await count()).total).toBe(2);
    expect(seen.size).toBe(4);
  });

  it('a sealer chains what is recorded while it runs, and all of it before it ends; another takes over at once', async () => {
    database = await freshDatabase({ migrated: true });
    const sql = await database.open();
    const deps = { sql, now: Date.now, scheduler: eventLoop, log };
    const first = startSealer({ ...deps, holder: 'a' });
    const second = startSealer({ ...deps, holder: 'b' });
    await sql.run((tx) => record(tx, entry(0)));
    while ((await verifyAudit(sql, tenant)).waiting) await sleep(10);
    await sql.run((tx) => record(tx, entry(1)));
    await first.stop();
    await sql.run((tx) => record(tx, entry(2)));
    await second.stop();
    expect(await verifyAudit(sql, tenant)).toEqual({ entries: 3 });
  });

  it('two connectors write to one tenant without running again', async () => {
    database = await freshDatabase({ migrated: true });
    const again: string[] = [];
    const onRestart = (fate: string, { at }: { at: string }) => void again.push(`${fate} ${at}`);
    const [a, b] = [await database.open({ onRestart }), await database.open({ onRestart })];
    const sealing = await database.open({ connections: 1 });
    const sealer = startSealer({ sql: sealing, now: Date.now, scheduler: eventLoop, log, holder: 'a' });
    const write = async (sql: Sql, from: number) => {
      for (let n = from; n < from + 100; n++) await sql.run((tx) => record(tx, entry(n)));
    };
    await Promise.all([write(a, 0), write(b, 100), write(a, 200), write(b, 300)]);
    await sealer.stop();
    expect(await verifyAudit(a, tenant)).toEqual({ entries: 400 });
    expect(again).toEqual([]);
  });
});

describe('the feed of a client, where many write at once', () => {
  it('numbers each event once, without gaps, each resource’s in the order of its changes', async () => {
    await using database = await freshDatabase({ migrated: true });
    const again: string[] = [];
    const onRestart = (fate: string, { at }: { at: string }) => void again.push(`${fate} ${at}`);
    const [a, b] = [await database.open({ onRestart }), await database.open({ onRestart })];
    await a.run(function* (tx) {
      yield* tx.run`insert into event_stream (tenant, client, feed, resources, last_seq, created)
        values (${tenant}, 'entra', 1, 'User', 41, 0)`;
    });
    // With connections of their own: that two of them meet is no writer's concern.
    const sealing = await database.open({ connections: 2 });
    const sealers = numbers(2).map((n) =>
      startSealer({ sql: sealing, now: Date.now, scheduler: eventLoop, log, holder: `sealer ${n}` }),
    );
    const change = (sql: Sql, n: number, version: string) =>
      sql.run((tx) => publish(tx, { tenant, at: n, resource: 'User', id: `${n}`, action: 'patch', version }));
    const write = async (from: number) => {
      for (let n = from; n < from + 60; n++) {
        await change(a, n, 'first');
        await change(b, n, 'second');
      }
    };
    await Promise.all([write(0), write(100), write(200)]);
    for (const one of sealers) await one.stop();
    const { events } = await waiting(a, tenant, 'entra', 1000);
    expect(events.map(({ seq }) => seq)).toEqual(numbers(360).map((n) => 42 + n));
    const versions = Map.groupBy(events, ({ uri }) => uri);
    for (const [uri, some] of versions)
      expect(
        some.map(({ txn }) => txn.split('/')[1]),
        uri,
      ).toEqual(['first', 'second']);
    expect(versions.size).toBe(180);
    expect(again).toEqual([]);
  });
});

function* several(tx: Tx, mine: readonly number[], fails: boolean): Work<readonly number[]> {
  for (const n of mine) yield* record(tx, entry(n));
  if (fails) throw new Error('no');
  return mine;
}

/** As a delta link does it. */
function* readFrom(tx: Tx, from: number): Work<{ rows: string[]; end: number }> {
  const { seq: end } = yield* endOfChain(tx, tenant);
  const rows = yield* tx.all<{ target: string }>`select target from audit
    where tenant = ${tenant} and seq > ${from} and seq <= ${end} order by seq`;
  return { rows: rows.map(({ target }) => target), end };
}
