// Reading users: GET /users, /users/{id}, /users/$count (Microsoft Graph v1.0, List users, Get a user). A list may be
// filtered and sorted as directory objects can be, by the same queries that the SCIM door asks.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Field, type Filter, fieldsOf } from '../filter/filter.ts';
import { words } from '../filter/fold.ts';
import type { Access } from '../http/auth.ts';
import type { Tx, Work } from '../sql/sql.ts';
import { type Found, type From, type Part, type Position, positionOf, type Query, type Row } from '../store/page.ts';
import { queries } from '../store/query.ts';
import { displayNameWords, graphUserSource } from '../store/source.ts';
import { callerOf } from './access.ts';
import { usersDelta } from './delta.ts';
import { contextOf, doorPath } from './deps.ts';
import { badRequest, denied, GraphError, unsupportedQuery } from './error.ts';
import { pageTokens } from './page-token.ts';
import {
  checkFormat,
  isEventual,
  type Options,
  type Ordering,
  readCount,
  readOptions,
  readOrder,
  readSelect,
  readTop,
} from './query.ts';
import { graphUserOf, type PropertyName, personOf, propertyOf } from './user.ts';
import { fieldOf, readFilter, readSearch } from './user-query.ts';
import {
  answerUser,
  listPermissions,
  type ReadDeps,
  rawQuery,
  readableBy,
  shownOf,
  shownUsers,
  userPermissions,
  usersContext,
} from './user-view.ts';

/** How long the link to the next page is good for, in milliseconds. */
const pageLifetime = 3_600_000;

// Lists --------------------------------------------------------------------------------------------------------------

interface ListRequest {
  readonly access: Access;
  readonly raw: string;
  readonly options: Options;
  readonly eventual: boolean;
  readonly counts: boolean;
  readonly readable: readonly PropertyName[] | undefined;
}

interface Asked {
  readonly query: Query;
  readonly filtered: boolean;
}

const conditions = ['filter', 'search'];
const listOptions = [...conditions, 'select', 'top', 'skiptoken', 'orderby', 'count', 'format'];

/** $filter, $search and $orderby as one query. @throws GraphError 400, 403 */
function askedOf({ access, options, eventual, counts, readable }: ListRequest): Asked {
  const filterText = options.get('filter');
  const searchText = options.get('search');
  const orderText = options.get('orderby');
  if (searchText !== undefined && !eventual) {
    const header = "with a special request header: 'ConsistencyLevel: eventual'";
    throw unsupportedQuery(`Request with $search query parameter only works through MSGraph ${header}`);
  }
  const advanced = eventual && (counts || searchText !== undefined);
  const filters = [
    ...(filterText === undefined ? [] : [readFilter(filterText, { advanced, readable })]),
    ...(searchText === undefined ? [] : [readSearch(searchText, { readable })]),
  ];
  const order = orderText === undefined ? undefined : readOrder(orderText, advanced, filters.length > 0);
  if (order && readable && !readable.includes(order.property)) throw denied();
  const filter = filters.length > 1 ? ({ kind: 'and', filters } as const) : filters[0];
  const query: Query = {
    tenant: access.tenant.id,
    parts: [partOf(filter, order)],
    ...(order ? { order: order.order } : {}),
    name: JSON.stringify(['graph', filterText, searchText, order?.property, order?.order]),
  };
  return { query, filtered: filters.length > 0 };
}

function partOf(filter: Filter | undefined, order: Ordering | undefined): Part {
  const sort = order && fieldOf(order.property);
  return {
    source: graphUserSource,
    ...(filter ? { filter } : {}),
    ...(sort ? { sort } : {}),
    open: (_tx, rows) => opened(rows, [...(filter ? fieldsOf(filter) : []), ...(sort ? [sort] : [])]),
  };
}

/** The users as they are sent, as far as the filter and the order look at them: nothing of that lies elsewhere. */
function* opened(rows: readonly Row[], fields: readonly Field[]): Work<unknown[]> {
  const looked = new Set(fields.map(({ path }) => path));
  const withWords = looked.delete(displayNameWords);
  const names = [...looked] as PropertyName[];
  return rows.map((row) => {
    const person = personOf(row);
    const shown: Record<string, unknown> = graphUserOf(person, names);
    if (withWords) shown[displayNameWords] = words(String(propertyOf('displayName').read(person)));
    return shown;
  });
}

