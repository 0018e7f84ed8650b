// A connector of the Postgres benchmark, in a process of its own: as `serve` puts it together, but that it counts the units
// of work that had to run again, and is opened and closed as it is told: the process stays, so that no round pays for code
// that is not yet compiled. Settings come from the environment, words over Node's own channel between processes.

import { randomFillSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readConfig } from '../../connector/config.ts';
import { type Connector, makeConnector } from '../../connector/connector.ts';
import { pooled } from '../../connector/random.ts';
import { openPostgres } from '../../connector/sql/postgres.ts';

export type Word = 'open' | 'close' | 'counts';

/** The answer to `counts`: since it was asked last. */
export interface Counted {
  /** By unit of work (its first statement that wrote) and by the statement that failed. */
  readonly restarts: Readonly<Record<string, number>>;
  /** Milliseconds of processor time. */
  readonly cpu: number;
}

// As main.ts does: Node says each time that it may change how types are stripped.
process.removeAllListeners('warning');

const { config, lines } = readConfig(process.env, (path) => readFileSync(path, 'utf8'));
if (!config) throw new Error(lines.flatMap(({ problem }) => problem ?? []).join('\n'));
const { database, listen } = config;
if (database.engine !== 'postgres') throw new Error('RR_DATABASE is no address of Postgres.');

let restarts: Record<string, number> = {};
let before = process.cpuUsage();
let connector: Connector | undefined;
const short = (text: string) => text.replace(/\s+/g, ' ').trim().split(' ').slice(0, 4).join(' ');

async function open(): Promise<void> {
  const sql = await openPostgres(database as typeof database & { engine: 'postgres' }, {
    connections: Number(process.env.BENCH_CONNECTIONS),
    onRestart(fate, { at, unit }) {
      const name = `${unit === undefined ? 'only reads' : short(unit)} … ${short(at)} (${fate})`;
      restarts[name] = (restarts[name] ?? 0) + 1;
    },
  });
  const random = pooled((bytes) => randomFillSync(bytes));
  connector = await makeConnector(config as NonNullable<typeof config>, {
    now: Date.now,
    random,
    env: process.env,
    sql,
  });
  await connector.app.listen(listen);
  connector.start();
}

function counts(): Counted {
  const { user, system } = process.cpuUsage(before);
  before = process.cpuUsage();
  const counted = { restarts, cpu: Math.round((user + system) / 1000) };
  restarts = {};
  return counted;
}

process.on('message', async (word: Word) => {
  if (word === 'counts') process.send?.(counts());
  if (word === 'open') await open();
  if (word === 'close') await connector?.close();
  if (word !== 'counts') process.send?.(word);
});
// When the parent is gone or lets go, nobody asks any more.
process.once('disconnect', () => process.exit());
