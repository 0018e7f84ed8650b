// The composition: makes every adapter from the settings and hands it to the doors. With main.ts the only place that
// knows them all; a test hands in its own time, randomness and mail.

import { randomUUID } from 'node:crypto';
import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import { generatePassword } from '#shared/password.ts';
import { Problem } from '#shared/problem.ts';
import type { Config } from './config.ts';
import type { Acting } from './directory/directory.ts';
import { graphTenant } from './entra/clouds.ts';
import { canonicalAddress } from './graph/address.ts';
import { graphDoor, malformedAddress } from './graph/door.ts';
import { createApp } from './http/app.ts';
import { authenticate } from './http/auth.ts';
import { issuerKeys, keysByDirectory } from './http/issuer-keys.ts';
import { readTls } from './http/tls.ts';
import { holdKeys, type KeyHolding } from './key-holding.ts';
import { rotate } from './key-rotation.ts';
import { nodeCryptography } from './link-cryptography.ts';
import { type Logger, logger } from './log.ts';
import { graphMail, graphMailbox } from './mail/graph.ts';
import type { Mail } from './mail/mail.ts';
import { mailTransport } from './mail/transports.ts';
import { keyFileOf, type MasterKey, openMasterKey } from './master-key.ts';
import { linkDoor } from './resets/link-routes.ts';
import { pageRoutes } from './resets/page.ts';
import { resetsDoor } from './resets/routes.ts';
import type { Taken } from './resets/take.ts';
import { walk } from './resets/walk.ts';
import { type Watchers, watchers } from './resets/watchers.ts';
import { startWorker, type Worker } from './resets/worker.ts';
import { eventLoop } from './scheduler.ts';
import { malformedUrl } from './scim/error.ts';
import { eventsDoor } from './scim/events.ts';
import { readExtensions } from './scim/extension-file.ts';
import { rateOf } from './scim/limits.ts';
import { oauthDoor } from './scim/oauth.ts';
import { scimDoor } from './scim/routes.ts';
import { eventsPath } from './scim/sets.ts';
import { type Sealer, startSealer } from './sealer.ts';
import { signinDoor } from './signin/door.ts';
import { keysOf } from './signin/keys.ts';
import { schema } from './sql/migrate.ts';
import { keepReserve, noReserve, type Reserve, urgent } from './sql/reserve.ts';
import { StartError } from './start-error.ts';
import { describeTenant, openState, portalOf, type State, signInOf, type World } from './state.ts';
import { uuidv4 } from './store/uuid.ts';
import { type Sweeper, startSweeper } from './sweeper.ts';
import type { Tenant } from './tenant.ts';
import { fileMark, markFileOf } from './witness/mark.ts';
import { type Found, openWitness, type Witness } from './witness/witness.ts';

const idle: Worker = { wake() {}, async stop() {} };
/** How long a mail that is on its way may take when the connector is asked to end, in milliseconds. */
const grace = 5000;

/** A connector with its doors: they are opened, then the work is started. */
export interface Connector {
  readonly state: State;
  readonly key: MasterKey;
  /** What the start has found out about the database's history. */
  readonly history: Omit<Found, 'witness'> & { readonly file?: string };
  readonly app: FastifyInstance;
  /** Serves the link page alone, when RR_LINK_LISTEN says so. */
  readonly linkApp?: FastifyInstance;
  /** This connector's word of its keys, where others may serve too. */
  readonly holding?: KeyHolding;
  /** Begins to walk what is due, and to chain the record; the last thing that a start does. */
  start(): void;
  /** Walks one reset that was taken; what the worker does. */
  readonly walk: (taken: Taken) => Promise<void>;
  /** Closes the doors, lets what is under way come to its end (a mail for 5 s at most), then closes the rest. */
  close(): Promise<void>;
}

/**
 * Puts a connector together: nothing walks and no door is open yet. Only for whoever holds the serving lock, since it
 * describes tenant `default` anew and seals under the first key.
 * @throws StartError, KeyError, ExtensionError with a sentence for the operator; nothing is left running
 */
