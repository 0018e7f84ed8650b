// The token endpoint of sync clients, mounted at /scim/oauth (RFC 6749 §4.4, client credentials alone):
//
//   POST /token     a form in, an access token out
//
// A client proves itself with its secret (in a Basic header or in the form), or with a signed assertion: see ../oauth.

import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from '../log.ts';
import { authenticateClient, OAuthError, parametersOf, UnprovedError } from '../oauth/client.ts';
import { remoteKeys } from '../oauth/jwks.ts';
import type { Sql } from '../sql/sql.ts';
import { type Client, spendAssertion, touchCredential } from '../store/clients.ts';
import { covers, issueAccessToken, mintToken, type TokenScope, tokenScopes } from '../token.ts';

export interface OAuthDeps {
  readonly sql: Sql;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
  readonly log: Logger;
  /** The connector's origin. */
  readonly publicUrl: string;
  /** Fetches keys of other issuers. */
  readonly fetch: typeof fetch;
}

const form = 'application/x-www-form-urlencoded';
const mostBytes = 64 * 1024;

/** The token endpoint as a fastify plugin. */
export function oauthDoor(deps: OAuthDeps): FastifyPluginAsync {
  return async (app) => {
    const { sql, now, random, log } = deps;
    const issuer = `${deps.publicUrl}${app.prefix}`;
    const keyOf = remoteKeys(deps);
    const audience = [`${issuer}/token`, issuer];

    speakOAuth(app, log);
    app.post('/token', { bodyLimit: mostBytes }, async (request, reply) => {
      if (!(request.body instanceof URLSearchParams)) throw new OAuthError('invalid_request', 'Send a form.');
      const parameters = parametersOf(request.body);
      const { authorization } = request.headers;
      const { client, proof } = await authenticateClient({ sql, now, audience, keyOf }, authorization, parameters);

      // RFC 6749 §5.2: who is there comes before what he wants.
      const grant = parameters.get('grant_type');
      if (grant === undefined) throw new OAuthError('invalid_request', '“grant_type” is missing.');
      if (grant !== 'client_credentials') throw new OAuthError('unsupported_grant_type');
      const scopes = scopesFor(client, parameters.get('scope'));
      const at = now();
      const seconds = client.tokenMinutes * 60;
      const minted = mintToken(random);
      const fresh = await sql.run(function* (tx) {
        const { once, credential } = proof;
        if (once && !(yield* spendAssertion(tx, client, once.jti, once.expires, at))) return false;
        yield* touchCredential(tx, client.tenant, client.id, credential, at);
        yield* issueAccessToken(tx, minted, client, { scopes, at, expires: at + seconds * 1000 });
        return true;
      });
      if (!fresh) throw new UnprovedError('The assertion was used before.', client.id);
      return reply.send({
        access_token: minted.secret.reveal(),
        token_type: 'Bearer',
        expires_in: seconds,
        scope: scopes.join(' '),
      });
    });
    app.route({
      method: ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
      url: '/token',
      handler: async (_request, reply) => {
        reply.header('allow', 'POST');
        throw new OAuthError('invalid_request', 'The token endpoint takes POST.', 405);
      },
    });
  };
}

/** Forms in; every error as RFC 6749 §5.2 has it; nothing is kept by a cache (§5.1). */
function speakOAuth(app: FastifyInstance, log: Logger): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(form, { parseAs: 'string' }, async (_request: FastifyRequest, body: string) => {
    return new URLSearchParams(body);
  });
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('cache-control', 'no-store').header('pragma', 'no-cache');
  });
  app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    if (error instanceof OAuthError) return sendError(request, reply, error, log);
    const status = error.statusCode ?? 500;
    if (status >= 400 && status < 500) {
      const said = status === 415 ? `Send ${form}.` : status === 413 ? 'The form is too large.' : undefined;
      return sendError(request, reply, new OAuthError('invalid_request', said, status), log);
    }
    const unavailable = (error as { code?: unknown }).code === 'unavailable';
    if (!unavailable) log.error({ err: error }, 'oauth');
    return sendError(request, reply, new OAuthError('server_error', undefined, unavailable ? 503 : 500), log);
  });
}

function sendError(request: FastifyRequest, reply: FastifyReply, error: OAuthError, log: Logger): FastifyReply {
  const { code, status, description } = error;
  // Federation is set up by trial: the operator must see why a client that exists is refused.
  if (error instanceof UnprovedError) {
    const { client, reason } = error;
    log[client === undefined ? 'debug' : 'warn']({ client, error: code, reason }, 'token refused');
  }
  // RFC 6749 §5.2: the challenge answers the scheme that was tried.
  if (status === 401 && request.headers.authorization !== undefined) {
    reply.header('www-authenticate', 'Basic realm="scim"');
  }
  if (status === 503) reply.header('retry-after', '1');
  return reply
    .code(status)
    .send({ error: code, ...(description === undefined ? {} : { error_description: description }) });
}

/** RFC 6749 §3.3: what is asked for, if the client has it; all that it has when nothing is asked for. */
function scopesFor(client: Client, asked: string | undefined): readonly string[] {
  if (client.scopes.length === 0) throw new OAuthError('invalid_scope', 'This client is for another door.');
  // Entra's way to ask for everything that was granted: the resource's own URI with `/.default`.
  const wanted = (asked ?? '').split(' ').filter((scope) => scope !== '' && !scope.endsWith('/.default'));
  if (wanted.length === 0) return client.scopes;
  const known = (scope: string): scope is TokenScope => (tokenScopes as readonly string[]).includes(scope);
  const granted = (scope: TokenScope) =>
    scope === 'scim'
      ? covers(client.scopes, 'scim.read') && covers(client.scopes, 'scim.write')
      : covers(client.scopes, scope);
  if (!wanted.every((scope) => known(scope) && granted(scope))) throw new OAuthError('invalid_scope');
  return [...new Set(wanted)];
}
