// Setting up the connector: the address is checked, the browser's permission asked for, the connector asked who it is;
// only then is the address kept. Whatever fails leaves everything as it was.

import type { Config } from '#shared/api.ts';
import type { Answer, Unknown } from './connector-client.ts';
import { originPattern, parseConnector, type SettingsStorage, saveSettings } from './settings.ts';

export type SetUp =
  | { readonly is: 'connected'; readonly origin: string; readonly config: Config }
  | { readonly is: 'invalid' | 'permissionRefused' }
  | { readonly is: Unknown; readonly origin: string }
  | { readonly is: 'problem'; readonly origin: string; readonly detail: string };

export interface SetUpDeps {
  readonly storage: SettingsStorage;
  readonly permissions: {
    request(wanted: { origins: string[] }): Promise<boolean>;
    contains(wanted: { origins: string[] }): Promise<boolean>;
    remove(unwanted: { origins: string[] }): Promise<boolean>;
  };
  /** Do the browser's match patterns have ports? Firefox's don't. */
  readonly withPort: boolean;
  /** GET /api/config of a connector. */
  config(origin: string): Promise<Answer<Config>>;
}

/** Asks a connector who it is. */
export async function inquire(origin: string, deps: Pick<SetUpDeps, 'config'>): Promise<SetUp> {
  const answer = await deps.config(origin);
  if (answer.outcome === 'done') return { is: 'connected', origin, config: answer.value };
  if (answer.outcome === 'failed') return { is: 'problem', origin, detail: answer.problem.detail };
  return { is: answer.why, origin };
}

/**
 * Takes a connector's address. Must be called from a click itself, with nothing awaited before: the browser asks its
 * question only then.
 * @param previous origin that it replaces, whose permission is given back
 */
export async function connect(text: string, previous: string | undefined, deps: SetUpDeps): Promise<SetUp> {
  const origin = parseConnector(text);
  if (origin === undefined) return { is: 'invalid' };
  const origins = [originPattern(origin, deps.withPort)];
  const asked = deps.permissions.request({ origins });
  if (!(await asked.catch(() => false))) return { is: 'permissionRefused' };
  const found = await inquire(origin, deps);
  if (found.is === 'connected') {
    await saveSettings(deps.storage, { connector: origin });
    if (previous !== undefined && previous !== origin) await giveBack(previous, origin, deps);
  } else if (origin !== previous) {
    await giveBack(origin, previous, deps);
  }
  return found;
}

/** Forgets the connector that the user has set. */
export async function disconnect(origin: string, deps: SetUpDeps): Promise<void> {
  await saveSettings(deps.storage, { connector: undefined });
  await giveBack(origin, undefined, deps);
}

async function giveBack(origin: string, kept: string | undefined, deps: SetUpDeps): Promise<void> {
  const pattern = originPattern(origin, deps.withPort);
  if (kept !== undefined && originPattern(kept, deps.withPort) === pattern) return;
  // One that the manifest itself declares, as the practice build does, can't be given back.
  await deps.permissions.remove({ origins: [pattern] }).catch(() => false);
}
