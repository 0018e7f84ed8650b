// Setting a password through the door: held against the organisation's policy and hashed before the transaction, set in
// it, recorded, and whoever watches over a reset of this person is woken.

import { checkPassword, generatePassword, type PasswordPerson } from '#shared/password.ts';
import { Problem } from '#shared/problem.ts';
import { record } from '../audit.ts';
import type { Access } from '../http/auth.ts';
import { wakeSubject } from '../jobs.ts';
import type { Tx, Work } from '../sql/sql.ts';
import { setPassword } from '../store/credentials.ts';
import type { Stamp } from '../store/resource.ts';
import { shownName, type UserContent } from '../store/user-resource.ts';
import type { Tenant } from '../tenant.ts';
import type { GraphDeps } from './deps.ts';
import { GraphError } from './error.ts';

/** A password on its way into the store. */
export interface PreparedPassword {
  readonly hash: string;
  readonly forceChange: boolean;
}

/** What a password of this person must not contain. */
export function passwordPerson(tenant: Tenant, content: UserContent): PasswordPerson {
  return {
    displayName: shownName(content),
    userPrincipalName: content.userName,
    organisation: tenant.name,
  };
}

/**
 * Where the organisation lets no administrator choose a password, nobody does here either; a program may, for which it has
 * to be allowed by a role.
 * @throws GraphError 403
 */
export function refuseChosen({ tenant, appOnly }: Pick<Access, 'tenant' | 'appOnly'>): void {
  if (appOnly || tenant.policy.mayCreatePassword) return;
  const message =
    'The organization does not let administrators choose passwords. Use resetPassword without newPassword: one is made.';
  throw new GraphError(403, 'Authorization_RequestDenied', message);
}

/** @throws Problem of the first rule that the password breaks */
export function refuseWeak(tenant: Tenant, person: PasswordPerson, password: string): void {
  const [finding] = checkPassword(password, tenant.policy.password, person);
  if (finding) throw new Problem(finding.code, finding.details);
}

/**
 * Checks and hashes, since a transaction does not wait.
 * @throws Problem of the policy; unavailable when too many hashes are waiting
 */
export async function preparePassword(
  { hashing }: Pick<GraphDeps, 'hashing'>,
  tenant: Tenant,
  person: PasswordPerson,
  { password, forceChange }: { password: string; forceChange: boolean },
): Promise<PreparedPassword> {
  refuseWeak(tenant, person, password);
  return { hash: await hashing.turn((argon) => argon.hash(password)), forceChange };
}

/** Sets it, in the caller's transaction. @param oid of the person or app that does it */
export function* assignPassword(
  tx: Tx,
  tenant: string,
  userId: string,
  { hash, forceChange }: PreparedPassword,
  oid: string,
  { at, actor, client }: Stamp,
): Work<void> {
  yield* setPassword(tx, { tenant, userId, hash, forceChange, changedBy: `graph:${oid}`, at });
  yield* record(tx, { tenant, at, actor, client, action: 'password.changed', target: `user:${userId}` });
  yield* wakeSubject(tx, tenant, userId, at);
}

/** One that the policy accepts for this person. */
export function makePassword({ random }: Pick<GraphDeps, 'random'>, tenant: Tenant, person: PasswordPerson): string {
  for (;;) {
    const password = generatePassword(random);
    if (checkPassword(password, tenant.policy.password, person).length === 0) return password;
  }
}
