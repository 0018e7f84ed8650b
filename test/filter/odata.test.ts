// OData's notation: OASIS's own test cases of the ABNF, what is parsed and what it means, and that a tree survives being
// written and read again.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Field, type FieldType, type Filter, matches } from '../../connector/filter/filter.ts';
import { instantOf, ODataError, parseLiteral } from '../../connector/filter/odata.ts';
import {
  parseODataFilter,
  printODataFilter,
  type Resolved,
  type Vocabulary,
} from '../../connector/filter/odata-filter.ts';
import { GraphError } from '../../connector/graph/error.ts';
import { checkFormat, readCount, readOptions, readOrder, readSelect, readTop } from '../../connector/graph/query.ts';
import { userVocabulary } from '../../connector/graph/user-query.ts';

// A vocabulary of these names, each of one type ----------------------------------------------------------------------

function vocabularyOf(
  names: Readonly<Record<string, FieldType | 'strings' | 'complexes'>>,
  elements: Readonly<Record<string, FieldType>> = {},
): Vocabulary {
  const field = (path: string, type: FieldType): Field => ({ path, steps: [path], type, caseExact: false });
  const resolve = (name: string): Resolved | undefined => {
    const type = Object.hasOwn(names, name) ? names[name] : undefined;
    if (type === undefined) return undefined;
    if (type === 'complexes') {
      const parts = Object.entries(elements).map(([part, kind]) => [part, field(part, kind)] as const);
      return { field: field(name, 'complex'), elements: Object.fromEntries(parts) };
    }
    if (type !== 'strings') return { field: field(name, type) };
    return { field: field(name, 'string'), elements: { '': { ...field('value', 'string'), steps: [] } } };
  };
  return { type: 'sample', resolve };
}

const sample = vocabularyOf({ name: 'string', size: 'decimal', on: 'boolean', at: 'dateTime', tags: 'strings' });
const parse = (text: string) => parseODataFilter(text, sample);
const faultOf = (text: string, vocabulary = sample) => {
  try {
    parseODataFilter(text, vocabulary);
  } catch (error) {
    if (error instanceof ODataError) return [error.fault, error.position];
    throw error;
  }
  return 'parsed';
};

describe('what is parsed means what it says', () => {
  const ada = { name: 'Ada', size: 3, on: true, at: '2026-11-22T09:00:00.000Z', tags: ['x', "O'Neil"] };
  const none = { tags: [] };
  test.each<[string, boolean, boolean]>([
    ["name eq 'ADA'", true, false],
    ["'ada' eq name", true, false],
    ["name ne 'bob'", true, true],
    ['name eq null', false, true],
    ['null ne name', true, false],
    ["startswith(name,'ad') and endsWith(name, 'a')", true, false],
    ["startswith(name,'x') eq false", true, true],
    ["not startswith(name,'x')", true, true],
    ["not(name eq 'ada')", false, true],
    ["name eq 'b' or name eq 'ada' and size gt 5", false, false],
    ["(name eq 'b' or name eq 'ada') and size gt 2", true, false],
    ['2 lt size', true, false],
    ['size le 3.0', true, false],
    ['size eq -3e0', false, false],
    ['on', true, false],
    ['not on', false, true],
    ['on eq TRUE', true, false],
    ['at eq 2026-11-22T10:00+01:00', true, false],
    ['at ge 2026-11-22', true, false],
    ['at lt 2026-11-22T09:00:00Z', false, false],
    ["name in ('x','Ada')", true, false],
    ["name in ('x', null)", false, true],
    ["tags/any(t:t eq 'o''neil')", true, false],
    ["tags/any(t:t eq 'x' and startswith(t,'O'))", false, false],
    ["not tags/any(t:t eq 'x')", false, true],
    ["tags/any(t:t in ('a','X'))", true, false],
    ['tags/any()', true, false],
    ['tags/$count eq 0', false, true],
    ['tags/$count ge 1', true, false],
    ["name EQ 'Ada' AND size LT 4", true, false],
  ])('%s', (text, ofAda, ofNone) => {
    const filter = parse(text);
    expect([matches(filter, ada), matches(filter, none)]).toEqual([ofAda, ofNone]);
  });
});

