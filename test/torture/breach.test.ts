// The torture can fail: a rule is broken on purpose, in the connector's own process, and it is noticed. The other breaches
// of plan.ts can be tried with `npm run torture -- --breach NAME`.

import { expect, it } from 'vitest';
import type { Breach } from './plan.ts';
import { torture } from './torture.ts';

/** What is said of a breach, and after how many kills at the latest. */
const noticed: readonly (readonly [Breach, kills: number, RegExp])[] = [
  ['another password at each try', 8, /has shown another password than the directory holds/],
  ['another Message-ID at each try', 8, /was sent for no reset/],
  ['the password in a log line', 4, /what the processes have printed: password as base64/],
];

it.each(noticed)('%s: noticed', { timeout: 600_000 }, async (breach, kills, said) => {
  const report = await torture({
    ...{ seed: 5, lanes: 1, kills, until: Number.POSITIVE_INFINITY, people: 4, first: true, breach },
  });
  expect(report.violations.map(({ text }) => text).join('\n')).toMatch(said);
});
