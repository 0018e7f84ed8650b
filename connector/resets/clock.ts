// Clocks are set, and machines wake up after days (reset.md C19). Times that lie further ahead than any wait of ours were
// written while a clock was ahead: they are brought back, so that nothing lives longer, and nobody waits for a year.

import type { Tx, Work } from '../sql/sql.ts';
import type { Tenant } from '../tenant.ts';
import { leaseFor, leaseTime, minute } from './lease.ts';
import type { Columns, ResetRow } from './row.ts';

/** So far two clocks may be apart without anybody taking notice, in milliseconds. */
const apart = minute;
/** The longest that another side may ask us to wait and be obeyed. */
const longestWait = 24 * 60 * minute;

/**
 * The times of a row that no clock of now can have written, as they should be; undefined when all can.
 * @param now milliseconds since the epoch
 */
export function broughtBack(row: ResetRow, { policy }: Tenant, now: number): Columns | undefined {
  const shift = row.started_at > now + apart ? row.started_at - now : 0;
  const atMost = (time: number | null, wait: number) => (time === null ? null : Math.min(time, now + wait));
  const times = {
    started_at: row.started_at - shift,
    expires_at: row.expires_at - shift,
    change_by: row.change_by === null ? null : atMost(row.change_by, policy.changeLifetime * 1000 + apart),
    leased_until: atMost(row.leased_until, leaseTime + apart),
    // Far ahead, it tells nothing but that a call was made: that may be under way no longer than any.
    call_until: atMost(row.call_until, leaseFor + apart),
    next_attempt_at:
      row.next_attempt_at !== null && row.next_attempt_at > now + longestWait ? now : row.next_attempt_at,
  };
  const names = Object.keys(times) as (keyof typeof times)[];
  return names.some((name) => times[name] !== row[name]) ? times : undefined;
}

/**
 * Jobs of which nobody would hear before long: a lease is no longer than leases are, and what is due later than `beyond`
 * is looked at now. How many that were.
 */
export function* bringForward(tx: Tx, kind: string, now: number, beyond: number): Work<number> {
  const held = now + leaseFor;
  const leases = yield* tx.run`update job set leased_until = ${held}, due_at = ${held}
    where kind = ${kind} and leased_until > ${held + apart}`;
  const due = yield* tx.run`update job set due_at = ${now}
    where kind = ${kind} and leased_until <= ${now} and due_at > ${now + beyond}`;
  return leases + due;
}

/** No reset waits longer for anything: whatever is due later was written by a clock that was ahead. */
const longestLife = 32 * 24 * 60 * minute;
/** Between two looks at what other clocks have written. */
const between = 60 * minute;

/** How far ahead something may be due, as `bringForward` takes it. */
export interface ClockWatch {
  /** Undefined: there is nothing to be brought forward. */
  beyond(now: number): number | undefined;
  /** It was done. Until then the same is asked for again. */
  done(): void;
}

/** Notices when the clock is set back, and looks now and then at what a connector may have left whose clock is ahead. */
export function clockWatch(): ClockWatch {
  let latest: number | undefined;
  let looked = 0;
  let owed: number | undefined;
  return {
    beyond(now) {
      const back = latest !== undefined && now < latest - apart;
      const first = latest === undefined;
      latest = back ? now : Math.max(latest ?? now, now);
      if (first) owed = between;
      else if (back) owed = 0;
      else if (now - looked >= between) owed ??= longestLife;
      return owed;
    },
    done() {
      owed = undefined;
      looked = latest ?? 0;
    },
  };
}
