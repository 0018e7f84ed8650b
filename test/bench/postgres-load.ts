// Load and looks of the Postgres benchmark: creates over SCIM, resets walked to `ready`, bare inserts for comparison, and
// what the server's sessions wait for meanwhile.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { drive, operations } from './load.ts';
import type { Served, Stage } from './postgres-stage.ts';

/** Closed loops that create people, shared by the connectors. @returns creates per second, all together */
export async function creates(served: readonly Served[], loops: number, milliseconds: number): Promise<number> {
  const each = served.map((one, index) => {
    const share = Math.floor(loops / served.length) + (index < loops % served.length ? 1 : 0);
    return drive(one, operations.create, share, milliseconds);
  });
  return (await Promise.all(each)).reduce((total, { perSecond }) => total + perSecond, 0);
}

/** As many resets may be on their way: enough that no connector ever waits for work. */
const mostWalking = 48;

/**
 * Begins resets at the connectors in turn and counts those that get to `ready`: the mail accepted, the password set, the
 * link armed, each step durable. @returns resets per second
 */
export async function resets(stage: Stage, served: readonly Served[], milliseconds: number): Promise<number> {
  const { rows: people } = await stage.pool.query<{ id: string }>(
    // In any order, as people forget passwords: neighbours in an index would look like conflicts.
    `select id from app_user u where user_name like 'new.%' and not exists (select 1 from reset r
      where r.tenant = u.tenant and r.user_id = u.id) order by random() limit 4000`,
  );
  const ready = async () => {
    const { rows } = await stage.pool.query<{ n: string }>(`select count(*) as n from reset where state = 'ready'`);
    return Number(rows[0]?.n);
  };
  const before = await ready();
  let done = 0;
  let begun = 0;
  const start = performance.now();
  const over = () => performance.now() - start >= milliseconds;
  const counting = (async () => {
    while (!over()) {
      done = (await ready()) - before;
      await sleep(100);
    }
  })();
  const loop = async (one: Served) => {
    while (!over()) {
      if (begun - done >= mostWalking) {
        await sleep(10);
        continue;
      }
      const person = people[begun++];
      if (!person) throw new Error('There are too few people: create more.');
      await begin(stage, one, person.id);
    }
  };
  await Promise.all(served.flatMap((one) => Array.from({ length: Math.ceil(12 / served.length) }, () => loop(one))));
  await counting;
  const rate = ((await ready()) - before) / ((performance.now() - start) / 1000);
  // What is still on its way is no load of the next round.
  for (let tries = 0; tries < 600 && (await ready()) - before < begun; tries++) await sleep(50);
  return rate;
}

/**
 * A history: resets that have ended, copied from one with other ids, and their keys. Tables of a few pages are no organisation's:
 * a serializable transaction that reads a page of an index is in the way of all who write to it.
 */
export async function haveHistory({ pool }: Stage, resets: number): Promise<void> {
  const { rows } = await pool.query<{ column_name: string }>(
    `select column_name from information_schema.columns where table_name = 'reset' order by ordinal_position`,
  );
  const own: Record<string, string> = {
    id: `gen_random_uuid()::text`,
    user_id: `gen_random_uuid()::text`,
    link_hash: `gen_random_uuid()::text`,
    state: `'done'`,
    scramble: '0',
    changed: '1',
    // What could still open it is gone when it has ended.
    ...{ sealed_password: 'null', sealed_mail: 'null', sealed_key: 'null', sealed_grant: 'null', ciphertext: 'null' },
  };
  const names = rows.map(({ column_name }) => column_name);
  const one = `(select * from reset order by id limit 1) r, generate_series(1, ${resets})`;
  await pool.query(
    `insert into reset (${names.join(', ')}) select ${names.map((name) => own[name] ?? `r.${name}`).join(', ')} from ${one}`,
  );
  await pool.query(
    `insert into idempotency select tenant, caller, gen_random_uuid()::text, fingerprint, reset, created
      from (select * from idempotency limit 1) i, generate_series(1, ${resets})`,
  );
  await pool.query('analyze');
}

