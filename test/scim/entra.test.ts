// What Microsoft Entra's provisioning service sends, in its order and spelling, and the answers that it needs.

import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { core, enterprise, patchOp, scimServer } from './scim-server.ts';

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
    const answer = await server.patch(
      id,
      { op: 'Replace', path: 'emails[type eq "work"].value', value: 'ada.byron@contoso.example' },
      { op: 'Replace', path: 'name.familyName', value: 'Byron' },
    );
    expect(answer.status).toBe(200);
    expect(answer.body.emails).toEqual([{ primary: true, type: 'work', value: 'ada.byron@contoso.example' }]);
    expect(answer.body.name).toEqual({ ...ada.name, familyName: 'Byron' });
  });

  test('7 Add creates the typed element that it addresses', async () => {
    await using server = await scimServer();
    const { id } = await server.create(ada);
    const phone = await server.patch(id, {
      op: 'Add',
      path: 'phoneNumbers[type eq "mobile"].value',
      value: '+1 555 0100',
    });
    expect(phone.body.phoneNumbers).toEqual([{ type: 'mobile', value: '+1 555 0100' }]);
  });

  test('8 App role: a string "True" in the filter of a path becomes a JSON boolean', async () => {
    await using server = await scimServer();
    const { id } = await server.create(ada);
    const answer = await server.patch(id, { op: 'Add', path: 'roles[primary eq "True"].value', value: 'Auditor' });
    expect(answer.body.roles).toEqual([{ primary: true, value: 'Auditor' }]);
  });

  test('9 Disable with the string "False", restore with "True": still visible, a JSON boolean comes back', async () => {
    await using server = await scimServer();
    const { id } = await server.create(ada);
    const disabled = await server.patch(id, { op: 'Replace', path: 'active', value: 'False' });
    expect([disabled.status, disabled.body.active]).toEqual([200, false]);
    expect((await server.ask('GET', `/Users/${id}`)).body.active).toBe(false);
    const found = await server.ask('GET', `/Users?filter=${encodeURIComponent(`userName eq "${ada.userName}"`)}`);
    expect(found.body.Resources[0].active).toBe(false);
    expect((await server.patch(id, { op: 'Replace', path: 'active', value: 'True' })).body.active).toBe(true);
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
    const manager = async (operation: object) => (await server.patch(id, operation)).body[enterprise]?.manager?.value;
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
      const answer = await server.patch(id, ...paths.map((path) => ({ op: 'Replace', path, value })));
      expect(answer.status).toBe(200);
      expect(answer.body).not.toHaveProperty('title');
      expect(answer.body).not.toHaveProperty('emails');
      expect(answer.body.name).toEqual({ formatted: 'Ada Lovelace', familyName: 'Lovelace' });
      expect(answer.body).not.toHaveProperty([enterprise]);
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
