// Administrator roles: /directoryRoles (those that somebody holds), and /roleManagement/directory, where they are given as
// assignments of a definition to a principal. Ids of roles and definitions are the template ids, the same everywhere.

import { hash } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { builtInRole, type RoleName, roleTemplates } from '../policy/role-templates.ts';
import { type Action, actingRoles, actions } from '../policy/roles.ts';
import type { Tx, Work } from '../sql/sql.ts';
import type { Stamp } from '../store/resource.ts';
import { assignRole, type RoleAssignment, removeRole, roleAssignments, roleGroupsAround } from '../store/roles.ts';
import { callerOf, type Permissions } from './access.ts';
import { authorise } from './authority.ts';
import { contextOf, type GraphDeps, stampOf } from './deps.ts';
import { directoryRoleOf, objectsOf } from './directory-object.ts';
import { badRequest, denied, notFound } from './error.ts';
import { answerList } from './list.ts';
import { readableAmongObjects } from './user-view.ts';

const reading = [
  'RoleManagement.Read.Directory',
  'RoleManagement.ReadWrite.Directory',
  'Directory.Read.All',
  'Directory.ReadWrite.All',
];
const reads: Permissions = { delegated: reading, application: reading };
const writing = ['RoleManagement.ReadWrite.Directory'];
const writes: Permissions = { delegated: writing, application: writing };

export function roleRoutes(app: FastifyInstance, deps: GraphDeps): void {
  directoryRoles(app, deps);
  definitionRoutes(app, deps);
  assignmentRoutes(app, deps);
}

// /directoryRoles -----------------------------------------------------------------------------------------------

function directoryRoles(app: FastifyInstance, deps: GraphDeps): void {
  const { sql } = deps;

  function* given(tx: Tx, request: FastifyRequest): Work<string[]> {
    const access = callerOf(request);
    yield* readable(tx, request);
    const all = yield* roleAssignments(tx, access.tenant.id);
    return [...new Set(all.map(({ role }) => role))].sort();
  }

  function* holders(tx: Tx, request: FastifyRequest) {
    const roles: string[] = yield* given(tx, request);
    const { id } = request.params as { id: string };
    const role = roles.find((one) => one === id.toLowerCase());
    if (!role) throw notFound(id.slice(0, 256));
    const { tenant } = callerOf(request);
    const own: RoleAssignment[] = yield* roleAssignments(tx, tenant.id, { role });
    const everywhere = own.filter(({ unit }) => unit === '').map(({ principal }) => principal);
    return yield* objectsOf(tx, tenant.id, everywhere, (one) => readableAmongObjects(callerOf(request), one));
  }

  app.get('/directoryRoles', { config: { graph: reads } }, async (request, reply) => {
    const roles = await sql.read((tx) => given(tx, request));
    return answerList(deps, request, reply, 'directoryRoles', roles.map(directoryRoleOf));
  });
  app.get('/directoryRoles/:id', { config: { graph: reads } }, async (request, reply) => {
    const roles = await sql.read((tx) => given(tx, request));
    const { id } = request.params as { id: string };
    const role = roles.find((one) => one === id.toLowerCase());
    if (!role) throw notFound(id.slice(0, 256));
    return reply.send({ '@odata.context': contextOf(deps, 'directoryRoles/$entity'), ...directoryRoleOf(role) });
  });
  app.get('/directoryRoles/:id/members', { config: { graph: reads } }, async (request, reply) => {
    const members = await sql.read((tx) => holders(tx, request));
    return answerList(deps, request, reply, 'directoryObjects', members);
  });
}

/** Behind the permission: a role that may see who holds which. */
function readable(tx: Tx, request: FastifyRequest): Work<void> {
  return authorise(tx, callerOf(request), 'readRoleAssignments');
}

// /roleManagement/directory/roleDefinitions ---------------------------------------------------------------------

