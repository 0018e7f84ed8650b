// What this process has set, by person: Graph keeps no record of who changed a password, only when. In memory, since it
// only saves a second write and a wrong guess; after a restart a change of ours is one of an unknown hand, known by its time.

import { createHmac, randomBytes } from 'node:crypto';
import type { PasswordProfile } from './directory.ts';

export interface Attempt {
  readonly operation: string;
  /** Tells the same value from another, and nothing else about it. */
  readonly digest: string;
  /** lastPasswordChangeDateTime before it; undefined when there was none. Times are on Graph's clock, in milliseconds. */
  readonly before: number | undefined;
  /** No later than then it has taken place, if it has. */
  readonly latest: number;
  /** It has taken place. */
  readonly done: boolean;
  /** Of an operation that was accepted and had not come to its end. */
  readonly location?: string;
}

export interface Attempts {
  of(person: string): Attempt | undefined;
  /** Undefined forgets. */
  note(person: string, attempt: Attempt | undefined): void;
  digest(profile: PasswordProfile): string;
  /** One at a time for one person: two writes on their way at once would end in an order that nobody knows. */
  alone<T>(person: string, work: () => Promise<T>): Promise<T>;
}

const most = 5000;

export function attempts(): Attempts {
  const key = randomBytes(32);
  const last = new Map<string, Attempt>();
  const queues = new Map<string, Promise<unknown>>();
  return {
    of: (person) => last.get(person),
    note(person, attempt) {
      last.delete(person);
      if (attempt) last.set(person, attempt);
      for (const oldest of last.keys()) {
        if (last.size <= most) return;
        last.delete(oldest);
      }
    },
    digest: ({ password, forceChangePasswordNextSignIn: force }) =>
      createHmac('sha256', key).update(`${force}/${password}`).digest('base64url'),
    async alone(person, work) {
      const turn = (queues.get(person) ?? Promise.resolve()).then(work, work);
      const settled = turn.catch(() => {});
      queues.set(person, settled);
      try {
        return await turn;
      } finally {
        if (queues.get(person) === settled) queues.delete(person);
      }
    },
  };
}

/**
 * Is a change at this time (lastPasswordChangeDateTime) that attempt's? One that is done is the last one as long as
 * nothing later shows: what shows may lag behind it, or lie in the same second. Of one whose answer was lost, a change
 * while it could have taken place is taken for it.
 */
export function isOf(attempt: Attempt, at: number): boolean {
  if (at > attempt.latest) return false;
  return attempt.done || attempt.before === undefined || at > attempt.before;
}
