import { inspect } from 'node:util';
import PostalMime from 'postal-mime';
import { describe, expect, it } from 'vitest';
import { settingTable } from '../connector/commands/check.ts';
import { policyOf, publicUrlOf, readConfig, settings } from '../connector/config.ts';
import { endpointsOf } from '../connector/entra/clouds.ts';
import { resetMail } from '../connector/mail/reset-mail.ts';

const read = (env: Record<string, string>, files: Record<string, string> = {}) =>
  readConfig(env, (path) => {
    const text = files[path];
    if (text === undefined) throw new Error('ENOENT');
    return text;
  });
const problems = (env: Record<string, string>) => read(env).lines.flatMap(({ problem }) => problem ?? []);
/** Whatever stands in a mail, except who sends it. */
const letter = {
  ...{ organisation: 'Contoso', person: { displayName: 'Ada', userPrincipalName: 'ada@contoso.example' } },
  ...{ link: 'https://reset.contoso.example/r/x#1', code: 'AAAA', pin: false, locale: 'en' as const },
  ...{ date: 0, expiresAt: 3_600_000, to: 'ada@mail.example', messageId: '<1@contoso.example>' },
};
const key = Buffer.alloc(32, 7).toString('base64');

describe('settings', () => {
  it('have defaults that work on this machine alone', () => {
    const { config } = read({});
    expect(config?.listen).toEqual({ host: '127.0.0.1', port: 8787 });
    expect(config && publicUrlOf(config)).toBe('http://127.0.0.1:8787');
    expect(config && policyOf(config)).toMatchObject({
      linkLifetime: 86_400,
      changeLifetime: 259_200,
      pinForTyped: 'on',
    });
    expect(Object.isFrozen(config)).toBe(true);
  });

  it.each([
    ['RR_LISTEN', 'everywhere'],
    ['RR_LISTEN', '127.0.0.1:99999'],
    ['RR_PUBLIC_URL', 'http://reset.contoso.com'],
    ['RR_PUBLIC_URL', 'https://reset.contoso.com/path'],
    ['RR_PUBLIC_URL', 'ftp://x'],
    ['RR_SECRET_KEY', 'short'],
    ['RR_SECRET_KEY', `${key},${key.slice(4)}`],
    ['RR_DATABASE', 'mysql://x'],
    ['RR_DATABASE', 'sqlite:'],
    ['RR_DATABASE', 'postgres://db.example/rr'],
    ['RR_DATABASE', 'postgres://rr@db.example'],
    ['RR_DATABASE', 'postgres://rr@db.example/rr?sslmode=prefer'],
    ['RR_DATABASE', 'postgres://rr@db.example/rr?password=hunter2'],
    ['RR_DATABASE', 'postgres://rr@/rr'],
    ['RR_DATABASE', 'postgres://rr:%zz@db.example/rr'],
    ['RR_DIRECTORY', 'ldap://x'],
    ['RR_DIRECTORY', 'graph://contoso.onmicrosoft.com'],
    ['RR_CLOUD', 'moon'],
    ['RR_CLOUD', 'https://login.example'],
    ['RR_CLOUD', 'http://login.example https://graph.example'],
    ['RR_CLOUD', 'https://login.example https://graph.example/v1.0'],
    ['RR_GRAPH_AS', 'root'],
    ['RR_MAIL', 'graph://reset'],
    ['RR_MAIL', 'pigeon://x'],
    ['RR_MAIL_FROM', 'nobody'],
    ['RR_MAIL_FROM', 'A <a@b.example>\r\nBcc: x@y.example'],
    ['RR_EXTENSION_IDS', 'abc'],
    ['RR_TRUSTED_PROXIES', '10.0.0.0/99'],
    ['RR_POLICY_LINK_HOURS', '48'],
    ['RR_POLICY_PIN_TYPED', 'maybe'],
    ['RR_POLICY_CREATE_PASSWORD', 'perhaps'],
    ['RR_POLICY_PASSWORD_MINIMUM', '4'],
    ['RR_TIME_ZONE', 'Moon/Base'],
    ['RR_LISSTEN', '127.0.0.1:1'],
    ['RR_SECRET_KEY', ','],
    ['RR_MAIL_FROM', 'ädmin@contoso.example'],
    ['RR_MAIL_FROM', 'IT <it@localhost>'],
    ['RR_MAIL_FROM', 'IT <a@b.example> <c@d.example>'],
    ['RR_ORGANISATION_FILE', '/etc/hostname'],
    ['RR_POLICY_PIN_TYPED_FILE', '/nowhere'],
  ])('%s=%s is refused with a sentence that names it', (name, value) => {
    const found = problems({ [name]: value });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(new RegExp(`^${name} .*\\.$`));
  });

  it('name a Postgres database, whose password is nowhere shown', () => {
    const given = { RR_DATABASE: 'postgres://rr:hunter%2F2@db.example/resets', RR_SECRET_KEY: key };
    const { config, lines } = read(given);
    expect(config?.database).toMatchObject({ host: 'db.example', port: 5432, user: 'rr', database: 'resets' });
    // Encrypted and checked unless the server is on this machine, or the operator says otherwise.
    expect(config?.database).toMatchObject({ sslmode: 'verify-full' });
    if (config?.database.engine !== 'postgres') throw new Error('This is no address of Postgres.');
    expect(config.database.password?.reveal()).toBe('hunter/2');
    const said = [settingTable(lines), JSON.stringify(config), inspect(config, { depth: 9 })].join();
    expect(said).toContain('postgres://db.example:5432/resets?sslmode=verify-full');
    expect(said).not.toMatch(/hunter/);
    const file = { RR_DATABASE_FILE: '/run/secrets/database', RR_SECRET_KEY: key };
    const socket = 'postgresql://rr@/resets?host=/run/postgresql';
    expect(read(file, { '/run/secrets/database': `${socket}\n` }).config?.database).toEqual({
      ...{
        engine: 'postgres',
        host: '/run/postgresql',
        port: 5432,
        database: 'resets',
        user: 'rr',
        sslmode: 'disable',
      },
    });
    expect(problems({ RR_DATABASE: given.RR_DATABASE })).toEqual([expect.stringMatching(/needs RR_SECRET_KEY/)]);
  });

  it('that do not go together are refused', () => {
    expect(problems({ RR_TLS_CERT: 'a' })[0]).toMatch(/go together/);
    expect(problems({ RR_LISTEN: '0.0.0.0:8787', RR_MAIL: 'smtp://mail.contoso.com' })[0]).toMatch(/this machine only/);
    expect(problems({ RR_PUBLIC_URL: 'https://reset.contoso.com' })[0]).toMatch(/RR_MAIL=folder.* graph:/);
    expect(problems({ RR_PUBLIC_URL: 'https://reset.contoso.com', RR_MAIL: 'smtp://mail' })).toEqual([]);
    const tls = { RR_TLS_CERT: 'a', RR_TLS_KEY: 'b' };
    expect(problems({ ...tls, RR_LINK_LISTEN: '0.0.0.0:8788' })).toEqual([expect.stringMatching(/RR_MAIL=folder/)]);
    expect(problems({ ...tls, RR_LINK_LISTEN: '127.0.0.1:8788' })).toEqual([]);
  });

  const tid = '11111111-2222-4333-8444-555555555555';
  const graph = {
    RR_DIRECTORY: `graph://${tid.toUpperCase()}`,
    RR_CLIENT_ID: 'aaaaaaaa-2222-4333-8444-555555555555',
    RR_EXTENSION_CLIENT_ID: 'bbbbbbbb-2222-4333-8444-555555555555',
    RR_CLIENT_SECRET: 'client~hunter2',
  };

  it('take the shared mailbox for the sender, and no other', () => {
    const mail = { ...graph, RR_MAIL: 'graph://Reset@contoso.example' };
    const { config, lines } = read(mail);
    expect(config?.mailFrom).toBe('Reset & Resend <Reset@contoso.example>');
    expect(lines.find(({ env }) => env === 'RR_MAIL_FROM')).toMatchObject({
      shown: config?.mailFrom,
      source: 'default',
    });
    expect(read({ ...mail, RR_MAIL_FROM: 'IT <reset@contoso.example>' }).config?.mailFrom).toBe(
      'IT <reset@contoso.example>',
    );
    expect(problems({ ...mail, RR_MAIL_FROM: 'IT <it@contoso.example>' })).toEqual([
      expect.stringMatching(/^RR_MAIL=graph:.* sends from Reset@contoso\.example alone/),
    ]);
    // By another way the sender is whoever is named.
    expect(problems({ ...graph, RR_MAIL: 'smtp://mail', RR_MAIL_FROM: 'IT <it@contoso.example>' })).toEqual([]);
  });

  it('describe a directory in Graph, whose secret is never shown', () => {
    const { config, lines } = read({ ...graph, RR_MAIL: 'graph://reset@contoso.example' });
    expect(config?.directory).toBe(`graph://${tid}`);
    expect(config?.clientSecret?.reveal()).toBe('client~hunter2');
    expect(config?.graphAs).toBe('admin');
    expect(config && endpointsOf(config.cloud, tid)).toEqual({
      issuer: `https://login.microsoftonline.com/${tid}/v2.0`,
      authority: `https://login.microsoftonline.com/${tid}`,
      graph: 'https://graph.microsoft.com',
      portal: 'https://m365.cloud.microsoft',
      protocol: 'entra',
    });
    expect(settingTable(lines)).not.toContain('hunter2');
    expect(settingTable(lines)).toContain('graph://reset@contoso.example');
    expect(JSON.stringify(config)).not.toContain('hunter2');
  });

  it('name a cloud, or an issuer and an origin of Graph', () => {
    const cloud = (RR_CLOUD: string) => {
      const { config } = read({ ...graph, RR_CLOUD });
      return config && endpointsOf(config.cloud, tid);
    };
    expect(cloud('usgov')?.graph).toBe('https://graph.microsoft.us');
    expect(cloud('dod')?.graph).toBe('https://dod-graph.microsoft.us');
    expect(cloud('china')?.issuer).toBe(`https://login.partner.microsoftonline.cn/${tid}/v2.0`);
    expect(cloud('https://127.0.0.1:8443/signin/default https://127.0.0.1:8443')).toEqual({
      issuer: 'https://127.0.0.1:8443/signin/default',
      authority: 'https://127.0.0.1:8443/signin/default',
      graph: 'https://127.0.0.1:8443',
      protocol: 'oidc',
    });
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ['no client', { RR_CLIENT_ID: '' }, /^RR_DIRECTORY=graph:.* needs RR_CLIENT_ID/],
    ['no extension', { RR_EXTENSION_CLIENT_ID: '' }, /needs RR_EXTENSION_CLIENT_ID/],
    ['no credential', { RR_CLIENT_SECRET: '' }, /^RR_DIRECTORY=graph:.* needs a credential/],
    ['no credential of the app', { RR_CLIENT_SECRET: '', RR_GRAPH_AS: 'app' }, /^RR_GRAPH_AS=app needs a credential/],
    ['two credentials', { RR_CLIENT_CERT: 'a.pem', RR_CLIENT_KEY: 'b.pem' }, /^One credential is enough/],
    ['half a certificate', { RR_CLIENT_CERT: 'a.pem', RR_CLIENT_SECRET: '' }, /go together/],
    ['one registration for both', { RR_EXTENSION_CLIENT_ID: graph.RR_CLIENT_ID }, /not one/],
    ['a name for an id', { RR_CLIENT_ID: 'reset-connector' }, /^RR_CLIENT_ID is not an application id/],
    ['graph settings for the embedded directory', { RR_DIRECTORY: 'embedded' }, /only\.$/],
    [
      'a mailbox without its tenant',
      { RR_DIRECTORY: '', RR_MAIL: 'graph://a@b.example' },
      /only\.$|needs RR_DIRECTORY/,
    ],
  ])('refuse %s', (_, change, sentence) => {
    const found = problems({ ...graph, ...change });
    expect(found.length).toBeGreaterThan(0);
    for (const problem of found) expect(problem).toMatch(sentence);
  });

  it.each([
    ['helpdesk@contoso.example', 'helpdesk@contoso.example'],
    ['<helpdesk@contoso.example>', 'helpdesk@contoso.example'],
    ['IT Hilfe <hilfe@MÜLLER.example>', 'IT Hilfe <hilfe@xn--mller-kva.example>'],
    ['Bilgi İşlem <bilgi@örnek.example>', 'Bilgi İşlem <bilgi@xn--rnek-4qa.example>'],
    ['Contoso, IT <it@contoso.example>', '"Contoso, IT" <it@contoso.example>'],
    ['"Contoso \\"IT\\"" <it@contoso.example>', '"Contoso \\"IT\\"" <it@contoso.example>'],
  ])('take the sender %s as every header can hold it', async (given, kept) => {
    const from = read({ RR_MAIL_FROM: given }).config?.mailFrom ?? '';
    expect(from).toBe(kept);
    const { bytes } = await resetMail({ ...letter, from });
    const header = (await PostalMime.parse(bytes)).from;
    const [, name = '', address = from] = /^(.*) <(.*)>$/.exec(kept) ?? [];
    const bare = name.replace(/^"(.*)"$/, '$1').replaceAll('\\', '');
    expect(header).toEqual({ name: bare, address });
  });

  it('read secrets from files, and never show them', () => {
    const { config, lines } = read(
      { RR_SECRET_KEY_FILE: '/run/key', RR_MAIL: 'smtp://ada:hunter2@mail.contoso.com:587' },
      { '/run/key': `${key}\n` },
    );
    expect(config?.secretKey?.[0]).toHaveLength(32);
    expect(config?.mail.reveal()).toContain('hunter2');
    const table = settingTable(lines);
    expect(table).not.toContain('hunter2');
    expect(table).not.toContain(key);
    expect(table).toContain('smtp://mail.contoso.com:587');
    expect(lines.find(({ env }) => env === 'RR_SECRET_KEY')?.source).toBe('file');
    expect(problems({ RR_SECRET_KEY_FILE: '/gone' })[0]).toMatch(/cannot be read/);
  });

  it('each say what they are for', () => {
    for (const { env, about } of Object.values(settings)) {
      expect(env).toMatch(/^RR_[A-Z_]+$/);
      expect(about.length).toBeGreaterThan(8);
    }
  });
});
