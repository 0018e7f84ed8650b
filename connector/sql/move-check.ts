// What must be so before a database is moved: both ends can be used, both have the tables of this release, the target is empty
// or holds what this very move has left there, and the target can hold what is to come.

import { Problem } from '#shared/problem.ts';
import { StartError } from '../start-error.ts';
import type { DatabaseAddress } from './address.ts';
import { isMigrated, migrateMoving, readVersion } from './migrate.ts';
import { migrations } from './migrations.ts';
import { unmovable } from './move-copy.ts';
import { type MoveRecord, readMove } from './move-record.ts';
import { ownTables, type Table, tablesOf } from './schema.ts';
import { isCommitUnknown, type Sql, type Tx, type Work } from './sql.ts';

/** One of the two databases. */
export interface End {
  readonly sql: Sql;
  readonly engine: DatabaseAddress['engine'];
  /** As people may see it. */
  readonly shown: string;
  /** Which database it is, as it is compared: without what only says how it is reached. */
  readonly place: string;
}

/** Why a move cannot go on; the message is a sentence for the operator. */
export class MoveError extends StartError {}

/** The same database, whose troubles are told with its name. */
export function told(end: End): End {
  const telling = async <T>(one: Promise<T>): Promise<T> => {
    try {
      return await one;
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'unavailable' || isCommitUnknown(error)) throw error;
      const { reason } = error.details;
      const why = reason === 'locked' ? 'was held by others for too long' : 'gave no answer, or has no room';
      throw new MoveError(`${end.shown} ${why}. What has been done stays done: run the same command again.`);
    }
  };
  const { sql } = end;
  return {
    ...end,
    sql: {
      ...sql,
      run: (work) => telling(sql.run(work)),
      read: (work) => telling(sql.read(work)),
      get: (strings, ...values) => telling(sql.get(strings, ...values)),
      all: (strings, ...values) => telling(sql.all(strings, ...values)),
    },
  };
}

/** Looks at both ends and changes nothing, but that an empty target is given its tables. @returns what is to be copied */
export async function checkEnds(from: End, to: End, say: (line: string) => void): Promise<Table[]> {
  if (from.place === to.place) throw new MoveError('Both are the same database.');
  if (!(await isMigrated(from.sql))) throw new MoveError(`${from.shown} is empty: there is nothing to move.`);
  const version = await from.sql.run(readVersion);
  if (version.version !== migrations.length || version.readableFrom > migrations.length) {
    throw new MoveError(
      `${from.shown} has the schema of another release (${version.version}, and this one has ${migrations.length}). ` +
        'Start a connector of this release on it once, or use the release that fits.',
    );
  }
  const tables = await ownTables();
  await compareSchema(from, tables);
  const begun = await from.sql.run(readMove);
  if (begun?.role === 'target' && begun.state !== 'done')
    throw new MoveError(`${from.shown} is itself being filled from ${begun.other}.`);
  if (begun?.role === 'source' && begun.state !== 'abandoned' && begun.place !== to.place) {
    throw new MoveError(
      begun.state === 'done'
        ? `${from.shown} was moved to ${begun.other}, and is not in use any more.`
        : `${from.shown} is being moved to ${begun.other}. Go on with that, or give it up with --abort.`,
    );
  }
  if (begun?.state !== 'done' || begun.role !== 'source') await refuseUnmovable(from, to, tables);
  await migrateMoving(to.sql);
  await compareSchema(to, tables);
  const left = (await tablesOf(from.sql, from.engine)).filter(({ name }) => !tables.some((own) => own.name === name));
  if (left.length > 0) say(`Not the connector’s, and left where they are: ${left.map(({ name }) => name).join(', ')}.`);
  // Asked again, for good, when the target is claimed.
  await to.sql.run((tx) => standingOf(tx, to, begun, tables));
  return tables;
}

/** @throws MoveError when a table of ours is not there as this release has it */
async function compareSchema({ sql, engine, shown }: End, tables: readonly Table[]): Promise<void> {
  const there = await tablesOf(sql, engine);
  for (const table of tables) {
    const found = there.find(({ name }) => name === table.name);
    if (!found) throw new MoveError(`${shown} has no table ${table.name}.`);
    const text = ({ columns, key }: Table) => JSON.stringify([columns, key]);
    if (text(found) !== text(table))
      throw new MoveError(`The table ${table.name} of ${shown} is not as this release has it.`);
  }
}

/** What Postgres cannot hold stops nobody's work: it is looked for before. */
export async function refuseUnmovable(from: End, to: End, tables: readonly Table[]): Promise<void> {
  if (from.engine !== 'sqlite' || to.engine !== 'postgres') return;
  const found: string[] = [];
  for (const table of tables) found.push(...(await unmovable(from.sql, table)));
  if (found.length === 0) return;
  throw new MoveError(
    `Postgres cannot hold every text of ${from.shown} (the character NUL). Change these rows where they come from, then ` +
      `begin again: ${found.join('; ')}.`,
  );
}

/** `ours`: of this move; `useless`: of one that was given up. */
export type Standing = 'free' | 'ours' | 'useless' | 'done';

/** What a target is to a move. @throws MoveError when it is somebody else's */
export function* standingOf(tx: Tx, to: End, source: MoveRecord | undefined, tables: readonly Table[]): Work<Standing> {
  const there = yield* readMove(tx);
  if (there?.role === 'target') {
    const same = source?.role === 'source' && there.id === source.id && source.state !== 'abandoned';
    if (same) return there.state === 'done' ? 'done' : 'ours';
    const given = [...(source?.abandoned ?? []), source?.state === 'abandoned' ? source.id : []].flat();
    if (there.state === 'copying' && given.includes(there.id)) return 'useless';
    if (there.state === 'copying') {
      throw new MoveError(
        `${to.shown} holds what a move from ${there.other} has left unfinished. Name an empty database.`,
      );
    }
  }
  if (there?.role === 'source') throw new MoveError(`${to.shown} was moved to ${there.other}. Name an empty database.`);
  for (const { name } of tables) {
    const rest = name === 'meta' ? `where key not in ('version', 'readableFrom')` : '';
    const [row] = yield* tx.query(`select 1 as one from "${name}" ${rest} limit 1`, []);
    if (row) throw new MoveError(`${to.shown} is not empty (${name}). Name an empty database.`);
  }
  return 'free';
}
