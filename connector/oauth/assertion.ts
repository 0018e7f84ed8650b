// A client's proof by a signed JWT (RFC 7523 §2.2, §3): signed with a key of its own (private_key_jwt), or by an issuer
// whose word is taken for it (workload identity federation, as Entra does it).

import { decodeJwt, decodeProtectedHeader, errors, importJWK, type JWK, type JWTPayload, jwtVerify } from 'jose';
import type { Client, Credential, Federation } from '../store/clients.ts';
import { isLive } from '../token.ts';

export const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** An assertion that proves nothing. The message says what is wrong with it, for the log. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

export interface AssertionDeps {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** By what names this server answers in `aud`: the token endpoint, the issuer. */
  readonly audience: readonly string[];
  /** The key of an issuer; see `remoteKeys`. */
  readonly keyOf: (uri: string, kid: string) => Promise<CryptoKey | undefined>;
}

/** What an assertion proved, and what has to be remembered so that it proves it once only (`jti`, until `expires`). */
export interface Proof {
  readonly credential: Credential;
  readonly once?: { readonly jti: string; readonly expires: number };
}

/** Of the clocks, in seconds. */
const tolerance = 60;
/** An own key signs when it is needed: nothing that lasts longer than this has to be remembered. In seconds. */
const longest = 3600;
const algorithms: Readonly<Record<string, readonly string[]>> = {
  RSA: ['RS256', 'PS256'],
  'P-256': ['ES256'],
  'P-384': ['ES384'],
  Ed25519: ['EdDSA', 'Ed25519'],
};

/** With which algorithms this key may sign here; none: it is not a key for that. */
export function algorithmsOf({ kty, crv, alg }: JWK): readonly string[] {
  const fit = algorithms[kty === 'RSA' ? kty : (crv ?? '')] ?? [];
  return alg === undefined ? fit : fit.filter((one) => one === alg);
}

/** Whom an assertion speaks of, unverified: it only says whose keys must fit. @throws AssertionError */
export function subjectOf(assertion: string): string | undefined {
  try {
    const { sub } = decodeJwt(assertion);
    return typeof sub === 'string' ? sub : undefined;
  } catch {
    throw new AssertionError('The assertion is not a signed JWT.');
  }
}

/**
 * Checks that an assertion is this client's.
 * @throws AssertionError
 */
export async function verifyAssertion(
  deps: AssertionDeps,
  client: Client,
  credentials: readonly Credential[],
  assertion: string,
): Promise<Proof> {
  const live = credentials.filter((one) => isLive(one, deps.now()));
  try {
    const { alg, kid } = decodeProtectedHeader(assertion);
    const { iss } = decodeJwt(assertion);
    if (iss === client.id) {
      const keys = live.filter(({ kind }) => kind === 'key');
      return await byOwnKey(deps, client, keys, assertion, { alg, kid });
    }
    const federations = live.filter(({ kind }) => kind === 'federation');
    return await byFederation(deps, federations, assertion, { iss, kid });
  } catch (error) {
    if (error instanceof errors.JWTExpired) throw new AssertionError('The assertion has expired.');
    if (error instanceof errors.JWTClaimValidationFailed) {
      throw new AssertionError(`“${error.claim}” of the assertion is missing or not what is expected.`);
    }
    if (error instanceof errors.JOSEError) throw new AssertionError('The assertion is not signed as it must be.');
    if (error instanceof TypeError) throw new AssertionError('The assertion is not a signed JWT.');
    throw error;
  }
}

const required = { requiredClaims: ['iss', 'sub', 'aud', 'exp'], clockTolerance: tolerance };

/** RFC 7523 §3 with iss = sub = client_id, and `jti` once only. */
async function byOwnKey(
  deps: AssertionDeps,
  client: Client,
  keys: readonly Credential[],
  assertion: string,
  header: { alg?: string | undefined; kid?: string | undefined },
): Promise<Proof> {
  for (const credential of keys) {
    const jwk = credential.detail as JWK;
    if (header.kid !== undefined && jwk.kid !== undefined && header.kid !== jwk.kid) continue;
    const allowed = algorithmsOf(jwk);
    if (header.alg === undefined || !allowed.includes(header.alg)) continue;
    let payload: JWTPayload;
    try {
      ({ payload } = await jwtVerify(assertion, await importJWK(jwk, header.alg), {
        ...required,
        algorithms: [...allowed],
        issuer: client.id,
        subject: client.id,
        audience: [...deps.audience],
        currentDate: new Date(deps.now()),
      }));
    } catch (error) {
      // Two keys without a name may be live while one replaces the other.
      if (error instanceof errors.JWSSignatureVerificationFailed) continue;
      throw error;
    }
    const { jti, exp = 0 } = payload;
    if (typeof jti !== 'string' || jti === '') throw new AssertionError('“jti” of the assertion is missing.');
    if (exp * 1000 > deps.now() + (longest + tolerance) * 1000) {
      throw new AssertionError(`“exp” of the assertion lies more than ${longest} seconds ahead.`);
    }
    return { credential, once: { jti, expires: (exp + tolerance) * 1000 } };
  }
  throw new AssertionError('The assertion is not signed with a key of this client.');
}

/**
 * RFC 7523 §3 with the issuer, audience and subject that the operator typed. `jti` is not asked for: Entra has none in
 * these tokens, and presents one several times while it lasts.
 */
async function byFederation(
  deps: AssertionDeps,
  federations: readonly Credential[],
  assertion: string,
  header: { iss?: string | undefined; kid?: string | undefined },
): Promise<Proof> {
  const fitting = federations.filter(({ detail }) => (detail as Federation).issuer === header.iss);
  if (fitting.length === 0) throw new AssertionError('“iss” of the assertion is not one that this client has.');
  if (header.kid === undefined) throw new AssertionError('The assertion does not name its key (“kid”).');
  let refused: unknown;
  for (const credential of fitting) {
    const { issuer, audience, subject, jwksUri } = credential.detail as Federation;
    const key = await deps.keyOf(jwksUri, header.kid);
    if (!key) {
      refused = new AssertionError('The key that signed the assertion is not among the issuer’s.');
      continue;
    }
    try {
      await jwtVerify(assertion, key, {
        ...required,
        algorithms: ['RS256'],
        ...{ issuer, audience, subject },
        currentDate: new Date(deps.now()),
      });
      return { credential };
    } catch (error) {
      refused = error;
    }
  }
  throw refused;
}
