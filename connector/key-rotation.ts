// The way from an older master key to the first of the list: everything that is sealed is listed here, once, and sealed
// again at the start of `serve`, a batch at a time. `meta.keyCheck` moves last, so that its key is everybody's key.

import type { Logger } from './log.ts';
import { type Keyring, SealError } from './secret.ts';
import { readMeta, writeMeta } from './sql/migrate.ts';
import type { Row, Sql, Tx, Value, Work } from './sql/sql.ts';

/** A text whose opening shows that a key is the database's. */
export const keyCheck = { key: 'keyCheck', text: 'reset-and-resend', place: 'meta/keyCheck' } as const;
/** The same under the key that a rotation goes to, from its beginning to its end: until then both keys are needed. */
export const keyNext = 'keyNext';
/** When the last rotation ended, in milliseconds since the epoch. */
const keyRotated = 'keyRotated';
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

/**
 * Seals everything under the keyring's first key that is not yet. It can be interrupted anywhere and begun again. A value
 * that does not open was changed or moved by somebody: it stays as it is, and the log says how many there are.
 */
export async function rotate(sql: Sql, keyring: Keyring, now: number, log: Logger): Promise<void> {
  const current = await sql.run((tx) => readMeta(tx, keyCheck.key));
  const next = await sql.run((tx) => readMeta(tx, keyNext));
  if (current?.startsWith(keyring.prefix) && next === undefined) return;
  const check = keyring.seal(keyCheck.text, keyCheck.place);
  await sql.run((tx) => writeMeta(tx, keyNext, check));
  const count = { moved: 0, left: 0 };
  for (const column of sealedColumns) {
    for await (const rows of olderRows(sql, keyring, column)) {
      const changes = rows.map((row) => ({ row, sealed: again(keyring, column, row) }));
      count.left += changes.filter(({ sealed }) => sealed === undefined).length;
      count.moved += await sql.run((tx) => write(tx, column, changes));
    }
  }
  await sql.run(function* (tx) {
    yield* writeMeta(tx, keyCheck.key, check);
    yield* writeMeta(tx, keyRotated, String(now));
    yield* tx.run`delete from meta where key = ${keyNext}`;
  });
  if (count.left > 0) log.error(count, 'values that do not open were left as they are');
  log.info(count, 'sealed everything under the first master key');
}

/** What `check` says of older keys in the list; undefined when there is only one. */
export async function olderKeys(sql: Sql, keyring: Keyring, now: number): Promise<string | undefined> {
  if (keyring.ids.length === 1) return undefined;
  const [check, rotated] = await sql.run(function* (tx) {
    return [yield* readMeta(tx, keyCheck.key), yield* readMeta(tx, keyRotated)] as const;
  });
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
