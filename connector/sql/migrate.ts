// Brings a database to the code's schema, one migration per transaction, and refuses one that it cannot read.

import { Problem } from '#shared/problem.ts';
import { migrations, readableFrom } from './migrations.ts';
import { refuseMoving } from './move-record.ts';
import type { Sql, Tx, Work } from './sql.ts';

/** What `meta` says of the schema: `version` = migrations seen, `readableFrom` = the oldest code that may work on it. */
export interface SchemaVersion {
  readonly version: number;
  readonly readableFrom: number;
}

/**
 * Runs the migrations that the database has not seen. Expand first, contract later: code may work on a newer schema
 * as long as that schema's `readableFrom` allows it.
 * @throws Problem unavailable with reason `schema` when the database is too new for this code
 * @throws StartError while the database is being moved, or once it has been left for another one
 */
export async function migrate(sql: Sql): Promise<SchemaVersion> {
  await makeMeta(sql);
  await sql.run(refuseMoving);
  return expand(sql);
}

/** The same for `migrate-database`, which fills a database that nobody else may use yet. */
export async function migrateMoving(sql: Sql): Promise<SchemaVersion> {
  await makeMeta(sql);
  return expand(sql);
}

async function makeMeta(sql: Sql): Promise<void> {
  await sql.run(function* (tx) {
    yield* tx.run`create table if not exists meta (key text primary key, value text not null)`;
  });
}

async function expand(sql: Sql): Promise<SchemaVersion> {
  const current = await sql.run(readVersion);
  if (current.readableFrom > migrations.length) {
    throw new Problem('unavailable', { reason: 'schema', version: current.version, code: migrations.length });
  }
  if (current.version < migrations.length) {
    await sql.run(function* (tx) {
      yield* tx.run`insert into meta (key, value) values ('version', '0') on conflict (key) do nothing`;
    });
  }
  for (let index = current.version; index < migrations.length; index++) {
    await sql.run(function* (tx) {
      // Another connector may start at the same moment. A transaction of Postgres sees what others have done to the schema,
      // but not to the rows: without this lock it would add columns that are there already.
      yield* tx.run`update meta set value = value where key = 'version'`;
      if ((yield* readVersion(tx)).version > index) return;
      for (const text of migrations[index] ?? []) yield* tx.change(text, []);
      yield* writeMeta(tx, 'version', String(index + 1));
      yield* writeMeta(tx, 'readableFrom', String(readableFrom));
    });
  }
  return sql.run(readVersion);
}

/** Does the database hold a schema of ours, of whichever version? For `check`, which changes nothing. */
export async function isMigrated(sql: Sql): Promise<boolean> {
  try {
    return (await sql.get`select value from meta where key = 'readableFrom'`) !== undefined;
  } catch (error) {
    // In each engine's words for a table that is not there.
    if (error instanceof Error && /no such table|42P01/.test(error.message)) return false;
    throw error;
  }
}

/** What `meta` says of the schema; zeros when it says nothing. */
export function* readVersion(tx: Tx): Work<SchemaVersion> {
  return {
    version: Number((yield* readMeta(tx, 'version')) ?? 0),
    readableFrom: Number((yield* readMeta(tx, 'readableFrom')) ?? 0),
  };
}

/** One value of the schema's own table: version, readableFrom, key check, installation. */
export function* readMeta(tx: Tx, key: string): Work<string | undefined> {
  const row = yield* tx.get<{ value: string }>`select value from meta where key = ${key}`;
  return row?.value;
}

/** Sets one value of the schema's own table. */
export function* writeMeta(tx: Tx, key: string, value: string): Work<void> {
  yield* tx.run`insert into meta (key, value) values (${key}, ${value})
    on conflict (key) do update set value = excluded.value`;
}
