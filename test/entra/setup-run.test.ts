// `setup entra --run` against a scripted Graph over https: a first run, a second one, a tenant in which a part is there
// already, refusals, and answers that come late.

import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { setupCommand } from '../../connector/commands/setup.ts';
import { writeSecret } from '../../connector/commands/setup-deps.ts';
import { lackingIn } from '../../connector/entra/setup/lacking.ts';
import { certificate } from '../practice/certificate.ts';

type Row = Record<string, unknown>;
/** The tenant: what Graph holds of it. */
interface Tenant {
  applications: Row[];
  servicePrincipals: Row[];
  oauth2PermissionGrants: Row[];
  appRoleAssignments: Row[];
  roleAssignments: Row[];
}
const tenant = '11111111-2222-4333-8444-555555555555';
const token = 'a-token-of-an-administrator.x.y';
const graphApp = '00000003-0000-0000-c000-000000000000';
const args = ['entra', '--tenant', tenant, '--extension-id', 'ehgklkmaaldpgkaiebolcafcmkcachbi', '--run'];

let there: Tenant;
let asked: string[];
/** Answers in place of the tenant's: the first rule that matches and has turns left. */
let rules: { match: RegExp; times: number; status: number; body?: Row; headers?: Record<string, string> }[];
let server: Server;
let origin: string;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rr-setup-run-'));
  const pair = await certificate(folder);
  setDefaultCACertificates([...getCACertificates('default'), pair.cert]);
  server = createServer({ key: pair.key, cert: pair.cert }, async (request, response) => {
    const { status, body, headers } = await answer(request);
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(body === undefined ? undefined : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `https://localhost:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  await rm(join(folder, 'client.secret'), { force: true });
  asked = [];
  rules = [];
  there = {
    applications: [],
    servicePrincipals: [{ id: 'graph-principal', appId: graphApp }],
    oauth2PermissionGrants: [],
    appRoleAssignments: [],
    roleAssignments: [],
  };
});

interface Reply {
  status: number;
  body?: Row;
  headers?: Record<string, string>;
}

const error = (status: number, code: string, message: string): Reply => ({
  status,
  body: { error: { code, message } },
});

async function answer(request: IncomingMessage): Promise<Reply> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = (chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString()) : {}) as Row;
  const url = new URL(request.url ?? '/', origin);
  const path = decodeURIComponent(url.pathname);
  const line = `${request.method} ${path}`;
  asked.push(`${line} ${JSON.stringify(body)}`);
  if (request.headers.authorization !== `Bearer ${token}`) {
    return error(401, 'InvalidAuthenticationToken', 'Access token is empty.');
  }
  const rule = rules.find((one) => one.times > 0 && one.match.test(line));
  if (rule) {
    rule.times -= 1;
    return {
      status: rule.status,
      ...(rule.body ? { body: rule.body } : {}),
      ...(rule.headers ? { headers: rule.headers } : {}),
    };
  }
  return resource(request, line, path, url.searchParams.get('$filter') ?? '', body);
}

function resource(request: IncomingMessage, line: string, path: string, filter: string, body: Row): Reply {
  const [, set = '', key, value = ''] =
    /^\/v1\.0\/(applications|servicePrincipals)\((uniqueName|appId)='(.*)'\)$/.exec(path) ?? [];
  if (set !== '') {
    const rows = there[set as 'applications'];
    const found = rows.find((row) => row[key ?? ''] === value);
    if (request.method === 'GET')
      return found ? { status: 200, body: found } : error(404, 'Request_ResourceNotFound', 'Not there.');
    if (found) Object.assign(found, body);
    else if (request.headers.prefer !== 'create-if-missing')
      return error(404, 'Request_ResourceNotFound', 'Not there.');
    else {
      const made = {
        id: randomUUID(),
        ...(set === 'applications' ? { appId: randomUUID() } : {}),
        [key ?? '']: value,
        ...body,
      };
      rows.push(made);
      return { status: 201, body: made };
    }
    return { status: 204 };
  }
  const one = /^\/v1\.0\/(applications|oauth2PermissionGrants)\/([^/]+)(\/addPassword)?$/.exec(path);
  if (one) {
    if (one[3]) return { status: 200, body: { secretText: 'the-secret-of-the-connector' } };
    const row = there[one[1] as 'applications'].find(({ id }) => id === one[2]);
    if (!row) return error(404, 'Request_ResourceNotFound', 'Not there.');
    if (request.method === 'GET') return { status: 200, body: row };
    for (const [name, part] of Object.entries(body)) {
      const whole = ['api', 'web', 'spa'].includes(name) ? { ...(row[name] as Row), ...(part as Row) } : part;
      row[name] = whole;
    }
    return { status: 204 };
  }
  const list =
    {
      '/v1.0/applications': there.applications,
      '/v1.0/oauth2PermissionGrants': there.oauth2PermissionGrants,
      '/v1.0/roleManagement/directory/roleAssignments': there.roleAssignments,
    }[path] ?? (/\/appRoleAssign(ments|edTo)$/.test(path) ? there.appRoleAssignments : undefined);
  if (!list) return error(404, 'Request_ResourceNotFound', line);
  if (request.method === 'POST') {
    list.push({ id: randomUUID(), ...body });
    return { status: 201, body };
  }
  const [, name = '', wanted = ''] = /^(\w+) eq '(.*)'$/.exec(filter) ?? [];
  const rows = name === '' ? list : list.filter((row) => row[name] === wanted.replaceAll("''", "'"));
  // One a page, so that whoever looks has to follow.
  const at = Number(new URL(request.url ?? '/', origin).searchParams.get('$skiptoken') ?? 0);
  const next = new URL(request.url ?? '/', 'https://graph.microsoft.com');
  next.searchParams.set('$skiptoken', String(at + 1));
  return {
    status: 200,
    body: { value: rows.slice(at, at + 1), ...(rows.length > at + 1 ? { '@odata.nextLink': next.href } : {}) },
  };
}

/** Exit code and both streams of a run; the waits that it made. */
async function setUp(...more: string[]) {
  const said: string[] = [];
  const printed: string[] = [];
  const waits: number[] = [];
  const code = await setupCommand(
    [...args, ...more],
    {
      env: { RR_SETUP_TOKEN: token },
      readFile: (path) => (path.endsWith('tls.crt') ? readFileSync(path, 'utf8') : ''),
      readInput: async () => undefined,
      writeSecret,
      fetch: (input, init) => fetch(String(input).replace('https://graph.microsoft.com', origin), init),
      sleep: async (ms) => void waits.push(ms),
    },
    { say: (line) => void said.push(line), print: (line) => void printed.push(line) },
  );
  return { code, said: said.join('\n'), printed, waits };
}

const writes = () => asked.filter((line) => !line.startsWith('GET'));

it('makes everything, then finds everything', async () => {
  const first = await setUp('--synced');
  expect([first.code, first.said]).toEqual([0, expect.not.stringContaining('✗')]);
  const [extension, connector] = there.applications;
  expect(connector).toMatchObject({
    identifierUris: [`api://${connector?.appId}`],
    api: {
      requestedAccessTokenVersion: 2,
      oauth2PermissionScopes: [{ value: 'Passwords.Reset' }],
      preAuthorizedApplications: [{ appId: extension?.appId }],
    },
  });
  expect(there.oauth2PermissionGrants).toMatchObject([
    { scope: 'openid profile offline_access' },
    { scope: expect.stringContaining('User-PasswordProfile.ReadWrite.All'), consentType: 'AllPrincipals' },
  ]);
  expect(first.printed).toContain(`RR_CLIENT_ID=${connector?.appId}`);
  expect(first.printed).toContain(`RR_EXTENSION_CLIENT_ID=${extension?.appId}`);
  const before = structuredClone(there);
  asked = [];
  const second = await setUp('--synced');
  expect(writes()).toEqual([]);
  expect(there).toEqual(before);
  expect(second.said).toContain('= was there  Registration of the connector');
  expect(second.said).not.toContain('✓');
  expect(second.printed).toEqual(first.printed);
});

