// The button in the row, in a real Chromium, in front of the real list: there when a row is painted, true, reachable,
// deaf to scripts, and unseen by the page.

import type { Page } from 'puppeteer-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { practiceId } from '../../extension/identity.ts';
import { rowMessages } from '../../shared/messages/row.ts';
import { dialogPages } from '../browser.ts';
import { axe } from './axe.ts';
import { jump, people, rowsOf, type Stage, settle, startStage } from './stage.ts';

let stage: Stage;
let page: Page;

beforeAll(async () => {
  stage = await startStage();
});
afterAll(() => stage?.close());
afterEach(async () => {
  for (const each of await stage.browser.pages()) if (each.url() !== 'about:blank') await each.close();
});

/** Every row that is in the page has one button with the name that the row shows. */
async function expectTrue(least = 1, words = rowMessages.en): Promise<void> {
  const rows = await rowsOf(page);
  expect(rows.length).toBeGreaterThanOrEqual(least);
  expect(rows).toEqual(rows.map(({ name }) => ({ name, labels: [words.labelFor(name)] })));
}

async function expectNothingPaintedWithout(): Promise<void> {
  const painted = await page.evaluate(() => window.painted);
  expect(painted.frames).toBeGreaterThan(0);
  expect(painted.rows).toBeGreaterThan(0);
  expect(painted).toMatchObject({ without: 0, double: 0 });
}

/** The dialogs' windows once there are this many; waits for a moment longer, so that one too many would be seen. */
async function dialogs(count: number) {
  const until = Date.now() + 10_000;
  while ((await dialogPages(stage.browser)).length < count && Date.now() < until) await settle(page);
  for (let frame = 0; frame < 10; frame++) await settle(page);
  return dialogPages(stage.browser);
}

const buttonOf = (name: string) => `[aria-label="${rowMessages.en.labelFor(name)}"]`;

describe('every row has its button when it is painted', () => {
  test('at first', async () => {
    page = await stage.open();
    await settle(page);
    await expectTrue(people.length);
    await expectNothingPaintedWithout();
  });

  test('over forty jumps through five thousand rows', async () => {
    page = await stage.open('rows=5000');
    await jump(page);
    await expectTrue(10);
    await expectNothingPaintedWithout();
    expect(await page.$eval('.list', (list) => list.scrollTop)).toBeGreaterThan(50_000);
    expect(await page.evaluate(() => window.painted.rows)).toBeGreaterThan(500);
  });

  test('when five thousand rows come at once', async () => {
    page = await stage.open('rows=5000&all=1');
    await page.waitForFunction(() => document.querySelectorAll('.rr-reset').length === 5000, { timeout: 30_000 });
    await expectTrue(5000);
    await expectNothingPaintedWithout();
  });

  test.each(['rows=400', 'rows=400&keyless=1'])('after sorting, searching and filtering (%s)', async (query) => {
    page = await stage.open(query);
    await settle(page);
    const first = async () => (await rowsOf(page))[0]?.name;
    const before = await first();
    await page.click('[role="columnheader"][data-item-key="DisplayName"]');
    await settle(page);
    expect(await first()).not.toBe(before);
    await expectTrue(10);
    await page.type('[data-automation-id="UserListV2,CommandBarSearchInputBox"]', '0001');
    await settle(page);
    expect(await first()).toMatch(/0001/);
    await expectTrue(9);
    await page.click('.search button');
    await settle(page);
    await page.click('.command-bar button[aria-haspopup]');
    await page.click('.ms-ContextualMenu-link ::-p-text(Unlicensed users)');
    await settle(page);
    await expectTrue(10);
    await expectNothingPaintedWithout();
  });

  test('after the columns have changed', async () => {
    page = await stage.open();
    await page.click('.command-bar ::-p-text(Hide usernames)');
    await settle(page);
    await expectTrue(people.length);
    await expectNothingPaintedWithout();
  });

  test('after going away and coming back, and when the page begins elsewhere', async () => {
    page = await stage.open('', '#/homepage');
    await settle(page);
    expect(await page.$$('.rr-reset')).toHaveLength(0);
    for (let round = 0; round < 2; round++) {
      await page.click('nav a[href="#/users"]');
      await page.waitForSelector('[data-automationid="DetailsRow"]');
      await settle(page);
      await expectTrue(people.length);
      await page.click('nav a[href="#/groups"]');
      await settle(page);
      expect(await page.$$('.rr-reset')).toHaveLength(0);
    }
    await page.goBack();
    await page.waitForSelector('[data-automationid="DetailsRow"]');
    await settle(page);
    await expectTrue(people.length);
    await expectNothingPaintedWithout();
  });

  test('after the page has overwritten, replaced or moved its cells', async () => {
    page = await stage.open();
    await settle(page);
    await page.evaluate(() => {
      const cells = [...document.querySelectorAll('[data-automation-key="DisplayName"] .name')].map(
        (name) => name.parentElement as HTMLElement,
      );
      const [wiped, renamed, replaced, moved] = cells;
      if (wiped) wiped.innerHTML = '<span role="button">Wiped Out</span>';
      const text = renamed?.querySelector('[role="button"]')?.firstChild;
      if (text) text.nodeValue = 'Renamed Person';
      replaced?.replaceWith(replaced.cloneNode(true));
      const row = moved?.closest('[data-automationid="DetailsRow"]');
      row?.parentElement?.append(row);
    });
    await settle(page);
    await expectTrue(people.length);
    expect((await rowsOf(page)).map(({ name }) => name)).toEqual(
      expect.arrayContaining(['Wiped Out', 'Renamed Person']),
    );
    await expectNothingPaintedWithout();
  });
});

