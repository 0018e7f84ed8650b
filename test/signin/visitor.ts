// A sign-in door on a real TLS socket, and a visitor with a cookie jar who reads its pages, fills in its forms and
// speaks OAuth by hand. The public name is mapped to loopback, as a browser under test would map it.

import { createHash, randomBytes, randomFillSync } from 'node:crypto';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { createServer as createHttps, request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import { generate } from 'selfsigned';
import { embeddedDirectory } from '../../connector/directory/embedded.ts';
import { logger } from '../../connector/log.ts';
import { type Keyring, keyring } from '../../connector/secret.ts';
import { extensionClientId, redirectUriOf } from '../../connector/signin/clients.ts';
import { signinDoor } from '../../connector/signin/door.ts';
import { migrate } from '../../connector/sql/migrate.ts';
import type { Sql } from '../../connector/sql/sql.ts';
import { type Argon, argon2id, changePassword, hashing } from '../../connector/store/credentials.ts';
import { assignRole } from '../../connector/store/roles.ts';
import type { UserContent } from '../../connector/store/user-resource.ts';
import { createUser, updateUser, userByName } from '../../connector/store/users.ts';
import { uuidv7 } from '../../connector/store/uuid.ts';
import { defaultPolicy, saveTenant, type Tenant, tenants } from '../../connector/tenant.ts';
import type { SampleUser } from '../people.ts';
import { openSql } from '../postgres/engine.ts';

export const publicUrl = 'https://connector.contoso.example';
export const extensionId = 'abcdefghijklmnopabcdefghijklmnop';
export const geckoId = 'reset-and-resend@extension.example';
export const redirectUri = redirectUriOf(extensionId);

export const random = (bytes: number) => randomFillSync(new Uint8Array(bytes));

let certificate: Promise<{ key: string; cert: string }> | undefined;
function tls(): Promise<{ key: string; cert: string }> {
  certificate ??= generate([{ name: 'commonName', value: 'connector.contoso.example' }], {
    keyType: 'ec',
    algorithm: 'sha256',
  } as Parameters<typeof generate>[1]).then(({ private: key, cert }) => ({ key, cert }));
  return certificate;
}

export interface SiteOptions {
  readonly sql?: Sql;
  readonly ring?: Keyring;
  /** Behind a proxy that ends TLS, in place of TLS of its own. */
  readonly proxied?: boolean;
  readonly argon?: Argon;
  readonly tenant?: Partial<Tenant>;
  readonly extensionIds?: readonly string[];
  readonly at?: number;
}

export type Site = Awaited<ReturnType<typeof openSite>>;

/** Opens a sign-in for Contoso. `await using` closes the sockets; the database stays, for the next one. */
export async function openSite(options: SiteOptions = {}) {
  const sql = options.sql ?? (await openSql());
  const ring = options.ring ?? keyring([Buffer.alloc(32, 7)]);
  // The provider's own clock is the machine's: ours begins there, and is moved by hand.
  let time = options.at ?? Date.now();
  const now = () => time;
  const logged: string[] = [];
  const log = logger('debug', { write: (line: string) => void logged.push(line) });
  await migrate(sql);
  const tenant: Tenant = {
    id: 'default',
    tid: '0f6e2d3c-1111-4222-8333-444455556666',
    name: 'Contoso',
    domains: ['contoso.example'],
    directory: 'embedded',
    issuer: `${publicUrl}/signin/default`,
    clientId: 'api://reset-and-resend',
    mailFrom: 'helpdesk@contoso.example',
    policy: defaultPolicy,
    branding: { support: 'Service desk, +44 20 7946 0000', home: 'https://www.contoso.example/' },
    ...options.tenant,
  };
  await sql.run((tx) => saveTenant(tx, tenant, time));
  const queue = hashing({ concurrency: 4, waiting: 50, argon: options.argon ?? argon2id });
  const deps = {
    ...{ sql, keyring: ring, now, random, log, publicUrl, hashing: queue, tenants: tenants(sql) },
    directory: (of: Tenant) => embeddedDirectory({ sql, hashing: queue, random, now }, of),
    extensionIds: options.extensionIds ?? [extensionId, geckoId],
  };
  const { key, cert } = await tls();
  const app = (options.proxied ? Fastify() : Fastify({ https: { key, cert } })) as FastifyInstance;
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('x-content-type-options', 'nosniff');
  });
  await app.register(signinDoor(deps), { prefix: '/signin' });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const inner = (app.server.address() as AddressInfo).port;
  const proxy = options.proxied ? await openProxy({ key, cert }, inner) : undefined;

  const by = () => ({ at: time, actor: 'operator' });
  return {
    ...{ sql, ring, log, logged, tenant, deps, now },
    port: proxy?.port ?? inner,
    pass(milliseconds: number) {
      time += milliseconds;
    },
    /** Adds a person; the answer is their object id. */
    async person(user: SampleUser, password?: string, more: { temporary?: boolean; role?: string } = {}) {
      const id = uuidv7(time, random(10));
      await sql.run((tx) => createUser(tx, tenant.id, id, user as unknown as UserContent, by()));
      if (password !== undefined) await this.setPassword(id, password, more.temporary ?? false);
      const { role } = more;
      if (role !== undefined) await sql.run((tx) => assignRole(tx, tenant.id, id, role, by()));
      return id;
    },
    setPassword: (id: string, password: string, temporary = true, changedBy: `reset:${string}` = 'reset:r1') =>
      changePassword(deps, tenant.id, id, { password, forceChange: temporary, changedBy }),
    async block(user: SampleUser) {
      const found = await userByName(sql, tenant.id, user.userName);
      if (!found) throw new Error('No such person.');
      const content = { ...(user as unknown as UserContent), active: false };
      await sql.run((tx) => updateUser(tx, tenant.id, found.id, () => content, by()));
    },
    async [Symbol.asyncDispose]() {
      await proxy?.close();
      await app.close();
    },
  };
}

