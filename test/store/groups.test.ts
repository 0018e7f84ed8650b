// Groups in the store: stopped at every statement, against a model, and through indexes alone.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { verifyAudit } from '../../connector/audit.ts';
import type { Sql } from '../../connector/sql/sql.ts';
import {
  coreGroup,
  createGroup,
  deleteGroup,
  eachMember,
  type GroupContent,
  type Member,
  type MemberChange,
  readGroup,
  updateGroup,
} from '../../connector/store/groups.ts';
import { inChunks } from '../../connector/store/in-list.ts';
import { managerOf } from '../../connector/store/managers.ts';
import { membershipsOf } from '../../connector/store/memberships.ts';
import { contentOfResource } from '../../connector/store/resource.ts';
import { coreUser, enterpriseUser, type UserContent } from '../../connector/store/user-resource.ts';
import { createUser, deleteUser } from '../../connector/store/users.ts';
import { openStore, start } from '../scim/scim-server.ts';

const by = { at: start, actor: 'token:t' };
const content = (displayName: string): GroupContent => ({ schemas: [coreGroup], displayName });

async function person(sql: Sql, id: string): Promise<void> {
  const user: UserContent = { schemas: [coreUser], userName: id, active: true };
  await sql.run((tx) => createUser(tx, 'default', id, user, by));
}

const change = (sql: Sql, id: string, displayName: string | undefined, ...members: MemberChange[]) =>
  sql.run((tx) =>
    updateGroup(
      tx,
      'default',
      id,
      (current) => ({ content: displayName === undefined ? current : { ...current, displayName }, members }),
      by,
    ),
  );

async function membersOf(sql: Sql, id: string): Promise<string[]> {
  const members: Member[] = [];
  await sql.read((tx) => eachMember(tx, 'default', id, (member) => void members.push(member)));
  return members.map(({ value }) => value);
}

const tables = ['app_user', 'user_address', 'app_group', 'group_member', 'resource_count', 'audit', 'event'];
const dump = async (sql: Sql) =>
  JSON.stringify(
    await sql.run(function* (tx) {
      const all: unknown[] = [];
      for (const table of tables) all.push(yield* tx.query(`select * from ${table} order by 1, 2, 3`, []));
      return all;
    }),
  );

describe('stopped at any statement, it has happened whole or not at all', () => {
  const works: Record<string, (sql: Sql) => Promise<unknown>> = {
    'a create with members': (sql) =>
      sql.run((tx) => createGroup(tx, 'default', 'new', content('New'), ['a', 'b', 'inner'], by)),
    'a change of name and members': (sql) =>
      change(sql, 'outer', 'Renamed', { op: 'remove', ids: ['a'] }, { op: 'add', ids: ['b', 'c'] }),
    'a replacement of all members': (sql) => change(sql, 'outer', undefined, { op: 'replace', ids: ['b', 'c'] }),
    'a removal of a group within another': (sql) => sql.run((tx) => deleteGroup(tx, 'default', 'inner', by)),
    'a removal of a member': (sql) => sql.run((tx) => deleteUser(tx, 'default', 'a', by)),
  };
  test.each(Object.entries(works))('%s', async (_name, work) => {
    for (let stopAt = 1; ; stopAt++) {
      let left = Number.POSITIVE_INFINITY;
      const sql = await openStore({
        beforeStatement: () => {
          if (--left === 0) throw new Error('stopped');
        },
      });
      for (const id of ['a', 'b', 'c']) await person(sql, id);
      await sql.run((tx) => createGroup(tx, 'default', 'inner', content('Inner'), ['a'], by));
      await sql.run((tx) => createGroup(tx, 'default', 'outer', content('Outer'), ['a', 'inner'], by));
      const before = await dump(sql);
      left = stopAt;
      const outcome = await work(sql).then(
        () => 'done',
        () => 'stopped',
      );
      left = Number.POSITIVE_INFINITY;
      if (outcome === 'stopped') expect([stopAt, await dump(sql)]).toEqual([stopAt, before]);
      else expect(await dump(sql)).not.toBe(before);
      expect((await verifyAudit(sql, 'default')).brokenAt).toBeUndefined();
      await sql.close();
      if (outcome === 'done') {
        expect(stopAt).toBeGreaterThan(5);
        break;
      }
    }
  });
});

