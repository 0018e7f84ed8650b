// Three connectors at work together: event streams that outlive the one they began at, two administrators at once, one
// recipient with two windows, and clocks that disagree.

import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Reset } from '#shared/api.ts';
import { freshDatabase } from '../postgres/database.ts';
import { quiet } from './check.ts';
import { type Name, names } from './cluster.ts';
import { bearerOf, begin, insist, open, pause, receive, see, signIn, wanted } from './people.ts';
import { allIsWell, cluster, ledger, onCluster, until } from './scenario.ts';
import { follow } from './stream.ts';

onCluster(freshDatabase, 60);

describe('an event stream', () => {
  it('goes on at another connector where the killed one has left off', { timeout: 240_000 }, async () => {
    const address = `${randomUUID()}@post.example`;
    const hold = cluster.mail.hold(address);
    const begun = await begin(cluster, ledger, { address });
    await hold.arrived;
    await using stream = follow(cluster, begun.id);
    await until(() => stream.events.length > 0);
    const [first] = stream.servedBy as [Name];
    await cluster.nodes[first].end('SIGKILL');
    // Changes that nobody streams: the client is not back yet, or has just come.
    hold.release();
    cluster.pass(95_000);
    await receive(cluster, ledger, begun);
    await until(() => stream.events.at(-1)?.reset.events.some(({ name }) => name === 'changed'));
    const seqs = stream.events.map(({ id }) => id);
    expect(seqs).toEqual([...new Set(seqs)].toSorted((a, b) => a - b));
    expect(stream.servedBy.length).toBeGreaterThan(1);
    expect(stream.servedBy.slice(1)).not.toContain(first);
    const told = stream.events.at(-1)?.reset;
    expect(told).toEqual(await see(cluster, begun.id));
    expect(told?.events.map(({ name }) => name).filter((name) => name !== 'deferred')).toEqual([
      'requested',
      'prepared',
      'accepted',
      'passwordSet',
      'armed',
      'opened',
      'changed',
    ]);
    // What it had seen it is not told again; what it had not, it is.
    const later = stream.events.filter((event) => event.after !== undefined);
    for (const { id, after } of later) expect(id).toBeGreaterThan(after ?? 0);
    await cluster.nodes[first].start();
    await allIsWell();
  });

  it('shows what is done at another connector before its next heartbeat', { timeout: 240_000 }, async () => {
    await until(() => cluster.balancer.ready.size === 3);
    const prompt: boolean[] = [];
    // A heartbeat may come just then: not each time.
    for (let tries = 0; tries < 3 && !prompt.includes(true); tries++) {
      const begun = await begin(cluster, ledger, { to: 'C' });
      await until(async () => (await see(cluster, begun.id)).state === 'ready');
      await using stream = follow(cluster, begun.id, 'B');
      await until(() => stream.events.at(-1)?.reset.state === 'ready');
      const beats = stream.beats;
      await open(cluster, ledger, begun, { to: 'C' });
      await until(() => stream.events.at(-1)?.reset.state === 'leased');
      prompt.push(stream.beats === beats);
    }
    expect(prompt).toContain(true);
    await allIsWell();
  });
});

