// node_modules as package-lock.json says, or `npm ci`.

import { createHash } from 'node:crypto';
import { access, constants, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lastLines, run } from './children.mjs';
import { fileTrouble, Trouble } from './trouble.mjs';

const stampOf = (/** @type {string} */ root) => join(root, 'node_modules', '.set-up');

/**
 * What node_modules was made from: the platform, the kind of processor, and the hash of the lock file.
 * @param {string} lockText
 * @param {{ platform: string, arch: string }} [machine]
 */
export function stampFor(lockText, { platform, arch } = process) {
  return `${platform} ${arch} ${createHash('sha256').update(lockText).digest('hex')}`;
}

/**
 * Does an installed tree, as npm recorded it in node_modules/.package-lock.json, hold what the lock file asks for?
 * Packages for other platforms may be absent; nothing may be there in another version, or besides.
 * @param {string} lockText
 * @param {string} installedText
 */
export function isInstalled(lockText, installedText) {
  try {
    const { '': _project, ...wanted } = JSON.parse(lockText).packages;
    const installed = JSON.parse(installedText).packages;
    const same = (/** @type {string} */ path) =>
      installed[path]?.version === wanted[path]?.version && installed[path]?.integrity === wanted[path]?.integrity;
    return (
      Object.keys(wanted).every((path) => same(path) || (wanted[path].optional && !installed[path])) &&
      Object.keys(installed).every((path) => path in wanted)
    );
  } catch {
    return false;
  }
}

/**
 * Is there nothing to install? A tree that somebody made with `npm ci` by hand is recognised and stamped.
 * @param {string} root
 */
export async function packagesAreFresh(root) {
  const lockText = await readFile(join(root, 'package-lock.json'), 'utf8');
  if (
    !(await access(nodeOf(root)).then(
      () => true,
      () => false,
    ))
  )
    return false;
  const stamp = stampFor(lockText);
  const found = await readFile(stampOf(root), 'utf8').catch(() => undefined);
  if (found === stamp) return true;
  const machine = (/** @type {string} */ text) => text.split(' ', 2).join(' ');
  if (found !== undefined && machine(found) !== machine(stamp)) return false;
  // npm writes its record last, and removes it first: an interrupted installation has none.
  const installed = await readFile(join(root, 'node_modules', '.package-lock.json'), 'utf8').catch(() => '');
  if (!isInstalled(lockText, installed)) return false;
  await writeStamp(root, stamp).catch(() => {});
  return true;
}

/** @param {string} root @param {string} stamp */
async function writeStamp(root, stamp) {
  const aside = `${stampOf(root)}.${process.pid}`;
  await writeFile(aside, stamp);
  await rename(aside, stampOf(root));
}

/**
 * The Node.js that comes with the packages and runs everything else.
 * @param {string} root
 */
export function nodeOf(root) {
  return join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
}

/**
 * Runs `npm ci`. The stamp goes first and comes last, so that whatever interrupts it leads to another `npm ci`.
 * @param {string} root
 * @throws {Trouble} when it fails or the folder can't be written; {@link Stopped} on a signal
 */
export async function installPackages(root) {
  const modules = join(root, 'node_modules');
  try {
    await access(root, constants.W_OK);
    await rm(stampOf(root), { force: true });
  } catch (error) {
    throw fileTrouble(error, root);
  }
  // The npm that started us, where npm did: on PATH there may be another or none.
  const npm = process.env.npm_execpath;
  const [command, first] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  const args = [...first, 'ci', '--include=dev', '--no-audit', '--no-fund', '--no-progress', '--loglevel=error'];
  const { status, output } = await run(command, args, { cwd: root, env: { ...process.env, NODE_ENV: '' } });
  if (status === 127) throw new Trouble('npm was not found; it comes with Node.js (https://nodejs.org).');
  if (status !== 0) {
    const full = /ENOSPC/.test(output);
    throw new Trouble(
      full
        ? `The disk that holds ${modules} is full. Make room and start again.`
        : 'npm ci failed; this is what it said last. It needs the npm registry, or a mirror of it in .npmrc.',
      lastLines(output),
    );
  }
  await access(nodeOf(root)).catch(() => {
    throw new Trouble(
      'npm ci left out Node.js itself, which the package "node" installs by a script: allow install scripts ' +
        '(npm config delete ignore-scripts) and start again.',
    );
  });
  await writeStamp(root, stampFor(await readFile(join(root, 'package-lock.json'), 'utf8')));
}
