// The reading half of the Graph door on a port of its own, over a database in memory, with tokens for whoever is needed.
// Every answer is held against Microsoft's description where that is at hand.

import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { createLocalJWKSet, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { expect } from 'vitest';
import { canonicalAddress } from '../../connector/graph/address.ts';
import { graphDoor } from '../../connector/graph/door.ts';
import { usersRead } from '../../connector/graph/users-read.ts';
import { createApp } from '../../connector/http/app.ts';
import { logger } from '../../connector/log.ts';
import { readUser } from '../../connector/scim/users.ts';
import { keyring } from '../../connector/secret.ts';
import { hashing, setPassword } from '../../connector/store/credentials.ts';
import { coreUser, type UserContent } from '../../connector/store/user-resource.ts';
import { createUser, deleteUser, updateUser } from '../../connector/store/users.ts';
import { uuidv7 } from '../../connector/store/uuid.ts';
import { tenants as tenantsOf } from '../../connector/tenant.ts';
import { openStore, start, tenants } from '../scim/scim-server.ts';
import { openApiJudge } from './openapi.ts';

export const publicUrl = 'https://connector.example';
export const base = `${publicUrl}/v1.0`;

const { privateKey, publicKey } = await generateKeyPair('RS256');
const jwk: JWK = { ...(await exportJWK(publicKey)), kid: 'k', alg: 'RS256' };
export const judge = await openApiJudge();

/** Who asks: with these permissions, a person when there is an `oid` and no `app`. */
export interface As {
  readonly scopes?: readonly string[];
  readonly app?: true;
  readonly oid?: string;
  readonly tenant?: 0 | 1;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: an answer is what the test looks into
  readonly body: any;
}

export const advanced = { ConsistencyLevel: 'eventual' };

export async function reading() {
  const sql = await openStore();
  const clock = { at: start };
  const stamp = () => ({ at: clock.at, actor: 'operator' });
  const unused = () => {
    throw new Error('Reading needs none of this.');
  };
  const app = await createApp({
    log: logger('warn'),
    trustedProxies: [],
    ready: async () => true,
    readUrl: { '/v1.0': canonicalAddress },
    doors: {
      '/v1.0': graphDoor(
        {
          ...{ sql, publicUrl, random: randomBytes, log: logger('warn'), tenants: tenantsOf(sql) },
          now: () => clock.at,
          keysOf: () => createLocalJWKSet({ keys: [jwk] }),
          keyring: keyring([randomBytes(32)]),
          hashing: hashing({ concurrency: 1, waiting: 1 }),
          directory: unused,
          mailOf: unused,
        },
        [usersRead],
      ),
    },
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const origin = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  let made = 0;
  const ids = (number: number) => uuidv7(start, Buffer.alloc(10, number));

  async function add(person: Partial<UserContent> & { userName: string }, tenant = 'default'): Promise<string> {
    const id = ids(++made);
    const content = readUser({ schemas: [coreUser], ...person });
    await sql.run((tx) => createUser(tx, tenant, id, content, stamp()));
    return id;
  }

  /** Somebody who asks, and is nobody's subject: the last of all ids. */
  const caller = 'ffffffff-ffff-4fff-8fff-ffffffffffff';
  const [contoso, fabrikam] = tenants;
  for (const { id } of tenants) {
    await sql.run((tx) =>
      createUser(tx, id, caller, readUser({ schemas: [coreUser], userName: 'zz-caller' }), stamp()),
    );
  }
  const app1 = 'c1c1c1c1-c1c1-4c1c-8c1c-c1c1c1c1c1c1';
  await sql.run(function* (tx) {
    yield* tx.run`insert into client (tenant, id, name, scope, token_minutes, created)
      values ('default', ${app1}, 'script', '', 60, ${start})`;
  });

  async function token({ scopes = ['User.Read.All'], app: alone, oid = caller, tenant = 0 }: As): Promise<string> {
    const { tid, issuer } = tenant === 0 ? contoso : fabrikam;
    const permissions = alone ? { roles: scopes } : { scp: scopes.join(' ') };
    return new SignJWT({ tid, oid: alone ? app1 : oid, ver: '2.0', ...permissions })
      .setProtectedHeader({ alg: 'RS256', kid: 'k' })
      .setIssuer(issuer)
      .setAudience(publicUrl)
      .setIssuedAt(clock.at / 1000)
      .setExpirationTime(clock.at / 1000 + 3600)
      .sign(privateKey);
  }

  /** GET; a path, or a link that was given out. */
  async function get(path: string, as: As = {}): Promise<Answer> {
    const url = path.startsWith(base) ? path.replace(publicUrl, origin) : `${origin}/v1.0${path}`;
    const answer = await fetch(url, { headers: { authorization: `Bearer ${await token(as)}`, ...as.headers } });
    const text = await answer.text();
    const json = /json/.test(answer.headers.get('content-type') ?? '');
    const body = json ? JSON.parse(text) : text;
    const asked = path.startsWith(base) ? path.slice(base.length) : path;
    expect(judge?.answer('GET', asked, answer.status, body) ?? []).toEqual([]);
    return { status: answer.status, headers: answer.headers, text, body };
  }

  return {
    ...{ sql, clock, add, get, caller, ids },
    /** `list("$filter=…")`: the userPrincipalNames in the answer. */
    async names(query: string, as: As = {}): Promise<string[]> {
      const { status, body } = await get(`/users?$select=userPrincipalName&${query}`, as);
      if (status !== 200) throw new Error(`${status} ${body.error.message}`);
      return body.value.map((user: { userPrincipalName: string }) => user.userPrincipalName);
    },
    /** Status, code and message of a refusal. */
    async refusal(path: string, as: As = {}): Promise<[number, string, string]> {
      const { status, body } = await get(path, as);
      return [status, body.error?.code, body.error?.message];
    },
    change: (id: string, change: (content: UserContent) => UserContent) =>
      sql.run((tx) => updateUser(tx, 'default', id, change, stamp())),
    remove: (id: string) => sql.run((tx) => deleteUser(tx, 'default', id, stamp())),
    password: (userId: string) =>
      sql.run((tx) =>
        setPassword(tx, {
          ...{ tenant: 'default', userId, hash: 'x', forceChange: false, changedBy: 'self', at: clock.at },
        }),
      ),
    async [Symbol.asyncDispose]() {
      await app.close();
      await sql.close();
    },
  };
}

export type Reading = Awaited<ReturnType<typeof reading>>;
