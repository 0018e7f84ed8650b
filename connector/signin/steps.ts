// The two steps of a person: proving the password, and choosing a new one where the directory says so. No HTTP here.

import { checkPassword, type PasswordFinding } from '#shared/password.ts';
import type { Keyring } from '../secret.ts';
import {
  changePassword,
  type Hashing,
  isCurrentPassword,
  readCredential,
  verifyPassword,
} from '../store/credentials.ts';
import { spendPass } from '../store/temporary-access-pass.ts';
import type { Tenant } from '../tenant.ts';
import { findPerson, type People, type Person } from './accounts.ts';

export interface StepDeps extends People {
  readonly hashing: Hashing;
  readonly keyring: Keyring;
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
}

export type SignIn =
  | { readonly outcome: 'right'; readonly person: Person }
  | { readonly outcome: 'wrong'; readonly userId?: string }
  /** `until` in milliseconds since the epoch. */
  | { readonly outcome: 'wait'; readonly until: number; readonly userId?: string }
  /** Said to nobody who doesn't have the password. */
  | { readonly outcome: 'blocked'; readonly userId: string };

/**
 * Signs a person in by user name in any case, with their password or a Temporary Access Pass in its place. From outside
 * nothing tells an unknown name from a wrong password, nor who has a pass.
 * @throws Problem unavailable when too many are signing in
 */
export async function signIn(deps: StepDeps, tenant: Tenant, userName: string, password: string): Promise<SignIn> {
  // Longer than any address (RFC 5321 §4.5.3.1): not worth a look-up, but worth the same hash.
  const name = userName.trim();
  const user = name.length > 320 ? undefined : await deps.directory(tenant).find(name);
  const who = user ? { userId: user.id } : { stranger: strangerOf(deps, tenant, name) };
  const verdict = await verifyPassword(deps, tenant.id, who, password);
  // A pass is not spent on somebody who may not sign in.
  const mayPass = user?.accountEnabled ? user.id : undefined;
  if (verdict.outcome === 'wrong' && (await spendPass(deps, tenant.id, mayPass, password)) && user) {
    const credential = await deps.sql.read((tx) => readCredential(tx, tenant.id, user.id));
    if (credential) return { outcome: 'right', person: { user, credential } };
  }
  if (verdict.outcome !== 'right' || !user) {
    const id = user && { userId: user.id };
    return verdict.outcome === 'wait' ? { ...verdict, ...id } : { outcome: 'wrong', ...id };
  }
  if (!user.accountEnabled) return { outcome: 'blocked', userId: user.id };
  return { outcome: 'right', person: { user, credential: verdict.credential } };
}

/** A keyed hash of a name that nobody has: people type their password into the wrong field, and it must not be kept. */
function strangerOf({ keyring }: StepDeps, tenant: Tenant, name: string): string {
  return keyring.mac(`sign-in/${tenant.id}`, name.slice(0, 320).toLowerCase());
}

export type Choice =
  | { readonly outcome: 'done'; readonly person: Person }
  | { readonly outcome: 'refused'; readonly findings: readonly PasswordFinding[] }
  /** Blocked, gone, or with another password than the one that was proved. */
  | { readonly outcome: 'conflict' };

/**
 * Sets the password that a person chose after proving the one of `version`: by the organisation's policy, and another
 * than the one it replaces.
 * @throws Problem unavailable when too many are signing in
 */
export async function chooseNewPassword(
  deps: StepDeps,
  tenant: Tenant,
  { accountId, version }: { accountId: string; version: number },
  password: string,
): Promise<Choice> {
  const person = await findPerson(deps, tenant, accountId);
  if (!person?.user.accountEnabled || person.credential.version !== version) return { outcome: 'conflict' };
  const { displayName, userPrincipalName } = person.user;
  const findings = checkPassword(password, tenant.policy.password, {
    displayName,
    userPrincipalName,
    organisation: tenant.name,
  });
  if (findings.length > 0) return { outcome: 'refused', findings };
  if (await isCurrentPassword(deps, tenant.id, accountId, password)) {
    return { outcome: 'refused', findings: [{ code: 'passwordSame' }] };
  }
  const change = { password, forceChange: false, changedBy: 'self', ifVersion: version } as const;
  const changed = await changePassword(deps, tenant.id, accountId, change);
  if (changed.outcome === 'conflict') return { outcome: 'conflict' };
  const after = await findPerson(deps, tenant, accountId);
  return after ? { outcome: 'done', person: after } : { outcome: 'conflict' };
}
