// What every command stands on: the migrated database, tenant `default`, the directory. Only `serve` describes that
// tenant anew; another command may run in another environment, beside a connector that is being used.

import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Config as ApiConfig } from '#shared/api.ts';
import { type Config, policyOf, publicUrlOf } from './config.ts';
import type { Acting, Directory, DirectoryOf } from './directory/directory.ts';
import { embeddedDirectory } from './directory/embedded.ts';
import { type GraphTenant, graphDirectory } from './directory/graph.ts';
import { withRoster } from './directory/roster.ts';
import { endpointsOf, graphTenant } from './entra/clouds.ts';
import { graphTenants } from './entra/tenants.ts';
import { stillServed } from './key-holders.ts';
import { type Logger, logger } from './log.ts';
import type { Mail } from './mail/mail.ts';
import { apiScope, extensionClientId } from './signin/clients.ts';
import { openDatabase } from './sql/engines.ts';
import { migrate, type Schema } from './sql/migrate.ts';
import { refuseMoving } from './sql/move-record.ts';
import type { Reserve } from './sql/reserve.ts';
import type { Sql } from './sql/sql.ts';
import { type Hashing, hashing } from './store/credentials.ts';
import { saveTenant, type Tenant, type Tenants, tenants } from './tenant.ts';
import type { MarkStore } from './witness/mark.ts';

/** What a test brings along instead of the real thing. */
export interface World {
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly sql?: Sql;
  /** Another release's schema. */
  readonly schema?: Schema;
  readonly mail?: Mail;
  readonly log?: Logger;
  readonly hashing?: Hashing;
  /** How keys of other issuers are fetched. */
  readonly fetch?: typeof fetch;
  readonly pinIterations?: number;
  /** Where it is remembered outside how far the database has come; absent with a database of the test's own: nowhere. */
  readonly mark?: MarkStore;
  /** Room for the day on which the disk is full; absent with a database of the test's own: none. */
  readonly reserve?: Reserve;
  /** Waits between two looks at a directory that takes its time; milliseconds. */
  readonly pause?: (milliseconds: number) => Promise<void>;
  /** Stands between the connector and its directory. */
  readonly directoryOf?: (real: Directory, acting: Acting) => Directory;
}

/** The state behind every command: the migrated database, with a tenant `default` in it. */
export interface State {
  readonly config: Config;
  readonly sql: Sql;
  readonly tenants: Tenants;
  readonly hashing: Hashing;
  readonly publicUrl: string;
  readonly directoryOf: DirectoryOf;
  /** The tenant in Microsoft Graph behind one of ours, if there is one. */
  readonly graphOf: (tenant: Tenant) => GraphTenant | undefined;
}

/** What the extension must know to sign somebody in. */
export type SignIn = Pick<ApiConfig, 'authority' | 'protocol' | 'clientId' | 'scopes'>;

/** The audience of `/api`. */
const apiClientId = 'api://reset-and-resend';

/**
 * Opens the database. Tenant `default` is made from the environment when it is missing, and left as it is else.
 * @throws StartError when the database cannot be written or reached
 */
export async function openState(config: Config, world: World): Promise<State> {
  const sql = world.sql ?? (await openDatabase(config.database));
  try {
    await migrate(sql, {
      ...(world.schema ? { schema: world.schema } : {}),
      mayExclude: (tx, from) => stillServed(tx, from, world.now()),
    });
    const tenant = defaultTenant(config);
    await sql.run(function* (tx) {
      if (yield* tx.get`select id from tenant where id = ${tenant.id}`) return;
      // Asked again with the first row that is written: an empty database may have become the target of a move since.
      yield* refuseMoving(tx);
      yield* saveTenant(tx, tenant, world.now());
    });
  } catch (error) {
    await sql.close();
    throw error;
  }
  const queue = world.hashing ?? hashing({ concurrency: 2, waiting: 64 });
  const graphOf = graphTenants(config, {
    ...{ now: world.now, random: world.random, fetch: world.fetch ?? fetch },
    log: world.log ?? logger(config.logLevel),
    readFile: (path) => readFileSync(path, 'utf8'),
    ...(world.pause ? { pause: world.pause } : {}),
  });
  const directoryOf: DirectoryOf = (tenant, acting) => {
    const graph = graphOf(tenant);
    const real = graph
      ? withRoster(graphDirectory(graph, acting), sql, tenant.id)
      : embeddedDirectory({ sql, hashing: queue, random: world.random, now: world.now }, tenant);
    return world.directoryOf?.(real, acting) ?? real;
  };
  const publicUrl = publicUrlOf(config);
  return { config, sql, tenants: tenants(sql), hashing: queue, publicUrl, directoryOf, graphOf };
}

/** Writes tenant `default` as the environment describes it; for the one command that serves. */
export async function describeTenant({ config, sql }: State, now: () => number): Promise<void> {
  const tenant = defaultTenant(config);
  await sql.run((tx) => saveTenant(tx, tenant, now()));
}

/** Tenant `default` of the environment, with a `tid` for the case that it is new. */
function defaultTenant(config: Config): Tenant {
  return {
    id: 'default',
    tid: graphTenant(config.directory) ?? randomUUID(),
    name: config.organisation,
    domains: config.domains,
    directory: config.directory,
    ...audienceOf(config),
    mailFrom: config.mailFrom,
    policy: policyOf(config),
    branding: {
      timeZone: config.timeZone,
      ...(config.support === undefined ? {} : { support: config.support }),
      ...(config.home === undefined ? {} : { home: config.home }),
    },
  };
}

/** Whose tokens open `/api`, and for whom they must have been issued. */
function audienceOf(config: Config): Pick<Tenant, 'issuer' | 'clientId' | 'extensionClientId'> {
  const tid = graphTenant(config.directory);
  if (tid === undefined) return { issuer: `${publicUrlOf(config)}/signin/default`, clientId: apiClientId };
  const { clientId = '', extensionClientId = '' } = config;
  return { issuer: endpointsOf(config.cloud, tid).issuer, clientId, extensionClientId };
}

/** Where administrators of a tenant sign in, and with what the extension asks for. */
export function signInOf(config: Config, tenant: Tenant): SignIn {
  const tid = graphTenant(tenant.directory);
  if (tid === undefined) {
    return { authority: tenant.issuer, protocol: 'oidc', clientId: extensionClientId, scopes: [apiScope] };
  }
  const { authority, protocol } = endpointsOf(config.cloud, tid);
  const scopes = [`api://${tenant.clientId}/${apiScope}`];
  return { authority, protocol, clientId: tenant.extensionClientId ?? '', scopes };
}

/** Where a person of a tenant tries a new password. */
export function portalOf(config: Config, tenant: Tenant): string {
  const tid = graphTenant(tenant.directory);
  const portal = tid === undefined ? undefined : endpointsOf(config.cloud, tid).portal;
  return portal ?? `${tenant.issuer}/account`;
}

/** Does browser sign-in work here? MSAL and the identity API want https. */
export function canSignIn(config: Config): boolean {
  return publicUrlOf(config).startsWith('https:');
}

/** Is the directory new, so that there is nobody yet who could sign in? */
export async function isEmpty(sql: Sql): Promise<boolean> {
  return (await sql.get`select id from app_user limit 1`) === undefined;
}
