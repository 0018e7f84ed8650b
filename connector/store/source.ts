// Where the resources of a type lie and by what they are found and ordered in SQL. An attribute that is not named here can
// be searched and sorted by all the same: query.ts then looks into the resources.

import type { Filter, Operator } from '../filter/filter.ts';
import { type Column, type Compiled, compile, mostWeight, type Rows, weightOf } from '../filter/sql.ts';

export interface Source {
  /** As in `meta.resourceType`. */
  readonly resourceType: string;
  /** Its table has tenant, id, resource and version; statements call it `u`. */
  readonly table: 'app_user' | 'app_group';
  /** By the path of the field. */
  readonly own: Readonly<Record<string, Column>>;
  readonly rows: (tenant: string) => Readonly<Record<string, Rows>>;
  /** The paths of `own` that order a list. */
  readonly orders: readonly string[];
  /** The paths of `own` that no two resources of a tenant share. */
  readonly unique: readonly string[];
}

/**
 * As much of a filter as the database may be asked in one statement, which holds up everybody else.
 * @param again the statement is one of many, each of which makes its lists anew
 */
export function conditionOf(
  { own, rows, unique }: Source,
  tenant: string,
  filter: Filter,
  again = false,
): Compiled | undefined {
  const { each, lists } = weightOf(filter, own, unique);
  if (each > mostWeight.each || lists > (again ? 4 : mostWeight.lists)) return undefined;
  return compile(filter, { own, rows: rows(tenant) });
}

/** People (app_user). An email always has a value, and its address stands in user_address with its type, folded. */
export const userSource: Source = {
  resourceType: 'User',
  table: 'app_user',
  own: {
    id: { key: 'u.id' },
    userName: { key: 'u.user_name_key' },
    externalId: { key: 'u.external_id', present: 'u.external_id is not null' },
    displayName: { key: 'u.display_name_key', present: 'u.display_named = 1' },
    active: { key: 'u.active' },
    'meta.resourceType': { key: `'User' /* by bytes */` },
    'meta.created': { key: 'u.created' },
    'meta.lastModified': { key: 'u.last_modified' },
  },
  rows: (tenant) => ({
    emails: {
      some: (condition) =>
        `u.id in (select a.user_id from user_address a where a.tenant = ? and a.kind <> 'userName' and ${condition})`,
      values: [tenant],
      columns: { value: { key: 'a.address_key' }, type: { key: 'a.kind', present: `a.kind <> ''` } },
    },
  }),
  orders: ['id', 'userName', 'externalId', 'displayName', 'active', 'meta.created', 'meta.lastModified'],
  unique: ['id', 'userName'],
};

/** People (app_user) by the names of Microsoft Graph's properties; connector/graph/user.ts says what each of them is. */
export const graphUserSource: Source = {
  resourceType: 'User',
  table: 'app_user',
  own: {
    id: { key: 'u.id' },
    userPrincipalName: { key: 'u.user_name_key' },
    displayName: { key: 'u.display_name_key' },
    accountEnabled: { key: 'u.active' },
    createdDateTime: { key: 'u.created' },
  },
  rows: (tenant) => {
    const addresses = (kinds: string, written?: Column['written']): Rows => ({
      some: (condition) =>
        `u.id in (select a.user_id from user_address a where a.tenant = ? and ${kinds} and ${condition})`,
      values: [tenant],
      columns: { value: { key: 'a.address_key', ...(written ? { written } : {}) } },
    });
    return {
      // Which of the mailbox's addresses is the primary one is in the resource alone.
      mail: { ...addresses(`a.kind <> 'home' and a.kind <> 'userName'`), loose: true },
      // One that is also an address of the mailbox is no other address.
      otherMails: { ...addresses(`a.kind = 'home'`), loose: true },
      proxyAddresses: addresses(`a.kind <> 'home'`, withoutScheme),
      // The words of other names stand there too.
      [displayNameWords]: {
        some: (condition) => `u.id in (select w.user_id from user_word w where w.tenant = ? and ${condition})`,
        values: [tenant],
        columns: { value: { key: 'w.word' } },
        loose: true,
      },
    };
  },
  orders: ['id', 'userPrincipalName', 'displayName', 'createdDateTime'],
  unique: ['id', 'userPrincipalName'],
};

/** The path of the words of the name that people read: what $search looks for. */
export const displayNameWords = 'displayName/words';

const scheme = 'smtp:';

/** An address as it stands in user_address, of one with `smtp:` before it. */
function withoutScheme(operator: Operator, text: string): string | null | undefined {
  if (operator === 'ew') return text.includes(':') ? undefined : text;
  if (text.startsWith(scheme)) return text.slice(scheme.length);
  if (operator === 'eq') return null;
  if (operator === 'sw') return scheme.startsWith(text) ? '' : null;
  return undefined;
}

/** Groups (app_group); their members are rows, which know ids and types, but not the names that are shown. */
export const groupSource: Source = {
  resourceType: 'Group',
  table: 'app_group',
  own: {
    id: { key: 'u.id' },
    externalId: { key: 'u.external_id', present: 'u.external_id is not null' },
    displayName: { key: 'u.display_name_key' },
    'meta.resourceType': { key: `'Group' /* by bytes */` },
    'meta.created': { key: 'u.created' },
    'meta.lastModified': { key: 'u.last_modified' },
  },
  rows: (tenant) => ({
    members: {
      some: (condition) => `u.id in (select m.group_id from group_member m where m.tenant = ? and ${condition})`,
      values: [tenant],
      columns: {
        value: { key: 'm.member_id' },
        type: { key: `case m.member_type when 'User' then 'user' else 'group' end` },
      },
    },
  }),
  orders: ['id', 'externalId', 'displayName', 'meta.created', 'meta.lastModified'],
  unique: ['id'],
};
