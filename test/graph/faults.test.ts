// Whole resets on a Graph upstream while things go wrong on the way to it (reset.md, C6–C10): requests and answers that
// are lost, throttling, refusals, and operations that take their time.

import { describe, expect, test } from 'vitest';
import { graphUser } from '../../connector/store/user-resource.ts';
import { standing } from '../../extension/dialog/ladder.ts';
import { type Downstream, graph, hour, minute, settings, startDownstream } from './downstream.ts';
import { faults } from './faults.ts';

const synced = { [graphUser]: { onPremisesSyncEnabled: true } };
/** What the upstream has taken for Amara, in order. */
const taken = (stage: Downstream) => settings(stage.proxy.passed, stage.ids.amara);

test('without faults: one request sets it, and the right is kept until the person has chosen a password', async () => {
  await using stage = await startDownstream();
  expect((await stage.offer('globalAdmin', 'amara')).later).toBe('admin');
  const { id } = await stage.start();
  await stage.walk();
  expect(stage.asked(graph.patch)).toHaveLength(1);
  expect(await stage.holdsTrue(id)).toMatchObject({ state: 'ready' });
  expect(await stage.grantKept()).toBe(true);
  await stage.pass(minute);
  await stage.upstream.choosePassword(stage.ids.amara, 'Chosen-by-Amara-77');
  await stage.pass(minute);
  const done = await stage.see(id);
  expect(done).toMatchObject({ state: 'done' });
  expect(done.events.at(-1)).toMatchObject({ name: 'changed', evidence: 'since' });
  expect(await stage.grantKept()).toBe(false);
  await stage.days(4);
  expect(await stage.holds('amara', 'Chosen-by-Amara-77')).toBe(true);
  expect(taken(stage)).toHaveLength(1);
});

test('never opened: scrambled in time, by the admin’s right, which is then forgotten', async () => {
  await using stage = await startDownstream();
  const { id } = await stage.start();
  await stage.walk();
  await stage.days(2);
  expect(await stage.see(id)).toMatchObject({ state: 'scrambled' });
  const [ours = '', scramble = ''] = taken(stage);
  expect(await stage.holds('amara', ours)).toBe(false);
  expect(await stage.holds('amara', scramble)).toBe(true);
  expect(await stage.grantKept()).toBe(false);
});

