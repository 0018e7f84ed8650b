// The main job in a real browser, on the real connector, with real mail: what the tour plays once, and what can come in
// between. One practice and one browser for all; each test has a person of its own. Played on the embedded directory and on
// a Microsoft 365 tenant alike.

import { DatabaseSync } from 'node:sqlite';
import type { Browser, BrowserContext, Page } from 'puppeteer-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { fromBase64url, parseFragment } from '#shared/link.ts';
import { dialogPages } from '../browser.ts';
import { cast, homeAddresses, stranger } from '../people.ts';
import * as act from '../practice/acts.ts';
import { databaseOf } from '../practice/connector.ts';
import { linkTaint, pinTaint, type Taint, taintOf } from '../taint.ts';
import { axe } from './axe.ts';
import { at, type JobStage, press, text } from './job-stage.ts';
import { expectClean } from './sinks.ts';

let stage: JobStage;
let browser: Browser;
let users: Page;

/** Says in the organisation's policy whether passes may be handed over; it is read each time. */
function allowPasses(yes: boolean): void {
  const database = new DatabaseSync(databaseOf(stage.practice.folder));
  database.exec(`update tenant set policy = json_set(policy, '$.temporaryAccessPass', json('${yes}'))`);
  database.close();
}

async function isSound(page: Page): Promise<void> {
  const { violations, passes } = await axe(page, 'html');
  expect(violations).toEqual([]);
  expect(passes).toBeGreaterThan(15);
}

/** What nobody but the recipient may see: the link's key and what comes of it, and passwords by their labels. */
async function secretsOf(link: string, passwords: Readonly<Record<string, string>>): Promise<Taint> {
  const { pathname, hash } = new URL(link);
  const id = fromBase64url(pathname.split('/').at(-1) ?? '', 16);
  const key = parseFragment(hash)?.key;
  if (!id || !key) throw new Error('The link is not whole.');
  const taint = taintOf(await linkTaint('the', { id, key }));
  taint.add(...Object.entries(passwords).map(([label, value]) => ({ label, value })));
  return taint;
}

