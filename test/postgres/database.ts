// A Postgres database of a test's own, on the server of the run: empty, or with the schema in it, which is copied faster
// than made. `await using database = await freshDatabase()`.

import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { type PostgresAddress, parseDatabaseAddress } from '../../connector/sql/address.ts';
import { migrate } from '../../connector/sql/migrate.ts';
import { openPostgres, type PostgresOptions, type PostgresSql } from '../../connector/sql/postgres.ts';
import type { Sql } from '../../connector/sql/sql.ts';

export interface FreshDatabase {
  /** What RR_DATABASE takes. */
  readonly url: string;
  readonly address: PostgresAddress;
  /** Opens it; what is opened here is closed with the database. */
  open(options?: PostgresOptions): Promise<PostgresSql>;
  /** Something past the connector: as an operator, or to see what is really there. */
  query<R extends pg.QueryResultRow>(text: string): Promise<R[]>;
  /** Closes it and drops it, whoever else is connected. */
  [Symbol.asyncDispose](): Promise<void>;
}

let server: Promise<number> | undefined;

/** The port of the run's server, which is started by the first who asks. */
function portOfServer(): Promise<number> {
  server ??= fetch(inject('postgres')).then(async (response) => {
    const text = await response.text();
    if (!response.ok) throw new Error(text);
    return Number(text);
  });
  return server;
}

const urlOf = (port: number, name: string) => `postgres://postgres@127.0.0.1:${port}/${name}`;

async function command<R extends pg.QueryResultRow>(url: string, text: string): Promise<R[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query<R>(text)).rows;
  } finally {
    await client.end();
  }
}

/** @param migrated with the schema in it already */
export async function freshDatabase({ migrated = false } = {}): Promise<FreshDatabase> {
  const port = await portOfServer();
  const server = urlOf(port, 'postgres');
  const name = `t_${randomUUID().replaceAll('-', '')}`;
  await command(server, `create database ${name}${migrated ? ` template ${await template(port)}` : ''}`);
  const url = urlOf(port, name);
  const address = addressOf(url);
  const opened: Sql[] = [];
  return {
    url,
    address,
    async open(options) {
      const sql = await openPostgres(address, { connections: 4, ...options });
      opened.push(sql);
      return sql;
    },
    query: (text) => command(url, text),
    async [Symbol.asyncDispose]() {
      await Promise.all(opened.map((sql) => sql.close()));
      await command(server, `drop database ${name} with (force)`);
    },
  };
}

function addressOf(url: string): PostgresAddress {
  const address = parseDatabaseAddress(url);
  if (address.engine !== 'postgres') throw new Error('This is no address of Postgres.');
  return address;
}

let made: Promise<string> | undefined;

/** A migrated database to copy, one per worker: nobody may be connected to it meanwhile. */
function template(port: number): Promise<string> {
  made ??= (async () => {
    const name = `template_${randomUUID().replaceAll('-', '')}`;
    await command(urlOf(port, 'postgres'), `create database ${name}`);
    const sql = await openPostgres(addressOf(urlOf(port, name)), { connections: 1 });
    try {
      await migrate(sql);
    } finally {
      await sql.close();
    }
    return name;
  })();
  return made;
}
