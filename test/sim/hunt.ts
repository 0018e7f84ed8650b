// Looks for a violation until one is found: the run that has found it before (with RR_SIM_KNOWN=1), one fault at a time in
// the stories that lie near, all stories without faults, drawn worlds, then one fault at a time everywhere. Prints the first
// as a line of JSON. For `bugs.ts`, whose mistakes must all be found.

import { bugs } from './bugs.ts';
import { type MannerName, makeStage, manners, type Verdict } from './run.ts';
import { type ScenarioName, scenarios } from './scenarios.ts';
import { enumerate, playSeed } from './seeds.ts';

/** What was found; `runs` until then. */
export interface Found {
  readonly seed: string;
  readonly invariant: string;
  readonly what: string;
  readonly runs: number;
}

const { near = [], seed: known } = bugs.find(({ name }) => name === process.env.RR_SIM_BUG) ?? {};

async function* everything(stage: Awaited<ReturnType<typeof makeStage>>): AsyncGenerator<Verdict> {
  const names = Object.keys(scenarios) as ScenarioName[];
  const kinds = Object.keys(manners) as MannerName[];
  if (known !== undefined && process.env.RR_SIM_KNOWN === '1') yield await playSeed(stage, known);
  for (const place of near) {
    const [name, kind] = place.split(':') as [ScenarioName, MannerName?];
    for (const one of kind ? [kind] : kinds) yield* enumerate(stage, name, one, { from: 0 });
  }
  for (const name of names) for (const kind of kinds) yield await playSeed(stage, `enumerate:${name}:${kind}:0:0`);
  for (let i = 0; i < 150; i++) yield await playSeed(stage, `explore:${i}`);
  for (const name of names) for (const kind of kinds) yield* enumerate(stage, name, kind);
}

const stage = await makeStage();
let runs = 0;
let found: Found | undefined;
for await (const { seed, violations } of everything(stage)) {
  runs++;
  const [first] = violations;
  if (first) {
    found = { seed, ...first, runs };
    break;
  }
}
console.log(JSON.stringify(found ?? { runs }));
// Leaving at once skips what “using” would do.
stage[Symbol.dispose]();
process.exit(0);
