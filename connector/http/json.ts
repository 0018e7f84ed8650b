// JSON bodies from outside: bounded in depth, each name once, without the keys that reach an object's prototype.

import { Problem } from '#shared/problem.ts';

/**
 * Parses JSON text (RFC 8259). Depth counts nested objects and arrays.
 * @throws Problem invalidSyntax for anything that is not JSON, is nested deeper than `depth`, names a member twice, or has
 *   `__proto__`, `constructor.prototype`
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
  let members = 0;
  for (let reached = 1; level.length > 0; reached++) {
    if (reached > depth) throw new Problem('invalidSyntax', { reason: 'It is nested too deeply.' });
    const next: object[] = [];
    for (const item of level) {
      const entries = Object.entries(item);
      if (!Array.isArray(item)) members += entries.length;
      for (const [key, inner] of entries) {
        if (key === '__proto__' || (key === 'constructor' && typeof inner === 'object')) {
          throw new Problem('invalidSyntax', { reason: 'A name in it is not allowed.' });
        }
        if (typeof inner === 'object' && inner !== null) next.push(inner);
      }
    }
    level = next;
  }
  // RFC 8259 §4: of a name that comes twice nobody can say which one was meant; whoever checks and whoever acts might differ.
  if (members !== membersIn(text))
    throw new Problem('invalidSyntax', { reason: 'A name is given twice in an object.' });
  return value;
}

/** How many members the objects of a valid JSON text have as they are written: its colons outside of strings. */
function membersIn(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === colon) count++;
    if (code === quote) at = endOfString(text, at);
  }
  return count;
}

const quote = 0x22;
const colon = 0x3a;
const backslash = 0x5c;

function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let before = end - 1;
    while (text.charCodeAt(before) === backslash) before--;
    if ((end - before) % 2 === 1) return end;
  }
  return text.length;
}
