// Pages of a query that SQL can say whole. Its order is cut into segments, each of which an index runs through: one for
// each type of resources; in a sorted list those that have the attribute, then those that do not (RFC 7644 §3.4.2.3).

import type { Column } from '../filter/sql.ts';
import type { Tx, Value, Work } from '../sql/sql.ts';
import { countOf } from './counts.ts';
import {
  type Found,
  type From,
  lost,
  type Memory,
  type Page,
  type Position,
  positionOf,
  type Query,
  writesOf,
} from './page.ts';
import { conditionOf, type Source } from './source.ts';

interface Segment {
  readonly part: number;
  readonly source: Source;
  /** The whole condition with the tenant's; `values` are its values. */
  readonly where: string;
  readonly values: readonly Value[];
  /** An SQL expression to order by, before the id. */
  readonly key?: string;
  readonly unassigned: boolean;
  readonly down: boolean;
  /** All resources of the type, in the order of their ids. */
  readonly all: boolean;
}
export type Segments = readonly Segment[];

/** Undefined when the filter or the order is beyond SQL. */
export function segmentsOf({ tenant, parts, order }: Query): Segments | undefined {
  if (order && parts.length > 1) return undefined;
  const segments: Segment[] = [];
  for (const [part, { source, filter, sort }] of parts.entries()) {
    const fits = filter && conditionOf(source, tenant, filter);
    if (filter && !fits?.exact) return undefined;
    const base = {
      part,
      source,
      where: `u.tenant = ?${fits ? ` and ${fits.text}` : ''}`,
      values: [tenant, ...(fits?.values ?? [])],
      down: order === 'descending',
    };
    const sorted = order ? orderedBy(source, sort?.path) : { key: 'u.id' };
    if (!sorted) return undefined;
    if (sorted.key === 'u.id') {
      segments.push({ ...base, unassigned: false, all: !filter });
      continue;
    }
    const { key, present } = sorted;
    const having = present ? `${base.where} and ${present}` : base.where;
    const two: Segment[] = [{ ...base, where: having, key, unassigned: false, all: false }];
    if (present) two.push({ ...base, where: `${base.where} and not (${present})`, unassigned: true, all: false });
    segments.push(...(base.down ? two.reverse() : two));
  }
  return segments;
}

function orderedBy(source: Source, path: string | undefined): Column | undefined {
  return path !== undefined && source.orders.includes(path) ? source.own[path] : undefined;
}

/** One element as the statement gives it: id, text, version, and the key if the segment has one. */
type Line = readonly [string, string, number, (string | number | null)?];

type Edge = Pick<Position, 'id' | 'key'>;

/** The elements of a segment behind an edge, or, going back, before it; in the direction in which one goes. */
function* lines(tx: Tx, segment: Segment, edge: Edge | undefined, limit: number, back = false, included = false) {
  const { key } = segment;
  const down = segment.down !== back;
  const sign = `${down ? '<' : '>'}${included ? '=' : ''}`;
  const behind = edge && (key ? ` and (${key}, u.id) ${sign} (?, ?)` : ` and u.id ${sign} ?`);
  const direction = down ? ' desc' : '';
  const found: Line[] = yield* tx.rows<Line & readonly Value[]>(
    `select u.id, u.resource, u.version${key ? `, ${key}` : ''} from ${segment.source.table} u
      where ${segment.where}${behind ?? ''} order by ${key ? `${key}${direction}, ` : ''}u.id${direction} limit ?`,
    [...segment.values, ...edgeValues(segment, edge), limit],
  );
  return found;
}

function edgeValues({ key }: Segment, edge: Edge | undefined): Value[] {
  if (!edge) return [];
  return key ? [edge.key ?? null, edge.id] : [edge.id];
}

/** Steps over elements without touching their texts: the edge behind `skip` of them. */
function* skipped(tx: Tx, segment: Segment, edge: Edge | undefined, skip: number): Work<Edge | undefined> {
  const { key } = segment;
  const sign = segment.down ? '<' : '>';
  const behind = edge && (key ? ` and (${key}, u.id) ${sign} (?, ?)` : ` and u.id ${sign} ?`);
  const direction = segment.down ? ' desc' : '';
  const [at] = yield* tx.query<{ id: string; key: string | number | null }>(
    `select u.id, ${key ?? 'null'} as key from ${segment.source.table} u
      where ${segment.where}${behind ?? ''} order by ${key ? `${key}${direction}, ` : ''}u.id${direction}
      limit 1 offset ?`,
    [...segment.values, ...edgeValues(segment, edge), skip - 1],
  );
  return at;
}

type Remember = (stamp: string) => Memory;

/** How many elements each segment has, and what is remembered of the query in this state. */
function* counted(tx: Tx, query: Query, segments: Segments, remember: Remember) {
  if (segments.every(({ all }) => all) && !query.order) {
    const totals: number[] = [];
    let stamp = 'epochs';
    for (const { source } of segments) {
      const { total, epoch } = yield* countOf(tx, query.tenant, source.resourceType);
      totals.push(total);
      stamp += ` ${epoch}`;
    }
    return { totals, memory: remember(stamp) };
  }
  const memory = remember(yield* writesOf(tx, query.tenant));
  if (!memory.totals) {
    const totals: number[] = [];
    for (const segment of segments) totals.push(yield* countSegment(tx, query, segment));
    memory.totals = totals;
  }
  return { totals: memory.totals, memory };
}

function* countSegment(tx: Tx, query: Query, { all, source, where, values }: Segment): Work<number> {
  if (all) return (yield* countOf(tx, query.tenant, source.resourceType)).total;
  const text = `select count(*) as total from ${source.table} u where ${where}`;
  const [row] = yield* tx.query<{ total: number }>(text, values);
  return row?.total ?? 0;
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);

