// Signals between processes on one Postgres: heard elsewhere after the commit, and when they are not, it is known.

import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { enqueue, type Job } from '../../connector/jobs.ts';
import { logger } from '../../connector/log.ts';
import { resetJob } from '../../connector/resets/lease.ts';
import { watchers } from '../../connector/resets/watchers.ts';
import { startWorker } from '../../connector/resets/worker.ts';
import { eventLoop } from '../../connector/scheduler.ts';
import { parseDatabaseAddress } from '../../connector/sql/address.ts';
import { openPostgres, type PostgresSql } from '../../connector/sql/postgres.ts';
import type { SignalOptions, SignalState } from '../../connector/sql/postgres-signals.ts';
import type { Signal } from '../../connector/sql/sql.ts';
import { wireTo as silentWireTo } from '../cluster/wire.ts';
import { wireTo } from '../postgres/cut.ts';
import { freshDatabase } from '../postgres/database.ts';

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
});
const until = (check: () => void) => vi.waitFor(check, { timeout: 50_000, interval: 10 });

/** Two connectors on one database, the second behind a wire; the first hears from the beginning. */
async function two(
  signals: SignalOptions = {},
  prepare: (wire: Awaited<ReturnType<typeof wireTo>>) => void = () => {},
) {
  const database = await freshDatabase({ migrated: true });
  open.push(database);
  const near = await database.open({ connections: 2 });
  const wire = await wireTo(database.address);
  open.push(wire);
  prepare(wire);
  const states: SignalState[] = [];
  const options = { pause: 100, ...signals, onState: (state: SignalState) => void states.push(state) };
  const far = await openPostgres(wire.address, { connections: 2, signals: options });
  open.push({ [Symbol.asyncDispose]: () => far.close() });
  const listening = (sql: PostgresSql) => {
    const heard: (Signal | 'all')[] = [];
    sql.signals.listen((signal) => heard.push(signal ?? 'all'));
    return heard;
  };
  const [here, there] = [listening(near), listening(far)];
  await until(() => expect(near.signals.heard).toBe(true));
  return { database, near, far, wire, states, here, there };
}

describe('signals', () => {
  it('are heard at once where they are sent, and elsewhere once each', async () => {
    const { near, far, here, there } = await two();
    await until(() => expect(there).toEqual(['all']));
    near.signals.send({ channel: 'a', content: 'ı "\\ \'' });
    near.signals.send({ channel: 'a', content: 'ı "\\ \'' });
    expect(here.slice(1)).toHaveLength(2);
    await until(() => expect(there.slice(1)).toEqual([{ channel: 'a', content: 'ı "\\ \'' }]));
    await far.run(function* (tx) {
      yield* tx.signal('b', '1');
      yield* tx.signal('b', '2');
    });
    await until(() =>
      expect(here.slice(3)).toEqual([
        { channel: 'b', content: '1' },
        { channel: 'b', content: '2' },
      ]),
    );
    expect(there).toHaveLength(4);
  });

  it('of one turn go out in few notifications, and as “all” when they are too many', async () => {
    const { near, there } = await two();
    await until(() => expect(there).toEqual(['all']));
    const long = (n: number) => ({ channel: 'long', content: `${n} ${'x'.repeat(300)}` });
    for (let n = 0; n < 100; n++) near.signals.send(long(n));
    await until(() => expect(there.slice(1)).toEqual(Array.from({ length: 100 }, (_, n) => long(n))));
    for (let n = 0; n < 1000; n++) near.signals.send({ channel: 'many', content: String(n) });
    await until(() => expect(there.at(-1)).toBe('all'));
    near.signals.send({ channel: 'huge', content: 'x'.repeat(9000) });
    await until(() => expect(there.filter((signal) => signal === 'all')).toHaveLength(3));
    expect(there).toHaveLength(103);
  });

  it('that nobody of ours has sent do no harm', async () => {
    const { database, near, there } = await two();
    await until(() => expect(there).toEqual(['all']));
    for (const content of ['', 'null', '{', '[1]', '{"signals":[1]}', '{"signals":{}}']) {
      await database.query(`select pg_notify('reset_and_resend', '${content}')`);
    }
    near.signals.send({ channel: 'after', content: '' });
    await until(() => expect(there.at(-1)).toEqual({ channel: 'after', content: '' }));
    expect(there).toHaveLength(2);
  });

  it('stop with their connection, and when it is back, everything is looked at', async () => {
    const { near, far, wire, states, there } = await two();
    await until(() => expect(states).toEqual(['heard']));
    wire.cutAll();
    await until(() => expect(states).toEqual(['heard', 'lost', 'heard']));
    expect(there).toEqual(['all', 'all']);
    near.signals.send({ channel: 'again', content: '' });
    await until(() => expect(there.at(-1)).toEqual({ channel: 'again', content: '' }));
    expect(far.signals.heard).toBe(true);
  });

  it('that a pooler keeps back are known not to arrive', async () => {
    const { near, far, wire, states, here, there } = await two({ beat: 1000 }, (wire) => {
      wire.silent = true;
    });
    // It can be told by others only, which hear what it sends.
    far.signals.send({ channel: 'one way', content: '' });
    await until(() => expect(here.at(-1)).toEqual({ channel: 'one way', content: '' }));
    expect([far.signals.heard, states]).toEqual([false, []]);
    wire.silent = false;
    await until(() => expect(states).toEqual(['heard']));
    wire.silent = true;
    await until(() => expect(states).toContain('lost'));
    expect(there).toContain('all');
    expect(near.signals.heard).toBe(true);
  });

  it('are not missed where the server has no such thing', async () => {
    const { far, states } = await two({}, (wire) => {
      wire.verdict = (text) => (text.startsWith('listen') ? 'misspell' : 'pass');
    });
    await until(() => expect(states).toEqual(['unsupported']));
    expect(far.signals.heard).toBe(false);
    await far.run((tx) => enqueue(tx, { tenant: 't', kind: 'k', ref: 'r', dueAt: 0 }));
    expect(await far.get`select ref from job`).toEqual({ ref: 'r' });
  });
});

