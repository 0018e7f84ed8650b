// RFC 7644 §3.7: the examples as they stand, references in every direction, errors in their place, and that an operation
// is whole or nothing.

import { describe, expect, test } from 'vitest';
import { verifyAudit } from '../../connector/audit.ts';
import { core, enterprise, errorSchema, patchOp, scimServer } from './scim-server.ts';

type Server = Awaited<ReturnType<typeof scimServer>>;

const bulkRequest = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest';
const bulkResponse = 'urn:ietf:params:scim:api:messages:2.0:BulkResponse';
const coreGroup = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const base = 'https://connector.example/scim/v2';

const bulk = (server: Server, Operations: unknown[], more: object = {}) =>
  server.ask('POST', '/Bulk', { schemas: [bulkRequest], ...more, Operations });
const post = (bulkId: string, userName: string, more: object = {}) => ({
  ...{ method: 'POST', path: '/Users', bulkId },
  data: { schemas: [core], userName, ...more },
});
const postGroup = (bulkId: string, displayName: string, ...members: string[]) => ({
  ...{ method: 'POST', path: '/Groups', bulkId },
  data: { schemas: [coreGroup], displayName, members: members.map((value) => ({ value })) },
});
const managed = (manager: string) => ({ [enterprise]: { manager: { value: manager } } });
const statuses = ({ body }: Awaited<ReturnType<Server['ask']>>) =>
  body.Operations.map(({ status }: { status: string }) => status);
const idIn = (location: string) => location.split('/').at(-1) ?? '';
const membersOf = async (server: Server, id: string) =>
  ((await server.ask('GET', `/Groups/${id}`)).body.members ?? []).map(({ value }: { value: string }) => value).sort();

describe('RFC 7644 §3.7.3 the examples', () => {
  const example = (ids: Record<'bob' | 'dave' | 'gone', string>, versions = true) => {
    const version = (text: string) => (versions ? { version: text } : {});
    return [
      { method: 'POST', path: '/Users', bulkId: 'qwerty', data: { schemas: [core], userName: 'Alice' } },
      {
        ...{ method: 'PUT', path: `/Users/${ids.bob}`, ...version('W/"1"') },
        data: { schemas: [core], id: ids.bob, userName: 'Bob' },
      },
      {
        ...{ method: 'PATCH', path: `/Users/${ids.dave}`, ...version('W/"1"') },
        data: {
          schemas: [patchOp],
          Operations: [
            { op: 'remove', path: 'nickName' },
            { op: 'add', path: 'userName', value: 'Dave' },
          ],
        },
      },
      { method: 'DELETE', path: `/Users/${ids.gone}`, ...version('W/"1"') },
    ];
  };
  const three = async (server: Server) => ({
    bob: (await server.create({ userName: 'bob.old' })).id,
    dave: (await server.create({ userName: 'dave.old', nickName: 'D' })).id,
    gone: (await server.create({ userName: 'gone' })).id,
  });

  test('add, update and remove a user', async () => {
    await using server = await scimServer();
    const ids = await three(server);
    const answer = await bulk(server, example(ids), { failOnErrors: 1 });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/scim+json']);
    expect(answer.body).toEqual({
      schemas: [bulkResponse],
      Operations: [
        {
          location: expect.stringContaining(`${base}/Users/`),
          ...{ method: 'POST', bulkId: 'qwerty', version: 'W/"1"', status: '201' },
        },
        { location: `${base}/Users/${ids.bob}`, method: 'PUT', version: 'W/"2"', status: '200' },
        { location: `${base}/Users/${ids.dave}`, method: 'PATCH', version: 'W/"2"', status: '200' },
        { location: `${base}/Users/${ids.gone}`, method: 'DELETE', status: '204' },
      ],
    });
    const alice = await server.ask('GET', `/Users/${idIn(answer.body.Operations[0].location)}`);
    expect([alice.status, alice.body.userName]).toEqual([200, 'Alice']);
    expect((await server.ask('GET', `/Users/${ids.bob}`)).body.userName).toBe('Bob');
    const dave = (await server.ask('GET', `/Users/${ids.dave}`)).body;
    expect([dave.userName, dave.nickName]).toEqual(['Dave', undefined]);
    expect((await server.ask('GET', `/Users/${ids.gone}`)).status).toBe(404);
  });

  test('failOnErrors 1: the first error ends the job, with the results up to it', async () => {
    await using server = await scimServer();
    const ids = await three(server);
    const [alice, ...rest] = example(ids);
    const wrong = { ...alice, data: { schemas: ['urn:ietf:params:scim:api:messages:2.0:User'], userName: 'Alice' } };
    const answer = await bulk(server, [wrong, ...rest], { failOnErrors: 1 });
    expect(answer.status).toBe(200);
    expect(answer.body.Operations).toEqual([
      {
        ...{ method: 'POST', bulkId: 'qwerty', status: '400' },
        response: {
          ...{ schemas: [errorSchema], scimType: 'invalidSyntax', status: '400' },
          detail: expect.any(String),
        },
      },
    ]);
    expect((await server.ask('GET', `/Users/${ids.gone}`)).status).toBe(200);
  });

  test('without it every operation is tried: all of them fail', async () => {
    await using server = await scimServer();
    const ids = await three(server);
    await server.create({ userName: 'ALICE' });
    for (const id of [ids.bob, ids.dave]) await server.patch(id, { op: 'add', path: 'title', value: 'x' });
    await server.ask('DELETE', `/Users/${ids.gone}`);
    const { body } = await bulk(server, example(ids));
    expect(body.Operations).toMatchObject([
      { method: 'POST', bulkId: 'qwerty', status: '409', response: { scimType: 'uniqueness', status: '409' } },
      { method: 'PUT', location: `${base}/Users/${ids.bob}`, status: '412', response: { status: '412' } },
      { method: 'PATCH', location: `${base}/Users/${ids.dave}`, status: '412', response: { status: '412' } },
      { method: 'DELETE', location: `${base}/Users/${ids.gone}`, status: '404', response: { status: '404' } },
    ]);
    expect(body.Operations[0]).not.toHaveProperty('location');
    for (const { response } of body.Operations) {
      expect([response.schemas, typeof response.detail]).toEqual([[errorSchema], 'string']);
    }
  });
});