/** See `queries().page`. */
export function* pageOfSegments(
  tx: Tx,
  query: Query,
  segments: Segments,
  from: From,
  count: number,
  remember: Remember,
): Work<Omit<Page<never>, 'used'>> {
  if ('index' in from) return yield* pageAt(tx, query, segments, from.index, count, remember);
  const back = 'before' in from;
  const position = yield* whole(tx, query, segments, back ? from.before : from.after);
  const start = segmentOf(query, segments, position);
  const included = back && from.included === true;
  // One more than is sent tells whether there is more.
  const found = yield* walk(tx, segments, start, position, count + 1, back, included);
  const further = found.length > count;
  const page = found.slice(0, count);
  if (back) page.reverse();
  const { totals } = yield* counted(tx, query, segments, remember);
  const beyond = yield* walk(tx, segments, start, position, 1, !back, !included);
  const [first] = beyond;
  return {
    total: sum(totals),
    found: page,
    less: back ? further : first !== undefined,
    more: back ? first !== undefined : further,
  };
}

/** Goes through the segments from a position, `back` against the order. */
function* walk(
  tx: Tx,
  segments: Segments,
  start: number,
  edge: Edge | undefined,
  limit: number,
  back = false,
  included = false,
): Work<Found[]> {
  const found: Found[] = [];
  for (let at = start; at >= 0 && at < segments.length && found.length < limit; at += back ? -1 : 1) {
    const segment = segments[at] as Segment;
    const behind = at === start ? edge : undefined;
    const rows = yield* lines(tx, segment, behind, limit - found.length, back, included);
    for (const [id, text, version, key = null] of rows) {
      found.push({ part: segment.part, row: { id, text, version }, key });
    }
  }
  return found;
}

function* pageAt(
  tx: Tx,
  query: Query,
  segments: Segments,
  index: number,
  count: number,
  remember: Remember,
): Work<Omit<Page<never>, 'used'>> {
  if (index === 0 && count > 0) {
    const found = yield* walk(tx, segments, 0, undefined, count);
    // The common question, for one person by name, is answered by one statement.
    if (found.length < count) return { total: found.length, found, less: false, more: false };
    const { totals, memory } = yield* counted(tx, query, segments, remember);
    anchorEnd(memory, segments, query, found, totals, 0);
    return { total: sum(totals), found, less: false, more: sum(totals) > found.length };
  }
  const { totals, memory } = yield* counted(tx, query, segments, remember);
  const total = sum(totals);
  if (count === 0 || index >= total) return { total, found: [], less: index > 0, more: index < total };
  let at = 0;
  let offset = index;
  while (offset >= (totals[at] ?? 0)) offset -= totals[at++] ?? 0;
  const segment = segments[at] as Segment;
  const near = nearest(memory, at, offset);
  let edge: Edge | undefined = near?.position;
  if (offset > (near?.at ?? 0)) {
    edge = yield* skipped(tx, segment, edge, offset - (near?.at ?? 0));
    if (edge) keep(memory, at, offset, { part: segment.part, ...edge });
  }
  const found = yield* walk(tx, segments, at, edge, count);
  anchorEnd(memory, segments, query, found, totals, index);
  return { total, found, less: true, more: index + found.length < total };
}

// Anchors: where pages ended, so that the next one begins there without counting from the start. ---------------------

const mostAnchors = 1000;

function nearest(memory: Memory, segment: number, offset: number) {
  const anchors = memory.anchors[segment] ?? [];
  const behind = anchors.findIndex(({ at }) => at > offset);
  return behind === -1 ? anchors.at(-1) : anchors[behind - 1];
}

function keep(memory: Memory, segment: number, at: number, position: Position): void {
  memory.anchors[segment] ??= [];
  const anchors = memory.anchors[segment];
  const last = anchors.at(-1);
  if (last && last.at >= at) {
    const behind = anchors.findIndex((anchor) => anchor.at >= at);
    if (anchors[behind]?.at !== at) anchors.splice(behind, 0, { at, position });
  } else anchors.push({ at, position });
  // Every other one goes: what is left is still near to everything.
  if (anchors.length > mostAnchors) memory.anchors[segment] = anchors.filter((_anchor, index) => index % 2 === 1);
}

function anchorEnd(
  memory: Memory,
  segments: Segments,
  query: Query,
  found: readonly Found[],
  totals: readonly number[],
  index: number,
): void {
  const last = found.at(-1);
  if (!last) return;
  const position = positionOf(last);
  const segment = segmentOf(query, segments, position);
  keep(memory, segment, index + found.length - sum(totals.slice(0, segment)), position);
}

// Positions ----------------------------------------------------------------------------------------------------------

function segmentOf(query: Query, segments: Segments, { part, key }: Position): number {
  if (segments.length === 1) return 0;
  const at = segments.findIndex((one) => (query.order ? one.unassigned === (key === null) : one.part === part));
  return at === -1 ? lost() : at;
}

/** Looks up the key of a position that does not carry it. */
function* whole(tx: Tx, { tenant }: Query, segments: Segments, position: Position): Work<Position> {
  if (position.key !== undefined) return position;
  const segment = segments.find(({ key }) => key !== undefined);
  if (!segment) return { ...position, key: null };
  const [row] = yield* tx.query<{ key: string | number | null }>(
    `select ${segment.key} as key from ${segment.source.table} u where u.tenant = ? and u.id = ?`,
    [tenant, position.id],
  );
  return row ? { ...position, key: row.key } : lost();
}
