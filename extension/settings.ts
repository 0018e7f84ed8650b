// What the extension is told: by policy, by its user, by its build, in this order. A policy is read as carefully as
// anything from outside, because Firefox doesn't check it against the schema.

import { isLocale, type Locale, pickLocale } from '#shared/locale.ts';

/** The part of the browser's storage that settings live in. */
export interface SettingsStorage {
  readonly managed: { get(keys?: null): Promise<Record<string, unknown>> };
  readonly local: {
    get(keys: string[]): Promise<Record<string, unknown>>;
    set(items: Record<string, unknown>): Promise<void>;
    remove(keys: string[]): Promise<void>;
  };
}

export type Source = 'managed' | 'user' | 'default';

export interface Setting<T> {
  /** Undefined: nobody has said. */
  readonly value: T | undefined;
  readonly source: Source;
}

export interface Settings {
  /** Origin of the connector, without a slash at the end. */
  readonly connector: Setting<string>;
  /** Undefined: the browser's own. */
  readonly language: Setting<Locale>;
}

/** Edge 128 never answers for a policy (microsoft/MicrosoftEdge-Extensions#179). */
const policyTimeout = 2000;

/** The connector of this build: only a practice build has one. */
const builtIn: string | undefined = import.meta.env?.RR_CONNECTOR;

/**
 * The origin of a connector's address as people type it; `https://` may be left out.
 * Undefined when it isn't https, has a name and password, or a path of its own.
 */
export function parseConnector(text: unknown): string | undefined {
  if (typeof text !== 'string' || text.length > 300) return undefined;
  const typed = text.trim();
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(typed) ? typed : `https://${typed}`);
  if (url?.protocol !== 'https:' || url.username || url.password) return undefined;
  return url.pathname === '/' && !url.search && !url.hash ? url.origin : undefined;
}

/** The match pattern for which the browser is asked for permission. Firefox's patterns have no ports. */
export function originPattern(connector: string, withPort: boolean): string {
  const url = new URL(connector);
  return `https://${withPort ? url.host : url.hostname}/*`;
}

/** The policy; empty when there is none, or none within two seconds. */
async function readPolicy(storage: SettingsStorage): Promise<Record<string, unknown>> {
  const { promise: late, resolve } = Promise.withResolvers<Record<string, unknown>>();
  const timer = setTimeout(resolve, policyTimeout, {});
  // Without a policy Chromium answers {}, Firefox rejects (w3c/webextensions#497).
  const policy = Promise.resolve()
    .then(() => storage.managed.get())
    .catch(() => ({}));
  try {
    return (await Promise.race([policy, late])) ?? {};
  } finally {
    clearTimeout(timer);
  }
}

/** All settings, each with who decided it. Values that can't be used count as not given. */
export async function readSettings(storage: SettingsStorage, buildDefault = builtIn): Promise<Settings> {
  const [policy, user] = await Promise.all([readPolicy(storage), storage.local.get(['connector', 'language'])]);
  const decide = <T>(parse: (value: unknown) => T | undefined, name: string, otherwise?: T): Setting<T> => {
    const managed = parse(policy[name]);
    if (managed !== undefined) return { value: managed, source: 'managed' };
    const chosen = parse(user[name]);
    if (chosen !== undefined) return { value: chosen, source: 'user' };
    return { value: otherwise, source: 'default' };
  };
  return {
    connector: decide(parseConnector, 'connector', parseConnector(buildDefault)),
    language: decide((value) => (isLocale(value) ? value : undefined), 'language'),
  };
}

/** Has whoever signed in last a role that resets somebody, as far as the token tells? Nobody has said: yes. */
export async function readMayReset(storage: SettingsStorage): Promise<boolean> {
  return (await storage.local.get(['mayReset'])).mayReset !== false;
}

/** Notes it for the buttons in the rows, which can only hint at it; undefined: the token tells nothing. */
export async function noteMayReset(storage: SettingsStorage, mayReset: boolean | undefined): Promise<void> {
  await storage.local.set({ mayReset: mayReset ?? true });
}

/**
 * The language to speak: the one that was set, else the browser's.
 * @param uiLanguage of the browser, BCP 47
 */
export function localeOf(language: Locale | undefined, uiLanguage: string): Locale {
  return language ?? pickLocale(uiLanguage);
}

/**
 * Keeps what the user chose; undefined takes the choice back.
 * The connector must have gone through `parseConnector`.
 */
export async function saveSettings(
  storage: SettingsStorage,
  chosen: { readonly connector?: string | undefined; readonly language?: Locale | undefined },
): Promise<void> {
  const given = Object.entries(chosen);
  await storage.local.set(Object.fromEntries(given.filter(([, value]) => value !== undefined)));
  await storage.local.remove(given.filter(([, value]) => value === undefined).map(([name]) => name));
}
