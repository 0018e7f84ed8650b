// A request that comes twice at once (a double click, a retry beside an answer that is late): one reset, and the second is
// answered with it (reset.md C1; found by the simulator).

import { expect, it } from 'vitest';
import { makeWorld } from '../world.ts';

it('the same key again, while the first is being answered, is answered with the same reset', async () => {
  await using world = await makeWorld({ names: ['globalAdmin', 'amara'] });
  let goOn = () => {};
  const gate = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  let arrive = () => {};
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  // The second request has looked for its key, and is asking the directory, when the first one is saved.
  world.directory = (real) => ({
    ...real,
    async find(id) {
      arrive();
      await gate;
      return real.find(id);
    },
  });
  const second = world.reset('globalAdmin', 'amara', {}, 'the-same-key');
  await arrived;
  world.directory = undefined;
  const first = await world.reset('globalAdmin', 'amara', {}, 'the-same-key');
  goOn();
  expect(first.statusCode).toBe(202);
  const again = await second;
  expect(again.statusCode, again.body).toBe(202);
  expect(again.json<{ id: string }>().id).toBe(first.json<{ id: string }>().id);
});
