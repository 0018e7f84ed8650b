// SCIM's filters: the examples of RFC 7644 as they stand, what is refused and where, and two properties: printing and
// parsing are inverse, and the database finds exactly what `matches` says.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Filter, matches } from '../../connector/filter/filter.ts';
import { filterLimits, parseFilter, parsePath, printFilter } from '../../connector/filter/scim.ts';
import { fieldOf } from '../../connector/scim/attribute.ts';
import { user } from '../../connector/scim/user.ts';
import { core, enterprise } from '../scim/scim-server.ts';
import { trees } from './arbitraries.ts';

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

  test('RFC 7644 Figure 2 wraps its filters: a line end or a tab separates as a space does', () => {
    const wrapped = 'userType eq "Employee" and\r\n\temails[type eq "work"\nand\tvalue co "@example.com"]\n';
    expect(parse(wrapped)).toEqual(parse(wrapped.replace(/\s+/g, ' ')));
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
    ['userName\u00a0eq "a"', 8],
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
    // RFC 7644 Table 9: invalidFilter is for what stands between the brackets.
    ['emails[type eq "work"].', 'invalidPath'],
    ['emails[type eq "work"]value', 'invalidPath'],
    ['emails[type eq "work"].value.x', 'invalidPath'],
    ['emails[type eq "work"]]', 'invalidPath'],
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

const everywhere = ['userName', 'externalId', 'title', 'name.familyName', 'emails.value', 'roles.primary', 'active'];

test('parse(print(f)) = f', () => {
  const names = [...everywhere, 'meta.created', `${enterprise}:department`, `${enterprise}:manager.value`];
  fc.assert(
    fc.property(trees(user, names, { emails: ['type', 'value', 'primary'] }), (filter) => {
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
