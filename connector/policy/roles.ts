// Who may reset whose password, and do the other things that stand beside it: the tables that an auditor reads. Pure.
// Sources: Microsoft, "Who can reset passwords" and "Who can perform sensitive actions" (entra-docs,
// privileged-roles-permissions, 8d78c8f), "Assign Microsoft Entra roles" and "Restricted management administrative units"
// (manage-roles-portal, admin-units-restricted-management). Whatever does not stand in a table is refused.

import type { ProblemCode } from '#shared/problem.ts';
import { builtInRole, type RoleName, roleTemplates } from './role-templates.ts';

export { type RoleName, roleName, roleTemplateId, roleTemplates } from './role-templates.ts';

// The tables ----------------------------------------------------------------------------------------------------

/**
 * The roles that may reset somebody at all, least privileged first. Partner Tier1 and Tier2 Support could as well; they are
 * deprecated and get nothing here. Nor do custom roles, whatever their permissions: nothing here can read those.
 */
export const resettingRoles = [
  'Password Administrator',
  'Helpdesk Administrator',
  'Authentication Administrator',
  'User Administrator',
  'Privileged Authentication Administrator',
  'Global Administrator',
] as const satisfies readonly RoleName[];

export type ResettingRole = (typeof resettingRoles)[number];

const [o, x] = [false, true] as const;
type Row = readonly [boolean, boolean, boolean, boolean, boolean, boolean];

/** May the role of the column reset somebody who holds the role of the row? Of several rows each must say yes. */
// biome-ignore format: read as a table
export const whoCanReset = {
  // whose password                             Password  Helpdesk  Authentication  User  Privileged Auth.  Global
  'Authentication Administrator':              [o,        o,        x,              o,    x,                x],
  'Directory Readers':                         [x,        x,        x,              x,    x,                x],
  'Global Administrator':                      [o,        o,        o,              o,    x,                x],
  'Groups Administrator':                      [o,        o,        o,              x,    x,                x],
  'Guest Inviter':                             [x,        x,        x,              x,    x,                x],
  'Helpdesk Administrator':                    [o,        x,        o,              x,    x,                x],
  'Message Center Reader':                     [o,        x,        x,              x,    x,                x],
  'Password Administrator':                    [x,        x,        x,              x,    x,                x],
  'Privileged Authentication Administrator':   [o,        o,        o,              o,    x,                x],
  'Privileged Role Administrator':             [o,        o,        o,              o,    x,                x],
  'Reports Reader':                            [o,        x,        x,              x,    x,                x],
  'User Administrator':                        [o,        o,        o,              x,    x,                x],
  'User Experience Success Manager':           [o,        x,        x,              x,    x,                x],
  'Usage Summary Reports Reader':              [o,        x,        x,              x,    x,                x],
  none:                                        [x,        x,        x,              x,    x,                x],
  roleAssignableGroupMemberOrOwner:            [o,        o,        o,              o,    x,                x],
  restrictedManagementAdministrativeUnitRole:  [o,        o,        o,              o,    x,                x],
  anyOtherRole:                                [o,        o,        o,              o,    x,                x],
} as const satisfies Readonly<Partial<Record<RoleName | SpecialTarget, Row>>>;

type SpecialTarget =
  | 'none'
  | 'roleAssignableGroupMemberOrOwner'
  | 'restrictedManagementAdministrativeUnitRole'
  | 'anyOtherRole';

/** Who does anything at all in the table of actions, least privileged first. */
export const actingRoles = [
  'Directory Readers',
  'Global Reader',
  'Groups Administrator',
  ...resettingRoles.slice(0, 5),
  'Privileged Role Administrator',
  'Global Administrator',
] as readonly RoleName[];

interface Rule {
  /** Which of the acting roles, in their order. */
  readonly by: readonly boolean[];
  /** To whom: as far as the table above goes (`reset`), to anybody, or to nobody in particular. */
  readonly whom: 'reset' | 'anybody' | 'nobody';
  /** May it be done to oneself by such a role? */
  readonly self: boolean;
}

/**
 * Who may do what, over the whole organisation. From the lists of permissions of each role (entra-docs,
 * role-based-access-control/includes); Directory Writers, meant for programs, are left out on purpose.
 */
