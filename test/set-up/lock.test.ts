// The lock of the set-up: one holder, and none for longer than it lives.

import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { lockHolder, tryLock, withLock } from './lock.mjs';

let folder = '';
let path = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lock-'));
  path = join(folder, 'deep', 'lock');
});
afterEach(() => rm(folder, { recursive: true }));

async function heldBy(pid: string, age = 0) {
  await mkdir(path, { recursive: true });
  await writeFile(join(path, 'pid'), pid);
  const touched = new Date(Date.now() - age);
  await utimes(path, touched, touched);
}

/** A process id that was in use and no longer is. */
function deadPid(): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['-e', '']);
    child.on('close', () => resolve(String(child.pid)));
  });
}

it('is held by us alone until it is released', async () => {
  const release = await tryLock(path);
  if (typeof release !== 'function') throw new Error('not taken');
  expect(await readFile(join(path, 'pid'), 'utf8')).toBe(String(process.pid));
  expect(await tryLock(path)).toEqual({ pid: process.pid });
  await release();
  expect(await lockHolder(path, Date.now())).toBeUndefined();
});

it('is taken over from a process that is gone', async () => {
  await heldBy(await deadPid());
  expect(await tryLock(path)).toBeTypeOf('function');
});

it('is taken over from a living process that no longer touches it: its id was given to another program', async () => {
  await heldBy(String(process.pid), 121_000);
  expect(await tryLock(path)).toBeTypeOf('function');
});

it('is left to a holder that has just made it and not yet written its id', async () => {
  await mkdir(path, { recursive: true });
  expect(await tryLock(path)).toEqual({ pid: undefined });
  expect(await lockHolder(path, Date.now() + 121_000)).toEqual({ stale: true });
});

it('lets works through one after the other, whoever comes first', async () => {
  let inside = 0;
  let most = 0;
  const waits: (number | undefined)[] = [];
  const work = async () => {
    inside += 1;
    most = Math.max(most, inside);
    await new Promise((resolve) => setImmediate(resolve));
    inside -= 1;
  };
  const options = { pause: 1, onWait: (pid: number | undefined) => waits.push(pid) };
  await Promise.all(Array.from({ length: 8 }, () => withLock(path, work, options)));
  expect(most).toBe(1);
  expect(waits.length).toBe(7);
});

it('gives up waiting when told to stop, and gives the lock back when the work fails', async () => {
  await heldBy(String(process.pid));
  await expect(withLock(path, async () => 1, { pause: 1, signal: AbortSignal.abort('stopped') })).rejects.toBe(
    'stopped',
  );
  await rm(path, { recursive: true });
  await expect(withLock(path, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect(await withLock(path, async () => 'again')).toBe('again');
});
