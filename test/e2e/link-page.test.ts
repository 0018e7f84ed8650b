// The one-time page in a real browser: every state it can show, what it asks and when, on a phone's screen and with a
// keyboard. The answers come from a small door of this file's own; the real one is tested with the whole connector.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import Fastify from 'fastify';
import puppeteer, { type Browser, type BrowserContext, type ElementHandle, type Page } from 'puppeteer-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { pageRoutes } from '../../connector/resets/page.ts';
import { codeOf, deriveLink, linkUrl, sealPassword, toBase64url } from '../../shared/link.ts';
import { type LinkTruth, type Opened, parseOpenRequest } from '../../shared/link-open.ts';
import { type Locale, locales } from '../../shared/locale.ts';
import { linkMessages, linkWords } from '../../shared/messages/link.ts';
import { findBrowser } from '../browser.ts';

const id = Uint8Array.from({ length: 16 }, (_, i) => i * 3);
const key = Uint8Array.from({ length: 32 }, (_, i) => 250 - i);
const pin = '04719562';
const context = { tenant: 'default', reset: 'r1' };
const password = 'Il1|O0o8B-"Kestrel\' 5S_$`';
const en = linkMessages.en;

interface Asked {
  readonly action: string;
  readonly body: Record<string, string>;
  readonly headers: Record<string, string | string[] | undefined>;
}
/** An answer: a body for 200, a status alone, or the connection cut. */
type Answer = Opened | LinkTruth | number | 'cut' | (() => Promise<Opened | LinkTruth>);

let origin: string;
let answers: Answer[];
let asked: Asked[];
let requested: string[];
const app = Fastify({ forceCloseConnections: true });

async function opened(changes: Partial<Opened> & { withPin?: boolean } = {}): Promise<Opened> {
  const { withPin, ...rest } = changes;
  const { encKey } = await deriveLink({ id, key, ...(withPin ? { pin } : {}) });
  return {
    ...{ state: 'open', ...(await sealPassword(password, encKey, context, new Uint8Array(12))), ...context },
    ...{ signIn: `${origin}/signin/default`, organisation: 'Contoso', forceChange: true },
    user: { userPrincipalName: 'ayse.yilmaz@contoso.example', displayName: 'Ayşe Yılmaz' },
    ...{ leasedUntil: new Date(Date.now() + 600_000).toISOString(), leaseSeconds: 600, ...rest },
  };
}

let browser: Browser;
let tab: BrowserContext;
let page: Page;
let trouble: string[];

beforeAll(async () => {
  app.addHook('onRequest', async (request) => {
    requested.push(`${request.method} ${request.url}`);
  });
  await app.register(pageRoutes(), { prefix: '/r' });
  app.get('/signin/default', async (request, reply) =>
    reply.type('text/html').send(`<title>Sign in</title>${request.headers.referer ?? 'no referrer'}`),
  );
  app.post<{ Params: { id: string; action: string }; Body: Record<string, string> }>(
    '/r/:id/:action',
    async ({ params, body, headers }, reply) => {
      asked.push({ action: params.action, body, headers });
      const answer = answers.shift();
      if (answer === undefined) throw new Error('no answer is left');
      if (answer === 'cut') {
        // half an answer: a connection that ends without a byte would be tried again by the browser itself
        reply.hijack();
        reply.raw.socket?.end('HTTP/1.1 200 OK\r\ncontent-length: 400\r\n\r\n{"state":"op');
        return reply;
      }
      if (typeof answer === 'number')
        return reply.code(answer).send(answer === 403 ? { code: 'linkNotOpened' } : undefined);
      return typeof answer === 'function' ? answer() : answer;
    },
  );
  origin = (await app.listen({ port: 0, host: '127.0.0.1' })).replace('127.0.0.1', 'localhost');
  const executablePath = findBrowser();
  if (!executablePath) throw new Error('No Chromium, Chrome or Edge was found.');
  browser = await puppeteer.launch({ executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] });
});
afterAll(async () => {
  await browser?.close();
  await app.close();
});
beforeEach(async () => {
  [answers, asked, requested, trouble] = [[], [], [], []];
  tab = await browser.createBrowserContext();
  page = await newPage();
});
afterEach(async () => {
  await tab.close();
  expect(trouble).toEqual([]);
});

