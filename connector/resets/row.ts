// The reset's row: its columns, how it moves, how it is read. Every move is one compare-and-set on the state (and, for
// the walker, on its epoch), with its events and its audit record in the same transaction.

import { type Credential, type EventName, liveStates, type Mode, type NeedsYou, type State } from '#shared/api.ts';
import type { Locale } from '#shared/locale.ts';
import { record } from '../audit.ts';
import type { Grant } from '../directory/directory.ts';
import type { Tx, Value, Work } from '../sql/sql.ts';
import { mayGo } from './transitions.ts';

/** Columns of table `reset`; flags are 0 or 1, times milliseconds since the epoch. */
export interface ResetRow {
  readonly tenant: string;
  readonly id: string;
  readonly user_id: string;
  /** The how-manieth reset of this person it is: a newer one has a greater number, whatever the clocks say. */
  readonly nth: number;
  readonly user_name: string;
  readonly display_name: string;
  readonly mode: Mode;
  readonly state: State;
  readonly needs_you: NeedsYou | null;
  /** JSON of `{ code, details }`: why it ended or waits. */
  readonly why: string | null;
  readonly epoch: number;
  readonly caller_id: string;
  readonly caller_name: string;
  readonly caller_role: string;
  readonly recipient: string;
  readonly recipient_on_file: number;
  readonly recipient_masked: string;
  readonly locale: Locale;
  readonly pin: number;
  readonly force_change: number;
  readonly generated: number;
  readonly mail_from: string;
  readonly mail_subject: string;
  readonly message_id: string;
  readonly mail_attempts: number;
  readonly sealed_password: string | null;
  readonly sealed_mail: string | null;
  readonly credential: Credential;
  /** The link's encryption key, of a pass alone, until the pass is encrypted with it. */
  readonly sealed_key: string | null;
  /** The directory's id of the pass that this reset has made. */
  readonly pass_id: string | null;
  readonly link_hash: string;
  readonly proof_hash: string;
  readonly proof_pin_hash: string | null;
  readonly pin_tries: number;
  /** JSON of what the page decrypts: `{ nonce, ct }`. */
  readonly ciphertext: string | null;
  readonly holder_hash: string | null;
  readonly leased_until: number | null;
  readonly started_at: number;
  readonly expires_at: number;
  /** Until when a password must be changed, set at the opening; of a pass: until when it can be used. */
  readonly change_by: number | null;
  /** When our password was set, or our pass made. */
  readonly baseline_at: number | null;
  /** 1: nothing is left to be watched. */
  readonly changed: number;
  /** A call to the directory may be under way until then; in the past: the last one whose outcome is not known. */
  readonly call_until: number | null;
  /** The same by the directory's own clock; null where that is ours, or nobody knows. Says nothing without `call_until`. */
  readonly call_by: number | null;
  /** When the password had last changed, by the directory's word, before a call whose outcome is not known; 0: never. */
  readonly seen_at: number | null;
  /** 1: the directory may hold a password or pass of ours that nobody shall use any more. */
  readonly scramble: number;
  readonly next_attempt_at: number | null;
  readonly supersedes: string | null;
  readonly superseded_by: string | null;
  /** Who changes the directory when nobody is calling (`Grant`). */
  readonly grant_identity: Grant['identity'];
  /** The secret of an admin's grant, until nothing is left to be changed. */
  readonly sealed_grant: string | null;
  /** 1: the address is put on file once the person has opened the link and it has worked. */
  readonly remember: number;
  readonly seq: number;
}

export interface EventRow {
  readonly reset: string;
  readonly seq: number;
  readonly name: EventName;
  readonly at: number;
  readonly evidence: string | null;
}

/** What a move writes besides the state; `null` clears. */
export type Columns = Partial<Omit<ResetRow, 'tenant' | 'id' | 'state' | 'seq' | 'mode'>>;

export interface Move {
  readonly at: number;
  /** As in the audit: `user:<oid>`, `connector`, `link`. */
  readonly actor: string;
  readonly events: readonly { readonly name: EventName; readonly evidence?: string }[];
  readonly set?: Columns;
  /** The walker's epoch: a late worker's write matches no row. */
  readonly epoch?: number;
}

/** Nothing that could still open, or be opened, remains on the row; hashes and metadata stay. */
export const shredded = {
  sealed_password: null,
  sealed_key: null,
  sealed_mail: null,
  ciphertext: null,
} as const satisfies Columns;

