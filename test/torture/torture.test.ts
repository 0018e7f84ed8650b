// Two hundred kills: real connector processes die at every named step and at random moments, and nothing is lost, burnt
// or leaked. `npm run torture` does the same for as long as one likes.

import { expect, it } from 'vitest';
import { tableOf, torture } from './torture.ts';

const seed = Number(process.env.TORTURE_SEED ?? 20_261_128);

it('nothing is lost and no password is burnt by 200 kills', { timeout: 1_800_000 }, async () => {
  const report = await torture({ seed, lanes: 3, kills: 200, until: Number.POSITIVE_INFINITY, people: 4, first: true });
  process.stdout.write(`\n${tableOf(report)}\n\n`);
  // The sentences by themselves first: a history is long, and an output that is cut off would hide them.
  expect(report.violations).toEqual([]);
  expect(report.histories).toEqual([]);
  expect(report).toMatchObject({ lost: 0, secondPasswords: 0, leaks: 0 });
  expect(report.kills).toBeGreaterThanOrEqual(200);
  expect(report.resets).toBeGreaterThan(50);
  expect(report.secrets).toBeGreaterThan(300);
});
