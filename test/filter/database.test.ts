// The database finds exactly what `matches` says of the resources as they are sent: any attribute, any filter, any page.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Filter, matches } from '../../connector/filter/filter.ts';
import { parseFilter, printFilter } from '../../connector/filter/scim.ts';
import { fieldOf } from '../../connector/scim/attribute.ts';
import type { Caller, Collection } from '../../connector/scim/collection.ts';
import { group } from '../../connector/scim/group.ts';
import { groupCollection } from '../../connector/scim/groups.ts';
import { user } from '../../connector/scim/user.ts';
import { userCollection } from '../../connector/scim/users.ts';
import { migrate } from '../../connector/sql/migrate.ts';
import type { Sql } from '../../connector/sql/sql.ts';
import { coreGroup } from '../../connector/store/groups.ts';
import type { Part } from '../../connector/store/page.ts';
import { type Queries, queries } from '../../connector/store/query.ts';
import { coreUser, enterpriseUser } from '../../connector/store/user-resource.ts';
import { engine, engines, freshSql } from '../postgres/engine.ts';
import { openStore, start } from '../scim/scim-server.ts';
import { type Name, text, trees } from './arbitraries.ts';

const users = userCollection(user);
const groups = groupCollection(group);
const base = 'https://connector.example/scim/v2';

const operator: Caller = { tenant: 'default', scopes: [], by: { at: start, actor: 'operator' } };

const kinds = fc.oneof(fc.constantFrom('work', 'home', 'Work'), text);
const person = fc.record(
  {
    userName: text.filter((name) => name.trim() !== ''),
    externalId: text,
    displayName: text,
    title: text,
    name: fc.record({ givenName: text, familyName: text }, { requiredKeys: [] }),
    active: fc.boolean(),
    emails: fc.array(fc.record({ value: text, type: kinds, display: text }, { requiredKeys: ['value'] }), {
      maxLength: 3,
    }),
    roles: fc.array(fc.record({ value: text, primary: fc.constant(true) }, { requiredKeys: ['value'] }), {
      maxLength: 1,
    }),
    [enterpriseUser]: fc.record({ department: text, manager: fc.record({ value: text }) }, { requiredKeys: [] }),
  },
  { requiredKeys: ['userName'] },
);
/** Members by their place among all resources, so that groups hold people and earlier groups. */
const crowd = fc.record({
  displayName: text,
  externalId: fc.option(text),
  members: fc.array(fc.nat(7), { maxLength: 3 }),
});

const places = fc.nat(8).map((at) => `id-${at}`);
const userNames: Name[] = [
  ...['userName', 'externalId', 'displayName', 'title', 'name.givenName', 'active', 'emails.value', 'emails.type'],
  ...['emails', 'emails.display', 'roles.primary', 'meta.created', 'meta.lastModified', 'groups.display'],
  ...[`${enterpriseUser}:department`, `${enterpriseUser}:manager`, 'manager.value'],
  ['id', places] as const,
  ['groups.value', places] as const,
  ['groups.type', fc.constantFrom('direct', 'indirect', 'Direct')] as const,
  ['meta.resourceType', fc.constantFrom('User', 'user', 'Group')] as const,
  ['schemas', fc.constantFrom(coreUser, enterpriseUser)] as const,
  ['meta.location', fc.constantFrom(`${base}/Users/id-0`, '/Users/')] as const,
];
const userTrees = trees(user, userNames, {
  emails: ['type', 'value', 'display', 'primary'],
  roles: ['value', 'primary'],
  groups: [['value', places], 'display'],
  name: ['givenName', 'familyName'],
});
const groupTrees = trees(
  group,
  [
    ...['externalId', 'displayName', 'meta.created', 'members.display'],
    ['id', places] as const,
    ['members', places] as const,
    ['members.value', places] as const,
    ['members.type', fc.constantFrom('User', 'group')] as const,
    ['members.$ref', fc.constantFrom(`${base}/Users/id-0`, '/Groups/')] as const,
  ],
  { members: [['value', places], ['type', fc.constantFrom('User', 'Group')], 'display'] },
);

interface World {
  readonly sql: Sql;
  readonly find: Queries;
  /** Every resource as it is sent, in the order of ids. */
  readonly all: (collection: Collection) => Promise<{ id: string; resource: object }[]>;
}

