// What sync clients have still to be told (RFC 9967 draft, RFC 8936): one stream per client, a row per event, written in
// the transaction of the change that it tells of, and removed when the client has acknowledged it.

import { Problem } from '#shared/problem.ts';
import { record } from '../audit.ts';
import type { Sql, Tx, Work } from '../sql/sql.ts';
import { takeOut, type Waiting } from './waiting.ts';

const prefix = 'urn:ietf:params:scim:event';

/**
 * The events that can be sent. Changes are told as notices, the names of what changed: values stay behind a GET, where
 * scopes are asked for each time, and a group of 50,000 is not copied because one member left.
 */
export const eventUris = {
  added: `${prefix}:feed:add`,
  removed: `${prefix}:feed:remove`,
  create: `${prefix}:prov:create:notice`,
  patch: `${prefix}:prov:patch:notice`,
  put: `${prefix}:prov:put:notice`,
  delete: `${prefix}:prov:delete`,
  activate: `${prefix}:prov:activate`,
  deactivate: `${prefix}:prov:deactivate`,
  asyncResponse: `${prefix}:misc:asyncresp`,
} as const;

/** The resource types that can be in a feed, and their tables. */
export const feedResources = ['User', 'Group'] as const;
export type FeedResource = (typeof feedResources)[number];

/** An event that waits. `seq` counts a client's events from 1 and never restarts. */
export interface WaitingEvent {
  readonly seq: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly txn: string;
  /** Of the resource, under the service provider's base (§2.1): `/Users/<id>`. */
  readonly uri: string;
  readonly externalId?: string;
  /** The `events` claim: event URI → payload. */
  readonly events: Readonly<Record<string, object>>;
}

/** A change of a resource, as the store knows it. */
export interface Change {
  readonly tenant: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly resource: FeedResource;
  readonly id: string;
  readonly externalId?: string | undefined;
  readonly action: 'create' | 'patch' | 'put' | 'delete';
  /** Entity-tag afterwards; a deleted one has none. */
  readonly version?: string;
  /** Names of the attributes that were set or changed; none for a deleted one. */
  readonly attributes?: readonly string[];
  /** What `active` became, if it did. */
  readonly active?: boolean | undefined;
  /** The transaction that a client was promised (Set-Txn); without one the change names itself. */
  readonly txn?: string | undefined;
}

interface StreamRow {
  client: string;
  feed: number;
  resources: string;
  last_seq: number;
}

interface EventRow {
  seq: number;
  at: number;
  txn: string;
  uri: string;
  external_id: string | null;
  events: string;
}

/** What is kept for a client that does not ask. */
export const mostWaiting = 100_000;
export const keptFor = 7 * 24 * 3_600_000;
/** How often the oldest are looked at: each so many events of a stream. */
const pruneEvery = 256;

function eventOf(row: EventRow): WaitingEvent {
  return {
    seq: row.seq,
    at: row.at,
    txn: row.txn,
    uri: row.uri,
    ...(row.external_id === null ? {} : { externalId: row.external_id }),
    events: JSON.parse(row.events) as Record<string, object>,
  };
}

/** Tells every client in whose feed this resource is. Part of the transaction that changed it. */
export function* publish(tx: Tx, change: Change): Work<void> {
  const { tenant, at, resource, id, externalId } = change;
  const streams = yield* tx.all<StreamRow>`select client, feed, resources, last_seq from event_stream
    where tenant = ${tenant} and feed = 1`;
  const told = streams.filter(({ resources }) => resources.split(' ').includes(resource));
  if (told.length === 0) return;
  const uri = `/${resource}s/${id}`;
  // The same for each client, another for each change, and known without drawing it.
  const txn = change.txn ?? `${id}/${change.version ?? 'gone'}`;
  const event = { at, txn, uri, events: eventsOf(change), ...(externalId === undefined ? {} : { externalId }) };
  for (const { client } of told) yield* append(tx, tenant, client, event);
}

/** §2.4: one SET for one change, with all that it means. */
function eventsOf({ action, version, attributes, active }: Change): Record<string, object> {
  if (action === 'delete') return { [eventUris.delete]: {} };
  const payload = { ...(version === undefined ? {} : { version }), attributes: attributes ?? [] };
  const became = active === undefined ? {} : { [active ? eventUris.activate : eventUris.deactivate]: {} };
  return { [eventUris[action]]: payload, ...became };
}

