// The witness against restored backups (reset.md, C21). A counter in the database is raised, and then remembered outside of
// it (mark.ts), before a mail server or a directory is spoken to, and after every move of a reset. A database that counts
// less than its mark is older than what has happened since: nothing in it may be mailed or set again (restored.ts).
//
// Each connector has a mark and a row of its own. When one of them has found the database restored, it begins a new timeline
// there; the others see by it that this has been dealt with.

import { Problem } from '#shared/problem.ts';
import type { Logger } from '../log.ts';
import type { Sql, Tx, Work } from '../sql/sql.ts';
import { StartError } from '../start-error.ts';
import { type Mark, type MarkStore, markText, parseMark } from './mark.ts';
import { endAll } from './restored.ts';

export interface Witness {
  /** Resolves when everything so far is remembered outside. @throws Problem unavailable when that cannot be done now */
  mark(): Promise<void>;
  /** The same, and nobody waits for it. */
  note(): void;
  /** Waits for what is being written. */
  settle(): Promise<void>;
}

/** What a start has found out. */
export interface Found {
  readonly witness: Witness;
  /**
   * `restored`: it was, and `ended` resets that had been under way were ended. `unknown`: there is no mark of this database
   * here, and it has been served before.
   */
  readonly history: 'new' | 'same' | 'unknown' | 'restored';
  readonly ended: number;
  /** Why nothing can be remembered outside, if nothing can. */
  readonly unprotected?: string;
}

export interface WitnessDeps {
  readonly sql: Sql;
  /** Absent: nothing is remembered outside. */
  readonly store?: MarkStore;
  readonly now: () => number;
  readonly uuid: () => string;
  readonly log: Logger;
  /** The operator says that this database was restored. */
  readonly restored?: boolean;
}

/** What stays so until somebody changes the folder, as against a disk that is full or busy for now. */
const lasting = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP', 'EISDIR']);

/** Without a place outside: the database is believed. */
export const noWitness: Witness = { async mark() {}, note() {}, async settle() {} };

/**
 * Compares the database with its mark, ends what was under way in one that was restored, and goes on counting. Only for
 * whoever serves, before anything is opened.
 * @throws StartError when the database is empty and the mark knows one that was not
 */
export async function openWitness(deps: WitnessDeps): Promise<Found> {
  const { sql, store, log } = deps;
  const text = await store?.read().catch((error: unknown) => {
    log.warn({ err: error }, 'the mark against restored backups cannot be read');
    return undefined;
  });
  const mark = text === undefined ? undefined : parseMark(text);
  if (text !== undefined && mark === undefined) log.warn('the mark against restored backups is not whole');
  const at = deps.now();
  const fresh = { timeline: deps.uuid(), witness: deps.uuid() };
  const judged = await sql.run((tx) => compare(tx, mark, deps.restored ?? false, fresh, at));
  if (judged === undefined) {
    throw new StartError(
      `The database is empty, and ${store?.where} remembers one that was not. Is its disk mounted, and RR_DATABASE right? ` +
        'Nothing was started. If it is meant to be new, remove that file and start again.',
    );
  }
  const { mark: next, history, ended } = judged;
  if (!store) return { witness: noWitness, history, ended };
  try {
    await store.write(markText(next));
  } catch (error) {
    return { witness: counting(deps, store, next), history, ended, unprotected: (error as Error).message };
  }
  return { witness: counting(deps, store, next), history, ended };
}

interface Judged {
  readonly mark: Mark;
  readonly history: Found['history'];
  readonly ended: number;
}