// biome-ignore format: read as a table
export const actions = {
  //                              Directory Global  Groups Password Helpdesk Authen- User Privileged Privileged Global
  //                              Readers   Reader                           tication     Auth.      Role
  /** users/password/update */
  resetPassword:            { by: [o,       o,      o,     x,       x,       x,      x,   x,         o,         x], whom: 'reset',   self: false },
  /** businessPhones, mobilePhone, otherMails: they come with the right to reset */
  updateRecovery:           { by: [o,       o,      o,     x,       x,       x,      x,   x,         o,         x], whom: 'reset',   self: true },
  /** users/invalidateAllRefreshTokens: a Password Administrator has it not */
  revokeSessions:           { by: [o,       o,      o,     o,       x,       x,      x,   x,         o,         x], whom: 'reset',   self: true },
  /** users/authenticationMethods/create and delete: a Temporary Access Pass */
  temporaryAccessPass:      { by: [o,       o,      o,     o,       o,       x,      o,   x,         o,         x], whom: 'reset',   self: false },
  /** users/authenticationMethods/…/read */
  readMethods:              { by: [o,       o,      o,     o,       o,       x,      o,   x,         o,         x], whom: 'reset',   self: true },
  /** accountEnabled, userPrincipalName, onPremisesImmutableId, mail, userType */
  updateSensitive:          { by: [o,       o,      o,     o,       o,       x,      x,   x,         o,         x], whom: 'reset',   self: true },
  deleteUser:               { by: [o,       o,      o,     o,       o,       x,      x,   x,         o,         x], whom: 'reset',   self: false },
  /** users/basic/update and manager: administrators' as well */
  updateUser:               { by: [o,       o,      o,     o,       o,       x,      x,   x,         o,         x], whom: 'anybody', self: true },
  createUser:               { by: [o,       o,      o,     o,       o,       o,      x,   o,         o,         x], whom: 'nobody',  self: false },
  /** create, change, delete, members; not of role-assignable groups */
  writeGroup:               { by: [o,       o,      x,     o,       o,       o,      x,   o,         o,         x], whom: 'nobody',  self: false },
  writeRoleAssignableGroup: { by: [o,       o,      o,     o,       o,       o,      o,   o,         x,         x], whom: 'nobody',  self: false },
  readRoleAssignments:      { by: [x,       x,      x,     x,       x,       x,      x,   x,         x,         x], whom: 'nobody',  self: false },
  writeRoleAssignments:     { by: [o,       o,      o,     o,       o,       o,      o,   o,         x,         x], whom: 'nobody',  self: false },
} as const satisfies Readonly<Record<string, Rule>>;

export type Action = keyof typeof actions;

/**
 * The roles of these tables that can be held over one administrative unit only. Held so, they reach the unit's members who
 * hold no role at all: "administrative unit scoped Helpdesk Administrators can reset passwords … only if those users don't
 * have administrator roles". In the same document's table User Administrators reach "limited admins" and Privileged
 * Authentication Administrators "any user" of the unit; where it speaks with two voices, the stricter one holds here.
 */
const overUnits: readonly RoleName[] = resettingRoles.filter((role) => role !== 'Global Administrator');

/** Every member carries this one in `wids` ("User"); it is no administrator role. */
export const everyMember = 'b79fbf4d-3ef9-4689-8143-76b194e85509';

// Who somebody is -----------------------------------------------------------------------------------------------

/**
 * What decides whether a person may reset, or be reset: everything that the directory knows of them now. Role ids are
 * template ids; ids may be in any case.
 */
export interface Standing {
  /** Held over the whole organisation, directly or through groups. */
  readonly roles: readonly string[];
  /** Held over one administrative unit only. */
  readonly scoped: readonly { readonly role: string; readonly unit: string }[];
  /** Administrative units that the person is a member of. */
  readonly units: readonly string[];
  /** Those of `units` that have restricted management; absent: none. Only a role held over one of them reaches the person. */
  readonly restrictedUnits?: readonly string[];
  /** Member or owner of a group to which roles can be assigned. */
  readonly roleAssignableGroup: boolean;
  /** Holder of a role over an administrative unit with restricted management. */
  readonly restrictedUnit: boolean;
}

/** Of somebody who holds nothing. */
export const noStanding: Standing = {
  roles: [],
  scoped: [],
  units: [],
  roleAssignableGroup: false,
  restrictedUnit: false,
};

// The decision --------------------------------------------------------------------------------------------------

/** Why not. Each is a Problem with a sentence of its own, into which `RefusalDetails` go. */
export type Refusal = Extract<
  ProblemCode,
  'roleMissing' | 'targetSelf' | 'targetPrivileged' | 'targetRoleAssignable' | 'targetRestricted' | 'targetOutsideUnit'
>;

/** What a refusal's sentence names; a role that is not built in has no name. Roles of a list are parted by ", ". */
export type RefusalDetails = {
  /** The person's role that stands in the way. */
  readonly role?: string;
  /** The caller's own role that reaches furthest. */
  readonly yours?: string;
  /** That role holds for an administrative unit only. */
  readonly scoped?: true;
  /** The roles that would do, over the whole organisation, least privileged first; absent: none would. */
  readonly who?: string;
};

export type Permission =
  /** By this role of the caller; `unit` where it is held over one only. */
  | { readonly allowed: true; readonly by: RoleName; readonly unit?: string }
  | { readonly allowed: false; readonly code: Refusal; readonly details: RefusalDetails };

/**
 * May this caller reset this person's password? Some one role of the caller must reach everything that the person holds;
 * the least privileged that does is named, for the record. Nobody resets themselves.
 * @param caller as the directory gives it now
 * @param target the same of the person; a role that is not in the table counts as any other role's
 */
