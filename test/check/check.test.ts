// The other parts of `check`, and the command as a whole: addresses over real TLS, clock, files, what ends, a mail that is
// really sent.

import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkAddresses, checkTls } from '../../connector/check/address.ts';
import { checkClock } from '../../connector/check/clock.ts';
import { checkEnds } from '../../connector/check/ends.ts';
import { checkFiles, secretFiles } from '../../connector/check/files.ts';
import { endOf, type Finding, type Net } from '../../connector/check/finding.ts';
import { realNet } from '../../connector/check/net.ts';
import { checkCommand } from '../../connector/commands/check.ts';
import { clientCommand } from '../../connector/commands/client.ts';
import { tokenCommand } from '../../connector/commands/token.ts';
import { readConfig } from '../../connector/config.ts';
import { commandLine } from '../commands/command-line.ts';
import { certificate } from '../practice/certificate.ts';
import { start } from '../scim/scim-server.ts';

const day = 86_400_000;
const told = (found: readonly Finding[]) => found.map(({ mark, name, text }) => `${mark} ${name}: ${text}`);
const configOf = (env: Readonly<Record<string, string>>) => {
  const { config, lines } = readConfig(env, () => '');
  if (!config) throw new Error(JSON.stringify(lines.flatMap(({ problem }) => problem ?? [])));
  return config;
};

let folder: string;
let server: Server;
let origin: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rr-check-'));
  const pair = await certificate(folder);
  server = createServer({ key: pair.key, cert: pair.cert }, (_, response) => response.end('hello'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true, force: true });
});

it.each([
  [100, 'ok', 'it is valid until 1970-04-11'],
  [31, 'ok', 'it is valid until 1970-02-01'],
  [30, 'warn', 'it ends in 30 days: renew it'],
  [1, 'warn', 'it ends in 1 day: renew it'],
  [0.5, 'warn', 'it ends within a day: renew it'],
  [0, 'wrong', 'it has ended: renew it'],
])('an end in %d days', (days, mark, text) => {
  expect(endOf('End', 'it', days * day, 0, 'renew it')).toEqual({ mark, name: 'End', text });
});

it.each([
  [0, 'ok Clock: agrees with login.example'],
  [60_000, 'ok Clock: agrees with login.example'],
  [62_000, 'wrong Clock: 62 s ahead of login.example: let NTP set it, or no token will be taken'],
  [-3600_000, 'wrong Clock: 3600 s behind login.example: let NTP set it, or no token will be taken'],
])('a clock that is off by %d ms', (off, text) => {
  expect(told(checkClock('login.example', new Date(start).toUTCString(), start + off + 50, 100))).toEqual([text]);
  expect(checkClock('login.example', null, start, 0)).toEqual([]);
});

describe('addresses', () => {
  const config = configOf({
    ...{ RR_PUBLIC_URL: 'https://reset.contoso.com', RR_LINK_URL: 'https://link.contoso.com' },
    RR_MAIL: 'smtp://mail.contoso.com',
  });
  const net = (pages: Readonly<Record<string, () => Response>>): Net => ({
    fetch: async (input) =>
      pages[new URL(String(input)).host]?.() ??
      Promise.reject(new TypeError('fetch failed', { cause: { code: 'ENOTFOUND' } })),
    certificateOf: async () => ({ validTo: start + 90 * day, trusted: true }),
  });
  const health = () => Response.json({ status: 'ok' });
  const link = () => new Response('<!doctype html><html>');

  it('answer, or it is said what answers in their place', async () => {
    const both = { 'reset.contoso.com': health, 'link.contoso.com': link };
    expect((await checkAddresses(config, net(both), start)).map(({ mark }) => mark)).toEqual(['ok', 'ok', 'ok', 'ok']);
    const other = { ...both, 'link.contoso.com': () => new Response('nginx', { status: 404 }) };
    expect(told(await checkAddresses(config, net(other), start))[1]).toMatch(
      /^wrong Link address: .* answered by something else \(404\)/,
    );
    const elsewhere = {
      ...both,
      'link.contoso.com': () => new Response(null, { status: 302, headers: { location: '/' } }),
    };
    expect(told(await checkAddresses(config, net(elsewhere), start))[1]).toMatch(/sends browsers elsewhere \(302\)/);
    expect(told(await checkAddresses(config, net({}), start))[0]).toMatch(
      /^wrong Public address: .* \(ENOTFOUND\): start the connector/,
    );
  });

  it('of this machine alone need not answer yet', async () => {
    expect(told(await checkAddresses(configOf({}), net({}), start))[0]).toMatch(/^warn Public address/);
  });

  it('are seen by the certificate that they show, trusted or not', async () => {
    const shown = await realNet.certificateOf(origin);
    expect([shown.trusted, shown.why]).toEqual([false, expect.stringMatching(/self.signed/i)]);
    expect(shown.validTo).toBeGreaterThan(Date.now() + 300 * day);
    expect(told(await checkTls('Address', origin, realNet, Date.now()))).toEqual([
      expect.stringMatching(/^warn Address certificate: .* does not trust it .*self.signed/i),
      expect.stringMatching(/^ok /),
    ]);
    expect(told(await checkTls('Address', origin, realNet, shown.validTo - 3 * day))[1]).toMatch(
      /^warn .* ends in 3 days/,
    );
    await expect(realNet.certificateOf('https://127.0.0.1:1')).rejects.toThrow();
  });
});

