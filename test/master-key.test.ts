// The master key's file, and the change from one key to the next over a database with everything sealed in it.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Reset } from '#shared/api.ts';
import { olderKeys, rotate } from '../connector/key-rotation.ts';
import { logger } from '../connector/log.ts';
import { KeyError, keyFileOf, openMasterKey } from '../connector/master-key.ts';
import { keyring } from '../connector/secret.ts';
import { modelsOf } from '../connector/signin/models.ts';
import { migrate } from '../connector/sql/migrate.ts';
import type { Sql } from '../connector/sql/sql.ts';
import { openSql } from './postgres/engine.ts';
import { rowsOf } from './postgres/schema.ts';
import { makeWorld } from './world.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rr-key-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function empty(): Promise<Sql> {
  const sql = await openSql();
  await migrate(sql);
  return sql;
}

describe('the key file', () => {
  const file = () => keyFileOf({ engine: 'sqlite', file: '/var/lib/connector.db' }, { XDG_CONFIG_HOME: folder });

  it('is made once, whole, for its owner alone, with nothing left beside it', async () => {
    const sql = await empty();
    const first = await openMasterKey(sql, undefined, file());
    expect([first.made, first.file, statSync(file()).mode & 0o777]).toEqual([true, file(), 0o600]);
    expect(readdirSync(dirname(file()))).toHaveLength(1);
    const second = await openMasterKey(sql, undefined, file());
    expect([second.made, second.keyring.ids]).toEqual([false, first.keyring.ids]);
  });

  it.each(['', '\n'])('that a crash left as %j is replaced, as long as nothing is sealed', async (text) => {
    mkdirSync(dirname(file()), { recursive: true });
    writeFileSync(file(), text, { mode: 0o600 });
    const sql = await empty();
    expect((await openMasterKey(sql, undefined, file())).made).toBe(true);
    expect(readFileSync(file(), 'utf8')).toMatch(/^[\w+/]{43}=\n$/);
    writeFileSync(file(), text);
    await expect(openMasterKey(sql, undefined, file())).rejects.toThrow(KeyError);
    expect(readFileSync(file(), 'utf8')).toBe(text);
  });

  it('that cannot be made is said in a sentence that names the way out', async () => {
    writeFileSync(join(folder, 'reset-and-resend'), '');
    await expect(openMasterKey(await empty(), undefined, file())).rejects.toThrow(/cannot be kept in .* RR_SECRET_KEY/);
    expect(readdirSync(folder)).toEqual(['reset-and-resend']);
  });
});

const bytes = (fill: number) => new Uint8Array(32).fill(fill);
const text = (...keys: number[]) => keys.map((fill) => Buffer.from(bytes(fill)).toString('base64')).join(',');
const silent = logger('silent');
const day = 24 * 3_600_000;

/** Every sealed value in every table, wherever it stands. */
async function sealedValues(sql: Sql): Promise<string[]> {
  const rows = await rowsOf(sql);
  const sealed = /^1\.[\w-]{8}\.[\w-]{16}\.[\w-]+$/;
  return rows.flatMap((row) => Object.values(row).filter((value) => sealed.test(String(value))) as string[]);
}

/** A database in which every kind of thing is sealed under key 1: resets on their way, sign-in keys, sessions. */
async function sealedUnderOne(sessions = 0) {
  const world = await makeWorld({ secretKey: text(1), names: ['globalAdmin', 'passwordAdmin', 'amara', 'ada'] });
  world.script.push({ outcome: 'later', code: 451, reply: '451 Later' });
  const reset = (await world.reset('globalAdmin', 'amara', {}, 'the-same-key')).json<Reset>();
  await world.walk();
  await world.token('globalAdmin');
  const models = modelsOf({ sql: world.sql, keyring: world.connector.key.keyring, now: world.now }, 'default');
  const ids = Array.from({ length: sessions + 1 }, (_, at) => `session-${at}`);
  for (const id of ids) await models('Session').upsert(id, { accountId: 'x', jti: id }, 3600);
  return { world, reset, sql: world.sql };
}

