// The pages between: wrong passwords, delays, the temporary password and the choice of another one; forms from
// elsewhere, languages, headers.

import { describe, expect, it } from 'vitest';
import { verifyAudit } from '../../connector/audit.ts';
import { enqueue } from '../../connector/jobs.ts';
import { argon2id, readCredential } from '../../connector/store/credentials.ts';
import { cast } from '../people.ts';
import { type Answer, authorization, issuer, openSite, redeemCode, returned, visitor } from './visitor.ts';

const { amara, globalAdmin, disabled, apostrophe } = cast;
const temporary = 'Kf7e-rB4m-t9Rz-5hWd';
const chosen = 'Three-green-boats-7';

const noticeOf = (page: Answer) =>
  /<(p|ul) class="notice"[^>]*>(.*?)<\/\1>/s.exec(page.text)?.[2]?.replaceAll('&#39;', "'");

async function withTemporary() {
  const site = await openSite();
  const id = await site.person(amara, temporary, { temporary: true });
  const visit = visitor(site);
  const { url, verifier } = authorization();
  const signIn = async (password = temporary) =>
    visit.submit(await visit.go(url), { userName: amara.userName, password });
  return Object.assign(site, { id, visit, verifier, signIn });
}

describe('a wrong password', () => {
  it('gets the same sentence as an unknown name, keeps the name and never the password', async () => {
    await using site = await openSite();
    await site.person(amara, temporary);
    const visit = visitor(site);
    const page = await visit.go(authorization().url);
    const wrong = await visit.submit(page, { userName: amara.userName, password: 'Wrong-secret-1' });
    const unknown = await visit.submit(page, { userName: 'nobody@contoso.example', password: 'Wrong-secret-1' });
    expect(wrong.status).toBe(403);
    expect(unknown.status).toBe(403);
    expect(noticeOf(wrong)).toContain('don’t belong together');
    expect(unknown.text.replaceAll('nobody@contoso.example', amara.userName)).toBe(wrong.text);
    expect(wrong.text).toContain(`value="${amara.userName}"`);
    expect(wrong.text + site.logged.join('')).not.toContain('Wrong-secret-1');
    expect(site.logged.join('')).not.toContain('nobody@');
  });

  it('is verified against a hash of the same cost where there is nobody', async () => {
    const verified: (string | undefined)[] = [];
    const argon = {
      ...argon2id,
      verify: (hash: string | undefined, password: string) => {
        verified.push(hash);
        return argon2id.verify(hash, password);
      },
    };
    await using site = await openSite({ argon });
    await site.person(amara, temporary);
    await site.person(apostrophe);
    const visit = visitor(site);
    const page = await visit.go(authorization().url);
    for (const userName of [amara.userName, apostrophe.userName, 'nobody@contoso.example', 'x'.repeat(5000)]) {
      expect((await visit.submit(page, { userName, password: 'wrong' })).status).toBe(403);
    }
    expect(verified).toEqual([expect.stringMatching(/^\$argon2id\$/), undefined, undefined, undefined]);
  });

  it.each([
    ['a person', amara.userName],
    ['nobody', 'nobody@contoso.example'],
  ])('too often, makes %s wait: told how long, and then let in again', async (_, userName) => {
    await using site = await openSite();
    await site.person(amara, temporary);
    const visit = visitor(site);
    const page = await visit.go(authorization().url);
    const attempt = (password: string) => visit.submit(page, { userName, password });
    for (let i = 0; i < 5; i++) expect((await attempt('wrong')).status).toBe(403);
    const waiting = await attempt(temporary);
    expect(waiting.status).toBe(429);
    expect(waiting.headers['retry-after']).toBe('5');
    expect(noticeOf(waiting)).toBe('Too many tries. Wait 5 seconds, then try again.');
    site.pass(5_000);
    expect((await attempt(temporary)).status).toBe(userName === amara.userName ? 303 : 403);
  });

  it('names may be typed in any case, with blanks around', async () => {
    await using site = await openSite();
    await site.person(globalAdmin, temporary);
    const visit = visitor(site);
    const page = await visit.go(authorization().url);
    const answer = await visit.submit(page, { userName: '  GWEN.Okafor@Contoso.Example ', password: temporary });
    expect(returned(answer).get('code')).toBeTruthy();
  });

  it('a blocked account is told so with the right password alone', async () => {
    await using site = await openSite();
    await site.person(disabled, temporary);
    const visit = visitor(site);
    const page = await visit.go(authorization().url);
    const wrong = await visit.submit(page, { userName: disabled.userName, password: 'wrong' });
    expect(noticeOf(wrong)).toContain('don’t belong together');
    const right = await visit.submit(page, { userName: disabled.userName, password: temporary });
    expect(right.status).toBe(403);
    expect(noticeOf(right)).toContain('blocked');
  });

  it.each([{ userName: amara.userName }, { password: 'x' }, { userName: ' ', password: 'x' }, {}])(
    'is not tried when half of it is missing: %j',
    async (fields) => {
      await using site = await openSite();
      const visit = visitor(site);
      const answer = await visit.submit(await visit.go(authorization().url), fields as Record<string, string>);
      expect(answer.status).toBe(400);
      expect(await site.sql.all`select * from sign_in_attempt`).toEqual([]);
    },
  );

  it('says so when too many sign in at this moment', async () => {
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    await using site = await openSite({ argon: { ...argon2id, verify: () => gate.then(() => false) } });
    const visit = visitor(site);
    const page = await visit.go(authorization().url);
    // Four hash and fifty wait; who comes then is told at once, while nobody else has been answered.
    const busy: Answer[] = [];
    const all = await Promise.all(
      Array.from({ length: 57 }, async (_, i) => {
        const answer = await visit.submit(page, { userName: `nobody${i}`, password: 'x' });
        if (answer.status === 503 && busy.push(answer) === 3) release();
        return answer.status;
      }),
    );
    expect(all.filter((status) => status === 403)).toHaveLength(54);
    expect(noticeOf(busy[0] as Answer)).toContain('We can’t sign you in at this moment');
    expect(await site.sql.all`select * from sign_in_attempt`).toHaveLength(54);
  });
});

