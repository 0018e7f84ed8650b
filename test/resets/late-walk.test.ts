// A worker that was frozen after it had claimed a reset, and wakes up when another has taken it over.

import { expect, it } from 'vitest';
import { leaseFor } from '../../connector/resets/lease.ts';
import { takeResets } from '../../connector/resets/take.ts';
import { makeWorld } from '../world.ts';

async function frozen() {
  const world = await makeWorld({ names: ['globalAdmin', 'amara'] });
  const { id } = (await world.reset('globalAdmin', 'amara')).json<{ id: string }>();
  const [late] = await takeResets(world.sql, world.now(), 1);
  if (!late) throw new Error('There is nothing to be walked.');
  const row = () => world.sql.get`select * from reset where id = ${id}`;
  return { world, id, late, row };
}

it('it sends no mail and writes nothing, while the other is at it', async () => {
  const { world, late, row } = await frozen();
  await using _world = world;
  // The other has sent the mail, and waits for the server's word.
  let during: unknown;
  world.script.push(async () => {
    const before = await row();
    await world.connector.walk(late);
    during = [before, await row()];
    return { outcome: 'accepted', reply: '250 2.0.0 OK' };
  });
  await world.pass(leaseFor + 1);
  expect(world.sent).toHaveLength(1);
  const [before, after] = during as unknown[];
  expect(after).toEqual(before);
  expect((await row())?.state).toBe('ready');
});

it('it sends no mail that its lease leaves no time for, even if nobody has taken over', async () => {
  const { world, id, late } = await frozen();
  await using _world = world;
  // Frozen for most of the lease: the mail would still be under way when another begins.
  await world.pass(leaseFor - 30_000);
  await world.connector.walk(late);
  expect(world.sent).toHaveLength(0);
  await world.pass(leaseFor + 1);
  expect(world.sent).toHaveLength(1);
  expect((await world.see(id)).state).toBe('ready');
});
