// The link's cryptography on the connector's side, by node:crypto. The same bytes as shared/link.ts gives, which is for
// browsers: WebCrypto sends each small hash to another thread and back, which costs seven times what the hashes do. Only to
// stretch a PIN is slow: that is done on another thread, unless whoever makes this brings another way.

import { createCipheriv, hash as digest, hkdfSync, pbkdf2, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import {
  codeWith,
  fromBase64url,
  type LinkContext,
  type LinkCryptography,
  linkContextText,
  pinIterations,
  toBase64url,
} from '#shared/link.ts';
import { Problem } from '#shared/problem.ts';

/** PBKDF2-HMAC-SHA-256 (RFC 8018 §5.2) of a PIN, 32 bytes out. */
type StretchPin = (pin: string, salt: Uint8Array, iterations: number) => Promise<Uint8Array>;

const derived = promisify(pbkdf2);
/** On another thread, since it takes a tenth of a second. */
const stretchPin: StretchPin = (pin, salt, iterations) => derived(pin, salt, iterations, 32, 'sha256');

const sha256 = (bytes: Uint8Array): Buffer => digest('sha256', bytes, 'buffer');

/** HKDF-SHA-256 (RFC 5869), 32 bytes out. */
const hkdf = (secret: Uint8Array, salt: Uint8Array, info: string) =>
  new Uint8Array(hkdfSync('sha256', secret, salt, info, 32));

/** What the connector does with a link's cryptography; every function as in shared/link.ts. */
export function nodeCryptography(stretch: StretchPin = stretchPin): LinkCryptography {
  return {
    async deriveLink({ id, key, pin, iterations = pinIterations }) {
      if (pin !== undefined && !/^[0-9]{8}$/.test(pin)) throw new Problem('pinInvalid');
      const root = hkdf(key, id, 'rr/v1/root');
      const pinKey = pin === undefined ? new Uint8Array(32) : await stretch(pin, id, iterations);
      const both = Buffer.concat([root, pinKey]);
      return {
        encKey: hkdf(both, id, 'rr/v1/enc'),
        proof: hkdf(root, id, 'rr/v1/proof-link'),
        ...(pin === undefined ? {} : { proofPin: hkdf(both, id, 'rr/v1/proof-pin') }),
      };
    },
    async sealPassword(password, encKey, context: LinkContext, nonce) {
      const cipher = createCipheriv('aes-256-gcm', encKey, nonce);
      cipher.setAAD(Buffer.from(linkContextText(context)));
      const ct = Buffer.concat([cipher.update(password, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      return { ct: toBase64url(ct), nonce: toBase64url(nonce) };
    },
    hash: async (bytes) => sha256(bytes).toString('base64url'),
    async isHashOf(value, stored) {
      const bytes = fromBase64url(value, 32);
      const known = stored === undefined ? undefined : fromBase64url(stored, 32);
      const same = timingSafeEqual(sha256(bytes ?? new Uint8Array(32)), known ?? new Uint8Array(32));
      return same && bytes !== undefined && known !== undefined;
    },
    codeOf: async (link) => codeWith(link, sha256),
  };
}
