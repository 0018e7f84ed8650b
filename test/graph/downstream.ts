// A whole connector in front of the upstream tenant (upstream.ts): its own clock, database and scripted mail; everything
// that it knows of people comes over the fault proxy. Its end holds the promises of a reset against what both sides hold.

import PostalMime from 'postal-mime';
import { expect } from 'vitest';
import type { Offer, Reset, ResetRequest } from '#shared/api.ts';
import { parseFragment } from '#shared/link.ts';
import type { Tx, Work } from '../../connector/sql/sql.ts';
import { updateUser } from '../../connector/store/users.ts';
import { rowsOf } from '../postgres/schema.ts';
import { type Letter, makeWorld, type Name, type WorldOptions } from '../world.ts';
import type { Exchange, Match } from './fault-proxy.ts';
import { openApiJudge } from './openapi.ts';
import { adminPassword, startUpstream, type UpstreamOptions } from './upstream.ts';

export type Downstream = Awaited<ReturnType<typeof startDownstream>>;

/** Works before the reset. */
export const oldPassword = 'Old-Pw7k-still-works-9x';

export const minute = 60_000;
export const hour = 60 * minute;

/** What the adapter says to Graph, as a fault matches it. */
export const graph = {
  patch: { method: 'PATCH', path: /^\/v1\.0\/users\/[^/]+$/ },
  look: { method: 'GET', path: /^\/v1\.0\/users\/[^/]+$/ },
  people: { method: 'GET', path: /^\/v1\.0\/users(\/[^/]+)?$/ },
  resetPassword: { method: 'POST', path: /\/resetPassword$/ },
  operation: { method: 'GET', path: /\/operations\/[^/]+$/ },
  revoke: { method: 'POST', path: /\/revokeSignInSessions$/ },
  roles: { method: 'GET', path: /\/roleAssignments$/ },
  memberships: { method: 'GET', path: /\/transitiveMemberOf$/ },
  sendMail: { method: 'POST', path: /\/sendMail$/ },
  token: { method: 'POST', path: /\/token$/ },
  anything: { path: /^\/v1\.0\// },
} as const satisfies Record<string, Match>;

const judge = await openApiJudge();
if (!judge) console.warn('shared/data is not there: exchanges are not held against the OpenAPI description');

const names = ['globalAdmin', 'passwordAdmin', 'noRole', 'amara', 'priya', 'kwame'] as const satisfies Name[];

export interface DownstreamOptions {
  readonly upstream?: UpstreamOptions;
  readonly env?: Readonly<Record<string, string>>;
  /** How far its clock is from the upstream's, in milliseconds. */
  readonly skew?: number;
}

/** Starts both; people can sign in with `oldPassword`, administrators with their own. */
export async function startDownstream(options: DownstreamOptions = {}) {
  const upstream = await startUpstream({ ...options.upstream, world: { names, ...options.upstream?.world } });
  const { proxy, tid } = upstream;
  const { ids, sql: held } = upstream.world;
  for (const name of ['amara', 'priya', 'kwame'] as const) await upstream.world.signUp(name, oldPassword);
  await upstream.world.pass(hour);
  proxy.forget();

  const worldOptions = (at: number): WorldOptions => ({
    ...{ names: [], at, env: { ...upstream.settings, ...options.env } },
    waited: (milliseconds) => upstream.world.pass(milliseconds),
  });
  let world = await makeWorld(worldOptions(upstream.world.now() + (options.skew ?? 0)));
  const left: (typeof world)[] = [];
  /** Every answer of its doors. */
  const said: string[] = [];
  const shown: string[] = [];
  let keys = 0;

  const bearer = async (name: Name) => (await upstream.extensionToken(name)).reveal();

  async function api(name: Name, method: 'GET' | 'POST', url: string, body?: unknown, headers = {}) {
    const response = await world.app.inject({
      method,
      url: `/api${url}`,
      headers: {
        authorization: `Bearer ${await bearer(name)}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
    });
    said.push(`${JSON.stringify(response.headers)} ${response.body}`);
    return response;
  }

  function ask(by: Name, target: Name, request: Partial<ResetRequest> = {}) {
    const body = {
      ...{ user: ids[target], mode: 'link', forceChangePasswordNextSignIn: true, locale: 'en' },
      recipient: { address: 'someone@post.example' },
      ...request,
    };
    return api(by, 'POST', '/resets', body, { 'idempotency-key': `key-number-${++keys}` });
  }

  /** Everything that is stored, as text. */
  async function stored(): Promise<string> {
    return JSON.stringify(await rowsOf(world.sql));
  }

  async function see(id: string, by: Name = 'globalAdmin'): Promise<Reset> {
    const response = await api(by, 'GET', `/resets/${id}`);
    expect(response.statusCode, response.body).toBe(200);
    return response.json<Reset>();
  }

  /** I5: what nobody but the page, the mail and the directory may see, in any of its spellings. */
  async function keepsSecrets(): Promise<void> {
    const secrets = new Set([upstream.clientSecret.reveal(), ...shown]);
    for (const { requestBody, body, upstream: real } of proxy.passed) {
      for (const each of [requestBody, body, real?.body]) for (const one of secretsIn(each)) secrets.add(one);
    }
    for (let index = 0; index < world.sent.length; index++) {
      secrets.add(Buffer.from((await world.letter(index)).link.key).toString('base64url'));
    }
    const logs = [...left, world].flatMap(({ logged }) => logged).join('');
    const sinks = { log: logs, database: await stored(), answers: said.join('') };
    for (const secret of secrets) {
      for (const form of formsOf(secret)) {
        for (const [sink, text] of Object.entries(sinks)) {
          if (text.includes(form))
            expect.fail(`${sink} holds a secret: ${text.slice(text.indexOf(form) - 200).slice(0, 300)}`);
        }
      }
    }
  }

  const stage = {
    ...{ upstream, proxy, ids, tid, api, ask, see, keepsSecrets, stored },
    get world() {
      return world;
    },
    now: () => world.now(),
    /** Moves both clocks, then what is due walks. */
    async pass(milliseconds: number): Promise<void> {
      await upstream.world.pass(milliseconds);
      await world.pass(milliseconds);
    },
    walk: () => world.walk(),
    /** Done as the mail server takes the next mail: what has changed when the walk looks again. */
    onMail(work: () => Promise<unknown>): void {
      world.script.push(async () => {
        await work();
        return { outcome: 'accepted', reply: '250 2.0.0 OK queued' };
      });
    },
    /** Hour by hour, as time goes by. */
    async days(count: number): Promise<void> {
      for (let hours = 0; hours < 24 * count; hours++) await stage.pass(hour);
    },
    async offer(by: Name, target: Name): Promise<Offer> {
      const response = await api(by, 'GET', `/users/${ids[target]}/offer`);
      expect(response.statusCode, response.body).toBe(200);
      return response.json<Offer>();
    },
    /** Starts a reset; nothing walks yet. */
    async start(by: Name = 'globalAdmin', target: Name = 'amara', request: Partial<ResetRequest> = {}): Promise<Reset> {
      const response = await ask(by, target, request);
      expect(response.statusCode, response.body).toBe(202);
      return response.json<Reset>();
    },
    async act(name: 'cancel' | 'kill' | 'grant', id: string, by: Name = 'globalAdmin') {
      return api(by, 'POST', `/resets/${id}/${name}`, {});
    },
    /** Opens the link of a mail, default the last; the password when it was shown. */
    async open(letter?: Pick<Letter, 'link'>, how: Parameters<typeof world.open>[1] = {}) {
      const opened = await world.open((letter ?? (await world.letter())).link, how);
      said.push(opened.response.body);
      if (opened.password !== undefined) shown.push(opened.password);
      return opened;
    },
    /** A mail that left by Graph, as the upstream's mail server has it: in HTML alone. Default: the last. */
    async exchanged(index = -1): Promise<Pick<Letter, 'url' | 'link'>> {
      const message = upstream.world.sent.at(index);
      if (!message) throw new Error('No mail was sent.');
      const { html = '' } = await PostalMime.parse(message.bytes);
      const url = new URL(/https:\/\/[^"\s]+\/r\/[\w-]+#[\w.-]+/.exec(html)?.[0] ?? '');
      const key = parseFragment(url.hash)?.key;
      if (!key) throw new Error('The link has no key.');
      shown.push(Buffer.from(key).toString('base64url'));
      return { url: url.href, link: { id: url.pathname.split('/').at(-1) ?? '', key } };
    },
    /** Does this password sign the person in, upstream? */
    holds: (target: Name, password: string) => upstream.signsIn(ids[target], password),
    works: (target: Name = 'amara') => upstream.signsIn(ids[target], oldPassword),
    /** What passed the proxy. */
    asked: ({ method, path }: Match): Exchange[] =>
      proxy.passed.filter((one) => (method === undefined || one.method === method) && path.test(one.path)),
    /** Changes a person upstream, as their administrators would. */
    alter: (target: Name, change: object) =>
      held.run((tx) =>
        updateUser(tx, 'default', ids[target], (user) => ({ ...user, ...change }), {
          at: upstream.world.now(),
          actor: 'operator',
        }),
      ),
    /** A change by upstream's own administrators, in its own words. */
    upstreamDoes: <T>(work: (tx: Tx, by: { at: number; actor: string }) => Work<T>): Promise<T> => {
      const by = { at: upstream.world.now(), actor: 'operator' };
      return held.run(function* (tx) {
        return yield* work(tx, by);
      });
    },
    /** The process dies as it is, and a new one goes on with its database. */
    async restart(): Promise<void> {
      left.push(world);
      const { sql, sent } = world;
      world = await makeWorld({ ...worldOptions(world.now()), sql });
      world.sent.push(...sent);
    },
    /** Only while it may still be needed is the admin's right kept (column of the newest reset). */
    async grantKept(): Promise<boolean> {
      const row = await world.sql.get<{ sealed_grant: string | null }>`select sealed_grant from reset
        order by started_at desc, id desc limit 1`;
      return row?.sealed_grant !== null;
    },
    /**
     * What must hold at the end of every story: one password, and the link shows it or says that nothing was changed (I1,
     * I2, I3); no event without its evidence (I4); no secret anywhere (I5); Microsoft's own description of Graph.
     */
    async holdsTrue(id: string, target: Name = 'amara'): Promise<Reset> {
      proxy.heal();
      const reset = await see(id);
      const { state, events } = reset;
      const has = (name: string) => events.some((event) => event.name === name);
      expect(has('accepted'), 'accepted').toBe(world.sent.length > 0 || stage.asked(graph.sendMail).length > 0);
      if (has('passwordSet')) expect(settings(proxy.passed, ids[target]), 'passwordSet').not.toEqual([]);
      if (state === 'ready') {
        const holder = crypto.getRandomValues(new Uint8Array(32));
        const first = await stage.open(undefined, { holder });
        const again = await stage.open(undefined, { holder });
        expect([first.answer.state, again.password]).toEqual(['open', first.password]);
        expect(await stage.holds(target, first.password ?? ''), 'what the link shows signs in').toBe(true);
        expect(settings(proxy.passed, ids[target]).at(-1)).toBe(first.password);
      }
      if (['rejected', 'refused', 'cancelled'].includes(state)) {
        expect(await stage.works(target), 'the old password works').toBe(true);
        expect((await stage.open()).answer.state).toBe('nothingChanged');
        expect(await stage.grantKept()).toBe(false);
      }
      await keepsSecrets();
      return reset;
    },
    async [Symbol.asyncDispose]() {
      await keepsSecrets();
      await world[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
      asDescribed(proxy.passed);
    },
  };
  return stage;
}

/** Passwords that the upstream has taken for a person, in order. */
export function settings(passed: readonly Exchange[], id: string): string[] {
  return passed.flatMap(({ path, requestBody, upstream }) => {
    if (!path.includes(id) || upstream === undefined || upstream.status >= 300) return [];
    return passwordsIn(requestBody);
  });
}

function passwordsIn(body: unknown): string[] {
  const { passwordProfile, newPassword } = (body ?? {}) as {
    passwordProfile?: { password?: unknown };
    newPassword?: unknown;
  };
  return [passwordProfile?.password, newPassword].filter((one) => typeof one === 'string');
}

const secretMembers = [
  'access_token',
  'refresh_token',
  'id_token',
  'assertion',
  'client_secret',
  'temporaryAccessPass',
];

function secretsIn(body: unknown): string[] {
  if (typeof body !== 'object' || body === null) return [];
  const found = secretMembers.map((name) => (body as Record<string, unknown>)[name]);
  return [...found.filter((one) => typeof one === 'string'), ...passwordsIn(body)];
}

/** A secret as it might be written down: as it is, and in the usual encodings (reset.md, I5). */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const wide = Buffer.from(secret, 'utf16le');
  const whole = (text: string) => text.replace(/=+$/, '').slice(0, -1);
  return [
    secret,
    bytes.toString('hex'),
    encodeURIComponent(secret),
    secret.replaceAll('=', '=3D'),
    ...[bytes, wide].flatMap((one) => [whole(one.toString('base64')), whole(one.toString('base64url'))]),
    wide.toString('hex'),
  ];
}

/** What was said, by Microsoft's description, wherever it has the path. */
export function asDescribed(passed: readonly Exchange[]): void {
  for (const { method, path, requestBody, status, body, upstream } of passed) {
    if (!judge?.knows(method, path)) continue;
    // Nothing is described, and Microsoft's own client sends an empty object.
    const sent = path.endsWith('revokeSignInSessions') ? undefined : requestBody;
    expect(judge.request(method, path, sent), `${method} ${path}`).toEqual([]);
    for (const answer of [{ status, body }, upstream]) {
      if (answer?.status === undefined) continue;
      expect(judge.answer(method, path, answer.status, answer.body), `${method} ${path} ${answer.status}`).toEqual([]);
    }
  }
}

export { adminPassword };
