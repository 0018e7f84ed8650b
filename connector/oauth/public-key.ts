// The public key of a client as an operator hands it in: PEM, a JWK or a JWK Set.

import { createPublicKey } from 'node:crypto';
import type { JWK } from 'jose';
import { algorithmsOf } from './assertion.ts';

/** A file that holds no key that can be used. The message is a sentence for the operator. */
export class PublicKeyError extends Error {
  override readonly name = 'PublicKeyError';
}

/**
 * The public keys in a file, without anything that is not theirs.
 * @throws PublicKeyError for a private key, a short RSA key, or another kind of key
 */
export function readPublicKeys(text: string): JWK[] {
  const found = text.trimStart().startsWith('{') ? jwksOf(text) : [pemOf(text)];
  if (found.length === 0) throw new PublicKeyError('There is no key in the file.');
  return found.map((given) => {
    if ('d' in given || 'k' in given) {
      throw new PublicKeyError('The file holds a private key. It stays with the client; give the public one.');
    }
    const { kty, n, e, crv, x, y, kid, alg } = given;
    const jwk = JSON.parse(JSON.stringify({ kty, n, e, crv, x, y, kid, alg })) as JWK;
    if (algorithmsOf(jwk).length === 0) {
      throw new PublicKeyError('The key must be RSA (RS256, PS256), P-256 (ES256), P-384 (ES384) or Ed25519 (EdDSA).');
    }
    let bits: number | undefined;
    try {
      bits = createPublicKey({ key: jwk as Record<string, string>, format: 'jwk' }).asymmetricKeyDetails?.modulusLength;
    } catch {
      throw new PublicKeyError('The key is damaged.');
    }
    if (kty === 'RSA' && (bits ?? 0) < 2048) throw new PublicKeyError('An RSA key must have 2,048 bits at least.');
    return jwk;
  });
}

function jwksOf(text: string): JWK[] {
  try {
    const parsed = JSON.parse(text) as JWK & { keys?: JWK[] };
    return Array.isArray(parsed.keys) ? parsed.keys : [parsed];
  } catch {
    throw new PublicKeyError('The file is neither PEM nor a JWK.');
  }
}

function pemOf(text: string): JWK {
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) {
    throw new PublicKeyError('The file holds a private key. It stays with the client; give the public one.');
  }
  try {
    return createPublicKey(text).export({ format: 'jwk' }) as JWK;
  } catch {
    throw new PublicKeyError('The file is neither PEM nor a JWK.');
  }
}
