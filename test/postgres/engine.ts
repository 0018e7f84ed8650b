// The engine that a run's tests use where they do not care: SQLite in memory, or Postgres when RR_TEST_DATABASE=postgres.

import { afterAll } from 'vitest';
import type { Sql, Statement, Value } from '../../connector/sql/sql.ts';
import { openSqlite } from '../../connector/sql/sqlite.ts';
import { freshDatabase } from './database.ts';

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
  const database = await freshDatabase({ migrated });
  const sql = await database.open(options);
  return { sql, [Symbol.asyncDispose]: () => database[Symbol.asyncDispose]() };
}

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
afterAll(async () => {
  for (const fresh of left) await fresh[Symbol.asyncDispose]();
  left.clear();
});
