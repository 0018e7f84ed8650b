// Where the resources of a type lie and by what they are found and ordered in SQL. An attribute that is not named here can
// be searched and sorted by all the same: query.ts then looks into the resources.

import type { Filter } from '../filter/filter.ts';
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
    displayName: { key: 'u.display_name_key', present: `u.display_name_key <> ''` },
    active: { key: 'u.active' },
    'meta.resourceType': { key: `'User'` },
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

/** Groups (app_group); their members are rows, which know ids and types, but not the names that are shown. */
export const groupSource: Source = {
  resourceType: 'Group',
  table: 'app_group',
  own: {
    id: { key: 'u.id' },
    externalId: { key: 'u.external_id', present: 'u.external_id is not null' },
    displayName: { key: 'u.display_name_key' },
    'meta.resourceType': { key: `'Group'` },
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
