// The record: append-only, one row per thing done, in the transaction that did it, each row's hash over the one before.
// Where many transactions write at once (Postgres), the end of the chain would be a row that all of them wait for: entries
// are recorded with a hash of their own, and the sealer (sealer.ts) chains them a moment later. Ids only, never contents: no
// names, no addresses, no secrets.

import { hash } from 'node:crypto';
import type { Sql, Tx, Work } from './sql/sql.ts';

export interface AuditEntry {
  readonly tenant: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Who: `user:<oid>`, `token:<id>`, `client:<id>`, `operator`, `connector`, `link`. */
  readonly actor: string;
  /** The program through which a person did it, where there was one: goes into the detail. */
  readonly client?: string | undefined;
  /** What, as `thing.verb`: `reset.accepted`, `user.created`. */
  readonly action: string;
  /** To whom or what: `user:<id>`, `reset:<id>`. */
  readonly target: string;
  readonly detail?: Readonly<Record<string, string | number | boolean>>;
}

/** What an entry says, as it is stored. */
export interface Said {
  readonly at: number;
  readonly actor: string;
  readonly action: string;
  readonly target: string;
  readonly detail: string;
}

/** An entry that waits to be chained. `content` is the hash over it. */
export interface WaitingRow extends Said {
  readonly id: string;
  readonly content: string;
}

/** A chained entry; `id` and `content` are those that it had while it waited, if it did. */
export interface ChainedRow extends Said {
  readonly seq: number;
  readonly hash: string;
  readonly id: string | null;
  readonly content: string | null;
}

// Hashes over JSON, not over joined text: no two entries can be made to look alike by moving a separator.
const hashOf = (content: readonly unknown[]) => hash('sha256', JSON.stringify(content), 'base64url');

/** The hash of an entry by itself. */
function contentHash(tenant: string, { id, at, actor, action, target, detail }: Omit<WaitingRow, 'content'>) {
  return hashOf([tenant, id, at, actor, action, target, detail]);
}

/** The hash that chains an entry to the one before, whose hash is `before`; '' for the first. */
export function chainHash(before: string, tenant: string, row: Omit<ChainedRow, 'hash'>): string {
  const said = [before, tenant, row.seq, row.at, row.actor, row.action, row.target, row.detail];
  return hashOf(row.content === null ? said : [...said, row.id, row.content]);
}

/** Does the entry say what whoever recorded it said? One that was chained there and then has nothing but its chain. */
function isAsRecorded(tenant: string, row: Said & { id: string | null; content: string | null }): boolean {
  return row.content === null || contentHash(tenant, { ...row, id: row.id ?? '' }) === row.content;
}

/** Records what is done. Part of the caller's transaction: what is not recorded was not done. */
export function* record(tx: Tx, entry: AuditEntry): Work<void> {
  const detail = { ...entry.detail, ...(entry.client === undefined ? {} : { client: entry.client }) };
  const said = {
    at: entry.at,
    actor: entry.actor,
    action: entry.action,
    target: entry.target,
    detail: JSON.stringify(detail),
  };
  if (tx.writers === 'many') yield* leave(tx, entry.tenant, said);
  else yield* chain(tx, entry.tenant, said);
}

function* chain(tx: Tx, tenant: string, said: Said): Work<void> {
  const last = yield* endOfChain(tx, tenant);
  const row = { ...said, seq: last.seq + 1, id: null, content: null };
  yield* tx.run`insert into audit (tenant, seq, at, actor, action, target, detail, hash) values
    (${tenant}, ${row.seq}, ${row.at}, ${row.actor}, ${row.action}, ${row.target}, ${row.detail},
      ${chainHash(last.hash, tenant, row)})`;
}

/** Records an entry for the sealer to chain; a row of its own, which nobody else touches. */
export function* leave(tx: Tx, tenant: string, said: Said): Work<void> {
  const row = { ...said, id: tx.key() };
  yield* tx.run`insert into audit_waiting (tenant, id, at, actor, action, target, detail, content) values
    (${tenant}, ${row.id}, ${row.at}, ${row.actor}, ${row.action}, ${row.target}, ${row.detail},
      ${contentHash(tenant, row)})`;
}

/** The last chained entry of a tenant: its place, which only grows and has no gaps, and its hash. 0: there is none. */
export function* endOfChain(tx: Tx, tenant: string): Work<{ seq: number; hash: string }> {
  const last = yield* tx.get<{ seq: number; hash: string }>`
    select seq, hash from audit where tenant = ${tenant} order by seq desc limit 1`;
  return last ?? { seq: 0, hash: '' };
}

/**
 * How many entries a tenant's record has, chained or not. Two snapshots with the same number hold the same entries: on one
 * server, and for one tenant's rows, of two snapshots one always holds all that the other does.
 */
