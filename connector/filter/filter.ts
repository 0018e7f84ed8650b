// The one tree of all filters. A notation (scim.ts, later odata.ts) is parsed into it with its names already resolved;
// sql.ts and `matches` say what it means. Semantics: RFC 7644 §3.4.2.2.

import { compareText, fold } from './fold.ts';

export const operators = ['eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le'] as const;
export type Operator = (typeof operators)[number];
export type Literal = string | number | boolean | null;

export type FieldType = 'string' | 'boolean' | 'decimal' | 'integer' | 'dateTime' | 'binary' | 'reference' | 'complex';

/** What a filter must know of an attribute (RFC 7643 §2.2, §2.3); the notation's table of attributes supplies it. */
export interface Field {
  /** As it is printed, and the key of its column: `userName`, `emails.value`, `urn:…:User:department`. */
  readonly path: string;
  /** The way to its values from the resource, or, inside a value path, from one element. */
  readonly steps: readonly string[];
  readonly type: FieldType;
  readonly caseExact: boolean;
  /** Other types of resources have it, this one never does (RFC 7644 §3.4.2.1): a query over several types. */
  readonly absent?: true;
}

export type Filter =
  | { readonly kind: 'compare'; readonly field: Field; readonly operator: Operator; readonly value: Literal }
  | { readonly kind: 'present'; readonly field: Field }
  | { readonly kind: 'and' | 'or'; readonly filters: readonly Filter[] }
  | { readonly kind: 'not'; readonly filter: Filter }
  /** `emails[type eq "work"]`: some one element fits the whole filter. */
  | { readonly kind: 'some'; readonly field: Field; readonly filter: Filter };

/** Does this JSON resource, or this element of a multi-valued attribute, fit? */
export function matches(filter: Filter, resource: unknown): boolean {
  switch (filter.kind) {
    case 'and':
      return filter.filters.every((part) => matches(part, resource));
    case 'or':
      return filter.filters.some((part) => matches(part, resource));
    case 'not':
      return !matches(filter.filter, resource);
    case 'present':
      return valuesOf(filter.field, resource).some(isPresent);
    case 'some':
      return valuesOf(filter.field, resource).some((element) => matches(filter.filter, element));
    case 'compare':
      return compares(filter, valuesOf(filter.field, resource).filter(isPresent));
  }
}

function valuesOf(field: Field, resource: unknown): unknown[] {
  return field.absent ? [] : valuesAt(resource, field.steps);
}

const wantedKeys = new WeakMap<Filter, Key>();

/** The literal as it is compared: the same for every one of a hundred thousand resources. */
function wantedKey(filter: Filter & { kind: 'compare' }): Key {
  let key = wantedKeys.get(filter);
  if (key === undefined) {
    key = comparisonKey(filter.field, filter.value);
    wantedKeys.set(filter, key);
  }
  return key;
}

/** Of a multi-valued attribute one value that fits is enough; an unassigned one is equal to null and to nothing else. */
function compares(filter: Filter & { kind: 'compare' }, present: unknown[]): boolean {
  const { field, operator, value } = filter;
  if (value === null) return (operator === 'eq') === (present.length === 0);
  if (operator === 'ne' && present.length === 0) return true;
  const wanted = wantedKey(filter);
  return present.some((one) => holds(operator, comparisonKey(field, one), wanted));
}

type Key = string | number | boolean | undefined;

function holds(operator: Operator, actual: Key, wanted: Key): boolean {
  if (operator === 'eq') return actual === wanted;
  if (operator === 'ne') return actual !== wanted;
  if (typeof actual !== typeof wanted) return false;
  if (typeof actual === 'string' && typeof wanted === 'string') {
    if (operator === 'co') return actual.includes(wanted);
    if (operator === 'sw') return actual.startsWith(wanted);
    if (operator === 'ew') return actual.endsWith(wanted);
    return ordered(operator, compareText(actual, wanted));
  }
  return ordered(operator, Number(actual) - Number(wanted));
}

function ordered(operator: Operator, difference: number): boolean {
  if (operator === 'gt') return difference > 0;
  if (operator === 'ge') return difference >= 0;
  if (operator === 'lt') return difference < 0;
  return operator === 'le' && difference <= 0;
}

/** The value as it is compared: folded unless caseExact, a dateTime as milliseconds since the epoch. */
export function comparisonKey(field: Field, value: unknown): Key {
  if (field.type === 'dateTime') return typeof value === 'string' ? instant(value) : undefined;
  if (typeof value === 'string') return field.caseExact ? value : fold(value);
  return typeof value === 'number' || typeof value === 'boolean' ? value : undefined;
}

/** Milliseconds since the epoch of an xsd:dateTime; one without a zone is in UTC, wherever the server stands. */
export function instant(dateTime: string): number {
  return Date.parse(/(Z|[+-]\d\d:\d\d)$/.test(dateTime) ? dateTime : `${dateTime}Z`);
}

/**
 * The value by which a list is sorted (RFC 7644 §3.4.2.3): of a multi-valued attribute that of the primary element, or
 * else of the first. Undefined when there is none.
 */
export function sortValue(field: Field, resource: unknown): unknown {
  if (field.absent) return undefined;
  let node = resource;
  for (const step of field.steps) {
    if (Array.isArray(node)) node = node.find((one) => one?.primary === true) ?? node[0];
    if (typeof node !== 'object' || node === null || !Object.hasOwn(node, step)) return undefined;
    node = (node as Record<string, unknown>)[step];
  }
  if (Array.isArray(node)) node = node[0];
  return isPresent(node) ? node : undefined;
}

/** What a filter looks at in the resource, without what stands within brackets. */
export function fieldsOf(filter: Filter): Field[] {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return filter.filters.flatMap(fieldsOf);
    case 'not':
      return fieldsOf(filter.filter);
    default:
      return [filter.field];
  }
}

/** All values at the end of a path; arrays on the way and at the end are opened. */
export function valuesAt(node: unknown, steps: readonly string[]): unknown[] {
  let nodes = [node].flat();
  for (const step of steps) {
    nodes = nodes.flatMap((one) =>
      typeof one === 'object' && one !== null && Object.hasOwn(one, step)
        ? [(one as Record<string, unknown>)[step]].flat()
        : [],
    );
  }
  return nodes;
}

/** RFC 7644 §3.4.2.2 `pr`: a non-empty value, or a complex one with a non-empty node. */
function isPresent(value: unknown): boolean {
  if (value === null || value === undefined || value === '') return false;
  return typeof value === 'object' ? Object.values(value).some(isPresent) : true;
}
