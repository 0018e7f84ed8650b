// Where a database is: the value of RR_DATABASE, `sqlite:FILE` or `postgres://USER:PASSWORD@HOST/NAME?sslmode=…` (libpq's
// connection URI). Read strictly: what is not understood is refused, since a word that is passed over could be the one
// that asks for encryption.

import { resolve } from 'node:path';
import { Secret } from '../secret.ts';

export interface SqliteAddress {
  readonly engine: 'sqlite';
  readonly file: string;
}

export interface PostgresAddress {
  readonly engine: 'postgres';
  /** A name, an IP address, or the folder of a Unix socket (then it begins with `/`). */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password?: Secret;
  /** libpq's words; `allow` and `prefer` are not among them, as they fall back to plain text without a word. */
  readonly sslmode: SslMode;
  /** File with the certificates (PEM) of whoever signs the server's; without it those that Node.js trusts. */
  readonly sslrootcert?: string;
}

export type DatabaseAddress = SqliteAddress | PostgresAddress;

const sslModes = ['disable', 'require', 'verify-ca', 'verify-full'] as const;
export type SslMode = (typeof sslModes)[number];

const nowhere = 'nowhere.invalid';
const form = 'is neither sqlite:FILE nor postgres://USER:PASSWORD@HOST/NAME';

/** @throws RangeError with the end of a sentence that begins with the setting's name; it never repeats the value */
export function parseDatabaseAddress(text: string): DatabaseAddress {
  if (/^sqlite:./.test(text)) return { engine: 'sqlite', file: resolve(text.slice('sqlite:'.length)) };
  if (/^postgres(ql)?:\/\//.test(text)) return postgresAddress(text);
  throw new RangeError(form);
}

/** @throws RangeError */
function postgresAddress(text: string): PostgresAddress {
  // libpq's form for a Unix socket has a user before no host, which the WHATWG's URLs do not know.
  const url = URL.parse(text.replace(/^(\w+:\/\/(?:[^/?#@]*@)?)(?=\/)/, `$1${nowhere}`));
  if (!url) throw new RangeError(form);
  const known = ['host', 'port', 'sslmode', 'sslrootcert'];
  const strange = [...url.searchParams.keys()].find((name) => !known.includes(name));
  if (strange !== undefined) throw new RangeError(`takes ${known.join(', ')} after “?”, and nothing else`);
  // libpq takes the last, URLs the first: whichever is passed over could be the one that asks for encryption.
  const twice = known.find((name) => url.searchParams.getAll(name).length > 1);
  if (twice !== undefined) throw new RangeError(`says ${twice} twice`);
  const named = url.hostname === nowhere ? '' : decoded(url.hostname.replace(/^\[(.*)\]$/, '$1'));
  const host = url.searchParams.get('host') ?? named;
  const port = Number(url.searchParams.get('port') ?? (url.port || 5432));
  const [user, password, database] = [url.username, url.password, url.pathname.slice(1)].map(decoded);
  if (!user) throw new RangeError('names no user: postgres://USER@HOST/NAME');
  if (!database || database.includes('/')) throw new RangeError('names no database: postgres://USER@HOST/NAME');
  if (host === '') throw new RangeError('names no host: postgres://USER@HOST/NAME, or ?host=FOLDER for a Unix socket');
  if (!(Number.isInteger(port) && port > 0 && port < 65_536)) throw new RangeError('has a port that is none');
  const here = host.startsWith('/') || /^(127(\.\d{1,3}){3}|localhost|::1)$/i.test(host);
  const sslmode = url.searchParams.get('sslmode') ?? (here ? 'disable' : 'verify-full');
  if (!isSslMode(sslmode)) throw new RangeError(`has an sslmode that is none of ${sslModes.join(', ')}`);
  const sslrootcert = url.searchParams.get('sslrootcert') ?? undefined;
  return {
    ...{ engine: 'postgres', host, port, database, user, sslmode },
    ...(password ? { password: new Secret(password) } : {}),
    ...(sslrootcert === undefined ? {} : { sslrootcert }),
  };
}

function isSslMode(text: string): text is SslMode {
  return (sslModes as readonly string[]).includes(text);
}

/** @throws RangeError */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new RangeError('has a % that begins no %XX');
  }
}

/** The address as people and logs may see it: of Postgres without the user's name and password. */
export function shownAddress(address: DatabaseAddress): string {
  if (address.engine === 'sqlite') return address.file;
  const { host, port, database, sslmode } = address;
  const at = host.startsWith('/') ? '' : `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const more = host.startsWith('/') ? `host=${host}&port=${port}&` : '';
  return `postgres://${at}/${database}?${more}sslmode=${sslmode}`;
}
