// The database port. A unit of work is a generator that yields statements: SQLite drives it synchronously inside a
// group commit, Postgres will await it statement by statement, a test can stop it at any step.
//
// Rules for whoever writes a unit of work: no I/O, time or randomness inside (they come in as values); never catch an
// SQL error (say `on conflict do nothing returning`); only statements that SQLite and Postgres both understand. Two comments
// in a text are orders to an engine: `/* clustered */` (migrations.ts) and `/* skip locked */`, behind the name of the one
// table of a select: Postgres locks the rows that it finds, and passes over those that another transaction holds.

import { randomUUID } from 'node:crypto';
import { Problem } from '#shared/problem.ts';

/** A bound value. Times are milliseconds since the epoch, booleans 0 or 1, bytes base64url text: every column is text or bigint. */
export type Value = string | number | null;
/** A row as the driver returns it; callers name its shape at the call. */
export type Row = Record<string, Value>;

/** One statement on its way to the engine. `text` has `?` where a value goes. */
export interface Statement {
  /** `rows`: every row as an array of its columns, without their names. `signal`: no SQL; channel and content. */
  readonly kind: 'get' | 'all' | 'rows' | 'run' | 'signal';
  readonly text: string;
  readonly values: readonly Value[];
}

/** What a tagged statement returns: `yield*` it to have it executed. */
export interface Ask<R> {
  // biome-ignore lint/suspicious/noExplicitAny: what the driver sends back is checked by nobody but the SQL itself
  [Symbol.iterator](): Iterator<Statement, R, any>;
}

/** A unit of work; the value that it returns is the value of `sql.run`. */
// biome-ignore lint/suspicious/noExplicitAny: see Ask
export type Work<T> = Generator<Statement, T, any>;

export type Writers = 'one' | 'many';

type Tagged<R> = (strings: TemplateStringsArray, ...values: Value[]) => R;

/**
 * The statements of one transaction. `query` and `change` are for texts that code puts together (filters, several rows at
 * once), never from input.
 */
export interface Tx {
  /**
   * How many transactions write at once, as this engine has it. Where there are many, a row that each of them would change is
   * a hot one: what would be such a row is written behind them instead (audit.ts, store/counts.ts).
   */
  readonly writers: Writers;
  /** A text that no other row has; each time that a unit of work runs another one. */
  key(): string;
  get<R = Row>(strings: TemplateStringsArray, ...values: Value[]): Ask<R | undefined>;
  all<R = Row>(strings: TemplateStringsArray, ...values: Value[]): Ask<R[]>;
  /** How many rows it changed. */
  run(strings: TemplateStringsArray, ...values: Value[]): Ask<number>;
  query<R = Row>(text: string, values: readonly Value[]): Ask<R[]>;
  /** Many rows at less cost: arrays in the order of the columns. */
  rows<R extends readonly Value[]>(text: string, values: readonly Value[]): Ask<R[]>;
  /** How many rows it changed. */
  change(text: string, values: readonly Value[]): Ask<number>;
  /** Tells whoever listens, once this is committed (see `Signals`). */
  signal(channel: string, content?: string): Ask<void>;
}

/** Something has happened; what exactly is in the database. `content` may be seen by whoever may connect to it: no secret. */
export interface Signal {
  readonly channel: string;
  readonly content: string;
}

/**
 * How processes that share a database tell each other to look. Heard at once in the process that sends; elsewhere soon, or
 * never: whoever must not miss anything also looks by itself.
 */
export interface Signals {
  /** Never waits and never fails. For what is committed already; within a unit of work it is `tx.signal`. */
  send(signal: Signal): void;
  /** @param hear undefined: some may have been missed, so that everything is to be looked at; it does not throw */
  listen(hear: (signal: Signal | undefined) => void): () => void;
  /** Do signals of other processes arrive at the moment? As long as not, look more often. */
  readonly heard: boolean;
}

/**
 * How much of what others do at the same moment a unit of work may see. `serializable`, unless said otherwise: as if nobody
 * else were there. `snapshot`: alone only against whoever writes the same rows; for what follows the others at a distance, and
 * would hold them up by having read what they add to. `readCommitted`: each statement sees what is committed when it begins;
 * for units that change only rows which they have locked (`skip locked`): those collide with nobody, so that nothing is run
 * again. An engine may give more than it was asked for.
 */
export type Isolation = 'serializable' | 'snapshot' | 'readCommitted';

