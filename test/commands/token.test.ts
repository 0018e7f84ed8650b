// `token create | list | revoke` as typed: what is printed, what opens, and a sentence for every mistake.

import { describe, expect, test } from 'vitest';
import { tokenCommand } from '../../connector/commands/token.ts';
import { verifyToken } from '../../connector/token.ts';
import { start } from '../scim/scim-server.ts';
import { commandLine } from './command-line.ts';

describe('token', () => {
  test('create prints the token alone on the last line; it opens; list does not show it; revoke ends it', async () => {
    await using line = await commandLine();
    const { sql, typed } = line;
    const made = await typed(tokenCommand, 'create', '--name', 'entra', '--scope', 'scim');
    expect([made.code, made.said]).toEqual([0, '']);
    expect(made.last).toMatch(/^rr_[0-9a-f]{16}_[\w-]{43}$/);
    const token = await verifyToken(sql, `Bearer ${made.last}`, start);
    expect(token).toMatchObject({ tenant: 'default', name: 'entra', expires: start + 365 * 86_400_000 });

    const listed = await typed(tokenCommand, 'list');
    expect(listed.printed).toHaveLength(1);
    expect(listed.last).toMatch(/entra +scim +2026-11-22 +until 2027-11-22 +used 2026-11-22T09:00Z/);
    expect(listed.last).not.toContain(made.last.slice(-43));

    expect((await typed(tokenCommand, 'revoke', '--id', token.id)).last).toBe(`Token ${token.id} is revoked.`);
    await expect(verifyToken(sql, `Bearer ${made.last}`, start)).rejects.toMatchObject({ code: 'unauthorized' });
    expect((await typed(tokenCommand, 'list')).last).toContain('revoked 2026-11-22');
  });

  test('for another organisation, for hours, for ever', async () => {
    await using line = await commandLine();
    const { sql, typed } = line;
    const other = await typed(
      tokenCommand,
      'create',
      '--name',
      'x',
      '--scope',
      'scim',
      '--tenant',
      'fabrikam',
      '--expires',
      '12h',
    );
    expect(await verifyToken(sql, `Bearer ${other.last}`, start)).toMatchObject({
      tenant: 'fabrikam',
      expires: start + 43_200_000,
    });
    const ever = await typed(tokenCommand, 'create', '--name', 'x', '--scope', 'scim', '--expires', 'never');
    expect(await verifyToken(sql, `Bearer ${ever.last}`, start)).not.toHaveProperty('expires');
    expect((await typed(tokenCommand, 'list', '--tenant', 'fabrikam')).printed).toHaveLength(1);
  });

  test('rotate makes a second token of the same client; both open until the overlap is over', async () => {
    await using line = await commandLine();
    const { sql, typed } = line;
    const old = await typed(tokenCommand, 'create', '--name', 'entra', '--scope', 'scim.read scim.password');
    const id = old.last.split('_')[1] as string;
    const next = await typed(tokenCommand, 'rotate', id, '--overlap', '2d');
    expect([next.code, next.said]).toEqual([0, '']);
    expect(next.printed.join('\n')).toContain('until 2026-11-24T09:00:00.000Z');
    const verified = (text: string, at: number) => verifyToken(sql, `Bearer ${text}`, at);
    const later = start + 2 * 86_400_000;
    const [a, b] = [await verified(old.last, later - 1), await verified(next.last, later - 1)];
    expect([a.client, a.scopes, a.name]).toEqual([b.client, b.scopes, b.name]);
    await expect(verified(old.last, later)).rejects.toMatchObject({ code: 'tokenExpired' });
    expect((await verified(next.last, later)).id).toBe(b.id);
    const listed = await typed(tokenCommand, 'list');
    expect(listed.printed).toHaveLength(2);
    const untils = listed.printed.map((one) => /until \S+/.exec(one)?.[0]);
    expect(untils.sort()).toEqual(['until 2026-11-24', 'until 2027-11-22']);

    const third = await typed(tokenCommand, 'rotate', b.id);
    expect([third.code, third.said]).toEqual([1, expect.stringContaining('two live tokens')]);
    await typed(tokenCommand, 'revoke', id);
    expect((await typed(tokenCommand, 'rotate', id)).said).toContain('is revoked 2026-11-22');
    expect((await typed(tokenCommand, 'rotate', b.id, '--expires', 'never')).code).toBe(0);
  });

  test('rotate never lengthens the life of the old one', async () => {
    await using line = await commandLine();
    const old = await line.typed(tokenCommand, 'create', '--name', 'x', '--scope', 'scim', '--expires', '1h');
    await line.typed(tokenCommand, 'rotate', old.last.split('_')[1] as string, '--overlap', '30d');
    await expect(verifyToken(line.sql, `Bearer ${old.last}`, start + 3_600_000)).rejects.toMatchObject({
      code: 'tokenExpired',
    });
  });

  test.each([
    [[], 2, 'create, list, rotate or revoke'],
    [['make'], 2, '“token make”'],
    [['create', '--scope', 'scim'], 2, '--name'],
    [['create', '--name', 'x'], 2, '--scope'],
    [['create', '--name', 'x', '--scope', 'root'], 2, 'scope “root”'],
    [['create', '--name', 'x', '--scope', 'scim', '--expires', 'soon'], 2, '--expires'],
    [['create', '--name', 'x', '--scope', 'scim', '--expires', '0d'], 2, '--expires'],
    [['create', '--name', 'x', '--scope', 'scim', '--colour', 'red'], 2, '--colour'],
    [['create', 'x', '--name', 'x', '--scope', 'scim'], 2, '“x”'],
    [['create', '--name', 'x', '--scope', 'scim', '--tenant', 'nobody'], 1, 'tenant “nobody”'],
    [['create', '--name', 'x', '--scope', ' , '], 2, 'no scope'],
    [['rotate'], 2, '--id'],
    [['rotate', 'x'], 1, 'no token x'],
    [['rotate', 'x', '--overlap', 'never'], 2, '--overlap'],
    [['revoke'], 2, '--id'],
    [['revoke', '--id', 'x'], 1, 'no token x'],
  ])('%j ends with %d', async (argv, code, sentence) => {
    await using line = await commandLine();
    const { typed } = line;
    const made = await typed(tokenCommand, ...argv);
    expect([made.code, made.printed]).toEqual([code, []]);
    expect(made.said).toContain(sentence);
    expect((await typed(tokenCommand, 'list')).printed).toEqual([]);
  });
});
