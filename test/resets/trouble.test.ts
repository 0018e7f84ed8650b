// What can go wrong between two resets, two admins, two clocks and a person: each of these was a defect once.

import { describe, expect, it } from 'vitest';
import type { Offer, Reset } from '#shared/api.ts';
import { Problem } from '#shared/problem.ts';
import type { Directory } from '../../connector/directory/directory.ts';
import { roleTemplates } from '../../connector/policy/roles.ts';
import { removeRole } from '../../connector/store/roles.ts';
import { openSql } from '../postgres/engine.ts';
import { makeWorld, type World } from '../world.ts';

const minute = 60_000;
const hour = 60 * minute;
const cast = { names: ['globalAdmin', 'passwordAdmin', 'amara', 'ada'] as const };
const later = { outcome: 'later', code: 421, reply: '421 busy' } as const;
const names = (reset: Reset) => reset.events.map(({ name }) => name);
const said = (bytes: Uint8Array) => ({ holder: Buffer.from(bytes).toString('base64url') });

async function started(world: World, request: Parameters<World['reset']>[2] = {}): Promise<Reset> {
  const response = await world.reset('globalAdmin', 'amara', request);
  expect(response.statusCode, response.body).toBe(202);
  await world.walk();
  return response.json<Reset>();
}
const act = (world: World, id: string, what: 'cancel' | 'kill') =>
  world.api('globalAdmin', 'POST', `/resets/${id}/${what}`);
const dropRole = (world: World) => {
  const by = { at: world.now(), actor: 'operator' };
  const role = roleTemplates['Global Administrator'];
  return world.sql.run((tx) => removeRole(tx, 'default', world.ids.globalAdmin, role, by));
};

