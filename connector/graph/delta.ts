// GET /users/delta (Microsoft Graph, delta query): first everybody, then what has changed. The record (audit.ts) is the
// log of changes: what a link holds is a place in it, so that nothing is kept for those who ask.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { endOfChain } from '../audit.ts';
import type { Filter } from '../filter/filter.ts';
import type { Access } from '../http/auth.ts';
import { sealNow } from '../sealer.ts';
import type { Tx, Work } from '../sql/sql.ts';
import { inChunks, placeholders } from '../store/in-list.ts';
import { type StoredUser, usersAfter } from '../store/users.ts';
import { callerOf } from './access.ts';
import { contextOf, doorPath } from './deps.ts';
import { GraphError, unsupportedQuery } from './error.ts';
import { pageTokens } from './page-token.ts';
import { checkFormat, readOptions, readSelect, readTop, type Selection } from './query.ts';
import { type PropertyName, propertyOf } from './user.ts';
import { readFilter } from './user-query.ts';
import {
  listPermissions,
  type ReadDeps,
  rawQuery,
  readableBy,
  shownOf,
  shownUsers,
  usersContext,
} from './user-view.ts';

/** How long a delta token of directory objects is good for (delta query, token duration). */
const tokenLifetime = 7 * 24 * 3_600_000;
/** Entries of the record that are looked through for one page. */
const window = 1000;
/** Of a filter by ids (user: delta). */
const mostIds = 50;

/** Where one is: the last id of a list that began at `seq` of the record, or, without an id, `seq` alone. */
interface State {
  readonly seq: number;
  readonly after?: string;
  readonly select?: string;
  readonly ids?: readonly string[];
  readonly top?: number;
}

interface Turn {
  readonly value: object[];
  readonly state: State;
  readonly more: boolean;
}

/** What is to be seen of a user. */
interface Showing {
  readonly names: readonly PropertyName[];
  /** Of one that has changed the properties that did, and nothing else (Prefer: return=minimal). */
  readonly minimal: boolean;
}

/** Attributes of the SCIM User that changed; undefined: all of them, it is new. */
type Change = Set<string> | undefined;

/** The place that a link holds: of the last chained entry. What is chained later stands behind it, whenever it was recorded. */
function* lastEntry(tx: Tx, tenant: string): Work<number> {
  return (yield* endOfChain(tx, tenant)).seq;
}

/** A page of everybody. */
function* listed(tx: Tx, tenant: string, state: State, { names }: Showing): Work<Turn> {
  const { after = '', top = 100, ids } = state;
  const rows: StoredUser[] = ids ? yield* usersOf(tx, tenant, ids) : yield* usersAfter(tx, tenant, after, top);
  const value = yield* shownUsers(tx, tenant, rows, names);
  const last = rows.at(-1)?.id;
  if (!ids && last !== undefined && rows.length === top) return { value, state: { ...state, after: last }, more: true };
  const { after: _after, ...rest } = state;
  return { value, state: rest, more: false };
}

function* usersOf(tx: Tx, tenant: string, ids: readonly string[]): Work<StoredUser[]> {
  const rows: StoredUser[] = [];
  for (const chunk of inChunks(ids)) {
    const some = yield* tx.query<StoredUser>(
      `select id, resource as text, version from app_user where tenant = ? and id in (${placeholders(chunk.length)})`,
      [tenant, ...chunk],
    );
    rows.push(...some);
  }
  return rows;
}

/** What has changed since, as far as one page looks. */
function* changed(tx: Tx, tenant: string, state: State, { names, minimal }: Showing): Work<Turn> {
  const end = yield* lastEntry(tx, tenant);
  const until = Math.min(end, state.seq + window);
  const entries = yield* tx.all<{ action: string; target: string; detail: string }>`
    select action, target, detail from audit
    where tenant = ${tenant} and seq > ${state.seq} and seq <= ${until} order by seq`;
  const changes = changesIn(entries, state.ids);
  const rows = new Map((yield* usersOf(tx, tenant, [...changes.keys()])).map((row) => [row.id, row]));
  const seen = [...changes].filter(([id, change]) => !rows.has(id) || touches(change, names));
  const users = yield* shownUsers(
    tx,
    tenant,
    seen.flatMap(([id]) => rows.get(id) ?? []),
    names,
  );
  const byId = new Map(users.map((user) => [user.id, user]));
  const value = seen.map(([id, change]) => {
    const user = byId.get(id);
    // Here nobody comes back who was deleted.
    if (!user) return { id, '@removed': { reason: 'deleted' } };
    return minimal && change ? onlyChanged(user, change) : user;
  });
  return { value, state: { ...state, seq: until }, more: until < end };
}

function changesIn(
  entries: readonly { action: string; target: string; detail: string }[],
  ids: readonly string[] | undefined,
): Map<string, Change> {
  const changes = new Map<string, Change>();
  for (const { action, target, detail } of entries) {
    const attributes = attributesOf(action, detail);
    const id = target.startsWith('user:') ? target.slice(5) : '';
    if (attributes === 'none' || id === '' || (ids && !ids.includes(id))) continue;
    const before = changes.get(id);
    const all = attributes === 'all' || (changes.has(id) && before === undefined);
    changes.set(id, all ? undefined : new Set([...(before ?? []), ...attributes]));
  }
  return changes;
}

