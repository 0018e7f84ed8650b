// RFC 7644 from §3.1 to §4, section by section: its requests as they stand and what must come back. PUT, PATCH, Bulk,
// sorting and cursors have files of their own.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { core, enterprise, errorSchema, patchOp, scimServer } from './scim-server.ts';

type Server = Awaited<ReturnType<typeof scimServer>>;
type Answer = Awaited<ReturnType<Server['ask']>>;
interface Resource {
  readonly id: string;
  readonly userName?: string;
  readonly schemas: readonly string[];
  readonly meta: Record<string, string>;
}

const coreGroup = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const listResponse = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';
const base = 'https://connector.example/scim/v2';

let server: Server;
let barbara: Resource;
let smith: Resource;
let guides: Resource;

/** §3.3: the example. */
const bjensen = {
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
  userName: 'bjensen',
  externalId: 'bjensen',
  name: { formatted: 'Ms. Barbara J Jensen III', familyName: 'Jensen', givenName: 'Barbara' },
};

beforeAll(async () => {
  server = await scimServer();
  barbara = (await server.ask('POST', '/Users', bjensen)).body;
  // Lists are in the order of creation, which is not told within a millisecond.
  server.clock.at += 1000;
  smith = await server.create({
    ...{ userName: 'jsmith', displayName: 'Smith, James', title: 'Guide', active: true },
    emails: [{ value: 'jsmith@example.com', type: 'work', primary: true }],
    phoneNumbers: [{ value: '555-555-8377', type: 'work' }],
    [enterprise]: { department: 'Tours', manager: { value: barbara.id } },
  });
  guides = await server.createGroup({ displayName: 'Tour Guides', members: [{ value: smith.id }] });
});
afterAll(() => server[Symbol.asyncDispose]());

const get = (path: string, headers: Record<string, string> = {}) => server.ask('GET', path, undefined, { headers });
const query = (path: string, parameters: Record<string, string>) => get(`${path}?${new URLSearchParams(parameters)}`);
const sent = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  server.ask(method, path, body, { headers });
/** Status and scimType, and that it is an Error message. */
function errorOf(answer: Answer): unknown[] {
  expect(answer.body).toMatchObject({ schemas: [errorSchema], status: String(answer.status) });
  expect(answer.body.detail).toMatch(/\.$/);
  return [answer.status, ...(answer.body.scimType === undefined ? [] : [answer.body.scimType])];
}

describe('§3.1, §3.8 messages', () => {
  test.each(['/Users', '/Groups', '/Schemas', '/ResourceTypes', '/ServiceProviderConfig', '/Users/nobody', '/', '/Me'])(
    'every answer is application/scim+json: %s',
    async (path) => {
      expect((await get(path)).headers.get('content-type')).toBe('application/scim+json');
    },
  );

  test.each(['application/scim+json', 'application/json', '*/*', 'application/scim+json; charset=utf-8', 'text/html'])(
    'Accept: %s',
    async (accept) => {
      const { status, headers } = await get('/Users', { accept });
      expect([status, headers.get('content-type')]).toEqual([200, 'application/scim+json']);
    },
  );

  test.each(['application/scim+json', 'application/json', 'application/scim+json; charset=utf-8', 'APPLICATION/JSON'])(
    'Content-Type: %s',
    async (type) => {
      const body = JSON.stringify({ schemas: [core], userName: 'bjensen' });
      expect(errorOf(await sent('POST', '/Users', body, { 'content-type': type }))).toEqual([409, 'uniqueness']);
    },
  );

  test('§3.8 UTF-8 in and out', async () => {
    const { id } = await server.create({ userName: 'çağrı', displayName: '李 🙂 ليلى' });
    expect((await get(`/Users/${id}`)).body).toMatchObject({ userName: 'çağrı', displayName: '李 🙂 ليلى' });
    expect((await query('/Users', { filter: 'userName eq "ÇAĞRI"' })).body.totalResults).toBe(0);
    expect((await query('/Users', { filter: 'userName eq "Çağrı"' })).body.totalResults).toBe(1);
    await sent('DELETE', `/Users/${id}`);
  });

  test('§3.1 message schemas are not to be found among /Schemas', async () => {
    const { body } = await get('/Schemas');
    expect(body.Resources.some(({ id }: Resource) => id.startsWith('urn:ietf:params:scim:api:'))).toBe(false);
    expect(errorOf(await get(`/Schemas/${listResponse}`))).toEqual([404]);
  });
});

