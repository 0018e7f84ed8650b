// What every scenario of a cluster stands on: three connectors on a database of the file's own, what people have been told
// meanwhile, and the look at everything when a scenario has ended.

import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import { check } from './check.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { note, table } from './figures.ts';
import { Ledger } from './people.ts';

/** There from the first test on. */
export let cluster: Cluster;
export const ledger = new Ledger();
let scenario = '';

/** Before a file's tests: its cluster. @param open gives an empty database @param people how many can be reset */
export function onCluster(open: () => Promise<AsyncDisposable & { readonly url: string }>, people: number): void {
  let database: AsyncDisposable | undefined;
  beforeAll(async () => {
    const opened = await open();
    database = opened;
    cluster = await startCluster(opened.url, people);
  }, 240_000);
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    await database?.[Symbol.asyncDispose]();
    table();
  });
  beforeEach(({ task }) => {
    scenario = task.name;
  });
}

/** Looks again and again, for 60 s at most. */
export async function until(look: () => unknown): Promise<void> {
  for (const end = Date.now() + 60_000; Date.now() < end && !(await look()); ) await pause(25);
  expect(await look()).toBeTruthy();
}

/** Everything holds. */
export async function allIsWell(): Promise<void> {
  const figures = await check(cluster, ledger);
  note(scenario, cluster, figures);
  expect(figures.violations).toEqual([]);
}
