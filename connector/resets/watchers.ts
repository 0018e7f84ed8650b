// Who watches the resets of a person: event streams are told after the commit that changed one of them (a newer one changes
// what an older one may). In-process only; a stream also looks by itself now and then, so that what another process
// changed is seen too.

export interface Watchers {
  /** After a commit that touched a reset of this person. */
  changed(tenant: string, userId: string): void;
  /** Calls `look` after each change until the returned function is called. */
  watch(tenant: string, userId: string, look: () => void): () => void;
}

/** A set of watchers, one per connector. */
export function watchers(): Watchers {
  const looking = new Map<string, Set<() => void>>();
  return {
    changed(tenant, userId) {
      for (const look of looking.get(`${tenant}/${userId}`) ?? []) look();
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
