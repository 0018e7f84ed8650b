// Several rows by one statement: what a statement costs by itself is then paid once.

import type { Tx, Value, Work } from '../sql/sql.ts';

/** Rows in one statement; as many texts may have to be prepared for a table. */
const most = 16;

/** Inserts rows. @param into the table and its columns: `user_word (tenant, word, user_id)` */
export function* insertRows(tx: Tx, into: string, rows: readonly (readonly Value[])[]): Work<void> {
  for (let start = 0; start < rows.length; start += most) {
    const some = rows.slice(start, start + most);
    const values = some.map((row) => `(${row.map(() => '?').join(', ')})`).join(', ');
    yield* tx.change(`insert into ${into} values ${values}`, some.flat());
  }
}
