// What Okta sends: its SPEC test as recorded, and what a live integration adds.

import { describe, expect, test } from 'vitest';
import { core, errorSchema, groupSchema, makeToken, patchOp, scimServer, start } from './scim-server.ts';

const headers = {
  accept: 'application/scim+json; charset=utf-8',
  'accept-charset': 'utf-8',
  'user-agent': 'OKTA SCIM Integration',
};
const listSchema = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';
const posted = {
  schemas: [core],
  userName: 'Runscope300Cabc@contoso.example',
  name: { givenName: 'Runscope', familyName: 'Test' },
  emails: [{ primary: true, value: 'runscope@contoso.example', type: 'work' }],
  displayName: 'Runscope Test',
  locale: 'en-US',
  externalId: '00ujl29u0le5T6Aj10h7',
  groups: [],
  password: '1mz050nq',
  active: true,
};

describe('Okta SPEC test', () => {
  test('the twelve requests', async () => {
    await using server = await scimServer();
    await server.create({ ...posted, userName: 'first@contoso.example', externalId: 'first' });

    const first = await server.ask('GET', '/Users?count=1&startIndex=1', undefined, { headers });
    expect(first.status).toBe(200);
    expect(first.body).toMatchObject({ schemas: [listSchema], itemsPerPage: 1, startIndex: 1, totalResults: 1 });
    const [one] = first.body.Resources;
    expect(one).toMatchObject({ userName: 'first@contoso.example', active: true });
    expect([one.id, one.name.familyName, one.name.givenName, one.emails[0].value].every(Boolean)).toBe(true);

    const again = await server.ask('GET', `/Users/${one.id}`, undefined, { headers });
    expect(again.body).toEqual(one);

    const unknown = await server.ask('GET', '/Users?filter=userName%20eq%20%22abcdefgh%40contoso.example%22');
    expect([unknown.status, unknown.body.totalResults]).toEqual([200, 0]);

    const nobody = await server.ask('GET', '/Users/010101001010101011001010101011', undefined, { headers });
    expect(nobody.status).toBe(404);
    expect(nobody.body).toMatchObject({ schemas: [errorSchema], status: '404' });
    expect(nobody.body.detail).not.toBe('');

    const json = { ...headers, 'content-type': 'application/json' };
    const created = await server.ask('POST', '/Users', posted, { headers: json });
    expect(created.status).toBe(201);
    expect(created.headers.get('content-type')).toBe('application/scim+json');
    expect(created.body).toMatchObject({ active: true, name: posted.name, userName: posted.userName, schemas: [core] });
    expect(created.text).not.toContain('1mz050nq');
    expect(created.body).not.toHaveProperty('password');

    expect((await server.ask('GET', `/Users/${created.body.id}`)).body).toEqual(created.body);

    const twice = await server.ask('POST', '/Users', posted, { headers: json });
    expect([twice.status, twice.body.scimType, twice.body.status]).toEqual([409, 'uniqueness', '409']);

    const capitals = encodeURIComponent(`userName eq "${posted.userName.toUpperCase()}"`);
    expect((await server.ask('GET', `/Users?filter=${capitals}`)).body.totalResults).toBe(1);

    const refused = await server.ask('GET', `/Users?filter=${capitals}`, undefined, { token: 'non-token' });
    expect(refused.status).toBe(401);
    expect(refused.body).toMatchObject({ schemas: [errorSchema], status: '401' });
    expect(refused.body.detail).not.toBe('');
  });
});

describe('Okta live', () => {
  test('PUT of the whole profile with id, groups and meta; the same again changes nothing', async () => {
    await using server = await scimServer();
    const created = await server.create(posted);
    server.clock.at += 60_000;
    const profile = { ...created, groups: [], title: 'Tester', meta: { resourceType: 'User', version: 'W/"99"' } };
    const put = await server.ask('PUT', `/Users/${created.id}`, profile);
    expect(put.status).toBe(200);
    expect(put.body).toMatchObject({ id: created.id, title: 'Tester', userName: posted.userName });
    expect(put.body.meta.version).toBe('W/"2"');
    server.clock.at += 60_000;
    const same = await server.ask('PUT', `/Users/${created.id}`, { ...profile, id: 'somebody-else' });
    expect(same.text).toBe(put.text);
  });

  test('PUT without active leaves a blocked person blocked, and clears what is absent', async () => {
    await using server = await scimServer();
    const { id } = await server.create({ ...posted, title: 'Tester', active: false });
    const put = await server.ask('PUT', `/Users/${id}`, { schemas: [core], userName: posted.userName });
    expect([put.body.active, put.body.title, put.body.externalId]).toEqual([false, undefined, undefined]);
  });

  test('deactivate and reactivate: path-less active', async () => {
    await using server = await scimServer();
    const { id } = await server.create(posted);
    expect((await server.patch(id, { op: 'replace', value: { active: false } })).body.active).toBe(false);
    expect((await server.patch(id, { op: 'replace', value: { active: true } })).body.active).toBe(true);
  });

  test('PATCH with the id inside the value is tolerated; a rename keeps the id', async () => {
    await using server = await scimServer();
    const { id } = await server.create(posted);
    const value = { id, userName: 'renamed@contoso.example', 'name.familyName': 'Renamed' };
    const renamed = await server.patch(id, { op: 'replace', value });
    expect(renamed.body).toMatchObject({ id, userName: 'renamed@contoso.example', name: { familyName: 'Renamed' } });
    const byName = async (name: string) =>
      (await server.ask('GET', `/Users?filter=${encodeURIComponent(`userName eq "${name}"`)}`)).body.totalResults;
    expect(await byName('renamed@contoso.example')).toBe(1);
    expect(await byName(posted.userName)).toBe(0);
  });

  test('password sync by PATCH is refused instead of silently dropped, and nothing is logged of it', async () => {
    await using server = await scimServer();
    const { id } = await server.create(posted);
    const answer = await server.patch(id, { op: 'replace', value: { password: 'Tr0ub4dor&3' } });
    expect([answer.status, answer.body.status]).toEqual([403, '403']);
    expect(answer.headers.get('www-authenticate')).toContain('insufficient_scope');
    expect(server.log.join('\n')).not.toContain('Tr0ub4dor');
  });
});