describe('RFC 7644 §3.7.2 bulkId', () => {
  test('the example: a group with the user that is made before it', async () => {
    await using server = await scimServer();
    const answer = await bulk(server, [
      { method: 'POST', path: '/Users', bulkId: 'qwerty', data: { schemas: [core], userName: 'Alice' } },
      {
        ...{ method: 'POST', path: '/Groups', bulkId: 'ytrewq' },
        data: {
          ...{ schemas: [coreGroup], displayName: 'Tour Guides' },
          members: [{ type: 'User', value: 'bulkId:qwerty' }],
        },
      },
    ]);
    const [alice, guides] = answer.body.Operations;
    expect([alice.bulkId, alice.status, guides.bulkId, guides.status]).toEqual(['qwerty', '201', 'ytrewq', '201']);
    const group = (await server.ask('GET', `/Groups/${idIn(guides.location)}`)).body;
    expect(group).toMatchObject({
      ...{ schemas: [coreGroup], displayName: 'Tour Guides' },
      members: [{ value: idIn(alice.location), $ref: alice.location, type: 'User' }],
    });
  });

  test('the example: a manager within an extension', async () => {
    await using server = await scimServer();
    const { body } = await bulk(server, [
      post('qwerty', 'Alice'),
      {
        ...{ method: 'POST', path: '/Users', bulkId: 'ytrewq' },
        data: {
          ...{ schemas: [core, enterprise], userName: 'Bob' },
          [enterprise]: { employeeNumber: '11250', manager: { value: 'bulkId:qwerty' } },
        },
      },
    ]);
    const bob = (await server.ask('GET', `/Users/${idIn(body.Operations[1].location)}`)).body;
    expect(bob[enterprise]).toMatchObject({
      employeeNumber: '11250',
      manager: { value: idIn(body.Operations[0].location) },
    });
  });

  test('forward: the group comes first, the results keep the order of the request', async () => {
    await using server = await scimServer();
    const answer = await bulk(server, [
      postGroup('g', 'Later', 'bulkId:u1', 'bulkId:u2'),
      post('u1', 'one'),
      post('u2', 'two', managed('bulkId:u3')),
      post('u3', 'three'),
    ]);
    expect(statuses(answer)).toEqual(['201', '201', '201', '201']);
    expect(answer.body.Operations.map(({ bulkId }: { bulkId: string }) => bulkId)).toEqual(['g', 'u1', 'u2', 'u3']);
    const [group, one, two, three] = answer.body.Operations.map(({ location }: { location: string }) => idIn(location));
    expect(await membersOf(server, group)).toEqual([one, two].sort());
    expect((await server.ask('GET', `/Users/${two}`)).body[enterprise].manager.value).toBe(three);
  });

  test('in a path, in the filter of a PATCH path, and in a $ref', async () => {
    await using server = await scimServer();
    const answer = await bulk(server, [
      post('u1', 'one'),
      post('u2', 'two'),
      postGroup('g', 'Group', 'bulkId:u1', 'bulkId:u2'),
      {
        ...{ method: 'PATCH', path: '/Groups/bulkId:g' },
        data: { schemas: [patchOp], Operations: [{ op: 'remove', path: 'members[value eq "bulkId:u1"]' }] },
      },
      {
        ...{ method: 'PATCH', path: '/Users/bulkId:u2' },
        data: {
          schemas: [patchOp],
          Operations: [
            {
              ...{ op: 'add', path: `${enterprise}:manager` },
              value: { value: 'bulkId:u1', $ref: '../Users/bulkId:u1' },
            },
          ],
        },
      },
      { method: 'DELETE', path: '/Groups/bulkId:g2' },
      postGroup('g2', 'Short-lived'),
    ]);
    expect(statuses(answer)).toEqual(['201', '201', '201', '204', '200', '204', '201']);
    const [one, two, group] = answer.body.Operations.map(({ location }: { location: string }) => idIn(location));
    expect(await membersOf(server, group)).toEqual([two]);
    expect((await server.ask('GET', `/Users/${two}`)).body[enterprise].manager.value).toBe(one);
    expect(answer.body.Operations[4].location).toBe(`${base}/Users/${two}`);
    expect((await server.ask('GET', '/Groups')).body.totalResults).toBe(1);
  });

  test('what refers to something that failed, or to nothing, fails too; everything else is done', async () => {
    await using server = await scimServer();
    await server.create({ userName: 'taken' });
    const answer = await bulk(server, [
      post('bad', 'taken'),
      postGroup('g', 'Group', 'bulkId:bad'),
      post('u', 'other', managed('bulkId:nobody')),
      post('fine', 'fine'),
    ]);
    expect(statuses(answer)).toEqual(['409', '400', '400', '201']);
    expect(answer.body.Operations[1].response.detail).toContain('bad');
    expect(answer.body.Operations[2].response.detail).toContain('nobody');
    expect((await server.ask('GET', '/Users')).body.totalResults).toBe(2);
    expect((await server.ask('GET', '/Groups')).body.totalResults).toBe(0);
  });

  test('a bulkId that is given twice is one operation’s', async () => {
    await using server = await scimServer();
    const answer = await bulk(server, [post('a', 'one'), post('a', 'two'), postGroup('g', 'Group', 'bulkId:a')]);
    expect(statuses(answer)).toEqual(['201', '400', '201']);
    expect((await server.ask('GET', '/Users')).body.totalResults).toBe(1);
  });
});

