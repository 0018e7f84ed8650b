// Builds of the extension, made anew only when something that goes into them has changed.

import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { lastLines, run } from '../set-up/children.mjs';
import { withLock } from '../set-up/lock.mjs';
import { Trouble } from '../set-up/trouble.mjs';
import { writeAside } from './certificate.ts';

/** `connector`: the origin that a practice build is made for; absent for the stores' build. */
export interface Build {
  readonly browser: 'chrome' | 'firefox';
  readonly connector?: string;
}

/** Every build there is: the stores' and, for this connector, the practice ones. */
export function builds(connector: string): Build[] {
  const browsers = ['chrome', 'firefox'] as const;
  return [...browsers.map((browser) => ({ browser, connector })), ...browsers.map((browser) => ({ browser }))];
}

/** The folder of a build, as wxt.config.ts names it. */
export function outputOf(root: string, { browser, connector }: Build): string {
  return join(root, '.output', `${connector ? 'practice-' : ''}${browser}-mv3`);
}

/**
 * Makes a build unless the one that is there was made from the same sources.
 * @returns its folder
 * @throws Trouble with the builder's last lines
 */
export async function buildExtension(root: string, build: Build): Promise<string> {
  // One at a time: test files that run side by side ask for the same build.
  return withLock(join(root, '.output', 'build.lock'), () => buildIfChanged(root, build), { pause: 100 });
}

async function buildIfChanged(root: string, build: Build): Promise<string> {
  const folder = outputOf(root, build);
  const stamp = `${folder}.stamp`;
  const wanted = await sourcesHash(root, build);
  const [made, files] = await Promise.all([
    readFile(stamp, 'utf8').catch(() => ''),
    readdir(folder).catch(() => [] as string[]),
  ]);
  if (made === wanted && files.includes('manifest.json')) return folder;
  await rm(stamp, { force: true });
  const args = ['build', '-b', build.browser, '--mv3'];
  const env = { ...process.env, WXT_TELEMETRY: '0', RR_PRACTICE_CONNECTOR: build.connector ?? '' };
  const wxt = join(root, 'node_modules', 'wxt', 'bin', 'wxt.mjs');
  const { status, output } = await run(process.execPath, [wxt, ...args], { cwd: root, env });
  if (status !== 0) throw new Trouble(`The extension for ${build.browser} could not be built.`, lastLines(output, 40));
  await writeAside(stamp, wanted, 0o644);
  return folder;
}

/** Of everything that a build is made from. */
async function sourcesHash(root: string, build: Build): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([build.browser, build.connector ?? null]));
  const folders = ['extension', 'shared'];
  const listed = await Promise.all(
    folders.map(async (folder) => {
      const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true });
      return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    }),
  );
  const files = ['wxt.config.ts', 'package-lock.json', 'tsconfig.json'].map((name) => join(root, name));
  for (const file of [...files, ...listed.flat().sort()]) {
    const content = await readFile(file);
    hash.update(`${file.slice(root.length)}\n${content.length}\n`).update(content);
  }
  return hash.digest('hex');
}
