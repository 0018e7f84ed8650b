// $filter and $search over users: the properties of user.ts as OData names them, and what of them an ordinary query, an
// advanced one, and this caller may ask (Microsoft Graph, advanced query capabilities on directory objects).

import type { Field, Filter } from '../filter/filter.ts';
import { words } from '../filter/fold.ts';
import { ODataError } from '../filter/odata.ts';
import { type ODataUse, parseODataFilter, type Resolved, type Vocabulary } from '../filter/odata-filter.ts';
import { displayNameWords } from '../store/source.ts';
import { denied, type GraphError, gatewayError, unsupportedQuery } from './error.ts';
import { type Ability, type PropertyName, propertyNamed, propertyNames, propertyOf } from './user.ts';

/** What the query is like, and what its caller may know. */
export interface Asking {
  /** Header ConsistencyLevel: eventual, and $count=true. */
  readonly advanced: boolean;
  /** Undefined: everything. What cannot be read cannot be asked for either. */
  readonly readable?: readonly PropertyName[] | undefined;
}

/** What one query may list in an `or` without being advanced. */
const mostAlternatives = 15;

const fieldTypes = { String: 'string', Boolean: 'boolean', DateTimeOffset: 'dateTime', Strings: 'string' } as const;

/** Each property as a filter sees it. */
const resolved: ReadonlyMap<PropertyName, Resolved> = new Map(
  propertyNames.map((name) => {
    const { type, elements } = propertyOf(name);
    const simple = type === 'Complex' || type === 'Complexes' ? 'complex' : fieldTypes[type];
    const field: Field = { path: name, steps: [name], type: simple, caseExact: false };
    if (type === 'Strings') {
      return [
        name,
        { field, elements: { '': { path: 'value', steps: [], type: 'string', caseExact: false } } },
      ] as const;
    }
    if (type !== 'Complexes') return [name, { field }] as const;
    const parts = Object.entries(elements ?? {}).map(([part, kind]): [string, Field] => {
      return [part, { path: part, steps: [part], type: kind, caseExact: false }];
    });
    return [name, { field, elements: Object.fromEntries(parts) }] as const;
  }),
);

/** The property as a filter sees it, for sorting. */
export function fieldOf(name: PropertyName): Field {
  return (resolved.get(name) as Resolved).field;
}

/** What a filter on users may name. */
export function userVocabulary(asking: Asking): Vocabulary {
  return {
    type: 'microsoft.graph.user',
    resolve(name) {
      const property = propertyNamed(name);
      return property && resolved.get(property);
    },
    admit: ({ path }, use) => admit(path as PropertyName, use, asking),
    admitAny(what, alternatives) {
      if (asking.advanced) return;
      if (what === 'not') throw unsupportedQuery('Unsupported Query.');
      if (alternatives > mostAlternatives) throw tooMany(alternatives);
    },
  };
}

function tooMany(alternatives: number): GraphError {
  const what = `Too many child clauses specified in search filter expression containing 'OR' operators: ${alternatives}.`;
  return unsupportedQuery(`${what} Max allowed: ${mostAlternatives}.`);
}

function admit(name: PropertyName, use: ODataUse, { advanced, readable }: Asking): void {
  if (readable && !readable.includes(name)) throw denied();
  const { filter } = propertyOf(name);
  const ability: Ability = use;
  if (filter?.plain.includes(ability)) return;
  if (!filter?.advanced.includes(ability)) throw invalidClause(name);
  if (advanced) return;
  if (use === 'ne') throw unsupportedQuery("Filter operator 'NotEqualsMatch' is not supported.");
  if (use === 'ew' || use === 'count' || use === 'null') throw unsupportedQuery('Unsupported Query.');
  throw unsupportedQuery('The request uses a filter property that is not indexed');
}

function invalidClause(name: string): GraphError {
  return unsupportedQuery(
    `Unsupported or invalid query filter clause specified for property '${name}' of resource 'User'.`,
  );
}

