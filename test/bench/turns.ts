// Two servers take turns, round by round, and each round is a ratio: the machine's own speed, and whatever else runs on it,
// hits both.

import { drive, memoryOf, type Operation, type Sample, type Target } from './load.ts';

/** What is measured: the name, the operation, how many connections, and the ratio that is aimed at. */
export type Line = readonly [name: string, operation: Operation, connections: number, aim: number];

/** How often they take turns, and how long a turn is, in milliseconds. */
export interface Turns {
  readonly rounds: number;
  readonly turn: number;
}

/** The middle one. */
export const median = (numbers: readonly number[]) =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
/** As it is printed. */
export const shown = (ratio: number) => ratio.toFixed(ratio < 10 ? 2 : 0);

/** Lets two servers take turns; each round is a ratio. */
async function ratios(a: Target, b: Target, operation: Operation, connections: number, { rounds, turn }: Turns) {
  for (const one of [a, b]) await drive(one, operation, connections, Math.min(500, turn));
  const samples: [Sample, Sample][] = [];
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 0) {
      const first = await drive(a, operation, connections, turn);
      samples.push([first, await drive(b, operation, connections, turn)]);
    } else {
      const first = await drive(b, operation, connections, turn);
      samples.push([await drive(a, operation, connections, turn), first]);
    }
  }
  const all = samples.map(([one, other]) => one.perSecond / other.perSecond);
  const of = (side: 0 | 1, what: keyof Sample) => median(samples.map((pair) => pair[side][what]));
  return { ratio: median(all), least: Math.min(...all), most: Math.max(...all), of };
}

/** Prints a table of what two servers do in turns. */
export async function compare(
  title: string,
  [a, b]: readonly [Target, Target],
  lines: readonly Line[],
  turns: Turns,
): Promise<void> {
  console.log(`\n### ${title}\n`);
  console.log('| operation | connections | ratio (least … most of the rounds) | aim | requests/s | p99 ms | CPU µs |');
  console.log('|---|---|---|---|---|---|---|');
  for (const [name, operation, connections, aim] of lines) {
    const { ratio, least, most, of } = await ratios(a, b, operation, connections, turns);
    const both = (what: keyof Sample, digits = 0) => `${of(0, what).toFixed(digits)} : ${of(1, what).toFixed(digits)}`;
    const met = ratio >= aim ? '' : ', missed';
    console.log(
      `| ${name} | ${connections} | **${shown(ratio)}** (${shown(least)} … ${shown(most)}) | ≥ ${aim}${met} ` +
        `| ${both('perSecond')} | ${both('p99', 2)} | ${both('cpu')} |`,
    );
  }
}

/** What a server holds in memory now. */
export const resident = (target: Target) => `${target.name}: ${memoryOf(target.pid)} MiB resident afterwards`;