async function newPage(): Promise<Page> {
  const made = await tab.newPage();
  await made.setViewport({ width: 360, height: 740 });
  made.on('pageerror', (error) => trouble.push(String(error)));
  made.on('console', (message) => {
    // the browser's own line about an answer that is meant to be an error
    if (['error', 'warn'].includes(message.type()) && !/^Failed to load resource/.test(message.text())) {
      trouble.push(message.text());
    }
  });
  return made;
}

const link = (locale: Locale = 'en', withPin = false) => linkUrl(origin, { id, key, locale, pin: withPin });
const heading = async () => page.$eval('h1', (element) => element.textContent);
const until = (title: string) =>
  page.waitForFunction((text) => document.querySelector('h1')?.textContent === text, { timeout: 10_000 }, title);
const press = async (name: string) => {
  const button = (await page.waitForSelector(`::-p-aria([name="${name}"][role="button"])`)) as ElementHandle<Element>;
  await button.click();
};
const text = () => page.$eval('body', (element) => element.textContent ?? '');
const posts = () => requested.filter((line) => !line.startsWith('GET'));

async function visit(url = link()): Promise<void> {
  await page.goto(url);
  await page.waitForSelector('h1, noscript');
}

async function refresh(): Promise<void> {
  await page.reload();
  await page.waitForSelector('h1');
}

describe('before anything is pressed', () => {
  test('nothing is asked, and the secret is out of the address bar and the history', async () => {
    await visit();
    expect(await heading()).toBe(en.start.title);
    expect(posts()).toEqual([]);
    expect(requested.filter((line) => line.includes('#') || line.includes(toBase64url(key)))).toEqual([]);
    expect(await page.evaluate(() => location.href)).toBe(`${origin}/r/${toBase64url(id)}`);
    expect(await page.evaluate(() => history.length)).toBe(2);
    expect(await page.evaluate(() => document.cookie)).toBe('');
    expect(await page.evaluate(() => Object.keys(localStorage).length)).toBe(0);
    expect(await page.content()).not.toContain(toBase64url(key));
  });

  test.each(locales)('the fragment says the language: %s', async (locale) => {
    await visit(link(locale));
    expect(await heading()).toBe(linkMessages[locale].start.title);
    expect(await page.evaluate(() => document.documentElement.lang)).toBe(locale);
    expect(await page.title()).toBe(linkMessages[locale].tab);
  });

  test('the language can be changed, and stays after a refresh', async () => {
    await visit();
    await press('Türkçe');
    expect(await heading()).toBe(linkMessages.tr.start.title);
    await refresh();
    expect(await heading()).toBe(linkMessages.tr.start.title);
    expect(posts()).toEqual([]);
  });

  test('without scripts it says so, in both languages', async () => {
    await page.setJavaScriptEnabled(false);
    await visit();
    expect(await text()).toMatch(/This page needs JavaScript[\s\S]*Bu sayfa JavaScript gerektirir/);
  });

  test('a scanner that presses every button and submits every form on a link without fragment asks nothing', async () => {
    await visit(`${origin}/r/${toBase64url(id)}`);
    for (const button of await page.$$('button')) await button.click().catch(() => {});
    await page.evaluate(() => {
      for (const form of document.forms) form.requestSubmit();
    });
    await page.waitForNetworkIdle({ idleTime: 200 });
    expect(posts()).toEqual([]);
  });
});

