// The record: append-only, one row per thing done, in the transaction that did it, each row's hash over the one before.
// Ids only, never contents: no names, no addresses, no secrets.

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

interface AuditRow {
  seq: number;
  at: number;
  actor: string;
  action: string;
  target: string;
  detail: string;
  hash: string;
}

// Hash over JSON, not over joined text: no two entries can be made to look alike by moving a separator.
function hashOf(before: string, tenant: string, row: Omit<AuditRow, 'hash'>): string {
  const content = JSON.stringify([before, tenant, row.seq, row.at, row.actor, row.action, row.target, row.detail]);
  return hash('sha256', content, 'base64url');
}

/** Appends an entry to the tenant's chain. Part of the caller's transaction: what is not recorded was not done. */
export function* record(tx: Tx, entry: AuditEntry): Work<void> {
  const last = yield* tx.get<{ seq: number; hash: string }>`
    select seq, hash from audit where tenant = ${entry.tenant} order by seq desc limit 1`;
  const row = {
    seq: (last?.seq ?? 0) + 1,
    at: entry.at,
    actor: entry.actor,
    action: entry.action,
    target: entry.target,
    detail: JSON.stringify({ ...entry.detail, ...(entry.client === undefined ? {} : { client: entry.client }) }),
  };
  const own = hashOf(last?.hash ?? '', entry.tenant, row);
  yield* tx.run`insert into audit (tenant, seq, at, actor, action, target, detail, hash) values
    (${entry.tenant}, ${row.seq}, ${row.at}, ${row.actor}, ${row.action}, ${row.target}, ${row.detail}, ${own})`;
}

/** Walks a tenant's chain: the number of entries, and the `seq` of the first that does not fit, if one does not. */
export async function verifyAudit(
  sql: Pick<Sql, 'all'>,
  tenant: string,
): Promise<{ entries: number; brokenAt?: number }> {
  let before = '';
  let seq = 0;
  for (;;) {
    const rows = await sql.all<AuditRow>`select seq, at, actor, action, target, detail, hash from audit
      where tenant = ${tenant} and seq > ${seq} order by seq limit 1000`;
    if (rows.length === 0) return { entries: seq };
    for (const row of rows) {
      if (row.seq !== seq + 1 || row.hash !== hashOf(before, tenant, row)) return { entries: seq, brokenAt: seq + 1 };
      before = row.hash;
      seq = row.seq;
    }
  }
}

/** An entry as it stands in the record. */
export interface RecordedEntry extends AuditEntry {
  /** Its place, from 1, without gaps. */
  readonly seq: number;
}

/**
 * A tenant's entries, newest last.
 * @param last how many at most
 * @param action only these: a whole action (`user.created`), or the thing before its dot (`user`)
 */
export async function recordedEntries(
  sql: Pick<Sql, 'all'>,
  tenant: string,
  last: number,
  action = '',
): Promise<RecordedEntry[]> {
  const prefix = `${action}.`;
  const rows = await sql.all<AuditRow>`select seq, at, actor, action, target, detail, hash from audit
    where tenant = ${tenant}
      and (${action} = '' or action = ${action} or substr(action, 1, ${prefix.length}) = ${prefix})
    order by seq desc limit ${last}`;
  return rows.reverse().map(({ seq, at, actor, action, target, detail }) => {
    return { tenant, seq, at, actor, action, target, detail: detailOf(detail) };
  });
}

/** An entry that somebody has damaged is shown all the same: `verifyAudit` finds it. */
function detailOf(text: string): NonNullable<AuditEntry['detail']> {
  try {
    return JSON.parse(text);
  } catch {
    return { unreadable: text };
  }
}
