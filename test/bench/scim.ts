// How fast SCIM is: `npm run bench:scim`. Starts the connector as it is served (token check, validation, record), the bare
// limit (limit.ts) and a peer (peer.ts), fills them alike and lets two of them take turns, round by round. Prints the
// ratios of each pair as Markdown: the machine's own speed, and whatever else runs on it, hits both.
//
//   --users 10000   --large 100000   --rounds 7   --seconds 4 (of each operation and server)   --only limit|peer|growth
//   --without-peer  nothing is downloaded

import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { drive, fill, member, memoryOf, type Operation, operations, type Target } from './load.ts';
import { connector, ended, limit, type Server, started, targetOf } from './servers.ts';
import { compare, type Line, median, resident, shown } from './turns.ts';

const { values } = parseArgs({
  options: {
    users: { type: 'string', default: '10000' },
    large: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '4' },
    only: { type: 'string', default: '' },
    'without-peer': { type: 'boolean', default: false },
  },
});
const [users, large, rounds] = [Number(values.users), Number(values.large), Number(values.rounds)];
const turn = (Number(values.seconds) * 1000) / rounds;
const turns = { rounds, turn };
const wanted = (part: string) => values.only === '' || values.only === part;

const { get, filter, list, create, patchActive } = operations;
const big = Math.min(5000, users / 2);
const toLimit: readonly Line[] = [
  ['GET', get, 16, 0.65],
  ['filter userName eq', filter, 16, 0.6],
  ['list of 100', list, 1, 0.85],
  ['PATCH active', patchActive, 1, 0.9],
  ['create', create, 1, 0.9],
  ['create', create, 16, 2.5],
  ['create', create, 64, 4],
  [`add or remove one member of ${big}`, member(big), 1, 0.75],
];
const toPeer: readonly Line[] = [
  ['GET', get, 16, 8],
  ['filter userName eq', filter, 16, 8],
  ['list of 100', list, 1, 30],
  ['PATCH active', patchActive, 1, 7],
  ['create', create, 16, 4],
  [`add or remove one member of ${big}`, member(big), 1, 1000],
];

async function peer(): Promise<Server> {
  const folder = new URL('../../data/bench/peer', import.meta.url).pathname;
  await mkdir(folder, { recursive: true });
  // Express 4: on 5 the routers pass over startIndex and count.
  const dependencies = { scimmy: '1.3.5', 'scimmy-routers': '1.3.2', express: '4.22.1' };
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies }));
  await promisify(execFile)('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: folder });
  const { child, port } = await started('peer.ts', folder);
  return { ...targetOf('the peer', `http://127.0.0.1:${port}/scim`, 'peer', child), end: () => ended(child) };
}

if (wanted('limit')) {
  const [ours, bare] = [await connector('the connector'), await limit()];
  for (const one of [ours, bare]) await fill(one, users, [big]);
  await compare(`The connector : the bare limit, ${users} users, durable`, [ours, bare], toLimit, turns);
  console.log(`\n${resident(ours)}; ${resident(bare)}.`);
  for (const one of [ours, bare]) await one.end();
}

if (wanted('peer') && !values['without-peer']) {
  const [ours, other] = [await connector('the connector'), await peer()];
  for (const one of [ours, other]) await fill(one, users, [big]);
  await compare(
    `The connector (durable) : SCIMMY with a Map as index (in memory), ${users} users`,
    [ours, other],
    toPeer,
    turns,
  );
  console.log(`\n${resident(ours)}; ${resident(other)}.`);
  for (const one of [ours, other]) await one.end();
}

if (wanted('growth')) {
  const [most, few] = [await connector(`${large} users`), await connector('1000 users')];
  const half = large / 2;
  const rate = await fill(most, large, [50, half]);
  const loaded = memoryOf(most.pid);
  await fill(few, 1000, [50]);
  const lines: readonly Line[] = toLimit.slice(0, -1).map(([name, operation, count]) => [name, operation, count, 0.8]);
  await compare(`Growth: ${large} users : 1000 users`, [most, few], lines, turns);
  const longer = await alternating(most, member(half), member(50));
  console.log(`\nOne member of ${half} takes ${shown(longer)} times as long as one of 50 (aim ≤ 1.3).`);
  console.log(`\nLoaded at ${Math.round(rate)} users/s, ${loaded} MiB resident then; ${resident(most)} (aim ≤ 200).`);
  for (const one of [most, few]) await one.end();
}

/** Two operations on one server take turns: how much longer the first takes. */
async function alternating(target: Target, a: Operation, b: Operation): Promise<number> {
  const all: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const first = await drive(target, a, 1, turn);
    all.push((await drive(target, b, 1, turn)).perSecond / first.perSecond);
  }
  return median(all);
}
