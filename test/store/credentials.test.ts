// Passwords of the embedded store: hashing in a bounded queue, compare-and-set, and the delay that tells nobody
// whether an account exists.

import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { verifyAudit } from '../../connector/audit.ts';
import { enqueue } from '../../connector/jobs.ts';
import { sealOnce } from '../../connector/sealer.ts';
import { migrate } from '../../connector/sql/migrate.ts';
import type { Sql } from '../../connector/sql/sql.ts';
import {
  type Argon,
  argon2id,
  changePassword,
  delayAfter,
  endSessions,
  type Hashing,
  hashing,
  isCurrentPassword,
  readCredential,
  setPassword,
  verifyPassword,
} from '../../connector/store/credentials.ts';
import { openSql } from '../postgres/engine.ts';

const tenant = 'default';
const amara = '5f0c3c0e-0000-4000-8000-000000000001';
const good = 'Kf7e-rB4m-t9Rz-5hWd';

/** The real argon2id, counting: how often a hash was made, how often one was compared, and with what. */
function counted(): { argon: Argon; hashes: number; verified: (string | undefined)[] } {
  const seen = {
    hashes: 0,
    verified: [] as (string | undefined)[],
    argon: {
      hash: (password: string) => {
        seen.hashes++;
        return argon2id.hash(password);
      },
      verify: (hash: string | undefined, password: string) => {
        seen.verified.push(hash);
        return argon2id.verify(hash, password);
      },
    },
  };
  return seen;
}

let sql: Sql;
let clock = 0;
let seen: ReturnType<typeof counted>;
let store: { sql: Sql; hashing: Hashing; now: () => number };

beforeEach(async () => {
  sql = await openSql();
  await migrate(sql);
  clock = Date.parse('2026-03-02T09:00:00Z');
  seen = counted();
  store = { sql, hashing: hashing({ concurrency: 2, waiting: 50, argon: seen.argon }), now: () => clock };
});

const change = (password: string, more: Partial<Parameters<typeof changePassword>[3]> = {}) =>
  changePassword(store, tenant, amara, { password, forceChange: false, changedBy: 'operator', ...more });
const attempt = (password: string, who: Parameters<typeof verifyPassword>[2] = { userId: amara }) =>
  verifyPassword(store, tenant, who, password);
const current = () => sql.run((tx) => readCredential(tx, tenant, amara));
const stored = async () =>
  (await sql.get<{ hash: string }>`select hash from credential where user_id = ${amara}`)?.hash;

