// One set-up at a time in a folder: a lock that is a folder (mkdir is atomic everywhere) with the holder's process id in
// it. A lock whose holder is gone, or that nobody has touched for two minutes, is taken over.

import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const abandonedAfter = 120_000;
const heartbeat = 10_000;

/**
 * Who holds the lock, and is that process still there?
 * @param {string} path
 * @param {number} now milliseconds
 * @returns {Promise<{ pid?: number, stale: boolean } | undefined>} undefined: nobody
 */
export async function lockHolder(path, now) {
  const touched = await stat(path).then(
    (found) => found.mtimeMs,
    () => undefined,
  );
  if (touched === undefined) return undefined;
  const pid = Number(await readFile(join(path, 'pid'), 'utf8').catch(() => ''));
  // Between its mkdir and its writing of the id a holder has no id; that takes no two minutes.
  if (!pid) return { stale: now - touched > abandonedAfter };
  return { pid, stale: now - touched > abandonedAfter || !isRunning(pid) };
}

/** @param {number} pid */
function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/**
 * Takes the lock if it is free or abandoned.
 * @param {string} path of the lock's own folder
 * @param {{ now?: () => number }} [options]
 * @returns {Promise<(() => Promise<void>) | { pid?: number }>} the release, or who holds it
 */
export async function tryLock(path, { now = Date.now } = {}) {
  await mkdir(dirname(path), { recursive: true });
  const holder = await lockHolder(path, now());
  if (holder && !holder.stale) return { pid: holder.pid };
  if (holder) {
    // Moved aside first: of two that find it abandoned, one rename wins and the other finds nothing to move.
    const aside = `${path}.${process.pid}`;
    await rename(path, aside).catch(() => {});
    await rm(aside, { recursive: true, force: true });
  }
  try {
    await mkdir(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') {
      return { pid: (await lockHolder(path, now()))?.pid };
    }
    throw error;
  }
  await writeFile(join(path, 'pid'), String(process.pid));
  const touch = setInterval(() => utimes(path, new Date(), new Date()).catch(() => {}), heartbeat);
  touch.unref();
  return async () => {
    clearInterval(touch);
    await rm(path, { recursive: true, force: true });
  };
}

/**
 * Waits until the lock is ours, runs the work under it, gives it back.
 * @template T
 * @param {string} path
 * @param {() => Promise<T>} work
 * @param {{ onWait?: (pid: number | undefined) => void, pause?: number, signal?: AbortSignal }} [options] pause:
 *   milliseconds between looks
 * @returns {Promise<T>}
 */
export async function withLock(path, work, { onWait, pause = 300, signal } = {}) {
  let told = false;
  for (;;) {
    const release = await tryLock(path);
    if (typeof release === 'function') {
      try {
        return await work();
      } finally {
        await release();
      }
    }
    if (!told) onWait?.(release.pid);
    told = true;
    await wait(pause);
    signal?.throwIfAborted();
  }
}
