// RFC 7643: its own examples as they stand, and the characteristics of attributes, at the door.

import { describe, expect, test } from 'vitest';
import { readCredential } from '../../connector/store/credentials.ts';
import * as examples from './rfc7643-examples.ts';
import { core, enterprise, groupSchema, makeToken, patchOp, scimServer, start } from './scim-server.ts';

const base = 'https://connector.example/scim/v2';

/** What of an example comes back: read-only attributes are the service provider's (RFC 7644 §3.3). */
function kept(user: Record<string, unknown>): Record<string, unknown> {
  const { id: _id, meta: _meta, groups: _groups, password: _password, ...rest } = user;
  const [certificate] = (rest.x509Certificates ?? []) as { value: string }[];
  const { manager: _manager, ...extension } = (rest[enterprise] ?? {}) as Record<string, unknown>;
  return {
    ...rest,
    ...(certificate ? { x509Certificates: [{ value: certificate.value.replace(/\s/g, '') }] } : {}),
    ...(enterprise in rest ? { [enterprise]: extension } : {}),
  };
}

describe('RFC 7643 §8 examples', () => {
  test.each([
    ['§8.1 minimal User', examples.minimalUser],
    ['§8.2 full User', examples.fullUser],
    ['§8.3 enterprise User', examples.enterpriseUser],
  ])('%s: POST, GET, and PUT of the same', async (_name, example) => {
    await using server = await scimServer();
    const posted = await server.ask('POST', '/Users', example);
    expect(posted.status).toBe(201);
    const { id } = posted.body;
    expect(posted.body).toMatchObject(kept(example));
    expect(id).not.toBe(example.id);
    expect(posted.body.meta).toEqual({
      resourceType: 'User',
      created: new Date(start).toISOString(),
      lastModified: new Date(start).toISOString(),
      version: 'W/"1"',
      location: `${base}/Users/${id}`,
    });
    expect(posted.body).not.toHaveProperty('groups');
    expect(posted.text).not.toContain('t1meMa$heen');
    expect((await server.ask('GET', `/Users/${id}`)).text).toBe(posted.text);
    expect((await server.ask('PUT', `/Users/${id}`, example)).text).toBe(posted.text);
  });

  test('§8.3 the manager is who is meant, by id; its displayName is the service provider’s', async () => {
    await using server = await scimServer();
    const { body } = await server.ask('POST', '/Users', examples.enterpriseUser);
    const { value } = examples.enterpriseUser[enterprise].manager;
    expect(body[enterprise].manager).toEqual({ value, $ref: `${base}/Users/${value}` });
  });

  test('§8.4 Group, with the ids that its members have here', async () => {
    await using server = await scimServer();
    const people: { id: string }[] = [];
    for (const { display } of examples.group.members) {
      server.clock.at++;
      people.push(await server.create({ userName: display, displayName: display }));
    }
    const members = examples.group.members.map((member, at) => ({ ...member, value: people[at]?.id }));
    const posted = await server.ask('POST', '/Groups', { ...examples.group, members });
    expect(posted.status).toBe(201);
    expect(posted.body).toMatchObject({
      schemas: [groupSchema],
      displayName: 'Tour Guides',
      members: members.map(({ value, display }) => ({ value, display, type: 'User', $ref: `${base}/Users/${value}` })),
    });
    expect((await server.ask('GET', `/Groups/${posted.body.id}`)).text).toBe(posted.text);
  });
});

describe('RFC 7643 §2', () => {
  test('§2.1 attribute names are case-insensitive, in bodies and paths', async () => {
    await using server = await scimServer();
    const user = await server.create({
      USERNAME: 'ada',
      Emails: [{ VALUE: 'a@b.example', Primary: true, TYPE: 'Work' }],
      [enterprise.toUpperCase()]: { Department: 'Engines', MANAGER: { Value: 'x' } },
    });
    expect(user).toMatchObject({
      userName: 'ada',
      emails: [{ value: 'a@b.example', primary: true, type: 'work' }],
      [enterprise]: { department: 'Engines', manager: { value: 'x' } },
    });
  });

  test.each([
    ['§2.3.1 string', { nickName: 5 }],
    ['§2.3.2 boolean', { active: 'perhaps' }],
    ['§2.3.6 binary', { x509Certificates: [{ value: 'not base64!' }] }],
    ['§2.3.7 reference', { profileUrl: 'not a URI' }],
    ['§2.3.8 complex', { name: 'Ada' }],
    ['§2.3.8 complex', { name: [{ givenName: 'Ada' }] }],
    ['§2.4 multi-valued', { emails: { value: 'a@b.example' } }],
    [
      '§2.4 primary more than once',
      {
        emails: [
          { value: 'a', primary: true },
          { value: 'b', primary: true },
        ],
      },
    ],
  ])('%s: another type is 400 invalidValue', async (_name, more) => {
    await using server = await scimServer();
    const { status, body } = await server.ask('POST', '/Users', { schemas: [core], userName: 'ada', ...more });
    expect([status, body.scimType]).toEqual([400, 'invalidValue']);
  });

  test('§2.4 the same (type, value) does not come back twice', async () => {
    await using server = await scimServer();
    const emails = [
      { value: 'a@b.example', type: 'work' },
      { value: 'a@b.example', type: 'home' },
      { value: 'a@b.example', type: 'work', display: 'again' },
    ];
    expect((await server.create({ userName: 'ada', emails })).emails).toEqual(emails.slice(0, 2));
  });

  test('§2.5 null, [] and absent are the same state', async () => {
    await using server = await scimServer();
    const { id, ...user } = await server.create({
      userName: 'ada',
      title: null,
      emails: [],
      name: { givenName: null },
    });
    for (const name of ['title', 'emails', 'name']) expect(user).not.toHaveProperty(name);
    expect((await server.ask('GET', `/Users/${id}`)).body.meta.version).toBe('W/"1"');
  });
});