/**
 * A database. Outcomes: `run` resolves only after a durable commit, and rejects with nothing changed; but where the connection
 * is lost between COMMIT and its answer, it rejects with what `isCommitUnknown` tells, and nobody knows.
 */
export interface Sql {
  /** See `Tx`. */
  readonly writers: Writers;
  /**
   * Runs a unit of work in a transaction, which is alone as far as it can tell (serializable); it may be run several times
   * before it is committed once. Throws Problem `unavailable` when the database stays locked, is full or out of reach.
   */
  run<T>(work: (tx: Tx) => Work<T>, isolation?: Isolation): Promise<T>;
  /**
   * Runs a unit of work that only reads, on one snapshot, without waiting for a commit. What was promised before is in it;
   * what another process has just written may be in the next one only.
   */
  read<T>(work: (tx: Tx) => Work<T>): Promise<T>;
  /** One row, outside a transaction. */
  get<R = Row>(strings: TemplateStringsArray, ...values: Value[]): Promise<R | undefined>;
  /** All rows, outside a transaction. */
  all<R = Row>(strings: TemplateStringsArray, ...values: Value[]): Promise<R[]>;
  readonly signals?: Signals;
  close(): Promise<void>;
}

/** Was it rejected without anybody knowing whether it was committed? Never repeated blindly; what it wrote is looked for. */
export function isCommitUnknown(error: unknown): boolean {
  return error instanceof Problem && error.code === 'unavailable' && error.details.reason === commitUnknown;
}

export const commitUnknown = 'commitUnknown';

/**
 * What no engine may hold, since one of them cannot: a text with a NUL, and a number that is not whole and exact.
 * @throws Problem invalidValue; RangeError where the mistake can only be ours
 */
export function refuseUnstorable(values: readonly Value[]): void {
  for (const value of values) {
    if (typeof value === 'string' && value.includes('\0')) throw unstorable();
    if (typeof value === 'number' && !Number.isSafeInteger(value))
      throw new RangeError('A number is not whole and exact.');
  }
}

/** 400 for a text that an engine cannot hold. */
export const unstorable = () =>
  new Problem('invalidValue', { reason: 'A text holds a character that cannot be stored.' });

/** A `Tx` for a driver: counts the statements made, so that a forgotten `yield*` is found at the end of the work. */
export class Statements implements Tx {
  made = 0;
  readonly writers: Writers;
  readonly key: () => string;

  /** @param key `Tx.key` */
  constructor(writers: Writers, key: () => string = randomUUID) {
    this.writers = writers;
    this.key = key;
  }

  get<R>(strings: TemplateStringsArray, ...values: Value[]): Ask<R | undefined> {
    return this.#ask('get', textOf(strings), values);
  }
  all<R>(strings: TemplateStringsArray, ...values: Value[]): Ask<R[]> {
    return this.#ask('all', textOf(strings), values);
  }
  run(strings: TemplateStringsArray, ...values: Value[]): Ask<number> {
    return this.#ask('run', textOf(strings), values);
  }
  query<R>(text: string, values: readonly Value[]): Ask<R[]> {
    return this.#ask('all', text, values);
  }
  rows<R extends readonly Value[]>(text: string, values: readonly Value[]): Ask<R[]> {
    return this.#ask('rows', text, values);
  }
  change(text: string, values: readonly Value[]): Ask<number> {
    return this.#ask('run', text, values);
  }

  signal(channel: string, content = ''): Ask<void> {
    return this.#ask('signal', channel, [content]);
  }

  #ask<R>(kind: Statement['kind'], text: string, values: readonly Value[]): Ask<R> {
    this.made++;
    return new Asked<R>({ kind, text, values });
  }
}

/** A generator of one step: gives its statement, then returns what it is handed. Written out, it is several times faster. */
class Asked<R> implements Ask<R>, Iterator<Statement, R, R> {
  #statement: Statement | undefined;

  constructor(statement: Statement) {
    this.#statement = statement;
  }

  [Symbol.iterator](): this {
    return this;
  }

  next(answer: R): IteratorResult<Statement, R> {
    const value = this.#statement;
    if (value === undefined) return { done: true, value: answer };
    this.#statement = undefined;
    return { done: false, value };
  }
}

const texts = new WeakMap<TemplateStringsArray, string>();

/** The text of a tagged statement, the same string object for the same place in the code. */
export function textOf(strings: TemplateStringsArray): string {
  let text = texts.get(strings);
  if (text === undefined) {
    text = strings.join('?');
    texts.set(strings, text);
  }
  return text;
}

/** For tests and drivers: the type of the tagged functions. */
export type { Tagged };
