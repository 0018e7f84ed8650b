// The engine that a run's tests use where they do not care: SQLite in memory, or Postgres when RR_TEST_DATABASE=postgres.

import type { Sql } from '../../connector/sql/sql.ts';
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

/** An empty database of the test's own, gone when it is disposed of. */
export async function freshSql(which: Engine = engine): Promise<FreshSql> {
  if (which === 'sqlite') {
    const sql = openSqlite(':memory:');
    return { sql, [Symbol.asyncDispose]: () => sql.close() };
  }
  const database = await freshDatabase({ migrated: true });
  const sql = await database.open();
  return { sql, [Symbol.asyncDispose]: () => database[Symbol.asyncDispose]() };
}