export async function makeConnector(
  config: Config,
  world: World,
  options: { readonly restored?: boolean } = {},
): Promise<Connector> {
  // What a start can trip over is read first; what has been opened is closed again, in reverse order, when one fails.
  const tls = readTls(config.tlsCert, config.tlsKey);
  const extensions = config.scimExtensions === undefined ? [] : readExtensions(config.scimExtensions);
  await using parts = new AsyncDisposableStack();
  const state = await openState(config, world);
  const { sql, publicUrl, directoryOf } = state;
  parts.defer(() => sql.close());
  const { now, random } = world;
  const log = world.log ?? logger(config.logLevel);
  const scheduler = eventLoop;
  const opened = await openMasterKey(sql, config.secretKey, keyFileOf(config.database, world.env));
  const { migrations } = world.schema ?? schema;
  const id = Buffer.from(random(12)).toString('base64url');
  // Others may serve too: what this one seals they must be able to open.
  const holding =
    config.database.engine === 'postgres'
      ? await holdKeys({ ...{ sql, id, now, scheduler, log, keyring: opened.keyring }, schema: migrations.length })
      : undefined;
  parts.defer(() => holding?.stop());
  const key = { ...opened, keyring: holding?.keyring ?? opened.keyring };
  const { keyring } = key;
  // Of the tenant of the settings: what is wrong with its credential is said now.
  const [tenant] = await state.tenants.all();
  if (tenant && graphTenant(config.directory)) state.graphOf({ ...tenant, directory: config.directory });
  const mailbox = graphMailbox(config.mail.reveal());
  const mail = world.mail ?? (mailbox === undefined ? mailOf(config, world, publicUrl) : undefined);
  const mailFor = (tenant: Tenant, acting: Acting): Mail => {
    const graph = state.graphOf(tenant);
    if (mail) return mail;
    if (!graph || mailbox === undefined) throw new Problem('directoryMisconfigured', { reason: 'RR_MAIL' });
    return graphMail(graph, mailbox, acting);
  };
  parts.defer(() => mail?.close());
  if (!holding) await rotate(sql, keyring, now(), log);
  await refuseSwitch(state, config.directory);
  await describeTenant(state, now);

  const linkHost = config.linkUrl ?? publicUrl;
  const reserve = world.reserve ?? reserveOf(config, world, log);
  parts.defer(() => reserve.close());
  const urgentSql = urgent(sql, reserve);
  const store = world.mark ?? (world.sql ? undefined : fileMark(markFileOf(config.database, world.env)));
  const { witness, ...history } = await openWitness({
    ...{ sql, now, log, uuid: () => uuidv4(random(16)) },
    ...(store ? { store } : {}),
    ...(options.restored ? { restored: true } : {}),
  });
  parts.defer(() => witness.settle());
  const watching = noting(watchers(sql.signals), witness);
  const cryptography = nodeCryptography();
  const context = {
    ...{ sql, tenants: state.tenants, keyring, now, random, log, watchers: watching },
    ...{ cryptography, scheduler, witness },
  };
  const walkDeps = { ...context, directoryOf, mailOf: mailFor, scramblePassword: () => generatePassword(random) };
  const walking = (taken: Taken) => walk(walkDeps, taken);
  let sealer: Sealer | undefined;
  let sweeper: Sweeper | undefined;
  // After the worker, whose last steps are recorded as well.
  parts.defer(() => sealer?.stop());
  parts.defer(() => sweeper?.stop());
  let worker = idle;
  const workerOf = () => worker;
  parts.defer(async () => {
    // A server that says nothing would hold a mail for a minute. Cut off, its outcome is unknown, and it is sent again.
    const cut = setTimeout(() => mail?.close(), grace);
    await worker.stop();
    clearTimeout(cut);
  });

  const link: FastifyPluginAsync = async (app) => {
    await app.register(pageRoutes());
    await app.register(
      linkDoor({
        ...context,
        sql: urgentSql,
        linkHost,
        worker: workerOf,
        signInUrl: (tenant) => portalOf(config, tenant),
      }),
    );
  };
  const shared = {
    log,
    ...(tls ? { tls } : {}),
    trustedProxies: config.trustedProxies,
    ready: async () => holding?.holds() !== false && (await sql.get`select 1 as one`) !== undefined,
  };
  const keys = keysByDirectory({
    embedded: keysOf({ sql, keyring, now, random }),
    remote: issuerKeys({ fetch: world.fetch ?? fetch, now, log }),
  });
  const linkApp = config.linkListen ? await createApp({ ...shared, doors: { '/r': link } }) : undefined;
  parts.defer(() => linkApp?.close());
  const passwords = { hashing: state.hashing, tenantOf: state.tenants.byId };
  const rate = rateOf(config.scimRate);
  const app = await createApp({
    ...shared,
    badUrl: { '/scim/v2': malformedUrl, '/v1.0': malformedAddress({ now, random }) },
    readUrl: { '/v1.0': canonicalAddress },
    doors: {
      '/v1.0': whileRoom(
        reserve,
        graphDoor({
          ...context,
          directory: (tenant) => directoryOf(tenant, { kind: 'connector' }),
          keysOf: keys,
          hashing: state.hashing,
          mailOf: (tenant) => mailFor(tenant, { kind: 'connector' }),
          publicUrl,
          rate,
        }),
      ),
      '/scim/v2': whileRoom(
        reserve,
        scimDoor({ sql, now, random, log, keyring, publicUrl, rate, extensions, passwords }),
      ),
      '/scim/oauth': oauthDoor({ sql, now, random, log, publicUrl, fetch: world.fetch ?? fetch }),
      [eventsPath]: eventsDoor({ sql, tenants: state.tenants, keyring, now, log, publicUrl, rate }),
      '/api': whileRoom(
        reserve,
        resetsDoor({
          ...context,
          directoryOf,
          authenticate: (authorization) => authenticate({ tenants: state.tenants, keysOf: keys, now }, authorization),
          worker: workerOf,
          linkHost,
          signInOf: (tenant) => signInOf(config, tenant),
          extensionIds: config.extensionIds,
          ...(world.pinIterations === undefined ? {} : { pinIterations: world.pinIterations }),
        }),
        /\/(cancel|kill|grant)$/,
      ),
      '/r': link,
      '/signin': signinDoor({
        ...context,
        sql: urgentSql,
        fetch: world.fetch ?? fetch,
        hashing: state.hashing,
        directory: (tenant) => directoryOf(tenant, { kind: 'connector' }),
        publicUrl,
        extensionIds: config.extensionIds,
      }),
    },
  });
  parts.defer(() => app.close());

  const made = parts.move();
  return {
    state,
    key,
    history: { ...history, ...(store ? { file: store.where } : {}) },
    app,
    ...(linkApp ? { linkApp } : {}),
    ...(holding ? { holding } : {}),
    start() {
      if (worker !== idle) return;
      sealer = startSealer({ sql, holder: randomUUID(), now, scheduler, log });
      sweeper = startSweeper({ sql, now, scheduler, log });
      // Of the room that is kept for a full disk nothing is begun.
      const mayWork = () => holding?.holds() !== false && !reserve.low;
      worker = startWorker({ sql, now, log, scheduler, walk: walking, mayWork });
      holding?.start(() => worker.wake());
    },
    walk: walking,
    close: () => made.disposeAsync(),
  };
}

