// The Postgres driver: every unit of work is a SERIALIZABLE transaction on a connection of its own, its generator awaited
// statement by statement and run again from the top when another transaction was in the way or the connection was lost. Between
// COMMIT and its answer nobody knows: whoever loses the connection there is told so, and nothing is repeated.

import pg from 'pg';
import { Problem } from '#shared/problem.ts';
import type { PostgresAddress } from './address.ts';
import { moving } from './move-fence.ts';
import { connectionOf, durable, getTypeParser, greet } from './postgres-connection.ts';
import { type Fate, fateOf, isCertainlyUndone, PostgresError } from './postgres-error.ts';
import { postgresSignals, type SignalOptions } from './postgres-signals.ts';
import { nativeTexts } from './postgres-text.ts';
import { signalOf } from './signals.ts';
import {
  commitUnknown,
  refuseUnstorable,
  type Signal,
  type Signals,
  type Sql,
  type Statement,
  Statements,
  type Tx,
  textOf,
  unstorable,
  type Value,
  type Work,
} from './sql.ts';

/** Times in milliseconds. */
export interface PostgresOptions {
  /** As which program the server has it (`application_name`). */
  readonly name?: string;
  /** How many connections at most. */
  readonly connections?: number;
  /** How long a unit of work is tried, and a connection waited for, before it is refused. */
  readonly patience?: number;
  /** The server's: of a statement, of a lock, and of a transaction whose process says nothing. */
  readonly timeouts?: Partial<Timeouts>;
  /** From 0 up to 1: how much of a pause is waited. */
  readonly random?: () => number;
  readonly sleep?: (milliseconds: number) => Promise<void>;
  /**
   * Told of each unit of work that is run again, and why; `at` is the statement that failed, `unit` the first one that wrote,
   * by which the unit of work can be told.
   */
  readonly onRestart?: (fate: Fate, where: { readonly at: string; readonly unit?: string | undefined }) => void;
  /** Awaited before each statement of a unit of work: a test throws or waits here. */
  readonly beforeStatement?: (statement: Statement) => void | Promise<void>;
  readonly signals?: SignalOptions;
}

/** Of Postgres: other processes are heard. */
export interface PostgresSql extends Sql {
  readonly signals: Signals;
}

export interface Timeouts {
  readonly statement: number;
  readonly lock: number;
  readonly idle: number;
}

/**
 * Who waits for a lock outlasts a process that was frozen with it: `idle` is shorter than `lock`, and that than the patience.
 */
const usual = { connections: 10, patience: 10_000, timeouts: { statement: 30_000, lock: 6000, idle: 4000 } } as const;
/** By which connectors are known in the server's list of sessions. */
export const connectorName = 'reset-and-resend';
/** The first pause; it doubles up to the longest. */
const pause = { first: 4, longest: 250 } as const;
/** Whoever waits for a whole table keeps everybody who comes later waiting behind: not for longer than this, in milliseconds. */
const ddlLock = 300;
const isDdl = (text: string) => /^\s*(create|alter|drop)\b/i.test(text);
/** A key that is still taken when nobody can be in the way any more is taken for good. */
const mostTaken = 3;

const begins = {
  serializable: 'begin isolation level serializable read write',
  // Each statement on a snapshot of its own.
  readCommitted: 'begin isolation level read committed read write',
  // Sees one snapshot; who is second to write a row is refused. What it reads is nobody's concern.
  snapshot: 'begin isolation level repeatable read read write',
  // One snapshot, which no writer waits for and which is never refused.
  read: 'begin isolation level repeatable read read only',
} as const;
type Mode = keyof typeof begins;

/** A statement that was not done; the transaction is over, and nothing was changed. */
class Failure extends Error {
  readonly fate: Fate;
  readonly error: unknown;
  readonly text: string;
  /** The first statement of the unit of work that wrote. */
  unit: string | undefined;

  constructor(error: unknown, text: string) {
    super('A statement failed.');
    this.fate = fateOf(error);
    this.error = error;
    this.text = text;
  }

