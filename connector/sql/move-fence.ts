// Stops the writes of a database in the database itself, for a move: a trigger on every table refuses whatever would change
// a row, also to connectors that know nothing of it, and outlives whoever has set it. Reading goes on. To the drivers it is
// Problem `unavailable` with reason `moving`.

import { Problem } from '#shared/problem.ts';
import type { DatabaseAddress } from './address.ts';
import { moveKey } from './move-record.ts';
import type { Tx, Work } from './sql.ts';

type Engine = DatabaseAddress['engine'];

/** What the triggers say; no other trigger raises anything. */
export const fenceText = 'the database is being moved';
/** SQLSTATE of the same: of a class that the standard leaves to its users. */
export const fenceCode = 'RR001';

/** As whoever wanted to write is told. Times in seconds. */
export const moving = () => new Problem('unavailable', { reason: 'moving', retryAfter: 10 });

const acts = ['insert', 'update', 'delete'] as const;
type Act = (typeof acts)[number];
const prefix = 'move_fence';
const nameOf = (table: string, act: Act | 'truncate') => `${prefix}_${table}_${act}`;

/** Which rows are refused: all of them, but the record of the move itself. */
function when(table: string, act: Act): string {
  if (table !== 'meta') return '';
  const others = { insert: ['new'], update: ['new', 'old'], delete: ['old'] }[act].map(
    (row) => `${row}.key <> '${moveKey}'`,
  );
  return `when (${others.join(' or ')})`;
}

/**
 * Stops all writes to these tables. Whoever is in the middle of a unit of work is waited for, and nobody begins meanwhile:
 * what is committed with this is the end of all writes. May be repeated.
 */
export function* raiseFence(tx: Tx, engine: Engine, tables: readonly string[]): Work<void> {
  if (engine === 'postgres') {
    // In the one order that everybody can use, and before anything else, so that two of us do not deadlock.
    const all = [...tables].sort().map((table) => `"${table}"`);
    yield* tx.change(`lock table ${all.join(', ')} in share row exclusive mode`, []);
    yield* tx.change(
      `create or replace function ${prefix}() returns trigger language plpgsql as $$
        begin raise exception '${fenceText}' using errcode = '${fenceCode}'; end $$`,
      [],
    );
  }
  yield* lowerTriggers(tx, engine);
  for (const table of tables) {
    for (const act of acts) {
      const text =
        engine === 'sqlite'
          ? `create trigger ${nameOf(table, act)} before ${act} on "${table}" for each row ${when(table, act)}
              begin select raise(abort, '${fenceText}'); end`
          : `create trigger ${nameOf(table, act)} before ${act} on "${table}" for each row ${when(table, act)}
              execute function ${prefix}()`;
      yield* tx.change(text, []);
    }
    if (engine === 'postgres') {
      const name = nameOf(table, 'truncate');
      yield* tx.change(`create trigger ${name} before truncate on "${table}" execute function ${prefix}()`, []);
    }
  }
}

/** Gives the writes back, from the next unit of work on. */
export function* lowerFence(tx: Tx, engine: Engine): Work<void> {
  yield* lowerTriggers(tx, engine);
  if (engine === 'postgres') yield* tx.change(`drop function if exists ${prefix}()`, []);
}

function* lowerTriggers(tx: Tx, engine: Engine): Work<void> {
  for (const { name, table } of yield* triggers(tx, engine)) {
    yield* tx.change(engine === 'sqlite' ? `drop trigger ${name}` : `drop trigger ${name} on "${table}"`, []);
  }
}

/** Which of these tables can be written to all the same: somebody has taken triggers away. */
export function* unfenced(tx: Tx, engine: Engine, tables: readonly string[]): Work<string[]> {
  const there = new Set((yield* triggers(tx, engine)).map(({ name }) => name));
  const wanted = engine === 'sqlite' ? acts : ([...acts, 'truncate'] as const);
  return tables.filter((table) => !wanted.every((act) => there.has(nameOf(table, act))));
}

function* triggers(tx: Tx, engine: Engine): Work<{ name: string; table: string }[]> {
  return engine === 'sqlite'
    ? yield* tx.all<{ name: string; table: string }>`select name, tbl_name as "table" from sqlite_schema
        where type = 'trigger' and substr(name, 1, ${prefix.length}) = ${prefix}`
    : yield* tx.all<{ name: string; table: string }>`select t.tgname as name, c.relname as "table"
        from pg_trigger t join pg_class c on c.oid = t.tgrelid
        where c.relnamespace = current_schema()::regnamespace and t.tgenabled <> 'D'
          and substr(t.tgname::text, 1, ${prefix.length}) = ${prefix}`;
}
