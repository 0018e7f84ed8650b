// Tokens in the links that the Graph door gives out ($skiptoken, $deltatoken): where the next page begins, sealed, so that
// nobody can read or make one, and bound to the organisation and the query that it came from. Nothing is kept for them.

import { createHash } from 'node:crypto';
import { type Keyring, SealError } from '../secret.ts';

/** Of a token: when it was given out, in milliseconds since the epoch, and what it says. */
export interface Opened<T> {
  readonly at: number;
  readonly content: T;
}

/** @param kind what the tokens are for: one of another kind does not open */
export function pageTokens<T>(keyring: Keyring, now: () => number, kind: string) {
  const place = (tenant: string, query: string) =>
    `graph_${kind}/${tenant}/${createHash('sha256').update(query).digest('base64url')}`;
  return {
    /** Of unreserved characters alone (RFC 3986 §2.3). @param query what must stay the same from page to page */
    seal: (tenant: string, query: string, content: T): string =>
      keyring.seal(JSON.stringify([now(), content]), place(tenant, query)),
    /** Undefined for what was not given out here, for this organisation and query. */
    open(tenant: string, query: string, text: string): Opened<T> | undefined {
      // Base64url ignores some changes at the end of a text; a changed token is none of ours all the same.
      const same = (part: string) => part === '1' || Buffer.from(part, 'base64url').toString('base64url') === part;
      if (text.length > 8192 || !text.split('.').every(same)) return undefined;
      try {
        const [at, content] = JSON.parse(keyring.openText(text, place(tenant, query))) as [number, T];
        return { at, content };
      } catch (error) {
        if (error instanceof SealError) return undefined;
        throw error;
      }
    },
  };
}
