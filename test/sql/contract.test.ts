import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqlite } from '../../connector/sql/sqlite.ts';
import { freshDatabase } from '../postgres/database.ts';
import { sqlContract } from './contract.ts';

sqlContract('SQLite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rr-sql-'));
  const open = () => openSqlite(join(folder, 'test.db'));
  const opened = [open()];
  return {
    sql: opened[0] as (typeof opened)[0],
    async another() {
      const other = open();
      opened.push(other);
      return other;
    },
    async close() {
      for (const sql of opened) await sql.close();
      rmSync(folder, { recursive: true });
    },
  };
});

sqlContract('Postgres', async () => {
  const database = await freshDatabase();
  return {
    sql: await database.open(),
    another: () => database.open(),
    close: () => database[Symbol.asyncDispose](),
  };
});