describe('RFC 7644 §3.7.1 circles', () => {
  test('the example: two groups, each a member of the other', async () => {
    await using server = await scimServer();
    const answer = await bulk(server, [
      {
        ...{ method: 'POST', path: '/Groups', bulkId: 'qwerty' },
        data: {
          ...{ schemas: [coreGroup], displayName: 'Group A' },
          members: [{ type: 'Group', value: 'bulkId:ytrewq' }],
        },
      },
      {
        ...{ method: 'POST', path: '/Groups', bulkId: 'ytrewq' },
        data: {
          ...{ schemas: [coreGroup], displayName: 'Group B' },
          members: [{ type: 'Group', value: 'bulkId:qwerty' }],
        },
      },
    ]);
    expect(statuses(answer)).toEqual(['201', '201']);
    const { body } = await server.ask('GET', `/Groups?filter=${encodeURIComponent('displayName sw "Group"')}`);
    expect(body.totalResults).toBe(2);
    const [a, b] = body.Resources;
    expect([a.members[0], b.members[0]]).toMatchObject([
      { value: b.id, $ref: `${base}/Groups/${b.id}`, type: 'Group' },
      { value: a.id, $ref: `${base}/Groups/${a.id}`, type: 'Group' },
    ]);
    for (const [at, { version }] of answer.body.Operations.entries()) {
      expect(version).toBe(body.Resources[at].meta.version);
    }
  });

  test('managers of each other and of themselves, among other operations', async () => {
    await using server = await scimServer();
    const answer = await bulk(server, [
      post('a', 'a', managed('bulkId:b')),
      post('b', 'b', managed('bulkId:c')),
      post('c', 'c', managed('bulkId:a')),
      post('me', 'me', managed('bulkId:me')),
      postGroup('g', 'All', 'bulkId:a', 'bulkId:me'),
    ]);
    expect(statuses(answer)).toEqual(['201', '201', '201', '201', '201']);
    const ids = answer.body.Operations.map(({ location }: { location: string }) => idIn(location));
    const managers = await Promise.all(
      ids
        .slice(0, 4)
        .map(async (id: string) => (await server.ask('GET', `/Users/${id}`)).body[enterprise].manager.value),
    );
    expect(managers).toEqual([ids[1], ids[2], ids[0], ids[3]]);
  });

  test('a circle is made whole or not at all', async () => {
    await using server = await scimServer();
    await server.create({ userName: 'taken' });
    const answer = await bulk(server, [
      post('a', 'a', managed('bulkId:b')),
      post('b', 'taken', managed('bulkId:a')),
      post('c', 'c'),
    ]);
    expect(statuses(answer)).toEqual(['409', '409', '201']);
    const { body } = await server.ask('GET', '/Users?sortBy=userName');
    expect(body.Resources.map(({ userName }: { userName: string }) => userName)).toEqual(['c', 'taken']);
  });
});

