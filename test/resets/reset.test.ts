// The main job on the whole connector: request → mail → change → open → changed, and how each step can fail.

import { describe, expect, it } from 'vitest';
import type { Offer, Reset, Search } from '#shared/api.ts';
import type { ProblemBody } from '#shared/problem.ts';
import { makeWorld, type Script } from '../world.ts';

const minute = 60_000;
const hour = 60 * minute;
const names = ['globalAdmin', 'passwordAdmin', 'noRole', 'amara', 'ada', 'disabled', 'noAddress'] as const;
const cast = { names: [...names] };
const rungs = (reset: Reset) => reset.events.map(({ name }) => name);

describe('a reset', () => {
  it('walks from the request to the changed password', async () => {
    await using world = await makeWorld(cast);
    const response = await world.reset('passwordAdmin', 'amara', { pin: '12345678' });
    expect(response.statusCode, response.body).toBe(202);
    const { id } = response.json<Reset>();
    expect(response.headers.location).toBe(`/api/resets/${id}`);
    expect(response.json<Reset>()).toMatchObject({
      state: 'prepared',
      pin: true,
      recipient: { shown: 'someone@post.example' },
    });
    expect(response.body).not.toContain('12345678');

    await world.walk();
    expect(await world.see(id)).toMatchObject({ state: 'ready', may: ['sendAgain', 'kill'] });
    expect(world.sent).toHaveLength(1);
    const { link, text, message } = await world.letter();
    expect(message.envelope).toEqual({ from: 'helpdesk@contoso.example', to: 'someone@post.example' });
    expect(text).toContain('amara.nwosu@contoso.example');
    expect(text).not.toContain('12345678');

    const { answer, password = '' } = await world.open(link, { pin: '12345678' });
    expect(answer).toMatchObject({ state: 'open', organisation: 'Contoso', forceChange: true });
    expect(await world.holds('amara', password)).toBe(true);
    expect(text).not.toContain(password);
    expect(rungs(await world.see(id))).toEqual(['requested', 'prepared', 'accepted', 'passwordSet', 'armed', 'opened']);
  });

  it('says "changed by the user" only when the sign-in has a record of it', async () => {
    await using world = await makeWorld(cast);
    const { id } = (await world.reset('globalAdmin', 'amara')).json<Reset>();
    await world.walk();
    const { password = '', holder } = await world.open((await world.letter()).link);
    await world.pass(minute);
    await world.signIn('amara', password, 'A-brand-new-one-7');
    await world.walk();
    const reset = await world.see(id);
    expect(reset.state).toBe('done');
    expect(reset.events.at(-1)).toMatchObject({ name: 'changed', evidence: 'self' });
    expect(reset.may).toEqual(['kill']);
    await world.post((await world.letter()).link.id, 'done', { holder: Buffer.from(holder).toString('base64url') });
    expect((await world.see(id)).events.at(-1)?.name).toBe('changed');
  });

  it('is one: a second click, a second tab and fifty admins at once make one reset (C1, C22–C23)', async () => {
    await using world = await makeWorld(cast);
    const both = await Promise.all([
      world.reset('globalAdmin', 'amara', {}, 'the-same-key'),
      world.reset('globalAdmin', 'amara', {}, 'the-same-key'),
    ]);
    expect(both.map(({ statusCode }) => statusCode)).toEqual([202, 202]);
    expect(new Set(both.map((one) => one.json<Reset>().id)).size).toBe(1);
    expect(both.filter(({ headers }) => headers['idempotency-replayed'] === 'true')).toHaveLength(1);

    const many = await Promise.all(Array.from({ length: 50 }, () => world.reset('passwordAdmin', 'ada')));
    expect(many.filter(({ statusCode }) => statusCode === 202)).toHaveLength(1);
    const refused = many.filter(({ statusCode }) => statusCode === 409).map((one) => one.json<ProblemBody>());
    expect(refused).toHaveLength(49);
    expect(refused[0]).toMatchObject({ code: 'liveReset', details: { by: 'Pål Lindqvist' } });
    await world.walk();
    expect(world.sent).toHaveLength(2);
  });

  it('repeats an answer for the same key and body, and refuses another body (24 h)', async () => {
    await using world = await makeWorld(cast);
    const first = (await world.reset('globalAdmin', 'amara', {}, 'key-for-amara')).json<Reset>();
    await world.walk();
    const again = await world.reset('globalAdmin', 'amara', {}, 'key-for-amara');
    expect(again.json<Reset>()).toMatchObject({ id: first.id, state: 'ready' });
    expect(world.sent).toHaveLength(1);
    const other = await world.reset('globalAdmin', 'amara', { locale: 'tr' }, 'key-for-amara');
    expect([other.statusCode, other.json<ProblemBody>().code]).toEqual([422, 'idempotencyMismatch']);
    // Another admin's key is another key.
    expect((await world.reset('passwordAdmin', 'ada', {}, 'key-for-amara')).statusCode).toBe(202);
    await world.pass(25 * hour);
    expect((await world.reset('globalAdmin', 'amara', { locale: 'tr' }, 'key-for-amara')).statusCode).toBe(202);
  });
});

