// The link's server side (reset.md, protocol v1): what scanners, thieves, mistaken and rightful readers are told.

import { describe, expect, it } from 'vitest';
import type { Reset } from '#shared/api.ts';
import { toBase64url } from '#shared/link.ts';
import { makeWorld, origin, type World } from '../world.ts';

const minute = 60_000;
const names = { names: ['globalAdmin', 'amara', 'ada'] as const };

async function ready(world: World, request: Record<string, unknown> = {}) {
  const { id } = (await world.reset('globalAdmin', 'amara', request)).json<Reset>();
  await world.walk();
  return { id, link: (await world.letter()).link };
}
const random32 = () => toBase64url(crypto.getRandomValues(new Uint8Array(32)));
const snapshot = (world: World) => world.sql.all`select * from reset order by id`;

describe('without a right proof', () => {
  it('every id gets the same answer, and nothing is consumed (I8)', async () => {
    await using world = await makeWorld(names);
    const { link } = await ready(world, { pin: '12345678' });
    const before = await snapshot(world);
    const body = () => ({ proof: random32(), holder: random32() });
    const answers = [
      await world.post(link.id, 'open', body()),
      await world.post(link.id, 'open', { ...body(), proofPin: random32() }),
      await world.post(toBase64url(new Uint8Array(16)), 'open', body()),
      await world.post('short', 'open', body()),
      await world.post('%00%2f..', 'open', body()),
      await world.post(link.id, 'done', { holder: random32() }),
      await world.post('short', 'done', { holder: random32() }),
      await world.post(link.id, 'alarm', { proof: random32() }),
      await world.post('short', 'alarm', { proof: random32() }),
    ];
    const told = answers.map(({ statusCode, body, headers }) => {
      const { date: _, ...same } = headers;
      return JSON.stringify([statusCode, body, same]);
    });
    expect(new Set(told).size).toBe(1);
    expect(answers[0]?.statusCode).toBe(403);
    expect(answers[0]?.json()).toMatchObject({ code: 'linkNotOpened' });
    expect(await snapshot(world)).toEqual(before);
  });

  it('scanners S0–S4 change nothing: HEAD, GET, assets, empty forms', async () => {
    await using world = await makeWorld(names);
    const { link } = await ready(world);
    const before = await snapshot(world);
    for (const method of ['HEAD', 'GET'] as const) await world.app.inject({ method, url: `/r/${link.id}` });
    for (const body of [{}, { proof: '' }, null, [], { proof: 'x', holder: 'y' }]) {
      const response = await world.post(link.id, 'open', body);
      expect(response.statusCode).toBe(400);
    }
    expect(await snapshot(world)).toEqual(before);
  });

  it('only its own page may ask', async () => {
    await using world = await makeWorld(names);
    const { link } = await ready(world);
    const { proof } = await world.open({ ...link, key: new Uint8Array(32) });
    const strangers: Record<string, string>[] = [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin, 'sec-fetch-site': 'cross-site' },
      { origin, 'sec-fetch-site': 'none' },
    ];
    for (const headers of strangers) {
      const response = await world.post(link.id, 'open', { proof, holder: random32() }, headers);
      expect([response.statusCode, response.json().code]).toEqual([403, 'originRefused']);
    }
    const form = await world.post(link.id, 'open', {}, { 'content-type': 'text/plain' });
    expect(form.statusCode).toBe(415);
  });
});

