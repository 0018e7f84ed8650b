// What tables a database has, asked of either engine in its own words.

import type { Row, Sql, Tx, Work } from '../../connector/sql/sql.ts';

export interface Column {
  readonly name: string;
  readonly type: string;
  /** Its place in the primary key, from 1; 0: it is not part of it. */
  readonly key: number;
}

const texts = {
  sqlite: {
    tables: `select name from sqlite_master where type = 'table' order by name`,
    columns: 'select name, lower(type) as type, pk as key from pragma_table_info(?) order by name',
  },
  postgres: {
    tables: `select tablename as name from pg_tables where schemaname = 'public' order by tablename`,
    columns: `select a.attname as name, format_type(a.atttypid, null) as type,
        coalesce(array_position(i.indkey::int2[], a.attnum) + 1, 0) as key
      from pg_attribute a left join pg_index i on i.indrelid = a.attrelid and i.indisprimary
      where a.attrelid = cast(? as text)::regclass and a.attnum > 0 and not a.attisdropped order by a.attname`,
  },
} as const;

function* ask<R>(tx: Tx, text: string, values: readonly string[]): Work<R[]> {
  return yield* tx.query<R>(text, values);
}

/** In the words of the engine that understands them. */
async function either<R>(sql: Sql, what: 'tables' | 'columns', values: readonly string[]): Promise<R[]> {
  try {
    return await sql.read((tx) => ask<R>(tx, texts.sqlite[what], values));
  } catch {
    return sql.read((tx) => ask<R>(tx, texts.postgres[what], values));
  }
}

export async function tablesOf(sql: Sql): Promise<string[]> {
  return (await either<{ name: string }>(sql, 'tables', [])).map(({ name }) => name);
}

export function columnsOf(sql: Sql, table: string): Promise<Column[]> {
  return either<Column>(sql, 'columns', [table]);
}

/** Every row of every table. */
export async function rowsOf(sql: Sql): Promise<Row[]> {
  const names = await tablesOf(sql);
  const rows = await Promise.all(names.map((name) => sql.read((tx) => ask<Row>(tx, `select * from ${name}`, []))));
  return rows.flat();
}
