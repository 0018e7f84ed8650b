// What a seed stands for, and the two ways of making many of them: `enumerate`, one fault at each I/O call of a story in
// turn, and `explore`, many faults and a schedule that is drawn.

import { explore } from './explore.ts';
import { type MannerName, manners, play, type Stage, type Verdict } from './run.ts';
import { type ScenarioName, scenarios } from './scenarios.ts';

/** A seed tells everything: `enumerate:<scenario>:<directory>:<call>:<way>` or `explore:<number>`. */
export function playSeed(stage: Stage, seed: string): Promise<Verdict> {
  const [kind, ...rest] = seed.split(':');
  if (kind === 'enumerate') {
    const [name, manner, at = '0', pick = '0'] = rest as [ScenarioName, MannerName, string?, string?];
    const directory = manners[manner];
    const plan = { at: Number(at), pick: Number(pick) };
    const machines = name.endsWith('Pair') ? 2 : 1;
    return play(stage, { seed, plan, machines, ...(directory ? { directory } : {}) }, scenarios[name]);
  }
  if (kind === 'explore') return explore(stage, seed);
  throw new Error(`A seed is enumerate:… or explore:…, not ${seed}.`);
}

/** Every call of a story fails once in each of its ways; or every `every`-th call, from the `from`-th. */
export async function* enumerate(
  stage: Stage,
  name: ScenarioName,
  manner: MannerName,
  { from = 1, every = 1 }: { readonly from?: number; readonly every?: number } = {},
): AsyncGenerator<Verdict> {
  for (let at = from; ; at += every) {
    for (let pick = 0, ways = 1; pick < ways; pick++) {
      const verdict = await playSeed(stage, `enumerate:${name}:${manner}:${at}:${pick}`);
      yield verdict;
      // The call with number 0 is none: the story without a fault.
      if (verdict.ways === 0 && at > 0) return;
      ways = verdict.ways;
    }
  }
}
