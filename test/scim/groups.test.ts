// Groups: RFC 7643 §4.2 and what RFC 7644 says of resources that "may be very large" (§3.5).

import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { verifyAudit } from '../../connector/audit.ts';
import { roleTemplates } from '../../connector/policy/roles.ts';
import type { Statement } from '../../connector/sql/sql.ts';
import { assignRole, rolesOf } from '../../connector/store/roles.ts';
import { planOf } from '../postgres/engine.ts';
import { core, enterprise, errorSchema, groupSchema, patchOp, scimServer, start } from './scim-server.ts';

const base = 'https://connector.example/scim/v2';

/** A server with three people and an empty group. */
async function world() {
  const server = await scimServer();
  // A moment apart, so that they are listed in this order.
  const person = (userName: string, displayName: string) => {
    server.clock.at++;
    return server.create({ userName, displayName });
  };
  const [ada, bob, cem] = [await person('ada', 'Ada'), await person('bob', 'Bob'), await person('cem', 'Cem')];
  server.clock.at++;
  const group = await server.createGroup({ displayName: 'Tour Guides' });
  const membersOf = async (id = group.id): Promise<string[]> =>
    ((await server.ask('GET', `/Groups/${id}`)).body.members ?? []).map(({ value }: { value: string }) => value);
  return { server, ada, bob, cem, group, membersOf };
}