/** What this product lets a role do, in the words of Entra's resource actions. */
const resourceActions = {
  resetPassword: 'microsoft.directory/users/password/update',
  revokeSessions: 'microsoft.directory/users/invalidateAllRefreshTokens',
  temporaryAccessPass: 'microsoft.directory/users/authenticationMethods/create',
  updateUser: 'microsoft.directory/users/basic/update',
  createUser: 'microsoft.directory/users/create',
  deleteUser: 'microsoft.directory/users/delete',
  writeGroup: 'microsoft.directory/groups/members/update',
  readRoleAssignments: 'microsoft.directory/roleAssignments/standard/read',
  writeRoleAssignments: 'microsoft.directory/roleAssignments/allProperties/allTasks',
} as const satisfies Partial<Record<Action, string>>;

function allowedOf(name: RoleName): string[] {
  const column = actingRoles.indexOf(name);
  return Object.entries(resourceActions).flatMap(([action, resource]) => {
    const { by }: { readonly by: readonly boolean[] } = actions[action as keyof typeof resourceActions];
    return by[column] ? [resource] : [];
  });
}

const definitions = (Object.keys(roleTemplates) as RoleName[]).map((name) => ({
  id: roleTemplates[name],
  description: `The built-in role ${name}.`,
  displayName: name,
  isBuiltIn: true,
  isEnabled: true,
  resourceScopes: ['/'],
  templateId: roleTemplates[name],
  version: '1',
  rolePermissions: [{ allowedResourceActions: allowedOf(name), condition: null }],
}));

const management = '/roleManagement/directory';

function definitionRoutes(app: FastifyInstance, deps: GraphDeps): void {
  const config = { graph: reads };
  app.get(`${management}/roleDefinitions`, { config }, async (request, reply) => {
    await deps.sql.read((tx) => readable(tx, request));
    return answerList(deps, request, reply, 'roleManagement/directory/roleDefinitions', definitions);
  });
  app.get(`${management}/roleDefinitions/:id`, { config }, async (request, reply) => {
    await deps.sql.read((tx) => readable(tx, request));
    const { id } = request.params as { id: string };
    const found = definitions.find((one) => one.id === id.toLowerCase());
    if (!found) throw notFound(id.slice(0, 256));
    const context = contextOf(deps, 'roleManagement/directory/roleDefinitions/$entity');
    return reply.send({ '@odata.context': context, ...found });
  });
}

// /roleManagement/directory/roleAssignments ---------------------------------------------------------------------

const units = '/administrativeUnits/';

/** An assignment in Graph's shape; its id is made of what it says, since there is one of each at most. */
function graphAssignment({ principal, role, unit }: Omit<RoleAssignment, 'created'>) {
  const id = hash('sha256', JSON.stringify([principal, role, unit]), 'base64url');
  return {
    id,
    principalId: principal,
    directoryScopeId: unit === '' ? '/' : `${units}${unit}`,
    roleDefinitionId: role,
  };
}

/** @throws GraphError 400 */
function readAssignment(body: unknown): Omit<RoleAssignment, 'created'> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw badRequest('A JSON object is required as the body of the request.');
  }
  const { principalId, roleDefinitionId, directoryScopeId } = body as Record<string, unknown>;
  if (typeof principalId !== 'string' || typeof roleDefinitionId !== 'string') {
    throw badRequest("Values are required for properties 'principalId' and 'roleDefinitionId'.");
  }
  const unit = unitOf(directoryScopeId);
  const role = roleDefinitionId.toLowerCase();
  if (builtInRole(role) === undefined) throw notFound(roleDefinitionId.slice(0, 256));
  return { principal: principalId.toLowerCase(), role, unit };
}

const unitScope = /^\/administrativeUnits\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;

/** The administrative unit of a scope; empty for `/`, the whole organisation. @throws GraphError 400 */
function unitOf(scope: unknown): string {
  if (typeof scope !== 'string' || scope === '') {
    throw badRequest("A value is required for property 'directoryScopeId'.");
  }
  const unit = scope === '/' ? '' : unitScope.exec(scope)?.[1]?.toLowerCase();
  if (unit === undefined) {
    throw badRequest("Invalid value specified for property 'directoryScopeId' of resource 'RoleAssignment'.");
  }
  return unit;
}

