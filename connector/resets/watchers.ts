// Who watches the resets of a person: event streams are told after the commit that changed one of them (a newer one changes
// what an older one may), also by another connector on the same database where the engine carries signals. A stream looks by
// itself now and then all the same: a signal may be lost with the process that was to send it.

import type { Signals } from '../sql/sql.ts';

export interface Watchers {
  /** After a commit that touched a reset of this person. */
  changed(tenant: string, userId: string): void;
  /** Calls `look` after each change until the returned function is called. */
  watch(tenant: string, userId: string, look: () => void): () => void;
}

const channel = 'reset';

/** A set of watchers, one per connector. Without signals those of this process alone are told. */
export function watchers(signals?: Signals): Watchers {
  const looking = new Map<string, Set<() => void>>();
  const tell = (key: string) => {
    for (const look of looking.get(key) ?? []) look();
  };
  signals?.listen((signal) => {
    if (signal?.channel === channel) tell(signal.content);
    else if (signal === undefined) for (const key of looking.keys()) tell(key);
  });
  return {
    changed(tenant, userId) {
      const key = `${tenant}/${userId}`;
      if (signals) signals.send({ channel, content: key });
      else tell(key);
    },
    watch(tenant, userId, look) {
      const key = `${tenant}/${userId}`;
      const set = looking.get(key) ?? new Set();
      looking.set(key, set.add(look));
      return () => {
        set.delete(look);
        if (set.size === 0) looking.delete(key);
      };
    },
  };
}
