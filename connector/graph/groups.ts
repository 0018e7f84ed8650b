// /groups: security groups and who is in them. Groups that give administrator roles, or are made for it, are for those
// alone who may give roles.
//
//   GET, POST /groups                     GET, PATCH, DELETE /groups/{id}          GET …/owners (nobody owns a group here)
//   GET …/members[/microsoft.graph.user]  POST …/members/$ref                      DELETE …/members/{id}/$ref

import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Tx, Work } from '../sql/sql.ts';
import { createGroup, deleteGroup, type GroupContent, memberIds, readGroup, updateGroup } from '../store/groups.ts';
import type { Stamp, StoredResource } from '../store/resource.ts';
import { dropPassesWithin, givesRoles, makeRoleAssignable, roleAssignable } from '../store/roles.ts';
import { uuidv7 } from '../store/uuid.ts';
import { callerOf, type Permissions } from './access.ts';
import { authorise, hasPermission } from './authority.ts';
import { collectionOf, contextOf, doorPath, type GraphDeps, stampOf } from './deps.ts';
import { objectsOf } from './directory-object.ts';
import { badRequest, denied, notFound } from './error.ts';
import { graphGroupOf, readGroupBody, selectedOf, type WantedGroup } from './group.ts';
import { groupList } from './group-list.ts';
import { nextLink, parameterOf, refuseOthers, topOf, wantsCount } from './list.ts';
import { type Reference, readReference, referencedId } from './reference.ts';
import { readableAmongObjects } from './user-view.ts';

const both = (...names: string[]): Permissions => ({ delegated: names, application: names });
const directory = ['Directory.Read.All', 'Directory.ReadWrite.All'];
const reads = both(
  'GroupMember.Read.All',
  'GroupMember.ReadWrite.All',
  'Group.Read.All',
  'Group.ReadWrite.All',
  ...directory,
);
const writes = both('Group.ReadWrite.All', 'Directory.ReadWrite.All');
const writesMembers = both('GroupMember.ReadWrite.All', 'Group.ReadWrite.All', 'Directory.ReadWrite.All');
const writesRoles = ['RoleManagement.ReadWrite.Directory'];

const idOf = (request: FastifyRequest) => (request.params as { id: string }).id.toLowerCase();

function* groupOf(tx: Tx, tenant: string, id: string): Work<StoredResource> {
  const found = yield* readGroup(tx, tenant, id);
  if (!found) throw notFound(id.slice(0, 256));
  return found;
}

/** The stamp of whoever may change this group; of one that gives roles only for those who may give roles. */
function* stampFor(tx: Tx, request: FastifyRequest, id: string, by: Stamp): Work<Stamp> {
  const access = callerOf(request);
  if (!(yield* givesRoles(tx, access.tenant.id, id))) {
    yield* authorise(tx, access, 'writeGroup');
    return by;
  }
  if (!hasPermission(access, writesRoles)) throw denied();
  yield* authorise(tx, access, 'writeRoleAssignableGroup');
  return { ...by, overRoles: true };
}

export function groupRoutes(app: FastifyInstance, deps: GraphDeps): void {
  const { sql, random } = deps;

  // Units of work are named and not written where they are run: see the endpoints of the SCIM door.
  function* shown(tx: Tx, request: FastifyRequest) {
    const { tenant } = callerOf(request);
    const stored: StoredResource = yield* groupOf(tx, tenant.id, idOf(request));
    const assignable: Set<string> = yield* roleAssignable(tx, tenant.id, [stored.id]);
    return graphGroupOf(stored, assignable.has(stored.id), selectedOf(parameterOf(request, '$select')));
  }

  function* created(tx: Tx, request: FastifyRequest, id: string, wanted: WantedGroup, by: Stamp) {
    const access = callerOf(request);
    const { content, isAssignableToRole } = wanted;
    yield* authorise(tx, access, 'writeGroup');
    if (isAssignableToRole) {
      if (!hasPermission(access, writesRoles)) throw denied();
      yield* authorise(tx, access, 'writeRoleAssignableGroup');
    }
    const members: string[] = [];
    for (const one of wanted.members) members.push(yield* referencedId(tx, access.tenant.id, one));
    const stored = yield* createGroup(tx, access.tenant.id, id, content, members, by, { isAssignableToRole });
    if (isAssignableToRole) yield* makeRoleAssignable(tx, access.tenant.id, id);
    return graphGroupOf(stored, isAssignableToRole);
  }

  function* changed(tx: Tx, request: FastifyRequest, by: Stamp): Work<void> {
    const { tenant } = callerOf(request);
    const { id } = yield* groupOf(tx, tenant.id, idOf(request));
    const stamp = yield* stampFor(tx, request, id, by);
    const change = (current: GroupContent) => ({
      content: readGroupBody(deps, request.body, current).content,
      members: [],
    });
    yield* updateGroup(tx, tenant.id, id, change, stamp);
  }

  function* removed(tx: Tx, request: FastifyRequest, by: Stamp): Work<void> {
    const { tenant } = callerOf(request);
    const { id } = yield* groupOf(tx, tenant.id, idOf(request));
    yield* deleteGroup(tx, tenant.id, id, yield* stampFor(tx, request, id, by));
  }

  const list = groupList(deps);
  app.get('/groups', { config: { graph: reads } }, (request, reply) => list(request, reply));
  app.get('/groups/:id', { config: { graph: reads } }, async (request, reply) => {
    const group = await sql.read((tx) => shown(tx, request));
    const $select = parameterOf(request, '$select');
    const of = $select === undefined ? 'groups/$entity' : `groups(${$select})/$entity`;
    return reply.send({ '@odata.context': contextOf(deps, of), ...group });
  });
  app.post('/groups', { config: { graph: writes } }, async (request, reply) => {
    const by = stampOf(request, deps);
    const wanted = readGroupBody(deps, request.body);
    const id = uuidv7(by.at, random(10));
    const group = await sql.run((tx) => created(tx, request, id, wanted, by));
    return reply
      .code(201)
      .header('location', `${deps.publicUrl}${doorPath}/groups/${id}`)
      .send({ '@odata.context': contextOf(deps, 'groups/$entity'), ...group });
  });
  app.patch('/groups/:id', { config: { graph: writes } }, async (request, reply) => {
    const by = stampOf(request, deps);
    await sql.run((tx) => changed(tx, request, by));
    return reply.code(204).send();
  });
  app.delete('/groups/:id', { config: { graph: writes } }, async (request, reply) => {
    const by = stampOf(request, deps);
    await sql.run((tx) => removed(tx, request, by));
    return reply.code(204).send();
  });
  memberRoutes(app, deps);
}

