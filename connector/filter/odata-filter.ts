// From OData's expressions to the one tree of all filters: comparisons of properties with literals, startswith, endswith,
// `in`, any() over collections, emptiness by $count. Whatever else is a good expression is refused as unsupported: a
// filter that is answered means exactly what it says.

import type { Field, Filter, Literal, Operator } from './filter.ts';
import {
  type Comparison,
  type Expression,
  instantOf,
  ODataError,
  type ODataLiteral,
  parseExpression,
  type Segment,
} from './odata.ts';
import { filterLimits } from './scim.ts';

/** What is done with a property. `null` is comparing with it, `count` is asking whether a collection is empty. */
export type ODataUse = Exclude<Operator, 'co'> | 'null' | 'count';

/** A property by its path; `elements` are those of a collection, by '' where they are plain values. */
export interface Resolved {
  readonly field: Field;
  readonly elements?: Readonly<Record<string, Field>>;
}

/** What an expression may name. */
export interface Vocabulary {
  /** The type that its names belong to, for messages: `microsoft.graph.user`. */
  readonly type: string;
  /** Undefined: there is none of this name. */
  readonly resolve: (name: string) => Resolved | undefined;
  /** Throws when this property is not to be used so. */
  readonly admit?: (property: Field, use: ODataUse) => void;
  /** Throws when the query has none of this: negation, lists of alternatives. */
  readonly admitAny?: (what: 'not' | 'or', alternatives: number) => void;
}

/**
 * Parses a filter.
 * @throws ODataError, and what the vocabulary throws
 */
export function parseODataFilter(text: string, vocabulary: Vocabulary): Filter {
  if (/^[ \t]/.test(text)) throw new ODataError('syntax', `Syntax error at position 0 in '${text.slice(0, 200)}'.`, 0);
  const terms = { left: filterLimits.terms };
  return translate(parseExpression(text), { vocabulary, terms });
}

interface Scope {
  readonly vocabulary: Vocabulary;
  readonly terms: { left: number };
  /** Within any(): what the variable is. */
  readonly variable?: { readonly name: string; readonly of: Resolved };
}

function unsupported(at: number): never {
  throw new ODataError('unsupported', 'Unsupported Query.', at);
}

function translate(expression: Expression, scope: Scope): Filter {
  switch (expression.kind) {
    case 'and':
    case 'or':
      if (expression.kind === 'or') scope.vocabulary.admitAny?.('or', expression.parts.length);
      return { kind: expression.kind, filters: expression.parts.map((part) => translate(part, scope)) };
    case 'not':
      scope.vocabulary.admitAny?.('not', 1);
      return { kind: 'not', filter: translate(expression.operand, scope) };
    case 'compare':
      return compared(expression, scope);
    case 'in':
      return within(expression, scope);
    case 'call':
      return called(expression, scope);
    case 'path':
      return standing(expression, scope);
    default:
      return unsupported(expression.at);
  }
}

/** A path that is a filter by itself: any(…), or a boolean property. */
function standing(expression: Expression & { kind: 'path' }, scope: Scope): Filter {
  const last = expression.segments.at(-1);
  if (last?.name === 'any' && last.called) return some(expression, last, scope);
  const { field } = named(expression, scope);
  if (field.type !== 'boolean') {
    throw new ODataError('types', 'The $filter expression must evaluate to a single boolean value.', expression.at);
  }
  return term({ field, operator: 'eq', value: true }, expression.at, scope);
}

function some({ segments, at }: Expression & { kind: 'path' }, { lambda }: Segment, scope: Scope): Filter {
  // Lambdas within lambdas are beyond the tree, and so is a collection behind another property.
  if (scope.variable || segments.length !== 2) return unsupported(at);
  const of = named({ kind: 'path', segments: segments.slice(0, 1), at }, scope);
  if (!of.elements) {
    throw new ODataError('types', 'Any/All may only be used following a collection.', at);
  }
  if (!lambda) {
    scope.vocabulary.admit?.(of.field, 'count');
    spend(scope, at);
    return { kind: 'present', field: of.field };
  }
  const filter = translate(lambda.body, { ...scope, variable: { name: lambda.variable, of } });
  return { kind: 'some', field: of.field, filter };
}

const flipped = { eq: 'eq', ne: 'ne', gt: 'lt', ge: 'le', lt: 'gt', le: 'ge' } as const satisfies Record<
  Comparison,
  Comparison
>;

function compared({ left, right, operator, at }: Expression & { kind: 'compare' }, scope: Scope): Filter {
  if (right.kind === 'literal') return comparing(left, operator, right.literal, at, scope);
  if (left.kind === 'literal') return comparing(right, flipped[operator], left.literal, at, scope);
  return unsupported(at);
}

