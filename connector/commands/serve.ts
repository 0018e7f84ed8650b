// `serve`: opens the doors, says in a few lines where they are, and closes them in order on a signal.

import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Config } from '../config.ts';
import type { Listen } from '../config-values.ts';
import { type Connector, makeConnector } from '../connector.ts';
import { graphTenant } from '../entra/clouds.ts';
import { eventLoop } from '../scheduler.ts';
import { refuseDamaged } from '../sql/damage.ts';
import { leftFor } from '../sql/move-record.ts';
import { breakLeases, takeServingLock } from '../sql/serving.ts';
import type { Sql } from '../sql/sql.ts';
import { StartError } from '../start-error.ts';
import { canSignIn, isEmpty, type World } from '../state.ts';

async function open(app: FastifyInstance, setting: string, at: Listen): Promise<string> {
  try {
    await app.listen({ host: at.host, port: at.port });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const where = `${at.host}:${at.port}`;
    if (code === 'EADDRINUSE')
      throw new StartError(`${where} is taken by another program. Set ${setting} to a free port.`);
    if (code === 'EACCES') throw new StartError(`This user may not listen on ${where}. Take a port above 1023.`);
    if (code === 'EADDRNOTAVAIL') throw new StartError(`${where} is not an address of this machine. See ${setting}.`);
    throw error;
  }
  const { address, port, family } = app.server.address() as AddressInfo;
  return `${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

/** What an operator must know of a database that may be a copy from earlier; see docs/backup.md. */
function historyLines({ history, ended, file, unprotected }: Connector['history']): string[] {
  const lines: string[] = [];
  if (history === 'restored') {
    const many = ended === 1 ? '1 reset that was' : `${ended} resets that were`;
    lines.push(
      'Database:   restored from a backup: it is older than what this connector has done since.',
      `            Ended: ${many} under way then. No mail was repeated, no password set again; send anew in the dialog.`,
    );
  }
  if (history === 'unknown' && file !== undefined) {
    lines.push(
      `Database:   its mark ${file} was not there; made now. If this database was restored from a backup,`,
      '            stop and start once with: serve --restored',
    );
  }
  if (unprotected !== undefined) {
    lines.push(`Database:   no mark can be kept (${unprotected}): a restored backup would not be noticed.`);
  }
  return lines;
}

/** Resolves with a sentence once this database has been left for another one: what is read here is out of date from then on. */
function leaving(sql: Sql, parts: AsyncDisposableStack): Promise<string> {
  return new Promise((resolve) => {
    let over = false;
    let forget = () => {};
    const look = async () => {
      // A database that gives no answer is no news here.
      const left = await leftFor(sql).catch(() => undefined);
      if (left !== undefined) resolve(left);
      else if (!over) forget = eventLoop.after(lookForMove, look);
    };
    parts.defer(() => {
      over = true;
      forget();
    });
    void look();
  });
}

/** How often a connector looks whether its database has been left for another one, in milliseconds. */
const lookForMove = 1000;

/**
 * Runs until `stop` resolves. Lines for people go to `say`, the log to standard output. `restored`: the operator says that
 * the database is a copy from earlier.
 * @throws StartError, KeyError with a sentence for the operator
 */
export async function serve(
  config: Config,
  world: World,
  io: { say: (line: string) => void; stop: Promise<unknown> },
  options: { readonly restored?: boolean } = {},
): Promise<void> {
  // Closed in reverse order, whatever happens: the lock is given back last.
  await using parts = new AsyncDisposableStack();
  // A Postgres database is served by as many connectors as one likes.
  const alone = config.database.engine === 'sqlite';
  if (config.database.engine === 'sqlite') {
    const lock = takeServingLock(config.database.file);
    if (!lock) throw new StartError('Another connector is already serving this database.');
    parts.defer(() => lock.release());
    refuseDamaged(config.database.file);
  }
  const connector = await makeConnector(config, world, options);
  parts.defer(() => connector.close());
  const { sql, publicUrl } = connector.state;
  const { key } = connector;
  if (key.file) io.say(`Master key: ${key.file}${key.made ? ' (made now; back it up apart from the database)' : ''}`);
  for (const line of historyLines(connector.history)) io.say(line);
  const at = await open(connector.app, 'RR_LISTEN', config.listen);
  io.say(`Connector:  ${publicUrl} (listening on ${at})`);
  if (connector.linkApp && config.linkListen) {
    const there = await open(connector.linkApp, 'RR_LINK_LISTEN', config.linkListen);
    io.say(`Link page:  ${config.linkUrl ?? publicUrl} (listening on ${there})`);
  }
  if (!canSignIn(config)) {
    io.say(
      'Sign-in:    browsers need https: set RR_TLS_CERT and RR_TLS_KEY, or RR_PUBLIC_URL behind a proxy that speaks it.',
    );
  }
  if (graphTenant(config.directory)) io.say(`Directory:  ${config.directory}`);
  else if (await isEmpty(sql)) {
    io.say('Directory:  empty. First administrator:');
    io.say('            node connector/main.ts user create --user-name you@example.com --display-name "You" \\');
    io.say('              --role "Global Administrator"');
  }
  // Last: whatever a start trips over, it has touched nothing. Where others may serve too, their leases are theirs.
  if (alone) await breakLeases(sql, world.now());
  connector.start();
  const left = await Promise.race([io.stop.then(() => undefined), leaving(sql, parts)]);
  io.say('Closing.');
  if (left !== undefined) throw new StartError(left);
}
