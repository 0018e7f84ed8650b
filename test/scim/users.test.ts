// /Users section by section of RFC 7644, and what two clients at once may see.

import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { verifyAudit } from '../../connector/audit.ts';
import { people } from '../people.ts';
import { core, enterprise, patchOp, scimServer, start } from './scim-server.ts';

const encode = encodeURIComponent;

describe('RFC 7644 §3.3 create', () => {
  test('201, Location, ETag, meta; read-only attributes of the client are ignored', async () => {
    await using server = await scimServer();
    const answer = await server.ask('POST', '/Users', {
      schemas: [core],
      id: 'mine',
      userName: 'bjensen',
      externalId: 'bjensen',
      meta: { created: '1999-01-01T00:00:00Z', version: 'x' },
      name: { formatted: 'Ms. Barbara J Jensen III', familyName: 'Jensen', givenName: 'Barbara' },
    });
    const { id } = answer.body;
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const location = `https://connector.example/scim/v2/Users/${id}`;
    const time = new Date(start).toISOString();
    expect(answer.status).toBe(201);
    expect(answer.headers.get('location')).toBe(location);
    expect(answer.headers.get('etag')).toBe('W/"1"');
    expect(answer.body).toEqual({
      schemas: [core],
      id,
      externalId: 'bjensen',
      userName: 'bjensen',
      name: { formatted: 'Ms. Barbara J Jensen III', familyName: 'Jensen', givenName: 'Barbara' },
      active: true,
      meta: { resourceType: 'User', created: time, lastModified: time, version: 'W/"1"', location },
    });
  });

  test('names of attributes are case-insensitive (RFC 7643 §2.1); one that stands twice is refused', async () => {
    await using server = await scimServer();
    const { body } = await server.ask('POST', '/Users', { SCHEMAS: [core], USERNAME: 'a', Name: { FAMILYNAME: 'B' } });
    expect(body).toMatchObject({ userName: 'a', name: { familyName: 'B' } });
    const twice = await server.ask('POST', '/Users', { schemas: [core], userName: 'c', username: 'd' });
    expect([twice.status, twice.body.scimType]).toEqual([400, 'invalidSyntax']);
  });

  test('every sample person comes back as sent', async () => {
    await using server = await scimServer();
    for (const person of people) expect(await server.create(person)).toMatchObject(person);
    const { body } = await server.ask('GET', '/Users');
    expect([body.totalResults, body.itemsPerPage]).toEqual([people.length, people.length]);
    expect(await verifyAudit(server.sql, 'default')).toEqual({ entries: people.length + 1 });
  });

  test('409 uniqueness, whatever the case; of many at once exactly one wins', async () => {
    await using server = await scimServer();
    const names = ['Zoë@contoso.example', 'ZOË@CONTOSO.EXAMPLE', 'zoe\u0308@contoso.example'];
    const answers = await Promise.all(
      Array.from({ length: 24 }, (_, at) => server.ask('POST', '/Users', { schemas: [core], userName: names[at % 3] })),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    const losers = answers.filter(({ status }) => status !== 201);
    expect(losers.every(({ status, body }) => status === 409 && body.scimType === 'uniqueness')).toBe(true);
    expect((await server.ask('GET', '/Users')).body.totalResults).toBe(1);
  });
});

describe('RFC 7644 §3.4.2 list', () => {
  test('§3.4.2.4 pages: true totals, order of creation, startIndex and count in every odd form', async () => {
    await using server = await scimServer();
    for (let number = 0; number < 7; number++) {
      server.clock.at += 1;
      await server.create({ userName: `u${number}`, active: number % 2 === 0 });
    }
    const page = async (query: string) => {
      const { status, body } = await server.ask('GET', `/Users?${query}`);
      const names = body.Resources?.map((one: { userName: string }) => one.userName).join(' ');
      return [status, body.totalResults, body.startIndex, body.itemsPerPage, names];
    };
    expect(await page('startIndex=1&count=3')).toEqual([200, 7, 1, 3, 'u0 u1 u2']);
    expect(await page('startIndex=7&count=3')).toEqual([200, 7, 7, 1, 'u6']);
    expect(await page('startIndex=8&count=3')).toEqual([200, 7, 8, 0, '']);
    expect(await page('startIndex=99')).toEqual([200, 7, 99, 0, '']);
    expect(await page('startIndex=-4&count=2')).toEqual([200, 7, 1, 2, 'u0 u1']);
    expect(await page('count=0')).toEqual([200, 7, 1, 0, '']);
    expect(await page('count=-1')).toEqual([200, 7, 1, 0, '']);
    expect(await page('count=5000')).toEqual([200, 7, 1, 7, 'u0 u1 u2 u3 u4 u5 u6']);
    expect(await page(`count=2&startIndex=2&filter=${encode('active eq true')}`)).toEqual([200, 4, 2, 2, 'u2 u4']);
    expect(await page(`count=0&filter=${encode('active eq false')}`)).toEqual([200, 3, 1, 0, '']);
  });

  test.each([['startIndex=x'], ['count=1.5'], ['count='], ['count=1&count=2'], ['filter=a&filter=b']])(
    '%s is 400 invalidValue',
    async (query) => {
      await using server = await scimServer();
      const answer = await server.ask('GET', `/Users?${query}`);
      expect([answer.status, answer.body.scimType]).toEqual([400, 'invalidValue']);
    },
  );

  test('§3.4.2.2 what is no filter is 400 invalidFilter with its position', async () => {
    await using server = await scimServer();
    for (const [filter, position] of [
      ['userName regex "a"', 9],
      ['active eq true and tittle eq "Nurse"', 19],
      ['emails[primary gt true]', 15],
      ['', 0],
    ]) {
      const { status, body } = await server.ask('GET', `/Users?filter=${encode(String(filter))}`);
      expect([filter, status, body.scimType]).toEqual([filter, 400, 'invalidFilter']);
      expect(body.detail).toContain(`position ${position}`);
    }
  });

  test('a filter is data: quotes, wildcards and SQL in it are letters', async () => {
    await using server = await scimServer();
    await server.create({ userName: `o'brien%_"\\`, displayName: 'Nora 😀' });
    const total = async (filter: string) =>
      (await server.ask('GET', `/Users?filter=${encode(filter)}`)).body.totalResults;
    expect(await total(`userName eq "o'brien%_\\"\\\\"`)).toBe(1);
    expect(await total(`userName co "%_"`)).toBe(1);
    expect(await total(`userName co "n_"`)).toBe(0);
    expect(await total(`userName sw "%"`)).toBe(0);
    expect(await total(`displayName ew "😀"`)).toBe(1);
    expect(await total(`displayName ew "a 😀"`)).toBe(1);
    expect(await total(`userName eq "x' or '1'='1"`)).toBe(0);
  });

  test('§3.9 attributes and excludedAttributes; id and schemas always come', async () => {
    await using server = await scimServer();
    const { id } = await server.create({
      userName: 'ada',
      name: { givenName: 'Ada', familyName: 'Lovelace' },
      emails: [{ value: 'a@b.example', type: 'work' }],
      [enterprise]: { department: 'Engines', costCenter: '1' },
    });
    const get = async (query: string) => (await server.ask('GET', `/Users/${id}?${query}`)).body;
    const always = { schemas: [core, enterprise], id };
    expect(await get('attributes=userName')).toEqual({ ...always, userName: 'ada' });
    expect(await get(`attributes=NAME.givenname,emails.value,${enterprise}:department`)).toEqual({
      ...always,
      name: { givenName: 'Ada' },
      emails: [{ value: 'a@b.example' }],
      [enterprise]: { department: 'Engines' },
    });
    expect(await get(`attributes=${enterprise}`)).toEqual({
      ...always,
      [enterprise]: { department: 'Engines', costCenter: '1' },
    });
    expect(await get('excludedAttributes=meta,id,name.familyName,emails,active')).toEqual({
      ...always,
      userName: 'ada',
      name: { givenName: 'Ada' },
      [enterprise]: { department: 'Engines', costCenter: '1' },
    });
    const list = await server.ask('GET', '/Users?attributes=userName');
    expect(list.body.Resources).toEqual([{ ...always, userName: 'ada' }]);
    expect((await server.ask('GET', `/Users/${id}?attributes=a&excludedAttributes=b`)).status).toBe(400);
  });

  test('a parameter that is refused has changed nothing', async () => {
    await using server = await scimServer();
    const { id } = await server.create({ userName: 'ada' });
    const both = '?attributes=userName&excludedAttributes=meta';
    const user = { schemas: [core], userName: 'bob' };
    const operation = { op: 'replace', path: 'active', value: false };
    const body = { schemas: [patchOp], Operations: [operation] };
    expect((await server.ask('POST', `/Users${both}`, user)).status).toBe(400);
    expect((await server.ask('PUT', `/Users/${id}${both}`, user)).status).toBe(400);
    expect((await server.ask('PATCH', `/Users/${id}${both}`, body)).status).toBe(400);
    const { body: all } = await server.ask('GET', '/Users');
    expect([all.totalResults, all.Resources[0].userName, all.Resources[0].active]).toEqual([1, 'ada', true]);
  });

  test('§3.4.3 POST /Users/.search is the same list', async () => {
    await using server = await scimServer();
    await server.create({ userName: 'ada' });
    await server.create({ userName: 'bob' });
    const schemas = ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'];
    const found = await server.ask('POST', '/Users/.search', {
      schemas,
      filter: 'userName sw "b"',
      attributes: ['userName'],
      startIndex: 1,
      count: 10,
    });
    expect(found.body).toMatchObject({ totalResults: 1, Resources: [{ userName: 'bob' }] });
    expect((await server.ask('POST', '/Users/.search', { filter: 'x' })).status).toBe(400);
  });
});

describe('RFC 7644 §3.5.1 PUT', () => {
  test('replaces, clears what is absent or null, and answers the whole resource', async () => {
    await using server = await scimServer();
    const { id } = await server.create({
      userName: 'ada',
      title: 'Countess',
      nickName: 'A',
      emails: [{ value: 'a@b.example' }],
    });
    server.clock.at += 1000;
    const put = await server.ask('PUT', `/Users/${id}`, {
      schemas: [core],
      userName: 'ada',
      title: null,
      displayName: 'Ada',
    });
    expect(put.status).toBe(200);
    expect(put.headers.get('etag')).toBe('W/"2"');
    expect(Object.keys(put.body)).toEqual(['schemas', 'id', 'userName', 'displayName', 'active', 'meta']);
    expect(put.body.meta).toMatchObject({
      created: new Date(start).toISOString(),
      lastModified: new Date(start + 1000).toISOString(),
    });
  });

  test('never creates; without userName it is refused; a taken userName is 409', async () => {
    await using server = await scimServer();
    await server.create({ userName: 'taken' });
    const { id } = await server.create({ userName: 'ada' });
    expect((await server.ask('PUT', `/Users/${randomUUID()}`, { schemas: [core], userName: 'x' })).status).toBe(404);
    expect((await server.ask('PUT', `/Users/${id}`, { schemas: [core] })).body.scimType).toBe('invalidValue');
    expect((await server.ask('PUT', `/Users/${id}`, { schemas: [core], userName: 'TAKEN' })).status).toBe(409);
    expect((await server.ask('GET', `/Users/${id}`)).body.userName).toBe('ada');
  });
});

describe('RFC 7644 §3.14 versions', () => {
  test('a write that changes nothing keeps ETag, lastModified and the record', async () => {
    await using server = await scimServer();
    const created = await server.create({ userName: 'ada', title: 'Countess' });
    const entries = (await verifyAudit(server.sql, 'default')).entries;
    server.clock.at += 60_000;
    const same = await server.patch(created.id, { op: 'replace', path: 'title', value: 'Countess' });
    expect(same.body).toEqual(created);
    expect((await verifyAudit(server.sql, 'default')).entries).toBe(entries);
  });

  test('If-Match: 412 for a stale one; of many writers with the same tag one wins', async () => {
    await using server = await scimServer();
    const { id } = await server.create({ userName: 'ada' });
    const write = (value: string, tag: string) =>
      server.ask(
        'PATCH',
        `/Users/${id}`,
        { schemas: [patchOp], Operations: [{ op: 'replace', path: 'title', value }] },
        { headers: { 'if-match': tag } },
      );
    const answers = await Promise.all(Array.from({ length: 10 }, (_, at) => write(`t${at}`, 'W/"1"')));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(9).fill(412)]);
    expect((await write('x', 'W/"1", W/"2"')).status).toBe(200);
    expect((await write('y', '*')).status).toBe(200);
    expect((await server.ask('DELETE', `/Users/${id}`, undefined, { headers: { 'if-match': 'W/"1"' } })).status).toBe(
      412,
    );
    expect((await server.ask('DELETE', `/Users/${id}`, undefined, { headers: { 'if-match': 'W/"4"' } })).status).toBe(
      204,
    );
  });

  test('If-None-Match: 304 without a body', async () => {
    await using server = await scimServer();
    const { id } = await server.create({ userName: 'ada' });
    const answer = await server.ask('GET', `/Users/${id}`, undefined, { headers: { 'if-none-match': 'W/"1"' } });
    expect([answer.status, answer.text, answer.headers.get('etag')]).toEqual([304, '', 'W/"1"']);
    expect((await server.ask('GET', `/Users/${id}`, undefined, { headers: { 'if-none-match': 'W/"9"' } })).status).toBe(
      200,
    );
  });
});

