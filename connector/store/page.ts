// What a query is and what a page of it: the words that query.ts, segments.ts and listed.ts share.

import { Problem } from '#shared/problem.ts';
import { entriesOf } from '../audit.ts';
import type { Field, Filter } from '../filter/filter.ts';
import type { Tx, Work } from '../sql/sql.ts';
import type { Source } from './source.ts';

export interface Row {
  readonly id: string;
  readonly text: string;
  readonly version: number;
}

/** One type of resources that a query goes through. */
export interface Part {
  readonly source: Source;
  readonly filter?: Filter;
  /** The attribute to order by; absent in a sorted query: this type does not have it. */
  readonly sort?: Field;
  /** The whole resources of these rows, for what SQL cannot say. */
  readonly open: (tx: Tx, rows: readonly Row[]) => Work<unknown[]>;
}

export interface Query {
  readonly tenant: string;
  /** Without an order they are listed one after the other, each in the order of creation. */
  readonly parts: readonly Part[];
  readonly order?: 'ascending' | 'descending';
  /** The same text for the same filter, order and parts, and no other. */
  readonly name: string;
}

/** Where an element stands in the order: by its key (null: unassigned), then its id; without an order by part and id. */
export interface Position {
  readonly part: number;
  readonly id: string;
  /** Absent: too long to be carried about; it is looked up. */
  readonly key?: string | number | null;
}

/** Where a page begins: at an index (from 0), or beside a position, whether that element is still there or not. */
export type From =
  | { readonly index: number }
  | { readonly after: Position }
  /** The page ends before (or, when it is `included`, at) this position. */
  | { readonly before: Position; readonly included?: boolean };

export interface Found {
  readonly part: number;
  readonly row: Row;
  readonly key: string | number | null;
}

export interface Page<T> {
  readonly total: number;
  readonly found: readonly Found[];
  /** Is there something before and after it? Told only for a page beside a position, and the first. */
  readonly less: boolean;
  readonly more: boolean;
  readonly used: T;
}

/** An element of a list that is put in order here. */
export interface Listed {
  readonly part: number;
  readonly id: string;
  readonly key: string | number | null;
}

/** What is remembered of a query as long as `stamp` is the state of the tenant. */
export interface Memory {
  readonly stamp: string;
  totals?: readonly number[];
  /** By segment: `at` elements stand up to and with this position. */
  readonly anchors: { at: number; position: Position }[][];
  listed?: readonly Listed[];
}

/** The number of the tenant's entries in the record: no resource changes without one. */
export function* writesOf(tx: Tx, tenant: string): Work<string> {
  return `writes ${yield* entriesOf(tx, tenant)}`;
}

/** @throws Problem invalidCursor */
export function lost(): never {
  throw new Problem('invalidCursor');
}

export function positionOf({ part, row, key }: Found): Position {
  return { part, id: row.id, key };
}