describe('at once', () => {
  it('two administrators at two connectors: one reset, and the other is told whose', { timeout: 240_000 }, async () => {
    const { admins } = cluster.settled;
    for (const pair of [
      ['A', 'B'],
      ['B', 'C'],
      ['C', 'A'],
    ] as const) {
      const person = cluster.settled.next();
      const answers = await Promise.all(
        pair.map((to, i) => {
          const headers = { ...bearerOf(admins[i as 0 | 1]), 'idempotency-key': `key-${randomUUID()}` };
          const body = wanted(person, `${randomUUID()}@post.example`);
          return insist(cluster, 'POST', '/api/resets', { headers, body, to });
        }),
      );
      expect(answers.map(({ status }) => status).toSorted()).toEqual([202, 409]);
      const winner = answers.findIndex(({ status }) => status === 202);
      const reset = JSON.parse(answers[winner]?.text ?? '') as Reset;
      const problem = JSON.parse(answers[1 - winner]?.text ?? '') as { code: string; details: Record<string, string> };
      const by = admins[winner as 0 | 1].displayName;
      expect(problem).toMatchObject({ code: 'liveReset', details: { reset: reset.id, by, at: reset.startedAt } });
    }
    await allIsWell();
  });

  it('one administrator who clicks twice, each click at another connector: one reset', {
    timeout: 240_000,
  }, async () => {
    for (const pair of [
      ['A', 'B'],
      ['B', 'C'],
      ['C', 'A'],
    ] as const) {
      const headers = { ...bearerOf(cluster.settled.admins[0]), 'idempotency-key': `key-${randomUUID()}` };
      const body = wanted(cluster.settled.next(), `${randomUUID()}@post.example`);
      const answers = await Promise.all(
        pair.map((to) => insist(cluster, 'POST', '/api/resets', { headers, body, to })),
      );
      expect(answers.map(({ status, text }) => [status, (JSON.parse(text) as Reset).id])).toEqual(
        pair.map(() => [202, (JSON.parse(answers[0]?.text ?? '') as Reset).id]),
      );
    }
    await allIsWell();
  });

  it('one link opened at two connectors: one holder', { timeout: 240_000 }, async () => {
    for (const pair of [
      ['A', 'B'],
      ['B', 'C'],
      ['C', 'A'],
    ] as const) {
      const begun = await begin(cluster, ledger);
      await until(async () => (await see(cluster, begun.id)).state === 'ready');
      const opened = await Promise.all(pair.map((to) => open(cluster, ledger, begun, { to })));
      expect(opened.map(({ answer }) => answer.state).toSorted()).toEqual(['open', 'openedElsewhere']);
    }
    await allIsWell();
  });
});

const minute = 60_000;

describe('clocks', () => {
  it('that disagree by more than an hour lose nothing and lengthen nothing', { timeout: 240_000 }, async () => {
    await quiet(cluster);
    cluster.nodes.A.clock(10 * minute);
    cluster.nodes.B.clock(-60 * minute);
    const begun = await Promise.all([...names, ...names].map((to) => begin(cluster, ledger, { to })));
    await quiet(cluster);
    // The lease of the one that is behind is over for the others as soon as it begins: they take its work, and send again.
    const address = `${randomUUID()}@post.example`;
    const hold = cluster.mail.hold(address);
    begun.push(await begin(cluster, ledger, { to: 'B', address }));
    await hold.arrived;
    await pause(2000);
    hold.release();
    await quiet(cluster);
    // One of them dies with work in its hands, and one is set right, which is back for A.
    const more = Promise.all(names.map((to) => begin(cluster, ledger, { to })));
    await cluster.nodes.B.end('SIGKILL');
    cluster.nodes.A.clock(0);
    cluster.pass(95_000);
    await cluster.nodes.B.start();
    begun.push(...(await more));
    await quiet(cluster);
    for (const one of begun) {
      const { expiresAt, startedAt } = await see(cluster, one.id);
      const day = 24 * 60 * minute;
      expect(Date.parse(expiresAt) - Date.parse(startedAt)).toBeLessThanOrEqual(day);
      expect(Date.parse(expiresAt)).toBeLessThanOrEqual(cluster.now() + day + 10 * minute);
      expect(Date.parse(expiresAt)).toBeGreaterThan(cluster.now() + day - 75 * minute);
    }
    for (const one of begun) await open(cluster, ledger, one);
    cluster.nodes.B.clock(0);
    for (const { id, person } of begun) {
      const [password = ''] = ledger.shown.get(id) ?? [];
      await signIn(cluster, ledger, person, password);
    }
    await allIsWell();
  });
});
