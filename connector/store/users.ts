// People in SQL: the resource as JSON text ready to send, beside it the columns and rows by which it is found. Every
// write is one transaction with its audit record; a write that changes nothing writes nothing.

import { Problem } from '#shared/problem.ts';
import { record } from '../audit.ts';
import type { Filter } from '../filter/filter.ts';
import { fold } from '../filter/fold.ts';
import { type Columns, type Condition, compile, isSearchable } from '../filter/sql.ts';
import { wakeSubject } from '../jobs.ts';
import type { Sql, Tx, Work } from '../sql/sql.ts';
import { endSessions } from './credentials.ts';
import { addressesOf, searchWords, shownName, type UserContent } from './user-resource.ts';

/** A person as stored. `text` is the JSON resource but for `meta.location`: see `resourceText`. */
export interface StoredUser {
  readonly id: string;
  readonly text: string;
  /** 1 for a new one, one more with each change. */
  readonly version: number;
}

/** Who writes, and when (milliseconds since the epoch): goes into `meta` and the audit record. */
export interface Stamp {
  readonly at: number;
  /** As in the audit record: `token:<id>`, `operator`. */
  readonly actor: string;
}

interface Row {
  id: string;
  text: string;
  version: number;
}

/** The entity-tag of a version (RFC 7232 §2.3): weak, since the text may be written anew without meaning another thing. */
export function etag(version: number): string {
  return `W/"${version}"`;
}

// The address of the connector may change at any time and is therefore not stored: `meta` stands last in the text, and
// `location` is put in as its last member while sending.
function compose(id: string, content: UserContent, meta: { created: number; lastModified: number; version: number }) {
  const { schemas, ...rest } = content;
  return JSON.stringify({
    schemas,
    id,
    ...rest,
    meta: {
      resourceType: 'User',
      created: new Date(meta.created).toISOString(),
      lastModified: new Date(meta.lastModified).toISOString(),
      version: etag(meta.version),
    },
  });
}

/** The whole resource as JSON text (RFC 7643 §3.1). @param base URL under which `/Users` is found */
export function resourceText(user: StoredUser, base: string): string {
  return `${user.text.slice(0, -2)},"location":${JSON.stringify(`${base}/Users/${user.id}`)}}}`;
}

