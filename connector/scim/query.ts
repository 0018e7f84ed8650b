// A query over one or several types of resources (RFC 7644 §3.4.2, §3.4.3; RFC 9865): from its parameters to the
// ListResponse.

import { Problem } from '#shared/problem.ts';
import { fieldsOf } from '../filter/filter.ts';
import { parseFilter, type Resolve } from '../filter/scim.ts';
import type { Tx, Work } from '../sql/sql.ts';
import { type Found, type From, type Page, type Part, positionOf, type Row } from '../store/page.ts';
import { type Attribute, fieldOf, type ResourceType } from './attribute.ts';
import type { Collection } from './collection.ts';
import { defaultCount, maxResults } from './discovery.ts';
import type { Door } from './door.ts';
import { type Projection, projectionOf } from './projection.ts';
import { type Query, whole } from './request.ts';
import { sortingOf } from './sort.ts';

const listResponse = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';

/**
 * Answers a query with the text of a ListResponse.
 * @param endpoint where it was asked; a cursor is good there alone
 * @throws Problem invalidFilter, invalidValue; invalidCursor, expiredCursor, invalidCount (RFC 9865 §2.1)
 */
export async function answerQuery(
  door: Door,
  tenant: string,
  endpoint: string,
  collections: readonly Collection[],
  query: Query,
): Promise<string> {
  const views = collections.map(({ type }) => projectionOf(type, query.attributes, query.excludedAttributes));
  const types = collections.map(({ type }) => type);
  const sorting = sortingOf(types, query.sortBy, query.sortOrder);
  const parts = collections.map((collection, at): Part => {
    const filter = query.filter === undefined ? undefined : parseFilter(query.filter, resolving(collections, at));
    const sort = sorting?.fields[at];
    const looked = { ...(filter ? { filter } : {}), ...(sort ? { sort } : {}) };
    const open: Part['open'] = (tx, rows) => opened(tx, rows, door, tenant, collection, looked);
    return { source: collection.source, ...looked, open };
  });
  const order = sorting?.order;
  const name = JSON.stringify([endpoint, query.filter, order && query.sortBy?.trim().toLowerCase(), order]);
  const { from, count, paging } = pagingOf(door, tenant, name, query);
  const asked = { tenant, parts, name, ...(order ? { order } : {}) };
  const use = (tx: Tx, found: readonly Found[]) => textsOf(tx, found, door, tenant, collections, views);
  const page = await door.queries.page(asked, from, count, use);
  return paging(page);
}

/** Names in the filter: those of this type, and those that only the others have (RFC 7644 §3.4.2.1). */
function resolving(collections: readonly Collection[], at: number): Resolve {
  const own = collections[at]?.type;
  const others = collections.filter(({ type }) => type !== own).map(({ type }) => type);
  return (path, use, parent) => {
    const field = own && !parent?.absent ? fieldOf(own, path, use, parent) : undefined;
    if (field || (parent && !parent.absent)) return field;
    for (const other of others) {
      const theirs = fieldOf(other, path, use, parent);
      if (theirs) return { ...theirs, absent: true };
    }
    return undefined;
  };
}

/** The resources as they are sent, as far as the filter and the order look at them. */
function* opened(
  tx: Tx,
  rows: readonly Row[],
  { base }: Door,
  tenant: string,
  { type, texts }: Collection,
  { filter, sort }: Pick<Part, 'filter' | 'sort'>,
): Work<unknown[]> {
  const fields = [...(filter ? fieldsOf(filter) : []), ...(sort ? [sort] : [])].filter(({ absent }) => !absent);
  // Most attributes are sent as they are kept: nothing has to be looked up for them.
  const kept = fields.every(({ steps }) => isKept(type, steps));
  const names = new Set(fields.map(({ steps: [name] }) => name));
  const view = { base, shows: (attribute: string) => names.has(attribute) };
  const whole = kept ? rows.map(({ text }) => text) : yield* texts(tx, tenant, rows, view);
  return whole.map((text) => JSON.parse(text));
}

