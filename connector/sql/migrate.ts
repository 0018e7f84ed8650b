// Brings a database to the code's schema, one migration per transaction, and refuses one that it cannot read. Others may go on
// serving meanwhile: a lock that is not had at once is tried for again later, so that nobody queues behind it.

import { Problem } from '#shared/problem.ts';
import { StartError } from '../start-error.ts';
import { migrations, readableFrom } from './migrations.ts';
import { refuseMoving } from './move-record.ts';
import type { Sql, Tx, Work } from './sql.ts';

/** What `meta` says of the schema: `version` = migrations seen, `readableFrom` = the oldest code that may work on it. */
export interface SchemaVersion {
  readonly version: number;
  readonly readableFrom: number;
}

/** What a release brings along; another one's for tests. */
export interface Schema {
  readonly migrations: readonly (readonly string[])[];
  readonly readableFrom: number;
}

/** This release's. */
export const schema: Schema = { migrations, readableFrom };

export interface MigrateOptions {
  readonly schema?: Schema;
  /** Asked before the schema becomes one that older releases cannot work on: why it must not yet, as a sentence. */
  readonly mayExclude?: (tx: Tx, readableFrom: number) => Work<string | undefined>;
  /** How often a migration is tried whose locks are not to be had; each time takes as long as the database's patience. */
  readonly tries?: number;
}

/**
 * Runs the migrations that the database has not seen. Expand first, contract later: code may work on a newer schema
 * as long as that schema's `readableFrom` allows it.
 * @throws StartError when the database is too new for this code, or cannot be brought to its schema now; while it is being
 *   moved, or once it has been left for another one
 */
export async function migrate(sql: Sql, options: MigrateOptions = {}): Promise<SchemaVersion> {
  await makeMeta(sql);
  await sql.run(refuseMoving);
  return expand(sql, options);
}

/** The same for `migrate-database`, which fills a database that nobody else may use yet. */
export async function migrateMoving(sql: Sql): Promise<SchemaVersion> {
  await makeMeta(sql);
  return expand(sql, {});
}

async function makeMeta(sql: Sql): Promise<void> {
  await sql.run(function* (tx) {
    yield* tx.run`create table if not exists meta (key text primary key, value text not null)`;
  });
}

async function expand(sql: Sql, options: MigrateOptions): Promise<SchemaVersion> {
  const { migrations, readableFrom } = options.schema ?? schema;
  const current = await sql.run(readVersion);
  refuseNewer(current, migrations.length);
  if (current.version < migrations.length) {
    await sql.run(function* (tx) {
      yield* tx.run`insert into meta (key, value) values ('version', '0') on conflict (key) do nothing`;
    });
  }
  for (let index = current.version; index < migrations.length; index++) {
    await patiently(options.tries ?? 12, () => sql.run((tx) => step(tx, index, migrations[index] ?? [], options)));
  }
  const reached = await sql.run(readVersion);
  // Another release may have been faster than this one.
  refuseNewer(reached, migrations.length);
  if (reached.version > migrations.length || reached.readableFrom >= readableFrom) return reached;
  await sql.run((tx) => exclude(tx, readableFrom, options));
  return sql.run(readVersion);
}

function refuseNewer({ version, readableFrom }: SchemaVersion, code: number): void {
  if (readableFrom <= code) return;
  throw new StartError(
    `The database was brought to schema ${version} by a newer release, and this one, which knows ${code}, cannot work on ` +
      `what is older than ${readableFrom}. Start the newer release. Nothing was changed.`,
  );
}

function* step(tx: Tx, index: number, texts: readonly string[], options: MigrateOptions): Work<void> {
  // Another connector may start at the same moment. A transaction of Postgres sees what others have done to the schema,
  // but not to the rows: without this lock it would add columns that are there already.
  yield* tx.run`update meta set value = value where key = 'version'`;
  if ((yield* readVersion(tx)).version > index) return;
  yield* exclude(tx, (options.schema ?? schema).readableFrom, options);
  for (const text of texts) yield* tx.change(text, []);
  yield* writeMeta(tx, 'version', String(index + 1));
}

/** Before the first change that they could not work on; who waits until the last one has had it too long. */
function* exclude(tx: Tx, readableFrom: number, { mayExclude }: MigrateOptions): Work<void> {
  if ((yield* readVersion(tx)).readableFrom >= readableFrom) return;
  const why = mayExclude && (yield* mayExclude(tx, readableFrom));
  if (why !== undefined) throw new StartError(why);
  yield* writeMeta(tx, 'readableFrom', String(readableFrom));
}

/** @throws StartError when a lock is not to be had */
async function patiently(tries: number, work: () => Promise<void>): Promise<void> {
  for (let left = tries; ; left--) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Problem && error.details.reason === 'locked')) throw error;
      if (left <= 1)
        throw new StartError(
          'The schema could not be changed: a transaction of somebody else has held a table all the time. End it, and start again. ' +
            'Nothing was changed.',
        );
    }
  }
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
