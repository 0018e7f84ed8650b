// Where a browser is looked for, and what is said when there is none.

import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { chromium, findBrowser, firefox, instruction } from './browsers.mjs';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'browsers-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function program(name: string, mode = 0o755) {
  const path = join(folder, name);
  await writeFile(path, '');
  await chmod(path, mode);
  return path;
}

it('takes the first of the family that is on PATH and can be run', async () => {
  expect(findBrowser(chromium, { PATH: folder }, 'linux')).toBeUndefined();
  await program('chromium', 0o644);
  const edge = await program('microsoft-edge');
  expect(findBrowser(chromium, { PATH: `/nowhere:${folder}` }, 'linux')).toBe(edge);
  const chrome = await program('google-chrome');
  expect(findBrowser(chromium, { PATH: folder }, 'linux')).toBe(chrome);
});

it('takes the one that RR_BROWSER names, or says that it is not there', async () => {
  const own = await program('my-browser');
  await program('chromium');
  expect(findBrowser(chromium, { PATH: folder, RR_BROWSER: own }, 'linux')).toBe(own);
  const missing = join(folder, 'missing');
  expect(() => findBrowser(chromium, { PATH: folder, RR_BROWSER: missing }, 'linux')).toThrow(
    `RR_BROWSER names ${missing}, and there is no program there.`,
  );
});

it('says in one line what to install or to name', () => {
  const line = instruction([chromium, firefox]);
  expect(line).not.toContain('\n');
  expect(line).toContain('sudo apt-get install chromium firefox-esr');
  expect(line).toContain('RR_BROWSER and ');
});
