// Queries over all resources (RFC 7644 §3.4.2.1, §3.4.3), and /Me (§3.11).

import { expect, test } from 'vitest';
import { core, errorSchema, scimServer } from './scim-server.ts';

type Server = Awaited<ReturnType<typeof scimServer>>;

const coreGroup = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const searchRequest = 'urn:ietf:params:scim:api:messages:2.0:SearchRequest';
const nameOf = (one: { userName?: string; displayName?: string }) => one.userName ?? one.displayName;
const rootOf = async (server: Server, query: Record<string, string>) => {
  const { status, body, text } = await server.ask('GET', `/?${new URLSearchParams(query)}`);
  if (status !== 200) throw new Error(text);
  return [body.totalResults, body.Resources.map(nameOf)];
};

async function some(server: Server) {
  const ids: string[] = [];
  for (const [userName, displayName] of [
    ['smith', 'Smith, James'],
    ['jones', 'Jones'],
  ]) {
    server.clock.at += 1;
    ids.push((await server.create({ userName, displayName })).id);
  }
  for (const displayName of ['Smith Family', 'Admins']) {
    server.clock.at += 1;
    const members = [{ value: ids[0] }];
    const { body } = await server.ask('POST', '/Groups', { schemas: [coreGroup], displayName, members });
    ids.push(body.id);
  }
  return ids;
}

test('§3.4.2.1 all resources, pages across types', async () => {
  await using server = await scimServer();
  const ids = await some(server);
  expect(await rootOf(server, {})).toEqual([4, ['smith', 'jones', 'Smith Family', 'Admins']]);
  expect(await rootOf(server, { startIndex: '2', count: '2' })).toEqual([4, ['jones', 'Smith Family']]);
  expect(await rootOf(server, { startIndex: '4', count: '2' })).toEqual([4, ['Admins']]);
  const { body } = await server.ask('GET', '/?attributes=id,meta.location');
  expect(body.Resources.map(({ meta }: { meta: { location: string } }) => meta.location)).toEqual(
    ids.map((id, at) => `https://connector.example/scim/v2/${at < 2 ? 'Users' : 'Groups'}/${id}`),
  );
  expect(body.Resources[2].schemas).toEqual([coreGroup]);
});

test('§3.4.2.1 an attribute that a type does not have is one without a value', async () => {
  await using server = await scimServer();
  const [smith, , family] = await some(server);
  for (const [filter, expected] of [
    ['(meta.resourceType eq "User") or (meta.resourceType eq "Group")', ['smith', 'jones', 'Smith Family', 'Admins']],
    ['meta.resourceType eq "Group"', ['Smith Family', 'Admins']],
    ['userName pr', ['smith', 'jones']],
    ['userName eq "jones"', ['jones']],
    [`members.value eq "${smith}"`, ['Smith Family', 'Admins']],
    [`members[value eq "${smith}"]`, ['Smith Family', 'Admins']],
    [`groups.value eq "${family}"`, ['smith']],
    ['not (userName pr)', ['Smith Family', 'Admins']],
    ['displayName sw "smith"', ['smith', 'Smith Family']],
    [`${core}:userName sw "s" or ${coreGroup}:displayName sw "a"`, ['smith', 'Admins']],
    ['title pr', []],
    ['emails[type eq "work"]', []],
  ] as const) {
    expect([filter, await rootOf(server, { filter })]).toEqual([filter, [expected.length, expected]]);
  }
  const { status, body } = await server.ask('GET', '/?filter=nothing+pr');
  expect([status, body.scimType]).toEqual([400, 'invalidFilter']);
});

test('§3.4.2.3 sorted across types', async () => {
  await using server = await scimServer();
  await some(server);
  const up = ['Admins', 'jones', 'Smith Family', 'smith'];
  expect(await rootOf(server, { sortBy: 'displayName' })).toEqual([4, up]);
  expect(await rootOf(server, { sortBy: 'displayName', sortOrder: 'descending', startIndex: '2', count: '2' })).toEqual(
    [4, up.toReversed().slice(1, 3)],
  );
  expect((await rootOf(server, { sortBy: 'userName' }))[1]?.slice(0, 2)).toEqual(['jones', 'smith']);
});

test('§3.4.3 the example: POST /.search', async () => {
  await using server = await scimServer();
  const [smith, , family] = await some(server);
  const { status, body } = await server.ask('POST', '/.search', {
    schemas: [searchRequest],
    attributes: ['displayName', 'userName'],
    filter: 'displayName sw "smith"',
    startIndex: 1,
    count: 10,
  });
  expect(status).toBe(200);
  expect(body).toEqual({
    schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
    ...{ totalResults: 2, itemsPerPage: 2, startIndex: 1 },
    Resources: [
      { schemas: [core], id: smith, userName: 'smith', displayName: 'Smith, James' },
      { schemas: [coreGroup], id: family, displayName: 'Smith Family' },
    ],
  });
});

test('another organisation’s resources are not found, and 405 for what a root cannot do', async () => {
  await using server = await scimServer();
  await some(server);
  const answer = await server.ask('GET', '/', undefined, { token: server.otherToken });
  expect(answer.body).toMatchObject({ totalResults: 0, Resources: [] });
  expect((await server.ask('DELETE', '/')).headers.get('allow')).toBe('GET, HEAD');
  expect((await server.ask('GET', '/.search')).headers.get('allow')).toBe('POST');
});

test('§3.11 /Me: nobody is behind a token that syncs', async () => {
  await using server = await scimServer();
  for (const path of ['/Me', '/me', '/Me/', '/me/']) {
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      const { status, body } = await server.ask(
        method,
        path,
        ['GET', 'DELETE', 'OPTIONS'].includes(method) ? undefined : {},
      );
      expect([method, path, status, body.schemas, body.status]).toEqual([method, path, 501, [errorSchema], '501']);
    }
    expect((await server.ask('HEAD', path)).status).toBe(501);
    expect((await server.ask('GET', path, undefined, { token: 'none' })).status).toBe(401);
  }
});
