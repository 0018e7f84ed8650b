// Many needles in a big hay at once, after Wu and Manber (1994): a table tells for four bytes how far on the next needle
// can end at the earliest, so that most of the hay is skipped.

import type { Buffer } from 'node:buffer';

export interface Needle {
  readonly label: string;
  readonly form: string;
  readonly bytes: Buffer;
  /** Counts only where it stands alone; its length and the width of its characters in bytes. */
  readonly digits?: { readonly length: number; readonly width: number };
}

/** Bytes that are looked at together. */
const block = 4;

/** An index of needles, each of at least four bytes. */
export function needleIndex(needles: readonly Needle[]): {
  /** Calls `hit` for each needle at each place, in the order of places. */
  search(hay: Uint8Array, hit: (needle: Needle, at: number) => void): void;
} {
  const window = needles.reduce((least, { bytes }) => Math.min(least, bytes.length), 255);
  if (window < block) throw new RangeError('A needle is too short.');
  const bits = Math.min(22, Math.max(14, Math.ceil(Math.log2(needles.length * window * 8 + 1))));
  const shifts = new Uint8Array(1 << bits).fill(window - block + 1);
  const slot = (bytes: Uint8Array, at: number) => Math.imul(wordAt(bytes, at), 0x9e3779b1) >>> (32 - bits);
  const ending = new Map<number, Needle[]>();
  for (const needle of needles) {
    for (let end = block; end <= window; end++) {
      const at = slot(needle.bytes, end - block);
      shifts[at] = Math.min(shifts[at] ?? 0, window - end);
    }
    const last = wordAt(needle.bytes, window - block);
    const same = ending.get(last);
    if (same) same.push(needle);
    else ending.set(last, [needle]);
  }
  return {
    search(hay, hit) {
      for (let end = window; end <= hay.length; ) {
        const shift = shifts[slot(hay, end - block)] ?? 0;
        if (shift > 0) {
          end += shift;
          continue;
        }
        const from = end - window;
        for (const needle of ending.get(wordAt(hay, end - block)) ?? []) {
          if (isAt(hay, from, needle.bytes)) hit(needle, from);
        }
        end++;
      }
    },
  };
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
}

function isAt(hay: Uint8Array, from: number, needle: Uint8Array): boolean {
  if (from + needle.length > hay.length) return false;
  for (let i = 0; i < needle.length; i++) if (hay[from + i] !== needle[i]) return false;
  return true;
}
