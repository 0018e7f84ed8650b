// The settings, as one table: name, what it is for, default, secret or not, parser. Read once, frozen. Every secret can
// also come from a file named by NAME_FILE. The environment describes the process and tenant `default` only.

import { isAddress, parseAddress } from '#shared/address.ts';
import {
  clientId,
  cloud,
  count,
  database,
  directory,
  domains,
  extensionIds,
  graphAs,
  hours,
  isLoopback,
  level,
  listen,
  mail,
  mailFrom,
  type Parse,
  pin,
  proxies,
  refuse,
  SettingError,
  secretKey,
  text,
  timeZone,
  url,
  yesNo,
} from './config-values.ts';
import { graphTenant } from './entra/clouds.ts';
import { Secret } from './secret.ts';
import { parseDatabaseAddress, shownAddress } from './sql/address.ts';
import { defaultPolicy, type Policy } from './tenant.ts';

interface Setting<T> {
  readonly env: string;
  readonly about: string;
  readonly parse: Parse<T>;
  /** As it would be written in the environment; undefined: not set. */
  readonly default?: string;
  readonly secret?: true;
}

function setting<T>(env: string, about: string, parse: Parse<T>): Setting<T | undefined>;
function setting<T>(env: string, about: string, parse: Parse<T>, fallback: string, more?: { secret: true }): Setting<T>;
function setting<T>(
  env: string,
  about: string,
  parse: Parse<T>,
  fallback?: string,
  more?: { secret: true },
): Setting<T> {
  return { env, about, parse, ...(fallback === undefined ? {} : { default: fallback }), ...more };
}
function secret<T>(env: string, about: string, parse: Parse<T>): Setting<T | undefined> {
  return { env, about, parse, secret: true };
}

const hourText = (seconds: number) => String(seconds / 3600);