describe('the connection is cut (C6, C7)', () => {
  const cuts = [
    ['before the change', faults.dropped(), 'cloud'],
    ['after the change', faults.committedThenDropped(), 'cloud'],
    ['after the change, by a gateway', faults.committedThenTimedOut(), 'cloud'],
    ['in the service', faults.serverError(500), 'cloud'],
    ['before the 202', faults.dropped(), 'synced'],
    ['after the 202', faults.committedThenDropped(), 'synced'],
    ['after the 202, by a gateway', faults.committedThenTimedOut(), 'synced'],
  ] as const;
  for (const restarted of [false, true]) {
    test.each(cuts)(`%s ($2)${restarted ? ', and the connector too' : ''}`, async (_, fault, account) => {
      await using stage = await startDownstream();
      if (account === 'synced') await stage.alter('amara', synced);
      const { id } = await stage.start();
      const write = account === 'synced' ? graph.resetPassword : graph.patch;
      stage.proxy.fault(write, fault);
      await stage.walk();
      const waiting = await stage.see(id);
      expect(waiting.state).toBe('changing');
      expect(Date.parse(waiting.nextAttemptAt ?? '')).toBe(stage.now() + 2000);
      expect(waiting.events.map(({ name }) => name)).not.toContain('armed');
      expect((await stage.open()).answer.state).toBe('notReady');
      if (restarted) await stage.restart();
      await stage.pass(2000);
      expect(await stage.holdsTrue(id)).toMatchObject({ state: 'ready' });
      expect(new Set(taken(stage)).size).toBe(1);
      expect(stage.asked(write).length).toBeLessThanOrEqual(2);
      await stage.pass(hour);
      expect((await stage.see(id)).events.map(({ name }) => name)).not.toContain('changed');
    });
  }

  test('while people and roles are looked at again: tried later, and nothing was changed before', async () => {
    for (const look of [graph.look, graph.memberships, graph.token]) {
      await using stage = await startDownstream();
      const { id } = await stage.start();
      const fault = stage.proxy.fault({ ...look, times: Number.POSITIVE_INFINITY }, faults.dropped());
      await stage.walk();
      fault.remove();
      expect(fault.met).toBeGreaterThan(0);
      expect(await stage.see(id)).toMatchObject({ state: 'mailed', why: { code: 'unavailable' } });
      expect(taken(stage)).toEqual([]);
      await stage.pass(minute);
      expect(await stage.holdsTrue(id)).toMatchObject({ state: 'ready' });
    }
  });

  test.each([
    ['no answer', faults.dropped()],
    ['“at once”', faults.throttled(0)],
    ['“in a second”', faults.unavailable(1)],
  ])('%s, again and again: nothing is hammered', async (_, fault) => {
    await using stage = await startDownstream();
    await stage.start();
    const met = stage.proxy.fault({ ...graph.patch, times: Number.POSITIVE_INFINITY }, fault);
    await stage.walk();
    for (let seconds = 0; seconds < 3600; seconds += 2) await stage.pass(2000);
    expect(met.met).toBeGreaterThan(3);
    expect(met.met).toBeLessThan(10);
  });

  test('all day long: nothing is changed, and the old password works', async () => {
    await using stage = await startDownstream();
    const { id } = await stage.start();
    const fault = stage.proxy.fault({ ...graph.patch, times: Number.POSITIVE_INFINITY }, faults.dropped());
    await stage.walk();
    for (let hours = 0; hours < 23; hours++) await stage.pass(hour);
    const stuck = await stage.see(id);
    expect(stuck).toMatchObject({ state: 'changing', needsYou: 'directoryFailed' });
    expect(fault.met).toBeLessThan(40);
    fault.remove();
    await stage.pass(2 * hour);
    const ended = await stage.see(id);
    expect([ended.state, standing(ended)]).toEqual(['expired', 'expiredUnchanged']);
    expect((await stage.open()).answer.state).toBe('expired');
    expect(await stage.works()).toBe(true);
    expect(taken(stage)).toEqual([]);
    expect(await stage.grantKept()).toBe(false);
  });

  test('all day long, and nobody can be asked at its end: said as not known, until somebody can', async () => {
    await using stage = await startDownstream();
    const { id } = await stage.start();
    stage.proxy.fault({ ...graph.patch, times: Number.POSITIVE_INFINITY }, faults.dropped());
    await stage.walk();
    for (let hours = 0; hours < 23; hours++) await stage.pass(hour);
    const deaf = stage.proxy.fault({ ...graph.look, times: Number.POSITIVE_INFINITY }, faults.unavailable());
    await stage.pass(hour);
    deaf.remove();
    const unknown = await stage.see(id);
    expect([unknown.state, standing(unknown)]).toEqual(['expired', 'expiring']);
    for (let minutes = 0; minutes < 90; minutes++) await stage.pass(minute);
    const ended = await stage.see(id);
    expect([ended.state, standing(ended)]).toEqual(['expired', 'expiredUnchanged']);
    expect(ended.needsYou).toBeUndefined();
    expect(await stage.works()).toBe(true);
    expect(taken(stage)).toEqual([]);
  });

  test('all day long, and it had been changed: what nobody can be told is made useless', async () => {
    await using stage = await startDownstream();
    const { id } = await stage.start();
    stage.proxy.fault(graph.patch, faults.committedThenDropped());
    stage.proxy.fault({ ...graph.patch, from: 2, times: Number.POSITIVE_INFINITY }, faults.dropped());
    await stage.walk();
    for (let hours = 0; hours < 23; hours++) await stage.pass(hour);
    stage.proxy.heal();
    await stage.pass(2 * hour);
    expect((await stage.see(id)).events.at(-1)?.name).toBe('scrambled');
    const [ours = '', scramble = ''] = taken(stage);
    expect(await stage.holds('amara', ours)).toBe(false);
    expect(await stage.holds('amara', scramble)).toBe(true);
  });
});

