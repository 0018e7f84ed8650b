// Folders of tests that were killed before they could remove them: the next run does.

import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Ours, by the beginnings of their names; `mkdtemp` adds six characters. */
const ours = /^(rr-[a-z]+(-[a-z]+)*|reset-and-resend(-test)?)-\w{6}$/;
/** No run takes as long. Milliseconds. */
const abandonedAfter = 12 * 3_600_000;

/**
 * Removes what nobody uses any more: folders whose owner has ended (it has left its process id in `owner`), and any that are
 * half a day old. What belongs to somebody else stays.
 * @param {{ folder?: string, now?: number }} [where]
 * @returns {string[]} the names of what is gone
 */
export function removeLeftOver({ folder = tmpdir(), now = Date.now() } = {}) {
  return readdirSync(folder).filter((name) => {
    if (!ours.test(name)) return false;
    const path = join(folder, name);
    try {
      const owner = ownerOf(path);
      if (owner === undefined ? now - statSync(path).mtimeMs < abandonedAfter : isRunning(owner)) return false;
      rmSync(path, { recursive: true, force: true });
      return true;
    } catch {
      return false;
    }
  });
}

/** @param {string} path */
function ownerOf(path) {
  try {
    return Number(readFileSync(join(path, 'owner'), 'utf8')) || undefined;
  } catch {
    return undefined;
  }
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