describe('a temporary password', () => {
  it('leads to the choice of another one, and only then to the tokens', async () => {
    await using site = await withTemporary();
    const { visit } = site;
    await site.sql.run((tx) =>
      enqueue(tx, { tenant: 'default', kind: 'reset', ref: 'r1', subject: site.id, dueAt: site.now() + 3_600_000 }),
    );
    const page = await site.signIn();
    expect(page.status).toBe(200);
    expect(page.text).toContain('Choose a new password');
    expect(page.text).toContain('autocomplete="new-password"');
    expect(page.text).not.toContain(temporary);

    site.pass(60_000);
    const answer = await visit.submit(page, { newPassword: chosen, repeat: chosen }, '/password');
    expect(returned(answer).get('code')).toBeTruthy();
    const { tokens } = await redeemCode(visit, answer, site.verifier);
    expect(tokens.access_token).toBeTruthy();

    expect(await site.sql.run((tx) => readCredential(tx, 'default', site.id))).toEqual({
      version: 2,
      forceChange: false,
      changedAt: site.now(),
      sessionsFrom: site.now(),
      changedBy: 'self',
    });
    expect(await site.sql.get`select due_at from job`).toEqual({ due_at: site.now() });
    expect(await site.sql.all`select actor, target from audit where action = 'password.changed'`).toEqual([
      { actor: `user:${site.id}`, target: `user:${site.id}` },
    ]);
    expect((await verifyAudit(site.sql, 'default')).brokenAt).toBeUndefined();

    const other = visitor(site);
    const again = await other.go(authorization().url);
    const old = await other.submit(again, { userName: amara.userName, password: temporary });
    expect(old.status).toBe(403);
    const now = await other.submit(again, { userName: amara.userName, password: chosen });
    expect(returned(now).get('code')).toBeTruthy();
  });

  it.each([
    ['too short', 'aB3$', 'at least 8 characters'],
    ['too long', `aB3$${'x'.repeat(260)}`, 'at most 256 characters'],
    ['with the user name in it', 'Amara.nwosu-1', 'must not contain your name'],
    ['with letters beyond ASCII', 'Gökyüzü-1923-x', 'only letters A–Z'],
    ['that everybody guesses', 'Password1', 'too easy to guess'],
    ['that is the temporary one', temporary, 'different from the temporary one'],
  ])('cannot be followed by one %s', async (_, password, sentence) => {
    await using site = await withTemporary();
    const page = await site.signIn();
    const answer = await site.visit.submit(page, { newPassword: password, repeat: password }, '/password');
    expect(answer.status).toBe(422);
    expect(noticeOf(answer)).toContain(sentence);
    expect(answer.text).not.toContain(password);
    expect(await site.sql.run((tx) => readCredential(tx, 'default', site.id))).toMatchObject({ version: 1 });
  });

  it('tells all that is wrong at once, and what was mistyped', async () => {
    await using site = await withTemporary();
    const page = await site.signIn();
    const many = await site.visit.submit(page, { newPassword: 'ü', repeat: 'ü' }, '/password');
    expect(noticeOf(many)?.match(/<li>/g)?.length).toBeGreaterThan(2);
    const mistyped = await site.visit.submit(page, { newPassword: chosen, repeat: `${chosen}.` }, '/password');
    expect(mistyped.status).toBe(422);
    expect(noticeOf(mistyped)).toContain('not the same');
  });

  it('is never skipped: no session, no code, until another one is chosen', async () => {
    await using site = await withTemporary();
    const page = await site.signIn();
    const resume = page.url.replace('/interaction/', '/auth/').split('?')[0] ?? '';
    const skipped = await site.visit.go(resume);
    expect(skipped.text).toContain('name="password"');
    expect(await site.sql.all`select * from oidc_model where kind in ('Grant', 'AuthorizationCode')`).toEqual([]);
    expect(returned(await site.visit.go(authorization({ prompt: 'none' }).url)).get('error')).toBe('login_required');
  });

  it('cannot be replaced by who has only heard of the page', async () => {
    await using site = await withTemporary();
    const page = await site.signIn();
    const stranger = visitor(site);
    const answer = await stranger.submit(page, { newPassword: chosen, repeat: chosen }, '/password');
    expect(answer.status).toBe(400);
    expect(answer.text).toContain('This sign-in has expired');
    const earlier = visitor(site);
    const fresh = await earlier.go(authorization().url);
    const path = `${fresh.url.split('?')[0]}/password`;
    const from = { origin: new URL(fresh.url).origin, 'sec-fetch-site': 'same-origin' };
    const body = new URLSearchParams({ newPassword: chosen, repeat: chosen }).toString();
    expect((await earlier.send('POST', path, body, from)).status).toBe(303);
    expect(await site.sql.run((tx) => readCredential(tx, 'default', site.id))).toMatchObject({ version: 1 });
  });

  it('is worth nothing when an administrator has set another one in the meantime', async () => {
    await using site = await withTemporary();
    const page = await site.signIn();
    await site.setPassword(site.id, 'Tz4w-mN8b-c3Vy-j7Rk', true, 'reset:r2');
    const answer = await site.visit.submit(page, { newPassword: chosen, repeat: chosen }, '/password');
    expect(answer.status).toBe(409);
    expect(noticeOf(answer)).toContain('changed in the meantime');
    expect(answer.text).toContain('name="password"');
  });

  it('nor when the account was blocked in the meantime', async () => {
    await using site = await withTemporary();
    const page = await site.signIn();
    await site.block(amara);
    const answer = await site.visit.submit(page, { newPassword: chosen, repeat: chosen }, '/password');
    expect(answer.status).toBe(409);
    expect(await site.sql.run((tx) => readCredential(tx, 'default', site.id))).toMatchObject({ version: 1 });
  });

  it('can be left for another account', async () => {
    await using site = await withTemporary();
    await site.person(globalAdmin, chosen);
    const page = await site.signIn();
    const start = await site.visit.submit(page, {}, '/restart');
    const answer = await site.visit.submit(start, { userName: globalAdmin.userName, password: chosen });
    expect(returned(answer).get('code')).toBeTruthy();
  });

  it('keeps a name in the page from being markup', async () => {
    await using site = await openSite();
    const name = `<img src=x onerror="alert(1)">`;
    await site.person({ ...apostrophe, displayName: name }, temporary, { temporary: true });
    const visit = visitor(site);
    const page = await visit.submit(await visit.go(authorization().url), {
      userName: apostrophe.userName,
      password: temporary,
    });
    expect(page.text).toContain('nora.o&#39;brien@contoso.example');
    expect(page.text).not.toContain('<img');
  });
});

