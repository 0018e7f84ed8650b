// The embedded directory keeps the contract; beside it, what SCIM addresses become in Graph's words.

import { expect, test } from 'vitest';
import { asDirectoryUser, embeddedDirectory } from '../../connector/directory/embedded.ts';
import { noStanding } from '../../connector/policy/roles.ts';
import { readUser } from '../../connector/scim/users.ts';
import { changePassword, hashing, isCurrentPassword } from '../../connector/store/credentials.ts';
import { coreGroup, createGroup } from '../../connector/store/groups.ts';
import { assignRole } from '../../connector/store/roles.ts';
import { coreUser, enterpriseUser } from '../../connector/store/user-resource.ts';
import { createUser } from '../../connector/store/users.ts';
import { uuidv7 } from '../../connector/store/uuid.ts';
import { people } from '../people.ts';
import { openStore, start, tenants } from '../scim/scim-server.ts';
import { directoryContract, type Subject } from './contract.ts';

const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
const stamp = { at: start, actor: 'operator' };

async function make(): Promise<Subject> {
  const sql = await openStore();
  let at = start;
  const queue = hashing({ concurrency: 2, waiting: 16 });
  const deps = { sql, hashing: queue, random, now: () => at };
  const directory = embeddedDirectory(deps, tenants[0]);
  for (const [number, person] of people.entries()) {
    const id = uuidv7(start, new Uint8Array(10).fill(number));
    await sql.run((tx) => createUser(tx, 'default', id, readUser(person), stamp));
  }
  return {
    directory,
    advance(milliseconds) {
      at += milliseconds;
    },
    signsIn: (id, password) => isCurrentPassword(deps, 'default', id, password),
    async choosePassword(id, password) {
      await changePassword(deps, 'default', id, { password, forceChange: false, changedBy: 'self' });
    },
    async sessions(id) {
      const row = await sql.get<{ n: number }>`select count(*) as n from oidc_model where account = ${id}`;
      return row?.n ?? 0;
    },
    signIn: (id) =>
      sql.run(function* (tx) {
        yield* tx.run`insert into oidc_model (tenant, kind, id, account, payload)
          values ('default', 'RefreshToken', ${`r-${id}`}, ${id}, '{}')`;
      }),
    async giveRole(id, role) {
      await sql.run((tx) => assignRole(tx, 'default', id, role, stamp));
    },
    close: () => sql.close(),
  };
}

directoryContract('embedded', make);

test('one organisation’s directory knows nobody of another’s', async () => {
  const sql = await openStore();
  const deps = { sql, hashing: hashing({ concurrency: 1, waiting: 1 }), random, now: () => start };
  const [contoso, fabrikam] = tenants.map((tenant) => embeddedDirectory(deps, tenant));
  await sql.run((tx) => createUser(tx, 'default', 'a', readUser({ schemas: [coreUser], userName: 'ada' }), stamp));
  expect(await contoso?.find('a')).toBeDefined();
  expect([await fabrikam?.find('a'), await fabrikam?.find('ada'), await fabrikam?.search('ada')]).toEqual([
    undefined,
    undefined,
    [],
  ]);
  const refused = await fabrikam?.setPassword(
    'a',
    { password: 'Kf7e-rB4m-t9Rz-5hWd', forceChangePasswordNextSignIn: true },
    'reset:1',
  );
  expect(refused).toMatchObject({ outcome: 'failed', problem: { code: 'targetUnknown' } });
  expect(await contoso?.lastPasswordChange('a')).toBeUndefined();
  await sql.close();
});

test('standing: roles of one’s own, through groups, over a unit; of nobody, none', async () => {
  const sql = await openStore();
  const directory = embeddedDirectory(
    { sql, hashing: hashing({ concurrency: 1, waiting: 1 }), random, now: () => start },
    tenants[0],
  );
  for (const id of ['a', 'b'])
    await sql.run((tx) => createUser(tx, 'default', id, readUser({ schemas: [coreUser], userName: id }), stamp));
  await sql.run((tx) => createGroup(tx, 'default', 'g', { schemas: [coreGroup], displayName: 'g' }, ['a'], stamp));
  await sql.run((tx) => assignRole(tx, 'default', 'g', 'r1', stamp));
  await sql.run((tx) => assignRole(tx, 'default', 'a', 'r2', stamp, 'u1'));
  expect(await directory.standingOf('a')).toEqual({
    ...noStanding,
    roles: ['r1'],
    scoped: [{ role: 'r2', unit: 'u1' }],
    roleAssignableGroup: true,
  });
  expect([await directory.standingOf('b'), await directory.standingOf('nobody')]).toEqual([noStanding, noStanding]);
  await sql.close();
});

test('a full hashing queue is failed and certain: nothing was changed', async () => {
  const sql = await openStore();
  const queue = hashing({ concurrency: 1, waiting: 0 });
  const directory = embeddedDirectory({ sql, hashing: queue, random, now: () => start }, tenants[0]);
  await sql.run((tx) => createUser(tx, 'default', 'a', readUser({ schemas: [coreUser], userName: 'ada' }), stamp));
  const held = Promise.withResolvers<void>();
  const holding = queue.turn(() => held.promise);
  const refused = await directory.setPassword(
    'a',
    { password: 'Kf7e-rB4m-t9Rz-5hWd', forceChangePasswordNextSignIn: true },
    'reset:1',
  );
  expect(refused).toMatchObject({ outcome: 'failed', problem: { code: 'unavailable' } });
  expect(await directory.lastPasswordChange('a')).toBeUndefined();
  held.resolve();
  await holding;
  await sql.close();
});

test('addresses: home is on file, everything else is the mailbox, and so is a home one that equals it', async () => {
  const seen = (given: object) => {
    const content = readUser({ schemas: [coreUser], userName: 'Ada@contoso.example', ...given });
    const { schemas, ...rest } = content;
    return asDirectoryUser({ id: 'a', version: 1, text: JSON.stringify({ schemas, id: 'a', ...rest, meta: {} }) });
  };
  expect(
    seen({
      emails: [
        { value: 'second@contoso.example', type: 'other' },
        { value: 'ada@CONTOSO.example', type: 'home' },
        { value: 'ada@mail.example', type: 'Home' },
        { value: 'ADA@mail.example', type: 'home', display: 'again' },
        { value: 'untyped@contoso.example' },
        { value: 'main@contoso.example', type: 'work', primary: true },
      ],
      locale: 'tr-TR',
      title: 'Countess',
      [enterpriseUser]: { department: 'Engines' },
    }),
  ).toEqual({
    id: 'a',
    userPrincipalName: 'Ada@contoso.example',
    userType: 'Member',
    displayName: 'Ada@contoso.example',
    mail: 'main@contoso.example',
    otherMails: ['ada@mail.example'],
    proxyAddresses: [
      'Ada@contoso.example',
      'second@contoso.example',
      'untyped@contoso.example',
      'main@contoso.example',
    ],
    accountEnabled: true,
    onPremisesSyncEnabled: false,
    preferredLanguage: 'tr-TR',
    jobTitle: 'Countess',
    department: 'Engines',
  });
  expect(seen({ emails: [{ value: 'ada@mail.example', type: 'home', primary: true }] })).not.toHaveProperty('mail');
});
