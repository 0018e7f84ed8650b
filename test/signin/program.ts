// Programs at the sign-in's token endpoint: registered, with a secret or a key, as an operator makes them.

import { createHash, randomUUID } from 'node:crypto';
import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import type { GraphPermissionName } from '../../connector/graph/permissions.ts';
import { addKey, addSecret, createClient, mintAppId, mintId, mintSecret } from '../../connector/store/clients.ts';
import { issuer, random, type Site, visitor } from './visitor.ts';

export const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
export const jwtBearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

export interface Rights {
  readonly name?: string;
  readonly appRoles?: readonly GraphPermissionName[];
  readonly delegated?: readonly GraphPermissionName[];
  readonly api?: boolean;
  readonly tokenMinutes?: number;
  readonly tenant?: string;
}

export type Program = Awaited<ReturnType<typeof register>>;

/** Registers a program with a secret. */
export async function register(site: Site, rights: Rights = {}) {
  const { name = 'reset-connector', tokenMinutes = 60, tenant = site.tenant.id } = rights;
  const { appRoles = [], delegated = [], api = false } = rights;
  const id = mintAppId(site.now(), random);
  const secret = mintSecret(random);
  const by = { at: site.now(), actor: 'operator' };
  await site.sql.run(function* (tx) {
    const graph = { appRoles, delegated, api };
    yield* createClient(tx, { tenant, id, name, scopes: [], tokenMinutes, graph }, by);
    yield* addSecret(tx, tenant, id, secret, { overlap: 0 }, by);
  });
  return {
    id,
    secret: secret.secret.reveal(),
    by,
    /** As a form has it (RFC 6749 §2.3.1). */
    proof: { client_id: id, client_secret: secret.secret.reveal() },
    /** Adds a key as `client key add` does, and signs with it as Entra's certificate credentials are signed. */
    async key(alg: 'RS256' | 'PS256' = 'PS256') {
      const pair = await generateKeyPair(alg, { extractable: true });
      const { kty, n, e } = await exportJWK(pair.publicKey);
      await site.sql.run((tx) => addKey(tx, tenant, id, mintId(random), { kty, n, e }, by));
      return pair.privateKey;
    },
    async assertion(key: CryptoKey, alg: 'RS256' | 'PS256' = 'PS256', change: JWTPayload = {}) {
      const at = Math.floor(site.now() / 1000);
      const claims = { iss: id, sub: id, aud: `${issuer}/token`, jti: randomUUID(), nbf: at, iat: at, exp: at + 600 };
      const thumbprint = createHash('sha256').update('a certificate').digest('base64url');
      const client_assertion = await new SignJWT({ ...claims, ...change })
        .setProtectedHeader({ alg, typ: 'JWT', 'x5t#S256': thumbprint })
        .sign(key);
      return { client_id: id, client_assertion_type: assertionType, client_assertion };
    },
  };
}

export interface Told {
  readonly token_type: string;
  readonly expires_in: number;
  readonly ext_expires_in: number;
  readonly scope?: string;
  readonly access_token: string;
  readonly refresh_token: string;
  readonly error: string;
  readonly error_description: string;
  readonly error_codes: readonly number[];
}

/** The token endpoint, as a server calls it. */
export async function ask(site: Site, form: Record<string, string>, headers: Record<string, string> = {}) {
  const body = new URLSearchParams(form).toString();
  const answer = await visitor(site).send('POST', `${issuer}/token`, body, { accept: 'application/json', ...headers });
  return { status: answer.status, headers: answer.headers, told: JSON.parse(answer.text) as Told };
}