test.each<[string, string]>([
  // Good expressions that are not answered.
  ...[
    ...[
      "contains(name,'a')",
      "tolower(name) eq 'a'",
      "tags/all(t:t eq 'a')",
      'name eq name',
      'size add 1 eq 2',
      'true',
    ],
    ...[
      'tags/any(t:t eq name)',
      "tags/any(t:tags/any(u:u eq 'a'))",
      'tags/$count gt 1',
      'name in ()',
      "other/name eq 'a'",
    ],
    ...[
      "name in ['a']",
      'name eq {"a":1}',
      'name eq @x',
      "$it/name eq 'a'",
      'size eq INF',
      'on gt true',
      'name gt null',
    ],
    ...['at eq -10000-04-01T00:00Z', "name has Sales.Pattern'Yellow'", 'not 5 eq size', "name eq duration'P1D'"],
  ].map((text): [string, string] => [text, 'unsupported']),
  // Values of another type.
  ...[
    'name eq 5',
    "size eq '5'",
    "on eq 'true'",
    "at eq '2026-11-22T00:00:00Z'",
    "startswith(size,'a')",
    'name',
    "tags eq 'a'",
  ].map((text): [string, string] => [text, 'types']),
  ...["nam eq 'a'", "tags/any(t:t/x eq 'a')"].map((text): [string, string] => [text, 'property']),
  // No expressions.
  ...[
    ...[
      '',
      ' ',
      " name eq 'a'",
      'name eq',
      "name 'a'",
      "name eq 'a",
      "name eq 'a' and",
      "(name eq 'a'",
      "name eq 'a')",
    ],
    ...[
      "name = 'a'",
      "name eq 'a' name",
      "name eq 'a''",
      'name eq "a"',
      "any(t:t eq 'a')",
      'tags/all()',
      "startswith(name,'a'",
    ],
    ...[
      "name in ('a' 'b')",
      'name in (name,name)',
      'at eq 2026-13-01T00:00Z',
      'at eq 2026-11-22T24:00Z',
      'at eq 2026-11-22T10:00',
    ],
    ...[
      "name eqq 'a'",
      "name eq 'a' && on",
      "$filter eq 'a'",
      'na me',
      'tags/any(t:)',
      "tags/any(t eq 'a')",
      'name eq \u0000',
    ],
  ].map((text): [string, string] => [text, 'syntax']),
])('%j is refused: %s', (text, fault) => {
  expect([text, faultOf(text)[0]]).toEqual([text, fault]);
});

test('what is too long, too deep or has too many terms is refused, and quickly', () => {
  const deep = `${'('.repeat(4000)}on${')'.repeat(4000)}`;
  expect(faultOf(deep)[0]).toBe('unsupported');
  expect(faultOf(`${'not '.repeat(2000)}on`)[0]).toBe('unsupported');
  expect(faultOf(`name eq ${'['.repeat(4000)}`)[0]).toBe('unsupported');
  expect(faultOf(`name eq ${'{"a":'.repeat(1500)}`)[0]).toBe('unsupported');
  expect(faultOf(`${'tags/any(t:'.repeat(700)}`)[0]).toBe('unsupported');
  expect(faultOf(`${'concat('.repeat(1100)}`)[0]).toBe('unsupported');
  expect(faultOf(`name eq '${'a'.repeat(9000)}'`)[0]).toBe('syntax');
  const terms = (count: number) => Array.from({ length: count }, () => 'on').join(' or ');
  expect([faultOf(terms(256)), faultOf(terms(257))[0]]).toEqual(['parsed', 'unsupported']);
  expect(faultOf(`name in (${Array(257).fill("'a'").join(',')})`)[0]).toBe('unsupported');
});

test('whatever comes, it is parsed or refused', () => {
  const piece = fc.constantFrom(
    ...[
      'name',
      'tags',
      'on',
      '/',
      'any',
      '(',
      ')',
      ':',
      't',
      "'a'",
      ' ',
      'eq',
      'and',
      'not',
      'in',
      ',',
      '5',
      '$count',
      'null',
    ],
    ...[
      '-',
      '[',
      ']',
      '{',
      '}',
      '"a"',
      '@x',
      '.',
      '2026-11-22',
      'T00:00Z',
      "''",
      'startswith',
      '$it',
      '=',
      '\t',
      'é',
      '\u0000',
    ],
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(piece, { maxLength: 24 }).map((all) => all.join('')),
        fc.string(),
      ),
      (text) => {
        faultOf(text);
      },
    ),
    { numRuns: 3000 },
  );
});

// Writing and reading again ------------------------------------------------------------------------------------------

const asking = userVocabulary({ advanced: true });
const resolved = (name: string) => asking.resolve(name) as Resolved;
const text = fc
  .string({ unit: 'grapheme', minLength: 0, maxLength: 6 })
  .filter((one) => !one.includes('\0') && one.isWellFormed());
