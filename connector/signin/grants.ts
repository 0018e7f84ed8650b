// What a program with a proof of its own gets at the token endpoint: a token for itself (client credentials, RFC 6749
// §4.4), one for the person whose token it holds (jwt-bearer, RFC 7523 §2.1, as Entra's on-behalf-of flow has it), and
// the same again later (refresh).

import { decodeJwt } from 'jose';
import { Problem } from '#shared/problem.ts';
import { type AuthDeps, verifyAccess } from '../http/auth.ts';
import { type Client, clientById, isAppId } from '../store/clients.ts';
import { uuidv7 } from '../store/uuid.ts';
import type { Tenant } from '../tenant.ts';
import { type Azpacr, accessTokenLife, appClaims, delegatedClaims, type signer } from './access-token.ts';
import { findPerson, inGoodStanding, type People, type Person } from './accounts.ts';
import type { KeyStore } from './keys.ts';
import { keepDelegation, redeemDelegation } from './on-behalf.ts';
import { type Asked, consented, readScopes, shown } from './scopes.ts';
import { StsError } from './sts-error.ts';

export const jwtBearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

export interface GrantDeps extends People, KeyStore, AuthDeps {
  /** Origin of the Graph door, and its audience. */
  readonly publicUrl: string;
  readonly sign: ReturnType<typeof signer>;
}

/** Who asks, and how they proved it. */
export interface Asker {
  readonly client: Client;
  readonly azpacr: Azpacr;
}

/** What the token endpoint sends (RFC 6749 §5.1, and Entra's `ext_expires_in`). */
export interface TokenAnswer {
  readonly token_type: 'Bearer';
  readonly expires_in: number;
  readonly ext_expires_in: number;
  readonly access_token: string;
  readonly scope?: string;
  readonly refresh_token?: string;
}

type Parameters = ReadonlyMap<string, string>;

/** The grants by `grant_type`. */
export const grants: Readonly<
  Record<string, (deps: GrantDeps, tenant: Tenant, asker: Asker, parameters: Parameters) => Promise<TokenAnswer>>
> = { client_credentials: clientCredentials, [jwtBearer]: onBehalfOf, refresh_token: refresh };

/** @throws StsError */
async function clientCredentials(deps: GrantDeps, tenant: Tenant, asker: Asker, parameters: Parameters) {
  const { client, azpacr } = asker;
  const asked = readScopes(parameters.get('scope'), deps.publicUrl);
  if (!asked.everything) {
    const what = `The provided value for scope ${shown(parameters.get('scope') ?? '')} is not valid.`;
    const how = 'Client credential flows must have a scope value with /.default suffixed to the resource identifier.';
    throw new StsError('invalid_scope', 1002012, `${what} ${how}`);
  }
  const audience = await audienceOf(deps, tenant, asked);
  const at = deps.now();
  const claims = appClaims(tenant, client, {
    ...{ audience, azpacr, at, uti: uuidv7(at, deps.random(10)) },
    // What it may is said of the Graph door alone.
    roles: audience === deps.publicUrl ? client.appRoles : [],
    wids: (await deps.directory(tenant).standingOf(client.id)).roles,
  });
  const life = client.tokenMinutes * 60;
  const access_token = await deps.sign(tenant, claims);
  return { token_type: 'Bearer', expires_in: life, ext_expires_in: life, access_token } as const;
}

/** Whose audience a resource is. @throws StsError */
async function audienceOf(deps: GrantDeps, tenant: Tenant, { resource }: Asked): Promise<string> {
  if (resource === deps.publicUrl) return resource;
  const api = await apiOf(deps, tenant, resource);
  if (api) return api.id;
  const what = `The resource principal named ${shown(resource)} was not found in the tenant named ${tenant.tid}.`;
  const why = 'This can happen if the application has not been installed by the administrator of the tenant.';
  throw new StsError('invalid_resource', 500011, `${what} ${why}`);
}

/** The program behind `api://<id>`, where others may ask for tokens for it. */
export async function apiOf(
  { sql }: Pick<GrantDeps, 'sql'>,
  tenant: Tenant,
  resource: string,
): Promise<Client | undefined> {
  const id = /^api:\/\/([0-9a-f-]{36})$/.exec(resource)?.[1];
  const client = id === undefined || !isAppId(id) ? undefined : await clientById(sql, id);
  return client?.tenant === tenant.id && client.api && client.revoked === undefined ? client : undefined;
}

