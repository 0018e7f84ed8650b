// Microsoft's own client (@microsoft/microsoft-graph-client 3.0.7), as it is, over https against a whole connector: what a
// script that is written for Microsoft Graph does with the door. Between them stands the fault proxy, which keeps what passed.

import {
  BatchRequestContent,
  BatchResponseContent,
  Client,
  GraphError,
  type PageCollection,
  PageIterator,
  ResponseType,
  RetryHandlerOptions,
} from '@microsoft/microsoft-graph-client';
import PostalMime from 'postal-mime';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { graphPermissionNames } from '../../connector/graph/permissions.ts';
import type { Name } from '../world.ts';
import { faults } from './faults.ts';
import { startUpstream, type Upstream } from './upstream.ts';

const passwordMethod = '28c10230-6103-485e-b985-444c60001490';
const eventual = ['ConsistencyLevel', 'eventual'] as const;

let tenant: Upstream;
let client: Client;
beforeAll(async () => {
  tenant = await startUpstream();
  client = await clientOf(tenant);
});
afterAll(() => tenant[Symbol.asyncDispose]());
beforeEach(() => tenant.proxy.forget());

/** Microsoft's client of a person, set up as its documentation says; only the address is another one. */
async function clientOf(
  { origin, world }: Upstream,
  { name = 'globalAdmin', azp = 'a-script', scp = graphPermissionNames('delegated').join(' ') }: Partial<Caller> = {},
): Promise<Client> {
  const token = await world.token(name, { aud: origin, scp, azp });
  return withToken(origin, async () => token);
}

interface Caller {
  readonly name: Name;
  readonly azp: string;
  readonly scp: string;
}

function withToken(origin: string, getAccessToken: () => Promise<string>): Client {
  return Client.initWithMiddleware({
    baseUrl: `${origin}/`,
    defaultVersion: 'v1.0',
    // Hosts are named without their port; any other one is never sent the token.
    customHosts: new Set(['localhost']),
    authProvider: { getAccessToken },
  });
}

const failed = (work: Promise<unknown>): Promise<GraphError> =>
  work.then(
    () => expect.fail('was not refused'),
    (error: GraphError) => error,
  );
const everybody = () => Object.values(tenant.world.ids).sort();
/** All that the client asked, as it went over the wire. */
const asked = ({ proxy }: Upstream = tenant) => proxy.passed.map(({ method, path }) => `${method} ${path}`);

interface Listed {
  readonly id: string;
  readonly displayName?: string | null;
  readonly '@removed'?: { readonly reason: string };
}

/** Goes through all pages, and where they end. */
async function collect(first: PageCollection, by = client) {
  const found: Listed[] = [];
  const iterator = new PageIterator(by, first, (one: Listed) => found.push(one) > 0);
  await iterator.iterate();
  return { found, iterator };
}

describe('a token of the sign-in', () => {
  it('of an app alone, got with its secret, opens the door', async () => {
    await using apps = await startUpstream({
      world: { names: ['globalAdmin', 'ada'] },
      application: ['User.Read.All'],
    });
    const app = withToken(apps.origin, async () => {
      const form = {
        grant_type: 'client_credentials',
        client_id: apps.clientId,
        client_secret: apps.clientSecret.reveal(),
      };
      const answer = await fetch(`${apps.issuer.replace(/\/v2\.0$/, '')}/token`, {
        method: 'POST',
        body: new URLSearchParams({ ...form, scope: `${apps.origin}/.default` }),
      });
      const { access_token: token } = (await answer.json()) as { access_token: string };
      return token;
    });
    const { value } = await app.api('/users').select('id').get();
    expect(value.map(({ id }: Listed) => id).sort()).toEqual(Object.values(apps.world.ids).sort());
    expect(await failed(app.api(`/users/${apps.world.ids.ada}`).delete())).toMatchObject({ statusCode: 403 });
  });
});

