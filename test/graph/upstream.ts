// A tenant to stand behind a connector: a real second connector with an embedded directory, whose sign-in plays Entra's
// login and whose /v1.0 plays Microsoft Graph, over https, with Contoso's people in it. In front of it stands the fault
// proxy: whatever goes wrong goes wrong there.

import type { AddressInfo } from 'node:net';
import { delegatedMailPermissions, delegatedPermissions } from '../../connector/entra/permissions.ts';
import type { GraphPermissionName } from '../../connector/graph/permissions.ts';
import { Secret } from '../../connector/secret.ts';
import { extensionClientId } from '../../connector/signin/clients.ts';
import { addSecret, createClient, mintAppId, mintSecret } from '../../connector/store/clients.ts';
import { changePassword, verifyPassword } from '../../connector/store/credentials.ts';
import { assignRole } from '../../connector/store/roles.ts';
import { makeWorld, type Name, type WorldOptions } from '../world.ts';
import { startFaultProxy } from './fault-proxy.ts';

export type Upstream = Awaited<ReturnType<typeof startUpstream>>;

/** What administrators sign in with; whoever signs in at all has a password (the sign-in knows nobody else). */
export const adminPassword = 'Hx5w-pT9k-z2Lm-8vRc';

const userAdministrator = 'fe930be7-5e62-47db-91af-98c3a49a38b1';

export interface UpstreamOptions {
  readonly world?: WorldOptions;
  /** What the connector may by itself. None: it has no right of its own. */
  readonly application?: readonly GraphPermissionName[];
  /** What it may on behalf of an administrator. */
  readonly delegated?: readonly GraphPermissionName[];
}

/** Starts it; the clock is the world's, moved by `world.pass`. */
export async function startUpstream(options: UpstreamOptions = {}) {
  const proxy = await startFaultProxy();
  const { origin } = proxy;
  const world = await makeWorld({ ...options.world, env: { RR_PUBLIC_URL: origin, ...options.world?.env } });
  const { app, sql, tenant, connector, now } = world;
  await app.listen({ host: '127.0.0.1', port: 0 });
  proxy.keepTime(now);
  proxy.forwardTo(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`);

  const { hashing } = connector.state;
  const passwords = { sql, hashing, now };
  for (const name of ['globalAdmin', 'passwordAdmin', 'noRole'] as const) {
    if (world.ids[name]) await world.signUp(name, adminPassword);
  }

  // The connector's app registration, as `client create` makes it.
  const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
  const clientId = mintAppId(now(), random);
  const clientSecret = mintSecret(random);
  const by = { at: now(), actor: 'operator' };
  const everything = [...Object.keys(delegatedPermissions), ...delegatedMailPermissions] as GraphPermissionName[];
  await sql.run(function* (tx) {
    const graph = { appRoles: options.application ?? [], delegated: options.delegated ?? everything, api: true };
    const client = { tenant: tenant.id, id: clientId, name: 'reset-connector', scopes: [], tokenMinutes: 60, graph };
    yield* createClient(tx, client, by);
    yield* addSecret(tx, tenant.id, clientId, clientSecret, { overlap: 0 }, by);
    // Entra wants both of an app: the permission, and a directory role for its service principal.
    if (options.application) yield* assignRole(tx, tenant.id, clientId, userAdministrator, by);
  });

  return {
    ...{ proxy, world, origin, tid: tenant.tid, issuer: tenant.issuer, clientId, extensionClientId },
    clientSecret: clientSecret.secret,
    /** The settings of a connector that stands in front of this tenant. */
    settings: {
      RR_DIRECTORY: `graph://${tenant.tid}`,
      RR_CLOUD: `${tenant.issuer} ${origin}`,
      RR_CLIENT_ID: clientId,
      RR_CLIENT_SECRET: clientSecret.secret.reveal(),
      RR_EXTENSION_CLIENT_ID: extensionClientId,
    },
    /** What the extension holds after this person has signed in: a token for the connector. */
    async extensionToken(name: Name, claims: Record<string, unknown> = {}): Promise<Secret> {
      return new Secret(await world.token(name, { aud: clientId, ...claims }));
    },
    /** Does this password sign the person in? */
    async signsIn(userId: string, password: string): Promise<boolean> {
      const verdict = await verifyPassword(passwords, tenant.id, { userId }, password);
      return verdict.outcome === 'right';
    },
    /** The person chooses a password by signing in. */
    async choosePassword(userId: string, password: string): Promise<void> {
      await changePassword(passwords, tenant.id, userId, { password, forceChange: false, changedBy: 'self' });
    },
    /** A session of the person's, and how many they have. */
    signIn: (userId: string) =>
      sql.run(function* (tx) {
        yield* tx.run`insert into oidc_model (tenant, kind, id, account, payload)
          values (${tenant.id}, 'RefreshToken', ${`r-${userId}-${now()}`}, ${userId}, '{}')`;
      }),
    async sessions(userId: string): Promise<number> {
      const row = await sql.get<{ n: number }>`select count(*) as n from oidc_model
        where account = ${userId} and kind = 'RefreshToken'`;
      return row?.n ?? 0;
    },
    async giveRole(userId: string, role: string): Promise<void> {
      await sql.run((tx) => assignRole(tx, tenant.id, userId, role, { at: now(), actor: 'operator' }));
    },
    async [Symbol.asyncDispose]() {
      await proxy.close();
      await world[Symbol.asyncDispose]();
    },
  };
}