it('secret files that others can use are named, with their mode', () => {
  const env = { RR_SECRET_KEY_FILE: '/etc/rr/key', RR_MAIL_FILE: '/etc/rr/mail', RR_LISTEN: 'x' };
  const config = { clientKey: '/etc/rr/client.key', tlsKey: undefined, secretKey: undefined };
  const files = secretFiles(env, config, '/var/lib/rr/made.key');
  expect(files.map(([, file]) => file)).toEqual([
    '/etc/rr/key',
    '/etc/rr/mail',
    '/etc/rr/client.key',
    '/var/lib/rr/made.key',
  ]);
  const modes: Record<string, number> = {
    '/etc/rr/key': 0o100600,
    '/etc/rr/mail': 0o100644,
    '/etc/rr/client.key': 0o100440,
  };
  expect(told(checkFiles(files, (file) => modes[file]))).toEqual([
    'warn Secret files: RR_MAIL_FILE: others on this machine can use /etc/rr/mail (mode 0644): chmod 600 /etc/rr/mail',
    'warn Secret files: RR_CLIENT_KEY: others on this machine can use /etc/rr/client.key (mode 0440): chmod 600 /etc/rr/client.key',
  ]);
  expect(told(checkFiles(files, () => 0o100600))).toEqual(['ok Secret files: for this user alone']);
  expect(checkFiles(files, () => undefined)).toEqual([]);
});

it('tokens and credentials that end soon are named with the command that renews them', async () => {
  await using line = await commandLine();
  const { sql } = line;
  await line.typed(tokenCommand, 'create', '--name', 'later', '--scope', 'scim', '--expires', '60d');
  expect(told(await checkEnds(sql, start))).toEqual(['ok Sync tokens: none ends within 30 days']);
  await line.typed(tokenCommand, 'create', '--name', 'soon', '--scope', 'scim', '--expires', '20d');
  await line.typed(clientCommand, 'create', '--name', 'sync', '--scope', 'scim', '--expires', '10d');
  expect(told(await checkEnds(sql, start))).toEqual([
    expect.stringMatching(/^warn Sync tokens: “soon” \(\w+\) ends in 20 days: token rotate \w+$/),
    expect.stringMatching(/^warn Sync tokens: Last credential of “sync” \(\S+\) ends in 10 days: client rotate \S+$/),
  ]);
  // What has ended, or has a successor, needs nobody.
  const id = String((await sql.get`select id from client where name = 'sync'`)?.id);
  await line.typed(clientCommand, 'rotate', id, '--expires', '365d', '--overlap', '10d');
  expect(told(await checkEnds(sql, start + 21 * day))).toEqual(['ok Sync tokens: none ends within 30 days']);
});

describe('the command', () => {
  const world = { now: () => start, random: (n: number) => new Uint8Array(n).fill(7), env: {} };
  const net: Net = {
    fetch: async () => new Response('<html>"ok"'),
    certificateOf: async () => Promise.reject(new Error('none')),
  };
  async function typed(argv: string[], env: Readonly<Record<string, string>> = {}) {
    const printed: string[] = [];
    const said: string[] = [];
    const all = { RR_MAIL: `folder:${join(folder, 'mail')}`, RR_DATABASE: `sqlite:${join(folder, 'none.db')}`, ...env };
    const deps = { env: all, world: { ...world, env: all }, net, modeOf: () => undefined };
    const out = { print: (text: string) => void printed.push(text), say: (text: string) => void said.push(text) };
    return { code: await checkCommand(argv, deps, out), printed: printed.join('\n'), said: said.join('\n') };
  }

  it('prints a line for each part, and fails when one is wrong', async () => {
    const right = await typed([]);
    expect([right.code, right.printed]).toEqual([
      0,
      expect.stringContaining('✓ Public address: http://127.0.0.1:8787/healthz answers'),
    ]);
    const wrong = await typed([], { RR_MAIL: 'smtp://127.0.0.1:1' });
    expect([wrong.code, wrong.printed]).toEqual([1, expect.stringMatching(/^✗ Mail: /m)]);
  });

  it('sends a mail when it is given an address, to that one alone', async () => {
    const sent = await typed(['--mail', 'gwen@contoso.example'], { RR_MAIL_FROM: 'Zoë, Help <help@contoso.example>' });
    expect([sent.code, sent.printed]).toEqual([
      0,
      expect.stringMatching(/✓ Mail: sent to gwen@contoso.example .*see that it arrived/),
    ]);
    expect((await readdir(join(folder, 'mail'))).filter((name) => name.endsWith('.eml'))).toHaveLength(1);
    const refused = await typed(['--mail', 'gwen@contoso.example'], { RR_MAIL: 'smtp://127.0.0.1:1' });
    expect([refused.code, refused.printed]).toEqual([
      1,
      expect.stringMatching(/✗ Mail: not sent to gwen@contoso.example/),
    ]);
  });

  it('understands no more than it says', async () => {
    expect((await typed(['--mail', 'nobody'])).code).toBe(2);
    expect((await typed(['fast'])).said).toMatch(/check takes --mail alone/);
    expect((await typed(['--fast'])).code).toBe(2);
  });
});
