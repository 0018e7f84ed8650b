// The fault proxy against a tiny upstream that counts what was asked of it: a fault that says "not forwarded" must not have
// been, one that says "committed" must have been, once.

import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { startFaultProxy } from './fault-proxy.ts';
import { faults } from './faults.ts';

type Proxy = Awaited<ReturnType<typeof startFaultProxy>>;
let proxy: Proxy;
let server: Server;
/** What the upstream holds and what it was asked. */
const ada = {
  id: 'ada',
  displayName: 'Ada',
  lastPasswordChangeDateTime: '2026-01-01T00:00:00Z',
  otherMails: ['a@home.example'],
};
let asked: string[] = [];
let hosts: (string | undefined)[] = [];

beforeAll(async () => {
  proxy = await startFaultProxy();
  const pair = { key: readFileSync(proxy.keyFile), cert: readFileSync(proxy.certFile) };
  server = createServer(pair, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      asked.push(`${request.method} ${request.url} ${body}`.trim());
      hosts.push(request.headers.host);
      const answer = (status: number, value?: unknown, headers = {}) => {
        response.writeHead(status, { 'content-type': 'application/json', ...headers });
        response.end(value === undefined ? undefined : JSON.stringify(value));
      };
      if (request.method === 'PATCH') {
        ada.lastPasswordChangeDateTime = '2026-11-22T10:00:00Z';
        response.writeHead(204).end();
      } else if (request.method === 'POST' && /resetPassword$/.test(request.url ?? '')) {
        answer(202, {}, { location: `${proxy.origin}/v1.0/users/ada/authentication/operations/1` });
      } else if (/operations/.test(request.url ?? '')) answer(200, { id: '1', status: 'succeeded' });
      else if (/^\/v1.0\/users\?/.test(request.url ?? '')) answer(200, { value: [ada] });
      else if (/token$/.test(request.url ?? '')) answer(200, { access_token: 'x', token_type: 'Bearer' });
      else answer(200, ada);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  proxy.forwardTo(`https://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
afterEach(() => {
  proxy.heal();
  proxy.forget();
  asked = [];
  hosts = [];
  ada.lastPasswordChangeDateTime = '2026-01-01T00:00:00Z';
});
afterAll(async () => {
  await proxy.close();
  server.closeAllConnections();
  server.close();
});

const user = /^\/v1\.0\/users\/[^/]+$/;
const token = /\/oauth2\/v2\.0\/token$/;
const operations = /\/authentication\/operations\//;
const json = { 'content-type': 'application/json', 'client-request-id': 'mine' };
const go = (method: string, path: string, body?: unknown) =>
  fetch(`${proxy.origin}${path}`, {
    method,
    headers: json,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(500),
  });
const patch = () => go('PATCH', '/v1.0/users/ada', { passwordProfile: { password: 'secret' } });

it('hands on what it is given, under its own name, and keeps both sides', async () => {
  const answer = await go('GET', '/v1.0/users/ada?$select=id,displayName');
  expect([answer.status, await answer.json()]).toEqual([200, ada]);
  expect((await patch()).status).toBe(204);
  expect(asked).toEqual([
    'GET /v1.0/users/ada?$select=id,displayName',
    'PATCH /v1.0/users/ada {"passwordProfile":{"password":"secret"}}',
  ]);
  expect(hosts[0]).toBe(new URL(proxy.origin).host);
  expect(proxy.passed).toMatchObject([
    { method: 'GET', path: '/v1.0/users/ada', query: '?$select=id,displayName', status: 200, body: { id: 'ada' } },
    { method: 'PATCH', requestBody: { passwordProfile: { password: 'secret' } }, status: 204 },
  ]);
  expect(proxy.passed[1]).not.toHaveProperty('body');
  expect(proxy.passed[1]).not.toHaveProperty('fault');
});

it('reads a form and answers a token request in Entra’s words', async () => {
  proxy.fault({ method: 'POST', path: token }, faults.interactionRequired('{"access_token":{}}'));
  const form = () =>
    fetch(`${proxy.origin}/t/oauth2/v2.0/token`, { method: 'POST', body: new URLSearchParams({ grant_type: 'x' }) });
  const refused = await form();
  expect([refused.status, await refused.json()]).toMatchObject([
    400,
    { error: 'interaction_required', error_codes: [50076], claims: '{"access_token":{}}' },
  ]);
  expect((await form()).status).toBe(200);
  expect(proxy.passed.map(({ requestBody }) => requestBody)).toEqual([{ grant_type: 'x' }, { grant_type: 'x' }]);
  expect(asked).toHaveLength(1);
});

it('meets the n-th request that matches, as often as asked, and no other', async () => {
  const scripted = proxy.fault({ method: 'GET', path: user, from: 2, times: 2 }, faults.denied());
  const statuses = [];
  for (let n = 0; n < 4; n += 1) statuses.push((await go('GET', '/v1.0/users/ada')).status);
  expect((await patch()).status).toBe(204);
  expect(statuses).toEqual([200, 403, 403, 200]);
  expect([scripted.seen, scripted.met]).toEqual([4, 2]);
  proxy.fault({ path: user, times: Infinity }, faults.notFound()).remove();
  expect((await go('GET', '/v1.0/users/ada')).status).toBe(200);
});

it.each([
  ['throttled, in seconds', faults.throttled(7), 429, '7', 'TooManyRequests'],
  ['throttled, as a date', faults.throttled(new Date(0)), 429, 'Thu, 01 Jan 1970 00:00:00 GMT', 'TooManyRequests'],
  ['throttled, without', faults.throttled(), 429, null, 'TooManyRequests'],
  ['unavailable', faults.unavailable(3), 503, '3', 'serviceNotAvailable'],
  ['server error', faults.serverError(), 500, null, 'InternalServerError'],
  ['denied', faults.denied(), 403, null, 'Authorization_RequestDenied'],
  ['too weak', faults.tooWeak(), 400, null, 'Request_BadRequest'],
  ['synchronised', faults.synchronised(), 400, null, 'Request_BadRequest'],
  ['gone', faults.notFound(), 404, null, 'Request_ResourceNotFound'],
])('%s: answered as Graph answers, nothing forwarded', async (_, fault, status, retryAfter, code) => {
  proxy.fault({ method: 'PATCH', path: user }, fault);
  const answer = await patch();
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([status, retryAfter]);
  const { error } = (await answer.json()) as { error: { code: string; innerError: Record<string, string> } };
  expect([error.code, error.innerError['client-request-id']]).toEqual([code, 'mine']);
  expect(error.innerError.date).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/);
  expect(asked).toEqual([]);
});

it('challenges with claims', async () => {
  proxy.fault({ path: user }, faults.insufficientClaims('{"access_token":{"nbf":{"essential":true}}}'));
  const answer = await go('GET', '/v1.0/users/ada');
  const claims = /error="insufficient_claims", claims="([^"]+)"/.exec(
    answer.headers.get('www-authenticate') ?? '',
  )?.[1];
  expect(answer.status).toBe(401);
  expect(Buffer.from(claims ?? '', 'base64').toString()).toBe('{"access_token":{"nbf":{"essential":true}}}');
});

it.each([
  ['dropped', faults.dropped(), 0],
  ['silent', faults.silent(), 0],
  ['committed, then dropped', faults.committedThenDropped(), 1],
  ['committed, then silent', faults.committedThenSilent(), 1],
] as const)('%s: no answer, and the upstream was asked only when it should be', async (_, fault, commits) => {
  const scripted = proxy.fault({ method: 'PATCH', path: user }, fault);
  await expect(patch()).rejects.toThrow();
  await scripted.meets();
  expect(asked).toHaveLength(commits);
  expect(proxy.passed).toHaveLength(1);
  expect(proxy.passed[0]).not.toHaveProperty('status');
  expect(proxy.passed[0]?.upstream?.status).toBe(commits === 1 ? 204 : undefined);
  expect((await patch()).status).toBe(204);
});

it('commits and answers 504', async () => {
  proxy.fault({ method: 'PATCH', path: user }, faults.committedThenTimedOut());
  expect((await patch()).status).toBe(504);
  expect(asked).toHaveLength(1);
});

it('is late when asked to be', async () => {
  proxy.fault({ path: user }, faults.latency(120));
  const before = performance.now();
  expect((await go('GET', '/v1.0/users/ada')).status).toBe(200);
  expect(performance.now() - before).toBeGreaterThan(100);
});

it('lets an operation stay running, fail with its reason, vanish, and come without its address', async () => {
  const reset = () => go('POST', '/v1.0/users/ada/authentication/methods/m/resetPassword', { newPassword: 'x' });
  const poll = async () => {
    const answer = await go('GET', '/v1.0/users/ada/authentication/operations/1');
    return [answer.status, await answer.json()];
  };
  expect((await reset()).headers.get('location')).toBe(`${proxy.origin}/v1.0/users/ada/authentication/operations/1`);
  proxy.fault({ path: /resetPassword$/ }, faults.withoutLocation());
  const bare = await reset();
  expect([bare.status, bare.headers.get('location'), await bare.json()]).toEqual([202, null, {}]);
  const turns = faults.inTurn(
    faults.staysRunning(),
    faults.staysRunning(),
    faults.operationFails('Weak'),
    faults.notFound(),
  );
  proxy.fault({ path: operations, times: 5 }, turns);
  expect(await poll()).toEqual([200, { id: '1', status: 'running' }]);
  expect(await poll()).toEqual([200, { id: '1', status: 'running' }]);
  expect(await poll()).toEqual([200, { id: '1', status: 'failed', statusDetail: 'Weak' }]);
  expect(await poll()).toMatchObject([404, { error: { code: 'Request_ResourceNotFound' } }]);
  expect(await poll()).toEqual([200, { id: '1', status: 'succeeded' }]);
});

it('shows old values for as many reads as asked, one by one and in a list', async () => {
  const at = async (path: string) => {
    const found = (await (await go('GET', path)).json()) as { value?: (typeof ada)[] } & typeof ada;
    return (found.value?.[0] ?? found).lastPasswordChangeDateTime.slice(0, 10);
  };
  proxy.fault(
    { method: 'GET', path: /^\/v1\.0\/users/, times: Infinity },
    faults.stale(['lastPasswordChangeDateTime'], 2),
  );
  expect(await at('/v1.0/users/ada')).toBe('2026-01-01');
  expect(await at('/v1.0/users/ada')).toBe('2026-01-01');
  await patch();
  expect(await at('/v1.0/users/ada')).toBe('2026-01-01');
  expect(await at('/v1.0/users?$top=1')).toBe('2026-01-01');
  expect(await at('/v1.0/users/ada')).toBe('2026-11-22');
});