/** The routes. */
export function usersRead(app: FastifyInstance, deps: ReadDeps): void {
  const pages = queries(deps.sql);
  const tokens = pageTokens<Position>(deps.keyring, deps.now, 'skiptoken');

  const listRequest = (request: FastifyRequest, known: readonly string[], counting: boolean): ListRequest => {
    const access = callerOf(request);
    const raw = rawQuery(request);
    const options = readOptions(raw, known);
    checkFormat(options.get('format'));
    const eventual = isEventual(request.headers.consistencylevel, options);
    const counts = counting || readCount(options.get('count'));
    return { access, raw, options, eventual, counts, readable: readableBy(access) };
  };

  const fromOf = (query: Query, token: string | undefined): From => {
    if (token === undefined) return { index: 0 };
    const opened = tokens.open(query.tenant, query.name, token);
    if (!opened) throw unsupportedQuery('The $skiptoken is not valid for this query.');
    if (deps.now() - opened.at > pageLifetime) {
      const message = 'The specified page token value has expired and can no longer be included in your request.';
      throw new GraphError(400, 'Directory_ExpiredPageToken', message);
    }
    return { after: opened.content };
  };

  async function users(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const asking = listRequest(request, listOptions, false);
    const { access, options, eventual, counts, readable } = asking;
    const select = options.get('select');
    const selection = select === undefined ? undefined : readSelect(select);
    const top = readTop(options.get('top'));
    const { query } = askedOf(asking);
    const token = options.get('skiptoken');
    const names = shownOf(selection, readable);
    const use = (tx: Tx, found: readonly Found[]) =>
      shownUsers(
        tx,
        access.tenant.id,
        found.map(({ row }) => row),
        names,
      );
    const page = await pages.page(query, fromOf(query, token), top, use);
    const last = page.found.at(-1);
    const next = page.more && last ? tokens.seal(query.tenant, query.name, placeOf(last)) : undefined;
    const body = {
      '@odata.context': contextOf(deps, usersContext(selection)),
      // Counted on the first page alone, and only where it is asked for in the way that counts.
      ...(eventual && counts && token === undefined ? { '@odata.count': page.total } : {}),
      ...(next === undefined ? {} : { '@odata.nextLink': nextLink(deps, asking.raw, next) }),
      value: page.used,
    };
    return reply.type('application/json').send(JSON.stringify(body));
  }

  async function count(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const asking = listRequest(request, conditions, true);
    if (!asking.eventual) throw badRequest('$count is not currently supported.');
    const { query } = askedOf(asking);
    const { total } = await pages.page(query, { index: 0 }, 0, (tx) => shownUsers(tx, query.tenant, [], []));
    return reply.type('text/plain').send(String(total));
  }

  app.get('/users', { config: { graph: listPermissions } }, users);
  app.get('/users/$count', { config: { graph: listPermissions } }, count);
  app.get<{ Params: { id: string } }>('/users/:id', { config: { graph: userPermissions } }, async (request, reply) => {
    const text = await answerUser(deps, callerOf(request), request.params.id, rawQuery(request));
    return reply.type('application/json').send(text);
  });
  usersDelta(app, deps);
}

/** Where the next page begins. A key that would not fit into a URL is looked up again. */
function placeOf(found: Found): Position {
  const { key, ...place } = positionOf(found);
  return typeof key === 'string' && key.length > 1000 ? place : { ...place, key: key ?? null };
}

/** Absolute, with all of the query but the token. */
function nextLink({ publicUrl }: ReadDeps, raw: string, token: string): string {
  const kept = raw.split('&').filter((part) => part !== '' && !/^(\$|%24)?skiptoken=/i.test(part));
  return `${publicUrl}${doorPath}/users?${[...kept, `$skiptoken=${token}`].join('&')}`;
}
