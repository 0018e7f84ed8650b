// A connector's word of which master keys it has, kept up while several serve one database (key-holders.ts): whoever has not
// said so lately does not seal at all. So a rolling change (old → old,new → new,old → new) is safe at each of its steps, and
// a mistake in it only waits.

import { Problem } from '#shared/problem.ts';
import { hold, holdFor, type Objection, objections, unhold } from './key-holders.ts';
import { reseal } from './key-rotation.ts';
import type { Logger } from './log.ts';
import { KeyError } from './master-key.ts';
import type { Scheduler } from './scheduler.ts';
import type { Keyring } from './secret.ts';
import type { Sql } from './sql/sql.ts';

const beatEvery = 15_000;
/** After a beat that has failed. */
const beatAgain = 1000;

/** A connector's word, kept up. */
export interface KeyHolding {
  /** Opens as the one that was given; seals only as long as the word holds. */
  readonly keyring: Keyring;
  /** May this connector seal now? */
  holds(): boolean;
  /** Says it again, and seals again what is due, if it is this connector's turn. Never fails: a later one does better. */
  beat(): Promise<void>;
  /** Begins to beat. */
  start(onHold: () => void): void;
  /** Takes the word back. */
  stop(): Promise<void>;
}

export interface HoldingDeps {
  readonly sql: Sql;
  readonly keyring: Keyring;
  /** Of this process and no other, also not of the one before it. */
  readonly id: string;
  readonly now: () => number;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  /** How many migrations this release knows. */
  readonly schema: number;
  /** Milliseconds that no one sets. */
  readonly monotonic?: () => number;
  /** How long a start waits for others to have the right keys, in milliseconds. */
  readonly patience?: number;
}

/**
 * Gives this connector's word, as soon as that can be. What a killed connector has said is waited for until it is over.
 * @throws KeyError with what the operator has to do; nothing was sealed then
 */
export async function holdKeys(deps: HoldingDeps): Promise<KeyHolding> {
  const { sql, keyring, id, now, scheduler, log, monotonic = () => performance.now() } = deps;
  const { patience = 2 * holdFor, schema } = deps;
  let said: { at: number; monotonic: number } | undefined;
  let objection: Objection | undefined;
  let settled = false;
  let stopped = false;
  let forget = () => {};
  let beating: Promise<void> = Promise.resolve();
  let onHold = () => {};

  /** By its own clock and by one that nobody sets: a process that was frozen, or a machine that slept, has no word any more. */
  const holds = () =>
    said !== undefined && Math.abs(now() - said.at) < holdFor && monotonic() - said.monotonic < holdFor;

  async function say(): Promise<boolean> {
    const saying = { at: now(), monotonic: monotonic() };
    const found = await sql.run((tx) => hold(tx, keyring, id, saying.at, schema));
    said = found === undefined ? saying : undefined;
    if (found !== undefined && found !== objection) log.error({ reason: found }, objections[found]);
    if (found === undefined && objection !== undefined)
      log.info('the master keys of all connectors fit together again');
    objection = found;
    return found === undefined;
  }

  async function beatOnce(): Promise<void> {
    let next = beatEvery;
    try {
      const before = holds();
      if (!(await say())) return;
      if (!before) onHold();
      if (settled) return;
      const turn = { sql, keyring, id, now, log };
      settled = (await reseal(turn)) === 'done';
    } catch (error) {
      log.warn({ err: error }, 'what this connector has of master keys could not be said');
      next = beatAgain;
    } finally {
      if (!stopped) {
        forget();
        forget = scheduler.after(next, () => void beat());
      }
    }
  }

  function beat(): Promise<void> {
    beating = beating.then(beatOnce);
    return beating;
  }

  let hastened = false;
  /** The word is over, and somebody needs it now: the next beat is not waited for. */
  function hasten(): void {
    if (hastened || stopped) return;
    hastened = true;
    void beat().finally(() => {
      hastened = false;
    });
  }

  const begun = monotonic();
  while (!(await say())) {
    if (objection && monotonic() - begun > patience) throw new KeyError(objections[objection]);
    await new Promise<void>((resolve) => scheduler.after(beatAgain, resolve));
  }
  return {
    keyring: {
      ...keyring,
      seal(plain, aad) {
        if (holds()) return keyring.seal(plain, aad);
        hasten();
        throw new Problem('unavailable', { reason: 'masterKey' });
      },
    },
    holds,
    beat,
    start(then) {
      onHold = then;
      void beat();
    },
    async stop() {
      stopped = true;
      forget();
      await beating;
      said = undefined;
      // It ends by itself, where the database is out of reach.
      await sql.run((tx) => unhold(tx, id)).catch(() => {});
    },
  };
}