/** Every setting there is, in the order in which `check` and the README show them. */
export const settings = {
  listen: setting('RR_LISTEN', 'Address and port of the connector', listen, '127.0.0.1:8787'),
  publicUrl: setting('RR_PUBLIC_URL', 'Its address as browsers see it; default: RR_LISTEN', url),
  tlsCert: setting('RR_TLS_CERT', 'File with the certificate chain (PEM)', text),
  tlsKey: setting('RR_TLS_KEY', 'File with its private key (PEM)', text),
  linkListen: setting('RR_LINK_LISTEN', 'A second address that serves the link page (/r) alone', listen),
  linkUrl: setting('RR_LINK_URL', 'The link page’s address as recipients see it; default: RR_PUBLIC_URL', url),
  trustedProxies: setting('RR_TRUSTED_PROXIES', 'Addresses whose X-Forwarded-For is believed', proxies, ''),
  secretKey: secret(
    'RR_SECRET_KEY',
    'Master key: base64 of 32 bytes; a comma list rotates (the first seals)',
    secretKey,
  ),
  database: setting(
    'RR_DATABASE',
    'Where the connector keeps its state: sqlite:FILE or postgres://USER:PASSWORD@HOST/NAME',
    database,
    'sqlite:./data/connector.db',
    { secret: true },
  ),
  targetDatabase: secret('RR_TARGET_DATABASE', 'Where migrate-database moves the state to, as RR_DATABASE', database),
  directory: setting('RR_DIRECTORY', 'Where passwords are changed: embedded or graph://TENANT', directory, 'embedded'),
  cloud: setting('RR_CLOUD', 'Microsoft’s cloud: global, usgov, dod, china, or ISSUER GRAPH', cloud, 'global'),
  clientId: setting('RR_CLIENT_ID', 'The connector’s app registration in Entra', clientId),
  clientSecret: secret('RR_CLIENT_SECRET', 'Its secret', (value) => new Secret(value)),
  clientCert: setting('RR_CLIENT_CERT', 'Or its certificate, a file (PEM)', text),
  clientKey: setting('RR_CLIENT_KEY', 'File with the certificate’s private key (PEM)', text),
  extensionClientId: setting('RR_EXTENSION_CLIENT_ID', 'The extension’s app registration in Entra', clientId),
  graphAs: setting('RR_GRAPH_AS', 'With whose right Graph is asked: admin (on behalf of) or app', graphAs, 'admin'),
  mail: setting(
    'RR_MAIL',
    'How mail leaves: smtp://, smtps://, graph:// with a shared mailbox, or folder: on loopback',
    mail,
    'folder:./data/mail',
    { secret: true },
  ),
  mailFrom: setting(
    'RR_MAIL_FROM',
    'Sender of the mails; with RR_MAIL=graph:// that mailbox',
    mailFrom,
    'Reset & Resend <no-reply@localhost.localdomain>',
  ),
  organisation: setting('RR_ORGANISATION', 'The organisation’s name, as people read it', text, 'Our organisation'),
  domains: setting('RR_DOMAINS', 'Its mail domains', domains, ''),
  federatedDomains: setting('RR_FEDERATED_DOMAINS', 'Those of them whose people sign in elsewhere', domains, ''),
  support: setting('RR_SUPPORT', 'Whom a recipient asks: a sentence, a phone number or an address', text),
  home: setting('RR_HOME', 'Where a person goes once the new password works', url),
  timeZone: setting('RR_TIME_ZONE', 'Time zone in which mails tell the time', timeZone, 'UTC'),
  extensionIds: setting('RR_EXTENSION_IDS', 'Ids of the extension that may sign in and call /api', extensionIds, ''),
  mayCreatePassword: setting('RR_POLICY_CREATE_PASSWORD', 'May an admin create the password?', yesNo, 'yes'),
  mayKeepPassword: setting('RR_POLICY_KEEP_PASSWORD', 'May the change at next sign-in be unticked?', yesNo, 'yes'),
  mayTypeRecipient: setting('RR_POLICY_TYPE_RECIPIENT', 'May an address be typed that is not on file?', yesNo, 'yes'),
  mayRemember: setting(
    'RR_POLICY_REMEMBER',
    'May a typed address be put on file once it has proven to be the person’s?',
    yesNo,
    'yes',
  ),
  recipientDomains: setting(
    'RR_POLICY_RECIPIENT_DOMAINS',
    'Typed addresses only in these domains; empty: any',
    domains,
    '',
  ),
  pinForTyped: setting(
    'RR_POLICY_PIN_TYPED',
    'PIN for a typed address: required, on or off',
    pin,
    defaultPolicy.pinForTyped,
  ),
  pinForOnFile: setting('RR_POLICY_PIN_ON_FILE', 'PIN for an address on file', pin, defaultPolicy.pinForOnFile),
  linkLifetime: setting(
    'RR_POLICY_LINK_HOURS',
    'Hours until an unopened link expires',
    hours(0.25, 24),
    hourText(defaultPolicy.linkLifetime),
  ),
  changeLifetime: setting(
    'RR_POLICY_CHANGE_HOURS',
    'Hours from opening until an unchanged password is scrambled',
    hours(0.25, 168),
    hourText(defaultPolicy.changeLifetime),
  ),
  temporaryAccessPass: setting(
    'RR_POLICY_TAP',
    'May a Temporary Access Pass be handed over instead of a password?',
    yesNo,
    'no',
  ),
  passwordMinimum: setting('RR_POLICY_PASSWORD_MINIMUM', 'Shortest password', count(8, 64), '8'),
  scimExtensions: setting('RR_SCIM_EXTENSIONS', 'File with schema extensions for directory sync (JSON)', text),
  scimRate: setting(
    'RR_SCIM_RATE',
    'Requests per second of one sync client, bursts of five times as many; 0: any number',
    count(0, 100_000),
    '0',
  ),
  logLevel: setting('RR_LOG_LEVEL', 'How much is logged', level, 'info'),
} as const;

type SettingName = keyof typeof settings;
type ValueOf<S> = S extends Setting<infer T> ? T : never;
/** The parsed settings. */
export type Config = { readonly [name in SettingName]: ValueOf<(typeof settings)[name]> };

/** One line of `check`: where the value came from, how it may be shown, and what is wrong with it. */
export interface SettingLine {
  readonly env: string;
  readonly about: string;
  readonly shown: string;
  readonly source: 'environment' | 'file' | 'default' | 'not set';
  readonly problem?: string;
}

/**
 * Reads the settings from an environment. Nothing is thrown: what is wrong is in `lines`, and then `config` is absent.
 * @param readFile reads the file behind NAME_FILE
 */
