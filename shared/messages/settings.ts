// What the extension's settings page and its popup say, by language.

import type { Locale } from '../locale.ts';
import { settings as en } from './en/settings.ts';
import { settings as tr } from './tr/settings.ts';

export interface SettingsMessages {
  readonly product: string;
  readonly settings: string;
  readonly connector: {
    readonly title: string;
    readonly about: string;
    readonly address: string;
    readonly connect: string;
    readonly connecting: string;
    readonly remove: string;
    connected(organisation: string): string;
    signInAt(host: string): string;
    /** Refused before anything is asked or saved. */
    readonly invalid: string;
    readonly permissionRefused: string;
    unreachable(host: string): string;
    notConnector(host: string): string;
    readonly notSaved: string;
  };
  readonly language: { readonly title: string; readonly about: string; browser(name: string): string };
  readonly pages: {
    readonly title: string;
    readonly about: string;
    readonly allowed: string;
    readonly refused: string;
    readonly allow: string;
  };
  readonly managed: string;
  readonly builtIn: string;
  version(version: string): string;
  readonly popup: {
    readonly about: string;
    readonly person: string;
    readonly open: string;
    readonly empty: string;
    readonly noConnector: string;
    readonly setUp: string;
    readonly adminCenter: string;
    readonly failed: string;
  };
}

export const settingsMessages = { en, tr } satisfies Record<Locale, SettingsMessages>;
