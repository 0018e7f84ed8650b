// Who may reset whom: Microsoft's matrix, row by row where its data lies beside the project, and the rules around it.

import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { mayReset, noStanding, roleName, roleTemplateId, roleTemplates } from '../../connector/policy/roles.ts';

const global = roleTemplates['Global Administrator'];
const password = roleTemplates['Password Administrator'];
const readers = roleTemplates['Directory Readers'];
const everyMember = 'b79fbf4d-3ef9-4689-8143-76b194e85509';
const unknown = '00000000-0000-4000-8000-000000000000';
const other = { self: false };

const decide = (caller: string[], target: string[], how: { self: boolean }) =>
  mayReset({ ...noStanding, roles: caller }, { ...noStanding, roles: target }, how);

describe('mayReset', () => {
  test('a Global Administrator resets anybody else', () => {
    for (const target of [[], [password], [global], [unknown], [global, unknown]]) {
      expect(decide([global], target, other)).toEqual({ allowed: true, by: 'Global Administrator' });
    }
  });

  test('a Password Administrator resets people, other Password Administrators, Directory Readers and Guest Inviters', () => {
    for (const target of [
      [],
      [password],
      [readers],
      [roleTemplates['Guest Inviter']],
      [everyMember],
      [password, readers],
    ]) {
      expect(decide([password], target, other)).toEqual({ allowed: true, by: 'Password Administrator' });
    }
  });

  test('and nobody who holds any other role as well', () => {
    for (const target of [[global], [unknown], [password, global], [readers, unknown], ['not even an id']]) {
      expect(decide([password], target, other)).toEqual({ allowed: false, code: 'targetPrivileged' });
    }
  });

  test('nobody resets themselves, and without one of the two roles nobody resets at all', () => {
    expect(decide([global], [global], { self: true })).toEqual({ allowed: false, code: 'targetSelf' });
    expect(decide([], [], { self: true })).toEqual({ allowed: false, code: 'targetSelf' });
    for (const caller of [[], [readers], [unknown], [everyMember]]) {
      expect(decide(caller, [], other)).toEqual({ allowed: false, code: 'roleMissing' });
    }
  });

  test('the least privileged role that suffices is the one on record', () => {
    expect(decide([global, password], [], other)).toEqual({ allowed: true, by: 'Password Administrator' });
    expect(decide([password, global], [global], other)).toEqual({ allowed: true, by: 'Global Administrator' });
  });

  test('ids are compared whatever their case', () => {
    expect(decide([global.toUpperCase()], [password.toUpperCase()], other).allowed).toBe(true);
  });
});

const vectors = new URL('../../../shared/data/who-can-reset.vectors.json', import.meta.url);

test.skipIf(!existsSync(vectors))('Microsoft’s matrix for the two roles that act here', () => {
  const rows = JSON.parse(readFileSync(vectors, 'utf8')) as { actor: string; target: string; allowed: boolean }[];
  const ours = rows.filter(({ actor }) => actor === global || actor === password);
  expect(ours.length).toBeGreaterThan(20);
  for (const { actor, target, allowed } of ours) {
    const targetRoles = target === 'none' ? [] : [target];
    expect([actor, target, decide([actor], targetRoles, other).allowed]).toEqual([actor, target, allowed]);
  }
});

test('names and ids', () => {
  expect(roleTemplateId(' global administrator ')).toBe(global);
  expect(roleTemplateId(global)).toBe(global);
  expect(roleTemplateId('Root')).toBeUndefined();
  expect(roleName(password)).toBe('Password Administrator');
  expect(roleName(unknown)).toBe(unknown);
});
