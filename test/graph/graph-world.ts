// A world with its Graph door: calls it as a person with scopes or as an app with roles, and has every request and answer
// that Microsoft's description knows judged by it.

import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { graphPermissionNames } from '../../connector/graph/permissions.ts';
import { roleTemplateId, type roleTemplates } from '../../connector/policy/roles.ts';
import { createClient } from '../../connector/store/clients.ts';
import { assignRole } from '../../connector/store/roles.ts';
import { makeWorld, type Name, origin, type World, type WorldOptions } from '../world.ts';
import { openApiJudge } from './openapi.ts';

/** Who calls: a person of the cast, or an app by its id. */
export type Who = Name | { readonly app: string };

export interface CallOptions {
  /** Permissions, parted by spaces; absent: all there are. */
  readonly scp?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it is. */
  readonly payload?: string;
  /** Not held against the description: it is wrong on purpose. */
  readonly wrong?: boolean;
}

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE' | 'PUT';

const judge = await openApiJudge();
if (!judge) console.warn('shared/data is not there: answers are not held against the OpenAPI description');

/** Their elements are of derived types, each with more than the type that the description names. */
const derived = /\/authentication\/methods(\?|$)/;
const pathOfType: Readonly<Record<string, string>> = {
  '#microsoft.graph.passwordAuthenticationMethod': 'passwordMethods',
  '#microsoft.graph.temporaryAccessPassAuthenticationMethod': 'temporaryAccessPassMethods',
};

// biome-ignore lint/suspicious/noExplicitAny: it is judged here
function complaintsOfMethods(path: string, answer: any): string[] | undefined {
  if (!Array.isArray(answer?.value)) return undefined;
  const { value, ...rest } = answer;
  // biome-ignore lint/suspicious/noExplicitAny: it is judged here
  const each = value.flatMap((one: any) => {
    const its = pathOfType[one['@odata.type']] ?? 'of an unknown type';
    return judge?.answer('GET', `/users/x/authentication/${its}/${one.id}`, 200, one) ?? [];
  });
  return [...(judge?.answer('GET', path, 200, { ...rest, value: [] }) ?? []), ...each];
}

export interface GraphAnswer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: what a test then looks at is what it says of it
  readonly body: any;
  readonly headers: Readonly<Record<string, string | number | string[] | undefined>>;
}

export type GraphWorld = Awaited<ReturnType<typeof graphWorld>>;

/** Makes a world; `call` calls its Graph door. */
export async function graphWorld(options: WorldOptions = {}) {
  const world: World = await makeWorld(options);

  async function bearer(who: Who, scp?: string): Promise<string> {
    if (typeof who === 'string') {
      const scopes = scp ?? graphPermissionNames('delegated').join(' ');
      return world.token(who, { aud: origin, scp: scopes, azp: 'some-script' });
    }
    const roles = (scp ?? graphPermissionNames('application').join(' ')).split(' ');
    const claims = { aud: origin, scp: undefined, roles, oid: who.app, sub: who.app, azp: who.app };
    return world.token('globalAdmin', { ...claims, name: undefined, preferred_username: undefined });
  }

  async function call(
    who: Who,
    method: Method,
    url: string,
    body?: unknown,
    more: CallOptions = {},
  ): Promise<GraphAnswer> {
    const path = `/v1.0${url}`;
    const payload = more.payload ?? (body === undefined ? undefined : JSON.stringify(body));
    const response = await world.app.inject({
      method,
      url: path,
      headers: {
        authorization: `Bearer ${await bearer(who, more.scp)}`,
        ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
        ...more.headers,
      },
      ...(payload === undefined ? {} : { payload }),
    });
    const type = String(response.headers['content-type'] ?? '');
    const text = response.payload;
    const answer = text === '' ? undefined : type.startsWith('application/json') ? JSON.parse(text) : text;
    if (judge?.knows(method, path)) {
      if (!more.wrong && payload !== undefined && more.payload === undefined) {
        expect(judge.request(method, path, body), `request of ${method} ${path}`).toEqual([]);
      }
      const complaints = derived.test(path) ? complaintsOfMethods(path, answer) : undefined;
      const found = complaints ?? judge.answer(method, path, response.statusCode, answer);
      expect(found, `answer of ${method} ${path}: ${text}`).toEqual([]);
    }
    return { status: response.statusCode, body: answer, headers: response.headers };
  }

  /** A registered app, with a directory role where it is given one. */
  async function newApp(role?: keyof typeof roleTemplates): Promise<{ app: string }> {
    const id = randomUUID();
    const by = { at: world.now(), actor: 'operator' };
    await world.sql.run((tx) =>
      createClient(tx, { tenant: 'default', id, name: 'script', scopes: [], tokenMinutes: 60 }, by),
    );
    if (role) await world.sql.run((tx) => assignRole(tx, 'default', id, roleTemplateId(role) as string, by));
    return { app: id };
  }

  return { ...world, call, newApp, bearer, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() };
}

/** The error of an answer, without what differs each time. */
export function errorOf({ status, body }: GraphAnswer) {
  return [status, body?.error?.code, body?.error?.message];
}
