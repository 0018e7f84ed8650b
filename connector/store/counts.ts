// How many resources of a type a tenant has, kept with every write, so that a list need not count a hundred thousand rows.

import type { Tx, Work } from '../sql/sql.ts';

/** `epoch` stands still as long as resources are only added at the end, in the order of their ids. */
export interface Count {
  readonly total: number;
  readonly epoch: number;
}

/** Part of the transaction that adds the resource. */
export function* countAdded(tx: Tx, tenant: string, resourceType: string, id: string): Work<void> {
  yield* tx.run`insert into resource_count (tenant, resource_type, total, epoch, newest)
    values (${tenant}, ${resourceType}, 1, 0, ${id})
    on conflict (tenant, resource_type) do update set
      total = resource_count.total + 1,
      epoch = resource_count.epoch + case when excluded.newest < resource_count.newest then 1 else 0 end,
      newest = case when excluded.newest > resource_count.newest then excluded.newest else resource_count.newest end`;
}

/** Part of the transaction that removes it. */
export function* countRemoved(tx: Tx, tenant: string, resourceType: string): Work<void> {
  yield* tx.run`update resource_count set total = total - 1, epoch = epoch + 1
    where tenant = ${tenant} and resource_type = ${resourceType}`;
}

export function* countOf(tx: Tx, tenant: string, resourceType: string): Work<Count> {
  const row = yield* tx.get<Count>`select total, epoch from resource_count
    where tenant = ${tenant} and resource_type = ${resourceType}`;
  return row ?? { total: 0, epoch: 0 };
}