const times = fc.integer({ min: 0, max: 2e12 }).map((at) => new Date(at).toISOString());

function leaf(
  field: Field,
  values: fc.Arbitrary<string | boolean>,
  operators: readonly string[],
): fc.Arbitrary<Filter> {
  const kind = fc.constant('compare' as const);
  const some = fc.record({ kind, field: fc.constant(field), operator: fc.constantFrom(...operators), value: values });
  const none = fc.record({
    kind,
    field: fc.constant(field),
    operator: fc.constantFrom('eq', 'ne'),
    value: fc.constant(null),
  });
  return fc.oneof({ weight: 5, arbitrary: some }, { weight: 1, arbitrary: none }) as fc.Arbitrary<Filter>;
}

const ordered = ['eq', 'ne', 'gt', 'ge', 'lt', 'le'];
const elementOf = (name: string) => resolved(name).elements?.[''] as Field;
const nullable = ['mail', 'department', 'mobilePhone'].map((name) =>
  leaf(resolved(name).field, text, [...ordered, 'sw']),
);
const trees = (leaves: fc.Arbitrary<Filter>) =>
  fc.letrec<{ tree: Filter }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      leaves,
      fc.record({
        kind: fc.constantFrom('and' as const, 'or' as const),
        filters: fc.array(tie('tree'), { minLength: 2, maxLength: 3 }),
      }),
      fc.record({ kind: fc.constant('not' as const), filter: tie('tree') }),
    ),
  })).tree;
const element = (name: string) =>
  trees(leaf(elementOf(name), text, ['eq', 'gt', 'ge', 'lt', 'le', 'sw', 'ew'])).filter(
    (tree) => !JSON.stringify(tree).includes('null'),
  );
const anyOf = (name: string): fc.Arbitrary<Filter> =>
  fc.oneof(
    fc.record({ kind: fc.constant('some' as const), field: fc.constant(resolved(name).field), filter: element(name) }),
    fc.record({ kind: fc.constant('present' as const), field: fc.constant(resolved(name).field) }),
  );
const filters = trees(
  fc.oneof(
    ...nullable,
    anyOf('otherMails'),
    anyOf('proxyAddresses'),
    leaf(resolved('accountEnabled').field, fc.boolean(), ['eq', 'ne']).filter(
      (one) => one.kind === 'compare' && one.value !== null,
    ),
    leaf(resolved('createdDateTime').field, times, ordered).filter(
      (one) => one.kind === 'compare' && one.value !== null,
    ),
  ),
);

test('a tree that is written in OData’s notation is read as the same tree', () => {
  fc.assert(
    fc.property(filters, (filter) => {
      const written = printODataFilter(filter);
      // Longer ones are refused.
      fc.pre(written.length <= 8192);
      expect([written, parseODataFilter(written, asking)]).toEqual([written, filter]);
    }),
    { numRuns: 500 },
  );
});

// OASIS --------------------------------------------------------------------------------------------------------------

interface Case {
  readonly Name: string;
  readonly Rule: string;
  readonly Input: string;
  readonly FailAt?: number;
}

const data = new URL('../../../shared/data/odata-abnf-cases.json', import.meta.url);
const oasis: { cases: Case[]; constraints: Record<string, string[]> } | undefined = existsSync(data)
  ? JSON.parse(readFileSync(data, 'utf8'))
  : undefined;

/** The names of the cases, all of one type: what is refused for its types alone may be good with others. */
function vocabularies(): Vocabulary[] {
  const of = (...kinds: string[]) => kinds.flatMap((kind) => oasis?.constraints[kind] ?? []);
  const all = <T>(names: readonly string[], type: T) => Object.fromEntries(names.map((name) => [name, type] as const));
  const collections = all(of('primitiveColProperty'), 'strings' as const);
  const complexes = all(of('complexColProperty', 'entityColNavigationProperty'), 'complexes' as const);
  const own = of('primitiveNonKeyProperty', 'primitiveKeyProperty');
  return (['string', 'decimal', 'boolean', 'dateTime'] as const).map((type) => {
    // Where one is compared with a number and another with a text.
    const types = { ...all(own, type), Price: 'decimal' } as const;
    return vocabularyOf({ ...types, ...collections, ...complexes }, types);
  });
}

type Verdict = 'parsed' | 'unsupported' | 'refused';

