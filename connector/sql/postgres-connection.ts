// How a Postgres server is reached and what it must be: TLS by libpq's sslmode, the first look at it, with sentences for
// whoever set RR_DATABASE, and how its answers become the values of the port.

import { readFileSync } from 'node:fs';
import pg from 'pg';
import { StartError } from '../start-error.ts';
import { type PostgresAddress, shownAddress } from './address.ts';

/** @throws StartError when the file of sslrootcert cannot be read */
export function connectionOf(address: PostgresAddress): pg.ClientConfig {
  const { host, port, database, user, password, sslmode } = address;
  return {
    ...{ host, port, database, user },
    ...(password ? { password: () => password.reveal() } : {}),
    ssl: sslmode === 'disable' ? false : { ...certificatesOf(address), ...checks[checkOf(address)] },
  };
}

/** What libpq checks by each word (PostgreSQL 34.19.1, SSL Support): `require` only encrypts. */
const checks = {
  require: { rejectUnauthorized: false },
  'verify-ca': { rejectUnauthorized: true, checkServerIdentity: () => undefined },
  'verify-full': { rejectUnauthorized: true },
} as const;

/** Whoever names the authority wants it to be asked: as libpq has it, `require` is `verify-ca` then. */
function checkOf({ sslmode, sslrootcert }: PostgresAddress): keyof typeof checks {
  if (sslmode === 'disable') return 'require';
  return sslmode === 'require' && sslrootcert !== undefined ? 'verify-ca' : sslmode;
}

function certificatesOf({ sslrootcert }: PostgresAddress): { ca?: string } {
  if (sslrootcert === undefined) return {};
  try {
    return { ca: readFileSync(sslrootcert, 'utf8') };
  } catch (error) {
    throw new StartError(`RR_DATABASE: the file of sslrootcert cannot be read (${(error as Error).message}).`);
  }
}

/**
 * Said on each new connection: what is promised is on disk, also where somebody has set the database to be quicker than that.
 * What waits for standbys as well stays as it is.
 */
export const durable = `select set_config('synchronous_commit', 'on', false)
  where current_setting('synchronous_commit') = 'off'`;

const oldest = 15;

interface ServerRow {
  readonly version: string;
  readonly number: string;
  readonly encoding: string;
  /** `on`: it follows another server, and cannot be written. */
  readonly standby: string | null;
  /** Where tables are made. */
  readonly schema: string | null;
  /** Are our tables there, or may they be made? */
  readonly usable: 0 | 1;
}

const look = `select version() as version, current_setting('server_version_num') as number,
  current_setting('server_encoding') as encoding, current_setting('in_hot_standby', true) as standby,
  current_schema() as schema,
  (to_regclass('meta') is not null or has_schema_privilege(current_schema(), 'create')) as usable`;

class Standby extends Error {
  override readonly message = 'it is a standby, which cannot be written; name its primary';
}

/**
 * The first look at a server. @returns whether text columns need a collation of their own to compare by bytes
 * @throws StartError when it does not answer within the patience, or cannot be used
 */
export async function greet(
  pool: pg.Pool,
  address: PostgresAddress,
  patience: number,
  sleep: (milliseconds: number) => Promise<void>,
): Promise<boolean> {
  const at = shownAddress(address);
  const until = performance.now() + patience;
  for (;;) {
    try {
      const { rows } = await pool.query<ServerRow>(look);
      const [server] = rows;
      if (!server) throw new StartError(`The database at ${at} gives no answer that is one of Postgres.`);
      const cockroach = server.version.startsWith('CockroachDB');
      if (!cockroach && Number(server.number) < oldest * 10_000)
        throw new StartError(
          `The database at ${at} is ${server.version.split(' ', 2).join(' ')}; ${oldest} or newer is needed.`,
        );
      if (!/^utf-?8$/i.test(server.encoding))
        throw new StartError(`The database at ${at} is encoded in ${server.encoding}; make one with encoding UTF8.`);
      if (server.standby === 'on') throw new Standby();
      if (server.schema === null)
        throw new StartError(`The database at ${at} has no schema for the connector’s tables: see its search_path.`);
      if (!server.usable) {
        throw new StartError(
          `This user may not make tables in the schema ${server.schema} of the database at ${at}. Make it the database’s owner, ` +
            `or: grant create on schema ${server.schema} to …`,
        );
      }
      return !cockroach;
    } catch (error) {
      if (error instanceof StartError) throw error;
      if (!isPassing(error) || performance.now() >= until) throw new StartError(sentenceOf(error, address));
      await sleep(250);
    }
  }
}

/** Does the server not run yet, or only just? What a certificate or a password refuses, time does not mend. */
function isPassing(error: unknown): boolean {
  // It may be promoted at this very moment.
  if (error instanceof Standby) return true;
  const code = (error as { code?: unknown }).code;
  if (typeof code !== 'string') return error instanceof Error && /^Connection terminated/.test(error.message);
  return /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EAI_AGAIN|ENOENT|57P0\d|53300)$/.test(code);
}

/** For an operator; neither `pg` nor Node.js writes a password into its messages. */
function sentenceOf(error: unknown, address: PostgresAddress): string {
  const at = shownAddress(address);
  const code = error instanceof pg.DatabaseError ? (error.code ?? '') : '';
  if (code.startsWith('28')) return `The database at ${at} does not let this user in. See RR_DATABASE.`;
  if (code === '3D000')
    return `There is no database ${address.database} at ${at}. Make it (createdb), or see RR_DATABASE.`;
  if (error instanceof Standby) return `The database at ${at} cannot be used: ${error.message}. See RR_DATABASE.`;
  // Of several addresses that a name has, each with its own failure, Node.js gives no message.
  const why = (error as Error).message || (error as { code?: string }).code || 'no answer';
  return `The database at ${at} cannot be reached (${why}). See RR_DATABASE.`;
}

/** A number that JavaScript can hold exactly, or none: half a number would be a wrong answer. */
function whole(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && !Number.isSafeInteger(number)) throw new RangeError('A number is too big.');
  return number;
}

/** By the types' object ids (pg_type): bool, int8, int2, int4, float4, float8, and numeric, which a sum of int8 is. */
const parsers: Readonly<Record<number, (text: string) => unknown>> = {
  16: (text) => (text === 't' ? 1 : 0),
  ...{ 20: whole, 21: whole, 23: whole, 700: Number, 701: Number, 1700: whole },
};
const asIs = (text: string) => text;

/** Everything that is no number stays a text; dates and JSON are not used. */
export const getTypeParser = ((oid: number) => parsers[oid] ?? asIs) as typeof pg.types.getTypeParser;
