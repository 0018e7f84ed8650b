// The witness against restored backups (reset.md, C21): a copy of the database is taken at each step of a reset and comes
// back later; no old mail is sent again, no old password set over one that was chosen since, and everybody is told.

import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Reset } from '#shared/api.ts';
import type { PasswordChange } from '../../connector/directory/directory.ts';
import { openSqlite } from '../../connector/sql/sqlite.ts';
import { StartError } from '../../connector/start-error.ts';
import { fileMark, type MarkStore, markText, parseMark } from '../../connector/witness/mark.ts';
import { type Between, makeWorld, type World } from '../world.ts';

const names = ['globalAdmin', 'amara'] as const;
const hour = 3_600_000;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rr-witness-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A mark in memory, as a file would keep it. */
function memoryMark(text?: string): MarkStore & { text: string | undefined; fail: string | undefined } {
  return {
    where: 'the mark',
    text,
    fail: undefined,
    async read() {
      return this.text;
    },
    async write(next) {
      if (this.fail !== undefined) throw Object.assign(new Error(this.fail), { code: this.fail });
      this.text = next;
    },
  };
}

/** A directory that lives elsewhere, and is not restored with the database: what it was told, and by whom it changed. */
function elsewhere(now: () => number) {
  const held = { password: 'from before', at: now() - hour, told: [] as string[] };
  const between: Between = (real) => ({
    ...real,
    async lastPasswordChange(): Promise<PasswordChange> {
      return { at: held.at, by: { kind: 'unknown' } };
    },
    async setPassword(_id, { password }, operation, ifUnchangedSince) {
      if (ifUnchangedSince !== undefined && held.at > ifUnchangedSince) throw new Error('changed since');
      Object.assign(held, { password, at: now() });
      held.told.push(operation.split(':')[0] ?? '');
      return { outcome: 'done', at: now() };
    },
    revokeSessions: async () => ({ outcome: 'done', at: now() }),
  });
  return { held, between };
}

interface Copy {
  readonly path: string;
  /** The last thing that had been recorded. */
  readonly action: string;
}

/** Copies a database whenever something has been recorded since the last copy. */
function copier(database: string) {
  const copies: Copy[] = [];
  let seen = 0;
  return {
    copies,
    begun: false,
    look() {
      if (!this.begun) return;
      const db = new DatabaseSync(database);
      try {
        const last = db.prepare('select seq, action from audit order by seq desc limit 1').get();
        if (!last || Number(last.seq) === seen) return;
        seen = Number(last.seq);
        if (!String(last.action).startsWith('reset.')) return;
        const path = join(folder, `copy-${copies.length}.db`);
        db.exec(`vacuum into '${path}'`);
        copies.push({ path, action: String(last.action) });
      } finally {
        db.close();
      }
    },
  };
}

/** Plays a whole reset on a file, and copies it at each step. */
async function play(mark: MarkStore, ending: (world: World, id: string) => Promise<void>) {
  const database = join(folder, 'connector.db');
  const copy = copier(database);
  const sql = openSqlite(database);
  const watched = {
    ...sql,
    async run<T>(work: Parameters<typeof sql.run<T>>[0]) {
      const value = await sql.run(work);
      copy.look();
      return value;
    },
  };
  const world = await makeWorld({ sql: watched, names, mark });
  copy.begun = true;
  const upstream = elsewhere(world.now);
  world.directory = upstream.between;
  const { id } = (await world.reset('globalAdmin', 'amara')).json<Reset>();
  await world.walk();
  await ending(world, id);
  const letter = await world.letter(0);
  const at = world.now();
  await world[Symbol.asyncDispose]();
  return { copies: copy.copies, upstream, link: letter.link, at, id };
}

async function restore(path: string, options: { mark?: MarkStore; at: number; restored?: boolean }) {
  const sql = openSqlite(path);
  return { sql, world: await makeWorld({ sql, names, ...options }) };
}

