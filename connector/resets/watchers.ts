// Who watches a reset: event streams are told after the commit that changed it. In-process only; a stream also looks by
// itself now and then, so that what another process changed is seen too.

export interface Watchers {
  /** After a commit that touched this reset. */
  changed(tenant: string, id: string): void;
  /** Calls `look` after each change until the returned function is called. */
  watch(tenant: string, id: string, look: () => void): () => void;
}

/** A set of watchers, one per connector. */
export function watchers(): Watchers {
  const looking = new Map<string, Set<() => void>>();
  return {
    changed(tenant, id) {
      for (const look of looking.get(`${tenant}/${id}`) ?? []) look();
    },
    watch(tenant, id, look) {
      const key = `${tenant}/${id}`;
      const set = looking.get(key) ?? new Set();
      looking.set(key, set.add(look));
      return () => {
        set.delete(look);
        if (set.size === 0) looking.delete(key);
      };
    },
  };
}