describe('showing the password', () => {
  test('once, big, exactly as it is, with user name and sign-in; the request is the page’s own', async () => {
    await visit();
    answers.push(await opened());
    await press(en.start.show);
    await until(en.password.title);
    expect(await page.$eval('#password', (element) => element.textContent)).toBe(password);
    expect(
      await page.$eval('#password', (element) => [element.getAttribute('dir'), element.getAttribute('translate')]),
    ).toEqual(['ltr', 'no']);
    // as it is drawn and selected, too: nothing added, no space collapsed
    // biome-ignore lint/performance/useDomNodeTextContent: it is the drawn text that is asked about
    expect(await page.$eval('#password', (element) => (element as HTMLElement).innerText)).toBe(password);
    const shown = await text();
    for (const piece of ['Contoso', 'Ayşe Yılmaz', 'ayse.yilmaz@contoso.example', en.password.stepChange]) {
      expect(shown).toContain(piece);
    }
    expect(asked).toHaveLength(1);
    expect(parseOpenRequest(asked[0]?.body)).toEqual(asked[0]?.body);
    expect(asked[0]?.headers).toMatchObject({
      origin,
      'content-type': 'application/json',
      'sec-fetch-site': 'same-origin',
    });
    expect(asked[0]?.headers).not.toHaveProperty('cookie');
    expect(asked[0]?.headers).not.toHaveProperty('referer');
  });

  test('spelled out, every character has its name', async () => {
    await visit();
    answers.push(await opened());
    await press(en.start.show);
    await until(en.password.title);
    await page.click('summary');
    const items = await page.$$eval('.spell li', (all) => all.map((item) => item.textContent?.trim()));
    expect(items).toHaveLength(password.length);
    expect(items.slice(0, 6)).toEqual([
      'I capital I',
      'l small l',
      '1 digit 1',
      '| vertical bar',
      'O capital O',
      '0 digit 0',
    ]);
  });

  test('a refresh, and a lost answer before it, show it again to the same holder', async () => {
    await visit();
    answers.push('cut', await opened());
    await press(en.start.show);
    await until(en.trouble.unreachable.title);
    await press(en.tryAgain);
    await until(en.password.title);
    await refresh();
    expect(await heading()).toBe(en.start.title);
    expect(asked).toHaveLength(2);
    answers.push(await opened());
    await press(en.start.show);
    await until(en.password.title);
    expect(new Set(asked.map(({ body }) => body.holder)).size).toBe(1);
    expect(new Set(asked.map(({ body }) => body.proof)).size).toBe(1);
  });

  test('offline, then online: nothing is lost', async () => {
    await visit();
    await page.setOfflineMode(true);
    await press(en.start.show);
    await until(en.trouble.unreachable.title);
    await page.setOfflineMode(false);
    answers.push(await opened());
    await press(en.tryAgain);
    await until(en.password.title);
  });

  test('another tab is another holder', async () => {
    for (const at of [0, 1]) {
      if (at === 1) page = await newPage();
      await visit();
      answers.push(await opened());
      await press(en.start.show);
      await until(en.password.title);
    }
    expect(new Set(asked.map(({ body }) => body.holder)).size).toBe(2);
  });

  test('a double click asks once', async () => {
    await visit();
    answers.push(() => new Promise((resolve) => setTimeout(async () => resolve(await opened()), 300)));
    const button = await page.$('main button.primary');
    await button?.click({ count: 2 });
    await until(en.password.title);
    expect(asked).toHaveLength(1);
  });

  test('copy buttons copy exactly, and say so', async () => {
    await tab.overridePermissions(origin, ['clipboard-read', 'clipboard-write', 'clipboard-sanitized-write']);
    await visit();
    answers.push(await opened());
    await press(en.start.show);
    await until(en.password.title);
    await page.bringToFront();
    await press(en.password.copyPassword);
    await page.waitForFunction(
      (copied) => document.querySelector('#status')?.textContent === copied,
      {},
      en.password.copied,
    );
    // what was copied is read by pasting it, since the page itself may not read
    await page.evaluate(() => document.querySelector('main')?.append(document.createElement('textarea')));
    await page.focus('textarea');
    await page.keyboard.down('Control');
    await page.keyboard.press('v');
    await page.keyboard.up('Control');
    expect(await page.$eval('textarea', (field) => field.value)).toBe(password);
  });

  test('where copying is not allowed, the password is selected for copying by hand', async () => {
    await visit();
    await page.evaluate(() => {
      Object.defineProperty(navigator, 'clipboard', { value: { writeText: () => Promise.reject(new Error('no')) } });
    });
    answers.push(await opened());
    await press(en.start.show);
    await until(en.password.title);
    await press(en.password.copyPassword);
    await page.waitForFunction(() => getSelection()?.toString() !== '');
    expect(await page.evaluate(() => getSelection()?.toString())).toBe(password);
    expect(await text()).toContain(en.password.copyByHand);
  });

  test('the sign-in opens in a tab that knows nothing of this one', async () => {
    await visit();
    answers.push(await opened());
    await press(en.start.show);
    await until(en.password.title);
    const opening = tab.waitForTarget((target) => target.url().includes('/signin/'));
    await page.click('a.primary');
    const other = await (await opening).page();
    await other?.waitForSelector('body');
    expect(await other?.evaluate(() => [window.opener, document.body.textContent])).toEqual([null, 'no referrer']);
  });

  test('"I have signed in" ends it: gone from the page and from the tab', async () => {
    await visit();
    answers.push(await opened(), 'cut', 204);
    await press(en.start.show);
    await until(en.password.title);
    await press(en.password.done);
    await until(en.trouble.unreachable.title);
    await press(en.tryAgain);
    await until(en.done.title);
    expect(asked.slice(1).map(({ action, body }) => [action, Object.keys(body)])).toEqual([
      ['done', ['holder']],
      ['done', ['holder']],
    ]);
    expect(asked[1]?.body.holder).toBe(asked[0]?.body.holder);
    expect(await page.content()).not.toContain('Kestrel');
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
    await refresh();
    expect(await heading()).toBe(en.code.title);
  });

  test('the lease’s end hides it, with a warning a minute before', async () => {
    await visit();
    answers.push(await opened({ leaseSeconds: 62 }));
    await press(en.start.show);
    await until(en.password.title);
    await page.waitForFunction(
      (said) => document.querySelector('#status')?.textContent === said,
      { timeout: 6000 },
      en.password.lastMinute,
    );
    expect(await heading()).toBe(en.password.title);
    // the clock of the page is set forward: what counts is the time, not the ticks
    await page.evaluate(() => {
      const ahead = Date.now;
      Date.now = () => ahead() + 61_000;
    });
    await until(en.leaseOver.title);
    expect(await page.content()).not.toContain('Kestrel');
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
  });

  test('a link pasted into the tab of an older one begins anew', async () => {
    await visit();
    answers.push({ state: 'superseded' });
    await press(en.start.show);
    await until(en.truths.superseded.title);
    await page.evaluate((url) => location.assign(url), link('tr'));
    await until(linkMessages.tr.start.title);
    expect(await page.evaluate(() => location.hash)).toBe('');
  });
});

