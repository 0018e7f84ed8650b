// Rows that wait for the sealer (sealer.ts) are taken out of their queue by key: one that is committed late may have arrived
// before those that are already gone, and nobody holds a place in the queue.

import type { Tx, Work } from '../sql/sql.ts';
import { inChunks, placeholders } from './in-list.ts';

/** A row of a queue, in whose order it is taken. */
export interface Waiting {
  /** Microseconds since the epoch, by the database's clock. */
  readonly arrived: number;
  readonly id: string;
}

/** Removes these rows, and fails when one of them is gone already: somebody else has taken it. */
export function* takeOut(
  tx: Tx,
  queue: 'audit_waiting' | 'event_waiting',
  tenant: string,
  rows: readonly Waiting[],
): Work<void> {
  const last = Math.max(...rows.map(({ arrived }) => arrived));
  let gone = 0;
  for (const ids of inChunks(rows.map(({ id }) => id))) {
    const text = `delete from ${queue} where tenant = ? and arrived <= ? and id in (${placeholders(ids.length)})`;
    gone += yield* tx.change(text, [tenant, last, ...ids]);
  }
  if (gone !== rows.length) throw new Error(`A row of ${queue} was taken twice.`);
}
