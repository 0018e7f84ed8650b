// Long-running operations: what was answered before it was done (Microsoft Graph longRunningOperation). The row says how
// far it came; what it does to the directory commits together with its end, so that a row that never ended changed nothing.

import type { Tx, Work } from '../sql/sql.ts';

export type OperationStatus = 'notStarted' | 'running' | 'succeeded' | 'failed';

/** Times in milliseconds since the epoch. */
export interface Operation {
  readonly id: string;
  readonly userId: string;
  readonly status: OperationStatus;
  /** Why it failed. */
  readonly detail?: string;
  readonly created: number;
  readonly lastAction: number;
}

interface Row {
  id: string;
  user_id: string;
  status: OperationStatus;
  detail: string | null;
  created: number;
  last_action: number;
}

/** An operation that has not ended by then never will: the process that had it in hand is gone. In milliseconds. */
export const longestOperation = 5 * 60_000;
/** For how long an operation can be asked for, in milliseconds. */
const memory = 30 * 24 * 3_600_000;

/** Notes what is about to be done; old ones are forgotten. */
export function* beginOperation(tx: Tx, tenant: string, id: string, userId: string, at: number): Work<void> {
  yield* tx.run`delete from graph_operation where tenant = ${tenant} and created < ${at - memory}`;
  yield* tx.run`insert into graph_operation (tenant, id, user_id, status, detail, created, last_action)
    values (${tenant}, ${id}, ${userId}, 'notStarted', ${null}, ${at}, ${at})`;
}

/** It is being done. */
export function* runOperation(tx: Tx, tenant: string, id: string, at: number): Work<void> {
  yield* tx.run`update graph_operation set status = 'running', last_action = ${at}
    where tenant = ${tenant} and id = ${id} and status = 'notStarted'`;
}

/** It ended; false when it had ended before, or is older than it may be and has been told as failed. */
export function* endOperation(
  tx: Tx,
  tenant: string,
  id: string,
  end: { readonly status: 'succeeded' | 'failed'; readonly detail?: string; readonly at: number },
): Work<boolean> {
  const ended = yield* tx.run`update graph_operation set status = ${end.status}, detail = ${end.detail ?? null},
      last_action = ${end.at}
    where tenant = ${tenant} and id = ${id} and status in ('notStarted', 'running')
      and created > ${end.at - longestOperation}`;
  return ended === 1;
}

/** An operation on this person as it stands; one that was left behind by a process that is gone has failed. */
export function* readOperation(
  tx: Tx,
  tenant: string,
  userId: string,
  id: string,
  now: number,
): Work<Operation | undefined> {
  const row = yield* tx.get<Row>`select id, user_id, status, detail, created, last_action from graph_operation
    where tenant = ${tenant} and user_id = ${userId} and id = ${id}`;
  if (!row) return undefined;
  const { status, detail, created } = row;
  const left = (status === 'notStarted' || status === 'running') && created <= now - longestOperation;
  const told = left ? 'The service stopped before the operation ended. Nothing was changed.' : detail;
  return {
    id,
    userId,
    status: left ? 'failed' : status,
    ...(told === null ? {} : { detail: told }),
    created,
    lastAction: left ? created + longestOperation : row.last_action,
  };
}
