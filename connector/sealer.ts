// The sealer: where many transactions write at once, it chains what they have recorded (audit.ts), every 100 ms, behind them.
// Whichever connector holds a tenant's lease does it; that there is one chain rests on the transaction alone, not on the lease,
// which only keeps two connectors from doing the same work. Counts and event streams follow here as well (store/counts.ts,
// store/events.ts).

import { randomUUID } from 'node:crypto';
import { chainHash, endOfChain, type WaitingRow } from './audit.ts';
import type { Logger } from './log.ts';
import type { Scheduler } from './scheduler.ts';
import type { Sql, Tx, Value, Work } from './sql/sql.ts';
import { countFollowed } from './store/counts.ts';
import { numberWaiting } from './store/events.ts';
import { takeOut, type Waiting } from './store/waiting.ts';

/** How often is looked for entries to chain, and how long a lease lasts without one; milliseconds. */
const sealEvery = 100;
export const sealLease = 2000;
/** Entries that one transaction chains. */
const batch = 500;
/** Rows that one statement inserts. */
const together = 16;

/** Who seals: a name that no other process has, or a guest, who seals whoever holds the lease and leaves it as it is. */
export interface Sealing {
  readonly holder: string | 'guest';
  readonly now: number;
  /** Entries at once. */
  readonly most?: number;
}

/**
 * Chains the oldest entries that wait, in the order in which they came, and numbers events of the feeds likewise. How many
 * (of which there are more); undefined when another holds the lease.
 * An entry that was changed while it waited is chained as it is, with the hash that it was recorded with: `verifyAudit` then
 * finds it, whoever asks and whenever.
 */
export function* seal(tx: Tx, tenant: string, by: Sealing): Work<number | undefined> {
  if (!(yield* takeLease(tx, tenant, by))) return undefined;
  const { most = batch } = by;
  const entries = yield* chainWaiting(tx, tenant, most);
  return Math.max(entries, yield* numberWaiting(tx, tenant, most));
}

function* chainWaiting(tx: Tx, tenant: string, most: number): Work<number> {
  const rows = yield* tx.all<WaitingRow & Waiting>`
    select arrived, id, at, actor, action, target, detail, content from audit_waiting
    where tenant = ${tenant} order by arrived, id limit ${most}`;
  if (rows.length === 0) return 0;
  yield* append(tx, tenant, rows);
  yield* takeOut(tx, 'audit_waiting', tenant, rows);
  yield* countFollowed(tx, tenant, rows);
  return rows.length;
}

/** One compare-and-set on the epoch, which makes transactions that chain take turns, whatever clocks say. */
function* takeLease(tx: Tx, tenant: string, { holder, now }: Sealing): Work<boolean> {
  const lease = yield* tx.get<{ holder: string; epoch: number; leased_until: number }>`
    select holder, epoch, leased_until from audit_sealer where tenant = ${tenant}`;
  const guest = holder === 'guest';
  // One that lasts longer than any lease was written by a clock that is ahead.
  const held = lease !== undefined && lease.leased_until > now && lease.leased_until <= now + sealLease;
  if (held && lease.holder !== holder && !guest) return false;
  const then = guest
    ? { holder: lease?.holder ?? '', until: lease?.leased_until ?? 0 }
    : { holder, until: now + sealLease };
  const taken = yield* tx.run`insert into audit_sealer (tenant, holder, epoch, leased_until)
    values (${tenant}, ${then.holder}, 1, ${then.until})
    on conflict (tenant) do update set holder = excluded.holder, epoch = audit_sealer.epoch + 1,
      leased_until = excluded.leased_until where audit_sealer.epoch = ${lease?.epoch ?? 0}`;
  return taken === 1;
}

