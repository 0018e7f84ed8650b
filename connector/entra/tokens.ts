// Access tokens for Graph, by the three grants that the connector uses: on behalf of the calling admin, a reset's refresh
// token, and its own credential (Entra, "OAuth 2.0 On-Behalf-Of flow" and "client credentials flow"). One instance serves
// a tenant for the life of the process and keeps what is still good, in memory only.

import { createHash } from 'node:crypto';
import { Problem } from '#shared/problem.ts';
import { Secret } from '../secret.ts';
import { claimsParameter } from './claims.ts';
import { delegatedScopes } from './permissions.ts';
import { type EndpointDeps, type TokenAnswer, tokenEndpoint } from './token-endpoint.ts';

export interface TokenDeps extends EndpointDeps {
  /** Origin of Graph: what the tokens are for. */
  readonly graph: string;
}

/** An access token, opaque to us: Graph's tokens are for Graph to read. */
export interface Access {
  readonly token: Secret;
}

export interface Delegated extends Access {
  /** For `refreshed` later, sealed wherever it is kept; absent when the issuer gave none. */
  readonly refresh?: Secret;
}

export interface Tokens {
  /**
   * On behalf of the person whose access token this is.
   * @throws Problem signInAgain (details.claims), consentMissing, directoryMisconfigured, throttled, unavailable
   */
  onBehalfOf(assertion: Secret): Promise<Delegated>;
  /**
   * By what `onBehalfOf` gave as `refresh`, or by a newer form of it.
   * @param keep saves the newer form; when it throws, so does this, and the next call tries to save it again
   * @throws as onBehalfOf
   */
  refreshed(refresh: Secret, keep: (secret: Secret) => Promise<void>): Promise<Access>;
  /**
   * In the connector's own name.
   * @param challenge claims that Graph has asked for (JSON); no token from before is used then
   * @throws Problem directoryMisconfigured, throttled, unavailable
   */
  ownName(challenge?: string): Promise<Access>;
  /** After Graph has refused a token: it is not used again. */
  forget(token: Secret): void;
}

/** So long before its end a token is not used any more, in milliseconds: a request takes a while to arrive. */
const early = 120_000;
/** How many admins and resets are remembered at most. */
const most = 1000;

interface Held {
  readonly token: Secret;
  readonly answer: TokenAnswer;
  readonly until: number;
}

/** One token: asked for by one at a time, and kept while it is good. */
interface Slot {
  held?: Held;
  asking?: Promise<Held>;
}

/** A refresh token and its successors: whoever still has an older one is served by the newest. */
interface Chain extends Slot {
  current: Secret;
  /** Is the current one still to be saved? */
  unsaved: boolean;
  saving?: Promise<void>;
}

/** The tokens of one tenant. */
export function tokensOf(deps: TokenDeps): Tokens {
  const ask = tokenEndpoint(deps);
  const { graph } = deps;
  const callers = new Map<string, Slot>();
  const chains = new Map<string, Chain>();
  const own: Slot = {};

  function slotted(slot: Slot, request: () => Promise<TokenAnswer>): Promise<Held> {
    if (slot.held && slot.held.until > deps.now()) return Promise.resolve(slot.held);
    slot.asking ??= request()
      .then((answer) => {
        const until = deps.now() + answer.expires_in * 1000 - early;
        slot.held = { token: new Secret(answer.access_token), answer, until };
        return slot.held;
      })
      .finally(() => {
        delete slot.asking;
      });
    return slot.asking;
  }

  // Everything that has been consented to, and a refresh token. Of a list, one name without consent is a refusal of all
  // (65001), and an organisation need not consent to what is not needed.
  const scope = `${graph}/.default offline_access`;

  /** The permissions of an answer that says which, by name; undefined when it does not. */
  function grantedIn({ scope }: TokenAnswer): string[] | undefined {
    const names = scope?.split(' ').filter(Boolean);
    return names?.length ? names.map((one) => one.slice(one.lastIndexOf('/') + 1)) : undefined;
  }

  async function nextOf(chain: Chain): Promise<TokenAnswer> {
    const refresh = chain.current.reveal();
    const answer = await ask({
      grant_type: 'refresh_token',
      refresh_token: refresh,
      scope,
      claims: claimsParameter(),
    });
    if (answer.refresh_token !== undefined && answer.refresh_token !== refresh) {
      chain.current = new Secret(answer.refresh_token);
      chain.unsaved = true;
      remember(chains, hashOf(chain.current), chain);
    }
    return answer;
  }

  async function saveWith(chain: Chain, keep: (secret: Secret) => Promise<void>): Promise<void> {
    try {
      const { current } = chain;
      // Later than the caller's note that it is being saved, even when `keep` throws at once.
      await Promise.resolve().then(() => keep(current));
      chain.unsaved = chain.current !== current;
    } finally {
      delete chain.saving;
    }
  }

  return {
    async onBehalfOf(assertion) {
      const key = hashOf(assertion);
      const slot = callers.get(key) ?? {};
      remember(callers, key, slot);
      const { token, answer } = await slotted(slot, () =>
        ask({
          grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
          requested_token_use: 'on_behalf_of',
          assertion: assertion.reveal(),
          scope,
          claims: claimsParameter(),
        }),
      );
      const granted = grantedIn(answer);
      const has = (name: string) => !granted || granted.some((one) => one.toLowerCase() === name.toLowerCase());
      const missing = delegatedScopes('needed').filter((name) => !has(name));
      if (missing.length > 0) {
        // Whoever consents now should not have to wait for this token's end.
        delete slot.held;
        throw new Problem('consentMissing', { permission: missing.join(', ') });
      }
      if (answer.refresh_token === undefined) return { token };
      return { token, refresh: new Secret(answer.refresh_token) };
    },

    async refreshed(secret, keep) {
      const key = hashOf(secret);
      const chain: Chain = chains.get(key) ?? { current: secret, unsaved: false };
      remember(chains, key, chain);
      // One at a time: a rotated refresh token that is used twice looks stolen (RFC 9700 §4.14.2).
      const { token } = await slotted(chain, () => nextOf(chain));
      if (chain.unsaved) {
        chain.saving ??= saveWith(chain, keep);
        await chain.saving;
      }
      return { token };
    },

    async ownName(challenge) {
      if (challenge !== undefined) delete own.held;
      const claims = claimsParameter(challenge);
      const { token } = await slotted(own, () =>
        ask({ grant_type: 'client_credentials', scope: `${graph}/.default`, claims }),
      );
      return { token };
    },

    forget(token) {
      for (const slot of [own, ...callers.values(), ...chains.values()]) {
        if (slot.held?.token.reveal() === token.reveal()) delete slot.held;
      }
    },
  };
}

/** A token is never a key by itself: maps are what a memory dump shows first. */
function hashOf(secret: Secret): string {
  return createHash('sha256').update(secret.reveal()).digest('base64url');
}

/** As the last of the map; the oldest leave it. */
function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= most) return;
    map.delete(oldest);
  }
}
