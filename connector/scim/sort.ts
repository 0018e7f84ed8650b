// sortBy and sortOrder (RFC 7644 §3.4.2.3).

import { Problem } from '#shared/problem.ts';
import type { Field } from '../filter/filter.ts';
import { type AttributePath, parsePath } from '../filter/scim.ts';
import { fieldOf, type ResourceType } from './attribute.ts';

export interface Sorting {
  readonly order: 'ascending' | 'descending';
  /** By resource type; undefined: it does not have the attribute. */
  readonly fields: readonly (Field | undefined)[];
}

/**
 * What to sort by; undefined when nothing was said. `sortOrder` alone says nothing.
 * @throws Problem invalidValue for what is no attribute of any of the types, or another order
 */
export function sortingOf(
  types: readonly ResourceType[],
  sortBy: string | undefined,
  sortOrder: string | undefined,
): Sorting | undefined {
  const order = sortOrder?.trim().toLowerCase() || 'ascending';
  if (order !== 'ascending' && order !== 'descending') {
    throw new Problem('invalidValue', { field: 'sortOrder', reason: '“sortOrder” must be ascending or descending.' });
  }
  if (!sortBy?.trim()) return undefined;
  const path = pathOf(sortBy);
  // A complex attribute stands for its `value` here as it does in a filter; one that has none needs a sub-attribute.
  const fields = types.map((type) => path && fieldOf(type, path, 'compare'));
  if (fields.every((field) => field === undefined)) {
    const reason = `It cannot be sorted by “${sortBy.slice(0, 100)}”: that is no attribute with a value of its own.`;
    throw new Problem('invalidValue', { field: 'sortBy', reason });
  }
  return { order, fields };
}

function pathOf(sortBy: string): AttributePath | undefined {
  try {
    return parsePath(sortBy, () => undefined).attribute;
  } catch (error) {
    if (error instanceof Problem) return undefined;
    throw error;
  }
}
