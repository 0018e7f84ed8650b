// Seeded chance (mulberry32): the same seed draws the same plans and people. What two processes make of the time between
// them it cannot repeat.

export interface Draw {
  /** From 0 to 1, 1 not included. */
  next(): number;
  /** Whole, both ends included. */
  between(least: number, most: number): number;
  chance(of: number): boolean;
  pick<T>(from: readonly T[]): T;
  shuffled<T>(list: readonly T[]): T[];
  bytes(count: number): Uint8Array;
  /** Another sequence, of its own. */
  fork(): Draw;
}

export function drawOf(seed: number): Draw {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (least: number, most: number) => least + Math.floor(next() * (most - least + 1));
  return {
    next,
    between,
    chance: (of) => next() < of,
    pick<T>(from: readonly T[]): T {
      if (from.length === 0) throw new RangeError('There is nothing to pick from.');
      return from[between(0, from.length - 1)] as T;
    },
    shuffled<T>(list: readonly T[]): T[] {
      const all = list.map((one) => ({ one, key: next() }));
      return all.sort((a, b) => a.key - b.key).map(({ one }) => one);
    },
    bytes: (count) => Uint8Array.from({ length: count }, () => between(0, 255)),
    fork: () => drawOf(between(0, 2 ** 32 - 1)),
  };
}
