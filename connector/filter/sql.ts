// A filter as the condition of a statement, in SQL that SQLite and PostgreSQL both understand. Every piece is either true
// or false, never null, so that `not` means what RFC 7644 says; values are bound, never written into the text.

import type { Value } from '../sql/sql.ts';
import { comparisonKey, type Filter, type Literal, type Operator } from './filter.ts';
import { successor } from './fold.ts';

/** Where an attribute's comparison key is kept: folded text, milliseconds, or 0 and 1. */
export interface Column {
  /** An SQL expression. */
  readonly key: string;
  /** The condition under which it has a value; absent: it always has. */
  readonly present?: string;
  /** What a text is compared as, where the key holds it otherwise; null: nothing fits, undefined: SQL cannot say it. */
  readonly written?: (operator: Operator, text: string) => string | null | undefined;
}

/** Rows that hold the elements of a multi-valued attribute. */
export interface Rows {
  /** A condition on the resource: some row fits `condition`. `values` come before those of the condition. */
  readonly some: (condition: string) => string;
  readonly values: readonly Value[];
  /** By the name of the sub-attribute; `value` also stands for an attribute that has none. */
  readonly columns: Readonly<Record<string, Column>>;
  /** Are there rows beside those of the attribute? Then what fits is looked at. */
  readonly loose?: true;
}

/** What can be searched: columns by the field's path, rows by the path of the multi-valued attribute. */
export interface Columns {
  readonly own: Readonly<Record<string, Column>>;
  readonly rows: Readonly<Record<string, Rows>>;
}

export interface Condition {
  readonly text: string;
  readonly values: readonly Value[];
}

/** A filter as a condition. `exact`: what fits the condition fits the filter; otherwise it may not, and must be looked at. */
export interface Compiled extends Condition {
  readonly exact: boolean;
}

/** What a condition costs. */
export interface Weight {
  /** About as many terms are looked at for each resource; 0 where an index leads to the one that fits. */
  readonly each: number;
  /** Lists of rows that are made before anything is looked at, whatever else the condition says; long ones count 8. */
  readonly lists: number;
}

/** Beyond this a statement takes so long that nobody else has a turn meanwhile. */
export const mostWeight = { each: 32, lists: 32 } as const;

/** What a condition would cost. @param own what lies in columns @param unique those that no two resources share */
export function weightOf(filter: Filter, own: Columns['own'], unique: readonly string[]): Weight {
  switch (filter.kind) {
    case 'and':
    case 'or': {
      const parts = filter.filters.map((part) => weightOf(part, own, unique));
      const found = ({ each, lists }: Weight) => each === 0 && lists === 0;
      const byIndex = filter.kind === 'and' ? parts.some(found) : parts.every(found);
      const sum = (of: (one: Weight) => number) => parts.reduce((total, one) => total + of(one), 0);
      return { each: byIndex ? 0 : sum(({ each }) => Math.max(1, each)), lists: sum(({ lists }) => lists) };
    }
    case 'not': {
      const { each, lists } = weightOf(filter.filter, own, []);
      return { each: Math.max(1, each), lists };
    }
    case 'some':
      return { each: 1, lists: 8 };
    case 'present':
    case 'compare': {
      const { path } = filter.field;
      const equal = filter.kind === 'compare' && filter.operator === 'eq';
      if (equal && unique.includes(path)) return { each: 0, lists: 0 };
      if (at(own, path)) return { each: 1, lists: 0 };
      // Among the rows an index leads to the same value, and everything else is looked for in all of them.
      return { each: 1, lists: equal ? 1 : 8 };
    }
  }
}

/**
 * Compiles as much of a filter as there are columns for: everything that fits the filter fits the condition. Undefined
 * when nothing of it can be said in SQL.
 */
export function compile(filter: Filter, columns: Columns): Compiled | undefined {
  switch (filter.kind) {
    case 'and': {
      const parts = filter.filters.map((part) => compile(part, columns));
      const known = parts.filter((part) => part !== undefined);
      if (known.length === 0) return undefined;
      return { ...joined(known, 'and'), exact: known.length === parts.length && known.every(({ exact }) => exact) };
    }
    case 'or': {
      const parts = filter.filters.map((part) => compile(part, columns));
      const known = parts.filter((part) => part !== undefined);
      if (known.length < parts.length) return undefined;
      return { ...joined(known, 'or'), exact: known.every(({ exact }) => exact) };
    }
    case 'not': {
      const inner = compile(filter.filter, columns);
      return inner?.exact ? { ...negated(inner), exact: true } : undefined;
    }
    case 'some': {
      if (filter.field.absent) return { ...never, exact: true };
      const rows = at(columns.rows, filter.field.path);
      if (!rows) return undefined;
      const inner = compile(filter.filter, { own: rows.columns, rows: {} });
      const exact = inner?.exact === true && !rows.loose;
      return { ...inRows(rows, inner ?? always), exact };
    }
    case 'present':
    case 'compare': {
      const condition = filter.field.absent ? onColumn(filter, nowhere) : term(filter, columns);
      return condition && { ...condition, exact: !rowsOf(filter.field.path, columns)?.rows.loose };
    }
  }
}

