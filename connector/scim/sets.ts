// Events as Security Event Tokens (RFC 8417): the claims of the SCIM profile (RFC 9967 draft §2.1, §2.2), signed with a
// key of the tenant's own (RS256), whose public half anybody may fetch.

import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';
import type { Keyring } from '../secret.ts';
import type { Sql } from '../sql/sql.ts';
import type { WaitingEvent } from '../store/events.ts';

export interface SetDeps {
  readonly sql: Sql;
  readonly keyring: Keyring;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** The URL that the events' endpoints stand under. */
  readonly base: string;
}

interface KeyRow {
  id: string;
  sealed: string;
}

/** Where the events' endpoints stand. */
export const eventsPath = '/scim/events';

const placeOf = (tenant: string, id: string) => `event_key/${tenant}/${id}/sealed`;

/** `iss` of a tenant's events; its keys are at `/jwks.json` under it. */
export function issuerOf(base: string, tenant: string): string {
  return `${base}/${encodeURIComponent(tenant)}`;
}

/** `jti`: unique in a tenant for ever, since a client's id and its count never come again. */
export function jtiOf(client: string, seq: number): string {
  return `${client}.${seq}`;
}

/** The count in a `jti` of this client's; undefined when it is not one. */
export function seqOf(client: string, jti: string): number | undefined {
  const digits = jti.startsWith(`${client}.`) ? jti.slice(client.length + 1) : '';
  return /^[1-9]\d{0,14}$/.test(digits) ? Number(digits) : undefined;
}

/** The keys of a tenant, newest first; the first one is made here. @throws SealError when the master key is another */
async function keysOf({ sql, keyring, now }: SetDeps, tenant: string): Promise<JWK[]> {
  const read = () =>
    sql.all<KeyRow>`select id, sealed from event_key where tenant = ${tenant} order by created desc, id`;
  let rows = await read();
  if (rows.length === 0) {
    const { privateKey } = await generateKeyPair('RS256', { modulusLength: 2048, extractable: true });
    const jwk = await exportJWK(privateKey);
    const kid = await calculateJwkThumbprint(jwk);
    const sealed = keyring.seal(JSON.stringify({ ...jwk, kid, alg: 'RS256', use: 'sig' }), placeOf(tenant, kid));
    const at = now();
    await sql.run(function* (tx) {
      // Two processes that start at once must not each sign with a key of their own.
      if (yield* tx.get`select id from event_key where tenant = ${tenant} limit 1`) return;
      yield* tx.run`insert into event_key (tenant, id, sealed, created) values (${tenant}, ${kid}, ${sealed}, ${at})`;
    });
    rows = await read();
  }
  return rows.map(({ id, sealed }) => JSON.parse(keyring.openText(sealed, placeOf(tenant, id))) as JWK);
}

/** Signs the events of a tenant's clients. */
export function setSigner(deps: SetDeps) {
  const known = new Map<string, Promise<{ kid: string; key: CryptoKey | Uint8Array; keys: JWK[] }>>();

  const load = async (tenant: string) => {
    const all = await keysOf(deps, tenant);
    const [newest] = all;
    if (!newest?.kid) throw new Error('There is no key for events.');
    const keys = all.map(({ kty, n, e, kid, alg, use }) => ({ kty, n, e, kid, alg, use }) as JWK);
    return { kid: newest.kid, key: await importJWK(newest, 'RS256'), keys };
  };
  const signing = (tenant: string) => {
    let found = known.get(tenant);
    if (!found) {
      found = load(tenant);
      found.catch(() => known.delete(tenant));
      known.set(tenant, found);
    }
    return found;
  };

  return {
    /** The public keys (RFC 7517). */
    jwks: async (tenant: string): Promise<{ keys: JWK[] }> => ({ keys: (await signing(tenant)).keys }),
    /** An event for one client, in compact form; the same event gives the same text. */
    async sign(tenant: string, client: string, event: WaitingEvent): Promise<string> {
      const { kid, key } = await signing(tenant);
      const { uri, externalId, txn, events } = event;
      const issuer = issuerOf(deps.base, tenant);
      return new SignJWT({
        txn,
        // Never `sub`: nobody shall take an event for an access token (§2.1, RFC 8417 §4.2).
        sub_id: { format: 'scim', uri, ...(externalId === undefined ? {} : { externalId }) },
        events,
      })
        .setProtectedHeader({ alg: 'RS256', kid, typ: 'secevent+jwt' })
        .setIssuer(issuer)
        .setAudience([`${issuer}/feeds/${client}`])
        .setIssuedAt(Math.floor(event.at / 1000))
        .setJti(jtiOf(client, event.seq))
        .sign(key);
    },
  };
}
