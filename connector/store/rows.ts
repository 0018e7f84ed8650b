// Writing at the least cost: several rows by one statement, and of a row only what differs.

import type { Tx, Value, Work } from '../sql/sql.ts';

/** Rows in one statement; as many texts may have to be prepared for a table. */
const most = 16;

/** Inserts rows that are not there yet. @param into the table and its columns: `user_word (tenant, word, user_id)` */
export function* insertRows(tx: Tx, into: string, rows: readonly (readonly Value[])[]): Work<void> {
  for (let start = 0; start < rows.length; start += most) {
    const some = rows.slice(start, start + most);
    const values = some.map((row) => `(${row.map(() => '?').join(', ')})`).join(', ');
    yield* tx.change(`insert into ${into} values ${values} on conflict do nothing`, some.flat());
  }
}

/** The columns by which a resource is found. */
type Found = Readonly<Record<string, Value>>;

/** Writes a changed resource into its row. Columns that do not differ are not named: each would have its index written. */
export function* updateRow(
  tx: Tx,
  table: 'app_user' | 'app_group',
  tenant: string,
  id: string,
  before: Found,
  after: Found,
  { text, version, at }: { text: string; version: number; at: number },
): Work<void> {
  const columns = Object.entries(after).filter(([name, value]) => before[name] !== value);
  const set = columns.map(([name]) => `${name} = ?, `).join('');
  yield* tx.change(
    `update ${table} set ${set}resource = ?, version = ?, last_modified = ? where tenant = ? and id = ?`,
    [...columns.map(([, value]) => value), text, version, at, tenant, id],
  );
}
