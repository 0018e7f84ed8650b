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

const opened = new WeakMap<Sql, Engine>();

/** Which engine is behind it, where a test must know. */
export function engineOf(sql: Sql): Engine {
  const which = opened.get(sql);
  if (!which) throw new Error('Only of what freshSql has opened is it known.');
  return which;
}

/**
 * An empty database of the test's own, gone when it is disposed of.
 * @param migrated on Postgres with the schema in it, which is copied faster than made
 */
export async function freshSql(which: Engine = engine, { migrated = true } = {}): Promise<FreshSql> {
  if (which === 'sqlite') {
    const sql = openSqlite(':memory:');
    opened.set(sql, which);
    return { sql, [Symbol.asyncDispose]: () => sql.close() };
  }
  const database = await freshDatabase({ migrated });
  const sql = await database.open();
  opened.set(sql, which);
  return { sql, [Symbol.asyncDispose]: () => database[Symbol.asyncDispose]() };
}
