// The dialog's page: reads hint and settings, draws the dialog, begins the talk. All that is private happens in here.

import './style.css';
import { render } from 'preact';
import browser from 'webextension-polyfill';
import { localeNames } from '#shared/locale.ts';
import { dialogMessages } from '#shared/messages/dialog.ts';
import { connector } from '../../connector-client.ts';
import { converse } from '../../dialog/conversation.ts';
import { deliberation } from '../../dialog/deliberate.ts';
import { Dialog } from '../../dialog/dialog.tsx';
import type { Flow } from '../../dialog/reset-flow.ts';
import { hintOf } from '../../dialog-window.ts';
import { localeOf, noteMayReset, readSettings } from '../../settings.ts';
import { signIn } from '../../sign-in.ts';
import { onWake } from '../../wake.ts';

const isDeliberate = deliberation(document, () => performance.now());
const [hint, settings] = await Promise.all([hintOf(browser, location.search), readSettings(browser.storage)]);
const locale = localeOf(settings.language.value, browser.i18n.getUILanguage());
const words = dialogMessages[locale];
document.documentElement.lang = locale;
document.documentElement.dir = localeNames[locale].dir;
document.title = words.title;

const root = document.getElementById('root') as HTMLElement;
const origin = settings.connector.value;
const talk = converse({
  hint,
  connect: origin === undefined ? undefined : (token) => connector({ origin, locale, token, onWake }),
  signInTo: (config) => signIn(config, browser.identity),
  random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
  newKey: () => crypto.randomUUID(),
  show: draw,
  noteMayReset: (mayReset) => void noteMayReset(browser.storage, mayReset),
});

function draw(flow: Flow): void {
  render(<Dialog flow={flow} room={room} />, root);
}

/** Firefox lets no page close a window that no script has opened; the browser itself may. */
async function close(): Promise<void> {
  const tab = await browser.tabs.getCurrent();
  if (tab.id !== undefined) await browser.tabs.remove(tab.id);
}

const room = {
  words,
  locale,
  region: navigator.languages.find((tag) => tag === locale || tag.startsWith(`${locale}-`)) ?? locale,
  talk,
  now: () => Date.now(),
  isDeliberate,
  openSettings: () => void browser.runtime.openOptionsPage(),
  close: () => void close(),
};
void talk.begin();
