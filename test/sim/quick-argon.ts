// A password hash that is quick, synchronous at heart, and can be read back: the observer of a simulation knows by it
// which value a directory holds. What argon2 itself does is tried in the store's own tests.

import type { Argon } from '../../connector/store/credentials.ts';

const quick = (password: string) => `quick:${Buffer.from(password).toString('hex')}`;

export const quickArgon: Argon = {
  hash: async (password) => quick(password),
  verify: async (hash, password) => hash === quick(password),
};

/** The value behind a hash. */
export function plainOf(hash: string): string {
  return Buffer.from(hash.slice('quick:'.length), 'hex').toString();
}
