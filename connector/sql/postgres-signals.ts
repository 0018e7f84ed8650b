// Signals between processes on one Postgres: LISTEN and NOTIFY on a connection of their own, after the commit and together for
// one turn of the event loop, since NOTIFY within a transaction makes all commits wait for one another. Whether what is sent
// arrives is tried out again and again: a pooler that shares connections, or a wire that is cut, would else look well.

import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { listeners } from './signals.ts';
import type { Signal, Signals } from './sql.ts';

/** Times in milliseconds. */
export interface SignalOptions {
  /** How often it is tried out whether signals arrive; as long again, and the connection counts as lost. */
  readonly beat?: number;
  /** The longest pause before another connection is made; the first one is a fiftieth of it. */
  readonly pause?: number;
  readonly random?: () => number;
  /** Told when signals begin to arrive, stop arriving, or will never arrive here. */
  readonly onState?: (state: SignalState) => void;
}

/** `unsupported`: the server has no LISTEN (CockroachDB), or this user may not. */
export type SignalState = 'heard' | 'lost' | 'unsupported';

export interface PostgresSignals extends Signals {
  close(): Promise<void>;
}

const usual = { beat: 10_000, pause: 10_000 } as const;
const channel = 'reset_and_resend';
/** How long a server is given to take leave, in milliseconds. */
const goodbye = 1000;
/** NOTIFY takes less than 8,000 bytes. */
const longest = 7500;
/** More than that in one turn, and whoever listens looks at everything. */
const most = 500;
// Lost with a crash of the server, a signal would have told of nothing that is not in the database: no disk is waited for.
const notify = `select set_config('synchronous_commit', 'off', true), pg_notify('${channel}', content)
  from unnest($1::text[]) as content`;

/** What stands in a notification; without signals it only tries out whether it arrives. */
interface Told {
  readonly from: string;
  /** As `[channel, content]`, or that there were too many. */
  readonly signals?: readonly (readonly [string, string])[] | 'all';
}

/**
 * @param make a connection, not yet opened, for as long as this process listens
 * @param pool where signals go out as long as nobody listens here
 */
export function postgresSignals(make: () => pg.Client, pool: pg.Pool, options: SignalOptions = {}): PostgresSignals {
  const { beat, pause } = { ...usual, ...options };
  const { random = Math.random, onState } = options;
  /** Of this process: what it has sent is not heard twice. */
  const self = randomUUID();
  const { tell, listen } = listeners();
  let client: pg.Client | undefined;
  let heard = false;
  let started = false;
  let unsupported = false;
  let closed = false;
  let attempt = 0;
  let timer: NodeJS.Timeout | undefined;
  let answered = true;
  const waiting = new Map<string, readonly [string, string]>();
  let flushing = false;

  function state(next: SignalState): void {
    heard = next === 'heard';
    onState?.(next);
  }

  function later(milliseconds: number, work: () => void): void {
    clearTimeout(timer);
    if (!closed) timer = setTimeout(work, milliseconds).unref();
  }

  function hear(content: string): void {
    const { from, signals = [] } = toldBy(content);
    if (from === self) hearOwn();
    else if (signals === 'all') tell(undefined);
    else for (const [channel, content] of signals) tell({ channel, content });
  }

  /** Whatever we send comes back to us, if anything does. */
  function hearOwn(): void {
    answered = true;
    attempt = 0;
    if (heard) return;
    state('heard');
    // What was sent before is not known here.
    tell(undefined);
  }

  async function connect(): Promise<void> {
    const made = make();
    client = made;
    // Also called when it breaks later; whatever else then fails says the same.
    made.on('error', () => lost(made));
    made.on('end', () => lost(made));
    made.on('notification', ({ payload = '' }) => made === client && hear(payload));
    try {
      await made.connect();
      await made.query(`listen ${channel}`);
      probe(made);
    } catch (error) {
      // A syntax it does not know, a feature that it has not, a right that is missing.
      if (error instanceof pg.DatabaseError && /^(42601|0A000|42501)$/.test(error.code ?? '')) {
        drop(made);
        unsupported = true;
        state('unsupported');
      } else lost(made);
    }
  }

  /** Sends something to ourselves, and looks whether it has come. */
  function probe(made: pg.Client): void {
    if (made !== client) return;
    answered = false;
    made.query(notify, [[textOf({ from: self })]]).catch(() => lost(made));
    later(beat, () => (answered ? probe(made) : lost(made)));
  }

  function drop(made: pg.Client): void {
    client = undefined;
    // Not asked to say goodbye: it may no longer answer.
    (made as pg.Client & Pick<pg.Client, 'connection'>).connection.stream.destroy();
  }

  function lost(made: pg.Client): void {
    if (made !== client || closed) return;
    drop(made);
    if (heard) state('lost');
    const longest = Math.min((pause / 50) * 2 ** attempt++, pause);
    later(longest * (0.5 + random() / 2), () => void connect());
  }

  async function flush(): Promise<void> {
    flushing = false;
    const contents = packed(self, [...waiting.values()]);
    waiting.clear();
    if (contents.length === 0 || unsupported || closed) return;
    try {
      await (heard && client ? client : pool).query(notify, [contents]);
    } catch {
      // Nobody hears of it before the next look.
    }
  }

  return {
    send(signal: Signal) {
      if (closed) return;
      waiting.set(JSON.stringify([signal.channel, signal.content]), [signal.channel, signal.content]);
      if (!flushing) setImmediate(flush);
      flushing = true;
      tell(signal);
    },
    listen(hear) {
      if (!started && !closed) void connect();
      started = true;
      return listen(hear);
    },
    get heard() {
      return heard;
    },
    async close() {
      if (flushing) await flush();
      closed = true;
      clearTimeout(timer);
      heard = false;
      const made = client;
      if (!made) return;
      client = undefined;
      // It is left in good order, unless the server no longer answers: that would be waited for as long as TCP hopes.
      let late: NodeJS.Timeout | undefined;
      const tired = new Promise<void>((resolve) => {
        late = setTimeout(resolve, goodbye);
      });
      await Promise.race([made.end().catch(() => {}), tired]);
      clearTimeout(late);
      drop(made);
    },
  };
}

const textOf = (told: Told) => JSON.stringify(told);

/** Whoever may connect to the database may say anything there. */
function toldBy(content: string): Partial<Told> {
  try {
    const told = JSON.parse(content) as Told;
    const pairs = told.signals === undefined || told.signals === 'all' ? [] : told.signals;
    return pairs.every((pair) => pair.length === 2) ? told : {};
  } catch {
    return {};
  }
}

/** As few notifications as they fit into. */
function packed(from: string, signals: readonly (readonly [string, string])[]): string[] {
  const all = [textOf({ from, signals: 'all' })];
  const room = longest - Buffer.byteLength(textOf({ from, signals: [] }));
  if (signals.length > most) return all;
  const contents: string[] = [];
  let together: (readonly [string, string])[] = [];
  let size = 0;
  const send = () => {
    if (together.length > 0) contents.push(textOf({ from, signals: together }));
    [together, size] = [[], 0];
  };
  for (const signal of signals) {
    const bytes = Buffer.byteLength(JSON.stringify(signal)) + 1;
    if (bytes > room) return all;
    if (size + bytes > room) send();
    together.push(signal);
    size += bytes;
  }
  send();
  return contents;
}
