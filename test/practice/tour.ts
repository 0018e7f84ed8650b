// The tour: the whole job once, from the row to the new password, with a picture of every step, in a headless browser.

import { randomFillSync } from 'node:crypto';
import { copyFile, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Browser, Page } from 'puppeteer-core';
import { generatePassword } from '#shared/password.ts';
import { cast, homeAddresses } from '../people.ts';
import { Stopped } from '../set-up/children.mjs';
import * as act from './acts.ts';
import { saveOrganisation } from './organisation.ts';
import type { Practice } from './practice.ts';

export interface TourOptions {
  readonly practice: Practice;
  readonly browser: Browser;
  /** Where the pictures and the mail go; replaced as a whole when the tour is over. */
  readonly folder: string;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Plays it; did all of it work? */
export async function playTour({ practice, browser, folder, say, signal }: TourOptions): Promise<boolean> {
  const { signIn, inbox, mails, organisation } = practice;
  const making = `${folder}.new`;
  await rm(making, { recursive: true, force: true });
  await mkdir(making, { recursive: true, mode: 0o700 });
  const admin = cast.globalAdmin;
  const person = cast.amara;
  const [address = ''] = homeAddresses(person);
  const begun = performance.now();
  let pictures = 0;

  async function step<T>(sentence: string, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const since = performance.now();
    try {
      const result = await work();
      say(`  ${((performance.now() - since) / 1000).toFixed(1).padStart(5)} s  ${sentence}`);
      return result;
    } catch (error) {
      if (!signal.aborted) say(`     ✗     ${sentence}`);
      throw error;
    }
  }
  async function picture(page: Page, name: string, fullPage = false): Promise<void> {
    pictures += 1;
    await act.settled(page);
    const path = join(making, `${String(pictures).padStart(2, '0')}-${name}.png`) as `${string}.png`;
    await page.screenshot({ path, fullPage });
  }

  async function job(): Promise<void> {
    const users = await step('Active users is open, with the button in every row', () => act.openUsers(browser));
    await picture(users, 'active-users');

    const dialog = await step(`The button in ${person.displayName}’s row opens the dialog`, async () => {
      const opened = await act.openDialog(browser, users, person.displayName);
      await act.untilSignIn(opened);
      return opened;
    });
    await picture(dialog, 'dialog-sign-in');

    await step(`${admin.displayName} signs in`, async () => {
      const account = { userName: admin.userName, password: organisation.passwords[admin.userName] ?? '' };
      await act.signIn(browser, dialog, signIn, account, (window) => picture(window, 'sign-in'));
      if ((await act.untilStep(dialog, 'form', 'reset')) === 'reset') await act.sendAgain(dialog);
    });
    await picture(dialog, 'dialog-form');

    const arriving = mails.next(address, { signal });
    arriving.catch(() => {});
    await step('“Reset & send”: a mail server has accepted the mail', async () => {
      await act.send(dialog);
      await act.untilRung(dialog, 'accepted');
    });
    await step('The password is changed, and the link armed', () => act.untilRung(dialog, 'passwordSet'));
    await picture(dialog, 'dialog-sent', true);

    // The recipient is somebody else, at another browser: nothing of the administrator's session is there.
    const context = await browser.createBrowserContext();
    const mail = await step(`The mail lies in ${person.displayName}’s private inbox`, () => arriving);
    await copyFile(mail.path, join(making, 'mail.eml'));
    const inboxPage = await step('It is opened in the inbox', () => act.openMail(context, inbox.url, mail.id));
    await picture(inboxPage, 'inbox');

    const linkPage = await step('Its link opens the one-time page', () => act.openLink(context, inboxPage));
    await picture(linkPage, 'link');
    const temporary = await step('“Show password” reveals it, once', () => act.showPassword(linkPage));
    await picture(linkPage, 'password');
    await step('The dialog sees that the link was opened', () => act.untilRung(dialog, 'opened'));

    const signInPage = await act.followSignIn(context, linkPage, signIn);
    await step('The temporary password signs in, and a new one is asked for', () =>
      act.signInWithTemporary(signInPage, { userName: person.userName, password: temporary }),
    );
    const chosen = generatePassword((bytes) => randomFillSync(new Uint8Array(bytes)));
    await act.fillNewPassword(signInPage, chosen);
    await picture(signInPage, 'new-password');
    await step('A new password is chosen, and works', async () => {
      await act.saveNewPassword(signInPage);
      const passwords = { ...organisation.passwords, [person.userName]: chosen };
      await saveOrganisation(practice.folder, { ...organisation, passwords });
    });
    await picture(signInPage, 'signed-in');
    await step('“I have signed in” hides the password for good', () => act.sayDone(linkPage));
    await picture(linkPage, 'finished');
    await step('The last rung of the ladder lights up', () => act.untilRung(dialog, 'changed'));
    await picture(dialog, 'dialog-done');
  }

  say('The tour:');
  try {
    await job();
    say(
      `The whole job worked, in ${((performance.now() - begun) / 1000).toFixed(1)} s. Pictures and the mail: data/tour/`,
    );
    return true;
  } catch (error) {
    if (signal.aborted || error instanceof Stopped) {
      await rm(making, { recursive: true, force: true });
      throw error;
    }
    say(error instanceof Error ? error.message : String(error));
    const pages = await browser.pages();
    const shots = pages.map((page, index) =>
      page.screenshot({ path: join(making, `failed-${index + 1}.png`) as `${string}.png` }).catch(() => {}),
    );
    // A page that hangs has no picture.
    await Promise.race([Promise.all(shots), wait(5000, undefined, { ref: false })]);
    say('The tour did not get to its end. Pictures of the pages as they were: data/tour/');
    return false;
  } finally {
    // A tour that was stopped leaves the pictures of the one before.
    if (!signal.aborted) {
      await rm(folder, { recursive: true, force: true });
      await rename(making, folder);
    }
  }
}