describe('before anything changes', () => {
  const untouched = async (by: (typeof names)[number], target: (typeof names)[number], code: string, request = {}) => {
    await using world = await makeWorld(cast);
    const response = await world.reset(by, target, request);
    expect(response.json<ProblemBody>(), response.body).toMatchObject({ code });
    expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(response.json<ProblemBody>().detail.length).toBeGreaterThan(10);
    await world.walk();
    expect(world.sent).toHaveLength(0);
    expect(await world.sql.get`select count(*) as n from reset`).toEqual({ n: 0 });
    expect(await world.sql.get`select count(*) as n from credential`).toEqual({ n: 0 });
  };

  it.each([
    ['a caller without a role', 'noRole', 'amara', 'roleMissing'],
    ['oneself', 'globalAdmin', 'globalAdmin', 'targetSelf'],
    ['an administrator above the caller', 'passwordAdmin', 'globalAdmin', 'targetPrivileged'],
    ['a blocked account', 'globalAdmin', 'disabled', 'targetDisabled'],
  ] as const)('%s is refused', (_what, by, target, code) => untouched(by, target, code));

  it.each([
    ['an unknown person', 'targetUnknown', { user: '00000000-0000-4000-8000-000000000000' }],
    ['a short password', 'passwordTooShort', { password: 'Ab1!' }],
    ['a long password', 'passwordTooLong', { password: `Aa1!${'x'.repeat(260)}` }],
    ['a password with an accent', 'passwordCharacters', { password: 'Şifrem-12345' }],
    ['a password with the name in it', 'passwordContainsName', { password: 'Nwosu-2026-spring' }],
    ['a password of one class', 'passwordClasses', { password: 'abcdefghijkl' }],
    [
      'an address with a line break',
      'recipientInvalid',
      { recipient: { address: 'a@post.example\r\nBcc: b@post.example' } },
    ],
    ['an address without a domain', 'recipientInvalid', { recipient: { address: 'someone@' } }],
    ['the mailbox being reset', 'recipientOwnMailbox', { recipient: { address: 'AMARA.NWOSU+x@contoso.example' } }],
    ['an address that is not on file', 'recipientUnknown', { recipient: { onFile: 'nothing' } }],
    ['a PIN of six digits', 'pinInvalid', { pin: '123456' }],
    ['a misspelt member', 'invalidValue', { forcechange: true }],
  ] as const)('%s is refused', (_what, code, request) => untouched('globalAdmin', 'amara', code, request));

  it('asks the directory for the role, never the token (C24)', async () => {
    await using world = await makeWorld(cast);
    const wids = ['62e90394-69f5-4237-9190-012177145e10'];
    const headers = {
      authorization: `Bearer ${await world.token('noRole', { wids })}`,
      'idempotency-key': 'k-12345678',
    };
    const response = await world.api('noRole', 'GET', '/users?search=amara', undefined, headers);
    expect([response.statusCode, response.json<ProblemBody>().code]).toEqual([403, 'roleMissing']);
  });

  it('stops between mail and change when the role is gone meanwhile (C24), or the person is blocked (C25)', async () => {
    for (const gone of ['role', 'active'] as const) {
      await using world = await makeWorld(cast);
      world.script.push(async () => {
        if (gone === 'role')
          await world.sql.run((tx) => tx.run`delete from role_assignment`[Symbol.iterator]() as never);
        else await world.scim('PATCH', `/Users/${world.ids.amara}`, disable);
        return { outcome: 'accepted', reply: '250 OK' };
      });
      const { id } = (await world.reset('passwordAdmin', 'amara')).json<Reset>();
      await world.walk();
      await world.role('globalAdmin', 'Global Administrator');
      const reset = await world.see(id);
      expect(reset.state).toBe('rejected');
      expect(reset.why?.code).toBe(gone === 'role' ? 'roleMissing' : 'targetDisabled');
      expect(await world.sql.get`select count(*) as n from credential`).toEqual({ n: 0 });
      expect((await world.open((await world.letter()).link)).answer.state).toBe('nothingChanged');
    }
  });
});

