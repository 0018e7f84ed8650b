// `check` of a tenant: a tenant in which everything is right, then one thing wrong at a time. The tenant is a table of
// answers by address; what is asked of it is asked as over the network.

import { SignJWT } from 'jose';
import { generate } from 'selfsigned';
import { describe, expect, it } from 'vitest';
import { checkEntra } from '../../connector/check/entra.ts';
import type { Finding } from '../../connector/check/finding.ts';
import { checkMail, mailOf } from '../../connector/check/mail.ts';
import { readConfig } from '../../connector/config.ts';

const tid = '11111111-2222-4333-8444-555555555555';
const client = '22222222-2222-4333-8444-555555555555';
const extension = '33333333-2222-4333-8444-555555555555';
const start = Date.parse('2026-11-22T12:00:00Z');
const days = (n: number) => new Date(start + n * 86_400_000).toISOString();
const secret = 'Abc~the-secret-that-nobody-may-see';
const login = `https://login.microsoftonline.com/${tid}`;
const graph = 'https://graph.microsoft.com/v1.0';

type Answer = { status?: number; body?: unknown; date?: string } | 'dead';
interface Options {
  readonly env?: Readonly<Record<string, string>>;
  readonly roles?: readonly string[];
  /** In place of the right answers, by the beginning of the address. */
  readonly answers?: Readonly<Record<string, Answer>>;
  readonly validTo?: number;
  readonly readFile?: (path: string) => string;
}

const appRoles = [
  ...['User.Read.All', 'User-PasswordProfile.ReadWrite.All', 'RoleManagement.Read.Directory', 'GroupMember.Read.All'],
  ...['AdministrativeUnit.Read.All', 'Organization.Read.All', 'User.RevokeSessions.All', 'User-Mail.ReadWrite.All'],
  'Domain.Read.All',
];
const registration = {
  identifierUris: [`api://${client}`],
  groupMembershipClaims: 'DirectoryRole',
  api: {
    requestedAccessTokenVersion: 2,
    oauth2PermissionScopes: [{ value: 'Passwords.Reset', isEnabled: true }],
    preAuthorizedApplications: [{ appId: extension }],
  },
  passwordCredentials: [
    { hint: 'old', endDateTime: days(3) },
    { hint: 'Abc', endDateTime: days(200) },
  ],
};

function configOf(env: Readonly<Record<string, string>>) {
  const { config, lines } = readConfig(
    {
      RR_DIRECTORY: `graph://${tid}`,
      RR_CLIENT_ID: client,
      RR_CLIENT_SECRET: secret,
      RR_EXTENSION_CLIENT_ID: extension,
      RR_EXTENSION_IDS: 'ehgklkmaaldpgkaiebolcafcmkcachbi',
      ...env,
    },
    () => '',
  );
  if (!config) throw new Error(lines.flatMap(({ problem }) => problem ?? []).join(' '));
  return config;
}

