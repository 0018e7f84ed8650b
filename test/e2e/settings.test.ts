// The settings page and the popup, in a real Chromium. A server of ours stands for the connector, under a host that the
// browser has already been allowed to reach: nobody can press "Allow" in a browser without a screen.

import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Page } from 'puppeteer-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { practiceId } from '../../extension/identity.ts';
import type { Config } from '../../shared/api.ts';
import { settingsMessages } from '../../shared/messages/settings.ts';
import { dialogPage, dialogPages } from '../browser.ts';
import { certificate } from '../practice/certificate.ts';
import { axe } from './axe.ts';
import { type Stage, startStage, tlsFolder } from './stage.ts';

const { en, tr } = settingsMessages;
const host = 'admin.microsoft.com';
const config: Config = {
  version: 1,
  organisation: { id: '0f6f2f3c-0000-4000-8000-000000000001', name: 'Contoso' },
  authority: 'https://login.contoso.example/v2.0',
  protocol: 'oidc',
  clientId: 'client',
  scopes: ['Passwords.Reset'],
};

let stage: Stage;
let server: Server;
let answer: { status: number; body: string };
let asked: string[] = [];
let page: Page;

beforeAll(async () => {
  const { key, cert } = await certificate(tlsFolder);
  server = createServer({ key, cert }, (request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stage = await startStage({ [host]: (server.address() as AddressInfo).port });
});
afterAll(async () => {
  await stage?.close();
  server?.closeAllConnections();
  server?.close();
});
afterEach(async () => {
  for (const each of await stage.browser.pages()) if (each.url() !== 'about:blank') await each.close();
});

async function open(name: 'options' | 'popup'): Promise<void> {
  page = await stage.browser.newPage();
  await page.goto(`chrome-extension://${practiceId}/${name}.html`);
  await page.waitForSelector('h1');
}

/** Presses Connect with this address; what the page says then. */
async function connect(address: string): Promise<string> {
  await page.$eval('input', (input) => input.select());
  await page.type('input', address);
  await page.click('button.main');
  await page.waitForSelector('button.main[aria-disabled="false"]');
  await page.waitForSelector('.status .good, .status .bad');
  return page.$eval('.status', (status) => status.textContent ?? '');
}

const stored = () => page.evaluate('chrome.storage.local.get(["connector", "language"])');

test('the connector is kept once it has answered, and says whose it is', async () => {
  await open('options');
  answer = { status: 200, body: JSON.stringify(config) };
  asked = [];
  const said = await connect(host);
  expect(said).toContain(en.connector.connected('Contoso'));
  expect(said).toContain(en.connector.signInAt('login.contoso.example'));
  expect(asked).toEqual(['GET /api/config']);
  expect(await stored()).toEqual({ connector: `https://${host}` });
  await page.reload();
  await page.waitForSelector('.status .good');
  expect(await page.$eval('input', (input) => input.value)).toBe(`https://${host}`);
});

test.each([
  ['http://reset.contoso.com', { status: 200, body: '{}' }, en.connector.invalid],
  ['https://reset.contoso.com/api', { status: 200, body: '{}' }, en.connector.invalid],
  ['admin.cloud.microsoft', { status: 200, body: '{}' }, en.connector.notConnector('admin.cloud.microsoft')],
  [`${host}:1`, { status: 200, body: '{}' }, en.connector.unreachable(`${host}:1`)],
])('%s is refused with a sentence, and what was kept stays', async (address, given, sentence) => {
  await open('options');
  answer = { status: 200, body: JSON.stringify(config) };
  await connect(host);
  const before = await stored();
  answer = given;
  expect(await connect(address)).toBe(`${sentence}${en.connector.notSaved}`);
  expect(await page.$eval('input', (input) => input.getAttribute('aria-invalid'))).toBe('true');
  expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('INPUT');
  expect(await stored()).toEqual(before);
});

test('a connector can be removed', async () => {
  await open('options');
  answer = { status: 200, body: JSON.stringify(config) };
  await connect(host);
  await page.click(`::-p-text(${en.connector.remove})`);
  await page.waitForFunction(() => document.querySelector('input')?.value === '');
  expect(await stored()).toEqual({});
});

test('both pages speak Turkish when they are told to, at once and after a reload', async () => {
  await open('options');
  await page.select('select', 'tr');
  await page.waitForFunction((title) => document.title === title, {}, `${tr.settings} – ${tr.product}`);
  expect(await page.$eval('html', (html) => html.lang)).toBe('tr');
  await page.reload();
  await page.waitForFunction((title) => document.querySelector('h2')?.textContent === title, {}, tr.connector.title);
  await open('popup');
  expect(await page.$eval('form p', (text) => text.textContent)).toBe(tr.popup.about);
  await open('options');
  await page.select('select', '');
  await page.waitForFunction(() => document.documentElement.lang === 'en');
  expect(await stored()).toEqual({});
});

test('the popup opens the dialog for an address or a name, and asks for one first', async () => {
  await open('popup');
  await page.click('button.main');
  await page.waitForSelector('.bad');
  expect(await page.$eval('.status', (status) => status.textContent)).toBe(en.popup.empty);
  expect(await dialogPages(stage.browser)).toHaveLength(0);
  await page.type('input', ' ada.lovelace@contoso.example ');
  await page.keyboard.press('Enter');
  await dialogPage(stage.browser);
  expect((await stage.kept()).map(({ hint }) => hint)).toEqual([{ address: 'ada.lovelace@contoso.example', host: '' }]);
});

test.each(['options', 'popup'] as const)('axe finds nothing wrong with %s, light and dark', async (name) => {
  await open(name);
  if (name === 'options') await page.waitForSelector('.status .good, .status .bad');
  for (const value of ['light', 'dark']) {
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value }]);
    const { violations, passes } = await axe(page, 'html');
    expect(violations).toEqual([]);
    expect(passes).toBeGreaterThan(10);
  }
});

test.each(['options', 'popup'] as const)('%s fits into 320 pixels', async (name) => {
  await open(name);
  await page.setViewport({ width: 320, height: 800 });
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
});
