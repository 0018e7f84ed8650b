// What `meta` says of the master key: texts whose opening shows that a key is the database's.

import { type Keyring, SealError } from './secret.ts';
import { readMeta, writeMeta } from './sql/migrate.ts';
import type { Tx, Work } from './sql/sql.ts';

/** Sealed under the key under which everything is sealed, but for what `keyNext` tells. */
export const keyCheck = { key: 'keyCheck', text: 'reset-and-resend', place: 'meta/keyCheck' } as const;
/**
 * The same under each key that values may lie under until a change of keys has come to its end, separated by spaces: until
 * then all of them are needed.
 */
export const keyNext = 'keyNext';

/** Every check there is, first the one of `keyCheck`; none: nothing is sealed yet. */
export function* readChecks(tx: Tx): Work<string[]> {
  const [current, next] = [yield* readMeta(tx, keyCheck.key), yield* readMeta(tx, keyNext)];
  return [...(current === undefined ? [] : [current]), ...(next?.split(' ') ?? [])];
}

/** Says that values may lie under the keyring's first key, if that is not said yet. */
export function* announce(tx: Tx, ring: Keyring): Work<void> {
  const [current, ...next] = yield* readChecks(tx);
  if ([current, ...next].some((check) => check?.startsWith(ring.prefix))) return;
  yield* writeMeta(tx, keyNext, [...next, ring.seal(keyCheck.text, keyCheck.place)].join(' '));
}

/** Is the key of this check among those of the ring? */
export function opens(ring: Keyring, check: string): boolean {
  try {
    ring.open(check, keyCheck.place);
    return true;
  } catch (error) {
    if (error instanceof SealError) return false;
    throw error;
  }
}