describe('a form', () => {
  it.each([
    ['another site', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }],
    ['a sibling', { origin: 'https://www.contoso.example', 'sec-fetch-site': 'same-site' }],
    ['another site, told by an older browser', { origin: 'https://evil.example', 'sec-fetch-site': '' }],
    ['nowhere', { origin: '', 'sec-fetch-site': '' }],
    ['a sandbox', { origin: 'null', 'sec-fetch-site': 'cross-site' }],
  ])('from %s is not read', async (_, headers) => {
    await using site = await withTemporary();
    const page = await site.visit.go(authorization().url);
    const given = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== ''));
    const url = page.url;
    const body = new URLSearchParams({ userName: amara.userName, password: temporary }).toString();
    const answer = await site.visit.send('POST', url, body, given);
    expect(answer.status).toBe(403);
    expect(answer.text).toContain('came from another page');
    expect(await site.sql.all`select * from sign_in_attempt`).toEqual([]);
  });

  it('from an older browser of our own page is', async () => {
    await using site = await withTemporary();
    const page = await site.visit.go(authorization().url);
    const body = new URLSearchParams({ userName: amara.userName, password: temporary }).toString();
    const answer = await site.visit.send('POST', page.url, body, { origin: new URL(page.url).origin });
    expect(answer.status).toBe(303);
  });

  it.each([
    ['too large', 'application/x-www-form-urlencoded', `password=${'x'.repeat(20_000)}`, 413],
    ['of another type', 'application/json', '{"userName":"x","password":"x"}', 415],
  ])('%s is refused with a page', async (_, type, body, status) => {
    await using site = await withTemporary();
    const page = await site.visit.go(authorization().url);
    const from = { origin: new URL(page.url).origin, 'content-type': type };
    const answer = await site.visit.send('POST', page.url, body, from);
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toContain('text/html');
  });
});

