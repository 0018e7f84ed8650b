// How fast SCIM is: `npm run bench:scim`. Starts the connector as it is served (token check, validation, record), the bare
// limit (limit.ts) and a peer (peer.ts), fills them alike and lets two of them take turns, round by round. Prints the
// ratios of each pair as Markdown: the machine's own speed, and whatever else runs on it, hits both.
//
//   --users 10000   --large 100000   --rounds 7   --seconds 4 (of each operation and server)   --only limit|peer|growth
//   --without-peer  nothing is downloaded

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { command, freePort, installation, startServing } from '../serving.ts';
import { drive, fill, member, memoryOf, type Operation, operations, type Sample, type Target } from './load.ts';

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
const wanted = (part: string) => values.only === '' || values.only === part;

/** What is measured: the name, the operation, how many connections, and the ratio that is aimed at. */
type Line = readonly [name: string, operation: Operation, connections: number, aim: number];

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

// Servers -------------------------------------------------------------------------------------------------------

interface Server extends Target {
  end(): Promise<void>;
}

async function connector(name: string): Promise<Server> {
  // As `npm run serve` starts it.
  const place = installation({ NODE_OPTIONS: '--max-semi-space-size=4' });
  const { stdout } = await command(place.env, 'token', 'create', '--name', 'bench', '--scope', 'scim');
  const token = /rr_[0-9a-f]{16}_[A-Za-z0-9_-]{43}/.exec(stdout)?.[0] ?? '';
  const port = await freePort();
  const serving = await startServing(place.env, port);
  const end = async () => {
    await serving.end();
    place.remove();
  };
  return { ...targetOf(name, `http://127.0.0.1:${port}/scim/v2`, token, serving.child), end };
}

function targetOf(name: string, base: string, token: string, child: ChildProcess): Target {
  // Also when an answer was wrong and the benchmark ended there.
  process.once('exit', () => child.kill());
  return { name, base: new URL(base), token, pid: child.pid ?? 0, ids: [], groups: new Map(), next: 0 };
}

async function started(script: string, ...more: string[]): Promise<{ child: ChildProcess; port: number }> {
  const port = await freePort();
  const file = new URL(script, import.meta.url).pathname;
  const child = spawn(process.execPath, [file, String(port), ...more], { stdio: ['ignore', 'ignore', 'inherit'] });
  for (let tries = 0; tries < 200; tries++) {
    const answered = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
    if (answered || child.exitCode !== null) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { child, port };
}

async function ended(child: ChildProcess): Promise<void> {
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill();
  await exit;
}

async function limit(): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), 'rr-limit-'));
  const { child, port } = await started('limit.ts', join(folder, 'limit.db'));
  const end = () => ended(child).then(() => rm(folder, { recursive: true }));
  return { ...targetOf('the limit', `http://127.0.0.1:${port}/`, 'limit', child), end };
}

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

// Measuring -----------------------------------------------------------------------------------------------------

const median = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
const shown = (ratio: number) => ratio.toFixed(ratio < 10 ? 2 : 0);

/** Lets two servers take turns; each round is a ratio. */
async function ratios(a: Target, b: Target, operation: Operation, connections: number, perTurn = turn) {
  for (const one of [a, b]) await drive(one, operation, connections, Math.min(500, perTurn));
  const samples: [Sample, Sample][] = [];
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 0) {
      const first = await drive(a, operation, connections, perTurn);
      samples.push([first, await drive(b, operation, connections, perTurn)]);
    } else {
      const first = await drive(b, operation, connections, perTurn);
      samples.push([await drive(a, operation, connections, perTurn), first]);
    }
  }
  const all = samples.map(([one, other]) => one.perSecond / other.perSecond);
  const of = (side: 0 | 1, what: keyof Sample) => median(samples.map((pair) => pair[side][what]));
  return { ratio: median(all), least: Math.min(...all), most: Math.max(...all), of };
}

async function compare(title: string, a: Target, b: Target, lines: readonly Line[]): Promise<void> {
  console.log(`\n### ${title}\n`);
  console.log('| operation | connections | ratio (least … most of the rounds) | aim | requests/s | p99 ms | CPU µs |');
  console.log('|---|---|---|---|---|---|---|');
  for (const [name, operation, connections, aim] of lines) {
    const { ratio, least, most, of } = await ratios(a, b, operation, connections);
    const both = (what: keyof Sample, digits = 0) => `${of(0, what).toFixed(digits)} : ${of(1, what).toFixed(digits)}`;
    const met = ratio >= aim ? '' : ', missed';
    console.log(
      `| ${name} | ${connections} | **${shown(ratio)}** (${shown(least)} … ${shown(most)}) | ≥ ${aim}${met} ` +
        `| ${both('perSecond')} | ${both('p99', 2)} | ${both('cpu')} |`,
    );
  }
}

const resident = (target: Target) => `${target.name}: ${memoryOf(target.pid)} MiB resident afterwards`;

if (wanted('limit')) {
  const [ours, bare] = [await connector('the connector'), await limit()];
  for (const one of [ours, bare]) await fill(one, users, [big]);
  await compare(`The connector : the bare limit, ${users} users, durable`, ours, bare, toLimit);
  console.log(`\n${resident(ours)}; ${resident(bare)}.`);
  for (const one of [ours, bare]) await one.end();
}

if (wanted('peer') && !values['without-peer']) {
  const [ours, other] = [await connector('the connector'), await peer()];
  for (const one of [ours, other]) await fill(one, users, [big]);
  await compare(
    `The connector (durable) : SCIMMY with a Map as index (in memory), ${users} users`,
    ours,
    other,
    toPeer,
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
  await compare(`Growth: ${large} users : 1000 users`, most, few, lines);
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
