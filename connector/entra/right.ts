// With whose token Graph is asked: what an Acting (directory.ts) comes to, and what a reset can take along.

import { Problem } from '#shared/problem.ts';
import type { Acting, Grant } from '../directory/directory.ts';
import type { Secret } from '../secret.ts';
import type { Right } from './graph-client.ts';
import { applicationPermissions } from './permissions.ts';
import type { Tokens } from './tokens.ts';

export interface RightDeps {
  readonly tokens: Tokens;
  /** app: everything in the connector's own name, where our role matrix is the only guard (RR_GRAPH_AS). */
  readonly as: 'admin' | 'app';
}

/** The right of an Acting. Nothing is asked for before the first request. */
export function rightOf({ tokens, as }: RightDeps, acting: Acting): Right {
  const forget = (token: Secret) => tokens.forget(token);
  const own: Right = { own: true, forget, token: async (challenge) => (await tokens.ownName(challenge)).token };
  if (as === 'app' || acting.kind === 'connector') return own;
  if (acting.kind === 'caller') {
    const { token: assertion } = acting.caller;
    return { own: false, forget, token: async () => (await tokens.onBehalfOf(assertion)).token };
  }
  const { grant, keep } = acting;
  if (grant.identity === 'connector') return own;
  if (grant.identity === 'admin') {
    return { own: false, forget, token: async () => (await tokens.refreshed(grant.secret, keep)).token };
  }
  const { secret } = grant;
  return {
    own: false,
    // A token of this hour has no successor.
    forget: () => {},
    token: async () => secret ?? Promise.reject(new Problem('signInAgain')),
  };
}

/**
 * What a reset takes along: the admin's refresh token; without one the connector's own right, where it could set a
 * password; else the admin's token of this hour.
 * @throws Problem signInAgain, consentMissing, directoryMisconfigured, throttled, unavailable
 */
export async function grantOf({ tokens, as }: RightDeps, acting: Acting): Promise<Grant> {
  if (as === 'app' || acting.kind === 'connector') return { identity: 'connector' };
  if (acting.kind === 'grant') return acting.grant;
  const { token, refresh } = await tokens.onBehalfOf(acting.caller.token);
  if (refresh) return { identity: 'admin', secret: refresh };
  if (await couldAlone(tokens)) return { identity: 'connector' };
  return { identity: 'none', secret: token };
}

/**
 * Has the connector itself been granted all that a change needs? Graph's tokens are not ours to read, and nothing that matters
 * hangs on it: a wrong guess is found out by the first request.
 */
async function couldAlone(tokens: Tokens): Promise<boolean> {
  try {
    const { token } = await tokens.ownName();
    const payload = Buffer.from(token.reveal().split('.')[1] ?? '', 'base64url').toString('utf8');
    const { roles } = JSON.parse(payload) as { roles?: unknown };
    const needed = Object.entries(applicationPermissions).filter(([, permission]) => permission.needed);
    return Array.isArray(roles) && needed.every(([name]) => roles.includes(name));
  } catch {
    return false;
  }
}
