// The job, act by act, as people do it with a mouse and a keyboard in a real browser: what the tour plays, and what the
// end-to-end tests are made of. Every act waits for what it needs to see and fails with a sentence when it does not come.

import type { Browser, BrowserContext, Page, Target } from 'puppeteer-core';
import type { EventName } from '#shared/api.ts';
import { size } from '../../extension/dialog-window.ts';
import { dialogPage } from '../browser.ts';
import { usersPage } from './practice.ts';

/** Milliseconds that a person would wait before saying that it doesn't work. */
const patience = 15_000;

export interface Account {
  readonly userName: string;
  readonly password: string;
}

/** A window of its own, as large as on a small desk: the dialog's keeps its own size. */
const desk = { type: 'window', windowBounds: { width: 1360, height: 900 } } as const;

const at = (testId: string) => `[data-testid="${testId}"]`;

/** Waits for one of these and presses it, as a person does: with a real click where it can be seen. */
async function press(page: Page, selector: string): Promise<void> {
  await page.bringToFront();
  await page.locator(selector).setTimeout(patience).click();
}

async function type(page: Page, selector: string, text: string): Promise<void> {
  await page.bringToFront();
  await page.locator(selector).setTimeout(patience).click();
  await page.type(selector, text);
}

/** Waits until a page's answer is no longer empty; which. `what` is told when that does not come. */
async function until(
  page: Page,
  what: string,
  answer: (...values: string[]) => string | undefined,
  ...values: string[]
): Promise<string> {
  try {
    const found = await page.waitForFunction(answer, { timeout: patience }, ...values);
    return String(await found.jsonValue());
  } catch (error) {
    throw new Error(`${what}: it did not come (${error instanceof Error ? error.message : error})`);
  }
}

/** Active users in the admin center, with its first row painted. */
export async function openUsers(browser: Browser): Promise<Page> {
  const page = await browser.newPage(desk);
  await page.goto(usersPage);
  await page.locator('[data-automationid="DetailsRow"]').setTimeout(patience).wait();
  return page;
}

/** Presses the button in a person's row; the dialog's page. */
export async function openDialog(browser: Browser, page: Page, displayName: string): Promise<Page> {
  await press(page, `::-p-aria([name="Reset & resend – ${displayName}"][role="button"])`);
  const dialog = await dialogPage(browser, patience);
  // A browser without a screen gives every window the first one's size, whatever was asked for.
  await browser.setWindowBounds(await dialog.windowId(), size);
  await dialog.locator(at('dialog')).setTimeout(patience).wait();
  return dialog;
}

/** Which state the dialog is in, as `data-step` says. */
export async function stepOf(dialog: Page): Promise<string> {
  return dialog.$eval(at('dialog'), (main) => main.getAttribute('data-step') ?? '');
}

/** Waits until the dialog is in one of these states; which. It may have left it by the time this is read. */
export function untilStep(dialog: Page, ...steps: string[]): Promise<string> {
  const current = (...wanted: string[]) => {
    const step = document.querySelector<HTMLElement>('[data-testid="dialog"]')?.dataset.step;
    return wanted.find((one) => one === step);
  };
  return until(dialog, `The dialog in ${steps.join(' or ')}`, current, ...steps);
}

/** Waits for the dialog's sign-in button: the provider's own session is asked before, and shows none. */
export async function untilSignIn(dialog: Page): Promise<void> {
  await dialog.locator(at('sign-in')).setTimeout(patience).wait();
}

/** Until what fades in has faded in; what turns for ever is not waited for. */
export async function settled(page: Page): Promise<void> {
  await page.evaluate(() => {
    const ending = document
      .getAnimations()
      .filter((one) => one.effect?.getComputedTiming().endTime !== Number.POSITIVE_INFINITY);
    return Promise.allSettled(ending.map((one) => one.finished)).then(() => undefined);
  });
}

/** The page of the embedded sign-in in a window of its own. */
async function signInWindow(browser: Browser, origin: string): Promise<Page> {
  const isIt = (target: Target) => target.type() === 'page' && target.url().startsWith(`${origin}/signin/`);
  const page = await (await browser.waitForTarget(isIt, { timeout: patience })).page();
  if (!page) throw new Error('The sign-in window has no page.');
  return page;
}

/**
 * Signs in from the dialog, through MSAL and the provider's window.
 * @param before what to do with the window once it is filled in, such as taking its picture
 */
