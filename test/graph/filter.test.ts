// GET /users finds exactly those whose Graph properties fit, whichever way the database is asked: any property that can be
// filtered by, any operator it has, any tree of them.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Field, type Filter, matches } from '../../connector/filter/filter.ts';
import { parseODataFilter, printODataFilter, type Resolved } from '../../connector/filter/odata-filter.ts';
import { type Ability, graphUserOf, personOf, propertyNames, propertyOf } from '../../connector/graph/user.ts';
import { userVocabulary } from '../../connector/graph/user-query.ts';
import { graphBounds, isText } from '../../connector/store/graph-attributes.ts';
import { enterpriseUser, graphUser } from '../../connector/store/user-resource.ts';
import { text as anyText } from '../filter/arbitraries.ts';
import { start } from '../scim/scim-server.ts';
import { advanced, reading } from './reading.ts';

/** Few of them, so that people and filters meet. */
const text = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('a', 'A', 'b', 'ab', 'É') },
  { weight: 1, arbitrary: anyText },
);
const vocabulary = userVocabulary({ advanced: true });
const resolved = (name: string) => vocabulary.resolve(name) as Resolved;
const instants = fc.integer({ min: -2, max: 5 }).map((step) => new Date(start + step * 1000).toISOString());
const compared: readonly Ability[] = ['eq', 'ne', 'gt', 'ge', 'lt', 'le', 'sw', 'ew'];

function leaf(
  field: Field,
  values: fc.Arbitrary<string | boolean>,
  abilities: readonly Ability[],
): fc.Arbitrary<Filter> {
  const operators = compared.filter((one) => abilities.includes(one));
  const kind = fc.constant('compare' as const);
  const some = fc.record({ kind, field: fc.constant(field), operator: fc.constantFrom(...operators), value: values });
  const exact = operators.filter((one) => one === 'eq' || one === 'ne');
  if (!abilities.includes('null')) return some as fc.Arbitrary<Filter>;
  const none = fc.record({
    kind,
    field: fc.constant(field),
    operator: fc.constantFrom(...exact),
    value: fc.constant(null),
  });
  return fc.oneof({ weight: 4, arbitrary: some }, { weight: 1, arbitrary: none }) as fc.Arbitrary<Filter>;
}

const trees = (leaves: fc.Arbitrary<Filter>, maxDepth: number) =>
  fc.letrec<{ tree: Filter }>((tie) => ({
    tree: fc.oneof(
      { maxDepth },
      leaves,
      fc.record({
        kind: fc.constantFrom('and' as const, 'or' as const),
        filters: fc.array(tie('tree'), { minLength: 2, maxLength: 3 }),
      }),
      fc.record({ kind: fc.constant('not' as const), filter: tie('tree') }),
    ),
  })).tree;

/** Values to compare with, where random ones would never be met. */
const special: Record<string, fc.Arbitrary<string>> = {
  proxyAddresses: fc.oneof(
    text.map((one) => `smtp:${one}`),
    text.map((one) => `SMTP:${one}`),
    text,
    fc.constantFrom('s', 'smtp:', 'tp:'),
  ),
  userType: fc.constantFrom('Member', 'guest'),
  id: fc.constantFrom('x'),
};

function leavesOf(name: (typeof propertyNames)[number]): fc.Arbitrary<Filter>[] {
  const { filter, type } = propertyOf(name);
  if (!filter) return [];
  const abilities: Ability[] = [...filter.plain, ...filter.advanced];
  const { field, elements } = resolved(name);
  const values = special[name] ?? text;
  if (type === 'Boolean') return [leaf(field, fc.boolean(), abilities)];
  if (type === 'DateTimeOffset') return [leaf(field, instants, abilities)];
  if (!elements) return [leaf(field, values, abilities)];
  const present = fc.constant<Filter>({ kind: 'present', field });
  const inner = Object.values(elements).map((element) =>
    leaf(
      element,
      values,
      abilities.filter((one) => one !== 'null'),
    ),
  );
  const some = inner.map((one) => {
    return fc.record({ kind: fc.constant('some' as const), field: fc.constant(field), filter: trees(one, 1) });
  });
  return [...some, ...(abilities.includes('count') ? [present] : [])];
}

