// Hunts mistakes one after the other, each in a process of its own, a few at a time, and prints what has found them.

import { spawn } from 'node:child_process';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Bug } from './bugs.ts';
import type { Found } from './hunt.ts';

export interface Hunted {
  readonly bug: Bug;
  readonly caught: boolean;
  readonly found?: Found;
  readonly runs: number;
  readonly seconds: number;
  /** What the process said, where it told no result. */
  readonly trouble?: string;
}

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));

export interface HuntOptions {
  /** Milliseconds. */
  readonly limit?: number;
  /** Begins with the run that has found it before. */
  readonly known?: boolean;
}

/** One hunt, ended after `limit`. */
export async function hunt(bug: Bug, { limit = 120_000, known = false }: HuntOptions = {}): Promise<Hunted> {
  const begun = performance.now();
  const child = spawn(process.execPath, ['--import', here('with-bug.ts'), here('hunt.ts')], {
    // Reading the same hundred files again costs more than most hunts.
    env: {
      ...process.env,
      ...{ RR_SIM_BUG: bug.name, RR_SIM_KNOWN: known ? '1' : '0' },
      NODE_COMPILE_CACHE: join(tmpdir(), 'reset-and-resend-compiled'),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const timer = setTimeout(() => child.kill('SIGKILL'), limit);
  await new Promise((resolve) => child.once('close', resolve));
  clearTimeout(timer);
  const seconds = (performance.now() - begun) / 1000;
  const line = output.trim().split('\n').at(-1) ?? '';
  try {
    const found = JSON.parse(line) as Partial<Found> & { runs: number };
    if (found.seed === undefined) return { bug, caught: false, runs: found.runs, seconds };
    // A mistake that cannot even run was not found, but made badly.
    if (/is not (defined|a function)|Cannot (read|access)/.test(found.what ?? ''))
      return { bug, caught: false, runs: found.runs, seconds, trouble: found.what ?? '' };
    return { bug, caught: true, found: found as Found, runs: found.runs, seconds };
  } catch {
    return { bug, caught: false, runs: 0, seconds, trouble: output.slice(-500) };
  }
}

/** All of them, as many at a time as there are cores. */
export async function huntAll(bugs: readonly Bug[], options?: HuntOptions): Promise<Hunted[]> {
  const results: Hunted[] = [];
  const queue = [...bugs];
  const one = async () => {
    for (let bug = queue.shift(); bug; bug = queue.shift()) results.push(await hunt(bug, options));
  };
  await Promise.all(Array.from({ length: availableParallelism() }, one));
  return bugs.flatMap((bug) => results.find((result) => result.bug === bug) ?? []);
}

/** A line for each: what is wrong, what has found it, and after how many runs. */
export function bugTable(hunted: readonly Hunted[]): string {
  const lines = hunted.map(({ bug, caught, found, runs, trouble }) => {
    const result =
      caught && found
        ? `${found.invariant.padEnd(8)} after ${String(runs).padStart(4)} runs, ${found.seed}`
        : `NOT FOUND in ${runs} runs ${trouble ?? ''}`;
    return `${bug.name.padEnd(26)} ${result}\n${' '.repeat(27)}${bug.what}${found ? `: ${found.what}` : ''}`;
  });
  const caught = hunted.filter((one) => one.caught).length;
  return [...lines, `${caught} of ${hunted.length} mistakes found`].join('\n');
}