// Members -------------------------------------------------------------------------------------------------------

function memberRoutes(app: FastifyInstance, deps: GraphDeps): void {
  const { sql } = deps;

  function* page(tx: Tx, request: FastifyRequest, type: 'User' | 'Group' | undefined, after: string, top: number) {
    const { tenant } = callerOf(request);
    const { id } = yield* groupOf(tx, tenant.id, idOf(request));
    const { ids, more, total } = yield* memberIds(tx, tenant.id, id, { type, after, limit: top });
    const readable = (one: string) => readableAmongObjects(callerOf(request), one);
    return { found: yield* objectsOf(tx, tenant.id, ids, readable), last: ids.at(-1), more, total };
  }

  const casts = [
    { cast: '', type: undefined, of: 'directoryObjects' },
    { cast: '/microsoft.graph.user', type: 'User', of: 'users' },
    { cast: '/microsoft.graph.group', type: 'Group', of: 'groups' },
  ] as const;
  for (const { cast, type, of } of casts) {
    app.get(`/groups/:id/members${cast}`, { config: { graph: reads } }, async (request, reply) => {
      refuseOthers(request);
      if (parameterOf(request, '$filter') !== undefined) throw badRequest('$filter is not supported on members.');
      const after = Buffer.from(parameterOf(request, '$skiptoken') ?? '', 'base64url').toString();
      const { found, last, more, total } = await sql.read((tx) => page(tx, request, type, after, topOf(request)));
      const $select = parameterOf(request, '$select')?.split(',');
      const wanted = new Set($select?.map((name) => name.trim().toLowerCase()));
      const selected = (one: object) =>
        Object.fromEntries(
          Object.entries(one).filter(([name]) => name.startsWith('@') || wanted.has(name.toLowerCase())),
        );
      const next = more && last ? nextLink(deps, request, Buffer.from(last).toString('base64url')) : undefined;
      return reply.send(
        collectionOf(deps, of, $select ? found.map(selected) : found, {
          ...(wantsCount(request) ? { '@odata.count': total } : {}),
          ...(next === undefined ? {} : { '@odata.nextLink': next }),
        }),
      );
    });
  }

  app.get('/groups/:id/owners', { config: { graph: reads } }, async (request, reply) => {
    await sql.read((tx) => groupOf(tx, callerOf(request).tenant.id, idOf(request)));
    return reply.send(collectionOf(deps, 'directoryObjects', []));
  });

  function* added(tx: Tx, request: FastifyRequest, reference: Reference, by: Stamp): Work<void> {
    const { tenant } = callerOf(request);
    const { id } = yield* groupOf(tx, tenant.id, idOf(request));
    const stamp = yield* stampFor(tx, request, id, by);
    const member = yield* referencedId(tx, tenant.id, reference);
    if (member === id) throw badRequest('A group cannot be a member of itself.');
    const there = yield* tx.get`select member_id from group_member
      where tenant = ${tenant.id} and group_id = ${id} and member_id = ${member}`;
    if (there) {
      throw badRequest(
        "One or more added object references already exist for the following modified properties: 'members'.",
      );
    }
    yield* updateGroup(tx, tenant.id, id, membersChange('add', member), stamp);
    if (stamp.overRoles) yield* dropPassesWithin(tx, tenant.id, member, by);
  }

  function* gone(tx: Tx, request: FastifyRequest, by: Stamp): Work<void> {
    const { tenant } = callerOf(request);
    const memberId = (request.params as { memberId: string }).memberId.toLowerCase();
    const stored = yield* groupOf(tx, tenant.id, idOf(request));
    const stamp = yield* stampFor(tx, request, stored.id, by);
    const after = yield* updateGroup(tx, tenant.id, stored.id, membersChange('remove', memberId), stamp);
    if (after.version === stored.version) throw notFound(memberId.slice(0, 256));
  }

  app.post('/groups/:id/members/$ref', { config: { graph: writesMembers } }, async (request, reply) => {
    const by = stampOf(request, deps);
    const member = readReference(deps, (request.body as Record<string, unknown> | undefined)?.['@odata.id']);
    await sql.run((tx) => added(tx, request, member, by));
    return reply.code(204).send();
  });
  app.delete('/groups/:id/members/:memberId/$ref', { config: { graph: writesMembers } }, async (request, reply) => {
    const by = stampOf(request, deps);
    await sql.run((tx) => gone(tx, request, by));
    return reply.code(204).send();
  });
}

function membersChange(op: 'add' | 'remove', id: string) {
  return (content: GroupContent) => ({ content, members: [{ op, ids: [id] }] as const });
}
