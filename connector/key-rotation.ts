// The way from an older master key to the first of the list: everything that is sealed is listed here, once, and sealed again,
// a batch at a time: by a connector that serves alone before its doors open, else by one of several while all of them serve.
// `meta.keyCheck` moves last, so that its key is everybody's key.

import { announce, keyCheck, keyNext, readChecks } from './key-check.ts';
import { endTurn, isAhead, livingHolders, readTurn, writeTurn } from './key-holders.ts';
import type { Logger } from './log.ts';
import { type Keyring, SealError } from './secret.ts';
import { readMeta, writeMeta } from './sql/migrate.ts';
import type { Row, Sql, Tx, Value, Work } from './sql/sql.ts';

/** When everything was last sealed again, in milliseconds since the epoch. */
const keyRotated = 'keyRotated';
/** A turn lasts as long as this after each batch, in milliseconds: then whoever had it has died. */
const turnFor = 60_000;
/** Fingerprints of repeated requests live so long; those from before a rotation need the older key. */
const fingerprintLife = 24 * 3_600_000;

interface SealedColumn {
  readonly table: string;
  /** The primary key. */
  readonly key: readonly string[];
  readonly column: string;
  /** The additional data that a value was sealed with: its place. */
  readonly place: (row: Row) => string;
}

/** Every column that holds sealed values; `meta.keyCheck` is told apart. */
const sealedColumns: readonly SealedColumn[] = [
  {
    ...{ table: 'oidc_key', key: ['tenant', 'id'], column: 'sealed' },
    place: ({ tenant, id }) => `oidc_key/${tenant}/${id}/sealed`,
  },
  {
    ...{ table: 'oidc_model', key: ['tenant', 'kind', 'id'], column: 'payload' },
    place: ({ tenant, kind, id }) => `oidc_model/${tenant}/${kind}:${id}/payload`,
  },
  {
    ...{ table: 'event_key', key: ['tenant', 'id'], column: 'sealed' },
    place: ({ tenant, id }) => `event_key/${tenant}/${id}/sealed`,
  },
  ...['sealed_password', 'sealed_key', 'sealed_mail', 'sealed_grant'].map((column) => ({
    ...{ table: 'reset', key: ['tenant', 'id'], column },
    place: ({ tenant, id }: Row) => `reset/${tenant}/${id}/${column}`,
  })),
];

const batch = 100;

/** What a change of keys has done: values sealed again, and values that do not open. */
interface Count {
  readonly moved: number;
  readonly left: number;
}

/**
 * Seals everything under the keyring's first key that is not yet; for whoever serves alone. It can be interrupted anywhere and
 * begun again. A value that does not open was changed or moved by somebody: it stays as it is, and the log says how many.
 */
export async function rotate(sql: Sql, keyring: Keyring, now: number, log: Logger): Promise<void> {
  const [current, ...next] = await sql.run(readChecks);
  if (current?.startsWith(keyring.prefix) && next.length === 0) return;
  await sql.run((tx) => announce(tx, keyring));
  const count = await sealAgain(sql, keyring);
  await sql.run((tx) => finish(tx, keyring, now));
  tell(log, count as Count);
}

/**
 * The same beside others that serve: as soon as all of them seal under this keyring's first key, and for one at a time; a
 * turn survives its connector's death by a minute. `waiting`: it is too early, or another's turn. Must be done once by each
 * process that has older keys, since the one before it may have sealed under them until its end.
 */
export async function reseal(deps: {
  readonly sql: Sql;
  readonly keyring: Keyring;
  readonly id: string;
  readonly now: () => number;
  readonly log: Logger;
}): Promise<'done' | 'waiting'> {
  const { sql, keyring, id, now, log } = deps;
  const [current, ...next] = await sql.run(readChecks);
  if (keyring.ids.length === 1 && current?.startsWith(keyring.prefix) && next.length === 0) return 'done';
  const by = `${id}/${now()}`;
  if (!(await sql.run((tx) => takeTurn(tx, keyring, id, by, now())))) return 'waiting';
  const turn = (tx: Tx) => keepTurn(tx, keyring, by, now());
  const count = await sealAgain(sql, keyring, turn);
  if (!count) return 'waiting';
  const ended = await sql.run(function* (tx) {
    if (!(yield* turn(tx))) return false;
    yield* finish(tx, keyring, now());
    yield* endTurn(tx);
    return true;
  });
  if (!ended) return 'waiting';
  if (count.moved + count.left > 0) tell(log, count);
  return 'done';
}

/**
 * False while others seal under another key, or one of them has the turn; also for whoever has no word any more, since it was
 * frozen: what it would seal under may by now be a key that nobody is asked for.
 */
function* takeTurn(tx: Tx, keyring: Keyring, id: string, by: string, now: number): Work<boolean> {
  const [key = ''] = keyring.ids;
  const living = yield* livingHolders(tx, now);
  if (!living.some((holder) => holder.id === id)) return false;
  if (living.some(({ keys }) => keys[0] !== key)) return false;
  const held = yield* readTurn(tx);
  if (held && held.by !== by && isAhead(held.until, now, turnFor)) return false;
  yield* writeTurn(tx, { by, key, until: now + turnFor });
  return true;
}

