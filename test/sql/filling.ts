// Fills every table of a database with rows of a test's making, by what the engine says of its tables, so that a table that is
// added one day is filled too.

import fc from 'fast-check';
import { type Table, tablesOf } from '../../connector/sql/schema.ts';
import type { Sql, Value } from '../../connector/sql/sql.ts';

/** A 64-bit integer, as text; often one of few, so that keys share their beginnings. */
const integer = fc.oneof(
  fc.bigInt({ min: -3n, max: 12n }),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(0n, -1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)),
);
/** All that both engines hold: everything but NUL, and half of a surrogate pair. */
const text = fc.oneof(
  { arbitrary: fc.constantFrom('a', 'b', 'B'), weight: 3 },
  { arbitrary: fc.string({ unit: 'binary', maxLength: 12 }).map((some) => some.replaceAll('\0', '')), weight: 1 },
  fc.constantFrom(
    '',
    ' ',
    '\\',
    "'",
    '"',
    '\\N',
    '\u0001',
    '\uffff',
    '😀',
    '\u{10ffff}',
    'é',
    'e\u0301',
    'Z',
    'a',
    'null',
    '\r\n',
  ),
);

/** Rows for a table; those with a key that is taken are left out by `insert`. */
function rowsFor({ columns }: Table, optional: ReadonlySet<string>): fc.Arbitrary<Value[][]> {
  const cells = columns.map(({ name, type }) => {
    const value = type === 'bigint' ? integer.map(String) : text;
    return optional.has(name) ? fc.option(value, { nil: null }) : value;
  });
  return fc.array(fc.tuple(...cells), { minLength: 1, maxLength: 12 }) as fc.Arbitrary<Value[][]>;
}

export type Filling = readonly { readonly table: Table; readonly rows: readonly Value[][] }[];

/** Rows for every table but `meta` of an empty, migrated SQLite database. */
export async function fillings(sql: Sql): Promise<fc.Arbitrary<Filling>> {
  const tables = (await tablesOf(sql, 'sqlite')).filter(({ name }) => name !== 'meta');
  const all = await Promise.all(
    tables.map(async (table) => {
      const found = await sql.all<{
        name: string;
      }>`select name from pragma_table_info(${table.name}) where "notnull" = 0 and pk = 0`;
      return rowsFor(table, new Set(found.map(({ name }) => name))).map((rows) => ({ table, rows }));
    }),
  );
  return fc.tuple(...all);
}

export async function insert(sql: Sql, filling: Filling): Promise<void> {
  await sql.run(function* (tx) {
    for (const { table, rows } of filling) {
      const names = table.columns.map(({ name }) => `"${name}"`).join(', ');
      const text = `insert into "${table.name}" (${names}) values (${table.columns.map(() => '?').join(', ')})
        on conflict do nothing`;
      for (const row of rows) yield* tx.change(text, row);
    }
  });
}

/** Three rows of plain values for each table, with `key` (a letter) in their texts, and in their numbers: other keys, other rows. */
export function plainFilling(tables: readonly Table[], key: string): Filling {
  const first = 10 * (key.charCodeAt(0) - 'a'.charCodeAt(0));
  return tables
    .filter(({ name }) => name !== 'meta')
    .map((table) => ({
      table,
      rows: [0, 1, 2].map((n) =>
        table.columns.map(({ name, type }) => (type === 'bigint' ? first + n : `${name} ${key} ${n}`)),
      ),
    }));
}

/** Everything that a database holds, as text. */
export async function contentOf(sql: Sql, tables: readonly Table[]): Promise<Record<string, unknown>> {
  const all: Record<string, unknown> = {};
  for (const { name, columns, key } of tables) {
    const cells = columns.map((column) => `cast("${column.name}" as text)`).join(', ');
    const where = name === 'meta' ? `where key <> 'move'` : '';
    const order = key.map((column) => `t."${column}"`).join(', ');
    all[name] = await sql.read(function* (tx) {
      return yield* tx.rows(`select ${cells} from "${name}" t ${where} order by ${order}`, []);
    });
  }
  return all;
}
