// `user create | list | role` as typed: what is printed, what is stored, and a sentence for every mistake.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { clientCommand } from '../../connector/commands/client.ts';
import { tokenCommand } from '../../connector/commands/token.ts';
import { userCommand } from '../../connector/commands/user.ts';
import { roleTemplates } from '../../connector/policy/roles.ts';
import { readUser } from '../../connector/scim/users.ts';
import { isCurrentPassword, readCredential } from '../../connector/store/credentials.ts';
import { coreGroup, createGroup } from '../../connector/store/groups.ts';
import { rolesOf } from '../../connector/store/roles.ts';
import { coreUser } from '../../connector/store/user-resource.ts';
import { contentOf, createUser, userByName } from '../../connector/store/users.ts';
import { start } from '../scim/scim-server.ts';
import { commandLine } from './command-line.ts';

describe('user', () => {
  const ada = ['--user-name', 'ada@contoso.example', '--display-name', 'Ada Lovelace'];

  test('create: the first administrator, with a password alone on the last line that must be changed', async () => {
    await using line = await commandLine();
    const { sql, deps, typed } = line;
    const made = await typed(userCommand, 'create', ...ada, '--given-name', 'Ada', '--role', 'Global Administrator');
    expect([made.code, made.said]).toEqual([0, '']);
    expect(made.last).toMatch(/^[\w]{4}(-\w{4}){3}$/);
    const user = await userByName(sql, 'default', 'ADA@contoso.example');
    const id = user?.id ?? '';
    expect(user && contentOf(user)).toMatchObject({
      displayName: 'Ada Lovelace',
      name: { givenName: 'Ada' },
      active: true,
    });
    expect(await rolesOf(sql, 'default', id)).toEqual([roleTemplates['Global Administrator']]);
    expect(await isCurrentPassword(deps, 'default', id, made.last)).toBe(true);
    const credential = await sql.run((tx) => readCredential(tx, 'default', id));
    expect(credential).toMatchObject({ forceChange: true, changedBy: 'operator' });
    const audit = await sql.all<{ action: string; actor: string }>`select action, actor from audit order by seq`;
    expect(audit.map(({ action, actor }) => `${actor} ${action}`)).toEqual([
      'operator user.created',
      'operator password.changed',
      'operator role.assigned',
    ]);
    expect(JSON.stringify(await sql.all`select * from audit`)).not.toContain(made.last);
  });

  test('a password from a file is not printed; the policy applies to it', async () => {
    await using line = await commandLine();
    const { sql, deps, typed } = line;
    const folder = mkdtempSync(join(tmpdir(), 'rr-user-'));
    try {
      const file = join(folder, 'password');
      writeFileSync(file, 'lovelace\n');
      const weak = await typed(userCommand, 'create', ...ada, '--password-file', file);
      expect([weak.code, weak.printed]).toEqual([1, []]);
      expect(weak.said).toMatch(/three of these|name/);
      expect(await userByName(sql, 'default', 'ada@contoso.example')).toBeUndefined();
      writeFileSync(file, 'Kf7e-rB4m-t9Rz-5hWd\r\nmore\n');
      const made = await typed(userCommand, 'create', ...ada, '--password-file', file, '--no-force-change');
      expect([made.code, made.printed.join('').includes('Kf7e')]).toEqual([0, false]);
      const id = (await userByName(sql, 'default', 'ada@contoso.example'))?.id ?? '';
      expect(await isCurrentPassword(deps, 'default', id, 'Kf7e-rB4m-t9Rz-5hWd')).toBe(true);
      expect(await sql.run((tx) => readCredential(tx, 'default', id))).toMatchObject({ forceChange: false });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('list and role', async () => {
    await using line = await commandLine();
    const { typed } = line;
    await typed(userCommand, 'create', ...ada);
    const role = (verb: string) =>
      typed(userCommand, 'role', verb, '--user-name', 'ADA@contoso.example', '--role', 'password administrator');
    expect((await role('add')).last).toBe('ada@contoso.example holds Password Administrator now.');
    expect((await role('add')).last).toBe('ada@contoso.example holds Password Administrator already.');
    const listed = await typed(userCommand, 'list');
    expect(listed.printed).toHaveLength(1);
    expect(listed.last).toMatch(/ada@contoso\.example +Ada Lovelace +active +Password Administrator$/);
    expect((await role('remove')).last).toBe('ada@contoso.example does not hold Password Administrator now.');
    expect((await typed(userCommand, 'list', '--tenant', 'fabrikam')).said).toContain('no people yet');
  });

  test('role --group: everybody in it holds the role, by its name or id; a name that two have is not enough', async () => {
    await using line = await commandLine();
    const { sql, typed } = line;
    await typed(userCommand, 'create', ...ada);
    const id = (await userByName(sql, 'default', 'ada@contoso.example'))?.id ?? '';
    const by = { at: start, actor: 'operator' };
    const group = (groupId: string, displayName: string, ...members: string[]) =>
      sql.run((tx) => createGroup(tx, 'default', groupId, { schemas: [coreGroup], displayName }, members, by));
    await group('g-1', 'Service desk', id);
    const role = (verb: string, ...who: string[]) =>
      typed(userCommand, 'role', verb, ...who, '--role', 'Helpdesk Administrator');
    expect((await role('add', '--group', 'service DESK')).last).toBe('Service desk holds Helpdesk Administrator now.');
    expect((await role('add', '--group', 'g-1')).last).toBe('Service desk holds Helpdesk Administrator already.');
    expect((await typed(userCommand, 'list')).last).toMatch(/active +Helpdesk Administrator$/);
    const person = await role('remove', '--user-name', 'ada@contoso.example');
    expect(person.last).toBe('ada@contoso.example still holds Helpdesk Administrator, through a group.');
    await group('g-2', 'Service Desk');
    const unclear = await role('remove', '--group', 'Service desk');
    expect([unclear.code, unclear.said]).toEqual([
      1,
      'Contoso has several groups called “Service desk”; name one by its id: g-1, g-2.',
    ]);
    expect((await role('remove', '--group', 'g-1')).last).toBe(
      'Service desk does not hold Helpdesk Administrator now.',
    );
    expect(await rolesOf(sql, 'default', id)).toEqual([]);
  });

  test('list walks every page', async () => {
    await using line = await commandLine();
    const { sql, typed } = line;
    await sql.run(function* (tx) {
      for (let number = 0; number < 1001; number++) {
        const content = readUser({ schemas: [coreUser], userName: `u${number}` });
        yield* createUser(tx, 'default', `id-${number}`, content, { at: start, actor: 'operator' });
      }
    });
    expect((await typed(userCommand, 'list')).printed).toHaveLength(1001);
  });

  test('a name that is taken: a sentence, and nothing half done', async () => {
    await using line = await commandLine();
    const { sql, typed } = line;
    await typed(userCommand, 'create', ...ada);
    const again = await typed(
      userCommand,
      'create',
      '--user-name',
      'ADA@CONTOSO.EXAMPLE',
      '--role',
      'Global Administrator',
    );
    expect([again.code, again.printed]).toEqual([1, []]);
    expect(again.said).toBe('Contoso already has somebody with the user name “ADA@CONTOSO.EXAMPLE”.');
    expect(await sql.all`select * from role_assignment`).toEqual([]);
  });

  test.each([
    [[], 2, 'create, list or role'],
    [['create'], 2, '--user-name'],
    [['create', '--user-name', ' '], 2, '--user-name'],
    [['create', '--user-name', 'a\nb'], 1, 'userName'],
    [['create', '--user-name', 'ada', '--role', 'Root'], 2, 'role “Root”'],
    [['create', '--user-name', 'ada', '--tenant', 'nobody'], 1, 'tenant “nobody”'],
    [['create', '--user-name', 'ada', '--password-file', '/nowhere/at/all'], 1, 'password file'],
    [['create', '--user-name', 'ada', '--password', 'x'], 2, '--password'],
    [['role', 'give'], 2, 'add or remove'],
    [['role', 'add', '--user-name', 'nobody', '--role', 'Global Administrator'], 1, 'nobody with the user name'],
    [['role', 'add', '--group', 'nothing', '--role', 'Global Administrator'], 1, 'no group called “nothing”'],
    [
      ['role', 'add', '--group', 'g', '--user-name', 'u', '--role', 'Global Administrator'],
      2,
      '--user-name or --group',
    ],
    [['role', 'add', '--role', 'Global Administrator'], 2, '--user-name'],
  ])('%j ends with %d', async (argv, code, sentence) => {
    await using line = await commandLine();
    const { sql, typed } = line;
    const made = await typed(userCommand, ...argv);
    expect([made.code, made.printed]).toEqual([code, []]);
    expect(made.said).toContain(sentence);
    expect(await sql.all`select id from app_user`).toEqual([]);
  });

  test('without a database there is the manual', async () => {
    const lines: string[] = [];
    const out = { print: (line: string) => void lines.push(line), say: () => undefined };
    expect([await userCommand([], undefined, out), await tokenCommand([], undefined, out)]).toEqual([0, 0]);
    expect(lines.join('\n')).toMatch(/user create --user-name[\s\S]*token create --name/);
  });

  test('nobody is made, and no role given, where people and roles are in Entra', async () => {
    await using line = await commandLine();
    const { sql, typed } = line;
    await typed(userCommand, 'create', ...ada);
    await sql.run(function* (tx) {
      yield* tx.run`update tenant set directory = ${'graph://11111111-2222-4333-8444-555555555555'}`;
    });
    for (const words of [
      ['create', '--user-name', 'grace@contoso.example'],
      ['role', 'add', '--user-name', 'ada@contoso.example', '--role', 'Global Administrator'],
    ]) {
      const answer = await typed(userCommand, ...words);
      expect([answer.code, answer.printed]).toEqual([1, []]);
      expect(answer.said).toMatch(/^People and roles of .* are in Microsoft Entra \(RR_DIRECTORY=graph:/);
    }
    for (const words of [
      ['create', '--name', 'script', '--graph', 'User.Read.All'],
      ['create', '--name', 'script', '--delegated', 'User.Read'],
      ['create', '--name', 'script', '--api'],
    ]) {
      const answer = await typed(clientCommand, ...words);
      expect([answer.code, answer.printed]).toEqual([1, []]);
      expect(answer.said).toMatch(/^Apps and their permissions of .* are in Microsoft Entra/);
    }
    expect(await sql.all`select id from client where id <> ''`).toEqual([]);
    // Directory sync goes on: its roster is here.
    expect((await typed(clientCommand, 'create', '--name', 'sync', '--scope', 'scim')).code).toBe(0);
  });
});
