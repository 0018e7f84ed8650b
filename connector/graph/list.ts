// Lists that are at hand as a whole: what $filter, $select, $top, $count and $skiptoken ask of them. (People are searched in
// the database: users-read.ts.)

import type { FastifyReply, FastifyRequest } from 'fastify';
import { collectionOf, type GraphDeps } from './deps.ts';
import { badRequest, unsupportedQuery } from './error.ts';
import { filterObjects } from './list-filter.ts';

const pageSize = 100;
const mostPerPage = 999;

/** A parameter of the query that stands there once at most. @throws GraphError 400 */
export function parameterOf(request: FastifyRequest, name: string): string | undefined {
  const value = (request.query as Record<string, unknown>)[name];
  if (Array.isArray(value)) {
    throw badRequest(`Query option '${name}' was specified more than once, but it must be specified at most once.`);
  }
  return typeof value === 'string' ? value : undefined;
}

/** How many a page may hold. @throws GraphError 400 */
export function topOf(request: FastifyRequest): number {
  const $top = parameterOf(request, '$top');
  if ($top === undefined) return pageSize;
  const top = /^\d{1,9}$/.test($top) ? Number($top) : 0;
  if (top < 1 || top > mostPerPage) {
    const given = $top.slice(0, 20);
    throw badRequest(`Invalid page size specified: '${given}'. Must be between 1 and ${mostPerPage} inclusive.`);
  }
  return top;
}

/** Does the caller ask for what needs `ConsistencyLevel: eventual`, and say so? */
export function isEventual(request: FastifyRequest): boolean {
  return String(request.headers.consistencylevel ?? '').toLowerCase() === 'eventual';
}

/** `$count=true` counts only with the header; without it, it is passed over, as the service does. */
export function wantsCount(request: FastifyRequest): boolean {
  return isEventual(request) && parameterOf(request, '$count')?.toLowerCase() === 'true';
}

/** The address of the next page: this request's own, with another token. */
export function nextLink({ publicUrl }: Pick<GraphDeps, 'publicUrl'>, request: FastifyRequest, token: string): string {
  const [path = '', query = ''] = request.url.split('#', 1)[0]?.split('?', 2) ?? [];
  const kept = query.split('&').filter((part) => part !== '' && !/^(\$|%24)skiptoken=/i.test(part));
  return `${publicUrl}${path}?${[...kept, `$skiptoken=${encodeURIComponent(token)}`].join('&')}`;
}

const known = new Set(['$filter', '$select', '$top', '$count', '$skiptoken', '$format']);

/** Refuses what is not done here, rather than to answer another question. @throws GraphError 400 */
export function refuseOthers(request: FastifyRequest, more: readonly string[] = []): void {
  const isOther = (name: string) => name.startsWith('$') && !known.has(name) && !more.includes(name);
  const other = Object.keys(request.query as object).find(isOther);
  if (other !== undefined) throw unsupportedQuery(`Query option '${other.slice(0, 30)}' is not supported here.`);
}

/**
 * Answers with a page of these objects.
 * @param of what `@odata.context` calls them
 * @param filtered they fit $filter already
 * @throws GraphError 400
 */
export function answerList(
  deps: GraphDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  of: string,
  objects: readonly Readonly<Record<string, unknown>>[],
  { filtered = false }: { filtered?: boolean } = {},
): FastifyReply {
  refuseOthers(request);
  const top = topOf(request);
  const $filter = filtered ? undefined : parameterOf(request, '$filter');
  const found = $filter === undefined ? objects : filterObjects(objects, $filter);
  const start = startOf(request, found);
  const page = found.slice(start, start + top);
  const last = page.at(-1);
  const more = start + top < found.length && last !== undefined;
  const select = selectOf(request);
  const context = select ? `${of}(${select.join(',')})` : of;
  return reply.send(
    collectionOf(
      deps,
      context,
      page.map((one) => selected(one, select)),
      {
        ...(wantsCount(request) ? { '@odata.count': found.length } : {}),
        ...(more ? { '@odata.nextLink': nextLink(deps, request, tokenOf(last)) } : {}),
      },
    ),
  );
}

function tokenOf({ id }: Readonly<Record<string, unknown>>): string {
  return Buffer.from(String(id)).toString('base64url');
}

/** Behind the object that the page before ended with; @throws GraphError 400 when that is gone, or never was */
function startOf(request: FastifyRequest, objects: readonly Readonly<Record<string, unknown>>[]): number {
  const token = parameterOf(request, '$skiptoken');
  if (token === undefined) return 0;
  const at = objects.findIndex((one) => tokenOf(one) === token);
  if (at === -1) throw badRequest('Invalid $skiptoken specified in the request.');
  return at + 1;
}

function selectOf(request: FastifyRequest): string[] | undefined {
  const $select = parameterOf(request, '$select');
  const names = $select?.split(',').map((name) => name.trim());
  return names === undefined || names.includes('*') ? undefined : names;
}

/** Annotations stay: without `@odata.type` nobody could say what it is. */
function selected(object: Readonly<Record<string, unknown>>, names: readonly string[] | undefined): object {
  if (!names) return object;
  const wanted = new Set(names.map((name) => name.toLowerCase()));
  return Object.fromEntries(
    Object.entries(object).filter(([name]) => name.startsWith('@') || wanted.has(name.toLowerCase())),
  );
}
