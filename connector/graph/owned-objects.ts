// What is asked of a person before their password is reset, and says little here: what they own (SCIM's groups have no
// owners), and the administrative units over which roles are held (which have no members and no restricted management).

import type { FastifyInstance } from 'fastify';
import type { Tx, Work } from '../sql/sql.ts';
import { roleAssignments } from '../store/roles.ts';
import { callerOf, type Permissions } from './access.ts';
import { contextOf, type GraphDeps } from './deps.ts';
import { notFound } from './error.ts';
import { answerList } from './list.ts';
import { personIn, personOf, routePerson } from './person.ts';

const directory = ['Directory.Read.All', 'Directory.ReadWrite.All'];
const people = ['User.Read.All', 'User.ReadWrite.All', ...directory];
const readsPeople: Permissions = { delegated: people, application: people };
const readsOwn: Permissions = { ...readsPeople, delegated: ['User.Read', ...people] };
const units = ['AdministrativeUnit.Read.All', ...directory];
const readsUnits: Permissions = { delegated: units, application: units };

export function ownedObjectRoutes(app: FastifyInstance, deps: GraphDeps): void {
  const handler = async (request: Parameters<typeof callerOf>[0], reply: Parameters<typeof answerList>[2]) => {
    await deps.sql.read((tx) => personOf(tx, callerOf(request).tenant.id, personIn(request)));
    return answerList(deps, request, reply, 'directoryObjects', []);
  };
  routePerson(app, 'GET', '/ownedObjects', readsPeople, handler, readsOwn);

  app.get('/directory/administrativeUnits/:id', { config: { graph: readsUnits } }, async (request, reply) => {
    const { id } = request.params as { id: string };
    const known = await deps.sql.read((tx) => hasUnit(tx, callerOf(request).tenant.id, id));
    if (!known) throw notFound(id.slice(0, 256));
    const unit = { id, displayName: id, isMemberManagementRestricted: false };
    return reply.send({ '@odata.context': contextOf(deps, 'directory/administrativeUnits/$entity'), ...unit });
  });
}

/** Does somebody hold a role over it? Units are known by that alone. */
function* hasUnit(tx: Tx, tenant: string, unit: string): Work<boolean> {
  return (yield* roleAssignments(tx, tenant)).some((one) => one.unit === unit);
}
