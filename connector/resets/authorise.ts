// May this caller reset this person? The directory is asked at the moment it matters, never the token.

import { Problem } from '#shared/problem.ts';
import type { Directory, User } from '../directory/directory.ts';
import { mayReset, mayResetSomebody } from '../policy/roles.ts';

/** The permission to act, with the role that gives it: what `reset` wants to see, and what the record says. */
export interface Permission {
  readonly user: User;
  /** The caller as the directory knows them. */
  readonly caller: User;
  /** The role's name, for the record. */
  readonly by: string;
}

/**
 * Asks the directory for both people and their roles.
 * @throws Problem targetUnknown, targetSelf, roleMissing, targetPrivileged, targetRoleAssignable, targetRestricted,
 *   targetOutsideUnit; their details say what stands in the way, and who could
 */
export async function authorise(directory: Directory, callerId: string, targetId: string): Promise<Permission> {
  const callerStanding = await directory.standingOf(callerId);
  const caller = await directory.find(callerId);
  // A caller whom the directory no longer knows, or has blocked, holds nothing, whatever the token says.
  if (!caller?.accountEnabled) throw new Problem('roleMissing');
  const user = await directory.find(targetId);
  // Before "unknown": a caller without a role learns nothing about who exists.
  if (!user) throw new Problem(mayResetSomebody(callerStanding) ? 'targetUnknown' : 'roleMissing');
  const self = user.id === caller.id;
  const decision = mayReset(callerStanding, await directory.standingOf(user.id), { self });
  if (!decision.allowed) throw new Problem(decision.code, decision.details);
  return { user, caller, by: decision.by };
}

/**
 * As `authorise`, and the person can be reset now.
 * @throws also Problem targetDisabled, and what the directory itself knows to stand in the way
 */
export async function authoriseReset(directory: Directory, callerId: string, targetId: string): Promise<Permission> {
  const permission = await authorise(directory, callerId, targetId);
  if (!permission.user.accountEnabled) throw new Problem('targetDisabled');
  const obstacle = await directory.obstacle(permission.user);
  if (obstacle) throw obstacle;
  return permission;
}

/**
 * Does this caller hold a role with which somebody could be reset at all, be it in one administrative unit? Without one
 * the directory is not searched.
 * @throws Problem roleMissing
 */
export async function authoriseSearch(directory: Directory, callerId: string): Promise<User> {
  const standing = await directory.standingOf(callerId);
  const caller = await directory.find(callerId);
  if (!caller?.accountEnabled || !mayResetSomebody(standing)) throw new Problem('roleMissing');
  return caller;
}
