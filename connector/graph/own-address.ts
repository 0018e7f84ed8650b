// Which addresses may be a person's own: mail goes out in their name and resets find people by them, so that nobody is given
// an address that is somebody else's, or another organisation's.

import { Problem } from '#shared/problem.ts';
import { fold } from '../filter/fold.ts';
import type { Tx, Work } from '../sql/sql.ts';
import { mailboxesOf, type UserContent, userTypeOf } from '../store/user-resource.ts';
import type { Tenant } from '../tenant.ts';
import { badRequest, type GraphError } from './error.ts';
import { invalidValue } from './user.ts';

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1).toLowerCase();
}

/** Does this lie in the organisation's domains? Where none are named, those of its people's user names are. */
export function isOfOrganisation({ domains }: Tenant, address: string, userName: string): boolean {
  const domain = domainOf(address);
  return domains.length > 0 ? domains.includes(domain) : domain === domainOf(userName);
}

/** Of the addresses that a change gives to a person: those that they did not have before. */
function newAddresses(content: UserContent, before: UserContent | undefined): string[] {
  const there = new Set(before ? mailboxesOf(before).own.map(fold) : []);
  return mailboxesOf(content).own.filter((address) => !there.has(fold(address)));
}

/**
 * A new user name or mail lies in a domain of the organisation, if any are named; a guest's mail is their own.
 * @throws GraphError 400
 */
export function refuseForeignDomain(tenant: Tenant, content: UserContent, before?: UserContent): void {
  const isForeign = (address: string) => tenant.domains.length > 0 && !tenant.domains.includes(domainOf(address));
  if (content.userName !== before?.userName && isForeign(content.userName)) throw unverifiedDomain();
  if (userTypeOf(content) === 'Guest') return;
  const added = newAddresses(content, before).filter((address) => fold(address) !== fold(content.userName));
  if (added.some(isForeign)) throw invalidValue('mail');
}

function unverifiedDomain(): GraphError {
  return badRequest(
    'The domain portion of the userPrincipalName property is invalid. You must use one of the verified domain names in your organization.',
  );
}

/**
 * A new user name or mail is nobody else's own address; what somebody has on file as private may be another's mailbox.
 * @throws Problem uniqueness, of proxyAddresses or userName
 */
export function* refuseTakenAddress(
  tx: Tx,
  tenant: string,
  id: string,
  content: UserContent,
  before?: UserContent,
): Work<void> {
  for (const address of newAddresses(content, before)) {
    const key = fold(address);
    const taken = yield* tx.get`select user_id from user_address
      where tenant = ${tenant} and address_key = ${key} and user_id <> ${id} and kind <> 'home' limit 1`;
    if (!taken) continue;
    // As the store says it of two user names.
    const named = yield* tx.get`select id from app_user where tenant = ${tenant} and user_name_key = ${key}`;
    if (named && key === fold(content.userName)) throw new Problem('uniqueness', { attribute: 'userName' });
    throw new Problem('uniqueness', { attribute: 'proxyAddresses' });
  }
}
