// Addresses on file from directory sync, beside a directory that is elsewhere: the SCIM door keeps its own roster of
// people there, and what it knows of private addresses is offered like the directory's own. Sync writes nothing there.

import { fold } from '../filter/fold.ts';
import type { Sql } from '../sql/sql.ts';
import { contentOf, type StoredUser, userByName, usersByExternalId } from '../store/users.ts';
import type { Directory, User } from './directory.ts';
import { asDirectoryUser } from './embedded.ts';

const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * The person of the roster who is this one: whose externalId is the object id, or else whose userName is the
 * userPrincipalName. An externalId that is another object id says that the name has been given to somebody else since.
 */
export async function inRoster(
  sql: Pick<Sql, 'get' | 'all'>,
  tenant: string,
  { id, userPrincipalName }: Pick<User, 'id' | 'userPrincipalName'>,
): Promise<StoredUser | undefined> {
  const [byId, another] = await usersByExternalId(sql, tenant, id);
  if (byId && !another) return byId;
  const named = await userByName(sql, tenant, userPrincipalName);
  const externalId = named && contentOf(named).externalId;
  const somebodyElse = externalId !== undefined && guid.test(externalId) && fold(externalId) !== fold(id);
  return somebodyElse ? undefined : named;
}

/** The directory, with the roster's private addresses among the `otherMails` of whoever it finds. */
export function withRoster(directory: Directory, sql: Pick<Sql, 'get' | 'all'>, tenant: string): Directory {
  return {
    ...directory,
    async find(idOrName) {
      const user = await directory.find(idOrName);
      const known = user && (await inRoster(sql, tenant, user));
      if (!known) return user;
      const taken = new Set([...user.proxyAddresses, ...user.otherMails].map(fold));
      const more = asDirectoryUser(known).otherMails.filter((address) => !taken.has(fold(address)));
      return { ...user, otherMails: [...user.otherMails, ...more] };
    },
  };
}
