// Groups in SQL. The resource is kept without its members: those are rows, found from either side, so that adding or
// removing one costs the same in a group of fifty and of fifty thousand. Every write is one transaction with its record.

import { Problem } from '#shared/problem.ts';
import { record } from '../audit.ts';
import { type Filter, matches } from '../filter/filter.ts';
import { fold } from '../filter/fold.ts';
import type { Tx, Work } from '../sql/sql.ts';
import { countAdded, countRemoved } from './counts.ts';
import { type Change, publish } from './events.ts';
import { inChunks, placeholders } from './in-list.ts';
import { changedAttributes, compose, contentOfResource, etag, type Stamp, type StoredResource } from './resource.ts';
import { dropRoles, givesRoles } from './roles.ts';
import { updateRow } from './rows.ts';

export const coreGroup = 'urn:ietf:params:scim:schemas:core:2.0:Group';
/** Our own extension: what Microsoft Graph says of a group and SCIM has no place for (connector/scim/group.ts lists it). */
export const graphGroup = 'urn:resetandresend:scim:schemas:extension:graph:2.0:Group';

/** The names are Microsoft Graph's. */
export interface GraphGroupContent {
  readonly description?: string;
  readonly mailNickname?: string;
}

/** What a client said of a group, validated, without its members. */
export interface GroupContent {
  readonly schemas: readonly string[];
  readonly externalId?: string;
  readonly displayName: string;
  readonly [graphGroup]?: GraphGroupContent;
  readonly [attribute: string]: unknown;
}

/** One change of the members. `replace` and `remove` by filter look at every member; the others only at those they name. */
export type MemberChange =
  | { readonly op: 'add' | 'remove' | 'replace'; readonly ids: readonly string[] }
  | { readonly op: 'clear' }
  | { readonly op: 'removeMatching'; readonly filter: Filter }
  /** Nothing is changed, but some member must fit (RFC 7644 §3.5.2.3: else noTarget); `fixed` of it cannot be changed. */
  | { readonly op: 'expect'; readonly filter: Filter; readonly fixed?: string };

/** A member as it is sent; `display` is the name that people read. */
export interface Member {
  readonly value: string;
  readonly type: 'User' | 'Group';
  readonly display: string;
}

interface Row {
  id: string;
  text: string;
  version: number;
  created: number;
}

// Reading -------------------------------------------------------------------------------------------------------

/** By id, without members. */
export function* readGroup(tx: Tx, tenant: string, id: string): Work<StoredResource | undefined> {
  return yield* tx.get<Row>`select id, resource as text, version from app_group where tenant = ${tenant} and id = ${id}`;
}

/** By displayName in any case (see `fold`), which several may have, or by id; ten at most. */
export function* groupsCalled(tx: Tx, tenant: string, nameOrId: string): Work<{ id: string; name: string }[]> {
  return yield* tx.all<{ id: string; name: string }>`select id, display_name as name from app_group
    where tenant = ${tenant} and (display_name_key = ${fold(nameOrId)} or id = ${nameOrId}) order by id limit 10`;
}

const memberPage = 1000;

/** The members in a fixed order, a page at a time, so that no statement holds a whole large group. */
export function* eachMember(tx: Tx, tenant: string, group: string, use: (member: Member) => void): Work<void> {
  let after = '';
  for (;;) {
    const rows = yield* tx.all<{ value: string; type: Member['type']; display: string | null }>`
      select m.member_id as value, m.member_type as type, coalesce(u.display_name, g.display_name) as display
      from group_member m
        left join app_user u on u.tenant = m.tenant and u.id = m.member_id
        left join app_group g on g.tenant = m.tenant and g.id = m.member_id
      where m.tenant = ${tenant} and m.group_id = ${group} and m.member_id > ${after}
      order by m.member_id limit ${memberPage}`;
    for (const { value, type, display } of rows) use({ value, type, display: display ?? '' });
    if (rows.length < memberPage) return;
    after = rows.at(-1)?.value ?? '';
  }
}

/** Which members a page holds. `after` is the id that the page before ended with; empty: the first. */
export interface MemberPage {
  readonly type: Member['type'] | undefined;
  readonly after: string;
  readonly limit: number;
}

