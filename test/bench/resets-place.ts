// What resets are measured on: an installation with people who have a password, administrators with real tokens, and,
// for the queue, resets that were begun while nobody served.

import { randomFillSync } from 'node:crypto';
import { readFileSync, statfsSync } from 'node:fs';
import { importJWK, SignJWT } from 'jose';
import type { ResetRequest } from '#shared/api.ts';
import { createLink, linkUrl } from '#shared/link.ts';
import { readConfig } from '../../connector/config.ts';
import { type Connector, makeConnector } from '../../connector/connector.ts';
import type { Caller } from '../../connector/http/auth.ts';
import { nodeCryptography } from '../../connector/link-cryptography.ts';
import { logger } from '../../connector/log.ts';
import { resetMail } from '../../connector/mail/reset-mail.ts';
import { roleTemplates } from '../../connector/policy/roles.ts';
import { beginReset } from '../../connector/resets/desk.ts';
import { addressIds } from '../../connector/resets/start.ts';
import { watchers } from '../../connector/resets/watchers.ts';
import { Secret } from '../../connector/secret.ts';
import { readKeys } from '../../connector/signin/keys.ts';
import type { Tx, Work } from '../../connector/sql/sql.ts';
import { argon2id, setPassword } from '../../connector/store/credentials.ts';
import { assignRole } from '../../connector/store/roles.ts';
import { createUser } from '../../connector/store/users.ts';
import { uuidv7 } from '../../connector/store/uuid.ts';

const random = (bytes: number) => randomFillSync(new Uint8Array(bytes));
const now = Date.now;

/** A person and the request that resets them, to the address on file. */
export interface Somebody {
  readonly id: string;
  readonly request: ResetRequest;
}

export interface Place {
  readonly people: readonly Somebody[];
  /** Bearer tokens, one per administrator. */
  readonly tokens: readonly string[];
}

/** On which file system a folder lies. */
export function diskOf(folder: string): string {
  const names: Record<number, string> = { 61267: 'ext4', 16914836: 'tmpfs', 2435016766: 'btrfs', 1481003842: 'xfs' };
  const { type } = statfsSync(folder);
  return names[type] ?? `type 0x${type.toString(16)}`;
}

/** The load averages of the last minute and of the last five. */
export const loadOf = () => readFileSync('/proc/loadavg', 'utf8').split(' ').slice(0, 2).join(', ');

/**
 * Fills an installation through the store, while nobody serves it.
 * @param queued so many of the people, the last ones, have a reset begun at the desk
 */
export async function furnish(
  env: Readonly<Record<string, string>>,
  { people, administrators, queued }: { people: number; administrators: number; queued: number },
): Promise<Place> {
  const { config, lines } = readConfig(env, () => '');
  if (!config) throw new Error(lines.flatMap(({ problem }) => problem ?? []).join('\n'));
  const log = logger('warn');
  const connector = await makeConnector(config, { now, random, env: {}, log });
  try {
    const hash = await argon2id.hash('The one from before 1');
    const made = await manyAtOnce(people, (nth) => onePerson(connector, nth, hash));
    const callers = await manyAtOnce(administrators, (nth) => oneAdministrator(connector, nth));
    await queue(connector, callers, queued > 0 ? made.slice(-queued) : [], connector.state.publicUrl);
    return { people: made, tokens: callers.map(({ token }) => token) };
  } finally {
    await connector.close();
  }
}

/** In tens at a time: they share commits, and no more lies in memory than that. */
async function manyAtOnce<T>(count: number, make: (nth: number) => Promise<T>): Promise<T[]> {
  const made: T[] = [];
  for (let from = 0; from < count; from += 50) {
    const some = Array.from({ length: Math.min(50, count - from) }, (_, at) => make(from + at));
    made.push(...(await Promise.all(some)));
  }
  return made;
}

