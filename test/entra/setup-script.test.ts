// What `setup entra` prints: golden files for each notation, the az script run by a real bash against an az that only
// writes down what it was told, and hostile values that stay values.

import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { azScript } from '../../connector/entra/setup/az.ts';
import { bicepFile } from '../../connector/entra/setup/bicep.ts';
import { byHand } from '../../connector/entra/setup/by-hand.ts';
import type { Choices } from '../../connector/entra/setup/choices.ts';
import { permissionsFor } from '../../connector/entra/setup/permissions.ts';
import { powershellScript } from '../../connector/entra/setup/powershell.ts';

const admin: Choices = {
  tenant: '11111111-2222-4333-8444-555555555555',
  cloud: 'global',
  as: 'admin',
  extensionIds: ['ehgklkmaaldpgkaiebolcafcmkcachbi', 'reset-and-resend@extension.example'],
  name: 'Reset & Resend',
  url: 'https://reset.contoso.com',
  mail: 'reset@contoso.com',
  mailEverywhere: false,
  synced: true,
  tap: false,
  remember: true,
  expiry: false,
  role: 'User Administrator',
};
const app: Choices = {
  ...admin,
  cloud: 'usgov',
  as: 'app',
  mailEverywhere: true,
  synced: false,
  expiry: true,
  unit: '99999999-2222-4333-8444-555555555555',
  certificate: { file: 'connector.crt', der: 'MIIB+certificate/bytes==' },
};

describe.each([
  ['az', azScript, 'sh'],
  ['powershell', powershellScript, 'ps1'],
  ['bicep', bicepFile, 'bicep'],
  ['links', (choices: Choices) => byHand(choices), 'txt'],
] as const)('%s', (name, print, ending) => {
  it.each([
    ['admin', admin],
    ['app', app],
  ] as const)('as %s', async (as, choices) => {
    await expect(print(choices)).toMatchFileSnapshot(`golden/setup-${name}-${as}.${ending}`);
  });

  it('never writes a line that ends in the middle of a value, and mentions every permission with its id', () => {
    const text = print(app);
    for (const { name, id } of permissionsFor(app)) expect(text).toMatch(new RegExp(`${name} .*${id}`));
    expect(text.endsWith('\n') && !text.endsWith('\n\n')).toBe(true);
  });
});

describe('permissions', () => {
  const names = (choices: Partial<Choices>, type?: string) =>
    permissionsFor({ ...admin, synced: false, remember: false, ...choices })
      .filter((one) => type === undefined || one.type === type)
      .map(({ name }) => name);

  it('are those of the chosen options alone', () => {
    const least = names({});
    expect(names({ synced: true }).filter((name) => !least.includes(name))).toEqual([
      'UserAuthenticationMethod.ReadWrite.All',
    ]);
    expect(names({ remember: true }).filter((name) => !least.includes(name))).toEqual(['User-Mail.ReadWrite.All']);
    expect(names({ expiry: true }).filter((name) => !least.includes(name))).toEqual(['Application.Read.All']);
    expect(least).toContain('User-PasswordProfile.ReadWrite.All');
    expect(least).not.toContain('Directory.AccessAsUser.All');
  });

  it('never let the connector write to every mailbox unless that was asked for', () => {
    expect(names({ mail: 'a@b.example' })).not.toContain('Mail.Send');
    expect(names({ mail: 'a@b.example', mailEverywhere: true }, 'Role')).toContain('Mail.Send');
    expect(names({ as: 'app', mail: 'a@b.example', mailEverywhere: true }, 'Role')).toContain('Mail.Send');
  });

  it('are the admin’s in one mode and the connector’s own in the other', () => {
    expect(names({}, 'Role')).toEqual([]);
    expect(names({ as: 'app' }, 'Scope')).toEqual([]);
    expect(names({ as: 'app' })).not.toContain('offline_access');
    expect(names({})).toContain('offline_access');
  });
});

const run = promisify(execFile);
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rr-setup-'));
  // An az that writes its arguments down, one JSON array a line, and answers a question with an id made of the question.
  const az = join(folder, 'az');
  await writeFile(
    az,
    `#!${process.execPath}
const { appendFileSync } = require('node:fs');
const args = process.argv.slice(2);
appendFileSync(${JSON.stringify(join(folder, 'calls'))}, JSON.stringify(args) + '\\n');
const query = args[args.indexOf('--query') + 1];
if (args.includes('--query')) console.log(query === 'appId' || query === 'id' ? query + '-of-' + (/reset-and-resend-\\w+/.exec(args.join(' ')) ?? ['x'])[0] : '');
`,
  );
  await chmod(az, 0o755);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What the script makes az do, in turn; what it prints. */
