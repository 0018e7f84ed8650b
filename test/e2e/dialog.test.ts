// The dialog in its own window of a real browser: what can be read and reached in it, and what it makes of a world that
// goes away and comes back. One stage for all; each test has a person of its own.

import type { Browser, Page } from 'puppeteer-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { dialogPages } from '../browser.ts';
import { cast, homeAddresses } from '../people.ts';
import * as act from '../practice/acts.ts';
import { axe } from './axe.ts';
import { at, type JobStage, press, startJobStage, text } from './job-stage.ts';

let stage: JobStage;
let browser: Browser;

beforeAll(async () => {
  stage = await startJobStage();
  browser = stage.desk.browser;
});

afterAll(() => stage?.close());

afterEach(async () => {
  for (const page of await dialogPages(browser)) await page.close({ runBeforeUnload: false });
});

const gone = (page: Page, testId: string) => page.waitForSelector(at(testId), { hidden: true, timeout: 30_000 });
const standing = (page: Page) => page.$eval(at('arrival'), (one) => (one as HTMLElement).dataset.standing);

/** The buttons that a mouse can't hit in the middle, even after the page was scrolled to them. */
function unreachable(page: Page): Promise<string[]> {
  return page.$$eval('main button, main input, main select, main summary', (controls) =>
    controls.flatMap((control) => {
      control.scrollIntoView({ block: 'nearest' });
      const { left, top, width, height } = control.getBoundingClientRect();
      const hit = document.elementFromPoint(left + width / 2, top + height / 2);
      return hit && (control.contains(hit) || hit.closest('label')?.contains(control)) ? [] : [control.outerHTML];
    }),
  );
}

/** How far the page is wider than its window, in CSS pixels. */
const overflow = (page: Page) =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

async function isSound(page: Page): Promise<void> {
  const { violations, passes } = await axe(page, 'html');
  expect(violations).toEqual([]);
  expect(passes).toBeGreaterThan(15);
  expect(await overflow(page)).toBeLessThanOrEqual(0);
  expect(await unreachable(page)).toEqual([]);
}

describe('in a window of its own', () => {
  it('everything can be read and reached, at its size and at 320 pixels', async () => {
    const dialog = await stage.dialogFor(cast.amara);
    const size = await dialog.evaluate(() => [outerWidth, outerHeight]);
    expect(size).toEqual([480, 720]);
    await isSound(dialog);
    await act.send(dialog);
    await act.untilRung(dialog, 'passwordSet');
    await isSound(dialog);
    await dialog.setViewport({ width: 320, height: 640 });
    await isSound(dialog);
    await press(dialog, 'kill');
    await dialog.waitForSelector('dialog[open]');
    const { violations } = await axe(dialog, 'dialog');
    expect(violations).toEqual([]);
  });

  it('a question is the only thing that can be reached, and gives the focus back', async () => {
    const dialog = await stage.dialogFor(cast.short);
    await act.send(dialog);
    await act.untilRung(dialog, 'passwordSet');
    await press(dialog, 'kill');
    await dialog.waitForSelector(at('kill-question'));
    const focused = new Set<string>();
    for (let tabs = 0; tabs < 8; tabs++) {
      await dialog.keyboard.press('Tab');
      focused.add(await dialog.evaluate(() => document.activeElement?.getAttribute('data-testid') ?? 'none'));
    }
    expect(focused).toContain('confirm-kill');
    expect([...focused].filter((id) => !['confirm-kill', 'keep-running', 'none'].includes(id))).toEqual([]);
    // A mouse meets nothing behind it.
    expect(
      await dialog.$eval(at('send-again'), (button) => {
        const { left, top, width, height } = button.getBoundingClientRect();
        return button.contains(document.elementFromPoint(left + width / 2, top + height / 2));
      }),
    ).toBe(false);
    await dialog.keyboard.press('Escape');
    await gone(dialog, 'kill-question');
    expect(await dialog.evaluate(() => document.activeElement?.getAttribute('data-testid'))).toBe('kill');
    expect(await act.stepOf(dialog)).toBe('reset');
  });
});