describe('reading', () => {
  it('goes over pages with PageIterator: everybody, once', async () => {
    const top = Math.ceil(everybody().length / 3);
    const first = await client.api('/users').select('id,displayName').top(top).get();
    const { found, iterator } = await collect(first);
    expect(found.map(({ id }) => id).sort()).toEqual(everybody());
    expect(iterator.isComplete()).toBe(true);
    expect(asked()).toEqual(Array(3).fill('GET /v1.0/users'));
    for (const { requestHeaders } of tenant.proxy.passed) {
      expect(requestHeaders.authorization).toMatch(/^Bearer /);
      expect(requestHeaders.sdkversion).toMatch(/^graph-js\/3\.0\.7/);
    }
  });

  it('stops at a page and goes on later, with the headers that the next pages need', async () => {
    const [name, value] = eventual;
    const request = client
      .api('/users')
      .header(name, value)
      .query({ $count: 'true' })
      .filter("not(displayName eq 'x')");
    const first = await request.top(5).get();
    expect(first['@odata.count']).toBe(everybody().length);
    const found: string[] = [];
    const iterator = new PageIterator(client, first, ({ id }: Listed) => found.push(id) !== 7, {
      headers: { ConsistencyLevel: value },
    });
    await iterator.iterate();
    expect([found.length, iterator.isComplete()]).toEqual([7, false]);
    await iterator.resume();
    expect(found.sort()).toEqual(everybody());
  });

  it('counts, searches and filters', async () => {
    const { ids } = tenant.world;
    expect(
      await client
        .api('/users/$count')
        .header(...eventual)
        .get(),
    ).toBe(String(everybody().length));
    const search = client
      .api('/users')
      .header(...eventual)
      .search('"displayName:silva"')
      .orderby('displayName');
    const found = await search.select('id').count(true).get();
    expect(found['@odata.count']).toBe(2);
    expect(found.value.map(({ id }: Listed) => id).sort()).toEqual([ids.mariaOfSales, ids.mariaOfWard].sort());
    // What the client puts into the address as it is must be escaped by whoever writes it: a quote is doubled.
    const byName = "userPrincipalName eq 'nora.o''brien@contoso.example'";
    expect((await client.api('/users').filter(byName).select('id').get()).value).toEqual([{ id: ids.apostrophe }]);
    const unasked = await failed(client.api('/users').search('"displayName:silva"').get());
    expect(unasked).toMatchObject({ statusCode: 400, code: 'Request_UnsupportedQuery' });
    expect(unasked.message).toContain('ConsistencyLevel: eventual');
  });

  it('follows what has changed: nextLink, deltaLink, and what is gone', async () => {
    const first = await client.api('/users/delta').select('displayName').top(9).get();
    const start = await collect(first);
    expect(start.found.map(({ id }) => id).sort()).toEqual(everybody());
    expect(tenant.proxy.passed.length).toBeGreaterThan(1);
    const link = start.iterator.getDeltaLink() ?? '';
    expect(link).toMatch(new RegExp(`^${tenant.origin}/v1\\.0/users/delta\\?.*\\$deltatoken=`));

    const nothing = await collect(await client.api(link).get());
    expect(nothing.found).toEqual([]);
    const guest = await client.api('/users').post(newUser('passing@contoso.example', { displayName: 'Passing By' }));
    await client.api(`/users/${tenant.world.ids.cyrillic}`).patch({ displayName: 'Renamed' });
    const some = await collect(await client.api(nothing.iterator.getDeltaLink() ?? '').get());
    expect(new Map(some.found.map((one) => [one.id, one.displayName]))).toEqual(
      new Map([
        [guest.id, 'Passing By'],
        [tenant.world.ids.cyrillic, 'Renamed'],
      ]),
    );
    expect(await client.api(`/users/${guest.id}`).delete()).toBeUndefined();
    const gone = await collect(await client.api(some.iterator.getDeltaLink() ?? '').get());
    expect(gone.found).toEqual([{ id: guest.id, '@removed': { reason: 'deleted' } }]);
  });
});

function newUser(userPrincipalName: string, more: object = {}) {
  return {
    ...{ accountEnabled: true, displayName: 'New', mailNickname: 'new', userPrincipalName },
    passwordProfile: { password: 'Yb4k-w9Ns-r2Hd-6tQm' },
    ...more,
  };
}

