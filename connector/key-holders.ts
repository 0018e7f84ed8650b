// What the connectors on one database say of their master keys and of their release, as rows of `meta`: each for a minute at a
// time. Nobody gives its word beside a living one that could not open what it seals, or that seals what it could not open.

import { announce, opens, readChecks } from './key-check.ts';
import type { Keyring } from './secret.ts';
import { readMeta, writeMeta } from './sql/migrate.ts';
import type { Tx, Work } from './sql/sql.ts';

/** So long a word holds, in milliseconds; clocks of two machines may be apart by what a beat leaves of it. */
export const holdFor = 60_000;
/** Words of connectors that have died are kept so long, for whoever looks for them. */
const keptFor = 24 * 3_600_000;

/** What a connector says of its keys, by their ids; the first one seals. */
export interface Holder {
  readonly id: string;
  readonly keys: readonly string[];
  /** How many migrations its release knows. */
  readonly schema: number;
  readonly until: number;
}

const prefix = 'holder:';

function* allHolders(tx: Tx): Work<Holder[]> {
  const rows = yield* tx.all<{ key: string; value: string }>`
    select key, value from meta where key >= 'holder:' and key < 'holder;'`;
  return rows.map(({ key, value }) => ({ id: key.slice(prefix.length), ...(JSON.parse(value) as Omit<Holder, 'id'>) }));
}

/** Those that serve, by their word. */
export function* livingHolders(tx: Tx, now: number): Work<Holder[]> {
  return (yield* allHolders(tx)).filter(({ until }) => isAhead(until, now, holdFor));
}

/** Is it still to come? What is further ahead than it can have been set was written while a clock was wrong. */
export function isAhead(until: number, now: number, atMost: number): boolean {
  return until > now && until <= now + 2 * atMost;
}

const keyTurn = 'keyTurn';

/** Whose turn it is to seal everything again, under which key, and until when it has the turn. */
export interface Turn {
  readonly by: string;
  readonly key: string;
  readonly until: number;
}

/** Whose turn it is to seal everything again; undefined: nobody’s. */
export function* readTurn(tx: Tx): Work<Turn | undefined> {
  const text = yield* readMeta(tx, keyTurn);
  return text === undefined ? undefined : (JSON.parse(text) as Turn);
}

/** Gives somebody the turn, in place of whoever had it. */
export function* writeTurn(tx: Tx, turn: Turn): Work<void> {
  yield* writeMeta(tx, keyTurn, JSON.stringify(turn));
}

/** Ends the turn, whose ever it is. */
export function* endTurn(tx: Tx): Work<void> {
  yield* tx.run`delete from meta where key = ${keyTurn}`;
}

/** For the operator, why a connector may not seal beside the others. */
export const objections = {
  outdated: 'The database was brought to a newer schema, on which this release cannot work. Start the newer release.',
  other: 'The database is sealed with a master key that is not in RR_SECRET_KEY. Put it into the list and start again.',
  behind:
    'Another connector on this database does not have the first key of RR_SECRET_KEY. Give it to all of them behind their ' +
    'present one, and put it first when all have it.',
  ahead:
    'Another connector on this database seals with a key that is not in RR_SECRET_KEY. Give all of them both keys until ' +
    'the change has come to its end.',
} as const;

export type Objection = keyof typeof objections;

/** Says for another minute which keys a connector has. @returns why it must not: then nothing is said */
export function* hold(tx: Tx, ring: Keyring, id: string, now: number, schema: number): Work<Objection | undefined> {
  const [first = ''] = ring.ids;
  if (Number((yield* readMeta(tx, 'readableFrom')) ?? 0) > schema) return 'outdated';
  if (!(yield* readChecks(tx)).every((check) => opens(ring, check))) return 'other';
  for (const other of yield* allHolders(tx)) {
    if (other.id === id) continue;
    if (!isAhead(other.until, now, holdFor)) {
      if (Math.abs(other.until - now) > keptFor) yield* tx.run`delete from meta where key = ${prefix + other.id}`;
      continue;
    }
    if (!other.keys.includes(first)) return 'behind';
    if (!ring.ids.includes(other.keys[0] ?? '')) return 'ahead';
  }
  // Whoever starts without this key from now on is told that values may lie under it.
  yield* announce(tx, ring);
  // Whoever is sealing everything again would miss what is sealed under another key from now on.
  const turn = yield* readTurn(tx);
  if (turn && turn.key !== first) yield* endTurn(tx);
  yield* writeMeta(tx, prefix + id, JSON.stringify({ keys: ring.ids, schema, until: now + holdFor }));
  return undefined;
}

/** Why the schema must not become unreadable for older releases yet; undefined when none of them serves. */
export function* stillServed(tx: Tx, readableFrom: number, now: number): Work<string | undefined> {
  const older = (yield* livingHolders(tx, now)).filter(({ schema }) => schema < readableFrom).length;
  if (older === 0) return undefined;
  return (
    `${older === 1 ? 'A connector' : `${older} connectors`} of an older release still ${older === 1 ? 'serves' : 'serve'} ` +
    'this database, and could not work on the new schema. Stop it first, or bring it to the release in between. One that was ' +
    'killed counts as serving for a minute.'
  );
}

/** Takes it back. */
export function* unhold(tx: Tx, id: string): Work<void> {
  yield* tx.run`delete from meta where key = ${prefix + id}`;
}
