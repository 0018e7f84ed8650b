// The simulator's cryptography is the product's: the same bytes for the same arguments, whatever they are.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { linkCryptography, openPassword, toBase64url } from '../../shared/link.ts';
import { openSealed, syncCryptography } from './cryptography.ts';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const pins = fc.option(fc.stringMatching(/^[0-9]{8}$/), { nil: undefined });
const ids = fc.stringMatching(/^[a-z0-9-]{1,36}$/);

it('derives the same keys', async () => {
  await fc.assert(
    fc.asyncProperty(bytes(16), bytes(32), pins, async (id, key, pin) => {
      const link = { id, key, iterations: 3, ...(pin === undefined ? {} : { pin }) };
      expect(await syncCryptography.deriveLink(link)).toEqual(await linkCryptography.deriveLink(link));
    }),
    { numRuns: 60 },
  );
});

it('seals and opens the same', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: 'grapheme' }),
      bytes(32),
      ids,
      ids,
      bytes(12),
      async (text, key, tenant, reset, nonce) => {
        const context = { tenant, reset };
        const sealed = await syncCryptography.sealPassword(text, key, context, nonce);
        expect(sealed).toEqual(await linkCryptography.sealPassword(text, key, context, nonce));
        expect(openSealed(sealed, key, context)).toBe(await openPassword(sealed, key, context));
        expect(openSealed(sealed, key, { tenant, reset: `${reset}x` })).toBeUndefined();
      },
    ),
    { numRuns: 60 },
  );
});

it('hashes and compares the same', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 40 }), bytes(32), async (value, other) => {
      const hash = await linkCryptography.hash(value);
      expect(await syncCryptography.hash(value)).toBe(hash);
      for (const stored of [hash, await linkCryptography.hash(other), undefined]) {
        const text = toBase64url(value);
        expect(await syncCryptography.isHashOf(text, stored)).toBe(await linkCryptography.isHashOf(text, stored));
      }
    }),
    { numRuns: 60 },
  );
});

it('writes the same code', async () => {
  await fc.assert(
    fc.asyncProperty(
      bytes(32),
      fc.boolean(),
      fc.constantFrom('password', 'temporaryAccessPass'),
      async (key, pin, credential) => {
        const link = { key, pin, credential } as const;
        expect(await syncCryptography.codeOf(link)).toBe(await linkCryptography.codeOf(link));
      },
    ),
    { numRuns: 60 },
  );
});