describe('§3.2 endpoints and methods', () => {
  test.each([
    ['PUT', '/Users', 405],
    ['PATCH', '/Users', 405],
    ['DELETE', '/Users', 405],
    ['PUT', '/Groups', 405],
    ['DELETE', '/Groups', 405],
    ['POST', '/ServiceProviderConfig', 405],
    ['DELETE', '/Schemas', 405],
    ['PATCH', '/ResourceTypes', 405],
    ['GET', '/Bulk', 405],
    ['PUT', '/.search', 405],
    ['GET', '/Nothing', 404],
    ['POST', '/Nothing', 404],
    ['GET', '/users/x/y', 404],
  ])('%s %s is %d', async (method, path, status) => {
    const answer = await sent(method, path, method === 'GET' || method === 'DELETE' ? undefined : {});
    expect(errorOf(answer)).toEqual([status]);
    expect(answer.headers.has('allow')).toBe(status === 405);
  });
});

describe('§3.3 creating resources', () => {
  test('the example: 201, Location, ETag, the whole resource', async () => {
    const answer = await sent('POST', '/Users', { ...bjensen, userName: 'bjensen.2' });
    const { id } = answer.body;
    const now = new Date(server.clock.at).toISOString();
    expect(answer.status).toBe(201);
    expect(answer.headers.get('location')).toBe(`${base}/Users/${id}`);
    expect(answer.headers.get('etag')).toBe(answer.body.meta.version);
    expect(answer.body).toEqual({
      ...{ ...bjensen, userName: 'bjensen.2', id, active: true },
      meta: {
        ...{ resourceType: 'User', created: now, lastModified: now },
        ...{ location: `${base}/Users/${id}`, version: 'W/"1"' },
      },
    });
    expect((await sent('DELETE', `/Users/${id}`)).status).toBe(204);
  });

  test('"attributes whose mutability is readOnly SHALL be ignored"', async () => {
    const mine = {
      id: 'mine',
      meta: { resourceType: 'Group', created: '2000-01-01T00:00:00Z' },
      groups: [{ value: 'x' }],
    };
    const { status, body } = await sent('POST', '/Users', { schemas: [core], userName: 'ro', ...mine });
    expect([status, body.id === 'mine', body.meta.resourceType, body.groups]).toEqual([201, false, 'User', undefined]);
    expect(body.meta.created).not.toMatch(/^2000/);
    await sent('DELETE', `/Users/${body.id}`);
  });

  test('null and [] assign nothing', async () => {
    const { status, body } = await sent('POST', '/Users', {
      ...{ schemas: [core], userName: 'nulls', title: null, emails: [], name: null, addresses: null },
    });
    expect([status, ...['title', 'emails', 'name', 'addresses'].filter((name) => name in body)]).toEqual([201]);
    await sent('DELETE', `/Users/${body.id}`);
  });

  test.each<[string, string, object]>([
    ['a User of this userName', '/Users', { schemas: [core], userName: 'bjensen' }],
    ['in another case', '/Users', { schemas: [core], userName: 'BJensen' }],
  ])('409 uniqueness: %s', async (_what, path, body) => {
    expect(errorOf(await sent('POST', path, body))).toEqual([409, 'uniqueness']);
  });

  test.each<[string, string, unknown, string]>([
    ['no schemas', '/Users', { userName: 'x' }, 'invalidSyntax'],
    ['schemas of another type', '/Users', { schemas: [coreGroup], userName: 'x' }, 'invalidSyntax'],
    ['no userName', '/Users', { schemas: [core] }, 'invalidValue'],
    ['no displayName', '/Groups', { schemas: [coreGroup] }, 'invalidValue'],
    ['a number for a text', '/Users', { schemas: [core], userName: 'x', title: 5 }, 'invalidValue'],
    ['a text for a complex attribute', '/Users', { schemas: [core], userName: 'x', name: 'x' }, 'invalidValue'],
    ['a text for a boolean', '/Users', { schemas: [core], userName: 'x', active: 'yes' }, 'invalidValue'],
    [
      'a member that nobody is',
      '/Groups',
      { schemas: [coreGroup], displayName: 'x', members: [{ value: 'x' }] },
      'invalidValue',
    ],
    ['no JSON', '/Users', '{', 'invalidSyntax'],
  ])('400: %s', async (_what, path, body, scimType) => {
    expect(errorOf(await sent('POST', path, body))).toEqual([400, scimType]);
  });

  test('§3.3.1 resourceType is that of the endpoint', () => {
    expect([barbara.meta.resourceType, guides.meta.resourceType]).toEqual(['User', 'Group']);
  });
});

