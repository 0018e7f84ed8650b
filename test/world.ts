// A whole connector in memory: real doors, real store, real sign-in keys; a clock that is moved by hand and a mail
// server that follows a script. Each test owns its world: `await using world = await makeWorld()`.

import { randomFillSync } from 'node:crypto';
import { importJWK, SignJWT } from 'jose';
import PostalMime from 'postal-mime';
import { expect } from 'vitest';
import type { Reset, ResetRequest } from '#shared/api.ts';
import { deriveLink, fromBase64url, openPassword, parseFragment, toBase64url } from '#shared/link.ts';
import type { OpenAnswer } from '#shared/link-open.ts';
import { verifyAudit } from '../connector/audit.ts';
import { readConfig } from '../connector/config.ts';
import { type Connector, makeConnector } from '../connector/connector.ts';
import type { Acting, Directory } from '../connector/directory/directory.ts';
import { logger } from '../connector/log.ts';
import { graphMailbox } from '../connector/mail/graph.ts';
import type { Mail, Message, SendOutcome } from '../connector/mail/mail.ts';
import { roleTemplates } from '../connector/policy/roles.ts';
import { drain } from '../connector/resets/worker.ts';
import { readKeys } from '../connector/signin/keys.ts';
import type { Schema } from '../connector/sql/migrate.ts';
import type { Sql } from '../connector/sql/sql.ts';
import { changePassword, hashing, verifyPassword } from '../connector/store/credentials.ts';
import { assignRole } from '../connector/store/roles.ts';
import { createToken, mintToken } from '../connector/token.ts';
import type { MarkStore } from '../connector/witness/mark.ts';
import { cast, contoso, type SampleUser } from './people.ts';
import { type FreshSql, freshSql } from './postgres/engine.ts';

export type Name = keyof typeof cast;
/** What stands between the connector and its directory. */
export type Between = (real: Directory, acting: Acting) => Directory;
/** The answer of the scripted mail server to one attempt. */
export type Script = SendOutcome | ((message: Message) => SendOutcome | Promise<SendOutcome>);

const start = Date.UTC(2026, 10, 22, 9, 0, 0);
export const origin = 'https://connector.contoso.example';
export const extensionId = 'abcdefghijklmnopabcdefghijklmnop';

/** A password hash that is quick and still a hash: tests do not try argon2, the store's own tests do. */
const quickArgon = {
  hash: async (password: string) => `quick:${Buffer.from(password).toString('hex')}`,
  verify: async (hash: string | undefined, password: string) =>
    hash === `quick:${Buffer.from(password).toString('hex')}`,
};

export interface Opened {
  readonly id: string;
  readonly key: Uint8Array;
}

/** What a mail told its reader. */
export interface Letter {
  readonly message: Message;
  readonly subject: string;
  readonly text: string;
  readonly url: string;
  readonly link: Opened;
}

/**
 * What any directory can do: the embedded one wakes whoever waits for a person, and ends the sessions as it sets a password;
 * a directory elsewhere does neither.
 */
export function elsewhere({ wakes: _, endsSessions: __, ...real }: Directory): Directory {
  return real;
}

/** Options: an existing database (a restart), settings, and which people are there. */
export interface WorldOptions {
  readonly sql?: Sql;
  readonly env?: Readonly<Record<string, string>>;
  readonly names?: readonly Name[];
  readonly at?: number;
  readonly secretKey?: string;
  /** Another release's. */
  readonly schema?: Schema;
  /** Told when the connector waits by itself, in milliseconds: its clock has moved on by so much. */
  readonly waited?: (milliseconds: number) => Promise<void>;
  /** Where it is remembered outside how far the database has come. */
  readonly mark?: MarkStore;
  /** The operator says that the database was restored. */
  readonly restored?: boolean;
}

export type World = Awaited<ReturnType<typeof makeWorld>>;

