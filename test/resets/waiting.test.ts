// Who waits is looked after by due times: of a directory that wakes (the embedded one) by nothing else, of another one by
// looks in between; and thousands that wait cost a look for work nothing.

import { expect, test } from 'vitest';
import type { Directory } from '../../connector/directory/directory.ts';
import { enqueue, nextDue } from '../../connector/jobs.ts';
import { resetJob } from '../../connector/resets/lease.ts';
import { takeResets } from '../../connector/resets/take.ts';
import { elsewhere, makeWorld } from '../world.ts';

const hour = 3_600_000;

async function armed(between: (real: Directory) => Directory) {
  const world = await makeWorld({ names: ['globalAdmin', 'amara'] });
  world.directory = (real) => between(real);
  const { id } = (await world.reset('globalAdmin', 'amara')).json<{ id: string }>();
  await world.walk();
  expect((await world.see(id)).state).toBe('ready');
  return { world, id, due: async () => (await nextDue(world.sql, resetJob)) ?? Number.NaN };
}

test('what wakes by itself is next looked at when its time is over', async () => {
  const { world, id, due } = await armed((real) => real);
  await using _ = world;
  const expires = Date.parse((await world.see(id)).expiresAt);
  expect(await due()).toBe(expires);
  const { link } = await world.letter();
  await world.open(link);
  await world.walk();
  // The end of the lease is a time of its own.
  expect(await due()).toBe(world.now() + 10 * 60_000);
  await world.pass(11 * 60_000);
  expect(await due()).toBeGreaterThan(world.now() + 71 * hour);
});

test('and is looked at as soon as the person has chosen a password', async () => {
  const { world, id } = await armed((real) => real);
  await using _ = world;
  const { link } = await world.letter();
  const { password = '' } = await world.open(link);
  await world.walk();
  await world.signIn('amara', password, 'Chosen-by-Amara-1');
  await world.walk();
  const { state, events } = await world.see(id);
  expect(state).toBe('done');
  expect(events.find(({ name }) => name === 'changed')?.evidence).toBe('self');
});

test('a directory elsewhere is looked at every ten minutes', async () => {
  const { world, due } = await armed(elsewhere);
  await using _ = world;
  expect(await due()).toBe(world.now() + 10 * 60_000);
});

test('as many are taken at once as there are places, the longest due first', async () => {
  await using world = await makeWorld({ names: ['globalAdmin', 'amara', 'passwordAdmin'] });
  const { id } = (await world.reset('globalAdmin', 'amara')).json<{ id: string }>();
  await world.sql.run(function* more(tx) {
    for (const nth of [1, 2, 3]) {
      const dueAt = world.now() - nth;
      yield* enqueue(tx, { tenant: 'default', kind: resetJob, ref: `no-such-${nth}`, dueAt });
    }
  });
  const first = await takeResets(world.sql, world.now(), 2);
  expect(first.map(({ ref, row }) => [ref, row])).toEqual([
    ['no-such-3', undefined],
    ['no-such-2', undefined],
  ]);
  const rest = await takeResets(world.sql, world.now(), 8);
  expect(rest.map(({ ref, moved, row }) => [ref, moved, row?.state])).toEqual([
    ['no-such-1', false, undefined],
    [id, true, 'mailing'],
  ]);
  expect(await takeResets(world.sql, world.now(), 8)).toEqual([]);
  for (const taken of [...first, ...rest]) await world.connector.walk(taken);
  expect((await world.see(id)).state).toBe('ready');
});