it('acting alone: gives each permission and the role, once', async () => {
  await setUp('--as', 'app', '--unit', tenant, '--expiry');
  const given = there.appRoleAssignments.length;
  expect(there.appRoleAssignments.map(({ appRoleId }) => appRoleId)).toContain('cc117bb9-00cf-4eb8-b580-ea2a878fe8f7');
  expect(there.roleAssignments).toMatchObject([
    { roleDefinitionId: 'fe930be7-5e62-47db-91af-98c3a49a38b1', directoryScopeId: `/administrativeUnits/${tenant}` },
  ]);
  expect((await setUp('--as', 'app', '--unit', tenant, '--expiry')).code).toBe(0);
  expect([there.appRoleAssignments.length, there.roleAssignments.length]).toEqual([given, 1]);
  expect(there.oauth2PermissionGrants).toHaveLength(1);
});

it('says what is left when consent is refused, and finishes in a second run', async () => {
  rules = [
    {
      match: /POST .*(oauth2PermissionGrants|appRoleAssignedTo|roleAssignments)/,
      times: 99,
      status: 403,
      body: {
        error: { code: 'Authorization_RequestDenied', message: 'Insufficient privileges to complete the operation.' },
      },
    },
  ];
  const refused = await setUp('--as', 'app');
  expect(refused.code).toBe(1);
  expect(refused.said).toContain(
    '✗ refused    Role of the connector: User Administrator: 403 Authorization_RequestDenied',
  );
  expect(refused.said).toContain(`/adminconsent?client_id=${there.applications[1]?.appId}`);
  expect(refused.printed).toContain(`RR_CLIENT_ID=${there.applications[1]?.appId}`);
  rules = [];
  expect((await setUp('--as', 'app')).code).toBe(0);
  expect(there.applications).toHaveLength(2);
  expect(there.roleAssignments).toHaveLength(1);
});