describe('what happens on one connector', () => {
  it('is seen by who watches on another', async () => {
    const { near, far, there } = await two();
    await until(() => expect(there).toEqual(['all']));
    const [a, b] = [watchers(near.signals), watchers(far.signals)];
    const looks = { ada: 0, amara: 0, elsewhere: 0 };
    const stop = b.watch('t', 'ada', () => looks.ada++);
    b.watch('t', 'amara', () => looks.amara++);
    b.watch('u', 'ada', () => looks.elsewhere++);
    a.changed('t', 'ada');
    await until(() => expect(looks).toEqual({ ada: 1, amara: 0, elsewhere: 0 }));
    stop();
    a.changed('t', 'ada');
    a.changed('t', 'amara');
    await until(() => expect(looks).toEqual({ ada: 1, amara: 1, elsewhere: 0 }));
    b.changed('t', 'amara');
    expect(looks.amara).toBe(2);
  });

  it('and makes something due wakes the worker of another, which else would sleep for hours', async () => {
    const { near, far } = await two();
    await until(() => expect(far.signals.heard).toBe(true));
    const walked: Job[] = [];
    const now = () => 1000;
    const worker = startWorker({
      ...{ sql: far, now, scheduler: eventLoop, log: logger('silent'), lookAgain: 2 ** 30 },
      walk: async (job) => void walked.push(job),
    });
    // It has looked, and sleeps.
    await far.get`select 1 as one`;
    for (const ref of ['r1', 'r2']) {
      await near.run((tx) => enqueue(tx, { tenant: 't', kind: resetJob, ref, dueAt: 500 }));
      await until(() => expect(walked.at(-1)?.ref).toBe(ref));
    }
    await worker.stop();
  });
});

describe('closing', () => {
  /** How long it takes, in milliseconds. */
  async function closing(sql: PostgresSql): Promise<number> {
    const begun = performance.now();
    await sql.close();
    return performance.now() - begun;
  }

  async function behindSilence() {
    const database = await freshDatabase({ migrated: true });
    open.push(database);
    const wire = await silentWireTo(database.url);
    open.push(wire);
    const address = parseDatabaseAddress(wire.url);
    if (address.engine !== 'postgres') throw new Error('This is no address of Postgres.');
    const sql = await openPostgres(address, { connections: 2, patience: 30_000, signals: { pause: 100 } });
    open.push({ [Symbol.asyncDispose]: () => sql.close() });
    return { wire, sql };
  }

  it('waits for no goodbye of a server that has fallen silent', async () => {
    const { wire, sql } = await behindSilence();
    sql.signals.listen(() => {});
    await until(() => expect(sql.signals.heard).toBe(true));
    wire.silence();
    expect(await closing(sql)).toBeLessThan(10_000);
  });

  it('nor for one that does not let it begin to listen', async () => {
    const { wire, sql } = await behindSilence();
    wire.silence();
    sql.signals.listen(() => {});
    await wait(50);
    expect(await closing(sql)).toBeLessThan(10_000);
  });
});