/** Does the stored text hold all that is sent of this attribute? */
function isKept({ schema, extensions }: ResourceType, [first, second]: readonly string[]): boolean {
  const extension = extensions.find(({ schema: { id } }) => id === first);
  const attributes = extension ? extension.schema.attributes : schema.attributes;
  const attribute = attributes.find(({ name }) => name === (extension ? second : first));
  const made = ({ mutability, rows, derived }: Attribute) => mutability === 'readOnly' || rows || derived;
  return attribute !== undefined && !made(attribute) && !attribute.subAttributes?.some(made);
}

/** What is sent of what was found, looked up type by type. */
function* textsOf(
  tx: Tx,
  found: readonly Found[],
  door: Door,
  tenant: string,
  collections: readonly Collection[],
  views: readonly Projection[],
): Work<string[]> {
  const sent: string[] = Array(found.length).fill('');
  for (const [at, collection] of collections.entries()) {
    const view = views[at];
    const places = found.flatMap(({ part }, place) => (part === at ? [place] : []));
    if (places.length === 0 || !view) continue;
    const rows = places.map((place) => (found[place] as Found).row);
    const whole = yield* collection.texts(tx, tenant, rows, { base: door.base, shows: view.shows });
    for (const [index, place] of places.entries()) sent[place] = view.text(whole[index] ?? '');
  }
  return sent;
}

interface Paging {
  readonly from: From;
  readonly count: number;
  readonly paging: (page: Page<string[]>) => string;
}

/** Which page, and how the answer says where it stands. A cursor, also an empty one, decides against an index. */
function pagingOf(door: Door, tenant: string, name: string, query: Query): Paging {
  if (query.cursor !== undefined) return cursorPaging(door, tenant, name, query);
  const startIndex = Math.max(1, whole(query.startIndex, 'startIndex') ?? 1);
  const count = Math.min(maxResults, Math.max(0, whole(query.count, 'count') ?? defaultCount));
  return {
    from: { index: startIndex - 1 },
    count,
    paging: ({ total, used }) => listText({ totalResults: total, startIndex, itemsPerPage: used.length }, used),
  };
}

function cursorPaging({ cursors }: Door, tenant: string, name: string, query: Query): Paging {
  const given = countOf(query);
  const cursor = query.cursor ? cursors.open(tenant, name, query.cursor) : undefined;
  // RFC 9865 §2.1: the count is that of the first query; left out, it is.
  if (cursor && given !== undefined && given !== cursor.count) {
    throw new Problem('invalidCount', { reason: `It was ${cursor.count} when the first page was asked for.` });
  }
  const count = cursor?.count ?? given ?? defaultCount;
  const seal = (from: Exclude<From, { readonly index: number }>) => cursors.seal(tenant, name, { from, count });
  return {
    from: cursor?.from ?? { index: 0 },
    count,
    paging({ total, found, less, more, used }) {
      const first = found[0];
      const last = found.at(-1);
      const previous = first ? { before: positionOf(first) } : cursor && beside(cursor.from);
      const head = {
        totalResults: total,
        itemsPerPage: used.length,
        ...(less && count > 0 && previous ? { previousCursor: seal(previous) } : {}),
        ...(more && count > 0 && last ? { nextCursor: seal({ after: positionOf(last) }) } : {}),
      };
      return listText(head, used);
    },
  };
}

/** Where one goes back to from a page behind which nothing is left. */
function beside(from: Exclude<From, { readonly index: number }>): Exclude<From, { readonly index: number }> {
  return 'after' in from ? { before: from.after, included: true } : from;
}

/** RFC 9865 §2: negative is 0, and more than a page holds is what it holds. @throws Problem invalidCount */
function countOf({ count }: Query): number | undefined {
  try {
    const given = whole(count, 'count');
    return given === undefined ? undefined : Math.min(maxResults, Math.max(0, given));
  } catch (error) {
    throw error instanceof Problem ? new Problem('invalidCount', error.details) : error;
  }
}

/** ListResponse (RFC 7644 §3.4.2) of texts that are ready; `head` is what it says beside them. */
export function listText(head: object, resources: readonly string[]): string {
  // Put together by `+`: the engine copies each text once, when the whole is sent.
  let text = `${JSON.stringify({ schemas: [listResponse], ...head }).slice(0, -1)},"Resources":[`;
  for (const [at, resource] of resources.entries()) text += at === 0 ? resource : `,${resource}`;
  return `${text}]}`;
}