describe('a backup that comes back', () => {
  it('sends no mail and sets no password again, at whatever step it was taken', async () => {
    const mark = memoryMark();
    const { copies, upstream, link, at, id } = await play(mark, async (world) => {
      await world.open((await world.letter()).link);
      await world.pass(60_000);
    });
    // The person has chosen a password since.
    Object.assign(upstream.held, { password: 'their own', at: at + 60_000 });
    upstream.held.told.length = 0;
    const actions = copies.map(({ action }) => action);
    for (const state of ['prepared', 'mailing', 'mailed', 'changing', 'ready', 'leased'])
      expect(actions).toContain(`reset.${state}`);
    for (const [i, { path, action }] of copies.entries()) {
      const told = `a copy after ${action} (${i})`;
      const { world } = await restore(path, { mark: memoryMark(mark.text), at: at + hour });
      world.directory = upstream.between;
      expect(world.connector.history, told).toMatchObject({ history: 'restored', ended: 1 });
      for (let days = 0; days < 5; days++) await world.pass(24 * hour);
      expect(world.sent, told).toEqual([]);
      expect([told, upstream.held.password, upstream.held.told]).toEqual([told, 'their own', []]);
      const reset = await world.see(id);
      expect(
        reset.events.map(({ name }) => name),
        told,
      ).toContain('restored');
      expect(['expired', 'done'], told).toContain(reset.state);
      expect(reset.why?.code, told).toBe('restored');
      expect(reset.may, told).not.toContain('sendAgain');
      const { answer, password } = await world.open(link);
      expect([told, ['restored', 'openedElsewhere'].includes(answer.state), password]).toEqual([told, true, undefined]);
      await world[Symbol.asyncDispose]();
    }
  });

  it('makes a temporary password useless that is still there, and gives nobody the link again', async () => {
    const mark = memoryMark();
    const { copies, upstream, link, at } = await play(mark, async (world) => {
      await world.open((await world.letter()).link);
    });
    const given = upstream.held.password;
    const ready = copies.find(({ action }) => action === 'reset.ready');
    const { world } = await restore(ready?.path ?? '', { mark, at: at + hour });
    world.directory = upstream.between;
    await world.walk();
    expect(upstream.held.told).toEqual(['reset', 'scramble']);
    expect(upstream.held.password).not.toBe(given);
    expect((await world.open(link)).answer.state).toBe('restored');
    // And a new reset goes its way.
    expect((await world.reset('globalAdmin', 'amara', {}, 'another-key')).statusCode).toBe(202);
    await world.walk();
    expect(world.sent).toHaveLength(1);
    await world[Symbol.asyncDispose]();
  });

  it('under a connector that is serving is noticed before anything outside is changed', async () => {
    const mark = memoryMark();
    await using world = await makeWorld({ names, mark });
    const upstream = elsewhere(world.now);
    world.directory = upstream.between;
    world.script.push({ outcome: 'later', code: 451, reply: '451 Later' });
    const { id } = (await world.reset('globalAdmin', 'amara')).json<Reset>();
    await world.walk();
    const before = await world.sql.all<{ id: string; count: number }>`select id, count from witness`;
    await world.pass(2 * 60_000);
    expect([world.sent.length, (await world.see(id)).state, upstream.held.told]).toEqual([2, 'ready', ['reset']]);
    Object.assign(upstream.held, { password: 'their own', at: world.now() + 1000 });
    // A standby that had not got it all takes over, or somebody restores the server: nobody has started anew.
    await world.sql.run(function* (tx) {
      for (const one of before) yield* tx.run`update witness set count = ${one.count} where id = ${one.id}`;
      yield* tx.run`update reset set state = 'mailed', call_until = ${null}, seen_at = ${null}, baseline_at = ${null}`;
      yield* tx.run`update job set due_at = 0, leased_until = 0`;
    });
    await world.walk();
    for (let days = 0; days < 5; days++) await world.pass(24 * hour);
    expect([world.sent.length, upstream.held.password, upstream.held.told]).toEqual([2, 'their own', ['reset']]);
    expect((await world.see(id)).why?.code).toBe('restored');
    expect(world.logged.filter((line) => line.includes('without what it had promised'))).toHaveLength(1);
    // And a new reset goes its way.
    expect((await world.reset('globalAdmin', 'amara', {}, 'another-key')).statusCode).toBe(202);
    await world.walk();
    expect(world.sent).toHaveLength(3);
  });

  it('does not bring back what an admin has stopped since', async () => {
    const mark = memoryMark();
    const { copies, upstream, at, id } = await play(mark, async (world, id) => {
      expect((await world.api('globalAdmin', 'POST', `/resets/${id}/kill`)).statusCode).toBe(200);
      await world.pass(60_000);
    });
    Object.assign(upstream.held, { password: 'their own', at: at + 60_000 });
    upstream.held.told.length = 0;
    const recalled = copies.find(({ action }) => action === 'reset.recalled');
    for (const copy of [copies.find(({ action }) => action === 'reset.mailing'), recalled]) {
      const { world } = await restore(copy?.path ?? '', { mark: memoryMark(mark.text), at: at + hour });
      world.directory = upstream.between;
      for (let days = 0; days < 5; days++) await world.pass(24 * hour);
      // Not even "wrong person" scrambles what may have been chosen since the copy.
      expect([copy?.action, world.sent, upstream.held.password]).toEqual([copy?.action, [], 'their own']);
      expect((await world.see(id)).events.map(({ name }) => name)).toContain('restored');
      await world[Symbol.asyncDispose]();
    }
  });
});