function filterVerdict(expression: string): Verdict {
  const faults = vocabularies().map((vocabulary) => faultOf(expression, vocabulary));
  if (faults.includes('parsed')) return 'parsed';
  return faults.some(([fault]) => fault === 'unsupported' || fault === 'types') ? 'unsupported' : 'refused';
}

const literalTypes: Record<string, readonly string[]> = {
  ...{ boolean: ['boolean'], dateTimeOffsetValue: ['dateTime'], guid: ['guid'], stringLiteral: ['string'] },
  primitiveLiteral: ['boolean', 'dateTime', 'date', 'guid', 'string', 'number', 'null', 'other'],
};

function literalVerdict(rule: string, input: string): Verdict {
  try {
    // In payloads nothing is percent-encoded.
    const literal = parseLiteral(rule === 'dateTimeOffsetValue' ? input : decodeURIComponent(input));
    if (!literalTypes[rule]?.includes(literal.type)) return 'refused';
    const far = literal.type === 'dateTime' && Number.isNaN(instantOf({ type: 'dateTime', value: literal.value }));
    return far ? 'unsupported' : 'parsed';
  } catch (error) {
    return error instanceof ODataError ? 'refused' : fail(error);
  }
}

function fail(error: unknown): never {
  throw error;
}

const known = ['select', 'filter', 'top', 'orderby', 'search', 'count', 'skiptoken', 'format'];

/** As GET /users reads a query, up to what the service has of it. */
function queryVerdict(raw: string): Verdict {
  try {
    const options = readOptions(raw, known);
    const filter = options.get('filter');
    const verdict = filter === undefined ? 'parsed' : filterVerdict(filter);
    // A token that was not given out here; what one looks like is nobody's business.
    if (options.has('skiptoken')) return 'unsupported';
    checkFormat(options.get('format'));
    const select = options.get('select');
    if (select !== undefined) readSelect(select);
    readTop(options.get('top'));
    readCount(options.get('count'));
    const order = options.get('orderby');
    if (order !== undefined) {
      // These names are no properties of a user: what remains is the form.
      if (!/^\w+([ \t]+(asc|desc))?$/i.test(order)) readOrder(order, true, false);
    }
    // Searches are read with the properties of a user; see users-read.test.ts.
    return options.has('search') ? searchVerdict(options.get('search') as string) : verdict;
  } catch (error) {
    if (!(error instanceof GraphError)) throw error;
    return error.code === 'Request_UnsupportedQuery' ? 'unsupported' : 'refused';
  }
}

function searchVerdict(search: string): Verdict {
  return /^"[A-Za-z]+:/.test(search) ? 'parsed' : 'unsupported';
}

function verdictOf({ Rule: rule, Input: input }: Case): Verdict {
  if (rule in literalTypes) return literalVerdict(rule, input);
  if (['boolCommonExpr', 'commonExpr', 'anyExpr'].includes(rule)) {
    // A part of an expression is one that is not answered, if it is one at all.
    const decoded = decodeURIComponent(input);
    return filterVerdict(rule === 'anyExpr' ? `Names/${decoded}` : decoded);
  }
  if (rule === 'searchExpr') return queryVerdict(`$search=${input}`);
  return queryVerdict(input);
}

const golden = new URL('golden/odata-parsed.json', import.meta.url);

describe.skipIf(oasis === undefined)('OASIS’s cases of the ABNF (skipped: ../shared/data is not at hand)', () => {
  const { cases = [] } = oasis ?? {};

  test('are all there', () => {
    expect([cases.length, cases.filter(({ FailAt }) => FailAt !== undefined).length]).toEqual([347, 32]);
  });

  test.each(cases.filter(({ FailAt }) => FailAt !== undefined))('refused: $Rule $Input', (one) => {
    expect(verdictOf(one)).not.toBe('parsed');
  });

  test.each(cases.filter(({ FailAt }) => FailAt === undefined))(
    'parsed, or refused as unsupported: $Rule $Input',
    (one) => {
      expect(['parsed', 'unsupported']).toContain(verdictOf(one));
    },
  );

  test('as many are parsed as ever were', () => {
    const parsed = cases.filter((one) => verdictOf(one) === 'parsed').map(({ Rule, Input }) => `${Rule}: ${Input}`);
    if (process.env.UPDATE_GOLDEN) writeFileSync(golden, `${JSON.stringify(parsed, null, 2)}\n`);
    expect(parsed).toEqual(JSON.parse(readFileSync(golden, 'utf8')));
  });
});