test('the button changes no row’s height, and is where it can be pressed', async () => {
  page = await stage.open();
  await settle(page);
  const measured = await page.$$eval('[data-automationid="DetailsRow"]', (rows) =>
    rows.map((row) => {
      const button = row.querySelector<HTMLElement>('.rr-reset');
      const box = button?.getBoundingClientRect();
      const cell = button?.parentElement?.getBoundingClientRect();
      const with_ = row.getBoundingClientRect().height;
      button?.remove();
      const without = row.getBoundingClientRect().height;
      return {
        same: with_ === without,
        width: box?.width ?? 0,
        height: box?.height ?? 0,
        inside: !!box && !!cell && box.top >= cell.top && box.bottom <= cell.bottom && box.right <= cell.right,
      };
    }),
  );
  for (const row of measured) {
    expect(row).toMatchObject({ same: true, inside: true });
    expect(row.width).toBeGreaterThanOrEqual(24);
    expect(row.height).toBeGreaterThanOrEqual(24);
  }
  await settle(page);
  await expectTrue(people.length);
});

test('in a narrow column it is its icon, with the same name; a long name ends before it', async () => {
  page = await stage.open();
  const shown = () =>
    page.$$eval('.rr-reset', (buttons) =>
      buttons.map((button) => {
        const name = button.parentElement?.querySelector('[role="button"]')?.getBoundingClientRect();
        return {
          // The label is wider than the icon's button; what doesn't fit is cut off.
          label: button.clientWidth > 60 && button.scrollWidth <= button.clientWidth,
          clear: !!name && name.right <= button.getBoundingClientRect().left,
        };
      }),
    );
  await settle(page);
  expect(await shown()).toEqual(people.map(() => ({ label: true, clear: true })));
  await page.setViewport({ width: 700, height: 900 });
  await page.waitForFunction(() => (document.querySelector('.rr-reset')?.clientWidth ?? 99) < 40);
  expect(await shown()).toEqual(people.map(() => ({ label: false, clear: true })));
  await expectTrue(people.length);
});

