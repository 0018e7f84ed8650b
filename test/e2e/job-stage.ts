// The stage of the job's tests: one practice, one browser with the extension, told where the connector is, and how to get
// to a person's dialog as an administrator.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'puppeteer-core';
import { type StartedBrowser, startBrowser } from '../browser.ts';
import { cast, type SampleUser } from '../people.ts';
import * as act from '../practice/acts.ts';
import { buildExtension } from '../practice/build.ts';
import { startMailServer } from '../practice/mail-server.ts';
import { type Practice, startPractice } from '../practice/practice.ts';
import { freePort } from '../serving.ts';
import { root } from './stage.ts';

/** Where the connector was when the extension was built; its setting says where it is. */
const built = 'https://127.0.0.1:8787';

export const at = (testId: string) => `[data-testid="${testId}"]`;

/** A browser with the extension, and the list of users open in it. */
export interface Desk {
  readonly browser: Browser;
  readonly users: Page;
  close(): Promise<void>;
}

export interface JobStage {
  /** Its mail server is the one that runs now. */
  readonly practice: Practice;
  readonly desk: Desk;
  /** One more browser, with nobody signed in. */
  another(): Promise<Desk>;
  accountOf(user: SampleUser): act.Account;
  /** Opens the dialog for a person, signed in as an administrator: by hand the first time, quietly afterwards. */
  dialogFor(user: SampleUser, admin?: SampleUser, desk?: Desk): Promise<Page>;
  /** Ends the provider's session, so that the next dialog asks for the sign-in. */
  signedOut(): Promise<void>;
  stopMail(): Promise<void>;
  /** On the port where it was. */
  startMail(): Promise<void>;
  close(): Promise<void>;
}

/** Starts it all; builds the extension where it is missing. `inCloud`: on a Microsoft 365 tenant. */
export async function startJobStage({ inCloud = false } = {}): Promise<JobStage> {
  const folder = await mkdtemp(join(tmpdir(), 'rr-e2e-'));
  const extension = await buildExtension(root, { browser: 'chrome', connector: built });
  const cloud = inCloud ? { cloudPort: await freePort() } : {};
  let practice = await startPractice({ root, folder, port: await freePort(), inboxPort: 0, ...cloud, say: () => {} });

  async function another(): Promise<Desk> {
    const { hosts, certificate, connector } = practice;
    const viewport = { width: 1360, height: 900 };
    const started: StartedBrowser = await startBrowser({
      ...{ extension, hosts, spki: certificate.spki, headless: true, locale: 'en-GB', viewport },
    });
    const { browser } = started;
    const target = await browser.waitForTarget((each) => each.type() === 'service_worker');
    await (await target.worker())?.evaluate(`chrome.storage.local.set({ connector: '${connector.url}' })`);
    return { browser, users: await act.openUsers(browser), close: () => started.close() };
  }

  const desk = await another();
  const accountOf = (user: SampleUser) => ({
    userName: user.userName,
    password: practice.organisation.passwords[user.userName] ?? '',
  });

  return {
    get practice() {
      return practice;
    },
    desk,
    another,
    accountOf,
    async dialogFor(user, admin = cast.globalAdmin, from = desk) {
      const dialog = await act.openDialog(from.browser, from.users, user.displayName);
      const later = ['form', 'reset', 'refused', 'elsewhere', 'picking', 'trouble'];
      // The provider's own session is asked first and may need no button at all.
      const button = act.untilSignIn(dialog).then(() => 'button');
      const next = await Promise.any([act.untilStep(dialog, ...later), button]);
      if (next === 'button') {
        await act.signIn(from.browser, dialog, practice.signIn, accountOf(admin));
        await act.untilStep(dialog, ...later);
      }
      return dialog;
    },
    async signedOut() {
      const page = await desk.browser.newPage();
      const session = await page.createCDPSession();
      await session.send('Network.clearBrowserCookies');
      await page.close();
    },
    stopMail: () => practice.mails[Symbol.asyncDispose](),
    async startMail() {
      const { port } = practice.mails;
      practice = { ...practice, mails: await startMailServer({ folder: join(folder, 'mail'), port }) };
    },
    async close() {
      await desk.close();
      await practice.mails[Symbol.asyncDispose]();
      await practice[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The text of an element, once it is there. */
export const text = (page: Page, testId: string) =>
  page
    .waitForSelector(at(testId), { timeout: 15_000 })
    .then((found) => found?.evaluate((one) => one.textContent ?? ''));

/** Presses the middle of an element with a real mouse, once the dialog has been in sight for long enough. */
export async function press(page: Page, testId: string): Promise<void> {
  await page.bringToFront();
  await page.waitForFunction(() => performance.now() > 700 && document.hasFocus());
  await page.locator(at(testId)).setTimeout(15_000).click();
}