describe('a change of the key', () => {
  it('seals everything again at the next start, and then the old key is needed no more', async () => {
    const { world, reset, sql } = await sealedUnderOne();
    const [one, two] = [keyring([bytes(1)]).prefix, keyring([bytes(2)]).prefix];
    const before = await sealedValues(sql);
    // The check, two keys of the sign-in, a session, a password and a mail.
    expect(before.length).toBe(6);
    expect(before.every((value) => value.startsWith(one))).toBe(true);

    const options = { sql, names: ['globalAdmin', 'passwordAdmin', 'amara'] as const, at: world.now() };
    const both = await makeWorld({ ...options, secretKey: text(2, 1) });
    const after = await sealedValues(sql);
    expect([after.length, after.every((value) => value.startsWith(two))]).toEqual([before.length, true]);
    const ring = both.connector.key.keyring;
    expect(await olderKeys(sql, ring, world.now())).toMatch(/needed until 20/);
    expect(await olderKeys(sql, ring, world.now() + day)).toMatch(/no longer needed/);

    const alone = await makeWorld({ ...options, secretKey: text(2) });
    expect(await olderKeys(sql, alone.connector.key.keyring, world.now())).toBeUndefined();
    expect((await alone.see(reset.id)).id).toBe(reset.id);
    await alone.pass(60_000);
    expect((await alone.see(reset.id)).state).toBe('ready');
    const { password = '' } = await alone.open((await alone.letter()).link);
    expect(await alone.holds('amara', password)).toBe(true);
    const models = modelsOf({ sql, keyring: alone.connector.key.keyring, now: world.now }, 'default');
    expect(await models('Session').find('session-0')).toMatchObject({ jti: 'session-0' });
    await expect(makeWorld({ ...options, secretKey: text(1) })).rejects.toThrow(/another master key/);
  });

  it('takes more than a batch, may stop at any of its statements, and then needs both keys until its end', async () => {
    const { world, sql } = await sealedUnderOne(250);
    const ring = keyring([bytes(2), bytes(1)]);
    let left = 0;
    const stopping: Sql = {
      ...sql,
      run: (work) => (left-- > 0 ? sql.run(work) : Promise.reject(new Error('The power went.'))),
    };
    let stops = 0;
    for (let allowed = 2; ; allowed++) {
      left = allowed;
      const stopped = await rotate(stopping, ring, world.now(), silent)
        .then(() => false)
        .catch(() => true);
      if (!stopped) break;
      stops++;
      if (allowed === 2) continue; // Nothing had been begun.
      for (const alone of [1, 2]) {
        await expect(openMasterKey(sql, [bytes(alone)], '')).rejects.toThrow(/must hold both keys/);
      }
      expect(await olderKeys(sql, ring, world.now())).toMatch(/still needed/);
    }
    expect(stops).toBeGreaterThan(3);
    expect((await sealedValues(sql)).every((value) => value.startsWith(ring.prefix))).toBe(true);
    await openMasterKey(sql, [bytes(2)], '');
    // And back, as long as the list holds both.
    const back = keyring([bytes(1), bytes(2)]);
    await rotate(sql, back, world.now(), silent);
    expect((await sealedValues(sql)).every((value) => value.startsWith(back.prefix))).toBe(true);
  });

  it('leaves what does not open as it is, and says so', async () => {
    const { world, sql } = await sealedUnderOne();
    await sql.run(function* (tx) {
      yield* tx.run`update oidc_model set id = 'moved'`;
    });
    const [before] = await sql.all<{ payload: string }>`select payload from oidc_model`;
    const lines: string[] = [];
    const log = logger('info', { write: (line: string) => void lines.push(line) });
    await rotate(sql, keyring([bytes(2), bytes(1)]), world.now(), log);
    expect(await sql.all`select payload from oidc_model`).toEqual([before]);
    expect(lines[0]).toMatch(/"left":1,.*left as they are/);
    expect(lines.join('')).not.toContain(before?.payload.slice(-20));
  });
});
