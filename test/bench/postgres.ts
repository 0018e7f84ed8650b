// What several connectors on one Postgres are worth: `npm run bench:postgres`. Its own server with fsync on; one, two and
// three connector processes take turns, round by round: people are created over SCIM, then resets are walked to `ready` with
// mail to a sink on loopback. Prints rates, the ratios of the same round, units of work that ran again, and what sessions
// waited for. The bare inserts beside it say what the same machine does without us in the same seconds.
//
//   --rounds 5   --seconds 3 (of creates; resets take three times as long)   --loops 24 (requests in flight, shared by the connectors)
//   --connections 10 (of each connector to the database)   --most 3 (connectors)   --history 20000 (resets from before)

import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { bareInserts, creates, haveHistory, resets, sizes, transactions, type Waits, watch } from './postgres-load.ts';
import { makeStage, type Served, type Stage } from './postgres-stage.ts';
import { median, shown } from './turns.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    loops: { type: 'string', default: '24' },
    connections: { type: 'string', default: '10' },
    most: { type: 'string', default: '3' },
    history: { type: 'string', default: '20000' },
  },
});
const [rounds, loops, most] = [Number(values.rounds), Number(values.loops), Number(values.most)];
const turn = Number(values.seconds) * 1000;
const counts = Array.from({ length: most }, (_one, index) => index + 1);

type What = 'creates' | 'resets';
/** Of one measurement: so many connectors did so much in a round. */
interface Measured {
  readonly connectors: number;
  /** Per second. */
  readonly rate: number;
  readonly seconds: number;
  readonly commits: number;
  readonly restarts: Readonly<Record<string, number>>;
  /** Milliseconds of processor time of the connectors. */
  readonly cpu: number;
}
const measured: Record<What, Measured[]> = { creates: [], resets: [] };
const waits: Record<What, Map<number, Waits>> = { creates: new Map(), resets: new Map() };
const bare: number[] = [];

await using stage = await makeStage(most, Number(values.connections));
// Everything is compiled and every cache is filled before anything counts.
for (const one of stage.connectors) {
  await one.open();
  await creates([one], loops, 2 * turn);
  await resets(stage, [one], turn);
  await one.close();
}
await haveHistory(stage, Number(values.history));
for (let round = 0; round < rounds; round++) {
  bare.push(await bareInserts(stage, Number(values.connections), Math.min(1500, turn)));
  // Who comes first meets a machine that is still busy with what was before: each does once in a while.
  const order = counts.map((_one, index) => counts[(index + round) % most] as number);
  for (const connectors of order) {
    const served = stage.connectors.slice(0, connectors);
    for (const one of served) await one.open();
    await creates(served, loops, 500);
    await measure(stage, served, 'creates', () => creates(served, loops, turn));
    // A reset is many transactions and a password hash: fewer of them fit into the same time.
    await measure(stage, served, 'resets', () => resets(stage, served, 3 * turn));
    for (const one of served) await one.close();
  }
  process.stderr.write(`round ${round + 1} of ${rounds}\n`);
}

async function measure(stage: Stage, served: readonly Served[], what: What, work: () => Promise<number>) {
  const connectors = served.length;
  for (const one of served) await one.counts();
  const before = await transactions(stage);
  const seen = waits[what].get(connectors) ?? {
    looks: 0,
    seen: new Map<string, number>(),
    read: new Map<string, number>(),
  };
  waits[what].set(connectors, seen);
  const watching = watch(stage, seen);
  const start = performance.now();
  const rate = await work();
  const seconds = (performance.now() - start) / 1000;
  await watching.stop();
  const commits = (await transactions(stage)).commits - before.commits;
  const restarts: Record<string, number> = {};
  let cpu = 0;
  for (const one of served) {
    const counted = await one.counts();
    cpu += counted.cpu;
    for (const [name, count] of Object.entries(counted.restarts)) restarts[name] = (restarts[name] ?? 0) + count;
  }
  measured[what].push({ connectors, rate, seconds, commits, restarts, cpu });
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);
const restartsOf = (all: readonly Measured[]) => sum(all.flatMap(({ restarts }) => Object.values(restarts)));
const of = (what: What, connectors: number) => measured[what].filter((one) => one.connectors === connectors);

