// The practice as `npm start` makes it, with the connector as a process of its own.

import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { people } from '../people.ts';
import { freePort } from '../serving.ts';
import { startPractice } from './practice.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
let parent = '';
let folder = '';
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'practice-'));
  folder = join(parent, 'practice');
});
afterAll(() => rm(parent, { recursive: true }));

async function start(signal?: AbortSignal) {
  const said: string[] = [];
  const options = { root, folder, port: await freePort(), inboxPort: 0, say: (line: string) => said.push(line) };
  const practice = await startPractice({ ...options, ...(signal ? { signal } : {}) });
  return Object.assign(practice, { said });
}

it('loads the organisation once, keeps its passwords for this account alone, and leaves nothing half-loaded', async () => {
  // Stopped in the middle of the first load: nothing that looks finished is left behind.
  await expect(start(AbortSignal.abort(new Error('Ctrl-C')))).rejects.toThrow('Ctrl-C');
  expect(await readdir(folder)).not.toContain('organisation.json');
  expect(await readdir(parent)).toEqual(['practice']);

  let first: Record<string, string>;
  {
    await using practice = await start();
    expect(practice.said).toEqual(['Loading the sample organisation …']);
    expect(Object.keys(practice.organisation.ids)).toHaveLength(people.length);
    first = practice.organisation.passwords;
    await expect(start()).rejects.toThrow(/^The practice is already running in this folder \(process \d+\)\.$/);
  }
  await using again = await start();
  expect(again.said).toEqual([]);
  expect(again.organisation.passwords).toEqual(first);

  // Everything that is worth stealing is for this account alone.
  const secrets = ['organisation.json', 'master.key', 'tls.key', 'connector.log'];
  const modes = await Promise.all(secrets.map(async (name) => (await stat(join(folder, name))).mode & 0o077));
  expect(modes).toEqual(secrets.map(() => 0));
  const log = await readFile(join(folder, 'connector.log'), 'utf8');
  for (const password of Object.values(first)) expect(log).not.toContain(password);
});

it('says which port is taken before anything is started', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as AddressInfo;
  try {
    const options = { root, folder: join(parent, 'taken'), inboxPort: 0, say: () => {} };
    await expect(startPractice({ ...options, port })).rejects.toThrow(`Port ${port}, for the connector, is taken`);
    expect(await readdir(parent)).not.toContain('taken');
  } finally {
    other.close();
  }
});
