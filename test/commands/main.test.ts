// The command as an operator meets it: real processes, exit codes, and what stands on which stream.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { command, freePort, installation, startServing } from '../serving.ts';

let here = installation();
afterEach(() => {
  here.remove();
  here = installation();
});

describe('serve', () => {
  it('makes a key file of its own outside the database’s folder, names it, and stops without it', async () => {
    const { RR_SECRET_KEY: _, ...env } = here.env;
    const serving = await startServing(env, await freePort());
    const file = /Master key: (\S+)/.exec(serving.output())?.[1] ?? '';
    expect(file).not.toContain('/state/');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(serving.output()).toMatch(/back it up/);
    expect(serving.output()).toMatch(/First administrator/);
    expect(serving.output()).not.toContain(readFileSync(file, 'utf8').trim());
    expect(await serving.end()).toBe(0);

    const key = Buffer.alloc(32, 9).toString('base64');
    const other = await command({ ...env, RR_SECRET_KEY: key, RR_LISTEN: `127.0.0.1:${await freePort()}` }, 'serve');
    expect([other.code, other.stderr]).toEqual([
      1,
      expect.stringMatching(/another master key than the one in RR_SECRET_KEY/),
    ]);
    const gone = await command({ ...env, XDG_CONFIG_HOME: '/nowhere' }, 'serve');
    expect([gone.code, gone.stderr]).toEqual([1, expect.stringMatching(/key file .* is missing/)]);
  });

  it('says which port is taken, and that another connector serves the database', async () => {
    const port = await freePort();
    const serving = await startServing(here.env, port);
    const again = await command({ ...here.env, RR_LISTEN: `127.0.0.1:${port}` }, 'serve');
    expect([again.code, again.stderr]).toEqual([1, expect.stringMatching(/already serving this database\.\n$/)]);
    const elsewhere = installation();
    const taken = await command({ ...elsewhere.env, RR_LISTEN: `127.0.0.1:${port}` }, 'serve');
    expect([taken.code, taken.stderr]).toEqual([1, expect.stringMatching(`127.0.0.1:${port} is taken`)]);
    elsewhere.remove();
    await serving.end('SIGKILL');
    // The lock died with the process.
    const next = await startServing(here.env, port);
    expect(await next.end('SIGINT')).toBe(0);
  });

  it('speaks plain http on loopback only', async () => {
    const open = await command({ ...here.env, RR_LISTEN: '0.0.0.0:8787', RR_MAIL: 'smtp://mail.example' }, 'serve');
    expect([open.code, open.stderr]).toEqual([1, expect.stringMatching(/listens on this machine only/)]);
    const serving = await startServing(here.env, await freePort());
    // It is ready before all that it says has come through the pipe.
    await vi.waitFor(() => expect(serving.output()).toMatch(/browsers need https/), { timeout: 10_000 });
    await serving.end();
  });

  it('can serve the link page alone on an address of its own', async () => {
    const [port, linkPort] = [await freePort(), await freePort()];
    const serving = await startServing({ ...here.env, RR_LINK_LISTEN: `127.0.0.1:${linkPort}` }, port);
    const status = async (at: number, path: string) => (await fetch(`http://127.0.0.1:${at}${path}`)).status;
    expect(await status(linkPort, '/r/AAAAAAAAAAAAAAAAAAAAAA')).toBe(200);
    for (const path of ['/api/config', '/scim/v2/Users', '/signin/default/account']) {
      expect(await status(linkPort, path), path).toBe(404);
    }
    expect(await status(port, '/api/config')).toBe(200);
    await serving.end();
  });
});

describe('other commands', () => {
  it('print what a script needs on the last line of standard output, alone', async () => {
    const token = await command(here.env, 'token', 'create', '--name', 'entra', '--scope', 'scim');
    expect(token.code, token.stderr).toBe(0);
    expect(token.stdout.trimEnd().split('\n').at(-1)).toMatch(/^rr_[\w-]+$/);
    const admin = ['--user-name', 'gwen@contoso.example', '--display-name', 'Gwen', '--role', 'Global Administrator'];
    const user = await command(here.env, 'user', 'create', ...admin);
    expect(user.code, user.stderr).toBe(0);
    expect(user.stdout.trimEnd().split('\n').at(-1)).toMatch(/^\S{15,}$/);
    const list = await command(here.env, 'token', 'list');
    expect(list.stdout).toContain('entra');
    expect(list.stdout).not.toContain(token.stdout.trimEnd().split('\n').at(-1));
  });

  it('check names each setting and what is wrong, and changes nothing', async () => {
    const env = { ...here.env, RR_MAIL: `folder:${join(here.folder, 'mail')}` };
    const right = await command(env, 'check');
    expect(readdirSync(here.folder)).toEqual([]);
    expect([right.code, right.stdout]).toEqual([0, expect.stringMatching(/RR_ORGANISATION +environment +Contoso/)]);
    expect(right.stdout).not.toContain(here.env.RR_SECRET_KEY);
    const wrong = await command({ ...here.env, RR_LISTEN: 'nowhere', RR_TYPO: '1' }, 'check');
    expect(wrong.code).toBe(1);
    expect(wrong.stdout).toMatch(/✗ RR_LISTEN is not HOST:PORT/);
    expect(wrong.stdout).toMatch(/✗ RR_TYPO is not a setting/);
  });

  it('check says which keys are still needed', async () => {
    const [one = '', two = ''] = [here.env.RR_SECRET_KEY, Buffer.alloc(32, 4).toString('base64')];
    const checked = async (keys: string) => (await command({ ...here.env, RR_SECRET_KEY: keys }, 'check')).stdout;
    await (await startServing(here.env, await freePort())).end();
    expect(await checked(one)).not.toMatch(/older keys/);
    expect(await checked(`${two},${one}`)).toMatch(/older keys are still needed/);
    await (await startServing({ ...here.env, RR_SECRET_KEY: `${two},${one}` }, await freePort())).end();
    expect(await checked(`${two},${one}`)).toMatch(/older keys are needed until/);
    await (await startServing({ ...here.env, RR_SECRET_KEY: two }, await freePort())).end();
    expect(await checked(two)).toMatch(/opens with its key/);
  });

  it('explain themselves', async () => {
    for (const argv of [
      ['--help'],
      ['serve', '--help'],
      ['token', '--help'],
      ['client', '--help'],
      ['user', '--help'],
      ['check', '--help'],
      ['setup', '--help'],
      ['audit', '--help'],
    ]) {
      const { code, stdout } = await command(here.env, ...argv);
      expect([argv, code]).toEqual([argv, 0]);
      expect(stdout).toMatch(/^Usage/m);
    }
    expect((await command(here.env)).code).toBe(2);
    expect((await command(here.env, 'fly')).code).toBe(2);
    expect((await command(here.env, 'token', 'create')).code).toBe(2);
    expect((await command(here.env, 'version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
