// Stops the writes of a database in the database itself, for a move: a trigger on every table refuses whatever would change
// a row, also to connectors that know nothing of it, and outlives whoever has set it. Reading goes on. To the drivers it is
// Problem `unavailable` with reason `moving`.

import { Problem } from '#shared/problem.ts';
import type { DatabaseAddress } from './address.ts';
import { moveKey } from './move-record.ts';
import type { Sql, Tx, Work } from './sql.ts';

type Engine = DatabaseAddress['engine'];

/** What the triggers say; no other trigger raises anything. */
export const fenceText = 'the database is being moved';
/** SQLSTATE of the same: of a class that the standard leaves to its users. */
export const fenceCode = 'RR001';

/** As whoever wanted to write is told. Times in seconds. */
export const moving = () => new Problem('unavailable', { reason: 'moving', retryAfter: 10 });

const acts = ['insert', 'update', 'delete'] as const;
type Act = (typeof acts)[number] | 'truncate';
/** `truncate` is no statement of SQLite. */
const actsOf = (engine: Engine): readonly Act[] => (engine === 'sqlite' ? acts : [...acts, 'truncate']);
const prefix = 'move_fence';
const nameOf = (table: string, act: Act) => `${prefix}_${table}_${act}`;

/** Which rows are refused: all of them, but the record of the move itself. */
function when(table: string, act: Act): string {
  if (table !== 'meta') return '';
  const rows = { insert: ['new'], update: ['new', 'old'], delete: ['old'], truncate: [] }[act];
  const others = rows.map((row) => `${row}.key <> '${moveKey}'`);
  return `when (${others.join(' or ')})`;
}

/**
 * Stops all writes to these tables. Whoever is in the middle of a unit of work is waited for, and nobody begins meanwhile:
 * what is committed with this is the end of all writes. May be repeated.
 */
export function* raiseFence(tx: Tx, engine: Engine, tables: readonly string[]): Work<void> {
  if (engine === 'postgres') {
    // The record last, as units of work write it: else we would hold what they want, and they what we want.
    const order = [...tables].sort((a, b) => Number(a === 'audit') - Number(b === 'audit') || (a < b ? -1 : 1));
    yield* tx.change(`lock table ${order.map((table) => `"${table}"`).join(', ')} in share row exclusive mode`, []);
    yield* tx.change(postgresFunction(`raise exception '${fenceText}' using errcode = '${fenceCode}';`), []);
  }
  const there = yield* triggers(tx, engine);
  for (const table of tables) {
    for (const act of actsOf(engine)) {
      if (!there.has(nameOf(table, act))) yield* tx.change(trigger(engine, table, act), []);
    }
  }
}

function trigger(engine: Engine, table: string, act: Act): string {
  const begin = `create trigger ${nameOf(table, act)} before ${act} on "${table}"`;
  if (act === 'truncate') return `${begin} for each statement execute function ${prefix}()`;
  const rows = `${begin} for each row ${when(table, act)}`;
  return engine === 'sqlite'
    ? `${rows} begin select raise(abort, '${fenceText}'); end`
    : `${rows} execute function ${prefix}()`;
}

function postgresFunction(first: string): string {
  return `create or replace function ${prefix}() returns trigger language plpgsql as $$
    begin ${first} if tg_op = 'DELETE' then return old; end if; return new; end $$`;
}

/**
 * Gives the writes back, from the next statement on. In Postgres the triggers stay and let everything through: taking them
 * away would wait for whoever reads a table, and make others wait. See `clearFence`.
 */
export function* lowerFence(tx: Tx, engine: Engine): Work<void> {
  if (engine === 'postgres') {
    if ((yield* triggers(tx, engine)).size > 0) yield* tx.change(postgresFunction(''), []);
    return;
  }
  for (const name of (yield* triggers(tx, engine)).keys()) yield* tx.change(`drop trigger ${name}`, []);
}

/** Takes away what a lowered fence has left, a table at a time. */
export async function clearFence(sql: Sql, engine: Engine): Promise<void> {
  if (engine === 'sqlite') return;
  const there = await sql.run((tx) => triggers(tx, engine));
  for (const table of new Set(there.values())) {
    await sql.run(function* (tx) {
      for (const [name, its] of there) {
        if (its === table) yield* tx.change(`drop trigger if exists ${name} on "${table}"`, []);
      }
    });
  }
  await sql.run(function* (tx) {
    yield* tx.change(`drop function if exists ${prefix}()`, []);
  });
}

/** Which of these tables can be written to all the same: the fence is not up, or somebody has taken triggers away. */
export function* unfenced(tx: Tx, engine: Engine, tables: readonly string[]): Work<string[]> {
  if (engine === 'postgres') {
    const raises = yield* tx.get`select 1 as one from pg_proc where proname = ${prefix}
      and pronamespace = current_schema()::regnamespace and prosrc like '%raise exception%'`;
    if (!raises) return [...tables];
  }
  const there = yield* triggers(tx, engine);
  return tables.filter((table) => !actsOf(engine).every((act) => there.has(nameOf(table, act))));
}

/** The fence's triggers that are there: their names, each with its table. */
function* triggers(tx: Tx, engine: Engine): Work<Map<string, string>> {
  const rows =
    engine === 'sqlite'
      ? yield* tx.all<{ name: string; table: string }>`select name, tbl_name as "table" from sqlite_schema
          where type = 'trigger' and substr(name, 1, ${prefix.length}) = ${prefix}`
      : yield* tx.all<{ name: string; table: string }>`select t.tgname as name, c.relname as "table"
          from pg_trigger t join pg_class c on c.oid = t.tgrelid
          where c.relnamespace = current_schema()::regnamespace and t.tgenabled <> 'D'
            and substr(t.tgname::text, 1, ${prefix.length}) = ${prefix}`;
  return new Map(rows.map(({ name, table }) => [name, table]));
}
