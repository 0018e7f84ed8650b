// `client …` as typed: what is printed, what opens, and a sentence for every mistake.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, exportPKCS8, exportSPKI, generateKeyPair } from 'jose';
import { afterAll, describe, expect, test } from 'vitest';
import { clientCommand } from '../../connector/commands/client.ts';
import { tokenCommand } from '../../connector/commands/token.ts';
import { isJwksUri } from '../../connector/oauth/jwks.ts';
import { clientById, credentialsOf, secretOf } from '../../connector/store/clients.ts';
import { listStreams } from '../../connector/store/events.ts';
import { start } from '../scim/scim-server.ts';
import { commandLine } from './command-line.ts';

type Line = Awaited<ReturnType<typeof commandLine>>;
const folder = mkdtempSync(join(tmpdir(), 'rr-keys-'));
afterAll(() => rmSync(folder, { recursive: true }));
const fileOf = (name: string, text: string) => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

async function created(line: Line, ...more: string[]) {
  const made = await line.typed(clientCommand, 'create', '--name', 'entra', '--scope', 'scim', ...more);
  expect(made.code, made.said).toBe(0);
  return { ...made, id: made.printed.find((one) => /^[0-9a-f]{16}$/.test(one)) ?? '', secret: made.last };
}

describe('client', () => {
  test('create prints the id, and the secret alone on the last line; it is the right one; list does not show it', async () => {
    await using line = await commandLine();
    const { id, secret, said } = await created(line, '--token-minutes', '90');
    expect([said, secret]).toEqual(['', expect.stringMatching(/^rrs_[\w-]{43}$/)]);
    expect(await clientById(line.sql, id)).toMatchObject({ tenant: 'default', name: 'entra', tokenMinutes: 90 });
    const credentials = await credentialsOf(line.sql, 'default', id);
    expect(secretOf(credentials, secret, start)?.expires).toBe(start + 365 * 86_400_000);
    const listed = (await line.typed(clientCommand, 'list')).printed.join('\n');
    expect(listed).toMatch(new RegExp(`${id} +entra +scim +2026-11-22 +without end +tokens of 90 minutes`));
    expect(listed).toMatch(/secret +2026-11-22 +until 2027-11-22 +never used/);
    expect(listed).not.toContain(secret.slice(4));
    expect(JSON.stringify(await line.sql.all`select * from audit`)).not.toContain('entra');
  });

  test('rotate makes a second secret beside the first, a third only when one is revoked', async () => {
    await using line = await commandLine();
    const { id, secret } = await created(line);
    const next = await line.typed(clientCommand, 'rotate', id, '--overlap', '2d');
    expect(next.code, next.said).toBe(0);
    const live = async (text: string, at: number) =>
      secretOf(await credentialsOf(line.sql, 'default', id), text, at) !== undefined;
    const later = start + 2 * 86_400_000;
    expect([await live(secret, later - 1), await live(secret, later), await live(next.last, later)]).toEqual([
      true,
      false,
      true,
    ]);
    const third = await line.typed(clientCommand, 'rotate', id);
    expect([third.code, third.said]).toEqual([1, expect.stringContaining('two live secrets')]);
    const old = secretOf(await credentialsOf(line.sql, 'default', id), secret, start)?.id ?? '';
    expect((await line.typed(clientCommand, 'revoke', id, '--credential', old)).last).toContain('is revoked');
    expect((await line.typed(clientCommand, 'revoke', id, '--credential', old)).last).toContain('revoked before');
    expect((await line.typed(clientCommand, 'rotate', id)).code).toBe(0);
  });

  test('revoke ends a client with all that it has', async () => {
    await using line = await commandLine();
    const { id, secret } = await created(line);
    expect((await line.typed(clientCommand, 'revoke', id)).last).toContain('with all its secrets');
    expect((await line.typed(clientCommand, 'revoke', id)).last).toContain('revoked before');
    expect(secretOf(await credentialsOf(line.sql, 'default', id), secret, start)).toBeUndefined();
    const rotated = await line.typed(clientCommand, 'rotate', id);
    expect([rotated.code, rotated.said]).toEqual([1, `Client ${id} is revoked.`]);
  });

  test('key add takes PEM, JWK and JWK Sets, and keeps the public part of what it takes', async () => {
    await using line = await commandLine();
    const { id } = await created(line, '--no-secret');
    const rsa = await generateKeyPair('RS256', { extractable: true });
    const ec = await generateKeyPair('ES256', { extractable: true });
    const jwk = { ...(await exportJWK(ec.publicKey)), kid: 'ec', more: 'x' };
    const files = [
      fileOf('rsa.pem', await exportSPKI(rsa.publicKey)),
      fileOf('ec.json', JSON.stringify(jwk)),
      fileOf('set.json', JSON.stringify({ keys: [jwk, await exportJWK(rsa.publicKey)] })),
    ];
    for (const file of files) {
      const added = await line.typed(clientCommand, 'key', 'add', id, '--file', file);
      expect([file, added.code, added.said]).toEqual([file, 0, '']);
    }
    const kept = (await credentialsOf(line.sql, 'default', id)).map(({ kind, detail }) => [
      kind,
      Object.keys(detail ?? {}),
    ]);
    expect(kept).toHaveLength(4);
    expect(kept).toContainEqual(['key', ['kty', 'crv', 'x', 'y', 'kid']]);
    const small = await generateKeyPair('RS256', { modulusLength: 2048, extractable: true });
    const short = { ...(await exportJWK(small.publicKey)), n: Buffer.alloc(128, 200).toString('base64url') };
    const refused: [string, string, string][] = [
      ['private.pem', await exportPKCS8(rsa.privateKey), 'private key'],
      ['private.json', JSON.stringify(await exportJWK(rsa.privateKey)), 'private key'],
      ['short.json', JSON.stringify(short), '2,048 bits'],
      ['oct.json', JSON.stringify({ kty: 'oct', k: 'eA' }), 'private key'],
      ['other.json', JSON.stringify({ kty: 'EC', crv: 'secp256k1', x: 'x', y: 'y' }), 'must be RSA'],
      ['damaged.json', JSON.stringify({ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' }), 'damaged'],
      ['empty.json', '{"keys":[]}', 'no key'],
      ['text', 'hello', 'neither PEM nor a JWK'],
      ['cut.json', '{"kty"', 'neither PEM nor a JWK'],
    ];
    for (const [name, text, sentence] of refused) {
      const answer = await line.typed(clientCommand, 'key', 'add', id, '--file', fileOf(name, text));
      expect([name, answer.code, answer.said]).toEqual([name, 1, expect.stringContaining(sentence)]);
    }
    expect(await credentialsOf(line.sql, 'default', id)).toHaveLength(4);
  });

  test('federation add and events on are set, and listed; a long token’s client can be told of changes too', async () => {
    await using line = await commandLine();
    const { id } = await created(line, '--no-secret');
    const federation = ['--issuer', 'https://i.example', '--audience', 'api://x', '--subject', 's'];
    const jwks = ['--jwks-url', 'https://i.example/keys'];
    const added = await line.typed(clientCommand, 'federation', 'add', id, ...federation, ...jwks);
    expect([added.code, added.said]).toEqual([0, '']);
    const [credential] = await credentialsOf(line.sql, 'default', id);
    expect(credential?.detail).toEqual({
      issuer: 'https://i.example',
      audience: 'api://x',
      subject: 's',
      jwksUri: 'https://i.example/keys',
    });
    expect((await line.typed(clientCommand, 'events', 'on', id, '--resources', 'User')).last).toContain(
      'changes of User',
    );
    const token = await line.typed(tokenCommand, 'create', '--name', 'okta', '--scope', 'scim');
    const tokenClient = token.last.split('_')[1] as string;
    expect((await line.typed(clientCommand, 'events', 'on', tokenClient)).code).toBe(0);
    expect((await listStreams(line.sql, 'default')).map(({ client, resources }) => [client, resources]).sort()).toEqual(
      [
        [id, ['User']],
        [tokenClient, ['User', 'Group']],
      ].sort(),
    );
    const listed = (await line.typed(clientCommand, 'list')).printed.join('\n');
    expect(listed).toMatch(/federation +https:\/\/i\.example s/);
    expect(listed).toMatch(/events +User,Group +0 waiting/);
    expect((await line.typed(clientCommand, 'events', 'off', id)).last).toContain('no longer told');
    const writer = await line.typed(clientCommand, 'create', '--name', 'w', '--scope', 'scim.write', '--no-secret');
    expect((await line.typed(clientCommand, 'events', 'on', writer.last)).said).toContain('may not read');
  });

  test('an application has a UUID, Graph’s own names in any case, and no scope unless it syncs, too', async () => {
    await using line = await commandLine();
    const made = await line.typed(
      ...[clientCommand, 'create', '--name', 'reset-connector', '--api', '--no-secret'],
      ...['--graph', 'user.read.all,Mail.Send', '--delegated', 'User.Read, User-PasswordProfile.ReadWrite.All'],
    );
    expect([made.code, made.said]).toEqual([0, '']);
    const id = made.last;
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const rights = {
      appRoles: ['User.Read.All', 'Mail.Send'],
      delegated: ['User.Read', 'User-PasswordProfile.ReadWrite.All'],
      api: true,
    };
    expect(await clientById(line.sql, id)).toMatchObject({ scopes: [], ...rights });
    const listed = (await line.typed(clientCommand, 'list')).printed.join('\n');
    expect(listed).toContain('User.Read.All Mail.Send, delegated User.Read User-PasswordProfile.ReadWrite.All, api');
    const less = await line.typed(clientCommand, 'permit', id, '--graph', '', '--api', 'no');
    expect([less.code, less.last]).toEqual([0, expect.stringContaining('for delegated User.Read')]);
    expect(await clientById(line.sql, id)).toMatchObject({ appRoles: [], delegated: rights.delegated, api: false });
    expect(await line.sql.all`select action from audit order by seq`).toEqual(
      ['client.created', 'client.permitted', 'client.permitted'].map((action) => ({ action })),
    );
    const both = await line.typed(clientCommand, 'create', '--name', 'b', '--scope', 'scim', '--graph', 'Mail.Send');
    expect(both.printed[0]).toContain('for scim, Mail.Send.');
  });

  test('an application holds roles, one that is not there or revoked gets none', async () => {
    await using line = await commandLine();
    const made = await line.typed(clientCommand, 'create', '--name', 'app', '--no-secret', '--graph', 'User.Read.All');
    const id = made.last;
    const typed = (...argv: string[]) => line.typed(clientCommand, 'role', ...argv, '--role', 'user administrator');
    expect((await typed('add', id)).last).toBe(`Client ${id} “app” holds User Administrator now.`);
    expect((await typed('add', id)).last).toContain('already');
    expect((await line.typed(clientCommand, 'list')).printed.join('\n')).toMatch(/roles +User Administrator/);
    expect((await typed('remove', id)).last).toContain('does not hold User Administrator now');
    await line.typed(clientCommand, 'revoke', id);
    expect((await typed('add', id)).said).toContain('is revoked');
    const { id: sync } = await created(line);
    expect((await typed('add', sync)).said).toContain('for sync alone');
    expect(await line.sql.all`select action, target from audit where action like 'role.%' order by seq`).toEqual([
      { action: 'role.assigned', target: `client:${id}` },
      { action: 'role.removed', target: `client:${id}` },
    ]);
  });

  test('a client that was made for sync alone does not become an application', async () => {
    await using line = await commandLine();
    const { id } = await created(line);
    const refused = await line.typed(clientCommand, 'permit', id, '--graph', 'Mail.Send');
    expect([refused.code, refused.said]).toEqual([1, expect.stringContaining('for sync alone')]);
    expect(await clientById(line.sql, id)).toMatchObject({ appRoles: [] });
  });

  test.each([
    [[], 2, 'create, permit, role, list'],
    [['fly'], 2, '“client fly”'],
    [['key'], 2, '“client key”'],
    [['create', '--scope', 'scim'], 2, '--name'],
    [['create', '--name', 'x'], 2, '--scope'],
    [['create', '--name', 'x', '--scope', 'root'], 2, 'scope “root”'],
    [['create', '--name', 'x', '--scope', 'scim', '--token-minutes', '59'], 2, '60 to 360'],
    [['create', '--name', 'x', '--scope', 'scim', '--token-minutes', '361'], 2, '60 to 360'],
    [['create', '--name', 'x', '--scope', 'scim', '--expires', 'soon'], 2, '--expires'],
    [['create', 'x', '--name', 'x', '--scope', 'scim'], 2, '“x”'],
    [['create', '--name', 'x', '--scope', 'scim', '--tenant', 'nobody'], 1, 'tenant “nobody”'],
    [['create', '--name', 'x', '--graph', 'User.Fly'], 2, 'application permission “User.Fly”'],
    [['create', '--name', 'x', '--graph', 'User.Read'], 2, 'application permission “User.Read”'],
    [['create', '--name', 'x', '--delegated', 'Mail.Sent'], 2, 'delegated permission “Mail.Sent”'],
    [['permit', 'x', '--api', 'yes'], 1, 'no client x'],
    [['role', 'x'], 2, 'add or remove'],
    [['role', 'add', 'x'], 2, '--role'],
    [['role', 'add', 'x', '--role', 'King'], 2, 'role “King”'],
    [['role', 'add', 'x', '--role', 'Directory Readers'], 1, 'no client x'],
    [['permit', 'x'], 2, '--delegated'],
    [['permit', 'x', '--api', 'perhaps'], 2, 'yes or no'],
    [['rotate'], 2, '--id'],
    [['rotate', 'x'], 1, 'no client x'],
    [['rotate', 'x', '--overlap', 'never'], 2, '--overlap'],
    [['revoke', 'x'], 1, 'no client x'],
    [['key', 'add', 'x'], 2, '--file'],
    [['key', 'add', 'x', '--file', '/nowhere/key'], 1, 'cannot be read'],
    [['federation', 'add', 'x', '--issuer', 'i', '--audience', 'a', '--subject', 's'], 2, '--jwks-url'],
    [
      [
        'federation',
        'add',
        'x',
        '--issuer',
        'i',
        '--audience',
        'a',
        '--subject',
        's',
        '--jwks-url',
        'http://i.example',
      ],
      2,
      'https',
    ],
    [['events', 'on', 'x'], 1, 'no client x'],
    [['events', 'on', 'x', '--resources', 'Printer'], 2, '“Printer”'],
  ])('%j ends with %d', async (argv, code, sentence) => {
    await using line = await commandLine();
    const answer = await line.typed(clientCommand, ...argv);
    expect([answer.code, answer.printed]).toEqual([code, []]);
    expect(answer.said).toContain(sentence);
    expect((await line.typed(clientCommand, 'list')).printed).toEqual([]);
  });

  test.each([
    ['https://i.example/keys', true],
    ['http://127.0.0.1:8080/keys', true],
    ['http://i.example/keys', false],
    ['https://u:p@i.example/keys', false],
    ['https://u@i.example/keys', false],
    ['https://:p@i.example/keys', false],
    ['https://i.example/keys#one', false],
    ['i.example', false],
  ])('keys are fetched from %s: %s', (address, may) => {
    expect(isJwksUri(address)).toBe(may);
  });

  test('a client of another organisation is not there', async () => {
    await using line = await commandLine();
    const { id } = await created(line);
    for (const argv of [
      ['rotate', id],
      ['revoke', id],
      ['events', 'on', id],
    ]) {
      expect((await line.typed(clientCommand, ...argv, '--tenant', 'fabrikam')).said).toContain(`no client ${id}`);
    }
    expect((await clientById(line.sql, id))?.revoked).toBeUndefined();
  });
});
