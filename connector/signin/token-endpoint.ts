// The token endpoint (/signin/<tenant>/token): programs that prove themselves by a secret or a signature are answered here,
// in Entra's words; public clients, the extension among them, by the provider.

import { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '#shared/problem.ts';
import { assertionType } from '../oauth/assertion.ts';
import { authenticateClient, OAuthError, parametersOf, UnprovedError } from '../oauth/client.ts';
import { remoteKeys } from '../oauth/jwks.ts';
import { isAppId, spendAssertion, touchCredential } from '../store/clients.ts';
import type { Tenant } from '../tenant.ts';
import { signer } from './access-token.ts';
import type { SigninDeps } from './door.ts';
import { type Asker, type GrantDeps, grants, jwtBearer } from './grants.ts';
import { keysOf } from './keys.ts';
import { shown } from './scopes.ts';
import { StsError, stsBody } from './sts-error.ts';

const form = 'application/x-www-form-urlencoded';
/** As much as the provider takes. */
const mostBytes = 56 * 1024;

export interface TokenEndpoint {
  readonly tenantOf: (request: FastifyRequest) => Promise<Tenant>;
  /** Lets the provider answer, with a request whose body can be read. */
  readonly handOver: (request: FastifyRequest, reply: FastifyReply, raw: IncomingMessage) => Promise<void>;
}

/** POST /:tenant/token */
export function tokenEndpoint(app: FastifyInstance, given: SigninDeps, { tenantOf, handOver }: TokenEndpoint): void {
  const deps: GrantDeps = { ...given, keysOf: keysOf(given), sign: signer(given) };
  const { log } = given;
  const keyOf = remoteKeys({ fetch: given.fetch ?? fetch, now: given.now, log });

  app.removeAllContentTypeParsers();
  app.addContentTypeParser(form, { parseAs: 'string', bodyLimit: mostBytes }, (_request, body, done) =>
    done(null, body),
  );
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    const told = asStsError(error);
    if (told.code === 'server_error') log.error({ err: error }, 'token endpoint');
    const id = parameterOf(request, 'client_id') ?? '';
    // The id of an application that there is not may be anything: it is not written down.
    const client = isAppId(id) ? { client: id } : {};
    log.info({ ...client, error: told.code, number: told.number }, 'token refused');
    if (told.status === 503) reply.header('retry-after', '2');
    if (told.status === 401 && request.headers.authorization !== undefined) {
      // RFC 6749 §5.2: the challenge answers the scheme that was tried.
      reply.header('www-authenticate', 'Basic realm="sign-in"');
    }
    const { 'client-request-id': asked } = request.headers;
    const correlation = typeof asked === 'string' ? asked : parameterOf(request, 'client-request-id');
    const body = stsBody(told, given, correlation);
    return neverKept(reply).code(told.status).send(body);
  });

  app.post('/:tenant/token', async (request, reply) => {
    if (typeof request.body !== 'string') return handOver(request, reply, request.raw);
    const fields = new URLSearchParams(request.body);
    if (isForProvider(request, fields)) return handOver(request, reply, again(request.raw, request.body));
    const tenant = await tenantOf(request);
    const parameters = parametersOf(fields);
    const asker = await askerOf(request, tenant, parameters);
    const type = parameters.get('grant_type') ?? '';
    const grant = Object.hasOwn(grants, type) ? grants[type] : undefined;
    if (!grant) {
      const what = `The app requested an unsupported grant type '${shown(type)}'.`;
      throw new StsError('unsupported_grant_type', 70003, what);
    }
    const answer = await grant(deps, tenant, asker, parameters);
    log.info({ tenant: tenant.id, client: asker.client.id, grant: type }, 'token issued');
    return neverKept(reply).send(answer);
  });

  /** Which program asks, proved; an assertion is spent by it. @throws StsError */
  async function askerOf(
    request: FastifyRequest,
    tenant: Tenant,
    parameters: ReadonlyMap<string, string>,
  ): Promise<Asker> {
    const { sql, now } = given;
    const audience = [`${tenant.issuer}/token`];
    const { authorization } = request.headers;
    const proved = await authenticateClient({ sql, now, audience, keyOf }, authorization, parameters).catch((error) => {
      throw error instanceof UnprovedError ? unproved(error, request, parameters) : error;
    });
    const { client, proof } = proved;
    if (client.tenant !== tenant.id || !isAppId(client.id)) throw unknownApp(client.id);
    const { once, credential } = proof;
    const at = now();
    const fresh = await sql.run(function* (tx) {
      if (once && !(yield* spendAssertion(tx, client, once.jti, once.expires, at))) return false;
      yield* touchCredential(tx, client.tenant, client.id, credential, at);
      return true;
    });
    if (!fresh) throw new StsError('invalid_client', 700027, 'The client assertion was used before.');
    return { client, azpacr: credential.kind === 'secret' ? '1' : '2' };
  }

  /** What is said to whom: an operator has to see why a program that exists is refused. */
  function unproved(error: UnprovedError, request: FastifyRequest, parameters: ReadonlyMap<string, string>): StsError {
    const { client, reason } = error;
    if (client !== undefined) log.warn({ client, reason }, 'client not proved');
    const asserted = parameters.has('client_assertion');
    if (!asserted && !parameters.has('client_secret') && request.headers.authorization === undefined) {
      const what = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
      return new StsError('invalid_client', 7000218, what);
    }
    if (client === undefined) return unknownApp(parameters.get('client_id') ?? '');
    if (asserted) return new StsError('invalid_client', 700027, `The client assertion is not valid. ${reason}`);
    const what =
      'Invalid client secret provided. Ensure the secret being sent in the request is the client secret value,';
    return new StsError(
      'invalid_client',
      7000215,
      `${what} not the client secret ID, for a secret added to app '${client}'.`,
    );
  }
}