describe('a guest, whose name holds #EXT#', () => {
  const name = 'kofi_partner.example#EXT#@contoso.example';

  it('is found, changed and deleted by object id and by the escaped name', async () => {
    // Guests are invited, never created with a password: this one comes by the other door.
    const schemas = ['urn:ietf:params:scim:schemas:core:2.0:User'];
    const made = await tenant.world.scim('POST', '/Users', { schemas, userName: name, userType: 'Guest' });
    const { id } = made.json<{ id: string }>();
    const byName = client.api(`/users/${encodeURIComponent(name)}`);
    expect(await byName.select('id,userPrincipalName,userType').get()).toMatchObject({
      ...{ id, userPrincipalName: name, userType: 'Guest' },
    });
    expect(await client.api(`/users/${encodeURIComponent(name)}`).patch({ jobTitle: 'Partner' })).toBeUndefined();
    expect(await client.api(`/users/${id}`).select('jobTitle').get()).toMatchObject({ jobTitle: 'Partner' });
    const filter = encodeURIComponent(`userPrincipalName eq '${name}'`);
    expect((await client.api(`/users?$filter=${filter}&$select=id`).get()).value).toEqual([{ id }]);
    // Not escaped, the client sends what stands before the fragment: that must be nobody.
    const cut = await failed(client.api(`/users/${name}`).patch({ jobTitle: 'Nobody' }));
    expect([cut.statusCode, cut.code]).toEqual([404, 'Request_ResourceNotFound']);
    expect(tenant.proxy.passed.at(-1)?.path).toBe('/v1.0/users/kofi_partner.example');
    expect(await client.api(`/users/${id}`).delete()).toBeUndefined();
    expect((await failed(byName.get())).statusCode).toBe(404);
  });
});

describe('changing', () => {
  it('answers 204 with nothing, and the change is there', async () => {
    const { kwame } = tenant.world.ids;
    const change = { jobTitle: 'Chief Electrician', businessPhones: ['+44 20 7946 0111'] };
    expect(await client.api(`/users/${kwame}`).patch(change)).toBeUndefined();
    expect(tenant.proxy.passed.at(-1)?.status).toBe(204);
    expect(await client.api(`/users/${kwame}`).select('jobTitle,businessPhones').get()).toMatchObject(change);
  });

  it('sets a password', async () => {
    const { priya } = tenant.world.ids;
    const password = 'Nc7r-u3Xw-k8Pf-2zJd';
    const passwordProfile = { password, forceChangePasswordNextSignIn: true };
    expect(await client.api(`/users/${priya}`).patch({ passwordProfile })).toBeUndefined();
    expect(await tenant.signsIn(priya, password)).toBe(true);
    const weak = await failed(client.api(`/users/${priya}`).patch({ passwordProfile: { password: 'short' } }));
    expect(weak).toMatchObject({ statusCode: 400, code: 'Request_BadRequest' });
    expect(weak.message).toContain('does not comply with password complexity requirements');
  });

  it('resets a password by the action: 202, and the operation at Location comes to its end', async () => {
    const { ids } = tenant.world;
    const path = `/users/${ids.amara}/authentication/methods/${passwordMethod}/resetPassword`;
    const newPassword = 'Zt5m-h2Lq-v9Bc-4xGs';
    const answer: Response = await client.api(path).responseType(ResponseType.RAW).post({ newPassword });
    expect(answer.status).toBe(202);
    const location = answer.headers.get('location') ?? '';
    expect(location.startsWith(`${tenant.origin}/v1.0/users/${ids.amara}/authentication/operations/`)).toBe(true);
    await vi.waitFor(async () => {
      expect(await client.api(location).get()).toMatchObject({ status: 'succeeded' });
    });
    expect(await tenant.signsIn(ids.amara, newPassword)).toBe(true);
    // Read as the client does by itself: the password that the service chose.
    const chosen = await client.api(path).post({});
    await vi.waitFor(async () => expect(await tenant.signsIn(ids.amara, chosen.newPassword)).toBe(true));
  });

  it('ends the sessions of a person', async () => {
    const { ipek } = tenant.world.ids;
    await tenant.signIn(ipek);
    expect(await tenant.sessions(ipek)).toBe(1);
    const answer = await client.api(`/users/${ipek}/revokeSignInSessions`).post({});
    expect(answer).toEqual({ '@odata.context': `${tenant.origin}/v1.0/$metadata#Edm.Boolean`, value: true });
    expect(await tenant.sessions(ipek)).toBe(0);
  });

  it('sends a mail: 202', async () => {
    const message = {
      subject: 'Grüße',
      body: { contentType: 'Text', content: 'From a script.' },
      toRecipients: [{ emailAddress: { address: 'ada@mail.example' } }],
    };
    const answer: Response = await client
      .api('/me/sendMail')
      .responseType(ResponseType.RAW)
      .post({ message, saveToSentItems: false });
    expect([answer.status, await answer.text()]).toEqual([202, '']);
    await client.api('/me/sendMail').post({ message, saveToSentItems: false });
    expect(tenant.world.sent).toHaveLength(2);
    const sent = await PostalMime.parse(tenant.world.sent.at(-1)?.bytes ?? '');
    expect([sent.subject, sent.text?.trim(), sent.to?.[0]?.address]).toEqual([
      'Grüße',
      'From a script.',
      'ada@mail.example',
    ]);
  });
});

