// Two connectors on one Postgres, in one process.

import { expect, it, vi } from 'vitest';
import type { Reset } from '#shared/api.ts';
import { keyring } from '../../connector/secret.ts';
import { freshDatabase } from '../postgres/database.ts';
import { makeWorld, type World } from '../world.ts';

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

const root = (fill: number) => Buffer.alloc(32, fill);

it('the master key changes from connector to connector, with resets on their way', async () => {
  await using database = await freshDatabase({ migrated: true });
  let time: number | undefined;
  const start = async (...keys: number[]): Promise<World> =>
    makeWorld({
      ...{ sql: await database.open(), env: { RR_DATABASE: database.url } },
      ...(time === undefined ? {} : { at: time }),
      names: ['globalAdmin', 'amara', 'ada', 'kwame'],
      secretKey: keys.map((fill) => root(fill).toString('base64')).join(','),
    });
  const restart = async (world: World, ...keys: number[]) => {
    time = world.now();
    await world[Symbol.asyncDispose]();
    return start(...keys);
  };
  const begin = async (world: World, name: 'amara' | 'ada' | 'kwame') =>
    (await world.reset('globalAdmin', name, {}, `key-of-${name}`)).json<Reset>().id;
  const later = { outcome: 'later', code: 451, reply: '451 later' } as const;

  let a = await start(1);
  time = a.now();
  let b = await start(1);
  a.script.push(later);
  const first = await begin(a, 'amara');
  await a.walk();
  a = await restart(a, 1, 2);
  b = await restart(b, 1, 2);
  a = await restart(a, 2, 1);
  // Each walks what the other has sealed, under whichever key.
  const second = await begin(a, 'ada');
  await b.walk();
  expect((await a.see(second)).state).toBe('ready');
  const third = await begin(b, 'kwame');
  a.script.push(later);
  await a.walk();
  expect((await b.see(third)).state).toBe('mailing');
  await a.connector.holding?.beat();
  b = await restart(b, 2, 1);
  await b.connector.holding?.beat();
  a = await restart(a, 2);
  b = await restart(b, 2);
  const rows = await a.sql.all<{ sealed_password: string | null }>`select sealed_password from reset`;
  const sealed = rows.flatMap(({ sealed_password }) => sealed_password ?? []);
  expect(sealed.map((value) => value.startsWith(keyring([root(2)]).prefix))).toEqual([true, true]);
  await b.pass(60_000);
  await b.connector.holding?.beat();
  await b.walk();
  for (const id of [first, third]) expect((await b.see(id)).state).toBe('ready');
  const opened = await Promise.all(
    [...b.sent.keys()].map(async (index) => {
      const { password = '' } = await b.open((await b.letter(index)).link);
      const held = await Promise.all((['amara', 'kwame'] as const).map((name) => b.holds(name, password)));
      return held.indexOf(true);
    }),
  );
  expect(opened.sort()).toEqual([0, 1]);
  await a[Symbol.asyncDispose]();
  await b[Symbol.asyncDispose]();
});

it('a connector whose keys are not enough serves nothing and says so, until the others fit', async () => {
  await using database = await freshDatabase({ migrated: true });
  const options = { env: { RR_DATABASE: database.url }, names: ['globalAdmin', 'amara'] as const };
  const key = (...keys: number[]) => keys.map((fill) => root(fill).toString('base64')).join(',');
  await using a = await makeWorld({ ...options, sql: await database.open(), secretKey: key(1) });
  const { id } = (await a.reset('globalAdmin', 'amara')).json<Reset>();
  // It was frozen for longer than its word held, and another has gone on without it.
  const { holding } = a.connector;
  if (!holding) throw new Error('It serves alone.');
  await holding.stop();
  const other = await makeWorld({ ...options, sql: await database.open(), secretKey: key(2, 1), at: a.now() });
  await holding.beat();
  expect((await a.app.inject('/readyz')).statusCode).toBe(503);
  expect((await a.reset('globalAdmin', 'amara', { supersede: id })).statusCode).toBe(503);
  expect(a.logged.join()).toMatch(
    /is sealed with a master key that is not in RR_SECRET_KEY|seals with a key that is not/,
  );
  expect((await other.see(id)).state).toBe('prepared');
  await other.walk();
  expect((await other.see(id)).state).toBe('ready');
  await other[Symbol.asyncDispose]();
});
