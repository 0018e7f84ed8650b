// Setting passwords in Graph: what is certain, what is not, and what is done about it (reset.md C6–C10, C25, C32).

import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../connector/directory/directory.ts';
import { graphDirectory } from '../../connector/directory/graph.ts';
import { type Fault, jsonAnswer } from '../graph/fault-proxy.ts';
import { faults } from '../graph/faults.ts';
import { ada, operationPath, resetPath, startStage, tid } from './graph-stage.ts';

type Stage = Awaited<ReturnType<typeof startStage>>;

const first = 'Kf7e-rB4m-t9Rz-5hWd';
const second = 'Mn8w-Qd3k-x5Tv-7jPy';
const force = (password: string) => ({ password, forceChangePasswordNextSignIn: true });
const users = /\/users\/[^/]+$/;
const write = { method: 'PATCH', path: users };
const set = (stage: Stage, password = first, operation = 'reset:1', since?: number): Promise<Outcome> =>
  stage.directory().setPassword(ada.id, force(password), operation, since);
const values = (stage: Stage) => stage.service.set.map(({ password }) => password);
const synced = (stage: Stage) => {
  stage.service.people[ada.id] = { ...ada, onPremisesSyncEnabled: true };
};

describe('a cloud account', () => {
  test('takes the password and the forced change at once; the time is Graph’s own', async () => {
    await using stage = await startStage();
    stage.service.clock += 7777;
    const at = Math.floor(stage.service.clock / 1000) * 1000;
    expect(await set(stage)).toEqual({ outcome: 'done', at });
    expect(stage.service.set).toEqual([{ id: ada.id, password: first, force: true }]);
    expect(await stage.directory().lastPasswordChange(ada.id)).toEqual({
      at,
      by: { kind: 'operation', operation: 'reset:1' },
    });
    const keep = { password: second, forceChangePasswordNextSignIn: false };
    stage.service.clock += 2000;
    await stage.directory().setPassword(ada.id, keep, 'reset:2');
    expect(stage.asked('PATCH', users).at(-1)?.requestBody).toEqual({ passwordProfile: keep });
  });

  test('how far Graph’s clock is from ours is known by its answers', async () => {
    await using stage = await startStage();
    const behind = { ...stage.tenant, now: () => stage.service.clock - 3_600_000 };
    const directory = graphDirectory(behind, { kind: 'connector' });
    expect(directory.ahead?.()).toBeUndefined();
    await directory.lastPasswordChange(ada.id).catch(() => {});
    const ahead = directory.ahead?.() ?? 0;
    expect(Math.abs(ahead - 3_600_000)).toBeLessThanOrEqual(1000);
  });

  test('a replica that lags is waited for; one that does not come along is given a later time, never an earlier one', async () => {
    await using stage = await startStage();
    stage.proxy.fault(
      { method: 'GET', path: users, times: Number.POSITIVE_INFINITY },
      faults.stale(['lastPasswordChangeDateTime'], 3),
    );
    const at = Math.floor(stage.service.clock / 1000) * 1000;
    expect(await set(stage)).toEqual({ outcome: 'done', at });
    stage.proxy.fault(
      { method: 'GET', path: users, times: Number.POSITIVE_INFINITY },
      faults.stale(['lastPasswordChangeDateTime'], 99),
    );
    stage.service.clock += 60_000;
    const asked = stage.service.clock;
    const late = await set(stage, second, 'reset:2');
    expect(late.outcome === 'done' && late.at - asked).toBeGreaterThanOrEqual(4000);
    expect(late.outcome === 'done' && late.at - asked).toBeLessThan(12_000);
    stage.proxy.fault(
      { method: 'GET', path: users },
      faults.edited(() => undefined),
    );
    expect((await stage.directory().lastPasswordChange(ada.id))?.by).toEqual({
      kind: 'operation',
      operation: 'reset:2',
    });
  });

  test('a change by somebody else is of an unknown hand; so is ours after a restart', async () => {
    await using stage = await startStage();
    await set(stage);
    stage.restart();
    const ours = await stage.directory().lastPasswordChange(ada.id);
    expect(ours?.by).toEqual({ kind: 'unknown' });
    await set(stage, second, 'reset:2');
    stage.service.people[ada.id] = {
      ...stage.service.people[ada.id],
      lastPasswordChangeDateTime: '2026-11-22T22:00:00Z',
    };
    const theirs = await stage.directory().lastPasswordChange(ada.id);
    expect(theirs).toEqual({ at: Date.UTC(2026, 10, 22, 22), by: { kind: 'unknown' } });
    expect(await stage.directory().lastPasswordChange(tid)).toBeUndefined();
    stage.service.people[ada.id] = { ...ada, lastPasswordChangeDateTime: null };
    expect(await stage.directory().lastPasswordChange(ada.id)).toBeUndefined();
  });

  // Whether the service did it is what the outcome has to say, or else to leave open.
  test.each<[string, Fault, object, number]>([
    ['too weak or banned', faults.tooWeak(), { problem: { code: 'directoryRefused' } }, 0],
    ['synchronised after all', faults.synchronised(), { problem: { code: 'targetSynced' } }, 0],
    [
      'AdminCount',
      faults.graphError(400, 'Request_BadRequest', 'Failed (hr=80231367).'),
      { problem: { code: 'targetProtected' } },
      0,
    ],
    ['forbidden', faults.denied(), { problem: { code: 'targetPrivileged', details: { reason: 'directory' } } }, 0],
    ['deleted meanwhile', faults.notFound(), { problem: { code: 'targetUnknown' } }, 0],
    ['throttled, in seconds', faults.throttled(17), { problem: { code: 'throttled', details: { retryAfter: 17 } } }, 0],
    ['throttled, without a time', faults.throttled(), { problem: { code: 'throttled', details: {} } }, 0],
    ['busy', faults.unavailable(5), { problem: { code: 'unavailable' } }, 0],
    [
      'changed by another at once',
      faults.graphError(409, 'Request_Conflict', 'Busy.'),
      { problem: { code: 'unavailable' } },
      0,
    ],
  ])('%s: failed, with certainty and a reason', async (_, fault, expected, done) => {
    await using stage = await startStage();
    stage.proxy.fault(write, fault);
    expect(await set(stage)).toMatchObject({ outcome: 'failed', ...expected });
    expect(stage.service.set).toHaveLength(done);
    expect(stage.asked('PATCH', users)).toHaveLength(1);
  });

  test.each<[string, Fault, number]>([
    ['cut before it arrived', faults.dropped(), 0],
    ['cut after it was done', faults.committedThenDropped(), 1],
    ['no answer after it was done', faults.committedThenSilent(), 1],
    ['a gateway’s 504 after it was done', faults.committedThenTimedOut(), 1],
    ['a fault of the service', faults.serverError(500), 0],
    ['a gateway’s 502', faults.serverError(502), 0],
  ])('%s: unknown, never repeated by the client, and the same value again settles it', async (_, fault, done) => {
    await using stage = await startStage({ write: 300 });
    stage.proxy.fault(write, fault);
    expect(await set(stage)).toMatchObject({ outcome: 'unknown' });
    expect([stage.asked('PATCH', users).length, stage.service.set.length]).toEqual([1, done]);
    stage.service.clock += 2000;
    expect(await set(stage)).toMatchObject({ outcome: 'done' });
    expect(new Set(values(stage))).toEqual(new Set([first]));
    expect((await stage.directory().lastPasswordChange(ada.id))?.by).toMatchObject({ operation: 'reset:1' });
  });

  test('Retry-After as a date is a time to come back at', async () => {
    await using stage = await startStage();
    const at = Math.floor(stage.service.clock / 1000) * 1000 + 42_000;
    stage.proxy.fault(write, faults.throttled(new Date(at)));
    expect(await set(stage)).toMatchObject({
      outcome: 'failed',
      retryAt: at,
      problem: { details: { retryAfter: 42 } },
    });
  });

  test('nobody there to ask: failed, and certain', async () => {
    await using stage = await startStage();
    const directory = stage.directory();
    stage.proxy.fault(
      write,
      faults.edited(() => undefined),
    );
    const nowhere = { ...stage.tenant, graph: 'https://localhost:9' };
    const { graphDirectory } = await import('../../connector/directory/graph.ts');
    const outcome = await graphDirectory(nowhere, stage.admin).setPassword(ada.id, force(first), 'reset:1');
    expect(outcome).toMatchObject({ outcome: 'failed', problem: { code: 'unavailable' } });
    expect(await directory.setPassword(tid, force(first), 'reset:1')).toMatchObject({
      problem: { code: 'targetUnknown' },
    });
    expect(stage.asked('PATCH', users)).toEqual([]);
  });

  test('a refusal never repeats the password', async () => {
    await using stage = await startStage();
    stage.proxy.fault(write, faults.graphError(400, 'Request_BadRequest', `"${first}" is too weak.`));
    const outcome = await set(stage);
    expect(JSON.stringify(outcome)).not.toContain(first);
    expect(outcome).toMatchObject({ problem: { details: { reason: '"[secret]" is too weak' } } });
  });

  test('done once is not done again, whoever signed in meanwhile; another value is', async () => {
    await using stage = await startStage();
    const one = await set(stage);
    stage.service.clock += 5000;
    expect(await set(stage)).toEqual(one);
    expect(values(stage)).toEqual([first]);
    expect(await set(stage, second)).toMatchObject({ outcome: 'done' });
    stage.service.clock += 5000;
    stage.service.people[ada.id] = {
      ...stage.service.people[ada.id],
      lastPasswordChangeDateTime: new Date(stage.service.clock).toISOString(),
    };
    await set(stage, second);
    expect(values(stage)).toEqual([first, second, second]);
  });

  test('a failure in between leaves the record of what was done', async () => {
    await using stage = await startStage();
    await set(stage);
    stage.service.clock += 5000;
    stage.proxy.fault(write, faults.tooWeak());
    await set(stage, second, 'reset:2');
    expect((await stage.directory().lastPasswordChange(ada.id))?.by).toEqual({
      kind: 'operation',
      operation: 'reset:1',
    });
  });

  test('of many at once each is done in its turn, and the last one holds', async () => {
    await using stage = await startStage();
    const passwords = Array.from({ length: 4 }, (_, at) => `Kf7e-rB4m-t9Rz-${at}hWd`);
    const outcomes = await Promise.all(passwords.map((password, at) => set(stage, password, `reset:${at}`)));
    expect(outcomes.every(({ outcome }) => outcome === 'done')).toBe(true);
    expect(values(stage)).toEqual(passwords);
    expect((await stage.directory().lastPasswordChange(ada.id))?.by).toEqual({
      kind: 'operation',
      operation: 'reset:3',
    });
  });

  test('ifUnchangedSince: a password that changed meanwhile is never overwritten; one’s own is', async () => {
    await using stage = await startStage();
    const one = await set(stage);
    const seen = one.outcome === 'done' ? one.at : 0;
    stage.service.clock += 5000;
    expect(await set(stage, second, 'scramble:1', seen)).toMatchObject({ outcome: 'done' });
    stage.service.clock += 5000;
    expect(await set(stage, first, 'scramble:1', seen)).toMatchObject({ outcome: 'done' });
    stage.service.people[ada.id] = {
      ...stage.service.people[ada.id],
      lastPasswordChangeDateTime: '2026-11-22T22:00:00Z',
    };
    expect(await set(stage, second, 'scramble:1', seen)).toMatchObject({
      outcome: 'failed',
      problem: { code: 'stateConflict' },
    });
    expect(values(stage)).toEqual([first, second, first]);
  });

  test('ifUnchangedSince: a scramble whose answer was lost is known by when it happened', async () => {
    await using stage = await startStage({ write: 300 });
    const one = await set(stage);
    const seen = one.outcome === 'done' ? one.at : 0;
    stage.service.clock += 5000;
    stage.proxy.fault(write, faults.committedThenDropped());
    expect(await set(stage, second, 'scramble:1', seen)).toMatchObject({ outcome: 'unknown' });
    const last = await stage.directory().lastPasswordChange(ada.id);
    expect(last?.by).toEqual({ kind: 'operation', operation: 'scramble:1' });
    expect(await set(stage, second, 'scramble:1', seen)).toMatchObject({ outcome: 'done' });
  });

  test('it ends with its lease', async () => {
    await using stage = await startStage();
    stage.proxy.fault(write, faults.silent());
    const begun = Date.now();
    const until = stage.service.clock + 250;
    const outcome = await stage.directory().setPassword(ada.id, force(first), 'reset:1', undefined, until);
    expect(outcome).toMatchObject({ outcome: 'unknown' });
    expect(Date.now() - begun).toBeLessThan(1400);
  });
});