/**
 * Adds an event to one client's stream, which is made when there is none: its own answers every client may fetch. Where many
 * write at once its number would be a row that all of them wait for: it gets one from the sealer, a moment later.
 */
export function* append(tx: Tx, tenant: string, client: string, event: Omit<WaitingEvent, 'seq'>): Work<void> {
  const { at, txn, uri, externalId = null } = event;
  const row = { at, txn, uri, external_id: externalId, events: JSON.stringify(event.events) };
  if (tx.writers === 'one') yield* number(tx, tenant, client, [row]);
  else {
    yield* tx.run`insert into event_waiting (tenant, id, client, at, txn, uri, external_id, events)
      values (${tenant}, ${tx.key()}, ${client}, ${at}, ${txn}, ${uri}, ${externalId}, ${row.events})`;
  }
}

/** Puts events behind all others of a client's stream. */
function* number(tx: Tx, tenant: string, client: string, rows: readonly Omit<EventRow, 'seq'>[]): Work<void> {
  const at = rows.at(-1)?.at ?? 0;
  yield* tx.run`insert into event_stream (tenant, client, feed, resources, last_seq, created)
    values (${tenant}, ${client}, 0, '', ${rows.length}, ${at})
    on conflict (tenant, client) do update set last_seq = event_stream.last_seq + ${rows.length}`;
  const stream = yield* tx.get<StreamRow>`select client, feed, resources, last_seq from event_stream
    where tenant = ${tenant} and client = ${client}`;
  const last = stream?.last_seq ?? rows.length;
  let seq = last - rows.length;
  for (const row of rows) {
    yield* tx.run`insert into event (tenant, client, seq, at, txn, uri, external_id, events)
      values (${tenant}, ${client}, ${++seq}, ${row.at}, ${row.txn}, ${row.uri}, ${row.external_id}, ${row.events})`;
  }
  const due = Math.floor(last / pruneEvery) > Math.floor((last - rows.length) / pruneEvery);
  if (due) yield* prune(tx, tenant, client, last, at);
}

/**
 * Numbers events that wait for it, the oldest first, each client's by itself. Part of the transaction that chains the record
 * (sealer.ts): nobody else does it meanwhile.
 * @returns how many
 */
export function* numberWaiting(tx: Tx, tenant: string, most: number): Work<number> {
  const rows = yield* tx.all<Omit<EventRow, 'seq'> & Waiting & { client: string }>`
    select arrived, id, client, at, txn, uri, external_id, events from event_waiting
    where tenant = ${tenant} order by arrived, id limit ${most}`;
  if (rows.length === 0) return 0;
  for (const [client, some] of Map.groupBy(rows, (row) => row.client)) yield* number(tx, tenant, client, some);
  yield* takeOut(tx, 'event_waiting', tenant, rows);
  return rows.length;
}

function* prune(tx: Tx, tenant: string, client: string, last: number, at: number): Work<void> {
  yield* tx.run`delete from event where tenant = ${tenant} and client = ${client} and seq <= ${last - mostWaiting}`;
  yield* tx.run`delete from event where tenant = ${tenant} and client = ${client} and at < ${at - keptFor}
    and seq <= ${last}`;
}

/** The oldest events that wait for a client, and whether there are more. */
export async function waiting(
  sql: Pick<Sql, 'all'>,
  tenant: string,
  client: string,
  most: number,
): Promise<{ events: WaitingEvent[]; more: boolean }> {
  const rows = await sql.all<EventRow>`select seq, at, txn, uri, external_id, events from event
    where tenant = ${tenant} and client = ${client} order by seq limit ${most + 1}`;
  return { events: rows.slice(0, most).map(eventOf), more: rows.length > most };
}

/** What waits for a client of one transaction, and of the operations of a Bulk request in it (`<txn>:<index>`). */
export async function ofTransaction(
  sql: Pick<Sql, 'all'>,
  tenant: string,
  client: string,
  txn: string,
): Promise<WaitingEvent[]> {
  const rows = await sql.all<EventRow>`select seq, at, txn, uri, external_id, events from event
    where tenant = ${tenant} and client = ${client} and (txn = ${txn} or (txn >= ${`${txn}:`} and txn < ${`${txn};`}))
    order by seq`;
  return rows.map(eventOf).filter(({ events }) => eventUris.asyncResponse in events);
}

