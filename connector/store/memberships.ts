// The groups of people (RFC 7643 §4.1.2 `groups`): those that they are members of, and the groups around those.

import type { Tx, Work } from '../sql/sql.ts';
import { inChunks, placeholders } from './in-list.ts';

/** A group of a User: a member of it, or of a group within it. */
export interface Membership {
  readonly value: string;
  readonly display: string;
  readonly type: 'direct' | 'indirect';
}

/**
 * The groups of several people at once; who has none is missing. Those who are in the same groups share one array. Groups
 * may contain each other in a circle.
 */
export function* membershipsOf(
  tx: Tx,
  tenant: string,
  ids: readonly string[],
): Work<Map<string, readonly Membership[]>> {
  const [only] = ids;
  if (only !== undefined && ids.length === 1) return yield* membershipsOfOne(tx, tenant, only);
  const direct = yield* directOf(tx, tenant, ids);
  const memberships = new Map<string, readonly Membership[]>();
  if (direct.size === 0) return memberships;
  const known = new Map<string, readonly Membership[]>();
  const groups = new Map<string, Group>();
  yield* around(tx, tenant, [...new Set([...new Set(direct.values())].flatMap((own) => own.split(' ')))], groups);
  for (const [id, own] of direct) {
    let all = known.get(own);
    if (!all) {
      all = allOf(own.split(' '), groups);
      known.set(own, all);
    }
    memberships.set(id, all);
  }
  return memberships;
}

type Line = readonly [id: string, display: string, parents: string | null];

const parentsOf = `(select string_agg(p.group_id, ' ') from group_member p
  where p.tenant = g.tenant and p.member_id = g.id)`;

/** One person, as most answers hold: the groups come with their names. */
function* membershipsOfOne(tx: Tx, tenant: string, id: string): Work<Map<string, readonly Membership[]>> {
  const direct = yield* tx.rows<Line>(
    `select g.id, g.display_name, ${parentsOf}
      from group_member m join app_group g on g.tenant = m.tenant and g.id = m.group_id
      where m.tenant = ? and m.member_id = ? order by m.group_id`,
    [tenant, id],
  );
  if (direct.length === 0) return new Map();
  const groups = new Map<string, Group>();
  yield* around(tx, tenant, keepAll(groups, direct), groups);
  return new Map([
    [
      id,
      allOf(
        direct.map(([group]) => group),
        groups,
      ),
    ],
  ]);
}

type Pair = readonly [member: string, group: string];

/** Ids of the groups that each is a member of, in order and with spaces between them. */
function* directOf(tx: Tx, tenant: string, ids: readonly string[]): Work<Map<string, string>> {
  const direct = new Map<string, string>();
  const keep = ([member, group]: Pair) => {
    const known = direct.get(member);
    direct.set(member, known === undefined ? group : `${known} ${group}`);
  };
  const inOrder = ids.every((id, at) => at === 0 || (ids[at - 1] as string) <= id);
  const sorted = inOrder ? ids : [...ids].sort();
  const [first] = sorted;
  const end = sorted.at(-1);
  if (first === undefined || end === undefined) return direct;
  // A page is mostly of neighbours: one run through the index from the first to the last is much shorter than a search
  // for each. Where much lies in between, the rest is searched for.
  const most = 4 * ids.length + 64;
  const run = yield* tx.rows<Pair>(
    `select member_id, group_id from group_member where tenant = ? and member_id >= ? and member_id <= ?
      order by member_id, group_id limit ?`,
    [tenant, first, end, most],
  );
  const last = run.length === most ? run.at(-1)?.[0] : undefined;
  let at = 0;
  for (const [member, group] of run) {
    if (member === last) break;
    while ((sorted[at] as string) < member) at++;
    // The id as the page has it: to find it again is then to compare two pointers.
    if (sorted[at] === member) keep([sorted[at] as string, group]);
  }
  if (last === undefined) return direct;
  for (const chunk of inChunks(sorted.filter((id) => id >= last))) {
    const found = yield* tx.rows<Pair>(
      `select member_id, group_id from group_member
        where tenant = ? and member_id in (${placeholders(chunk.length)}) order by member_id, group_id`,
      [tenant, ...chunk],
    );
    for (const pair of found) keep(pair);
  }
  return direct;
}

interface Group {
  readonly display: string;
  /** Ids of the groups that it is a member of. */
  readonly parents: readonly string[];
}

/** Adds groups to those that are known; the ids of what is around them. */
function keepAll(groups: Map<string, Group>, lines: readonly Line[]): string[] {
  const next = new Set<string>();
  for (const [id, display, found] of lines) {
    const parents = found === null ? [] : found.split(' ').sort();
    groups.set(id, { display, parents });
    for (const parent of parents) next.add(parent);
  }
  return [...next];
}

/** Adds these groups and all around them, level by level: one statement for all that the level before has found. */
function* around(tx: Tx, tenant: string, ids: readonly string[], groups: Map<string, Group>): Work<void> {
  let level = ids.filter((id) => !groups.has(id));
  // Until there is none left, a level holds at least one more group for everybody: so many levels are enough for each.
  for (let levels = 0; level.length > 0 && levels <= mostIndirect; levels++) {
    const lines: Line[] = [];
    for (const chunk of inChunks(level)) {
      lines.push(
        ...(yield* tx.rows<Line>(
          `select g.id, g.display_name, ${parentsOf} from app_group g
            where g.tenant = ? and g.id in (${placeholders(chunk.length)})`,
          [tenant, ...chunk],
        )),
      );
    }
    level = keepAll(groups, lines).filter((id) => !groups.has(id));
  }
}

/** The groups around a person that are told at most; groups may be nested as deeply, and in circles as large, as one likes. */
export const mostIndirect = 250;

function allOf(direct: readonly string[], groups: ReadonlyMap<string, Group>): Membership[] {
  const all = new Map<string, Membership>();
  const most = direct.length + mostIndirect;
  const add = (id: string, type: Membership['type']) => {
    const display = groups.get(id)?.display;
    if (display === undefined || all.has(id) || all.size >= most) return;
    all.set(id, { value: id, display, type });
    open.push(id);
  };
  const open: string[] = [];
  for (const id of direct) add(id, 'direct');
  // The list grows while it is walked: the nearest come first.
  for (const id of open) for (const parent of groups.get(id)?.parents ?? []) add(parent, 'indirect');
  return [...all.values()];
}