function comparing(subject: Expression, operator: Comparison, literal: ODataLiteral, at: number, scope: Scope): Filter {
  if (subject.kind === 'call' || isAny(subject)) {
    // `startswith(mail,'a') eq true`, as query builders write it.
    const exact = operator === 'eq' || operator === 'ne';
    if (literal.type !== 'boolean' || !exact) return unsupported(at);
    const filter = translate(subject, scope);
    if (literal.value === (operator === 'eq')) return filter;
    scope.vocabulary.admitAny?.('not', 1);
    return { kind: 'not', filter };
  }
  if (subject.kind !== 'path') return unsupported(at);
  if (subject.segments.at(-1)?.name === '$count') return counted(subject, operator, literal, at, scope);
  const { field, elements } = named(subject, scope);
  if (elements) return mistyped(field, literal, operator, at);
  return term({ field, operator, value: literalOf(field, literal, operator, at) }, at, scope);
}

function isAny(expression: Expression): boolean {
  return expression.kind === 'path' && expression.segments.at(-1)?.name === 'any';
}

/** Is a collection empty? How many there are is not known. */
function counted(
  { segments, at: start }: Expression & { kind: 'path' },
  operator: Comparison,
  literal: ODataLiteral,
  at: number,
  scope: Scope,
): Filter {
  if (scope.variable || segments.length !== 2 || segments.some(({ called }) => called)) return unsupported(at);
  const { field, elements } = named({ kind: 'path', segments: segments.slice(0, 1), at: start }, scope);
  if (!elements) throw new ODataError('types', '$count may only be used following a collection.', at);
  const asked = literal.type === 'number' ? `${operator} ${literal.value}` : '';
  const empty = ['eq 0', 'le 0', 'lt 1'].includes(asked);
  if (!empty && !['ne 0', 'gt 0', 'ge 1'].includes(asked)) return unsupported(at);
  scope.vocabulary.admit?.(field, 'count');
  spend(scope, at);
  const present: Filter = { kind: 'present', field };
  return empty ? { kind: 'not', filter: present } : present;
}

function within({ left, list, at }: Expression & { kind: 'in' }, scope: Scope): Filter {
  if (left.kind !== 'path' || list.length === 0) return unsupported(at);
  const { field, elements } = named(left, scope);
  if (elements) return unsupported(at);
  const terms = list.map((literal) => {
    return term({ field, operator: 'eq', value: literalOf(field, literal, 'eq', at) }, at, scope);
  });
  if (terms.length > 1) scope.vocabulary.admitAny?.('or', terms.length);
  return terms.length === 1 ? (terms[0] as Filter) : { kind: 'or', filters: terms };
}

const parts: Readonly<Record<string, 'sw' | 'ew'>> = { startswith: 'sw', endswith: 'ew' };

function called({ name, parameters, at }: Expression & { kind: 'call' }, scope: Scope): Filter {
  const operator = parts[name];
  const [subject, part, ...more] = parameters;
  if (!operator || subject?.kind !== 'path' || part?.kind !== 'literal' || more.length > 0) return unsupported(at);
  const { field, elements } = named(subject, scope);
  if (elements || part.literal.type !== 'string' || field.type !== 'string') {
    throw new ODataError(
      'types',
      `No function signature for the function with name '${name}' matches the specified arguments.`,
      at,
    );
  }
  return term({ field, operator, value: textOf(part.literal.value, at) }, at, scope);
}

function term(
  { field, operator, value }: { field: Field; operator: Operator; value: Literal },
  at: number,
  scope: Scope,
): Filter {
  spend(scope, at);
  // Within any() it is the collection that is asked: names there are the elements'.
  const property = scope.variable?.of.field ?? field;
  if (value === null) scope.vocabulary.admit?.(property, 'null');
  if (value !== null || operator === 'ne') scope.vocabulary.admit?.(property, operator as ODataUse);
  return { kind: 'compare', field, operator, value };
}

function spend({ terms }: Scope, at: number): void {
  if (--terms.left < 0) throw new ODataError('unsupported', 'The filter has too many terms.', at);
}

