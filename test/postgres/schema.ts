// What tables a database has, asked of either engine in its own words.

import type { Sql, Tx, Work } from '../../connector/sql/sql.ts';
import { engineOf } from './engine.ts';

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

export async function tablesOf(sql: Sql): Promise<string[]> {
  const rows = await sql.read((tx) => ask<{ name: string }>(tx, texts[engineOf(sql)].tables, []));
  return rows.map(({ name }) => name);
}

export async function columnsOf(sql: Sql, table: string): Promise<Column[]> {
  return sql.read((tx) => ask<Column>(tx, texts[engineOf(sql)].columns, [table]));
}
