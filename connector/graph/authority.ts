// May this caller do this to this person? Behind the permission of the token stands the role matrix (policy/roles.ts): for
// people always, for apps where a permission alone does not reach. Read in the transaction that then writes, so that a
// role that was taken a moment ago counts no more; what a token says of roles (`wids`) is never looked at.

import type { Access } from '../http/auth.ts';
import { type Action, mayDo, type RoleName, roleTemplates, type Standing } from '../policy/roles.ts';
import type { Tx, Work } from '../sql/sql.ts';
import { standingOf } from '../store/roles.ts';
import { denied } from './error.ts';

/** An app that sets passwords needs the permission and one of these roles (Microsoft Graph, user resource type). */
const appsThatReset: readonly RoleName[] = [
  'User Administrator',
  'Privileged Authentication Administrator',
  'Global Administrator',
];

/** What an app's permission covers for people who hold no role; whoever holds one is protected from it. */
const protectedFrom: readonly Action[] = [
  'updateRecovery',
  'revokeSessions',
  'temporaryAccessPass',
  'readMethods',
  'updateSensitive',
  'deleteUser',
];

/** Who it is that asks, as far as the matrix goes. */
export type Caller = Pick<Access, 'tenant' | 'oid' | 'appOnly'>;

/**
 * Does nothing, or refuses.
 * @param target the person that it is done to; absent: nobody in particular
 * @throws GraphError 403
 */
export function* authorise(tx: Tx, access: Caller, action: Action, target?: string): Work<void> {
  if (!(yield* isAllowed(tx, access, action, target))) throw denied();
}

/** May this be done? See `authorise`. */
export function* isAllowed(tx: Tx, access: Caller, action: Action, target?: string): Work<boolean> {
  const { tenant, oid, appOnly } = access;
  const whom = target === undefined ? undefined : yield* standingOf(tx, tenant.id, target);
  if (!appOnly) {
    const own = yield* standingOf(tx, tenant.id, oid);
    return mayDo(action, own, whom, { self: target === oid }).allowed;
  }
  const needsRole = action === 'resetPassword' || (protectedFrom.includes(action) && whom && isProtected(whom));
  if (!needsRole) return true;
  const own = yield* standingOf(tx, tenant.id, oid);
  const acting = action === 'resetPassword' ? only(own, appsThatReset) : own;
  return mayDo(action, acting, whom).allowed;
}

/** Has the token one of these permissions, of its own kind? For what is asked beyond the route's. */
export function hasPermission({ appOnly, roles, scopes }: Access, names: readonly string[]): boolean {
  const held = appOnly ? roles : scopes;
  return names.some((name) => held.includes(name));
}

function isProtected({ roles, scoped, roleAssignableGroup, restrictedUnit }: Standing): boolean {
  return roles.length + scoped.length > 0 || roleAssignableGroup || restrictedUnit;
}

function only(standing: Standing, roles: readonly RoleName[]): Standing {
  const ids: readonly string[] = roles.map((role) => roleTemplates[role]);
  const counts = (role: string) => ids.includes(role.toLowerCase());
  return {
    ...standing,
    roles: standing.roles.filter(counts),
    scoped: standing.scoped.filter(({ role }) => counts(role)),
  };
}