/** @throws GraphError 400 in the service's words, 403 for what the caller may not read */
export function readFilter(text: string, asking: Asking): Filter {
  try {
    return parseODataFilter(text, userVocabulary(asking));
  } catch (error) {
    if (!(error instanceof ODataError)) throw error;
    if (error.fault === 'unsupported') throw unsupportedQuery(error.message);
    throw gatewayError(`Invalid filter clause: ${error.message}`);
  }
}

// $search ------------------------------------------------------------------------------------------------------------

const mostClauses = 64;
const clauseAt = /"((?:[^"\\]|\\.)*)"/sy;

/**
 * Reads `"displayName:ada" OR ("mail:a" AND "otherMails:b")`: words of the displayName in any order, of every other
 * property the beginning.
 * @throws GraphError 400, 403 for what the caller may not read
 */
export function readSearch(text: string, { readable }: Pick<Asking, 'readable'>): Filter {
  let at = 0;
  let clauses = 0;
  const space = () => {
    while (text[at] === ' ' || text[at] === '\t') at++;
  };
  const fail = (): never => {
    const character = text[at] === undefined ? 'end of text' : `character '${text[at]}'`;
    throw unsupportedQuery(`Syntax error: ${character} is not valid at position ${at} in '${text.slice(0, 200)}'.`);
  };
  const chain = (kind: 'and' | 'or', next: () => Filter): Filter => {
    const filters = [next()];
    for (;;) {
      space();
      const word = kind === 'or' ? 'OR' : 'AND';
      // Clauses beside each other must both fit.
      const implied = kind === 'and' && (text[at] === '"' || text[at] === '(');
      if (!implied && !(text.startsWith(word, at) && /[\s("]/.test(text[at + word.length] ?? ''))) break;
      if (!implied) at += word.length;
      filters.push(next());
    }
    return filters.length === 1 ? (filters[0] as Filter) : { kind, filters };
  };
  const one = (depth: number): Filter => {
    space();
    if (text[at] === '(' && depth < 16) {
      at++;
      const inner = any(depth + 1);
      space();
      if (text[at] !== ')') fail();
      at++;
      return inner;
    }
    clauseAt.lastIndex = at;
    const found = clauseAt.exec(text);
    if (!found || ++clauses > mostClauses) return fail();
    at += found[0].length;
    return clauseOf((found[1] ?? '').replace(/\\(.)/gs, '$1'), readable);
  };
  const any = (depth: number): Filter => chain('or', () => chain('and', () => one(depth)));
  if (text.length > 8192) fail();
  const filter = any(0);
  space();
  return at === text.length ? filter : fail();
}

function clauseOf(clause: string, readable: Asking['readable']): Filter {
  const colon = clause.indexOf(':');
  const name = propertyNamed(clause.slice(0, Math.max(0, colon)).trim());
  const wanted = clause.slice(colon + 1).trim();
  if (!name || wanted === '' || wanted.includes('\0') || !wanted.isWellFormed()) {
    throw unsupportedQuery(`Unrecognized query argument specified: '${clause.slice(0, 100)}'.`);
  }
  if (readable && !readable.includes(name)) throw denied();
  if (name === 'displayName') return tokens(wanted);
  const { field, elements } = resolved.get(name) as Resolved;
  const { filter } = propertyOf(name);
  const element = elements?.[''];
  if (![...(filter?.plain ?? []), ...(filter?.advanced ?? [])].includes('sw') || (elements && !element)) {
    throw invalidClause(name);
  }
  if (!element) return { kind: 'compare', field, operator: 'sw', value: wanted };
  return { kind: 'some', field, filter: { kind: 'compare', field: element, operator: 'sw', value: wanted } };
}

const wordField: Field = { path: displayNameWords, steps: [displayNameWords], type: 'string', caseExact: true };

/** Each typed word begins one of the name. */
function tokens(wanted: string): Filter {
  const filters = words(wanted)
    .slice(0, 8)
    .map((word): Filter => {
      return { kind: 'compare', field: wordField, operator: 'sw', value: word };
    });
  const [only, ...more] = filters;
  // Without a letter or digit there is nothing to look for, and nobody is found.
  if (!only) return { kind: 'compare', field: { ...wordField, absent: true }, operator: 'eq', value: wanted };
  return more.length === 0 ? only : { kind: 'and', filters };
}
