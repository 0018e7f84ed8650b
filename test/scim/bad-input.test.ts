// Everything that a careless or hostile client may send: a SCIM Error with the right status, in bounded time, and
// nothing half done.

import { request } from 'node:http';
import { connect } from 'node:net';
import { SignJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import { createToken, mintToken } from '../../connector/token.ts';
import { core, errorSchema, makeToken, patchOp, scimServer, start } from './scim-server.ts';

type Server = Awaited<ReturnType<typeof scimServer>>;

/** Status, scimType, and that the body is a SCIM Error as RFC 7644 §3.12 has it. */
function errorOf(answer: Awaited<ReturnType<Server['ask']>>) {
  expect(answer.headers.get('content-type')).toBe('application/scim+json');
  expect(answer.body.schemas).toEqual([errorSchema]);
  expect(answer.body.status).toBe(String(answer.status));
  expect(answer.body.detail.length).toBeGreaterThan(10);
  return answer.body.scimType === undefined ? [answer.status] : [answer.status, answer.body.scimType];
}

describe('who calls', () => {
  test('401 with a challenge for anything but a live token of ours', async () => {
    await using server = await scimServer();
    const key = new TextEncoder().encode('k'.repeat(32));
    const jwt = await new SignJWT({ scp: 'Passwords.Reset' }).setProtectedHeader({ alg: 'HS256' }).sign(key);
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{"scp":"scim"}').toString('base64url')}.`;
    const wrong = `${server.token.slice(0, -1)}${server.token.endsWith('A') ? 'B' : 'A'}`;
    const headers = [
      '',
      'Bearer',
      'Bearer ',
      `Basic ${server.token}`,
      `Bearer ${jwt}`,
      `Bearer ${none}`,
      `Bearer ${wrong}`,
    ];
    for (const authorization of [...headers, `Bearer ${server.token} x`, `Bearer rr_`, `Bearer ${'x'.repeat(7000)}`]) {
      const answer = await server.ask('GET', '/Users', undefined, { headers: { authorization } });
      expect([authorization.slice(0, 40), ...errorOf(answer)]).toEqual([authorization.slice(0, 40), 401]);
      expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer realm="scim"/);
    }
    const bare = await fetch(`${server.origin}/scim/v2/Users`);
    expect([bare.status, bare.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="scim"']);
  });

  test('an expired and a revoked token are dead at once', async () => {
    await using server = await scimServer();
    const token = await makeToken(server.sql, 'default', start, start + 1000);
    expect((await server.ask('GET', '/Users', undefined, { token })).status).toBe(200);
    server.clock.at += 1000;
    expect(errorOf(await server.ask('GET', '/Users', undefined, { token }))).toEqual([401]);
    await server.sql.run(function* (tx) {
      yield* tx.run`update token set revoked = ${start} where tenant = 'default'`;
    });
    expect(errorOf(await server.ask('GET', '/Users'))).toEqual([401]);
  });

  test('a token of another scope is 403', async () => {
    await using server = await scimServer();
    const minted = mintToken((bytes) => crypto.getRandomValues(new Uint8Array(bytes)));
    const scopes = ['metrics'] as unknown as ['scim'];
    await server.sql.run((tx) =>
      createToken(tx, minted, { tenant: 'default', name: 'x', scopes, at: start, actor: 'operator' }),
    );
    const answer = await server.ask('GET', '/Users', undefined, { token: minted.secret.reveal() });
    expect(errorOf(answer)).toEqual([403]);
    expect(answer.headers.get('www-authenticate')).toContain('insufficient_scope');
  });

  test('a caller without a token is refused before his body is read', async () => {
    await using server = await scimServer();
    const { hostname, port } = new URL(server.origin);
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const asked = request({
        hostname,
        port,
        path: '/scim/v2/Users',
        method: 'POST',
        headers: { 'content-type': 'application/scim+json', 'content-length': 500_000 },
      });
      asked.on('response', (response) => {
        resolve(response.statusCode);
        asked.destroy();
      });
      asked.on('error', reject);
      // The headers and one byte; the answer must not wait for the rest.
      asked.write('{');
    });
    expect(status).toBe(401);
  });
});

