// Jobs, on both engines: claimed by one worker at a time, however many ask; late workers bounce; no wake-up is lost.

import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { claim as claimJob, enqueue, type Job, jobs, nextDue, release, wakeSubject } from '../connector/jobs.ts';
import { migrate } from '../connector/sql/migrate.ts';
import type { Signal, Sql } from '../connector/sql/sql.ts';
import { freshDatabase } from './postgres/database.ts';
import { engines, freshSql } from './postgres/engine.ts';

const lease = 100;
const take = (sql: Sql, kind: string, now: number, leaseFor: number) =>
  sql.run((tx) => claimJob(tx, kind, now, leaseFor), 'readCommitted');

/** Several connectors on one database, or as many on one as SQLite has. */
async function connectors(engine: (typeof engines)[number], onRestart?: () => void) {
  if (engine === 'sqlite') {
    const { sql, [Symbol.asyncDispose]: dispose } = await freshSql(engine);
    await migrate(sql);
    return { all: [sql, sql, sql] as const, [Symbol.asyncDispose]: dispose };
  }
  const database = await freshDatabase({ migrated: true });
  const open = () => database.open({ connections: 4, ...(onRestart ? { onRestart } : {}) });
  const all = [await open(), await open(), await open()] as const;
  return { all, [Symbol.asyncDispose]: () => database[Symbol.asyncDispose]() };
}

describe.each(engines)('jobs on %s', (engine) => {
  let database: Awaited<ReturnType<typeof connectors>>;
  let sql: Sql;
  beforeEach(async () => {
    database = await connectors(engine);
    [sql] = database.all;
  });
  afterEach(() => database[Symbol.asyncDispose]());

  const add = (ref: string, dueAt: number) =>
    sql.run((tx) => enqueue(tx, { tenant: 'default', kind: 'reset', ref, subject: 'ada', dueAt }));
  const claim = (now: number) => take(sql, 'reset', now, lease);

  it('are claimed by one worker, earliest first, when they are due', async () => {
    await add('late', 50);
    await add('early', 20);
    expect(await claim(10)).toBeUndefined();
    expect((await claim(60))?.ref).toBe('early');
    expect((await claim(60))?.ref).toBe('late');
    expect(await claim(60)).toBeUndefined();
    expect(await nextDue(sql, 'reset')).toBe(160);
  });

  // On SQLite one writes at a time.
  if (engine === 'postgres')
    it('are woken also when a worker takes them while they are being woken', async () => {
      const [one, other] = database.all;
      await add('a', 0);
      const began = Promise.withResolvers<void>();
      const waking = one.run(function* (tx) {
        // What it sees from here on is what was there now: due, and taken by nobody.
        yield* tx.get`select count(*) as n from job`;
        began.resolve();
        yield* tx.get`select pg_sleep(0.4) as slept`;
        yield* wakeSubject(tx, 'default', 'ada', 10);
      });
      await began.promise;
      await pause(150);
      const job = await take(other, 'reset', 10, lease);
      if (!job) throw new Error('not claimed');
      await waking;
      // It has looked before the waking was committed, and would not look again before long.
      await other.run((tx) => release(tx, job, { dueAt: 100_000 }));
      expect(await nextDue(sql, 'reset')).toBeLessThanOrEqual(10);
    });

  it('come back after their lease, under a higher epoch; the late worker bounces', async () => {
    await add('a', 0);
    const first = await claim(0);
    const second = await claim(101);
    expect([first?.epoch, second?.epoch]).toEqual([1, 2]);
    if (!first || !second) throw new Error('not claimed');
    expect(await sql.run((tx) => release(tx, first, { dueAt: undefined }))).toBe(false);
    expect(await sql.run((tx) => release(tx, second, { dueAt: 500 }))).toBe(true);
    expect(await nextDue(sql, 'reset')).toBe(500);
  });

  it('that have ended and were made anew are not given back by who was late in their first life', async () => {
    await add('a', 0);
    const late = (await claim(0)) as Job;
    const second = (await claim(101)) as Job;
    await sql.run((tx) => release(tx, second, { dueAt: undefined }));
    await add('a', 150);
    const holder = (await claim(150)) as Job;
    expect(holder.epoch).toBe(late.epoch);
    for (const dueAt of [undefined, 160]) {
      expect(await sql.run((tx) => release(tx, late, { dueAt }))).toBe(false);
      expect(await claim(170)).toBeUndefined();
    }
    expect(await sql.run((tx) => release(tx, holder, { dueAt: undefined }))).toBe(true);
  });

  it('lose no wake-up that arrives while they are leased', async () => {
    await add('a', 0);
    const job = await claim(0);
    if (!job) throw new Error('not claimed');
    await sql.run((tx) => wakeSubject(tx, 'default', 'ada', 5));
    await sql.run((tx) => release(tx, job, { dueAt: 9_999 }));
    expect(await nextDue(sql, 'reset')).toBe(5);
    const again = await claim(6);
    if (!again) throw new Error('not claimed');
    await sql.run((tx) => enqueue(tx, { tenant: 'default', kind: 'reset', ref: 'a', dueAt: 7 }));
    await sql.run((tx) => release(tx, again, { dueAt: undefined }));
    expect(await nextDue(sql, 'reset')).toBe(7);
  });

  it('are told of after the commit, and not of what was refused', async () => {
    const heard: (Signal | undefined)[] = [];
    const stop = sql.signals?.listen((signal) => heard.push(signal));
    const seen = () => heard.filter((signal) => signal !== undefined);
    await add('a', 50);
    expect(seen()).toEqual([{ channel: jobs, content: 'reset' }]);
    await sql.run((tx) => wakeSubject(tx, 'default', 'nobody', 5));
    const refused = sql.run(function* (tx) {
      yield* wakeSubject(tx, 'default', 'ada', 5);
      throw new Error('no');
    });
    await expect(refused).rejects.toThrow('no');
    expect(seen()).toHaveLength(1);
    await sql.run((tx) => wakeSubject(tx, 'default', 'ada', 5));
    expect(seen()).toHaveLength(2);
    stop?.();
    await add('b', 50);
    expect(seen()).toHaveLength(2);
  });
});

