// `migrate-database`: moves everything from the database of RR_DATABASE into another one, of either engine, while connectors
// are serving the first; or gives such a move up.

import { existsSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import type { Config } from '../config.ts';
import { SettingError } from '../config-values.ts';
import { keyCheck } from '../key-check.ts';
import { keyFileOf, openMasterKey } from '../master-key.ts';
import { type DatabaseAddress, parseDatabaseAddress, shownAddress } from '../sql/address.ts';
import { openDatabase } from '../sql/engines.ts';
import { isMigrated, readMeta } from '../sql/migrate.ts';
import { abandon, discard, type MoveDeps, moveDatabase } from '../sql/move.ts';
import { checkEnds, type End, MoveError, told } from '../sql/move-check.ts';
import { connectorName } from '../sql/postgres.ts';
import { takeServingLock } from '../sql/serving.ts';
import type { Sql } from '../sql/sql.ts';
import { StartError } from '../start-error.ts';
import type { World } from '../state.ts';
import { uuidv7 } from '../store/uuid.ts';
import { CommandLineError, type Out, only, optionsOf, running } from './command-line.ts';

const manual = `Usage: node connector/main.ts migrate-database [--to ADDRESS] [--check] [--abort]

Moves everything from RR_DATABASE into another database, of either kind: from SQLite to Postgres, or back. Where to is said by
RR_TARGET_DATABASE, or a file that RR_TARGET_DATABASE_FILE names: sqlite:FILE or postgres://USER:PASSWORD@HOST/NAME, empty.

Connectors may be serving meanwhile: they go on reading, and answer 503 to whoever wants to change something. When all has been
copied and compared, the old database is left for good and its connectors end; start them with the new RR_DATABASE.
Interrupted anywhere, the same command goes on. See docs/migrate-database.md.

  --to       where to, instead of RR_TARGET_DATABASE; only without a password, since others can read command lines
  --check    looks at both ends only; an empty target is given its tables
  --abort    gives up a move that has not come to its end: connectors may write again`;

export interface MigrateDeps {
  readonly config: Config;
  readonly world: Pick<World, 'now' | 'random' | 'env'>;
  /** Resolves when somebody wants to stop. */
  readonly stop: Promise<unknown>;
}

/** Exit code: 0 done, 1 not, 2 not understood. Without `deps`: the manual. */
export async function migrateDatabaseCommand(
  argv: readonly string[],
  deps: MigrateDeps | undefined,
  out: Out,
): Promise<number> {
  if (!deps) {
    out.print(manual);
    return 0;
  }
  return running(out, manual, async () => {
    const { values, positionals } = optionsOf(argv, {
      to: { type: 'string' },
      check: { type: 'boolean' },
      abort: { type: 'boolean' },
    });
    only(positionals, 0);
    if (values.check && values.abort) throw new CommandLineError('--check and --abort do not go together.');
    const to = values.to === undefined ? deps.config.targetDatabase : typedTarget(values.to);
    if (values.abort) return giveUp(deps, to, out);
    if (!to) throw new CommandLineError('RR_TARGET_DATABASE is missing: where to?');
    await move(deps, to, values.check === true, out);
  });
}

/** @throws CommandLineError, which never repeats what was typed */
function typedTarget(text: string): DatabaseAddress {
  try {
    const address = parseDatabaseAddress(text);
    if (address.engine !== 'postgres' || !address.password) return address;
  } catch (error) {
    if (error instanceof RangeError || error instanceof SettingError)
      throw new CommandLineError(`--to ${error.message}.`);
    throw error;
  }
  throw new CommandLineError(
    'Others can read command lines: an address with a password comes from RR_TARGET_DATABASE or RR_TARGET_DATABASE_FILE. ' +
      'Give that user a new password.',
  );
}

async function move(
  { config, world, stop }: MigrateDeps,
  to: DatabaseAddress,
  check: boolean,
  out: Out,
): Promise<void> {
  await using parts = new AsyncDisposableStack();
  const source = await openSource(config.database, parts);
  const key = await keyOf(source.sql, config, world.env);
  // Nobody else fills or serves it meanwhile.
  if (to.engine === 'sqlite') {
    const lock = takeServingLock(to.file);
    if (!lock) throw new MoveError(`${to.file} is being served, or filled, by another process.`);
    parts.defer(() => lock.release());
  }
  const target = endOf(await openTarget(to), to);
  parts.defer(() => target.sql.close());
  out.say(`From: ${source.shown}`);
  out.say(`To:   ${target.shown}`);
  if (check) {
    const tables = await checkEnds(source, target, out.say);
    out.say(`Both ends are in order: ${tables.length} tables. Nothing was moved, and nothing was stopped.`);
    return;
  }
  const state = { stopped: false };
  void stop.then(() => {
    state.stopped = true;
  });
  const deps: MoveDeps = {
    ...{ from: source, to: target, now: world.now, say: out.say, stopped: () => state.stopped },
    newId: () => uuidv7(world.now(), world.random(10)),
    alone: () => alone(config.database, source.sql, out, () => state.stopped, parts),
  };
  const moved = await moveDatabase(deps);
  if (moved.already) out.say('This move had come to its end before: nothing was left to be done.');
  out.say(
    'Now set RR_DATABASE to the new database, and start the connectors. The old one is a backup until then: keep it',
  );
  out.say('as long as you keep backups, and then destroy it, since it holds what a backup holds.');
  if (key !== undefined) {
    out.say(`The master key stays the same. It was found by the place of the old database: from now on set`);
    out.say(`RR_SECRET_KEY_FILE=${key}`);
  }
}

const patient = {
  name: `${connectorName} migrate-database`,
  connections: 3,
  patience: 60_000,
  // A lock that is not given soon is asked for again: others wait behind whoever waits.
  timeouts: { statement: 600_000, lock: 2000, idle: 60_000 },
} as const;

async function openSource(address: DatabaseAddress, parts: AsyncDisposableStack): Promise<End> {
  if (address.engine === 'sqlite' && !existsSync(address.file))
    throw new MoveError(`There is no database at ${address.file}.`);
  const source = endOf(await openDatabase(address, patient), address);
  parts.defer(() => source.sql.close());
  return source;
}

async function openTarget(address: DatabaseAddress): Promise<Sql> {
  try {
    return await openDatabase(address, patient);
  } catch (error) {
    if (error instanceof StartError) throw new MoveError(error.message.replaceAll('RR_DATABASE', 'RR_TARGET_DATABASE'));
    throw error;
  }
}

/** @throws KeyError when the source was sealed with another key @returns the key's file, where it is found by itself */
async function keyOf(sql: Sql, config: Config, env: World['env']): Promise<string | undefined> {
  if (!(await isMigrated(sql)) || (await sql.run((tx) => readMeta(tx, keyCheck.key))) === undefined)
    throw new MoveError(`${shownAddress(config.database)} was never served: there is nothing to move.`);
  return (await openMasterKey(sql, config.secretKey, keyFileOf(config.database, env))).file;
}

function endOf(sql: Sql, address: DatabaseAddress): End {
  const place = address.engine === 'sqlite' ? address.file : [address.host, address.port, address.database].join(' ');
  return told({ sql, engine: address.engine, shown: shownAddress(address), place });
}

/** How long connectors may take to find out that their database has been left, and to end. */
const patience = { milliseconds: 120_000, look: 250 } as const;

/** Waits until no connector works on the source. What keeps new ones away is kept until the command ends. */
async function alone(
  address: DatabaseAddress,
  sql: Sql,
  out: Out,
  stopped: () => boolean,
  parts: AsyncDisposableStack,
): Promise<{ dead: boolean }> {
  for (let waited = 0; waited < patience.milliseconds; waited += patience.look) {
    // Whoever had the lock of a file has died with it; one that has lost its connections may still be sending a mail.
    if (await isAlone(address, sql, parts)) return { dead: address.engine === 'sqlite' };
    if (stopped()) break;
    if (waited === 2000) out.say('Waiting for the connectors of the old database to end …');
    await wait(patience.look);
  }
  throw new MoveError(
    'A connector still works on the old database. Everything has been moved, and nothing is written there any more: end that ' +
      'connector, and run the same command again.',
  );
}

async function isAlone(address: DatabaseAddress, sql: Sql, parts: AsyncDisposableStack): Promise<boolean> {
  if (address.engine === 'sqlite') {
    const lock = takeServingLock(address.file);
    if (lock) parts.defer(() => lock.release());
    return lock !== undefined;
  }
  const row = await sql.get<{ sessions: number }>`select count(*) as sessions from pg_stat_activity
    where datname = current_database() and application_name = ${connectorName}`;
  return row?.sessions === 0;
}

async function giveUp({ config, world }: MigrateDeps, to: DatabaseAddress | undefined, out: Out): Promise<void> {
  await using parts = new AsyncDisposableStack();
  const source = await openSource(config.database, parts);
  const id = (await isMigrated(source.sql)) ? await abandon(source, world.now()) : undefined;
  if (id === undefined) {
    out.say(`No move of ${source.shown} is under way.`);
    return;
  }
  out.say(`The move was given up: connectors on ${source.shown} may write again.`);
  if (!to) {
    out.say('What it had copied lies in its target, and can be written over by another move from here.');
    return;
  }
  try {
    const target = endOf(await openTarget(to), to);
    parts.defer(() => target.sql.close());
    if ((await isMigrated(target.sql)) && (await discard(target, id))) out.say(`${target.shown} was emptied.`);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    out.say(`${error.message} What was copied is still there, and can be written over by another move from here.`);
  }
}
