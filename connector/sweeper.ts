// The sweeper: rows that have had their time go once an hour, a few at a time and in transactions of their own. Done by whoever
// writes such a row, it would look at what all others add, and where many write at once they would run again because of it.

import type { Logger } from './log.ts';
import { idempotencyLifetime } from './resets/start.ts';
import type { Scheduler } from './scheduler.ts';
import type { Sql, Tx, Work } from './sql/sql.ts';

const every = 3_600_000;
/** Rows that one transaction removes. */
const batch = 500;

/** Keys of requests that will not be repeated any more. How many. */
function* sweepKeys(tx: Tx, now: number): Work<number> {
  return yield* tx.run`delete from idempotency where (tenant, caller, key) in
    (select tenant, caller, key from idempotency where created <= ${now - idempotencyLifetime} limit ${batch})`;
}

/** Signed assertions that have expired by themselves. How many. */
function* sweepAssertions(tx: Tx, now: number): Work<number> {
  return yield* tx.run`delete from client_assertion where (tenant, client, jti) in
    (select tenant, client, jti from client_assertion where expires <= ${now} limit ${batch})`;
}

const sweeps = [sweepKeys, sweepAssertions] as const;

/** Everything that has had its time. Two connectors that do it at once meet in a row, and one of them begins again. */
export async function sweep(sql: Sql, now: number): Promise<void> {
  for (const one of sweeps) {
    while ((await sql.run((tx) => one(tx, now), 'snapshot')) === batch);
  }
}

export interface SweeperDeps {
  readonly sql: Sql;
  readonly now: () => number;
  readonly scheduler: Scheduler;
  readonly log: Logger;
}

export interface Sweeper {
  stop(): Promise<void>;
}

/** Sweeps now and every hour. */
export function startSweeper({ sql, now, scheduler, log }: SweeperDeps): Sweeper {
  let forget = () => {};
  let stopped = false;
  let sweeping = Promise.resolve();
  const again = () => {
    sweeping = sweep(sql, now())
      .catch((error: unknown) => log.warn({ err: error }, 'what has had its time could not be removed'))
      .then(() => {
        if (!stopped) forget = scheduler.after(every, again);
      });
  };
  again();
  return {
    async stop() {
      stopped = true;
      forget();
      await sweeping;
    },
  };
}
