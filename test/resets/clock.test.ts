// Clocks that were ahead and are set back (reset.md C19; found by the simulator): nothing lives longer for it, and nobody
// waits for as long as the clock had been ahead. And a walk that loses its fence on the way back from the directory.

import { describe, expect, it } from 'vitest';
import { bringForward, clockWatch } from '../../connector/resets/clock.ts';
import { resetJob } from '../../connector/resets/lease.ts';
import { Problem } from '../../shared/problem.ts';
import { makeWorld } from '../world.ts';

const minute = 60_000;
const hour = 60 * minute;
const year = 365 * 24 * hour;

describe('a clock that was ahead', () => {
  it('leaves no reset that waits for a year, nor one that lives for one', async () => {
    await using world = await makeWorld({ names: ['globalAdmin', 'amara'] });
    await world.pass(year);
    world.script.push({ outcome: 'later', code: 451, reply: '451 later' });
    const { id } = (await world.reset('globalAdmin', 'amara')).json<{ id: string }>();
    await world.walk();
    await world.pass(-year);
    expect((await world.see(id)).state).toBe('mailing');
    await world.sql.run((tx) => bringForward(tx, resetJob, world.now(), 0));
    await world.walk();
    const reset = await world.see(id);
    expect(reset.state).toBe('ready');
    expect(Date.parse(reset.expiresAt)).toBeLessThanOrEqual(world.now() + 24 * hour);
  });

  it('opens no link before its times are brought back', async () => {
    await using world = await makeWorld({ names: ['globalAdmin', 'amara'] });
    await world.pass(year);
    await world.reset('globalAdmin', 'amara');
    await world.walk();
    await world.pass(-year);
    const { link } = await world.letter();
    expect((await world.open(link)).answer.state).toBe('notReady');
    await world.sql.run((tx) => bringForward(tx, resetJob, world.now(), 0));
    await world.walk();
    expect((await world.open(link)).answer.state).toBe('open');
  });

  it('does not make a reset newer than those that came after it', async () => {
    await using world = await makeWorld({ names: ['globalAdmin', 'amara'] });
    await world.pass(72 * hour);
    const older = (await world.reset('globalAdmin', 'amara')).json<{ id: string }>();
    await world.walk();
    await world.api('globalAdmin', 'POST', `/resets/${older.id}/kill`);
    await world.walk();
    await world.pass(-72 * hour);
    const newer = (await world.reset('globalAdmin', 'amara')).json<{ id: string }>();
    await world.walk();
    const { password = '' } = await world.open((await world.letter()).link, {});
    expect(await world.holds('amara', password)).toBe(true);
    await world.pass(80 * hour);
    expect((await world.see(newer.id)).state).toBe('scrambled');
    expect(await world.holds('amara', password)).toBe(false);
  });

  it('does not make a password useless that an operator has set since', async () => {
    await using world = await makeWorld({ names: ['globalAdmin', 'amara'] });
    await world.pass(minute);
    const { id } = (await world.reset('globalAdmin', 'amara')).json<{ id: string }>();
    await world.walk();
    await world.pass(-minute + 1000);
    await world.signUp('amara', 'By-an-Operator-1!');
    await world.walk();
    await world.pass(30 * hour);
    expect(await world.holds('amara', 'By-an-Operator-1!')).toBe(true);
    expect((await world.see(id)).state).toBe('done');
  });

  it('is noticed when it is set back, not when it goes on', () => {
    const watch = clockWatch();
    const look = (now: number) => {
      const beyond = watch.beyond(now);
      if (beyond !== undefined) watch.done();
      return beyond;
    };
    const month = 32 * 24 * hour;
    expect(look(1_000_000)).toBe(hour);
    // Now and then anyhow, for what a connector may have left whose clock is ahead.
    expect([look(1_000_001), look(1_000_000 + hour), look(1_000_001 + hour)]).toEqual([undefined, month, undefined]);
    expect([look(1_000_000 + year), look(1_000_000 + year - 1_000)]).toEqual([month, undefined]);
    expect(look(1_000_000)).toBe(0);
    expect(look(1_000_001)).toBeUndefined();
  });

  it('is not forgotten when what was written ahead cannot be brought forward yet', () => {
    const watch = clockWatch();
    expect([watch.beyond(1_000_000), watch.beyond(1_000_001)]).toEqual([hour, hour]);
    watch.done();
    expect([watch.beyond(1000), watch.beyond(1001)]).toEqual([0, 0]);
    watch.done();
    expect(watch.beyond(1002)).toBeUndefined();
  });
});

it('a password that was set by a walk which lost its fence is not set again, and the link is armed', async () => {
  await using world = await makeWorld({ names: ['globalAdmin', 'amara'] });
  let times = 0;
  world.directory = (real) => ({
    ...real,
    async setPassword(id, ...call) {
      if (++times > 1) return { outcome: 'failed', problem: new Problem('directoryRefused', { reason: 'history' }) };
      const done = await real.setPassword(id, ...call);
      // The lease has run out meanwhile, and another worker has taken the reset.
      await world.sql.run(function* (tx) {
        yield* tx.run`update reset set epoch = epoch + 1 where user_id = ${id}`;
      });
      return done;
    },
  });
  const { id } = (await world.reset('globalAdmin', 'amara')).json<{ id: string }>();
  await world.walk();
  await world.pass(2 * minute);
  expect((await world.see(id)).state).toBe('ready');
  const { password = '' } = await world.open((await world.letter()).link);
  expect(await world.holds('amara', password)).toBe(true);
  expect(times).toBe(1);
});

it('a password of which is known that it was set is not said to be unchanged when its time is over', async () => {
  await using world = await makeWorld({ names: ['globalAdmin', 'amara'] });
  const { id } = (await world.reset('globalAdmin', 'amara')).json<{ id: string }>();
  await world.walk();
  const { password = '' } = await world.open((await world.letter()).link);
  // As a walk leaves it that was late with its own word (settleLate), and nobody came before the end.
  await world.sql.run(function* (tx) {
    yield* tx.run`update reset set state = 'changing', seen_at = ${null}, call_until = ${null}, leased_until = ${null}
      where id = ${id}`;
  });
  await world.pass(25 * hour);
  expect((await world.see(id)).state).toBe('scrambled');
  expect(await world.holds('amara', password)).toBe(false);
});
