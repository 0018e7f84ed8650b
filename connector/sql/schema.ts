// The tables of a database as the engine itself knows them: names, columns, types and primary keys.

import type { DatabaseAddress } from './address.ts';
import { migrate } from './migrate.ts';
import type { Sql } from './sql.ts';
import { openSqlite } from './sqlite.ts';

export interface Column {
  readonly name: string;
  /** As the migrations have it: `text` or `bigint`. */
  readonly type: string;
}

export interface Table {
  readonly name: string;
  readonly columns: readonly Column[];
  /** The columns of the primary key, in its order. */
  readonly key: readonly string[];
}

interface ColumnRow {
  table: string;
  name: string;
  type: string;
  /** Place in the primary key from 1; 0 when it is not in it. */
  pk: number;
}

/** Every table of a database, by name; of Postgres those of the schema in which the connector makes its own. */
export async function tablesOf(sql: Pick<Sql, 'all'>, engine: DatabaseAddress['engine']): Promise<Table[]> {
  const rows =
    engine === 'sqlite'
      ? await sql.all<ColumnRow>`select t.name as "table", c.name as name, lower(c.type) as type, c.pk as pk
          from sqlite_schema t join pragma_table_info(t.name) c
          where t.type = 'table' and substr(t.name, 1, 7) <> 'sqlite_' order by t.name, c.cid`
      : await sql.all<ColumnRow>`select c.relname as "table", a.attname as name, format_type(a.atttypid, null) as type,
            coalesce((select k.place from pg_index i, unnest(i.indkey) with ordinality as k (attnum, place)
              where i.indrelid = c.oid and i.indisprimary and k.attnum = a.attnum), 0) as pk
          from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
          where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p')
          order by c.relname, a.attnum`;
  const names = [...new Set(rows.map(({ table }) => table))];
  return names.map((name) => {
    const columns = rows.filter(({ table }) => table === name);
    const key = columns.filter(({ pk }) => pk > 0).sort((a, b) => a.pk - b.pk);
    return {
      name,
      columns: columns.map(({ name, type }) => ({ name, type })),
      key: key.map(({ name }) => name),
    };
  });
}

/** The tables that the migrations make, found by making them. */
export async function ownTables(): Promise<Table[]> {
  const sql = openSqlite(':memory:');
  try {
    await migrate(sql);
    return await tablesOf(sql, 'sqlite');
  } finally {
    await sql.close();
  }
}
