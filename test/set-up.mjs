// `npm start` and `npm test` on a bare machine: plain JavaScript for whatever Node.js is there, which brings in the
// packages and the browsers that are missing and then hands over to the Node.js among the packages.

import { mkdirSync } from 'node:fs';
import { delimiter, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, findBrowser, firefox, installBrowsers, instruction, mayInstall } from './set-up/browsers.mjs';
import { become, Stopped, signalStatus, stopSignals } from './set-up/children.mjs';
import { withLock } from './set-up/lock.mjs';
import { installPackages, nodeOf, packagesAreFresh } from './set-up/packages.mjs';
import { fetchPostgres, findPostgres, postgresToFetch } from './set-up/postgres.mjs';
import { fileTrouble, Trouble } from './set-up/trouble.mjs';

const root = resolve(fileURLToPath(new URL('..', import.meta.url)));

const programs = /** @type {const} */ ({
  start: {
    file: 'test/practice/start.ts',
    browsers: [chromium],
    postgres: false,
    help: `npm start -- [options]

Starts Reset & Resend with a sample organisation, a practice admin center and an inbox, all on this machine only, and
opens a browser on it. Without a display it plays the whole job in a headless browser and keeps pictures of it in
data/tour/.

  --headless          play the job headless even though there is a display
  --once              play the job headless and end; exit code 0 only if all of it worked
  --port N            port of the connector (8787)
  --inbox-port N      port of the inbox page (the next one, 8788)
  --fresh             forget the practice data first: new passwords, empty inbox
  --help              this text`,
  },
  test: {
    file: 'test/run-tests.ts',
    browsers: [chromium, firefox],
    postgres: true,
    help: `npm test -- [part ...]

Runs lint, types, the builds, the simulator, unit and contract tests and the tests in real browsers, or the parts that are
named: lint, types, build, sim, unit, postgres, e2e. The last line sums them up. PostgreSQL is fetched for them where none is
installed; RR_POSTGRES names the folder of another one's programs. RR_TEST_DATABASE=postgres runs unit on it whole.

  --help              this text`,
  },
});

// While a program runs, children.mjs ends it; this is for the moments between, in which only we can be stopped.
const stop = new AbortController();
for (const signal of stopSignals) process.once(signal, () => stop.abort(new Stopped(signal)));

const say = (/** @type {string} */ line) => console.log(line);

/**
 * A step that takes a while: says that it begins, and how long it took.
 * @param {string} line
 * @param {() => Promise<unknown>} work
 */
async function step(line, work) {
  const begun = performance.now();
  say(`${line} …`);
  await work();
  say(`  done in ${((performance.now() - begun) / 1000).toFixed(1)} s`);
}

/**
 * Installs what is missing; says and does nothing when nothing is.
 * @param {readonly import('./set-up/browsers.mjs').Family[]} families
 * @param {boolean} postgres
 */
async function setUp(families, postgres) {
  const missing = () => families.filter((family) => !findBrowser(family));
  const lacksPostgres = postgres && !findPostgres(root);
  if ((await packagesAreFresh(root)) && missing().length === 0 && !lacksPostgres) return;
  const data = join(root, 'data');
  try {
    mkdirSync(data, { recursive: true });
  } catch (error) {
    throw fileTrouble(error, data);
  }
  const onWait = (/** @type {number | undefined} */ pid) =>
    say(`Another set-up is running here${pid ? ` (process ${pid})` : ''}; waiting for it …`);
  await withLock(
    join(data, 'set-up.lock'),
    async () => {
      // Looked at again: the one that held the lock before may have done it all.
      if (!(await packagesAreFresh(root))) await step('Installing the packages (npm ci)', () => installPackages(root));
      if (postgres && !findPostgres(root)) await step(`Fetching ${postgresToFetch}`, () => fetchPostgres(root));
      const absent = missing();
      if (absent.length === 0) return;
      const prefix = await mayInstall();
      if (!prefix) throw new Trouble(instruction(absent));
      const packages = absent.map((family) => family.debian).join(', ');
      await step(`Installing from Debian's packages: ${packages}`, () => installBrowsers(absent, prefix, say));
    },
    { onWait, signal: stop.signal },
  ).catch((error) => {
    throw fileTrouble(error, data);
  });
}

const [name = '', ...args] = process.argv.slice(2);
const program = name === 'start' || name === 'test' ? programs[name] : undefined;
if (!program) {
  console.error('usage: node test/set-up.mjs start|test [options]');
  process.exit(2);
}
if (args.includes('--help') || args.includes('-h')) {
  say(program.help);
  process.exit(0);
}
try {
  await setUp(program.browsers, program.postgres);
  stop.signal.throwIfAborted();
  const found = program.browsers.map((family) => [family.variable, findBrowser(family) ?? '']);
  const env = {
    ...process.env,
    ...Object.fromEntries(found),
    PATH: [join(root, 'node_modules', '.bin'), process.env.PATH].filter(Boolean).join(delimiter),
  };
  process.exitCode = await become(nodeOf(root), [join(root, program.file), ...args], { cwd: root, env });
} catch (error) {
  if (error instanceof Stopped) {
    console.error('\nStopped during the set-up. The next start takes it up again where it was.');
    process.exitCode = signalStatus(error.signal);
  } else if (error instanceof Trouble) {
    console.error(error.message);
    if (error.details) console.error(error.details.replace(/^/gm, '  | '));
    process.exitCode = 1;
  } else {
    console.error(`The set-up failed in ${relative(root, fileURLToPath(import.meta.url))}; this should not happen:`);
    throw error;
  }
}
