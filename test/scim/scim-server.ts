// A real server on a port of its own with the SCIM door, over a database in memory with two organisations.

import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { createApp } from '../../connector/http/app.ts';
import { logger } from '../../connector/log.ts';
import { malformedUrl } from '../../connector/scim/error.ts';
import { eventsDoor } from '../../connector/scim/events.ts';
import type { Extension } from '../../connector/scim/extensions.ts';
import { rateOf } from '../../connector/scim/limits.ts';
import { oauthDoor } from '../../connector/scim/oauth.ts';
import { scimDoor } from '../../connector/scim/routes.ts';
import { eventsPath } from '../../connector/scim/sets.ts';
import { keyring } from '../../connector/secret.ts';
import { migrate } from '../../connector/sql/migrate.ts';
import type { Sql } from '../../connector/sql/sql.ts';
import { hashing } from '../../connector/store/credentials.ts';
import { defaultPolicy, saveTenant, type Tenant, tenants as tenantsOf } from '../../connector/tenant.ts';
import { createToken, mintToken, type TokenScope } from '../../connector/token.ts';
import { contoso, fabrikam } from '../people.ts';
import { openSql, type SqlOptions } from '../postgres/engine.ts';

export const core = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
export const groupSchema = 'urn:ietf:params:scim:schemas:core:2.0:Group';
export const patchOp = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
export const errorSchema = 'urn:ietf:params:scim:api:messages:2.0:Error';

/** A moment to begin at; tests move it by hand. */
export const start = Date.parse('2026-11-22T09:00:00.000Z');

export function tenantRow(id: string, name: string, domain: string): Tenant {
  return {
    id,
    tid: id === 'default' ? '11111111-1111-4111-8111-111111111111' : '22222222-2222-4222-8222-222222222222',
    name,
    domains: [domain],
    directory: 'embedded',
    issuer: `https://connector.example/signin/${id}`,
    clientId: 'api://reset-and-resend',
    mailFrom: `${name} <noreply@${domain}>`,
    policy: defaultPolicy,
    branding: {},
  };
}

export const tenants = [
  tenantRow('default', contoso.name, contoso.domain),
  tenantRow('fabrikam', fabrikam.name, fabrikam.domain),
] as const;

/** A migrated database with both organisations. */
export async function openStore(options?: SqlOptions): Promise<Sql> {
  const sql = await openSql(options);
  await migrate(sql);
  for (const tenant of tenants) await sql.run((tx) => saveTenant(tx, tenant, start));
  return sql;
}

export async function makeToken(
  sql: Sql,
  tenant: string,
  at = start,
  expires?: number,
  scopes: readonly TokenScope[] = ['scim'],
): Promise<string> {
  const minted = mintToken(randomBytes);
  const more = expires === undefined ? {} : { expires };
  await sql.run((tx) => createToken(tx, minted, { tenant, name: 'entra', scopes, at, actor: 'operator', ...more }));
  return minted.secret.reveal();
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: an answer is what the test looks into
  readonly body: any;
}

export interface Ask {
  readonly token?: string;
  readonly headers?: Record<string, string>;
}

/** `ask('POST', '/Users', {…})`: an object is sent as SCIM JSON, a string or bytes as they are. */
export async function scimServer(
  options: { rate?: number; extensions?: readonly Extension[]; store?: SqlOptions; patient?: true } = {},
) {
  const sql = await openStore(options.store);
  const clock = { at: start };
  const log: string[] = [];
  const shared = {
    sql,
    now: () => clock.at,
    random: randomBytes,
    keyring: keyring([randomBytes(32)]),
    log: logger('warn', { write: (line: string) => void log.push(line) }),
    publicUrl: 'https://connector.example',
    rate: rateOf(options.rate ?? 0),
  };
  const app = await createApp({
    log: logger('debug', { write: (line: string) => void log.push(line) }),
    trustedProxies: [],
    ready: async () => true,
    doors: {
      '/scim/v2': scimDoor({
        ...shared,
        passwords: { hashing: hashing({ concurrency: 1, waiting: 8 }), tenantOf: tenantsOf(sql).byId },
        ...(options.extensions ? { extensions: options.extensions } : {}),
      }),
      '/scim/oauth': oauthDoor({ ...shared, fetch }),
      [eventsPath]: eventsDoor({
        ...shared,
        tenants: tenantsOf(sql),
        // A poll that waits does not wait for the clock of the world.
        pause: async (milliseconds, signal) => {
          // Unless it shall wait until something ends it.
          if (options.patient) return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
          clock.at += milliseconds;
          await new Promise((resolve) => setImmediate(resolve));
        },
      }),
    },
    badUrl: { '/scim/v2': malformedUrl },
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const origin = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  const token = await makeToken(sql, 'default');
  const otherToken = await makeToken(sql, 'fabrikam');

  async function ask(method: string, path: string, body?: unknown, options: Ask = {}): Promise<Answer> {
    const raw = typeof body === 'string' || body instanceof Uint8Array;
    const response = await fetch(`${origin}/scim/v2${path}`, {
      method,
      headers: {
        authorization: `Bearer ${options.token ?? token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/scim+json' }),
        ...options.headers,
      },
      ...(body === undefined ? {} : { body: (raw ? body : JSON.stringify(body)) as BodyInit }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: text.startsWith('{') ? JSON.parse(text) : undefined,
    };
  }

  return {
    app,
    sql,
    clock,
    log,
    origin,
    token,
    otherToken,
    ask,
    /** Creates a User and answers its resource. */
    async create(user: object) {
      const answer = await ask('POST', '/Users', { schemas: [core], ...user });
      if (answer.status !== 201) throw new Error(`${answer.status} ${answer.text}`);
      return answer.body;
    },
    patch: (id: string, ...Operations: object[]) => ask('PATCH', `/Users/${id}`, { schemas: [patchOp], Operations }),
    /** Creates a Group and answers its resource. */
    async createGroup(group: object) {
      const answer = await ask('POST', '/Groups', { schemas: [groupSchema], ...group });
      if (answer.status !== 201) throw new Error(`${answer.status} ${answer.text}`);
      return answer.body;
    },
    patchGroup: (id: string, ...Operations: object[]) =>
      ask('PATCH', `/Groups/${id}`, { schemas: [patchOp], Operations }),
    async [Symbol.asyncDispose]() {
      await app.close();
      await sql.close();
    },
  };
}