export function readConfig(
  env: Readonly<Record<string, string | undefined>>,
  readFile: (path: string) => string,
): { config?: Config; lines: SettingLine[] } {
  const lines: SettingLine[] = [];
  const values: Record<string, unknown> = {};
  const known = new Set<string>();
  for (const [name, one] of Object.entries(settings) as [SettingName, Setting<unknown>][]) {
    known.add(one.env);
    if (one.secret) known.add(`${one.env}_FILE`);
    const line = { env: one.env, about: one.about };
    let given = env[one.env] || undefined;
    let source: SettingLine['source'] = given === undefined ? 'not set' : 'environment';
    try {
      const file = one.secret ? env[`${one.env}_FILE`] || undefined : undefined;
      if (given === undefined && file !== undefined) {
        source = 'file';
        given = readSecretFile(file, readFile);
      }
      if (given === undefined && one.default !== undefined) {
        source = 'default';
        given = one.default;
      }
      values[name] = given === undefined ? undefined : one.parse(given);
      lines.push({ ...line, source, shown: given === undefined ? '' : one.secret ? hide(given) : given });
    } catch (error) {
      if (!(error instanceof SettingError)) throw error;
      lines.push({
        ...line,
        source,
        shown: one.secret ? '[secret]' : (given ?? ''),
        problem: `${one.env} ${error.message}.`,
      });
    }
  }
  const mailbox = mailboxOf(values.mail as Secret | undefined);
  const sender = lines.find(({ env: name }) => name === settings.mailFrom.env);
  if (mailbox !== undefined && sender?.source === 'default') {
    const from = mailFrom(`Reset & Resend <${mailbox}>`);
    values.mailFrom = from;
    lines[lines.indexOf(sender)] = { ...sender, shown: from };
  }
  for (const name of Object.keys(env)) {
    if (/^RR_(?!BROWSER$|FIREFOX$|POSTGRES$|TEST_DATABASE$|PRACTICE)/.test(name) && !known.has(name)) {
      const line = { env: name, about: '', shown: '', source: 'environment' as const };
      lines.push({ ...line, problem: `${name} is not a setting of the connector.` });
    }
  }
  const config = values as Config;
  if (!lines.some((line) => line.problem)) {
    for (const problem of together(config))
      lines.push({ env: '', about: '', shown: '', source: 'environment', problem });
  }
  return lines.some((line) => line.problem) ? { lines } : { config: Object.freeze(config), lines };
}

function readSecretFile(file: string, readFile: (path: string) => string): string {
  try {
    return readFile(file).trim();
  } catch {
    return refuse(`names a file that cannot be read: ${file}`);
  }
}

/** An address without its credentials is useful to see; a key is not. */
function hide(value: string): string {
  if (value.startsWith('sqlite:')) return value;
  if (/^postgres(ql)?:/.test(value)) return shownAddress(parseDatabaseAddress(value));
  const found = /^(folder:.*|graph:\/\/.*|smtps?:\/\/)(?:[^@/]*@)?(.*)$/.exec(value);
  return found ? `${found[1]}${found[2] ?? ''}` : '[secret]';
}

/** The shared mailbox of RR_MAIL=graph://, as `parseAddress` writes it. */
function mailboxOf(given: Secret | undefined): string | undefined {
  const mailbox = /^graph:\/\/(.+)$/.exec(given?.reveal() ?? '')?.[1];
  const parsed = mailbox === undefined ? undefined : parseAddress(mailbox);
  return parsed && isAddress(parsed) ? parsed.address : undefined;
}

/** What is wrong with settings that are each right. */
function together(config: Config): string[] {
  const found: string[] = [];
  if (Boolean(config.tlsCert) !== Boolean(config.tlsKey)) found.push('RR_TLS_CERT and RR_TLS_KEY go together.');
  if (!config.tlsCert && !isLoopback(config.listen.host)) {
    found.push(
      'Without RR_TLS_CERT and RR_TLS_KEY the connector listens on this machine only: set RR_LISTEN to 127.0.0.1.',
    );
  }
  if (!config.tlsCert && config.linkListen && !isLoopback(config.linkListen.host)) {
    found.push('Without RR_TLS_CERT and RR_TLS_KEY the link page listens on this machine only: see RR_LINK_LISTEN.');
  }
  if (config.mail.reveal().startsWith('folder:') && !onlyHere(config)) {
    found.push(
      'RR_MAIL=folder: is for this machine only; a connector that others reach needs smtp://, smtps:// or graph://.',
    );
  }
  if (config.database.engine === 'postgres' && config.secretKey === undefined) {
    found.push(
      'RR_DATABASE=postgres:// needs RR_SECRET_KEY or RR_SECRET_KEY_FILE: all connectors of a database share one key.',
    );
  }
  return [...found, ...withGraph(config)];
}

