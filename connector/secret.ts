// Secrets: a value that does not print, and sealing at rest (AES-256-GCM, NIST SP 800-38D) under the master key, with
// the key's id on every sealed value so that keys can be rotated. There is no default key anywhere.

import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import { inspect } from 'node:util';

/** A text that prints as [secret] wherever it is logged, inspected or turned into JSON; open it with `reveal()`. */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }
  reveal(): string {
    return this.#text;
  }
  toString(): string {
    return '[secret]';
  }
  toJSON(): string {
    return '[secret]';
  }
  [inspect.custom](): string {
    return '[secret]';
  }
}

/** Seals and opens under the master keys. `aad` binds a value to its place: `<table>/<tenant>/<id>/<column>`. */
export interface Keyring {
  /** Under the first key, as `1.<key id>.<nonce>.<ciphertext+tag>` in base64url. */
  seal(plain: Uint8Array | string, aad: string): string;
  /** @throws SealError for another key, another place or changed bytes */
  open(sealed: string, aad: string): Uint8Array;
  openText(sealed: string, aad: string): string;
  /** base64url HMAC-SHA-256 under a key of its own per label: fingerprints that a guess cannot check offline. */
  mac(label: string, data: string): string;
  /** The same under each key, first the one of `mac`: what was kept before a rotation still compares. */
  macs(label: string, data: string): readonly string[];
  /** Ids of the keys, first the one that seals. */
  readonly ids: readonly string[];
  /** What every value begins with that is sealed under the first key. */
  readonly prefix: string;
}

export class SealError extends Error {
  override readonly name = 'SealError';
}

interface Key {
  readonly id: string;
  readonly seal: Buffer;
  readonly root: Uint8Array;
}

/** The key's id: tells keys apart, tells nothing of the key (HKDF, RFC 5869). */
function derived(root: Uint8Array, info: string, length: number): Buffer {
  return Buffer.from(hkdfSync('sha256', root, new Uint8Array(0), `rr/master/${info}`, length));
}

/**
 * A keyring of 32-byte master keys: the first seals, all open. `random` makes nonces.
 * @throws RangeError when there is no key or one has another length
 */
export function keyring(roots: readonly Uint8Array[], random: (bytes: number) => Uint8Array = randomBytes): Keyring {
  const keys: Key[] = roots.map((root) => {
    if (root.length !== 32) throw new RangeError('A master key has 32 bytes.');
    return { id: derived(root, 'id', 6).toString('base64url'), seal: derived(root, 'seal', 32), root };
  });
  const [first] = keys;
  if (!first) throw new RangeError('There is no master key.');

  const open = (sealed: string, aad: string): Buffer => {
    const [version, id, nonce, body] = sealed.split('.');
    const key = keys.find((candidate) => candidate.id === id);
    if (version !== '1' || !key || !nonce || !body) throw new SealError(`Sealed with a key that is not here (${id}).`);
    const bytes = Buffer.from(body, 'base64url');
    try {
      const iv = Buffer.from(nonce, 'base64url');
      const decipher = createDecipheriv('aes-256-gcm', key.seal, iv, { authTagLength: 16 });
      decipher.setAAD(Buffer.from(`${id}/${aad}`));
      decipher.setAuthTag(bytes.subarray(-16));
      return Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]);
    } catch {
      throw new SealError('A sealed value does not open: it was changed or moved.');
    }
  };

  const macOf = ({ root }: Key, label: string, data: string) =>
    createHmac('sha256', derived(root, `mac/${label}`, 32))
      .update(data)
      .digest('base64url');
  const prefix = `1.${first.id}.`;

  return {
    ids: keys.map(({ id }) => id),
    prefix,
    seal(plain, aad) {
      const nonce = Buffer.from(random(12));
      const cipher = createCipheriv('aes-256-gcm', first.seal, nonce, { authTagLength: 16 });
      cipher.setAAD(Buffer.from(`${first.id}/${aad}`));
      const body = Buffer.concat([cipher.update(plain as string), cipher.final(), cipher.getAuthTag()]);
      return `${prefix}${nonce.toString('base64url')}.${body.toString('base64url')}`;
    },
    open,
    openText: (sealed, aad) => open(sealed, aad).toString('utf8'),
    mac: (label, data) => macOf(first, label, data),
    macs: (label, data) => keys.map((key) => macOf(key, label, data)),
  };
}

/** Compares two base64url texts in constant time; different lengths are simply different. */
export function sameText(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