describe('a press', () => {
  test('opens the dialog’s window with what the row shows, and the page sees nothing of it', async () => {
    page = await stage.open();
    await settle(page);
    await page.evaluate(() => {
      const seen: string[] = [];
      Object.assign(window, { seen });
      for (const type of ['pointerdown', 'mousedown', 'mouseup', 'click', 'dblclick', 'keydown']) {
        for (const capture of [true, false]) document.addEventListener(type, () => seen.push(type), capture);
      }
    });
    await page.click(buttonOf('İbrahim Çelik'));
    const [dialog] = await dialogs(1);
    expect(dialog?.url()).toMatch(/^chrome-extension:\/\/[a-p]{32}\/dialog\.html\?w=[0-9a-f-]{36}$/);
    expect((await stage.kept()).map(({ hint }) => hint)).toEqual([
      { address: 'person.6@contoso.example', displayName: 'İbrahim Çelik', host: 'admin.cloud.microsoft' },
    ]);
    expect(await page.evaluate('seen')).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.dataset.invoked)).toBeUndefined();
    expect(await page.$('[role="row"][aria-selected="true"]')).toBeNull();
    expect(new URL(page.url()).hash).toBe('#/users');
  });

  test('that is doubled opens one window; another person’s opens another', async () => {
    page = await stage.open();
    await settle(page);
    await page.click(buttonOf('Ada Lovelace'), { count: 2, delay: 10 });
    expect(await dialogs(1)).toHaveLength(1);
    await page.bringToFront();
    await page.click(buttonOf('Ada Lovelace'));
    expect(await dialogs(1)).toHaveLength(1);
    await page.click(buttonOf('Grace Hopper'));
    expect(await dialogs(2)).toHaveLength(2);
  });

  test('works after the background was ended, and finds the window that is open', async () => {
    page = await stage.open();
    await settle(page);
    await stage.evict();
    await page.click(buttonOf('Ada Lovelace'));
    expect(await dialogs(1)).toHaveLength(1);
    await stage.evict();
    await page.click(buttonOf('Ada Lovelace'));
    const [dialog, ...others] = await dialogs(1);
    expect(others).toEqual([]);
    await dialog?.close();
    await page.click(buttonOf('Ada Lovelace'));
    expect(await dialogs(1)).toHaveLength(1);
    expect(await stage.kept()).toHaveLength(1);
  });

  test('in a recycled row means the person who is shown now', async () => {
    page = await stage.open('keyless=1');
    await settle(page);
    await page.evaluate(() => Object.assign(window, { first: document.querySelector('.rr-reset') }));
    await page.click('[role="columnheader"][data-item-key="DisplayName"]');
    await settle(page);
    expect(await page.evaluate('first === document.querySelector(".rr-reset")')).toBe(true);
    const [top] = await rowsOf(page);
    await page.click('.rr-reset');
    await dialogs(1);
    const [opened] = await stage.kept();
    expect(opened?.hint.displayName).toBe(top?.name);
    expect(opened?.hint.address).toBe(people.find(({ displayName }) => displayName === top?.name)?.userPrincipalName);
  });

  test('beside open details takes their object id for the person whose they are, and for nobody else', async () => {
    const [ada, alan] = people;
    page = await stage.open('', `#/users/:/UserDetails/${ada?.id}`);
    await page.waitForSelector('[role="row"][aria-selected="true"]');
    await settle(page);
    await page.click(buttonOf(ada?.displayName ?? ''));
    await page.bringToFront();
    await page.click(buttonOf(alan?.displayName ?? ''));
    await dialogs(2);
    const hints = (await stage.kept()).map(({ hint }) => [hint.displayName, hint.objectId]);
    expect(Object.fromEntries(hints)).toEqual({ 'Ada Lovelace': ada?.id, 'Alan Turing': undefined });
  });

  test('by a script of the page does nothing', async () => {
    page = await stage.open();
    await settle(page);
    const dropped = await page.evaluate(() => {
      const button = document.querySelector<HTMLElement>('.rr-reset');
      if (!button) return 0;
      let made = 0;
      const press = (act: () => void) => {
        act();
        made++;
      };
      press(() => button.click());
      press(() => button.querySelector('svg')?.dispatchEvent(new MouseEvent('click', { bubbles: true })));
      for (const type of ['pointerdown', 'mousedown', 'mouseup', 'click', 'dblclick']) {
        press(() => button.dispatchEvent(new MouseEvent(type, { bubbles: true, composed: true })));
      }
      button.focus();
      for (const key of ['Enter', ' ']) {
        press(() => button.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true })));
        press(() => button.dispatchEvent(new KeyboardEvent('keyup', { key, bubbles: true })));
      }
      const copy = button.cloneNode(true) as HTMLElement;
      document.body.append(copy);
      press(() => copy.click());
      copy.remove();
      return made;
    });
    expect(dropped).toBe(12);
    expect(await dialogs(0)).toHaveLength(0);
    expect(await stage.kept()).toHaveLength(0);
    // And it still works by hand.
    await page.click(buttonOf('Ada Lovelace'));
    expect(await dialogs(1)).toHaveLength(1);
  });

  test('can be made with the keyboard alone: into the list, along the row, Enter', async () => {
    page = await stage.open();
    await settle(page);
    await page.focus('[data-automation-id="UserListV2,CommandBarSearchInputBox"]');
    const focused = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? '');
    const inRow = () => page.evaluate(() => !!document.activeElement?.closest('[data-automationid="DetailsRow"]'));
    for (let press = 0; press < 8 && !(await inRow()); press++) await page.keyboard.press('Tab');
    // From the column headers, down into the rows, as in any such list.
    for (let press = 0; press < 4 && !(await inRow()); press++) await page.keyboard.press('ArrowDown');
    expect(await inRow()).toBe(true);
    const walked: string[] = [];
    for (let press = 0; press < 8 && !walked.at(-1)?.startsWith(rowMessages.en.label); press++) {
      await page.keyboard.press('ArrowRight');
      walked.push(await focused());
    }
    expect(walked.at(-1)).toMatch(/^Reset & resend – /);
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement as Element).outlineStyle);
    expect(outline).toBe('solid');
    await page.keyboard.press('Enter');
    expect(await dialogs(1)).toHaveLength(1);
    await (await dialogs(1))[0]?.close();
    await page.bringToFront();
    expect(await focused()).toBe(walked.at(-1));
    await page.keyboard.press('Space');
    expect(await dialogs(1)).toHaveLength(1);
    expect(await page.evaluate(() => document.documentElement.dataset.invoked)).toBeUndefined();
  });
});