it('stops where nothing can follow, and goes on from there', async () => {
  rules = [
    {
      match: /PATCH .*reset-and-resend-connector/,
      times: 1,
      status: 403,
      body: { error: { code: 'Authorization_RequestDenied', message: 'No.' } },
    },
  ];
  const stopped = await setUp();
  expect([stopped.code, stopped.printed]).toEqual([1, []]);
  expect(stopped.said).toMatch(/The token needs Application.ReadWrite.All/);
  expect(there.applications).toHaveLength(1);
  expect((await setUp()).code).toBe(0);
  expect(there.applications).toHaveLength(2);
});

it('says that Graph did not answer, without a word of what was sent', async () => {
  const said: string[] = [];
  const deps = {
    env: { RR_SETUP_TOKEN: token },
    readFile: () => '',
    readInput: async () => undefined,
    writeSecret,
    fetch: () => Promise.reject(new TypeError(`fetch failed ${token}`, { cause: { code: 'ENOTFOUND' } })),
    sleep: async () => {},
  };
  expect(await setupCommand(args, deps, { say: (line) => void said.push(line), print: () => {} })).toBe(1);
  expect(said.join('\n')).toContain('✗ refused    graph.microsoft.com did not answer (ENOTFOUND).');
  expect(said.join('\n')).not.toContain(token);
});

it('waits for what was made a moment ago, and as long as Graph asks', async () => {
  rules = [
    { match: /PATCH .*servicePrincipals/, times: 2, status: 404 },
    { match: /POST .*oauth2PermissionGrants/, times: 1, status: 429, headers: { 'retry-after': '17' } },
  ];
  const late = await setUp();
  expect([late.code, late.waits]).toEqual([0, [1000, 2000, 17_000]]);
  expect(there.oauth2PermissionGrants).toHaveLength(2);
});

it('takes over a registration that was made by hand and takes nothing away from it', async () => {
  there.applications.push({
    id: 'by-hand',
    appId: randomUUID(),
    displayName: 'Reset & Resend connector',
    signInAudience: 'AzureADMultipleOrgs',
    api: {
      requestedAccessTokenVersion: null,
      oauth2PermissionScopes: [
        { id: 'an-id-of-its-own', value: 'Passwords.Reset', isEnabled: true },
        { id: 'other', value: 'Other', isEnabled: true },
      ],
    },
    web: { redirectUris: ['https://old.contoso.com/'], redirectUriSettings: [] },
    requiredResourceAccess: [{ resourceAppId: 'another-api', resourceAccess: [] }],
  });
  expect((await setUp('--url', 'https://reset.contoso.com')).code).toBe(0);
  expect(there.applications).toHaveLength(2);
  const [connector] = there.applications as [Row & { api: Row; web: Row }];
  expect(connector).toMatchObject({
    id: 'by-hand',
    signInAudience: 'AzureADMultipleOrgs',
    requiredResourceAccess: [{ resourceAppId: 'another-api' }, { resourceAppId: graphApp }],
    web: { redirectUris: ['https://old.contoso.com/', 'https://reset.contoso.com/healthz'], redirectUriSettings: [] },
    api: {
      requestedAccessTokenVersion: 2,
      oauth2PermissionScopes: [{ id: 'an-id-of-its-own' }, { id: 'other' }],
      preAuthorizedApplications: [{ delegatedPermissionIds: ['an-id-of-its-own'] }],
    },
  });
  there.applications.push({ id: 'twin', displayName: 'Reset & Resend connector' });
  const twins = await setUp();
  expect(twins.code).toBe(1);
  expect(twins.said).toContain('There are 2 registrations called “Reset & Resend connector”');
});

it('adds what a consent lacks and leaves the rest of it', async () => {
  await setUp();
  const grant = there.oauth2PermissionGrants[1] as { scope: string };
  grant.scope = 'Calendars.Read User.Read.All';
  const completed = await setUp('--remember');
  expect(completed.said).toContain('✓ completed  Consent for the connector: on behalf');
  expect(grant.scope).toMatch(/^Calendars.Read User.Read.All .*User-Mail.ReadWrite.All/);
});