describe('a batch', () => {
  const url = (path: string) => `https://graph.microsoft.com${path}`;
  const get = (path: string) => new Request(url(path), { method: 'GET' });
  const patch = (path: string, body: object) =>
    new Request(url(path), {
      method: 'PATCH',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });

  it('is done step by step; what depends on a failure is 424', async () => {
    const { ids } = tenant.world;
    const content = new BatchRequestContent([
      { id: '1', request: patch(`/users/${ids.short}`, { jobTitle: 'Architect' }) },
      { id: '2', request: get(`/v1.0/users/${ids.short}?$select=jobTitle`), dependsOn: ['1'] },
      { id: '3', request: patch('/users/nobody@contoso.example', { jobTitle: 'x' }), dependsOn: ['2'] },
      { id: '4', request: patch(`/users/${ids.short}`, { jobTitle: 'Never' }), dependsOn: ['3'] },
    ]);
    const answers = new BatchResponseContent(await client.api('/$batch').post(await content.getContent()));
    const statuses = [...answers.getResponses()].map(([id, { status }]) => [id, status]);
    expect(new Map(statuses as [string, number][])).toEqual(
      new Map([
        ['1', 204],
        ['2', 200],
        ['3', 404],
        ['4', 424],
      ]),
    );
    expect(await answers.getResponseById('2').json()).toMatchObject({ jobTitle: 'Architect' });
    const { error } = await answers.getResponseById('3').json();
    expect(error).toMatchObject({ code: 'Request_ResourceNotFound' });
    expect(await client.api(`/users/${ids.short}`).select('jobTitle').get()).toMatchObject({ jobTitle: 'Architect' });
  });

  it('has each of its requests answered and refused by itself', async () => {
    const reader = await clientOf(tenant, { name: 'noRole', scp: 'User.ReadBasic.All', azp: 'reader' });
    const content = new BatchRequestContent([
      { id: 'one', request: get(`/users/${tenant.world.ids.ada}?$select=displayName,jobTitle`) },
      { id: 'two', request: get('/users/nobody') },
      { id: 'three', request: get('/groups') },
    ]);
    const answers = new BatchResponseContent(await reader.api('/$batch').post(await content.getContent()));
    const one = await answers.getResponseById('one').json();
    expect([one.displayName, 'jobTitle' in one]).toEqual(['Ada Yılmaz', false]);
    expect([answers.getResponseById('two').status, answers.getResponseById('three').status]).toEqual([404, 403]);
  });
});

