// What every command stands on: the migrated database, tenant `default` as the environment describes it, the directory.

import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Config, policyOf, publicUrlOf } from './config.ts';
import type { Directory } from './directory/directory.ts';
import { embeddedDirectory } from './directory/embedded.ts';
import type { Logger } from './log.ts';
import type { Mail } from './mail/mail.ts';
import { migrate } from './sql/migrate.ts';
import type { Sql } from './sql/sql.ts';
import { openSqlite } from './sql/sqlite.ts';
import { type Hashing, hashing } from './store/credentials.ts';
import { saveTenant, type Tenant, type Tenants, tenants } from './tenant.ts';

/** What a test brings along instead of the real thing. */
export interface World {
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly sql?: Sql;
  readonly mail?: Mail;
  readonly log?: Logger;
  readonly hashing?: Hashing;
  /** How keys of other issuers are fetched. */
  readonly fetch?: typeof fetch;
  readonly pinIterations?: number;
  /** Nothing walks by itself: the test does, with `walk`. */
  readonly still?: true;
}

/** The state behind every command: the migrated database with tenant `default` as the environment describes it. */
export interface State {
  readonly config: Config;
  readonly sql: Sql;
  readonly tenants: Tenants;
  readonly hashing: Hashing;
  readonly publicUrl: string;
  readonly directoryOf: (tenant: Tenant) => Directory;
}

/** The audience of `/api`. */
const apiClientId = 'api://reset-and-resend';

/** Opens the database and writes what the environment says of tenant `default`. */
export async function openState(config: Config, world: World): Promise<State> {
  if (!world.sql) mkdirSync(dirname(config.database), { recursive: true });
  const sql = world.sql ?? openSqlite(config.database);
  await migrate(sql);
  const publicUrl = publicUrlOf(config);
  const tid = randomUUID();
  await sql.run((tx) =>
    saveTenant(
      tx,
      {
        id: 'default',
        tid,
        name: config.organisation,
        domains: config.domains,
        directory: config.directory,
        issuer: `${publicUrl}/signin/default`,
        clientId: apiClientId,
        mailFrom: config.mailFrom,
        policy: policyOf(config),
        branding: {
          timeZone: config.timeZone,
          ...(config.support === undefined ? {} : { support: config.support }),
          ...(config.home === undefined ? {} : { home: config.home }),
        },
      },
      world.now(),
    ),
  );
  const queue = world.hashing ?? hashing({ concurrency: 2, waiting: 64 });
  const directoryOf = (tenant: Tenant) => embeddedDirectory({ sql, hashing: queue, now: world.now }, tenant);
  return { config, sql, tenants: tenants(sql), hashing: queue, publicUrl, directoryOf };
}

/** Does browser sign-in work here? MSAL and the identity API want https. */
export function canSignIn(config: Config): boolean {
  return publicUrlOf(config).startsWith('https:');
}

/** Is the directory new, so that there is nobody yet who could sign in? */
export async function isEmpty(sql: Sql): Promise<boolean> {
  return (await sql.get`select id from app_user limit 1`) === undefined;
}