it('makes a secret once, for this user’s eyes, and prints it nowhere', async () => {
  const file = join(folder, 'client.secret');
  const first = await setUp('--secret-file', file);
  expect(await readFile(file, 'utf8')).toBe('the-secret-of-the-connector');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  await setUp('--secret-file', file);
  expect(asked.filter((line) => line.includes('addPassword'))).toHaveLength(1);
  for (const text of [first.said, ...first.printed]) {
    expect(text).not.toContain('the-secret');
    expect(text).not.toContain(token);
  }
  await rm(file);
  rules = [{ match: /addPassword/, times: 1, status: 403 }];
  expect((await setUp('--secret-file', file)).code).toBe(1);
  await expect(stat(file)).rejects.toThrow();
});

it('wants a token, and not on the command line', async () => {
  const said: string[] = [];
  const deps = {
    env: {},
    readFile: () => '',
    readInput: async () => undefined,
    writeSecret,
    fetch,
    sleep: async () => {},
  };
  const out = { say: (line: string) => void said.push(line), print: () => {} };
  expect(await setupCommand(args, deps, out)).toBe(2);
  expect(said[0]).toMatch(/RR_SETUP_TOKEN or standard input/);
  expect(await setupCommand([...args, '--token', token], deps, out)).toBe(2);
  const stale = { ...deps, env: { RR_SETUP_TOKEN: 'a-token-that-is-too-old-by-now' } };
  const rewritten = (input: Parameters<typeof fetch>[0], init?: RequestInit) =>
    fetch(String(input).replace('https://graph.microsoft.com', origin), init);
  expect(await setupCommand(args, { ...stale, fetch: rewritten }, out)).toBe(1);
  expect(said.join('\n')).toMatch(/not good, or too old/);
});

it.each([
  [['--as', 'app', '--synced'], /only an administrator can reset a synchronised person/],
  [['--as', 'app', '--tap'], /on behalf of an administrator/],
  [['--as', 'me'], /--as is admin or app/],
  [['--cloud', 'moon'], /--cloud is global, usgov, dod, china/],
  [['--extension-id', 'nothing'], /id that a browser’s store gave/],
  [['--mail', "o'x@contoso.com"], /--mail is the address of a mailbox/],
  [['--url', 'http://reset.contoso.com'], /https origin/],
  [['--name', 'two\nlines'], /control character/],
  [['--name', 'a mark \uE000connectorApp\uE001'], /control character/],
  [['--role', 'User Administrator'], /--role is for --as app/],
  [['--format', 'az'], /--format is for printing/],
  [['--certificate', 'x.crt'], /not a certificate/],
])('refuses %j', async (more, sentence) => {
  const { code, said } = await setUp(...more);
  expect([code, said]).toEqual([more[0] === '--certificate' ? 1 : 2, expect.stringMatching(sentence)]);
  expect(asked).toEqual([]);
});

it('prints settings that are right wherever the connector runs, and offers what was asked for alone', async () => {
  const file = relative(process.cwd(), join(folder, 'tls.crt'));
  const { printed } = await setUp('--certificate', file, '--mail', 'reset@contoso.com');
  expect(printed).toContain(`RR_CLIENT_CERT=${join(folder, 'tls.crt')}`);
  expect(printed).toEqual(expect.arrayContaining(['RR_MAIL_FROM=reset@contoso.com', 'RR_POLICY_REMEMBER=no']));
  expect(printed.join()).not.toContain('RR_POLICY_TAP');
  const whole = await setUp('--remember', '--tap');
  expect(whole.printed).toContain('RR_POLICY_TAP=yes');
  expect(whole.printed.join()).not.toContain('RR_POLICY_REMEMBER');
});

it('knows a certificate again, however Entra shows it', () => {
  const der = Buffer.from('a certificate').toString('base64');
  const wanted = { keyCredentials: [{ type: 'AsymmetricX509Cert', usage: 'Verify', key: der }] };
  const thumbprint = createHash('sha1').update(Buffer.from(der, 'base64')).digest();
  const spellings: [string, string][] = [
    ['key', der],
    ['customKeyIdentifier', thumbprint.toString('base64')],
    ['customKeyIdentifier', thumbprint.toString('hex').toUpperCase()],
  ];
  for (const [name, value] of spellings) {
    const shown = { [name]: value };
    expect(lackingIn({ keyCredentials: [{ type: 'AsymmetricX509Cert', keyId: '1', ...shown }] }, wanted)).toEqual({});
  }
  const other = { type: 'AsymmetricX509Cert', keyId: '1', key: 'another' };
  expect(lackingIn({ keyCredentials: [other] }, wanted)).toEqual({ keyCredentials: [other, ...wanted.keyCredentials] });
});
