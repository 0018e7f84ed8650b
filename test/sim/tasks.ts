// What a worker of the simulator is given, and what it tells: a task is a slice of a story's calls or of the drawn worlds.

import { type MannerName, manners, type Stage, type Verdict } from './run.ts';
import { type ScenarioName, scenarios } from './scenarios.ts';
import { enumerate, playSeed } from './seeds.ts';

export type Task =
  /** Every `every`-th call of a story, from the `from`-th. */
  | {
      readonly kind: 'enumerate';
      readonly story: ScenarioName;
      readonly directory: MannerName;
      readonly from: number;
      readonly every: number;
    }
  | { readonly kind: 'explore'; readonly seed: string; readonly from: number; readonly to: number };

/** Sums over many runs. */
export interface Tally {
  readonly runs: number;
  readonly resets: number;
  readonly mails: number;
  readonly calls: number;
  readonly faults: number;
  readonly kills: number;
  /** Changes by somebody else that fell into the window of a directory that cannot compare. */
  readonly windows: number;
  /** Virtual milliseconds. */
  readonly time: number;
}

export const nothing: Tally = { runs: 0, resets: 0, mails: 0, calls: 0, faults: 0, kills: 0, windows: 0, time: 0 };

/** One with another. */
export function add(a: Tally, b: Tally): Tally {
  const sum = (name: keyof Tally) => a[name] + b[name];
  return {
    ...{ runs: sum('runs'), resets: sum('resets'), mails: sum('mails'), calls: sum('calls') },
    ...{ faults: sum('faults'), kills: sum('kills'), windows: sum('windows'), time: sum('time') },
  };
}

/** A run that broke something, small enough to be sent about. */
export interface Broken {
  readonly seed: string;
  readonly invariant: string;
  readonly what: string;
  readonly struck: string | undefined;
}

export interface Told {
  readonly tally: Tally;
  readonly broken: readonly Broken[];
}

async function* runsOf(stage: Stage, task: Task): AsyncGenerator<Verdict> {
  if (task.kind === 'enumerate') yield* enumerate(stage, task.story, task.directory, task);
  else for (let i = task.from; i < task.to; i++) yield await playSeed(stage, `explore:${task.seed}/${i}`);
}

/** Does a task; `until` ends it early, by performance.now(). */
export async function carryOut(stage: Stage, task: Task, until = Number.POSITIVE_INFINITY): Promise<Told> {
  let tally = nothing;
  const broken: Broken[] = [];
  for await (const { seed, violations, struck, resets, mails, calls, faults, kills, windows, time } of runsOf(
    stage,
    task,
  )) {
    tally = add(tally, { runs: 1, resets, mails, calls, faults, kills, windows, time });
    const [first] = violations;
    if (first && broken.length < 5) broken.push({ seed, struck, ...first });
    if (performance.now() > until) break;
  }
  return { tally, broken };
}

/** All stories in all directories, every `every`-th call of each. */
export function enumeration(every: number, stories = Object.keys(scenarios) as ScenarioName[]): Task[] {
  const directories = Object.keys(manners) as MannerName[];
  return stories.flatMap((story, i) =>
    directories.map((directory, j) => {
      // Each begins elsewhere, so that all together come to every kind of call.
      const from = 1 + ((i * directories.length + j) % every);
      return { kind: 'enumerate', story, directory, from, every } as const;
    }),
  );
}

/** Drawn worlds by number, in slices. */
export function exploration(seed: string, runs: number, slice = 20): Task[] {
  const tasks: Task[] = [];
  for (let from = 0; from < runs; from += slice) {
    tasks.push({ kind: 'explore', seed, from, to: Math.min(runs, from + slice) });
  }
  return tasks;
}