describe('§3.4.1 a known resource', () => {
  test('the example', async () => {
    const { status, headers, body } = await get(`/Users/${barbara.id}`, { accept: 'application/scim+json' });
    expect([status, headers.get('location'), headers.get('etag')]).toEqual([
      200,
      `${base}/Users/${barbara.id}`,
      body.meta.version,
    ]);
    expect(body).toEqual(barbara);
  });

  test.each([
    '/Users/2819c223-7f76-453a-919d-413861904646',
    '/Groups/x',
    '/Users/%20',
    '/Schemas/urn:x',
    '/ResourceTypes/x',
  ])('404: %s', async (path) => expect(errorOf(await get(path))).toEqual([404]));

  test('a User is not found among the Groups', async () => {
    expect(errorOf(await get(`/Groups/${barbara.id}`))).toEqual([404]);
  });

  test('HEAD is GET without a body', async () => {
    const { status, headers, text } = await sent('HEAD', `/Users/${barbara.id}`);
    expect([status, headers.get('etag'), text]).toEqual([200, barbara.meta.version, '']);
  });
});

describe('§3.4.2 query', () => {
  test('the example: attributes=userName', async () => {
    const { body } = await get('/Users?attributes=userName');
    expect(body).toMatchObject({ schemas: [listResponse], totalResults: 2, startIndex: 1, itemsPerPage: 2 });
    expect(body.Resources).toEqual([
      { schemas: [core], id: barbara.id, userName: 'bjensen' },
      { schemas: [core, enterprise], id: smith.id, userName: 'jsmith' },
    ]);
  });

  test('no match is 200 with totalResults 0', async () => {
    const { status, body } = await query('/Users', { filter: 'userName eq "nobody"' });
    expect([status, body.totalResults, body.Resources]).toEqual([200, 0, []]);
  });

  test('"SHOULD ignore any query parameters they do not recognize"', async () => {
    expect((await get('/Users?whatever=1&aadOptscim062020&x=y&x=z')).status).toBe(200);
  });

  test('each resource of a list has its meta.version and location', async () => {
    const { body } = await get('/Users');
    for (const { id, meta } of body.Resources as Resource[]) {
      const one = await get(`/Users/${id}`);
      expect([meta.location, meta.version]).toEqual([one.headers.get('location'), one.headers.get('etag')]);
    }
  });

  test.each([
    ['userName Eq "bjensen"', 1],
    ['Username eq "bjensen"', 1],
    ['USERNAME EQ "BJENSEN"', 1],
    ['userName eq "bjensen" AND name.familyName Eq "jensen"', 1],
    ['NOT (userName eq "bjensen")', 1],
    ['userName sw "bj" Or userName sw "js"', 2],
    ['name.familyName co "ens"', 1],
    ['urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J"', 1],
    ['title pr and userType pr', 0],
    ['title pr or userType pr', 1],
    ['emails co "example.com"', 1],
    ['emails.value co "example.com"', 1],
    ['emails[type eq "work" and value co "@example.com"]', 1],
    ['emails[type eq "home" and value co "@example.com"]', 0],
    ['emails[type eq "work"] and phoneNumbers[type eq "work"]', 1],
    ['meta.lastModified gt "2011-05-13T04:42:34Z"', 2],
    ['meta.lastModified lt "2011-05-13T04:42:34Z"', 0],
    ['schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"', 1],
    [`${enterprise}:department eq "tours"`, 1],
    ['externalId eq "bjensen"', 1],
    ['externalId eq "BJENSEN"', 0],
    ['groups.display eq "tour guides"', 1],
    ['active eq true', 2],
    ['((userName pr))', 2],
    ['userName eq "\\u0062jensen"', 1],
    ['userName  eq   "bjensen" ', 1],
  ])('§3.4.2.2 %s finds %d', async (filter, found) => {
    const { status, body } = await query('/Users', { filter });
    expect([status, body.totalResults]).toEqual([200, found]);
  });

  test.each([
    ['userName regex "a"'],
    ['userName'],
    ['eq "a"'],
    ['userName eq'],
    ['userName eq bjensen'],
    ["userName eq 'bjensen'"],
    ['userName eq "a" and'],
    ['userName eq "a" xor title pr'],
    ['(userName pr'],
    ['userName pr)'],
    ['emails[type eq "work"'],
    ['emails[emails[type eq "work"]]'],
    ['not userName pr'],
    ['userName pr title pr'],
    [''],
    [' '],
    ['active gt true'],
    ['active sw "t"'],
    ['x509Certificates.value lt "a"'],
    ['userName gt null'],
    ['userName eq 5'],
    ['meta.created eq "x"'],
    ['name eq "x"'],
    ['password pr'],
    ['unknown eq "x"'],
  ])('§3.4.2.2 %j is 400 invalidFilter', async (filter) => {
    expect(errorOf(await query('/Users', { filter }))).toEqual([400, 'invalidFilter']);
  });

  test('§3.4.2.4 the example: startIndex 1, count 10, then 11', async () => {
    const first = await get('/Users?startIndex=1&count=10');
    expect(first.body).toMatchObject({ totalResults: 2, itemsPerPage: 2, startIndex: 1 });
    const next = await get('/Users?startIndex=11&count=10');
    expect(next.body).toMatchObject({ totalResults: 2, itemsPerPage: 0, startIndex: 11, Resources: [] });
    expect((await get('/Groups?startIndex=0&count=0')).body).toMatchObject({
      totalResults: 1,
      itemsPerPage: 0,
      startIndex: 1,
    });
  });
});

