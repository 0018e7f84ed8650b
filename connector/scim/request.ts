// What a request says beside its resource: parameters of a list (RFC 7644 §3.4.2, §3.4.3), the id, conditions (§3.14).

import type { FastifyRequest } from 'fastify';
import { Problem } from '#shared/problem.ts';
import { etag } from '../store/users.ts';
import { isObject, membersOf, requireSchema } from './resource.ts';

const searchRequest = 'urn:ietf:params:scim:api:messages:2.0:SearchRequest';

/** What a list is asked for with (RFC 7644 §3.4.2, RFC 9865 §2); numbers are still as they were sent. */
export interface Query {
  readonly filter?: string;
  readonly attributes?: string;
  readonly excludedAttributes?: string;
  readonly sortBy?: string;
  readonly sortOrder?: string;
  readonly startIndex?: string | number;
  readonly count?: string | number;
  readonly cursor?: string;
}

const lists = ['attributes', 'excludedAttributes'] as const;
const texts = ['filter', 'sortBy', 'sortOrder', 'cursor'] as const;
const numbers = ['startIndex', 'count'] as const;
const names = [...lists, ...texts, ...numbers];

/** Of the URL; other parameters (Entra's bare `aadOptscim062020`) are passed over, as RFC 7644 §3.4.2 has it. */
export function queryOf(request: FastifyRequest): Query {
  const given = request.query as Record<string, unknown>;
  const query: Record<string, string> = {};
  for (const name of names) {
    const found = given[name];
    if (found === undefined) continue;
    // RFC 7644 §3.4.2.5: a list; some clients name the parameter once for each of its names.
    const value = Array.isArray(found) && lists.some((one) => one === name) ? found.join(',') : found;
    if (typeof value !== 'string')
      throw new Problem('invalidValue', { field: name, reason: 'It is given more than once.' });
    query[name] = value;
  }
  return query;
}

/** Does the URL carry Entra's bare `aadOptscim062020`? Then its PATCHes are written in small letters. */
export function isFlagged(request: FastifyRequest): boolean {
  return Object.keys(request.query as object).some((name) => name.toLowerCase() === 'aadoptscim062020');
}

/** Of a SearchRequest (RFC 7644 §3.4.3), where the lists of names are arrays. */
export function searchOf(body: unknown): Query {
  if (!isObject(body)) throw new Problem('invalidSyntax', { reason: 'A SearchRequest is a JSON object.' });
  const members = membersOf(body);
  requireSchema(members, searchRequest);
  const query: Record<string, string | number> = {};
  const read = (name: (typeof names)[number], fits: (value: unknown) => value is string | number) => {
    const value = members.get(name.toLowerCase()) ?? undefined;
    if (value === undefined) return;
    const listed = Array.isArray(value) && value.every(isText) ? value.join(',') : value;
    const wanted = Array.isArray(value) === (lists as readonly string[]).includes(name) ? listed : value;
    if (!fits(wanted)) throw new Problem('invalidValue', { field: name });
    query[name] = wanted;
  };
  for (const name of [...lists, ...texts]) read(name, isText);
  for (const name of numbers) read(name, isNumber);
  return query;
}

const isText = (value: unknown): value is string => typeof value === 'string';
/** Numbers as text are what a URL would have. */
const isNumber = (value: unknown): value is string | number => isText(value) || typeof value === 'number';

/**
 * A whole number, as text or JSON; undefined when it is not given.
 * @throws Problem invalidValue with `field`
 */
export function whole(value: string | number | undefined, field: string): number | undefined {
  if (value === undefined) return undefined;
  const number = typeof value === 'number' ? value : /^[+-]?\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(number))
    throw new Problem('invalidValue', { field, reason: `“${field}” must be a whole number.` });
  return number;
}

/**
 * `{id}` of the URL, percent-decoded.
 * @throws Problem notFound for what no id can be
 */
export function idOf(request: FastifyRequest): string {
  const { id } = request.params as { id: string };
  if (id.includes('\0')) throw new Problem('notFound');
  return id;
}

/**
 * May this version be written? If-Match (RFC 9110 §13.1.1, RFC 7644 §3.14) names it: weak tags compare by their opaque part, a
 * list matches by one of them. If-None-Match does not (§13.1.2).
 */
export function ifMatch(request: FastifyRequest): (version: number) => boolean {
  const header = request.headers['if-match'];
  const other = ifNoneMatch(request);
  return (version) => other(version) && (header === undefined || namesVersion(header, version));
}

/** If-None-Match (RFC 9110 §13.1.2): may the resource of this version be sent? */
export function ifNoneMatch(request: FastifyRequest): (version: number) => boolean {
  const header = request.headers['if-none-match'];
  return header === undefined ? () => true : (version) => !namesVersion(header, version);
}

/** Does a list of entity-tags, or `*`, name this version? */
export function namesVersion(header: string, version: number): boolean {
  return namesTag(header, etag(version));
}

/** Does a list of entity-tags, or `*`, name this one? By the weak comparison (RFC 9110 §8.8.3.2). */
export function namesTag(header: string, tag: string): boolean {
  const opaque = (one: string) => one.trim().replace(/^W\//, '');
  return header.trim() === '*' || header.split(',').some((one) => opaque(one) === opaque(tag));
}
