// What Ctrl-C does to the programs of the set-up: real processes, real signals.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { lastLines, run, signalStatus } from './children.mjs';

const module = fileURLToPath(new URL('children.mjs', import.meta.url));

describe('a program that ends by itself', () => {
  it('gives its status and what it said on both streams', async () => {
    const code = 'console.log("out"); console.error("err"); process.exitCode = 3';
    const { status, output } = await run(process.execPath, ['-e', code]);
    expect(status).toBe(3);
    expect(output.split('\n').sort()).toEqual(['', 'err', 'out']);
  });
  it('that is not there is status 127', async () => {
    expect((await run('/nowhere/at-all', [])).status).toBe(127);
  });
  it('is told by its last lines', () => {
    expect(lastLines('1\n2\n3\n\n', 2)).toBe('2\n3');
  });
});

/** Interrupts a process that runs a slow program: what it said, and whether the program got to its end. */
async function interrupted(options: string, signal: NodeJS.Signals): Promise<{ said: string; finished: boolean }> {
  const folder = await mkdtemp(join(tmpdir(), 'children-'));
  const slow = `setTimeout(() => require('node:fs').writeFileSync('finished', ''), 300)`;
  const script = `
    import { run } from ${JSON.stringify(module)};
    const running = run(process.execPath, ['-e', ${JSON.stringify(slow)}], ${options});
    console.log('ready');
    await running.then(() => console.log('done'), (error) => console.log(error.name + ' ' + error.signal));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk) => {
    if (said === '') child.kill(signal);
    said += chunk;
  });
  await once(child, 'close');
  const finished = (await readdir(folder)).includes('finished');
  await rm(folder, { recursive: true });
  return { said, finished };
}

describe('a stop signal', () => {
  it('ends the program, and is told as such', async () => {
    expect(await interrupted('{}', 'SIGTERM')).toEqual({ said: 'ready\nStopped SIGTERM\n', finished: false });
  });
  it('waits for a program that may not be left half-way, and says so', async () => {
    const options = `{ unstoppable: true, onHold: () => console.log('on hold') }`;
    expect(await interrupted(options, 'SIGINT')).toEqual({
      said: 'ready\non hold\nStopped SIGINT\n',
      finished: true,
    });
  });
  it('is the status that a shell would give', () => {
    expect([signalStatus('SIGINT'), signalStatus('SIGTERM')]).toEqual([130, 143]);
  });
});
