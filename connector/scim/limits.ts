// How fast one client may ask: a token bucket per client, in memory, since one process serves a database.

export interface Rate {
  /** Requests per second in the long run; 0: no limit. */
  readonly perSecond: number;
  /** How many at once after a pause. */
  readonly burst: number;
}

/** `RR_SCIM_RATE` as a rate: bursts of five seconds' worth, so that a sync cycle that begins is not slowed. */
export function rateOf(perSecond: number): Rate {
  return { perSecond, burst: perSecond * 5 };
}

/** Clients that are remembered; one that has not asked for longer than a full bucket takes is as good as new. */
const mostClients = 10_000;

/**
 * Counts requests. The function says how many whole seconds a client must wait (for Retry-After), 0: go ahead.
 * @param now milliseconds since the epoch; a clock that is set back costs nobody anything
 */
export function rateLimit({ perSecond, burst }: Rate, now: () => number): (client: string) => number {
  if (perSecond === 0) return () => 0;
  const buckets = new Map<string, { level: number; at: number }>();
  return (client) => {
    const at = now();
    const bucket = buckets.get(client) ?? { level: burst, at };
    bucket.level = Math.min(burst, bucket.level + (Math.max(0, at - bucket.at) / 1000) * perSecond);
    bucket.at = at;
    // Newest last: the first one in the map has been quiet for longest.
    buckets.delete(client);
    buckets.set(client, bucket);
    if (buckets.size > mostClients) buckets.delete(buckets.keys().next().value as string);
    if (bucket.level < 1) return Math.max(1, Math.ceil((1 - bucket.level) / perSecond));
    bucket.level -= 1;
    return 0;
  };
}
