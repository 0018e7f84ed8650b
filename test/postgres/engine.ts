// The engine that a run's tests use where they do not care: SQLite in memory, or Postgres when RR_TEST_DATABASE=postgres.

import type { Sql, Statement, Value } from '../../connector/sql/sql.ts';
import { openSqlite } from '../../connector/sql/sqlite.ts';
import { type FreshDatabase, freshDatabase } from './database.ts';

export type Engine = 'sqlite' | 'postgres';
/** For `describe.each`: what must hold on both. */
export const engines = ['sqlite', 'postgres'] as const satisfies readonly Engine[];

/** The engine of this run. */
export const engine: Engine = process.env.RR_TEST_DATABASE === 'postgres' ? 'postgres' : 'sqlite';

export interface FreshSql {
  readonly sql: Sql;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * An empty database of the test's own, gone when it is disposed of.
 * @param migrated on Postgres with the schema in it, which is copied faster than made
 */
export async function freshSql(
  which: Engine = engine,
  { migrated = true, ...options }: SqlOptions & { readonly migrated?: boolean } = {},
): Promise<FreshSql> {
  if (which === 'sqlite') {
    const sql = openSqlite(':memory:', options);
    return { sql, [Symbol.asyncDispose]: () => sql.close() };
  }
  const database = (migrated ? spare.pop() : undefined) ?? (await freshDatabase({ migrated }));
  const sql = await database.open(options);
  return {
    sql,
    async [Symbol.asyncDispose]() {
      await sql.close();
      if (migrated && (await isEmptied(database).catch(() => false))) spare.push(database);
      else await database[Symbol.asyncDispose]();
    },
  };
}

/** Databases that are as good as new: emptied ten times faster than made. */
const spare: FreshDatabase[] = [];

/** Empties it; false when its schema is no longer the one that it was made with. Throws where a test has stopped its writes. */
async function isEmptied(database: FreshDatabase): Promise<boolean> {
  await database.query(`do $$ declare t text; begin
    for t in select tablename from pg_tables where schemaname = 'public' and tablename <> 'meta' loop
      execute format('delete from %I', t);
    end loop;
    delete from meta where key not in ('version', 'readableFrom');
  end $$`);
  const [now] = await database.query<{ shape: string }>(
    `select (select string_agg(key || value, ' ' order by key) from meta) || (select md5(string_agg(concat(attrelid::regclass,
      attname, format_type(atttypid, null)), ' ' order by attrelid::regclass::text, attnum)) from pg_attribute
      where attrelid in (select oid from pg_class where relnamespace = 'public'::regnamespace)) as shape`,
  );
  shape ??= now?.shape;
  return now?.shape === shape;
}

let shape: string | undefined;

/** What both drivers take. */
export interface SqlOptions {
  /** Called before each statement of a unit of work: a test throws here to stop the work at any step. */
  readonly beforeStatement?: (statement: Statement) => void;
}

/** For tests that only close it, or not even that: it is gone at the end of their file. */
export async function openSql(options: SqlOptions = {}): Promise<Sql> {
  const fresh = await freshSql(engine, options);
  left.add(fresh);
  return {
    ...fresh.sql,
    async close() {
      left.delete(fresh);
      await fresh[Symbol.asyncDispose]();
    },
  };
}

/**
 * How SQLite would go about it, a line for each step. Nothing on Postgres: that goes by how many rows there are, and reads small
 * tables from end to end.
 */
export function planOf(sql: Sql, text: string, values: readonly Value[]): Promise<string[]> {
  return sql.run(function* (tx) {
    if (engine === 'postgres') return [];
    const plan = yield* tx.query<{ detail: string }>(`explain query plan ${text}`, values);
    return plan.map(({ detail }) => detail);
  });
}

const left = new Set<FreshSql>();
// The torture run and benchmarks use what tests use, outside of the tests' runner.
if (process.env.VITEST !== undefined) {
  const { afterAll } = await import('vitest');
  afterAll(async () => {
    for (const fresh of left) await fresh[Symbol.asyncDispose]();
    left.clear();
    for (const database of spare.splice(0)) await database[Symbol.asyncDispose]();
  });
}
