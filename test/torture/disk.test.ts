// The disk is full, read-only, locked, damaged, or somebody has put an older copy back: real processes on real files
// (reset.md, C20 and C21).

import { spawnSync } from 'node:child_process';
import {
  closeSync,
  cpSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import type { Reset } from '#shared/api.ts';
import { readFile } from './check.ts';
import { addressOf, smallDisk, troubled } from './stage.ts';

const idOf = (answer: { text: string }) => (JSON.parse(answer.text) as Reset).id;
const pause = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));
const main = new URL('../../connector/main.ts', import.meta.url).pathname;

/** `serve` as an operator starts it, when it is expected to end by itself. */
const serve = (env: Readonly<Record<string, string>>) =>
  spawnSync(process.execPath, [main, 'serve'], { env, encoding: 'utf8', timeout: 30_000, killSignal: 'SIGKILL' });

describe('a disk', { timeout: 300_000 }, () => {
  it('that is full: nothing is begun, links still open, and it goes on by itself when there is room', async (context) => {
    const disk = smallDisk(32);
    if (!disk) return context.skip('mounting a small disk needs root');
    try {
      await using trouble = await troubled({ people: 24, folder: disk.folder });
      const { installation, start } = trouble;
      await installation.start({ at: 'never' });
      const first = idOf(await start(0));
      await trouble.reaches(first, 'ready');
      while (!readdirSync(disk.folder).includes('connector.db.reserve')) await pause(20);
      const filler = join(disk.folder, 'filler');
      const file = openSync(filler, 'a');
      expect(() => {
        for (;;) writeSync(file, Buffer.alloc(4096));
      }).toThrow('ENOSPC');
      closeSync(file);

      let accepted = 0;
      let refused = 0;
      for (let person = 1; person < 20; person++) {
        const answer = await start(person);
        if (answer.status === 202) accepted++;
        else {
          refused++;
          expect([answer.status, Number(answer.headers['retry-after']) > 0, answer.text]).toEqual([
            ...[503, true, expect.stringContaining('unavailable')],
          ]);
        }
      }
      expect(refused).toBeGreaterThan(0);
      // C20: opens keep working; the reserve is there for them.
      const shown = await trouble.open(0);
      expect(shown).toMatch(/^\S{12,}$/);
      expect((await trouble.see(first)).state).toBe('leased');
      expect((await start(20)).status).toBe(503);

      rmSync(filler);
      let last = await start(21);
      for (let tries = 0; last.status === 503 && tries < 400; tries++) {
        await pause(50);
        last = await start(21);
      }
      expect(last.status).toBe(202);
      await trouble.reaches(idOf(last), 'ready');
      // Nothing came of what was refused, and nothing of what was accepted is lost.
      const { resets } = readFile(installation.database);
      expect(resets).toHaveLength(accepted + 2);
      for (const { id } of resets) if (id !== first) await trouble.reaches(id, 'ready');
      const mailed = new Set(installation.mail.taken.map(({ to }) => to));
      expect(mailed.size).toBe(accepted + 2);
      expect(await trouble.open(0)).toBe(shown);
    } finally {
      disk.remove();
    }
  });

  it('whose quota is used up, at one write or another: nothing is begun, nothing lost, and it goes on', async (context) => {
    if (spawnSync('prlimit', ['--version']).error) return context.skip('there is no prlimit');
    await using trouble = await troubled({ people: 40 });
    const { installation, start } = trouble;
    await installation.start({ at: 'never' });
    await trouble.reaches(idOf(await start(0)), 'ready');
    const db = new DatabaseSync(installation.database);
    db.exec('pragma busy_timeout = 5000');
    const accepted: string[] = [];
    let refused = 0;
    try {
      // One page and its header are 4,120 bytes of the log; a reset takes a few hundred of them.
      for (const [nth, pages] of [0, 1, 7, 20, 45, 80, 120, 170, 230].entries()) {
        db.exec('pragma wal_checkpoint(truncate)');
        installation.quota(32 + pages * 4120);
        for (let person = 1 + 4 * nth; person < 5 + 4 * nth; person++) {
          const answer = await start(person);
          if (answer.status === 202) accepted.push(idOf(answer));
          else {
            refused++;
            expect([answer.status, Number(answer.headers['retry-after']) > 0]).toEqual([503, true]);
          }
        }
        // What is not written is not known: time for whoever would go on all the same.
        await pause(700);
        expect((await trouble.http.once('GET', '/healthz')).status).toBe(200);
        installation.quota();
      }
    } finally {
      db.close();
    }
    expect(refused).toBeGreaterThan(4);
    expect(accepted.length).toBeGreaterThan(4);
    const last = await start(39);
    expect(last.status).toBe(202);
    // A step that could not be written is tried again when its lease is over.
    await installation.shift(300_000);
    for (const id of [...accepted, idOf(last)]) await trouble.reaches(id, 'ready');
    const { resets } = readFile(installation.database);
    expect(resets).toHaveLength(accepted.length + 2);
    // Mails more than once only where nobody knew, and then the same: each opens the one link there is.
    const mailed = Map.groupBy(installation.mail.taken, ({ to }) => to);
    expect(mailed.size).toBe(accepted.length + 2);
    for (const [to, copies] of mailed)
      expect([to, new Set(copies.map(({ bytes }) => bytes.toString())).size]).toEqual([to, 1]);
    expect(await trouble.open(39)).toMatch(/^\S{12,}$/);
    expect(installation.output()).not.toMatch(/damaged|malformed/);
  });

  it('that has become read-only: nothing is begun, nothing lost, and it goes on when it can be written again', async (context) => {
    const disk = smallDisk(32);
    if (!disk) return context.skip('mounting a small disk needs root');
    try {
      await using trouble = await troubled({ people: 3, folder: disk.folder });
      const { installation, start } = trouble;
      await installation.start({ at: 'never' });
      await trouble.reaches(idOf(await start(0)), 'ready');
      installation.kill();
      await installation.ended();
      disk.remount('ro');
      const { status, stderr } = serve(installation.env);
      expect([status, stderr]).toEqual([1, expect.stringMatching(/cannot be written at .*connector\.db/)]);
      disk.remount('rw');
      await installation.start({ at: 'never' });
      expect(await trouble.open(0)).toMatch(/^\S{12,}$/);
      await trouble.reaches(idOf(await start(1)), 'ready');
    } finally {
      disk.remove();
    }
  });
});

