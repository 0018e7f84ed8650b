// Roles in the store: given to people, groups and clients; who holds them in the end, in groups within groups, against a
// model; and that whatever gives roles can't be changed by a sync client.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { noStanding } from '../../connector/policy/roles.ts';
import { sealOnce } from '../../connector/sealer.ts';
import type { Sql, Statement } from '../../connector/sql/sql.ts';
import { createClient, revokeClient } from '../../connector/store/clients.ts';
import { coreGroup, createGroup, deleteGroup, type MemberChange, updateGroup } from '../../connector/store/groups.ts';
import {
  assignRole,
  dropRoles,
  givesRoles,
  makeRoleAssignable,
  removeRole,
  roleAssignable,
  roleAssignments,
  rolesOf,
  standingOf,
} from '../../connector/store/roles.ts';
import { coreUser } from '../../connector/store/user-resource.ts';
import { createUser, deleteUser } from '../../connector/store/users.ts';
import { planOf } from '../postgres/engine.ts';
import { openStore, start } from '../scim/scim-server.ts';

const operator = { at: start, actor: 'operator' };
const sync = { at: start, actor: 'token:t' };

const person = (sql: Sql, id: string) =>
  sql.run((tx) => createUser(tx, 'default', id, { schemas: [coreUser], userName: id, active: true }, sync));
const group = (sql: Sql, id: string, ...members: string[]) =>
  sql.run((tx) => createGroup(tx, 'default', id, { schemas: [coreGroup], displayName: id }, members, sync));
const client = (sql: Sql, id: string) =>
  sql.run((tx) => createClient(tx, { tenant: 'default', id, name: id, scopes: ['scim'], tokenMinutes: 60 }, operator));
const give = (sql: Sql, id: string, role: string, unit?: string) =>
  sql.run((tx) => assignRole(tx, 'default', id, role, operator, unit));
const standing = (sql: Sql, id: string, tenant = 'default') => sql.read((tx) => standingOf(tx, tenant, id));
const change = (sql: Sql, id: string, by: typeof sync & { overRoles?: true }, ...members: MemberChange[]) =>
  sql.run((tx) => updateGroup(tx, 'default', id, (content) => ({ content, members }), by));

