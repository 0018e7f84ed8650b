// The figures of a cluster's scenarios, as a table at the end of a run with CLUSTER_FIGURES=1.

import type { Figures } from './check.ts';
import type { Cluster } from './cluster.ts';

const rows: Record<string, Record<string, number>> = {};
const before = new WeakMap<Cluster, Record<string, number>>();

/** Notes what a scenario has added to what a cluster has seen. */
export function note(scenario: string, cluster: Cluster, figures: Figures): void {
  const { lost, secondPasswords } = figures;
  const counted = {
    resets: figures.resets,
    kills: cluster.figures.kills,
    freezes: cluster.figures.freezes,
    takeovers: figures.takeovers,
    duplicates: figures.duplicates,
  };
  const last = before.get(cluster) ?? {};
  before.set(cluster, counted);
  const added = Object.fromEntries(Object.entries(counted).map(([name, count]) => [name, count - (last[name] ?? 0)]));
  rows[scenario] = { ...added, lost, secondPasswords, violations: figures.violations.length };
}

/** Prints it, where it is asked for. */
export function table(): void {
  if (process.env.CLUSTER_FIGURES) console.table(rows);
}
