// $batch: many requests in one, each answered by itself.

import Fastify from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { batchRoutes } from '../../connector/graph/batch.ts';
import type { GraphDeps } from '../../connector/graph/deps.ts';
import { errorOf, type GraphWorld, graphWorld, type Who } from './graph-world.ts';

let world: GraphWorld;
beforeAll(async () => {
  world = await graphWorld({ names: ['globalAdmin', 'noRole', 'amara', 'kwame'] });
});
afterAll(() => world[Symbol.asyncDispose]());

interface Answered {
  id: string;
  status: number;
  headers: Record<string, string>;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the request inside was answered with
  body?: any;
}

async function batch(requests: object[], who: Who = 'globalAdmin', scp?: string): Promise<Record<string, Answered>> {
  const more = scp === undefined ? {} : { scp };
  const { status, body } = await world.call(who, 'POST', '/$batch', { requests }, more);
  expect(status, JSON.stringify(body)).toBe(200);
  return Object.fromEntries(body.responses.map((one: Answered) => [one.id, one]));
}
const json = { 'Content-Type': 'application/json' };
const refused = async (requests: unknown) =>
  errorOf(await world.call('globalAdmin', 'POST', '/$batch', { requests }, { wrong: true }));

it('answers each by itself, however its address is written', async () => {
  const { amara } = world.ids;
  const answers = await batch([
    { id: '1', method: 'GET', url: `/users/${amara}?$select=displayName` },
    { id: '2', method: 'GET', url: `users/${amara}?$select=displayName` },
    { id: '3', method: 'GET', url: `/v1.0/users/${amara}?$select=displayName` },
    { id: '4', method: 'GET', url: '/users/nobody' },
    { id: '5', method: 'PATCH', url: `/users/${amara}`, headers: json, body: { jobTitle: 'Matron' } },
    { id: '6', method: 'GET', url: "/users?$filter=startswith(displayName,'Ama')&$select=id" },
    { id: '7', method: 'GET', url: '/users/$count', headers: { ConsistencyLevel: 'eventual' } },
    { id: '8', method: 'GET', url: '/me?$select=userPrincipalName' },
  ]);
  for (const id of ['1', '2', '3']) {
    expect(answers[id]).toMatchObject({ status: 200, body: { displayName: 'Amara Nwosu' } });
    expect(answers[id]?.headers['Content-Type']).toMatch(/^application\/json/);
  }
  expect(answers['4']).toMatchObject({ status: 404, body: { error: { code: 'Request_ResourceNotFound' } } });
  expect(answers['5']).toMatchObject({ id: '5', status: 204 });
  expect(answers['5']).not.toHaveProperty('body');
  expect(answers['6']?.body.value).toEqual([{ id: amara }]);
  expect(answers['7']).toMatchObject({ status: 200, body: '4' });
  expect(answers['8']?.body.userPrincipalName).toBe('gwen.okafor@contoso.example');
});

it('does what depends on another after it, and 424 when that has failed', async () => {
  const { kwame } = world.ids;
  const name = { displayName: 'Batch', mailEnabled: false, mailNickname: 'batch', securityEnabled: true };
  const answers = await batch([
    { id: 'a', method: 'PATCH', url: `/users/${kwame}`, headers: json, body: { jobTitle: 'First' } },
    { id: 'b', method: 'PATCH', url: `/users/${kwame}`, headers: json, body: { jobTitle: 'Second' }, dependsOn: ['a'] },
    { id: 'c', method: 'GET', url: `/users/${kwame}?$select=jobTitle`, dependsOn: ['B'] },
    { id: 'd', method: 'PATCH', url: '/users/nobody', headers: json, body: { jobTitle: 'x' }, dependsOn: ['c'] },
    { id: 'e', method: 'POST', url: '/groups', headers: json, body: name, dependsOn: ['d'] },
    { id: 'f', method: 'GET', url: '/me', dependsOn: ['e'] },
  ]);
  expect(answers.c?.body.jobTitle).toBe('Second');
  expect([answers.d?.status, answers.e?.status, answers.f?.status]).toEqual([404, 424, 424]);
  expect((await world.call('globalAdmin', 'GET', "/groups?$filter=displayName eq 'Batch'")).body.value).toEqual([]);
});

it('is held against the permissions of each request within', async () => {
  const answers = await batch(
    [
      { id: '1', method: 'GET', url: '/me' },
      { id: '2', method: 'GET', url: '/users' },
      { id: '3', method: 'GET', url: '/me', headers: { Authorization: `Bearer ${await world.bearer('globalAdmin')}` } },
    ],
    'noRole',
    'User.Read',
  );
  expect([answers['1']?.status, answers['2']?.status]).toEqual([200, 403]);
  // Nobody speaks for another within.
  expect(answers['3']?.body.id).toBe(world.ids.noRole);
});

it('takes bodies in base64', async () => {
  const body = Buffer.from(JSON.stringify({ jobTitle: 'Sister' })).toString('base64');
  const url = `/users/${world.ids.amara}`;
  const answers = await batch([{ id: '1', method: 'PATCH', url, headers: json, body }]);
  expect(answers['1']?.status).toBe(204);
  expect((await world.call('globalAdmin', 'GET', `${url}?$select=jobTitle`)).body.jobTitle).toBe('Sister');
});

