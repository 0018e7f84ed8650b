// Whole resets on a Graph upstream while others do something there: to the person (reset.md, C25), to the administrator
// (C24), to the same password at the same time (I2, I3, C32).

import { describe, expect, test } from 'vitest';
import type { Reset } from '#shared/api.ts';
import { roleTemplates } from '../../connector/policy/roles.ts';
import { removeRole } from '../../connector/store/roles.ts';
import { deleteUser } from '../../connector/store/users.ts';
import { cast } from '../people.ts';
import { type Downstream, graph, hour, minute, oldPassword, settings, startDownstream } from './downstream.ts';
import { faults } from './faults.ts';

const taken = (stage: Downstream) => settings(stage.proxy.passed, stage.ids.amara);
const remove = (stage: Downstream) => stage.upstreamDoes((tx, by) => deleteUser(tx, 'default', stage.ids.amara, by));
const chosen = 'Chosen-by-Amara-77';

describe('the person, between mail and change (C25)', () => {
  test('deleted: nothing is changed, and the link says so', async () => {
    await using stage = await startDownstream();
    const { id } = await stage.start();
    stage.onMail(() => remove(stage));
    await stage.walk();
    expect(await stage.see(id)).toMatchObject({ state: 'rejected', why: { code: 'targetUnknown' } });
    expect((await stage.open()).answer.state).toBe('nothingChanged');
    expect(stage.asked(graph.patch)).toEqual([]);
    expect(await stage.grantKept()).toBe(false);
  });

  test('renamed: the object id decides', async () => {
    await using stage = await startDownstream();
    const { id } = await stage.start();
    stage.onMail(() => stage.alter('amara', { userName: 'amara.married@contoso.example' }));
    await stage.walk();
    expect(await stage.holdsTrue(id)).toMatchObject({ state: 'ready' });
  });

  test('somebody else has the name now: nobody’s password is changed', async () => {
    await using stage = await startDownstream();
    const { upstream } = stage;
    const { id } = await stage.start();
    let newcomer = '';
    stage.onMail(async () => {
      await remove(stage);
      const created = await upstream.world.scim('POST', '/Users', { ...cast.amara, displayName: 'Another Amara' });
      newcomer = created.json<{ id: string }>().id;
      await upstream.choosePassword(newcomer, oldPassword);
    });
    await stage.walk();
    expect(await stage.see(id)).toMatchObject({ state: 'rejected', why: { code: 'targetUnknown' } });
    await stage.days(2);
    expect(newcomer).not.toBe('');
    expect(await upstream.signsIn(newcomer, oldPassword)).toBe(true);
    expect(stage.asked(graph.patch)).toEqual([]);
  });

  test('blocked: nothing is changed', async () => {
    await using stage = await startDownstream();
    const { id } = await stage.start();
    stage.onMail(() => stage.alter('amara', { active: false }));
    await stage.walk();
    expect(await stage.see(id)).toMatchObject({ state: 'rejected', why: { code: 'targetDisabled' } });
    expect(stage.asked(graph.patch)).toEqual([]);
  });

  test('made an administrator of a kind that the admin may not reset: nothing is changed', async () => {
    await using stage = await startDownstream();
    const { id } = await stage.start('passwordAdmin');
    stage.onMail(() => stage.upstream.giveRole(stage.ids.amara, roleTemplates['Global Administrator']));
    await stage.walk();
    const reset = await stage.see(id);
    expect(reset).toMatchObject({ state: 'rejected', why: { code: 'targetPrivileged' } });
    expect(await stage.works()).toBe(true);
    expect(stage.asked(graph.patch)).toEqual([]);
  });
});

