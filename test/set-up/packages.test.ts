// When is `npm ci` needed?

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isInstalled, nodeOf, packagesAreFresh, stampFor } from './packages.mjs';

const lock = (packages: object) => JSON.stringify({ lockfileVersion: 3, packages: { '': { name: 'x' }, ...packages } });
const a = { version: '1.0.0', integrity: 'sha512-a' };
const b = { version: '2.0.0', integrity: 'sha512-b', optional: true };
const wanted = lock({ 'node_modules/a': a, 'node_modules/b': b });

describe('what npm recorded', () => {
  it.each([
    ['everything', { 'node_modules/a': a, 'node_modules/b': b }, true],
    ['everything but a package for another platform', { 'node_modules/a': a }, true],
    ['a package too few', { 'node_modules/b': b }, false],
    ['another version', { 'node_modules/a': { ...a, version: '1.0.1' } }, false],
    ['another content under the same version', { 'node_modules/a': { ...a, integrity: 'sha512-z' } }, false],
    ['a package too many', { 'node_modules/a': a, 'node_modules/c': a }, false],
  ])('%s → %s', (_what, packages, fresh) => {
    expect(isInstalled(wanted, JSON.stringify({ packages }))).toBe(fresh);
  });
  it('nothing, or half a record', () => {
    expect(isInstalled(wanted, '')).toBe(false);
    expect(isInstalled(wanted, '{"packages": {"node_mod')).toBe(false);
  });
});

describe('the stamp', () => {
  let root = '';
  const stamp = () => join(root, 'node_modules', '.set-up');
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'packages-'));
    await writeFile(join(root, 'package-lock.json'), wanted);
    await mkdir(dirname(nodeOf(root)), { recursive: true });
    await writeFile(nodeOf(root), '');
  });
  afterEach(() => rm(root, { recursive: true }));

  it('differs with the lock file, the platform and the processor', () => {
    const here = { platform: 'linux', arch: 'x64' };
    const stamps = [
      stampFor(wanted, here),
      stampFor(`${wanted} `, here),
      stampFor(wanted, { ...here, arch: 'arm64' }),
      stampFor(wanted, { ...here, platform: 'darwin' }),
    ];
    expect(new Set(stamps).size).toBe(4);
  });

  it('is believed, and stale once the lock file has changed', async () => {
    await writeFile(stamp(), stampFor(wanted));
    expect(await packagesAreFresh(root)).toBe(true);
    await writeFile(join(root, 'package-lock.json'), lock({ 'node_modules/a': a }));
    expect(await packagesAreFresh(root)).toBe(false);
  });

  it('is made for a tree that somebody installed by hand, and for no interrupted one', async () => {
    expect(await packagesAreFresh(root)).toBe(false);
    await writeFile(
      join(root, 'node_modules', '.package-lock.json'),
      JSON.stringify({ packages: { 'node_modules/a': a } }),
    );
    expect(await packagesAreFresh(root)).toBe(true);
    expect(await readFile(stamp(), 'utf8')).toBe(stampFor(wanted));
  });

  it('of another machine is not believed: its packages were made for that one', async () => {
    await writeFile(
      join(root, 'node_modules', '.package-lock.json'),
      JSON.stringify({ packages: { 'node_modules/a': a } }),
    );
    await writeFile(stamp(), stampFor(wanted, { platform: 'darwin', arch: 'arm64' }));
    expect(await packagesAreFresh(root)).toBe(false);
  });

  it('is not believed when the Node.js among the packages is gone', async () => {
    await writeFile(stamp(), stampFor(wanted));
    await rm(nodeOf(root));
    expect(await packagesAreFresh(root)).toBe(false);
  });
});
