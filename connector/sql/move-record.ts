// What a database says of a move to or from another one (`migrate-database`): one value in `meta`, which is read before
// anything else, so that nobody works on a database that is being filled or has been left.

import { StartError } from '../start-error.ts';
import type { Sql, Tx, Work } from './sql.ts';

/** Its key in `meta`; the one that is not copied, and that may be written while writes are stopped. */
export const moveKey = 'move';

export interface MoveRecord {
  readonly role: 'source' | 'target';
  /** `copying`: under way. `done`: a source has been left, a target is in use. `abandoned`: a source has its writes back. */
  readonly state: 'copying' | 'done' | 'abandoned';
  /** The move's own; the same at both ends. */
  readonly id: string;
  /** The other end, as people may see it (`shownAddress`), and as it is compared (`placeOf`). */
  readonly other: string;
  readonly place: string;
  /** When this state began, in milliseconds since the epoch. */
  readonly at: number;
  /** Of a target: the run of the command that may write to it. */
  readonly run?: string;
  /** Of a source: moves that were given up; what they have left at a target is of no use. */
  readonly abandoned?: readonly string[];
}

/** What a database says of a move that it takes or took part in; undefined: of none. */
export function* readMove(tx: Tx): Work<MoveRecord | undefined> {
  const row = yield* tx.get<{ value: string }>`select value from meta where key = ${moveKey}`;
  return row && (JSON.parse(row.value) as MoveRecord);
}

/** Says it, in place of what was said before. */
export function* writeMove(tx: Tx, record: MoveRecord): Work<void> {
  yield* tx.run`insert into meta (key, value) values (${moveKey}, ${JSON.stringify(record)})
    on conflict (key) do update set value = excluded.value`;
}

/** Takes it back: as if there had never been a move. */
export function* forgetMove(tx: Tx): Work<void> {
  yield* tx.run`delete from meta where key = ${moveKey}`;
}

/**
 * To be asked in the unit of work that begins with a database.
 * @throws StartError while the database is being moved or filled, and for good once it has been left
 */
export function* refuseMoving(tx: Tx): Work<void> {
  const sentence = whyNot(yield* readMove(tx));
  if (sentence !== undefined) throw new StartError(sentence);
}

/** Why no connector may be started on a database with this record; undefined when one may. */
export function whyNot(record: MoveRecord | undefined): string | undefined {
  if (!record || record.state === 'abandoned') return undefined;
  const at = new Date(record.at).toISOString();
  if (record.role === 'target') {
    if (record.state === 'done') return undefined;
    return `This database is being filled from ${record.other} (since ${at}). It can be used when migrate-database has ended.`;
  }
  return record.state === 'copying'
    ? `This database is being moved to ${record.other} (since ${at}). Run migrate-database to its end, or give it up with ` +
        'migrate-database --abort.'
    : `This database was moved to ${record.other} (at ${at}). Set RR_DATABASE to that one.`;
}

/** Has this database been left for another one? What is read in it is out of date from then on. */
export async function leftFor(sql: Pick<Sql, 'get'>): Promise<string | undefined> {
  const row = await sql.get<{ value: string }>`select value from meta where key = ${moveKey}`;
  const record = row && (JSON.parse(row.value) as MoveRecord);
  return record?.role === 'source' && record.state === 'done' ? whyNot(record) : undefined;
}
