// GET /groups: found by the database as far as it can say what is asked for, and looked into for the rest. `open` gives a
// filter the group in Graph's shape: so a property's column is named by its path and its value by its steps.

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Field } from '../filter/filter.ts';
import { parseODataFilter, type Vocabulary } from '../filter/odata-filter.ts';
import { SealError } from '../secret.ts';
import type { Tx, Work } from '../sql/sql.ts';
import { type Found, type From, type Part, type Position, positionOf, type Row } from '../store/page.ts';
import { queries } from '../store/query.ts';
import { roleAssignable } from '../store/roles.ts';
import { groupSource } from '../store/source.ts';
import { callerOf } from './access.ts';
import { collectionOf, type GraphDeps } from './deps.ts';
import { badRequest } from './error.ts';
import { graphGroupOf, selectedOf } from './group.ts';
import { nextLink, parameterOf, refuseOthers, topOf, wantsCount } from './list.ts';
import { parsed } from './list-filter.ts';

const text = (path: string, name = path): Field => ({ path, steps: [name], type: 'string', caseExact: false });

/** What can be asked of a group. */
const fields: Readonly<Record<string, Field>> = {
  id: text('id'),
  displayName: text('displayName'),
  description: text('description'),
  mailNickname: text('mailNickname'),
  createdDateTime: { ...text('meta.created', 'createdDateTime'), type: 'dateTime' },
  isAssignableToRole: { ...text('isAssignableToRole'), type: 'boolean' },
  securityEnabled: { ...text('securityEnabled'), type: 'boolean' },
  mailEnabled: { ...text('mailEnabled'), type: 'boolean' },
};

const vocabulary: Vocabulary = {
  type: 'microsoft.graph.group',
  resolve(name) {
    const found = Object.entries(fields).find(([one]) => one.toLowerCase() === name.toLowerCase());
    return found && { field: found[1] };
  },
};

function* graphGroups(tx: Tx, tenant: string, rows: readonly Row[]): Work<Record<string, unknown>[]> {
  const ids = rows.map(({ id }) => id);
  const assignable = yield* roleAssignable(tx, tenant, ids);
  return rows.map((row) => graphGroupOf(row, assignable.has(row.id)));
}

/** Answers `GET /groups`. */
export function groupList(deps: GraphDeps): (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply> {
  const all = queries(deps.sql);
  const place = (tenant: string, name: string) => `graph_groups/${tenant}/${name}`;

  function startOf(request: FastifyRequest, tenant: string, name: string): From {
    const token = parameterOf(request, '$skiptoken');
    if (token === undefined) return { index: 0 };
    try {
      return { after: JSON.parse(deps.keyring.openText(token, place(tenant, name))) as Position };
    } catch (error) {
      if (error instanceof SealError) throw badRequest('Invalid $skiptoken specified in the request.');
      throw error;
    }
  }

  return async (request, reply) => {
    refuseOthers(request, ['$orderby']);
    const tenant = callerOf(request).tenant.id;
    const $filter = parameterOf(request, '$filter');
    const $orderby = parameterOf(request, '$orderby');
    const order = orderOf($orderby);
    const filter = $filter === undefined ? undefined : parsed(() => parseODataFilter($filter, vocabulary));
    const part: Part = {
      source: groupSource,
      ...(filter ? { filter } : {}),
      ...(order ? { sort: fields.displayName as Field } : {}),
      open: (tx, rows) => graphGroups(tx, tenant, rows),
    };
    const name = JSON.stringify(['graph groups', $filter, order]);
    const top = topOf(request);
    const select = selectedOf(parameterOf(request, '$select'));
    const use = (tx: Tx, found: readonly Found[]) =>
      graphGroups(
        tx,
        tenant,
        found.map(({ row }) => row),
      );
    const query = { tenant, parts: [part], name, ...(order ? { order } : {}) };
    const { found, more, used, total } = await all.page(query, startOf(request, tenant, name), top, use);
    const last = found.at(-1);
    const token = more && last ? deps.keyring.seal(JSON.stringify(positionOf(last)), place(tenant, name)) : undefined;
    const shown = select ? used.map((one) => Object.fromEntries(select.map((key) => [key, one[key]]))) : used;
    return reply.send(
      collectionOf(deps, select ? `groups(${select.join(',')})` : 'groups', shown, {
        ...(wantsCount(request) ? { '@odata.count': total } : {}),
        ...(token === undefined ? {} : { '@odata.nextLink': nextLink(deps, request, token) }),
      }),
    );
  };
}

/** @throws GraphError 400 */
function orderOf($orderby: string | undefined): 'ascending' | 'descending' | undefined {
  if ($orderby === undefined) return undefined;
  const [, direction = 'asc'] = /^\s*displayName(?:\s+(asc|desc))?\s*$/i.exec($orderby) ?? [undefined, ''];
  if (direction === '') throw badRequest('Groups can be ordered by displayName alone.');
  return direction.toLowerCase() === 'desc' ? 'descending' : 'ascending';
}