/** A page of the ids of the members, in order, and how many there are of this type. */
export function* memberIds(
  tx: Tx,
  tenant: string,
  group: string,
  { type, after, limit }: MemberPage,
): Work<{ ids: string[]; more: boolean; total: number }> {
  const any = type === undefined ? 1 : 0;
  const rows = yield* tx.all<{ id: string }>`select member_id as id from group_member
    where tenant = ${tenant} and group_id = ${group} and member_id > ${after}
      and (${any} = 1 or member_type = ${type ?? ''})
    order by member_id limit ${limit + 1}`;
  const count = yield* tx.get<{ total: number }>`select count(*) as total from group_member
    where tenant = ${tenant} and group_id = ${group} and (${any} = 1 or member_type = ${type ?? ''})`;
  const ids = rows.slice(0, limit).map(({ id }) => id);
  return { ids, more: rows.length > limit, total: count?.total ?? 0 };
}

// Writing -------------------------------------------------------------------------------------------------------

/**
 * Adds a group.
 * @param members ids of people and groups
 * @param isAssignableToRole for the record: it is made for administrator roles
 * @throws Problem uniqueness when there is one with this displayName and externalId, invalidValue when a member does not exist
 */
export function* createGroup(
  tx: Tx,
  tenant: string,
  id: string,
  content: GroupContent,
  members: readonly string[],
  by: Stamp,
  { isAssignableToRole = false }: { isAssignableToRole?: boolean } = {},
): Work<StoredResource> {
  yield* refuseSame(tx, tenant, id, content);
  const version = 1;
  const text = compose('Group', id, content, { created: by.at, lastModified: by.at, version });
  yield* tx.run`insert into app_group
      (tenant, id, external_id, display_name, display_name_key, resource, version, created, last_modified)
    values (${tenant}, ${id}, ${content.externalId ?? null}, ${content.displayName}, ${fold(content.displayName)},
      ${text}, ${version}, ${by.at}, ${by.at})`;
  yield* countAdded(tx, tenant, 'Group', id);
  const added = yield* addMembers(tx, tenant, id, members);
  const detail = {
    ...(added === 0 ? {} : { membersAdded: added }),
    ...(isAssignableToRole ? { isAssignableToRole } : {}),
  };
  yield* record(tx, {
    tenant,
    at: by.at,
    actor: by.actor,
    client: by.client,
    action: 'group.created',
    target: `group:${id}`,
    detail,
  });
  const attributes = [...Object.keys(content), ...(added === 0 ? [] : ['members'])];
  yield* publish(tx, toldOf(tenant, id, by, 'create', content.externalId, { version, attributes }));
  return { id, text, version };
}

/**
 * Changes a group by a function of what is stored; it may throw, and then nothing is changed. A change that changes
 * nothing writes nothing.
 * @param match is this version still the one that the caller saw?
 * @throws Problem notFound, preconditionFailed, noTarget, uniqueness as `createGroup`, invalidValue when a member does not
 *   exist, mutability when the members of a group that gives roles change without `by.overRoles`
 */
export function* updateGroup(
  tx: Tx,
  tenant: string,
  id: string,
  change: (content: GroupContent) => { content: GroupContent; members: readonly MemberChange[] },
  by: Stamp,
  match: (version: number) => boolean = () => true,
): Work<StoredResource> {
  const stored = yield* forUpdate(tx, tenant, id, match);
  const before = contentOfResource<GroupContent>(stored);
  const { content, members } = change(before);
  const named = content.externalId !== before.externalId || content.displayName !== before.displayName;
  if (named) yield* refuseSame(tx, tenant, id, content);
  let [added, removed] = [0, 0];
  for (const one of members) {
    const moved = yield* changeMembers(tx, tenant, id, one);
    added += moved.added;
    removed += moved.removed;
  }
  if (added + removed > 0) yield* refuseRoles(tx, tenant, id, by);
  const attributes = changedAttributes(before, content);
  if (attributes.length + added + removed === 0) return { id, text: stored.text, version: stored.version };
  const detail = {
    attributes: [...attributes, ...(added + removed > 0 ? ['members'] : [])].join(' '),
    ...(added > 0 ? { membersAdded: added } : {}),
    ...(removed > 0 ? { membersRemoved: removed } : {}),
  };
  const written = yield* write(tx, tenant, stored, content, by);
  yield* record(tx, {
    tenant,
    at: by.at,
    actor: by.actor,
    client: by.client,
    action: 'group.updated',
    target: `group:${id}`,
    detail,
  });
  const names = [...attributes, ...(added + removed > 0 ? ['members'] : [])];
  const after = { version: written.version, attributes: names };
  yield* publish(tx, toldOf(tenant, id, by, by.via ?? 'patch', content.externalId, after));
  return written;
}