async function begin(stage: Stage, one: Served, user: string): Promise<void> {
  const body = {
    ...{ user, mode: 'link', forceChangePasswordNextSignIn: true, locale: 'en' },
    recipient: { address: 'someone@post.example' },
  };
  const response = await fetch(new URL('/api/resets', one.base), {
    method: 'POST',
    headers: { authorization: stage.bearer, 'content-type': 'application/json', 'idempotency-key': randomUUID() },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (response.status !== 202) throw new Error(`${one.name} answered ${response.status} ${text.slice(0, 300)}`);
}

/** What the machine can do: closed loops of one bare insert each, of a person's size, as durable. @returns inserts per second */
export async function bareInserts({ pool }: Stage, loops: number, milliseconds: number): Promise<number> {
  await pool.query('create table if not exists bare (id text primary key, resource text not null)');
  const text = 'x'.repeat(1000);
  const start = performance.now();
  let done = 0;
  const loop = async () => {
    while (performance.now() - start < milliseconds) {
      await pool.query({ name: 'bare', text: 'insert into bare values ($1, $2)', values: [randomUUID(), text] });
      done++;
    }
  };
  await Promise.all(Array.from({ length: loops }, loop));
  return done / ((performance.now() - start) / 1000);
}

/** How often sessions of connectors were seen, by what they waited for; `looks` is how often was looked. */
export interface Waits {
  looks: number;
  readonly seen: Map<string, number>;
  /** Likewise the predicate locks of serializable transactions, by index or table and grain. */
  readonly read: Map<string, number>;
}

/** Looks at pg_stat_activity every 20 ms until it is stopped. */
export function watch({ pool }: Stage, into: Waits): { stop(): Promise<void> } {
  let stopped = false;
  const watching = (async () => {
    while (!stopped) {
      const { rows } = await pool.query<{ waits: string; n: string }>(
        `select case when state = 'active' then coalesce(wait_event_type || ' ' || wait_event, 'running') else state end as waits,
          count(*) as n from pg_stat_activity where application_name = 'reset-and-resend' group by 1`,
      );
      into.looks++;
      for (const { waits, n } of rows) into.seen.set(waits, (into.seen.get(waits) ?? 0) + Number(n));
      const { rows: locks } = await pool.query<{ what: string; n: string }>(
        `select relation::regclass || ' ' || locktype as what, count(*) as n from pg_locks
          where mode = 'SIReadLock' and database = (select oid from pg_database where datname = current_database()) group by 1`,
      );
      for (const { what, n } of locks) into.read.set(what, (into.read.get(what) ?? 0) + Number(n));
      await sleep(20);
    }
  })();
  return {
    async stop() {
      stopped = true;
      await watching;
    },
  };
}

/** Transactions of the benchmark's database that were committed and rolled back so far. */
export async function transactions({ pool }: Stage): Promise<{ commits: number; rollbacks: number }> {
  const { rows } = await pool.query<{ c: string; r: string }>(
    `select xact_commit as c, xact_rollback as r from pg_stat_database where datname = current_database()`,
  );
  return { commits: Number(rows[0]?.c), rollbacks: Number(rows[0]?.r) };
}

/** Lines of a Markdown table: what rows take, of tables that have any; bytes with indexes, and of the table alone. */
export async function sizes(client: pg.ClientBase | pg.Pool): Promise<string[]> {
  const { rows: tables } = await client.query<{ name: string; whole: string; heap: string }>(
    `select relname as name, pg_total_relation_size(oid) as whole, pg_table_size(oid) as heap from pg_class
      where relkind = 'r' and relnamespace = 'public'::regnamespace order by pg_total_relation_size(oid) desc`,
  );
  const lines = ['| table | rows | bytes per row, with indexes | of the table alone |', '|---|---|---|---|'];
  for (const { name, whole, heap } of tables) {
    const { rows } = await client.query<{ n: string }>(`select count(*) as n from ${name}`);
    const count = Number(rows[0]?.n);
    if (count < 100) continue;
    const each = (bytes: string) => Math.round(Number(bytes) / count);
    lines.push(`| ${name} | ${count} | ${each(whole)} | ${each(heap)} |`);
  }
  return lines;
}