/** Without a proof, and with a grant that public clients have. */
function isForProvider({ headers }: FastifyRequest, fields: URLSearchParams): boolean {
  const proofs = ['client_secret', 'client_assertion', 'client_assertion_type'];
  if (headers.authorization !== undefined || proofs.some((name) => fields.has(name))) return false;
  return ![jwtBearer, 'client_credentials'].includes(fields.get('grant_type') ?? '');
}

/** A request whose body has been read, as one that can be read: the provider reads it itself. */
function again(raw: IncomingMessage, body: string): IncomingMessage {
  const request = new IncomingMessage(raw.socket);
  const { method, url, headers, rawHeaders, httpVersion, httpVersionMajor, httpVersionMinor } = raw;
  Object.assign(request, { method, url, headers, rawHeaders, httpVersion, httpVersionMajor, httpVersionMinor });
  request.push(body);
  request.push(null);
  request.complete = true;
  return request;
}

function unknownApp(id: string): StsError {
  return new StsError('unauthorized_client', 700038, `${shown(id)} is not a valid application identifier.`);
}

function parameterOf({ body }: FastifyRequest, name: string): string | undefined {
  return typeof body === 'string' ? (new URLSearchParams(body).get(name) ?? undefined) : undefined;
}

/** RFC 6749 §5.1 */
function neverKept(reply: FastifyReply): FastifyReply {
  return reply.header('cache-control', 'no-store').header('pragma', 'no-cache');
}

function asStsError(error: Error & { statusCode?: number }): StsError {
  if (error instanceof StsError) return error;
  if (error instanceof OAuthError) {
    const said = error.description ?? `“client_assertion_type” must be ${assertionType}.`;
    return new StsError('invalid_request', 90014, said, error.status);
  }
  if (error instanceof Problem && error.code === 'notFound') {
    return new StsError('invalid_request', 90002, 'There is no such tenant here.', 404);
  }
  if (error instanceof Problem && error.code === 'unavailable') {
    return new StsError('temporarily_unavailable', 90033, 'A transient error has occurred. Please try again.', 503);
  }
  const status = error.statusCode ?? 500;
  if (status >= 400 && status < 500)
    return new StsError('invalid_request', 900144, 'The request is not a form.', status);
  return new StsError('server_error', 90033, 'A transient error has occurred. Please try again.', 500);
}