/**
 * Removes a group with its roles; its members stay, and it leaves the groups that it is in.
 * @throws Problem notFound, preconditionFailed, mutability when it gives roles and `by` has not `overRoles`
 */
export function* deleteGroup(
  tx: Tx,
  tenant: string,
  id: string,
  by: Stamp,
  match: (version: number) => boolean = () => true,
): Work<void> {
  const stored = yield* forUpdate(tx, tenant, id, match);
  yield* refuseRoles(tx, tenant, id, by);
  yield* tx.run`delete from group_member where tenant = ${tenant} and group_id = ${id}`;
  yield* leaveGroups(tx, tenant, id, by);
  yield* dropRoles(tx, tenant, id);
  yield* tx.run`delete from app_group where tenant = ${tenant} and id = ${id}`;
  yield* countRemoved(tx, tenant, 'Group');
  yield* record(tx, {
    tenant,
    at: by.at,
    actor: by.actor,
    client: by.client,
    action: 'group.deleted',
    target: `group:${id}`,
  });
  yield* publish(tx, toldOf(tenant, id, by, 'delete', contentOfResource<GroupContent>(stored).externalId));
}

function toldOf(
  tenant: string,
  id: string,
  by: Stamp,
  action: Change['action'],
  externalId: string | undefined,
  after?: { version: number; attributes: readonly string[] },
): Change {
  const told = after === undefined ? {} : { version: etag(after.version), attributes: after.attributes };
  return { tenant, at: by.at, txn: by.txn, resource: 'Group', id, externalId, action, ...told };
}

/** Somebody is deleted: every group that they were in has a new version and one member less. */
export function* leaveGroups(tx: Tx, tenant: string, member: string, by: Stamp): Work<void> {
  const groups = yield* tx.all<Row>`select g.id, g.resource as text, g.version, g.created
    from group_member m join app_group g on g.tenant = m.tenant and g.id = m.group_id
    where m.tenant = ${tenant} and m.member_id = ${member}`;
  if (groups.length === 0) return;
  yield* tx.run`delete from group_member where tenant = ${tenant} and member_id = ${member}`;
  for (const group of groups) {
    const content = contentOfResource<GroupContent>(group);
    const { version } = yield* write(tx, tenant, group, content, by);
    const detail = { attributes: 'members', membersRemoved: 1 };
    const target = `group:${group.id}`;
    yield* record(tx, {
      tenant,
      at: by.at,
      actor: by.actor,
      client: by.client,
      action: 'group.updated',
      target,
      detail,
    });
    const after = { version, attributes: ['members'] };
    yield* publish(tx, toldOf(tenant, group.id, by, 'patch', content.externalId, after));
  }
}

/**
 * Names alone may be the same (RFC 7643 §8.7.1), and so may ids of two clients; what has both is the same group twice,
 * which Microsoft's SCIM Validator posts and wants refused.
 */
function* refuseSame(tx: Tx, tenant: string, id: string, { externalId, displayName }: GroupContent): Work<void> {
  if (externalId === undefined) return;
  const same = yield* tx.get`select id from app_group where tenant = ${tenant} and external_id = ${externalId}
    and display_name_key = ${fold(displayName)} and id <> ${id}`;
  if (same) throw new Problem('uniqueness', { attribute: 'displayName, externalId' });
}

/** Whoever may change who is in a group that gives roles can make administrators, and rid somebody of the protection. */
function* refuseRoles(tx: Tx, tenant: string, id: string, by: Stamp): Work<void> {
  if (by.overRoles || !(yield* givesRoles(tx, tenant, id))) return;
  const reason =
    'Administrator roles are given through this group: only an administrator of roles changes who is in it.';
  throw new Problem('mutability', { attribute: 'members', reason });
}

function* forUpdate(tx: Tx, tenant: string, id: string, match: (version: number) => boolean): Work<Row> {
  const row = yield* tx.get<Row>`select id, resource as text, version, created from app_group
    where tenant = ${tenant} and id = ${id}`;
  if (!row) throw new Problem('notFound');
  if (!match(row.version)) throw new Problem('preconditionFailed');
  return row;
}

/** By what a group is found in its own row. */
function foundBy({ externalId, displayName }: GroupContent) {
  return { external_id: externalId ?? null, display_name: displayName, display_name_key: fold(displayName) };
}

