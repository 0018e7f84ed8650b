// The sample organisation, brought in through the product's own doors: those who sign in by `user create`, the sync
// token by `token create`, everybody else by SCIM. Passwords are random, and kept for this account alone.

import { readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cast, people, roles, type SampleUser } from '../people.ts';
import { Trouble } from '../set-up/trouble.mjs';
import { writeAside } from './certificate.ts';
import { type ConnectorProcess, databaseOf } from './connector.ts';

/** What was made, as it is kept in organisation.json. */
export interface Organisation {
  /** For /scim/v2. */
  readonly token: string;
  /** Object ids by user name. */
  readonly ids: Readonly<Record<string, string>>;
  /** Passwords by user name, of those who have one; the tour adds the one that it chose. */
  readonly passwords: Readonly<Record<string, string>>;
}

/** Those who can sign in from the start: two who may reset, and one who may not. */
const signingIn: readonly SampleUser[] = [cast.globalAdmin, cast.passwordAdmin, cast.noRole];

const fileOf = (folder: string) => join(folder, 'organisation.json');

/** Keeps it, whole or not at all. */
export async function saveOrganisation(folder: string, organisation: Organisation): Promise<void> {
  await writeAside(fileOf(folder), `${JSON.stringify(organisation, null, 2)}\n`, 0o600);
}

/**
 * Starts the connector's doors with the sample organisation in it; an organisation that an interrupted start left
 * half-loaded is thrown away with its database and loaded anew.
 * @param say one line when there is something to wait for
 */
export async function openOrganisation(
  connector: ConnectorProcess,
  folder: string,
  say: (line: string) => void,
  signal?: AbortSignal,
): Promise<Organisation> {
  const kept = await readFile(fileOf(folder), 'utf8').catch(() => undefined);
  const database = await readFile(databaseOf(folder)).then(
    () => true,
    () => false,
  );
  if (kept && database) {
    await connector.serve(signal);
    return JSON.parse(kept) as Organisation;
  }
  await rm(fileOf(folder), { force: true });
  await rm(dirname(databaseOf(folder)), { recursive: true, force: true });
  say('Loading the sample organisation …');

  const passwords: Record<string, string> = {};
  for (const user of signingIn) {
    const held = roles.filter((entry) => entry.user === user).flatMap(({ role }) => ['--role', role]);
    const name = ['--user-name', user.userName, '--display-name', user.displayName];
    // A practice password is printed at every start, so it need not be changed at the first sign-in.
    passwords[user.userName] = lastLine(
      await connector.command('user', 'create', ...name, ...held, '--no-force-change'),
    );
    signal?.throwIfAborted();
  }
  const token = lastLine(await connector.command('token', 'create', '--name', 'practice', '--scope', 'scim'));
  await connector.serve(signal);

  const ids: Record<string, string> = {};
  for (const user of people) {
    ids[user.userName] = await provision(connector.url, token, user, user.userName in passwords);
    signal?.throwIfAborted();
  }
  const organisation = { token, ids, passwords };
  await saveOrganisation(folder, organisation);
  return organisation;
}

function lastLine(output: string): string {
  return output.trimEnd().split('\n').at(-1) ?? '';
}

/** Brings in one person, as an identity provider would (RFC 7644 §3.3, §3.4.2, §3.5.2); the object id. */
async function provision(url: string, token: string, user: SampleUser, exists: boolean): Promise<string> {
  if (!exists) return (await scim(url, token, 'POST', '/Users', user)).id as string;
  const filter = encodeURIComponent(`userName eq ${JSON.stringify(user.userName)}`);
  const found = (await scim(url, token, 'GET', `/Users?filter=${filter}`)).Resources as { id: string }[];
  const id = found[0]?.id ?? '';
  const { schemas: _schemas, userName: _userName, ...value } = user;
  await scim(url, token, 'PATCH', `/Users/${id}`, {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
    Operations: [{ op: 'replace', value }],
  });
  return id;
}

async function scim(url: string, token: string, method: string, path: string, body?: object) {
  const answer = await fetch(`${url}/scim/v2${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Trouble(`${method} /scim/v2${path} answered ${answer.status}:`, text);
  return JSON.parse(text || '{}') as Record<string, unknown>;
}