describe('RFC 7644 §3.3 POST /Groups', () => {
  test('201 with Location, ETag, meta; displayName is required, members need not be', async () => {
    await using server = await scimServer();
    const answer = await server.ask('POST', '/Groups', {
      schemas: [groupSchema],
      displayName: 'Tour Guides',
      externalId: 'g-1',
    });
    expect(answer.status).toBe(201);
    const { id } = answer.body;
    const at = new Date(start).toISOString();
    expect(answer.body).toEqual({
      schemas: [groupSchema],
      id,
      externalId: 'g-1',
      displayName: 'Tour Guides',
      meta: {
        resourceType: 'Group',
        created: at,
        lastModified: at,
        version: 'W/"1"',
        location: `${base}/Groups/${id}`,
      },
    });
    expect(answer.headers.get('location')).toBe(`${base}/Groups/${id}`);
    expect(answer.headers.get('etag')).toBe('W/"1"');
    expect((await server.ask('GET', `/Groups/${id}`)).text).toBe(answer.text);
    for (const body of [{}, { displayName: '' }, { displayName: null }, { displayName: 5 }]) {
      const refused = await server.ask('POST', '/Groups', { schemas: [groupSchema], ...body });
      expect([refused.status, refused.body.scimType]).toEqual([400, 'invalidValue']);
    }
    expect((await server.ask('POST', '/Groups', { schemas: [core], displayName: 'x' })).body.scimType).toBe(
      'invalidSyntax',
    );
  });

  test('RFC 7643 §4.2 members: value, $ref, type and display of Users and Groups, whatever the client says of them', async () => {
    const { server, ada, group } = await world();
    await using _ = server;
    const outer = await server.createGroup({
      displayName: 'Everybody',
      members: [
        { value: ada.id, type: 'Group', display: 'Somebody else', $ref: null },
        { value: group.id },
        { value: ada.id },
      ],
    });
    expect(outer.members).toEqual([
      { value: ada.id, $ref: `${base}/Users/${ada.id}`, type: 'User', display: 'Ada' },
      { value: group.id, $ref: `${base}/Groups/${group.id}`, type: 'Group', display: 'Tour Guides' },
    ]);
    await server.patch(ada.id, { op: 'replace', path: 'displayName', value: 'Countess' });
    const { body } = await server.ask('GET', `/Groups/${outer.id}`);
    expect(body.members[0].display).toBe('Countess');
  });

  test('RFC 7643 §2.3.7 referential integrity: nobody has this id: 400 invalidValue, and nothing is done', async () => {
    const { server, ada, group, membersOf } = await world();
    await using _ = server;
    const nobody = randomUUID();
    const refused = [
      await server.ask('POST', '/Groups', { schemas: [groupSchema], displayName: 'x', members: [{ value: nobody }] }),
      await server.patchGroup(
        group.id,
        { op: 'add', path: 'members', value: [{ value: ada.id }] },
        { op: 'add', path: 'members', value: [{ value: nobody }] },
      ),
      await server.ask('PUT', `/Groups/${group.id}`, {
        schemas: [groupSchema],
        displayName: 'x',
        members: [{ value: ada.id }, { value: nobody }],
      }),
    ];
    for (const { status, body } of refused) {
      expect(body).toMatchObject({ schemas: [errorSchema], status: '400', scimType: 'invalidValue' });
      expect(body.detail).toContain(nobody);
      expect(status).toBe(400);
    }
    expect((await server.ask('GET', '/Groups')).body.totalResults).toBe(1);
    expect(await membersOf()).toEqual([]);
    expect((await server.ask('GET', `/Groups/${group.id}`)).body.meta.version).toBe('W/"1"');
  });

  test('the same displayName with the same externalId is the same Group: 409, however it would come about (Entra)', async () => {
    await using server = await scimServer();
    const guides = { schemas: [groupSchema], displayName: 'Tour Guides', externalId: 'e-1' };
    const post = async (group: object) =>
      (await server.ask('POST', '/Groups', { schemas: [groupSchema], ...group })).status;
    const first = await server.createGroup(guides);
    const again = await server.ask('POST', '/Groups', { ...guides, displayName: 'TOUR guides' });
    expect([again.status, again.body.scimType, again.body.detail]).toEqual([
      409,
      'uniqueness',
      expect.stringMatching(/displayName, externalId/),
    ]);
    expect(await post({ displayName: 'Tour Guides' })).toBe(201);
    expect(await post({ displayName: 'Tour Guides' })).toBe(201);
    expect(await post({ displayName: 'Tour Guides', externalId: 'E-1' })).toBe(201);
    expect(await post({ displayName: 'Others', externalId: 'e-1' })).toBe(201);
    expect((await server.ask('POST', '/Groups', guides, { token: server.otherToken })).status).toBe(201);

    const other = await server.createGroup({ displayName: 'Others', externalId: 'e-2' });
    const renamed = { op: 'Replace', path: 'displayName', value: 'Tour Guides' };
    const moved = { op: 'Replace', path: 'externalId', value: 'e-1' };
    expect((await server.patchGroup(other.id, renamed)).status).toBe(204);
    expect((await server.patchGroup(other.id, moved)).body.scimType).toBe('uniqueness');
    expect((await server.ask('PUT', `/Groups/${other.id}`, guides)).status).toBe(409);
    expect((await server.ask('GET', `/Groups/${other.id}`)).body).toMatchObject({ externalId: 'e-2' });
    // Itself it may be, and its members may change.
    expect((await server.ask('PUT', `/Groups/${first.id}`, guides)).status).toBe(200);
    expect(
      (await server.patchGroup(first.id, { op: 'add', path: 'members', value: [{ value: other.id }] })).status,
    ).toBe(204);

    const twice = { displayName: 'At once', externalId: 'e-3', schemas: [groupSchema] };
    const both = await Promise.all([0, 1, 2].map(() => server.ask('POST', '/Groups', twice)));
    expect(both.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
  });

  test('two Groups may have the same displayName (RFC 7643 §8.7.1: uniqueness none)', async () => {
    await using server = await scimServer();
    await server.createGroup({ displayName: 'Same' });
    await server.createGroup({ displayName: 'same' });
    const found = await server.ask('GET', `/Groups?filter=${encodeURIComponent('displayName eq "SAME"')}`);
    expect(found.body.totalResults).toBe(2);
  });
});

describe('RFC 7644 §3.5.2 PATCH /Groups', () => {
  test('204 without a body unless attributes are asked for; then 200 with them', async () => {
    const { server, ada, group } = await world();
    await using _ = server;
    const add = { op: 'add', path: 'members', value: [{ value: ada.id }] };
    const added = await server.patchGroup(group.id, add);
    expect([added.status, added.text, added.headers.get('etag')]).toEqual([204, '', 'W/"2"']);
    const body = { schemas: [patchOp], Operations: [{ op: 'replace', path: 'displayName', value: 'Guides' }] };
    const asked = await server.ask('PATCH', `/Groups/${group.id}?attributes=displayName`, body);
    expect([asked.status, asked.body]).toEqual([200, { schemas: [groupSchema], id: group.id, displayName: 'Guides' }]);
  });

  test('add, remove one, remove by listing, replace, remove all', async () => {
    const { server, ada, bob, cem, group, membersOf } = await world();
    await using _ = server;
    const patch = async (...operations: object[]) => {
      const { status } = await server.patchGroup(group.id, ...operations);
      return [status, await membersOf()];
    };
    const value = (...people: { id: string }[]) => people.map(({ id }) => ({ value: id }));
    expect(await patch({ op: 'add', path: 'members', value: value(ada, bob) })).toEqual([204, [ada.id, bob.id]]);
    expect(await patch({ op: 'add', path: 'members', value: { value: cem.id } })).toEqual([
      204,
      [ada.id, bob.id, cem.id],
    ]);
    expect(await patch({ op: 'remove', path: `members[value eq "${bob.id}"]` })).toEqual([204, [ada.id, cem.id]]);
    expect(await patch({ op: 'Remove', path: 'members', value: [{ $ref: null, value: ada.id }] })).toEqual([
      204,
      [cem.id],
    ]);
    expect(await patch({ op: 'Remove', path: 'members', value: [] })).toEqual([204, [cem.id]]);
    expect(await patch({ op: 'replace', path: 'members', value: value(ada, bob) })).toEqual([204, [ada.id, bob.id]]);
    expect(await patch({ op: 'replace', value: { members: value(cem) } })).toEqual([204, [cem.id]]);
    expect(
      await patch(
        { op: 'remove', path: `${groupSchema}:members[value eq "${cem.id}"]` },
        { op: 'add', path: 'members', value: value(ada) },
        { op: 'add', path: 'members', value: [bob.id, { $ref: `${base}/Users/${cem.id}` }] },
      ),
    ).toEqual([204, [ada.id, bob.id, cem.id]]);
    expect(await patch({ op: 'remove', path: `members[value eq "${ada.id}" or value eq "${bob.id}"]` })).toEqual([
      204,
      [cem.id],
    ]);
    expect(await patch({ op: 'remove', path: 'members' })).toEqual([204, []]);
  });

  test('a filter that says more than ids: type, and the name that is shown', async () => {
    const { server, ada, bob, group, membersOf } = await world();
    await using _ = server;
    const outer = await server.createGroup({
      displayName: 'Everybody',
      members: [{ value: ada.id }, { value: bob.id }, { value: group.id }],
    });
    await server.patchGroup(outer.id, { op: 'remove', path: 'members[type eq "Group"]' });
    expect(await membersOf(outer.id)).toEqual([ada.id, bob.id]);
    await server.patchGroup(outer.id, { op: 'remove', path: `members[display sw "a" and value pr]` });
    expect(await membersOf(outer.id)).toEqual([bob.id]);
  });

  test('RFC 7643 §4.2 sub-attributes of members are immutable: mutability; who is not there: noTarget', async () => {
    const { server, ada, bob, group } = await world();
    await using _ = server;
    await server.patchGroup(group.id, { op: 'add', path: 'members', value: [{ value: ada.id }] });
    const refusal = async (operation: object) => (await server.patchGroup(group.id, operation)).body?.scimType;
    const one = `members[value eq "${ada.id}"]`;
    expect(await refusal({ op: 'replace', path: `${one}.display`, value: 'x' })).toBe('mutability');
    expect(await refusal({ op: 'replace', path: `${one}.value`, value: bob.id })).toBe('mutability');
    expect(await refusal({ op: 'replace', path: one, value: { value: bob.id } })).toBe('mutability');
    expect(await refusal({ op: 'replace', path: one, value: { value: ada.id } })).toBeUndefined();
    const other = `members[value eq "${bob.id}"]`;
    expect(await refusal({ op: 'replace', path: other, value: { value: bob.id } })).toBe('noTarget');
    expect(await refusal({ op: 'remove', path: 'displayName' })).toBe('mutability');
    expect(await refusal({ op: 'replace', path: 'displayName', value: '' })).toBe('invalidValue');
    expect(await refusal({ op: 'remove', path: other })).toBeUndefined();
    expect((await server.ask('GET', `/Groups/${group.id}`)).body.meta.version).toBe('W/"2"');
  });

  test('§3.5.2.1 "If the user was already a member of this group, no changes should be made"', async () => {
    const { server, ada, group } = await world();
    await using _ = server;
    const add = { op: 'add', path: 'members', value: [{ value: ada.id }] };
    await server.patchGroup(group.id, add);
    const { body } = await server.ask('GET', `/Groups/${group.id}`);
    const { entries } = await verifyAudit(server.sql, 'default');
    server.clock.at += 60_000;
    expect((await server.patchGroup(group.id, add)).status).toBe(204);
    expect((await server.patchGroup(group.id, { op: 'remove', path: 'members[value eq "x"]' })).status).toBe(204);
    expect((await server.ask('PUT', `/Groups/${group.id}`, body)).body).toEqual(body);
    expect((await verifyAudit(server.sql, 'default')).entries).toBe(entries);
  });

  test('atomic: an operation that fails undoes those before it', async () => {
    const { server, ada, bob, group, membersOf } = await world();
    await using _ = server;
    await server.patchGroup(group.id, { op: 'add', path: 'members', value: [{ value: ada.id }] });
    const answer = await server.patchGroup(
      group.id,
      { op: 'replace', path: 'members', value: [{ value: bob.id }] },
      { op: 'replace', path: 'displayName', value: 'New' },
      { op: 'replace', path: `members[value eq "${ada.id}"]`, value: { value: ada.id } },
    );
    expect([answer.status, answer.body.scimType]).toEqual([400, 'noTarget']);
    expect(await membersOf()).toEqual([ada.id]);
    expect((await server.ask('GET', `/Groups/${group.id}`)).body.displayName).toBe('Tour Guides');
  });

  test('the record says how many came and went, and never whom', async () => {
    const { server, ada, bob, group } = await world();
    await using _ = server;
    await server.patchGroup(
      group.id,
      { op: 'add', path: 'members', value: [{ value: ada.id }, { value: bob.id }] },
      { op: 'remove', path: `members[value eq "${ada.id}"]` },
    );
    const row = await server.sql.get<{ action: string; target: string; detail: string }>`
      select action, target, detail from audit where tenant = 'default' order by seq desc limit 1`;
    expect(row).toMatchObject({ action: 'group.updated', target: `group:${group.id}` });
    expect(JSON.parse(row?.detail ?? '')).toEqual({ attributes: 'members', membersAdded: 2, membersRemoved: 1 });
  });

  test('§3.5 "Groups may be very large": one more or less makes the same statements in any group', async () => {
    const statements: Statement[] = [];
    await using server = await scimServer({ store: { beforeStatement: (one) => void statements.push(one) } });
    const people: string[] = [];
    for (let number = 0; number < 60; number++) people.push((await server.create({ userName: `u${number}` })).id);
    const made = async (members: number) => {
      const group = await server.createGroup({
        displayName: `of ${members}`,
        members: people.slice(0, members).map((value) => ({ value })),
      });
      statements.length = 0;
      const value = [{ value: people.at(-1) }];
      expect((await server.patchGroup(group.id, { op: 'add', path: 'members', value })).status).toBe(204);
      expect((await server.patchGroup(group.id, { op: 'Remove', path: 'members', value })).status).toBe(204);
      expect((await server.ask('GET', `/Groups/${group.id}?excludedAttributes=members`)).body.members).toBeUndefined();
      return statements.map(({ text }) => text);
    };
    const few = await made(1);
    const many = await made(59);
    expect(many).toEqual(few);
    // Every statement on members is led by an index to the rows that it names.
    for (const text of new Set(many.filter((one) => one.includes('group_member')))) {
      const plan = await planOf(server.sql, text, Array(text.split('?').length - 1).fill('x'));
      expect(plan.join('\n')).not.toMatch(/SCAN/);
    }
  });
});

describe('RFC 7644 §3.5.1 PUT /Groups', () => {
  test('200 with the whole resource; members become those that are given, absent ones are cleared', async () => {
    const { server, ada, bob, cem, group } = await world();
    await using _ = server;
    const put = (body: object) => server.ask('PUT', `/Groups/${group.id}`, { schemas: [groupSchema], ...body });
    const first = await put({
      displayName: 'Guides',
      externalId: 'x',
      members: [{ value: ada.id }, { value: bob.id }],
    });
    expect([first.status, first.body.members.length, first.body.meta.version]).toEqual([200, 2, 'W/"2"']);
    const second = await put({ displayName: 'Guides', members: [{ value: bob.id }, { value: cem.id }], id: 'other' });
    expect(second.body.members.map(({ value }: { value: string }) => value)).toEqual([bob.id, cem.id]);
    expect(second.body).not.toHaveProperty('externalId');
    expect((await put({ displayName: 'Guides' })).body).not.toHaveProperty('members');
    expect(
      (await server.ask('PUT', `/Groups/${randomUUID()}`, { schemas: [groupSchema], displayName: 'x' })).status,
    ).toBe(404);
  });
});

describe('RFC 7644 §3.14 versions of Groups', () => {
  test('a change of members is a new version; If-Match, If-None-Match; one winner among ten', async () => {
    const { server, ada, group } = await world();
    await using _ = server;
    const add = { schemas: [patchOp], Operations: [{ op: 'add', path: 'members', value: [{ value: ada.id }] }] };
    const headers = { 'if-match': 'W/"1"' };
    server.clock.at += 5000;
    expect((await server.ask('PATCH', `/Groups/${group.id}`, add, { headers })).status).toBe(204);
    expect((await server.ask('PATCH', `/Groups/${group.id}`, add, { headers })).status).toBe(412);
    expect((await server.ask('DELETE', `/Groups/${group.id}`, undefined, { headers })).status).toBe(412);
    const read = await server.ask('GET', `/Groups/${group.id}`, undefined, { headers: { 'if-none-match': 'W/"1"' } });
    expect(read.body.meta).toMatchObject({ version: 'W/"2"', lastModified: new Date(server.clock.at).toISOString() });
    expect(read.headers.get('etag')).toBe('W/"2"');
    const same = await server.ask('GET', `/Groups/${group.id}`, undefined, { headers: { 'if-none-match': 'W/"2"' } });
    expect([same.status, same.text]).toEqual([304, '']);
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_one, at) =>
        server.ask(
          'PATCH',
          `/Groups/${group.id}`,
          { schemas: [patchOp], Operations: [{ op: 'replace', path: 'displayName', value: `n${at}` }] },
          { headers: { 'if-match': 'W/"2"' } },
        ),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([204, ...Array(9).fill(412)]);
  });
});

