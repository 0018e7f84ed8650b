// The link's cryptography with nothing on other threads, which would break the replay of a seed; and what the link page does.

import { createDecipheriv, pbkdf2Sync } from 'node:crypto';
import { type LinkContext, linkContextText, type SealedPassword } from '#shared/link.ts';
import { nodeCryptography } from '../../connector/link-cryptography.ts';

/** What the connector is handed in a simulation. */
export const syncCryptography = nodeCryptography(async (pin, salt, iterations) =>
  pbkdf2Sync(pin, salt, iterations, 32, 'sha256'),
);

/** What the link page does with an answer; undefined when it does not open. */
export function openSealed(sealed: SealedPassword, encKey: Uint8Array, context: LinkContext): string | undefined {
  const bytes = Buffer.from(sealed.ct, 'base64url');
  try {
    const decipher = createDecipheriv('aes-256-gcm', encKey, Buffer.from(sealed.nonce, 'base64url'));
    decipher.setAAD(Buffer.from(linkContextText(context)));
    decipher.setAuthTag(bytes.subarray(-16));
    return Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]).toString('utf8');
  } catch {
    return undefined;
  }
}
