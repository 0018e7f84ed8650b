// Trouble in a cluster: connectors that are killed, frozen past their lease and cut off from the database, and a database that
// is restarted under them. Nothing is lost, no second password comes to be, and the others go on.

import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type PostgresServer, startPostgres } from '../postgres/server.ts';
import { quiet } from './check.ts';
import { type Name, names } from './cluster.ts';
import { type Begun, bearerOf, begin, once, receive, see } from './people.ts';
import { allIsWell, cluster, ledger, onCluster, until } from './scenario.ts';
import type { Moment } from './wire.ts';

let server: PostgresServer;
onCluster(async () => {
  await using parts = new AsyncDisposableStack();
  server = parts.use(await startPostgres());
  const url = await server.create('cluster');
  const made = parts.move();
  return { url, [Symbol.asyncDispose]: () => made.disposeAsync() };
}, 60);

/** The first of the living connectors that comes to a moment: something is done to it there. */
function firstAt(
  living: readonly Name[],
  { when, text }: Omit<Moment, 'then'>,
  act: (name: Name) => Promise<void> | void,
): Promise<Name> {
  return new Promise((resolve) => {
    for (const name of living) {
      const then = async () => {
        for (const other of names) cluster.nodes[other].wire.at(undefined);
        resolve(name);
        await act(name);
      };
      cluster.nodes[name].wire.at({ when, text, then });
    }
  });
}

/** Those that live have done what they can: only then is the clock moved on, which would take their leases too. */
async function stillness(): Promise<void> {
  for (let [last, since] = ['', Date.now()]; Date.now() - since < 1000; await pause(50)) {
    const [row] = await cluster.sql.all`select sum(seq) as seq, sum(epoch) as epoch from reset`;
    if (JSON.stringify(row) !== last) [last, since] = [JSON.stringify(row), Date.now()];
  }
}

const kill = async (name: Name) => void (await cluster.nodes[name].end('SIGKILL'));
const freeze = (name: Name) => cluster.nodes[name].freeze();
const others = (...away: readonly Name[]) => names.filter((name) => !away.includes(name));
const said = (name: Name, begun: Begun, what: string) =>
  cluster.nodes[name]
    .output()
    .split('\n')
    .some((line) => line.includes(begun.id) && line.includes(what));

/** The reset when somebody has seen that the person has chosen a password. */
async function done({ id }: Begun) {
  await until(async () => (await see(cluster, id)).events.some(({ name }) => name === 'changed'));
  return see(cluster, id);
}

async function credentialOf({ person }: Begun) {
  return cluster.sql.get`select * from credential where user_id = ${person.id}`;
}

/** Everybody gets what was sent, everything holds. */
async function allIsWellWith(begun: readonly Begun[]): Promise<void> {
  // Whoever lost the database in the middle of a walk leaves a lease behind, which ends by itself.
  await quiet(cluster);
  for (const one of begun) await receive(cluster, ledger, one);
  await allIsWell();
}

/** Named moments of a reset's way: what the connector is about to say to the database, or has just had committed. */
const moments = {
  'the row is being saved': { when: 'asked', text: /reset\.prepared/ },
  'the row is saved, and the admin not answered': { when: 'committed', text: /reset\.prepared/ },
  'the mail server has said 250, and nothing is saved': { when: 'asked', text: /reset\.mailed/ },
  'the 250 is saved': { when: 'committed', text: /reset\.mailed/ },
  'the password is on its way to the directory': { when: 'asked', text: /\$argon2id\$/ },
  'the directory has the password, and has not said so': { when: 'committed', text: /\$argon2id\$/ },
  'the link is being armed': { when: 'asked', text: /reset\.ready/ },
  'the link is armed': { when: 'committed', text: /reset\.ready/ },
} as const satisfies Record<string, Omit<Moment, 'then'>>;

describe('kill -9', () => {
  const all = Object.entries(moments);
  const pairs = Array.from({ length: all.length / 2 }, (_, i) => all.slice(2 * i, 2 * i + 2)).map((pair) => ({
    when: pair.map(([name]) => name).join(' / '),
    pair: pair.map(([, moment]) => moment),
  }));
  it.each(pairs)('of two connectors: $when', { timeout: 240_000 }, async ({ pair }) => {
    const dead: Name[] = [];
    const begun: Promise<Begun>[] = [];
    for (const moment of pair) {
      const died = firstAt(others(...dead), moment, kill);
      begun.push(begin(cluster, ledger));
      dead.push(await died);
    }
    // The last one takes over what the two have left, when their leases have ended.
    await Promise.all(begun);
    await stillness();
    cluster.pass(95_000);
    const starting = dead.map((name) => cluster.nodes[name].start());
    await allIsWellWith(await Promise.all(begun));
    expect(await Promise.all(starting)).toEqual([undefined, undefined]);
  });

  it('of any of the three, at any time', { timeout: 240_000 }, async () => {
    const all: Begun[] = [];
    for (const name of names) {
      const begun = Array.from({ length: 3 }, () => begin(cluster, ledger));
      const mails = cluster.mail.taken.length;
      await until(() => cluster.mail.taken.length > mails);
      await pause(Math.random() * 60);
      await cluster.nodes[name].end('SIGKILL');
      all.push(...(await Promise.all(begun)));
      await stillness();
      cluster.pass(95_000);
      await cluster.nodes[name].start();
    }
    await allIsWellWith(all);
  });
});

