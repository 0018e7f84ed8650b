// Administrator roles in the embedded directory, by role template id: given to people, to groups (then everybody in them,
// however deep, holds the role) and to clients, the programs that call. Nothing that a sync client sends can make an
// administrator: it neither gives roles nor changes who is in a group that gives some (groups.ts).

import { Problem } from '#shared/problem.ts';
import { record } from '../audit.ts';
import type { Standing } from '../policy/roles.ts';
import type { Sql, Tx, Work } from '../sql/sql.ts';
import { dropPass } from './credentials.ts';
import { inChunks, placeholders } from './in-list.ts';
import type { Stamp } from './resource.ts';

/** A role as given. */
export interface RoleAssignment {
  /** A person, group or client by id. */
  readonly principal: string;
  readonly role: string;
  /** The administrative unit over which alone it holds; empty: over the whole organisation. */
  readonly unit: string;
  /** Milliseconds since the epoch. */
  readonly created: number;
}

// Reading -------------------------------------------------------------------------------------------------------

/** The roles that a person or client holds over the whole organisation, themselves or through groups, in a fixed order. */
export async function rolesOf(sql: Pick<Sql, 'read'>, tenant: string, id: string): Promise<readonly string[]> {
  return (await sql.read((tx) => standingOf(tx, tenant, id))).roles;
}

/**
 * What decides about a person or client (policy/roles.ts); of nobody: that they hold nothing. Groups have no owners here, and
 * there are no administrative units: a role over one reaches nobody, and protects its holder.
 */
export function* standingOf(tx: Tx, tenant: string, id: string): Work<Standing> {
  const groups = yield* roleGroupsAround(tx, tenant, id);
  const held = new Set<string>();
  const scoped = new Map<string, Standing['scoped'][number]>();
  for (const principal of [id, ...groups]) {
    for (const { role, unit } of yield* roleAssignments(tx, tenant, { principal })) {
      if (unit === '') held.add(role);
      else scoped.set(JSON.stringify([role, unit]), { role, unit });
    }
  }
  return {
    roles: [...held].sort(),
    scoped: [...scoped.values()],
    units: [],
    roleAssignableGroup: groups.length > 0,
    restrictedUnit: false,
  };
}

/** The roles as given: of one principal, of one role, or all of them. */
export function* roleAssignments(
  tx: Tx,
  tenant: string,
  { principal, role }: { readonly principal?: string; readonly role?: string } = {},
): Work<RoleAssignment[]> {
  if (principal !== undefined) {
    const own = yield* tx.all<RoleAssignmentRow>`
      select principal_id as principal, role_template_id as role, unit, created from role_assignment
      where tenant = ${tenant} and principal_id = ${principal} order by role_template_id, unit`;
    return own.filter((one) => role === undefined || one.role === role);
  }
  const all = yield* tx.all<RoleAssignmentRow>`
    select principal_id as principal, role_template_id as role, unit, created from role_assignment
    where tenant = ${tenant} order by principal_id, role_template_id, unit`;
  return all.filter((one) => role === undefined || one.role === role);
}

type RoleAssignmentRow = { principal: string; role: string; unit: string; created: number };

/**
 * The groups around somebody that are made for roles or hold one; of a group, itself among them. All of them, however many: a
 * role that was overlooked would leave an administrator unprotected.
 */
export function* roleGroupsAround(tx: Tx, tenant: string, id: string): Work<string[]> {
  // Most organisations have no such group, and need not be walked.
  const some = yield* tx.get`
    select 1 as some where exists (select 1 from role_assignable_group where tenant = ${tenant})
      or exists (select 1 from role_assignment r join app_group g on g.tenant = r.tenant and g.id = r.principal_id
        where r.tenant = ${tenant})`;
  if (!some) return [];
  // “cross join”: SQLite then follows the order that is written, from each group to those around it.
  const rows = yield* tx.all<{ id: string }>`
    select a.id from (
      with recursive around (id) as (
        select id from app_group where tenant = ${tenant} and id = ${id}
        union
        select group_id from group_member where tenant = ${tenant} and member_id = ${id}
        union
        select m.group_id from around r cross join group_member m
          where m.tenant = ${tenant} and m.member_id = r.id)
      select id from around) a
    where exists (select 1 from role_assignable_group g where g.tenant = ${tenant} and g.group_id = a.id)
      or exists (select 1 from role_assignment r where r.tenant = ${tenant} and r.principal_id = a.id)
    order by a.id`;
  return rows.map((row) => row.id);
}

