// Where a browser could keep a secret: what a page shows and what its origin stores, its addresses and their history, and,
// in a page of the extension, the extension's own storage (reset.md, I5).

import type { Page } from 'puppeteer-core';
import { expect } from 'vitest';
import { type Taint, told } from '../taint.ts';

/** All of it as text, by the name of the place. */
async function sinksOf(page: Page): Promise<Record<string, string>> {
  const inside = await page.evaluate(async () => {
    const dump: Record<string, unknown> = {
      'the document': document.documentElement.outerHTML,
      // What somebody has typed is in no attribute.
      'its fields': [...document.querySelectorAll('input, textarea, select')].map(
        (field) => (field as HTMLInputElement).value,
      ),
      'local storage': { ...localStorage },
      'session storage': { ...sessionStorage },
      'its address': location.href,
      'the state of its history': history.state,
      'what it has fetched': performance.getEntries().map(({ name }) => name),
      'its cookies': document.cookie,
    };
    const extension = (globalThis as { chrome?: { storage?: Record<string, { get?: (keys: null) => unknown }> } })
      .chrome;
    for (const area of ['local', 'session', 'sync', 'managed']) {
      const get = extension?.storage?.[area]?.get;
      if (get) dump[`the extension's ${area} storage`] = await get.call(extension?.storage?.[area], null);
    }
    const ended = <T>(request: IDBRequest<T>) =>
      new Promise<T>((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
    for (const { name = '' } of await indexedDB.databases()) {
      const database = await ended(indexedDB.open(name));
      for (const store of database.objectStoreNames) {
        const kept = await ended(database.transaction(store).objectStore(store).getAll());
        dump[`database ${name}, ${store}`] = kept;
      }
      database.close();
    }
    return Object.fromEntries(Object.entries(dump).map(([name, value]) => [name, JSON.stringify(value) ?? '']));
  });
  const session = await page.createCDPSession();
  const { entries } = await session.send('Page.getNavigationHistory');
  await session.detach();
  return { ...inside, 'its history': JSON.stringify(entries) };
}

/** Fails with the places where a secret was found, never with the secret. @param shown what the document itself may show */
export async function expectClean(page: Page, taint: Taint, shown: readonly string[] = []): Promise<void> {
  const sinks = await sinksOf(page);
  // A page that kept nothing at all was not looked into.
  expect(sinks['the document']?.length).toBeGreaterThan(500);
  const found = Object.entries(sinks).flatMap(([name, hay]) => taint.find(name, hay));
  expect(told(found.filter(({ label, where }) => where !== 'the document' || !shown.includes(label)))).toEqual([]);
}