const disable = {
  schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
  Operations: [{ op: 'Replace', path: 'active', value: 'False' }],
};

describe('mail trouble (C13–C18)', () => {
  const trouble = async (script: Script[]) => {
    const world = await makeWorld(cast);
    await world.signUp('amara', 'The-old-one-1');
    world.script.push(...script);
    const { id } = (await world.reset('globalAdmin', 'amara')).json<Reset>();
    await world.walk();
    return { world, id };
  };
  const later: Script = { outcome: 'later', code: 451, reply: '451 4.3.0 try again' };

  it('451 twice: the same bytes again after 1 and 5 minutes; the old password works until acceptance', async () => {
    const { world, id } = await trouble([later, later]);
    await using _ = world;
    expect(await world.see(id)).toMatchObject({ state: 'mailing', nextAttemptAt: '2026-11-22T09:01:00.000Z' });
    await world.pass(59_000);
    expect(world.sent).toHaveLength(1);
    await world.pass(1_000);
    expect(world.sent).toHaveLength(2);
    expect(await world.holds('amara', 'The-old-one-1')).toBe(true);
    await world.pass(5 * minute);
    expect(world.sent).toHaveLength(3);
    expect((await world.see(id)).state).toBe('ready');
    expect(await world.holds('amara', 'The-old-one-1')).toBe(false);
    expect(new Set(world.sent.map(({ bytes }) => Buffer.from(bytes).toString('hex'))).size).toBe(1);
    expect(rungs(await world.see(id))).toEqual([
      'requested',
      'prepared',
      'deferred',
      'deferred',
      'accepted',
      'passwordSet',
      'armed',
    ]);
  });

  it('550: the admin is told at once, nothing changed, and another address continues', async () => {
    const { world, id } = await trouble([{ outcome: 'refused', code: 550, reply: '550 5.1.1 no such user' }]);
    await using _ = world;
    expect(await world.see(id)).toMatchObject({
      state: 'mailing',
      needsYou: 'mailFailed',
      may: ['cancel', 'sendAgain', 'kill'],
    });
    await world.pass(3 * hour);
    expect(world.sent).toHaveLength(1);
    const again = await world.reset('globalAdmin', 'amara', {
      recipient: { address: 'other@post.example' },
      supersede: id,
    });
    await world.walk();
    expect((await world.see(again.json<Reset>().id)).state).toBe('ready');
    expect((await world.see(id)).state).toBe('superseded');
  });

  it('dropped after the dot: sent again with the same Message-ID, harmlessly', async () => {
    const { world, id } = await trouble([{ outcome: 'unknown', reply: 'connection lost after the final dot' }]);
    await using _ = world;
    expect(await world.holds('amara', 'The-old-one-1')).toBe(true);
    await world.pass(2_000);
    expect((await world.see(id)).state).toBe('ready');
    expect(new Set(world.sent.map(({ messageId }) => messageId)).size).toBe(1);
    const { password = '' } = await world.open((await world.letter(0)).link);
    expect(await world.holds('amara', password)).toBe(true);
  });

  it('a server that refuses our credentials or offers no TLS raises an alarm and loses nothing', async () => {
    const { world, id } = await trouble([{ outcome: 'misconfigured', code: 535, reply: '535 5.7.8 bad credentials' }]);
    await using _ = world;
    expect(await world.see(id)).toMatchObject({ state: 'mailing', needsYou: 'mailMisconfigured' });
    await world.pass(minute);
    expect(await world.see(id)).toMatchObject({ state: 'ready' });
    expect((await world.see(id)).needsYou).toBeUndefined();
  });

  it('down for a day: expires, the old password works, the link says so', async () => {
    const { world, id } = await trouble(Array.from({ length: 60 }, () => later));
    await using _ = world;
    for (let passed = 0; passed < 25; passed++) await world.pass(hour);
    expect(await world.see(id)).toMatchObject({ state: 'expired' });
    expect(await world.holds('amara', 'The-old-one-1')).toBe(true);
    expect(world.sent.length).toBeLessThan(32);
  });
});

