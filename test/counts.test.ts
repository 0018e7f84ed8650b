// The last line of `npm test`: a success that isn't one must be impossible.

import { describe, expect, it } from 'vitest';
import { check, countsOf, sum, sumLine } from './counts.ts';

const report = (passed: number, failed: number, more: object = {}) =>
  JSON.stringify({
    ...{ numPassedTests: passed, numFailedTests: failed, numPendingTests: 0, numTodoTests: 0, success: failed === 0 },
    ...more,
  });

describe('a runner’s report', () => {
  it('is taken at its word', () => {
    expect(countsOf(report(5, 0), 0)).toEqual({ passed: 5, failed: 0, skipped: 0 });
    expect(countsOf(report(5, 2), 1)).toEqual({ passed: 5, failed: 2, skipped: 0 });
    expect(countsOf(report(5, 0, { numPendingTests: 2, numTodoTests: 1 }), 0).skipped).toBe(3);
  });

  it.each([
    ['no report', undefined, 1],
    ['no report, though all seems well', undefined, 0],
    ['half a report', '{"numPassedTests": 3', 0],
    ['a report without counts', '{"success": true}', 0],
    ['a file that could not be loaded', report(5, 0, { success: false, numFailedTestSuites: 1 }), 1],
    ['an unhandled error beside passing tests', report(5, 0), 1],
  ])('%s is one failure', (_what, text, status) => {
    expect(countsOf(text, status).failed).toBe(1);
  });
});

describe('the sum', () => {
  it('adds up and says so', () => {
    const all = sum([check(true), check(false), countsOf(report(40, 1), 1)]);
    expect(sumLine(all)).toBe('41 passed, 2 failed');
    expect(sumLine({ ...all, skipped: 3 })).toBe('41 passed, 2 failed, 3 skipped');
    expect(sumLine(sum([]))).toBe('0 passed, 0 failed');
  });
});
