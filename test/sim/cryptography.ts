// The link's cryptography by node:crypto's synchronous functions: thread pools would break the replay of a seed. Equal to
// shared/link.ts byte for byte, as cryptography.test.ts shows; PINs are stretched with one round.

import { createCipheriv, createDecipheriv, hash as digest, hkdfSync, pbkdf2Sync } from 'node:crypto';
import {
  fromBase64url,
  type LinkContext,
  type LinkCryptography,
  pinIterations,
  type SealedPassword,
  toBase64url,
} from '#shared/link.ts';
import { Problem } from '#shared/problem.ts';

type Bytes = Uint8Array<ArrayBuffer>;

const sha256 = (bytes: Uint8Array): Buffer => digest('sha256', bytes, 'buffer');
const hkdf = (secret: Uint8Array, salt: Uint8Array, info: string): Bytes =>
  new Uint8Array(hkdfSync('sha256', secret, salt, info, 32));

function derive(link: { id: Uint8Array; key: Uint8Array; pin?: string; iterations?: number }) {
  const { id, key, pin, iterations = pinIterations } = link;
  if (pin !== undefined && !/^[0-9]{8}$/.test(pin)) throw new Problem('pinInvalid');
  const root = hkdf(key, id, 'rr/v1/root');
  const pinKey = pin === undefined ? new Uint8Array(32) : pbkdf2Sync(pin, id, iterations, 32, 'sha256');
  const both = Buffer.concat([root, pinKey]);
  return {
    encKey: hkdf(both, id, 'rr/v1/enc'),
    proof: hkdf(root, id, 'rr/v1/proof-link'),
    ...(pin === undefined ? {} : { proofPin: hkdf(both, id, 'rr/v1/proof-pin') }),
  };
}

const aad = ({ tenant, reset }: LinkContext) => Buffer.from(`1|${tenant}|${reset}`);

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** What the connector is handed in a simulation. */
export const syncCryptography: LinkCryptography = {
  deriveLink: async (link) => derive(link),
  async sealPassword(password, encKey, context, nonce) {
    const cipher = createCipheriv('aes-256-gcm', encKey, nonce);
    cipher.setAAD(aad(context));
    const ct = Buffer.concat([cipher.update(password, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return { ct: toBase64url(ct), nonce: toBase64url(nonce) };
  },
  hash: async (bytes) => sha256(bytes).toString('base64url'),
  async isHashOf(value, stored) {
    const bytes = fromBase64url(value, 32);
    return bytes !== undefined && stored !== undefined && sha256(bytes).toString('base64url') === stored;
  },
  async codeOf({ key, pin, credential }) {
    const body = Buffer.concat([
      Uint8Array.of(16 | (pin ? 1 : 0) | (credential === 'temporaryAccessPass' ? 2 : 0)),
      key,
    ]);
    let bits = '';
    for (const byte of Buffer.concat([body, sha256(body).subarray(0, 2)])) bits += byte.toString(2).padStart(8, '0');
    const code = (bits.match(/.{5}/g) ?? []).map((five) => alphabet[Number.parseInt(five, 2)]).join('');
    return (code.match(/.{4}/g) ?? []).join('-');
  },
};

/** What the link page does with an answer; undefined when it does not open. */
export function openSealed(sealed: SealedPassword, encKey: Uint8Array, context: LinkContext): string | undefined {
  const bytes = Buffer.from(sealed.ct, 'base64url');
  try {
    const decipher = createDecipheriv('aes-256-gcm', encKey, Buffer.from(sealed.nonce, 'base64url'));
    decipher.setAAD(aad(context));
    decipher.setAuthTag(bytes.subarray(-16));
    return Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]).toString('utf8');
  } catch {
    return undefined;
  }
}