function assignmentRoutes(app: FastifyInstance, deps: GraphDeps): void {
  const { sql } = deps;
  const of = 'roleManagement/directory/roleAssignments';

  function* all(tx: Tx, request: FastifyRequest) {
    yield* readable(tx, request);
    const found: RoleAssignment[] = yield* roleAssignments(tx, callerOf(request).tenant.id);
    return found.map(graphAssignment);
  }

  function* around(tx: Tx, request: FastifyRequest, principal: string) {
    yield* readable(tx, request);
    const { tenant } = callerOf(request);
    const found: RoleAssignment[] = [];
    for (const one of [principal, ...(yield* roleGroupsAround(tx, tenant.id, principal))]) {
      found.push(...(yield* roleAssignments(tx, tenant.id, { principal: one })));
    }
    return found.map(graphAssignment);
  }

  function* given(tx: Tx, request: FastifyRequest, by: Stamp) {
    const { tenant } = callerOf(request);
    yield* authorise(tx, callerOf(request), 'writeRoleAssignments');
    const wanted = readAssignment(request.body);
    const added: boolean = yield* assignRole(tx, tenant.id, wanted.principal, wanted.role, by, wanted.unit);
    if (!added) throw badRequest('A conflicting object with one or more of the specified property values is present.');
    return graphAssignment(wanted);
  }

  function* taken(tx: Tx, request: FastifyRequest, by: Stamp): Work<void> {
    const access = callerOf(request);
    yield* authorise(tx, access, 'writeRoleAssignments');
    const { id } = request.params as { id: string };
    const found = yield* roleAssignments(tx, access.tenant.id);
    const one = found.find((each) => graphAssignment(each).id === id);
    if (!one) throw notFound(id.slice(0, 256));
    // Or the last one who could give it back might go.
    const global = roleTemplates['Global Administrator'];
    if (!access.appOnly && one.principal === access.oid && one.role === global) throw denied();
    yield* removeRole(tx, access.tenant.id, one.principal, one.role, by, one.unit);
  }

  app.get(`${management}/roleAssignments`, { config: { graph: reads } }, async (request, reply) =>
    answerList(deps, request, reply, of, await sql.read((tx) => all(tx, request))),
  );
  app.get(`${management}/transitiveRoleAssignments`, { config: { graph: reads } }, async (request, reply) => {
    const { $count, $filter = '' } = request.query as Record<string, string | undefined>;
    const eventual = request.headers.consistencylevel === 'eventual' && $count === 'true';
    const principal = /^\s*principalId\s+eq\s+'([^']+)'\s*$/i.exec($filter)?.[1]?.toLowerCase();
    if (!eventual || principal === undefined) {
      throw badRequest(
        "This needs $count=true, the header 'ConsistencyLevel: eventual', and $filter=principalId eq '{id}'.",
      );
    }
    const found = await sql.read((tx) => around(tx, request, principal));
    return answerList(deps, request, reply, of, found, { filtered: true });
  });
  app.get(`${management}/roleAssignments/:id`, { config: { graph: reads } }, async (request, reply) => {
    const { id } = request.params as { id: string };
    const found = (await sql.read((tx) => all(tx, request))).find((one) => one.id === id);
    if (!found) throw notFound(id.slice(0, 256));
    return reply.send({ '@odata.context': contextOf(deps, `${of}/$entity`), ...found });
  });
  app.post(`${management}/roleAssignments`, { config: { graph: writes } }, async (request, reply) => {
    const by = stampOf(request, deps);
    const made = await sql.run((tx) => given(tx, request, by));
    return reply.code(201).send({ '@odata.context': contextOf(deps, `${of}/$entity`), ...made });
  });
  app.delete(`${management}/roleAssignments/:id`, { config: { graph: writes } }, async (request, reply) => {
    const by = stampOf(request, deps);
    await sql.run((tx) => taken(tx, request, by));
    return reply.code(204).send();
  });
}