const always: Condition = { text: '1 = 1', values: [] };
const never: Condition = { text: '1 = 0', values: [] };
/** Of an attribute that only another type of resource has. */
const nowhere: Column = { key: `''`, present: never.text };

function at<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

function joined(parts: readonly Condition[], word: 'and' | 'or'): Condition {
  return {
    text: `(${parts.map(({ text }) => text).join(` ${word} `)})`,
    values: parts.flatMap(({ values }) => values),
  };
}

function inRows(rows: Rows, condition: Condition): Condition {
  return { text: rows.some(condition.text), values: [...rows.values, ...condition.values] };
}

function negated({ text, values }: Condition): Condition {
  return { text: `not (${text})`, values };
}

function split(path: string): [string, string] {
  const dot = path.lastIndexOf('.');
  return [path.slice(0, dot), path.slice(dot + 1)];
}

function term(filter: Filter & { kind: 'present' | 'compare' }, columns: Columns): Condition | undefined {
  const { path } = filter.field;
  const own = at(columns.own, path);
  if (own) return onColumn(filter, own);
  // Of many values one is enough (RFC 7644 §3.4.2.2): the condition is looked for among the rows.
  const { rows, column, whole } = rowsOf(path, columns) ?? {};
  if (!rows) return undefined;
  if (filter.kind === 'present') return whole ? inRows(rows, always) : column && inRows(rows, presence(column));
  // Nearly everybody fits these: lists of everybody would be made, for each such term.
  if (!column || filter.value === null || filter.operator === 'ne') return undefined;
  const compared = comparison(filter, column, filter.value);
  return compared && inRows(rows, joined([presence(column), compared], 'and'));
}

/** The rows in which an attribute's values are looked for, and which of their columns holds them. */
function rowsOf(
  path: string,
  columns: Columns,
): { rows: Rows; column: Column | undefined; whole: boolean } | undefined {
  const own = at(columns.rows, path);
  if (own) return { rows: own, column: at(own.columns, 'value'), whole: true };
  const [name, sub] = split(path);
  const rows = at(columns.rows, name);
  const column = rows && at(rows.columns, sub);
  return rows && column && { rows, column, whole: false };
}

function presence({ present }: Column): Condition {
  return present === undefined ? always : { text: present, values: [] };
}

function onColumn(filter: Filter & { kind: 'present' | 'compare' }, column: Column): Condition | undefined {
  const present = presence(column);
  if (filter.kind === 'present') return present;
  if (filter.value === null) return filter.operator === 'eq' ? negated(present) : present;
  const compared = comparison(filter, column, filter.value);
  if (!compared || !column.present) return compared;
  return filter.operator === 'ne' ? joined([negated(present), compared], 'or') : joined([present, compared], 'and');
}

const signs = { eq: '=', ne: '<>', gt: '>', ge: '>=', lt: '<', le: '<=' } as const;

function comparison(
  { field, operator }: Filter & { kind: 'compare' },
  { key, written }: Column,
  literal: NonNullable<Literal>,
): Condition | undefined {
  const found = comparisonKey(field, literal) ?? literal;
  const held = written && typeof found === 'string' ? written(operator, found) : found;
  if (held === undefined) return undefined;
  if (held === null) return never;
  const value: Value = typeof held === 'boolean' ? Number(held) : held;
  if (operator !== 'co' && operator !== 'sw' && operator !== 'ew') {
    return { text: `${key} ${signs[operator]} ?`, values: [value] };
  }
  // No LIKE: its wildcards would have to be escaped, and SQLite's knows no exact case.
  const part = String(value);
  if (part === '') return always;
  if (operator === 'co') return { text: `replace(${key}, ?, '') <> ${key}`, values: [part] };
  if (operator === 'ew') {
    const length = Array.from(part).length;
    return {
      text: `(length(${key}) >= ? and substr(${key}, length(${key}) - ? + 1) = ?)`,
      values: [length, length, part],
    };
  }
  const end = successor(part);
  return end === undefined
    ? { text: `${key} >= ?`, values: [part] }
    : { text: `(${key} >= ? and ${key} < ?)`, values: [part, end] };
}