describe('a start', () => {
  it('of the same database ends nothing, also when the process died between the count and the mark', async () => {
    const mark = memoryMark();
    const sql = openSqlite(join(folder, 'connector.db'));
    const first = await makeWorld({ sql, names, mark });
    await first.reset('globalAdmin', 'amara');
    const older = mark.text;
    await first.walk();
    for (const text of [mark.text, older]) {
      mark.text = text;
      const again = await makeWorld({ sql, names, mark, at: first.now() });
      expect(again.connector.history).toMatchObject({ history: 'same', ended: 0 });
    }
    await first[Symbol.asyncDispose]();
  });

  it('without a mark goes on, says so, and ends everything when the operator says that it was restored', async () => {
    const { copies, at, id } = await play(memoryMark(), async () => {});
    const path = copies.find(({ action }) => action === 'reset.mailing')?.path ?? '';
    const { world, sql } = await restore(path, { mark: memoryMark('torn {"timel'), at });
    expect(world.connector.history).toMatchObject({ history: 'unknown', ended: 0 });
    const told = await makeWorld({ sql, names, mark: memoryMark(), at, restored: true });
    expect(told.connector.history).toMatchObject({ history: 'restored', ended: 1 });
    expect((await told.see(id)).state).toBe('expired');
    await world[Symbol.asyncDispose]();
  });

  it('on an empty database that once was not is refused; a first one is not', async () => {
    const mark = memoryMark();
    const first = await makeWorld({ names, mark });
    expect(first.connector.history).toMatchObject({ history: 'new' });
    await first[Symbol.asyncDispose]();
    const before = mark.text;
    await expect(makeWorld({ names, mark })).rejects.toThrow(StartError);
    await expect(makeWorld({ names, mark })).rejects.toThrow(/empty, and the mark remembers one that was not/);
    expect(mark.text).toBe(before);
  });

  it('of a second connector sees that the first has dealt with it', async () => {
    const [a, b] = [memoryMark(), memoryMark()];
    const database = join(folder, 'connector.db');
    const sql = openSqlite(database);
    const first = await makeWorld({ sql, names, mark: a });
    await makeWorld({ sql, names, mark: b });
    new DatabaseSync(database).exec(`vacuum into '${join(folder, 'copy.db')}'`);
    await first.reset('globalAdmin', 'amara');
    await first.walk();
    await makeWorld({ sql, names, mark: b, at: first.now() });
    await first[Symbol.asyncDispose]();

    const { sql: restored, world } = await restore(join(folder, 'copy.db'), { mark: a, at: first.now() });
    expect(world.connector.history.history).toBe('restored');
    await world.reset('globalAdmin', 'amara');
    const second = await makeWorld({ sql: restored, names, mark: b, at: first.now() });
    expect(second.connector.history).toMatchObject({ history: 'same', ended: 0 });
    await world.walk();
    expect(world.sent).toHaveLength(1);
    await world[Symbol.asyncDispose]();
  });
});

describe('a mark that cannot be written', () => {
  it('for now: no mail goes out and nothing is lost; later it does', async () => {
    const mark = memoryMark();
    const world = await makeWorld({ names, mark });
    mark.fail = 'ENOSPC';
    const { id } = (await world.reset('globalAdmin', 'amara')).json<Reset>();
    await world.walk();
    expect(world.sent).toEqual([]);
    expect((await world.see(id)).events.at(-1)?.name).toBe('deferred');
    mark.fail = undefined;
    await world.pass(2 * 60_000);
    expect((await world.see(id)).state).toBe('ready');
    expect(world.sent).toHaveLength(1);
    await world[Symbol.asyncDispose]();
  });

  it('for good: the work goes on, and it is said', async () => {
    const mark = memoryMark();
    const world = await makeWorld({ names, mark });
    mark.fail = 'EROFS';
    const { id } = (await world.reset('globalAdmin', 'amara')).json<Reset>();
    await world.walk();
    expect((await world.see(id)).state).toBe('ready');
    expect(world.logged.filter((line) => line.includes('cannot be written any more'))).toHaveLength(1);
    await world[Symbol.asyncDispose]();
  });
});

describe('the mark as a file', () => {
  const mark = { timeline: crypto.randomUUID(), witness: crypto.randomUUID(), count: 7 };
  it('is made with its folder, for its owner alone, and written in place', async () => {
    const path = join(folder, 'a', 'b', 'c.mark');
    const file = fileMark(path);
    expect(await file.read()).toBeUndefined();
    await file.write(markText(mark));
    expect(parseMark((await file.read()) ?? '')).toEqual(mark);
    const { ino, mode } = statSync(path);
    expect(mode & 0o777).toBe(0o600);
    await file.write(markText({ ...mark, count: 8 }));
    expect(parseMark(readFileSync(path, 'utf8'))?.count).toBe(8);
    expect(statSync(path).ino).toBe(ino);
    rmSync(path);
    await file.write(markText(mark));
    expect(parseMark(readFileSync(path, 'utf8'))).toEqual(mark);
  });
  it('says nothing when it is not whole', () => {
    const text = markText(mark);
    for (let length = 0; length < text.length; length++) expect(parseMark(text.slice(0, length))).toBeUndefined();
    expect(parseMark(`${text} `)).toBeUndefined();
    expect(parseMark(text.replace('"count":"0', '"count":"-'))).toBeUndefined();
  });
});
