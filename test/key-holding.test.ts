// The master keys of several connectors on one database: at each moment each living one can open whatever any of them seals.

import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readChecks } from '../connector/key-check.ts';
import { holdKeys, type KeyHolding } from '../connector/key-holding.ts';
import { reseal } from '../connector/key-rotation.ts';
import { logger } from '../connector/log.ts';
import { KeyError, openMasterKey } from '../connector/master-key.ts';
import type { Scheduler } from '../connector/scheduler.ts';
import { type Keyring, keyring } from '../connector/secret.ts';
import { migrate } from '../connector/sql/migrate.ts';
import type { Sql } from '../connector/sql/sql.ts';
import { type Engine, engines, freshSql } from './postgres/engine.ts';

const ringOf = (keys: readonly number[]) => keyring(keys.map((fill) => new Uint8Array(32).fill(fill)));
const place = (id: string) => `event_key/t/${id}/sealed`;
/** Beats are made by hand. */
const still: Scheduler = { soon: () => {}, after: () => () => {} };

/** A connector's process, as far as keys are concerned. */
interface Process {
  readonly ring: Keyring;
  readonly holding: KeyHolding;
  /** Seals everything again: one unit of work at each `step`, if it has begun. */
  readonly step: () => Promise<void>;
  readonly begin: () => void;
}

async function ground(engine: Engine) {
  const database = await freshSql(engine);
  const { sql } = database;
  await migrate(sql);
  let time = Date.UTC(2026, 10, 22);
  let starts = 0;
  let rows = 0;
  const now = () => time;
  const lines: string[] = [];
  const log = logger('info', { write: (line: string) => void lines.push(line) });

  /** @returns undefined when it was refused */
  async function start(keys: readonly number[]): Promise<Process | undefined> {
    const ring = ringOf(keys);
    const id = `c${++starts}`;
    try {
      await openMasterKey(
        sql,
        keys.map((fill) => new Uint8Array(32).fill(fill)),
        undefined,
      );
      const deps = { sql, keyring: ring, id, now, log, scheduler: still, monotonic: now, patience: -1, schema: 1 };
      const holding = await holdKeys(deps);
      let waiting: (() => void)[] = [];
      let running: Promise<unknown> | undefined;
      const stepwise: Sql = {
        ...sql,
        run: async (work) => {
          await new Promise<void>((resolve) => waiting.push(resolve));
          return sql.run(work);
        },
      };
      return {
        ...{ ring, holding },
        begin() {
          running ??= reseal({ sql: stepwise, keyring: ring, id, now, log }).finally(() => (running = undefined));
        },
        async step() {
          const [go] = waiting;
          waiting = [];
          go?.();
          // It has come to its next unit of work, or to its end.
          while (go && running && waiting.length === 0) await new Promise((resolve) => setImmediate(resolve));
        },
      };
    } catch (error) {
      if (error instanceof KeyError) return undefined;
      throw error;
    }
  }

  return {
    ...{ sql, now, start, lines },
    pass(milliseconds: number): void {
      time += milliseconds;
    },
    /** Seals something where it may; false where it may not. */
    async seal({ holding }: Process): Promise<boolean> {
      const id = `row${++rows}`;
      if (!holding.holds()) {
        expect(() => holding.keyring.seal('a text', place(id))).toThrow();
        return false;
      }
      const sealed = holding.keyring.seal('a text', place(id));
      await sql.run(function* (tx) {
        yield* tx.run`insert into event_key (tenant, id, sealed, created) values ('t', ${id}, ${sealed}, 0)`;
      });
      return true;
    },
    sealed: () => sql.all<{ id: string; sealed: string }>`select id, sealed from event_key`,
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}

const lists = [[1], [1, 2], [2, 1], [2], [2, 3], [3, 2], [1, 2, 3], [3, 1, 2]] as const;
const slot = fc.nat(2);
const plain = <Do extends string>(what: Do, weight: number) => [
  { weight, arbitrary: fc.record({ do: fc.constant(what), slot }) },
];
const act = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('start' as const), slot, list: fc.constantFrom(...lists) }) },
  ...plain('stop', 1),
  ...plain('kill', 1),
  ...plain('seal', 2),
  ...plain('beat', 2),
  ...plain('begin', 2),
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('step' as const), slot, times: fc.integer({ min: 1, max: 9 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('pass' as const), time: fc.constantFrom(1000, 30_000, 61_000) }),
  },
);

