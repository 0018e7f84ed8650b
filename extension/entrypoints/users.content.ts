// In the portal's page: picks the portal, watches its rows while people are shown, tells the background whom a pressed
// button belongs to. Small on purpose: no user interface library, no sign-in, no connector, no secret ever comes here.

import '../rows.css';
import { browser } from 'wxt/browser';
import { defineContentScript } from 'wxt/utils/define-content-script';
import type { Locale } from '#shared/locale.ts';
import { rowMessages } from '#shared/messages/row.ts';
import { portalOf, portals } from '../portals/portals.ts';
import { type Words, watchRows } from '../rows.ts';
import { localeOf, readMayReset, readSettings } from '../settings.ts';

/** What buttons say. `mayReset`: whoever signed in last seems to have a role for it. */
function wordsOf(locale: Locale, mayReset: boolean): Words {
  const { label, labelFor, faint } = rowMessages[locale];
  return { label, labelFor, lang: locale, ...(mayReset ? {} : { faint }) };
}

export default defineContentScript({
  matches: portals.flatMap((portal) => portal.hosts.map((host) => `https://${host}/*`)),
  runAt: 'document_start',
  allFrames: false,
  // The page need not read the extension's id in a message.
  noScriptStartedPostMessage: true,

  main(ctx) {
    const portal = portalOf(new URL(location.href));
    if (!portal) return;
    let locale = localeOf(undefined, browser.i18n.getUILanguage());
    let mayReset = true;
    let retired = false;

    const rows = watchRows({
      document,
      portal,
      words: wordsOf(locale, true),
      signal: ctx.signal,
      open(hint) {
        if (retired) return location.reload();
        if (!browser.runtime?.id) return retire();
        browser.runtime.sendMessage({ open: { ...hint, host: location.host } }).catch((error) => {
          if (browser.runtime?.id) throw error;
          retire();
        });
      },
    });

    /** The extension was replaced under this page: the new one looks at the page only after it is loaded again. */
    function retire(): void {
      retired = true;
      rows.retire(rowMessages[locale].reload, rowMessages[locale].reloadWhy);
    }

    rows.route(new URL(location.href));
    // Told at the beginning of a navigation, so that rows meet a watching observer; the other two, where it truly ended.
    ctx.addEventListener(window, 'wxt:locationchange', (event) => rows.route(event.newUrl));
    for (const type of ['hashchange', 'popstate']) {
      ctx.addEventListener(window, type, () => rows.route(new URL(location.href)));
    }

    async function speak(): Promise<void> {
      const [{ language }, role] = await Promise.all([readSettings(browser.storage), readMayReset(browser.storage)]);
      const wanted = localeOf(language.value, browser.i18n.getUILanguage());
      if ((wanted === locale && role === mayReset) || ctx.signal.aborted) return;
      [locale, mayReset] = [wanted, role];
      rows.speak(wordsOf(locale, mayReset));
    }
    const changed = () => void speak();
    browser.storage.onChanged.addListener(changed);
    ctx.onInvalidated(() => browser.storage?.onChanged.removeListener(changed));
    void speak();
  },
});
