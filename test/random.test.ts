import { expect, test } from 'vitest';
import { pooled } from '../connector/random.ts';

test('bytes are drawn in advance, each is handed out once, and nothing of it stays in the pool', () => {
  let next = 0;
  const fills: Uint8Array[] = [];
  const random = pooled((bytes) => {
    fills.push(bytes);
    for (let at = 0; at < bytes.length; at++) bytes[at] = 1 + (next++ % 251);
    return bytes;
  });
  const expected = (from: number, count: number) =>
    Array.from({ length: count }, (_one, at) => 1 + ((from + at) % 251));
  expect([...random(10)]).toEqual(expected(0, 10));
  expect([...random(16)]).toEqual(expected(10, 16));
  const [pool] = fills as [Uint8Array];
  expect([...pool.subarray(0, 26)]).toEqual(Array(26).fill(0));
  for (let taken = 26; taken + 10 <= pool.length; taken += 10) expect([...random(10)]).toEqual(expected(taken, 10));
  expect(fills).toHaveLength(1);
  // Fewer are left than are wanted: none of them is used, and all are drawn anew.
  expect([...random(16)]).toEqual(expected(pool.length, 16));
  expect(fills).toHaveLength(2);
  // A key does not come out of the pool.
  expect(random(32)).toBe(fills[2]);
});
