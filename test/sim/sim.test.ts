// The simulator itself: a seed is replayed to the byte, a torn log is reopened by the real SQLite, and what it says of a run
// is true. What it finds in the connector is `npm run sim` (and a part of npm test).

import { rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, describe, expect, it } from 'vitest';
import { bugs } from './bugs.ts';
import { Disk, scratch, torn } from './disk.ts';
import { seeded } from './random.ts';
import { makeStage } from './run.ts';
import { playSeed } from './seeds.ts';

const stage = await makeStage();
const places: string[] = [];
const place = () => {
  const folder = scratch();
  places.push(folder);
  return folder;
};
afterAll(() => {
  stage[Symbol.dispose]();
  for (const folder of places) rmSync(folder, { recursive: true, force: true });
});

describe('a seed', () => {
  it.each([
    'enumerate:ordinary:embedded:0:0',
    'enumerate:superseded:graph:31:2',
    'explore:1/3',
    'explore:1/5',
    'explore:1/8',
  ])('%s is replayed to the byte', async (seed) => {
    const [first, second] = [await playSeed(stage, seed), await playSeed(stage, seed)];
    expect(second.history).toEqual(first.history);
    expect(second.digest).toBe(first.digest);
    expect(first.violations).toEqual([]);
  });

  it('begins no other run', async () => {
    const [one, other] = [await playSeed(stage, 'explore:1/0'), await playSeed(stage, 'explore:2/0')];
    expect(one.digest).not.toBe(other.digest);
  });
});

/** Runs that have broken something in ours while it was made: by clocks, and by a worker that had stopped looking. */
const once = [
  ...['explore:1/170', 'explore:1/635', 'explore:2/870', 'explore:2/965', 'explore:1/472', 'explore:1/546'],
  ...['enumerate:clockWasBehind:graph:48:2', 'enumerate:clockWasBehind:graph:48:3'],
  ...['enumerate:clockWasBehind:graph:48:10', 'enumerate:clockWasBehind:graph:49:3'],
];

describe('what has found a mistake finds none in what we ship', () => {
  it.each([...once, ...new Set(bugs.flatMap(({ seed }) => seed ?? []))])('%s', async (seed) => {
    expect((await playSeed(stage, seed)).violations).toEqual([]);
  });
});

it('fails the one call that a seed names, and tells which', async () => {
  const calm = await playSeed(stage, 'enumerate:ordinary:embedded:0:0');
  expect([calm.faults, calm.resets, calm.mails]).toEqual([0, 1, 1]);
  const struck = await playSeed(stage, 'enumerate:ordinary:embedded:40:0');
  expect(struck.faults).toBe(1);
  expect(struck.struck).toMatch(/^[\w ]+: [\w-]+$/);
  const beyond = await playSeed(stage, `enumerate:ordinary:embedded:${calm.calls + 50}:0`);
  expect([beyond.faults, beyond.ways]).toEqual([0, 0]);
});

it('leaves of a torn commit all or nothing, as the real SQLite reads it', () => {
  const random = seeded('torn');
  const disk = new Disk(place());
  disk.boot({ db: Buffer.alloc(0), wal: Buffer.alloc(0) });
  const db = new DatabaseSync(disk.path);
  db.exec('pragma journal_mode = wal; create table t (n integer primary key, text text)');
  const seen = new Set<number>();
  for (let n = 1; n <= 40; n++) {
    const before = disk.take();
    db.exec('begin');
    for (let i = 0; i < 5; i++) db.prepare('insert into t values (?, ?)').run(n * 10 + i, 'x'.repeat(2000));
    db.exec('commit');
    const other = new Disk(place());
    other.boot(torn(before, disk.take(), random));
    const copy = new DatabaseSync(other.path);
    const [{ count }] = copy.prepare('select count(*) as count from t').all() as [{ count: number }];
    expect([(n - 1) * 5, n * 5]).toContain(count);
    seen.add(count - (n - 1) * 5);
    copy.close();
  }
  db.close();
  expect([...seen].sort()).toEqual([0, 5]);
});