it('a database that another process holds for 60 s: 503 with Retry-After, then it goes on', {
  timeout: 300_000,
}, async () => {
  await using trouble = await troubled({ people: 3 });
  const { installation, start } = trouble;
  await installation.start({ at: 'never' });
  // Its last write at the start comes after its doors are open.
  await trouble.reaches(idOf(await start(1)), 'ready');
  const other = new DatabaseSync(installation.database);
  try {
    other.exec('pragma busy_timeout = 5000; begin immediate');
    const began = performance.now();
    const answer = await start(0);
    expect([answer.status, Number(answer.headers['retry-after']) > 0]).toEqual([503, true]);
    // What only reads is answered meanwhile.
    expect((await trouble.http.once('GET', '/healthz')).status).toBe(200);
    await pause(Math.max(0, 60_000 - (performance.now() - began)));
    expect((await start(0)).status).toBe(503);
    other.exec('rollback');
  } finally {
    other.close();
  }
  expect(installation.mail.taken).toHaveLength(1);
  const going = await start(0);
  expect(going.status).toBe(202);
  await trouble.reaches(idOf(going), 'ready');
  expect(installation.mail.taken).toHaveLength(2);
});

it('a damaged database stops the start, and is never begun anew', { timeout: 300_000 }, async () => {
  await using trouble = await troubled({ people: 3 });
  const { installation, start } = trouble;
  await installation.start({ at: 'never' });
  await trouble.reaches(idOf(await start(0)), 'ready');
  installation.kill();
  await installation.ended();
  const { database, env } = installation;
  // All of it into the one file, so that pages can be damaged.
  const db = new DatabaseSync(database);
  db.exec('pragma wal_checkpoint(truncate)');
  const pageOf = (table: string) =>
    Number(db.prepare('select rootpage from sqlite_schema where name = ?').get(table)?.rootpage);
  const pages = { header: 1, reset: pageOf('reset'), app_user: pageOf('app_user'), audit: pageOf('audit') };
  db.close();
  const whole = readFileSync(database);
  for (const [name, page] of Object.entries(pages)) {
    const damaged = Buffer.from(whole);
    damaged.fill(0xa5, (page - 1) * 4096, (page - 1) * 4096 + 4096);
    for (const end of ['-wal', '-shm']) rmSync(`${database}${end}`, { force: true });
    const handle = openSync(database, 'r+');
    writeSync(handle, damaged, 0, damaged.length, 0);
    closeSync(handle);
    const { status, stderr } = serve(env);
    expect([name, status, stderr]).toEqual([name, 1, expect.stringMatching(/damaged|not a database|malformed/)]);
    expect(statSync(database).size, name).toBe(whole.length);
    expect(readFileSync(database).equals(damaged), name).toBe(true);
  }
});

it('an older copy that is put back sends nothing again, says so, and the helpdesk goes on', {
  timeout: 300_000,
}, async () => {
  await using trouble = await troubled({ people: 3 });
  const { installation, start } = trouble;
  const folder = dirname(installation.database);
  const backup = mkdtempSync(join(tmpdir(), 'rr-backup-'));
  try {
    // Dies right after it has written down that the mail goes out now.
    await installation.start({ at: 'step', step: 'reset.mailing', when: 'after', nth: 1 });
    await start(0).catch(() => {});
    await installation.ended();
    cpSync(folder, backup, { recursive: true });
    await installation.start({ at: 'never' });
    const [row] = readFile(installation.database).resets;
    await trouble.reaches(row?.id ?? '', 'ready');
    expect(await trouble.open(0)).toMatch(/^\S{12,}$/);
    const mails = installation.mail.taken.length;
    installation.kill();
    await installation.ended();

    rmSync(folder, { recursive: true });
    cpSync(backup, folder, { recursive: true });
    const before = installation.output().length;
    await installation.start({ at: 'never' });
    expect(installation.output().slice(before)).toMatch(/restored from a backup[\s\S]*1 reset that was under way/);
    const again = await start(1);
    await trouble.reaches(idOf(again), 'ready');
    expect(await trouble.open(1)).toMatch(/^\S{12,}$/);
    const reset = await trouble.see(row?.id ?? '');
    expect([reset.state, reset.why?.code, reset.events.at(-1)?.name]).toEqual(['expired', 'restored', 'restored']);
    expect(await trouble.open(0)).toBeUndefined();
    expect(installation.mail.taken.filter(({ to }) => to === addressOf(0))).toHaveLength(mails);
  } finally {
    rmSync(backup, { recursive: true });
  }
});