async function check({
  env = {},
  roles = [],
  answers = {},
  validTo = start + 90 * 86_400_000,
  readFile = () => '',
}: Options = {}) {
  const config = configOf(env);
  const token = await new SignJWT({ oid: 'principal', roles: [...roles] })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new Uint8Array(32));
  const right: Record<string, Answer> = {
    [`${login}/v2.0/.well-known/openid-configuration`]: {
      body: { issuer: `${login}/v2.0`, jwks_uri: `${login}/keys`, token_endpoint: `${login}/oauth2/v2.0/token` },
    },
    [`${login}/keys`]: { body: { keys: [{}, {}] } },
    [`${login}/oauth2/v2.0/token`]: { body: { access_token: token, expires_in: 3600, token_type: 'Bearer' } },
    [`${graph}/organization`]: { body: { value: [{ id: tid, displayName: 'Contoso' }] } },
    [`${graph}/servicePrincipals(appId='${client}')/oauth2PermissionGrants`]: { status: 403 },
    [`${graph}/roleManagement`]: {
      body: { value: [{ roleDefinitionId: 'fe930be7-5e62-47db-91af-98c3a49a38b1', directoryScopeId: '/' }] },
    },
    [`${graph}/applications(appId='${client}')`]: { body: registration },
    [`${graph}/applications(appId='${extension}')`]: {
      body: { spa: { redirectUris: ['https://ehgklkmaaldpgkaiebolcafcmkcachbi.chromiumapp.org/'] } },
    },
  };
  const found = await checkEntra(config, {
    net: {
      async fetch(input) {
        const url = String(input);
        const entry = [...Object.entries(answers), ...Object.entries(right)].find(([prefix]) => url.startsWith(prefix));
        if (!entry) throw new Error(`unexpected request to ${url}`);
        const [, answer] = entry;
        if (answer === 'dead') throw new TypeError('fetch failed', { cause: { code: 'ENOTFOUND' } });
        const { status = 200, body = {}, date = new Date(start).toUTCString() } = answer;
        return new Response(JSON.stringify(body), { status, headers: { date } });
      },
      certificateOf: async () => ({ validTo, trusted: true }),
    },
    now: () => start,
    random: (n) => new Uint8Array(n),
    readFile,
  });
  for (const { text } of found) expect(text).not.toMatch(/the-secret|eyJ/);
  return found;
}

const app = { env: { RR_GRAPH_AS: 'app' }, roles: appRoles };
const bad = (found: readonly Finding[]) =>
  found.filter(({ mark }) => mark !== 'ok').map((one) => `${one.mark} ${one.name}: ${one.text}`);

it('finds nothing to say against a tenant that is set up, in either mode', async () => {
  expect(bad(await check())).toEqual([]);
  expect(bad(await check(app))).toEqual([]);
  expect((await check(app)).map(({ name, text }) => `${name}: ${text}`)).toEqual(
    expect.arrayContaining([
      'Microsoft Graph: graph.microsoft.com answers for Contoso',
      'Role of the connector: User Administrator',
      'Permissions of the connector: all 9 are there',
      'Credential: the client secret is valid until 2027-06-10',
    ]),
  );
});

it('says when the certificate ends, also where the sign-in cannot be reached', async () => {
  const made = await generate([{ name: 'commonName', value: 'reset' }], {
    notBeforeDate: new Date(start - 86_400_000),
    notAfterDate: new Date(start + 9 * 86_400_000),
  });
  const env = { RR_CLIENT_SECRET: '', RR_CLIENT_CERT: 'reset.crt', RR_CLIENT_KEY: 'reset.key' };
  const answers = { [`${login}/v2.0/.well-known`]: 'dead' } as const;
  expect(bad(await check({ env, answers, readFile: () => made.cert }))).toEqual([
    expect.stringMatching(/^wrong Sign-in of the tenant/),
    expect.stringMatching(/^warn Credential: the certificate ends in 9 days/),
  ]);
});

it('asks nobody where the directory is embedded', async () => {
  const { config } = readConfig({}, () => '');
  const never = () => Promise.reject(new Error('asked'));
  const net = { fetch: never, certificateOf: never };
  expect(
    config && (await checkEntra(config, { net, now: () => start, random: () => new Uint8Array(), readFile: () => '' })),
  ).toEqual([]);
});

