// The composition: makes every adapter from the settings and hands it to the doors. With main.ts the only place that
// knows them all; a test hands in its own time, randomness and mail.

import { readFileSync } from 'node:fs';
import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import { generatePassword } from '#shared/password.ts';
import type { Config } from './config.ts';
import { createApp } from './http/app.ts';
import { authenticate } from './http/auth.ts';
import type { Job } from './jobs.ts';
import { logger } from './log.ts';
import { mailTransport } from './mail/transports.ts';
import { keyFileOf, type MasterKey, openMasterKey } from './master-key.ts';
import { linkDoor } from './resets/link-routes.ts';
import { pageRoutes } from './resets/page.ts';
import { resetsDoor } from './resets/routes.ts';
import { walk } from './resets/walk.ts';
import { watchers } from './resets/watchers.ts';
import { startWorker, type Worker } from './resets/worker.ts';
import { malformedUrl } from './scim/error.ts';
import { eventsDoor } from './scim/events.ts';
import { readExtensions } from './scim/extension-file.ts';
import { rateOf } from './scim/limits.ts';
import { oauthDoor } from './scim/oauth.ts';
import { scimDoor } from './scim/routes.ts';
import { eventsPath } from './scim/sets.ts';
import { extensionClientId } from './signin/clients.ts';
import { signinDoor } from './signin/door.ts';
import { keysOf } from './signin/keys.ts';
import { apiScope } from './signin/provider.ts';
import { openState, type State, type World } from './state.ts';

const idle: Worker = { wake() {}, async stop() {} };

/** A connector with its doors; `listen` opens them. */
export interface Connector {
  readonly state: State;
  readonly key: MasterKey;
  readonly app: FastifyInstance;
  /** Serves the link page alone, when RR_LINK_LISTEN says so. */
  readonly linkApp?: FastifyInstance;
  readonly worker: Worker;
  /** Walks one claimed job; what the worker does. */
  readonly walk: (job: Job) => Promise<void>;
  close(): Promise<void>;
}

/**
 * Puts a connector together; its worker is running, its doors are not open yet.
 * @throws ExtensionError before anything is opened
 */
export async function makeConnector(config: Config, world: World): Promise<Connector> {
  const extensions = config.scimExtensions === undefined ? [] : readExtensions(config.scimExtensions);
  const state = await openState(config, world);
  const { sql, publicUrl, directoryOf } = state;
  const { now, random } = world;
  const log = world.log ?? logger(config.logLevel);
  const key = await openMasterKey(sql, config.secretKey, keyFileOf(config.database, world.env));
  const { keyring } = key;
  const mail =
    world.mail ?? mailTransport(config.mail.reveal(), { random, now, clientName: new URL(publicUrl).hostname });
  const linkHost = config.linkUrl ?? publicUrl;
  const watching = watchers();
  const context = { sql, tenants: state.tenants, keyring, now, random, log, watchers: watching };
  const walkDeps = { ...context, directoryOf, mailOf: () => mail, scramblePassword: () => generatePassword(random) };
  const walking = (job: Job) => walk(walkDeps, job);
  const worker = world.still ? idle : startWorker({ sql, now, log, walk: walking });
  const workerOf = () => worker;

  const tls =
    config.tlsCert && config.tlsKey
      ? { cert: readFileSync(config.tlsCert, 'utf8'), key: readFileSync(config.tlsKey, 'utf8') }
      : undefined;
  const link: FastifyPluginAsync = async (app) => {
    await app.register(pageRoutes());
    await app.register(
      linkDoor({ ...context, linkHost, worker: workerOf, signInUrl: (tenant) => `${tenant.issuer}/account` }),
    );
  };
  const shared = {
    log,
    ...(tls ? { tls } : {}),
    trustedProxies: config.trustedProxies,
    ready: async () => (await sql.get`select 1 as one`) !== undefined,
  };
  const keys = keysOf({ sql, keyring, now, random });
  const passwords = { hashing: state.hashing, tenantOf: state.tenants.byId };
  const rate = rateOf(config.scimRate);
  const app = await createApp({
    ...shared,
    badUrl: { '/scim/v2': malformedUrl },
    doors: {
      '/scim/v2': scimDoor({ sql, now, random, log, keyring, publicUrl, rate, extensions, passwords }),
      '/scim/oauth': oauthDoor({ sql, now, random, log, publicUrl, fetch: world.fetch ?? fetch }),
      [eventsPath]: eventsDoor({ sql, tenants: state.tenants, keyring, now, log, publicUrl, rate }),
      '/api': resetsDoor({
        ...context,
        directoryOf,
        authenticate: (authorization) => authenticate({ tenants: state.tenants, keysOf: keys, now }, authorization),
        worker: workerOf,
        linkHost,
        extensionClientId,
        scopes: [apiScope],
        extensionIds: config.extensionIds,
        ...(world.pinIterations === undefined ? {} : { pinIterations: world.pinIterations }),
      }),
      '/r': link,
      '/signin': signinDoor({
        ...context,
        hashing: state.hashing,
        directory: directoryOf,
        publicUrl,
        extensionIds: config.extensionIds,
      }),
    },
  });
  const linkApp = config.linkListen ? await createApp({ ...shared, doors: { '/r': link } }) : undefined;
  return {
    state,
    key,
    app,
    ...(linkApp ? { linkApp } : {}),
    worker,
    walk: walking,
    async close() {
      await app.close();
      await linkApp?.close();
      await worker.stop();
      await mail.close();
      await sql.close();
    },
  };
}
