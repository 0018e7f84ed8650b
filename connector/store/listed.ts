// Pages of a query that SQL cannot say whole: the rows that may fit are read in slices, looked into, and put in order
// once; pages are cut out of that list. Between two slices everybody else has a turn.

import { comparisonKey, type Field, type Filter, fieldsOf, matches, sortValue } from '../filter/filter.ts';
import { compareText } from '../filter/fold.ts';
import type { Sql, Tx, Work } from '../sql/sql.ts';
import {
  type Found,
  type From,
  type Listed,
  lost,
  type Page,
  type Part,
  type Position,
  type Query,
  type Row,
} from './page.ts';
import { conditionOf } from './source.ts';

/** Rows per slice: some two milliseconds, of a filter of few terms. */
const sliceOf = (terms: number) => Math.ceil(500 / (1 + terms / 16));

/** Everything that fits, in the query's order. */
export async function listOf(sql: Sql, query: Query): Promise<Listed[]> {
  const list: Listed[] = [];
  for (const [part, from] of query.parts.entries()) await gather(sql, query, part, from, list);
  return query.order ? list.sort(comparing(query)) : list;
}

async function gather(sql: Sql, { tenant }: Query, part: number, from: Part, list: Listed[]): Promise<void> {
  const { source, filter, sort, open } = from;
  const may = filter && conditionOf(source, tenant, filter, true);
  const slice = sliceOf(filter ? fieldsOf(filter).length : 0);
  const where = `u.tenant = ?${may ? ` and ${may.text}` : ''}`;
  const text = `select u.id, u.resource as text, u.version from ${source.table} u
    where ${where} and u.id > ? order by u.id limit ${slice}`;
  for (let last = ''; ; ) {
    const rows = await sql.read(function* (tx) {
      const some = yield* tx.query<Row>(text, [tenant, ...(may?.values ?? []), last]);
      const resources = yield* open(tx, some);
      for (const [at, { id }] of some.entries()) {
        const resource = resources[at];
        if (filter && !matches(filter, resource)) continue;
        list.push({ part, id, key: sort ? keyOf(sort, resource) : null });
      }
      return some;
    });
    const end = rows.at(-1);
    if (!end || rows.length < slice) return;
    last = end.id;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function keyOf(field: Field, resource: unknown): string | number | null {
  const value = sortValue(field, resource);
  const key = value === undefined ? undefined : comparisonKey(field, value);
  return typeof key === 'boolean' ? Number(key) : (key ?? null);
}

/** What has no key comes last; a descending list is the ascending one backwards (RFC 7644 §3.4.2.3). */
function comparing({ order }: Pick<Query, 'order'>): (a: Listed, b: Listed) => number {
  if (!order) return (a, b) => a.part - b.part || compareText(a.id, b.id);
  const sign = order === 'descending' ? -1 : 1;
  return (a, b) => sign * (compareKeys(a.key, b.key) || compareText(a.id, b.id));
}

function compareKeys(a: string | number | null, b: string | number | null): number {
  if (a === b) return 0;
  if (a === null) return 1;
  if (b === null) return -1;
  return typeof a === 'string' && typeof b === 'string' ? compareText(a, b) : Number(a) - Number(b);
}

/** See `queries().page`. @param stale something was written since the list was made: what no longer fits is left out */
export function* pageOfList(
  tx: Tx,
  query: Query,
  list: readonly Listed[],
  from: From,
  count: number,
  stale: boolean,
): Work<Omit<Page<never>, 'used'>> {
  const [start, end] = rangeOf(query, list, from, count);
  const found: Found[] = [];
  for (const { part, id, key } of list.slice(start, end)) {
    const { source, filter, open } = query.parts[part] as Part;
    const [row] = yield* tx.query<Row>(
      `select u.id, u.resource as text, u.version from ${source.table} u where u.tenant = ? and u.id = ?`,
      [query.tenant, id],
    );
    if (!row) continue;
    if (stale && filter && !(yield* stillFits(tx, filter, open, row))) continue;
    found.push({ part, row, key });
  }
  return { total: list.length, found, less: start > 0, more: end < list.length };
}

function* stillFits(tx: Tx, filter: Filter, open: Part['open'], row: Row): Work<boolean> {
  const [resource] = yield* open(tx, [row]);
  return matches(filter, resource);
}

function rangeOf(query: Query, list: readonly Listed[], from: From, count: number): [number, number] {
  if ('index' in from) return [Math.min(from.index, list.length), Math.min(from.index + count, list.length)];
  if ('after' in from) {
    const start = placeOf(query, list, from.after, true);
    return [start, Math.min(start + count, list.length)];
  }
  const end = placeOf(query, list, from.before, from.included === true);
  return [Math.max(0, end - count), end];
}

/** How many elements stand before the position; with it, when it is `included`. */
function placeOf(query: Query, list: readonly Listed[], position: Position, included: boolean): number {
  if (position.key === undefined) {
    const at = list.findIndex(({ id }) => id === position.id);
    return at === -1 ? lost() : at + Number(included);
  }
  const entry: Listed = { part: position.part, id: position.id, key: position.key };
  const compare = comparing(query);
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const order = compare(list[middle] as Listed, entry);
    if (order < 0 || (order === 0 && included)) low = middle + 1;
    else high = middle;
  }
  return low;
}