describe('"wrong person: kill now"', () => {
  it('is recorded for a finished reset as well', async () => {
    await using world = await makeWorld(cast);
    const { id } = await started(world);
    const { password = '' } = await world.open((await world.letter()).link);
    await world.pass(minute);
    await world.signIn('amara', password, 'Stolen-goods-77');
    await world.walk();
    await world.pass(minute);
    await act(world, id, 'kill');
    await world.walk();
    expect(names(await world.see(id)).slice(-2)).toEqual(['recalled', 'scrambled']);
    expect(await world.sql.get`select scramble from reset`).toEqual({ scramble: 0 });
    expect(await world.sql.all`select ref from job`).toEqual([]);
  });

  it('on a "send again" that is still mailing kills what it was to replace', async () => {
    await using world = await makeWorld(cast);
    const first = await started(world);
    const { link } = await world.letter();
    const { password = '', holder } = await world.open(link);
    world.script.push(later);
    const second = await started(world, { supersede: first.id });
    await act(world, second.id, 'kill');
    await world.walk();
    expect((await world.open(link, { holder })).answer.state).toBe('recalled');
    expect(await world.holds('amara', password)).toBe(false);
    expect(names(await world.see(second.id)).at(-1)).toBe('scrambled');
    expect((await world.see(first.id)).state).toBe('recalled');
  });

  it('is tried again within a minute when the directory is busy, however long the reset had waited', async () => {
    await using world = await makeWorld(cast);
    const { id } = await started(world);
    for (let glances = 0; glances < 6; glances++) await world.pass(10 * minute);
    world.directory = (real): Directory => ({
      ...real,
      setPassword: async () => ({ outcome: 'failed', problem: new Problem('unavailable') }),
    });
    await act(world, id, 'kill');
    await world.walk();
    const { nextAttemptAt = '', needsYou } = await world.see(id);
    expect(needsYou).toBe('directoryFailed');
    expect(Date.parse(nextAttemptAt) - world.now()).toBe(minute);
    world.directory = undefined;
    await world.pass(minute);
    expect(names(await world.see(id)).at(-1)).toBe('scrambled');
  });

  it('waits for a call that is still under way', async () => {
    await using world = await makeWorld(cast);
    const calls: string[] = [];
    let id = '';
    world.directory = (real): Directory => ({
      ...real,
      async setPassword(user, profile, operation, since) {
        calls.push(operation.split(':')[0] ?? '');
        if (!operation.startsWith('reset:')) return real.setPassword(user, profile, operation, since);
        await act(world, id, 'kill');
        return { outcome: 'unknown', why: 'timeout' };
      },
    });
    id = (await world.reset('globalAdmin', 'amara')).json<Reset>().id;
    await world.walk();
    expect(calls).toEqual(['reset']);
    await world.pass(2 * minute);
    expect(calls).toEqual(['reset', 'scramble']);
  });

  it('overwrites nothing that was set between its look and its write', async () => {
    await using world = await makeWorld(cast);
    let between = true;
    let id = '';
    world.directory = (real): Directory => ({
      ...real,
      async setPassword(user, profile, operation, since) {
        if (operation.startsWith('reset:')) {
          await act(world, id, 'kill');
          return { outcome: 'failed', problem: new Problem('unavailable') };
        }
        if (between) await world.signUp('amara', 'Set-by-somebody-1');
        const outcome = await real.setPassword(user, profile, operation, since);
        if (between) expect(outcome).toMatchObject({ outcome: 'failed', problem: { code: 'stateConflict' } });
        between = false;
        return outcome;
      },
    });
    id = (await world.reset('globalAdmin', 'amara')).json<Reset>().id;
    await world.walk();
    expect(between).toBe(false);
  });

  it('keeps an alarm in sight until then, whoever chooses a password', async () => {
    await using world = await makeWorld(cast);
    const { id } = await started(world);
    const { link } = await world.letter();
    const { password = '' } = await world.open(link);
    const { proof } = await world.open(link);
    await world.post(link.id, 'alarm', { proof });
    await world.pass(minute);
    await world.signIn('amara', password, 'Stolen-goods-77');
    await world.walk();
    expect(await world.see(id)).toMatchObject({ state: 'done', needsYou: 'alarm', may: ['kill'] });
    await act(world, id, 'kill');
    await world.walk();
    expect((await world.see(id)).needsYou).toBeUndefined();
  });
});

describe('one reset in another’s place', () => {
  it('that ends after its mail without a password of its own leaves nobody’s password behind', async () => {
    await using world = await makeWorld(cast);
    await world.signUp('amara', 'The-old-one-1');
    const first = await started(world);
    const { password = '' } = await world.open((await world.letter()).link);
    world.script.push(async () => {
      await dropRole(world);
      return { outcome: 'accepted', reply: '250 OK' };
    });
    const second = await started(world, { supersede: first.id });
    expect((await world.see(second.id, 'passwordAdmin')).state).toBe('rejected');
    // The old password does not work any more: the link must not say that it does.
    expect((await world.open((await world.letter()).link)).answer.state).toBe('recalled');
    expect((await world.see(first.id, 'passwordAdmin')).may).toEqual(['kill']);
    // Who was shown the first one may use it until its time is over.
    expect(await world.holds('amara', password)).toBe(true);
    await world.pass(72 * hour);
    expect(await world.holds('amara', password)).toBe(false);
    expect(names(await world.see(first.id, 'passwordAdmin')).slice(-2)).toEqual(['superseded', 'scrambled']);
  });

  it('holds the older one back before its mail: a mistyped address is not written to again', async () => {
    await using world = await makeWorld(cast);
    await world.signUp('amara', 'The-old-one-1');
    world.script.push(later);
    const first = await started(world, { recipient: { address: 'wrong@post.example' } });
    world.script.push(later);
    const second = await started(world, { recipient: { address: 'right@post.example' }, supersede: first.id });
    await world.pass(minute);
    expect(world.sent.map(({ envelope }) => envelope.to)).toEqual([
      'wrong@post.example',
      'right@post.example',
      'right@post.example',
    ]);
    expect([(await world.see(first.id)).state, (await world.see(second.id)).state]).toEqual(['superseded', 'ready']);
  });

  it('is seen on the older one’s stream, and must be one of the same person', async () => {
    await using world = await makeWorld(cast);
    const first = await started(world);
    const before = await world.see(first.id);
    const stranger = await world.reset('globalAdmin', 'ada', { supersede: first.id });
    expect(stranger.json()).toMatchObject({ code: 'invalidValue', details: { field: 'supersede' } });
    world.script.push(later);
    await started(world, { supersede: first.id });
    expect((await world.see(first.id)).seq).toBeGreaterThan(before.seq);
  });

  it('is no news of the older one: "changed" is said only of the person', async () => {
    await using world = await makeWorld(cast);
    const first = await started(world);
    const { link } = await world.letter();
    const { holder } = await world.open(link);
    await world.post(link.id, 'done', said(holder));
    await world.pass(minute);
    await started(world);
    await world.pass(11 * minute);
    expect(names(await world.see(first.id))).not.toContain('changed');
  });
});

