// Everything `npm test` runs, in order, each part with its own output when it fails, and the sum of all on the last line.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Counts, check, countsOf, sum, sumLine } from './counts.ts';
import { buildExtension, builds } from './practice/build.ts';
import { compiled } from './serving.ts';
import { run, Stopped, signalStatus } from './set-up/children.mjs';

const root = resolve(fileURLToPath(new URL('..', import.meta.url)));
const scratch = await mkdtemp(join(tmpdir(), 'reset-and-resend-test-'));

/**
 * A run of the tests must not depend on whose shell it is started in: our settings stay out, but for the browsers and for
 * Postgres.
 */
const env: NodeJS.ProcessEnv = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !name.startsWith('RR_') || /^RR_(BROWSER|FIREFOX|POSTGRES|TEST_DATABASE)$/.test(name),
  ),
);
env.WXT_TELEMETRY = '0';
// Hundreds of processes are started: what one has compiled the others need not.
env.NODE_COMPILE_CACHE ??= compiled.NODE_COMPILE_CACHE;

/** Runs a tool of the packages by this Node.js; `output` is what it said. */
function tool(file: string, ...args: string[]) {
  return run(process.execPath, [join(root, 'node_modules', file), ...args], { cwd: root, env });
}

interface Result {
  readonly counts: Counts;
  readonly output: string;
}

async function lint(): Promise<Result> {
  const { status, output } = await tool('@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.');
  return { counts: check(status === 0), output };
}

async function types(): Promise<Result> {
  const prepared = await tool('wxt/bin/wxt.mjs', 'prepare');
  if (prepared.status !== 0) return { counts: check(false), output: prepared.output };
  const { status, output } = await tool('typescript/bin/tsc', '--noEmit');
  return { counts: check(status === 0), output };
}

async function build(): Promise<Result> {
  const connector = 'https://127.0.0.1:8787';
  for (const target of builds(connector)) {
    try {
      await buildExtension(root, target);
    } catch (error) {
      if (error instanceof Stopped) throw error;
      return { counts: check(false), output: error instanceof Error ? `${error.message}\n` : String(error) };
    }
  }
  return { counts: check(true), output: '' };
}

/** One project of the Vitest configuration. */
async function vitest(project: string): Promise<Result> {
  const report = join(scratch, `${project}.json`);
  const options = ['--config', 'test/vitest.config.ts', '--project', project];
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const { status, output } = await tool('vitest/vitest.mjs', 'run', ...options, ...reporters);
  return { counts: countsOf(await readFile(report, 'utf8').catch(() => undefined), status), output };
}

/** The simulator: its tables are shown, and its last line counts. */
async function sim(): Promise<Result> {
  const { status, output } = await run(process.execPath, [join(root, 'test/sim/main.ts'), 'suite'], { cwd: root, env });
  const [, passed, failed] = /(\d+) passed, (\d+) failed\s*$/.exec(output) ?? [];
  if (passed === undefined || failed === undefined) return { counts: check(false), output };
  const broken = Number(failed) === 0 && status !== 0 ? 1 : Number(failed);
  console.log(output.trimEnd());
  return { counts: { passed: Number(passed), failed: broken, skipped: 0 }, output };
}

const parts = {
  lint,
  types,
  build,
  sim,
  unit: () => vitest('unit'),
  postgres: () => vitest('postgres'),
  e2e: () => vitest('e2e'),
} as const;
type Part = keyof typeof parts;

async function play(part: Part): Promise<Counts> {
  const begun = performance.now();
  const { counts, output } = await parts[part]();
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  if (counts.failed > 0 && output) console.log(output.trimEnd());
  const empty = counts.passed + counts.failed + counts.skipped === 0;
  console.log(`${part.padEnd(8)} ${empty ? 'ran nothing' : sumLine(counts)} (${seconds} s)`);
  return counts;
}

const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !Object.hasOwn(parts, name));
if (unknown !== undefined) {
  console.error(`There is no part “${unknown}”; there are ${Object.keys(parts).join(', ')}.`);
  process.exit(2);
}
const chosen = (Object.keys(parts) as Part[]).filter((part) => {
  // The browsers load what the build made.
  const needed = part === 'build' && wanted.includes('e2e');
  return wanted.length === 0 || wanted.includes(part) || needed;
});
try {
  const isQuick = (part: Part) => part === 'lint' || part === 'types';
  // Lint and types wait on different things, and the two cores are free.
  const all = await Promise.all(chosen.filter(isQuick).map(play));
  for (const part of chosen) if (!isQuick(part)) all.push(await play(part));
  const total = sum(all);
  if (total.passed + total.failed === 0) console.log('No test ran.');
  process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
  console.log(sumLine(total));
} catch (error) {
  if (!(error instanceof Stopped)) throw error;
  console.error('Stopped.');
  process.exitCode = signalStatus(error.signal);
} finally {
  await rm(scratch, { recursive: true, force: true });
}
