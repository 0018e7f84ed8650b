// Tokens that were verified a moment ago: believed again for ten seconds, never past their end, never for another one.

import { expect, test } from 'vitest';
import { type Access, recentTokens } from '../../connector/http/auth.ts';

const at = Date.UTC(2026, 10, 22, 9);
const access = (expiresAt: number) => ({ oid: 'somebody', expiresAt }) as Access;

test('a token is known for ten seconds, and no other one is', () => {
  const recent = recentTokens();
  const one = access(at + 3_600_000);
  recent.keep('a.b.c', one, at);
  expect(recent.get('a.b.c', at + 9_999)).toBe(one);
  expect(recent.get('a.b.d', at)).toBeUndefined();
  expect(recent.get('a.b.c', at + 10_000)).toBeUndefined();
});

test('never past its own end', () => {
  const recent = recentTokens();
  recent.keep('a.b.c', access(at + 2000), at);
  expect(recent.get('a.b.c', at + 1999)).toBeDefined();
  expect(recent.get('a.b.c', at + 2000)).toBeUndefined();
});

test('of many only the newest thousand are held', () => {
  const recent = recentTokens();
  for (let index = 0; index < 1500; index++) recent.keep(`token-${index}`, access(at + 3_600_000), at);
  const held = Array.from({ length: 1500 }, (_, index) => recent.get(`token-${index}`, at)).filter(Boolean);
  expect(held).toHaveLength(1000);
  expect(recent.get('token-1499', at)).toBeDefined();
});