describe('two organisations', () => {
  test('neither sees, finds, changes or collides with the other', async () => {
    await using server = await scimServer();
    const other = { token: server.otherToken };
    const { id } = await server.create({
      userName: 'ada',
      externalId: 'x',
      emails: [{ value: 'a@b.example', type: 'work' }],
    });
    for (const [method, body] of [
      ['GET', undefined],
      ['PUT', { schemas: [core], userName: 'mine' }],
      ['PATCH', { schemas: [patchOp], Operations: [{ op: 'replace', path: 'active', value: false }] }],
      ['DELETE', undefined],
    ] as const) {
      expect([method, (await server.ask(method, `/Users/${id}`, body, other)).status]).toEqual([method, 404]);
    }
    for (const filter of [
      'userName eq "ada"',
      'externalId eq "x"',
      `id eq "${id}"`,
      'emails.value eq "a@b.example"',
      'userName pr',
      'not (userName eq "z")',
    ]) {
      const { body } = await server.ask('GET', `/Users?filter=${encode(filter)}`, undefined, other);
      expect([filter, body.totalResults]).toEqual([filter, 0]);
    }
    expect((await server.ask('GET', '/Users', undefined, other)).body.totalResults).toBe(0);
    expect(
      (await server.ask('POST', '/Users', { schemas: [core], userName: 'ADA', externalId: 'x' }, other)).status,
    ).toBe(201);
    expect((await server.ask('GET', `/Users/${id}`)).body).toMatchObject({ userName: 'ada', active: true });
    expect((await verifyAudit(server.sql, 'fabrikam')).entries).toBe(2);
  });
});