test('when the extension was updated under the page, the button says so, and its next press loads the page again', async () => {
  page = await stage.open();
  await settle(page);
  await stage.update();
  await page.click(buttonOf('Ada Lovelace'));
  const reload = `[aria-label="${rowMessages.en.reload}"]`;
  expect(await page.waitForSelector(reload).then((button) => button?.evaluate(({ textContent }) => textContent))).toBe(
    rowMessages.en.reload,
  );
  expect(await page.$$(reload)).toHaveLength(people.length);
  await Promise.all([page.waitForNavigation(), page.click(reload)]);
  await page.waitForSelector('[data-automationid="DetailsRow"]');
  await settle(page);
  await expectTrue(people.length);
  await page.click(buttonOf('Ada Lovelace'));
  expect(await dialogs(1)).toHaveLength(1);
});

test('the button speaks the language that the settings say, at once', async () => {
  page = await stage.open();
  await settle(page);
  const options = await stage.browser.newPage();
  await options.goto(`chrome-extension://${practiceId}/options.html`);
  await options.waitForSelector('select');
  await options.select('select', 'tr');
  await page.bringToFront();
  await page.waitForFunction(
    (label) => document.querySelector('.rr-reset')?.textContent === label,
    {},
    rowMessages.tr.label,
  );
  await expectTrue(people.length, rowMessages.tr);
  expect(await page.$eval('.rr-reset', (button) => (button as HTMLElement).lang)).toBe('tr');
  await options.bringToFront();
  await options.select('select', '');
  await page.bringToFront();
  await page.waitForFunction(
    (label) => document.querySelector('.rr-reset')?.textContent === label,
    {},
    rowMessages.en.label,
  );
});

test('the button is faint when the last sign-in showed no role for it, and can be pressed all the same', async () => {
  page = await stage.open();
  await settle(page);
  const options = await stage.browser.newPage();
  await options.goto(`chrome-extension://${practiceId}/options.html`);
  const note = (mayReset: boolean) => options.evaluate(`chrome.storage.local.set({ mayReset: ${mayReset} })`);
  await note(false);
  await page.bringToFront();
  await page.waitForSelector('.rr-reset[data-faint]');
  await expectTrue(people.length);
  expect(await page.$eval('.rr-reset', (button) => button.getAttribute('title'))).toContain(rowMessages.en.faint);
  await page.click(buttonOf('Ada Lovelace'));
  expect(await dialogs(1)).toHaveLength(1);
  await note(true);
  await page.bringToFront();
  await page.waitForFunction(() => document.querySelector('.rr-reset') && !document.querySelector('[data-faint]'));
});

test.each([1360, 700])('axe finds nothing wrong with it, %i pixels wide (WCAG 2.2 A and AA)', async (width) => {
  page = await stage.open();
  await page.setViewport({ width, height: 900 });
  await settle(page);
  const { violations, passes } = await axe(page, '.rr-reset');
  expect(violations).toEqual([]);
  expect(passes).toBeGreaterThan(5);
});