function attributesOf(action: string, detail: string): 'all' | 'none' | string[] {
  if (action === 'user.created' || action === 'user.deleted') return 'all';
  if (action === 'password.changed') return ['password'];
  if (action !== 'user.updated') return 'none';
  const { attributes } = JSON.parse(detail) as { attributes?: string };
  return attributes === undefined ? 'all' : attributes.split(' ');
}

function touches(change: Change, names: readonly PropertyName[]): boolean {
  return change === undefined || names.some((name) => propertyOf(name).from.some((attribute) => change.has(attribute)));
}

function onlyChanged(user: object, change: Set<string>): object {
  const kept = Object.entries(user).filter(
    ([name]) => name === 'id' || propertyOf(name as PropertyName).from.some((attribute) => change.has(attribute)),
  );
  return Object.fromEntries(kept);
}

/** The ids of `id eq 'a' or id eq 'b'`; nothing else is a filter of a delta query. @throws GraphError 400 */
function idsOf(filter: Filter): string[] {
  const terms = filter.kind === 'or' ? filter.filters : [filter];
  const ids = terms.map((term) => {
    const isId = term.kind === 'compare' && term.field.path === 'id' && term.operator === 'eq';
    if (!isId || typeof term.value !== 'string') {
      throw unsupportedQuery('The only filter of a delta query is one by object ids.');
    }
    return term.value.toLowerCase();
  });
  if (ids.length > mostIds) throw unsupportedQuery(`A delta query tracks at most ${mostIds} objects by their ids.`);
  return [...new Set(ids)];
}

/** Adds the route. */
export function usersDelta(app: FastifyInstance, deps: ReadDeps): void {
  const path = '/users/delta';
  const base = `${deps.publicUrl}${doorPath}${path}`;
  const tokens = pageTokens<State>(deps.keyring, deps.now, 'delta');

  /** 410: begin anew (delta query, synchronization reset). */
  const resync = () => {
    const message =
      "Resync required. Replace any local items with the server's version (including deletes) if you're sure that the service was up to date with your local changes when you last sync'd. Upload any local changes that the server doesn't know about.";
    return new GraphError(410, 'resyncRequired', message, { location: `${base}?$deltatoken=` });
  };

  const opened = (tenant: string, token: string): State => {
    const found = tokens.open(tenant, path, token);
    if (!found || deps.now() - found.at > tokenLifetime) throw resync();
    return found.content;
  };

  const selectionOf = ({ select }: State): Selection | undefined =>
    select === undefined ? undefined : readSelect(select);

  /** What the first request asks for: later ones find it in their token. */
  const first = async (
    { tenant }: Access,
    select: string | undefined,
    filter: string | undefined,
    top: string | undefined,
  ) => {
    // A list of ids needs no advanced query, however long it is.
    const ids = filter === undefined ? undefined : idsOf(readFilter(filter, { advanced: true }));
    const seq = await deps.sql.read((tx) => lastEntry(tx, tenant.id));
    return {
      seq,
      after: '',
      ...(select === undefined ? {} : { select }),
      ...(ids ? { ids } : {}),
      ...(top === undefined ? {} : { top: readTop(top) }),
    } satisfies State;
  };

  async function delta(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const access = callerOf(request);
    const tenant = access.tenant.id;
    const options = readOptions(rawQuery(request), ['select', 'filter', 'top', 'deltatoken', 'skiptoken', 'format']);
    checkFormat(options.get('format'));
    const token = options.get('skiptoken') ?? (options.get('deltatoken') || undefined);
    const latest = token?.toLowerCase() === 'latest' && options.has('deltatoken');
    // What was answered before this request is told by it, also where the record is chained behind the writes.
    await sealNow(deps.sql, tenant, deps.now());
    const select = options.get('select');
    const fresh = token === undefined || latest;
    const begun = fresh
      ? await first(access, select, options.get('filter'), options.get('top'))
      : { ...opened(tenant, token), ...(select === undefined ? {} : { select }) };
    const selection = selectionOf(begun);
    const minimal = /\breturn=minimal\b/i.test(String(request.headers.prefer ?? ''));
    // The id is always told: without it nothing could be matched.
    const names = [...new Set<PropertyName>([...shownOf(selection, readableBy(access)), 'id'])];
    const showing = { names, minimal };
    const { after: _after, ...now } = begun;
    const turn: Turn = latest
      ? { value: [], state: now, more: false }
      : await deps.sql.read((tx) =>
          begun.after === undefined ? changed(tx, tenant, begun, showing) : listed(tx, tenant, begun, showing),
        );
    const sealed = tokens.seal(tenant, path, turn.state);
    if (minimal) reply.header('preference-applied', 'return=minimal');
    const link = turn.more
      ? { '@odata.nextLink': `${base}?$skiptoken=${sealed}` }
      : { '@odata.deltaLink': `${base}?$deltatoken=${sealed}` };
    const body = { '@odata.context': contextOf(deps, usersContext(selection)), ...link, value: turn.value };
    return reply.type('application/json').send(JSON.stringify(body));
  }

  app.get(path, { config: { graph: listPermissions } }, delta);
}