async function worldOf(people: readonly object[], crowds: readonly { members: number[] }[]): Promise<World> {
  const sql = await openStore();
  let next = 0;
  const made: string[] = [];
  const add = async (collection: Collection, body: object) => {
    const id = `id-${next}`;
    const caller: Caller = {
      ...{ tenant: 'default', scopes: [] },
      by: { at: start + (next++ - 2) * 1000, actor: 'operator' },
    };
    try {
      await sql.run((tx) => collection.create(tx, caller, id, body));
      made.push(id);
    } catch (error) {
      // Two of the random names fold to the same.
      expect((error as { code?: string }).code).toBe('uniqueness');
    }
  };
  for (const one of people) await add(users, { schemas: [coreUser], ...one });
  for (const { members, ...one } of crowds) {
    const there = [...new Set(members)].flatMap((at) => made[at] ?? []);
    await add(groups, { schemas: [coreGroup], ...one, members: there.map((value) => ({ value })) });
  }
  const all = (collection: Collection) =>
    sql.read(function* (tx) {
      const found: { id: string; resource: object }[] = [];
      for (const id of made) {
        const stored = yield* collection.read(tx, 'default', id);
        if (!stored) continue;
        const [sent = ''] = yield* collection.texts(tx, 'default', [stored], { base, shows: () => true });
        found.push({ id, resource: JSON.parse(sent) });
      }
      return found;
    });
  return { sql, find: queries(sql), all };
}

/** The part that asks `collection`, as the door makes it, looking at everything. */
function partOf(collection: Collection, filter: Filter): Part {
  return {
    source: collection.source,
    filter,
    *open(tx, rows) {
      const view = { base, shows: () => true };
      return (yield* collection.texts(tx, 'default', rows, view)).map((sent) => JSON.parse(sent));
    },
  };
}

async function idsOf({ find }: World, collection: Collection, filter: Filter, from: number, count: number) {
  const query = { tenant: 'default', parts: [partOf(collection, filter)], name: printFilter(filter) };
  const { total, used } = await find.page(query, { index: from }, count, function* (_tx, found) {
    return found.map(({ row }) => row.id);
  });
  return { total, ids: used };
}

describe('RFC 7644 §3.4.2.2: the database finds exactly what matches', () => {
  test.each([
    ['people', users, userTrees, 150],
    ['groups', groups, groupTrees, 100],
  ] as const)('%s', async (_what, collection, filters, numRuns) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(person, { minLength: 1, maxLength: 5 }),
        fc.array(crowd, { minLength: collection === groups ? 1 : 0, maxLength: 3 }),
        fc.array(filters, { minLength: 10, maxLength: 10 }),
        fc.nat(2),
        async (some, crowds, asked, from) => {
          const world = await worldOf(some, crowds);
          try {
            const resources = await world.all(collection);
            for (const filter of asked) {
              const expected = resources.filter(({ resource }) => matches(filter, resource)).map(({ id }) => id);
              const whole = await idsOf(world, collection, filter, 0, 100);
              expect([printFilter(filter), whole]).toEqual([
                printFilter(filter),
                { ids: expected, total: expected.length },
              ]);
              const page = await idsOf(world, collection, filter, from, 2);
              expect(page).toEqual({ ids: expected.slice(from, from + 2), total: expected.length });
            }
          } finally {
            await world.sql.close();
          }
        },
      ),
      // On Postgres each statement is a way there and back.
      { numRuns: engine === 'postgres' ? numRuns / 5 : numRuns },
    );
  });

  test.each(engines)('what is no column is compared by bytes as well, on %s', async (which) => {
    await using database = await freshSql(which);
    await migrate(database.sql);
    await database.sql.run((tx) => users.create(tx, operator, 'id-0', { schemas: [coreUser], userName: 'a' }));
    const world = { sql: database.sql, find: queries(database.sql), all: async () => [] };
    const fits = async (text: string) =>
      (
        await idsOf(
          world,
          users,
          parseFilter(text, (path, use, parent) => fieldOf(user, path, use, parent)),
          0,
          10,
        )
      ).total;
    // In most languages "user" stands before "User".
    for (const [text, total] of [
      ['meta.resourceType sw "user"', 0],
      ['meta.resourceType sw "Us"', 1],
      ['meta.resourceType gt "user"', 0],
      ['meta.resourceType lt "a"', 1],
    ] as const)
      expect([text, await fits(text)]).toEqual([text, total]);
  });
});