describe('every page', () => {
  it('is not kept, not framed, runs no script but ours, and leads only here and to the extension', async () => {
    await using site = await withTemporary();
    const page = await site.visit.go(authorization().url);
    expect(page.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'referrer-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
    });
    expect(page.headers['content-security-policy']).toBe(
      "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; " +
        "form-action 'self' https://abcdefghijklmnopabcdefghijklmnop.chromiumapp.org; frame-ancestors 'none'; " +
        "base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    );
    expect(page.text).not.toMatch(/<style|<script(?! type="module" src=)|\son\w+=|\sstyle=/);
  });

  it('finds its style and scripts, which browsers may keep', async () => {
    await using site = await openSite();
    const visit = visitor(site);
    const page = await visit.go(authorization().url);
    const paths = [...page.text.matchAll(/(?:href|src)="(\/signin\/-\/[^"]+)"/g)].map(([, path]) => path ?? '');
    expect(paths.map((path) => path.split('/').at(-1))).toEqual(['sign-in.css', 'sign-in.js']);
    const loaded = await Promise.all(paths.map((path) => visit.send('GET', new URL(path, issuer).href)));
    for (const asset of loaded) {
      expect(asset.status).toBe(200);
      expect(asset.headers['cache-control']).toContain('immutable');
    }
    const from = /from '([^']+)'/.exec(loaded[1]?.text ?? '')?.[1] ?? '';
    const rules = await visit.send('GET', new URL(from, loaded[1]?.url).href);
    expect(rules.status).toBe(200);
    expect(rules.text).toContain('export function checkPassword(password');
    expect(rules.text).not.toMatch(/^import (?!type)/m);
  });

  it('speaks the language of ui_locales, then the browser’s, and can be switched by hand', async () => {
    await using site = await openSite();
    const turkish = visitor(site, 'tr-TR,tr;q=0.9,en;q=0.8');
    const page = await turkish.go(authorization().url);
    expect(page.text).toContain('<html lang="tr" dir="ltr">');
    expect(page.text).toContain('Oturum aç');
    const asked = await turkish.go(authorization({ ui_locales: 'de en-GB' }).url);
    expect(asked.text).toContain('<html lang="en"');
    const href = /href="([^"]+ui_locales=tr)"/.exec(asked.text)?.[1] ?? '';
    const switched = await turkish.go(new URL(href, asked.url).href);
    expect(switched.text).toContain('<html lang="tr"');
    const wrong = await turkish.submit(switched, { userName: 'x', password: 'x' });
    expect(wrong.text).toContain('eşleşmiyor');
  });

  it('fills in the user name that the extension hints at', async () => {
    await using site = await openSite();
    const page = await visitor(site).go(authorization({ login_hint: `"><b>${amara.userName}` }).url);
    expect(page.text).toContain(`value="&quot;&gt;&lt;b&gt;${amara.userName}"`);
  });

  it.each([
    ['an interaction of nobody', '/interaction/nothing', 400, 'This sign-in has expired'],
    ['a way back without its cookie', '/auth/nothing', 400, 'This sign-in has expired'],
  ])('tells what became of %s', async (_, path, status, title) => {
    await using site = await openSite();
    const answer = await visitor(site).go(issuer + path);
    expect(answer.status).toBe(status);
    expect(answer.text).toContain(title);
    expect(answer.text).toContain('Contoso');
    expect(answer.text).toContain('href="/signin/default/account"');
  });

  it.each(['/signin/nobody/account', '/signin/nobody/.well-known/openid-configuration', '/signin', '/signin/-/x'])(
    'there is none at %s',
    async (path) => {
      await using site = await openSite();
      const answer = await visitor(site).go(new URL(path, issuer).href);
      expect(answer.status).toBe(404);
      expect(answer.text).toContain('There is no sign-in here');
    },
  );

  it('an organisation that signs in elsewhere has none here', async () => {
    await using site = await openSite({ tenant: { issuer: 'https://login.microsoftonline.com/x/v2.0' } });
    expect((await visitor(site).go(`${issuer}/account`)).status).toBe(404);
  });
});