/** Makes a world with the sample people in it. */
export async function makeWorld(options: WorldOptions = {}) {
  let time = options.at ?? start;
  const now = () => time;
  const random = (bytes: number) => randomFillSync(new Uint8Array(bytes));
  const script: Script[] = [];
  const sent: Message[] = [];
  const logged: string[] = [];
  const mail: Mail = {
    async send(message) {
      sent.push(message);
      const next = script.shift() ?? { outcome: 'accepted', reply: '250 2.0.0 OK queued' };
      return typeof next === 'function' ? next(message) : next;
    },
    verify: async () => ({ ok: true }),
    close: async () => {},
  };
  /** What stands between the connector and its directory, when a test puts something there. */
  const scripted: { directory?: Between | undefined } = {};
  const { config, lines } = readConfig(
    {
      RR_PUBLIC_URL: origin,
      RR_SECRET_KEY: options.secretKey ?? Buffer.alloc(32, 7).toString('base64'),
      RR_MAIL: 'smtp://mail.contoso.example',
      RR_MAIL_FROM: `IT Service Desk <helpdesk@${contoso.domain}>`,
      RR_ORGANISATION: contoso.name,
      RR_DOMAINS: contoso.domain,
      RR_EXTENSION_IDS: extensionId,
      RR_SUPPORT: 'Service desk, +44 20 7946 0000',
      ...options.env,
    },
    () => '',
  );
  if (!config) throw new Error(lines.flatMap(({ problem }) => problem ?? []).join('\n'));
  const database = options.sql ? undefined : await freshSql();
  const sql = options.sql ?? (database as FreshSql).sql;
  const log = logger('debug', { write: (line: string) => void logged.push(line) });
  const quick = hashing({ concurrency: 8, waiting: 1000, argon: quickArgon });
  const world = {
    ...{ now, random, env: {}, sql, log, hashing: quick },
    // Mail by Graph is the connector's own doing.
    ...(graphMailbox(config.mail.reveal()) === undefined ? { mail } : {}),
    async pause(milliseconds: number) {
      time += milliseconds;
      await options.waited?.(milliseconds);
    },
    pinIterations: 1,
    ...(options.schema ? { schema: options.schema } : {}),
    ...(options.mark ? { mark: options.mark } : {}),
    directoryOf: (real: Directory, acting: Acting) => scripted.directory?.(real, acting) ?? real,
  };
  const connector: Connector = await makeConnector(config, world, options.restored ? { restored: true } : {});
  const { app, state, key } = connector;
  const tenant = await state.tenants.byId('default');
  if (!tenant) throw new Error('There is no tenant.');

  const minted = mintToken(random);
  await sql.run((tx) =>
    createToken(tx, minted, { tenant: 'default', name: 'test', scopes: ['scim'], at: time, actor: 'operator' }),
  );
  const scimToken = minted.secret.reveal();
  const scim = (method: 'GET' | 'POST' | 'PATCH', url: string, body?: unknown) =>
    app.inject({
      method,
      url: `/scim/v2${url}`,
      headers: { authorization: `Bearer ${scimToken}`, 'content-type': 'application/scim+json' },
      ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
    });

  const ids = {} as Record<Name, string>;
  for (const name of options.names ?? (Object.keys(cast) as Name[])) {
    const user: SampleUser = cast[name];
    const found = await sql.get<{ id: string }>`select id from app_user where user_name = ${user.userName}`;
    if (found) {
      ids[name] = found.id;
      continue;
    }
    const created = await scim('POST', '/Users', user);
    expect(created.statusCode, created.body).toBe(201);
    ids[name] = created.json<{ id: string }>().id;
  }
  const role = (name: Name, template: keyof typeof roleTemplates) =>
    sql.run((tx) => assignRole(tx, 'default', ids[name], roleTemplates[template], { at: time, actor: 'operator' }));
  if (ids.globalAdmin) await role('globalAdmin', 'Global Administrator');
  if (ids.passwordAdmin) await role('passwordAdmin', 'Password Administrator');

  /** An access token as the embedded sign-in issues it, for this person, changed as the test likes. */
  async function token(name: Name, claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}) {
    const { signing } = await readKeys({ sql, keyring: key.keyring, now, random }, 'default');
    const [jwk] = signing;
    if (!jwk || !tenant) throw new Error('There is no signing key.');
    const seconds = Math.floor(time / 1000);
    const { displayName, userName } = cast[name];
    return new SignJWT({
      ...{ iss: tenant.issuer, aud: tenant.clientId, tid: tenant.tid, oid: ids[name], sub: ids[name] },
      ...{ azp: 'reset-and-resend-extension', scp: 'Passwords.Reset', ver: '2.0', name: displayName },
      ...{ preferred_username: userName, iat: seconds, nbf: seconds, exp: seconds + 3600 },
      ...claims,
    })
      .setProtectedHeader({ alg: 'RS256', kid: jwk.kid as string, ...header })
      .sign(await importJWK(jwk, 'RS256'));
  }

  async function api(
    name: Name,
    method: 'GET' | 'POST',
    url: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ) {
    return app.inject({
      method,
      url: `/api${url}`,
      headers: {
        authorization: `Bearer ${await token(name)}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
    });
  }

  let keys = 0;
  /** Starts a reset as an admin; what the request leaves out is the ordinary. */
  async function reset(
    by: Name,
    target: Name,
    request: Partial<ResetRequest> = {},
    idempotencyKey = `key-number-${++keys}`,
  ) {
    const body = {
      ...{ user: ids[target], mode: 'link', forceChangePasswordNextSignIn: true, locale: 'en' },
      recipient: { address: 'someone@post.example' },
      ...request,
    };
    return api(by, 'POST', '/resets', body, { 'idempotency-key': idempotencyKey });
  }

  const walk = () => drain({ sql, now, log, walk: connector.walk });

  async function letter(index = -1): Promise<Letter> {
    const message = sent.at(index);
    if (!message) throw new Error('No mail was sent.');
    const { subject = '', text = '', html = '' } = await PostalMime.parse(message.bytes);
    const url = /https:\/\/\S+\/r\/[\w-]+#[\w.-]+/.exec(text)?.[0] ?? '';
    expect(html).toContain(url.split('#')[0]);
    const { pathname, hash } = new URL(url);
    const fragment = parseFragment(hash);
    if (!fragment) throw new Error('The link has no key.');
    return { message, subject, text, url, link: { id: pathname.split('/').at(-1) ?? '', key: fragment.key } };
  }

  const post = (id: string, what: string, body: unknown, headers: Record<string, string> = {}) =>
    app.inject({
      method: 'POST',
      url: `/r/${id}/${what}`,
      headers: { origin, 'content-type': 'application/json', 'sec-fetch-site': 'same-origin', ...headers },
      payload: JSON.stringify(body),
    });

  /** What the page does when somebody presses "Show password"; `password` when the answer opened. */
  async function open(link: Opened, { pin, holder = random(32) }: { pin?: string; holder?: Uint8Array } = {}) {
    const id = fromBase64url(link.id) ?? new Uint8Array();
    const derived = await deriveLink({ id, key: link.key, iterations: 1, ...(pin === undefined ? {} : { pin }) });
    const response = await post(link.id, 'open', {
      proof: toBase64url(derived.proof),
      holder: toBase64url(holder),
      ...(derived.proofPin ? { proofPin: toBase64url(derived.proofPin) } : {}),
    });
    const answer = response.json<OpenAnswer>();
    const password = answer.state === 'open' ? await openPassword(answer, derived.encKey, answer) : undefined;
    return { response, answer, password, holder, proof: toBase64url(derived.proof) };
  }

  return {
    ...{
      app,
      sql,
      connector,
      tenant,
      ids,
      script,
      sent,
      logged,
      scim,
      scimToken,
      api,
      token,
      reset,
      walk,
      letter,
      open,
      post,
      role,
    },
    /** Moves the clock, then lets everything walk that has become due. */
    async pass(milliseconds: number) {
      time += milliseconds;
      await walk();
    },
    now,
    get directory(): Between | undefined {
      return scripted.directory;
    },
    /** Puts something between the connector and its directory; undefined takes it away. */
    set directory(wrap: Between | undefined) {
      scripted.directory = wrap;
    },
    /** Does something past what stands there. */
    async withRealDirectory<T>(work: () => Promise<T>): Promise<T> {
      const wrap = scripted.directory;
      scripted.directory = undefined;
      try {
        return await work();
      } finally {
        scripted.directory = wrap;
      }
    },
    /** A reset as the API tells it now. */
    async see(id: string, by: Name = 'globalAdmin'): Promise<Reset> {
      const response = await api(by, 'GET', `/resets/${id}`);
      expect(response.statusCode, response.body).toBe(200);
      return response.json<Reset>();
    },
    /** A password from before, as an operator set it. */
    async signUp(name: Name, password: string): Promise<void> {
      const change = { password, forceChange: false, changedBy: 'operator' as const };
      await changePassword({ sql, hashing: quick, now }, 'default', ids[name], change);
    },
    /** The person signs in with a password and chooses the next one, as the embedded sign-in has it done. */
    async signIn(name: Name, password: string, next: string): Promise<void> {
      const verdict = await verifyPassword({ sql, hashing: quick, now }, 'default', { userId: ids[name] }, password);
      expect(verdict).toMatchObject({ outcome: 'right', credential: { forceChange: true } });
      const change = { password: next, forceChange: false, changedBy: 'self' as const };
      const done = await changePassword({ sql, hashing: quick, now }, 'default', ids[name], change);
      expect(done.outcome).toBe('done');
    },
    /** Is this the password that the directory holds? */
    async holds(name: Name, password: string): Promise<boolean> {
      const row = await sql.get<{ hash: string }>`select hash from credential where user_id = ${ids[name]}`;
      return quickArgon.verify(row?.hash, password);
    },
    async [Symbol.asyncDispose]() {
      const audit = await verifyAudit(sql, 'default');
      expect(audit.brokenAt).toBeUndefined();
      await connector.close();
      await database?.[Symbol.asyncDispose]();
    },
  };
}