test.each(locales)(
  'a Temporary Access Pass is spoken of as what it is, from the first screen on, in %s',
  async (locale) => {
    const words = linkWords(locale, 'temporaryAccessPass');
    const url = linkUrl(origin, { id, key, locale, pin: false, credential: 'temporaryAccessPass' });
    answers.push({ state: 'notReady' }, await opened({ credential: 'temporaryAccessPass', forceChange: false }));
    await visit(url);
    expect([await heading(), await page.title()]).toEqual([words.start.title, words.tab]);
    await press(words.start.show);
    await until(words.truths.notReady.title);
    await refresh();
    expect(await heading()).toBe(words.start.title);
    await press(words.start.show);
    await until(words.password.title);
    expect(await page.$eval('#password', (element) => element.textContent)).toBe(password);
    expect(await page.$$eval('.steps li', (all) => all.map((one) => one.textContent))).toEqual([
      words.password.stepCopy,
      words.password.stepSignIn,
      words.password.stepChange,
    ]);
    expect(await text()).toContain(words.password.copyPassword);
    expect(await text()).not.toContain(linkMessages[locale].password.title);
  },
);

describe('the PIN', () => {
  test('is asked for, grouped while typed, refused locally when it cannot be one, counted down when wrong', async () => {
    await visit(link('en', true));
    expect(await heading()).toBe(en.pin.title);
    await page.type('#field', '0471');
    await page.keyboard.press('Enter');
    expect(await page.$eval('#wrong', (element) => element.textContent)).toBe(en.pin.invalid);
    expect(await page.$eval('#field', (element) => element.getAttribute('aria-invalid'))).toBe('true');
    expect(posts()).toEqual([]);
    await page.type('#field', '9563');
    expect(await page.$eval('#field', (element) => (element as HTMLInputElement).value)).toBe('0471 9563');
    answers.push({ state: 'pinWrong', left: 4 });
    await page.keyboard.press('Enter');
    await page.waitForFunction((said) => document.querySelector('#wrong')?.textContent === said, {}, en.pin.wrong(4));
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('field');
    answers.push(await opened({ withPin: true }));
    await page.type('#field', pin);
    await page.keyboard.press('Enter');
    await until(en.password.title);
    expect(await page.$eval('#password', (element) => element.textContent)).toBe(password);
    const { proof, proofPin = new Uint8Array() } = await deriveLink({ id, key, pin });
    expect(asked[1]?.body).toMatchObject({ proof: toBase64url(proof), proofPin: toBase64url(proofPin) });
  });

  test('is asked for when only the server knows of it', async () => {
    await visit();
    answers.push({ state: 'pinNeeded' });
    await press(en.start.show);
    await until(en.pin.title);
    expect(await text()).toContain(en.pin.unknown);
  });

  test('has a phone’s number pad, and no place in the browser’s memory', async () => {
    await visit(link('en', true));
    const field = await page.$eval('#field', (element) => [
      element.getAttribute('inputmode'),
      element.getAttribute('autocomplete'),
    ]);
    expect(field).toEqual(['numeric', 'off']);
  });
});

