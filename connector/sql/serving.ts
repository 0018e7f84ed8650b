// One connector at a time serves a SQLite database: a lock that the operating system drops when the process dies, so
// that leases left behind by a dead connector can be broken at once instead of waited for.

import { DatabaseSync } from 'node:sqlite';
import { makeDatabaseFolder } from '../place.ts';
import type { Sql, Tx, Work } from './sql.ts';
import { SQLITE_BUSY, sqliteCode } from './sqlite.ts';

/** Held until `release`, or the end of the process. */
export interface Serving {
  release(): void;
}

/**
 * Takes the lock beside a database file; undefined when another process serves it. Commands that only write a row
 * (token, user) do not need it.
 * @throws StartError when nothing can be written beside the database
 */
export function takeServingLock(database: string): Serving | undefined {
  makeDatabaseFolder(database);
  const db = new DatabaseSync(`${database}.serving`);
  try {
    db.exec('pragma busy_timeout = 200; begin exclusive');
  } catch (error) {
    db.close();
    if (sqliteCode(error) !== SQLITE_BUSY) throw error;
    return undefined;
  }
  return { release: () => db.close() };
}

/**
 * The lock is ours: whatever was leased, its worker is dead, and so is a call into an embedded directory that lived in
 * that process. A call to a directory elsewhere may still be under way: its deadline stands.
 */
export async function breakLeases(sql: Sql, now: number): Promise<void> {
  await sql.run((tx) => leasesBroken(tx, now));
}

/** The same as a part of another unit of work. */
export function* leasesBroken(tx: Tx, now: number): Work<void> {
  yield* tx.run`update job set due_at = case when due_at < ${now} then due_at else ${now} end, leased_until = 0
    where leased_until > 0`;
  yield* tx.run`update reset set call_until = null
    where call_until is not null and tenant in (select id from tenant where directory = 'embedded')`;
}