/** What a directory in Graph needs, and what makes no sense without one. */
function withGraph(config: Config): string[] {
  const found: string[] = [];
  const { clientId, clientSecret, clientCert, clientKey, extensionClientId } = config;
  if (Boolean(clientCert) !== Boolean(clientKey)) found.push('RR_CLIENT_CERT and RR_CLIENT_KEY go together.');
  if (graphTenant(config.directory) === undefined) {
    const idle = { RR_CLIENT_ID: clientId, RR_CLIENT_SECRET: clientSecret, RR_CLIENT_CERT: clientCert };
    for (const [name, value] of Object.entries({ ...idle, RR_EXTENSION_CLIENT_ID: extensionClientId })) {
      if (value !== undefined) found.push(`${name} is for RR_DIRECTORY=graph://TENANT only.`);
    }
    if (config.graphAs === 'app') found.push('RR_GRAPH_AS=app is for RR_DIRECTORY=graph://TENANT only.');
    if (config.mail.reveal().startsWith('graph:')) {
      found.push('RR_MAIL=graph:// needs RR_DIRECTORY=graph://TENANT: the mailbox is in that tenant.');
    }
    return found;
  }
  const mailbox = mailboxOf(config.mail);
  const sender = /<([^<>]+)>$/.exec(config.mailFrom)?.[1] ?? config.mailFrom;
  // Exchange refuses a sender whose mailbox it is not (ErrorSendAsDenied), after the dialog has said that all is well.
  if (mailbox !== undefined && sender.toLowerCase() !== mailbox.toLowerCase()) {
    found.push(`RR_MAIL=graph:// sends from ${mailbox} alone: RR_MAIL_FROM must have that address, or be left out.`);
  }
  if (clientId === undefined) found.push('RR_DIRECTORY=graph:// needs RR_CLIENT_ID, the connector’s app registration.');
  if (extensionClientId === undefined) {
    found.push('RR_DIRECTORY=graph:// needs RR_EXTENSION_CLIENT_ID, the extension’s app registration.');
  }
  if (clientSecret === undefined && clientCert === undefined) {
    const why = config.graphAs === 'app' ? 'RR_GRAPH_AS=app' : 'RR_DIRECTORY=graph://';
    found.push(`${why} needs a credential: RR_CLIENT_SECRET, or RR_CLIENT_CERT with RR_CLIENT_KEY.`);
  }
  if (clientSecret !== undefined && clientCert !== undefined) {
    found.push('One credential is enough: set either RR_CLIENT_SECRET or RR_CLIENT_CERT with RR_CLIENT_KEY.');
  }
  for (const [name, id] of Object.entries({ RR_CLIENT_ID: clientId, RR_EXTENSION_CLIENT_ID: extensionClientId })) {
    if (
      id !== undefined &&
      typeof config.cloud === 'string' &&
      !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)
    )
      found.push(`${name} is not an application id of Entra (a GUID).`);
  }
  if (clientId !== undefined && clientId === extensionClientId) {
    found.push('RR_CLIENT_ID and RR_EXTENSION_CLIENT_ID are two app registrations, not one.');
  }
  return found;
}

/** Is the connector reachable from this machine only? */
export function onlyHere(config: Config): boolean {
  const shown = [config.publicUrl, config.linkUrl].filter((address) => address !== undefined);
  const doors = [config.listen, config.linkListen].filter((door) => door !== undefined);
  return doors.every(({ host }) => isLoopback(host)) && shown.every((address) => isLoopback(new URL(address).hostname));
}

/** The address at which browsers reach the connector. */
export function publicUrlOf(config: Config): string {
  if (config.publicUrl) return config.publicUrl;
  const { host, port } = config.listen;
  return `${config.tlsCert ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** The policy that the environment gives to tenant `default`. */
export function policyOf(config: Config): Policy {
  const { mayCreatePassword, mayKeepPassword, mayTypeRecipient, mayRemember, recipientDomains } = config;
  const { federatedDomains } = config;
  const { pinForTyped, pinForOnFile, linkLifetime, changeLifetime, temporaryAccessPass } = config;
  return {
    ...{ mayCreatePassword, mayKeepPassword, mayTypeRecipient, mayRemember, recipientDomains, federatedDomains },
    ...{ pinForTyped, pinForOnFile, linkLifetime, changeLifetime, temporaryAccessPass },
    password: { ...defaultPolicy.password, minimum: config.passwordMinimum },
  };
}
