import { describe, expect, it } from 'vitest';
import { migrate, writeMeta } from '../../connector/sql/migrate.ts';
import { migrations } from '../../connector/sql/migrations.ts';
import { openSqlite } from '../../connector/sql/sqlite.ts';

describe('migrations', () => {
  it('bring an empty database to the newest version, and do nothing the second time', async () => {
    const sql = openSqlite(':memory:');
    const version = await migrate(sql);
    expect(version.version).toBe(migrations.length);
    const before = await sql.all`select name, sql from sqlite_master order by name`;
    expect(await migrate(sql)).toEqual(version);
    expect(await sql.all`select name, sql from sqlite_master order by name`).toEqual(before);
  });

  it('key every table by tenant first', async () => {
    const sql = openSqlite(':memory:');
    await migrate(sql);
    const tables = await sql.all<{ name: string }>`select name from sqlite_master where type = 'table'
      and name not in ('meta', 'tenant', 'timeline', 'witness')`;
    expect(tables.length).toBeGreaterThan(8);
    for (const { name } of tables) {
      const columns = `select name from pragma_table_info('${name}') where pk = 1`;
      const [first] = await sql.run(function* (tx) {
        return yield* tx.query<{ name: string }>(columns, []);
      });
      expect([name, first]).toEqual([name, { name: 'tenant' }]);
    }
  });

  it('refuse a database whose schema this code cannot read', async () => {
    const sql = openSqlite(':memory:');
    await migrate(sql);
    await sql.run((tx) => writeMeta(tx, 'version', '99'));
    await migrate(sql);
    await sql.run((tx) => writeMeta(tx, 'readableFrom', '99'));
    await expect(migrate(sql)).rejects.toMatchObject({ code: 'unavailable', details: { reason: 'schema' } });
  });
});