describe('Okta group push', () => {
  test('create with members and display, rename with the id in the value, add, remove, replace, PUT, delete', async () => {
    await using server = await scimServer();
    const people: { value: string; display: string }[] = [];
    for (const name of ['a', 'b', 'c']) {
      server.clock.at++;
      const userName = `${name}@contoso.example`;
      people.push({ value: (await server.create({ ...posted, userName })).id, display: userName });
    }
    const [a, b, c] = people;
    const created = await server.ask('POST', '/Groups', {
      schemas: [groupSchema],
      displayName: 'Pushed',
      members: [a, b],
    });
    expect(created.status).toBe(201);
    const { id } = created.body;
    const members = async () =>
      ((await server.ask('GET', `/Groups/${id}`)).body.members ?? []).map(({ value }: { value: string }) => value);
    const patch = async (...operations: object[]) => {
      expect((await server.patchGroup(id, ...operations)).status).toBe(204);
      return members();
    };
    await patch({ op: 'replace', value: { id, displayName: 'Renamed' } });
    expect((await server.ask('GET', `/Groups/${id}`)).body.displayName).toBe('Renamed');
    expect(await patch({ op: 'add', path: 'members', value: [c] })).toEqual([a?.value, b?.value, c?.value]);
    expect(await patch({ op: 'remove', path: `members[value eq "${a?.value}"]` })).toEqual([b?.value, c?.value]);
    expect(await patch({ op: 'replace', path: 'members', value: [a] })).toEqual([a?.value]);
    const put = await server.ask('PUT', `/Groups/${id}`, {
      schemas: [groupSchema],
      id,
      displayName: 'Put',
      members: [b, c],
    });
    expect([put.status, put.body.displayName]).toEqual([200, 'Put']);
    expect(await members()).toEqual([b?.value, c?.value]);
    const list = await server.ask('GET', '/Groups?startIndex=1&count=100', undefined, { headers });
    expect(list.body).toMatchObject({ totalResults: 1, itemsPerPage: 1, startIndex: 1, Resources: [{ id }] });
    expect((await server.ask('DELETE', `/Groups/${id}`)).status).toBe(204);
    expect((await server.ask('GET', `/Groups/${id}`)).status).toBe(404);
  });

  test('what a profile says of groups is passed over: they are the Groups’', async () => {
    await using server = await scimServer();
    const created = await server.create({ ...posted, groups: [{ value: 'x', display: 'X' }] });
    expect(created).not.toHaveProperty('groups');
    const group = await server.createGroup({ displayName: 'G', members: [{ value: created.id }] });
    const read = (await server.ask('GET', `/Users/${created.id}`)).body;
    expect(read.groups).toMatchObject([{ value: group.id, display: 'G', type: 'direct' }]);
    expect((await server.ask('PUT', `/Users/${created.id}`, { ...read, groups: [] })).body.groups).toEqual(read.groups);
  });
});

describe('Okta password sync', () => {
  test('with a token that may: on create and by a path-less replace', async () => {
    await using server = await scimServer();
    const token = await makeToken(server.sql, 'default', start, undefined, ['scim', 'scim.password']);
    const created = await server.ask('POST', '/Users', { ...posted, password: 'Brunel-1806-Zx' }, { token });
    expect(created.status).toBe(201);
    const value = { password: 'Brunel-1859-Zx' };
    const body = { schemas: [patchOp], Operations: [{ op: 'replace', value }] };
    expect((await server.ask('PATCH', `/Users/${created.body.id}`, body, { token })).status).toBe(200);
    const rows = await server.sql.all<{ version: number }>`select version from credential`;
    expect(rows).toEqual([{ version: 2 }]);
  });
});
