// Cursors (RFC 9865 §2): where a page begins, sealed, so that nobody can read or make one, and bound to the tenant and the
// query that it came from. Nothing is kept for them; they say a position, not a number, and stay right whatever is
// added or removed before it.

import { createHash } from 'node:crypto';
import { Problem } from '#shared/problem.ts';
import { type Keyring, SealError } from '../secret.ts';
import type { From, Position } from '../store/page.ts';

/** How long a cursor is good for, in seconds; each page brings new ones. */
export const cursorTimeout = 3600;
/** Longer keys would not fit into a URL; they are looked up again. */
const longestKey = 1000;

export interface Cursor {
  readonly from: Exclude<From, { readonly index: number }>;
  /** Of the first query; it stays the same (RFC 9865 §2.1). */
  readonly count: number;
}

/**
 * @param query what must stay the same from page to page: the same text for the same query
 */
export function cursors(keyring: Keyring, now: () => number) {
  const place = (tenant: string, query: string) =>
    `scim_cursor/${tenant}/${createHash('sha256').update(query).digest('base64url')}`;
  return {
    /** Of unreserved characters alone (RFC 3986 §2.3). */
    seal(tenant: string, query: string, { from, count }: Cursor): string {
      const back = 'before' in from;
      const { part, id, key } = back ? from.before : from.after;
      const short = typeof key === 'string' && key.length > longestKey ? [] : [key];
      const content = [now(), count, back ? (from.included ? 2 : 1) : 0, part, id, ...short];
      return keyring.seal(JSON.stringify(content), place(tenant, query));
    },
    /** @throws Problem invalidCursor, expiredCursor */
    open(tenant: string, query: string, text: string): Cursor {
      if (!isCanonical(text)) throw new Problem('invalidCursor');
      let content: [number, number, number, number, string, (string | number | null)?];
      try {
        content = JSON.parse(keyring.openText(text, place(tenant, query)));
      } catch (error) {
        if (error instanceof SealError) throw new Problem('invalidCursor');
        throw error;
      }
      const [at, count, direction, part, id, key] = content;
      if (now() - at > cursorTimeout * 1000) throw new Problem('expiredCursor');
      const position: Position = { part, id, ...(key === undefined ? {} : { key }) };
      if (direction === 0) return { from: { after: position }, count };
      return { from: { before: position, included: direction === 2 }, count };
    },
  };
}

/** Base64url ignores some changes at the end of a text; a changed cursor is none of ours all the same. */
function isCanonical(text: string): boolean {
  return text.split('.').every((part) => part === '1' || Buffer.from(part, 'base64url').toString('base64url') === part);
}

export type Cursors = ReturnType<typeof cursors>;
