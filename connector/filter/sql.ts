// A filter as the condition of a statement, in SQL that SQLite and PostgreSQL both understand. Every piece is either true
// or false, never null, so that `not` means what RFC 7644 says; values are bound, never written into the text.

import type { Value } from '../sql/sql.ts';
import { comparisonKey, type Filter, type Literal } from './filter.ts';
import { successor } from './fold.ts';

/** Where an attribute's comparison key is kept: folded text, milliseconds, or 0 and 1. */
export interface Column {
  /** An SQL expression. */
  readonly key: string;
  /** The condition under which it has a value; absent: it always has. */
  readonly present?: string;
}

/** Rows that hold the elements of a multi-valued attribute. */
export interface Rows {
  /** A condition on the resource: some row fits `condition`. `values` come before those of the condition. */
  readonly some: (condition: string) => string;
  readonly values: readonly Value[];
  /** By the name of the sub-attribute. */
  readonly columns: Readonly<Record<string, Column>>;
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

/** Can this field be searched? Ask before compiling; the parser's `resolve` does. */
export function isSearchable(
  columns: Pick<Columns, 'own'> & { rows: Record<string, Pick<Rows, 'columns'>> },
  path: string,
): boolean {
  if (Object.hasOwn(columns.own, path) || Object.hasOwn(columns.rows, path)) return true;
  const [rows, column] = split(path);
  return Object.hasOwn(columns.rows, rows) && Object.hasOwn(columns.rows[rows]?.columns ?? {}, column);
}

/**
 * Compiles a filter whose fields are all searchable.
 * @throws RangeError for one that is not: the caller should have asked
 */
export function compile(filter: Filter, columns: Columns): Condition {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return joined(
        filter.filters.map((part) => compile(part, columns)),
        filter.kind,
      );
    case 'not': {
      const inner = compile(filter.filter, columns);
      return { text: `not (${inner.text})`, values: inner.values };
    }
    case 'some': {
      const rows = columns.rows[filter.field.path];
      if (!rows) throw new RangeError(`No rows for ${filter.field.path}.`);
      return inRows(rows, compile(filter.filter, { own: rows.columns, rows: {} }));
    }
    case 'present':
    case 'compare':
      return term(filter, columns);
  }
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

function term(filter: Filter & { kind: 'present' | 'compare' }, columns: Columns): Condition {
  const { path } = filter.field;
  const own = columns.own[path];
  if (own) return onColumn(filter, own);
  // Of many values one is enough (RFC 7644 §3.4.2.2): the condition is looked for among the rows.
  const [name, sub] = split(path);
  const rows = columns.rows[columns.rows[path] ? path : name];
  const column = rows?.columns[sub];
  if (rows && columns.rows[path] && filter.kind === 'present') return inRows(rows, { text: '1 = 1', values: [] });
  if (!rows || !column) throw new RangeError(`No column for ${path}.`);
  const present = inRows(rows, presence(column));
  if (filter.kind === 'present') return present;
  if (filter.value === null) return filter.operator === 'eq' ? negated(present) : present;
  const some = inRows(rows, joined([presence(column), comparison(filter, column, filter.value)], 'and'));
  return filter.operator === 'ne' ? joined([negated(present), some], 'or') : some;
}

function presence(column: Column): Condition {
  return { text: column.present ?? '1 = 1', values: [] };
}

function onColumn(filter: Filter & { kind: 'present' | 'compare' }, column: Column): Condition {
  const present = presence(column);
  if (filter.kind === 'present') return present;
  if (filter.value === null) return filter.operator === 'eq' ? negated(present) : present;
  const compared = comparison(filter, column, filter.value);
  if (!column.present) return compared;
  return filter.operator === 'ne' ? joined([negated(present), compared], 'or') : joined([present, compared], 'and');
}

const signs = { eq: '=', ne: '<>', gt: '>', ge: '>=', lt: '<', le: '<=' } as const;

function comparison(
  { field, operator }: Filter & { kind: 'compare' },
  { key }: Column,
  literal: NonNullable<Literal>,
): Condition {
  const found = comparisonKey(field, literal) ?? literal;
  const value: Value = typeof found === 'boolean' ? Number(found) : found;
  if (operator !== 'co' && operator !== 'sw' && operator !== 'ew') {
    return { text: `${key} ${signs[operator]} ?`, values: [value] };
  }
  // No LIKE: its wildcards would have to be escaped, and SQLite's knows no exact case.
  const part = String(value);
  if (part === '') return { text: '1 = 1', values: [] };
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
