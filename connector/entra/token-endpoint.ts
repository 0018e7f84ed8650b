// The token endpoint of an issuer (OpenID Connect Discovery 1.0, RFC 6749 §3.2), and what its refusals mean to us. Entra
// and the embedded sign-in look the same from here.

import { Problem, type ProblemDetails } from '#shared/problem.ts';
import type { Logger } from '../log.ts';
import { type Credential, clientAuthentication } from './credential.ts';

export interface EndpointDeps {
  readonly fetch: typeof fetch;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
  readonly log: Logger;
  readonly issuer: string;
  readonly clientId: string;
  readonly credential: Credential;
  /** Milliseconds for one request. */
  readonly timeout?: number;
}

/** A token response (RFC 6749 §5.1). */
export interface TokenAnswer {
  readonly access_token: string;
  readonly expires_in: number;
  readonly scope?: string;
  readonly refresh_token?: string;
}

/** An error response (RFC 6749 §5.2), with what Entra adds. */
interface Refusal {
  readonly error?: unknown;
  readonly error_description?: unknown;
  readonly error_codes?: unknown;
  readonly suberror?: unknown;
  readonly claims?: unknown;
  readonly trace_id?: unknown;
  readonly correlation_id?: unknown;
}

/** How long the metadata of an issuer is kept, in milliseconds. */
const metadataLifetime = 24 * 3600_000;

/**
 * Asks the token endpoint.
 * @throws Problem signInAgain (details.claims), consentMissing, directoryMisconfigured (details.reason, details.code),
 *   throttled and unavailable (details.retryAfter in seconds)
 */
export type AskForToken = (parameters: Readonly<Record<string, string>>) => Promise<TokenAnswer>;

/** The token endpoint of one client at one issuer, found by discovery. */
export function tokenEndpoint(deps: EndpointDeps): AskForToken {
  let found: { at: number; endpoint: Promise<string> } | undefined;

  function endpointOf(): Promise<string> {
    if (found && deps.now() - found.at < metadataLifetime) return found.endpoint;
    const endpoint = discover(deps);
    const made = { at: deps.now(), endpoint };
    found = made;
    // A failure is not to be remembered.
    endpoint.catch(() => {
      if (found === made) found = undefined;
    });
    return endpoint;
  }

  return async (parameters) => {
    const endpoint = await endpointOf();
    const { clientId, now, random } = deps;
    const client = await clientAuthentication(deps.credential, { clientId, endpoint, now: now(), random });
    const answer = await request(deps, endpoint, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: new URLSearchParams({ ...parameters, ...client }).toString(),
    });
    if (answer.status !== 200) throw refused(deps, answer);
    return tokenOf(answer.body);
  };
}

async function discover(deps: EndpointDeps): Promise<string> {
  const { status, body, headers } = await request(deps, `${deps.issuer}/.well-known/openid-configuration`, {
    headers: { accept: 'application/json' },
  });
  if (status >= 500 || status === 429) throw passing(status, headers, deps.now());
  const { issuer, token_endpoint: endpoint } = body as { issuer?: unknown; token_endpoint?: unknown };
  // OpenID Connect Discovery §4.3: another issuer's metadata would send our credential elsewhere.
  if (issuer !== deps.issuer || typeof endpoint !== 'string' || !mayBeTold(endpoint, deps.issuer)) {
    deps.log.error({ issuer: deps.issuer, status }, 'no usable metadata at the issuer');
    throw new Problem('directoryMisconfigured', { reason: 'tenantUnknown' });
  }
  return endpoint;
}

/** Over https, or wherever the issuer itself is not. */
function mayBeTold(endpoint: string, issuer: string): boolean {
  const url = URL.parse(endpoint);
  return url?.protocol === 'https:' || (url !== null && url.origin === new URL(issuer).origin);
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

async function request(deps: EndpointDeps, url: string, init: RequestInit): Promise<Answer> {
  try {
    const signal = AbortSignal.timeout(deps.timeout ?? 10_000);
    // A redirect would take the credential along.
    const response = await deps.fetch(url, { ...init, signal, redirect: 'error' });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: parsed(text) };
  } catch (error) {
    deps.log.warn({ issuer: deps.issuer, cause: causeOf(error) }, 'the token endpoint did not answer');
    throw new Problem('unavailable');
  }
}

/** The system's word for it; a message could repeat an address with something in it. */
function causeOf(error: unknown): string {
  const { name, cause } = error as { name?: string; cause?: { code?: string } };
  return cause?.code ?? name ?? 'Error';
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function tokenOf(body: unknown): TokenAnswer {
  const { access_token, expires_in, scope, refresh_token } = body as Record<string, unknown>;
  // Entra writes the number as a text in places.
  const seconds = Number(expires_in);
  if (typeof access_token !== 'string' || !(seconds > 0)) throw new Problem('unavailable');
  return {
    access_token,
    expires_in: seconds,
    ...(typeof scope === 'string' ? { scope } : {}),
    ...(typeof refresh_token === 'string' ? { refresh_token } : {}),
  };
}

function passing(status: number, headers: Headers, now: number): Problem {
  const retryAfter = retryAfterOf(headers, now);
  const details = retryAfter === undefined ? {} : { retryAfter };
  return new Problem(status === 429 ? 'throttled' : 'unavailable', details);
}

/** Retry-After in seconds from now (RFC 9110 §10.2.3: a number or a date); undefined when there is none. */
export function retryAfterOf(headers: Headers, now: number): number | undefined {
  const value = headers.get('retry-after')?.trim();
  if (!value) return undefined;
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - now) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, Math.ceil(seconds)) : undefined;
}

/** What an operator can mend, by Entra's number for it (AADSTS…; "error codes"). */
const misconfigured: Readonly<Record<number, string>> = {
  7000222: 'secretExpired',
  7000215: 'secretWrong',
  700027: 'certificateWrong',
  7000274: 'certificateWrong',
  700016: 'clientUnknown',
  700038: 'clientUnknown',
  90002: 'tenantUnknown',
};
/** The incoming token is not meant for this registration: RR_CLIENT_ID is not what the extension asks a token for. */
const wrongAudience = 500131;

function refused(deps: EndpointDeps, { status, headers, body }: Answer): Problem {
  if (status >= 500 || status === 429) return passing(status, headers, deps.now());
  const refusal = body as Refusal;
  const codes = Array.isArray(refusal.error_codes)
    ? refusal.error_codes.filter((code) => typeof code === 'number')
    : [];
  const name = typeof refusal.error === 'string' ? refusal.error : `HTTP ${status}`;
  const { trace_id: trace, correlation_id: correlation } = refusal;
  deps.log.warn({ issuer: deps.issuer, status, error: name, codes, trace, correlation }, 'token refused');
  const claims: ProblemDetails = typeof refusal.claims === 'string' ? { claims: refusal.claims } : {};
  if (name === 'interaction_required' || 'claims' in claims) return new Problem('signInAgain', claims);
  if (name === 'consent_required' || refusal.suberror === 'consent_required' || codes.includes(65001)) {
    return new Problem('consentMissing');
  }
  if (name === 'invalid_grant' && !codes.includes(wrongAudience)) return new Problem('signInAgain');
  const known = codes.find((code) => code in misconfigured);
  const [first] = codes;
  return new Problem('directoryMisconfigured', {
    ...(known === undefined ? {} : { reason: misconfigured[known] }),
    code: first === undefined ? name : `AADSTS${first}`,
  });
}
