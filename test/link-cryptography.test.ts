// The connector's cryptography is the page's: the same bytes for the same arguments, whatever they are. The simulator's is
// the connector's, with one difference: it stretches a PIN at once.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { linkCryptography, openPassword, toBase64url } from '#shared/link.ts';
import { nodeCryptography } from '../connector/link-cryptography.ts';
import { openSealed, syncCryptography } from './sim/cryptography.ts';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const pins = fc.option(fc.stringMatching(/^[0-9]{8}$/), { nil: undefined });
const ids = fc.stringMatching(/^[a-z0-9-]{1,36}$/);

it('derives the same keys', async () => {
  await fc.assert(
    fc.asyncProperty(bytes(16), bytes(32), pins, async (id, key, pin) => {
      const link = { id, key, iterations: 3, ...(pin === undefined ? {} : { pin }) };
      const keys = await linkCryptography.deriveLink(link);
      expect(await nodeCryptography().deriveLink(link)).toEqual(keys);
      expect(await syncCryptography.deriveLink(link)).toEqual(keys);
    }),
    { numRuns: 60 },
  );
});

it.each(['1234567', '123456789', '1234567a', ''])('takes no PIN that is none: “%s”', async (pin) => {
  const link = { id: new Uint8Array(16), key: new Uint8Array(32), pin, iterations: 3 };
  for (const { deriveLink } of [linkCryptography, nodeCryptography()])
    await expect(deriveLink(link)).rejects.toMatchObject({ code: 'pinInvalid' });
});

it('seals for no ids that would make two contexts look alike', async () => {
  const context = { tenant: 'a|b', reset: 'c' };
  for (const { sealPassword } of [linkCryptography, nodeCryptography()])
    await expect(sealPassword('x', new Uint8Array(32), context, new Uint8Array(12))).rejects.toThrow(RangeError);
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
    fc.asyncProperty(fc.oneof(bytes(32), fc.uint8Array({ maxLength: 40 })), bytes(32), async (value, other) => {
      const hash = await linkCryptography.hash(value);
      expect(await syncCryptography.hash(value)).toBe(hash);
      const text = toBase64url(value);
      expect(await syncCryptography.isHashOf(text, hash)).toBe(value.length === 32);
      for (const stored of [hash, await linkCryptography.hash(other), 'x', '', undefined])
        expect(await syncCryptography.isHashOf(text, stored)).toBe(await linkCryptography.isHashOf(text, stored));
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