describe('the code from the mail', () => {
  test('stands in for a fragment that was cut off', async () => {
    await visit(`${origin}/r/${toBase64url(id)}`);
    expect(await heading()).toBe(en.code.title);
    const code = await codeOf({ key, pin: false });
    await page.type('#field', code.slice(0, 20).toLowerCase());
    expect(await page.$eval('#help', (element) => element.textContent)).toBe(en.code.count(16, 56));
    await press(en.code.next);
    await page.waitForFunction(
      (said) => document.querySelector('#wrong')?.textContent === said,
      {},
      en.code.incomplete(16, 56),
    );
    await page.type('#field', code.slice(20, -1) + (code.endsWith('7') ? '8' : '7'));
    await press(en.code.next);
    await page.waitForFunction((said) => document.querySelector('#wrong')?.textContent === said, {}, en.code.mistyped);
    await page.$eval('#field', (field) => {
      (field as HTMLTextAreaElement).value = '';
    });
    await page.type('#field', code);
    await press(en.code.next);
    await until(en.start.title);
    expect(posts()).toEqual([]);
    answers.push(await opened());
    await press(en.start.show);
    await until(en.password.title);
  });

  test('knows that a PIN is needed', async () => {
    await visit(`${origin}/r/${toBase64url(id)}#1.en.cut`);
    expect(await page.evaluate(() => location.hash)).toBe('');
    await page.type('#field', await codeOf({ key, pin: true }));
    await press(en.code.next);
    await until(en.pin.title);
  });
});

