// RFC 7644 §3.7: in what order the operations of a Bulk request are done. They keep the one in which they were sent, and who
// refers to what comes later waits for it.

import { describe, expect, test } from 'vitest';
import { stepsOf } from '../../connector/scim/bulk-request.ts';
import { core, groupSchema, patchOp, scimServer } from './scim-server.ts';

type Server = Awaited<ReturnType<typeof scimServer>>;

const bulkRequest = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest';
const bulk = async (server: Server, ...Operations: object[]): Promise<{ status: string; location: string }[]> =>
  (await server.ask('POST', '/Bulk', { schemas: [bulkRequest], Operations })).body.Operations;
const statuses = (results: readonly { status: string }[]) => results.map(({ status }) => status);
const post = (bulkId: string, userName: string) => ({
  ...{ method: 'POST', path: '/Users', bulkId },
  data: { schemas: [core], userName },
});
const change = (path: string, ...Operations: object[]) => ({
  ...{ method: 'PATCH', path },
  data: { schemas: [patchOp], Operations },
});
const membersOf = async (server: Server, id: string) =>
  ((await server.ask('GET', `/Groups/${id}`)).body.members ?? []).map(({ value }: { value: string }) => value);

describe('stepsOf', () => {
  test('who refers to a later one waits for it, and nothing else moves', () => {
    expect(stepsOf([[], [], []])).toEqual([[0], [1], [2]]);
    expect(stepsOf([[2], [], [3], []])).toEqual([[1], [3], [2], [0]]);
    expect(stepsOf([[3], [], [], [], []])).toEqual([[1], [2], [3], [0], [4]]);
  });

  test('who waits for the same goes in the order that was sent', () => {
    expect(stepsOf([[2], [3], [3], []])).toEqual([[3], [1], [2], [0]]);
  });

  test('§3.7.1 a circle is one step, in the place of its last', () => {
    expect(stepsOf([[1], [2], [0], [0]])).toEqual([[0, 1, 2], [3]]);
    expect(stepsOf([[2], [], [0]])).toEqual([[1], [0, 2]]);
    expect(stepsOf([[0]])).toEqual([[0]]);
  });

  test('a chain of a thousand', () => {
    const chain = Array.from({ length: 1000 }, (_, at) => (at < 999 ? [at + 1] : []));
    expect(stepsOf(chain).flat()).toEqual(Array.from({ length: 1000 }, (_, at) => 999 - at));
  });
});

test('§3.7 a forward reference moves nothing ahead of what it depends on: DELETE, then the same userName again', async () => {
  await using server = await scimServer();
  const old = await server.create({ userName: 'n' });
  const results = await bulk(
    server,
    {
      ...{ method: 'POST', path: '/Groups', bulkId: 'g' },
      data: { schemas: [groupSchema], displayName: 'o', members: [{ value: 'bulkId:u' }] },
    },
    { method: 'DELETE', path: `/Users/${old.id}` },
    post('u', 'n'),
  );
  expect(statuses(results)).toEqual(['201', '204', '201']);
  const [group = '', , user = ''] = results.map(({ location }) => location?.split('/').at(-1) ?? '');
  expect(await membersOf(server, group)).toEqual([user]);
});

test('§3.7 two operations on one resource stay in their order, also when the first waits', async () => {
  await using server = await scimServer();
  const group = await server.createGroup({ displayName: 'g' });
  const path = `/Groups/${group.id}`;
  const results = await bulk(
    server,
    change(path, { op: 'add', path: 'members', value: [{ value: 'bulkId:u' }] }),
    change(path, { op: 'remove', path: 'members' }),
    post('u', 'n'),
  );
  expect(statuses(results)).toEqual(['204', '204', '201']);
  expect(await membersOf(server, group.id)).toEqual([]);
});
