// A move of everything from one database to another while connectors may be serving the first: check, stop its writes, copy,
// compare, and only then leave the one (the moment after which there is no way but on) and open the other. Every step may be
// interrupted and begun again; what has been done is in both databases (move-record.ts), never in memory.

import { record as recordAudit, verifyAudit } from '../audit.ts';
import { checkEnds, type End, MoveError, refuseUnmovable, standingOf } from './move-check.ts';
import { copyTable, digestOf, surely, UnmovableRow } from './move-copy.ts';
import { clearFence, lowerFence, raiseFence, unfenced } from './move-fence.ts';
import { forgetMove, readMove, writeMove } from './move-record.ts';
import { ownTables, type Table } from './schema.ts';
import { leasesBroken } from './serving.ts';
import type { Sql, Tx, Work } from './sql.ts';

export interface MoveDeps {
  readonly from: End;
  readonly to: End;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** A new id. */
  readonly newId: () => string;
  /** Told where it is; a line at a time. */
  readonly say: (line: string) => void;
  /** Has somebody asked to stop? Looked at between two pages. */
  readonly stopped: () => boolean;
  /**
   * Resolves when no connector works on the source any more, which has been left by then: what it read would be out of date.
   * `dead`: is it certain that their processes do not live any more, so that what they had leased may be taken up at once?
   * @throws MoveError when one does not end
   */
  readonly alone: () => Promise<{ dead: boolean }>;
}

/** How it ended. */
export interface Moved {
  readonly rows: number;
  /** Was there nothing left to be done? */
  readonly already: boolean;
}

/**
 * Moves everything. @throws MoveError; writes stay stopped where they had been, unless it says otherwise
 */
export async function moveDatabase(deps: MoveDeps): Promise<Moved> {
  const { from, to, say } = deps;
  const tables = await checkEnds(from, to, say);
  const begun = await from.sql.run(readMove);
  if (begun?.role === 'source' && begun.state === 'done') return finish(deps, begun.id);
  const id = begun?.role === 'source' && begun.state === 'copying' ? begun.id : deps.newId();
  const run = deps.newId();

  say('Stopping writes. Connectors go on reading, and answer 503 to whoever wants to change something …');
  await surely(from.sql, (tx) => stopWrites(tx, deps, id, tables));
  const mine = (tx: Tx) => isMine(tx, id, run);
  try {
    await claimTarget(deps, id, run, tables);
    await refuseUnmovable(from, to, tables);
  } catch (error) {
    // Nothing has been copied by a move that has only just begun: people need not wait for the operator.
    if (error instanceof MoveError && begun?.id !== id) {
      await abandon(from, deps.now());
      say('Writes go on.');
    }

    throw error;
  }
  say('Writes are stopped.');

  const rows = await copyAll(deps, tables, mine);
  await compareAll(deps, tables);
  await compareAudit(deps);

  await surely(from.sql, (tx) => leave(tx, deps, id, tables));
  say(`${from.shown} has been left: it says so to every connector.`);
  await finish(deps, id);
  return { rows, already: false };
}

function* stopWrites(tx: Tx, { from, to, now }: MoveDeps, id: string, tables: readonly Table[]): Work<void> {
  const names = tables.map(({ name }) => name);
  yield* raiseFence(tx, from.engine, names);
  const before = yield* readMove(tx);
  if (before?.id === id && before.state === 'copying') return;
  if (before?.role === 'source' && before.state !== 'abandoned')
    throw new MoveError('Another move has begun just now.');
  const { abandoned = [] } = before ?? {};
  const { shown: other, place } = to;
  yield* writeMove(tx, { role: 'source', state: 'copying', id, other, place, at: now(), abandoned });
}

