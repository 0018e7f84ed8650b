// What OneLogin's "SCIM Provisioner with SAML (SCIM v2 Core / Enterprise)" sends, from its JSON template per app. Its
// exact calls are less well recorded than those of the others.

import { describe, expect, test } from 'vitest';
import { core, enterprise, groupSchema, scimServer } from './scim-server.ts';

const template = {
  schemas: [core, enterprise],
  userName: 'ada.lovelace@contoso.example',
  name: { familyName: 'Lovelace', givenName: 'Ada', formatted: 'Ada Lovelace' },
  displayName: 'Ada Lovelace',
  emails: [{ value: 'ada.lovelace@contoso.example', type: 'work', primary: true }],
  phoneNumbers: [{ value: '', type: 'work' }],
  [enterprise]: { department: '', manager: { value: '' }, employeeNumber: '1815' },
};

describe('OneLogin', () => {
  test('looks for the userName, creates from a template with empty fields, updates, suspends, deletes', async () => {
    await using server = await scimServer();
    const filter = encodeURIComponent(`userName eq "${template.userName}"`);
    expect((await server.ask('GET', `/Users?filter=${filter}`)).body.totalResults).toBe(0);
    const created = await server.ask('POST', '/Users', template);
    expect(created.status).toBe(201);
    expect(created.body).not.toHaveProperty('phoneNumbers');
    expect(created.body[enterprise]).toEqual({ employeeNumber: '1815' });
    const { id } = created.body;
    const [found] = (await server.ask('GET', `/Users?filter=${filter}`)).body.Resources;
    expect(found.id).toBe(id);

    const put = await server.ask('PUT', `/Users/${id}`, { ...template, id, displayName: 'Ada King', active: true });
    expect([put.status, put.body.displayName, put.body.active]).toEqual([200, 'Ada King', true]);
    expect((await server.patch(id, { op: 'replace', path: 'displayName', value: 'Ada' })).status).toBe(200);

    const suspended = await server.ask('PUT', `/Users/${id}`, { ...template, id, active: false });
    expect(suspended.body.active).toBe(false);
    expect((await server.patch(id, { op: 'replace', value: { active: true } })).body.active).toBe(true);
    expect((await server.ask('DELETE', `/Users/${id}`)).status).toBe(204);
    expect((await server.ask('GET', `/Users?filter=${filter}`)).body.totalResults).toBe(0);
  });

  test('reads all Groups as entitlements, and adds and removes a member', async () => {
    await using server = await scimServer();
    const { id } = await server.create(template);
    const group = await server.createGroup({ displayName: 'Sales' });
    const { body } = await server.ask('GET', '/Groups');
    expect(body).toMatchObject({ totalResults: 1, Resources: [{ id: group.id, displayName: 'Sales' }] });
    expect((await server.patchGroup(group.id, { op: 'add', path: 'members', value: [{ value: id }] })).status).toBe(
      204,
    );
    expect((await server.ask('GET', `/Users/${id}`)).body.groups).toMatchObject([{ value: group.id }]);
    await server.patchGroup(group.id, { op: 'remove', path: `members[value eq "${id}"]` });
    expect((await server.ask('GET', `/Groups/${group.id}`)).body).not.toHaveProperty('members');
    const created = await server.ask('POST', '/Groups', { schemas: [groupSchema], displayName: 'From a role' });
    expect(created.status).toBe(201);
  });
});
