// People in SQL: the resource as JSON text ready to send, beside it the columns and rows by which it is found. Every
// write is one transaction with its audit record; a write that changes nothing writes nothing.

import { Problem } from '#shared/problem.ts';
import { record } from '../audit.ts';
import { fold } from '../filter/fold.ts';
import { wakeSubject } from '../jobs.ts';
import type { Sql, Tx, Value, Work } from '../sql/sql.ts';
import { countAdded, countRemoved } from './counts.ts';
import { endSessions } from './credentials.ts';
import { type Change, publish } from './events.ts';
import { leaveGroups } from './groups.ts';
import { changedAttributes, compose, contentOfResource, etag, type Stamp, type StoredResource } from './resource.ts';
import { dropRoles } from './roles.ts';
import { insertRows, updateRow } from './rows.ts';
import { type Address, addressesOf, searchWords, shownName, type UserContent } from './user-resource.ts';

/** A person as stored. */
export type StoredUser = StoredResource;
export { etag, type Stamp } from './resource.ts';

interface Row {
  id: string;
  text: string;
  version: number;
}

/** What the client said, out of the stored text. */
export function contentOf(user: StoredUser): UserContent {
  return contentOfResource<UserContent>(user);
}

// Reading -------------------------------------------------------------------------------------------------------

/** By id. */
export async function userById(sql: Pick<Sql, 'get'>, tenant: string, id: string): Promise<StoredUser | undefined> {
  return sql.get<Row>`select id, resource as text, version from app_user where tenant = ${tenant} and id = ${id}`;
}

/** By id, within a unit of work. */
export function* readStored(tx: Tx, tenant: string, id: string): Work<StoredUser | undefined> {
  return yield* tx.get<Row>`select id, resource as text, version from app_user where tenant = ${tenant} and id = ${id}`;
}

/** By userName in any case (see `fold`). */
export async function userByName(sql: Pick<Sql, 'get'>, tenant: string, name: string): Promise<StoredUser | undefined> {
  return sql.get<Row>`select id, resource as text, version from app_user
    where tenant = ${tenant} and user_name_key = ${fold(name)}`;
}

/** By externalId (caseExact, and not unique: two clients may have the same one); two at most. */
export async function usersByExternalId(
  sql: Pick<Sql, 'all'>,
  tenant: string,
  externalId: string,
): Promise<StoredUser[]> {
  return sql.all<Row>`select id, resource as text, version from app_user
    where tenant = ${tenant} and external_id = ${externalId} order by id limit 2`;
}

/** People in the order of creation, behind the one with the id `after`; from the first when it is empty. */
export function* usersAfter(tx: Tx, tenant: string, after: string, limit: number): Work<StoredUser[]> {
  return yield* tx.all<Row>`select id, resource as text, version from app_user
    where tenant = ${tenant} and id > ${after} order by id limit ${limit}`;
}

// Writing -------------------------------------------------------------------------------------------------------

/**
 * Adds a person.
 * @throws Problem uniqueness when the tenant has one with this userName
 */
export function* createUser(tx: Tx, tenant: string, id: string, content: UserContent, by: Stamp): Work<StoredUser> {
  const version = 1;
  const text = compose('User', id, content, { created: by.at, lastModified: by.at, version });
  const found = foundBy(content);
  const added = yield* tx.run`insert into app_user
      (tenant, id, user_name, user_name_key, external_id, display_name, display_name_key, display_named, active,
        resource, version, created, last_modified)
    values (${tenant}, ${id}, ${found.user_name}, ${found.user_name_key}, ${found.external_id},
      ${found.display_name}, ${found.display_name_key}, ${found.display_named}, ${found.active}, ${text}, ${version}, ${by.at}, ${by.at})
    on conflict do nothing`;
  if (added === 0) throw new Problem('uniqueness', { attribute: 'userName' });
  yield* countAdded(tx, tenant, 'User', id);
  yield* writeAddresses(tx, tenant, id, undefined, content, by.at);
  yield* writeWords(tx, tenant, id, undefined, content);
  yield* record(tx, {
    tenant,
    at: by.at,
    actor: by.actor,
    client: by.client,
    action: 'user.created',
    target: `user:${id}`,
  });
  yield* publish(tx, toldOf(tenant, id, by, 'create', content, version));
  return { id, text, version };
}

/**
 * Changes a person by a function of what is stored; it may throw, and then nothing is changed. Whoever is blocked is
 * signed out everywhere.
 * @param ifMatch is this version still the one that the caller saw?
 * @throws Problem notFound, preconditionFailed, uniqueness
 */
