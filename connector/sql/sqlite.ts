// The SQLite driver: every unit of work that arrives before the event loop's next turn shares one durable commit
// (group commit), and whatever is only read in that turn shares one snapshot. The generators are driven synchronously;
// promises settle only after COMMIT has returned.

import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { Problem } from '#shared/problem.ts';
import { eventLoop, type Scheduler } from '../scheduler.ts';
import { fenceText, moving } from './move-fence.ts';
import { listeners, signalOf } from './signals.ts';
import {
  refuseUnstorable,
  type Signal,
  type Sql,
  type Statement,
  Statements,
  type Tx,
  textOf,
  type Value,
  type Work,
} from './sql.ts';

export interface SqliteOptions {
  /** How long a locked database is waited for before work is refused, in milliseconds. */
  readonly busyFor?: number;
  /** Called before each statement of a unit of work: a test throws here to stop the work at any step. */
  readonly beforeStatement?: (statement: Statement) => void;
  /** Makes the durable commit, in place of a plain call: a test looks at the file before and after it. */
  readonly commit?: (commit: () => void) => void;
  /** Turns and waits; the process's own event loop when absent. */
  readonly scheduler?: Scheduler;
}

interface Member {
  readonly work: (tx: Tx) => Work<unknown>;
  readonly settle: (result: { ok: true; value: unknown } | { ok: false; error: unknown }) => void;
  readonly since: number;
  readonly alone: boolean;
}

interface Prepared {
  readonly statement: StatementSync;
  readonly reads: boolean;
}

export const SQLITE_BUSY = 5;
const SQLITE_CONSTRAINT = 19;
/** The engine may have rolled back the whole transaction: SQLITE_NOMEM, _IOERR, _CORRUPT, _FULL, and interrupted ones. */
const wholeGroup = new Set([7, 9, 10, 11, 13]);

/** The primary SQLite result code of an error, or undefined when it is not SQLite's. */
export function sqliteCode(error: unknown): number | undefined {
  const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined;
  return typeof code === 'number' ? code & 0xff : undefined;
}

/**
 * Opens (or creates) a database file, or `:memory:`. WAL with `synchronous=FULL`: what has been promised is on disk.
 * @throws Error of SQLite when the file cannot be opened or is not a database
 */
