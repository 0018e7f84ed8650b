// What an admin asks for, without the transport: a reset is begun, looked at, stopped or given a right. Who may do what is
// asked of the directory each time; whoever waits for the row is told after the commit.

import type { ResetRequest } from '#shared/api.ts';
import { Problem } from '#shared/problem.ts';
import type { DirectoryOf } from '../directory/directory.ts';
import { askingOnce } from '../directory/once.ts';
import type { Caller } from '../http/auth.ts';
import { type Act, acts } from './act.ts';
import { authorise, authoriseSearch } from './authorise.ts';
import { type ResetRow, readReset } from './row.ts';
import { type StartDeps, sealedGrant, startReset } from './start.ts';
import type { Watchers } from './watchers.ts';
import type { Worker } from './worker.ts';

export interface DeskDeps extends Omit<StartDeps, 'directory'> {
  readonly directoryOf: DirectoryOf;
  readonly watchers: Watchers;
  readonly worker: () => Worker;
}

/**
 * Begins a reset, or repeats the answer to the same key.
 * @throws what `startReset` throws
 */
export async function beginReset(
  deps: DeskDeps,
  caller: Caller,
  key: string,
  wanted: ResetRequest,
): Promise<{ row: ResetRow; replayed: boolean }> {
  const directory = askingOnce(deps.directoryOf(caller.tenant, { kind: 'caller', caller }));
  const begun = await startReset({ ...deps, directory }, caller, key, wanted);
  tell(deps, begun.row);
  return begun;
}

/**
 * Cancels, kills, or lets it go on with the caller's right; the row as it is then.
 * @throws Problem notFound, stateConflict, and what stands between caller and person
 */
export async function actOn(deps: DeskDeps, caller: Caller, id: string, name: keyof typeof acts): Promise<ResetRow> {
  const { row, by } = await (name === 'grant' ? permitted : permittedToStop)(deps, caller, id);
  const grant = name === 'cancel' ? undefined : await grantFor(deps, caller, row, name);
  const act = { tenant: row.tenant, id: row.id, callerId: caller.id, at: deps.now(), ...(by ? { by } : {}) };
  const acted = await acts[name](deps.sql, grant ? { ...act, grant } : act);
  tell(deps, acted);
  return acted;
}

function tell(deps: DeskDeps, row: ResetRow): void {
  deps.watchers.changed(row.tenant, row.user_id);
  deps.worker().wake();
}

/** The caller's own right for a reset of theirs; nothing may keep a "wrong person" from taking effect. */
async function grantFor(deps: DeskDeps, caller: Caller, row: ResetRow, name: 'kill' | 'grant'): Promise<Act['grant']> {
  try {
    const grant = await deps.directoryOf(caller.tenant, { kind: 'caller', caller }).grant();
    const place = `reset/${row.tenant}/${row.id}/sealed_grant`;
    return { grant_identity: grant.identity, sealed_grant: sealedGrant(deps.keyring, grant, place) };
  } catch (error) {
    if (error instanceof Problem && name === 'kill') return undefined;
    throw error;
  }
}

/** A reset, and as whom the caller may act on it, as far as the directory still knows its person. */
export interface Permitted {
  readonly row: ResetRow;
  readonly by?: { readonly name: string; readonly role: string };
}

type AskDeps = Pick<DeskDeps, 'sql' | 'directoryOf'>;

/**
 * The row, for a caller who may reset its person now; others do not learn that it exists.
 * @throws Problem notFound, and what stands between caller and person
 */
export async function permitted(deps: AskDeps, caller: Caller, id: string): Promise<Permitted> {
  const row = await deps.sql.read((tx) => readReset(tx, caller.tenant.id, id));
  if (!row) throw new Problem('notFound');
  const directory = askingOnce(deps.directoryOf(caller.tenant, { kind: 'caller', caller }));
  if (await directory.find(row.user_id)) {
    const permission = await authorise(directory, caller.id, row.user_id);
    return { row, by: { name: permission.caller.displayName, role: permission.by } };
  }
  await authoriseSearch(directory, caller.id);
  return { row };
}

/** Nobody can be asked at the moment: that says nothing about the caller. */
export function unasked(error: unknown): boolean {
  return error instanceof Problem && ['throttled', 'unavailable', 'signInAgain'].includes(error.code);
}

/** As `permitted`; while the directory cannot be asked, whoever started a reset may still stop it. */
async function permittedToStop(deps: AskDeps, caller: Caller, id: string): Promise<Permitted> {
  try {
    return await permitted(deps, caller, id);
  } catch (error) {
    const row = unasked(error) ? await deps.sql.read((tx) => readReset(tx, caller.tenant.id, id)) : undefined;
    if (row?.caller_id === caller.id) return { row };
    throw error;
  }
}
