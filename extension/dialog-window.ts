// The dialog's window: one for each person, opened by the background, which keeps nothing in memory. The hint waits in
// storage.session, which pages can't read, under a random name that travels in the window's address.

import type { Runtime, Storage, Windows } from 'webextension-polyfill';
import { type Hint, parseHint } from './portals/portal.ts';
import { portalOf } from './portals/portals.ts';

/** What is needed of the browser. */
export interface DialogBrowser {
  readonly runtime: { getURL(path: string): string };
  readonly storage: { readonly session: Pick<Storage.StorageArea, 'get' | 'set' | 'remove'> };
  readonly windows: Pick<Windows.Static, 'create' | 'get' | 'update'>;
}

interface Kept {
  readonly hint: Hint;
  readonly person: string;
  readonly windowId?: number;
}

const prefix = 'dialog:';
/** Of the dialog's window, in CSS pixels. */
export const size = { width: 480, height: 720 };

/**
 * The hint of a message that may open a dialog: from the top frame of a portal's page, or from a page of our own.
 * Undefined: from anybody else, or no hint. Where it comes from is what the browser says, not what the message says.
 * @param own the extension's id and the address of its root
 */
export function askedFor(
  message: unknown,
  sender: Pick<Runtime.MessageSender, 'id' | 'url' | 'tab' | 'frameId'>,
  own: { readonly id: string; readonly root: string },
): Hint | undefined {
  if (sender.id !== own.id || typeof message !== 'object' || message === null) return undefined;
  const hint = parseHint((message as { open?: unknown }).open);
  const page = URL.parse(sender.url ?? '');
  if (!hint || !page) return undefined;
  if (page.href.startsWith(own.root)) return { ...hint, host: '' };
  return sender.tab && sender.frameId === 0 && portalOf(page) ? { ...hint, host: page.host } : undefined;
}

/** Two hints with the same name are about the same person, as far as a page can tell. */
function personOf(hint: Hint): string {
  return JSON.stringify([hint.host, (hint.address ?? hint.objectId ?? hint.displayName ?? '').toLowerCase()]);
}

/**
 * Opens the dialog for a hint, or brings the person's open dialog to the front.
 * @param near window of the page, on whose right side it opens
 */
export function openDialog(browser: DialogBrowser, hint: Hint, near?: number): Promise<void> {
  // Two clicks are two messages: the second must find what the first has opened.
  return navigator.locks.request('dialog', async () => {
    const person = personOf(hint);
    const all = (await browser.storage.session.get(null)) as Record<string, Kept>;
    for (const [key, kept] of Object.entries(all)) {
      if (!key.startsWith(prefix) || kept.person !== person || kept.windowId === undefined) continue;
      const shown = await browser.windows.update(kept.windowId, { focused: true }).catch(() => undefined);
      if (shown) return;
      await browser.storage.session.remove(key);
    }
    const nonce = crypto.randomUUID();
    await browser.storage.session.set({ [prefix + nonce]: { hint, person } satisfies Kept });
    const created = await createWindow(browser, `${browser.runtime.getURL('/dialog.html')}?w=${nonce}`, near);
    await browser.storage.session.set({ [prefix + nonce]: { hint, person, windowId: created.id } as Kept });
  });
}

async function createWindow(browser: DialogBrowser, url: string, near: number | undefined): Promise<Windows.Window> {
  const create = { url, type: 'popup' as const, ...size };
  const page = near === undefined ? undefined : await browser.windows.get(near).catch(() => undefined);
  if (page?.left === undefined || page.top === undefined || page.width === undefined)
    return browser.windows.create(create);
  const left = Math.round(Math.max(page.left, page.left + page.width - size.width - 48));
  // A page's window that lies outside the screen is a place that Chromium refuses.
  return browser.windows
    .create({ ...create, left, top: Math.round(page.top + 72) })
    .catch(() => browser.windows.create(create));
}

/** Forgets the hint of a window that was closed. */
export async function forgetDialog(browser: DialogBrowser, windowId: number): Promise<void> {
  const all = (await browser.storage.session.get(null)) as Record<string, Kept>;
  const gone = Object.keys(all).filter((key) => key.startsWith(prefix) && all[key]?.windowId === windowId);
  if (gone.length > 0) await browser.storage.session.remove(gone);
}

/**
 * The hint that a dialog was opened with, in the dialog's page: `hintOf(browser, location.search)`.
 * Undefined when the window outlived the browser's session or was opened by hand.
 */
export async function hintOf(browser: Pick<DialogBrowser, 'storage'>, search: string): Promise<Hint | undefined> {
  const nonce = new URLSearchParams(search).get('w');
  if (!nonce) return undefined;
  const kept = (await browser.storage.session.get(prefix + nonce))[prefix + nonce] as Partial<Kept> | undefined;
  return parseHint(kept?.hint);
}
