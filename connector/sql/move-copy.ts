// Copies a table from one database to another and compares the two, a page at a time in the order of the primary key. Every
// value travels as text or null, as each engine itself writes it: a 64-bit integer is never a JavaScript number.

import { createHash } from 'node:crypto';
import { Problem } from '#shared/problem.ts';
import type { Table } from './schema.ts';
import { isCommitUnknown, type Sql, type Tx, type Value, type Work } from './sql.ts';

type Row = readonly (string | null)[];

/** The rows of a page at most, and about how many characters it may hold: what is in memory is bounded by these. */
const most = { rows: 512, characters: 1 << 20 } as const;
/** Values that one statement may bind: SQLite takes 32,766, Postgres 65,535. */
const mostValues = 32_000;

const quoted = (names: readonly string[]) => names.map((name) => `"${name}"`).join(', ');
/** Columns of the table `t`: what is selected as text has the same name in Postgres, and would be sorted as text. */
const sorted = (names: readonly string[], how = '') => names.map((name) => `t."${name}"${how}`).join(', ');
const marks = (count: number) => Array(count).fill('?').join(', ');
/** The record of the move is each database's own. */
const only = (table: Table) => (table.name === 'meta' ? `"key" <> 'move'` : undefined);

/** The rows of a table behind a key, page by page, in the order of bytes. */
async function* pagesOf(sql: Sql, table: Table, after?: Row): AsyncGenerator<readonly Row[]> {
  const places = table.key.map((name) => table.columns.findIndex((column) => column.name === name));
  const columns = table.columns.map(({ name }) => `cast("${name}" as text)`).join(', ');
  // What the rows hold is not known yet: pages grow from a few rows on. Powers of two, so that the texts are few.
  let limit = 16;
  for (let key = after; ; ) {
    const beyond = key === undefined ? [] : [`(${quoted(table.key)}) > (${marks(table.key.length)})`];
    const conditions = [only(table) ?? [], beyond].flat();
    const where = conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`;
    const text = `select ${columns} from "${table.name}" t ${where} order by ${sorted(table.key)} limit ${limit}`;
    const rows = await sql.read((tx) => rowsOf(tx, text, key ?? []));
    if (rows.length > 0) yield rows;
    const last = rows.at(-1);
    if (rows.length < limit || last === undefined) return;
    key = places.map((place) => last[place] ?? null);
    const size = rows.reduce((sum, row) => row.reduce((all, value) => all + (value?.length ?? 0), sum), 0);
    if (size > most.characters) limit = Math.max(1, limit / 2);
    else if (size * 2 <= most.characters) limit = Math.min(most.rows, limit * 2);
  }
}

function* rowsOf(tx: Tx, text: string, values: readonly Value[]): Work<readonly Row[]> {
  return yield* tx.rows<(string | null)[]>(text, values);
}

/**
 * Copies what the target has not got yet. Each page is a transaction of its own, so that what is there is the beginning of the
 * table: an interrupted copy goes on behind it.
 * @param mine asked within each transaction; throws when the target is another run's by now
 * @param copied told after each page how many rows it had; throws to stop
 * @throws UnmovableRow
 */
export async function copyTable(
  from: Sql,
  to: Sql,
  table: Table,
  mine: (tx: Tx) => Work<void>,
  copied: (rows: number) => void,
): Promise<void> {
  const atOnce = Math.floor(mostValues / table.columns.length);
  // Of `meta` two keys are in the target already, and few are there at all.
  const after = table.name === 'meta' ? undefined : await lastKey(to, table);
  for await (const rows of pagesOf(from, table, after)) {
    const put = (page: readonly Row[]) =>
      surely(to, function* (tx) {
        yield* mine(tx);
        for (let at = 0; at < page.length; at += atOnce) {
          const some = page.slice(at, at + atOnce);
          yield* tx.change(insertion(table, some.length), some.flat());
        }
      });
    try {
      await put(rows);
    } catch (error) {
      if (!isUnstorable(error)) throw error;
      // One by one, in their order, up to the one that it is about.
      for (const row of rows) await put([row]).catch((alone: unknown) => refuse(table, row, alone));
    }
    copied(rows.length);
  }
}

/** A row that the target cannot hold; told by its key. */
export class UnmovableRow extends Error {
  override readonly name = 'UnmovableRow';
}

const isUnstorable = (error: unknown) => error instanceof Problem && error.code === 'invalidValue';

function refuse(table: Table, row: Row, error: unknown): never {
  if (!isUnstorable(error)) throw error;
  const key = table.key.map((name) => row[table.columns.findIndex((column) => column.name === name)]?.slice(0, 60));
  throw new UnmovableRow(`${table.name} ${JSON.stringify(key)}`);
}

/** May be repeated: where the answer to a commit was lost, the page may be there already. */
function insertion(table: Table, rows: number): string {
  const row = `(${marks(table.columns.length)})`;
  const there =
    table.name === 'meta' ? 'on conflict (key) do update set value = excluded.value' : 'on conflict do nothing';
  const names = quoted(table.columns.map(({ name }) => name));
  return `insert into "${table.name}" (${names}) values ${Array(rows).fill(row).join(', ')} ${there}`;
}

/** The key of the last row of a table; undefined when it is empty. */
async function lastKey(sql: Sql, table: Table): Promise<Row | undefined> {
  const columns = table.key.map((name) => `cast("${name}" as text)`).join(', ');
  const order = sorted(table.key, ' desc');
  const [key] = await sql.read((tx) =>
    rowsOf(tx, `select ${columns} from "${table.name}" t order by ${order} limit 1`, []),
  );
  return key;
}

/** Runs what may be run twice until it is known to be done. */
export async function surely<T>(sql: Sql, work: (tx: Tx) => Work<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await sql.run(work);
    } catch (error) {
      if (!isCommitUnknown(error) || attempt === 5) throw error;
    }
  }
}

export interface Digest {
  /** As the engine counts them. */
  readonly rows: number;
  /** SHA-256 over all rows in the order of the primary key, each as a JSON array of texts and nulls; base64url. */
  readonly sum: string;
}

/** What a table holds, the same on either engine when it holds the same. @param seen as `copied` above */
export async function digestOf(sql: Sql, table: Table, seen: (rows: number) => void = () => {}): Promise<Digest> {
  const hash = createHash('sha256');
  for await (const rows of pagesOf(sql, table)) {
    for (const row of rows) hash.update(`${JSON.stringify(row)}\n`);
    seen(rows.length);
  }
  const where = only(table);
  const [counted] = await sql.read((tx) =>
    rowsOf(tx, `select cast(count(*) as text) from "${table.name}" ${where === undefined ? '' : `where ${where}`}`, []),
  );
  return { rows: Number(counted?.[0] ?? 0), sum: hash.digest('base64url') };
}

/** Keys of rows of a SQLite table that Postgres cannot hold (NUL in a text), or that are not what their column says; a few. */
export async function unmovable(sql: Sql, table: Table): Promise<string[]> {
  const wrong = table.columns.map(({ name, type }) =>
    type === 'text'
      ? `(typeof("${name}") not in ('text', 'null') or instr("${name}", char(0)) > 0)`
      : `typeof("${name}") not in ('integer', 'null')`,
  );
  const text = `select ${quoted(table.key)} from "${table.name}" where ${wrong.join(' or ')} limit 3`;
  const rows = await sql.read((tx) => rowsOf(tx, text, []));
  return rows.map((row) => `${table.name} ${JSON.stringify(row)}`);
}