describe('our extension for Microsoft Graph', () => {
  const extension = 'urn:resetandresend:scim:schemas:extension:graph:2.0:User';
  const schemas = [core, extension];

  test.each([
    ['passwordPolicies', 'EverythingGoes'],
    ['passwordPolicies', 'None, DisableStrongPassword'],
    ['usageLocation', 'United Kingdom'],
    ['mailNickname', 'a@b'],
    ['mailNickname', 'a'.repeat(65)],
    ['onPremisesImmutableId', 'a_b'],
    ['onPremisesDomainName', 'x'.repeat(256)],
    ['employeeType', 'one\u0000two'],
  ])('holds what Graph’s property holds: no %s “%s”', async (name, value) => {
    await using server = await scimServer();
    const created = await server.ask('POST', '/Users', { schemas, userName: 'a', [extension]: { [name]: value } });
    expect([created.status, created.body.scimType]).toEqual([400, 'invalidValue']);
    const { id } = await server.create({ schemas: [core], userName: 'b' });
    const Operations = [{ op: 'add', path: `${extension}:${name}`, value }];
    const patched = await server.ask('PATCH', `/Users/${id}`, { schemas: [patchOp], Operations });
    expect([patched.status, patched.body.scimType]).toEqual([400, 'invalidValue']);
  });

  test('takes a list of policies', async () => {
    await using server = await scimServer();
    const passwordPolicies = 'DisablePasswordExpiration, DisableStrongPassword';
    const body = { schemas, userName: 'a', [extension]: { passwordPolicies, usageLocation: 'GB' } };
    expect(await server.create(body)).toMatchObject(body);
  });
});
