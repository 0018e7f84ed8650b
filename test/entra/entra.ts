// Entra's token endpoint for tests: oauth2-mock-server on a free port, with what was asked of it, and Microsoft's own
// refusals.

import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { OAuth2Server } from 'oauth2-mock-server';
import type { Credential } from '../../connector/entra/credential.ts';
import { delegatedScopes } from '../../connector/entra/permissions.ts';
import type { TokenDeps } from '../../connector/entra/tokens.ts';
import { logger } from '../../connector/log.ts';
import { Secret } from '../../connector/secret.ts';

export interface Refusal {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** A refusal as Entra words it. */
export function refusal(status: number, error: string, code: number, more: Record<string, unknown> = {}): Refusal {
  const ids = {
    trace_id: 'b3a1c2d4-0000-4000-8000-000000000001',
    correlation_id: '11111111-2222-4333-8444-555555555555',
  };
  const said = `AADSTS${code}: As it is. Trace ID: ${ids.trace_id} Correlation ID: ${ids.correlation_id}`;
  return {
    status,
    body: { error, error_description: said, error_codes: [code], timestamp: '2026-11-22 21:00:00Z', ...ids, ...more },
  };
}

export const graph = 'https://graph.example';

/** The `scope` of an answer where everything has been consented to. */
export const everything = delegatedScopes('all')
  .map((name) => `${graph}/${name}`)
  .join(' ');

let key: JWK | undefined;

/** Starts the server; `now` is the client's clock, and moves only by hand. */
export async function startEntra() {
  const server = new OAuth2Server();
  // Making one takes longer than most tests.
  key ??= await generateKeyPair('RS256', { extractable: true }).then(({ privateKey }) => exportJWK(privateKey));
  await server.issuer.keys.add({ ...key, kid: 'one', alg: 'RS256' });
  await server.start(0, '127.0.0.1');
  const asked: URLSearchParams[] = [];
  const refusals: Refusal[] = [];
  const script = {
    refreshTokens: true,
    scope: everything,
    expiresIn: 3600,
    now: Date.UTC(2026, 10, 22),
  };
  let issued = 0;
  server.service.on('beforeResponse', (response, request) => {
    const parameters = new URLSearchParams(request.body as unknown as Record<string, string>);
    asked.push(parameters);
    const refused = refusals.shift();
    if (refused) {
      response.statusCode = refused.status;
      response.body = refused.body;
      return;
    }
    const body = response.body as Record<string, unknown>;
    body.access_token = `access-${++issued}`;
    body.expires_in = script.expiresIn;
    const person = parameters.get('grant_type') !== 'client_credentials';
    // Of an app's own token nothing is said.
    body.scope = person ? script.scope : undefined;
    delete body.id_token;
    delete body.refresh_token;
    if (person && script.refreshTokens) body.refresh_token = `refresh-${issued}`;
  });
  const lines: string[] = [];
  const log = logger('debug', { write: (line: string) => void lines.push(line) });
  const issuer = server.issuer.url as string;
  const deps = (credential: Credential = { kind: 'secret', secret: new Secret('hunter2') }): TokenDeps => ({
    fetch,
    now: () => script.now,
    random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
    log,
    issuer,
    clientId: 'aaaaaaaa-2222-4333-8444-555555555555',
    credential,
    graph,
  });
  return {
    ...{ issuer, asked, refusals, script, lines, deps },
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

/** An incoming token: the server only wants a subject in it. */
export function incoming(subject: string): Secret {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return new Secret(`${part({ alg: 'RS256' })}.${part({ sub: subject })}.c2ln`);
}
