// How many tests passed, failed and were skipped, summed over the runners; and the line that says so last.

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** One check that is not a test runner. */
export function check(ok: boolean): Counts {
  return ok ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 };
}

/** The sum of several. */
export function sum(all: readonly Counts[]): Counts {
  const of = (name: keyof Counts) => all.reduce((total, counts) => total + counts[name], 0);
  return { passed: of('passed'), failed: of('failed'), skipped: of('skipped') };
}

/**
 * The counts in a report of Vitest's JSON reporter. What failed outside any test (a file that can't be loaded, an
 * unhandled error, a runner that died before its report) counts as one failure: it must never look like success.
 * @param text undefined: there is no report
 * @param status the runner's exit status
 */
export function countsOf(text: string | undefined, status: number): Counts {
  try {
    const report = JSON.parse(text ?? '') as Record<string, unknown>;
    const number = (name: string) => {
      const value = report[name];
      if (typeof value !== 'number') throw new Error(`no ${name} in the report`);
      return value;
    };
    const counts = {
      passed: number('numPassedTests'),
      failed: number('numFailedTests'),
      skipped: number('numPendingTests') + number('numTodoTests'),
    };
    const silent = counts.failed === 0 && (status !== 0 || report.success !== true);
    return silent ? { ...counts, failed: 1 } : counts;
  } catch {
    return check(false);
  }
}

/** `N passed, N failed`, and `, N skipped` when some were. */
export function sumLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
