// A Temporary Access Pass at the sign-in: once, in place of the password, and then a password is chosen.

import { describe, expect, it } from 'vitest';
import { argon2id } from '../../connector/store/credentials.ts';
import { givePass, makePass } from '../../connector/store/temporary-access-pass.ts';
import { cast } from '../people.ts';
import { authorization, openSite, random, redeemCode, returned, type Site, visitor } from './visitor.ts';

const { amara, apostrophe, disabled } = cast;
const chosen = 'Three-green-boats-7';

async function passFor(site: Site, userId: string): Promise<string> {
  const pass = makePass(random);
  const hash = await argon2id.hash(pass);
  const at = site.now();
  const kept = { id: 'pass', hash, created: at, starts: at, ends: at + 3_600_000, once: true };
  await site.sql.run((tx) => givePass(tx, 'default', userId, kept, { at, actor: 'operator' }));
  return pass;
}

describe('a Temporary Access Pass', () => {
  it('signs in somebody who never had a password, and leads to the choice of one', async () => {
    await using site = await openSite();
    const password = await passFor(site, await site.person(amara));
    const visit = visitor(site);
    const { url, verifier } = authorization();
    const page = await visit.submit(await visit.go(url), { userName: amara.userName, password });
    expect(page.status).toBe(200);
    expect(page.text).toContain('Choose a new password');
    expect(page.text + site.logged.join('')).not.toContain(password);
    const answer = await visit.submit(page, { newPassword: chosen, repeat: chosen }, '/password');
    expect((await redeemCode(visit, answer, verifier)).tokens.access_token).toBeTruthy();

    const other = visitor(site);
    const again = await other.go(authorization().url);
    expect((await other.submit(again, { userName: amara.userName, password })).status).toBe(403);
    const now = await other.submit(again, { userName: amara.userName, password: chosen });
    expect(returned(now).get('code')).toBeTruthy();
    const actions = await site.sql.all<{ action: string }>`select action from audit order by seq`;
    expect(actions.map(({ action }) => action)).toEqual([
      'user.created',
      'temporaryAccessPass.created',
      'temporaryAccessPass.used',
      'password.changed',
    ]);
  });

  it('is no other person’s, and not for whoever is blocked', async () => {
    await using site = await openSite();
    const password = await passFor(site, await site.person(amara));
    await site.person(apostrophe);
    const ofBlocked = await passFor(site, await site.person(disabled));
    const visit = visitor(site);
    const page = await visit.go(authorization().url);
    const attempt = async (userName: string, text: string) =>
      (await visit.submit(page, { userName, password: text })).status;
    expect(await attempt(apostrophe.userName, password)).toBe(403);
    expect(await attempt('nobody@contoso.example', password)).toBe(403);
    expect(await attempt(disabled.userName, ofBlocked)).toBe(403);
    expect(await site.sql.all`select used from temporary_access_pass where used is not null`).toEqual([]);
    expect(await attempt(amara.userName, password)).toBe(200);
  });

  it('is tried with the same cost for everybody, and only what has its shape', async () => {
    const verified: boolean[] = [];
    const verify = (hash: string | undefined, text: string) => {
      verified.push(hash !== undefined);
      return argon2id.verify(hash, text);
    };
    await using site = await openSite({ argon: { ...argon2id, verify } });
    const id = await site.person(amara);
    const visit = visitor(site);
    const page = await visit.go(authorization().url);
    const guess = (userName: string, password: string) => visit.submit(page, { userName, password });
    await guess(amara.userName, makePass(random));
    await guess('nobody@contoso.example', makePass(random));
    await guess(amara.userName, 'no pass');
    expect(verified).toEqual([false, false, false, false, false]);
    await passFor(site, id);
    await guess(amara.userName, makePass(random));
    expect(verified.slice(5)).toEqual([false, true]);
  });
});