/** False as soon as another has the turn, or anybody has said that it seals under another key: it all begins again then. */
function* keepTurn(tx: Tx, keyring: Keyring, by: string, now: number): Work<boolean> {
  const held = yield* readTurn(tx);
  if (held?.by !== by) return false;
  yield* writeTurn(tx, { by, key: keyring.ids[0] ?? '', until: now + turnFor });
  return true;
}

/** @param turn asked within each batch; undefined as soon as it is false */
async function sealAgain(sql: Sql, keyring: Keyring, turn?: (tx: Tx) => Work<boolean>): Promise<Count | undefined> {
  const count = { moved: 0, left: 0 };
  for (const column of sealedColumns) {
    for await (const rows of olderRows(sql, keyring, column)) {
      const changes = rows.map((row) => ({ row, sealed: again(keyring, column, row) }));
      count.left += changes.filter(({ sealed }) => sealed === undefined).length;
      const moved = await sql.run(function* (tx) {
        return turn && !(yield* turn(tx)) ? undefined : yield* write(tx, column, changes);
      });
      if (moved === undefined) return undefined;
      count.moved += moved;
    }
  }
  return count;
}

/** Only the first key is needed from now on. */
function* finish(tx: Tx, keyring: Keyring, now: number): Work<void> {
  yield* writeMeta(tx, keyCheck.key, keyring.seal(keyCheck.text, keyCheck.place));
  yield* writeMeta(tx, keyRotated, String(now));
  yield* tx.run`delete from meta where key = ${keyNext}`;
}

function tell(log: Logger, count: Count): void {
  if (count.left > 0) log.error(count, 'values that do not open were left as they are');
  log.info(count, 'sealed everything under the first master key');
}

/** What `check` says of older keys in the list; undefined when there is only one. */
export async function olderKeys(sql: Sql, keyring: Keyring, now: number): Promise<string | undefined> {
  if (keyring.ids.length === 1) return undefined;
  const [check, rotated, living] = await sql.run(function* (tx) {
    const holders = yield* livingHolders(tx, now);
    return [yield* readMeta(tx, keyCheck.key), yield* readMeta(tx, keyRotated), holders] as const;
  });
  if (living.some(({ keys }) => keys[0] !== keyring.ids[0]))
    return 'the older keys are still needed: a connector that serves seals under another one than the first';
  let older = check?.startsWith(keyring.prefix) ? 0 : 1;
  for (const column of sealedColumns) {
    for await (const rows of olderRows(sql, keyring, column)) older += rows.length;
  }
  if (older > 0) return 'the older keys are still needed: the next start of serve seals everything under the first one';
  const until = Number(rotated ?? 0) + fingerprintLife;
  return until > now
    ? `the older keys are needed until ${new Date(until).toISOString()}, to recognise repeated requests`
    : 'the older keys are no longer needed: leave only the first one';
}

/** The rows of a column that another key has sealed, in batches, in the order of their primary key. */
async function* olderRows(sql: Sql, keyring: Keyring, { table, key, column }: SealedColumn): AsyncGenerator<Row[]> {
  const names = key.join(', ');
  const { prefix } = keyring;
  for (let after: Value[] = []; ; ) {
    const beyond = after.length > 0 ? `and (${names}) > (${key.map(() => '?').join(', ')})` : '';
    const text = `select ${names}, ${column} from ${table}
      where substr(${column}, 1, ${prefix.length}) <> ? ${beyond} order by ${names} limit ${batch}`;
    const rows = await sql.run((tx) => query(tx, text, [prefix, ...after]));
    const last = rows.at(-1);
    if (!last) return;
    after = key.map((name) => last[name] ?? null);
    yield rows;
  }
}

function* query(tx: Tx, text: string, values: readonly Value[]): Work<Row[]> {
  return yield* tx.query(text, values);
}

function again(keyring: Keyring, { column, place }: SealedColumn, row: Row): string | undefined {
  try {
    const at = place(row);
    return keyring.seal(keyring.open(String(row[column]), at), at);
  } catch (error) {
    if (error instanceof SealError) return undefined;
    throw error;
  }
}

/** Writes what nobody has changed meanwhile; how many. */
function* write(
  tx: Tx,
  { table, key, column }: SealedColumn,
  changes: readonly { row: Row; sealed: string | undefined }[],
): Work<number> {
  const where = [...key, column].map((name) => `${name} = ?`).join(' and ');
  let written = 0;
  for (const { row, sealed } of changes) {
    if (sealed === undefined) continue;
    const values = [sealed, ...[...key, column].map((name) => row[name] ?? null)];
    const changed = yield* tx.query(`update ${table} set ${column} = ? where ${where} returning 1 as one`, values);
    written += changed.length;
  }
  return written;
}