  /** As whoever asked is told. */
  asThrown(): Error {
    switch (this.fate) {
      case 'fault':
      case 'taken':
        return new PostgresError(this.error, this.text);
      case 'text':
        return unstorable();
      case 'long':
        return new Problem('invalidValue', { reason: 'A text is too long to be searched for, and so to be stored.' });
      case 'moving':
        return moving();
      case 'again':
      case 'locked':
        return new Problem('unavailable', { reason: 'locked' });
      default:
        return new Problem('unavailable', { reason: 'database' });
    }
  }
}

const isAgain = (fate: Fate) => ['again', 'taken', 'lost', 'stale', 'locked'].includes(fate);
const isBroken = (fate: Fate) => fate === 'lost' || fate === 'stale';

/**
 * Opens a database on a Postgres server, 15 or newer. What does not answer yet is waited for as long as the patience lasts.
 * @throws StartError when it cannot be reached, or is not one that the connector can use
 */
export async function openPostgres(address: PostgresAddress, options: PostgresOptions = {}): Promise<PostgresSql> {
  const { random = Math.random, sleep = wait, onRestart, beforeStatement } = options;
  const patience = options.patience ?? usual.patience;
  const timeouts = { ...usual.timeouts, ...options.timeouts };
  const connection = {
    ...connectionOf(address),
    application_name: options.name ?? connectorName,
    keepAlive: true,
  };
  const pool = new pg.Pool({
    ...connection,
    max: options.connections ?? usual.connections,
    connectionTimeoutMillis: patience,
    idleTimeoutMillis: 60_000,
    statement_timeout: timeouts.statement,
    lock_timeout: timeouts.lock,
    idle_in_transaction_session_timeout: timeouts.idle,
    // For a server that says nothing at all.
    query_timeout: timeouts.statement + 5000,
    types: { getTypeParser },
    onConnect: async (client) => void (await client.query(durable)),
  });
  // A connection that breaks while nobody uses it is dropped by the pool, which says so here; the next is made when needed.
  pool.on('error', () => {});
  const collate = await greet(pool, address, patience, sleep).catch(async (error) => {
    await pool.end();
    throw error;
  });
  const texts = nativeTexts({ collate });
  const patient = { connectionTimeoutMillis: patience, query_timeout: patience };
  const signals = postgresSignals(() => new pg.Client({ ...connection, ...patient }), pool, {
    random,
    ...options.signals,
  });
  const underWay = new Set<Promise<unknown>>();
  let closed = false;

  async function ask(client: pg.PoolClient, { kind, text, values }: Statement): Promise<unknown> {
    refuseUnstorable(values);
    const { text: own, name } = texts.of(text);
    const query = { text: own, values: values as Value[], ...(name === undefined ? {} : { name }) };
    try {
      if (kind === 'rows') return (await client.query({ ...query, rowMode: 'array' })).rows;
      const result = await client.query(query);
      if (kind === 'run') return result.rowCount ?? 0;
      return kind === 'get' ? result.rows[0] : result.rows;
    } catch (error) {
      throw new Failure(error, text);
    }
  }

  /** Lends a connection for as long as `use` takes; one that has failed is not used again. */
  async function lend<T>(use: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await pool.connect().catch((error: unknown) => {
      throw new Failure(error, 'connect');
    });
    let broken = false;
    // It may break between two statements; the next one then says so.
    const onError = () => {
      broken = true;
    };
    client.on('error', onError);
    try {
      return await use(client);
    } catch (error) {
      if (error instanceof Failure && isBroken(error.fate)) broken = true;
      if (error instanceof Failure && error.fate === 'stale') texts.renew();
      if (error instanceof Unknown) broken = true;
      throw error;
    } finally {
      client.removeListener('error', onError);
      // Not asked to say goodbye: a server that no longer answers would be waited for.
      if (broken) (client as pg.PoolClient & Pick<pg.Client, 'connection'>).connection.stream.destroy();
      client.release(broken);
    }
  }

  async function drive<T>(client: pg.PoolClient, work: (tx: Tx) => Work<T>, mode: Mode, seen: Seen): Promise<T> {
    const tx = new Statements('many');
    const generator = work(tx);
    let asked = 0;
    let step = generator.next();
    while (!step.done) {
      asked++;
      if (step.value.kind === 'signal') {
        seen.signals.push(signalOf(step.value));
        step = generator.next();
        continue;
      }
      const { reads } = texts.of(step.value.text);
      if (!reads && mode === 'read') throw new Error('A unit of work that only reads has made a change.');
      if (!reads) seen.wrote ??= step.value.text;
      if (isDdl(step.value.text) && !seen.ddl) {
        seen.ddl = true;
        await plain(client, `set local lock_timeout = ${ddlLock}`);
      }
      await beforeStatement?.(step.value);
      step = generator.next(await ask(client, step.value));
    }
    if (asked !== tx.made) throw new Error('A statement was made and never asked: a yield* is missing.');
    return step.value;
  }

  async function transaction<T>(client: pg.PoolClient, work: (tx: Tx) => Work<T>, mode: Mode): Promise<T> {
    const seen: Seen = { ddl: false, signals: [] };
    await plain(client, begins[mode]);
    let value: T;
    try {
      value = await drive(client, work, mode, seen);
    } catch (error) {
      if (error instanceof Failure) error.unit = seen.wrote;
      if (!(error instanceof Failure && isBroken(error.fate))) await plain(client, 'rollback');
      throw error;
    }
    let command: string;
    try {
      command = (await client.query('commit')).command;
    } catch (error) {
      // Of what has only read there is nothing to be known.
      if (seen.wrote === undefined || isCertainlyUndone(error)) {
        const failure = new Failure(error, 'commit');
        failure.unit = seen.wrote;
        throw failure;
      }
      seen.signals.forEach(signals.send);
      throw new Unknown();
    }
    // A transaction that had failed is rolled back without an error.
    if (command !== 'COMMIT') throw new Error(`COMMIT was answered with ${command}.`);
    seen.signals.forEach(signals.send);
    return value;
  }

  /** Runs it until it is done, refused, or the patience is over. */
  async function persist<T>(use: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const until = performance.now() + patience;
    let taken = 0;
    for (let attempt = 0; ; attempt++) {
      if (closed) throw closing();
      try {
        return await lend(use);
      } catch (error) {
        if (error instanceof Unknown) throw new Problem('unavailable', { reason: commitUnknown });
        if (!(error instanceof Failure)) throw error;
        if (error.fate === 'taken') taken++;
        if (!isAgain(error.fate) || taken > mostTaken || performance.now() >= until) throw error.asThrown();
        onRestart?.(error.fate, { at: error.text, unit: error.unit });
        await sleep(random() * Math.min(pause.first * 2 ** attempt, pause.longest));
      }
    }
  }

  /** Counted until it has ended, so that closing can wait for it. */
  function counted<T>(one: Promise<T>): Promise<T> {
    underWay.add(one);
    const gone = () => underWay.delete(one);
    one.then(gone, gone);
    return one;
  }

  function single(kind: 'get' | 'all', text: string, values: readonly Value[]): Promise<unknown> {
    if (closed) return Promise.reject(closing());
    if (!texts.of(text).reads) return Promise.reject(new Error('What is changed is changed in a unit of work.'));
    return counted(persist((client) => ask(client, { kind, text, values })));
  }

  const within = <T>(work: (tx: Tx) => Work<T>, mode: Mode): Promise<T> =>
    closed ? Promise.reject(closing()) : counted(persist((client) => transaction(client, work, mode)));

  return {
    writers: 'many',
    run: (work, isolation = 'serializable') => within(work, isolation),
    read: (work) => within(work, 'read'),
    get: <R>(strings: TemplateStringsArray, ...values: Value[]) =>
      single('get', textOf(strings), values) as Promise<R | undefined>,
    all: <R>(strings: TemplateStringsArray, ...values: Value[]) =>
      single('all', textOf(strings), values) as Promise<R[]>,
    signals,
    async close() {
      if (closed) return;
      closed = true;
      await Promise.allSettled(underWay);
      await signals.close();
      await pool.end();
    },
  };
}

/** What a unit of work has done so far. */
interface Seen {
  /** The first statement that wrote. */
  wrote?: string;
  ddl: boolean;
  readonly signals: Signal[];
}

/** COMMIT was sent and its answer lost. */
class Unknown extends Error {}

const closing = () => new Problem('unavailable', { reason: 'closing' });

async function plain(client: pg.ClientBase, text: string): Promise<void> {
  try {
    await client.query(text);
  } catch (error) {
    throw new Failure(error, text);
  }
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
