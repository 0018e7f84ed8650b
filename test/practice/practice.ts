// The practice as a whole: connector, mailboxes, inbox page and admin center, started in order and ended in the reverse.
// `npm start` shows it to a person, the end-to-end tests use it as their world.

import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { people, type SampleUser, stranger } from '../people.ts';
import { portalHosts, startPortal } from '../portal/portal.ts';
import { tryLock } from '../set-up/lock.mjs';
import { fileTrouble, Trouble } from '../set-up/trouble.mjs';
import { type Certificate, certificate } from './certificate.ts';
import { startCloud } from './cloud.ts';
import { type ConnectorProcess, connectorProcess } from './connector.ts';
import { type Inbox, startInbox } from './inbox.ts';
import { type MailServer, startMailServer } from './mail-server.ts';
import { type Organisation, openOrganisation } from './organisation.ts';
import { expectFreePort } from './ports.ts';

export interface PracticeOptions {
  /** Of the project. */
  readonly root: string;
  /** Where the practice keeps what it makes. */
  readonly folder: string;
  readonly port: number;
  /** 0: any free one. */
  readonly inboxPort: number;
  /** Forget what an earlier practice in this folder has made. */
  readonly fresh?: boolean;
  /** The port of a Microsoft 365 tenant to work on, played by a second connector; absent: the embedded directory. */
  readonly cloudPort?: number;
  readonly say: (line: string) => void;
  readonly signal?: AbortSignal;
}

export interface Practice extends AsyncDisposable {
  readonly folder: string;
  readonly certificate: Certificate;
  readonly connector: ConnectorProcess;
  /** Origin of the sign-in. */
  readonly signIn: string;
  readonly mails: MailServer;
  readonly inbox: Inbox;
  readonly organisation: Organisation;
  /** For startBrowser: which port answers for which host. */
  readonly hosts: Readonly<Record<string, number>>;
}

/** The address that a person types for the list of users. */
export const usersPage = 'https://admin.cloud.microsoft/?#/users';

/**
 * Starts it all on loopback.
 * @throws Trouble with a sentence; whatever had been started by then is ended
 */
export async function startPractice(options: PracticeOptions): Promise<Practice> {
  const { root, folder, port, inboxPort, cloudPort, fresh, say, signal } = options;
  await using started = new AsyncDisposableStack();
  const lock = await tryLock(`${folder}.lock`).catch((error: unknown) => {
    throw fileTrouble(error, folder);
  });
  if (typeof lock !== 'function') {
    throw new Trouble(`The practice is already running in this folder (process ${lock.pid ?? 'unknown'}).`);
  }
  started.defer(lock);

  await expectFreePort(port, 'the connector', '--port');
  if (inboxPort !== 0) await expectFreePort(inboxPort, 'the inbox page', '--inbox-port');
  if (fresh) await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw fileTrouble(error, folder);
  });
  const tls = await certificate(folder);
  // This process alone trusts it from here on, to talk to the connector as any client would.
  setDefaultCACertificates([...getCACertificates('default'), tls.cert]);

  const mails = started.use(await startMailServer({ folder: join(folder, 'mail') }));
  const inbox = started.use(await startInbox({ mails, port: inboxPort }));
  const place = { root, folder, certificate: tls, mailPort: mails.port };
  const cloud =
    cloudPort === undefined ? undefined : started.use(await startCloud({ ...place, port: cloudPort }, say, signal));
  const connector = started.use(await connectorProcess({ ...place, port, ...(cloud ? { env: cloud.env } : {}) }));
  if (cloud) await connector.serve(signal);
  const organisation = cloud?.organisation ?? (await openOrganisation(connector, folder, say, signal));
  const rows = [...people, stranger].map((user) => portalPerson(user, organisation));
  const portal = await startPortal({ people: rows, key: tls.key, cert: tls.cert });
  started.defer(() => portal.close());
  signal?.throwIfAborted();

  const whole = started.move();
  return {
    ...{ folder, certificate: tls, connector, mails, inbox, organisation },
    signIn: (cloud?.process ?? connector).url,
    hosts: Object.fromEntries(portalHosts.map((host) => [host, portal.port])),
    [Symbol.asyncDispose]: () => whole.disposeAsync(),
  };
}

/** A row of the admin center: the same object ids, as the two would be in sync. */
function portalPerson(user: SampleUser, organisation: Organisation) {
  return {
    id: organisation.ids[user.userName] ?? '00000000-0000-4000-8000-00000000f0f0',
    displayName: user.displayName,
    userPrincipalName: user.userName,
    ...(user.active ? { licenses: 'Microsoft 365 E3' } : {}),
  };
}
