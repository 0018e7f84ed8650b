// One run of a world, from its seed to its verdict; and the two ways of making many: `enumerate`, one fault at each I/O
// call of a story in turn, and `explore`, many faults and a schedule that is drawn.

import { rmSync } from 'node:fs';
import type { Manner } from './directory.ts';
import { makeGround } from './ground.ts';
import type { Violation } from './observer.ts';
import { judge } from './outcome.ts';
import { explore } from './explore.ts';
import { scratch } from './disk.ts';
import { type ScenarioName, scenarios } from './scenarios.ts';
import { World, type WorldOptions } from './world.ts';

export interface Verdict {
  readonly seed: string;
  readonly violations: readonly Violation[];
  readonly history: readonly string[];
  readonly digest: string;
  readonly resets: number;
  readonly calls: number;
  readonly faults: number;
  readonly kills: number;
  readonly mails: number;
  readonly windows: number;
  readonly ways: number;
  readonly struck: string | undefined;
  /** The rows of the resets, as they stand at the end. */
  readonly rows: readonly unknown[];
  /** Virtual milliseconds. */
  readonly time: number;
  readonly steps: number;
}

/** Where runs take place: a folder and what each begins with. */
export interface Stage {
  readonly folder: string;
  readonly ground: WorldOptions['ground'];
  [Symbol.dispose](): void;
}

export async function makeStage(): Promise<Stage> {
  const folder = scratch();
  const ground = { embedded: await makeGround(folder, false), elsewhere: await makeGround(folder, true) };
  return { folder, ground, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Lets one world run its story, then two days without faults, and judges it. */
export async function play(
  stage: Stage,
  options: Omit<WorldOptions, 'folder' | 'ground'>,
  story: (world: World) => Promise<void>,
): Promise<Verdict> {
  const world = new World({ ...options, folder: stage.folder, ground: stage.ground });
  const began = world.loop.now;
  try {
    await world.begin();
    let over = false;
    let broken: unknown;
    story(world).then(
      () => {
        over = true;
      },
      (error) => {
        over = true;
        broken = error;
      },
    );
    while (!over && world.observer.violations.length === 0 && (await world.loop.step(world.loop.now + 1e9)));
    if (broken) throw broken;
    await world.calm();
    if (world.observer.violations.length === 0) judge(world);
    return {
      seed: options.seed,
      violations: world.observer.violations,
      history: world.history,
      digest: world.digest,
      rows: [...world.observer.resets.values()].map(({ row }) => row),
      ...{ resets: world.observer.resets.size, calls: world.calls, faults: world.faults, kills: world.kills },
      ...{ mails: world.post.delivered.length, windows: world.observer.windows, ways: world.ways, struck: world.struck },
      ...{ time: world.loop.now - began, steps: world.loop.steps },
    };
  } finally {
    await world.end();
  }
}

/** How a directory can be; `embedded` is none of these. */
export const manners = {
  embedded: undefined,
  exact: { records: true, history: false, lag: 0, skew: 0, onBehalf: false },
  graph: { records: false, history: true, lag: 20_000, skew: 30_000, onBehalf: false },
  onBehalf: { records: false, history: false, lag: 5_000, skew: -20_000, onBehalf: true },
} as const satisfies Readonly<Record<string, Manner | undefined>>;
export type MannerName = keyof typeof manners;

/** A seed tells everything: `enumerate:<scenario>:<directory>:<call>:<way>` or `explore:<number>`. */
export function playSeed(stage: Stage, seed: string): Promise<Verdict> {
  const [kind, ...rest] = seed.split(':');
  if (kind === 'enumerate') {
    const [name, manner, at = '0', pick = '0'] = rest as [ScenarioName, MannerName, string?, string?];
    const directory = manners[manner];
    const plan = { at: Number(at), pick: Number(pick) };
    return play(stage, { seed, plan, ...(directory ? { directory } : {}) }, scenarios[name]);
  }
  if (kind === 'explore') return explore(stage, seed);
  throw new Error(`A seed is enumerate:… or explore:…, not ${seed}.`);
}

/** Every call of a story fails once in each of its ways. `told`: after each run; false ends it. */
export async function* enumerate(stage: Stage, name: ScenarioName, manner: MannerName): AsyncGenerator<Verdict> {
  for (let at = 1; ; at++) {
    for (let pick = 0, ways = 1; pick < ways; pick++) {
      const verdict = await playSeed(stage, `enumerate:${name}:${manner}:${at}:${pick}`);
      yield verdict;
      if (verdict.ways === 0) return;
      ways = verdict.ways;
    }
  }
}
