// What is to be seen of users, and by whom: the permissions that read, the part of a selection that a caller may see, and
// one user as GET answers it.

import type { FastifyRequest } from 'fastify';
import { fold } from '../filter/fold.ts';
import type { Access } from '../http/auth.ts';
import type { Tx, Work } from '../sql/sql.ts';
import { inChunks, placeholders } from '../store/in-list.ts';
import type { StoredUser } from '../store/users.ts';
import type { Permissions } from './access.ts';
import { contextOf, type GraphDeps } from './deps.ts';
import { denied, notFound } from './error.ts';
import { checkFormat, readOptions, readSelect, type Selection } from './query.ts';
import { basicProperties, defaultProperties, graphUserOf, type PropertyName, personOf } from './user.ts';

/** With any of these everything may be read. */
const readers = ['User.Read.All', 'User.ReadWrite.All', 'Directory.Read.All', 'Directory.ReadWrite.All'] as const;
export const listPermissions: Permissions = {
  delegated: ['User.ReadBasic.All', ...readers],
  application: ['User.ReadBasic.All', ...readers],
};
export const userPermissions: Permissions = {
  ...listPermissions,
  delegated: ['User.Read', ...listPermissions.delegated],
};

const nothingButId: readonly PropertyName[] = ['id'];

/** What a route reads from. */
export type ReadDeps = Pick<GraphDeps, 'sql' | 'now' | 'keyring' | 'publicUrl'>;

/**
 * What the caller may read: everything (undefined), or these properties alone.
 * @param id whose; User.Read is about oneself
 * @throws GraphError 403
 */
export function readableBy({ appOnly, scopes, roles, oid }: Access, id?: string): readonly PropertyName[] | undefined {
  const held = appOnly ? roles : scopes;
  if (readers.some((name) => held.includes(name))) return undefined;
  if (!appOnly && id !== undefined && id === oid && held.includes('User.Read')) return undefined;
  if (held.includes('User.ReadBasic.All')) return basicProperties;
  throw denied();
}

/**
 * As `readableBy`, of somebody who stands in a list of objects of other kinds: who may not read people is told that there
 * is one, and no more ("limited information returned for inaccessible member objects", get started with Microsoft Graph).
 */
export function readableAmongObjects(access: Access, id: string): readonly PropertyName[] | undefined {
  const held = access.appOnly ? access.roles : access.scopes;
  const isOwn = !access.appOnly && id === access.oid && held.includes('User.Read');
  const isReader = isOwn || listPermissions.application.some((name) => held.includes(name));
  return isReader ? readableBy(access, id) : nothingButId;
}

/** The part of the selection that may be read; all of `defaultProperties` when nothing is selected. */
export function shownOf(selection: Selection | undefined, readable: readonly PropertyName[] | undefined) {
  const wanted = selection?.properties ?? defaultProperties;
  return readable ? wanted.filter((name) => readable.includes(name)) : wanted;
}

/** `users(displayName,id)`, for @odata.context. */
export function usersContext(selection: Selection | undefined): string {
  return selection ? `users(${selection.names})` : 'users';
}

/** The query of a request's address, as it was written. */
export function rawQuery({ url }: FastifyRequest): string {
  const mark = url.indexOf('?');
  return mark === -1 ? '' : url.slice(mark + 1);
}

// One user -----------------------------------------------------------------------------------------------------------

const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

interface UserRow {
  readonly id: string;
  readonly text: string;
  readonly version: number;
  readonly changed?: number | null;
}

/**
 * A user by object id, or by userPrincipalName in any case; undefined when there is none.
 * @param withPassword also when the password last changed
 */
function* userWith(tx: Tx, tenant: string, key: string, withPassword: boolean): Work<UserRow | undefined> {
  const isId = guid.test(key);
  // What looks like an id is one; a userPrincipalName may look like anything.
  const found = isId ? yield* userById(tx, tenant, key) : yield* userByName(tx, tenant, key);
  const user = found ?? (isId ? yield* userByName(tx, tenant, key) : yield* userById(tx, tenant, key));
  if (!user || !withPassword) return user;
  const credential = yield* tx.get<{ changed: number | null }>`select changed_at as changed from credential
    where tenant = ${tenant} and user_id = ${user.id}`;
  return { ...user, changed: credential?.changed ?? null };
}

function userById(tx: Tx, tenant: string, key: string) {
  return tx.get<UserRow>`select id, resource as text, version from app_user
    where tenant = ${tenant} and id = ${key.toLowerCase()}`;
}

function userByName(tx: Tx, tenant: string, name: string) {
  return tx.get<UserRow>`select id, resource as text, version from app_user
    where tenant = ${tenant} and user_name_key = ${fold(name)}`;
}

const entityOptions = ['select', 'format'];

/**
 * A user as GET answers one.
 * @param key object id or userPrincipalName
 * @param raw the query of the request
 * @throws GraphError 400, 403, 404
 */
export async function answerUser(deps: ReadDeps, access: Access, key: string, raw: string): Promise<string> {
  const options = readOptions(raw, entityOptions);
  checkFormat(options.get('format'));
  const select = options.get('select');
  const selection = select === undefined ? undefined : readSelect(select);
  const withPassword = selection?.properties.includes('lastPasswordChangeDateTime') ?? false;
  const found = await deps.sql.read((tx) => userWith(tx, access.tenant.id, key, withPassword));
  // Who may read nobody else is not told who there is.
  const readable = readableBy(access, found?.id);
  if (!found) throw notFound(key.slice(0, 256));
  const context = contextOf(deps, `${usersContext(selection)}/$entity`);
  const person = personOf(found, found.changed ?? undefined);
  return JSON.stringify(graphUserOf(person, shownOf(selection, readable), { '@odata.context': context }));
}

// Several ------------------------------------------------------------------------------------------------------------

/** When the passwords of these people last changed, by their ids. */
function* passwordChanges(tx: Tx, tenant: string, ids: readonly string[]): Work<Map<string, number>> {
  const changes = new Map<string, number>();
  for (const chunk of inChunks(ids)) {
    const rows = yield* tx.query<{ id: string; at: number }>(
      `select user_id as id, changed_at as at from credential
        where tenant = ? and user_id in (${placeholders(chunk.length)})`,
      [tenant, ...chunk],
    );
    for (const { id, at } of rows) changes.set(id, at);
  }
  return changes;
}

/** What of these rows is sent, with what has to be looked up for all of them at once. */
export function* shownUsers(
  tx: Tx,
  tenant: string,
  rows: readonly StoredUser[],
  names: readonly PropertyName[],
): Work<Record<string, unknown>[]> {
  const wanted = names.includes('lastPasswordChangeDateTime');
  const ids = wanted ? rows.map(({ id }) => id) : [];
  const changes = wanted ? yield* passwordChanges(tx, tenant, ids) : undefined;
  return rows.map((row) => graphUserOf(personOf(row, changes?.get(row.id)), names));
}
