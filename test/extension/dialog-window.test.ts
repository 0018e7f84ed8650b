// Who may open a dialog, and that a person has one window.

import { expect, test } from 'vitest';
import { askedFor, type DialogBrowser, forgetDialog, hintOf, openDialog } from '../../extension/dialog-window.ts';
import type { Hint } from '../../extension/portals/portal.ts';

const own = { id: 'ours', root: 'chrome-extension://ours/' };
const tab = { id: 7, windowId: 1, index: 0, highlighted: false, active: true, pinned: false, incognito: false };
const page = { id: 'ours', url: 'https://admin.cloud.microsoft/?#/users', tab, frameId: 0 };
const open = { address: 'ada@contoso.example', displayName: 'Ada', host: 'forged.example' };
const ada: Hint = { address: 'ada@contoso.example', displayName: 'Ada', host: 'admin.cloud.microsoft' };

test('a portal’s page may ask; its host is what the browser says', () => {
  expect(askedFor({ open }, page, own)).toEqual(ada);
  expect(askedFor({ open }, { ...page, url: 'https://admin.microsoft.com/' }, own)?.host).toBe('admin.microsoft.com');
});

test('our own popup may ask', () => {
  expect(askedFor({ open }, { id: 'ours', url: 'chrome-extension://ours/popup.html' }, own)).toEqual({
    ...ada,
    host: '',
  });
});

test.each([
  ['another extension', { ...page, id: 'theirs' }],
  ['another page', { ...page, url: 'https://evil.example/#/users' }],
  ['a page with our name in it', { ...page, url: 'https://evil.example/chrome-extension://ours/' }],
  ['the portal without encryption', { ...page, url: 'http://admin.cloud.microsoft/' }],
  ['a frame', { ...page, frameId: 3 }],
  ['no tab', { id: 'ours', url: page.url, frameId: 0 }],
  ['nowhere', { id: 'ours' }],
])('%s may not', (_, sender) => expect(askedFor({ open }, sender, own)).toBeUndefined());

test.each([undefined, null, 'open', {}, { open: {} }, { open: 'ada' }, { close: open }])('%j asks nothing', (message) =>
  expect(askedFor(message, page, own)).toBeUndefined(),
);

/** Windows and session storage as far as dialogs go; `narrow` refuses a place, as Chromium does off the screen. */
function world(narrow = false) {
  const kept = new Map<string, unknown>();
  const windows = new Map<number, { url: string; focused: number; left?: number | undefined }>();
  let next = 10;
  const browser = {
    runtime: { getURL: (path: string) => `chrome-extension://ours${path}` },
    storage: {
      session: {
        get: async (key: string | null) =>
          Object.fromEntries([...kept].filter(([name]) => key === null || name === key)),
        set: async (items: Record<string, unknown>) => {
          for (const [key, value] of Object.entries(items)) kept.set(key, value);
        },
        remove: async (keys: string | string[]) => {
          for (const key of [keys].flat()) kept.delete(key);
        },
      },
    },
    windows: {
      get: async () => ({ left: 100, top: 50, width: 1400, height: 900 }),
      create: async ({ url, left }: { url: string; left?: number }) => {
        if (narrow && left !== undefined) throw new Error('Invalid value for bounds.');
        windows.set(next, { url, focused: 0, left });
        return { id: next++ };
      },
      update: async (id: number) => {
        const found = windows.get(id);
        if (!found) throw new Error(`No window with id: ${id}.`);
        found.focused++;
        return { id };
      },
    },
  } as unknown as DialogBrowser;
  return { browser, windows, kept };
}

test('a dialog opens on the right of the page, with the hint under its name', async () => {
  const { browser, windows } = world();
  await openDialog(browser, ada, 1);
  const [window] = [...windows.values()];
  expect(window?.left).toBe(972);
  expect(await hintOf(browser, new URL(window?.url ?? '').search)).toEqual(ada);
  expect(await hintOf(browser, '?w=guessed')).toBeUndefined();
  expect(await hintOf(browser, '')).toBeUndefined();
});

test('a place that the browser refuses is not insisted on', async () => {
  const { browser, windows } = world(true);
  await openDialog(browser, ada, 1);
  expect([...windows.values()].map(({ left }) => left)).toEqual([undefined]);
});

test('three clicks at once open one window and bring it to the front', async () => {
  const { browser, windows } = world();
  await Promise.all([openDialog(browser, ada, 1), openDialog(browser, ada, 1), openDialog(browser, { ...ada }, 1)]);
  expect([...windows.values()].map(({ focused }) => focused)).toEqual([2]);
});

test('another person gets another window', async () => {
  const { browser, windows } = world();
  await openDialog(browser, ada);
  await openDialog(browser, { address: 'grace@contoso.example', host: ada.host });
  expect(windows.size).toBe(2);
});

test('a closed window is forgotten; the next click opens a new one', async () => {
  const { browser, windows, kept } = world();
  await openDialog(browser, ada);
  windows.delete(10);
  await forgetDialog(browser, 10);
  expect(kept.size).toBe(0);
  await openDialog(browser, ada);
  windows.delete(11); // and this one went unnoticed, as when the background was being started
  await openDialog(browser, ada);
  expect([...windows.keys()]).toEqual([12]);
  expect(kept.size).toBe(1);
});
