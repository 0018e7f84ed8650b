// Opens the dialog when a portal's page, or the extension's own popup, asks for it. Holds nothing: it may be stopped and
// started between any two messages.

import browser, { type Runtime } from 'webextension-polyfill';
import { defineBackground } from 'wxt/utils/define-background';
import { forgetDialog, openDialog } from '../dialog-window.ts';
import { type Hint, parseHint } from '../portals/portal.ts';
import { portalOf } from '../portals/portals.ts';

export default defineBackground(() => {
  browser.runtime.onMessage.addListener((message: unknown, sender: Runtime.MessageSender) => {
    const hint = mayOpen(message, sender);
    return hint ? openDialog(browser, hint, sender.tab?.windowId).then(() => true) : undefined;
  });
  browser.windows.onRemoved.addListener((windowId) => void forgetDialog(browser, windowId));
});

/** The hint of a message that may open a dialog: from the top frame of a portal's page, or from a page of our own. */
function mayOpen(message: unknown, sender: Runtime.MessageSender): Hint | undefined {
  if (sender.id !== browser.runtime.id || typeof message !== 'object' || message === null) return undefined;
  const hint = parseHint((message as { open?: unknown }).open);
  const page = URL.parse(sender.url ?? '');
  if (!hint || !page) return undefined;
  if (page.origin === new URL(browser.runtime.getURL('/')).origin) return { ...hint, host: '' };
  // Where it comes from is what the browser says, not what the message says.
  return sender.tab && sender.frameId === 0 && portalOf(page) ? { ...hint, host: page.host } : undefined;
}