describe('§3.6 deleting', () => {
  test.each(['User', 'Group'])(
    'a %s: 204 without a body, then 404 for everything, and gone from queries',
    async (type) => {
      const path = `/${type}s`;
      const made = {
        User: { schemas: [core], userName: 'gone' },
        Group: { schemas: [coreGroup], displayName: 'gone' },
      };
      const body = made[type as 'User'];
      const { id } = (await sent('POST', path, body)).body;
      const deleted = await sent('DELETE', `${path}/${id}`);
      expect([deleted.status, deleted.text, deleted.headers.get('content-type')]).toEqual([204, '', null]);
      const patch = { schemas: [patchOp], Operations: [{ op: 'add', path: 'externalId', value: 'x' }] };
      for (const [method, more] of [['GET'], ['DELETE'], ['PUT', body], ['PATCH', patch]] as const) {
        expect([method, ...errorOf(await sent(method, `${path}/${id}`, more))]).toEqual([method, 404]);
      }
      expect((await query(path, { filter: `id eq "${id}"` })).body.totalResults).toBe(0);
      const again = await sent('POST', path, body);
      expect([again.status, again.body.id === id]).toEqual([201, false]);
      await sent('DELETE', `${path}/${again.body.id}`);
    },
  );
});

describe('§3.9 attributes and excludedAttributes', () => {
  const keysOf = async (path: string) => Object.keys((await get(path)).body).sort();

  test('the example', async () => {
    const { headers, body } = await get(`/Users/${barbara.id}?attributes=userName`);
    expect(body).toEqual({ schemas: [core], id: barbara.id, userName: 'bjensen' });
    expect(headers.get('etag')).toBe(barbara.meta.version);
  });

  test.each<[string, string[]]>([
    ['attributes=userName,title', ['title', 'userName']],
    ['attributes=USERNAME', ['userName']],
    ['attributes=name.familyName', []],
    ['attributes=emails.value', ['emails']],
    ['attributes=emails', ['emails']],
    ['attributes=groups', ['groups']],
    ['attributes=meta.location', ['meta']],
    [`attributes=${core}:userName`, ['userName']],
    [`attributes=${enterprise}:department`, [enterprise]],
    [`attributes=${enterprise}`, [enterprise]],
    ['attributes=nothing', []],
    ['attributes=password', []],
  ])('%s', async (parameters, expected) => {
    const found = await keysOf(`/Users/${smith.id}?${parameters}`);
    expect(found).toEqual([...expected, 'id', 'schemas'].sort());
  });

  test.each<[string, string[]]>([
    ['excludedAttributes=userName,emails', ['userName', 'emails']],
    ['excludedAttributes=id,schemas', []],
    [`excludedAttributes=${enterprise}`, [enterprise]],
    ['excludedAttributes=groups,meta', ['groups', 'meta']],
    ['excludedAttributes=nothing', []],
  ])('%s', async (parameters, gone) => {
    const all = await keysOf(`/Users/${smith.id}`);
    expect(await keysOf(`/Users/${smith.id}?${parameters}`)).toEqual(all.filter((name) => !gone.includes(name)));
  });

  test('sub-attributes: asked for, and left out', async () => {
    const { body } = await get(`/Users/${smith.id}?attributes=emails.value`);
    expect(body.emails).toEqual([{ value: 'jsmith@example.com' }]);
    const less = await get(`/Users/${smith.id}?excludedAttributes=emails.value,${enterprise}:department`);
    expect(less.body.emails).toEqual([{ type: 'work', primary: true }]);
    expect(less.body[enterprise]).not.toHaveProperty('department');
  });

  test('on POST, PUT and PATCH as well; with attributes PATCH answers 200', async () => {
    const created = await sent('POST', '/Users?attributes=userName', { schemas: [core], userName: 'part', title: 'x' });
    const { id } = created.body;
    expect([created.status, created.body]).toEqual([201, { schemas: [core], id, userName: 'part' }]);
    const put = await sent('PUT', `/Users/${id}?attributes=title`, { schemas: [core], userName: 'part', title: 'y' });
    expect(put.body).toEqual({ schemas: [core], id, title: 'y' });
    const body = { schemas: [patchOp], Operations: [{ op: 'replace', path: 'displayName', value: 'Guides' }] };
    const patched = await sent('PATCH', `/Groups/${guides.id}?attributes=displayName`, body);
    expect([patched.status, patched.body]).toEqual([
      200,
      { schemas: [coreGroup], id: guides.id, displayName: 'Guides' },
    ]);
    await sent('DELETE', `/Users/${id}`);
  });

  test('"mutually exclusive"', async () => {
    expect(errorOf(await get('/Users?attributes=id&excludedAttributes=name'))).toEqual([400, 'invalidValue']);
  });
});

