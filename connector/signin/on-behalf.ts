// By what a program goes on acting for a person (refresh tokens of the on-behalf-of flow): sealed rows that end with the
// person's sessions, with their password, with the program, or after 90 days without use. Unlike those of the extension
// they are not rotated: the program proves itself each time (RFC 9700 §4.14.2), and may be interrupted between using one
// and keeping the next.

import type { Client } from '../store/clients.ts';
import { onBehalf } from '../store/clients.ts';
import type { Tenant } from '../tenant.ts';
import type { KeyStore } from './keys.ts';
import { modelsOf } from './models.ts';

/** Without use, in seconds. */
const life = 90 * 86_400;
/** Written again only when it has aged by this, in seconds. */
const step = 86_400;

/** What a refresh token stands for. */
export interface Delegation {
  readonly personId: string;
  readonly clientId: string;
  /** When the token was issued that it began with, in seconds since the epoch. */
  readonly signedInAt: number;
  /** What was asked for then. */
  readonly scopes: readonly string[];
}

/** Keeps a delegation; the answer is its refresh token. */
export async function keepDelegation(store: KeyStore, tenant: Tenant, delegation: Delegation): Promise<string> {
  const token = Buffer.from(store.random(32)).toString('base64url');
  await write(store, tenant, token, delegation);
  return token;
}

/** What a refresh token stands for, and that it was used; undefined for none, one that has ended, or another program's. */
export async function redeemDelegation(
  store: KeyStore,
  tenant: Tenant,
  client: Client,
  token: string,
): Promise<Delegation | undefined> {
  const found = await modelsOf(store, tenant.id)(onBehalf).find(token);
  const seconds = store.now() / 1000;
  if (!found || found.clientId !== client.id || (found.exp ?? 0) <= seconds) return undefined;
  const delegation = {
    personId: String(found.accountId),
    clientId: client.id,
    signedInAt: Number(found.authTime),
    scopes: String(found.scope).split(' ').filter(Boolean),
  };
  if ((found.exp ?? 0) < seconds + life - step) await write(store, tenant, token, delegation);
  return delegation;
}

async function write(store: KeyStore, tenant: Tenant, token: string, delegation: Delegation): Promise<void> {
  const { personId, clientId, signedInAt, scopes } = delegation;
  const exp = Math.floor(store.now() / 1000) + life;
  const payload = {
    accountId: personId,
    grantId: clientId,
    clientId,
    authTime: signedInAt,
    scope: scopes.join(' '),
    exp,
  };
  await modelsOf(store, tenant.id)(onBehalf).upsert(token, payload, life);
}