function* append(tx: Tx, tenant: string, rows: readonly WaitingRow[]): Work<void> {
  let { seq, hash } = yield* endOfChain(tx, tenant);
  const chained: Value[][] = [];
  for (const { id, at, actor, action, target, detail, content } of rows) {
    const row = { seq: ++seq, at, actor, action, target, detail, id, content };
    hash = chainHash(hash, tenant, row);
    chained.push([tenant, seq, at, actor, action, target, detail, hash, id, content]);
  }
  // 16, 8, 4, 2 or 1 at a time: few texts have to be prepared.
  while (chained.length > 0) {
    const some = chained.splice(0, Math.min(together, 2 ** Math.floor(Math.log2(chained.length))));
    const values = some.map((row) => `(${row.map(() => '?').join(', ')})`).join(', ');
    yield* tx.change(
      `insert into audit (tenant, seq, at, actor, action, target, detail, hash, id, content) values ${values}`,
      some.flat(),
    );
  }
}

/** Gives leases back, so that another need not wait until they run out. */
function* giveBack(tx: Tx, holder: string): Work<void> {
  yield* tx.run`update audit_sealer set leased_until = 0 where holder = ${holder}`;
}

export interface SealerDeps {
  readonly sql: Sql;
  /** See `Sealing`. */
  readonly holder: string;
  readonly now: () => number;
  readonly scheduler: Scheduler;
  readonly log: Logger;
}

/** Chains a tenant's entries until none waits, or another holds the lease. False: another does. */
async function sealTenant(sql: Sql, tenant: string, by: () => Sealing): Promise<boolean> {
  for (;;) {
    const sealed = await sql.run((tx) => seal(tx, tenant, by()), 'snapshot');
    if (sealed === undefined) return false;
    if (sealed < batch) return true;
  }
}

/** One look at all tenants. @returns how many have entries that another chains */
async function sealAll(sql: Sql, by: () => Sealing): Promise<number> {
  const tenants = await sql.all<{ tenant: string }>`
    select tenant from audit_waiting union select tenant from event_waiting`;
  let elsewhere = 0;
  for (const { tenant } of tenants) if (!(await sealTenant(sql, tenant, by))) elsewhere++;
  return elsewhere;
}

/** What a command has recorded is chained before it ends, where no connector does it. */
export async function sealOnce(sql: Sql, now: number): Promise<void> {
  const holder = randomUUID();
  await sealAll(sql, () => ({ holder, now }));
  await sql.run((tx) => giveBack(tx, holder), 'snapshot');
}

/** Chains and numbers what a tenant has so far, whoever holds the lease: for readers who hold a place in it. */
export async function sealNow(sql: Sql, tenant: string, now: number): Promise<void> {
  if (sql.writers === 'one') return;
  const waits = await sql.get`select tenant from audit_waiting where tenant = ${tenant}
    union all select tenant from event_waiting where tenant = ${tenant} limit 1`;
  if (waits) await sealTenant(sql, tenant, () => ({ holder: 'guest', now }));
}

export interface Sealer {
  /** Chains what waits, gives its leases back, and ends. */
  stop(): Promise<void>;
}

/** Starts to seal. Where there is one writer nothing waits, but what was moved here from where there were many. */
export function startSealer({ sql, holder, now, scheduler, log }: SealerDeps): Sealer {
  let stopped = false;
  let forget = () => {};
  let failing = false;
  const by = () => ({ holder, now: now() });

  async function look(): Promise<void> {
    try {
      await sealAll(sql, by);
      failing = false;
    } catch (error) {
      // What is recorded stays recorded; said once, until it works again.
      if (!failing) log.warn({ err: error }, 'the record could not be chained');
      failing = true;
    }
    if (!stopped && (failing || sql.writers === 'many')) forget = scheduler.after(sealEvery, again);
  }
  let looking = look();
  const again = () => {
    looking = look();
  };

  return {
    async stop() {
      stopped = true;
      forget();
      await looking;
      if (sql.writers === 'one') return;
      try {
        await sealAll(sql, by);
        await sql.run((tx) => giveBack(tx, holder), 'snapshot');
      } catch (error) {
        log.warn({ err: error }, 'the record could not be chained at the end');
      }
    },
  };
}
