// The worker: takes due resets one after the other, a few at a time, and sleeps until the next is due. Everything it
// needs to know after a crash is in the database.

import { Problem } from '#shared/problem.ts';
import { jobs, nextDue } from '../jobs.ts';
import type { Logger } from '../log.ts';
import type { Scheduler } from '../scheduler.ts';
import type { Sql } from '../sql/sql.ts';
import { bringForward, clockWatch } from './clock.ts';
import { resetJob } from './lease.ts';
import { type Taken, takeResets } from './take.ts';

export interface WorkerDeps {
  readonly sql: Sql;
  readonly walk: (taken: Taken) => Promise<void>;
  readonly now: () => number;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  /**
   * Another process (a command, a second connector) may have made something due: looked at this often, in milliseconds. Without
   * it as often as signals leave something to be found.
   */
  readonly lookAgain?: number;
  /** False: nothing new is taken for now; whoever makes it true again wakes the worker. */
  readonly mayWork?: () => boolean;
}

const together = 8;
/** Milliseconds; `heard`: others tell what they make due, and few signals are lost. */
const looks = { heard: 5000, unheard: 500 } as const;
/** Until the next look when nothing could be taken, or might; no longer than any other. */
const heldFor = 5000;

export interface Worker {
  /** Something was made due: do not wait for the next look. */
  wake(): void;
  /** Takes nothing new and waits for what is under way. */
  stop(): Promise<void>;
}

/** Walks everything that is due now, and what becomes due by it; for tests and for the way down. */
export async function drain(deps: Omit<WorkerDeps, 'scheduler'>): Promise<number> {
  let walked = 0;
  for (;;) {
    const [taken] = await takeResets(deps.sql, deps.now(), 1);
    if (!taken) return walked;
    await deps.walk(taken);
    walked++;
  }
}

/** Starts the worker. */
export function startWorker(deps: WorkerDeps): Worker {
  let stopped = false;
  let forget = () => {};
  let looking: Promise<void> | undefined;
  let again = false;
  const running = new Set<Promise<void>>();

  const watchClock = clockWatch();
  const { signals } = deps.sql;
  const often = () => deps.lookAgain ?? looks[signals?.heard ? 'heard' : 'unheard'];
  const deafen = signals?.listen((signal) => {
    if (signal === undefined || signal.channel === jobs) wake();
  });
  /** What was last in the way: said once, not twice a second. */
  let told: string | undefined;
  /** Nothing could be taken, whatever is due: no sooner than it is looked at anyhow. */
  let held = false;

  async function look(): Promise<void> {
    held = true;
    const beyond = watchClock.beyond(deps.now());
    if (beyond !== undefined) {
      await deps.sql.run((tx) => bringForward(tx, resetJob, deps.now(), beyond));
      watchClock.done();
    }
    if (!(deps.mayWork?.() ?? true)) return;
    held = false;
    while (!stopped && running.size < together) {
      const free = together - running.size;
      const some = await takeResets(deps.sql, deps.now(), free);
      for (const taken of some) {
        const walking = deps
          .walk(taken)
          // The lease runs out by itself and the step is tried again; the fault is in the log.
          .catch((error: unknown) => deps.log.error({ err: error, reset: taken.ref }, 'reset stopped on its way'))
          .finally(() => {
            running.delete(walking);
            wake();
          });
        running.add(walking);
      }
      if (some.length < free) return;
    }
  }

  function wake(): void {
    if (stopped) return;
    if (looking) {
      again = true;
      return;
    }
    forget();
    looking = look()
      .then(
        () => {
          told = undefined;
        },
        (error: unknown) => {
          held = true;
          const what = error instanceof Problem ? `${error.code} ${error.details.reason}` : String(error);
          if (what !== told) deps.log.warn({ err: error }, 'the worker could not look for work');
          told = what;
        },
      )
      .then(async () => {
        looking = undefined;
        if (stopped) return;
        if (again) {
          again = false;
          wake();
          return;
        }
        // Whoever ends has it looked again.
        if (running.size >= together) return;
        const due = await nextDue(deps.sql, resetJob).catch(() => undefined);
        if (stopped || looking) return;
        const wait = held ? heldFor : Math.max(10, (due ?? Number.POSITIVE_INFINITY) - deps.now());
        forget = deps.scheduler.after(Math.min(often(), wait), wake);
      });
  }

  wake();
  return {
    wake,
    async stop() {
      stopped = true;
      deafen?.();
      forget();
      await looking;
      await Promise.allSettled(running);
    },
  };
}
