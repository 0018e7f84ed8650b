// The sign-in of people who come without an app, as the link page sends them.

import { describe, expect, it } from 'vitest';
import { Problem } from '#shared/problem.ts';
import { keyring } from '../../connector/secret.ts';
import { cast } from '../people.ts';
import { authorization, issuer, openSite, redeemCode, refresh, returned, visitor } from './visitor.ts';

const { amara, globalAdmin } = cast;
const temporary = 'Kf7e-rB4m-t9Rz-5hWd';
const chosen = 'Three-green-boats-7';
const account = `${issuer}/account`;

describe('the account page', () => {
  it('takes a person from the temporary password to one that works, and says so', async () => {
    await using site = await openSite();
    const id = await site.person(amara, temporary, { temporary: true });
    const visit = visitor(site);
    const asked = await visit.go(`${account}?login_hint=${encodeURIComponent(amara.userName)}&ui_locales=en`);
    expect(asked.text).toContain(`value="${amara.userName}"`);
    const choose = await visit.submit(asked, { userName: amara.userName, password: temporary });
    const done = await visit.submit(choose, { newPassword: chosen, repeat: chosen }, '/password');
    expect(done.status).toBe(200);
    expect(done.url.startsWith(account)).toBe(true);
    expect(done.text).toContain('Your new password works');
    expect(done.text).toContain('Amara Nwosu');
    expect(done.text).toContain('href="https://www.contoso.example/"');
    const later = await visit.go(account);
    expect(later.text).toContain('Your new password works');
    site.pass(11 * 60_000);
    expect((await visit.go(account)).text).toContain('You are signed in');
    expect(id).toBeTruthy();
  });

  it('asks to try again in a moment where the connector cannot seal just now, and logs no error', async () => {
    const ring = keyring([Buffer.alloc(32, 7)]);
    const seal = () => {
      throw new Problem('unavailable', { reason: 'masterKey' });
    };
    await using site = await openSite({ ring: { ...ring, seal: (...given) => (down ? seal() : ring.seal(...given)) } });
    let down = false;
    expect((await visitor(site).go(account)).status).toBe(200);
    down = true;
    const asked = await visitor(site).go(account);
    expect([asked.status, asked.headers['retry-after']]).toEqual([503, '2']);
    expect(asked.text).toContain('Wait a few seconds');
    expect(site.logged.filter((line) => line.includes('"level":"error"'))).toEqual([]);
    down = false;
    expect((await visitor(site).go(account)).status).toBe(200);
  });

  it('speaks Turkish to who came from a Turkish link', async () => {
    await using site = await openSite({ tenant: { branding: {} } });
    await site.person(amara, temporary, { temporary: true });
    const visit = visitor(site);
    const asked = await visit.go(`${account}?login_hint=${amara.userName}&ui_locales=tr`);
    expect(asked.text).toContain('Oturum açın');
    const choose = await visit.submit(asked, { userName: amara.userName, password: temporary });
    expect(choose.text).toContain('Yeni parolanızı seçin');
    const done = await visit.submit(choose, { newPassword: chosen, repeat: chosen }, '/password');
    expect(done.text).toContain('Yeni parolanız çalışıyor');
    expect(done.text).not.toContain('undefined');
  });

  it('asks again when somebody else is meant than who is signed in, and takes them', async () => {
    await using site = await openSite();
    await site.person(globalAdmin, chosen);
    await site.person(amara, temporary, { temporary: true });
    const visit = visitor(site);
    const admin = await visit.submit(await visit.go(account), { userName: globalAdmin.userName, password: chosen });
    expect(admin.text).toContain('Gwen Okafor');
    const asked = await visit.go(`${account}?login_hint=${amara.userName}`);
    expect(asked.text).toContain(`value="${amara.userName}"`);
    const choose = await visit.submit(asked, { userName: amara.userName, password: temporary });
    const done = await visit.submit(choose, { newPassword: chosen, repeat: chosen }, '/password');
    expect(done.text).toContain('Amara Nwosu');
  });

  it('ends with a reset, and with the account', async () => {
    await using site = await openSite();
    const id = await site.person(globalAdmin, chosen);
    const visit = visitor(site);
    await visit.submit(await visit.go(account), { userName: globalAdmin.userName, password: chosen });
    await site.setPassword(id, temporary);
    expect((await visit.go(account)).text).toContain('name="password"');
  });

  it('signs out: the session, and the refresh tokens that were made in it', async () => {
    await using site = await openSite();
    await site.person(globalAdmin, chosen);
    const visit = visitor(site);
    const page = await visit.submit(await visit.go(account), { userName: globalAdmin.userName, password: chosen });
    const { url, verifier } = authorization();
    const { tokens } = await redeemCode(visit, await visit.go(url), verifier);
    expect(tokens.refresh_token).toBeTruthy();
    const foreign = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
    expect((await visit.submit(page, {}, '/sign-out', foreign)).status).toBe(403);
    expect((await visit.go(account)).text).toContain('You are signed in');

    const out = await visit.submit(page, {}, '/sign-out');
    expect(out.text).toContain('You are signed out');
    expect((await visit.go(account)).text).toContain('name="password"');
    expect((await refresh(visit, tokens.refresh_token)).tokens.error).toBe('invalid_grant');
    expect(returned(await visit.go(authorization({ prompt: 'none' }).url)).get('error')).toBe('login_required');
  });

  it('does not go round in circles in a browser that keeps no cookies', async () => {
    await using site = await openSite();
    const visit = visitor(site);
    const answer = await visit.go(`${account}?state=en`);
    expect(answer.status).toBe(400);
    expect(answer.text).toContain('did not keep its cookie');
  });
});