describe('RFC 7643 §4.1.2 User.groups', () => {
  test('direct and indirect, in a User and in a list, with $ref and display; read-only', async () => {
    const { server, ada, bob, group } = await world();
    await using _ = server;
    server.clock.at++;
    const outer = await server.createGroup({ displayName: 'Everybody', members: [{ value: group.id }] });
    await server.patchGroup(group.id, { op: 'add', path: 'members', value: [{ value: ada.id }] });
    const groups = [
      { value: group.id, $ref: `${base}/Groups/${group.id}`, display: 'Tour Guides', type: 'direct' },
      { value: outer.id, $ref: `${base}/Groups/${outer.id}`, display: 'Everybody', type: 'indirect' },
    ];
    const alike = (found: object[]) =>
      expect(found.map((one) => Object.entries(one).sort())).toEqual(groups.map((one) => Object.entries(one).sort()));
    alike((await server.ask('GET', `/Users/${ada.id}`)).body.groups);
    const list = (await server.ask('GET', '/Users')).body.Resources;
    alike(list[0].groups);
    expect(list[1]).not.toHaveProperty('groups');
    const asked = await server.ask('GET', `/Users/${ada.id}?attributes=groups.display`);
    expect(asked.body.groups).toEqual([{ display: 'Tour Guides' }, { display: 'Everybody' }]);
    // Added to the outer one itself, Ada is a direct member of both.
    await server.patchGroup(outer.id, { op: 'add', path: 'members', value: [{ value: ada.id }] });
    const both = (await server.ask('GET', `/Users/${ada.id}`)).body.groups;
    expect(both.map(({ type }: { type: string }) => type)).toEqual(['direct', 'direct']);

    // What a client says of them is ignored in a whole resource and refused in a PATCH (RFC 7644 §3.5.1, §3.5.2).
    const put = await server.ask('PUT', `/Users/${bob.id}`, { schemas: [core], userName: 'bob', groups: both });
    expect([put.status, put.body.groups]).toEqual([200, undefined]);
    const patched = await server.patch(bob.id, { op: 'add', path: 'groups', value: [{ value: group.id }] });
    expect(patched.body.scimType).toBe('mutability');
  });

  test('groups that contain each other in a circle (RFC 7644 §3.7.1) end somewhere', async () => {
    const { server, ada, group } = await world();
    await using _ = server;
    const other = await server.createGroup({ displayName: 'Group B', members: [{ value: group.id }] });
    await server.patchGroup(group.id, { op: 'add', path: 'members', value: [{ value: other.id }, { value: ada.id }] });
    await server.patchGroup(group.id, { op: 'add', path: 'members', value: [{ value: group.id }] });
    const { body } = await server.ask('GET', `/Users/${ada.id}`);
    expect(body.groups.map(({ value, type }: { value: string; type: string }) => [value, type])).toEqual([
      [group.id, 'direct'],
      [other.id, 'indirect'],
    ]);
    expect((await server.ask('DELETE', `/Groups/${group.id}`)).status).toBe(204);
    expect((await server.ask('GET', `/Groups/${other.id}`)).body).not.toHaveProperty('members');
  });

  test('a User, or a Group, that is deleted leaves all groups, which have a new version', async () => {
    const { server, ada, bob, group, membersOf } = await world();
    await using _ = server;
    await server.patchGroup(group.id, { op: 'add', path: 'members', value: [{ value: ada.id }, { value: bob.id }] });
    const outer = await server.createGroup({
      displayName: 'Everybody',
      members: [{ value: group.id }, { value: ada.id }],
    });
    expect((await server.ask('DELETE', `/Users/${ada.id}`)).status).toBe(204);
    expect(await membersOf()).toEqual([bob.id]);
    expect(await membersOf(outer.id)).toEqual([group.id]);
    expect((await server.ask('GET', `/Groups/${group.id}`)).body.meta.version).toBe('W/"3"');
    expect((await server.ask('DELETE', `/Groups/${group.id}`)).status).toBe(204);
    expect(await membersOf(outer.id)).toEqual([]);
    expect((await server.ask('GET', `/Users/${bob.id}`)).body).not.toHaveProperty('groups');
    expect((await server.ask('GET', `/Groups/${group.id}`)).status).toBe(404);
    expect((await server.ask('DELETE', `/Groups/${group.id}`)).status).toBe(404);
    const rows = await server.sql.all`select member_id from group_member`;
    expect(rows).toEqual([]);
    expect((await verifyAudit(server.sql, 'default')).brokenAt).toBeUndefined();
  });

  test('more than one statement’s worth: 1,100 members, and 70 Users on one page', async () => {
    await using server = await scimServer();
    const people: string[] = [];
    for (let number = 0; number < 70; number++) people.push((await server.create({ userName: `u${number}` })).id);
    const group = await server.createGroup({ displayName: 'All', members: people.map((value) => ({ value })) });
    const { body } = await server.ask('GET', '/Users?count=70');
    expect(body.Resources.every(({ groups }: { groups: object[] }) => groups.length === 1)).toBe(true);
    // Rows as an import would leave them: people of whom only the id and the name are looked at here.
    await server.sql.run(function* (tx) {
      for (let number = 0; number < 1030; number++) {
        const id = `row-${String(number).padStart(4, '0')}`;
        yield* tx.run`insert into group_member (tenant, group_id, member_id, member_type)
          values ('default', ${group.id}, ${id}, 'User')`;
      }
    });
    const all = (await server.ask('GET', `/Groups/${group.id}?attributes=members.value`)).body.members;
    expect(all).toHaveLength(1100);
    expect(new Set(all.map(({ value }: { value: string }) => value)).size).toBe(1100);
  });
});

