// Seeded randomness (xoshiro128**): the same seed gives the same numbers on every machine.

export interface Random {
  /** 0 ≤ x < 1 */
  next(): number;
  /** 0 ≤ n < below */
  int(below: number): number;
  chance(probability: number): boolean;
  pick<T>(list: readonly T[]): T;
  bytes(count: number): Uint8Array<ArrayBuffer>;
  /** A generator of its own, by name: what one part of a run draws does not move what another draws. */
  fork(name: string): Random;
}

const rotl = (x: number, k: number) => ((x << k) | (x >>> (32 - k))) >>> 0;

/** FNV-1a, stretched to four words by splitmix32. */
function wordsOf(seed: string): [number, number, number, number] {
  let h = 0x811c9dc5;
  for (let i = 0; i < seed.length; i++) h = Math.imul(h ^ seed.charCodeAt(i), 0x01000193) >>> 0;
  const word = () => {
    h = (h + 0x9e3779b9) >>> 0;
    let z = h;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
  return [word(), word(), word(), word() | 1];
}

/** A generator for a seed. */
export function seeded(seed: string): Random {
  let [a, b, c, d] = wordsOf(seed);
  const word = () => {
    const result = Math.imul(rotl(Math.imul(b, 5) >>> 0, 7), 9) >>> 0;
    const t = (b << 9) >>> 0;
    c = (c ^ a) >>> 0;
    d = (d ^ b) >>> 0;
    b = (b ^ c) >>> 0;
    a = (a ^ d) >>> 0;
    c = (c ^ t) >>> 0;
    d = rotl(d, 11);
    return result;
  };
  const random: Random = {
    next: () => word() / 0x1_0000_0000,
    int: (below) => Math.floor((word() / 0x1_0000_0000) * below),
    chance: (probability) => word() / 0x1_0000_0000 < probability,
    pick<T>(list: readonly T[]): T {
      if (list.length === 0) throw new RangeError('There is nothing to pick from.');
      return list[random.int(list.length)] as T;
    },
    bytes(count) {
      const some = new Uint8Array(count);
      for (let i = 0; i < count; i++) some[i] = word() & 0xff;
      return some;
    },
    fork: (name) => seeded(`${seed}/${name}`),
  };
  return random;
}