describe('RFC 7644 §3.7 operations', () => {
  test.each<[string, Record<string, unknown>, string, string | undefined]>([
    ['a method that is none', { method: 'GET', path: '/Users' }, '400', 'invalidSyntax'],
    ['no method', { path: '/Users' }, '400', 'invalidSyntax'],
    ['no path', { method: 'POST', bulkId: 'a', data: {} }, '400', 'invalidSyntax'],
    ['no bulkId', { method: 'POST', path: '/Users', data: { schemas: [core], userName: 'x' } }, '400', 'invalidSyntax'],
    ['no data', { method: 'POST', path: '/Users', bulkId: 'a' }, '400', 'invalidSyntax'],
    ['data that is no object', { method: 'POST', path: '/Users', bulkId: 'a', data: 'x' }, '400', 'invalidSyntax'],
    ['an unknown type', { method: 'POST', path: '/Nothing', bulkId: 'a', data: {} }, '404', undefined],
    ['a POST to a resource', { method: 'POST', path: '/Users/x', bulkId: 'a', data: {} }, '405', undefined],
    ['a DELETE of all', { method: 'DELETE', path: '/Users' }, '405', undefined],
    ['an unknown resource', { method: 'DELETE', path: '/Users/x' }, '404', undefined],
    ['a path with dots', { method: 'DELETE', path: '/Users/../Groups/x' }, '404', undefined],
    ['a path with a bad escape', { method: 'DELETE', path: '/Users/%zz' }, '404', undefined],
    ['Bulk itself', { method: 'POST', path: '/Bulk', bulkId: 'a', data: {} }, '404', undefined],
    ['a version that is no text', { method: 'DELETE', path: '/Users/x', version: 1 }, '400', 'invalidSyntax'],
    [
      'a failing PATCH',
      {
        method: 'PATCH',
        path: '/Users/x',
        data: { schemas: [patchOp], Operations: [{ op: 'remove', path: 'title' }] },
      },
      '404',
      undefined,
    ],
    [
      'a PATCH that is none',
      { method: 'PATCH', path: '/Users/x', data: { schemas: [patchOp], Operations: [] } },
      '400',
      'invalidSyntax',
    ],
  ])('%s', async (_what, operation, status, scimType) => {
    await using server = await scimServer();
    const answer = await bulk(server, [operation, post('z', 'z')]);
    expect(answer.body.Operations[0].status).toBe(status);
    expect(answer.body.Operations[0].response).toMatchObject({ schemas: [errorSchema], status });
    expect(answer.body.Operations[0].response.scimType).toBe(scimType);
    expect(answer.body.Operations[1].status).toBe('201');
  });

  test('each is whole or nothing, and later ones see what earlier ones did', async () => {
    await using server = await scimServer();
    const { id } = await server.create({ userName: 'ada', title: 'x' });
    const patch = (...Operations: object[]) => ({
      ...{ method: 'PATCH', path: `/Users/${id}` },
      data: { schemas: [patchOp], Operations },
    });
    const answer = await bulk(server, [
      patch({ op: 'replace', path: 'title', value: 'y' }, { op: 'replace', path: 'id', value: 'z' }),
      patch({ op: 'add', path: 'nickName', value: 'A' }),
      { method: 'DELETE', path: `/Users/${id}` },
      patch({ op: 'add', path: 'nickName', value: 'B' }),
      post('again', 'ADA'),
    ]);
    expect(statuses(answer)).toEqual(['400', '200', '204', '404', '201']);
    const { body } = await server.ask('GET', '/Users');
    expect([body.totalResults, body.Resources[0].userName, body.Resources[0].title]).toEqual([1, 'ADA', undefined]);
  });

  test('failOnErrors counts', async () => {
    await using server = await scimServer();
    const bad = { method: 'DELETE', path: '/Users/x' };
    const jobs = [bad, post('a', 'a'), bad, post('b', 'b'), bad, post('c', 'c')];
    expect(statuses(await bulk(server, jobs, { failOnErrors: 2 }))).toEqual(['404', '201', '404']);
    expect((await server.ask('GET', '/Users')).body.totalResults).toBe(1);
    expect(statuses(await bulk(server, jobs.slice(2), { failOnErrors: 9 }))).toEqual(['404', '201', '404', '201']);
  });

  test('a thousand, one in ten wrong: every good one is done once, the record is whole', async () => {
    await using server = await scimServer();
    const jobs = Array.from({ length: 1000 }, (_, at) =>
      at % 10 === 3 ? { method: 'DELETE', path: `/Users/none-${at}` } : post(`b${at}`, `user-${at}`),
    );
    const answer = await bulk(server, jobs);
    expect(answer.body.Operations.map(({ status }: { status: string }) => status)).toEqual(
      jobs.map((_job, at) => (at % 10 === 3 ? '404' : '201')),
    );
    const { body } = await server.ask('GET', '/Users?count=1000&attributes=userName');
    expect([body.totalResults, body.Resources[0].userName, body.Resources.at(-1).userName]).toEqual([
      ...[900, 'user-0', 'user-999'],
    ]);
    expect((await verifyAudit(server.sql, 'default')).brokenAt).toBeUndefined();
  });

  test('another tenant’s resources are not there', async () => {
    await using server = await scimServer();
    const { id } = await server.create({ userName: 'ada' });
    const answer = await server.ask(
      'POST',
      '/Bulk',
      { schemas: [bulkRequest], Operations: [{ method: 'DELETE', path: `/Users/${id}` }] },
      { token: server.otherToken },
    );
    expect(statuses(answer)).toEqual(['404']);
    expect((await server.ask('GET', `/Users/${id}`)).status).toBe(200);
  });
});

