// `npm run torture -- --minutes M [--seed S]`: real connector processes, killed for as long as one likes.

import { parseArgs } from 'node:util';
import { type Breach, breaches } from './plan.ts';
import { tableOf, torture } from './torture.ts';

const manual = `Usage: npm run torture -- [--minutes 5] [--seed N] [--lanes 2] [--breach "NAME"]

Real connector processes on real database files and a real mail server, killed by SIGKILL at random moments and at every
named step; then everything is looked at from outside and in the file. Exit code 1: something did not hold.
--breach breaks a rule on purpose, to see that it is noticed: ${breaches.join(' · ')}.`;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string' },
    lanes: { type: 'string', default: '2' },
    breach: { type: 'string' },
    help: { type: 'boolean' },
  },
});
const minutes = Number(values.minutes);
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(values.seed);
const lanes = Number(values.lanes);
const breach = breaches.find((one) => one === values.breach);
if (values.help || !(minutes > 0) || !Number.isInteger(seed) || !(lanes > 0) || (values.breach && !breach)) {
  process.stdout.write(`${manual}\n`);
  process.exit(values.help ? 0 : 2);
}
process.stdout.write(`Seed ${seed}, ${lanes} installations at once, ${minutes} minutes.\n`);
const report = await torture({
  ...{ seed, lanes, kills: Number.POSITIVE_INFINITY, until: Date.now() + minutes * 60_000 },
  // One byte a second, as reset.md has it.
  drip: 1000,
  say: (line) => process.stdout.write(`${line}\n`),
  ...(breach === undefined ? {} : { breach: breach as Breach, first: true }),
});
for (const history of report.histories) process.stdout.write(`\n${history}\n`);
process.stdout.write(`\n${tableOf(report)}\n`);
process.exitCode = report.violations.length > 0 ? 1 : 0;