it('says of a request without a type what is missing, and leads nowhere else', async () => {
  const answers = await batch([
    { id: '1', method: 'PATCH', url: `/users/${world.ids.amara}`, body: { jobTitle: 'x' } },
    { id: '2', method: 'POST', url: '/$batch', headers: json, body: { requests: [] } },
    { id: '3', method: 'POST', url: '/v1.0/%24batch/', headers: json, body: { requests: [] } },
    { id: '4', method: 'GET', url: '/../api/config' },
    { id: '5', method: 'GET', url: '/v1.0/%2e%2e/healthz' },
    { id: '6', method: 'GET', url: 'https://elsewhere.example/users' },
    { id: '7', method: 'POST', url: '/BATCH/../$BATCH', headers: json, body: { requests: [] } },
  ]);
  expect(answers['1']?.body.error.message).toMatch(/must contain the Content-Type header declaration/);
  expect(Object.values(answers).map(({ status }) => status)).toEqual([400, 400, 400, 400, 400, 400, 400]);
});

describe('a whole batch is refused', () => {
  const request = (id: string) => ({ id, method: 'GET', url: '/me' });
  it.each([
    ['with none', []],
    ['with more than 20', Array.from({ length: 21 }, (_one, at) => request(String(at)))],
    ['with an id twice', [request('a'), request('A')]],
    ['without an id', [{ method: 'GET', url: '/me' }]],
    ['with a method that is none', [{ id: '1', method: 'TRACE', url: '/me' }]],
    ['with what depends on nothing that is there', [{ ...request('1'), dependsOn: ['2'] }]],
    ['with what depends on itself', [{ ...request('1'), dependsOn: ['1'] }]],
    ['that is no list', 'GET /me'],
  ])('%s', async (_what, requests) => {
    expect((await refused(requests))[0]).toBe(400);
  });
});

it('slows down single requests, not the batch', async () => {
  await using slow = await graphWorld({ names: ['globalAdmin'], env: { RR_SCIM_RATE: '1' } });
  const requests = Array.from({ length: 6 }, (_one, at) => ({ id: String(at), method: 'GET', url: '/me' }));
  const { status, body } = await slow.call('globalAdmin', 'POST', '/$batch', { requests });
  expect(status).toBe(200);
  const statuses = body.responses.map((one: Answered) => one.status);
  expect(statuses.filter((one: number) => one === 200)).toHaveLength(4);
  const late = body.responses.find((one: Answered) => one.status === 429);
  expect([late.headers['Retry-After'], late.body.error.code]).toEqual(['1', 'TooManyRequests']);
});

it('is worked on two at a time, and others come between', async () => {
  await using app = Fastify();
  let [now, most, between] = [0, 0, 0];
  await app.register(
    async (door) => {
      batchRoutes(door, {} as GraphDeps);
      door.get('/slow', async () => {
        most = Math.max(most, ++now);
        await new Promise((resolve) => setTimeout(resolve, 2));
        now--;
        return {};
      });
      door.get('/quick', async () => ({ between }));
    },
    { prefix: '/v1.0' },
  );
  const ask = (url: string) => {
    const requests = Array.from({ length: 20 }, (_one, at) => ({ id: String(at), method: 'GET', url }));
    return app.inject({ method: 'POST', url: '/v1.0/$batch', payload: { requests } });
  };
  expect((await ask('/slow')).json<{ responses: Answered[] }>().responses.map(({ id }) => Number(id))).toEqual(
    Array.from({ length: 20 }, (_one, at) => at),
  );
  expect(most).toBe(2);
  let going = true;
  const tick = () => {
    between++;
    if (going) setImmediate(tick);
  };
  setImmediate(tick);
  const { responses } = (await ask('/quick')).json<{ responses: Answered[] }>();
  going = false;
  // What is answered at once gives way, too: the last pair sees nine turns of others at least.
  expect(responses.at(-1)?.body.between).toBeGreaterThanOrEqual(9);
});

it('begins nothing more when the answers are as many as one may hold', async () => {
  await using large = await graphWorld({ names: ['globalAdmin', 'amara'] });
  const { amara } = large.ids;
  const row = await large.sql.get<{ resource: string }>`select resource from app_user where id = ${amara}`;
  const resource = JSON.stringify({ ...JSON.parse(row?.resource ?? ''), displayName: 'x'.repeat(3 * 1024 * 1024) });
  await large.sql.run(function* (tx) {
    yield* tx.run`update app_user set resource = ${resource} where id = ${amara}`;
  });
  const url = `/users/${amara}?$select=displayName`;
  const requests: object[] = Array.from({ length: 8 }, (_one, at) => ({ id: String(at), method: 'GET', url }));
  requests.push({ id: '8', method: 'DELETE', url: `/users/${amara}` });
  const { body } = await large.call('globalAdmin', 'POST', '/$batch', { requests });
  const statuses = body.responses.map(({ status }: Answered) => status);
  expect(statuses.slice(0, 3)).toEqual([200, 200, 200]);
  expect(statuses.slice(4)).toEqual([413, 413, 413, 413, 413]);
  expect(body.responses[4].body.error.code).toBe('ResponseSizeExceeded');
  expect(await large.sql.get`select id from app_user where id = ${amara}`).toEqual({ id: amara });
});