function content(local: string, displayName: string) {
  const userName = `${local}@contoso.example`;
  const emails = [
    { value: userName, type: 'work', primary: true },
    { value: `${local}@mail.example`, type: 'home' },
  ];
  return { schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'], userName, displayName, active: true, emails };
}

async function onePerson({ state, key }: Connector, nth: number, hash: string): Promise<Somebody> {
  const id = uuidv7(now(), random(10));
  const at = now();
  await state.sql.run(function* saved(tx): Work<void> {
    yield* createUser(tx, 'default', id, content(`person.${nth}`, `Person Number ${nth}`), { at, actor: 'operator' });
    const changedBy = 'sync' as const;
    yield* setPassword(tx, { tenant: 'default', userId: id, hash, forceChange: false, changedBy, at });
  });
  const [onFile = ''] = addressIds(key.keyring, 'default', id, `person.${nth}@mail.example`);
  const ordinary = { mode: 'link', forceChangePasswordNextSignIn: true, locale: 'en' } as const;
  return { id, request: { user: id, recipient: { onFile }, ...ordinary } };
}

async function oneAdministrator(connector: Connector, nth: number) {
  const { sql, tenants } = connector.state;
  const id = uuidv7(now(), random(10));
  const by = { at: now(), actor: 'operator' };
  function* saved(tx: Tx): Work<void> {
    yield* createUser(tx, 'default', id, content(`administrator.${nth}`, `Administrator Number ${nth}`), by);
    yield* assignRole(tx, 'default', id, roleTemplates['Password Administrator'], by);
  }
  await sql.run((tx) => saved(tx));
  const tenant = await tenants.byId('default');
  const { signing } = await readKeys({ sql, keyring: connector.key.keyring, now, random }, 'default');
  const [jwk] = signing;
  if (!tenant || !jwk) throw new Error('There is no tenant, or it has no key.');
  const seconds = Math.floor(now() / 1000);
  const expires = seconds + 6 * 3600;
  const token = await new SignJWT({
    ...{ iss: tenant.issuer, aud: tenant.clientId, tid: tenant.tid, oid: id, sub: id, ver: '2.0' },
    ...{ azp: 'reset-and-resend-extension', scp: 'Passwords.Reset', name: `Administrator Number ${nth}` },
    ...{ iat: seconds, nbf: seconds, exp: expires },
  })
    .setProtectedHeader({ alg: 'RS256', kid: jwk.kid as string })
    .sign(await importJWK(jwk, 'RS256'));
  const { userName: userPrincipalName, displayName: name } = content(
    `administrator.${nth}`,
    `Administrator Number ${nth}`,
  );
  const caller: Caller = {
    ...{
      tenant,
      id,
      name,
      userPrincipalName,
      azp: 'reset-and-resend-extension',
      scopes: ['Passwords.Reset'],
      wids: [],
    },
    ...{ expiresAt: expires * 1000, token: new Secret(token) },
  };
  return { token, caller };
}

type Administrator = Awaited<ReturnType<typeof oneAdministrator>>;

/** Begins resets at the real desk. Nothing walks: their jobs wait for whoever serves next. */
async function queue(
  { state, key }: Connector,
  callers: readonly Administrator[],
  people: readonly Somebody[],
  linkHost: string,
): Promise<void> {
  const deps = {
    ...{ sql: state.sql, directoryOf: state.directoryOf, keyring: key.keyring, random, now, linkHost },
    cryptography: nodeCryptography(),
    watchers: watchers(),
    worker: () => ({ wake() {}, async stop() {} }),
  };
  await manyAtOnce(people.length, (nth) => {
    const { id, request } = people[nth] as Somebody;
    const { caller } = callers[nth % callers.length] as Administrator;
    return beginReset(deps, caller, `queued-${id}`, request);
  });
}

/** A mail as such a reset sends it. */
export async function ordinaryLetter(): Promise<Uint8Array> {
  const link = createLink(random);
  const from = 'helpdesk@contoso.example';
  const { bytes } = await resetMail({
    organisation: 'Contoso',
    person: { displayName: 'Person Number 1000', userPrincipalName: 'person.1000@contoso.example' },
    link: linkUrl('http://127.0.0.1:8787', { ...link, locale: 'en', pin: false, credential: 'password' }),
    code: await nodeCryptography().codeOf({ key: link.key, pin: false, credential: 'password' }),
    pin: false,
    locale: 'en',
    ...{ date: now(), expiresAt: now() + 24 * 3600_000, messageId: '<limit@contoso.example>' },
    ...{ from, to: 'person.1000@mail.example' },
  });
  return bytes;
}
