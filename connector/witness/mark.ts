// The mark: a small file outside the database that remembers how far the database had come. It lies where the master key
// file goes by default, never beside the database, so that a copy of that folder does not bring its own witness along.

import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { userFileOf } from '../master-key.ts';
import type { DatabaseAddress } from '../sql/address.ts';

/** What the file holds: which history of which database, by whom it was seen, and how far it had come. */
export interface Mark {
  readonly timeline: string;
  readonly witness: string;
  readonly count: number;
}

/** Where a mark is kept; a simulation brings its own. */
export interface MarkStore {
  /** For people. */
  readonly where: string;
  /** Undefined: there is none yet. */
  read(): Promise<string | undefined>;
  /** Durably: when it resolves, the text outlives a power cut. Texts of one length replace each other in place. */
  write(text: string): Promise<void>;
}

/** Beside the key file that a database would have. */
export function markFileOf(database: DatabaseAddress, env: Readonly<Record<string, string | undefined>>): string {
  return `${userFileOf(database, env)}.mark`;
}

const form = /^\{"timeline":"([0-9a-f-]{36})","witness":"([0-9a-f-]{36})","count":"(\d{15})"\}\n$/;

/** Always of the same length and within one sector, so that it can be written in place. */
export function markText({ timeline, witness, count }: Mark): string {
  return `{"timeline":"${timeline}","witness":"${witness}","count":"${String(count).padStart(15, '0')}"}\n`;
}

/** Undefined when it is not whole: then it says nothing. */
export function parseMark(text: string): Mark | undefined {
  const [, timeline, witness, count] = form.exec(text) ?? [];
  if (timeline === undefined || witness === undefined) return undefined;
  return { timeline, witness, count: Number(count) };
}

/** The mark as a file (0600). Its folder is made when it is missing. */
export function fileMark(path: string): MarkStore {
  const synced = async (file: string, flags: string, text?: string): Promise<void> => {
    const handle = await open(file, flags, 0o600);
    try {
      if (text !== undefined) await handle.write(text, 0);
      await handle.sync();
    } finally {
      await handle.close();
    }
  };

  /** Beside it first, then in its place: it is there whole or not at all. */
  async function make(text: string): Promise<void> {
    const draft = `${path}.${randomBytes(6).toString('hex')}`;
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    try {
      await synced(draft, 'wx', text);
      await rename(draft, path);
      await synced(dirname(path), 'r');
    } catch (error) {
      await rm(draft, { force: true }).catch(() => {});
      throw error;
    }
  }

  return {
    where: path,
    read: () => readFile(path, 'utf8').catch(ifMissing(() => undefined)),
    write: (text) => synced(path, 'r+', text).catch(ifMissing(() => make(text))),
  };
}

function ifMissing<T>(otherwise: () => T): (error: unknown) => T {
  return (error) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return otherwise();
    throw error;
  };
}
