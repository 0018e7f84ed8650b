// Random bytes by the handful: the system's call costs more than a whole id, so that they are drawn in advance.

/** Drawn at once. */
const drawn = 4096;

/**
 * A source that draws from `fill` (a cryptographic generator) in advance. What has been handed out is wiped from the pool.
 * @returns a function of the number of bytes
 */
export function pooled(fill: (bytes: Uint8Array) => Uint8Array): (bytes: number) => Uint8Array {
  const pool = new Uint8Array(drawn);
  let used = drawn;
  return (bytes) => {
    // Keys and passwords are few and longer: they never lie about in a pool. Ids and nonces do.
    if (bytes > 16) return fill(new Uint8Array(bytes));
    if (used + bytes > drawn) {
      fill(pool);
      used = 0;
    }
    const some = pool.slice(used, used + bytes);
    pool.fill(0, used, used + bytes);
    used += bytes;
    return some;
  };
}