describe('the person, later (C25)', () => {
  test('deleted while an answer is lost: there is nothing left to set, and nothing to scramble', async () => {
    await using stage = await startDownstream();
    const { id } = await stage.start();
    stage.proxy.fault(graph.patch, faults.committedThenDropped());
    await stage.walk();
    await remove(stage);
    await stage.pass(2000);
    expect(await stage.see(id)).toMatchObject({ state: 'refused', why: { code: 'targetUnknown' } });
    await stage.days(2);
    expect(taken(stage)).toHaveLength(1);
    expect(await stage.grantKept()).toBe(false);
  });

  test('deleted while the link waits: it ends in time, and nobody is bothered', async () => {
    await using stage = await startDownstream();
    const { id } = await stage.start();
    await stage.walk();
    await remove(stage);
    await stage.days(2);
    const reset = await stage.see(id);
    expect(reset.state).toBe('expired');
    expect(reset.needsYou).toBeUndefined();
    expect(taken(stage)).toHaveLength(1);
    expect(await stage.grantKept()).toBe(false);
  });
});

test('the admin’s role is taken away between mail and change: nothing is changed (C24)', async () => {
  await using stage = await startDownstream();
  const { id } = await stage.start('passwordAdmin');
  const { passwordAdmin } = stage.ids;
  stage.onMail(() =>
    stage.upstreamDoes((tx, by) =>
      removeRole(tx, 'default', passwordAdmin, roleTemplates['Password Administrator'], by),
    ),
  );
  await stage.walk();
  const reset = await stage.holdsTrue(id);
  expect(reset).toMatchObject({ state: 'rejected', why: { code: 'roleMissing' } });
  expect(stage.asked(graph.patch)).toEqual([]);
  // Who has lost the role is told nothing of it any more.
  const seen = await stage.api('passwordAdmin', 'GET', `/resets/${id}`);
  expect(seen.statusCode).toBe(403);
});

describe('while the call hangs', () => {
  /** A reset whose change is on its way, and hangs. */
  async function hanging(end: 'committed' | 'dropped' | 'answered') {
    const stage = await startDownstream();
    const { id } = await stage.start();
    const gate = Promise.withResolvers<void>();
    const fault = stage.proxy.fault(
      graph.patch,
      end === 'dropped'
        ? faults.held(gate.promise, faults.dropped())
        : faults.committedThenHeld(gate.promise, end === 'answered' ? 'answer' : 'drop'),
    );
    const walking = stage.walk();
    await fault.reaches();
    return { stage, id, walking, letGo: () => gate.resolve() };
  }

  test.each(['committed', 'dropped', 'answered'] as const)(
    '"wrong person" waits for its end and makes it useless (%s)',
    async (end) => {
      const { stage: made, id, walking, letGo } = await hanging(end);
      await using stage = made;
      expect((await stage.act('kill', id)).statusCode).toBe(200);
      expect((await stage.open()).answer.state).toBe('recalled');
      // Another worker looks meanwhile: nothing is set while the first call may still take place.
      await stage.walk();
      expect(stage.asked(graph.patch)).toHaveLength(0);
      letGo();
      await walking;
      await stage.pass(2 * minute);
      const reset = await stage.see(id);
      expect(reset.state).toBe('recalled');
      expect(reset.events.map(({ name }) => name)).toContain('scrambled');
      const passwords = taken(stage);
      expect(passwords).toHaveLength(end === 'dropped' ? 1 : 2);
      expect(await stage.holds('amara', passwords.at(-1) ?? '')).toBe(true);
      expect(await stage.works()).toBe(false);
      await stage.keepsSecrets();
      expect(await stage.grantKept()).toBe(false);
    },
  );

  test.each(['committed', 'dropped', 'answered'] as const)(
    'a newer reset waits for it, and its own password stays (%s)',
    async (end) => {
      const { stage: made, id, walking, letGo } = await hanging(end);
      await using stage = made;
      await stage.pass(2000);
      const newer = await stage.start('passwordAdmin', 'amara', { supersede: id });
      await stage.walk();
      expect(await stage.see(newer.id)).toMatchObject({ state: 'mailed' });
      expect(await stage.see(id)).toMatchObject({ state: 'superseded' });
      expect(stage.asked(graph.patch)).toHaveLength(0);
      letGo();
      await walking;
      await stage.pass(2 * minute);
      expect(await stage.holdsTrue(newer.id)).toMatchObject({ state: 'ready' });
      const [older] = await Promise.all([stage.open(await stage.world.letter(0))]);
      expect(older.answer.state).toBe('superseded');
      expect(new Set(taken(stage)).size).toBe(end === 'dropped' ? 1 : 2);
      const last = taken(stage).at(-1) ?? '';
      await stage.days(1);
      expect((await stage.holds('amara', last)) || (await stage.see(newer.id)).state === 'scrambled').toBe(true);
    },
  );

  test('the connector dies: after the restart the same password is set, and the link shows it', async () => {
    const { stage: made, id, walking, letGo } = await hanging('committed');
    await using stage = made;
    await stage.restart();
    // The dead one's lease is still held.
    await stage.walk();
    expect(await stage.see(id)).toMatchObject({ state: 'changing' });
    await stage.pass(2 * minute);
    expect(await stage.holdsTrue(id)).toMatchObject({ state: 'ready' });
    expect(new Set(taken(stage)).size).toBe(1);
    letGo();
    await walking;
    expect((await stage.see(id)).state).toBe('leased');
  });
});

