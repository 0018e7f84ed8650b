// JSON bodies from outside: bounded in depth, without the keys that reach an object's prototype.

import { Problem } from '#shared/problem.ts';

/**
 * Parses JSON text (RFC 8259). Depth counts nested objects and arrays.
 * @throws Problem invalidSyntax for anything that is not JSON, is nested deeper than `depth`, or has `__proto__`,
 *   `constructor.prototype`
 */
export function parseJson(text: string, depth = 32): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Problem('invalidSyntax');
  }
  // Level by level, not by recursion: the input decides how deep it is.
  let level: object[] = typeof value === 'object' && value !== null ? [value] : [];
  for (let reached = 1; level.length > 0; reached++) {
    if (reached > depth) throw new Problem('invalidSyntax', { reason: 'depth' });
    const next: object[] = [];
    for (const item of level) {
      for (const [key, inner] of Object.entries(item)) {
        if (key === '__proto__' || (key === 'constructor' && typeof inner === 'object')) {
          throw new Problem('invalidSyntax', { reason: 'prototype' });
        }
        if (typeof inner === 'object' && inner !== null) next.push(inner);
      }
    }
    level = next;
  }
  return value;
}