describe('mail by Graph', () => {
  const mailbox = { RR_MAIL: 'graph://reset@contoso.com', RR_MAIL_FROM: 'Help <reset@contoso.com>' };
  async function sent(answer: Response, to?: string) {
    const asked: { url: string; body: string }[] = [];
    const metadata = { issuer: `${login}/v2.0`, token_endpoint: `${login}/oauth2/v2.0/token` };
    const config = configOf(mailbox);
    const deps = {
      net: {
        fetch: async (input: Parameters<typeof fetch>[0], init?: RequestInit) => {
          const url = String(input instanceof Request ? input.url : input);
          asked.push({ url, body: String(init?.body ?? '') });
          if (url.includes('.well-known')) return Response.json(metadata);
          if (url.endsWith('/token')) return Response.json({ access_token: 'x.y.z', expires_in: 3600 });
          return answer;
        },
        certificateOf: () => Promise.reject(new Error('asked')),
      },
      now: () => start,
      random: (n: number) => new Uint8Array(n),
      readFile: () => '',
    };
    const { mailFrom: from, organisation } = config;
    const check = { from, organisation, now: start, random: deps.random, ...(to === undefined ? {} : { to }) };
    const { mark, text } = await checkMail(mailOf(config, deps), check);
    return { mark, text, last: asked.at(-1) };
  }

  it('is sent from the mailbox, in the connector’s own name, and kept nowhere', async () => {
    const accepted = await sent(new Response(null, { status: 202 }), 'gwen@contoso.com');
    expect([accepted.mark, accepted.text]).toEqual([
      'ok',
      expect.stringMatching(/^sent to gwen@contoso.com \(202 .*see that it arrived/),
    ]);
    expect(accepted.last?.url).toBe(`${graph}/users/reset%40contoso.com/sendMail`);
    expect(JSON.parse(accepted.last?.body ?? '')).toMatchObject({
      saveToSentItems: false,
      message: { toRecipients: [{ emailAddress: { address: 'gwen@contoso.com' } }] },
    });
  });

  it('is wrong when Exchange does not let the connector, with its words', async () => {
    const error = {
      error: { code: 'ErrorAccessDenied', message: 'Access is denied. Check credentials and try again.' },
    };
    const denied = await sent(Response.json(error, { status: 403 }), 'gwen@contoso.com');
    expect([denied.mark, denied.text]).toEqual([
      'wrong',
      expect.stringMatching(/RR_MAIL is at fault: 403 ErrorAccessDenied/),
    ]);
  });

  it('sends nothing without an address', async () => {
    const looked = await sent(Response.json({ id: 'box' }));
    expect([looked.mark, looked.last?.url]).toEqual(['ok', expect.not.stringContaining('sendMail')]);
  });
});

describe('says what is wrong, and what to do', () => {
  const issuer = `${login}/v2.0/.well-known`;
  const one: [string, Options, RegExp][] = [
    [
      'sign-in unreachable',
      { answers: { [issuer]: 'dead' } },
      /^wrong Sign-in of the tenant: .* \(ENOTFOUND\): this machine must reach it/,
    ],
    [
      'another issuer',
      { answers: { [issuer]: { body: { issuer: 'https://evil.example' } } } },
      /^wrong Sign-in .* is no issuer .* RR_DIRECTORY/,
    ],
    ['no keys', { answers: { [`${login}/keys`]: { body: { keys: [] } } } }, /^wrong Sign-in .* shows no keys/],
    [
      'clock ahead',
      {
        answers: {
          [issuer]: {
            body: { issuer: `${login}/v2.0`, jwks_uri: `${login}/keys`, token_endpoint: `${login}/oauth2/v2.0/token` },
            date: new Date(start - 90_000).toUTCString(),
          },
        },
      },
      /^wrong Clock: 90 s ahead of login.microsoftonline.com/,
    ],
    [
      'TLS certificate of the sign-in',
      { validTo: start + 5 * 86_400_000 },
      /^warn Sign-in certificate: .* ends in 5 days/,
    ],
    [
      'wrong secret',
      { answers: { [`${login}/oauth2`]: { status: 401, body: { error: 'invalid_client', error_codes: [7000215] } } } },
      /^wrong Credential: .*secret is wrong \(AADSTS7000215\)/,
    ],
    [
      'Graph unreachable',
      { answers: { [`${graph}/organization`]: 'dead' } },
      /^wrong Microsoft Graph: .*\(ENOTFOUND\)/,
    ],
    [
      'Graph of another cloud',
      { answers: { [`${graph}/organization`]: { status: 401 } } },
      /^wrong Microsoft Graph: .* 401: it does not take the token/,
    ],
    [
      'permission missing',
      { ...app, roles: appRoles.filter((role) => !role.startsWith('User-PasswordProfile')) },
      /^wrong Permissions of the connector: User-PasswordProfile.ReadWrite.All is missing\. Sets the password/,
    ],
    [
      'optional permission missing',
      { ...app, roles: appRoles.filter((role) => role !== 'Domain.Read.All') },
      /^warn Permissions of the connector: Domain.Read.All is missing/,
    ],
    [
      'permission too many',
      { roles: ['User-PasswordProfile.ReadWrite.All'] },
      /^warn Permissions of the connector: User-PasswordProfile.ReadWrite.All: not needed/,
    ],
    [
      'mail without consent',
      { env: { RR_MAIL: 'graph://reset@contoso.com' } },
      /^warn Permissions of the connector: Mail.Send is not consented to\. Right, when Exchange/,
    ],
    [
      'mail everywhere',
      { env: { RR_MAIL: 'graph://reset@contoso.com' }, roles: ['Mail.Send'] },
      /^warn Permissions of the connector: Mail.Send is consented to for every mailbox/,
    ],
    [
      'no role',
      { ...app, answers: { [`${graph}/roleManagement`]: { body: { value: [] } } } },
      /^wrong Role of the connector: none: without User Administrator/,
    ],
    [
      'too weak a role',
      {
        ...app,
        answers: {
          [`${graph}/roleManagement`]: {
            body: { value: [{ roleDefinitionId: '88d8e3e3-8f55-4a1e-953a-9b9898b8876b', directoryScopeId: '/' }] },
          },
        },
      },
      /^wrong Role of the connector: Directory Readers: without/,
    ],
    [
      'too strong a role',
      {
        ...app,
        answers: {
          [`${graph}/roleManagement`]: {
            body: { value: [{ roleDefinitionId: '62e90394-69f5-4237-9190-012177145e10', directoryScopeId: '/' }] },
          },
        },
      },
      /^warn Role of the connector: Global Administrator: far more/,
    ],
    [
      'admin consent missing',
      {
        answers: {
          [`${graph}/servicePrincipals`]: {
            body: { value: [{ consentType: 'AllPrincipals', scope: 'User.Read User.Read.All offline_access' }] },
          },
        },
      },
      /^wrong Consent on behalf of admins: User-PasswordProfile.ReadWrite.All is missing/,
    ],
    [
      'v1 tokens',
      {
        answers: {
          [`${graph}/applications(appId='${client}')`]: {
            body: { ...registration, api: { ...registration.api, requestedAccessTokenVersion: null } },
          },
        },
      },
      /^wrong Registration: api.requestedAccessTokenVersion is not 2/,
    ],
    [
      'no address',
      { answers: { [`${graph}/applications(appId='${client}')`]: { body: { ...registration, identifierUris: [] } } } },
      /^wrong Registration: identifierUris lacks api:\/\//,
    ],
    [
      'redirect address',
      { answers: { [`${graph}/applications(appId='${extension}')`]: { body: { spa: { redirectUris: [] } } } } },
      /^wrong Registration: the extension's lacks https:\/\/ehgk/,
    ],
    [
      'secret ends',
      {
        answers: {
          [`${graph}/applications(appId='${client}')`]: {
            body: { ...registration, passwordCredentials: [{ hint: 'Abc', endDateTime: days(12) }] },
          },
        },
      },
      /^warn Credential: the client secret ends in 12 days: see docs\/entra.md/,
    ],
    [
      'secret has ended',
      {
        answers: {
          [`${graph}/applications(appId='${client}')`]: {
            body: { ...registration, passwordCredentials: [{ hint: 'Abc', endDateTime: days(-1) }] },
          },
        },
      },
      /^wrong Credential: the client secret has ended/,
    ],
    [
      'end not visible',
      { answers: { [`${graph}/applications(appId='${client}')`]: { status: 403 } } },
      /^warn Registration: when the client secret ends is not visible/,
    ],
  ];
  it.each(one)('%s', async (_, options, sentence) => {
    const found = bad(await check(options));
    expect(found).toEqual(expect.arrayContaining([expect.stringMatching(sentence)]));
    // One cause, one line: nothing else is blamed.
    expect(found).toHaveLength(1);
  });
});