test('two admins at once: one reset, and the other is told who and when', async () => {
  await using stage = await startDownstream();
  const answers = await Promise.all([stage.ask('globalAdmin', 'amara'), stage.ask('passwordAdmin', 'amara')]);
  expect(answers.map(({ statusCode }) => statusCode).toSorted()).toEqual([202, 409]);
  await stage.walk();
  const { id } = answers.find(({ statusCode }) => statusCode === 202)?.json<Reset>() ?? { id: '' };
  expect(await stage.holdsTrue(id)).toMatchObject({ state: 'ready' });
  expect(taken(stage)).toHaveLength(1);
});

describe('a scramble (C32)', () => {
  /** A reset that was never opened, a moment before its end. */
  async function waiting() {
    const stage = await startDownstream();
    const { id } = await stage.start();
    await stage.walk();
    for (let hours = 0; hours < 23; hours++) await stage.pass(hour);
    return { stage, id };
  }

  for (const restarted of [false, true]) {
    test(`whose answer was lost is known again${restarted ? ' after a restart' : ''}: nobody is said to have changed it`, async () => {
      const { stage: made, id } = await waiting();
      await using stage = made;
      stage.proxy.fault(graph.patch, faults.committedThenDropped());
      await stage.pass(hour);
      expect(await stage.see(id)).toMatchObject({ state: 'expired', needsYou: 'directoryFailed' });
      if (restarted) await stage.restart();
      for (let minutes = 0; minutes < 10; minutes++) await stage.pass(minute);
      const reset = await stage.see(id);
      expect(reset.state).toBe('scrambled');
      expect(reset.events.map(({ name }) => name)).not.toContain('changed');
      const [ours = '', ...scrambles] = taken(stage);
      expect(await stage.holds('amara', ours)).toBe(false);
      expect(scrambles).toHaveLength(1);
      expect(reset.events.findLast(({ name }) => name === 'scrambled')?.evidence).toBe(
        restarted ? 'answer lost, change seen' : undefined,
      );
      expect(await stage.grantKept()).toBe(false);
    });

    test(`that did not happen is made again${restarted ? ' after a restart' : ''}`, async () => {
      const { stage: made, id } = await waiting();
      await using stage = made;
      stage.proxy.fault(graph.patch, faults.dropped());
      await stage.pass(hour);
      if (restarted) await stage.restart();
      for (let minutes = 0; minutes < 10; minutes++) await stage.pass(minute);
      expect((await stage.see(id)).state).toBe('scrambled');
      const [ours = '', scramble = ''] = taken(stage);
      expect(await stage.holds('amara', ours)).toBe(false);
      expect(await stage.holds('amara', scramble)).toBe(true);
    });
  }

  test('never hits a password that the person chose while it hung, restart or not', async () => {
    for (const restarted of [false, true]) {
      const { stage: made, id } = await waiting();
      await using stage = made;
      stage.proxy.fault(graph.patch, faults.dropped());
      await stage.pass(hour);
      await stage.upstream.world.pass(1000);
      await stage.upstream.choosePassword(stage.ids.amara, chosen);
      if (restarted) await stage.restart();
      for (let minutes = 0; minutes < 10; minutes++) await stage.pass(minute);
      expect(['done', 'scrambled']).toContain((await stage.see(id)).state);
      expect(await stage.holds('amara', chosen)).toBe(true);
      expect(await stage.grantKept()).toBe(false);
    }
  });

  test('never hits a password that the person chose right before it: looked at before the write', async () => {
    const { stage: made, id } = await waiting();
    await using stage = made;
    // Between the walk's own look and the adapter's: the look that comes right before the write sees it.
    let reads = 0;
    stage.proxy.fault(
      { ...graph.look, times: Number.POSITIVE_INFINITY },
      {
        name: 'chosen meanwhile',
        async meet(_, forward) {
          reads++;
          const answer = await forward();
          if (reads === 2) await stage.upstream.choosePassword(stage.ids.amara, chosen);
          return answer;
        },
      },
    );
    await stage.pass(hour);
    await stage.pass(minute);
    expect(reads).toBeGreaterThan(2);
    expect(await stage.holds('amara', chosen)).toBe(true);
    expect((await stage.see(id)).state).toBe('done');
    expect(taken(stage)).toHaveLength(1);
  });

  test('a newer reset waits for a scramble that hangs', async () => {
    const { stage: made, id } = await waiting();
    await using stage = made;
    const gate = Promise.withResolvers<void>();
    const fault = stage.proxy.fault(graph.patch, faults.held(gate.promise, faults.latency(0)));
    const walking = stage.pass(hour);
    await fault.reaches();
    const newer = await stage.start('passwordAdmin');
    await stage.walk();
    expect(await stage.see(newer.id)).toMatchObject({ state: 'mailed' });
    gate.resolve();
    await walking;
    await stage.pass(2 * minute);
    expect(await stage.holdsTrue(newer.id)).toMatchObject({ state: 'ready' });
    expect((await stage.see(id)).state).toBe('scrambled');
  });
});