async function claimTarget(
  { from, to, now, say }: MoveDeps,
  id: string,
  run: string,
  tables: readonly Table[],
): Promise<void> {
  const source = await from.sql.run(readMove);
  const before = await surely(to.sql, function* (tx) {
    const standing = yield* standingOf(tx, to, source, tables);
    if (standing === 'useless') yield* empty(tx, tables);
    const { shown: other, place } = from;
    yield* writeMove(tx, { role: 'target', state: 'copying', id, other, place, at: now(), run });
    return standing;
  });
  if (before === 'ours') say('Going on with what an earlier run has copied.');
}

/** Takes all rows out of a target that never was in use. */
function* empty(tx: Tx, tables: readonly Table[]): Work<void> {
  for (const { name } of tables) if (name !== 'meta') yield* tx.change(`delete from "${name}"`, []);
  yield* tx.run`delete from meta where key not in ('version', 'readableFrom')`;
}

/** @throws MoveError when another run, or another move, has taken the target since */
function* isMine(tx: Tx, id: string, run: string): Work<void> {
  const record = yield* readMove(tx);
  if (record?.role === 'target' && record.state === 'copying' && record.id === id && record.run === run) return;
  throw new MoveError('Another run of migrate-database has taken this over.');
}

/** Counts rows, and tells every few seconds. */
function progress({ now, say, stopped }: MoveDeps, what: string) {
  const begun = now();
  let told = begun;
  let all = 0;
  const speed = () => `${Math.round(all / Math.max(0.001, (now() - begun) / 1000)).toLocaleString('en')} rows/s`;
  return {
    seen(table: string, rows: number): void {
      all += rows;
      if (stopped()) throw new MoveError(interrupted);
      if (now() - told < 5000) return;
      told = now();
      say(`${what} ${table}: ${all.toLocaleString('en')} rows so far, ${speed()}`);
    },
    end: () => `${all.toLocaleString('en')} rows, ${speed()}`,
    rows: () => all,
  };
}

const interrupted =
  'Stopped. Writes stay stopped until the same command is run to its end, or given up with migrate-database --abort.';

async function copyAll(deps: MoveDeps, tables: readonly Table[], mine: (tx: Tx) => Work<void>): Promise<number> {
  const copied = progress(deps, 'Copying');
  for (const table of tables) {
    const seen = (rows: number) => copied.seen(table.name, rows);
    await copyTable(deps.from.sql, deps.to.sql, table, mine, seen).catch((error: unknown) => {
      if (!(error instanceof UnmovableRow)) throw error;
      throw new MoveError(
        `${deps.to.shown} cannot hold a text of ${deps.from.shown}: it is too long for an index (${error.message}). Writes stay ` +
          'stopped: let them go on with migrate-database --abort, shorten it where it comes from, then begin again.',
      );
    });
  }
  deps.say(`Copied: ${copied.end()}.`);
  return copied.rows();
}

/** Each engine reads and counts for itself. @throws MoveError when they do not hold the same */
async function compareAll(deps: MoveDeps, tables: readonly Table[]): Promise<void> {
  const { from, to, say } = deps;
  const compared = progress(deps, 'Comparing');
  for (const table of tables) {
    const [there, here] = await Promise.all([
      digestOf(from.sql, table, (rows) => compared.seen(table.name, rows)),
      digestOf(to.sql, table),
    ]);
    if (there.rows === here.rows && there.sum === here.sum) continue;
    throw new MoveError(
      `The table ${table.name} is not the same at both ends (${there.rows} rows and ${here.rows}). Nothing was switched. Give ` +
        'it up with migrate-database --abort, and name an empty database.',
    );
  }
  say(`Compared, by count and SHA-256 of ${tables.length} tables: ${compared.end()}.`);
}

/** By what they are called, whatever else a release has written about them. */
async function tenantsIn(sql: Sql): Promise<{ id: string; name: string }[]> {
  return sql.all<{ id: string; name: string }>`select id, name from tenant order by id`;
}

