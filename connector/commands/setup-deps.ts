// What `setup` does to the machine it runs on: reads a certificate, the token from standard input, and writes a secret.

import { readFileSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import type { SetupDeps } from './setup.ts';

/** The real ones. */
export function setupDeps(env: SetupDeps['env']): SetupDeps {
  return {
    env,
    fetch,
    readFile: (path) => readFileSync(path, 'utf8'),
    writeSecret,
    readInput: async () => (process.stdin.isTTY ? undefined : await text(process.stdin)),
    sleep: (ms) => wait(ms),
  };
}

/** The file is there before the secret is asked for: one that can't be kept must not be made. @throws what the disk says */
export async function writeSecret(path: string, content: () => Promise<string>): Promise<boolean> {
  const file = await open(path, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') return undefined;
    throw error;
  });
  if (!file) return false;
  try {
    await file.writeFile(await content());
    await file.sync();
    return true;
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}