describe('too many requests, or too busy (C8)', () => {
  const overloads = { 429: faults.throttled, 503: faults.unavailable };
  const cases = ([429, 503] as const).flatMap((status) =>
    (['seconds', 'a date', 'nothing'] as const).map((said) => [status, said] as const),
  );

  test.each(cases)('%i on the change, Retry-After in %s', async (status, said) => {
    await using stage = await startDownstream();
    const { id } = await stage.start();
    const wait = 7 * minute;
    const after = { seconds: wait / 1000, 'a date': new Date(stage.now() + wait), nothing: undefined }[said];
    const fault = stage.proxy.fault(
      { ...graph.patch, times: 2 },
      faults.inTurn(overloads[status](after), overloads[status](said === 'a date' ? wait / 1000 : after)),
    );
    await stage.walk();
    const waiting = await stage.see(id);
    expect(waiting).toMatchObject({ state: 'changing', why: { code: status === 429 ? 'throttled' : 'unavailable' } });
    const first = said === 'nothing' ? minute : wait;
    expect(Date.parse(waiting.nextAttemptAt ?? '') - stage.now()).toBe(first);
    await stage.pass(first - 1000);
    expect(fault.seen).toBe(1);
    await stage.pass(1000);
    expect(fault.seen).toBe(2);
    const second = said === 'nothing' ? 5 * minute : wait;
    await stage.pass(second - 1000);
    expect(fault.seen).toBe(2);
    expect(taken(stage)).toEqual([]);
    await stage.pass(1000);
    expect(fault.seen).toBe(3);
    expect(await stage.holdsTrue(id)).toMatchObject({ state: 'ready' });
  });

  const looks = [
    ['the admin’s roles', graph.memberships],
    ['the person', graph.look],
    ['the token endpoint', graph.token],
  ] as const;
  test.each(looks)(
    'on a look at %s before the change: Retry-After holds, and nothing else is asked',
    async (_, look) => {
      await using stage = await startDownstream();
      const { id } = await stage.start();
      const fault = stage.proxy.fault({ ...look, times: 1 }, faults.throttled(7 * 60));
      await stage.walk();
      fault.remove();
      const waiting = await stage.see(id);
      expect(waiting).toMatchObject({ state: 'mailed', why: { code: 'throttled' } });
      expect(Date.parse(waiting.nextAttemptAt ?? '') - stage.now()).toBe(7 * minute);
      stage.proxy.forget();
      await stage.pass(7 * minute - 1000);
      expect(stage.proxy.passed).toEqual([]);
      await stage.pass(1000);
      expect(await stage.holdsTrue(id)).toMatchObject({ state: 'ready' });
    },
  );

  test('on a look after the change: Retry-After holds, and nobody is alarmed', async () => {
    await using stage = await startDownstream();
    const { id } = await stage.start();
    await stage.walk();
    const fault = stage.proxy.fault({ ...graph.look, times: 1 }, faults.throttled(30 * 60));
    await stage.pass(10 * minute);
    expect(fault.met).toBe(1);
    fault.remove();
    expect((await stage.see(id)).needsYou).toBeUndefined();
    const before = stage.proxy.passed.length;
    await stage.pass(29 * minute);
    expect(stage.proxy.passed).toHaveLength(before);
    await stage.pass(minute);
    expect(stage.proxy.passed.length).toBeGreaterThan(before);
    expect(await stage.holdsTrue(id)).toMatchObject({ state: 'ready' });
  });

  test('all day long: nothing is changed, and the old password works', async () => {
    await using stage = await startDownstream();
    const { id } = await stage.start();
    const fault = stage.proxy.fault({ ...graph.patch, times: Number.POSITIVE_INFINITY }, faults.throttled(3600));
    await stage.walk();
    for (let hours = 0; hours < 23; hours++) await stage.pass(hour);
    expect(await stage.see(id)).toMatchObject({ state: 'changing', needsYou: 'directoryFailed' });
    expect(fault.met).toBe(24);
    fault.remove();
    await stage.pass(2 * hour);
    const ended = await stage.see(id);
    expect([ended.state, standing(ended)]).toEqual(['expired', 'expiredUnchanged']);
    expect(await stage.works()).toBe(true);
    expect(taken(stage)).toEqual([]);
  });
});