export function openSqlite(path: string, options: SqliteOptions = {}): Sql {
  const db = new DatabaseSync(path);
  // A busy timeout would block the event loop: zero, and the group is tried again later.
  db.exec('pragma busy_timeout = 0; pragma foreign_keys = on; pragma secure_delete = on; pragma trusted_schema = off');
  if (path !== ':memory:') {
    const [mode] = Object.values(db.prepare('pragma journal_mode = wal').get() ?? {});
    if (mode !== 'wal') throw new Error(`The database at ${path} cannot use write-ahead logging.`);
    db.exec('pragma synchronous = full');
  }
  // Inner pages of every index of 100,000 people, and what is asked for again; what a savepoint keeps, out of files.
  db.exec('pragma cache_size = -16384; pragma temp_store = memory');
  const prepared = new Map<string, Prepared>();
  const queue: Member[] = [];
  const busyFor = options.busyFor ?? 10_000;
  const { soon, after } = options.scheduler ?? eventLoop;
  const commit = options.commit ?? ((commit: () => void) => commit());
  let armed = false;
  let reading = false;
  const readers: (() => void)[] = [];
  const { tell, listen } = listeners();
  /** Grows with every change: tells whether a unit of work has left anything to undo. */
  let changes = 0;
  let closed = false;

  function prepare(text: string, arrays = false): Prepared {
    const name = arrays ? `[]${text}` : text;
    let found = prepared.get(name);
    if (!found) {
      // Texts that code puts together are many: the oldest goes, so that the cache stays bounded.
      if (prepared.size >= 500) prepared.delete(prepared.keys().next().value as string);
      // A table without other columns than its key's order needs no second tree (see migrations.ts).
      // SQLite plans anew whenever a value is bound to a bare LIMIT, since it plans by it: twice the time of a short query.
      const native = text.replace('/* clustered */', 'without rowid').replace(/\blimit \?/g, '$& + 0');
      found = { statement: db.prepare(native), reads: /^\s*(?:select\b|pragma \w+\s*$)/i.test(text) };
      found.statement.setReturnArrays(arrays);
      prepared.set(name, found);
    }
    return found;
  }

  const statement = (text: string) => prepare(text).statement;

  function execute({ kind, text, values }: Statement): unknown {
    refuseUnstorable(values);
    const { statement: one, reads } = prepare(text, kind === 'rows');
    if (kind === 'run') {
      const changed = Number(one.run(...values).changes);
      changes += changed;
      return changed;
    }
    // An `update … returning` is asked for like a row.
    if (!reads) changes++;
    return kind === 'get' ? one.get(...values) : one.all(...values);
  }

  /** For what is read until the event loop turns: nothing of ours writes in between, and locks cost a system call. */
  function openSnapshot(): void {
    if (reading) return;
    statement('begin').run();
    reading = true;
    soon(closeSnapshot);
  }

  /** Units of work that only read are done here, together: their answers then leave together, for one waking of who waits. */
  function closeSnapshot(): void {
    if (!reading) return;
    for (const read of readers.splice(0)) read();
    reading = false;
    if (db.isTransaction) statement('commit').run();
  }

  /** @param signals collects what is told after the commit; undefined: it only reads */
  function drive(work: (tx: Tx) => Work<unknown>, signals?: Signal[]): unknown {
    const tx = new Statements('one');
    const generator = work(tx);
    const reads = signals === undefined;
    let asked = 0;
    let step = generator.next();
    while (!step.done) {
      asked++;
      if (step.value.kind === 'signal') {
        signals?.push(signalOf(step.value));
        step = generator.next();
        continue;
      }
      if (reads && !prepare(step.value.text, step.value.kind === 'rows').reads)
        throw new Error('A unit of work that only reads has made a change.');
      options.beforeStatement?.(step.value);
      step = generator.next(execute(step.value));
    }
    if (asked !== tx.made) throw new Error('A statement was made and never asked: a yield* is missing.');
    return step.value;
  }

  function begin(members: Member[]): boolean {
    closeSnapshot();
    try {
      statement('begin immediate').run();
      return true;
    } catch (error) {
      if (sqliteCode(error) !== SQLITE_BUSY) {
        for (const member of members) member.settle({ ok: false, error });
        return false;
      }
      const now = performance.now();
      const patient = members.filter((member) => now - member.since < busyFor);
      for (const member of members) {
        if (!patient.includes(member))
          member.settle({ ok: false, error: new Problem('unavailable', { reason: 'locked' }) });
      }
      if (patient.length > 0) {
        queue.unshift(...patient);
        arm(5);
      }
      return false;
    }
  }

  function rollback(): void {
    if (db.isTransaction) statement('rollback').run();
  }

  /**
   * @param guarded each member within a savepoint of its own. Those cost a copy of every page that is touched, and few
   *   units of work fail after they have changed something: that is found out first, and then all are run again.
   */
  function commitGroup(members: Member[], guarded = false): void {
    if (!begin(members)) return;
    const several = members.length > 1;
    const done: { member: Member; value: unknown; signals: Signal[] }[] = [];
    const failed: { member: Member; error: unknown }[] = [];
    try {
      for (const member of members) {
        if (guarded) statement('savepoint member').run();
        const before = changes;
        const signals: Signal[] = [];
        try {
          done.push({ member, value: drive(member.work, signals), signals });
          if (guarded) statement('release member').run();
        } catch (error) {
          const code = sqliteCode(error);
          if ((code !== undefined && wholeGroup.has(code)) || !db.isTransaction) throw error;
          failed.push({ member, error: asProblem(error) });
          if (guarded) {
            statement('rollback to member').run();
            statement('release member').run();
          } else if (several && changes > before) {
            rollback();
            commitGroup(members, true);
            return;
          }
        }
      }
      if (done.length > 0) commit(() => void statement('commit').run());
      else rollback();
    } catch (error) {
      rollback();
      // The disk or the memory failed: who is innocent is not known, so each is tried once more on its own.
      if (several) for (const member of members) queue.push({ ...member, alone: true });
      else members[0]?.settle({ ok: false, error: asProblem(error) });
      if (queue.length > 0) arm();
      return;
    }
    for (const { member, value } of done) member.settle({ ok: true, value });
    for (const { member, error } of failed) member.settle({ ok: false, error });
    for (const { signals } of done) signals.forEach(tell);
  }

  function asProblem(error: unknown): unknown {
    const code = sqliteCode(error);
    if (code === SQLITE_CONSTRAINT && (error as Error).message === fenceText) return moving();
    return code !== undefined && (wholeGroup.has(code) || code === SQLITE_BUSY)
      ? new Problem('unavailable', { reason: 'database' })
      : error;
  }

  /** The queue is looked at after a turn of the event loop, or later. */
  function arm(milliseconds?: number): void {
    if (armed) return;
    armed = true;
    if (milliseconds === undefined) soon(flush);
    else after(milliseconds, flush);
  }

  function flush(): void {
    armed = false;
    while (queue.length > 0 && !armed) {
      const alone = queue.findIndex((member) => member.alone);
      const take = alone === 0 ? 1 : alone === -1 ? queue.length : alone;
      commitGroup(queue.splice(0, take));
    }
  }

  const read = async (kind: 'get' | 'all', text: string, values: readonly Value[]) => {
    if (closed) throw new Problem('unavailable', { reason: 'closing' });
    if (!prepare(text).reads) throw new Error('What is changed is changed in a unit of work.');
    openSnapshot();
    return execute({ kind, text, values });
  };

  return {
    writers: 'one',
    run<T>(work: (tx: Tx) => Work<T>): Promise<T> {
      if (closed) return Promise.reject(new Problem('unavailable', { reason: 'closing' }));
      return new Promise((resolve, reject) => {
        queue.push({
          work,
          alone: false,
          since: performance.now(),
          settle: (result) => (result.ok ? resolve(result.value as T) : reject(result.error)),
        });
        arm();
      });
    },
    read<T>(work: (tx: Tx) => Work<T>): Promise<T> {
      return new Promise<T>((resolve, reject) => {
        if (closed) throw new Problem('unavailable', { reason: 'closing' });
        openSnapshot();
        readers.push(() => {
          try {
            resolve(drive(work) as T);
          } catch (error) {
            reject(error);
          }
        });
      });
    },
    get: <R>(strings: TemplateStringsArray, ...values: Value[]) =>
      read('get', textOf(strings), values) as Promise<R | undefined>,
    all: <R>(strings: TemplateStringsArray, ...values: Value[]) => read('all', textOf(strings), values) as Promise<R[]>,
    // Another process (a command) is not heard.
    signals: { send: tell, listen, heard: false },
    async close() {
      if (closed) return;
      flush();
      closeSnapshot();
      closed = true;
      // What another process's lock kept waiting.
      const error = new Problem('unavailable', { reason: 'closing' });
      for (const { settle } of queue.splice(0)) settle({ ok: false, error });
      db.close();
    },
  };
}
