// When a worker looks: not at all times, however much is due, while it may or can take nothing.

import { expect, test } from 'vitest';
import { Problem } from '#shared/problem.ts';
import { enqueue } from '../../connector/jobs.ts';
import { logger } from '../../connector/log.ts';
import { resetJob } from '../../connector/resets/lease.ts';
import { startWorker, type WorkerDeps } from '../../connector/resets/worker.ts';
import { migrate } from '../../connector/sql/migrate.ts';
import { openSqlite } from '../../connector/sql/sqlite.ts';

/** A worker over one job that is due, and the waits that it has asked for. */
async function looking(more: Partial<WorkerDeps>) {
  const sql = openSqlite(':memory:');
  await migrate(sql);
  await sql.run((tx) => enqueue(tx, { tenant: 't', kind: resetJob, ref: 'r', dueAt: 0 }));
  const lines: string[] = [];
  const waits: number[] = [];
  let go: (() => void) | undefined;
  const worker = startWorker({
    ...{ sql, now: () => 1000, lookAgain: 500, walk: async () => {} },
    log: logger('info', { write: (line: string) => void lines.push(line) }),
    scheduler: {
      soon: (work) => void setImmediate(work),
      after(milliseconds, work) {
        waits.push(milliseconds);
        go = work;
        return () => {};
      },
    },
    ...more,
  });
  for (let n = 1; n <= 3; n++) {
    await expect.poll(() => waits.length).toBe(n);
    if (n < 3) go?.();
  }
  await worker.stop();
  await sql.close();
  return { waits, lines };
}

test('while it may take nothing', async () => {
  const { waits } = await looking({ mayWork: () => false });
  expect(waits).toEqual([500, 500, 500]);
});

test.each(['moving', 'database'])('while nothing can be written (%s), which is said once', async (reason) => {
  const sql = openSqlite(':memory:');
  await migrate(sql);
  await sql.run((tx) => enqueue(tx, { tenant: 't', kind: resetJob, ref: 'r', dueAt: 0 }));
  const run = () => Promise.reject(new Problem('unavailable', { reason }));
  const { waits, lines } = await looking({ sql: { ...sql, run } });
  expect(waits).toEqual([500, 500, 500]);
  expect(lines).toHaveLength(1);
  await sql.close();
});
