// SCIM's filters: the examples of RFC 7644 as they stand, what is refused and where, and two properties: printing and
// parsing are inverse, and the database finds exactly what `matches` says.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Field, type Filter, matches, type Operator } from '../../connector/filter/filter.ts';
import { filterLimits, parseFilter, parsePath, printFilter } from '../../connector/filter/scim.ts';
import { fieldOf } from '../../connector/scim/attribute.ts';
import { readUser } from '../../connector/scim/users.ts';
import { user } from '../../connector/scim/user.ts';
import { coreUser, type UserContent } from '../../connector/store/user-resource.ts';
import { createUser, isUserSearchable, listUsers } from '../../connector/store/users.ts';
import { core, enterprise, openStore, start } from '../scim/scim-server.ts';

const resolve: Parameters<typeof parseFilter>[1] = (path, use, parent) => fieldOf(user, path, use, parent);
const parse = (text: string) => parseFilter(text, resolve);

/** The refusal of a text: its code and position. */
function refusal(run: () => unknown): { code: string; position: unknown } {
  try {
    run();
  } catch (error) {
    const { code, details } = error as { code: string; details: { position?: number } };
    return { code, position: details.position };
  }
  throw new Error('It was not refused.');
}

const barbara = {
  schemas: [core, enterprise],
  userName: 'bjensen',
  title: 'Tour Guide',
  userType: 'Employee',
  name: { familyName: "O'Malley" },
  emails: [
    { value: 'bjensen@example.com', type: 'work', primary: true },
    { value: 'babs@example.org', type: 'home' },
  ],
  ims: [{ value: 'babs@foo.com', type: 'xmpp' }],
  meta: { resourceType: 'User', lastModified: '2011-05-13T04:42:34Z' },
};

describe('RFC 7644 §3.4.2.2', () => {
  test.each([
    ['userName eq "bjensen"', true],
    ['userName Eq "BJENSEN"', true],
    ['Username eq "john"', false],
    ['name.familyName co "O\'Malley"', true],
    ['userName sw "J"', false],
    ['userName sw "B"', true],
    ['urn:ietf:params:scim:schemas:core:2.0:User:userName sw "B"', true],
    ['title pr', true],
    ['nickName pr', false],
    ['meta.lastModified gt "2011-05-13T04:42:34Z"', false],
    ['meta.lastModified ge "2011-05-13T04:42:34Z"', true],
    ['meta.lastModified lt "2011-05-13T04:42:34Z"', false],
    ['meta.lastModified le "2011-05-13T06:42:34+02:00"', true],
    ['title pr and userType eq "Employee"', true],
    ['title pr or userType eq "Intern"', true],
    [`schemas eq "${enterprise}"`, true],
    ['userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")', true],
    ['userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")', false],
    ['userType eq "Employee" and (emails.type eq "work")', true],
    ['userType eq "Employee" and emails[type eq "work" and value co "@example.com"]', true],
    ['emails[type eq "home" and value co "@example.com"]', false],
    ['emails[type eq "work" and value co "@example.net"] or ims[type eq "xmpp" and value co "@foo.com"]', true],
  ])('%s', (text, expected) => {
    expect(matches(parse(text), barbara)).toBe(expected);
  });

  test('not before and before or', () => {
    const text = 'title pr or userType pr and not (nickName pr)';
    expect(parse(text)).toEqual(parse('title pr or (userType pr and (not (nickName pr)))'));
    expect(parse(text)).not.toEqual(parse('(title pr or userType pr) and not (nickName pr)'));
  });

  test('null is equal to what is unassigned, and to nothing else', () => {
    expect(matches(parse('nickName eq null'), barbara)).toBe(true);
    expect(matches(parse('title eq null'), barbara)).toBe(false);
    expect(matches(parse('title ne null'), barbara)).toBe(true);
  });

  test.each([
    ['', 0],
    ['userName', 8],
    ['userName eq', 11],
    ['userName regex "a"', 9],
    ['userName eq bjensen', 12],
    ['userName eq "bjensen', 12],
    ['userName eq "b\\x"', 12],
    ["userName eq 'bjensen'", 12],
    ['userName eq "a" userName eq "b"', 16],
    ['userName eq "a" and', 19],
    ['(userName eq "a"', 16],
    ['userName eq "a")', 15],
    ['emails[type eq "work"', 21],
    ['emails[type eq "work" and emails[value pr]]', 32],
    ['nothing eq "a"', 0],
    ['name eq "a"', 0],
    ['userName eq 5', 12],
    ['active eq "maybe"', 10],
    ['active gt true', 7],
    ['active co "t"', 7],
    ['userName gt null', 12],
    ['meta.created eq "yesterday"', 16],
    ['password eq "a"', 0],
    ['userName eq "\\u0000"', 12],
    ['userName eq "\\ud800"', 12],
    ['1a eq "b"', 0],
    ['emails.value.x eq "b"', 0],
  ])('%j is refused at %d', (text, position) => {
    expect(refusal(() => parse(text))).toEqual({ code: 'invalidFilter', position });
  });

  test('length, depth and terms are bounded', () => {
    expect(refusal(() => parse(`userName eq "${'a'.repeat(filterLimits.characters)}"`)).code).toBe('invalidFilter');
    const nested = (depth: number) => `${'('.repeat(depth)}title pr${')'.repeat(depth)}`;
    expect(matches(parse(nested(filterLimits.depth)), barbara)).toBe(true);
    expect(refusal(() => parse(nested(filterLimits.depth + 1))).code).toBe('invalidFilter');
    const many = (terms: number) => Array.from({ length: terms }, () => 'title pr').join(' and ');
    expect(matches(parse(many(filterLimits.terms)), barbara)).toBe(true);
    expect(refusal(() => parse(many(filterLimits.terms + 1))).code).toBe('invalidFilter');
  });
});