/** Undefined: empty, where there was a database. */
function* compare(
  tx: Tx,
  mark: Mark | undefined,
  told: boolean,
  fresh: Pick<Mark, 'timeline' | 'witness'>,
  at: number,
): Work<Judged | undefined> {
  const timelines = yield* tx.all<{ id: string }>`select id from timeline order by place`;
  const latest = timelines.at(-1)?.id;
  const witness = mark?.witness ?? fresh.witness;
  const row = yield* tx.get<{ count: number }>`select count from witness where id = ${witness}`;
  if (mark && latest === undefined && (yield* isEmpty(tx))) return undefined;
  const older =
    told ||
    (mark !== undefined &&
      // Another database, or one from before it was ever served with a mark.
      (!timelines.some(({ id }) => id === mark.timeline) ||
        // On an earlier timeline: whoever began the later one has ended what was under way.
        (mark.timeline === latest && (row?.count ?? 0) < mark.count)));
  const ended = older ? yield* endAll(tx, at) : 0;
  const timeline = older || latest === undefined ? fresh.timeline : latest;
  if (timeline === fresh.timeline) {
    yield* tx.run`insert into timeline (place, id, began) values (${timelines.length + 1}, ${timeline}, ${at})`;
  }
  const count = Math.max(row?.count ?? 0, mark?.count ?? 0) + 1;
  yield* tx.run`insert into witness (id, count) values (${witness}, ${count})
    on conflict (id) do update set count = excluded.count`;
  const known = mark ? 'same' : latest === undefined ? 'new' : 'unknown';
  return { mark: { timeline, witness, count }, history: older ? 'restored' : known, ended };
}

function* isEmpty(tx: Tx): Work<boolean> {
  const anybody = yield* tx.get`select id from app_user limit 1`;
  return anybody === undefined && (yield* tx.get`select id from reset limit 1`) === undefined;
}

/**
 * Counts on. A database that has not come as far as it was seen has lost what it had promised while it was being served: a
 * standby that lagged has taken over, or somebody has restored it. That ends what was under way, as a start does.
 */
function* next(
  tx: Tx,
  at: Mark,
  fresh: Pick<Mark, 'timeline' | 'witness'>,
  now: number,
): Work<{ mark: Mark; back: boolean; ended: number } | undefined> {
  const row = yield* tx.get<{ count: number }>`select count from witness where id = ${at.witness}`;
  if (row && row.count >= at.count) {
    yield* tx.run`update witness set count = ${row.count + 1} where id = ${at.witness}`;
    return { mark: { ...at, count: row.count + 1 }, back: false, ended: 0 };
  }
  const judged = yield* compare(tx, at, false, fresh, now);
  return judged && { mark: judged.mark, back: true, ended: judged.ended };
}

/** Rounds, one at a time: a round that has not begun yet is for everybody who asks meanwhile. */
function counting({ sql, log, now, uuid }: WitnessDeps, store: MarkStore, from: Mark): Witness {
  /** As far as this connector has seen the database come. */
  let at = from;
  let waiting: Promise<void> | undefined;
  let last: Promise<void> = Promise.resolve();
  let without = false;

  async function round(): Promise<void> {
    const fresh = { timeline: uuid(), witness: at.witness };
    const found = await sql.run((tx) => next(tx, at, fresh, now()));
    if (found === undefined) throw new Problem('unavailable', { reason: 'database' });
    at = found.mark;
    try {
      await store.write(markText(at));
      without = false;
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (!lasting.has(code)) throw new Problem('unavailable', { reason: 'mark' });
      // As if there had been no place for it from the beginning; said once.
      if (!without) log.error({ code }, 'the mark against restored backups cannot be written any more');
      without = true;
    }
    if (found.back) {
      log.error(
        { ended: found.ended },
        'the database came back without what it had promised: what was under way is over',
      );
      // Whoever has asked was about to go on with something that has ended.
      throw new Problem('unavailable', { reason: 'database' });
    }
  }

  function mark(): Promise<void> {
    if (!waiting) {
      waiting = last
        .catch(() => {})
        .then(() => {
          waiting = undefined;
          return round();
        });
      last = waiting;
    }
    return waiting;
  }

  return {
    mark,
    note() {
      mark().catch((error: unknown) => log.warn({ err: error }, 'the mark against restored backups was not written'));
    },
    settle: () => last.catch(() => {}),
  };
}
