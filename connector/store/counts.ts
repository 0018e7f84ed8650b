// How many resources of a type a tenant has, so that a list need not count a hundred thousand rows. Where one transaction
// writes at a time the count is kept with every write. Where many do, it would be a row that all of them wait for: there the
// count follows the record, which says of each resource that it came or went (sealer.ts), and what is not yet chained is
// added by whoever asks.

import type { Tx, Work } from '../sql/sql.ts';

/** `epoch` stands still as long as resources are only added at the end, in the order of their ids. */
export interface Count {
  readonly total: number;
  readonly epoch: number;
}

/** What entries of the record mean for a count: `user.created`, `user:<id>`. */
interface Entry {
  readonly action: string;
  readonly target: string;
}

/** The resource types that are counted, by the thing that the record names. */
const counted = { user: 'User', group: 'Group' } as const;
type Thing = keyof typeof counted;

/** Part of the transaction that adds the resource, and records `<thing>.created`. */
export function* countAdded(tx: Tx, tenant: string, resourceType: string, id: string): Work<void> {
  if (tx.writers === 'many') return;
  yield* tx.run`insert into resource_count (tenant, resource_type, total, epoch, newest)
    values (${tenant}, ${resourceType}, 1, 0, ${id})
    on conflict (tenant, resource_type) do update set
      total = resource_count.total + 1,
      epoch = resource_count.epoch + case when excluded.newest < resource_count.newest then 1 else 0 end,
      newest = case when excluded.newest > resource_count.newest then excluded.newest else resource_count.newest end`;
}

/** Part of the transaction that removes it, and records `<thing>.deleted`. */
export function* countRemoved(tx: Tx, tenant: string, resourceType: string): Work<void> {
  if (tx.writers === 'many') return;
  yield* tx.run`update resource_count set total = total - 1, epoch = epoch + 1
    where tenant = ${tenant} and resource_type = ${resourceType}`;
}

/** Part of the transaction that chains these entries. */
export function* countFollowed(tx: Tx, tenant: string, entries: readonly Entry[]): Work<void> {
  for (const [thing, resourceType] of Object.entries(counted) as [Thing, string][]) {
    const { more, changes, newest } = changesIn(entries, thing);
    if (changes === 0) continue;
    // Transactions come to their ends in another order than their ids were drawn in: each of them is a change.
    yield* tx.run`insert into resource_count (tenant, resource_type, total, epoch, newest)
      values (${tenant}, ${resourceType}, ${more}, ${changes}, ${newest})
      on conflict (tenant, resource_type) do update set
        total = resource_count.total + excluded.total,
        epoch = resource_count.epoch + excluded.epoch,
        newest = case when excluded.newest > resource_count.newest then excluded.newest else resource_count.newest end`;
  }
}

function changesIn(entries: readonly Entry[], thing: Thing): { more: number; changes: number; newest: string } {
  let [more, changes, newest] = [0, 0, ''];
  for (const { action, target } of entries) {
    if (action !== `${thing}.created` && action !== `${thing}.deleted`) continue;
    changes++;
    const id = target.slice(thing.length + 1);
    if (id > newest) newest = id;
    more += action.endsWith('.created') ? 1 : -1;
  }
  return { more, changes, newest };
}

/** How many resources of a type a tenant has now (what waits to be chained is counted in), and how many have come and gone. */
export function* countOf(tx: Tx, tenant: string, resourceType: string): Work<Count> {
  const row = yield* tx.get<Count>`select total, epoch from resource_count
    where tenant = ${tenant} and resource_type = ${resourceType}`;
  const { total, epoch } = row ?? { total: 0, epoch: 0 };
  if (tx.writers === 'one') return { total, epoch };
  const thing = resourceType.toLowerCase() as Thing;
  const waiting = yield* tx.all<Entry>`select action, target from audit_waiting
    where tenant = ${tenant} and action in (${`${thing}.created`}, ${`${thing}.deleted`})`;
  const { more, changes } = changesIn(waiting, thing);
  return { total: total + more, epoch: epoch + changes };
}