/**
 * Moves a reset to another state (or, with its own state, notes something), if it is still in the state that was read.
 * The new row; undefined when somebody else was faster: nothing was written then.
 */
export function* move(tx: Tx, reset: ResetRow, to: State, change: Move): Work<ResetRow | undefined> {
  if (to !== reset.state && !mayGo(reset.mode, reset.state, to)) {
    throw new Error(`A reset cannot go from ${reset.state} to ${to}.`);
  }
  const set = Object.entries(change.set ?? {}) as [string, Value][];
  const columns = ['state', ...set.map(([name]) => name)].map((name) => `${name} = ?`).join(', ');
  const fence = change.epoch === undefined ? '' : ' and epoch = ?';
  const [row] = yield* tx.query<ResetRow>(
    `update reset set ${columns}, seq = seq + ? where tenant = ? and id = ? and state = ?${fence} returning *`,
    [
      to,
      ...set.map(([, value]) => value),
      // One more even without an event: whoever streams the row tells a change by its seq.
      Math.max(1, change.events.length),
      ...[reset.tenant, reset.id, reset.state],
      ...(change.epoch === undefined ? [] : [change.epoch]),
    ],
  );
  if (!row) return undefined;
  if (row.sealed_grant !== null && !mayOwe(row)) {
    yield* tx.run`update reset set sealed_grant = ${null} where tenant = ${row.tenant} and id = ${row.id}`;
  }
  yield* append(tx, row, change);
  if (to !== reset.state) yield* recordMove(tx, row, `reset.${to}`, change);
  else for (const { name } of change.events) yield* recordMove(tx, row, `reset.${name}`, change);
  return row;
}

/** May the directory still have to be changed, or looked at, for this reset? Then its grant is kept. */
function mayOwe(row: ResetRow): boolean {
  if (isLive(row) || row.scramble === 1) return true;
  const watched = row.changed === 0 && (row.force_change === 1 || isPass(row));
  return row.state === 'done' && (watched || (row.remember === 1 && row.holder_hash !== null));
}

/** Writes the events of a row whose `seq` already counts them. */
export function* append(tx: Tx, row: ResetRow, change: Pick<Move, 'at' | 'events'>): Work<void> {
  let seq = row.seq - change.events.length;
  for (const { name, evidence } of change.events) {
    seq++;
    yield* tx.run`insert into reset_event (tenant, reset, seq, name, at, evidence)
      values (${row.tenant}, ${row.id}, ${seq}, ${name}, ${change.at}, ${evidence?.slice(0, 300) ?? null})`;
  }
}

/** The audit record of a transition. */
export function* recordMove(tx: Tx, row: ResetRow, action: string, change: Pick<Move, 'at' | 'actor'>): Work<void> {
  const detail = { user: row.user_id, epoch: row.epoch };
  yield* record(tx, {
    ...{ tenant: row.tenant, at: change.at, actor: change.actor },
    action,
    target: `reset:${row.id}`,
    detail,
  });
}

/** A reset by id. */
export function* readReset(tx: Tx, tenant: string, id: string): Work<ResetRow | undefined> {
  return yield* tx.get<ResetRow>`select * from reset where tenant = ${tenant} and id = ${id}`;
}

/** The events of a reset, oldest first. */
export function* readEvents(tx: Tx, tenant: string, id: string): Work<EventRow[]> {
  return yield* tx.all<EventRow>`select reset, seq, name, at, evidence from reset_event
    where tenant = ${tenant} and reset = ${id} order by seq`;
}

const live = liveStates.map((state) => `'${state}'`).join(', ');

/** The one live reset of a person: the newest that nothing supersedes. */
export function* readLive(tx: Tx, tenant: string, userId: string): Work<ResetRow | undefined> {
  const [row] = yield* tx.query<ResetRow>(
    `select * from reset where tenant = ? and user_id = ? and superseded_by is null and state in (${live})`,
    [tenant, userId],
  );
  return row;
}

/** Is a Temporary Access Pass handed over, and no password changed? */
export function isPass({ credential }: Pick<ResetRow, 'credential'>): boolean {
  return credential === 'temporaryAccessPass';
}

/** Has it ended on the way, before or after? */
export function isLive(row: ResetRow): boolean {
  return (liveStates as readonly State[]).includes(row.state);
}

/** Can "wrong person" still do anything about it? */
export function mayKill(row: ResetRow): boolean {
  return isLive(row) || row.state === 'done' || (row.state === 'superseded' && row.scramble === 1);
}
