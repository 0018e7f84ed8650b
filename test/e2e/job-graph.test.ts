// The job on a Microsoft 365 tenant: RR_DIRECTORY=graph://, on behalf of the admin who is signed in there. Entra and Graph are
// played by a second connector, in a process of its own.

import { expect, it } from 'vitest';
import { cast, homeAddresses } from '../people.ts';
import * as act from '../practice/acts.ts';
import { jobTests } from './job.ts';
import { at, type JobStage, press, startJobStage, text } from './job-stage.ts';

let stage: JobStage;
jobTests(async () => {
  stage = await startJobStage({ inCloud: true });
  return stage;
});

/** Blocks or unblocks somebody in the tenant, as directory sync does. */
async function setActive(userName: string, active: boolean): Promise<void> {
  const { signIn, organisation } = stage.practice;
  const answer = await fetch(`${signIn}/scim/v2/Users/${organisation.ids[userName]}`, {
    method: 'PATCH',
    headers: { authorization: `Bearer ${organisation.token}`, 'content-type': 'application/scim+json' },
    body: JSON.stringify({
      schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
      Operations: [{ op: 'replace', path: 'active', value: active }],
    }),
  });
  expect(answer.ok).toBe(true);
}

it('goes on with another administrator’s sign-in when the first one’s is no longer accepted', async () => {
  const person = cast.short;
  const admin = cast.passwordAdmin;
  await stage.signedOut();
  const first = await stage.dialogFor(person, admin);
  await act.send(first);
  await act.untilRung(first, 'passwordSet');
  await first.close();
  await setActive(admin.userName, false);
  try {
    const since = { since: '0000000000000-0000', signal: AbortSignal.timeout(20_000) };
    const mail = await stage.practice.mails.next(homeAddresses(person)[0] ?? '', since);
    const context = await stage.desk.browser.createBrowserContext();
    const page = await context.newPage();
    await page.goto(/https:\/\/\S+\/r\/\S+/.exec(mail.email.text ?? '')?.[0] ?? '');
    await act.showPassword(page);
    await context.close();

    await stage.signedOut();
    const dialog = await stage.dialogFor(person);
    expect(await text(dialog, 'standing')).toBeDefined();
    await dialog.waitForSelector(at('grant'), { timeout: 30_000 });
    expect(await text(dialog, 'standing')).toMatch(/sign-in is needed/);
    await press(dialog, 'grant');
    await dialog.waitForFunction((button) => !document.querySelector(button), { timeout: 20_000 }, at('grant'));
    await act.untilRung(dialog, 'opened');
    expect(await text(dialog, 'standing')).toMatch(/opened/);
  } finally {
    await setActive(admin.userName, true);
  }
}, 120_000);