describe('RFC 7644 §3.5.2 paths', () => {
  test.each([
    ['members', { attribute: { name: 'members' } }],
    ['name.familyName', { attribute: { name: 'name', sub: 'familyName' } }],
    [`${enterprise}:manager`, { attribute: { uri: enterprise, name: 'manager' } }],
    [`${enterprise}:manager.value`, { attribute: { uri: enterprise, name: 'manager', sub: 'value' } }],
  ])('%s', (text, expected) => {
    expect(parsePath(text, resolve)).toEqual(expected);
  });

  test('a value filter with a sub-attribute, with and without spaces', () => {
    const path = parsePath('addresses[type eq "work"].streetAddress', resolve);
    expect(path).toMatchObject({ attribute: { name: 'addresses' }, sub: 'streetAddress' });
    expect(parsePath('addresses[ type eq"work" ].streetAddress', resolve)).toEqual(path);
  });

  test.each([
    ['emails[', 'invalidFilter'],
    ['emails[type eq "work"', 'invalidFilter'],
    ['emails[nothing eq "work"]', 'invalidFilter'],
    ['emails[type eq "work"].', 'invalidFilter'],
    ['', 'invalidPath'],
    ['.name', 'invalidPath'],
    ['name.', 'invalidPath'],
    ['name familyName', 'invalidPath'],
    ['nothing[type eq "work"]', 'invalidPath'],
  ])('%j is %s', (text, code) => {
    expect(refusal(() => parsePath(text, resolve)).code).toBe(code);
  });
});

// Properties ----------------------------------------------------------------------------------------------------

/** Letters that case folding, sorting and patterns get wrong; few, so that random texts meet. */
const letter = fc.constantFrom(
  ...['a', 'A', 'b', 'i', 'I', 'İ', 'ı', 'ß', 's', 'S', 'σ', 'ς', 'Σ', 'é', 'e\u0301', '%', '_', '\\', '"', "'", ' '],
  ...['\u{ff21}', '\u{1f600}', '\ue000', '\u{10ffff}', '\ud7ff', 'K'],
);
const text = fc.array(letter, { minLength: 1, maxLength: 4 }).map((letters) => letters.join(''));
const instants = fc.integer({ min: -3, max: 3 }).map((step) => new Date(start + step * 1000).toISOString());

function fieldFor(name: string, use: 'compare' | 'present' | 'some', parent?: Field): Field {
  const colon = name.lastIndexOf(':');
  const [attribute = '', sub] = name.slice(colon + 1).split('.');
  const path = { name: attribute, ...(colon > 0 ? { uri: name.slice(0, colon) } : {}), ...(sub ? { sub } : {}) };
  const field = fieldOf(user, path, use, parent);
  if (!field) throw new Error(name);
  return field;
}

const textOperators = fc.constantFrom<Operator[]>('eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le');
const timeOperators = fc.constantFrom<Operator[]>('eq', 'ne', 'gt', 'ge', 'lt', 'le');
const exactOperators = fc.constantFrom<Operator[]>('eq', 'ne');

function compared(field: Field, parts: { operator: fc.Arbitrary<Operator>; value: fc.Arbitrary<string | boolean> }) {
  const some = fc.record({
    kind: fc.constant('compare' as const),
    field: fc.constant(field),
    operator: parts.operator,
    value: parts.value,
  });
  const none = fc.record({
    kind: fc.constant('compare' as const),
    field: fc.constant(field),
    operator: exactOperators,
    value: fc.constant(null),
  });
  const present = fc.record({ kind: fc.constant('present' as const), field: fc.constant(field) });
  return fc.oneof({ weight: 5, arbitrary: some }, { weight: 1, arbitrary: none }, { weight: 1, arbitrary: present });
}