async function azCalls(choices: Choices): Promise<{ calls: string[][]; stdout: string }> {
  await rm(join(folder, 'calls'), { force: true });
  const script = join(folder, 'setup.sh');
  await writeFile(script, azScript(choices));
  const { stdout } = await run('bash', [script], { cwd: folder, env: { PATH: `${folder}:${process.env.PATH}` } });
  const lines = (await readFile(join(folder, 'calls'), 'utf8')).trim().split('\n');
  return { calls: lines.map((line) => JSON.parse(line) as string[]), stdout };
}
const optionOf = (args: readonly string[], option: string) => args[args.indexOf(option) + 1] ?? '';

describe('the az script, run by bash', () => {
  it('sends what the plan says, with the ids that az has answered', async () => {
    const { calls, stdout } = await azCalls(admin);
    const bodies = calls.filter((args) => args.includes('--body')).map((args) => JSON.parse(optionOf(args, '--body')));
    expect(bodies[1]).toMatchObject({
      groupMembershipClaims: 'DirectoryRole',
      api: { requestedAccessTokenVersion: 2 },
    });
    expect(bodies[2]).toMatchObject({
      identifierUris: ['api://appId-of-reset-and-resend-connector'],
      api: { preAuthorizedApplications: [{ appId: 'appId-of-reset-and-resend-extension' }] },
    });
    expect(bodies.at(-1)).toMatchObject({
      consentType: 'AllPrincipals',
      scope: expect.stringContaining('offline_access'),
    });
    expect(
      calls.every((args) => args[0] !== 'rest' || optionOf(args, '--resource') === 'https://graph.microsoft.com'),
    ).toBe(true);
    expect(stdout).toContain('RR_CLIENT_ID=appId-of-reset-and-resend-connector\n');
    expect(stdout).toContain("-RecipientRestrictionFilter 'PrimarySmtpAddress -eq ''reset@contoso.com'''");
  });

  it('takes hostile values as values', async () => {
    const name = `O'Brien "$(touch pwned)" \`touch pwned\` \${HOME} \\ */ ’`;
    const secretFile = "a'; touch pwned; '.secret";
    const { calls } = await azCalls({ ...admin, name, secretFile });
    const bodies = calls.filter((args) => args.includes('--body')).map((args) => JSON.parse(optionOf(args, '--body')));
    expect(bodies[0]).toMatchObject({ displayName: `${name} extension` });
    await expect(readFile(join(folder, 'pwned'))).rejects.toThrow();
    expect((await run('stat', ['-c', '%a', join(folder, secretFile)])).stdout.trim()).toBe('600');
  });
});

/** What stands outside of quotation marks, by the notation's own rule. */
function outside(text: string, quote: RegExp): string {
  return text.replace(quote, "''");
}

describe('hostile values in the notations that are not run here', () => {
  const evil = `x'; Remove-Item pwned; ' $(pwned) \${pwned} ’; pwned; ’ "pwned" \\' pwned \\`;

  it('PowerShell: an apostrophe of any kind is doubled, so that all of it stays inside', () => {
    const text = powershellScript({ ...admin, name: evil });
    const code = text.split('\n').filter((line) => !line.startsWith('#'));
    // PowerShell ends a quotation at any of these, unless it stands twice.
    const quoted =
      /(['\u2018\u2019\u201A\u201B])(?:(?!['\u2018\u2019\u201A\u201B]).|(['\u2018\u2019\u201A\u201B])\2)*['\u2018\u2019\u201A\u201B]/g;
    expect(code.join('\n')).toContain('pwned');
    for (const line of code) expect(outside(line, quoted)).not.toContain('pwned');
  });

  it('Bicep: no quotation is ended, no interpolation begun', () => {
    const text = bicepFile({ ...admin, name: evil });
    const code = text.split('\n').filter((line) => !line.startsWith('//'));
    const quoted = /'(?:\\.|[^'\\])*'/g;
    expect(code.join('\n')).toContain('pwned');
    for (const line of code) expect(outside(line, quoted)).not.toContain('pwned');
    for (const [literal] of code.join('\n').matchAll(quoted)) expect(literal).not.toMatch(/(?<!\\)\$\{pwned/);
  });
});