describe('the holder (I6, I7)', () => {
  it('may ask again within the lease and gets the same password; nobody else does', async () => {
    await using world = await makeWorld(names);
    const { id, link } = await ready(world);
    const first = await world.open(link);
    await world.pass(9 * minute);
    const again = await world.open(link, { holder: first.holder });
    expect(again.password).toBe(first.password);
    expect(again.answer).toMatchObject({ leaseSeconds: 60 });
    const other = await world.open(link);
    expect(other.answer).toMatchObject({ state: 'openedElsewhere', at: '2026-11-22T09:00:00.000Z' });
    expect((await world.see(id)).events.filter(({ name }) => name === 'opened')).toHaveLength(1);
  });

  it('is exactly one of fifty who open at once', async () => {
    await using world = await makeWorld(names);
    const { link } = await ready(world);
    const all = await Promise.all(Array.from({ length: 50 }, () => world.open(link)));
    expect(all.filter(({ answer }) => answer.state === 'open')).toHaveLength(1);
    expect(all.filter(({ answer }) => answer.state === 'openedElsewhere')).toHaveLength(49);
  });

  it('sees it no more once the lease has ended: the ciphertext is gone, the admin is asked', async () => {
    await using world = await makeWorld(names);
    const { id, link } = await ready(world);
    const { holder } = await world.open(link);
    await world.pass(10 * minute);
    expect((await world.open(link, { holder })).answer.state).toBe('finished');
    expect(await world.see(id)).toMatchObject({
      state: 'leased',
      needsYou: 'likelyScanner',
      may: ['sendAgain', 'kill'],
    });
    expect(await world.sql.get`select ciphertext, sealed_password, sealed_mail from reset`).toEqual({
      ciphertext: null,
      sealed_password: null,
      sealed_mail: null,
    });
  });

  it('says done: the ciphertext is gone at once, and saying it again is harmless', async () => {
    await using world = await makeWorld(names);
    const { id, link } = await ready(world);
    const { holder } = await world.open(link);
    const body = { holder: toBase64url(holder) };
    expect((await world.post(link.id, 'done', body)).statusCode).toBe(204);
    expect((await world.post(link.id, 'done', body)).statusCode).toBe(204);
    expect(await world.see(id)).toMatchObject({ state: 'done' });
    expect(await world.sql.get`select ciphertext from reset`).toEqual({ ciphertext: null });
    expect((await world.open(link, { holder })).answer.state).toBe('finished');
  });

  it('a second reader can raise the alarm, once', async () => {
    await using world = await makeWorld(names);
    const { id, link } = await ready(world);
    const { proof } = await world.open(link);
    for (let i = 0; i < 3; i++) expect((await world.post(link.id, 'alarm', { proof })).statusCode).toBe(204);
    const reset = await world.see(id);
    expect(reset.needsYou).toBe('alarm');
    expect(reset.events.filter(({ name }) => name === 'alarm')).toHaveLength(1);
  });
});

describe('the PIN', () => {
  const pin = '20261122';
  const wrong = '00000000';

  it('has five tries, then the link is locked and the admin told', async () => {
    await using world = await makeWorld(names);
    const { id, link } = await ready(world, { pin });
    expect((await world.open(link)).answer.state).toBe('pinNeeded');
    const told = [];
    for (let i = 0; i < 6; i++) told.push((await world.open(link, { pin: wrong })).answer);
    expect(told.map((answer) => ('left' in answer ? answer.left : answer.state))).toEqual([
      4,
      3,
      2,
      1,
      'pinLocked',
      'pinLocked',
    ]);
    expect((await world.open(link, { pin })).answer.state).toBe('pinLocked');
    const reset = await world.see(id);
    expect(reset).toMatchObject({ needsYou: 'pinLocked', may: ['sendAgain', 'kill'] });
    expect(reset.events.filter(({ name }) => name === 'pinFailed')).toHaveLength(4);
  });

  it('counts tries that come at once', async () => {
    await using world = await makeWorld(names);
    const { link } = await ready(world, { pin });
    const all = await Promise.all(Array.from({ length: 40 }, () => world.open(link, { pin: wrong })));
    expect(all.filter(({ answer }) => answer.state === 'pinWrong')).toHaveLength(4);
    expect(all.filter(({ answer }) => answer.state === 'pinLocked')).toHaveLength(36);
  });

  it('is needed: the key alone does not decrypt; with both it opens', async () => {
    await using world = await makeWorld(names);
    const { link } = await ready(world, { pin });
    await world.open(link, { pin: wrong });
    const { password = '' } = await world.open(link, { pin });
    expect(await world.holds('amara', password)).toBe(true);
  });
});

it('tells the truth before it is ready', async () => {
  await using world = await makeWorld(names);
  let early: string | undefined;
  world.script.push(async () => {
    early = (await world.open((await world.letter()).link)).answer.state;
    return { outcome: 'accepted', reply: '250 OK' };
  });
  const { link } = await ready(world);
  expect(early).toBe('notReady');
  expect((await world.open(link)).answer.state).toBe('open');
});
