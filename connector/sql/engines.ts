// The list of engines: opens the database that an address names.

import { makeDatabaseFolder } from '../place.ts';
import type { DatabaseAddress } from './address.ts';
import { openPostgres, type PostgresOptions } from './postgres.ts';
import type { Sql } from './sql.ts';
import { openSqlite } from './sqlite.ts';

/**
 * @param options of Postgres alone
 * @throws StartError when it cannot be written or reached
 */
export async function openDatabase(address: DatabaseAddress, options: PostgresOptions = {}): Promise<Sql> {
  if (address.engine === 'postgres') return openPostgres(address, options);
  makeDatabaseFolder(address.file);
  return openSqlite(address.file);
}