function term(name: string, parent?: Field): fc.Arbitrary<Filter> {
  const field = fieldFor(name, 'compare', parent);
  if (field.type === 'boolean') return compared(field, { operator: exactOperators, value: fc.boolean() });
  if (field.type === 'dateTime') return compared(field, { operator: timeOperators, value: instants });
  return compared(field, { operator: textOperators, value: text });
}

/** Trees over these attributes; `elements` are those inside emails. */
function trees(names: readonly string[], elements: readonly string[]): fc.Arbitrary<Filter> {
  const emails = fieldFor('emails', 'some');
  const build = (leaf: fc.Arbitrary<Filter>) =>
    fc.letrec<{ tree: Filter }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 3 },
        leaf,
        fc.record({
          kind: fc.constantFrom('and' as const, 'or' as const),
          filters: fc.array(tie('tree'), { minLength: 2, maxLength: 3 }),
        }),
        fc.record({ kind: fc.constant('not' as const), filter: tie('tree') }),
      ),
    })).tree;
  const inside = build(fc.oneof(...elements.map((name) => term(name, emails))));
  const some = fc.record({ kind: fc.constant('some' as const), field: fc.constant(emails), filter: inside });
  const whole = fc.record({ kind: fc.constant('present' as const), field: fc.constant(fieldFor('emails', 'present')) });
  return build(fc.oneof(...names.map((name) => term(name)), some, whole));
}

const everywhere = ['userName', 'externalId', 'title', 'name.familyName', 'emails.value', 'roles.primary', 'active'];
const indexed = [
  'id',
  'userName',
  'externalId',
  'displayName',
  'active',
  'emails.value',
  'emails.type',
  'meta.created',
];

test('parse(print(f)) = f', () => {
  const names = [...everywhere, 'meta.created', `${enterprise}:department`, `${enterprise}:manager.value`];
  fc.assert(
    fc.property(trees(names, ['type', 'value', 'primary']), (filter) => {
      expect(parse(printFilter(filter))).toEqual(filter);
    }),
    { numRuns: 2000 },
  );
});

test('what is no filter is refused as such, whatever it is', () => {
  const pieces = fc.constantFrom(
    'userName',
    ' ',
    'eq',
    'and',
    'not',
    '(',
    ')',
    '[',
    ']',
    '"a"',
    '.',
    ':',
    'pr',
    '5',
    'emails',
    '\\',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(pieces, { maxLength: 12 }).map((all) => all.join('')),
      ),
      (input) => {
        let filter: Filter;
        try {
          filter = parse(input);
        } catch (error) {
          expect((error as { code?: string }).code).toBe('invalidFilter');
          return;
        }
        expect(parse(printFilter(filter))).toEqual(filter);
      },
    ),
    { numRuns: 3000 },
  );
});

test('the database finds exactly the people that match', async () => {
  const person = fc.record(
    {
      userName: text.filter((name) => name.trim() !== ''),
      externalId: text,
      displayName: text,
      active: fc.boolean(),
      emails: fc.array(
        fc.record(
          { value: text, type: fc.oneof(fc.constantFrom('work', 'home', 'Work'), text) },
          { requiredKeys: ['value'] },
        ),
        {
          maxLength: 3,
        },
      ),
    },
    { requiredKeys: ['userName'] },
  );
  const filters = trees(indexed, ['type', 'value']);
  await fc.assert(
    fc.asyncProperty(
      fc.array(person, { minLength: 1, maxLength: 6 }),
      fc.array(filters, { minLength: 8, maxLength: 8 }),
      async (some, asked) => {
        const sql = await openStore();
        try {
          const stored: { id: string; resource: object }[] = [];
          for (const [at, one] of some.entries()) {
            const content: UserContent = readUser({ schemas: [coreUser], ...one });
            const stamp = { at: start + (at - 2) * 1000, actor: 'operator' };
            try {
              const { id, text: resource } = await sql.run((tx) =>
                createUser(tx, 'default', `id-${at}`, content, stamp),
              );
              stored.push({ id, resource: JSON.parse(resource) });
            } catch (error) {
              // Two of the random names fold to the same.
              expect((error as { code?: string }).code).toBe('uniqueness');
            }
          }
          for (const filter of asked) {
            const all = { startIndex: 1, count: 100 };
            const { total, users } = await sql.run((tx) => listUsers(tx, 'default', filter, all));
            const expected = stored.filter(({ resource }) => matches(filter, resource)).map(({ id }) => id);
            expect([printFilter(filter), users.map(({ id }) => id)]).toEqual([printFilter(filter), expected]);
            expect(total).toBe(expected.length);
          }
        } finally {
          await sql.close();
        }
      },
    ),
    { numRuns: 150 },
  );
});

test('a name is searchable only where there is an index', () => {
  expect(indexed.every(isUserSearchable)).toBe(true);
  expect(
    ['title', 'emails.primary', 'phoneNumbers.value', 'constructor', 'emails.constructor'].some(isUserSearchable),
  ).toBe(false);
});
