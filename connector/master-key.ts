// Where the master key comes from: RR_SECRET_KEY, else a key file (0600) outside the database's folder, so that a copy
// of that folder alone opens nothing. A non-empty database never gets a new key by accident.

import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { keyCheck, opens, readChecks } from './key-check.ts';
import { type Keyring, keyring } from './secret.ts';
import type { DatabaseAddress, SqliteAddress } from './sql/address.ts';
import type { Sql, Tx, Work } from './sql/sql.ts';

/** A key that is missing, unreadable or another one: the message is a sentence for the operator. */
export class KeyError extends Error {
  override readonly name = 'KeyError';
}

type Environment = Readonly<Record<string, string | undefined>>;

export interface MasterKey {
  readonly keyring: Keyring;
  /** The file that holds it; undefined when the environment does. */
  readonly file?: string;
  /** Was the file made just now? */
  readonly made: boolean;
}

/**
 * Where the key of a SQLite database lies when the environment has none: in the user's configuration folder. Undefined for
 * Postgres: a file on one machine is no key for the connectors on others.
 */
export function keyFileOf(database: SqliteAddress, env: Environment): string;
export function keyFileOf(database: DatabaseAddress, env: Environment): string | undefined;
export function keyFileOf(database: DatabaseAddress, env: Environment): string | undefined {
  return database.engine === 'sqlite' ? `${userFileOf(database, env)}.key` : undefined;
}

/** In the user's configuration folder, named after a database: what is kept apart from it. Without its ending. */
export function userFileOf(database: DatabaseAddress, env: Environment): string {
  const folder = env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config');
  const which =
    database.engine === 'sqlite' ? database.file : `postgres:${database.host}:${database.port}/${database.database}`;
  return join(folder, 'reset-and-resend', createHash('sha256').update(which).digest('hex').slice(0, 16));
}

/**
 * The keyring of a database, checked against it.
 * @param given keys of the environment, first the one that seals
 * @throws KeyError when the database was sealed with another key, or its key file is gone or open to others
 */
export async function openMasterKey(
  sql: Sql,
  given: readonly Uint8Array[] | undefined,
  file: string | undefined,
): Promise<MasterKey> {
  let checks = await sql.run(readChecks);
  const { keys, made } = given ? { keys: given, made: false } : keysOfFile(file, checks.length > 0);
  const ring = keyring(keys);
  if (checks.length === 0) {
    const sealed = ring.seal(keyCheck.text, keyCheck.place);
    checks = await sql.run((tx) => claimKey(tx, sealed));
  }
  const where = given ? 'RR_SECRET_KEY' : file;
  if (!checks.every((check) => opens(ring, check))) {
    throw new KeyError(
      checks.some((check) => opens(ring, check))
        ? `The change to another master key has not come to its end: ${where} must hold both keys. Nothing was changed.`
        : `The database was sealed with another master key than the one in ${where}. Nothing was changed.`,
    );
  }
  return { keyring: ring, made, ...(given || file === undefined ? {} : { file }) };
}

/** Of several connectors that start on an empty database with different keys, one wins and the others are told. */
function* claimKey(tx: Tx, sealed: string): Work<string[]> {
  yield* tx.run`insert into meta (key, value) values (${keyCheck.key}, ${sealed}) on conflict (key) do nothing`;
  return yield* readChecks(tx);
}

function keysOfFile(file: string | undefined, sealed: boolean): { keys: Uint8Array[]; made: boolean } {
  if (file === undefined) throw new KeyError('The master key is missing: set RR_SECRET_KEY or RR_SECRET_KEY_FILE.');
  const text = existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
  // Empty: a disk was full, or the power went. Nothing can have been sealed with it.
  if (text === '' && !sealed) return { keys: [makeKeyFile(file)], made: true };
  if (!existsSync(file)) {
    throw new KeyError(
      `The database is sealed, and its key file ${file} is missing. Put it back, or set RR_SECRET_KEY.`,
    );
  }
  if ((statSync(file).mode & 0o077) !== 0) {
    throw new KeyError(`The key file ${file} can be read by others. Run: chmod 600 ${file}`);
  }
  const keys = text
    .split(/[\s,]+/)
    .filter(Boolean)
    .map((line) => new Uint8Array(Buffer.from(line, 'base64')));
  if (keys.length === 0 || keys.some(({ length }) => length !== 32)) {
    throw new KeyError(`The key file ${file} does not hold base64 of 32 bytes.`);
  }
  return { keys, made: false };
}

/**
 * Makes a key and its file: beside it first, then in its place, so that the file is there whole or not at all.
 * @throws KeyError when it cannot be written
 */
function makeKeyFile(file: string): Uint8Array {
  const key = randomBytes(32);
  const folder = dirname(file);
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    durably(draft, 'wx', (handle) => writeSync(handle, `${key.toString('base64')}\n`));
    renameSync(draft, file);
    durably(folder, 'r');
  } catch (error) {
    if (existsSync(draft)) rmSync(draft);
    throw new KeyError(
      `The master key cannot be kept in ${file} (${(error as Error).message}). Set RR_SECRET_KEY or RR_SECRET_KEY_FILE.`,
    );
  }
  return new Uint8Array(key);
}

function durably(path: string, flags: 'wx' | 'r', write?: (handle: number) => void): void {
  const handle = openSync(path, flags, 0o600);
  try {
    write?.(handle);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
