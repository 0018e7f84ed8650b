// RFC 7644 §3.5.1, sentence by sentence; for Groups see groups.test.ts, for immutable attributes extensions.test.ts.

import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { core, enterprise, scimServer } from './scim-server.ts';

const full = {
  schemas: [core, enterprise],
  userName: 'bjensen',
  externalId: 'bjensen',
  name: { formatted: 'Ms. Barbara J Jensen III', familyName: 'Jensen', givenName: 'Barbara' },
  title: 'Tour Guide',
  emails: [{ value: 'bjensen@example.com', type: 'work', primary: true }],
  roles: [{ value: 'Guide' }],
  [enterprise]: { department: 'Tours', manager: { value: 'x' } },
};

describe('RFC 7644 §3.5.1 PUT', () => {
  test('the example as it stands: 200 with the entire resource, Location and ETag', async () => {
    await using server = await scimServer();
    const { id } = await server.create({ ...full, roles: [{ value: 'x' }] });
    const put = await server.ask(
      'PUT',
      `/Users/${id}`,
      {
        schemas: [core],
        id: '2819c223-7f76-453a-919d-413861904646',
        userName: 'bjensen',
        externalId: 'bjensen',
        name: { formatted: 'Ms. Barbara J Jensen III', familyName: 'Jensen', givenName: 'Barbara', middleName: 'Jane' },
        roles: [],
        emails: [{ value: 'bjensen@example.com' }, { value: 'babs@jensen.org' }],
      },
      { headers: { 'if-match': 'W/"1"' } },
    );
    expect(put.status).toBe(200);
    expect(put.headers.get('location')).toBe(`https://connector.example/scim/v2/Users/${id}`);
    expect(put.headers.get('etag')).toBe('W/"2"');
    const { meta, ...body } = put.body;
    expect(body).toEqual({
      schemas: [core],
      id,
      externalId: 'bjensen',
      userName: 'bjensen',
      name: { formatted: 'Ms. Barbara J Jensen III', familyName: 'Jensen', givenName: 'Barbara', middleName: 'Jane' },
      active: true,
      emails: [{ value: 'bjensen@example.com' }, { value: 'babs@jensen.org' }],
    });
    expect(meta.version).toBe('W/"2"');
  });

  test.each([
    ['absent', {}],
    ['null', { externalId: null, name: null, title: null, emails: null, roles: null, [enterprise]: null }],
    ['empty', { externalId: '', name: {}, title: '', emails: [], roles: [], [enterprise]: {} }],
  ])('what is %s is cleared, sub-attributes and extensions included', async (_how, more) => {
    await using server = await scimServer();
    const { id } = await server.create(full);
    const { body } = await server.ask('PUT', `/Users/${id}`, {
      schemas: [core, enterprise],
      userName: 'bjensen',
      ...more,
    });
    expect(Object.keys(body)).toEqual(['schemas', 'id', 'userName', 'active', 'meta']);
    expect(body.schemas).toEqual([core]);
    const name = await server.ask('PUT', `/Users/${id}`, { ...full, name: { givenName: 'Babs' } });
    expect(name.body.name).toEqual({ givenName: 'Babs' });
  });

  test('an absent, null or empty active changes nothing: nobody is let in or out by an absence', async () => {
    await using server = await scimServer();
    for (const active of [true, false]) {
      const { id } = await server.create({ ...full, userName: `${active}`, active });
      for (const more of [{}, { active: null }, { active: '' }]) {
        const put = await server.ask('PUT', `/Users/${id}`, { schemas: [core], userName: `${active}`, ...more });
        expect(put.body.active).toBe(active);
      }
    }
  });

  test('"HTTP PUT MUST NOT be used to create new resources"; required attributes must be there', async () => {
    await using server = await scimServer();
    expect((await server.ask('PUT', `/Users/${randomUUID()}`, full)).status).toBe(404);
    const { id } = await server.create(full);
    for (const userName of [undefined, null, '', ' ']) {
      const { status, body } = await server.ask('PUT', `/Users/${id}`, { ...full, userName });
      expect([status, body.scimType]).toEqual([400, 'invalidValue']);
    }
    expect((await server.ask('PUT', `/Users/${id}`, { userName: 'x' })).body.scimType).toBe('invalidSyntax');
  });

  test('"readOnly: Any values provided SHALL be ignored"', async () => {
    await using server = await scimServer();
    const created = await server.create(full);
    const more = {
      id: 'x',
      groups: [{ value: 'g' }],
      meta: { version: 'W/"9"', resourceType: 'Group' },
      schemas: [core],
    };
    const put = await server.ask('PUT', `/Users/${created.id}`, { ...created, ...more });
    expect(put.body).toEqual(created);
  });

  test('the resource as it was read changes nothing: version, times and the record stay', async () => {
    await using server = await scimServer();
    const created = await server.create(full);
    server.clock.at += 60_000;
    const put = await server.ask('PUT', `/Users/${created.id}`, created);
    expect(put.body).toEqual(created);
    expect(put.headers.get('etag')).toBe('W/"1"');
  });
});