describe('refused (C9)', () => {
  const refusals = [
    ['400 policy', faults.tooWeak(), 'directoryRefused', /does not comply with password complexity/],
    ['403 privileged', faults.denied(), 'targetPrivileged', /holds an administrator role/],
    ['404 deleted meanwhile', faults.notFound(), 'targetUnknown', /does not know this person/],
    ['400 synchronised meanwhile', faults.synchronised(), 'targetSynced', /./],
  ] as const;
  test.each(refusals)('%s: nothing was changed, and it is said', async (_, fault, code, sentence) => {
    await using stage = await startDownstream();
    const { id } = await stage.start();
    stage.proxy.fault(graph.patch, fault);
    await stage.walk();
    const reset = await stage.holdsTrue(id);
    expect(reset).toMatchObject({ state: 'refused', why: { code, detail: expect.stringMatching(sentence) } });
    expect(taken(stage)).toEqual([]);
    await stage.days(2);
    expect(await stage.works()).toBe(true);
    expect(taken(stage)).toEqual([]);
  });

  test('by the tenant’s own policy, which is another than ours', async () => {
    await using stage = await startDownstream({ upstream: { world: { env: { RR_POLICY_PASSWORD_MINIMUM: '40' } } } });
    const { id } = await stage.start('globalAdmin', 'amara', { password: 'Sturdy-Enough-4-us' });
    await stage.walk();
    expect(await stage.holdsTrue(id)).toMatchObject({ state: 'refused', why: { code: 'directoryRefused' } });
  });

  test('after an answer that was lost: what the directory holds decides, never the refusal', async () => {
    // It had been changed: nobody can be handed that password any more, and the old one is gone.
    await using changed = await startDownstream();
    const first = await changed.start();
    changed.proxy.fault(graph.patch, faults.committedThenDropped());
    changed.proxy.fault({ ...graph.patch, from: 2 }, faults.denied());
    await changed.walk();
    await changed.pass(2000);
    for (let minutes = 0; minutes < 5; minutes++) await changed.pass(minute);
    const ended = await changed.see(first.id);
    expect([ended.state, standing(ended)]).toEqual(['scrambled', 'scrambled']);
    expect((await changed.open()).answer.state).not.toBe('nothingChanged');
    const [ours = '', scramble = ''] = taken(changed);
    expect(await changed.holds('amara', ours)).toBe(false);
    expect(await changed.holds('amara', scramble)).toBe(true);

    // It had not: the old password works, and the link says so.
    await using same = await startDownstream();
    const second = await same.start();
    same.proxy.fault(graph.patch, faults.inTurn(faults.dropped()));
    same.proxy.fault({ ...graph.patch, from: 2, times: Number.POSITIVE_INFINITY }, faults.denied());
    await same.walk();
    await same.pass(2000);
    for (let minutes = 0; minutes < 5; minutes++) await same.pass(minute);
    expect(await same.holdsTrue(second.id)).toMatchObject({ state: 'refused', why: { code: 'targetPrivileged' } });
  });
});

