// Who signs in: a person of the directory together with the state of their password. A sign-in is good as long as the
// password that it was made with, and until sessions are ended; a person who is blocked or must still choose a password is not signed in.

import type { Directory, User } from '../directory/directory.ts';
import type { Sql } from '../sql/sql.ts';
import { type Credential, readCredential } from '../store/credentials.ts';
import type { Tenant } from '../tenant.ts';

export interface Person {
  readonly user: User;
  readonly credential: Credential;
}

export interface People {
  readonly sql: Sql;
  readonly directory: (tenant: Tenant) => Directory;
}

/** A person by object id, with the record of their password; undefined when there is no such person or no password. */
export async function findPerson({ sql, directory }: People, tenant: Tenant, id: string): Promise<Person | undefined> {
  const user = await directory(tenant).find(id);
  if (!user || user.id !== id) return undefined;
  const credential = await sql.read((tx) => readCredential(tx, tenant.id, id));
  return credential && { user, credential };
}

/**
 * Is a sign-in of this person still good?
 * @param signedInAt seconds since the epoch (`auth_time`)
 */
export function inGoodStanding({ user, credential }: Person, signedInAt: number | undefined): boolean {
  if (!user.accountEnabled || credential.forceChange) return false;
  // auth_time has no fractions: within the same second, the rows that a change deletes decide.
  const goodFrom = Math.floor(Math.max(credential.changedAt, credential.sessionsFrom) / 1000);
  return signedInAt !== undefined && signedInAt >= goodFrom;
}