describe('who holds what', () => {
  test('a role that a group is given is held by everybody in it, however deep, also in a circle', async () => {
    await using sql = await closing();
    for (const id of ['ada', 'bob', 'cem']) await person(sql, id);
    await group(sql, 'inner', 'bob');
    await group(sql, 'outer', 'ada', 'inner');
    await change(sql, 'inner', sync, { op: 'add', ids: ['outer'] });
    await give(sql, 'outer', 'r1');
    await give(sql, 'bob', 'r2');
    await give(sql, 'bob', 'r1');
    expect(await standing(sql, 'ada')).toEqual({ ...noStanding, roles: ['r1'], roleAssignableGroup: true });
    expect(await standing(sql, 'bob')).toEqual({ ...noStanding, roles: ['r1', 'r2'], roleAssignableGroup: true });
    expect(await standing(sql, 'cem')).toEqual(noStanding);
    expect(await standing(sql, 'ada', 'fabrikam')).toEqual(noStanding);
    expect([await rolesOf(sql, 'default', 'ada'), await rolesOf(sql, 'default', 'nobody')]).toEqual([['r1'], []]);
  });

  test('a role over a unit is held beside the same over everything, and each is taken by itself', async () => {
    await using sql = await closing();
    await person(sql, 'ada');
    expect([await give(sql, 'ada', 'r1', 'u1'), await give(sql, 'ada', 'r1', 'u1')]).toEqual([true, false]);
    expect(await standing(sql, 'ada')).toEqual({ ...noStanding, scoped: [{ role: 'r1', unit: 'u1' }] });
    expect(await give(sql, 'ada', 'r1')).toBe(true);
    expect(await standing(sql, 'ada')).toMatchObject({ roles: ['r1'], scoped: [{ role: 'r1', unit: 'u1' }] });
    const take = (unit?: string) => sql.run((tx) => removeRole(tx, 'default', 'ada', 'r1', operator, unit));
    expect([await take(), await take()]).toEqual([true, false]);
    expect(await standing(sql, 'ada')).toEqual({ ...noStanding, scoped: [{ role: 'r1', unit: 'u1' }] });
    expect([await take('u2'), await take('u1')]).toEqual([false, true]);
    await sealOnce(sql, start);
    const rows = await sql.all<{ action: string; target: string; detail: string }>`
      select action, target, detail from audit where action like 'role.%' order by seq`;
    expect(rows.map(({ action, target, detail }) => `${action} ${target} ${detail}`)).toEqual([
      'role.assigned user:ada {"role":"r1","unit":"u1"}',
      'role.assigned user:ada {"role":"r1"}',
      'role.removed user:ada {"role":"r1"}',
      'role.removed user:ada {"role":"r1","unit":"u1"}',
    ]);
  });

  test('a client holds roles until it is revoked, and gets none after', async () => {
    await using sql = await closing();
    await client(sql, 'c1');
    expect([await give(sql, 'c1', 'r1'), await rolesOf(sql, 'default', 'c1')]).toEqual([true, ['r1']]);
    await sql.run((tx) => revokeClient(tx, 'default', 'c1', operator));
    expect(await standing(sql, 'c1')).toEqual(noStanding);
    await expect(give(sql, 'c1', 'r1')).rejects.toMatchObject({ code: 'notFound' });
    await sealOnce(sql, start);
    const rows = await sql.all<{ target: string }>`select target from audit where action = 'role.assigned'`;
    expect(rows).toEqual([{ target: 'client:c1' }]);
  });

  test('roles go with the person or group, and never come back with the same id', async () => {
    await using sql = await closing();
    for (const id of ['ada', 'bob']) await person(sql, id);
    await group(sql, 'g', 'ada', 'bob');
    await sql.run((tx) => makeRoleAssignable(tx, 'default', 'g'));
    for (const id of ['g', 'bob']) await give(sql, id, 'r1');
    await sql.run((tx) => deleteGroup(tx, 'default', 'g', { ...operator, overRoles: true }));
    await sql.run((tx) => deleteUser(tx, 'default', 'bob', sync));
    expect(await sql.read((tx) => roleAssignments(tx, 'default'))).toEqual([]);
    expect(await sql.all`select * from role_assignable_group`).toEqual([]);
    await group(sql, 'g', 'ada');
    expect(await standing(sql, 'ada')).toEqual(noStanding);
  });

  test('assignments are listed: all, of one role, of one principal', async () => {
    await using sql = await closing();
    for (const id of ['ada', 'bob']) await person(sql, id);
    await give(sql, 'ada', 'r1');
    await give(sql, 'ada', 'r2', 'u1');
    await give(sql, 'bob', 'r1');
    const listed = async (of: { principal?: string; role?: string }) =>
      (await sql.read((tx) => roleAssignments(tx, 'default', of))).map(
        (one) => `${one.principal} ${one.role} ${one.unit}`,
      );
    expect(await listed({})).toEqual(['ada r1 ', 'ada r2 u1', 'bob r1 ']);
    expect(await listed({ role: 'r1' })).toEqual(['ada r1 ', 'bob r1 ']);
    expect(await listed({ principal: 'ada' })).toEqual(['ada r1 ', 'ada r2 u1']);
    expect(await listed({ principal: 'ada', role: 'r2' })).toEqual(['ada r2 u1']);
  });

  test('against a model: any groups within groups', async () => {
    await using sql = await closing();
    const users = ['u0', 'u1', 'u2'];
    const groups = ['g0', 'g1', 'g2', 'g3'];
    for (const id of users) await person(sql, id);
    for (const id of groups) await group(sql, id);
    const edge = fc.tuple(fc.constantFrom(...groups), fc.constantFrom(...users, ...groups));
    const given = fc.tuple(fc.constantFrom(...users, ...groups), fc.constantFrom('r0', 'r1'));
    const made = fc.array(fc.constantFrom(...groups), { maxLength: 1 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(edge, { maxLength: 8 }),
        fc.array(given, { maxLength: 3 }),
        made,
        async (edges, roles, marked) => {
          await sql.run(function* (tx) {
            yield* tx.run`delete from group_member`;
            for (const id of [...users, ...groups]) yield* dropRoles(tx, 'default', id);
            for (const [outer, member] of edges) {
              const type = member.startsWith('u') ? 'User' : 'Group';
              yield* tx.run`insert into group_member (tenant, group_id, member_id, member_type)
              values ('default', ${outer}, ${member}, ${type}) on conflict do nothing`;
            }
            for (const [id, role] of roles) yield* assignRole(tx, 'default', id, role, operator);
            for (const id of marked) yield* makeRoleAssignable(tx, 'default', id);
          });
          const around = (id: string): Set<string> => {
            const found = new Set<string>();
            for (let size = -1; size !== found.size; ) {
              size = found.size;
              for (const [outer, member] of edges) if (member === id || found.has(member)) found.add(outer);
            }
            return found;
          };
          const forRoles = (id: string) => marked.includes(id) || roles.some(([holder]) => holder === id);
          for (const id of users) {
            const wanted = roles.flatMap(([holder, role]) => (holder === id || around(id).has(holder) ? [role] : []));
            expect(await standing(sql, id)).toEqual({
              ...noStanding,
              roles: [...new Set(wanted)].sort(),
              roleAssignableGroup: [...around(id)].some(forRoles),
            });
          }
          for (const id of groups) {
            const expected = forRoles(id) || [...around(id)].some(forRoles);
            expect(await sql.read((tx) => givesRoles(tx, 'default', id))).toBe(expected);
          }
          const assignable = await sql.read((tx) => roleAssignable(tx, 'default', groups));
          expect([...assignable].sort()).toEqual(groups.filter(forRoles));
        },
      ),
      { numRuns: 150 },
    );
  });

  test('a long chain of groups is walked to its end, through indexes', async () => {
    const asked: Statement[] = [];
    await using sql = await closing((statement) => void asked.push(statement));
    await person(sql, 'ada');
    const length = 2000;
    await sql.run(function* (tx) {
      for (let number = 0; number < length; number++) {
        const member = number === 0 ? 'ada' : `g${number - 1}`;
        yield* createGroup(tx, 'default', `g${number}`, { schemas: [coreGroup], displayName: 'g' }, [member], sync);
      }
      yield* assignRole(tx, 'default', `g${length - 1}`, 'r1', operator);
    });
    asked.length = 0;
    expect(await standing(sql, 'ada')).toMatchObject({ roles: ['r1'] });
    expect(asked.length).toBeGreaterThan(1);
    for (const { text, values } of [...asked]) {
      const walks = await planOf(sql, text, values);
      expect(
        walks.filter((line) => /SCAN (m|g|group_member|app_group)\b|group_member.*\(tenant=\?\)/.test(line)),
      ).toEqual([]);
    }
  });
});