/** What the client said, out of the stored text. */
export function contentOf(user: StoredUser): UserContent {
  const { id: _id, meta: _meta, ...content } = JSON.parse(user.text) as UserContent & { id: string; meta: object };
  return content as UserContent;
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

const own = {
  id: { key: 'u.id' },
  userName: { key: 'u.user_name_key' },
  externalId: { key: 'u.external_id', present: 'u.external_id is not null' },
  displayName: { key: 'u.display_name_key', present: `u.display_name_key <> ''` },
  active: { key: 'u.active' },
  'meta.resourceType': { key: `'User'` },
  'meta.created': { key: 'u.created' },
  'meta.lastModified': { key: 'u.last_modified' },
} as const;

const addressColumns = { value: { key: 'a.address_key' }, type: { key: 'a.kind', present: `a.kind <> ''` } } as const;

function columnsOf(tenant: string): Columns {
  const some = (condition: string) =>
    `u.id in (select a.user_id from user_address a where a.tenant = ? and a.kind <> 'userName' and ${condition})`;
  return { own, rows: { emails: { some, values: [tenant], columns: addressColumns } } };
}

/** Can people be searched by this attribute (`userName`, `emails.value`)? */
export function isUserSearchable(path: string): boolean {
  return isSearchable({ own, rows: { emails: { columns: addressColumns } } }, path);
}

/**
 * One page of the people who fit, in order of creation, and how many they are in all.
 * @param filter of searchable fields only
 * @param page `startIndex` from 1, `count` from 0 (RFC 7644 §3.4.2.4)
 */
export function* listUsers(
  tx: Tx,
  tenant: string,
  filter: Filter | undefined,
  page: { startIndex: number; count: number },
): Work<{ total: number; users: StoredUser[] }> {
  const fits: Condition = filter ? compile(filter, columnsOf(tenant)) : { text: '1 = 1', values: [] };
  const where = `from app_user u where u.tenant = ? and ${fits.text}`;
  const values = [tenant, ...fits.values];
  let users: Row[] = [];
  if (page.count > 0) {
    // The inner select walks the index alone: the texts of the pages before are not touched.
    users = yield* tx.query<Row>(
      `select p.id, p.resource as text, p.version from app_user p where p.tenant = ? and p.id in
        (select u.id ${where} order by u.id limit ? offset ?) order by p.id`,
      [tenant, ...values, page.count, page.startIndex - 1],
    );
  }
  const last = users.length > 0 && users.length < page.count;
  if (last || (page.startIndex === 1 && users.length < page.count)) {
    return { total: page.startIndex - 1 + users.length, users };
  }
  const [row] = yield* tx.query<{ total: number }>(`select count(*) as total ${where}`, values);
  return { total: row?.total ?? 0, users };
}

// Writing -------------------------------------------------------------------------------------------------------

/**
 * Adds a person.
 * @throws Problem uniqueness when the tenant has one with this userName
 */
export function* createUser(tx: Tx, tenant: string, id: string, content: UserContent, by: Stamp): Work<StoredUser> {
  const version = 1;
  const text = compose(id, content, { created: by.at, lastModified: by.at, version });
  const added = yield* tx.run`insert into app_user
      (tenant, id, user_name, user_name_key, external_id, display_name, display_name_key, active,
        resource, version, created, last_modified)
    values (${tenant}, ${id}, ${content.userName}, ${fold(content.userName)}, ${content.externalId ?? null},
      ${shownName(content)}, ${fold(content.displayName ?? '')}, ${content.active ? 1 : 0},
      ${text}, ${version}, ${by.at}, ${by.at})
    on conflict do nothing`;
  if (added === 0) throw new Problem('uniqueness', { attribute: 'userName' });
  yield* writeAddresses(tx, tenant, id, content, by.at);
  yield* writeWords(tx, tenant, id, content);
  yield* record(tx, { tenant, at: by.at, actor: by.actor, action: 'user.created', target: `user:${id}` });
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
  const taken =
    yield* tx.get`select id from app_user where tenant = ${tenant} and user_name_key = ${key} and id <> ${id}`;
  if (taken) throw new Problem('uniqueness', { attribute: 'userName' });
  const version = stored.version + 1;
  const text = compose(id, after, { created: stored.created, lastModified: by.at, version });
  yield* tx.run`update app_user set user_name = ${after.userName}, user_name_key = ${key},
      external_id = ${after.externalId ?? null}, display_name = ${shownName(after)},
      display_name_key = ${fold(after.displayName ?? '')}, active = ${after.active ? 1 : 0},
      resource = ${text}, version = ${version}, last_modified = ${by.at}
    where tenant = ${tenant} and id = ${id}`;
  yield* writeAddresses(tx, tenant, id, after, by.at);
  yield* writeWords(tx, tenant, id, after);
  if (before.active !== after.active) {
    if (!after.active) yield* endSessions(tx, tenant, id);
    yield* wakeSubject(tx, tenant, id, by.at);
  }
  const detail = { attributes: changed.join(' ') };
  yield* record(tx, { tenant, at: by.at, actor: by.actor, action: 'user.updated', target: `user:${id}`, detail });
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
  yield* forUpdate(tx, tenant, id, ifMatch);
  yield* tx.run`delete from app_user where tenant = ${tenant} and id = ${id}`;
  yield* tx.run`delete from user_address where tenant = ${tenant} and user_id = ${id}`;
  yield* tx.run`delete from user_word where tenant = ${tenant} and user_id = ${id}`;
  yield* tx.run`delete from credential where tenant = ${tenant} and user_id = ${id}`;
  yield* tx.run`delete from sign_in_attempt where tenant = ${tenant} and account = ${id}`;
  yield* tx.run`delete from role_assignment where tenant = ${tenant} and user_id = ${id}`;
  yield* endSessions(tx, tenant, id);
  yield* wakeSubject(tx, tenant, id, by.at);
  yield* record(tx, { tenant, at: by.at, actor: by.actor, action: 'user.deleted', target: `user:${id}` });
}

function* forUpdate(tx: Tx, tenant: string, id: string, ifMatch: (version: number) => boolean) {
  const row: (Row & { created: number }) | undefined = yield* tx.get<Row & { created: number }>`
    select id, resource as text, version, created from app_user where tenant = ${tenant} and id = ${id}`;
  if (!row) throw new Problem('notFound');
  if (!ifMatch(row.version)) throw new Problem('preconditionFailed');
  return row;
}

/** Names only: what goes into the audit record never tells a value. */
function changedAttributes(before: UserContent, after: UserContent): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
}

/** Rows that stay keep the time at which they came: a new address on file is looked at twice before a reset goes there. */
function* writeAddresses(tx: Tx, tenant: string, id: string, content: UserContent, at: number): Work<void> {
  const wanted = addressesOf(content);
  const there = yield* tx.all<{ key: string; kind: string }>`select address_key as key, kind from user_address
    where tenant = ${tenant} and user_id = ${id}`;
  for (const { key, kind } of there) {
    if (wanted.some((address) => address.key === key && address.kind === kind)) continue;
    yield* tx.run`delete from user_address
      where tenant = ${tenant} and user_id = ${id} and address_key = ${key} and kind = ${kind}`;
  }
  for (const { key, kind } of wanted) {
    if (there.some((address) => address.key === key && address.kind === kind)) continue;
    yield* tx.run`insert into user_address (tenant, user_id, address_key, kind, changed_at)
      values (${tenant}, ${id}, ${key}, ${kind}, ${at})`;
  }
}

function* writeWords(tx: Tx, tenant: string, id: string, content: UserContent): Work<void> {
  const wanted = searchWords(content);
  const there = (yield* tx.all<{ word: string }>`select word from user_word
    where tenant = ${tenant} and user_id = ${id}`).map(({ word }) => word);
  for (const word of there) {
    if (!wanted.includes(word)) {
      yield* tx.run`delete from user_word where tenant = ${tenant} and word = ${word} and user_id = ${id}`;
    }
  }
  for (const word of wanted) {
    if (!there.includes(word)) {
      yield* tx.run`insert into user_word (tenant, word, user_id) values (${tenant}, ${word}, ${id})`;
    }
  }
}
