// Room that is kept for the day on which the disk is full (reset.md, C20): a file beside the database, given up when a link is
// to be opened, or somebody to sign in, and nothing can be written any more. New work is refused until there is room again.

import { randomBytes } from 'node:crypto';
import { rmSync, statSync } from 'node:fs';
import { open, rm, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Problem } from '#shared/problem.ts';
import type { Logger } from '../log.ts';
import type { Sql, Tx, Work } from './sql.ts';

/** In bytes: twice what the log grows to before it is written over from its beginning (SQLite's 1,000 pages). */
const reserveSize = 8 * 1024 * 1024;
const piece = 1024 * 1024;
/** How often it is tried to keep room again, in milliseconds. */
const often = 2_000;

export interface Reserve {
  /** Has it been given up, so that nothing new shall be begun? */
  readonly low: boolean;
  /** Gives it up. False: there was none. */
  release(): boolean;
  close(): Promise<void>;
}

/** Where there is no disk of ours. */
export const noReserve: Reserve = { low: false, release: () => false, async close() {} };

/** Keeps room beside a database file; where there is none now, as soon as there is. */
export function keepReserve(database: string, { log }: { readonly log: Logger }): Reserve {
  const path = `${database}.reserve`;
  let kept = statSync(path, { throwIfNoEntry: false })?.size === reserveSize;
  let low = false;
  let making: Promise<void> | undefined;

  async function make(): Promise<void> {
    try {
      // Given up once, it is not taken from those for whom it was.
      const { bavail, bsize } = await statfs(dirname(path));
      if (low && bavail * bsize < 2 * reserveSize) return;
      const file = await open(path, 'w', 0o600);
      try {
        // Not zeros: some file systems keep no room for them.
        for (let written = 0; written < reserveSize; written += piece) await file.write(randomBytes(piece));
        await file.sync();
      } finally {
        await file.close();
      }
      if (low) log.info('there is room again');
      [kept, low] = [true, false];
    } catch {
      // Half of it would only be in the way of what cannot wait.
      await rm(path, { force: true }).catch(() => {});
      low = true;
    }
  }

  function look(): void {
    if (kept || making) return;
    making = make().finally(() => {
      making = undefined;
    });
  }

  look();
  const timer = setInterval(look, often).unref();
  return {
    get low() {
      return low;
    },
    release() {
      if (!kept) return false;
      [kept, low] = [false, true];
      rmSync(path, { force: true });
      log.error(
        'the disk is full: room was given up for links that are opened; nothing new is begun until there is more',
      );
      return true;
    },
    async close() {
      clearInterval(timer);
      await making;
    },
  };
}

/** The same database for work that cannot wait: when nothing can be written, the reserve is given up, and it is tried again. */
export function urgent(sql: Sql, reserve: Reserve): Sql {
  return {
    ...sql,
    async run<T>(work: (tx: Tx) => Work<T>): Promise<T> {
      try {
        return await sql.run(work);
      } catch (error) {
        const full = error instanceof Problem && error.code === 'unavailable' && error.details.reason === 'database';
        if (!full || !reserve.release()) throw error;
        return sql.run(work);
      }
    },
  };
}
