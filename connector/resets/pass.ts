// A Temporary Access Pass instead of a password: who may have one handed over, and how long it lives. The password stays as
// it is; the directory chooses the pass's value, so that it is made only when the mail has been accepted.

import type { Directory, TemporaryAccessPasses, User } from '../directory/directory.ts';
import { mayDo } from '../policy/roles.ts';
import type { Policy } from '../tenant.ts';
import { leaseTime, minute } from './lease.ts';

/** In minutes: Entra makes none that live shorter or longer. */
const [shortest, longest] = [10, 43_200];

/** A pass that may be handed over. */
export interface PassPermission {
  readonly maximumLifetimeInMinutes: number;
}

/** Asks policy, directory and roles; undefined: no pass for this person by this caller. */
export async function passPermission(
  directory: Directory,
  policy: Policy,
  callerId: string,
  user: User,
): Promise<PassPermission | undefined> {
  const passes = directory.temporaryAccessPass;
  if (!policy.temporaryAccessPass || !passes) return undefined;
  const [caller, person] = [await directory.standingOf(callerId), await directory.standingOf(user.id)];
  if (!mayDo('temporaryAccessPass', caller, person).allowed) return undefined;
  const allowed = await passes.allowed(user);
  // A link must live long enough to be opened.
  return allowed && linkLifetime(policy, allowed) >= shortest * minute ? allowed : undefined;
}

/** How long the link of a pass lives, in milliseconds: the pass must outlive it by the time that it is shown. */
export function linkLifetime(policy: Policy, { maximumLifetimeInMinutes }: PassPermission): number {
  return Math.min(policy.linkLifetime * 1000, Math.min(maximumLifetimeInMinutes, longest) * minute - leaseTime);
}

/**
 * How long a pass lives that is made now, in minutes: whoever opens the link in its last minute can still use it while it
 * is shown, and nobody later.
 */
export function passLifetime(expiresAt: number, now: number): number {
  const minutes = Math.ceil((expiresAt - now + leaseTime) / minute);
  return Math.min(longest, Math.max(shortest, minutes));
}

/** The passes of a directory; a reset that hands one over was started where there are some. */
export function passesOf(directory: Directory): TemporaryAccessPasses {
  const passes = directory.temporaryAccessPass;
  if (!passes) throw new Error('This directory makes no Temporary Access Pass any more.');
  return passes;
}