export function* updateUser(
  tx: Tx,
  tenant: string,
  id: string,
  change: (content: UserContent) => UserContent,
  by: Stamp,
  ifMatch: (version: number) => boolean = () => true,
): Work<StoredUser> {
  const stored = yield* forUpdate(tx, tenant, id, ifMatch);
  const before = contentOf(stored);
  const after = change(before);
  const changed = changedAttributes(before, after);
  if (changed.length === 0) return { id, text: stored.text, version: stored.version };
  const key = fold(after.userName);
  if (key !== fold(before.userName)) {
    const taken = yield* tx.get`select id from app_user where tenant = ${tenant} and user_name_key = ${key}`;
    if (taken) throw new Problem('uniqueness', { attribute: 'userName' });
  }
  const version = stored.version + 1;
  const text = compose('User', id, after, { created: stored.created, lastModified: by.at, version });
  yield* updateRow(tx, 'app_user', tenant, id, foundBy(before), foundBy(after), { text, version, at: by.at });
  const touched = (...names: string[]) => names.some((name) => changed.includes(name));
  if (touched('userName', 'emails')) yield* writeAddresses(tx, tenant, id, before, after, by.at);
  if (touched('userName', 'displayName', 'name')) yield* writeWords(tx, tenant, id, before, after);
  if (before.active !== after.active) {
    if (!after.active) yield* endSessions(tx, tenant, id, by.at);
    yield* wakeSubject(tx, tenant, id, by.at);
  }
  const detail = { attributes: changed.join(' ') };
  yield* record(tx, {
    tenant,
    at: by.at,
    actor: by.actor,
    client: by.client,
    action: 'user.updated',
    target: `user:${id}`,
    detail,
  });
  const told = toldOf(tenant, id, by, by.via ?? 'patch', after, version);
  const active = before.active === after.active ? {} : { active: after.active };
  yield* publish(tx, { ...told, attributes: changed, ...active });
  return { id, text, version };
}

/**
 * Removes a person with everything that belongs to them; the id is never given again. The record of what was done to
 * them stays.
 * @throws Problem notFound, preconditionFailed
 */
export function* deleteUser(
  tx: Tx,
  tenant: string,
  id: string,
  by: Stamp,
  ifMatch: (version: number) => boolean = () => true,
): Work<void> {
  const stored = yield* forUpdate(tx, tenant, id, ifMatch);
  yield* tx.run`delete from app_user where tenant = ${tenant} and id = ${id}`;
  yield* countRemoved(tx, tenant, 'User');
  const content = contentOf(stored);
  yield* writeAddresses(tx, tenant, id, content, undefined, by.at);
  yield* writeWords(tx, tenant, id, content, undefined);
  yield* tx.run`delete from credential where tenant = ${tenant} and user_id = ${id}`;
  yield* tx.run`delete from sign_in_attempt where tenant = ${tenant} and account = ${id}`;
  yield* tx.run`delete from temporary_access_pass where tenant = ${tenant} and user_id = ${id}`;
  yield* tx.run`delete from graph_operation where tenant = ${tenant} and user_id = ${id}`;
  yield* dropRoles(tx, tenant, id);
  yield* endSessions(tx, tenant, id, by.at);
  yield* wakeSubject(tx, tenant, id, by.at);
  yield* leaveGroups(tx, tenant, id, by);
  yield* record(tx, {
    tenant,
    at: by.at,
    actor: by.actor,
    client: by.client,
    action: 'user.deleted',
    target: `user:${id}`,
  });
  yield* publish(tx, toldOf(tenant, id, by, 'delete', content));
}

function toldOf(
  tenant: string,
  id: string,
  by: Stamp,
  action: Change['action'],
  content: UserContent,
  version?: number,
): Change {
  const { externalId } = content;
  const after = version === undefined ? {} : { version: etag(version), attributes: Object.keys(content) };
  return { tenant, at: by.at, txn: by.txn, resource: 'User', id, externalId, action, ...after };
}

function* forUpdate(tx: Tx, tenant: string, id: string, ifMatch: (version: number) => boolean) {
  const row: (Row & { created: number }) | undefined = yield* tx.get<Row & { created: number }>`
    select id, resource as text, version, created from app_user where tenant = ${tenant} and id = ${id}`;
  if (!row) throw new Problem('notFound');
  if (!ifMatch(row.version)) throw new Problem('preconditionFailed');
  return row;
}

/** By what a person is found in their own row. */
function foundBy(content: UserContent) {
  const shown = shownName(content);
  const columns = {
    user_name: content.userName,
    user_name_key: fold(content.userName),
    external_id: content.externalId ?? null,
    display_name: shown,
    display_name_key: fold(shown),
    display_named: content.displayName === undefined ? 0 : 1,
    active: content.active ? 1 : 0,
  };
  return columns satisfies Readonly<Record<string, Value>>;
}

/** Rows that stay keep the time at which they came: a new address on file is looked at twice before a reset goes there. */
function* writeAddresses(
  tx: Tx,
  tenant: string,
  id: string,
  before: UserContent | undefined,
  after: UserContent | undefined,
  at: number,
): Work<void> {
  const there = before ? addressesOf(before) : [];
  const wanted = after ? addressesOf(after) : [];
  const same = (a: Address) => (b: Address) => a.key === b.key && a.kind === b.kind;
  for (const one of there) {
    if (wanted.some(same(one))) continue;
    yield* tx.run`delete from user_address
      where tenant = ${tenant} and address_key = ${one.key} and user_id = ${id} and kind = ${one.kind}`;
  }
  const added = wanted.filter((one) => !there.some(same(one)));
  yield* insertRows(
    tx,
    'user_address (tenant, address_key, user_id, kind, changed_at)',
    added.map(({ key, kind }) => [tenant, key, id, kind, at]),
  );
}

function* writeWords(
  tx: Tx,
  tenant: string,
  id: string,
  before: UserContent | undefined,
  after: UserContent | undefined,
): Work<void> {
  const there = before ? searchWords(before) : [];
  const wanted = after ? searchWords(after) : [];
  for (const word of there) {
    if (!wanted.includes(word)) {
      yield* tx.run`delete from user_word where tenant = ${tenant} and word = ${word} and user_id = ${id}`;
    }
  }
  const added = wanted.filter((word) => !there.includes(word));
  yield* insertRows(
    tx,
    'user_word (tenant, word, user_id)',
    added.map((word) => [tenant, word, id]),
  );
}
