// The commands that README and docs tell people to type: each says what it is for, outside of the tests' own runner.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { run } from './set-up/children.mjs';

const root = new URL('..', import.meta.url).pathname;
const { scripts } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { scripts: Record<string, string> };

test.each(['sim', 'torture', 'bench:resets'])('npm run %s -- --help explains itself', async (name) => {
  const [program = '', ...given] = scripts[name]?.split(' ') ?? [];
  expect(program).toBe('node');
  const { VITEST: _, ...env } = process.env;
  const { status, output } = await run(process.execPath, [...given, '--help'], { cwd: root, env });
  expect([status, output]).toEqual([0, expect.stringContaining(`npm run ${name} --`)]);
});