/** Registers the tests of the job. @param start what they are played on */
export function jobTests(start: () => Promise<JobStage>): void {
  beforeAll(async () => {
    stage = await start();
    ({ browser, users } = stage.desk);
  });

  afterAll(() => stage?.close());

  afterEach(async () => {
    for (const page of await dialogPages(browser)) await page.close({ runBeforeUnload: false });
  });

  describe('the whole job', () => {
    it('ends with a person who is signed in, and lights every rung', async () => {
      const person = cast.amara;
      const dialog = await stage.dialogFor(person);
      expect(await text(dialog, 'organisation')).toContain('Contoso');
      expect(await text(dialog, 'person')).toContain(person.displayName);
      expect(await text(dialog, 'person-user-name')).toContain(person.userName);
      await act.send(dialog);
      await act.untilRung(dialog, 'passwordSet');
      const mail = await mailTo(homeAddresses(person)[0] ?? '');
      expect(mail.email.html).toContain('/r/');

      await recipient(async (context) => {
        const page = await openLink(context, mail.link);
        expect(page.url()).not.toContain('#');
        const temporary = await act.showPassword(page);
        expect(temporary.length).toBeGreaterThanOrEqual(15);
        expect(`${mail.text}${mail.email.html}`).not.toContain(temporary);
        await act.untilRung(dialog, 'opened');
        const signIn = await act.followSignIn(context, page, stage.practice.signIn);
        await act.signInWithTemporary(signIn, { userName: person.userName, password: temporary });
        await act.fillNewPassword(signIn, 'Quiet-harbour-lantern-7');
        await act.saveNewPassword(signIn);
        // What the page of the admin center can reach holds nothing of it.
        const own = 'Quiet-harbour-lantern-7';
        const taint = await secretsOf(mail.link, { 'temporary password': temporary, 'chosen password': own });
        await expectClean(users, taint);
        await expectClean(dialog, taint);
      });
      await act.untilRung(dialog, 'changed');
    });

    it('in Turkish, with a created password, for somebody who reads Turkish', async () => {
      const person = cast.ada;
      const dialog = await stage.dialogFor(person);
      expect(await dialog.$eval(at('locale'), (select) => (select as HTMLSelectElement).value)).toBe('tr');
      await press(dialog, 'create');
      await dialog.type(at('password'), 'yilmaz');
      expect(await dialog.$eval(at('password'), (input) => (input as HTMLInputElement).type)).toBe('password');
      await press(dialog, 'send');
      expect(await act.stepOf(dialog)).toBe('form');
      await dialog.locator(at('password')).click({ count: 3 });
      await dialog.type(at('password'), 'Deniz-feneri-2026');
      await act.send(dialog);
      await act.untilRung(dialog, 'passwordSet');
      const mail = await mailTo(homeAddresses(person)[0] ?? '');
      const taint = await secretsOf(mail.link, { 'created password': 'Deniz-feneri-2026' });
      await expectClean(users, taint);
      await expectClean(dialog, taint);
      expect(mail.text).toContain('parola');
      await recipient(async (context) => {
        const page = await openLink(context, mail.link);
        expect(await page.$eval('html', (html) => html.lang)).toBe('tr');
        expect(await act.showPassword(page)).toBe('Deniz-feneri-2026');
      });
    });
  });

  describe('a Temporary Access Pass instead', () => {
    it('is a choice where it is allowed, signs in in place of the password, and is seen to be used', async () => {
      const person = cast.irish;
      const without = await stage.dialogFor(person);
      await act.untilStep(without, 'form');
      expect(await without.$(at('pass'))).toBeNull();
      await without.close({ runBeforeUnload: false });

      allowPasses(true);
      const dialog = await stage.dialogFor(person);
      await act.untilStep(dialog, 'form');
      await press(dialog, 'create');
      await dialog.waitForSelector('#password');
      await press(dialog, 'pass');
      await dialog.waitForSelector(at('force-change'), { hidden: true });
      expect(await dialog.$('#password')).toBeNull();
      expect(await text(dialog, 'send')).toBe('Make & send a pass');
      await isSound(dialog);
      await act.send(dialog);
      await act.untilRung(dialog, 'passCreated');
      await isSound(dialog);
      const mail = await mailTo(homeAddresses(person)[0] ?? '');
      expect(mail.email.subject).toContain('Temporary Access Pass');

      await recipient(async (context) => {
        const page = await openLink(context, mail.link);
        const value = await act.showPassword(page);
        await act.untilRung(dialog, 'opened');
        expect(await text(dialog, 'rung-passUsed')).toContain('The pass can be used until');
        const signIn = await act.followSignIn(context, page, stage.practice.signIn);
        await act.signInWithTemporary(signIn, { userName: person.userName, password: value });
        await act.sayDone(page);
        await act.untilRung(dialog, 'passUsed');
        expect(await dialog.$eval(at('arrival'), (one) => (one as HTMLElement).dataset.standing)).toBe('passUsed');
        expect(await users.content()).not.toContain(value);
      });
    });

    it('"wrong person": the link is dead, and the pass removed', async () => {
      allowPasses(true);
      const person = cast.hyphen;
      const dialog = await stage.dialogFor(person);
      await act.untilStep(dialog, 'form');
      await press(dialog, 'pass');
      await act.send(dialog);
      await act.untilRung(dialog, 'passCreated');
      const mail = await mailTo(homeAddresses(person)[0] ?? '');
      await press(dialog, 'kill');
      expect(await text(dialog, 'kill-question')).toContain('A pass that was already made is removed');
      await press(dialog, 'confirm-kill');
      await dialog.waitForSelector(`${at('arrival')}[data-standing="killed"]`, { timeout: 15_000 });
      expect(await text(dialog, 'standing')).toBe('Stopped: link dead, pass removed');
      await recipient(async (context) => {
        const page = await openLink(context, mail.link);
        await page.locator('main button.primary').click();
        await page.waitForSelector('main[data-screen="truth"]');
      });
      allowPasses(false);
    });
  });

  describe('to a typed address', () => {
    it('is guarded by a PIN that the admin reads out, and checked while it is typed', async () => {
      const person = cast.priya;
      const dialog = await stage.dialogFor(person);
      await typeAddress(dialog, person.userName);
      expect(await text(dialog, 'address-error')).toMatch(/account/i);
      await typeAddress(dialog, 'priya@gmial.com');
      expect(await text(dialog, 'address-warning')).toMatch(/gmail\.com/);
      await typeAddress(dialog, 'priya@post.example');
      expect(await dialog.$eval(at('with-pin'), (box) => (box as HTMLInputElement).checked)).toBe(true);
      await press(dialog, 'send');
      await act.untilStep(dialog, 'reset');
      const pin = (await dialog.$eval(`${at('pin')} [aria-hidden]`, (one) => one.textContent ?? '')).replace(/\D/g, '');
      expect(pin).toMatch(/^\d{8}$/);
      await act.untilRung(dialog, 'passwordSet');
      const mail = await mailTo('priya@post.example');
      expect(`${mail.text}${mail.email.html}`).not.toContain(pin);
      const taint = await secretsOf(mail.link, {});
      taint.add(...pinTaint('PIN', pin));
      await expectClean(users, taint);
      // The dialog is where the admin reads it.
      await expectClean(dialog, taint, ['PIN']);

      await recipient(async (context) => {
        const page = await openLink(context, mail.link);
        const field = 'input[inputmode="numeric"]';
        await page.locator(field).click();
        await page.type(field, '00000000');
        await page.locator('main button.primary').click();
        await page.waitForFunction(() => /4/.test(document.querySelector('[role="alert"]')?.textContent ?? ''));
        await page.locator(field).click({ count: 3 });
        await page.type(field, pin);
        expect((await act.showPassword(page)).length).toBeGreaterThanOrEqual(15);
      });
      await act.untilRung(dialog, 'opened');
    });
  });

  describe('while it is on its way', () => {
    it('a dialog that was closed shows the live reset again; it can be cancelled while the mail server is down', async () => {
      const person = cast.kwame;
      await stage.stopMail();
      const first = await stage.dialogFor(person);
      await act.send(first);
      await first.close();
      const dialog = await stage.dialogFor(person);
      expect(await act.stepOf(dialog)).toBe('reset');
      await press(dialog, 'cancel-reset');
      await dialog.waitForSelector(at('start-over'), { timeout: 15_000 });
      expect(await text(dialog, 'arrival')).toMatch(/cancel/i);
      await stage.startMail();
    });

    it('it is sent to another address: the older link dies, the newer opens', async () => {
      const person = cast.twoAddresses;
      const [one = '', other = ''] = homeAddresses(person);
      const dialog = await stage.dialogFor(person);
      await act.send(dialog);
      await act.untilRung(dialog, 'passwordSet');
      const older = await mailTo(one);
      await act.sendAgain(dialog);
      const choices = await dialog.$$(at('on-file'));
      await choices[1]?.click();
      await press(dialog, 'send');
      await act.untilStep(dialog, 'reset');
      await act.untilRung(dialog, 'passwordSet');
      const newer = await mailTo(other);
      await recipient(async (context) => {
        const page = await openLink(context, older.link);
        await page.locator('main button.primary').click();
        await page.waitForFunction(() => document.querySelector('main h1') && !document.querySelector('#password'));
        await page.waitForFunction(() => !document.querySelector('main button.primary[disabled]'));
        await new Promise((resolve) => setTimeout(resolve, 500));
        expect(await page.$('#password')).toBeNull();
        await page.close();
        expect((await act.showPassword(await openLink(context, newer.link))).length).toBeGreaterThanOrEqual(15);
      });
    });

    it('"wrong person": the link is dead at once, and the password scrambled', async () => {
      const person = cast.noAddress;
      const dialog = await stage.dialogFor(person);
      await typeAddress(dialog, 'ivan@post.example');
      if (await dialog.$(`${at('with-pin')}:checked`)) await press(dialog, 'with-pin');
      await press(dialog, 'send');
      await act.untilStep(dialog, 'reset');
      await act.untilRung(dialog, 'passwordSet');
      const mail = await mailTo('ivan@post.example');
      await recipient(async (context) => {
        const page = await openLink(context, mail.link);
        const temporary = await act.showPassword(page);
        await press(dialog, 'kill');
        await press(dialog, 'confirm-kill');
        await dialog.waitForSelector(at('start-over'), { timeout: 15_000 });
        const account = await context.newPage();
        await account.goto(`${stage.practice.signIn}/signin/default/account`);
        await account.type('#user-name', person.userName);
        await account.type('#password', temporary);
        await account.keyboard.press('Enter');
        await account.waitForSelector('[role="alert"]', { timeout: 15_000 });
        expect(await account.$('#new-password')).toBeNull();
      });
    });
  });

  describe('whom one may not reset', () => {
    it.each([
      ['oneself', cast.globalAdmin, /your own/],
      ['a blocked account', cast.disabled, /blocked/],
    ] as const)('%s: the dialog says why', async (_what, person, reason) => {
      const dialog = await stage.dialogFor(person);
      expect(await act.untilStep(dialog, 'refused')).toBe('refused');
      expect(await text(dialog, 'refusal')).toMatch(reason);
      expect(await dialog.$(at('send'))).toBeNull();
    });

    it('somebody of another organisation: sending is disabled, the right sign-in is looked for', async () => {
      const dialog = await stage.dialogFor(stranger);
      expect(await act.untilStep(dialog, 'elsewhere')).toBe('elsewhere');
      expect(await text(dialog, 'elsewhere')).toMatch(/fabrikam\.example/);
      expect(await dialog.$(at('send'))).toBeNull();
    });

    it('an administrator, for a Password Administrator; anybody, for somebody without a role', async () => {
      await stage.signedOut();
      const above = await stage.dialogFor(cast.globalAdmin, cast.passwordAdmin);
      expect(await text(above, 'refusal')).toMatch(/Global Administrator/);
      await above.close();
      await stage.signedOut();
      const nobody = await stage.dialogFor(cast.amara, cast.noRole);
      expect(await text(nobody, 'trouble')).toMatch(/Password Administrator or Global Administrator/);
      expect(await nobody.$(at('send'))).toBeNull();
      await nobody.close();
      await stage.signedOut();
    });
  });
}

async function typeAddress(dialog: Page, address: string): Promise<void> {
  if (await dialog.$(at('other-address'))) await press(dialog, 'other-address');
  await dialog.locator(at('address')).setTimeout(15_000).click({ count: 3 });
  await dialog.type(at('address'), address);
}

/** The newest mail to an address, its text, and its link. */
async function mailTo(address: string, since = '0000000000000-0000') {
  const mail = await stage.practice.mails.next(address, { since, signal: AbortSignal.timeout(20_000) });
  const link = /https:\/\/\S+\/r\/\S+/.exec(mail.email.text ?? '')?.[0] ?? '';
  return { ...mail, link, text: mail.email.text ?? '' };
}

/** The recipient's own browser: nothing of the administrator's session is in it. */
async function recipient<T>(work: (context: BrowserContext) => Promise<T>): Promise<T> {
  const context = await browser.createBrowserContext();
  try {
    return await work(context);
  } finally {
    await context.close();
  }
}

async function openLink(context: BrowserContext, link: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(link);
  return page;
}