test('whatever is added, removed, replaced and deleted: the rows are the model’s, the version grows with each change', async () => {
  const ids = ['a', 'b', 'c', 'd', 'g1', 'g2'];
  const some = fc.array(fc.constantFrom(...ids, 'nobody'), { maxLength: 4 });
  const step = fc.oneof(
    fc.record({ group: fc.constantFrom('g1', 'g2'), op: fc.constantFrom('add', 'remove', 'replace'), ids: some }),
    fc.record({ group: fc.constantFrom('g1', 'g2'), op: fc.constant('clear'), ids: fc.constant([] as string[]) }),
    fc.record({
      group: fc.constant(''),
      op: fc.constant('delete'),
      ids: fc.constantFrom('a', 'b', 'g1').map((id) => [id]),
    }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const sql = await openStore();
      for (const id of ['a', 'b', 'c', 'd']) await person(sql, id);
      const model = new Map<string, { members: Set<string>; version: number }>();
      for (const id of ['g1', 'g2']) {
        await sql.run((tx) => createGroup(tx, 'default', id, content(id), [], by));
        model.set(id, { members: new Set(), version: 1 });
      }
      const there = new Set(ids);
      for (const { group, op, ids: named } of steps) {
        if (op === 'delete') {
          const [id = ''] = named;
          if (!there.delete(id)) continue;
          await sql.run((tx) => (id === 'g1' ? deleteGroup(tx, 'default', id, by) : deleteUser(tx, 'default', id, by)));
          model.delete(id);
          for (const one of model.values()) if (one.members.delete(id)) one.version++;
          continue;
        }
        const known = model.get(group);
        const next = new Set(op === 'replace' || op === 'clear' ? [] : known?.members);
        for (const id of named) {
          if (op === 'remove') next.delete(id);
          else next.add(id);
        }
        const unknown = op !== 'remove' && [...next].some((id) => !there.has(id));
        const done = await change(sql, group, undefined, { op, ids: named } as MemberChange).then(
          () => true,
          () => false,
        );
        expect(done).toBe(known !== undefined && !unknown);
        if (!known || !done) continue;
        const same = next.size === known.members.size && [...next].every((id) => known.members.has(id));
        known.members = next;
        if (!same) known.version++;
      }
      for (const [id, { members, version }] of model) {
        expect(await membersOf(sql, id)).toEqual([...members].sort());
        expect((await sql.read((tx) => readGroup(tx, 'default', id)))?.version).toBe(version);
      }
      // From the other side: everybody is in exactly the groups that lead to them.
      const found = await sql.read((tx) => membershipsOf(tx, 'default', ['a', 'b', 'c', 'd']));
      for (const id of ['a', 'b', 'c', 'd']) {
        const direct = [...model].filter(([, { members }]) => members.has(id)).map(([group]) => group);
        const reached = new Set(direct);
        for (const group of reached) {
          for (const [outer, { members }] of model) if (members.has(group)) reached.add(outer);
        }
        const expected = [...reached].map((group) => [group, direct.includes(group) ? 'direct' : 'indirect']);
        // One alone is looked up by another statement than several.
        expect((await sql.read((tx) => membershipsOf(tx, 'default', [id]))).get(id)).toEqual(found.get(id));
        const actual = (found.get(id) ?? []).map(({ value, type }) => [value, type]);
        expect(actual.sort()).toEqual(expected.sort());
      }
      await sql.close();
    }),
    { numRuns: 150 },
  );
});

test('a change that throws, and one that changes nothing, write nothing', async () => {
  const sql = await openStore();
  await person(sql, 'a');
  await sql.run((tx) => createGroup(tx, 'default', 'g', content('G'), ['a'], by));
  const before = await dump(sql);
  await change(sql, 'g', 'G', { op: 'add', ids: ['a'] }, { op: 'remove', ids: ['b'] }, { op: 'replace', ids: ['a'] });
  await expect(change(sql, 'g', 'H', { op: 'add', ids: ['nobody'] })).rejects.toMatchObject({ code: 'invalidValue' });
  expect(await dump(sql)).toBe(before);
  await sql.close();
});