describe('hashing', () => {
  it('is argon2id with 19 MiB, two passes, one lane', async () => {
    await change(good);
    expect(await stored()).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(await stored()).not.toContain(good);
  });

  it('refuses beyond the queue, before any work, and lets the next in when a place is free', async () => {
    const bounded = hashing({ concurrency: 1, waiting: 1 });
    let release = () => {};
    let started = 0;
    const held = bounded.turn(() => {
      started++;
      return new Promise<void>((resolve) => {
        release = resolve;
      });
    });
    const waiting = bounded.turn(async () => ++started);
    await expect(bounded.turn(async () => ++started)).rejects.toMatchObject({
      code: 'unavailable',
      details: { reason: 'busy' },
    });
    expect(started).toBe(1);
    release();
    await held;
    await expect(waiting).resolves.toBe(2);
    await expect(bounded.turn(async () => 'free')).resolves.toBe('free');
  });

  it('gives the place back when the work fails', async () => {
    const bounded = hashing({ concurrency: 1, waiting: 0 });
    await expect(bounded.turn(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await expect(bounded.turn(async () => 'free')).resolves.toBe('free');
  });

  it('does not count an attempt that it refused', async () => {
    await change(good);
    const full: Hashing = hashing({ concurrency: 1, waiting: 0 });
    let release = () => {};
    const held = full.turn(
      () =>
        new Promise<void>((resolve) => {
          release = resolve;
        }),
    );
    await expect(verifyPassword({ ...store, hashing: full }, tenant, { userId: amara }, 'x')).rejects.toMatchObject({
      code: 'unavailable',
    });
    release();
    await held;
    expect(await sql.all`select * from sign_in_attempt`).toEqual([]);
  });
});

describe('changing', () => {
  it('records who, when, and whether the person must change it', async () => {
    expect(await current()).toBeUndefined();
    expect(await change(good, { changedBy: 'reset:r1', forceChange: true })).toEqual({
      outcome: 'done',
      at: clock,
      version: 1,
    });
    const at = { changedAt: clock, sessionsFrom: clock };
    expect(await current()).toEqual({ version: 1, forceChange: true, ...at, changedBy: 'reset:r1' });
  });

  it('is harmless when an operation repeats itself with the same value, and answers as the first time', async () => {
    const first = await change(good, { changedBy: 'reset:r1' });
    const hash = await stored();
    clock += 60_000;
    expect(await change(good, { changedBy: 'reset:r1' })).toEqual(first);
    expect(await stored()).toBe(hash);
    expect(await change(good, { changedBy: 'reset:r2' })).toMatchObject({ outcome: 'done', version: 2 });
  });

  it('compares and sets: the second of two that read the same version changes nothing', async () => {
    await change(good);
    const at = clock;
    const set = (hash: string) =>
      sql.run((tx) =>
        setPassword(tx, { tenant, userId: amara, hash, forceChange: true, changedBy: 'scramble:r1', at, ifVersion: 1 }),
      );
    expect(await Promise.all([set('$first'), set('$second')])).toEqual([
      { outcome: 'done', at, version: 2 },
      { outcome: 'conflict' },
    ]);
    expect(await stored()).toBe('$first');
    expect(await change(good, { ifVersion: 0 })).toEqual({ outcome: 'conflict' });
  });

  it('lets only one of two at the same moment win', async () => {
    const all = await Promise.all(['Aa1-aaaa', 'Bb2-bbbb'].map((password) => change(password)));
    expect(all.filter(({ outcome }) => outcome === 'done')).toHaveLength(1);
    expect((await current())?.version).toBe(1);
  });

  it('by the person: ends the sessions, is in the record, and wakes the reset that waits for it', async () => {
    await sql.run(function* (tx) {
      yield* enqueue(tx, { tenant, kind: 'reset', ref: 'r1', subject: amara, dueAt: clock + 3_600_000 });
      yield* tx.run`insert into oidc_model (tenant, kind, id, account, payload)
        values (${tenant}, 'Session', 's1', ${amara}, ''), (${tenant}, 'RefreshToken', 't1', ${amara}, ''),
          (${tenant}, 'Session', 's2', 'somebody else', ''), ('other', 'Session', 's3', ${amara}, '')`;
    });
    await change(good, { changedBy: 'self' });
    expect(await sql.all`select id from oidc_model order by id`).toEqual([{ id: 's2' }, { id: 's3' }]);
    expect(await sql.get`select due_at from job`).toEqual({ due_at: clock });
    await sealOnce(sql, clock);
    expect(await sql.all`select actor, action, target from audit`).toEqual([
      { actor: `user:${amara}`, action: 'password.changed', target: `user:${amara}` },
    ]);
    expect(await verifyAudit(sql, tenant)).toEqual({ entries: 1 });
  });

  it('by one of our resets: ends the sessions, and leaves the record to the reset', async () => {
    await sql.run(function* (tx) {
      yield* tx.run`insert into oidc_model (tenant, kind, id, account, payload)
        values (${tenant}, 'Session', 's1', ${amara}, '')`;
    });
    await change(good, { changedBy: 'scramble:r1' });
    expect(await sql.all`select id from oidc_model`).toEqual([]);
    await sealOnce(sql, clock);
    expect(await sql.all`select * from audit`).toEqual([]);
  });

  it('ends sessions on its own, too', async () => {
    const ended = await sql.run(function* (tx) {
      yield* tx.run`insert into oidc_model (tenant, kind, id, account, payload)
        values (${tenant}, 'Grant', 'g', ${amara}, '')`;
      return yield* endSessions(tx, tenant, amara, clock);
    });
    expect(ended).toBe(1);
  });
});

describe('trying', () => {
  it('knows the right password from a wrong one', async () => {
    await change(good, { forceChange: true });
    expect(await attempt(good)).toMatchObject({ outcome: 'right', credential: { version: 1, forceChange: true } });
    expect(await attempt(`${good} `)).toEqual({ outcome: 'wrong' });
    expect(await attempt('')).toEqual({ outcome: 'wrong' });
    expect(await isCurrentPassword(store, tenant, amara, good)).toBe(true);
    expect(await isCurrentPassword(store, tenant, amara, 'another')).toBe(false);
  });

  it('does the same work for an account that does not exist or has no password: same statements, one hash', async () => {
    await change(good);
    const work: string[][] = [];
    const observed: Sql = {
      ...sql,
      run: (job) => {
        const texts: string[] = [];
        work.push(texts);
        return sql.run(function* (tx) {
          const inner = job(tx);
          let step = inner.next();
          while (!step.done) {
            texts.push(step.value.text);
            step = inner.next(yield step.value);
          }
          return step.value;
        });
      },
    };
    const hashesBefore = seen.verified.length;
    for (const who of [{ userId: amara }, { userId: 'has no password' }, { stranger: 'mac of a name' }]) {
      expect(await verifyPassword({ ...store, sql: observed }, tenant, who, 'wrong')).toEqual({ outcome: 'wrong' });
    }
    expect(work).toHaveLength(3);
    expect(work[1]).toEqual(work[0]);
    expect(work[2]).toEqual(work[0]);
    expect(work[0]?.length).toBeGreaterThan(2);
    expect(seen.verified.slice(hashesBefore)).toEqual([await stored(), undefined, undefined]);
    expect(seen.hashes).toBe(1);
  });

  it('never lets anybody in without a hash, whatever is typed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 40 }), async (password) => {
        expect(await argon2id.verify(undefined, password)).toBe(false);
      }),
      { numRuns: 10 },
    );
  });

  it.each([
    ['a person', { userId: amara }],
    ['a name that nobody has', { stranger: 'mac' }],
  ])('delays %s after five failures, longer each time, and never for good', async (_, who) => {
    await change(good);
    for (let i = 0; i < 5; i++) expect(await attempt('wrong', who)).toEqual({ outcome: 'wrong' });
    const hashed = seen.verified.length;
    expect(await attempt(good, who)).toEqual({ outcome: 'wait', until: clock + 5_000 });
    expect(await attempt('wrong', who)).toEqual({ outcome: 'wait', until: clock + 5_000 });
    expect(seen.verified).toHaveLength(hashed);
    for (const seconds of [5, 10, 20, 40, 80, 160, 300, 300]) {
      expect(await attempt('wrong', who)).toEqual({ outcome: 'wait', until: clock + seconds * 1000 });
      clock += seconds * 1000;
      expect(await attempt('wrong', who)).toEqual({ outcome: 'wrong' });
    }
    clock += 300_000;
    expect(await attempt(good, who)).toMatchObject({ outcome: 'userId' in who ? 'right' : 'wrong' });
  });

  it('starts from nothing after the right password, after a day, and after a reset', async () => {
    const fail = async (times: number) => {
      for (let i = 0; i < times; i++) expect(await attempt('wrong')).toEqual({ outcome: 'wrong' });
    };
    await change(good);
    await fail(4);
    expect(await attempt(good)).toMatchObject({ outcome: 'right' });
    await fail(5);
    clock += 24 * 3_600_000 + 5_000;
    await fail(5);
    expect(await attempt(good)).toMatchObject({ outcome: 'wait' });
    await change('Tz4w-mN8b-c3Vy-j7Rk', { changedBy: 'reset:r1' });
    expect(await attempt('Tz4w-mN8b-c3Vy-j7Rk')).toMatchObject({ outcome: 'right' });
  });

  it('counts attempts that run at the same time', async () => {
    await change(good);
    const all = await Promise.all(Array.from({ length: 12 }, () => attempt('wrong')));
    expect(all.filter(({ outcome }) => outcome === 'wrong')).toHaveLength(5);
    expect(all.filter(({ outcome }) => outcome === 'wait')).toHaveLength(7);
  });

  it('does not wait without end when the clock is set back', async () => {
    await change(good);
    for (let i = 0; i < 5; i++) await attempt('wrong');
    clock -= 365 * 24 * 3_600_000;
    expect(await attempt(good)).toMatchObject({ outcome: 'right' });
  });

  it('calls a password wrong that was replaced while it was being verified', async () => {
    await change(good);
    const slow: Argon = {
      ...argon2id,
      verify: async (hash, password) => {
        const right = await argon2id.verify(hash, password);
        await changePassword({ ...store, hashing: hashing({ concurrency: 1, waiting: 0 }) }, tenant, amara, {
          password: 'Tz4w-mN8b-c3Vy-j7Rk',
          forceChange: true,
          changedBy: 'reset:r1',
        });
        return right;
      },
    };
    const racing = { ...store, hashing: hashing({ concurrency: 1, waiting: 0, argon: slow }) };
    expect(await verifyPassword(racing, tenant, { userId: amara }, good)).toEqual({ outcome: 'wrong' });
  });

  it('sweeps what it has forgotten', async () => {
    for (let i = 0; i < 20; i++) await attempt('wrong', { stranger: `name ${i}` });
    clock += 25 * 3_600_000;
    for (let i = 0; i < 4; i++) await attempt('wrong', { stranger: 'one' });
    expect(await sql.all`select account from sign_in_attempt`).toEqual([{ account: '?one' }]);
  });

  it('grows its delay without ever passing five minutes', () => {
    fc.assert(
      fc.property(fc.nat(10_000), (failures) => {
        expect(delayAfter(failures + 1)).toBeGreaterThanOrEqual(delayAfter(failures));
        expect(delayAfter(failures)).toBeLessThanOrEqual(300_000);
      }),
    );
  });
});