describe('the admin acts', () => {
  it('cancels before the change: nothing changes, the link says so', async () => {
    await using world = await makeWorld(cast);
    world.script.push({ outcome: 'later', code: 451, reply: '451' });
    const { id } = (await world.reset('globalAdmin', 'amara')).json<Reset>();
    await world.walk();
    const cancelled = await world.api('passwordAdmin', 'POST', `/resets/${id}/cancel`);
    expect(cancelled.json<Reset>()).toMatchObject({ state: 'cancelled', may: [] });
    await world.pass(hour);
    expect(world.sent).toHaveLength(1);
    expect((await world.open((await world.letter()).link)).answer.state).toBe('nothingChanged');
    expect((await world.api('passwordAdmin', 'POST', `/resets/${id}/cancel`)).statusCode).toBe(200);
  });

  it('cannot cancel after the change', async () => {
    await using world = await makeWorld(cast);
    const { id } = (await world.reset('globalAdmin', 'amara')).json<Reset>();
    await world.walk();
    const late = await world.api('globalAdmin', 'POST', `/resets/${id}/cancel`);
    expect([late.statusCode, late.json<ProblemBody>().code]).toEqual([409, 'stateConflict']);
  });

  it('cancels while the mail is on its way: the late acceptance bounces', async () => {
    await using world = await makeWorld(cast);
    const { id } = (await world.reset('globalAdmin', 'amara')).json<Reset>();
    world.script.push(async () => {
      expect((await world.api('globalAdmin', 'POST', `/resets/${id}/cancel`)).statusCode).toBe(200);
      return { outcome: 'accepted', reply: '250 OK' };
    });
    await world.walk();
    expect(await world.see(id)).toMatchObject({ state: 'cancelled' });
    expect(await world.sql.get`select count(*) as n from credential`).toEqual({ n: 0 });
  });

  it('kills: the link is dead at once and the password scrambled, opened or not', async () => {
    for (const opened of [false, true]) {
      await using world = await makeWorld(cast);
      const { id } = (await world.reset('globalAdmin', 'amara')).json<Reset>();
      await world.walk();
      const { link } = await world.letter();
      const password = opened ? (await world.open(link)).password : undefined;
      expect((await world.api('globalAdmin', 'POST', `/resets/${id}/kill`)).json<Reset>().state).toBe('recalled');
      expect((await world.open(link)).answer.state).toBe('recalled');
      await world.walk();
      expect(rungs(await world.see(id)).at(-1)).toBe('scrambled');
      if (password) expect(await world.holds('amara', password)).toBe(false);
    }
  });

  it('kills even after the wrong person has chosen a password', async () => {
    await using world = await makeWorld(cast);
    const { id } = (await world.reset('globalAdmin', 'amara')).json<Reset>();
    await world.walk();
    const { password = '' } = await world.open((await world.letter()).link);
    await world.pass(minute);
    await world.signIn('amara', password, 'Stolen-goods-77');
    await world.walk();
    expect((await world.see(id)).state).toBe('done');
    await world.pass(minute);
    await world.api('globalAdmin', 'POST', `/resets/${id}/kill`);
    await world.walk();
    expect(await world.holds('amara', 'Stolen-goods-77')).toBe(false);
  });

  it('sends again: the older link lives until the newer mail is accepted, then dies', async () => {
    await using world = await makeWorld(cast);
    const first = (await world.reset('globalAdmin', 'amara')).json<Reset>();
    await world.walk();
    const older = (await world.letter()).link;
    world.script.push({ outcome: 'later', code: 421, reply: '421' });
    const second = (await world.reset('globalAdmin', 'amara', { supersede: first.id })).json<Reset>();
    expect(second.supersedes).toBe(first.id);
    await world.walk();
    expect((await world.see(first.id)).state).toBe('ready');
    await world.pass(minute);
    expect((await world.see(first.id)).state).toBe('superseded');
    expect((await world.open(older)).answer.state).toBe('superseded');
    const { password = '' } = await world.open((await world.letter()).link);
    expect(await world.holds('amara', password)).toBe(true);
  });

  it('cancelling the newer one gives the older one back', async () => {
    await using world = await makeWorld(cast);
    const first = (await world.reset('globalAdmin', 'amara')).json<Reset>();
    await world.walk();
    const older = (await world.letter()).link;
    world.script.push({ outcome: 'later', code: 421, reply: '421' });
    const second = (await world.reset('globalAdmin', 'amara', { supersede: first.id })).json<Reset>();
    await world.walk();
    await world.api('globalAdmin', 'POST', `/resets/${second.id}/cancel`);
    const offer = (await world.api('globalAdmin', 'GET', `/users/${world.ids.amara}/offer`)).json<Offer>();
    expect(offer.reset).toMatchObject({ id: first.id, state: 'ready', may: ['sendAgain', 'kill'] });
    expect((await world.open(older)).answer.state).toBe('open');
  });
});

