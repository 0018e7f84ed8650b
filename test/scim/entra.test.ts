// What Microsoft Entra's provisioning service sends, in its order and spelling, and the answers that it needs.

import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { core, enterprise, groupSchema, patchOp, scimServer } from './scim-server.ts';

const ada = {
  schemas: [core, enterprise],
  externalId: '0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef',
  userName: 'ada.lovelace@contoso.example',
  active: true,
  emails: [{ primary: true, type: 'work', value: 'ada.lovelace@contoso.example' }],
  meta: { resourceType: 'User' },
  name: { formatted: 'Ada Lovelace', familyName: 'Lovelace', givenName: 'Ada' },
  roles: [],
};

const guides = {
  schemas: [groupSchema, 'http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group'],
  externalId: '8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159',
  displayName: 'Tour Guides',
  meta: { resourceType: 'Group' },
};

/** A PATCH as Entra spells it is 204; what became of the User, read as Entra does. */
async function patched(server: Awaited<ReturnType<typeof scimServer>>, id: string, ...operations: object[]) {
  const answer = await server.patch(id, ...operations);
  expect([operations, answer.status, answer.text]).toEqual([operations, 204, '']);
  const { headers, body } = await server.ask('GET', `/Users/${id}`);
  expect(answer.headers.get('etag')).toBe(headers.get('etag'));
  return body;
}

