// Migrations, on both engines: in order, once, beside others that serve, and never past what the others can read.

import { describe, expect, it } from 'vitest';
import type { Reset } from '#shared/api.ts';
import { migrate, type Schema, schema, writeMeta } from '../../connector/sql/migrate.ts';
import { migrations } from '../../connector/sql/migrations.ts';
import type { Sql } from '../../connector/sql/sql.ts';
import { freshDatabase } from '../postgres/database.ts';
import { engines, freshSql } from '../postgres/engine.ts';
import { columnsOf, tablesOf } from '../postgres/schema.ts';
import { makeWorld } from '../world.ts';

/** Every table with its columns. */
async function shapeOf(sql: Sql) {
  const names = await tablesOf(sql);
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await columnsOf(sql, name)] as const)));
}

/** The next release, which only adds; and the one after it, on which this one cannot work. */
const expand: Schema = {
  migrations: [
    ...migrations,
    ['alter table reset add column colour text', 'create table hue (tenant text primary key)'],
  ],
  readableFrom: 1,
};
const contract: Schema = {
  migrations: [...expand.migrations, ['alter table reset drop column colour', 'drop table hue']],
  readableFrom: expand.migrations.length,
};

describe.each(engines)('migrations on %s', (engine) => {
  it('bring an empty database to the newest version, and do nothing the second time', async () => {
    await using database = await freshSql(engine, { migrated: false });
    const { sql } = database;
    const version = await migrate(sql);
    expect(version).toEqual({ version: migrations.length, readableFrom: schema.readableFrom });
    const before = await shapeOf(sql);
    expect(await migrate(sql)).toEqual(version);
    expect(await shapeOf(sql)).toEqual(before);
  });

  it('key every table by tenant first', async () => {
    await using database = await freshSql(engine);
    const { sql } = database;
    await migrate(sql);
    const own = ['meta', 'tenant', 'timeline', 'witness'];
    const tables = (await tablesOf(sql)).filter((name) => !own.includes(name));
    expect(tables.length).toBeGreaterThan(8);
    for (const name of tables) {
      const keyed = (await columnsOf(sql, name)).filter(({ key }) => key > 0).sort((a, b) => a.key - b.key);
      expect([name, keyed[0]?.name]).toEqual([name, 'tenant']);
    }
  });

  it('go from any release to any later one, and leave what is readable to older ones', async () => {
    await using database = await freshSql(engine, { migrated: false });
    const { sql } = database;
    const oldest: Schema = { migrations: migrations.slice(0, 1), readableFrom: 1 };
    expect(await migrate(sql, { schema: oldest })).toEqual({ version: 1, readableFrom: 1 });
    expect(await migrate(sql, { schema: expand })).toEqual({ version: expand.migrations.length, readableFrom: 1 });
    // An older release finds the newer schema, and changes nothing.
    expect(await migrate(sql)).toEqual({ version: expand.migrations.length, readableFrom: 1 });
    const raised = { ...expand, readableFrom: 2 };
    expect(await migrate(sql, { schema: raised })).toEqual({ version: expand.migrations.length, readableFrom: 2 });
    expect(await migrate(sql, { schema: expand })).toMatchObject({ readableFrom: 2 });
    await expect(migrate(sql, { schema: oldest })).rejects.toThrow(/by a newer release, and this one, which knows 1,/);
    await migrate(sql, { schema: contract });
    await expect(migrate(sql)).rejects.toThrow(/Start the newer release\. Nothing was changed\.$/);
    await migrate(sql, { schema: expand });
  });

  it('refuse a database whose schema this code cannot read', async () => {
    await using database = await freshSql(engine);
    const { sql } = database;
    await migrate(sql);
    await sql.run((tx) => writeMeta(tx, 'version', '99'));
    await migrate(sql);
    await sql.run((tx) => writeMeta(tx, 'readableFrom', '99'));
    await expect(migrate(sql)).rejects.toThrow(/to schema 99 by a newer release/);
  });

  it('leave nothing of one that fails, and go on from there', async () => {
    await using database = await freshSql(engine);
    const { sql } = database;
    await migrate(sql);
    const before = await shapeOf(sql);
    const broken = [...(expand.migrations.at(-1) ?? []), 'create table hue (tenant text)'];
    await expect(migrate(sql, { schema: { ...expand, migrations: [...migrations, broken] } })).rejects.toThrow();
    expect(await shapeOf(sql)).toEqual(before);
    expect((await migrate(sql, { schema: expand })).version).toBe(expand.migrations.length);
  });
});

describe('a rolling upgrade on Postgres', () => {
  it('expands while the older release serves, and contracts when it is gone', async () => {
    await using database = await freshDatabase({ migrated: true });
    const env = { RR_DATABASE: database.url };
    const names = ['globalAdmin', 'amara', 'ada'] as const;
    const old = await makeWorld({ env, names, sql: await database.open() });
    const { id } = (await old.reset('globalAdmin', 'amara')).json<Reset>();
    old.script.push({ outcome: 'later', code: 451, reply: '451 later' });
    await old.walk();

    const next = { env, names, at: old.now(), schema: expand };
    await using newer = await makeWorld({ ...next, sql: await database.open() });
    // The older one goes on, with what it has prepared and with what the newer one has begun.
    const other = (await newer.reset('globalAdmin', 'ada', {}, 'of-the-newer')).json<Reset>();
    await old.walk();
    expect((await old.see(other.id)).state).toBe('ready');
    await old.pass(60_000);
    expect((await newer.see(id)).state).toBe('ready');

    const last = { env, names, at: old.now(), schema: contract };
    await old.connector.holding?.beat();
    await newer.connector.holding?.beat();
    await expect(makeWorld({ ...last, sql: await database.open() })).rejects.toThrow(
      /^A connector of an older release still serves this database, .* Stop it first/,
    );
    await old[Symbol.asyncDispose]();
    const newest = await makeWorld({ ...last, sql: await database.open() });
    await expect(makeWorld({ ...next, schema, sql: await database.open() })).rejects.toThrow(/Start the newer release/);
    expect((await newest.see(id)).state).toBe('ready');
    await newest[Symbol.asyncDispose]();
  });

  it('waits for no lock while others wait behind it, and says which it cannot get', async () => {
    await using database = await freshDatabase({ migrated: true });
    const holding = await database.open({ timeouts: { idle: 0 } });
    let go = () => {};
    const gone = new Promise<void>((resolve) => (go = resolve));
    let began = () => {};
    const begun = new Promise<void>((resolve) => (began = resolve));
    const slow = await database.open({
      timeouts: { idle: 60_000 },
      beforeStatement: ({ text }) => {
        if (!text.includes('from tenant')) return;
        began();
        return gone;
      },
    });
    // Somebody's transaction has read the table, and goes on.
    const reading = slow.run(function* (tx) {
      yield* tx.all`select id from reset`;
      yield* tx.all`select id from tenant`;
    });
    await begun;
    const restarts: string[] = [];
    const migrating = await database.open({ patience: 1500, onRestart: (fate) => restarts.push(fate) });
    const early = migrate(migrating, { schema: expand, tries: 1 });
    await expect(early).rejects.toThrow(/could not be changed: a transaction of somebody else has held a table/);
    expect(new Set(restarts)).toEqual(new Set(['locked']));
    const later = migrate(migrating, { schema: expand });
    // Between the tries everybody comes through.
    expect(await holding.all`select id from reset`).toEqual([]);
    go();
    await reading;
    expect((await later).version).toBe(expand.migrations.length);
  });
});