/** The record of what was done must be as whole at the one end as at the other. */
async function compareAudit({ from, to, say }: MoveDeps): Promise<void> {
  for (const { id, name } of await tenantsIn(to.sql)) {
    const [there, here] = [await verifyAudit(from.sql, id), await verifyAudit(to.sql, id)];
    if (there.entries !== here.entries || there.brokenAt !== here.brokenAt)
      throw new MoveError(`The audit record of ${name} did not arrive as it was. Nothing was switched.`);
    if (here.brokenAt !== undefined)
      say(
        `The audit record of ${name} had been changed by somebody before (entry ${here.brokenAt}); it arrived as it was.`,
      );
  }
}

/** The one moment from which on the source is left: before it a move can be given up, after it only finished. */
function* leave(tx: Tx, { from, now }: MoveDeps, id: string, tables: readonly Table[]): Work<void> {
  const record = yield* readMove(tx);
  if (record?.role !== 'source' || record.id !== id || record.state === 'abandoned')
    throw new MoveError('The move was given up meanwhile. Nothing was switched.');
  if (record.state === 'done') return;
  const open = yield* unfenced(
    tx,
    from.engine,
    tables.map(({ name }) => name),
  );
  if (open.length > 0) {
    throw new MoveError(
      `Somebody has let writes through again (${open.join(', ')}). Give it up with --abort, and begin again.`,
    );
  }
  yield* writeMove(tx, { ...record, state: 'done', at: now() });
}

/** Waits until nobody reads the source any more, then opens the target. */
async function finish({ from, to, now, alone, say }: MoveDeps, id: string): Promise<Moved> {
  const before = await to.sql.run(readMove);
  const already = before?.role === 'target' && before.id === id && before.state === 'done';
  if (already) return { rows: 0, already };
  if (before?.role !== 'target' || before.id !== id)
    throw new MoveError(`${to.shown} is not the database to which ${from.shown} was moved.`);
  const { dead } = await alone();
  const all = await tenantsIn(to.sql);
  await surely(to.sql, function* (tx) {
    const record = yield* readMove(tx);
    if (record?.role !== 'target' || record.id !== id) throw new MoveError(`${to.shown} was taken by another move.`);
    if (record.state === 'done') return;
    yield* writeMove(tx, { ...record, state: 'done', at: now() });
    if (dead) yield* leasesBroken(tx, now());
    for (const { id: tenant } of all) {
      const detail = { from: from.engine, to: to.engine };
      yield* recordAudit(tx, {
        tenant,
        at: now(),
        actor: 'operator',
        action: 'database.moved',
        target: `move:${id}`,
        detail,
      });
    }
  });
  say(`${to.shown} is in use from now on.`);
  return { rows: 0, already: false };
}

/**
 * Gives a source its writes back, as long as it has not been left.
 * @returns the id of the move that was given up; undefined when none was under way
 * @throws MoveError when it has been left
 */
export async function abandon(
  { sql, engine, shown }: Pick<End, 'sql' | 'engine' | 'shown'>,
  now: number,
): Promise<string | undefined> {
  const id = await surely(sql, function* (tx) {
    const record = yield* readMove(tx);
    if (record?.role !== 'source' || record.state === 'abandoned') return undefined;
    if (record.state === 'done')
      throw new MoveError(
        `${shown} was moved to ${record.other}: it is too late to give that up. The way back is a move back.`,
      );
    yield* lowerFence(tx, engine);
    yield* writeMove(tx, {
      ...record,
      state: 'abandoned',
      at: now,
      abandoned: [...(record.abandoned ?? []), record.id],
    });
    return record.id;
  });
  if (id !== undefined) await clearFence(sql, engine);
  return id;
}

/** Empties a target that a move which was given up has filled. False: it holds nothing of that move. */
export async function discard({ sql }: Pick<End, 'sql'>, id: string): Promise<boolean> {
  const tables = await ownTables();
  return surely(sql, function* (tx) {
    const record = yield* readMove(tx);
    if (record?.role !== 'target' || record.state !== 'copying' || record.id !== id) return false;
    yield* empty(tx, tables);
    yield* forgetMove(tx);
    return true;
  });
}
