// Which folders of earlier runs are removed, and which are somebody's.

import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { removeLeftOver } from './left-over.mjs';

it('what a killed run has left is removed, and nothing else', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rr-setup-'));
  // A process that has ended.
  const { pid: ended } = spawnSync(process.execPath, ['--version']);
  const now = Date.now();
  const make = async (name: string, { owner, hours = 0 }: { owner?: number; hours?: number } = {}) => {
    await mkdir(join(folder, name, 'data'), { recursive: true });
    if (owner !== undefined) await writeFile(join(folder, name, 'owner'), String(owner));
    const at = new Date(now - hours * 3_600_000);
    await utimes(join(folder, name), at, at);
  };
  await make('rr-postgres-AbCd12', { owner: ended });
  await make('rr-postgres-xyz890', { owner: process.pid, hours: 100 });
  await make('rr-serve-AbCd12', { hours: 13 });
  await make('rr-fault-proxy-AbCd12', { hours: 13 });
  await make('reset-and-resend-test-AbCd12', { hours: 13 });
  await make('rr-serve-now123', { hours: 1 });
  await make('rr-precious', { hours: 100 });
  await make('work-AbCd12', { hours: 100 });
  expect(removeLeftOver({ folder, now }).sort()).toEqual([
    'reset-and-resend-test-AbCd12',
    'rr-fault-proxy-AbCd12',
    'rr-postgres-AbCd12',
    'rr-serve-AbCd12',
  ]);
  expect((await readdir(folder)).sort()).toEqual([
    'rr-postgres-xyz890',
    'rr-precious',
    'rr-serve-now123',
    'work-AbCd12',
  ]);
  await rm(folder, { recursive: true });
});