export function* entriesOf(tx: Tx, tenant: string): Work<number> {
  const { seq } = yield* endOfChain(tx, tenant);
  // Where there is one writer nothing waits: not asked, since every page of a list asks this.
  if (tx.writers === 'one') return seq;
  const waiting = yield* tx.get<{ entries: number }>`
    select count(*) as entries from audit_waiting where tenant = ${tenant}`;
  return seq + (waiting?.entries ?? 0);
}

// Reading ---------------------------------------------------------------------------------------------------------

/** What a look at a tenant's whole record has found. */
export interface Verified {
  /** Chained entries that fit, from the first on. */
  readonly entries: number;
  /** The place of the first that does not fit, if one does not. */
  readonly brokenAt?: number;
  /** What is recorded and not yet chained, if there is something. */
  readonly waiting?: {
    readonly entries: number;
    /** Those that do not say what was recorded. */
    readonly changed: number;
    /** When the oldest of them was recorded; milliseconds since the epoch. */
    readonly since: number;
  };
}

const page = 1000;

/** Walks a tenant's chain, then looks at what waits for it. */
export async function verifyAudit(sql: Pick<Sql, 'read'>, tenant: string): Promise<Verified> {
  let before = '';
  let seq = 0;
  for (;;) {
    const { rows, waiting } = await sql.read((tx) => readOn(tx, tenant, seq));
    for (const row of rows) {
      const fits = row.seq === seq + 1 && row.hash === chainHash(before, tenant, row) && isAsRecorded(tenant, row);
      if (!fits) return { entries: seq, brokenAt: seq + 1 };
      before = row.hash;
      seq = row.seq;
    }
    if (waiting) return { entries: seq, ...(waiting.length > 0 ? { waiting: lookAt(tenant, waiting) } : {}) };
  }
}

type Arrived = WaitingRow & { readonly arrived: number };

/** The next entries of the chain; with the last of them, on the same snapshot, what waits. */
function* readOn(tx: Tx, tenant: string, seq: number): Work<{ rows: ChainedRow[]; waiting?: Arrived[] }> {
  const rows = yield* tx.all<ChainedRow>`select seq, at, actor, action, target, detail, hash, id, content from audit
    where tenant = ${tenant} and seq > ${seq} order by seq limit ${page}`;
  return rows.length < page ? { rows, waiting: yield* readWaiting(tx, tenant) } : { rows };
}

function* readWaiting(tx: Tx, tenant: string): Work<Arrived[]> {
  return yield* tx.all<Arrived>`select arrived, id, at, actor, action, target, detail, content from audit_waiting
    where tenant = ${tenant} order by arrived, id`;
}

function lookAt(tenant: string, waiting: readonly Arrived[]): NonNullable<Verified['waiting']> {
  return {
    entries: waiting.length,
    changed: waiting.filter((row) => !isAsRecorded(tenant, row)).length,
    since: Math.min(...waiting.map(({ at, arrived }) => Math.max(at, Math.floor(arrived / 1000)))),
  };
}

/** An entry as it stands in the record. */
export interface RecordedEntry extends AuditEntry {
  /** Its place, from 1, without gaps; undefined: it is recorded and not yet chained. */
  readonly seq: number | undefined;
}

/**
 * A tenant's entries, newest last; those that are not yet chained stand behind all others.
 * @param last how many at most
 * @param action only these: a whole action (`user.created`), or the thing before its dot (`user`)
 */
export async function recordedEntries(sql: Sql, tenant: string, last: number, action = ''): Promise<RecordedEntry[]> {
  const { waiting, chained } = await sql.read((tx) => readLast(tx, tenant, last, action));
  const fits = (row: Said) => action === '' || row.action === action || row.action.startsWith(`${action}.`);
  const all = [...chained.reverse(), ...waiting.filter(fits).map((row) => ({ ...row, seq: undefined }))];
  return all.slice(-last).map(({ seq, at, actor, action, target, detail }) => {
    return { tenant, seq, at, actor, action, target, detail: detailOf(detail) };
  });
}

function* readLast(tx: Tx, tenant: string, last: number, action: string) {
  const prefix = `${action}.`;
  const chained: (Said & { seq: number })[] = yield* tx.all<Said & { seq: number }>`
    select seq, at, actor, action, target, detail from audit
    where tenant = ${tenant}
      and (${action} = '' or action = ${action} or substr(action, 1, ${prefix.length}) = ${prefix})
    order by seq desc limit ${last}`;
  return { chained, waiting: yield* readWaiting(tx, tenant) };
}

/** An entry that somebody has damaged is shown all the same: `verifyAudit` finds it. */
function detailOf(text: string): NonNullable<AuditEntry['detail']> {
  try {
    return JSON.parse(text);
  } catch {
    return { unreadable: text };
  }
}