/** What is done at the same moment, each by another connector. */
type Act =
  | { readonly do: 'add'; readonly job: number }
  | { readonly do: 'wake'; readonly job: number }
  | { readonly do: 'claim' }
  /** By the n-th of those who still believe that they hold something. */
  | { readonly do: 'release'; readonly who: number; readonly end: boolean };

const ofJob = <Do extends 'add' | 'wake'>(what: Do) => fc.record({ do: fc.constant(what), job: fc.nat(3) });
const releasing = fc.record({ do: fc.constant('release' as const), who: fc.nat(5), end: fc.boolean() });
const act: fc.Arbitrary<Act> = fc.oneof(
  ...[ofJob('add'), ofJob('wake'), ofJob('wake')],
  ...[fc.constant({ do: 'claim' as const }), fc.constant({ do: 'claim' as const })],
  ...[releasing, releasing],
);
const history = fc.array(
  fc.record({ pass: fc.constantFrom(0, 1, 40, 101), acts: fc.array(act, { minLength: 1, maxLength: 7, size: 'max' }) }),
  { minLength: 1, maxLength: 14, size: 'max' },
);

describe.each(engines)('many claimers at once on %s', (engine) => {
  it('never hold one job together, bounce when they are late, and lose no wake-up', async () => {
    await using database = await connectors(engine);
    const { all } = database;
    const seen = { claims: 0, bounces: 0, kept: 0 };
    const rows = () => all[0].all<{ ref: string; due_at: number; leased_until: number }>`select * from job`;

    await fc.assert(
      fc.asyncProperty(history, async (turns) => {
        await all[0].run(function* (tx) {
          yield* tx.run`delete from job`;
        });
        let now = 1000;
        let held: Job[] = [];
        let before = new Set<string>();
        const owed = new Map<string, number>();
        for (const { pass, acts } of turns) {
          now += pass;
          const at = now;
          const releasing = new Set<Job>();
          const done = await Promise.all(
            acts.map(async (one, nth) => {
              const sql = all[nth % all.length] as Sql;
              if (one.do === 'add') {
                const job = { tenant: 't', kind: 'reset', ref: `r${one.job}`, subject: `s${one.job}`, dueAt: at };
                await sql.run((tx) => enqueue(tx, job));
              } else if (one.do === 'wake') await sql.run((tx) => wakeSubject(tx, 't', `s${one.job}`, at));
              else if (one.do === 'claim') return { claimed: await take(sql, 'reset', at, lease) };
              else {
                const job = held[one.who % held.length];
                if (!job || releasing.has(job)) return {};
                releasing.add(job);
                const then = { dueAt: one.end ? undefined : at + 1000 };
                return { job, released: await sql.run((tx) => release(tx, job, then)) };
              }
              return {};
            }),
          );
          const claims = done.flatMap(({ claimed }) => claimed ?? []);
          seen.claims += claims.length;
          for (const { job, released } of done) {
            if (!job || released === undefined) continue;
            // Whoever is within its lease gives back; whoever another has taken over from does not.
            if (job.leasedUntil > at) expect(released).toBe(true);
            const passedOn = held.some((other) => other.ref === job.ref && other.leasedUntil > job.leasedUntil);
            if (passedOn) expect(released).toBe(false);
            if (!released) seen.bounces++;
          }
          held = [...held.filter((job) => !releasing.has(job)), ...claims];
          const holding = held.filter(({ leasedUntil }) => leasedUntil > at).map(({ ref }) => ref);
          expect(new Set(holding).size).toBe(holding.length);
          // Every claim is a lease that stands in the database, and every lease somebody's.
          const found = await rows();
          expect(
            found
              .filter(({ leased_until }) => leased_until > at)
              .map(({ ref }) => ref)
              .sort(),
          ).toEqual([...holding].sort());
          // Whoever was woken is due, however its lease is given back, until somebody takes it again.
          for (const { ref } of claims) owed.delete(ref);
          const touched = new Set([...claims, ...releasing].map(({ ref }) => ref));
          for (const one of acts) {
            if (one.do !== 'add' && one.do !== 'wake') continue;
            const ref = `r${one.job}`;
            // In which order these came is not known; but what is added is there in any.
            const known =
              one.do === 'add' ? !claims.some((job) => job.ref === ref) : !touched.has(ref) && before.has(ref);
            if (known) owed.set(ref, at);
          }
          for (const [ref, since] of owed) {
            expect(found.find((row) => row.ref === ref)?.due_at ?? Number.NaN, ref).toBeLessThanOrEqual(since);
            if (holding.includes(ref)) seen.kept++;
          }
          before = new Set(found.map(({ ref }) => ref));
        }
      }),
      { numRuns: engine === 'sqlite' ? 300 : 60 },
    );
    expect(Math.min(seen.claims, seen.bounces, seen.kept)).toBeGreaterThan(0);
  });

  it('share what is due without waiting for each other', async () => {
    const restarts: string[] = [];
    await using database = await connectors(engine, () => restarts.push('again'));
    const { all } = database;
    const refs = Array.from({ length: 200 }, (_, n) => `r${n}`);
    for (const ref of refs) await all[0].run((tx) => enqueue(tx, { tenant: 't', kind: 'k', ref, dueAt: 0 }));
    restarts.length = 0;
    const worker = async (sql: Sql) => {
      const mine: string[] = [];
      for (let job = await take(sql, 'k', 1, lease); job; job = await take(sql, 'k', 1, lease)) mine.push(job.ref);
      return mine;
    };
    const shares = await Promise.all([...all, ...all].map(worker));
    expect(shares.flat().sort()).toEqual([...refs].sort());
    expect(restarts).toEqual([]);
  });
});
