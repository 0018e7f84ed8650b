// How the connector proves who it is at the token endpoint: a secret, or a certificate with which it signs a statement
// about itself (RFC 7523 §2.2; Entra, "Certificate credentials": PS256, x5t#S256).

import { createHash, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { SignJWT } from 'jose';
import type { Secret } from '../secret.ts';
import { StartError } from '../start-error.ts';

export type Credential =
  | { readonly kind: 'secret'; readonly secret: Secret }
  | { readonly kind: 'certificate'; readonly key: KeyObject; readonly thumbprint: string; readonly validTo: number };

/** As the settings give it: the secret itself, or files. */
export interface CredentialSettings {
  readonly clientSecret?: Secret | undefined;
  readonly clientCert?: string | undefined;
  readonly clientKey?: string | undefined;
}

/**
 * The credential of the settings.
 * @param readFile reads a PEM file
 * @throws StartError with a sentence for the operator
 */
export function readCredential(settings: CredentialSettings, readFile: (path: string) => string): Credential {
  const { clientSecret: secret, clientCert, clientKey } = settings;
  if (secret) return { kind: 'secret', secret };
  if (clientCert === undefined || clientKey === undefined) {
    throw new StartError('RR_CLIENT_SECRET, or RR_CLIENT_CERT with RR_CLIENT_KEY, is missing.');
  }
  const certificate = reading('RR_CLIENT_CERT', clientCert, () => new X509Certificate(readFile(clientCert)));
  const key = reading('RR_CLIENT_KEY', clientKey, () => createPrivateKey(readFile(clientKey)));
  if (!certificate.checkPrivateKey(key)) {
    throw new StartError('RR_CLIENT_KEY is not the private key of the certificate in RR_CLIENT_CERT.');
  }
  // The only kind that Entra takes for PS256.
  if (key.asymmetricKeyType !== 'rsa')
    throw new StartError('RR_CLIENT_KEY is not an RSA key, the kind that Entra takes.');
  const thumbprint = createHash('sha256').update(certificate.raw).digest('base64url');
  return { kind: 'certificate', key, thumbprint, validTo: Date.parse(certificate.validTo) };
}

function reading<T>(name: string, file: string, read: () => T): T {
  try {
    return read();
  } catch {
    // What the library says could repeat a part of the key.
    throw new StartError(`${name} names a file that cannot be read as PEM: ${file}.`);
  }
}

/** In seconds; Entra takes 5 to 10 minutes. */
const assertionLifetime = 300;

/**
 * The parameters by which a client authenticates at the token endpoint.
 * @param now milliseconds since the epoch
 */
export async function clientAuthentication(
  credential: Credential,
  { clientId, endpoint, now, random }: AssertionOf,
): Promise<Record<string, string>> {
  if (credential.kind === 'secret') return { client_id: clientId, client_secret: credential.secret.reveal() };
  const seconds = Math.floor(now / 1000);
  const assertion = await new SignJWT({ jti: Buffer.from(random(16)).toString('base64url') })
    .setProtectedHeader({ alg: 'PS256', typ: 'JWT', 'x5t#S256': credential.thumbprint })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(endpoint)
    .setNotBefore(seconds)
    .setIssuedAt(seconds)
    .setExpirationTime(seconds + assertionLifetime)
    .sign(credential.key);
  return {
    client_id: clientId,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion,
  };
}

interface AssertionOf {
  readonly clientId: string;
  readonly endpoint: string;
  readonly now: number;
  readonly random: (bytes: number) => Uint8Array;
}