describe('time', () => {
  it('set back an hour does not hide that the person has chosen a password (C19, C32)', async () => {
    await using world = await makeWorld(cast);
    const { id } = await started(world);
    const { password = '' } = await world.open((await world.letter()).link);
    await world.pass(-hour);
    await world.pass(10 * minute);
    await world.signIn('amara', password, 'My-very-own-42');
    await world.walk();
    for (let passed = 0; passed < 20; passed++) await world.pass(6 * hour);
    expect(await world.holds('amara', 'My-very-own-42')).toBe(true);
    expect((await world.see(id)).state).toBe('done');
  });

  it('does not end a password that the person may keep', async () => {
    for (const tells of [true, false]) {
      await using world = await makeWorld(cast);
      const { id } = await started(world, { forceChangePasswordNextSignIn: false });
      const { link } = await world.letter();
      const { password = '', holder } = await world.open(link);
      if (tells) await world.post(link.id, 'done', said(holder));
      for (let passed = 0; passed < 13; passed++) await world.pass(6 * hour);
      expect(await world.holds('amara', password)).toBe(true);
      expect((await world.see(id)).state).toBe('done');
    }
  });

  it('cut off between the scramble and its record ends as scrambled, at every statement', async () => {
    let deaths = 0;
    for (let n = 1; ; n++) {
      let left = Number.POSITIVE_INFINITY;
      let dead = false;
      const sql = await openSql({
        beforeStatement: () => {
          if (--left <= 0) dead = true;
          if (dead) throw new Error('killed');
        },
      });
      const world = await makeWorld({ ...cast, sql });
      const { id } = await started(world);
      left = n;
      await world.pass(24 * hour).catch(() => {});
      if (!dead) break;
      deaths++;
      left = Number.POSITIVE_INFINITY;
      dead = false;
      await world.pass(2 * minute);
      await world.pass(2 * minute);
      const reset = await world.see(id);
      expect([n, reset.state, names(reset).slice(5)]).toEqual([n, 'scrambled', ['expired', 'scrambled']]);
      await world[Symbol.asyncDispose]();
    }
    expect(deaths).toBeGreaterThan(15);
  });
});

