// A cluster is changed under live resets: a new release with a larger schema beside the old one, and back; a schema that
// the old one cannot read; a master key that is missing, another one, or being replaced.

import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { freshDatabase } from '../postgres/database.ts';
import { type Name, names, type Start, secretKey } from './cluster.ts';
import { type Begun, begin, open, receive, see } from './people.ts';
import { allIsWell, cluster, ledger, onCluster, until } from './scenario.ts';

onCluster(freshDatabase, 40);

/** Resets on their way: one whose mail is put off, one whose link is armed, one whose link is open. */
async function live(to?: Name) {
  const address = `${randomUUID()}@post.example`;
  const through = to === undefined ? {} : { to };
  const release = cluster.mail.defer(address);
  step(`resets are begun at ${to ?? 'any'}`);
  const [mailing, ready, leased] = await Promise.all([
    begin(cluster, ledger, { address, ...through }),
    begin(cluster, ledger, through),
    begin(cluster, ledger, through),
  ]);
  for (const { id } of [ready, leased]) await until(async () => (await see(cluster, id)).state === 'ready');
  const holder = crypto.getRandomValues(new Uint8Array(32));
  await open(cluster, ledger, leased, { holder });
  await until(async () => (await see(cluster, mailing.id)).events.some(({ name }) => name === 'deferred'));
  return { mailing, ready, leased, holder, release };
}

/** Their mails leave, and all of them come to their end. */
async function finish(all: readonly Awaited<ReturnType<typeof live>>[]): Promise<void> {
  step('all are brought to their end');
  for (const { leased, holder } of all) {
    const again = await open(cluster, ledger, leased, { holder });
    expect(again.answer.state).toBe('open');
  }
  for (const { release } of all) release();
  // Put off for a minute, or longer by now.
  const [row] = await cluster.sql.all<{ next: number }>`select max(next_attempt_at) as next from reset
    where state = 'mailing'`;
  cluster.pass(Math.max(0, (row?.next ?? 0) - cluster.now()) + 1000);
  for (const { mailing, ready } of all) {
    await receive(cluster, ledger, mailing);
    await receive(cluster, ledger, ready);
    step(`${mailing.id} and ${ready.id} are received`);
  }
}

/** What was done so far, and when: told when a test fails, also by its time limit. */
const steps: string[] = [];
const step = (what: string) => void steps.push(`${new Date().toISOString()} ${what}`);
afterEach(({ task }) => {
  const told = steps.splice(0);
  if (task.result?.state !== 'fail') return;
  const said = names.map((name) => `${name}: ${cluster.nodes[name].output().slice(-3000)}`);
  process.stderr.write(`${[...told, ...said].join('\n')}\n`);
});

async function restart(name: Name, how?: Start): Promise<void> {
  step(`${name} is told to end`);
  expect(await cluster.nodes[name].end()).toBe(0);
  step(`${name} has ended`);
  expect(await cluster.nodes[name].start(how)).toBeUndefined();
  step(`${name} is up`);
  await until(() => cluster.balancer.ready.has(name));
}

/** A reset through each of the three, as they are now. */
async function throughEach(): Promise<Begun[]> {
  const begun = await Promise.all(names.map((to) => begin(cluster, ledger, { to })));
  for (const one of begun) await receive(cluster, ledger, one);
  return begun;
}

const expanded = { release: 'expanded' } as const;
const contracted = { release: 'contracted' } as const;
const version = async () =>
  Number((await cluster.sql.get<{ value: string }>`select value from meta where key = 'version'`)?.value);

describe('a rolling upgrade over a change of the schema', () => {
  it('goes on beside the release before, back, and on again', { timeout: 240_000 }, async () => {
    const before = await version();
    const first = [await live('A')];
    await restart('C', expanded);
    expect(await version()).toBe(before + 1);
    // What the older ones have prepared is out of date by now.
    await throughEach();
    await finish(first);
    const second = [await live('C')];
    // Back: the release before reads the larger schema.
    await restart('C');
    for (const name of names) await restart(name, expanded);
    await finish(second);
    await throughEach();
    await allIsWell();
  });

  it('is refused where the schema has been contracted', { timeout: 240_000 }, async () => {
    await restart('C', contracted);
    await throughEach();
    await cluster.nodes.A.end();
    const refused = await cluster.nodes.A.start();
    expect(refused?.code).toBe(1);
    expect(refused?.said).toMatch(
      /^The database was brought to schema \d+ by a newer release, .* Nothing was changed\.\n$/,
    );
    await cluster.nodes.B.end();
    // Together, since C serves meanwhile.
    const started = (['A', 'B'] as const).map((name) => cluster.nodes[name].start(contracted));
    expect(await Promise.all(started)).toEqual([undefined, undefined]);
    await throughEach();
    await allIsWell();
  });
});

describe('the master key', () => {
  const withKeys = (...fills: number[]): Start => ({
    ...contracted,
    env: { RR_SECRET_KEY: fills.map(secretKey).join(',') },
  });

  it('must be given, and be the one of all', { timeout: 240_000 }, async () => {
    await cluster.nodes.A.end();
    const missing = await cluster.nodes.A.start({ ...contracted, env: { RR_SECRET_KEY: '' } });
    expect([missing?.code, missing?.said]).toEqual([1, expect.stringMatching(/RR_SECRET_KEY/)]);
    const other = await cluster.nodes.A.start(withKeys(9));
    expect([other?.code, other?.said]).toEqual([
      1,
      expect.stringMatching(/another master key than the one in RR_SECRET_KEY/),
    ]);
    await cluster.nodes.A.start(contracted);
    await throughEach();
    await allIsWell();
  });

  // Each of the last three starts waits for the others' next word, or for a turn to pass on: a minute at worst.
  it('is replaced by restarting one after the other, under live resets', { timeout: 480_000 }, async () => {
    await until(() => cluster.balancer.ready.size === 3);
    const all = [await live('A')];
    // Everybody gets to know the new one, then everybody seals with it, then the old one goes.
    for (const name of names) await restart(name, withKeys(3, 4));
    for (const [i, name] of names.entries()) {
      await restart(name, withKeys(4, 3));
      // Those that are still to come seal with the old one.
      all.push(await live(names[(i + 1) % names.length]));
    }
    for (const name of names) await restart(name, withKeys(4));
    await finish(all);
    await throughEach();
    await allIsWell();
  });
});