describe('the end of the time', () => {
  it('not opened in 24 hours: expired and scrambled', async () => {
    await using world = await makeWorld(cast);
    const { id } = (await world.reset('globalAdmin', 'amara')).json<Reset>();
    await world.walk();
    const before = await world.sql.get<{ hash: string }>`select hash from credential`;
    await world.pass(24 * hour);
    expect((await world.see(id)).state).toBe('scrambled');
    expect(rungs(await world.see(id)).slice(-2)).toEqual(['expired', 'scrambled']);
    expect(await world.sql.get`select hash from credential`).not.toEqual(before);
    expect((await world.open((await world.letter()).link)).answer.state).toBe('expired');
  });

  it('opened and not changed in 72 hours: scrambled; said to be signed in makes no difference', async () => {
    for (const said of [false, true]) {
      await using world = await makeWorld(cast);
      const { id } = (await world.reset('globalAdmin', 'amara')).json<Reset>();
      await world.walk();
      const { link } = await world.letter();
      const { password = '', holder } = await world.open(link);
      if (said) await world.post(link.id, 'done', { holder: Buffer.from(holder).toString('base64url') });
      await world.pass(10 * minute);
      const waiting = await world.see(id);
      expect([waiting.state, waiting.needsYou]).toEqual(said ? ['done', undefined] : ['leased', 'likelyScanner']);
      await world.pass(71 * hour);
      expect(await world.holds('amara', password)).toBe(true);
      await world.pass(hour);
      expect((await world.see(id)).state).toBe('scrambled');
      expect(await world.holds('amara', password)).toBe(false);
    }
  });

  it('never scrambles a password that the person chose (C32)', async () => {
    await using world = await makeWorld(cast);
    const { id } = (await world.reset('globalAdmin', 'amara')).json<Reset>();
    await world.walk();
    const { password = '' } = await world.open((await world.letter()).link);
    await world.pass(minute);
    await world.signIn('amara', password, 'My-very-own-42');
    await world.pass(100 * hour);
    expect(await world.holds('amara', 'My-very-own-42')).toBe(true);
    expect((await world.see(id)).state).toBe('done');
  });
});

