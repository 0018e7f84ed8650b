// What an error of Postgres means for a unit of work, by its SQLSTATE (PostgreSQL, appendix A), and which part of it may be
// seen: messages of the server quote values and whole rows, so none of them goes further than this file.

import pg from 'pg';
import { fenceCode } from './move-fence.ts';

/**
 * What follows from a failure before COMMIT was sent; nothing was changed in any of these.
 * `again`: another transaction was in the way, run from the top. `taken`: a key is there already; by a transaction that was
 * not visible yet, or for good. `lost`: the connection is of no use any more. `stale`: what it has prepared is out of date.
 * `locked`: a lock was waited for in vain. `slow`: the statement took too long. `down`: the server has no room, memory or disk,
 * or does not know us any more. `text`: a character that the server cannot hold. `long`: a text too long for an index. `moving`: the database is being moved.
 * `fault`: a mistake of ours.
 */
export type Fate =
  | 'again'
  | 'taken'
  | 'lost'
  | 'stale'
  | 'locked'
  | 'slow'
  | 'down'
  | 'text'
  | 'long'
  | 'moving'
  | 'fault';

/** In the order in which they are looked through: a code, or the beginning of one. */
const fates: readonly (readonly [code: string, fate: Fate])[] = [
  ['40', 'again'], // serialization_failure, deadlock_detected and their kin
  ['23505', 'taken'], // unique_violation
  ['55P03', 'locked'], // lock_not_available: lock_timeout
  ['57014', 'slow'], // query_canceled: statement_timeout
  ['42P05', 'stale'], // a name that is prepared already, for the same reason
  ['26000', 'stale'], // a prepared statement that is gone: somebody stands between us and the server
  ['08', 'lost'],
  ['25006', 'lost'], // read_only_sql_transaction: a standby, or a primary that has become one
  ['25P03', 'lost'], // idle_in_transaction_session_timeout: this process was frozen
  ['57P', 'lost'], // the server shuts down, starts up, or ends our session
  ['25P04', 'lost'], // transaction_timeout
  ['53300', 'lost'], // too_many_connections
  ['53', 'down'], // disk_full, out_of_memory
  ['58', 'down'], // the server's operating system fails
  ['28', 'down'], // the password is another one now
  ['3D', 'down'], // the database is gone
  ['22021', 'text'], // character_not_in_repertoire
  ['22P05', 'text'],
  ['54', 'long'], // program_limit_exceeded: a key of an index has 2,704 bytes at most
  [fenceCode, 'moving'],
];

/** @param error what `pg` has rejected with: of the server, of the connection, or thrown while an answer was read */
export function fateOf(error: unknown): Fate {
  if (error instanceof pg.DatabaseError) {
    const { code = '' } = error;
    // feature_not_supported: “cached plan must not change result type”, after another connector has migrated.
    if (code === '0A000' && /cached plan/.test(error.message)) return 'stale';
    return fates.find(([start]) => code.startsWith(start))?.[1] ?? 'fault';
  }
  // A value that no number can hold, or a driver that was asked wrongly. Everything else is the connection's.
  return error instanceof RangeError || error instanceof TypeError ? 'fault' : 'lost';
}

/**
 * Is it certain that nothing was committed, when COMMIT was answered with this error? 40003 and 08007 say that nobody knows,
 * and a server that is shut down while it waits for a standby has committed.
 */
export function isCertainlyUndone(error: unknown): boolean {
  return error instanceof pg.DatabaseError && /^(40(?!003)|23|25)/.test(error.code ?? '');
}

/** A mistake of ours, for the log: code and names of the schema, and the text with its `?`; no value. */
export class PostgresError extends Error {
  override readonly name = 'PostgresError';
  /** SQLSTATE, or '' */
  readonly code: string;

  constructor(error: unknown, text: string) {
    const { code = '', constraint } = error instanceof pg.DatabaseError ? error : {};
    const why = code === '' ? ((error as Error).name ?? 'error') : code;
    super(
      `Postgres: ${why}${constraint === undefined ? '' : ` (${constraint})`} at: ${text.replace(/\s+/g, ' ').trim()}`,
    );
    this.code = code;
  }
}
