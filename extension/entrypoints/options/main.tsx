// The settings page: the connector, the language, the sites; and who decides each when it isn't the reader.

import '../../page.css';
import { render } from 'preact';
import browser from 'webextension-polyfill';
import { connector } from '../../connector-client.ts';
import { portals } from '../../portals/portals.ts';
import type { SetUpDeps } from '../../set-up.ts';
import { localeOf, readSettings } from '../../settings.ts';
import { Options } from './options.tsx';

const settings = await readSettings(browser.storage);
const browserLocale = localeOf(undefined, browser.i18n.getUILanguage());
const locale = settings.language.value ?? browserLocale;

const deps: SetUpDeps = {
  storage: browser.storage,
  permissions: browser.permissions,
  withPort: !import.meta.env.FIREFOX,
  config: (origin) => connector({ origin, locale, token: async () => undefined }).config(),
};

const root = document.getElementById('root');
if (root) {
  render(
    <Options
      deps={deps}
      settings={settings}
      browserLocale={browserLocale}
      hosts={portals.flatMap((portal) => portal.hosts)}
      version={browser.runtime.getManifest().version}
    />,
    root,
  );
}
