// Whose password cannot be set here, whoever asks: people whose sign-in lies elsewhere.

import { graphUser, type UserContent, userTypeOf } from '../store/user-resource.ts';
import type { Tenant } from '../tenant.ts';
import { badRequest, type GraphError } from './error.ts';

/** The answer for a person who comes from an on-premises directory, in the service's words. */
export function syncRefusal(): GraphError {
  return badRequest(
    'Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently undergoing migration.',
  );
}

/** Is this person kept in step with an on-premises directory? */
export function isSynced(content: UserContent): boolean {
  return content[graphUser]?.onPremisesSyncEnabled === true;
}

/**
 * Undefined: nothing speaks against it.
 * @param synced may people who come from an on-premises directory have one (writeback)?
 */
export function obstacleToPassword(
  tenant: Tenant,
  content: UserContent,
  { synced }: { synced: 'may' | 'may not' },
): GraphError | undefined {
  if (userTypeOf(content) === 'Guest') {
    return badRequest('The operation is not supported for guest users, who sign in at their own organisation.');
  }
  if (isFederated(tenant, content.userName)) {
    return badRequest('The operation is not supported for users of a federated domain.');
  }
  return synced === 'may not' && isSynced(content) ? syncRefusal() : undefined;
}

/** Do people with a user name in this domain sign in somewhere else? */
export function isFederated(tenant: Tenant, userName: string): boolean {
  const domain = userName.slice(userName.lastIndexOf('@') + 1).toLowerCase();
  return tenant.policy.federatedDomains.includes(domain);
}
