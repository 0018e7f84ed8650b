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