describe('what is let through', () => {
  it('a sub-address of one on file is another address', async () => {
    const policy = { RR_POLICY_TYPE_RECIPIENT: 'no', RR_POLICY_PIN_TYPED: 'required' };
    await using world = await makeWorld({ ...cast, env: policy });
    const address = 'amara.nwosu+attacker@mail.example';
    expect((await world.reset('globalAdmin', 'amara', { recipient: { address } })).json()).toMatchObject({
      code: 'recipientNotAllowed',
    });
    const same = { recipient: { address: 'Amara.Nwosu@MAIL.example' } };
    expect((await world.reset('globalAdmin', 'amara', same)).statusCode).toBe(202);
  });

  it('a mail server’s reply does not unmask an address on file', async () => {
    await using world = await makeWorld(cast);
    const offer = (await world.api('globalAdmin', 'GET', `/users/${world.ids.amara}/offer`)).json<Offer>();
    const reply = '550 5.1.1 <Amara.Nwosu@mail.example>: Recipient address rejected';
    world.script.push({ outcome: 'refused', code: 550, reply });
    const { id } = await started(world, { recipient: { onFile: offer.addresses[0]?.id ?? '' } });
    const shown = JSON.stringify(await world.see(id));
    expect(shown).not.toMatch(/amara\.nwosu@mail/i);
    expect(shown).toContain('a•••@m•••.example');
  });

  it('an old key tells nothing to somebody who has lost the role', async () => {
    await using world = await makeWorld(cast);
    await world.reset('globalAdmin', 'amara', {}, 'replay-key-1');
    await dropRole(world);
    const again = await world.reset('globalAdmin', 'amara', {}, 'replay-key-1');
    expect([again.statusCode, again.json().code]).toEqual([403, 'roleMissing']);
  });

  it('a name is no object id', async () => {
    await using world = await makeWorld(cast);
    const response = await world.reset('globalAdmin', 'amara', { user: 'AMARA.nwosu@contoso.example' });
    expect([response.statusCode, response.json().code]).toEqual([404, 'targetUnknown']);
  });
});

it('a step that throws is tried again later, and somebody is told (I11)', async () => {
  await using world = await makeWorld(cast);
  world.directory = (real): Directory => ({ ...real, standingOf: () => Promise.reject(new Error('boom')) });
  const { id } = (await world.withRealDirectory(() => world.reset('globalAdmin', 'amara'))).json<Reset>();
  await world.walk();
  const stuck = await world.withRealDirectory(() => world.see(id));
  expect(stuck).toMatchObject({ state: 'mailed', needsYou: 'overdue' });
  expect(world.logged.join()).toContain('boom');
  world.directory = undefined;
  await world.pass(minute);
  expect(await world.see(id)).toMatchObject({ state: 'ready' });
  expect((await world.see(id)).needsYou).toBeUndefined();
});

it('a call whose answer never comes is remembered until its own deadline', async () => {
  await using world = await makeWorld(cast);
  world.directory = (real): Directory => ({
    ...real,
    setPassword: async () => ({ outcome: 'unknown', why: 'timeout' }),
  });
  await started(world);
  for (let tries = 0; tries < 3; tries++) {
    const row = await world.sql.get<{ state: string; call_until: number }>`select state, call_until from reset`;
    expect([row?.state, (row?.call_until ?? 0) - world.now()]).toEqual(['changing', 90_000]);
    await world.pass(2_000);
  }
});

it('a rotated master key still knows the request and the address that it has marked', async () => {
  const [one, two] = [1, 2].map((byte) => Buffer.alloc(32, byte).toString('base64'));
  const sql = await openSql();
  const before = await makeWorld({ ...cast, sql, secretKey: `${one}` });
  const offer = (await before.api('globalAdmin', 'GET', `/users/${before.ids.amara}/offer`)).json<Offer>();
  const recipient = { onFile: offer.addresses[0]?.id ?? '' };
  const first = (await before.reset('globalAdmin', 'amara', { recipient }, 'key-before-rotation')).json<Reset>();
  await using world = await makeWorld({ ...cast, sql, secretKey: `${two},${one}` });
  const replayed = await world.reset('globalAdmin', 'amara', { recipient }, 'key-before-rotation');
  expect([replayed.statusCode, replayed.json<Reset>().id]).toEqual([202, first.id]);
  const again = await world.reset('globalAdmin', 'amara', { recipient, supersede: first.id });
  expect(again.statusCode, again.body).toBe(202);
});