test('what is stored is what was said, without members', async () => {
  const sql = await openStore();
  await person(sql, 'a');
  const said = { ...content('G'), externalId: 'x', 'urn:example:x': { a: [1] } };
  await sql.run((tx) => createGroup(tx, 'default', 'g', said, ['a'], by));
  const stored = await sql.read((tx) => readGroup(tx, 'default', 'g'));
  expect(stored && contentOfResource(stored)).toEqual(said);
  expect(stored?.text).not.toContain('members');
  await sql.close();
});

test('lists of ids are cut into few lengths, and lose nobody', () => {
  fc.assert(
    fc.property(fc.array(fc.string(), { maxLength: 1500 }), (ids) => {
      const chunks = [...inChunks(ids)];
      for (const { length } of chunks) expect([1, 2, 4, 8, 16, 32, 64, 128, 256, 512]).toContain(length);
      expect(new Set(chunks.flat())).toEqual(new Set(ids));
    }),
  );
});

test('a manager is found where he stands, and nowhere else', () => {
  const text = (rest: object) => JSON.stringify({ schemas: [coreUser], id: 'u', ...rest, meta: { version: '1' } });
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.string(), (id, name) => {
      const stored = text({
        title: `"manager":{"value":"no"}`,
        [enterpriseUser]: { department: name, manager: { value: id } },
      });
      const found = managerOf(stored);
      expect(found?.id).toBe(id);
      const sent = JSON.parse(found?.named('https://a', name) ?? '');
      expect(sent[enterpriseUser].manager).toEqual({
        value: id,
        $ref: `https://a/Users/${encodeURIComponent(id)}`,
        displayName: name,
      });
      delete sent[enterpriseUser].manager.$ref;
      delete sent[enterpriseUser].manager.displayName;
      expect(sent).toEqual(JSON.parse(stored));
    }),
  );
  expect(managerOf(text({ title: `${JSON.stringify(enterpriseUser)}:{"manager":{"value":"no"}}` }))).toBeUndefined();
  expect(managerOf(text({ [enterpriseUser]: { department: '"manager":{"value":"no"}' } }))).toBeUndefined();
});

test('groups are found of a few among very many memberships, and of everybody at once', async () => {
  const sql = await openStore();
  const people = Array.from({ length: 60 }, (_one, at) => `p${String(at).padStart(2, '0')}`);
  for (const id of people) await person(sql, id);
  for (const group of ['g1', 'g2', 'g3']) {
    await sql.run((tx) => createGroup(tx, 'default', group, content(group), people, by));
  }
  await sql.run((tx) => createGroup(tx, 'default', 'g4', content('g4'), ['p59', 'g1'], by));
  const some = ['p59', 'p00', 'p30'];
  const found = await sql.read((tx) => membershipsOf(tx, 'default', some));
  expect([...found.keys()].sort()).toEqual([...some].sort());
  const groupsOf = (id: string) => found.get(id)?.map(({ value, type }) => `${value} ${type}`);
  expect(groupsOf('p30')).toEqual(['g1 direct', 'g2 direct', 'g3 direct', 'g4 indirect']);
  expect(groupsOf('p59')).toEqual(['g1 direct', 'g2 direct', 'g3 direct', 'g4 direct']);
  expect(found.get('p00')).toBe(found.get('p30'));
  const all = await sql.read((tx) => membershipsOf(tx, 'default', people));
  expect(all.size).toBe(60);
  await sql.close();
});

test('a page of people in many branches is told as much of each as one alone', async () => {
  const sql = await openStore();
  const people = Array.from({ length: 60 }, (_one, at) => `p${at}`);
  for (const id of people) await person(sql, id);
  for (const id of people) {
    // Each in the innermost of seven groups of their own: 360 around them in all, six around each.
    let inner = id;
    for (let depth = 0; depth < 7; depth++) {
      const group = `g-${id}-${depth}`;
      const member = inner;
      await sql.run((tx) => createGroup(tx, 'default', group, content(group), [member], by));
      inner = group;
    }
  }
  const all = await sql.read((tx) => membershipsOf(tx, 'default', people));
  for (const id of people) {
    const alone = (await sql.read((tx) => membershipsOf(tx, 'default', [id]))).get(id);
    expect(alone).toHaveLength(7);
    expect(all.get(id)).toEqual(alone);
  }
  await sql.close();
});
