// A connector that dies when it is told to: the very `serve` of connector/commands, started as a process of its own, with
// a hook that kills it by SIGKILL at its n-th statement, inside or right after the commit of a named step, or around a
// call to the directory. Its clock can be moved on from outside. What it is told comes in RR_TORTURE… of the environment.

import { randomFillSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { serve } from '../../connector/commands/serve.ts';
import { readConfig } from '../../connector/config.ts';
import type { Directory } from '../../connector/directory/directory.ts';
import { logger } from '../../connector/log.ts';
import { keepReserve } from '../../connector/sql/reserve.ts';
import type { Sql, Statement, Tx, Work } from '../../connector/sql/sql.ts';
import { openSqlite } from '../../connector/sql/sqlite.ts';
import { fileMark, markFileOf } from '../../connector/witness/mark.ts';
import { breachedDirectory, breachedMail, breachedSql } from './breach.ts';
import type { Breach, FromMortal, Plan, ToMortal } from './plan.ts';

const plan = JSON.parse(process.env.TORTURE_PLAN ?? '{"at":"never"}') as Plan;
const breach = process.env.TORTURE_BREACH as Breach | undefined;
let shift = Number(process.env.TORTURE_SHIFT ?? 0);

// The whole process sees the moved clock, the OpenID provider too.
const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...given: unknown[]) {
    // biome-ignore lint/suspicious/noExplicitAny: Date's constructor has several shapes, all handed on
    super(...((given.length === 0 ? [RealDate.now() + shift] : given) as [any]));
  }
  static override now(): number {
    return RealDate.now() + shift;
  }
} as DateConstructor;

process.umask(0o077);
process.removeAllListeners('warning');

const tell = (message: FromMortal) => void process.send?.(message);

function die(): never {
  process.kill(process.pid, 'SIGKILL');
  for (;;);
}

let passed = 0;
/** The action whose audit record has been written and is not committed yet. */
let written = false;

function beforeStatement({ text, values }: Statement): void {
  if (plan.at === 'statement' && ++passed >= plan.nth) die();
  if (plan.at !== 'step' || !text.startsWith('insert into audit') || values[4] !== plan.step) return;
  if (++passed < plan.nth) return;
  if (plan.when === 'inside') die();
  written = true;
}

/** Dies right after the commit, before anybody is told of it. */
function mortal(sql: Sql): Sql {
  return {
    ...sql,
    async run<T>(work: (tx: Tx) => Work<T>): Promise<T> {
      const value = await sql.run(work);
      if (written) die();
      return value;
    },
  };
}

function between(real: Directory): Directory {
  const counts = (when: 'before' | 'after') =>
    plan.at === 'directory' && plan.when === when && ++passed >= plan.nth ? die() : undefined;
  const directory = breachedDirectory(real, breach);
  return {
    ...directory,
    async setPassword(id, profile, operation, ...more) {
      // What nobody ever opens would not be looked for in what is left behind.
      tell({ kind: 'secret', operation, password: profile.password });
      counts('before');
      const outcome = await directory.setPassword(id, profile, operation, ...more);
      counts('after');
      return outcome;
    },
  };
}

const { config, lines } = readConfig(process.env, (path) => readFileSync(path, 'utf8'));
if (!config) throw new Error(lines.flatMap(({ problem }) => problem ?? []).join('\n'));
const stop = Promise.withResolvers<void>();
process.on('SIGTERM', () => stop.resolve());
process.on('disconnect', () => stop.resolve());
process.on('message', (message: ToMortal) => {
  if (message.kind !== 'shift') return;
  shift = message.shift;
  tell({ kind: 'shifted', shift });
});

if (config.database.engine !== 'sqlite') throw new Error('What is tortured here is a SQLite file.');
const { file } = config.database;
const opened = openSqlite(file, { beforeStatement });
const random = (bytes: number) => randomFillSync(new Uint8Array(bytes));
const now = () => Date.now();
await serve(
  config,
  {
    ...{ now, random, env: process.env, sql: mortal(breachedSql(opened, breach)), pinIterations: 1000 },
    reserve: keepReserve(file, { log: logger('info') }),
    mark: fileMark(markFileOf(config.database, process.env)),
    ...breachedMail(config.mail.reveal(), { now, random }, breach),
    directoryOf: between,
  },
  {
    say(line) {
      process.stderr.write(`${line}\n`);
      if (!line.startsWith('Connector:')) return;
      // A process that is killed writes nothing: what it has compiled is kept for the next one now.
      if (process.env.TORTURE_WARM) flushCompileCache();
      tell({ kind: 'ready' });
    },
    stop: stop.promise,
  },
);
process.exit(0);
