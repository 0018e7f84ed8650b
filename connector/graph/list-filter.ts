// $filter over objects that are at hand: the same notation as everywhere (odata.ts), looked for among the objects' own
// properties.

import { matches } from '../filter/filter.ts';
import { ODataError } from '../filter/odata.ts';
import { parseODataFilter, type Vocabulary } from '../filter/odata-filter.ts';
import { badRequest, type GraphError, unsupportedQuery } from './error.ts';

type Objects = readonly Readonly<Record<string, unknown>>[];

/** Those that fit. @throws GraphError 400 */
export function filterObjects<T extends Objects>(objects: T, $filter: string): T[number][] {
  const types = new Map<string, 'string' | 'boolean'>();
  for (const object of objects) {
    for (const [name, value] of Object.entries(object)) {
      if (typeof value === 'boolean') types.set(name, 'boolean');
      else if (typeof value !== 'object' && !types.has(name)) types.set(name, 'string');
      else if (value === null && !types.has(name)) types.set(name, 'string');
    }
  }
  // Of an empty list nobody knows what could stand in it.
  const any = objects.length === 0;
  const vocabulary: Vocabulary = {
    type: 'microsoft.graph.directoryObject',
    resolve(name) {
      const type = types.get(name) ?? (any ? 'string' : undefined);
      return type && { field: { path: name, steps: [name], type, caseExact: false } };
    },
  };
  const filter = parsed(() => parseODataFilter($filter, vocabulary));
  return objects.filter((object) => matches(filter, object));
}

/** Runs a reader of OData; what it refuses is refused in the service's words. @throws GraphError 400 */
export function parsed<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof ODataError ? refusal(error) : error;
  }
}

function refusal({ fault, message }: ODataError): GraphError {
  if (fault === 'unsupported') return unsupportedQuery('Unsupported Query.');
  return badRequest(`Invalid filter clause: ${message}`);
}
