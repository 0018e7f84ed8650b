// Where the master key comes from: RR_SECRET_KEY, else a key file (0600) outside the database's folder, so that a copy
// of that folder alone opens nothing. A non-empty database never gets a new key by accident.

import { createHash, randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Keyring, keyring, SealError } from './secret.ts';
import { readMeta, writeMeta } from './sql/migrate.ts';
import type { Sql } from './sql/sql.ts';

/** A key that is missing, unreadable or another one: the message is a sentence for the operator. */
export class KeyError extends Error {
  override readonly name = 'KeyError';
}

export interface MasterKey {
  readonly keyring: Keyring;
  /** The file that holds it; undefined when the environment does. */
  readonly file?: string;
  /** Was the file made just now? */
  readonly made: boolean;
}

const checkText = 'reset-and-resend';
const checkPlace = 'meta/keyCheck';

/** Where the key of a database lies when the environment has none: in the user's configuration folder. */
export function keyFileOf(database: string, env: Readonly<Record<string, string | undefined>>): string {
  const folder = env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config');
  const name = createHash('sha256').update(database).digest('hex').slice(0, 16);
  return join(folder, 'reset-and-resend', `${name}.key`);
}

/**
 * The keyring of a database, checked against it.
 * @param given keys of the environment, first the one that seals
 * @throws KeyError when the database was sealed with another key, or its key file is gone or open to others
 */
export async function openMasterKey(
  sql: Sql,
  given: readonly Uint8Array[] | undefined,
  file: string,
): Promise<MasterKey> {
  const check = await sql.run((tx) => readMeta(tx, 'keyCheck'));
  const { keys, made } = given ? { keys: given, made: false } : keysOfFile(file, check !== undefined);
  const ring = keyring(keys);
  if (check === undefined) {
    const sealed = ring.seal(checkText, checkPlace);
    await sql.run((tx) => writeMeta(tx, 'keyCheck', sealed));
  } else {
    try {
      ring.open(check, checkPlace);
    } catch (error) {
      if (!(error instanceof SealError)) throw error;
      const where = given ? 'RR_SECRET_KEY' : file;
      throw new KeyError(
        `The database was sealed with another master key than the one in ${where}. Nothing was changed.`,
      );
    }
  }
  return { keyring: ring, made, ...(given ? {} : { file }) };
}

function keysOfFile(file: string, sealed: boolean): { keys: Uint8Array[]; made: boolean } {
  if (existsSync(file)) {
    const { mode } = statSync(file);
    if ((mode & 0o077) !== 0) throw new KeyError(`The key file ${file} can be read by others. Run: chmod 600 ${file}`);
    const lines = readFileSync(file, 'utf8')
      .split(/[\s,]+/)
      .filter(Boolean);
    const keys = lines.map((line) => new Uint8Array(Buffer.from(line, 'base64')));
    if (keys.length === 0 || keys.some(({ length }) => length !== 32)) {
      throw new KeyError(`The key file ${file} does not hold base64 of 32 bytes.`);
    }
    return { keys, made: false };
  }
  if (sealed) {
    throw new KeyError(
      `The database is sealed, and its key file ${file} is missing. Put it back, or set RR_SECRET_KEY.`,
    );
  }
  const key = randomBytes(32);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const handle = openSync(file, 'wx', 0o600);
  try {
    writeSync(handle, `${key.toString('base64')}\n`);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  return { keys: [new Uint8Array(key)], made: true };
}