describe('two organisations', () => {
  test('nobody is a member of another one’s groups', async () => {
    const { server, ada, group } = await world();
    await using _ = server;
    const other = { token: server.otherToken };
    const members = { schemas: [groupSchema], displayName: 'x', members: [{ value: ada.id }] };
    expect((await server.ask('POST', '/Groups', members, other)).body.scimType).toBe('invalidValue');
    expect((await server.ask('GET', `/Groups/${group.id}`, undefined, other)).status).toBe(404);
    expect((await server.ask('DELETE', `/Groups/${group.id}`, undefined, other)).status).toBe(404);
    expect((await server.ask('GET', '/Groups', undefined, other)).body.totalResults).toBe(0);
  });
});

describe('RFC 7643 §4.3 manager', () => {
  test('$ref and displayName are made of the manager as he is now', async () => {
    const { server, ada, bob } = await world();
    await using _ = server;
    const path = `${enterprise}:manager`;
    const { body } = await server.patch(bob.id, { op: 'add', path, value: ada.id });
    const reference = `${base}/Users/${ada.id}`;
    expect(body[enterprise].manager).toEqual({ value: ada.id, $ref: reference, displayName: 'Ada' });
    await server.patch(ada.id, { op: 'replace', path: 'displayName', value: 'Countess "Ada"' });
    const list = (await server.ask('GET', '/Users')).body.Resources;
    expect(list[1][enterprise].manager.displayName).toBe('Countess "Ada"');
    const asked = await server.ask('GET', `/Users/${bob.id}?attributes=${enterprise}:manager.displayName`);
    expect(asked.body[enterprise]).toEqual({ manager: { displayName: 'Countess "Ada"' } });
    // Who is meant may be said by the reference; a displayName is read-only and passed over.
    await server.patch(bob.id, { op: 'remove', path });
    const put = await server.ask('PUT', `/Users/${bob.id}`, {
      schemas: [core, enterprise],
      userName: 'bob',
      [enterprise]: { manager: { $ref: `../Users/${ada.id}`, displayName: 'Nobody' } },
    });
    expect(put.body[enterprise].manager).toEqual({ value: ada.id, $ref: reference, displayName: 'Countess "Ada"' });
    expect((await server.patch(bob.id, { op: 'add', path: `${path}.displayName`, value: 'x' })).body.scimType).toBe(
      'mutability',
    );
    // One who is not here: the id stays as it was sent.
    const unknown = await server.patch(bob.id, { op: 'replace', path, value: 'a"b' });
    expect(unknown.body[enterprise].manager).toEqual({ value: 'a"b', $ref: `${base}/Users/a%22b` });
  });
});