/** What stands in front of the connector in many places: ends TLS, passes plain http on, says so in a header. */
async function openProxy(pair: { key: string; cert: string }, to: number) {
  const server = createHttps(pair, (incoming, outgoing) => {
    const headers = { ...incoming.headers, 'x-forwarded-proto': 'https', 'x-forwarded-for': '192.0.2.7' };
    const { method, url: path } = incoming;
    const onward = httpRequest({ host: '127.0.0.1', port: to, method, path, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

// The visitor ----------------------------------------------------------------------------------------------------

export interface Answer {
  readonly status: number;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly path: string;
  readonly attributes: string;
}

/** A browser of few words. Follows redirects within the site, and stops where one leads away from it. */
export function visitor(site: { readonly port: number }, languages = 'en') {
  let cookies: Cookie[] = [];

  function send(method: string, url: string, body?: string, more: Record<string, string> = {}): Promise<Answer> {
    const { host, pathname, search, protocol } = new URL(url);
    const sent = cookies.filter(({ path }) => pathname === path || pathname.startsWith(path.replace(/\/?$/, '/')));
    const headers = {
      ...{ host, accept: 'text/html', 'accept-language': languages },
      ...(sent.length > 0 && { cookie: sent.map(({ name, value }) => `${name}=${value}`).join('; ') }),
      ...(body !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
      ...more,
    };
    const options = { host: '127.0.0.1', port: site.port, servername: 'localhost', rejectUnauthorized: false };
    return new Promise((resolve, reject) => {
      const make = protocol === 'https:' ? httpsRequest : httpRequest;
      const outgoing = make({ ...options, method, path: pathname + search, headers }, (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('end', () => {
          for (const line of incoming.headers['set-cookie'] ?? []) keep(line, pathname);
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({ status: incoming.statusCode ?? 0, url, headers: incoming.headers, text });
        });
      });
      outgoing.on('error', reject);
      outgoing.setTimeout(45_000, () => outgoing.destroy(new Error(`${method} ${url} is not answered.`)));
      outgoing.end(body);
    });
  }

  function keep(line: string, from: string): void {
    const [pair = '', ...attributes] = line.split(/;\s*/);
    const name = pair.slice(0, pair.indexOf('='));
    const path = attributes.find((one) => /^path=/i.test(one))?.slice(5) ?? from.replace(/\/[^/]*$/, '');
    cookies = cookies.filter((one) => one.name !== name || one.path !== path);
    const value = pair.slice(name.length + 1);
    if (value !== '') cookies.push({ name, value, path, attributes: attributes.join('; ') });
  }

  async function follow(answer: Answer): Promise<Answer> {
    const { location } = answer.headers;
    if (location === undefined || answer.status < 300 || answer.status > 399) return answer;
    const next = new URL(location, answer.url);
    if (next.origin !== new URL(answer.url).origin) return answer;
    return follow(await send('GET', next.href));
  }

  return {
    send,
    cookies: () => cookies,
    /** As if the browser had been closed, or refused to keep them. */
    forget() {
      cookies = [];
    },
    async go(url: string): Promise<Answer> {
      return follow(await send('GET', url));
    },
    /** Fills in the page's form (the one whose action ends so) and sends it as a browser does. */
    async submit(page: Answer, fields: Record<string, string>, ending = '', headers: Record<string, string> = {}) {
      const actions = [...page.text.matchAll(/<form method="post" action="([^"]*)"/g)].map(
        ([, action]) => action ?? '',
      );
      const action = actions.find((one) => one.split('?')[0]?.endsWith(ending));
      if (action === undefined) throw new Error(`No such form on the page: ${page.text.slice(0, 2000)}`);
      const url = new URL(action.replaceAll('&amp;', '&'), page.url);
      const body = new URLSearchParams(fields).toString();
      const from = { origin: new URL(page.url).origin, 'sec-fetch-site': 'same-origin' };
      return follow(await send('POST', url.href, body, { ...from, ...headers }));
    },
  };
}

// OAuth, by hand ---------------------------------------------------------------------------------------------------

export const issuer = `${publicUrl}/signin/default`;

/** An authorization request as MSAL makes it; `verifier` belongs to it (RFC 7636). */
export function authorization(more: Record<string, string> = {}): { url: string; verifier: string } {
  const verifier = randomBytes(32).toString('base64url');
  const query = new URLSearchParams({
    client_id: extensionClientId,
    response_type: 'code',
    response_mode: 'fragment',
    redirect_uri: redirectUri,
    scope: 'Passwords.Reset openid profile offline_access',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    state: 'the-state',
    nonce: 'the-nonce',
    client_info: '1',
    'x-client-SKU': 'msal.js.browser',
    ...more,
  });
  return { url: `${issuer}/auth?${query}`, verifier };
}

/** What came back in the fragment of the redirect address. */
export function returned(answer: Answer): URLSearchParams {
  const { location = '' } = answer.headers;
  return new URLSearchParams(location.slice(location.indexOf('#') + 1));
}

export interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly id_token: string;
  readonly scope: string;
  readonly expires_in: number;
  readonly token_type: string;
  readonly error?: string;
  readonly error_description?: string;
}

/** The token endpoint, as an extension page calls it. */
export async function redeem(
  visit: ReturnType<typeof visitor>,
  form: Record<string, string>,
  origin = `chrome-extension://${extensionId}`,
): Promise<{ answer: Answer; tokens: Tokens }> {
  const body = new URLSearchParams({ client_id: extensionClientId, ...form }).toString();
  const answer = await visit.send('POST', `${issuer}/token`, body, { origin, accept: 'application/json' });
  return { answer, tokens: JSON.parse(answer.text) as Tokens };
}

/** Redeems the code of a finished authorization. */
export function redeemCode(visit: ReturnType<typeof visitor>, answer: Answer, verifier: string) {
  const code = returned(answer).get('code') ?? '';
  return redeem(visit, { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: redirectUri });
}

export function refresh(visit: ReturnType<typeof visitor>, refreshToken: string, more: Record<string, string> = {}) {
  return redeem(visit, { grant_type: 'refresh_token', refresh_token: refreshToken, ...more });
}