describe('a client that asks too fast', () => {
  it('waits as long as it is told, and has its answer', async () => {
    await using slow = await startUpstream({ world: { names: ['globalAdmin'], env: { RR_SCIM_RATE: '1' } } });
    const fast = await clientOf(slow);
    // A burst of five seconds' worth; the next one is too many.
    for (let n = 0; n < 5; n++) await fast.api('/me').get();
    const sixth = fast.api('/me').select('displayName').get();
    await vi.waitFor(() => expect(slow.proxy.passed.at(-1)?.status).toBe(429));
    expect(slow.proxy.passed.at(-1)?.headers?.['retry-after']).toBe('1');
    await slow.world.pass(1000);
    expect(await sixth).toMatchObject({ displayName: 'Gwen Okafor' });
    expect(slow.proxy.passed.at(-1)?.requestHeaders['retry-attempt']).toBe('1');

    // Asked not to try again, the client says what it was told.
    const once = [new RetryHandlerOptions(undefined, 0)];
    const refused = await failed(fast.api('/me').middlewareOptions(once).get());
    expect(refused).toMatchObject({ statusCode: 429, code: 'TooManyRequests' });
    expect(refused.headers?.get('retry-after')).toBe('1');
  });

  it('has the rest of a batch refused, each with its own Retry-After', async () => {
    await using slow = await startUpstream({ world: { names: ['globalAdmin'], env: { RR_SCIM_RATE: '1' } } });
    const fast = await clientOf(slow);
    const content = new BatchRequestContent();
    for (let n = 1; n <= 6; n++) {
      content.addRequest({ id: `${n}`, request: new Request('https://graph.microsoft.com/me', { method: 'GET' }) });
    }
    const answers = new BatchResponseContent(await fast.api('/$batch').post(await content.getContent()));
    const each = [...answers.getResponses().values()];
    // The batch itself was one of the five.
    expect(each.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 429, 429]);
    for (const one of each.filter(({ status }) => status === 429)) {
      expect(Number(one.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(await one.json()).toMatchObject({ error: { code: 'TooManyRequests' } });
    }
  });

  it.each([
    [429, faults.throttled(1)],
    [503, faults.unavailable(1)],
  ])('meets %i with Retry-After on the way, and tries again', async (status, fault) => {
    const { kwame } = tenant.world.ids;
    tenant.proxy.fault({ method: 'PATCH', path: /\/users\// }, fault);
    const start = performance.now();
    expect(await client.api(`/users/${kwame}`).patch({ jobTitle: `After ${fault.name}` })).toBeUndefined();
    expect(performance.now() - start).toBeGreaterThan(990);
    expect(tenant.proxy.passed.map((one) => one.status)).toEqual([status, 204]);
    const { jobTitle } = await client.api(`/users/${kwame}`).select('jobTitle').get();
    expect(jobTitle).toBe(`After ${fault.name}`);
  });

  it('sends a reset once, when it is told to, however it ends', async () => {
    const { greek } = tenant.world.ids;
    const password = 'Wq3v-n8Td-b5Ky-7mRc';
    const scripted = tenant.proxy.fault({ method: 'PATCH', path: /\/users\// }, faults.committedThenTimedOut());
    const once = [new RetryHandlerOptions(undefined, 0)];
    const reset = client.api(`/users/${greek}`).middlewareOptions(once).patch({ passwordProfile: { password } });
    expect(await failed(reset)).toMatchObject({ statusCode: 504 });
    expect([scripted.met, tenant.proxy.passed.length]).toEqual([1, 1]);
    expect(await tenant.signsIn(greek, password)).toBe(true);
  });
});

describe('an error', () => {
  it('is a GraphError: status, code, sentence, ids, date, headers', async () => {
    const error = await failed(client.api('/users/nobody@contoso.example').get());
    expect(error).toBeInstanceOf(GraphError);
    expect([error.statusCode, error.code]).toEqual([404, 'Request_ResourceNotFound']);
    expect(error.message).toBe(
      "Resource 'nobody@contoso.example' does not exist or one of its queried reference-property objects are not present.",
    );
    expect(error.requestId).toBe(error.headers?.get('request-id'));
    expect(error.requestId).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    // The client makes an id for each request, and finds it again in headers and body.
    const mine = tenant.proxy.passed.at(-1)?.requestHeaders['client-request-id'];
    expect(error.headers?.get('client-request-id')).toBe(mine);
    expect(JSON.parse(error.body).innerError['client-request-id']).toBe(mine);
    // Without a zone on the wire, so that the client takes it for its own.
    const { date } = JSON.parse(error.body).innerError;
    expect(date).toBe(new Date(tenant.world.now()).toISOString().slice(0, 19));
    expect(error.date).toEqual(new Date(date));
  });

  it.each([
    ['400', () => client.api('/users').filter('nonsense').get(), 400, 'BadRequest'],
    ['403', () => readOnly().then((reader) => reader.api('/groups').get()), 403, 'Authorization_RequestDenied'],
    ['400 of an unknown segment', () => client.api('/nothing').get(), 400, 'BadRequest'],
    ['405', () => client.api('/organization').delete(), 405, 'Request_BadRequest'],
  ])('%s has its code', async (_what, ask, statusCode, code) => {
    expect(await failed(ask())).toMatchObject({ statusCode, code });
  });
  const readOnly = () => clientOf(tenant, { name: 'noRole', scp: 'User.Read', azp: 'reader' });

  it('of a token that is no good names the scheme', async () => {
    const stranger = withToken(tenant.origin, async () => 'not.a.token');
    const error = await failed(stranger.api('/me').get());
    expect([error.statusCode, error.code]).toEqual([401, 'InvalidAuthenticationToken']);
    expect(error.headers?.get('www-authenticate')).toMatch(/^Bearer /);
  });
});
