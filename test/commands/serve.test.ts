// The start and the end of `serve`, as real processes on a database with a reset that is due: nothing is done before
// everything is in place, nothing goes on after it has failed, and a signal ends it in time.

import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { SMTPServer } from 'smtp-server';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSqlite } from '../../connector/sql/sqlite.ts';
import { tenants } from '../../connector/tenant.ts';
import { command, freePort, installation, startServing } from '../serving.ts';
import { makeWorld } from '../world.ts';

/** A mail server that answers each message after so many milliseconds; never, when there are none. */
async function mailServer(answerAfter?: number) {
  const mails: string[] = [];
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    onData(stream, _session, done) {
      let text = '';
      stream.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
      stream.on('end', () => {
        mails.push(text);
        if (answerAfter !== undefined) setTimeout(done, answerAfter);
      });
    },
  });
  server.on('error', () => {});
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return { mails, url: `smtp://127.0.0.1:${port}`, [Symbol.dispose]: () => server.close() };
}

/** Looks again and again, for 15 s at most. */
async function until(look: () => unknown): Promise<void> {
  for (let tries = 0; tries < 600 && !(await look()); tries++) await wait(25);
  expect(await look()).toBeTruthy();
}

let here = installation();
const file = () => here.env.RR_DATABASE?.slice('sqlite:'.length) ?? '';
beforeEach(() => {
  here = installation();
});
afterEach(() => here.remove());

/** Leaves a reset in the database that has been due since a connector stopped. */
async function leaveReset(): Promise<void> {
  expect((await command(here.env, 'user', 'list')).code).toBe(0);
  const sql = openSqlite(file());
  await using world = await makeWorld({
    ...{ sql, at: Date.now(), names: ['globalAdmin', 'amara'] },
    ...(here.env.RR_SECRET_KEY === undefined ? {} : { secretKey: here.env.RR_SECRET_KEY }),
  });
  expect((await world.reset('globalAdmin', 'amara')).statusCode).toBe(202);
}

async function stateOfReset(): Promise<string | undefined> {
  const sql = openSqlite(file());
  try {
    return (await sql.get<{ state: string }>`select state from reset`)?.state;
  } finally {
    await sql.close();
  }
}

describe('a start', () => {
  it('mails what was due once, and goes on with it', async () => {
    using mail = await mailServer(800);
    await leaveReset();
    const serving = await startServing({ ...here.env, RR_MAIL: mail.url }, await freePort());
    await until(async () => (await stateOfReset()) === 'ready');
    expect(mail.mails).toHaveLength(1);
    expect(await serving.end()).toBe(0);
  });

  /** Settings that cannot work, given a port and a text that is no PEM; and what is said about them. */
  const failing: [string, (port: number, text: string) => Record<string, string>, RegExp][] = [
    ['no certificate', () => ({ RR_TLS_CERT: '/no.pem', RR_TLS_KEY: '/no.key' }), /^RR_TLS_CERT .*\/no\.pem/],
    ['no PEM', (_port, text) => ({ RR_TLS_CERT: text, RR_TLS_KEY: text }), /^RR_TLS_CERT and RR_TLS_KEY /],
    ['another key', () => ({ RR_SECRET_KEY: Buffer.alloc(32, 8).toString('base64') }), /another master key/],
    // The second of the two doors finds the first one there.
    ['a taken port', (port) => ({ RR_LINK_LISTEN: `127.0.0.1:${port}` }), /is taken.* RR_LINK_LISTEN/],
    ['an unreadable mail address', () => ({ RR_MAIL: 'smtp://u%zz:p@127.0.0.1' }), /^RR_MAIL: .*percent-encoded/],
  ];

  it.each(failing)(
    'that fails for %s does nothing, ends by itself and leaves the database to the next',
    async (_what, settings, sentence) => {
      using mail = await mailServer(0);
      await leaveReset();
      const port = await freePort();
      const text = join(here.folder, 'not.pem');
      writeFileSync(text, 'nothing of the kind\n');
      const env = { ...here.env, RR_MAIL: mail.url, RR_LISTEN: `127.0.0.1:${port}`, ...settings(port, text) };
      const failed = await command(env, 'serve');
      expect([failed.code, failed.stderr.split('\n').at(-2)]).toEqual([1, expect.stringMatching(sentence)]);
      expect([mail.mails.length, await stateOfReset()]).toEqual([0, 'prepared']);
      const next = await startServing({ ...here.env, RR_MAIL: mail.url }, await freePort());
      expect(await next.end()).toBe(0);
    },
  );

  it('names RR_DATABASE when nothing can be written there', async () => {
    writeFileSync(join(here.folder, 'file'), '');
    for (const argv of [['serve'], ['token', 'list']]) {
      const env = { ...here.env, RR_DATABASE: `sqlite:${join(here.folder, 'file', 'connector.db')}` };
      const failed = await command(env, ...argv);
      expect([failed.code, failed.stderr]).toEqual([1, expect.stringMatching(/RR_DATABASE/)]);
    }
  });

  it('leaves what it keeps to its own user', async () => {
    const serving = await startServing(here.env, await freePort());
    const folder = join(here.folder, 'state');
    const modes = readdirSync(folder).map((name) => [name, statSync(join(folder, name)).mode & 0o077]);
    expect(modes.length).toBeGreaterThan(2);
    expect(modes).toEqual(modes.map(([name]) => [name, 0]));
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    await serving.end();
  });
});

