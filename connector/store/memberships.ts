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
  const direct = yield* directOf(tx, tenant, ids);
  const memberships = new Map<string, readonly Membership[]>();
  if (direct.size === 0) return memberships;
  const groups = yield* around(tx, tenant, new Set([...direct.values()].flat()));
  const known = new Map<string, readonly Membership[]>();
  for (const [id, own] of direct) {
    const key = own.join(' ');
    let all = known.get(key);
    if (!all) {
      all = allOf(own, groups);
      known.set(key, all);
    }
    memberships.set(id, all);
  }
  return memberships;
}

interface Row {
  member: string;
  id: string;
}

/** Ids of the groups that each is a member of, in order. */
function* directOf(tx: Tx, tenant: string, ids: readonly string[]): Work<Map<string, string[]>> {
  const direct = new Map<string, string[]>();
  const keep = (rows: readonly Row[]) => {
    for (const { member, id } of rows) {
      const known = direct.get(member);
      if (known) known.push(id);
      else direct.set(member, [id]);
    }
  };
  const [only] = ids;
  if (only === undefined) return direct;
  if (ids.length === 1) {
    keep(
      yield* tx.all<Row>`select member_id as member, group_id as id from group_member
      where tenant = ${tenant} and member_id = ${only} order by group_id`,
    );
    return direct;
  }
  // A page is mostly of neighbours: one run through the index from the first to the last is much shorter than a search
  // for each. Where much lies in between, the rest is searched for.
  const sorted = [...ids].sort();
  const most = 4 * ids.length + 64;
  const run: Row[] = yield* tx.all<Row>`select member_id as member, group_id as id from group_member
    where tenant = ${tenant} and member_id >= ${sorted[0] as string} and member_id <= ${sorted.at(-1) as string}
    order by member_id, group_id limit ${most}`;
  const last = run.length === most ? run.at(-1)?.member : undefined;
  const wanted = new Set(ids);
  keep(run.filter(({ member }) => member !== last && wanted.has(member)));
  if (last === undefined) return direct;
  for (const chunk of inChunks(sorted.filter((id) => id >= last))) {
    keep(
      yield* tx.query<Row>(
        `select member_id as member, group_id as id from group_member
          where tenant = ? and member_id in (${placeholders(chunk.length)}) order by member_id, group_id`,
        [tenant, ...chunk],
      ),
    );
  }
  return direct;
}

interface Group {
  readonly display: string;
  /** Ids of the groups that it is a member of. */
  readonly parents: readonly string[];
}

/** These groups and all around them, level by level: one statement for all that the level before has found. */
function* around(tx: Tx, tenant: string, ids: ReadonlySet<string>): Work<Map<string, Group>> {
  const groups = new Map<string, Group>();
  let level = [...ids];
  while (level.length > 0) {
    const next = new Set<string>();
    for (const chunk of inChunks(level)) {
      const rows = yield* tx.query<{ id: string; display: string; parents: string | null }>(
        `select g.id, g.display_name as display,
            (select string_agg(m.group_id, ' ') from group_member m where m.tenant = g.tenant and m.member_id = g.id)
              as parents
          from app_group g where g.tenant = ? and g.id in (${placeholders(chunk.length)})`,
        [tenant, ...chunk],
      );
      for (const { id, display, parents } of rows) {
        const around = parents === null ? [] : parents.split(' ').sort();
        groups.set(id, { display, parents: around });
        for (const parent of around) next.add(parent);
      }
    }
    level = [...next].filter((id) => !groups.has(id));
  }
  return groups;
}

function allOf(direct: readonly string[], groups: ReadonlyMap<string, Group>): Membership[] {
  const all = new Map<string, Membership>();
  const add = (id: string, type: Membership['type']) => {
    const display = groups.get(id)?.display;
    if (display === undefined || all.has(id)) return;
    all.set(id, { value: id, display, type });
    open.push(id);
  };
  const open: string[] = [];
  for (const id of direct) add(id, 'direct');
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    for (const parent of groups.get(id)?.parents ?? []) add(parent, 'indirect');
  }
  return [...all.values()];
}