/** Which of these groups can roles be assigned to: those made for it, and those that hold one. */
export function* roleAssignable(tx: Tx, tenant: string, groups: readonly string[]): Work<Set<string>> {
  const found = new Set<string>();
  for (const chunk of inChunks(groups)) {
    const list = placeholders(chunk.length);
    const rows = yield* tx.query<{ id: string }>(
      `select group_id as id from role_assignable_group where tenant = ? and group_id in (${list})
        union select principal_id as id from role_assignment where tenant = ? and principal_id in (${list})`,
      [tenant, ...chunk, tenant, ...chunk],
    );
    for (const { id } of rows) found.add(id);
  }
  return found;
}

/** Does being in this group give roles, or may it one day: because of itself, or of a group around it? */
export function* givesRoles(tx: Tx, tenant: string, group: string): Work<boolean> {
  return (yield* roleGroupsAround(tx, tenant, group)).length > 0;
}

// Writing -------------------------------------------------------------------------------------------------------

/**
 * Gives a person, group or client a role; a Temporary Access Pass that somebody who now holds it has from
 * before goes. False: they hold it already.
 * @param unit an administrative unit over which alone it holds; empty: the whole organisation
 * @throws Problem notFound when there is no such person, group or client
 */
export function* assignRole(
  tx: Tx,
  tenant: string,
  principal: string,
  role: string,
  by: Stamp,
  unit = '',
): Work<boolean> {
  const kind = yield* kindOf(tx, tenant, principal);
  if (kind === undefined) throw new Problem('notFound', { id: principal.slice(0, 256) });
  const added = yield* tx.run`insert into role_assignment (tenant, principal_id, role_template_id, unit, created)
    values (${tenant}, ${principal}, ${role}, ${unit}, ${by.at}) on conflict do nothing`;
  if (added === 0) return false;
  yield* dropPassesWithin(tx, tenant, principal, by);
  yield* recordRole(tx, tenant, 'role.assigned', `${kind}:${principal}`, role, unit, by);
  return true;
}

/**
 * Takes away the Temporary Access Passes of a person, or of everybody in a group, however deep: given out while they were no
 * administrators, by somebody who may now not be allowed to.
 */
export function* dropPassesWithin(tx: Tx, tenant: string, principal: string, by: Stamp): Work<void> {
  const holders = yield* tx.all<{ id: string }>`
    select p.user_id as id from temporary_access_pass p where p.tenant = ${tenant} and p.user_id in (
      with recursive inside (id) as (
        select user_id from temporary_access_pass where tenant = ${tenant} and user_id = ${principal}
        union
        select member_id from group_member where tenant = ${tenant} and group_id = ${principal}
        union
        select m.member_id from inside i cross join group_member m where m.tenant = ${tenant} and m.group_id = i.id)
      select id from inside)
    order by p.user_id`;
  for (const { id } of holders) yield* dropPass(tx, tenant, id, by);
}

/** Takes a role from a person, group or client. False: it was not given to them. */
export function* removeRole(
  tx: Tx,
  tenant: string,
  principal: string,
  role: string,
  by: Stamp,
  unit = '',
): Work<boolean> {
  const removed = yield* tx.run`delete from role_assignment where tenant = ${tenant} and principal_id = ${principal}
    and role_template_id = ${role} and unit = ${unit}`;
  if (removed === 0) return false;
  const kind = (yield* kindOf(tx, tenant, principal)) ?? 'user';
  yield* recordRole(tx, tenant, 'role.removed', `${kind}:${principal}`, role, unit, by);
  return true;
}

/** Marks a new group as one that is made for roles (Graph's isAssignableToRole); it stays so for as long as it lives. */
export function* makeRoleAssignable(tx: Tx, tenant: string, group: string): Work<void> {
  yield* tx.run`insert into role_assignable_group (tenant, group_id) values (${tenant}, ${group}) on conflict do nothing`;
}

/** Somebody, a group or a client is no more: their roles go with them. */
export function* dropRoles(tx: Tx, tenant: string, principal: string): Work<void> {
  yield* tx.run`delete from role_assignment where tenant = ${tenant} and principal_id = ${principal}`;
  yield* tx.run`delete from role_assignable_group where tenant = ${tenant} and group_id = ${principal}`;
}

/** What an id belongs to. A client that has been revoked gets nothing any more. */
function* kindOf(tx: Tx, tenant: string, id: string): Work<'user' | 'group' | 'client' | undefined> {
  const row = yield* tx.get<{ kind: 'user' | 'group' | 'client' }>`
    select 'user' as kind from app_user where tenant = ${tenant} and id = ${id}
    union all select 'group' as kind from app_group where tenant = ${tenant} and id = ${id}
    union all select 'client' as kind from client where tenant = ${tenant} and id = ${id} and revoked is null`;
  return row?.kind;
}

function recordRole(
  tx: Tx,
  tenant: string,
  action: string,
  target: string,
  role: string,
  unit: string,
  by: Stamp,
): Work<void> {
  const detail = { role, ...(unit === '' ? {} : { unit }) };
  return record(tx, { tenant, at: by.at, actor: by.actor, client: by.client, action, target, detail });
}
