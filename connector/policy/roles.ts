// Who may reset whose password: the table that an auditor reads. Pure. Source: Microsoft, "Who can reset passwords"
// (entra-docs, privileged-roles-permissions, 8d78c8f). Two roles act here; whatever is not in the table is refused.

import type { ProblemCode } from '#shared/problem.ts';

/** Entra's role template ids: the same in every organisation, and what `wids` in a token carries. */
export const roleTemplates = {
  'Global Administrator': '62e90394-69f5-4237-9190-012177145e10',
  'Password Administrator': '966707d0-3269-4727-9be2-8c3a10f19b9d',
  'Directory Readers': '88d8e3e3-8f55-4a1e-953a-9b9898b8876b',
  'Guest Inviter': '95e79109-95c0-4d8e-aee3-d01accf2d47b',
} as const;

export type RoleName = keyof typeof roleTemplates;

/** Every member carries this one in `wids`; it is no administrator role. */
const everyMember = 'b79fbf4d-3ef9-4689-8143-76b194e85509';

/** A person with none of the roles below is within reach of each of these. The least privileged stands first. */
const mayResetHolders = {
  'Password Administrator': ['Password Administrator', 'Directory Readers', 'Guest Inviter'],
  'Global Administrator': 'anybody',
} as const satisfies Partial<Record<RoleName, 'anybody' | readonly RoleName[]>>;

/** The roles that may reset somebody at all. */
export type ResettingRole = keyof typeof mayResetHolders;

/**
 * What decides whether a person may reset, or be reset: everything that the directory knows of them now. Role ids are
 * template ids, in any case.
 */
export interface Standing {
  /** Held over the whole organisation, directly or through groups. */
  readonly roles: readonly string[];
  /** Held over one administrative unit only. */
  readonly scoped: readonly { readonly role: string; readonly unit: string }[];
  /** Administrative units that the person is a member of. */
  readonly units: readonly string[];
  /** Member or owner of a group to which roles can be assigned. */
  readonly roleAssignableGroup: boolean;
  /** Holder of a role over, or member of, an administrative unit with restricted management. */
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

export type Permission =
  | { readonly allowed: true; readonly by: ResettingRole }
  | { readonly allowed: false; readonly code: Extract<ProblemCode, 'targetSelf' | 'roleMissing' | 'targetPrivileged'> };

/**
 * May a caller with these roles reset a person with those? Some one role of the caller must reach every role of the
 * target; the least privileged that does is named, for the record. Nobody resets themselves.
 * @param caller as the directory gives it now
 * @param target the same of the person; an id that is not in the table counts as an administrator's
 */
export function mayReset(
  { roles: callerRoles }: Standing,
  { roles: targetRoles }: Standing,
  { self }: { self: boolean },
): Permission {
  if (self) return { allowed: false, code: 'targetSelf' };
  const acting = (Object.keys(mayResetHolders) as ResettingRole[]).filter((role) => holds(callerRoles, role));
  if (acting.length === 0) return { allowed: false, code: 'roleMissing' };
  const by = acting.find((role) => targetRoles.every((id) => reaches(role, id)));
  return by ? { allowed: true, by } : { allowed: false, code: 'targetPrivileged' };
}

/** The template id of a role by its name in any case, or of an id itself; undefined for an unknown one. */
export function roleTemplateId(nameOrId: string): string | undefined {
  const wanted = nameOrId.trim().toLowerCase();
  return Object.entries(roleTemplates).find(([name, id]) => name.toLowerCase() === wanted || id === wanted)?.[1];
}

/** The name of a role by its template id; the id itself for one that is not known here. */
export function roleName(templateId: string): string {
  return Object.entries(roleTemplates).find(([, id]) => id === templateId)?.[0] ?? templateId;
}

function holds(roles: readonly string[], role: RoleName): boolean {
  return roles.some((id) => id.toLowerCase() === roleTemplates[role]);
}

function reaches(role: ResettingRole, targetId: string): boolean {
  if (targetId.toLowerCase() === everyMember) return true;
  const holders: 'anybody' | readonly RoleName[] = mayResetHolders[role];
  return holders === 'anybody' || holders.some((name) => holds([targetId], name));
}
