// The benchmark of resets runs, on real processes, and loses nothing; how fast is not asked here.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

test('npm run bench:resets -- --quick', { timeout: 300_000 }, async () => {
  const script = new URL('resets.ts', import.meta.url).pathname;
  const { stdout } = await promisify(execFile)(process.execPath, [script, '--quick']);
  expect(stdout.match(/All \d+ are armed; each was mailed once and recorded once\./g)).toHaveLength(2);
  expect(stdout).toContain('ratio to the slowest limit');
});