console.log(`\n### Connectors on one Postgres (fsync on), ${loops} requests in flight, ${rounds} rounds\n`);
console.log(
  `${availableParallelism()} processors for everything: Postgres, the connectors, the load and the mail server. A connector is one thread of\n` +
    'JavaScript, so two of them share what is left; more connectors can be faster here only where one waits. That they are not\n' +
    'slower says that they do not stand in each other’s way. Ratios are of the same round; the middle one of the rounds is shown.\n',
);
console.log(`Bare inserts of 1,000 bytes, ${values.connections} sessions: ${median(bare).toFixed(0)}/s.\n`);
console.log(
  '| work | connectors | per second | to one (least … most) | to bare inserts | CPU ms each | run again per 1,000 commits |',
);
console.log('|---|---|---|---|---|---|---|');
for (const what of ['creates', 'resets'] as const) {
  const ones = of(what, 1).map(({ rate }) => rate);
  for (const connectors of counts) {
    const all = of(what, connectors);
    const ratios = all.map(({ rate }, round) => rate / (ones[round] ?? Number.NaN));
    const rate = median(all.map((one) => one.rate));
    const again = (1000 * restartsOf(all)) / sum(all.map(({ commits }) => commits));
    console.log(
      `| ${what} | ${connectors} | ${rate.toFixed(0)} | **${shown(median(ratios))}** (${shown(Math.min(...ratios))} … ` +
        `${shown(Math.max(...ratios))}) | ${shown(rate / median(bare))} | ${median(all.map((one) => one.cpu / (one.rate * one.seconds))).toFixed(1)} | ${again.toFixed(1)} |`,
    );
  }
}

console.log('\nWhat ran again (the first statement that wrote … the one that failed), of all rounds:\n');
for (const what of ['creates', 'resets'] as const) {
  for (const connectors of counts) {
    const all: Record<string, number> = {};
    for (const { restarts } of of(what, connectors))
      for (const [name, count] of Object.entries(restarts)) all[name] = (all[name] ?? 0) + count;
    const lines = Object.entries(all).sort(([, a], [, b]) => b - a);
    console.log(`- ${what}, ${connectors}: ${lines.length === 0 ? 'nothing' : ''}`);
    for (const [name, count] of lines.slice(0, 12)) console.log(`  - ${count} × ${name}`);
  }
}

console.log(
  '\nPredicate locks held, on average: `page` of an index, `tuple` of a table; `relation` is a table that was read whole.\n',
);
for (const what of ['creates', 'resets'] as const) {
  for (const [connectors, { looks, read }] of waits[what]) {
    const lines = [...read]
      .sort(([, a], [, b]) => b - a)
      .map(([name, count]) => `${name} ${(count / looks).toFixed(1)}`);
    console.log(`- ${what}, ${connectors}: ${lines.slice(0, 16).join(', ')}`);
  }
}

console.log(
  '\nSessions of the connectors by what they waited for, on average (looked at every 20 ms; `Lock` is a lock of rows):\n',
);
for (const what of ['creates', 'resets'] as const) {
  for (const [connectors, { looks, seen }] of waits[what]) {
    const lines = [...seen]
      .sort(([, a], [, b]) => b - a)
      .map(([name, count]) => `${name} ${(count / looks).toFixed(2)}`);
    console.log(`- ${what}, ${connectors}: ${lines.join(', ')}`);
  }
}

await stage.pool.query('vacuum analyze');
console.log('\nWhat rows take (resets are mostly the copied ones, which have ended):\n');
for (const line of await sizes(stage.pool)) console.log(line);
