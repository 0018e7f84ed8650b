// What decides about a person, read from Graph: directory roles, held directly or through groups, over everything or over
// one administrative unit; role-assignable groups; units with restricted management. Where our matrix is the only guard,
// what cannot be read is refused: no answer must ever look like "no roles".

import { Problem } from '#shared/problem.ts';
import { quoted, segment } from '../entra/graph-client.ts';
import { noStanding, type Standing } from '../policy/roles.ts';
import { type Reading, readAll, readBody } from './graph-people.ts';

interface Thing {
  readonly '@odata.type'?: unknown;
  readonly id?: unknown;
  readonly displayName?: unknown;
  readonly roleTemplateId?: unknown;
  readonly isAssignableToRole?: unknown;
  readonly isMemberManagementRestricted?: unknown;
}

/** Beyond this many groups with roles nobody is an ordinary person; each is a request. */
const mostGroups = 50;

/**
 * The standing of a person by object id; of nobody: `noStanding`.
 * @param me the person asks about themselves, for which less is needed
 * @param alone is our matrix the only guard? On behalf of an admin Graph decides by itself, and does not show role
 *   assignments to every role that may reset: then the roles among the memberships are what we go by
 * @throws Problem consentMissing and what any read throws
 */
export async function readStanding(
  reading: Reading,
  id: string,
  { me, alone }: { me: boolean; alone: boolean },
): Promise<Standing> {
  const who = me ? '/me' : `/users/${segment(id)}`;
  const [memberships, owned, direct] = await Promise.all([
    readAll(reading, `${who}/transitiveMemberOf`, 'GroupMember.Read.All', { query: { $top: '999' } }),
    readAll(reading, `${who}/ownedObjects`, 'User.Read.All', { query: { $top: '999' } }),
    assignmentsOf(reading, id, alone),
  ]);
  if (!memberships) return noStanding;
  const roles = ofType(memberships, 'directoryRole').map(({ roleTemplateId }) => known(roleTemplateId, 'role'));
  const units = ofType(memberships, 'administrativeUnit');
  const roleGroups = ofType(memberships, 'group').filter(assignable);
  const ownedGroups = ofType(owned ?? [], 'group').filter(assignable);
  if (roleGroups.length > mostGroups) throw new Problem('unavailable');
  // An assignment to a group names the group alone.
  const through = await Promise.all(roleGroups.map((group) => assignmentsOf(reading, known(group.id, 'group'), alone)));
  const assigned = [direct, ...through].flat();
  const scoped = assigned.flatMap(({ role, scope }) => (scope === '/' ? [] : [{ role, unit: unitOf(scope) }]));
  const memberOf = units.map((unit) => known(unit.id, 'unit'));
  const restrictedUnits = units.filter(restricted).map((unit) => known(unit.id, 'unit'));
  return {
    roles: [...new Set([...roles, ...assigned.flatMap(({ role, scope }) => (scope === '/' ? [role] : []))])],
    scoped,
    units: memberOf,
    roleAssignableGroup: roleGroups.length + ownedGroups.length > 0,
    ...(restrictedUnits.length > 0 ? { restrictedUnits } : {}),
    restrictedUnit:
      scoped.some(({ unit }) => restrictedUnits.includes(unit)) ||
      (await anyRestricted(reading, scoped, new Set(memberOf))),
  };
}

function ofType(things: readonly Thing[], type: string): Thing[] {
  return things.filter((thing) => thing['@odata.type'] === `#microsoft.graph.${type}`);
}

const permissionFor = {
  role: 'RoleManagement.Read.Directory',
  group: 'GroupMember.Read.All',
  unit: 'AdministrativeUnit.Read.All',
} as const;

/**
 * Without the permission for one kind of object, Graph lists it with its id alone and everything else null ("limited
 * information returned for inaccessible member objects").
 */
function known(value: unknown, kind: keyof typeof permissionFor): string {
  if (typeof value !== 'string' || value === '')
    throw new Problem('consentMissing', { permission: permissionFor[kind] });
  return value;
}

function assignable(group: Thing): boolean {
  // Every group has a name; one without is one that we may not look at.
  known(group.displayName, 'group');
  return group.isAssignableToRole === true;
}

function restricted(unit: Thing): boolean {
  known(unit.displayName, 'unit');
  return unit.isMemberManagementRestricted === true;
}

interface Assignment {
  /** A template id; for a custom role its own id, which no table knows. */
  readonly role: string;
  /** `/` for everything, else `/administrativeUnits/{id}` or an object's `/{id}`. */
  readonly scope: string;
}

/** Those that name this person or group. */
async function assignmentsOf(reading: Reading, principal: string, alone: boolean): Promise<Assignment[]> {
  const query = { $filter: `principalId eq ${quoted(principal)}` };
  const path = '/roleManagement/directory/roleAssignments';
  const found = await readAll(reading, path, permissionFor.role, { query }).catch((error: unknown) => {
    if (!alone && error instanceof Problem && error.code === 'consentMissing') return [];
    throw error;
  });
  return (found ?? []).map(({ roleDefinitionId, directoryScopeId, appScopeId }) => ({
    role: known(roleDefinitionId, 'role'),
    scope: typeof directoryScopeId === 'string' ? directoryScopeId : `/${appScopeId ?? 'unknown'}`,
  }));
}

function unitOf(scope: string): string {
  return scope.slice(scope.lastIndexOf('/') + 1);
}

/** Is one of the units restricted over which a role is held? */
async function anyRestricted(
  reading: Reading,
  scoped: readonly { readonly unit: string }[],
  seen: ReadonlySet<string>,
): Promise<boolean> {
  const units = [...new Set(scoped.map(({ unit }) => unit))].filter((unit) => !seen.has(unit));
  const found = await Promise.all(
    units.map((unit) => readBody(reading, `/directory/administrativeUnits/${segment(unit)}`, permissionFor.unit)),
  );
  return found.some((unit) => unit !== undefined && restricted(unit));
}