describe('SIGSTOP past the lease', () => {
  it('with the mail delivered and its 250 not heard', { timeout: 240_000 }, async () => {
    const address = 'frozen@post.example';
    const hold = cluster.mail.hold(address);
    const begun = await begin(cluster, ledger, { address });
    await hold.arrived;
    await until(() => names.some((name) => said(name, begun, '"mailing"')));
    const frozen = names.find((name) => said(name, begun, '"mailing"')) as Name;
    freeze(frozen);
    hold.release();
    await until(() => !cluster.balancer.ready.has(frozen));
    cluster.pass(95_000);
    await receive(cluster, ledger, begun);
    const before = await done(begun);
    cluster.nodes[frozen].thaw();
    // It hears the 250 that it was waiting for, and its own write bounces.
    await until(() => said(frozen, begun, 'mail attempt'));
    await until(() => cluster.balancer.ready.has(frozen));
    expect(await see(cluster, begun.id, frozen)).toEqual(before);
    await allIsWellWith([]);
  });

  it.each([
    ['before it asks the directory', { when: 'committed', text: /reset\.changing/ }],
    ['with its write to the directory on its way', { when: 'asked', text: /\$argon2id\$/ }],
    ['with its write to the directory done, and not told', { when: 'committed', text: /\$argon2id\$/ }],
  ] as const)('in the middle of a change: %s', { timeout: 240_000 }, async (_, moment) => {
    const thawed = Promise.withResolvers<void>();
    const frozen = firstAt(names, moment, (name) => {
      freeze(name);
      // What it has sent before arrives when it goes on.
      return moment.when === 'asked' ? thawed.promise : undefined;
    });
    const begun = await begin(cluster, ledger);
    const name = await frozen;
    await until(() => !cluster.balancer.ready.has(name));
    cluster.pass(95_000);
    // Another one makes the change, and the person is done with it before the frozen one wakes up.
    await receive(cluster, ledger, begun);
    const before = await done(begun);
    const held = await credentialOf(begun);
    cluster.nodes[name].thaw();
    thawed.resolve();
    await until(() => said(name, begun, 'password change') || said(name, begun, 'stopped on its way'));
    await until(() => cluster.balancer.ready.has(name));
    expect(await see(cluster, begun.id, name)).toEqual(before);
    // Neither the password nor the person's sessions have been touched.
    expect(await credentialOf(begun)).toEqual(held);
    await allIsWellWith([]);
  });
});

describe('the database', () => {
  it('out of reach of one connector: it says so, and its work passes on', { timeout: 240_000 }, async () => {
    const healed = Promise.withResolvers<void>();
    // In the middle of a walk; what it was about to write arrives when the network is whole again.
    const cutting = firstAt(names, { when: 'asked', text: /reset\.mailed/ }, (name) => {
      cluster.nodes[name].wire.silence();
      return healed.promise;
    });
    const begun = await begin(cluster, ledger);
    const cut = await cutting;
    const headers = bearerOf(cluster.settled.admins[0]);
    const asked = Array.from({ length: 12 }, () =>
      once(cluster, 'GET', `/api/resets/${begun.id}`, { headers, to: cut, patience: 90_000 }),
    );
    const readiness = await fetch(`http://127.0.0.1:${cluster.nodes[cut].port}/readyz`, {
      signal: AbortSignal.timeout(25_000),
    });
    expect(readiness.status).toBe(503);
    await until(() => !cluster.balancer.ready.has(cut));
    cluster.pass(95_000);
    const more = await Promise.all([begin(cluster, ledger), begin(cluster, ledger)]);
    for (const one of [begun, ...more]) await receive(cluster, ledger, one);
    const before = await done(begun);
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual(asked.map(() => 503));
    cluster.nodes[cut].wire.heal();
    healed.resolve();
    await until(() => cluster.balancer.ready.has(cut));
    expect(await see(cluster, begun.id, cut)).toEqual(before);
    // It takes its part again.
    const last = await begin(cluster, ledger, { to: cut });
    await allIsWellWith([last]);
  });

  it.each(['fast', 'kill'] as const)('restarted in mid-traffic (%s)', { timeout: 240_000 }, async (how) => {
    const said = names.map((name) => cluster.nodes[name].output().split('Connector: ').length);
    const stopped = Promise.withResolvers<void>();
    // Committed, and whoever wanted it never hears so.
    void firstAt(names, { when: 'unknown', text: /reset\.(mailed|ready)/ }, () =>
      server.stop(how).then(stopped.resolve, stopped.reject),
    );
    const begun = Array.from({ length: 5 }, () => begin(cluster, ledger));
    await stopped.promise;
    await until(() => cluster.balancer.ready.size === 0);
    await server.start();
    await allIsWellWith(await Promise.all(begun));
    await until(() => cluster.balancer.ready.size === 3);
    expect(names.map((name) => cluster.nodes[name].output().split('Connector: ').length)).toEqual(said);
  });
});
