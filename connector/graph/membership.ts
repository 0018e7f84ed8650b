// What a person belongs to: groups they are in, and administrator roles they hold. `memberOf` is what is theirs directly,
// `transitiveMemberOf` also what comes through groups.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { fold } from '../filter/fold.ts';
import type { Tx, Work } from '../sql/sql.ts';
import { membershipsOf } from '../store/memberships.ts';
import { roleAssignments, standingOf } from '../store/roles.ts';
import { contentOf, readStored } from '../store/users.ts';
import { callerOf, type Permissions } from './access.ts';
import { hasPermission } from './authority.ts';
import type { GraphDeps } from './deps.ts';
import { type DirectoryObject, objectsOf, roleObject } from './directory-object.ts';
import { denied } from './error.ts';
import { answerList } from './list.ts';
import { personIn, personOf, routePerson } from './person.ts';

const directory = ['Directory.Read.All', 'Directory.ReadWrite.All'];
/** Delegated User.Read is enough for one's own; of others it shows nothing here. */
const permissions: Permissions = {
  delegated: ['User.Read.All', 'User.ReadWrite.All', 'GroupMember.Read.All', 'Group.Read.All', ...directory],
  application: ['User.Read.All', 'User.ReadWrite.All', 'GroupMember.Read.All', 'Group.Read.All', ...directory],
};
const own: Permissions = { ...permissions, delegated: ['User.Read', ...permissions.delegated] };

const casts = {
  '': undefined,
  '/microsoft.graph.group': '#microsoft.graph.group',
  '/microsoft.graph.directoryRole': '#microsoft.graph.directoryRole',
} as const;

/** Is it the caller whom the address means, by id or by name? */
function* isOwn(tx: Tx, request: FastifyRequest): Work<boolean> {
  const { tenant, oid } = callerOf(request);
  const asked = personIn(request);
  const own = yield* readStored(tx, tenant.id, oid);
  return asked.toLowerCase() === oid || (own !== undefined && fold(asked) === fold(contentOf(own).userName));
}

export function membershipRoutes(app: FastifyInstance, deps: GraphDeps): void {
  function* found(tx: Tx, request: FastifyRequest, transitive: boolean): Work<DirectoryObject[]> {
    const access = callerOf(request);
    const tenant = access.tenant.id;
    // The route is open to User.Read so that `/users/{own id}` answers as `/me` does. Of others it does not even tell
    // whether they are there.
    const everybody = access.appOnly || hasPermission(access, permissions.delegated);
    if (!everybody && !(yield* isOwn(tx, request))) throw denied();
    const { id } = yield* personOf(tx, tenant, personIn(request));
    const memberships = (yield* membershipsOf(tx, tenant, [id])).get(id) ?? [];
    const groups = memberships.filter(({ type }) => transitive || type === 'direct').map(({ value }) => value);
    const roles = transitive
      ? (yield* standingOf(tx, tenant, id)).roles
      : (yield* roleAssignments(tx, tenant, { principal: id }))
          .filter(({ unit }) => unit === '')
          .map(({ role }) => role);
    return [...roles.map(roleObject), ...(yield* objectsOf(tx, tenant, groups))];
  }

  for (const what of ['memberOf', 'transitiveMemberOf'] as const) {
    for (const [cast, type] of Object.entries(casts)) {
      routePerson(app, 'GET', `/${what}${cast}`, own, async (request, reply) => {
        const all = await deps.sql.read((tx) => found(tx, request, what === 'transitiveMemberOf'));
        const wanted = type === undefined ? all : all.filter((one) => one['@odata.type'] === type);
        const of =
          type === undefined
            ? 'directoryObjects'
            : type === casts['/microsoft.graph.group']
              ? 'groups'
              : 'directoryRoles';
        return answerList(deps, request, reply, of, wanted);
      });
    }
  }
}