describe('RFC 7644 §3.7.4 limits and the message itself', () => {
  const errorOf = ({ status, body }: Awaited<ReturnType<Server['ask']>>) => [status, body.scimType];

  test('413 with the limit that is exceeded, as ServiceProviderConfig tells it', async () => {
    await using server = await scimServer();
    const { maxOperations, maxPayloadSize, supported } = (await server.ask('GET', '/ServiceProviderConfig')).body.bulk;
    expect(supported).toBe(true);
    const many = await bulk(server, Array(maxOperations + 1).fill({ method: 'DELETE', path: '/Users/x' }));
    expect([many.status, many.body.status]).toEqual([413, '413']);
    expect(many.body.detail).toContain(String(maxOperations));
    const large = await bulk(server, [post('a', 'x'.repeat(maxPayloadSize))]);
    expect([large.status, large.body.schemas]).toEqual([413, [errorSchema]]);
    expect(large.body.detail).toContain(String(maxPayloadSize));
  });

  test.each<[string, unknown, unknown[]]>([
    ['no schemas', { Operations: [] }, [400, 'invalidSyntax']],
    ['another message', { schemas: [patchOp], Operations: [] }, [400, 'invalidSyntax']],
    ['no Operations', { schemas: [bulkRequest] }, [400, 'invalidSyntax']],
    ['Operations that are no array', { schemas: [bulkRequest], Operations: {} }, [400, 'invalidSyntax']],
    ['an operation that is no object', { schemas: [bulkRequest], Operations: ['x'] }, [400, 'invalidSyntax']],
    [
      'failOnErrors that is no number',
      { schemas: [bulkRequest], failOnErrors: 'x', Operations: [] },
      [400, 'invalidValue'],
    ],
    ['a negative failOnErrors', { schemas: [bulkRequest], failOnErrors: -1, Operations: [] }, [400, 'invalidValue']],
    ['no object', [], [400, 'invalidSyntax']],
  ])('%s', async (_what, body, expected) => {
    await using server = await scimServer();
    expect(errorOf(await server.ask('POST', '/Bulk', body))).toEqual(expected);
  });

  test('names in any case, and no operation at all', async () => {
    await using server = await scimServer();
    const odd = await server.ask('POST', '/Bulk', {
      schemas: [bulkRequest],
      operations: [{ METHOD: 'post', Path: 'Users', bulkid: 'a', Data: { schemas: [core], userName: 'ada' } }],
    });
    expect(odd.body.Operations).toMatchObject([{ method: 'POST', bulkId: 'a', status: '201' }]);
    expect((await bulk(server, [])).body).toEqual({ schemas: [bulkResponse], Operations: [] });
    expect((await server.ask('GET', '/Bulk')).headers.get('allow')).toBe('POST');
  });
});