describe.each(engines)('master keys of several connectors on %s', (engine) => {
  it('are never missing where they are needed, whoever starts, stops, freezes or dies', async () => {
    const seen = { sealed: 0, notSealed: 0, refused: 0, ended: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(act, { minLength: 5, maxLength: 60, size: 'max' }), async (acts) => {
        await using world = await ground(engine);
        const slots: (Process | undefined)[] = [];
        const check = async () => {
          const rows = await world.sealed();
          const checks = (await world.sql.run(readChecks)).map((text) => text.split('.')[1]);
          for (const { id, sealed } of rows) {
            // Whoever starts is asked for every key that anything lies under.
            expect(checks).toContain(sealed.split('.')[1]);
            for (const one of slots) if (one?.holding.holds()) one.ring.open(sealed, place(id));
          }
        };
        for (const one of acts) {
          if (one.do === 'pass') {
            world.pass(one.time);
            continue;
          }
          const process = slots[one.slot];
          if (one.do === 'start') {
            if (process) continue;
            slots[one.slot] = await world.start(one.list);
            if (!slots[one.slot]) seen.refused++;
          } else if (!process) continue;
          else if (one.do === 'stop' || one.do === 'kill') {
            if (one.do === 'stop') await process.holding.stop();
            slots[one.slot] = undefined;
          } else if (one.do === 'beat') await process.holding.beat();
          else if (one.do === 'seal') seen[(await world.seal(process)) ? 'sealed' : 'notSealed']++;
          else if (one.do === 'begin') process.begin();
          else for (let n = 0; n < one.times; n++) await process.step();
          await check();
        }
        // All faults off: every word of the dead is over, and everybody gets the whole list, then the first key alone.
        for (const [at, process] of slots.entries()) {
          await process?.holding.stop();
          slots[at] = undefined;
        }
        world.pass(61_000);
        for (const at of [0, 1, 2]) slots[at] = await world.start([2, 1, 3]);
        for (const _ of [1, 2]) for (const process of slots) await process?.holding.beat();
        await check();
        for (const at of [0, 1, 2]) {
          await slots[at]?.holding.stop();
          slots[at] = await world.start([2]);
          expect(slots[at]).toBeDefined();
          await check();
        }
        seen.ended++;
      }),
      { numRuns: engine === 'sqlite' ? 100 : 5 },
    );
    // Five draws need not come to everything.
    if (engine === 'sqlite') expect(Math.min(...Object.values(seen))).toBeGreaterThan(0);
  });

  it('are not sealed again by one that was frozen between its word and its turn', async () => {
    await using world = await ground(engine);
    const frozen = (await world.start([1, 2, 3])) as Process;
    frozen.begin();
    const other = (await world.start([2, 1])) as Process;
    expect(await world.seal(frozen)).toBe(true);
    // The other goes all the way, and dies.
    world.pass(61_000);
    await other.holding.beat();
    world.pass(61_000);
    for (let n = 0; n < 40; n++) await frozen.step();
    const [check] = await world.sql.run(readChecks);
    for (const { sealed } of await world.sealed()) expect(sealed.split('.')[1]).toBe(check?.split('.')[1]);
    // Nothing keeps who has the newest key alone from starting.
    expect(await world.start([2])).toBeDefined();
  });

  it('are all sealed again, also what somebody seals under the older one in the middle of it', async () => {
    await using world = await ground(engine);
    const a = (await world.start([2, 1])) as Process;
    for (const at of [0, 40]) {
      a.begin();
      // `at` 0: before it has looked at anything; 40: at its end, in which it finds that it has to begin again.
      for (let n = 0; n < (at === 0 ? 1 : 9); n++) await a.step();
      const b = (await world.start([1, 2])) as Process;
      expect(await world.seal(b)).toBe(true);
      await b.holding.stop();
      for (let n = 0; n < 40; n++) await a.step();
    }
    await a.holding.stop();
    expect(await world.start([2])).toBeUndefined();
    const again = (await world.start([2, 1])) as Process;
    await again.holding.beat();
    await again.holding.stop();
    const alone = (await world.start([2])) as Process;
    for (const { id, sealed } of await world.sealed()) alone.ring.open(sealed, place(id));
  });

  it('are asked for in words, before anything is sealed', async () => {
    await using world = await ground(engine);
    const old = await world.start([1]);
    expect(await world.start([2, 1])).toBeUndefined();
    expect(world.lines.join()).toMatch(
      /does not have the first key .* Give it to all of them behind their present one/,
    );
    const both = await world.start([1, 2]);
    expect(await world.start([2])).toBeUndefined();
    await old?.holding.stop();
    const turned = await world.start([2, 1]);
    expect(both && (await world.seal(both))).toBe(true);
    // Not as long as somebody seals under the older one.
    await turned?.holding.beat();
    expect(world.lines.join()).not.toContain('sealed everything');
    await both?.holding.stop();
    await turned?.holding.beat();
    expect(world.lines.join()).toContain('sealed everything');
    expect(await world.start([1])).toBeUndefined();
    expect(await world.start([2])).toBeDefined();
    // Whoever was frozen all the while has no word any more, and gets none.
    world.pass(61_000);
    expect(both?.holding.holds()).toBe(false);
  });

  it('are said again at once where somebody is refused, as after a clock was set', async () => {
    await using world = await ground(engine);
    const one = (await world.start([1])) as Process;
    world.pass(3_600_000);
    expect(await world.seal(one)).toBe(false);
    expect(await world.seal(one)).toBe(false);
    for (let tries = 0; tries < 200 && !one.holding.holds(); tries++) await pause(10);
    expect(await world.seal(one)).toBe(true);
    await one.holding.stop();
    expect(await world.seal(one)).toBe(false);
    await pause(20);
    expect(one.holding.holds()).toBe(false);
  });
});
