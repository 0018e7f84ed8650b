// Two connectors on one Postgres, in one process.

import { expect, it, vi } from 'vitest';
import type { Reset } from '#shared/api.ts';
import { freshDatabase } from '../postgres/database.ts';
import { makeWorld } from '../world.ts';

it('an event stream on one shows at once what the other has done', async () => {
  await using database = await freshDatabase({ migrated: true });
  await using a = await makeWorld({ sql: await database.open(), names: ['globalAdmin', 'amara'] });
  await using b = await makeWorld({ sql: await database.open(), names: ['globalAdmin', 'amara'], at: a.now() });
  const { id } = (await a.reset('globalAdmin', 'amara')).json<Reset>();
  await vi.waitFor(() => expect([a, b].map(({ sql }) => sql.signals?.heard)).toEqual([true, true]), 20_000);

  const address = await b.app.listen({ host: '127.0.0.1', port: 0 });
  const stop = new AbortController();
  const headers = { authorization: `Bearer ${await b.token('globalAdmin')}` };
  const response = await fetch(`${address}/api/resets/${id}/events`, { headers, signal: stop.signal });
  const states: string[] = [];
  let beats = 0;
  const reading = (async () => {
    let text = '';
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString();
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        if (block.startsWith(': ')) beats++;
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (data) states.push((JSON.parse(data) as Reset).state);
      }
    }
  })().catch(() => {});
  const until = (check: () => void) => vi.waitFor(check, { timeout: 50_000, interval: 10 });
  await until(() => expect(states).toEqual(['prepared']));

  // A stream also looks at each beat of its own: what was seen between two of them was told.
  const told: boolean[] = [];
  const seen = async (state: string, act: () => Promise<unknown>) => {
    const before = beats;
    await act();
    await until(() => expect(states.at(-1)).toBe(state));
    told.push(beats === before);
  };
  await seen('ready', () => a.walk());
  await seen('recalled', () => a.api('globalAdmin', 'POST', `/resets/${id}/kill`));
  stop.abort();
  await reading;
  expect(told).toContain(true);
});