export async function signIn(
  browser: Browser,
  dialog: Page,
  origin: string,
  account: Account,
  before: (window: Page) => Promise<void> = async () => {},
): Promise<void> {
  await press(dialog, at('sign-in'));
  const window = await signInWindow(browser, origin);
  await fillSignIn(window, account);
  await before(window);
  await window.keyboard.press('Enter');
}

async function fillSignIn(page: Page, { userName, password }: Account): Promise<void> {
  await type(page, '#user-name', userName);
  await type(page, '#password', password);
}

/** Presses "Reset & send" for the address on file; until the dialog shows the reset. */
export async function send(dialog: Page): Promise<void> {
  await untilStep(dialog, 'form');
  const onFile = await dialog.$(`${at('on-file')}:not(:checked)`);
  if (onFile) await onFile.click();
  // The dialog does nothing irrevocable before it has been in sight for half a second.
  await dialog.waitForFunction(() => performance.now() > 700);
  await press(dialog, at('send'));
  await untilStep(dialog, 'reset');
}

/** From a live reset back to the form, to replace it by a new one. */
export async function sendAgain(dialog: Page): Promise<void> {
  await press(dialog, at('send-again'));
  await untilStep(dialog, 'form');
}

export type RungName = Extract<
  EventName,
  'accepted' | 'passwordSet' | 'passCreated' | 'opened' | 'changed' | 'passUsed'
>;

/** Waits until a rung of the arrival ladder is lit. */
export async function untilRung(dialog: Page, name: RungName): Promise<void> {
  const lit = (rung?: string) => {
    const state = document.querySelector<HTMLElement>(`[data-testid="rung-${rung}"]`)?.dataset.state;
    return state === 'done' ? state : undefined;
  };
  await until(dialog, `The rung “${name}”`, lit, name);
}

/** Opens a mail in the inbox page. */
export async function openMail(context: BrowserContext, inboxUrl: string, id: string): Promise<Page> {
  const page = await context.newPage(desk);
  await page.goto(inboxUrl);
  await press(page, `a[href="#${id}"]`);
  const frame = await page.waitForFrame((found) => found.url().endsWith(`/mails/${id}/html`), { timeout: patience });
  await frame.waitForSelector('a[href*="/r/"]', { timeout: patience });
  return page;
}

/** Presses the link in an open mail; the one-time page in its new tab. */
export async function openLink(context: BrowserContext, inbox: Page): Promise<Page> {
  const frame = inbox.frames().find((found) => found.url().endsWith('/html'));
  const link = await frame?.$('a[href*="/r/"]');
  if (!link) throw new Error('The mail has no link.');
  await inbox.bringToFront();
  const opening = context.waitForTarget((target) => target.type() === 'page' && target.url().includes('/r/'), {
    timeout: patience,
  });
  await link.click();
  const page = await (await opening).page();
  if (!page) throw new Error('The link opened no tab.');
  await page.locator('main button.primary').setTimeout(patience).wait();
  return page;
}

/** Presses "Show password" on the one-time page; the password as it is shown. */
export async function showPassword(page: Page): Promise<string> {
  await press(page, 'main button.primary');
  const shown = await page.waitForSelector('#password', { timeout: patience });
  return (await shown?.evaluate((element) => element.textContent)) ?? '';
}

/** Follows the one-time page to the sign-in; its page, which may be a tab of its own. */
export async function followSignIn(context: BrowserContext, page: Page, origin: string): Promise<Page> {
  const opening = context.waitForTarget(
    (target) => target.type() === 'page' && target.url().startsWith(`${origin}/signin/`),
    { timeout: patience },
  );
  await press(page, `a[href^="${origin}/signin/"]`);
  const signInPage = await (await opening).page();
  if (!signInPage) throw new Error('The sign-in has no page.');
  return signInPage;
}

/** Signs in with the temporary password, until a new one is asked for. */
export async function signInWithTemporary(page: Page, account: Account): Promise<void> {
  await fillSignIn(page, account);
  await page.keyboard.press('Enter');
  await page.locator('#new-password').setTimeout(patience).wait();
}

/** Types a new password twice; what is left is to save it. */
export async function fillNewPassword(page: Page, password: string): Promise<void> {
  await type(page, '#new-password', password);
  await type(page, '#repeat', password);
}

/** Saves the new password, until the page says that it works. */
export async function saveNewPassword(page: Page): Promise<void> {
  await page.keyboard.press('Enter');
  await page.locator('.good').setTimeout(patience).wait();
}

/** Says on the one-time page that the sign-in worked, until the page says good-bye. */
export async function sayDone(page: Page): Promise<void> {
  await press(page, '#done');
  await page.waitForFunction(() => document.querySelector('#password') === null, { timeout: patience });
}
