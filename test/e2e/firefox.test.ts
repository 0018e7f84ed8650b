// A smoke test in Firefox: the button is in every row, and a press opens the dialog's window.

import type { Page } from 'puppeteer-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rowMessages } from '../../shared/messages/row.ts';
import { addressOf, dialogPage, dialogPages, type StartedBrowser, startFirefox } from '../browser.ts';
import { portalHosts, startPortal } from '../portal/portal.ts';
import { buildExtension } from '../practice/build.ts';
import { certificate } from '../practice/certificate.ts';
import { connector, people, root, rowsOf, tlsFolder } from './stage.ts';

let portal: Awaited<ReturnType<typeof startPortal>> | undefined;
let firefox: StartedBrowser | undefined;
let page: Page;

beforeAll(async () => {
  const extension = await buildExtension(root, { browser: 'firefox', connector });
  portal = await startPortal({ people, ...(await certificate(tlsFolder)) });
  const { port } = portal;
  const hosts = Object.fromEntries(portalHosts.map((host) => [host, port]));
  firefox = await startFirefox({ extension, hosts, headless: true, viewport: { width: 1360, height: 900 } });
  page = await firefox.browser.newPage();
  await page.goto('https://admin.cloud.microsoft/?#/users');
  await page.waitForSelector('[data-automationid="DetailsRow"]');
});
afterAll(async () => {
  await firefox?.close();
  await portal?.close();
});

test('every row has its button', async () => {
  await page.waitForSelector('.rr-reset');
  const rows = await rowsOf(page);
  expect(rows.map(({ name }) => name).sort()).toEqual(people.map(({ displayName }) => displayName).sort());
  expect(rows).toEqual(rows.map(({ name }) => ({ name, labels: [rowMessages.en.labelFor(name)] })));
});

test('a script’s press does nothing; a person’s opens the dialog’s window, and the page sees nothing', async () => {
  const browser = firefox?.browser;
  if (!browser) throw new Error('Firefox did not start');
  await page.$eval('.rr-reset', (button) => (button as HTMLElement).click());
  await page.click(`[aria-label="${rowMessages.en.labelFor('Ömer Şahin')}"]`);
  const dialog = await dialogPage(browser, 15_000);
  expect(await addressOf(dialog)).toMatch(/^moz-extension:\/\/[0-9a-f-]{36}\/dialog\.html\?w=[0-9a-f-]{36}$/);
  await dialog.waitForFunction((name) => document.body.textContent.includes(name), {}, 'Reset & Resend');
  expect(await dialogPages(browser)).toHaveLength(1);
  expect(await page.evaluate(() => document.documentElement.dataset.invoked)).toBeUndefined();
});