/**
 * A door that begins nothing new while the reserve is given up: what is there is for links that are opened.
 * @param urgentRoute what may be asked all the same
 */
function whileRoom(reserve: Reserve, door: FastifyPluginAsync, urgentRoute?: RegExp): FastifyPluginAsync {
  return async (app) => {
    app.addHook('onRequest', async (request) => {
      const reads = ['GET', 'HEAD', 'OPTIONS'].includes(request.method);
      if (!reserve.low || reads || urgentRoute?.test(request.routeOptions.url ?? '')) return;
      throw new Problem('unavailable', { reason: 'database' });
    });
    await app.register(door);
  };
}

/** Only a file has a disk of ours to keep room on. */
function reserveOf({ database }: Config, world: World, log: Logger): Reserve {
  return world.sql || database.engine !== 'sqlite' ? noReserve : keepReserve(database.file, { log });
}

/** Whatever moves a reset tells the watchers: by that it is also remembered outside that the database has moved on. */
function noting(watching: Watchers, witness: Witness): Watchers {
  return {
    ...watching,
    changed(tenant, userId) {
      witness.note();
      watching.changed(tenant, userId);
    },
  };
}

/**
 * What a reset has changed in one directory cannot be undone in another.
 * @throws StartError while resets on the directory of before are not finished
 */
async function refuseSwitch({ sql, tenants }: State, directory: string): Promise<void> {
  const before = await tenants.byId('default');
  if (!before || before.directory === directory) return;
  const row = await sql.get<{ unfinished: number }>`select count(*) as unfinished from reset where tenant = 'default'
    and (scramble = 1 or (state = 'done' and changed = 0 and force_change = 1)
      or state in ('requested', 'prepared', 'mailing', 'mailed', 'changing', 'ready', 'leased'))`;
  if (!row || row.unfinished === 0) return;
  const many = row.unfinished === 1 ? '1 reset is' : `${row.unfinished} resets are`;
  throw new StartError(
    `RR_DIRECTORY was ${before.directory}, and ${many} not finished there. Start with RR_DIRECTORY=${before.directory} until ` +
      'they have ended, or stop them in the dialog; then switch.',
  );
}

/** @throws StartError when RR_MAIL cannot be used */
function mailOf(config: Config, { random, now }: World, publicUrl: string): Mail {
  try {
    return mailTransport(config.mail.reveal(), { random, now, clientName: new URL(publicUrl).hostname });
  } catch (error) {
    // A sentence of its own that never repeats the address, which may hold a password.
    throw new StartError(`RR_MAIL: ${(error as Error).message}`);
  }
}