describe('bodies', () => {
  const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
  const user = (more: string) => `{"schemas":["${core}"],"userName":"ada"${more}}`;

  test.each<[string, string | Uint8Array, unknown[]]>([
    ['malformed', '{"schemas":', [400, 'invalidSyntax']],
    ['empty', '', [400, 'invalidSyntax']],
    ['an array', '[]', [400, 'invalidSyntax']],
    ['null', 'null', [400, 'invalidSyntax']],
    ['a text', '"x"', [400, 'invalidSyntax']],
    ['no schemas', '{"userName":"ada"}', [400, 'invalidSyntax']],
    ['another schema', '{"schemas":["urn:x"],"userName":"ada"}', [400, 'invalidSyntax']],
    ['no userName', `{"schemas":["${core}"]}`, [400, 'invalidValue']],
    ['a blank userName', `{"schemas":["${core}"],"userName":"  "}`, [400, 'invalidValue']],
    ['a number for userName', `{"schemas":["${core}"],"userName":5}`, [400, 'invalidValue']],
    ['a very long userName', `{"schemas":["${core}"],"userName":"${'a'.repeat(321)}"}`, [400, 'invalidValue']],
    ['33 levels', user(`,"x":${deep(32)}`), [400, 'invalidSyntax']],
    ['100,000 levels', deep(100_000), [400, 'invalidSyntax']],
    ['__proto__', user(',"__proto__":{"active":false}'), [400, 'invalidSyntax']],
    ['__proto__ below', user(',"name":{"__proto__":{"x":1}}'), [400, 'invalidSyntax']],
    ['constructor.prototype', user(',"constructor":{"prototype":{}}'), [400, 'invalidSyntax']],
    ['a NUL', user(',"title":"a\\u0000b"'), [400, 'invalidValue']],
    ['a lone surrogate', user(',"title":"\\ud800"'), [400, 'invalidValue']],
    ['CR LF in an address', user(',"emails":[{"value":"a@b.example\\r\\nBcc: c@d.example"}]'), [400, 'invalidValue']],
    ['emails that are no array', user(',"emails":"a@b.example"'), [400, 'invalidValue']],
    ['an email that is no object', user(',"emails":["a@b.example"]'), [400, 'invalidValue']],
    [
      'two primary addresses',
      user(',"emails":[{"value":"a","primary":true},{"value":"b","primary":true}]'),
      [400, 'invalidValue'],
    ],
    [
      '201 addresses',
      user(`,"emails":[${Array.from({ length: 201 }, (_, n) => `{"value":"${n}"}`)}]`),
      [400, 'invalidValue'],
    ],
    ['a certificate that is no base64', user(',"x509Certificates":[{"value":"ä"}]'), [400, 'invalidValue']],
    ['invalid UTF-8', Uint8Array.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), [400, 'invalidSyntax']],
    ['a megabyte and more', user(`,"title":"${'x'.repeat(1024 * 1024)}"`), [413]],
  ])('%s', async (_what, body, expected) => {
    await using server = await scimServer();
    const began = performance.now();
    expect(errorOf(await server.ask('POST', '/Users', body))).toEqual(expected);
    expect(performance.now() - began).toBeLessThan(1000);
    expect((await server.ask('GET', '/Users')).body.totalResults).toBe(0);
    expect(({} as { active?: boolean }).active).toBeUndefined();
  });

  test('32 levels are not too many, and what the schema lacks is passed over', async () => {
    await using server = await scimServer();
    const answer = await server.ask('POST', '/Users', user(`,"x":${deep(31)}`));
    expect(answer.status).toBe(201);
    expect(answer.body).not.toHaveProperty('x');
  });

  test.each([
    ['text/plain'],
    ['application/xml'],
    ['application/x-www-form-urlencoded'],
    ['multipart/form-data; boundary=x'],
  ])('%s is 415', async (type) => {
    await using server = await scimServer();
    expect(errorOf(await server.ask('POST', '/Users', user(''), { headers: { 'content-type': type } }))).toEqual([415]);
  });

  test('10,000 operations are refused in bounded time', async () => {
    await using server = await scimServer();
    const { id } = await server.create({ userName: 'ada' });
    const Operations = Array(10_000).fill({ op: 'add', path: 'title', value: 'x' });
    const answer = await server.ask('PATCH', `/Users/${id}`, { schemas: [patchOp], Operations });
    expect(errorOf(answer)).toEqual([400, 'invalidValue']);
  });
});

describe('addresses and methods', () => {
  test('404 for what is nowhere, 405 with Allow for what cannot be done there, 501 for what is advertised as absent', async () => {
    await using server = await scimServer();
    const { id } = await server.create({ userName: 'ada' });
    for (const path of [
      '/Nothing',
      '/Users/x/y',
      '/Users/..%2Fetc',
      '/Users/%00',
      `/Users/${'x'.repeat(290)}`,
      '/Schemas/urn:x',
    ]) {
      expect([path, ...errorOf(await server.ask('GET', path))]).toEqual([path, 404]);
    }
    const refused = async (method: string, path: string) => {
      const answer = await server.ask(method, path, method === 'POST' ? {} : undefined);
      return [...errorOf(answer), answer.headers.get('allow')];
    };
    expect(await refused('DELETE', '/Users')).toEqual([405, 'GET, POST, HEAD']);
    expect(await refused('POST', `/Users/${id}`)).toEqual([405, 'GET, PUT, PATCH, DELETE, HEAD']);
    expect(await refused('GET', '/Users/.search')).toEqual([405, 'POST']);
    expect(await refused('POST', '/Schemas')).toEqual([405, 'GET, HEAD']);
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
      const answer = await server.ask(method, '/Me', method === 'GET' || method === 'DELETE' ? undefined : {});
      expect([method, ...errorOf(answer)]).toEqual([method, 501]);
    }
    expect((await server.ask('GET', `/Users/${id}`)).status).toBe(200);
  });

  test('a DELETE with a content type and no body is a DELETE', async () => {
    await using server = await scimServer();
    const { id } = await server.create({ userName: 'ada' });
    const answer = await server.ask('DELETE', `/Users/${id}`, undefined, {
      headers: { 'content-type': 'application/scim+json' },
    });
    expect(answer.status).toBe(204);
  });

  test('a request that is no HTTP ends without taking the server along', async () => {
    await using server = await scimServer();
    const { hostname, port } = new URL(server.origin);
    await new Promise<void>((resolve) => {
      const socket = connect(Number(port), hostname, () =>
        socket.end('GET /scim/v2/Users%ZZ HTTP/1.1\r\nHost: x\r\n\r\n'),
      );
      socket.on('data', () => undefined);
      socket.on('close', () => resolve());
    });
    expect((await server.ask('GET', '/Users')).status).toBe(200);
  });
});

test('no answer and no log line holds a token, a stack or an SQL text', async () => {
  await using server = await scimServer();
  const answers = await Promise.all([
    server.ask('POST', '/Users', '{'),
    server.ask('GET', '/Users?filter=x'),
    server.ask('GET', '/Users/x', undefined, { token: 'x' }),
  ]);
  const all = [...answers.map(({ text }) => text), ...server.log].join('\n');
  expect(all).not.toMatch(/node_modules|select .* from|at \w+ \(/);
  expect(all).not.toContain(server.token);
});
