// The toolbar's popup: find a person where no row can be pressed, and the way to the settings.

import '../../page.css';
import { render } from 'preact';
import browser from 'webextension-polyfill';
import { localeNames } from '#shared/locale.ts';
import { settingsMessages } from '#shared/messages/settings.ts';
import { localeOf, readSettings } from '../../settings.ts';
import { Popup } from './popup.tsx';

const settings = await readSettings(browser.storage);
const locale = localeOf(settings.language.value, browser.i18n.getUILanguage());
document.documentElement.lang = locale;
document.documentElement.dir = localeNames[locale].dir;

const root = document.getElementById('root');
if (root) {
  render(
    <Popup
      words={settingsMessages[locale]}
      ready={settings.connector.value !== undefined}
      open={(hint) => browser.runtime.sendMessage({ open: hint })}
      settings={() => browser.runtime.openOptionsPage()}
      close={() => window.close()}
    />,
    root,
  );
}
