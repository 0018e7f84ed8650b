import { beforeEach, describe, expect, it } from 'vitest';
import { record, verifyAudit } from '../connector/audit.ts';
import { claim, enqueue, nextDue, release, wakeSubject } from '../connector/jobs.ts';
import { migrate } from '../connector/sql/migrate.ts';
import type { Sql } from '../connector/sql/sql.ts';
import { openSqlite } from '../connector/sql/sqlite.ts';

let sql: Sql;
beforeEach(async () => {
  sql = openSqlite(':memory:');
  await migrate(sql);
});

describe('the audit chain', () => {
  const entry = (n: number, tenant = 'default') => ({
    tenant,
    at: n,
    actor: 'operator',
    action: 'a.b',
    target: `user:${n}`,
  });

  it('verifies per tenant, and finds a changed, a removed and an inserted row', async () => {
    for (let n = 1; n <= 5; n++) await sql.run((tx) => record(tx, entry(n)));
    await sql.run((tx) => record(tx, entry(1, 'other')));
    expect(await verifyAudit(sql, 'default')).toEqual({ entries: 5 });
    expect(await verifyAudit(sql, 'other')).toEqual({ entries: 1 });
    await sql.run((tx) =>
      (function* () {
        yield* tx.run`update audit set actor = 'nobody' where tenant = 'default' and seq = 3`;
      })(),
    );
    expect(await verifyAudit(sql, 'default')).toEqual({ entries: 2, brokenAt: 3 });
    await sql.run((tx) =>
      (function* () {
        yield* tx.run`delete from audit where tenant = 'default' and seq <= 2`;
      })(),
    );
    expect(await verifyAudit(sql, 'default')).toEqual({ entries: 0, brokenAt: 1 });
  });

  it('is written with what it records, or not at all', async () => {
    const work = sql.run(function* (tx) {
      yield* record(tx, entry(1));
      throw new Error('no');
    });
    await expect(work).rejects.toThrow('no');
    expect(await verifyAudit(sql, 'default')).toEqual({ entries: 0 });
  });
});

describe('jobs', () => {
  const add = (ref: string, dueAt: number) =>
    sql.run((tx) => enqueue(tx, { tenant: 'default', kind: 'reset', ref, subject: 'ada', dueAt }));
  const take = (now: number) => sql.run((tx) => claim(tx, 'reset', now, 100));

  it('are claimed by one worker, earliest first, when they are due', async () => {
    await add('late', 50);
    await add('early', 20);
    expect(await take(10)).toBeUndefined();
    expect((await take(60))?.ref).toBe('early');
    expect((await take(60))?.ref).toBe('late');
    expect(await take(60)).toBeUndefined();
    expect(await nextDue(sql, 'reset')).toBe(160);
  });

  it('come back after their lease, under a higher epoch; the late worker bounces', async () => {
    await add('a', 0);
    const first = await take(0);
    const second = await take(101);
    expect([first?.epoch, second?.epoch]).toEqual([1, 2]);
    if (!first || !second) throw new Error('not claimed');
    expect(await sql.run((tx) => release(tx, first, { dueAt: undefined }))).toBe(false);
    expect(await sql.run((tx) => release(tx, second, { dueAt: 500 }))).toBe(true);
    expect(await nextDue(sql, 'reset')).toBe(500);
  });

  it('lose no wake-up that arrives while they are leased', async () => {
    await add('a', 0);
    const job = await take(0);
    if (!job) throw new Error('not claimed');
    await sql.run((tx) => wakeSubject(tx, 'default', 'ada', 5));
    await sql.run((tx) => release(tx, job, { dueAt: 9_999 }));
    expect(await nextDue(sql, 'reset')).toBe(5);
    const again = await take(6);
    if (!again) throw new Error('not claimed');
    await sql.run((tx) => enqueue(tx, { tenant: 'default', kind: 'reset', ref: 'a', dueAt: 7 }));
    await sql.run((tx) => release(tx, again, { dueAt: undefined }));
    expect(await nextDue(sql, 'reset')).toBe(7);
  });
});