describe('the time of the last change lags behind', () => {
  const changed = ['lastPasswordChangeDateTime'];
  const always = { times: Number.POSITIVE_INFINITY };

  test.each([1, 3, 5, 8])('%i looks long: ours is not taken for the person’s, and theirs is noticed', async (reads) => {
    await using stage = await startDownstream();
    const { id } = await stage.start();
    stage.proxy.fault({ ...graph.look, ...always }, faults.stale(changed, reads));
    await stage.walk();
    for (let minutes = 0; minutes < 45; minutes++) await stage.pass(minute);
    expect(await stage.see(id)).toMatchObject({ state: 'ready' });
    const { password = '' } = await stage.open();
    expect(await stage.holds('amara', password)).toBe(true);
    await stage.pass(minute);
    stage.proxy.fault({ ...graph.look, ...always }, faults.stale(changed, 2));
    await stage.pass(minute / 4);
    await stage.upstream.choosePassword(stage.ids.amara, chosen);
    for (let minutes = 0; minutes < 20; minutes++) await stage.pass(minute);
    const reset = await stage.see(id);
    expect(reset).toMatchObject({ state: 'done' });
    expect(reset.events.findLast(({ name }) => name === 'changed')?.evidence).toBe('since');
    await stage.days(4);
    expect(await stage.holds('amara', chosen)).toBe(true);
  });

  test.each([50_000, -50_000])('our clock is %i ms off', async (skew) => {
    await using stage = await startDownstream({ skew });
    const { id } = await stage.start();
    await stage.walk();
    for (let minutes = 0; minutes < 30; minutes++) await stage.pass(minute);
    expect((await stage.see(id)).state).toBe('ready');
    await stage.upstream.choosePassword(stage.ids.amara, chosen);
    await stage.pass(10 * minute);
    expect((await stage.see(id)).state).toBe('done');
    await stage.days(4);
    expect(await stage.holds('amara', chosen)).toBe(true);
  });
});
