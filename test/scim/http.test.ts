// What HTTP itself asks of the door (RFC 9110), and of the headers that SCIM names: conditions, where a resource is, bodies
// that are none.

import { request as httpRequest } from 'node:http';
import { expect, test } from 'vitest';
import { core, patchOp, scimServer } from './scim-server.ts';

const base = 'https://connector.example/scim/v2';
const title = (value: string) => ({ schemas: [patchOp], Operations: [{ op: 'replace', path: 'title', value }] });

test('RFC 9110 §13.1.2 a write under If-None-Match is 412 where the version is the one that is named', async () => {
  await using server = await scimServer();
  const { id } = await server.create({ userName: 'ada' });
  const path = `/Users/${id}`;
  for (const tag of ['*', 'W/"1"', '"1"', 'W/"7", W/"1"']) {
    const headers = { 'if-none-match': tag };
    for (const [method, body] of [
      ['PUT', { schemas: [core], userName: 'ada', title: 'x' }],
      ['PATCH', title('x')],
      ['DELETE', undefined],
    ] as const) {
      const answer = await server.ask(method, path, body, { headers });
      expect([method, tag, answer.status, answer.body.status]).toEqual([method, tag, 412, '412']);
    }
  }
  expect((await server.ask('GET', path)).body.meta.version).toBe('W/"1"');
  const other = { headers: { 'if-none-match': 'W/"9"' } };
  expect((await server.ask('PATCH', path, title('y'), other)).status).toBe(200);
  // Both conditions hold, or nothing is done.
  const both = { headers: { 'if-match': 'W/"2"', 'if-none-match': 'W/"2"' } };
  expect((await server.ask('PATCH', path, title('z'), both)).status).toBe(412);
  expect((await server.ask('DELETE', path, undefined, { headers: { 'if-none-match': 'W/"1"' } })).status).toBe(204);
});

test('RFC 7643 §3.1 meta.location is the same as Content-Location, wherever a resource is answered', async () => {
  await using server = await scimServer();
  const created = await server.ask('POST', '/Users', { schemas: [core], userName: 'ada' });
  const path = `/Users/${created.body.id}`;
  const answers = [
    created,
    await server.ask('GET', path),
    await server.ask('GET', `${path}?attributes=meta`),
    await server.ask('PUT', path, { schemas: [core], userName: 'ada', title: 'x' }),
    await server.ask('PATCH', path, title('y')),
    await server.ask('GET', '/ServiceProviderConfig'),
    await server.ask('GET', '/ResourceTypes/User'),
    await server.ask('GET', `/Schemas/${core}`),
  ];
  for (const { headers, body } of answers) expect(headers.get('content-location')).toBe(body.meta.location);
  const without = [
    await server.ask('GET', '/Users'),
    await server.ask('GET', `/Users/nobody`),
    await server.ask('GET', path, undefined, { headers: { 'if-none-match': '*' } }),
    await server.ask('DELETE', path),
  ];
  for (const { headers } of without) expect(headers.get('content-location')).toBeNull();
});

test('RFC 7644 §3.5.2 a PATCH that is answered with 204 says where the resource is', async () => {
  await using server = await scimServer();
  const { id } = await server.createGroup({ displayName: 'g' });
  const answer = await server.patchGroup(id, { op: 'replace', path: 'displayName', value: 'h' });
  expect([answer.status, answer.text]).toEqual([204, '']);
  expect(answer.headers.get('location')).toBe(`${base}/Groups/${id}`);
  expect([answer.headers.get('etag'), answer.headers.get('content-location')]).toEqual(['W/"2"', null]);
});

test('RFC 9110 §15.5.16 is of content: where there is none, no type of it is refused', async () => {
  await using server = await scimServer();
  // fetch leaves the type away with the body.
  const ask = (method: string, path: string, headers: Record<string, string>, body = '') =>
    new Promise<number | undefined>((resolve, reject) => {
      const authorization = `Bearer ${server.token}`;
      const options = { method, headers: { authorization, ...headers } };
      httpRequest(`${server.origin}/scim/v2${path}`, options, (response) => {
        response.resume().once('end', () => resolve(response.statusCode));
      })
        .once('error', reject)
        .end(body);
    });
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'text/plain; charset=utf-8']) {
    for (const more of [{}, { 'content-length': '0' }] as Record<string, string>[]) {
      const { id } = await server.create({ userName: 'ada' });
      const headers = { 'content-type': type, ...more };
      expect([headers, await ask('DELETE', `/Users/${id}`, headers)]).toEqual([headers, 204]);
    }
    const chunked = { 'content-type': type, 'transfer-encoding': 'chunked' };
    expect(await ask('DELETE', '/Users/nobody', chunked, 'x')).toBe(415);
    expect(await ask('POST', '/Users', chunked, '{}')).toBe(415);
    expect(await ask('POST', '/Nothing', chunked, '{}')).toBe(404);
  }
});

test('RFC 7644 §3.4.2.5 attributes that are named in several parameters are one list', async () => {
  await using server = await scimServer();
  const { id } = await server.create({ userName: 'ada', title: 'x', nickName: 'a' });
  const { body } = await server.ask('GET', `/Users/${id}?attributes=userName&attributes=title,active`);
  expect(Object.keys(body).sort()).toEqual(['active', 'id', 'schemas', 'title', 'userName']);
  const list = await server.ask('GET', '/Users?excludedAttributes=title&excludedAttributes=nickName');
  expect(Object.keys(list.body.Resources[0]).sort()).toEqual(['active', 'id', 'meta', 'schemas', 'userName']);
  const twice = await server.ask('GET', '/Users?filter=title+pr&filter=userName+pr');
  expect([twice.status, twice.body.scimType]).toEqual([400, 'invalidValue']);
});

test('RFC 7644 §3.12 a 404 names the resource that was not found', async () => {
  await using server = await scimServer();
  const id = '2819c223-7f76-453a-919d-413861904646';
  const detailOf = async (method: string, path: string, body?: object) => {
    const answer = await server.ask(method, path, body);
    return [answer.status, answer.body.detail];
  };
  const expected = [404, `Resource ${id} not found.`];
  for (const type of ['/Users', '/Groups']) {
    expect(await detailOf('GET', `${type}/${id}`)).toEqual(expected);
    expect(await detailOf('PATCH', `${type}/${id}`, title('x'))).toEqual(expected);
    expect(await detailOf('DELETE', `${type}/${id}`)).toEqual(expected);
  }
  expect(await detailOf('GET', `/Schemas/${id}`)).toEqual(expected);
  expect(await detailOf('GET', '/Nothing')).toEqual([404, 'There is nothing at this address.']);
  const [status, detail] = await detailOf('GET', `/Users/${'x'.repeat(5000)}`);
  expect([status, detail.length < 200]).toEqual([404, true]);
  const schemas = ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'];
  const bulk = await server.ask('POST', '/Bulk', {
    schemas,
    Operations: [{ method: 'DELETE', path: `/Users/${id}` }],
  });
  expect(bulk.body.Operations[0].response.detail).toBe(expected[1]);
});
