// Where oidc-provider keeps what it issues: sessions, grants, codes, refresh tokens, interactions, as sealed rows of
// `oidc_model`. An id may be the secret itself (a refresh token's value is its id), so rows are found by its hash.

import { createHash } from 'node:crypto';
import type { Adapter, AdapterPayload } from 'oidc-provider';
import type { Keyring } from '../secret.ts';
import type { Sql, Tx, Work } from '../sql/sql.ts';
import { errors } from './openid.ts';

interface ModelRow {
  id: string;
  payload: string;
  consumed: number | null;
}

/** Ids have 256 bits of randomness: a plain hash gives nothing away, and outlives a change of the master key. */
function hashOf(id: string): string {
  return createHash('sha256').update(id).digest('base64url');
}

/** Rows past their time, a few at each write, so that no timer is needed and no write is long. */
function* sweepExpired(tx: Tx, now: number): Work<void> {
  yield* tx.run`delete from oidc_model where (tenant, kind, id) in
    (select tenant, kind, id from oidc_model where expires < ${now} limit 10)`;
}

/** oidc-provider's adapter for one tenant: one object per kind of model. Whether a row is still valid is its own affair. */
export function modelsOf(
  { sql, keyring, now }: { sql: Sql; keyring: Keyring; now: () => number },
  tenant: string,
): (kind: string) => Adapter {
  return (kind) => {
    const place = (id: string) => `oidc_model/${tenant}/${kind}:${id}/payload`;
    const payloadOf = (row: ModelRow | undefined): AdapterPayload | undefined => {
      if (!row) return undefined;
      const payload = JSON.parse(keyring.openText(row.payload, place(row.id))) as AdapterPayload;
      return row.consumed === null ? payload : { ...payload, consumed: Math.floor(row.consumed / 1000) };
    };

    return {
      async upsert(given, payload, expiresIn) {
        const id = hashOf(given);
        const sealed = keyring.seal(JSON.stringify(payload), place(id));
        const account = payload.accountId ?? null;
        const grant = payload.grantId === undefined ? null : hashOf(payload.grantId);
        const uid = payload.uid === undefined ? null : hashOf(payload.uid);
        // The payload's own expiry is by the library's clock; the row must not go before it.
        const at = now();
        const expires = expiresIn ? Math.max(at + expiresIn * 1000, (payload.exp ?? 0) * 1000) : null;
        await sql.run(function* (tx) {
          yield* tx.run`insert into oidc_model (tenant, kind, id, account, grant_id, uid, payload, expires)
            values (${tenant}, ${kind}, ${id}, ${account}, ${grant}, ${uid}, ${sealed}, ${expires})
            on conflict (tenant, kind, id) do update set account = excluded.account, grant_id = excluded.grant_id,
              uid = excluded.uid, payload = excluded.payload, expires = excluded.expires`;
          yield* sweepExpired(tx, at);
        });
      },
      async find(id) {
        return payloadOf(
          await sql.get<ModelRow>`select id, payload, consumed from oidc_model
          where tenant = ${tenant} and kind = ${kind} and id = ${hashOf(id)}`,
        );
      },
      async findByUid(uid) {
        return payloadOf(
          await sql.get<ModelRow>`select id, payload, consumed from oidc_model
          where tenant = ${tenant} and kind = ${kind} and uid = ${hashOf(uid)}`,
        );
      },
      async findByUserCode() {
        return undefined; // of the device flow, which is off
      },
      async consume(id) {
        const consumed = await sql.run(function* (tx) {
          return yield* tx.run`update oidc_model set consumed = ${now()}
            where tenant = ${tenant} and kind = ${kind} and id = ${hashOf(id)} and consumed is null`;
        });
        // Two at the same moment have both read it as unused: only one of them may go on (RFC 6749 §4.1.2).
        if (consumed === 0) throw new errors.InvalidGrant('already used');
      },
      async destroy(id) {
        await sql.run(function* (tx) {
          yield* tx.run`delete from oidc_model where tenant = ${tenant} and kind = ${kind} and id = ${hashOf(id)}`;
        });
      },
      async revokeByGrantId(grantId) {
        await sql.run(function* (tx) {
          yield* tx.run`delete from oidc_model
            where tenant = ${tenant} and kind = ${kind} and grant_id = ${hashOf(grantId)}`;
        });
      },
    };
  };
}
