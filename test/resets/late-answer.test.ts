// A call to the directory whose answer was lost may take effect when the next attempt has long succeeded (found by the
// simulator): that is no change by the person, and nobody else's call may come before its deadline.

import { expect, it } from 'vitest';
import type { Between } from '../world.ts';
import { makeWorld } from '../world.ts';

const minute = 60_000;

/** A directory like Graph: it names nobody who changed a password. The first change is answered by nobody, and comes late. */
function lateOnce(held: (() => Promise<unknown>)[]): Between {
  let first = true;
  return (real) => ({
    ...real,
    async setPassword(...call) {
      if (!first) return real.setPassword(...call);
      first = false;
      held.push(() => real.setPassword(...call));
      return { outcome: 'unknown', why: 'no answer' };
    },
    async lastPasswordChange(id) {
      const last = await real.lastPasswordChange(id);
      return last && { at: last.at, by: { kind: 'unknown' } };
    },
  });
}

it('a change that takes effect late is ours: the link stays, and shows what the directory holds', async () => {
  await using world = await makeWorld({ names: ['globalAdmin', 'amara'] });
  const held: (() => Promise<unknown>)[] = [];
  world.directory = lateOnce(held);
  const { id } = (await world.reset('globalAdmin', 'amara')).json<{ id: string }>();
  await world.walk();
  await world.pass(5_000);
  expect((await world.see(id)).state).toBe('ready');
  await world.pass(30_000);
  // The same value again, by the directory's own hand: only the time of the change moves.
  await world.sql.run(function* (tx) {
    yield* tx.run`update credential set changed_at = ${world.now()} where user_id = ${world.ids.amara}`;
  });
  await world.pass(20 * minute);
  expect((await world.see(id)).state).toBe('ready');
  const opened = await world.open((await world.letter()).link);
  expect(opened.answer.state).toBe('open');
  await world.pass(minute);
  expect((await world.see(id)).state).toBe('leased');
  expect(await world.holds('amara', opened.password ?? '')).toBe(true);
});

it('a change after somebody has opened the link may be theirs, and is never made useless', async () => {
  await using world = await makeWorld({ names: ['globalAdmin', 'amara'] });
  world.directory = lateOnce([]);
  const { id } = (await world.reset('globalAdmin', 'amara')).json<{ id: string }>();
  await world.walk();
  await world.pass(5_000);
  const { password = '' } = await world.open((await world.letter()).link);
  await world.pass(10_000);
  await world.signIn('amara', password, 'Chosen-by-Amara-1');
  await world.pass(80 * 60 * minute);
  expect((await world.see(id)).state).toBe('done');
  expect(await world.holds('amara', 'Chosen-by-Amara-1')).toBe(true);
});

it('a newer reset waits until the lost call can no longer take effect', async () => {
  await using world = await makeWorld({ names: ['globalAdmin', 'amara'] });
  world.directory = lateOnce([]);
  const first = (await world.reset('globalAdmin', 'amara')).json<{ id: string }>();
  await world.walk();
  await world.pass(5_000);
  expect((await world.see(first.id)).state).toBe('ready');
  const second = (await world.reset('globalAdmin', 'amara', { supersede: first.id })).json<{ id: string }>();
  await world.walk();
  expect((await world.see(second.id)).state).toBe('mailed');
  await world.pass(2 * minute);
  expect((await world.see(second.id)).state).toBe('ready');
});

it('a directory that shows for a while what it held before is not hammered by a scramble', async () => {
  await using world = await makeWorld({ names: ['globalAdmin', 'amara'] });
  const { id } = (await world.reset('globalAdmin', 'amara')).json<{ id: string }>();
  await world.walk();
  let asked = 0;
  world.directory = (real) => ({
    ...real,
    lastPasswordChange: async () => ({ at: 1, by: { kind: 'unknown' } }),
    async setPassword(...call) {
      asked++;
      return real.setPassword(...call);
    },
  });
  await world.api('globalAdmin', 'POST', `/resets/${id}/kill`);
  for (let second = 0; second < 60; second++) await world.pass(1_000);
  expect(asked).toBeGreaterThan(1);
  expect(asked).toBeLessThan(8);
});

it('a call that was written down while a clock was ahead explains no change by the person', async () => {
  await using world = await makeWorld({ names: ['globalAdmin', 'amara'] });
  world.directory = lateOnce([]);
  const { id } = (await world.reset('globalAdmin', 'amara')).json<{ id: string }>();
  await world.walk();
  await world.pass(5_000);
  const year = 365 * 24 * 60 * minute;
  const { password = '' } = await world.open((await world.letter()).link);
  await world.sql.run(function* (tx) {
    yield* tx.run`update reset set call_until = call_until + ${year}, leased_until = leased_until + ${year}`;
  });
  await world.pass(10_000);
  await world.signIn('amara', password, 'Chosen-by-Amara-1');
  await world.pass(80 * 60 * minute);
  expect((await world.see(id)).state).toBe('done');
  expect(await world.holds('amara', 'Chosen-by-Amara-1')).toBe(true);
});
