// Query options of the Graph door (OData 4.01 URL conventions §5.1; Microsoft Graph, query parameters and advanced queries
// on directory objects): read from the raw query, each by its own grammar. An option that is not answered is refused: left
// out silently it would widen the answer.

import { type GraphError, gatewayError, unsupportedQuery } from './error.ts';
import { type PropertyName, propertyNamed, propertyNames, propertyOf } from './user.ts';

/** Options that OData knows, without their `$`; in any case, and with or without it (§5.1). */
const systemOptions = new Set(
  `apply compute count deltatoken expand filter format id index levels orderby schemaversion search select skip skiptoken
   top`.split(/\s+/),
);

export type Options = ReadonlyMap<string, string>;

/**
 * Splits a query at `&` and `=`, and decodes what is between. A plus sign is a space, as clients write it.
 * @param raw without the question mark
 * @param known the options that are answered here
 * @throws GraphError 400
 */
export function readOptions(raw: string, known: readonly string[]): Options {
  const options = new Map<string, string>();
  if (raw === '') return options;
  for (const part of raw.split('&')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const written = decoded(equals === -1 ? part : part.slice(0, equals));
    const name = written.replace(/^\$/, '').toLowerCase();
    const value = equals === -1 ? undefined : decoded(part.slice(equals + 1));
    if (!systemOptions.has(name)) {
      if (written.startsWith('$'))
        throw unsupportedQuery(`The query parameter '${written.slice(0, 100)}' is not supported.`);
      // Options of the client's own (§5.2) mean nothing here, but for the one that is also a header.
      if (name === 'consistencylevel' && value !== undefined) options.set(name, value);
      continue;
    }
    if (value === undefined) throw gatewayError(`The query parameter '$${name}' must have a value.`);
    if (options.has(name)) {
      throw unsupportedQuery(
        `Query option '$${name}' was specified more than once, but it must be specified at most once.`,
      );
    }
    if (!known.includes(name)) throw refusedOption(name);
    options.set(name, value);
  }
  return options;
}

function refusedOption(name: string): GraphError {
  if (name === 'skip') return unsupportedQuery("'$skip' is not supported by the service.");
  return unsupportedQuery(`The query parameter '$${name}' is not supported.`);
}

function decoded(text: string): string {
  if (!/[%+]/.test(text)) return text;
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw gatewayError('The query string has malformed percent-encoding.');
  }
}

/** Is this an advanced query? @param header ConsistencyLevel */
export function isEventual(header: string | string[] | undefined, options: Options): boolean {
  const level = header ?? options.get('consistencylevel');
  return typeof level === 'string' && level.toLowerCase() === 'eventual';
}

// $select ------------------------------------------------------------------------------------------------------------

export interface Selection {
  readonly properties: readonly PropertyName[];
  /** As it stands in @odata.context, names that there are not included. */
  readonly names: string;
}

const propertyForm = /^[\p{L}_][\p{L}\p{Nd}_]{0,127}$/u;

/** @throws GraphError 400 for what is no list of names. Names that do not exist select nothing, as in the service. */
export function readSelect(value: string): Selection {
  const wanted = new Set<PropertyName>();
  const names = new Set<string>();
  for (const item of value.split(',')) {
    const name = item.trim();
    if (name === '*') {
      names.add('*');
      for (const property of propertyNames) wanted.add(property);
      continue;
    }
    if (name === '') throw gatewayError("Term '' is not valid in a $select or $expand expression.");
    // Paths into properties, options in brackets and casts are of OData, and not of this service.
    if (!propertyForm.test(name)) throw unsupportedQuery(`Term '${name.slice(0, 100)}' is not supported in $select.`);
    const property = propertyNamed(name);
    if (property) wanted.add(property);
    names.add(property ?? name);
  }
  return { properties: propertyNames.filter((name) => wanted.has(name)), names: [...names].join(',') };
}

// $orderby -----------------------------------------------------------------------------------------------------------

export interface Ordering {
  readonly property: PropertyName;
  readonly order: 'ascending' | 'descending';
}

/**
 * @param filtered does the query also filter? Then sorting takes an advanced query
 * @throws GraphError 400
 */
export function readOrder(value: string, advanced: boolean, filtered: boolean): Ordering {
  const [, name = '', direction = 'asc'] =
    /^[ \t]*([\p{L}_][\p{L}\p{Nd}_]*)(?:[ \t]+(asc|desc))?[ \t]*$/iu.exec(value) ?? [];
  const property = name === '' ? undefined : propertyNamed(name);
  // An expression, a path, or several of them.
  if (name === '') throw unsupportedQuery('Sorting not supported for current query.');
  if (property === undefined) throw unsupportedQuery(`Unsupported sort property '${name.slice(0, 100)}' for 'User'.`);
  const { sort } = propertyOf(property);
  if (!sort) throw unsupportedQuery(`Unsupported sort property '${property}' for 'User'.`);
  if (!advanced && (filtered || sort === 'advanced'))
    throw unsupportedQuery('Sorting not supported for current query.');
  return { property, order: direction.toLowerCase() === 'desc' ? 'descending' : 'ascending' };
}

// $top, $count, $format ----------------------------------------------------------------------------------------------

/** @throws GraphError 400 */
export function readTop(value: string | undefined): number {
  if (value === undefined) return 100;
  if (!/^\d+$/.test(value)) {
    const what = `Invalid value '${value.slice(0, 100)}' for $top query option found.`;
    throw gatewayError(`${what} The $top query option requires a non-negative integer value.`);
  }
  const top = Number(value);
  if (top < 1 || top > 999) {
    throw unsupportedQuery(
      `Invalid page size specified: '${value.slice(0, 20)}'. Must be between 1 and 999 inclusive.`,
    );
  }
  return top;
}

/** @throws GraphError 400 */
export function readCount(value: string | undefined): boolean {
  if (value === undefined) return false;
  const lower = value.toLowerCase();
  if (lower === 'true' || lower === 'false') return lower === 'true';
  const what = `Invalid value '${value.slice(0, 100)}' for $count query option found.`;
  throw gatewayError(`${what} Valid values are 'true' and 'false'.`);
}

/** @throws GraphError 400: everything is JSON here */
export function checkFormat(value: string | undefined): void {
  if (value === undefined || /^(json|application\/json(;.*)?)$/i.test(value)) return;
  throw unsupportedQuery(`The $format '${value.slice(0, 100)}' is not supported.`);
}