describe('the truth', () => {
  const states = ['nothingChanged', 'expired', 'recalled', 'superseded', 'pinLocked', 'finished'] as const;
  test.each(states)('%s, and whom to ask', async (state) => {
    await visit();
    answers.push({ state, organisation: 'Contoso', support: 'help desk, 4357' });
    await press(en.start.show);
    await until(en.truths[state].title);
    const shown = await text();
    expect(shown).toContain(en.truths[state].body);
    expect(shown).toContain('help desk, 4357');
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('H1');
  });

  test('not ready yet: the page looks again by itself and then shows the password', async () => {
    await visit();
    answers.push({ state: 'notReady' }, { state: 'notReady' }, await opened());
    await press(en.start.show);
    await until(en.truths.notReady.title);
    await until(en.password.title);
    expect(asked).toHaveLength(3);
  });

  test('opened elsewhere: "that was not me" tells the administrator', async () => {
    await visit();
    const at = new Date();
    at.setHours(10, 42, 0, 0);
    answers.push({ state: 'openedElsewhere', at: at.toISOString() }, 503, 204);
    await press(en.start.show);
    await until(en.openedElsewhere.title);
    expect(await text()).toMatch(/10:42/);
    await press(en.openedElsewhere.notMe);
    await until(en.trouble.busy.title);
    await press(en.tryAgain);
    await until(en.openedElsewhere.alarmed.title);
    expect(asked.slice(1).map(({ action, body }) => [action, Object.keys(body)])).toEqual([
      ['alarm', ['proof']],
      ['alarm', ['proof']],
    ]);
  });

  test('no right proof: the code can be entered', async () => {
    await visit();
    answers.push(403);
    await press(en.start.show);
    await until(en.refused.title);
    await press(en.refused.enterCode);
    await until(en.code.title);
  });

  test.each([
    [503, 'busy'],
    [429, 'busy'],
    [500, 'fault'],
  ] as const)('%i: a sentence, and another try', async (status, kind) => {
    await visit();
    answers.push(status, await opened());
    await press(en.start.show);
    await until(en.trouble[kind].title);
    await press(en.tryAgain);
    await until(en.password.title);
  });
});

describe('for everybody', () => {
  const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  const screens: Record<string, { url: () => string; answer?: () => Promise<Answer> }> = {
    start: { url: () => link() },
    pin: { url: () => link('en', true) },
    code: { url: () => `${origin}/r/${toBase64url(id)}` },
    password: { url: () => link(), answer: () => opened() },
    truth: { url: () => link(), answer: async () => ({ state: 'recalled', organisation: 'Contoso', support: '4357' }) },
    openedElsewhere: {
      url: () => link(),
      answer: async () => ({ state: 'openedElsewhere', at: new Date().toISOString() }),
    },
    trouble: { url: () => link(), answer: async () => 503 },
  };

  test.each(Object.keys(screens).flatMap((name) => ['light', 'dark'].map((scheme) => [name, scheme] as const)))(
    '%s in %s: nothing for axe to complain of, nothing wider than 320 px, every target big enough',
    async (name, scheme) => {
      const { url, answer } = screens[name] ?? { url: link };
      await page.setViewport({ width: 320, height: 640 });
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
      await visit(url());
      if (answer) {
        answers.push(await answer());
        await press(en.start.show);
        await page.waitForSelector(`main[data-screen="${name}"]`);
        await page.$eval('details', (element) => element.setAttribute('open', '')).catch(() => {});
      }
      await page.evaluate(axe);
      const found = await page.evaluate(async () => {
        // biome-ignore lint/suspicious/noExplicitAny: axe has put itself into the page
        const results = await (globalThis as any).axe.run(document, {
          runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
        });
        if (results.passes.length < 10) throw new Error('axe looked at nothing');
        return results.violations.map(
          (violation: { id: string; nodes: { html: string; failureSummary: string }[] }) => [
            violation.id,
            ...violation.nodes.map((node) => `${node.html} ${node.failureSummary}`),
          ],
        );
      });
      expect(found).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
      const small = await page.$$eval('button, a, summary, input, textarea', (all) =>
        all
          .map((element) => [element.textContent, element.getBoundingClientRect()] as const)
          .filter(([, box]) => box.height < 24 || box.width < 24)
          .map(([name]) => name),
      );
      expect(small).toEqual([]);
    },
  );

  test('by keyboard alone, from the link to "I have signed in"', async () => {
    await visit(link('en', true));
    const focusOn = async (selector: string) => {
      for (let i = 0; i < 12; i++) {
        await page.keyboard.press('Tab');
        if (await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector)) return;
      }
      throw new Error(`${selector} was not reached`);
    };
    await focusOn('#field');
    await page.keyboard.type(pin);
    answers.push(await opened({ withPin: true }), 204);
    await page.keyboard.press('Enter');
    await until(en.password.title);
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('H1');
    await focusOn('summary');
    await page.keyboard.press('Enter');
    expect(await page.$eval('details', (element) => element.open)).toBe(true);
    await focusOn('#done');
    await page.keyboard.press('Enter');
    await until(en.done.title);
  });
});