describe('groups that give roles', () => {
  test('who is in them is not for sync clients to say, in whatever request; reading and names are', async () => {
    const { server, ada, bob, group, membersOf } = await world();
    await using _ = server;
    await server.patchGroup(group.id, { op: 'add', path: 'members', value: [{ value: ada.id }] });
    const operator = { at: start, actor: 'operator' };
    const role = roleTemplates['Password Administrator'];
    await server.sql.run((tx) => assignRole(tx, 'default', group.id, role, operator));
    const whole = { schemas: [groupSchema], displayName: 'Tour Guides' };
    const add = { op: 'add', path: 'members', value: [{ value: bob.id }] };
    const bulk = {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
      Operations: [{ method: 'PATCH', path: `/Groups/${group.id}`, data: { schemas: [patchOp], Operations: [add] } }],
    };
    const refused = [
      await server.patchGroup(group.id, add),
      await server.patchGroup(group.id, { op: 'remove', path: `members[value eq "${ada.id}"]` }),
      await server.ask('PUT', `/Groups/${group.id}`, { ...whole, members: [{ value: bob.id }] }),
      await server.ask('PUT', `/Groups/${group.id}`, whole),
      await server.ask('DELETE', `/Groups/${group.id}`),
    ];
    for (const { status, body } of refused) {
      expect([status, body.scimType]).toEqual([400, 'mutability']);
      expect(body.detail).toBe(
        '“members” cannot be changed. Administrator roles are given through this group: only an administrator of roles changes who is in it.',
      );
    }
    const [operation] = (await server.ask('POST', '/Bulk', bulk)).body.Operations;
    expect([operation.status, operation.response.scimType]).toEqual(['400', 'mutability']);
    expect(await membersOf()).toEqual([ada.id]);
    expect(await rolesOf(server.sql, 'default', bob.id)).toEqual([]);

    const same = { ...whole, displayName: 'Renamed', members: [{ value: ada.id }] };
    expect((await server.ask('PUT', `/Groups/${group.id}`, same)).body.displayName).toBe('Renamed');
    expect((await server.ask('DELETE', `/Users/${ada.id}`)).status).toBe(204);
    expect(await membersOf()).toEqual([]);
  });
});