/** @throws StsError */
async function onBehalfOf(deps: GrantDeps, tenant: Tenant, asker: Asker, parameters: Parameters) {
  const { client } = asker;
  if (parameters.get('requested_token_use') !== 'on_behalf_of') {
    throw new StsError(
      'invalid_request',
      900144,
      "The request body must contain the following parameter: 'requested_token_use'.",
    );
  }
  const assertion = parameters.get('assertion');
  if (assertion === undefined) {
    throw new StsError(
      'invalid_request',
      900144,
      "The request body must contain the following parameter: 'assertion'.",
    );
  }
  const { oid, issuedAt } = await readAssertion(deps, tenant, client, assertion);
  const person = await personOf(deps, tenant, oid, issuedAt);
  const asked = readScopes(parameters.get('scope'), deps.publicUrl);
  const { answer, scopes } = await forPerson(deps, tenant, asker, person, asked);
  if (!asked.offline) return answer;
  const delegation = { personId: oid, clientId: client.id, signedInAt: issuedAt, scopes };
  return { ...answer, refresh_token: await keepDelegation(deps, tenant, delegation) };
}

/** Whose token it is that the program was handed. @throws StsError */
async function readAssertion(deps: GrantDeps, tenant: Tenant, client: Client, assertion: string) {
  try {
    const { aud } = decodeJwt(assertion);
    if (aud !== client.id) {
      const what = 'Assertion audience does not match the Client app presenting the assertion.';
      throw new StsError('invalid_grant', 500131, `${what} The audience in the assertion was '${shown(String(aud))}'.`);
    }
    const access = await verifyAccess(deps, `Bearer ${assertion}`, () => client.id);
    if (access.tenant.id !== tenant.id) throw new Problem('unauthorized');
    if (access.appOnly) {
      const what = `Application '${client.id}' is not allowed to make application on-behalf-of calls.`;
      throw new StsError('invalid_grant', 7000114, what);
    }
    return { oid: access.oid, issuedAt: decodeJwt(assertion).iat ?? 0 };
  } catch (error) {
    if (error instanceof StsError) throw error;
    if (error instanceof Problem && error.code === 'tokenExpired') {
      throw new StsError('invalid_grant', 500133, 'Assertion is not within its valid time range.');
    }
    // Anything else of the token: no JWT at all, another issuer, another signature.
    if ((error instanceof Problem && error.code === 'unauthorized') || isJoseError(error)) {
      throw new StsError('invalid_grant', 50013, 'Assertion failed signature validation.');
    }
    throw error;
  }
}

function isJoseError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_J');
}

/** A person whose sign-in of that time is still good. @throws StsError */
async function personOf(deps: GrantDeps, tenant: Tenant, id: string, signedInAt: number): Promise<Person> {
  const person = await findPerson(deps, tenant, id);
  if (!person) throw new StsError('invalid_grant', 50034, 'The user account does not exist in the directory.');
  if (!person.user.accountEnabled) throw new StsError('invalid_grant', 50057, 'The user account is disabled.');
  if (inGoodStanding(person, signedInAt)) return person;
  const why =
    "The user might have changed or reset their password. The grant was issued before the user's tokens are valid.";
  throw new StsError('invalid_grant', 50173, `The provided grant has expired due to it being revoked. ${why}`);
}

/** A token for the Graph door, for a person. @throws StsError */
async function forPerson(deps: GrantDeps, tenant: Tenant, { client, azpacr }: Asker, person: Person, asked: Asked) {
  const audience = await audienceOf(deps, tenant, asked);
  if (audience !== deps.publicUrl) {
    throw new StsError('invalid_scope', 70011, 'For a person there are tokens for the directory alone.');
  }
  const scopes = consented(client, asked);
  const at = deps.now();
  const uti = uuidv7(at, deps.random(10));
  const token = { audience, azp: client.id, azpacr, at, uti, scopes };
  const claims = { ...(await delegatedClaims(deps.directory(tenant), tenant, person, token)), idtyp: 'user' };
  const answer = {
    token_type: 'Bearer',
    scope: scopes.map((name) => `${audience}/${name}`).join(' '),
    expires_in: accessTokenLife,
    ext_expires_in: accessTokenLife,
    access_token: await deps.sign(tenant, claims),
  } as const;
  return { answer, scopes };
}

/** @throws StsError */
async function refresh(deps: GrantDeps, tenant: Tenant, asker: Asker, parameters: Parameters) {
  const token = parameters.get('refresh_token') ?? '';
  const delegation = await redeemDelegation(deps, tenant, asker.client, token);
  if (!delegation) {
    const what = "The provided value for the input parameter 'refresh_token' or 'assertion' is not valid.";
    throw new StsError('invalid_grant', 70000, what);
  }
  const { personId, signedInAt, scopes } = delegation;
  const person = await personOf(deps, tenant, personId, signedInAt);
  const asked = readScopes(parameters.get('scope') ?? scopes.join(' '), deps.publicUrl);
  const { answer } = await forPerson(deps, tenant, asker, person, asked);
  return { ...answer, refresh_token: token };
}
