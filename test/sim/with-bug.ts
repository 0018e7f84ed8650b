// Switches one mistake on for this process: `node --import ./test/sim/with-bug.ts …` with its name in RR_SIM_BUG. The text
// of the connector is changed as it is loaded; where the mistake has no place any more, nothing is loaded at all.

import { registerHooks } from 'node:module';
import { bugs } from './bugs.ts';

const name = process.env.RR_SIM_BUG;
const bug = bugs.find((one) => one.name === name);
if (!bug) throw new Error(`There is no such mistake: ${name}.`);

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    if (!url.endsWith(`/${bug.file}`)) return loaded;
    let text = String(loaded.source);
    for (const [find, replace] of bug.changes) {
      const parts = text.split(find);
      if (parts.length !== 2)
        throw new Error(`${bug.name}: the place stands ${parts.length - 1} times in ${bug.file}.`);
      text = parts.join(replace);
    }
    return { ...loaded, source: text };
  },
});