function* write(tx: Tx, tenant: string, stored: Row, content: GroupContent, by: Stamp): Work<StoredResource> {
  const { id, created } = stored;
  const version = stored.version + 1;
  const text = compose('Group', id, content, { created, lastModified: by.at, version });
  const before = foundBy(contentOfResource<GroupContent>(stored));
  yield* updateRow(tx, 'app_group', tenant, id, before, foundBy(content), { text, version, at: by.at });
  return { id, text, version };
}

// Members -------------------------------------------------------------------------------------------------------

interface Moved {
  readonly added: number;
  readonly removed: number;
}

function* changeMembers(tx: Tx, tenant: string, group: string, change: MemberChange): Work<Moved> {
  switch (change.op) {
    case 'add':
      return { added: yield* addMembers(tx, tenant, group, change.ids), removed: 0 };
    case 'remove':
      return { added: 0, removed: yield* removeMembers(tx, tenant, group, change.ids) };
    case 'clear':
      return { added: 0, removed: yield* clearMembers(tx, tenant, group) };
    case 'replace':
      return yield* replaceMembers(tx, tenant, group, change.ids);
    case 'removeMatching': {
      const ids = yield* matching(tx, tenant, group, change.filter);
      return { added: 0, removed: yield* removeMembers(tx, tenant, group, ids) };
    }
    case 'expect': {
      const ids = yield* matching(tx, tenant, group, change.filter);
      if (ids.length === 0) throw new Problem('noTarget');
      if (change.fixed !== undefined) throw new Problem('mutability', { attribute: change.fixed });
      return { added: 0, removed: 0 };
    }
  }
}

function* matching(tx: Tx, tenant: string, group: string, filter: Filter): Work<string[]> {
  const found: string[] = [];
  yield* eachMember(tx, tenant, group, (member) => {
    if (matches(filter, member)) found.push(member.value);
  });
  return found;
}

function* addMembers(tx: Tx, tenant: string, group: string, ids: readonly string[]): Work<number> {
  const wanted = [...new Set(ids)];
  const types = yield* typesOf(tx, tenant, wanted);
  let added = 0;
  for (const id of wanted) {
    const type = types.get(id);
    if (type === undefined) {
      const reason = `There is no User and no Group with the id “${id.slice(0, 100)}”.`;
      throw new Problem('invalidValue', { field: 'members.value', reason });
    }
    added += yield* tx.run`insert into group_member (tenant, group_id, member_id, member_type)
      values (${tenant}, ${group}, ${id}, ${type}) on conflict do nothing`;
  }
  return added;
}

function* removeMembers(tx: Tx, tenant: string, group: string, ids: readonly string[]): Work<number> {
  let removed = 0;
  for (const id of new Set(ids)) {
    removed += yield* tx.run`delete from group_member
      where tenant = ${tenant} and group_id = ${group} and member_id = ${id}`;
  }
  return removed;
}

function* clearMembers(tx: Tx, tenant: string, group: string): Work<number> {
  return yield* tx.run`delete from group_member where tenant = ${tenant} and group_id = ${group}`;
}

function* replaceMembers(tx: Tx, tenant: string, group: string, ids: readonly string[]): Work<Moved> {
  if (ids.length === 0) return { added: 0, removed: yield* clearMembers(tx, tenant, group) };
  const wanted = new Set(ids);
  const there = yield* tx.all<{ id: string }>`select member_id as id from group_member
    where tenant = ${tenant} and group_id = ${group}`;
  const gone = there.map(({ id }) => id).filter((id) => !wanted.delete(id));
  const removed = yield* removeMembers(tx, tenant, group, gone);
  return { added: yield* addMembers(tx, tenant, group, [...wanted]), removed };
}

/** What the ids belong to; those that belong to nothing are missing. */
function* typesOf(tx: Tx, tenant: string, ids: readonly string[]): Work<Map<string, Member['type']>> {
  const types = new Map<string, Member['type']>();
  for (const chunk of inChunks(ids)) {
    const list = placeholders(chunk.length);
    const rows = yield* tx.query<{ id: string; type: Member['type'] }>(
      `select id, 'User' as type from app_user where tenant = ? and id in (${list})
        union all select id, 'Group' as type from app_group where tenant = ? and id in (${list})`,
      [tenant, ...chunk, tenant, ...chunk],
    );
    for (const { id, type } of rows) types.set(id, type);
  }
  return types;
}
