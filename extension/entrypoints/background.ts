// Opens the dialog when a portal's page, or the extension's own popup, asks for it. Holds nothing: it may be stopped and
// started between any two messages.

import browser, { type Runtime } from 'webextension-polyfill';
import { defineBackground } from 'wxt/utils/define-background';
import { askedFor, forgetDialog, openDialog } from '../dialog-window.ts';

export default defineBackground(() => {
  const own = { id: browser.runtime.id, root: browser.runtime.getURL('/') };
  browser.runtime.onMessage.addListener((message: unknown, sender: Runtime.MessageSender) => {
    const hint = askedFor(message, sender, own);
    return hint ? openDialog(browser, hint, sender.tab?.windowId).then(() => true) : undefined;
  });
  browser.windows.onRemoved.addListener((windowId) => void forgetDialog(browser, windowId));
});