export function mayReset(caller: Standing, target: Standing, { self }: { self: boolean }): Permission {
  return mayDo('resetPassword', caller, target, { self });
}

/** May this caller reset anybody at all, be it in one administrative unit? Who may not learns nothing of anybody. */
export function mayResetSomebody(caller: Standing): boolean {
  return heldBy(caller, actions.resetPassword).length > 0;
}

/**
 * May this caller do this? As `mayReset`, for every action of the table.
 * @param target whom it is done to; nobody for actions that are done to nobody in particular
 */
export function mayDo(
  action: Action,
  caller: Standing,
  target: Standing = noStanding,
  { self = false }: { self?: boolean } = {},
): Permission {
  const rule: Rule = actions[action];
  if (self && !rule.self) return { allowed: false, code: 'targetSelf', details: {} };
  const held = heldBy(caller, rule);
  const by = held.find((one) => !obstacleFor(one, rule, target));
  if (by) return { allowed: true, by: by.role, ...(by.unit === undefined ? {} : { unit: by.unit }) };
  const whole = rolesOf(rule).filter((role) => !obstacleFor({ role }, rule, target));
  const who = whole.length === 0 ? {} : { who: whole.join(', ') };
  // What is told is what stands in the way of the role that reaches furthest: of one for this person's unit, if there is one.
  const refused = held.flatMap((one) => {
    const obstacle = obstacleFor(one, rule, target);
    return obstacle ? [{ one, obstacle }] : [];
  });
  const told = refused.findLast(({ obstacle }) => obstacle.code !== 'targetOutsideUnit') ?? refused.at(-1);
  if (!told) return { allowed: false, code: 'roleMissing', details: who };
  const { code, role } = told.obstacle;
  const scoped = told.one.unit === undefined ? {} : { scoped: true as const };
  const details = { ...(role === undefined ? {} : { role }), yours: told.one.role, ...scoped, ...who };
  return { allowed: false, code, details };
}

/** A role by which the caller may act, and the one unit for which it is held. */
interface Held {
  readonly role: RoleName;
  readonly unit?: string;
}

function rolesOf({ by }: Rule): RoleName[] {
  return actingRoles.filter((_role, at) => by[at]);
}

/** The caller's roles that count for an action, least privileged first; for one unit comes before everywhere. */
function heldBy(caller: Standing, rule: Rule): Held[] {
  return rolesOf(rule).flatMap((role): Held[] => {
    const id = roleTemplates[role];
    // What is done to nobody in particular is done to the whole organisation.
    const scopable = rule.whom !== 'nobody' && overUnits.includes(role);
    const scoped = scopable ? caller.scoped.filter((one) => same(one.role, id)) : [];
    const everywhere = caller.roles.some((held) => same(held, id)) ? [{ role }] : [];
    return [...scoped.map(({ unit }) => ({ role, unit })), ...everywhere];
  });
}

interface Obstacle {
  readonly code: Refusal;
  /** The person's role, where it is a built-in one. */
  readonly role?: RoleName;
}

/** What keeps this one role from this person. */
function obstacleFor({ role, unit }: Held, rule: Rule, target: Standing): Obstacle | undefined {
  if (rule.whom === 'nobody') return undefined;
  // Not even a Global Administrator's role over everything reaches into such a unit.
  const restricted = target.restrictedUnits ?? [];
  if (restricted.length > 0 && !isOneOf(unit, restricted)) return { code: 'targetRestricted' };
  if (unit !== undefined && !isOneOf(unit, target.units)) return { code: 'targetOutsideUnit' };
  if (rule.whom === 'anybody') return undefined;
  const reaches = (row: keyof typeof whoCanReset) => {
    if (unit !== undefined) return row === 'none';
    const column = (resettingRoles as readonly RoleName[]).indexOf(role);
    return column >= 0 && whoCanReset[row][column] === true;
  };
  // A role that the person holds over one unit protects as much as one over everything.
  for (const id of [...target.roles, ...target.scoped.map((one) => one.role)]) {
    if (same(id, everyMember)) continue;
    const name = builtInRole(id);
    if (!reaches(name !== undefined && isRow(name) ? name : 'anyOtherRole')) {
      return { code: 'targetPrivileged', ...(name === undefined ? {} : { role: name }) };
    }
  }
  if (target.roleAssignableGroup && !reaches('roleAssignableGroupMemberOrOwner'))
    return { code: 'targetRoleAssignable' };
  if (target.restrictedUnit && !reaches('restrictedManagementAdministrativeUnitRole'))
    return { code: 'targetRestricted' };
  return reaches('none') ? undefined : { code: 'targetPrivileged' };
}

function isRow(name: string): name is keyof typeof whoCanReset {
  return Object.hasOwn(whoCanReset, name);
}

function same(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

function isOneOf(unit: string | undefined, units: readonly string[]): boolean {
  return unit !== undefined && units.some((one) => same(one, unit));
}
