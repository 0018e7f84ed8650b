// What JumpCloud's "Custom SCIM Identity Management" sends.

import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { core, groupSchema, scimServer } from './scim-server.ts';

const json = { headers: { 'content-type': 'application/json', accept: 'application/json' } };

function person(name: string) {
  return {
    schemas: [core],
    externalId: randomUUID(),
    userName: `${name}@contoso.example`,
    name: { familyName: 'User', givenName: name },
    displayName: name,
    emails: [{ value: `${name}@contoso.example`, type: 'work', primary: true }],
    active: true,
  };
}

describe('JumpCloud', () => {
  test('"Test connection" makes a user and a group, changes both, and deletes both', async () => {
    await using server = await scimServer();
    const user = person(`jumpcloud-test-${randomUUID()}`);
    const found = async () => {
      const filter = encodeURIComponent(`userName eq "${user.userName}"`);
      return (await server.ask('GET', `/Users?filter=${filter}&startIndex=1&count=1`, undefined, json)).body
        .totalResults;
    };
    expect(await found()).toBe(0);
    const created = await server.ask('POST', '/Users', user, json);
    expect([created.status, created.headers.get('content-type')]).toEqual([201, 'application/scim+json']);
    expect(await found()).toBe(1);
    const { id } = created.body;
    const put = await server.ask('PUT', `/Users/${id}`, { ...user, active: false }, json);
    expect([put.status, put.body.active]).toEqual([200, false]);

    const group = await server.ask('POST', '/Groups', { schemas: [groupSchema], displayName: 'Test group' }, json);
    expect(group.status).toBe(201);
    const path = `/Groups/${group.body.id}`;
    const members = [{ value: id }];
    const joined = await server.ask('PUT', path, { schemas: [groupSchema], displayName: 'Test group', members }, json);
    expect(joined.body.members).toMatchObject(members);
    expect((await server.ask('DELETE', path, undefined, json)).status).toBe(204);
    expect((await server.ask('DELETE', `/Users/${id}`, undefined, json)).status).toBe(204);
    expect(await found()).toBe(0);
    expect((await server.ask('GET', path)).status).toBe(404);
  });

  test('membership by PATCH: removal by a value array without a filter takes only those', async () => {
    await using server = await scimServer();
    const ada = await server.create(person('ada'));
    const bob = await server.create(person('bob'));
    const group = await server.createGroup({ displayName: 'Both', members: [{ value: ada.id }, { value: bob.id }] });
    await server.patchGroup(group.id, { op: 'remove', path: 'members', value: [{ value: ada.id }] });
    const { body } = await server.ask('GET', `/Groups/${group.id}`);
    expect(body.members.map(({ value }: { value: string }) => value)).toEqual([bob.id]);
  });

  test('takes over who is there already: lookup by e-mail address, then PUT', async () => {
    await using server = await scimServer();
    const ada = person('ada');
    const { id } = await server.create(ada);
    const filter = encodeURIComponent('emails.value eq "ADA@contoso.example"');
    const [found] = (await server.ask('GET', `/Users?filter=${filter}`)).body.Resources;
    expect(found.id).toBe(id);
    expect((await server.ask('POST', '/Users', ada, json)).status).toBe(409);
    expect((await server.ask('PUT', `/Users/${id}`, { ...ada, title: 'Countess' }, json)).body.title).toBe('Countess');
  });
});