describe('RFC 7643 §3', () => {
  test('"schemas" names what is in use, once each, and nothing that is not ours', async () => {
    await using server = await scimServer();
    const { schemas } = await server.create({
      schemas: [enterprise, core, core, 'urn:example:other'],
      userName: 'ada',
      [enterprise]: { department: 'x' },
      'urn:example:other': { a: 1 },
    });
    expect(schemas).toEqual([core, enterprise]);
    const without = await server.create({ schemas: [core, enterprise], userName: 'bob' });
    expect(without.schemas).toEqual([core]);
  });

  test('§3.1 id and meta are issued by the service provider, and "SHALL be ignored when provided by clients"', async () => {
    await using server = await scimServer();
    const { id, meta } = await server.create({
      userName: 'ada',
      id: 'mine',
      meta: { created: '2001-01-01T00:00:00Z' },
    });
    expect(id).not.toBe('mine');
    expect(id).not.toContain('bulkId');
    expect(meta.created).toBe(new Date(start).toISOString());
  });
});

describe('RFC 7643 §4.1.1 password', () => {
  const good = 'Zx7-brunel-engine';

  async function world() {
    const server = await scimServer();
    const token = await makeToken(server.sql, 'default', start, undefined, ['scim', 'scim.password']);
    const credential = (id: string) => server.sql.run((tx) => readCredential(tx, 'default', id));
    return { server, asked: { token }, credential };
  }
  const user = { schemas: [core], userName: 'ada@contoso.example', displayName: 'Ada Lovelace' };

  test('a token of scope scim.password sets it on create, by PUT and by PATCH; it never comes back', async () => {
    const { server, asked, credential } = await world();
    await using _ = server;
    const created = await server.ask('POST', '/Users', { ...user, password: good }, asked);
    expect([created.status, created.body.password]).toEqual([201, undefined]);
    const { id } = created.body;
    expect(await credential(id)).toMatchObject({ version: 1, forceChange: false, changedBy: 'sync' });
    const put = await server.ask('PUT', `/Users/${id}`, { ...user, password: `${good}2` }, asked);
    expect([put.status, (await credential(id))?.version]).toEqual([200, 2]);
    for (const operation of [
      { op: 'replace', value: { password: `${good}3` } },
      { op: 'add', path: 'password', value: `${good}4` },
      { op: 'replace', path: `${core}:password`, value: `${good}5` },
    ]) {
      const body = { schemas: [patchOp], Operations: [operation] };
      expect((await server.ask('PATCH', `/Users/${id}`, body, asked)).status).toBe(200);
    }
    expect((await credential(id))?.version).toBe(5);
    expect((await server.ask('GET', `/Users/${id}?attributes=password`)).body).toEqual({ schemas: [core], id });
    const stored = await server.sql.all<{ resource: string }>`select resource from app_user`;
    const records = await server.sql.all<{ action: string; detail: string; actor: string }>`select * from audit`;
    expect(JSON.stringify([stored, records, server.log])).not.toContain('brunel');
    expect(records.filter(({ action }) => action === 'password.changed')).toHaveLength(5);
  });

  test('the organisation’s policy holds: 400 invalidValue with the sentence, and nothing is written', async () => {
    const { server, asked, credential } = await world();
    await using _ = server;
    for (const password of ['short', 'lovelace-1815-X', 'onlysmallletters', 'Pässwörter-99', 'x'.repeat(2000)]) {
      const { status, body } = await server.ask('POST', '/Users', { ...user, password }, asked);
      expect([password.slice(0, 20), status, body.scimType]).toEqual([password.slice(0, 20), 400, 'invalidValue']);
      expect(body.detail).not.toContain(password);
    }
    const { id } = await server.create(user);
    const operations = [
      { op: 'replace', path: 'title', value: 'Countess' },
      { op: 'replace', path: 'password', value: 'short' },
    ];
    const patch = await server.ask('PATCH', `/Users/${id}`, { schemas: [patchOp], Operations: operations }, asked);
    expect([patch.status, patch.body.scimType]).toEqual([400, 'invalidValue']);
    expect((await server.ask('GET', `/Users/${id}`)).body).not.toHaveProperty('title');
    expect(await credential(id)).toBeUndefined();
  });

  test('another type is refused; "" and null assign nothing; it cannot be filtered or sorted by', async () => {
    const { server, asked, credential } = await world();
    await using _ = server;
    expect((await server.ask('POST', '/Users', { ...user, password: 5 }, asked)).body.scimType).toBe('invalidValue');
    const { id } = (await server.ask('POST', '/Users', { ...user, password: '' }, asked)).body;
    expect(await credential(id)).toBeUndefined();
    const filter = encodeURIComponent(`password eq "${good}"`);
    expect((await server.ask('GET', `/Users?filter=${filter}`)).body.scimType).toBe('invalidFilter');
    expect((await server.ask('GET', `/Users?filter=${encodeURIComponent('password pr')}`)).status).toBe(400);
  });

  test('without the scope POST and PUT pass it over, and PATCH is 403: nothing is set', async () => {
    const { server, credential } = await world();
    await using _ = server;
    const { id } = await server.create({ ...user, password: good });
    await server.ask('PUT', `/Users/${id}`, { ...user, password: good });
    const patch = await server.patch(id, { op: 'replace', path: 'password', value: good });
    expect([patch.status, patch.headers.get('www-authenticate')]).toEqual([403, expect.stringContaining('scope')]);
    expect(await credential(id)).toBeUndefined();
  });
});
