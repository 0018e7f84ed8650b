// Client authentication at the token endpoint (RFC 6749 §2.3, RFC 7523 §2.2): one method per request, and one answer to
// whoever fails, so that nobody learns which clients there are.

import type { Sql } from '../sql/sql.ts';
import { type Client, clientById, credentialsOf, secretOf } from '../store/clients.ts';
import {
  type AssertionDeps,
  AssertionError,
  assertionType,
  type Proof,
  subjectOf,
  verifyAssertion,
} from './assertion.ts';

type OAuthCode = 'invalid_request' | 'invalid_client' | 'unsupported_grant_type' | 'invalid_scope' | 'server_error';

/** A refusal (RFC 6749 §5.2); the message is for the client. */
export class OAuthError extends Error {
  override readonly name = 'OAuthError';
  readonly code: OAuthCode;
  readonly description: string | undefined;
  readonly status: number;

  constructor(code: OAuthCode, description?: string, status = 400) {
    super(code);
    this.code = code;
    this.description = description;
    this.status = status;
  }
}

/**
 * A client that is unknown or did not prove who it is: the answer is the same for all of them.
 * `client` is one that exists, `reason` what was wrong; both are for the log alone.
 */
export class UnprovedError extends OAuthError {
  readonly reason: string;
  readonly client: string | undefined;

  constructor(reason: string, client?: string) {
    super('invalid_client', 'The client is unknown, or did not prove who it is.', 401);
    this.reason = reason;
    this.client = client;
  }
}

/**
 * The parameters of a request (RFC 6749 §3.2): those without a value were not sent, and none may come twice.
 * @throws OAuthError invalid_request
 */
export function parametersOf(body: URLSearchParams): Map<string, string> {
  const found = new Map<string, string>();
  for (const [name, value] of body) {
    if (value === '') continue;
    if (found.has(name)) throw new OAuthError('invalid_request', 'A parameter is given more than once.');
    found.set(name, value);
  }
  return found;
}

/**
 * Who asks for a token.
 * @param authorization the header; Basic with form-encoded id and secret (RFC 6749 §2.3.1)
 * @throws OAuthError invalid_request for several methods at once; UnprovedError
 */
export async function authenticateClient(
  deps: AssertionDeps & { readonly sql: Sql },
  authorization: string | undefined,
  parameters: ReadonlyMap<string, string>,
): Promise<{ client: Client; proof: Proof }> {
  const basic = authorization === undefined ? undefined : basicOf(authorization);
  const assertion = parameters.get('client_assertion');
  const posted = parameters.get('client_secret');
  const id = parameters.get('client_id');
  if ([basic, assertion, posted].filter((one) => one !== undefined).length > 1) {
    throw new OAuthError('invalid_request', 'A client proves itself in one way at a time.');
  }
  if (basic) {
    if (id !== undefined && id !== basic.id) throw new OAuthError('invalid_request', '“client_id” is another one.');
    return bySecret(deps, basic.id, basic.secret);
  }
  if (posted !== undefined) {
    if (id === undefined) throw new OAuthError('invalid_request', '“client_id” is missing.');
    return bySecret(deps, id, posted);
  }
  if (assertion === undefined) throw new UnprovedError('No proof was sent.');
  if (parameters.get('client_assertion_type') !== assertionType) {
    throw new OAuthError('invalid_request', `“client_assertion_type” must be ${assertionType}.`);
  }
  return byAssertion(deps, id, assertion);
}

async function bySecret({ sql, now }: { sql: Sql; now: () => number }, id: string, secret: string) {
  const client = await clientById(sql, id);
  const credentials = client ? await credentialsOf(sql, client.tenant, client.id) : [];
  const credential = secretOf(credentials, secret, now());
  if (!client || client.revoked !== undefined || !credential) {
    throw new UnprovedError('The secret is not one of this client, or the client is revoked.', client?.id);
  }
  return { client, proof: { credential } };
}

async function byAssertion(deps: AssertionDeps & { readonly sql: Sql }, id: string | undefined, assertion: string) {
  let known: Client | undefined;
  try {
    // RFC 7521 §4.2: `client_id` may be absent, and then the subject is the client.
    known = await clientById(deps.sql, id ?? subjectOf(assertion) ?? '');
    if (!known || known.revoked !== undefined) throw new UnprovedError('The client is unknown or revoked.', known?.id);
    const credentials = await credentialsOf(deps.sql, known.tenant, known.id);
    return { client: known, proof: await verifyAssertion(deps, known, credentials, assertion) };
  } catch (error) {
    if (error instanceof AssertionError) throw new UnprovedError(error.message, known?.id);
    throw error;
  }
}

function basicOf(header: string): { id: string; secret: string } {
  const text = /^Basic +([A-Za-z0-9+/=_-]+) *$/i.exec(header)?.[1];
  const pair = Buffer.from(text ?? '', 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  try {
    if (colon === -1) throw new URIError();
    const decoded = (part: string) => decodeURIComponent(part.replaceAll('+', ' '));
    return { id: decoded(pair.slice(0, colon)), secret: decoded(pair.slice(colon + 1)) };
  } catch {
    throw new UnprovedError('The Authorization header is not “Basic” with an id and a secret.');
  }
}
