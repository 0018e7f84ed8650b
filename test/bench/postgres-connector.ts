// A connector of the Postgres benchmark, in a process of its own: as `serve` puts it together, but that it counts the units
// of work that had to run again. Settings come from the environment; told over Node's own channel between processes.

import { randomFillSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readConfig } from '../../connector/config.ts';
import { makeConnector } from '../../connector/connector.ts';
import { pooled } from '../../connector/random.ts';
import { openPostgres } from '../../connector/sql/postgres.ts';

/** What the parent is told when it asks, since it asked last. */
export interface Counted {
  /** By unit of work (its first statement that wrote) and by the statement that failed. */
  readonly restarts: Readonly<Record<string, number>>;
  /** Milliseconds of processor time. */
  readonly cpu: number;
}

const { config, lines } = readConfig(process.env, (path) => readFileSync(path, 'utf8'));
if (config?.database.engine !== 'postgres') throw new Error(lines.flatMap(({ problem }) => problem ?? []).join('\n'));

let restarts: Record<string, number> = {};
let before = process.cpuUsage();
const short = (text: string) => text.replace(/\s+/g, ' ').trim().split(' ').slice(0, 4).join(' ');

const sql = await openPostgres(config.database, {
  connections: Number(process.env.BENCH_CONNECTIONS ?? 10),
  onRestart(fate, { at, unit }) {
    const name = `${unit === undefined ? 'only reads' : short(unit)} … ${short(at)} (${fate})`;
    restarts[name] = (restarts[name] ?? 0) + 1;
  },
});
const connector = await makeConnector(config, {
  now: Date.now,
  random: pooled((bytes) => randomFillSync(bytes)),
  env: process.env,
  sql,
});
await connector.app.listen({ host: '127.0.0.1', port: config.listen.port });
connector.start();

process.on('message', (word) => {
  if (word === 'counts') {
    const { user, system } = process.cpuUsage(before);
    before = process.cpuUsage();
    process.send?.({ restarts, cpu: Math.round((user + system) / 1000) } satisfies Counted);
    restarts = {};
  } else if (word === 'end') {
    connector.close().then(() => process.disconnect?.());
  }
});
// Should the parent be gone, nobody asks any more.
process.once('disconnect', () => process.exit());
process.send?.('ready');
