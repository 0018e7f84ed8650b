// `npm run sim`: the promise of reset.md as evidence. Explains itself with --help; see docs/guarantees.md.

import { parseArgs } from 'node:util';
import { bugTable, huntAll } from './bug-table.ts';
import { bugs } from './bugs.ts';
import { carryOutAll, type Result } from './fleet.ts';
import { type MannerName, makeStage, manners } from './run.ts';
import { type ScenarioName, scenarios } from './scenarios.ts';
import { playSeed } from './seeds.ts';
import { enumeration, exploration } from './tasks.ts';

const help = `npm run sim -- [what] [options]

Lets the connector's real code live through simulated days: real SQLite files, a virtual clock, a mail server, a
directory, administrators, recipients and mail scanners, all of them drawn from a seed and all of them able to fail.
After every step the invariants of docs/guarantees.md are checked. Exit code 1 when one was broken.

  (nothing)          a few minutes of both below, then the table
  enumerate          every story × one fault or crash at I/O call 1, 2, 3 … N, in each way in which that call can fail
  explore            drawn worlds: many faults at once, clocks that jump, processes that die or stop, two connectors
  suite              what npm test does within two minutes: the mistakes, then a part of both
  bugs               switches on one known mistake after the other; each must be found
  --seed SEED        replays one run to the byte and prints its history (SEED as a table or a failure shows it), or,
                     with explore, where drawing begins (1)
  --runs N           explore: how many worlds (1000)
  --every N          enumerate: only every N-th call (1)
  --story NAME       enumerate: ${Object.keys(scenarios).join(', ')}
  --directory NAME   enumerate: ${Object.keys(manners).join(', ')}
  --minutes M        no longer than this
  --help             this text`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string' },
    runs: { type: 'string' },
    every: { type: 'string' },
    story: { type: 'string' },
    directory: { type: 'string' },
    minutes: { type: 'string' },
    help: { type: 'boolean' },
  },
});

/** A whole number above zero. */
function number(name: 'runs' | 'every', otherwise: number): number {
  const given = values[name];
  if (given === undefined) return otherwise;
  if (!/^[1-9]\d{0,8}$/.test(given)) stop(`--${name} is a whole number above zero.`);
  return Number(given);
}

function oneOf<T extends string>(name: 'story' | 'directory', list: readonly T[]): T | undefined {
  const given = values[name];
  if (given === undefined) return undefined;
  if (!(list as readonly string[]).includes(given))
    stop(`There is no ${name} “${given}”; there are ${list.join(', ')}.`);
  return given as T;
}

function stop(sentence: string): never {
  console.error(sentence);
  process.exit(2);
}

async function replay(seed: string): Promise<number> {
  using stage = await makeStage();
  const verdict = await playSeed(stage, seed);
  console.log(verdict.history.join('\n'));
  const { resets, mails, calls, faults, kills, digest } = verdict;
  console.log(
    `\n${resets} resets, ${mails} mails, ${calls} I/O calls, ${faults} faults, ${kills} kills; digest ${digest}`,
  );
  for (const { invariant, what } of verdict.violations) console.log(`BROKEN ${invariant}: ${what}`);
  if (verdict.violations.length === 0) console.log('All invariants hold.');
  return verdict.violations.length === 0 ? 0 : 1;
}

/** The table of a run, and what was broken. */
export function table(results: readonly Result[], seconds: number): string {
  const head = ['', 'runs', 'resets', 'mails', 'I/O calls', 'faults', 'kills', 'virtual days', 'broken'];
  const rows = results.map(({ kind, tally, broken }) => [
    kind,
    ...[tally.runs, tally.resets, tally.mails, tally.calls, tally.faults, tally.kills].map(String),
    ...[Math.round(tally.time / 86_400_000), broken.length].map(String),
  ]);
  const widths = head.map((name, i) => Math.max(name.length, ...rows.map((row) => (row[i] ?? '').length)));
  const line = (row: readonly string[]) =>
    row.map((text, i) => (i === 0 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0))).join('  ');
  const resets = results.reduce((sum, { tally }) => sum + tally.resets, 0);
  const windows = results.reduce((sum, { tally }) => sum + tally.windows, 0);
  return [
    ...[head, ...rows].map(line),
    `${resets} simulated resets in ${seconds.toFixed(0)} s: ${(resets / seconds).toFixed(0)} a second`,
    `changes by others inside the window of a directory without compare-and-set, told and not counted as broken: ${windows}`,
    ...results.flatMap(({ broken }) =>
      broken.map(
        ({ seed, invariant, what, struck }) =>
          `BROKEN ${invariant}: ${what}${struck ? ` (${struck})` : ''}\n  npm run sim -- --seed ${seed}`,
      ),
    ),
  ].join('\n');
}

/** What `suite` may take, in milliseconds. */
const budget = 110_000;

/** A part of everything, for `npm test`; the last line counts stories, slices of worlds, and mistakes. */
async function suite(): Promise<number> {
  const begun = performance.now();
  const spent = () => performance.now() - begun;
  const hunted = await huntAll(bugs, { known: true });
  console.log(bugTable(hunted));
  const hunting = spent();
  const tasks = [...enumeration(31), ...exploration('1', 1600)];
  const results = await carryOutAll(tasks, { milliseconds: Math.max(30_000, budget - hunting) });
  console.log(table(results, (spent() - hunting) / 1000));
  const left = results.reduce((sum, one) => sum + one.left, 0);
  if (left > 0) console.log(`${left} of ${tasks.length} tasks were not begun: the time was over.`);
  const failed =
    results.reduce((sum, { broken }) => sum + broken.length, 0) + hunted.filter(({ caught }) => !caught).length;
  const passed = results.reduce((sum, one) => sum + one.tasks, 0) + hunted.filter(({ caught }) => caught).length;
  console.log(`${passed} passed, ${failed} failed`);
  return failed > 0 ? 1 : 0;
}

async function main(): Promise<number> {
  if (values.help) {
    console.log(help);
    return 0;
  }
  const [what = 'both'] = positionals;
  if (!['both', 'suite', 'enumerate', 'explore', 'bugs'].includes(what)) stop(help);
  if (values.seed?.includes(':')) return replay(values.seed);
  const begun = performance.now();
  if (what === 'bugs') {
    const found = await huntAll(bugs);
    console.log(bugTable(found));
    return found.every(({ caught }) => caught) ? 0 : 1;
  }
  if (what === 'suite') return suite();
  const story = oneOf('story', Object.keys(scenarios) as ScenarioName[]);
  const directory = oneOf('directory', Object.keys(manners) as MannerName[]);
  const every = number('every', what === 'both' ? 7 : 1);
  const enumerated = enumeration(every, story ? [story] : undefined).filter(
    (task) => directory === undefined || (task.kind === 'enumerate' && task.directory === directory),
  );
  const explored = exploration(values.seed ?? '1', number('runs', what === 'both' ? 400 : 1000));
  const tasks = what === 'enumerate' ? enumerated : what === 'explore' ? explored : [...enumerated, ...explored];
  const minutes = values.minutes === undefined ? Number.POSITIVE_INFINITY : Number(values.minutes);
  const results = await carryOutAll(tasks, { milliseconds: minutes * 60_000 });
  console.log(table(results, (performance.now() - begun) / 1000));
  return results.some(({ broken }) => broken.length > 0) ? 1 : 0;
}

process.exit(await main());