/** Forgets events that a client has (RFC 8936 §2.4). */
export function* acknowledge(tx: Tx, tenant: string, client: string, seqs: readonly number[]): Work<void> {
  for (const seq of seqs) {
    yield* tx.run`delete from event where tenant = ${tenant} and client = ${client} and seq = ${seq}`;
  }
}

// The feed, as an operator sets it up --------------------------------------------------------------------------

export interface Stream {
  readonly client: string;
  /** Empty: no feed, only answers to the client's own asynchronous requests. */
  readonly resources: readonly FeedResource[];
  readonly waiting: number;
}

/** The streams of a tenant. */
export async function listStreams(sql: Pick<Sql, 'all'>, tenant: string): Promise<Stream[]> {
  const rows = await sql.all<StreamRow & { waiting: number }>`select client, feed, resources, last_seq,
      (select count(*) from event e where e.tenant = s.tenant and e.client = s.client) as waiting
    from event_stream s where tenant = ${tenant} order by client`;
  return rows.map((row) => ({ client: row.client, resources: resourcesOf(row), waiting: row.waiting }));
}

function resourcesOf(row: StreamRow | undefined): FeedResource[] {
  return row?.feed === 1 ? feedResources.filter((one) => row.resources.split(' ').includes(one)) : [];
}

/**
 * Puts resource types into a client's feed, or takes them out. What enters is announced with `feed:add`, if `announce`;
 * what leaves with `feed:remove` (§2.3), if `announce`.
 * @throws Problem notFound
 */
export function* setFeed(
  tx: Tx,
  tenant: string,
  client: string,
  feed: { resources: readonly FeedResource[]; announce: boolean },
  by: { at: number; actor: string },
): Work<void> {
  const known = yield* tx.get`select id from client where tenant = ${tenant} and id = ${client} and revoked is null`;
  if (!known) throw new Problem('notFound');
  const row = yield* tx.get<StreamRow>`select client, feed, resources, last_seq from event_stream
    where tenant = ${tenant} and client = ${client}`;
  const before = resourcesOf(row);
  const resources = feedResources.filter((one) => feed.resources.includes(one));
  const on = resources.length > 0 ? 1 : 0;
  yield* tx.run`insert into event_stream (tenant, client, feed, resources, last_seq, created)
    values (${tenant}, ${client}, ${on}, ${resources.join(' ')}, 0, ${by.at})
    on conflict (tenant, client) do update set feed = excluded.feed, resources = excluded.resources`;
  if (feed.announce) {
    for (const one of resources) if (!before.includes(one)) yield* announce(tx, tenant, client, one, 'added', by.at);
    for (const one of before) if (!resources.includes(one)) yield* announce(tx, tenant, client, one, 'removed', by.at);
  }
  const detail = { resources: resources.join(' ') };
  yield* record(tx, { tenant, ...by, action: 'client.events.set', target: `client:${client}`, detail });
}

const tables = { User: 'app_user', Group: 'app_group' } as const;

function* announce(
  tx: Tx,
  tenant: string,
  client: string,
  resource: FeedResource,
  what: 'added' | 'removed',
  at: number,
): Work<void> {
  // By the database itself: there may be a hundred thousand.
  yield* tx.change(
    `insert into event (tenant, client, seq, at, txn, uri, external_id, events)
      select r.tenant, s.client, s.last_seq + row_number() over (order by r.id), ?, ?, ? || r.id, r.external_id, ?
      from ${tables[resource]} r join event_stream s on s.tenant = r.tenant and s.client = ?
      where r.tenant = ?`,
    [
      at,
      `feed/${client}/${at}/${resource}`,
      `/${resource}s/`,
      JSON.stringify({ [eventUris[what]]: {} }),
      client,
      tenant,
    ],
  );
  const last = yield* tx.get<{ seq: number | null }>`select max(seq) as seq from event
    where tenant = ${tenant} and client = ${client}`;
  const seq = last?.seq ?? 0;
  yield* tx.run`update event_stream set last_seq = case when last_seq > ${seq} then last_seq else ${seq} end
    where tenant = ${tenant} and client = ${client}`;
  yield* prune(tx, tenant, client, seq, at);
}