describe('§3.12 errors', () => {
  test('the example: a resource that does not exist', async () => {
    const { status, body } = await get('/Users/2819c223-7f76-453a-919d-413861904646');
    expect([status, body.schemas, body.status, typeof body.detail]).toEqual([404, [errorSchema], '404', 'string']);
  });

  test('401 before anything else', async () => {
    const wrong = { authorization: 'Bearer x' };
    for (const path of ['/Users', '/Users/x', '/Bulk', '/Schemas', '/', '/.search', '/Me']) {
      expect([path, ...errorOf(await sent('POST', path, '{', wrong))]).toEqual([path, 401]);
    }
  });
});

describe('§3.13 versioning', () => {
  test('a version that is not served is not found', async () => {
    const answer = await fetch(`${server.origin}/scim/v1/Users`, {
      headers: { authorization: `Bearer ${server.token}` },
    });
    expect(answer.status).toBe(404);
  });
});

describe('§3.14 versions', () => {
  const kinds = [
    [
      'User',
      '/Users',
      () => barbara.id,
      { op: 'add', path: 'nickName', value: 'Babs' },
      { schemas: [core], userName: 'bjensen' },
    ],
    [
      'Group',
      '/Groups',
      () => guides.id,
      { op: 'add', path: 'externalId', value: 'g' },
      { schemas: [coreGroup], displayName: 'G' },
    ],
  ] as const;

  test.each(kinds)('the examples, on a %s', async (_type, path, id, operation, whole) => {
    const url = `${path}/${id()}`;
    const before = await get(url);
    const tag = before.headers.get('etag') ?? '';
    expect(tag).toMatch(/^W\/"[^"]+"$/);
    expect(before.body.meta.version).toBe(tag);
    const same = await get(`${url}?attributes=displayName`, { 'if-none-match': tag });
    expect([same.status, same.text, same.headers.get('etag')]).toEqual([304, '', tag]);
    for (const other of [`"x", ${tag}`, tag.replace('W/', ''), '*']) {
      expect([other, (await get(url, { 'if-none-match': other })).status]).toEqual([other, 304]);
    }
    const body = { schemas: [patchOp], Operations: [operation] };
    const patched = await sent('PATCH', url, body, { 'if-match': tag });
    expect([200, 204]).toContain(patched.status);
    const now = patched.headers.get('etag') ?? '';
    expect(now).not.toBe(tag);
    expect((await get(url, { 'if-none-match': tag })).headers.get('etag')).toBe(now);
    for (const [method, more] of [['PATCH', body], ['PUT', whole], ['DELETE']] as const) {
      expect([method, ...errorOf(await sent(method, url, more, { 'if-match': tag }))]).toEqual([method, 412]);
    }
    expect((await sent('PATCH', url, body, { 'if-match': `"x", ${now}` })).status).toBe(patched.status);
    expect((await sent('PATCH', url, body, { 'if-match': '*' })).status).toBe(patched.status);
  });

  test.each(kinds)('of ten writers with the same tag exactly one wins: a %s', async (_type, path, id) => {
    const url = `${path}/${id()}`;
    const tag = (await get(url)).headers.get('etag') ?? '';
    const write = (value: string) =>
      sent(
        'PATCH',
        url,
        { schemas: [patchOp], Operations: [{ op: 'replace', path: 'displayName', value }] },
        { 'if-match': tag },
      );
    const answers = await Promise.all(Array.from({ length: 10 }, (_, at) => write(`writer ${at}`)));
    const won = answers.filter(({ status }) => status < 300);
    expect([won.length, answers.filter(({ status }) => status === 412).length]).toEqual([1, 9]);
    expect((await get(url)).headers.get('etag')).toBe(won[0]?.headers.get('etag'));
  });
});