describe('a signal', () => {
  it('is not made to wait for a mail server that says nothing; a second one waits for nothing', async () => {
    using mail = await mailServer();
    await leaveReset();
    const env = { ...here.env, RR_MAIL: mail.url };
    const first = await startServing(env, await freePort());
    await until(() => mail.mails.length === 1);
    const asked = performance.now();
    expect(await first.end()).toBe(0);
    expect(performance.now() - asked).toBeLessThan(10_000);
    expect(await stateOfReset()).toBe('mailing');

    // Whether that mail was taken is not known: it is sent again when its time comes, which is brought forward here.
    const sql = openSqlite(file());
    await sql.run(function* (tx) {
      yield* tx.run`update reset set next_attempt_at = 0`;
      yield* tx.run`update job set due_at = 0`;
    });
    await sql.close();
    const second = await startServing(env, await freePort());
    await until(() => mail.mails.length === 2);
    second.child.kill('SIGTERM');
    await until(() => second.output().includes('Closing.'));
    const again = performance.now();
    expect(await second.end('SIGTERM')).toBe(143);
    expect(performance.now() - again).toBeLessThan(2000);
  });
});

describe('the organisation', () => {
  it('is described by serve alone: a command in another environment changes nothing of it', async () => {
    const env = { ...here.env, RR_POLICY_TYPE_RECIPIENT: 'no', RR_POLICY_PIN_TYPED: 'required' };
    const described = async () => {
      const sql = openSqlite(file());
      const found = await tenants(sql).byId('default');
      await sql.close();
      return found;
    };
    const serving = await startServing(env, await freePort());
    const before = await described();
    expect(before?.policy).toMatchObject({ mayTypeRecipient: false, pinForTyped: 'required' });
    const { PATH = '', HOME = '', RR_DATABASE = '' } = here.env;
    const bare = { PATH, HOME, RR_DATABASE, RR_ORGANISATION: 'Somebody else' };
    for (const argv of [['token', 'list'], ['user', 'list'], ['check']]) await command(bare, ...argv);
    expect(await described()).toEqual(before);
    await serving.end();
    const renamed = await startServing({ ...env, RR_ORGANISATION: 'Contoso Ltd' }, await freePort());
    expect(await described()).toEqual({ ...before, name: 'Contoso Ltd', issuer: expect.any(String) });
    await renamed.end();
  });
});