/** The property that a path names: of the resource, or within any() of the variable. */
function named({ segments, at }: { segments: readonly Segment[]; at: number; kind: 'path' }, scope: Scope): Resolved {
  const [first, second, ...more] = segments;
  if (!first || more.length > 0 || segments.some(({ name, called }) => called || /[$@.]/.test(name)))
    return unsupported(at);
  if (!scope.variable) {
    if (second) return unsupported(at);
    return scope.vocabulary.resolve(first.name) ?? unknown(first.name, scope.vocabulary.type, at);
  }
  // Properties of the resource cannot be compared within any(): the tree looks at one element at a time.
  if (first.name !== scope.variable.name) return unsupported(at);
  const { elements = {}, field } = scope.variable.of;
  const name = second?.name ?? '';
  const element = Object.entries(elements).find(([own]) => own.toLowerCase() === name.toLowerCase());
  if (element) return { field: element[1] };
  return name === '' ? unsupported(at) : unknown(name, field.path, at);
}

function unknown(name: string, type: string, at: number): never {
  throw new ODataError('property', `Could not find a property named '${name}' on type '${type}'.`, at);
}

const edmTypes = { string: 'Edm.String', boolean: 'Edm.Boolean', dateTime: 'Edm.DateTimeOffset' } as const;
const literalTypes: Readonly<Record<ODataLiteral['type'], string>> = {
  ...{ string: 'Edm.String', number: 'Edm.Int32', boolean: 'Edm.Boolean', guid: 'Edm.Guid' },
  ...{ date: 'Edm.Date', dateTime: 'Edm.DateTimeOffset', null: 'Edm.Null', other: 'Edm.Untyped' },
};
const kinds: Readonly<Record<Comparison, string>> = {
  ...{ eq: 'Equal', ne: 'NotEqual', gt: 'GreaterThan', ge: 'GreaterThanOrEqual', lt: 'LessThan' },
  le: 'LessThanOrEqual',
};

function mistyped({ type }: Field, literal: ODataLiteral, operator: Comparison, at: number): never {
  const found = `'${edmTypes[type as keyof typeof edmTypes] ?? 'Edm.Decimal'}' and '${literalTypes[literal.type]}'`;
  const message = `A binary operator with incompatible types was detected. Found operand types ${found} for operator kind '${kinds[operator]}'.`;
  throw new ODataError('types', message, at);
}

function literalOf(field: Field, literal: ODataLiteral, operator: Comparison, at: number): Literal {
  const exact = operator === 'eq' || operator === 'ne';
  if (literal.type === 'other') return unsupported(at);
  if (literal.type === 'null') return exact ? null : unsupported(at);
  switch (field.type) {
    case 'string':
      return literal.type === 'string' ? textOf(literal.value, at) : mistyped(field, literal, operator, at);
    case 'boolean':
      if (literal.type !== 'boolean') return mistyped(field, literal, operator, at);
      return exact ? literal.value : unsupported(at);
    case 'dateTime': {
      if (literal.type !== 'dateTime' && literal.type !== 'date') return mistyped(field, literal, operator, at);
      const instant = instantOf({ type: literal.type, value: literal.value });
      // Beyond the years that a Date has.
      return Number.isNaN(instant) ? unsupported(at) : new Date(instant).toISOString();
    }
    case 'decimal':
    case 'integer':
      return literal.type === 'number' ? literal.value : mistyped(field, literal, operator, at);
    default:
      return unsupported(at);
  }
}

/** PostgreSQL has no NUL and no lone surrogates in text, and no property can have them. */
function textOf(value: string, at: number): string {
  return value.includes('\0') || !value.isWellFormed() ? unsupported(at) : value;
}

/** Writes a filter so that `parseODataFilter` reads the same tree again. */
export function printODataFilter(filter: Filter, variable?: string): string {
  const name = ({ path, steps }: Field) => (variable === undefined ? path : [variable, ...steps].join('/'));
  switch (filter.kind) {
    case 'compare': {
      const { field, operator, value } = filter;
      const part = { sw: 'startswith', ew: 'endswith', co: 'contains' }[operator as string];
      const literal = literalText(field, value);
      return part ? `${part}(${name(field)},${literal})` : `${name(field)} ${operator} ${literal}`;
    }
    case 'present':
      return `${filter.field.path}/any()`;
    case 'some':
      return `${filter.field.path}/any(x:${printODataFilter(filter.filter, 'x')})`;
    case 'not':
      return `not (${printODataFilter(filter.filter, variable)})`;
    case 'and':
      return filter.filters
        .map((part) => grouped(part, part.kind === 'and' || part.kind === 'or', variable))
        .join(' and ');
    case 'or':
      return filter.filters.map((part) => grouped(part, part.kind === 'or', variable)).join(' or ');
  }
}

function grouped(filter: Filter, brackets: boolean, variable: string | undefined): string {
  const text = printODataFilter(filter, variable);
  return brackets ? `(${text})` : text;
}

function literalText({ type }: Field, value: Literal): string {
  return typeof value === 'string' && type !== 'dateTime' ? `'${value.replaceAll("'", "''")}'` : String(value);
}