describe('§4 discovery', () => {
  test('what is advertised', async () => {
    const { body } = await get('/ServiceProviderConfig');
    expect(body).toMatchObject({
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
      ...{ patch: { supported: true }, bulk: { supported: true, maxOperations: 1000, maxPayloadSize: 1048576 } },
      ...{ filter: { supported: true, maxResults: 1000 }, sort: { supported: true }, etag: { supported: true } },
      pagination: { cursor: true, index: true },
    });
  });

  test.each(['/ServiceProviderConfig', '/ResourceTypes', '/Schemas'])(
    '%s: filter is 403, paging is ignored',
    async (path) => {
      if (path !== '/ServiceProviderConfig') {
        expect(errorOf(await query(path, { filter: 'id eq "x"' }))).toEqual([403]);
        const [whole, paged] = [await get(path), await get(`${path}?startIndex=2&count=1&sortBy=id`)];
        expect(paged.body).toEqual(whole.body);
      }
      expect((await get(path)).status).toBe(200);
    },
  );

  test('each resource type and schema at its own location', async () => {
    for (const path of ['/ResourceTypes', '/Schemas']) {
      for (const one of (await get(path)).body.Resources as Resource[]) {
        const alone = await get(`${path}/${one.id}`);
        expect([one.id, alone.status, alone.body]).toEqual([one.id, 200, one]);
        expect(one.meta.location).toBe(`${base}${path}/${one.id}`);
      }
    }
  });
});