describe('when the world goes away and comes back', () => {
  it('a mail server that is down is said, nothing is to be told yet; once it is up the ladder lights', async () => {
    await stage.stopMail();
    const dialog = await stage.dialogFor(cast.hyphen);
    await act.send(dialog);
    await dialog.waitForSelector(`${at('arrival')}[data-standing="retrying"]`, { timeout: 15_000 });
    expect(await text(dialog, 'standing')).toBe('The mail is not out yet; it is tried again');
    expect(await text(dialog, 'rung-accepted')).toContain('The mail server could not be reached.');
    expect(await text(dialog, 'rung-accepted')).not.toMatch(/ECONN|connect/);
    expect(await dialog.$(at('copy-sentence'))).toBeNull();
    await stage.startMail();
    await dialog.waitForSelector(`${at('rung-accepted')}[data-state="done"]`, { timeout: 100_000 });
    await act.untilRung(dialog, 'passwordSet');
    expect(await text(dialog, 'recipient')).toContain('@');
    // The connector's own pace: a minute after the first try.
  }, 150_000);

  it('a connector that restarts: a stop without an answer is not known, then the dialog follows again', async () => {
    const { connector } = stage.practice;
    const dialog = await stage.dialogFor(cast.irish);
    const arriving = stage.practice.mails.next(homeAddresses(cast.irish)[0] ?? '');
    await act.send(dialog);
    await act.untilRung(dialog, 'passwordSet');
    await connector[Symbol.asyncDispose]();
    expect(await text(dialog, 'lost')).not.toMatch(/goes on/);
    await press(dialog, 'kill');
    await press(dialog, 'confirm-kill');
    expect(await text(dialog, 'kill-trouble')).toMatch(/not known/);
    await connector.serve();
    await gone(dialog, 'lost');
    await gone(dialog, 'kill-trouble');
    await press(dialog, 'keep-running');
    const link = /https:\/\/\S+\/r\/\S+/.exec((await arriving).email.text ?? '')?.[0] ?? '';
    const context = await browser.createBrowserContext();
    const page = await context.newPage();
    await page.goto(link);
    await act.showPassword(page);
    await act.untilRung(dialog, 'opened');
    await context.close();
  });
});

describe('people', () => {
  it('two administrators at one person: the second sees the live reset, and whose it is', async () => {
    const person = cast.oneName;
    const other = await stage.another();
    try {
      const [first, second] = [await stage.dialogFor(person), await stage.dialogFor(person, cast.passwordAdmin, other)];
      expect([await act.stepOf(first), await act.stepOf(second)]).toEqual(['form', 'form']);
      await act.send(first);
      // Theirs comes too late: it is refused, and the one that lives is shown.
      await act.send(second);
      expect(await text(second, 'started-by')).toContain(cast.globalAdmin.displayName);
      expect(await first.$(at('started-by'))).toBeNull();
      await act.untilRung(second, 'passwordSet');
      expect(await standing(second)).toBe(await standing(first));
    } finally {
      await other.close();
    }
  });

  it('a sign-in window that was closed is said, and the next try works', async () => {
    await stage.signedOut();
    const dialog = await act.openDialog(browser, stage.desk.users, cast.priya.displayName);
    await press(dialog, 'sign-in');
    const isIt = (url: string) => url.startsWith(`${stage.practice.signIn}/signin/`);
    const window = await (await browser.waitForTarget((one) => one.type() === 'page' && isIt(one.url()))).page();
    await window?.close();
    await dialog.waitForFunction(() => /was closed/.test(document.querySelector('main')?.textContent ?? ''));
    await act.signIn(browser, dialog, stage.practice.signIn, stage.accountOf(cast.globalAdmin));
    expect(await act.untilStep(dialog, 'form')).toBe('form');
  });

  it('of one name are told apart by hand, where the page hides the user names', async () => {
    const users = await act.openUsers(browser);
    await users.locator('::-p-aria([name="Hide usernames"])').click();
    await users.locator('::-p-aria([name="Show usernames"])').wait();
    const dialog = await act.openDialog(browser, users, cast.mariaOfSales.displayName);
    expect(await act.untilStep(dialog, 'picking')).toBe('picking');
    await dialog.waitForSelector(at('pick'));
    const names = await dialog.$$eval(`${at('pick')} .user-name`, (all) => all.map((one) => one.textContent));
    expect(new Set(names)).toEqual(new Set([cast.mariaOfSales.userName, cast.mariaOfWard.userName]));
    expect(names).toHaveLength(2);
    await dialog.locator(`::-p-xpath(//button[contains(., "${cast.mariaOfWard.userName}")])`).click();
    await act.untilStep(dialog, 'form');
    expect(await text(dialog, 'person-user-name')).toBe(cast.mariaOfWard.userName);
    await users.close();
  });
});
