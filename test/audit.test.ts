import { beforeEach, describe, expect, it } from 'vitest';
import { record, verifyAudit } from '../connector/audit.ts';
import { sealOnce } from '../connector/sealer.ts';
import { migrate } from '../connector/sql/migrate.ts';
import type { Sql } from '../connector/sql/sql.ts';
import { openSql } from './postgres/engine.ts';

let sql: Sql;
beforeEach(async () => {
  sql = await openSql();
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
    await sealOnce(sql, 10);
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