describe('a sync client makes no administrator', () => {
  const mutability = { code: 'mutability', details: { attribute: 'members' } };

  test.each([
    ['that holds a role', (sql: Sql) => give(sql, 'outer', 'r1')],
    ['that holds a role over a unit', (sql: Sql) => give(sql, 'outer', 'r1', 'u1')],
    ['that is made for roles', (sql: Sql) => sql.run((tx) => makeRoleAssignable(tx, 'default', 'outer'))],
  ])('nobody is put into a group %s, nor taken out of it, nor into one within it', async (_which, make) => {
    await using sql = await closing();
    for (const id of ['ada', 'bob']) await person(sql, id);
    await group(sql, 'inner');
    await group(sql, 'outer', 'ada', 'inner');
    await make(sql);
    const before = JSON.stringify(await sql.all`select * from group_member`);
    for (const id of ['inner', 'outer']) {
      await expect(change(sql, id, sync, { op: 'add', ids: ['bob'] })).rejects.toMatchObject(mutability);
      await expect(sql.run((tx) => deleteGroup(tx, 'default', id, sync))).rejects.toMatchObject(mutability);
    }
    for (const one of [
      { op: 'remove', ids: ['ada'] },
      { op: 'replace', ids: ['bob'] },
      { op: 'clear' },
    ] satisfies MemberChange[]) {
      await expect(change(sql, 'outer', sync, one)).rejects.toMatchObject(mutability);
    }
    expect(JSON.stringify(await sql.all`select * from group_member`)).toBe(before);
    // What is there already changes nothing, and a name is no member.
    await change(sql, 'outer', sync, { op: 'replace', ids: ['inner', 'ada'] }, { op: 'add', ids: ['ada'] });
    const renamed = { schemas: [coreGroup], displayName: 'Renamed' };
    await sql.run((tx) => updateGroup(tx, 'default', 'outer', () => ({ content: renamed, members: [] }), sync));
    // Around it another may be built, and whoever may give roles may change it.
    await group(sql, 'around', 'outer', 'bob');
    await change(sql, 'outer', { ...sync, overRoles: true }, { op: 'add', ids: ['bob'] });
    expect((await standing(sql, 'bob')).roleAssignableGroup).toBe(true);
    // Somebody who is deleted leaves it.
    await sql.run((tx) => deleteUser(tx, 'default', 'ada', sync));
    expect(await sql.all`select * from group_member where member_id = 'ada'`).toEqual([]);
  });

  test('when its last role is taken, sync fills the group again', async () => {
    await using sql = await closing();
    await person(sql, 'ada');
    await group(sql, 'g');
    await give(sql, 'g', 'r1');
    await expect(change(sql, 'g', sync, { op: 'add', ids: ['ada'] })).rejects.toMatchObject(mutability);
    await sql.run((tx) => removeRole(tx, 'default', 'g', 'r1', operator));
    await change(sql, 'g', sync, { op: 'add', ids: ['ada'] });
    expect(await standing(sql, 'ada')).toEqual(noStanding);
  });
});

/** A store that closes itself. */
async function closing(beforeStatement: (statement: Statement) => void = () => undefined) {
  const sql = await openStore({ beforeStatement });
  return Object.assign(sql, { [Symbol.asyncDispose]: () => sql.close() });
}