describe('what the dialog asks', () => {
  it('finds people for an administrator, and draws the offer with masked addresses', async () => {
    await using world = await makeWorld(cast);
    const search = (
      await world.api('passwordAdmin', 'GET', '/users?search=AMARA.NWOSU@contoso.example')
    ).json<Search>();
    expect(search.users[0]).toMatchObject({ displayName: 'Amara Nwosu', exact: true });
    expect(search.organisation).toMatchObject({ name: 'Contoso', domains: ['contoso.example'] });
    const response = await world.api('passwordAdmin', 'GET', `/users/${world.ids.amara}/offer`);
    const offer = response.json<Offer>();
    expect(offer.addresses).toMatchObject([{ masked: 'a•••@m•••.example' }]);
    expect(response.body).not.toContain('mail.example');
    expect(offer.refusal).toBeUndefined();
    const sent = await world.reset('passwordAdmin', 'amara', { recipient: { onFile: offer.addresses[0]?.id ?? '' } });
    expect(sent.json<Reset>().recipient).toEqual({ shown: 'a•••@m•••.example', onFile: true });
    await world.walk();
    expect(world.sent[0]?.envelope.to).toBe('amara.nwosu@mail.example');
  });

  it('says why not, in the reader’s language, and gives no addresses away', async () => {
    await using world = await makeWorld(cast);
    const turkish = { 'accept-language': 'tr-TR,tr;q=0.9' };
    const response = await world.api(
      'passwordAdmin',
      'GET',
      `/users/${world.ids.globalAdmin}/offer`,
      undefined,
      turkish,
    );
    expect(response.json<Offer>()).toMatchObject({
      refusal: { code: 'targetPrivileged', detail: expect.stringMatching(/Genel Yönetici/) },
      addresses: [],
    });
    expect((await world.api('noRole', 'GET', `/users/${world.ids.amara}/offer`)).statusCode).toBe(403);
    const self = await world.api('globalAdmin', 'GET', `/users/${world.ids.globalAdmin}/offer`);
    expect(self.json<Offer>().refusal?.code).toBe('targetSelf');
  });

  it('tells what an extension must know before anybody has signed in', async () => {
    await using world = await makeWorld({ names: [] });
    const headers = { origin: 'chrome-extension://abcdefghijklmnopabcdefghijklmnop' };
    const response = await world.app.inject({ url: '/api/config', headers });
    expect(response.json()).toEqual({
      version: 1,
      organisation: { id: world.tenant.tid, name: 'Contoso' },
      authority: 'https://connector.contoso.example/signin/default',
      protocol: 'oidc',
      clientId: 'reset-and-resend-extension',
      scopes: ['Passwords.Reset'],
    });
    expect(response.headers['access-control-allow-origin']).toBe(headers.origin);
    expect((await world.app.inject({ url: '/api/config?domain=CONTOSO.example' })).statusCode).toBe(200);
    expect((await world.app.inject({ url: '/api/config?domain=fabrikam.example' })).statusCode).toBe(404);
  });
});