const filtersOn = (names: readonly (typeof propertyNames)[number][]) =>
  trees(
    fc.oneof(
      ...names
        .map(leavesOf)
        .filter((all) => all.length > 0)
        .flat(),
    ),
    3,
  );

const { most, form } = graphBounds.mailNickname;
const kinds = fc.oneof(fc.constantFrom('work', 'home', 'Home', 'mobile', 'fax'), text);
const element = fc.record({ value: text, type: kinds }, { requiredKeys: ['value'] });
const person = fc.record(
  {
    userName: text.filter((name) => name.trim() !== ''),
    displayName: text,
    title: text,
    userType: fc.constantFrom('Guest', 'Member', 'Employee'),
    preferredLanguage: text,
    locale: text,
    name: fc.record({ givenName: text, familyName: text, formatted: text }, { requiredKeys: [] }),
    active: fc.boolean(),
    emails: fc.array(element, { maxLength: 3 }),
    phoneNumbers: fc.array(element, { maxLength: 2 }),
    ims: fc.array(element, { maxLength: 1 }),
    addresses: fc.array(fc.record({ type: fc.constantFrom('work', 'other'), locality: text, formatted: text }), {
      maxLength: 2,
    }),
    [enterpriseUser]: fc.record({ department: text, organization: text, employeeNumber: text }, { requiredKeys: [] }),
    [graphUser]: fc.record(
      {
        mailNickname: text.filter((nickname) => isText(nickname, most, form)),
        usageLocation: fc.constantFrom('TR', 'tr', 'GB', 'gb'),
        onPremisesSyncEnabled: fc.boolean(),
        onPremisesLastSyncDateTime: instants,
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: ['userName'] },
);

test.each([
  ['any property', propertyNames, 60],
  [
    'what the database has columns for',
    ['mail', 'otherMails', 'proxyAddresses', 'displayName', 'userPrincipalName'],
    60,
  ],
] as const)('any filter on %s', { timeout: 120_000 }, async (_what, names, numRuns) => {
  const asked = fc.array(filtersOn(names), { minLength: 12, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(fc.array(person, { minLength: 1, maxLength: 5 }), asked, fc.nat(2), async (people, all, top) => {
      await using server = await reading();
      for (const one of people) {
        server.clock.at += 1000;
        // Two of the random names may fold to the same.
        await server.add(one as never).catch((error: { code?: string }) => expect(error.code).toBe('uniqueness'));
      }
      const rows = await server.sql.all<{ text: string }>`select resource as text from app_user
        where tenant = 'default' order by id`;
      const users = rows.map((row) => graphUserOf(personOf(row), propertyNames));
      for (const filter of all) {
        const written = printODataFilter(filter);
        expect(parseODataFilter(written, vocabulary)).toEqual(filter);
        const query = encodeURIComponent(written);
        if (query.length > 12_000 || written.length > 8192) continue;
        const expected = users.filter((user) => matches(filter, user)).map(({ id }) => id);
        const answer = await server.get(`/users?$filter=${query}&$count=true&$select=id&$top=999`, {
          headers: advanced,
        });
        const found = answer.body.value?.map(({ id }: { id: string }) => id) ?? answer.body;
        expect([written, found, answer.body['@odata.count']]).toEqual([written, expected, expected.length]);
        const first = await server.get(`/users?$filter=${query}&$count=true&$select=id&$top=${top + 1}`, {
          headers: advanced,
        });
        expect(first.body.value.map(({ id }: { id: string }) => id)).toEqual(expected.slice(0, top + 1));
        expect('@odata.nextLink' in first.body).toBe(expected.length > top + 1);
      }
    }),
    { numRuns },
  );
});