describe('a synchronised person, whose password is set by an operation (C10)', () => {
  async function started(): Promise<[Downstream, string]> {
    const stage = await startDownstream();
    await stage.alter('amara', synced);
    return [stage, (await stage.start()).id];
  }
  const armed = async (stage: Downstream, id: string) =>
    (await stage.see(id)).events.some(({ name }) => name === 'armed');
  const always = { times: Number.POSITIVE_INFINITY };

  test('slow: armed once it has succeeded, and not before', async () => {
    const [made, id] = await started();
    await using stage = made;
    const fault = stage.proxy.fault({ ...graph.operation, times: 4 }, faults.staysRunning());
    await stage.walk();
    expect(fault.met).toBe(4);
    expect(await stage.holdsTrue(id)).toMatchObject({ state: 'ready' });
    expect(stage.asked(graph.patch)).toEqual([]);
    expect(stage.asked(graph.resetPassword)).toHaveLength(1);
    expect(stage.asked(graph.operation).at(-1)?.body).toMatchObject({ status: 'succeeded' });
  });

  for (const restarted of [false, true]) {
    test(`running past the deadline${restarted ? ' and a restart' : ''}: looked at again, the same password`, async () => {
      const [made, id] = await started();
      await using stage = made;
      const fault = stage.proxy.fault({ ...graph.operation, ...always }, faults.staysRunning());
      await stage.walk();
      const row = await stage.see(id);
      expect(row).toMatchObject({ state: 'changing' });
      expect(await armed(stage, id)).toBe(false);
      expect((await stage.open()).answer.state).toBe('notReady');
      // Looked at with patience: within a lease, no more than every few seconds.
      expect(fault.met).toBeLessThan(40);
      await stage.pass(minute);
      expect(await armed(stage, id)).toBe(false);
      if (restarted) await stage.restart();
      fault.remove();
      await stage.pass(2 * minute);
      expect(await stage.holdsTrue(id)).toMatchObject({ state: 'ready' });
      expect(stage.asked(graph.resetPassword)).toHaveLength(restarted ? 2 : 1);
      expect(new Set(taken(stage)).size).toBe(1);
    });
  }

  test('failed, with its reason: nothing was changed, and the reason is said', async () => {
    const [made, id] = await started();
    await using stage = made;
    stage.proxy.fault(graph.resetPassword, faults.accepted());
    stage.proxy.fault(
      { ...graph.operation, times: 2 },
      faults.inTurn(
        faults.operation('running'),
        faults.operation('failed', 'The on-premises policy wants 20 characters. hr=80230619'),
      ),
    );
    await stage.walk();
    const reset = await stage.holdsTrue(id);
    expect(reset).toMatchObject({ state: 'refused', why: { detail: expect.stringContaining('wants 20 characters') } });
    expect(reset.events.map(({ name }) => name)).not.toContain('armed');
  });

  test('failed for a protected account: said as what it is', async () => {
    const [made, id] = await started();
    await using stage = made;
    stage.proxy.fault(graph.resetPassword, faults.accepted());
    stage.proxy.fault(graph.operation, faults.operation('failed', 'hr=80231367'));
    await stage.walk();
    expect(await stage.holdsTrue(id)).toMatchObject({ state: 'refused', why: { code: 'targetProtected' } });
  });

  const lost = [
    ['nobody knows the operation, and it was done', undefined, faults.notFound()],
    ['nobody knows the operation, and it was not done', faults.accepted(), undefined],
    ['there is no Location, and it was done', faults.withoutLocation(), undefined],
  ] as const;
  test.each(lost)('%s: never armed by that, the same password again', async (_, post, poll) => {
    const [made, id] = await started();
    await using stage = made;
    if (post) stage.proxy.fault(graph.resetPassword, post);
    if (poll) stage.proxy.fault(graph.operation, poll);
    await stage.walk();
    expect(await armed(stage, id)).toBe(false);
    await stage.pass(2 * minute);
    expect(await stage.holdsTrue(id)).toMatchObject({ state: 'ready' });
    expect(new Set(taken(stage)).size).toBe(1);
    expect(stage.asked(graph.operation).at(-1)?.body).toMatchObject({ status: 'succeeded' });
  });

  test('the operation never ends: the link is over in time, and was never armed', async () => {
    const [made, id] = await started();
    await using stage = made;
    stage.proxy.fault({ ...graph.resetPassword, ...always }, faults.accepted());
    stage.proxy.fault({ ...graph.operation, ...always }, faults.operation('running'));
    await stage.walk();
    for (let hours = 0; hours < 26; hours++) await stage.pass(hour);
    const reset = await stage.see(id);
    expect(reset.state).toBe('expired');
    expect(await armed(stage, id)).toBe(false);
    expect(await stage.works()).toBe(true);
  });
});