describe('Entra', () => {
  test('1 Test Connection: a filter by a random GUID, + for spaces, answers an empty list, never 404', async () => {
    await using server = await scimServer();
    const answer = await server.ask('GET', `/Users?filter=userName+eq+%22${randomUUID()}%22`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/scim+json');
    expect(answer.body).toEqual({
      schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
      totalResults: 0,
      startIndex: 1,
      itemsPerPage: 0,
      Resources: [],
    });
  });

  test('4 Create, 3 match by userName, externalId and work address, 5 reconcile', async () => {
    await using server = await scimServer();
    const created = await server.ask('POST', '/Users', ada, {
      headers: { 'content-type': 'application/scim+json; charset=utf-8' },
    });
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({
      externalId: ada.externalId,
      userName: ada.userName,
      active: true,
      emails: ada.emails,
      name: ada.name,
    });
    const { id } = created.body;
    for (const filter of [
      'userName eq "ADA.Lovelace@contoso.example"',
      `externalId eq "${ada.externalId}"`,
      'emails[type eq "work"].value eq "ada.lovelace@contoso.example"',
      'emails[type eq "work" and value eq "ada.lovelace@contoso.example"]',
      `id eq "${id}" and userName eq "ada.lovelace@contoso.example"`,
    ]) {
      const found = await server.ask('GET', `/Users?filter=${encodeURIComponent(filter)}`);
      expect([filter, found.status, found.body.totalResults, found.body.Resources?.[0]?.id]).toEqual([
        filter,
        200,
        1,
        id,
      ]);
    }
    expect((await server.ask('GET', `/Users/${id}`)).text).toBe(created.text);
    expect((await server.ask('GET', `/Users/${randomUUID()}`)).status).toBe(404);
  });

  test('4 Create, older sample: top-level nulls and attributes of the extension beside it', async () => {
    await using server = await scimServer();
    const answer = await server.ask('POST', '/Users', {
      ...ada,
      addresses: null,
      phoneNumbers: null,
      displayName: null,
      department: 'Engines',
      manager: null,
      [enterprise]: null,
    });
    expect(answer.status).toBe(201);
    for (const name of ['addresses', 'phoneNumbers', 'displayName', 'department', 'manager', 'roles', enterprise]) {
      expect(answer.body).not.toHaveProperty(name);
    }
    expect(answer.body.schemas).toEqual([core]);
  });

  test('6 Update: Replace in title case of a typed element and a name, at once', async () => {
    await using server = await scimServer();
    const { id } = await server.create(ada);
    const user = await patched(
      server,
      id,
      { op: 'Replace', path: 'emails[type eq "work"].value', value: 'ada.byron@contoso.example' },
      { op: 'Replace', path: 'name.familyName', value: 'Byron' },
    );
    expect(user.emails).toEqual([{ primary: true, type: 'work', value: 'ada.byron@contoso.example' }]);
    expect(user.name).toEqual({ ...ada.name, familyName: 'Byron' });
  });

  test('7 Add creates the typed element that it addresses', async () => {
    await using server = await scimServer();
    const { id } = await server.create(ada);
    const path = 'phoneNumbers[type eq "mobile"].value';
    const user = await patched(server, id, { op: 'Add', path, value: '+1 555 0100' });
    expect(user.phoneNumbers).toEqual([{ type: 'mobile', value: '+1 555 0100' }]);
  });

  test('7 Replace creates it too, and the deactivation beside it is done; so under the flag, with or without a path', async () => {
    await using server = await scimServer();
    const { id } = await server.create(ada);
    const path = 'phoneNumbers[type eq "mobile"].value';
    const replaced = { op: 'Replace', path, value: '+1 555 0100' };
    const user = await patched(server, id, replaced, { op: 'Replace', path: 'active', value: 'False' });
    expect([user.active, user.phoneNumbers]).toEqual([false, [{ type: 'mobile', value: '+1 555 0100' }]]);
    for (const [type, operation] of [
      ['work', { op: 'replace', path: 'phoneNumbers[type eq "work"].value', value: '1' }],
      ['fax', { op: 'replace', value: { 'phoneNumbers[type eq "fax"].value': '1' } }],
    ] as const) {
      const body = { schemas: [patchOp], Operations: [operation] };
      const plain = await server.ask('PATCH', `/Users/${id}`, body);
      expect([plain.status, plain.body.scimType]).toEqual([400, 'noTarget']);
      const flagged = await server.ask('PATCH', `/Users/${id}?aadOptscim062020`, body);
      expect([flagged.status, flagged.body.phoneNumbers.at(-1)]).toEqual([200, { type, value: '1' }]);
    }
  });

  test('a PATCH in title case asks for no resource, unless it asks for attributes; one in small letters gets it', async () => {
    await using server = await scimServer();
    const { id } = await server.create(ada);
    const ask = async (query: string, ...ops: string[]) => {
      const Operations = ops.map((op) => ({ op, path: 'title', value: 'x' }));
      const { status, body } = await server.ask('PATCH', `/Users/${id}${query}`, { schemas: [patchOp], Operations });
      return [status, body && Object.keys(body)];
    };
    expect(await ask('', 'Replace', 'Add')).toEqual([204, undefined]);
    expect(await ask('?attributes=title', 'Replace')).toEqual([200, ['schemas', 'id', 'title']]);
    for (const ops of [['replace'], ['Replace', 'add'], ['REPLACE']]) expect((await ask('', ...ops))[0]).toBe(200);
  });

  test('8 App role: a string "True" in the filter of a path becomes a JSON boolean', async () => {
    await using server = await scimServer();
    const { id } = await server.create(ada);
    const user = await patched(server, id, { op: 'Add', path: 'roles[primary eq "True"].value', value: 'Auditor' });
    expect(user.roles).toEqual([{ primary: true, value: 'Auditor' }]);
  });

  test('9 Disable with the string "False", restore with "True": still visible, a JSON boolean comes back', async () => {
    await using server = await scimServer();
    const { id } = await server.create(ada);
    expect((await patched(server, id, { op: 'Replace', path: 'active', value: 'False' })).active).toBe(false);
    const found = await server.ask('GET', `/Users?filter=${encodeURIComponent(`userName eq "${ada.userName}"`)}`);
    expect(found.body.Resources[0].active).toBe(false);
    expect((await patched(server, id, { op: 'Replace', path: 'active', value: 'True' })).active).toBe(true);
  });

  test('10 aadOptscim062020 in the URL: dotted and URN names in a path-less value', async () => {
    await using server = await scimServer();
    const { id } = await server.create(ada);
    const answer = await server.ask('PATCH', `/Users/${id}?aadOptscim062020`, {
      schemas: [patchOp],
      Operations: [
        {
          op: 'replace',
          value: { displayName: 'Ada King', 'name.givenName': 'Augusta Ada', [`${enterprise}:employeeNumber`]: '1815' },
        },
      ],
    });
    expect(answer.body).toMatchObject({
      schemas: [core, enterprise],
      displayName: 'Ada King',
      name: { ...ada.name, givenName: 'Augusta Ada' },
      [enterprise]: { employeeNumber: '1815' },
    });
  });

  test('11 Manager: a plain id, an array of one, removal by "" and by Remove', async () => {
    await using server = await scimServer();
    const { id } = await server.create(ada);
    const path = `${enterprise}:manager`;
    const manager = async (operation: object) => (await patched(server, id, operation))[enterprise]?.manager?.value;
    expect(await manager({ op: 'Add', path, value: 'boss-1' })).toBe('boss-1');
    expect(await manager({ op: 'Replace', path, value: [{ $ref: null, value: 'boss-2' }] })).toBe('boss-2');
    expect(await manager({ op: 'Replace', path, value: '' })).toBeUndefined();
    expect(await manager({ op: 'Add', path, value: 'boss-3' })).toBe('boss-3');
    expect(await manager({ op: 'Remove', path })).toBeUndefined();
    expect((await server.ask('GET', `/Users/${id}`)).body.schemas).toEqual([core]);
  });

  test('12 Clear attributes with "" and then with null', async () => {
    await using server = await scimServer();
    const { id } = await server.create({ ...ada, title: 'Countess', [enterprise]: { department: 'Engines' } });
    const paths = ['title', 'name.givenName', 'emails[type eq "work"].value', `${enterprise}:department`];
    for (const value of ['', null]) {
      const user = await patched(server, id, ...paths.map((path) => ({ op: 'Replace', path, value })));
      expect(user).not.toHaveProperty('title');
      expect(user).not.toHaveProperty('emails');
      expect(user.name).toEqual({ formatted: 'Ada Lovelace', familyName: 'Lovelace' });
      expect(user).not.toHaveProperty([enterprise]);
    }
  });

  test('13 Hard delete: 204, then the filter finds none, and the same userName is a new person', async () => {
    await using server = await scimServer();
    const { id } = await server.create(ada);
    expect((await server.ask('DELETE', `/Users/${id}`)).status).toBe(204);
    const filter = encodeURIComponent(`userName eq "${ada.userName}"`);
    expect((await server.ask('GET', `/Users?filter=${filter}`)).body.totalResults).toBe(0);
    expect((await server.ask('GET', `/Users/${id}`)).status).toBe(404);
    expect((await server.ask('DELETE', `/Users/${id}`)).status).toBe(404);
    expect((await server.create(ada)).id).not.toBe(id);
  });

  test('14 Group match, 15 create, 16 read: no members, not even an empty list', async () => {
    await using server = await scimServer();
    const filter = encodeURIComponent(`displayName eq "${guides.displayName}"`);
    const match = () => server.ask('GET', `/Groups?excludedAttributes=members&filter=${filter}`);
    expect((await match()).body).toMatchObject({ totalResults: 0, Resources: [] });
    const created = await server.ask('POST', '/Groups', guides);
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({
      schemas: [groupSchema],
      externalId: guides.externalId,
      displayName: guides.displayName,
      meta: { resourceType: 'Group' },
    });
    const { id } = created.body;
    await server.patchGroup(id, {
      op: 'Add',
      path: 'members',
      value: [{ $ref: null, value: (await server.create(ada)).id }],
    });
    const found = await match();
    expect([found.status, found.body.totalResults, found.body.Resources[0].id]).toEqual([200, 1, id]);
    expect(found.body.Resources[0]).not.toHaveProperty('members');
    const read = await server.ask('GET', `/Groups/${id}?excludedAttributes=members`);
    expect(read.body).toMatchObject({ id, displayName: guides.displayName });
    expect(read.body).not.toHaveProperty('members');
  });

  test('17 Rename: 204', async () => {
    await using server = await scimServer();
    const { id } = await server.createGroup(guides);
    const renamed = await server.patchGroup(id, { op: 'Replace', path: 'displayName', value: 'Leaders' });
    expect([renamed.status, renamed.text]).toEqual([204, '']);
    expect((await server.ask('GET', `/Groups/${id}`)).body.displayName).toBe('Leaders');
  });

  test('18 Add members, many in one PATCH; 19 remove them, by value array and by filter: only those go', async () => {
    await using server = await scimServer();
    const { id } = await server.createGroup(guides);
    const people: string[] = [];
    for (let number = 0; number < 5; number++) {
      server.clock.at++;
      people.push((await server.create({ userName: `user${number}@contoso.example` })).id);
    }
    const listed = (...members: (string | undefined)[]) => members.map((value) => ({ $ref: null, value }));
    const added = await server.patchGroup(id, { op: 'Add', path: 'members', value: listed(...people) });
    expect([added.status, added.text]).toEqual([204, '']);
    const members = async () =>
      ((await server.ask('GET', `/Groups/${id}`)).body.members ?? []).map(({ value }: { value: string }) => value);
    expect(await members()).toEqual(people);
    await server.patchGroup(id, { op: 'Remove', path: 'members', value: listed(people[0], people[1]) });
    expect(await members()).toEqual(people.slice(2));
    const flagged = {
      schemas: [patchOp],
      Operations: [{ op: 'remove', path: `members[value eq "${people[2]}"]` }],
    };
    expect((await server.ask('PATCH', `/Groups/${id}?aadOptscim062020`, flagged)).status).toBe(204);
    expect(await members()).toEqual(people.slice(3));
  });

  test('20 Reference check: an id together with members, or with manager: one result or none', async () => {
    await using server = await scimServer();
    const boss = await server.create({ ...ada, userName: 'boss@contoso.example' });
    const { id } = await server.create({ ...ada, [enterprise]: { manager: boss.id } });
    const group = await server.createGroup(guides);
    const total = async (endpoint: string, filter: string) => {
      const { status, body } = await server.ask(
        'GET',
        `${endpoint}?attributes=id&filter=${encodeURIComponent(filter)}`,
      );
      expect(status).toBe(200);
      return body.totalResults;
    };
    expect(await total('/Groups', `id eq "${group.id}" and members eq "${id}"`)).toBe(0);
    await server.patchGroup(group.id, { op: 'Add', path: 'members', value: [{ $ref: null, value: id }] });
    expect(await total('/Groups', `id eq "${group.id}" and members eq "${id}"`)).toBe(1);
    expect(await total('/Groups', `id eq "${group.id}" and members.value eq "${boss.id}"`)).toBe(0);
    expect(await total('/Users', `id eq "${id}" and manager eq "${boss.id}"`)).toBe(1);
    expect(await total('/Users', `id eq "${id}" and ${enterprise}:manager.value eq "${id}"`)).toBe(0);
  });

  test('21 Group delete: 204; its members stay', async () => {
    await using server = await scimServer();
    const { id } = await server.create(ada);
    const group = await server.createGroup({ ...guides, members: [{ value: id }] });
    expect((await server.ask('DELETE', `/Groups/${group.id}`)).status).toBe(204);
    expect((await server.ask('GET', `/Groups/${group.id}`)).status).toBe(404);
    expect((await server.ask('GET', `/Users/${id}`)).body).not.toHaveProperty('groups');
    expect((await server.createGroup(guides)).id).not.toBe(group.id);
  });
});

describe('Entra, the gallery validation list', () => {
  test('POST and PATCH of every mapped attribute, then GET is equal; null update in two phases', async () => {
    await using server = await scimServer();
    const { body } = await server.ask('GET', '/Schemas');
    const { id } = await server.create(ada);
    // Every attribute that is discovered and has one value, in the way in which the service writes it.
    const paths: [string, string][] = [];
    for (const [at, prefix] of [
      [0, ''],
      [1, `${enterprise}:`],
    ] as const) {
      for (const one of body.Resources[at].attributes) {
        if (one.multiValued || one.mutability !== 'readWrite' || one.name === 'userName' || one.type === 'boolean')
          continue;
        const subs = one.subAttributes?.filter(
          ({ name, mutability }: { name: string; mutability: string }) => mutability === 'readWrite' && name !== '$ref',
        );
        for (const path of subs?.map(({ name }: { name: string }) => `${one.name}.${name}`) ?? [one.name]) {
          paths.push([`${prefix}${path}`, one.type === 'reference' ? 'https://a.example/x' : `value of ${path}`]);
        }
      }
    }
    expect(paths.length).toBeGreaterThan(15);
    for (const [path, value] of paths) {
      expect([path, (await server.patch(id, { op: 'Replace', path, value })).status]).toEqual([path, 204]);
    }
    const at = (resource: Record<string, unknown>, path: string) => {
      const steps = path.startsWith(enterprise)
        ? [enterprise, ...path.slice(enterprise.length + 1).split('.')]
        : path.split('.');
      return steps.reduce<unknown>((holder, step) => (holder as Record<string, unknown> | undefined)?.[step], resource);
    };
    const updated = (await server.ask('GET', `/Users/${id}`)).body;
    for (const [path, value] of paths) expect([path, at(updated, path)]).toEqual([path, value]);
    for (const value of ['', null]) {
      for (const [path] of paths) {
        expect([path, (await server.patch(id, { op: 'Replace', path, value })).status]).toEqual([path, 204]);
      }
      const cleared = (await server.ask('GET', `/Users/${id}`)).body;
      for (const [path] of paths) expect([path, at(cleared, path)]).toEqual([path, undefined]);
    }
  });

  test('unassign and reassign: disabled, found again by its name, restored', async () => {
    await using server = await scimServer();
    const { id } = await server.create(ada);
    await server.patch(id, { op: 'Replace', path: 'active', value: 'False' });
    const filter = encodeURIComponent(`userName eq "${ada.userName}"`);
    const [found] = (await server.ask('GET', `/Users?filter=${filter}`)).body.Resources;
    expect(found).toMatchObject({ id, active: false });
    await server.patch(id, { op: 'Replace', path: 'active', value: 'True' });
    expect((await server.ask('GET', `/Users/${id}`)).body.active).toBe(true);
  });

  test('Pagination of the gallery validation: startIndex is echoed, pages are whole and distinct', async () => {
    await using server = await scimServer();
    for (let number = 0; number < 11; number++) await server.create({ userName: `user${number}@contoso.example` });
    const seen: string[] = [];
    for (const startIndex of [1, 6, 11]) {
      const { body } = await server.ask('GET', `/Users?startIndex=${startIndex}&count=5`);
      const expected = startIndex === 11 ? 1 : 5;
      expect([body.totalResults, body.startIndex, body.itemsPerPage]).toEqual([11, startIndex, expected]);
      seen.push(...body.Resources.map((user: { userName: string }) => user.userName));
    }
    expect(new Set(seen).size).toBe(11);
  });
});
