// The disk under a simulated connector: real SQLite files, and what a crash leaves of them. The model (reset.md): the
// file as of the last acknowledged COMMIT, and of the log that followed a prefix of bytes that is drawn.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Random } from './random.ts';

/** A database and its write-ahead log, whole. */
export interface Files {
  readonly db: Buffer;
  readonly wal: Buffer;
}

/** A folder in memory where the machine has one: nothing of a simulation has to last. */
export function scratch(): string {
  return mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'rr-sim-'));
}

/** The files of one run, in a folder that is the run's own. */
export class Disk {
  readonly #folder: string;
  #generation = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Where the database lies now. */
  get path(): string {
    return join(this.#folder, `${this.#generation}.db`);
  }

  /** The files as they are. */
  take(): Files {
    const wal = `${this.path}-wal`;
    return { db: readFileSync(this.path), wal: existsSync(wal) ? readFileSync(wal) : Buffer.alloc(0) };
  }

  /** Lays files down under a new name: whoever still has the old ones open harms nobody. */
  boot(files: Files): string {
    this.#generation++;
    writeFileSync(this.path, files.db);
    if (files.wal.length > 0) writeFileSync(`${this.path}-wal`, files.wal);
    return this.path;
  }

  /** Removes what earlier processes had. */
  sweep(): void {
    for (let old = 1; old < this.#generation; old++) {
      for (const end of ['', '-wal', '-shm']) rmSync(join(this.#folder, `${old}.db${end}`), { force: true });
    }
  }
}

/**
 * What is on the disk when the power goes during a commit: of the bytes that it wrote to the log a prefix. The database
 * file itself is only written once the log is safe, so that it is the older one unless all of the log is there.
 */
export function torn(before: Files, after: Files, random: Random): Files {
  let same = 0;
  const common = Math.min(before.wal.length, after.wal.length);
  while (same < common && before.wal[same] === after.wal[same]) same++;
  const written = after.wal.length - same;
  // All of it as often as not: written, and never acknowledged.
  const kept = random.chance(0.3) ? written : random.int(written + 1);
  if (kept === written) return random.chance(0.5) ? after : { db: before.db, wal: after.wal };
  const wal = Buffer.alloc(Math.max(before.wal.length, same + kept));
  before.wal.copy(wal);
  after.wal.copy(wal, same, same, same + kept);
  return { db: before.db, wal };
}
