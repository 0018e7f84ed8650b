// One run of a world, from its beginning to its verdict.

import { rmSync } from 'node:fs';
import type { Manner } from './directory.ts';
import { scratch } from './disk.ts';
import { makeGround } from './ground.ts';
import type { Violation } from './observer.ts';
import { judge } from './outcome.ts';
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
    while (!over && world.goesOn() && (await world.loop.step(world.loop.now + 1e9)));
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
      ...{
        mails: world.post.delivered.length,
        windows: world.observer.windows,
        ways: world.ways,
        struck: world.struck,
      },
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