describe('a synchronised account', () => {
  test('goes by the action, is watched to its end, and is done only then', async () => {
    await using stage = await startStage();
    synced(stage);
    stage.service.operation = { running: 3, end: 'succeeded' };
    // The reference page spells the states with capitals.
    const capital = (body: unknown) => ({ ...(body as { status: string }), status: 'Succeeded' });
    stage.proxy.fault(
      { path: operationPath, from: 4 },
      faults.edited((body) => jsonAnswer(200, capital(body))),
    );
    const outcome = await set(stage);
    expect(outcome.outcome).toBe('done');
    expect(stage.asked('POST', resetPath)[0]?.requestBody).toEqual({ newPassword: first });
    expect(stage.asked('GET', operationPath)).toHaveLength(4);
    expect(stage.asked('GET', operationPath)[0]?.query).toBe('?aadgdc=DUB02P&aadgsu=ssprprod');
    expect(stage.asked('PATCH', users)).toEqual([]);
    expect(values(stage)).toEqual([first]);
  });

  test('Retry-After of the operation is kept to', async () => {
    await using stage = await startStage();
    synced(stage);
    stage.service.operation = { running: 1, end: 'succeeded' };
    stage.proxy.fault(
      { path: operationPath },
      faults.edited((body, answer) => jsonAnswer(200, body, { ...answer.headers, 'retry-after': '10' })),
    );
    const begun = stage.service.clock;
    expect(await set(stage)).toMatchObject({ outcome: 'done' });
    expect(stage.service.clock - begun).toBeGreaterThanOrEqual(10_000);
  });

  test.each([
    ['AdminCount', 'The account is protected (hr=80231367)', 'targetProtected'],
    ['no writeback', 'Password writeback is not enabled for this tenant', 'targetSynced'],
    ['a rule of Active Directory', 'The password does not meet the length requirements', 'directoryRefused'],
  ])('failed: %s', async (_, statusDetail, code) => {
    await using stage = await startStage();
    synced(stage);
    stage.service.operation = { running: 1, end: 'failed', statusDetail };
    expect(await set(stage)).toMatchObject({ outcome: 'failed', problem: { code } });
    expect(values(stage)).toEqual([]);
  });

  test('still running at the end of the time: unknown; the next call goes on looking instead of writing again', async () => {
    await using stage = await startStage({}, 20_000);
    synced(stage);
    stage.proxy.fault({ path: operationPath, times: 7 }, faults.staysRunning());
    stage.service.operation = { running: Number.POSITIVE_INFINITY, end: 'succeeded' };
    expect(await set(stage)).toEqual({ outcome: 'unknown', why: 'still running' });
    stage.proxy.heal();
    expect(stage.asked('POST', resetPath)).toHaveLength(1);
  });

  test('resumed, also after other trouble; after a restart the same value is set once more', async () => {
    await using stage = await startStage({}, 20_000);
    synced(stage);
    stage.service.operation = { running: 1000, end: 'succeeded' };
    expect(await set(stage)).toMatchObject({ outcome: 'unknown' });
    stage.service.operation.running = 2;
    stage.proxy.fault({ path: operationPath, times: 2 }, faults.inTurn(faults.dropped(), faults.serverError(500)));
    expect(await set(stage)).toMatchObject({ outcome: 'done' });
    expect(stage.asked('POST', resetPath)).toHaveLength(1);

    stage.service.operation = { running: 1000, end: 'succeeded' };
    stage.service.clock += 5000;
    expect(await set(stage, second, 'reset:2')).toMatchObject({ outcome: 'unknown' });
    stage.restart();
    stage.service.operation.running = 0;
    expect(await set(stage, second, 'reset:2')).toMatchObject({ outcome: 'done' });
    expect(stage.asked('POST', resetPath)).toHaveLength(3);
  });

  test.each<[string, Parameters<Stage['proxy']['fault']>]>([
    ['the operation is gone', [{ path: operationPath }, faults.notFound()]],
    ['nobody says where it is', [{ path: resetPath }, faults.withoutLocation()]],
  ])('%s: never taken for done; the same value is set again', async (_, fault) => {
    await using stage = await startStage();
    synced(stage);
    stage.proxy.fault(...fault);
    expect(await set(stage)).toMatchObject({ outcome: 'unknown' });
    expect(await set(stage)).toMatchObject({ outcome: 'done' });
    expect(stage.asked('POST', resetPath)).toHaveLength(2);
    expect(new Set(values(stage))).toEqual(new Set([first]));
  });

  test('a Location elsewhere is not told the token', async () => {
    await using stage = await startStage();
    synced(stage);
    stage.proxy.fault(
      { path: resetPath },
      faults.edited(() => jsonAnswer(202, {}, { location: 'https://127.0.0.1:9/v1.0/x' })),
    );
    expect(await set(stage)).toMatchObject({ outcome: 'unknown' });
  });

  test('only on behalf of an admin', async () => {
    await using stage = await startStage();
    synced(stage);
    const outcome = await stage.asApp().setPassword(ada.id, force(first), 'reset:1');
    expect(outcome).toMatchObject({
      outcome: 'failed',
      problem: { code: 'targetSynced', details: { reason: 'appOnly' } },
    });
    expect(stage.asked('POST', resetPath)).toEqual([]);
  });

  test('refused at the door', async () => {
    await using stage = await startStage();
    synced(stage);
    stage.proxy.fault({ path: resetPath }, faults.denied());
    expect(await set(stage)).toMatchObject({ outcome: 'failed', problem: { code: 'targetPrivileged' } });
  });
});
