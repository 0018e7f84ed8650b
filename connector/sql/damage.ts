// A damaged database stops a start before anything is read from it, or written to it (reset.md, C21): better nothing than
// what a torn page says.

import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { StartError } from '../start-error.ts';
import { sqliteCode } from './sqlite.ts';

/** SQLITE_CORRUPT, SQLITE_NOTADB. */
const damaged = new Set([11, 26]);

/**
 * Reads every page of a database file once (SQLite's quick_check: structure, not indexes). Only for whoever serves it.
 * @throws StartError when a page is damaged
 */
export function refuseDamaged(database: string): void {
  if (!existsSync(database)) return;
  const found = problemOf(database);
  if (found === undefined) return;
  throw new StartError(
    `The database ${database} is damaged (${found}). Nothing was started and nothing changed. Put a backup in its place ` +
      '(docs/backup.md), or mend it with SQLite’s “.recover”.',
  );
}

function problemOf(database: string): string | undefined {
  const db = new DatabaseSync(database);
  try {
    const [row] = db.prepare('pragma quick_check(1)').all();
    const [said] = Object.values(row ?? {});
    return said === 'ok' ? undefined : String(said);
  } catch (error) {
    if (damaged.has(sqliteCode(error) ?? 0)) return (error as Error).message;
    throw error;
  } finally {
    db.close();
  }
}
