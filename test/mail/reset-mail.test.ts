// The mail's bytes: pinned for both languages, read back by a MIME parser, and safe against whatever a name may hold.

import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import PostalMime from 'postal-mime';
import { describe, expect, test } from 'vitest';
import { type ResetMail, resetMail } from '../../connector/mail/reset-mail.ts';
import { codeOf, linkUrl } from '../../shared/link.ts';
import { locales } from '../../shared/locale.ts';

const id = Uint8Array.from({ length: 16 }, (_, i) => i * 7);
const key = Uint8Array.from({ length: 32 }, (_, i) => 255 - i * 5);
const host = 'https://reset.contoso.example';

async function sample(changes: Partial<ResetMail> = {}): Promise<ResetMail> {
  const locale = changes.locale ?? 'en';
  const pin = changes.pin ?? false;
  const credential = changes.credential ?? 'password';
  return {
    organisation: 'Contoso',
    branding: { support: 'help desk, extension 4357' },
    person: { displayName: 'Ayşe Yılmaz', userPrincipalName: 'ayse.yilmaz@contoso.example' },
    link: linkUrl(host, { id, key, locale, pin, credential }),
    code: await codeOf({ key, pin, credential }),
    pin,
    locale,
    expiresAt: Date.UTC(2026, 10, 23, 14, 59),
    from: 'Contoso IT <reset@contoso.example>',
    to: 'ayse@mail.example',
    messageId: '<AAECAwQFBgcICQoLDA0ODw@contoso.example>',
    date: Date.UTC(2026, 10, 22, 14, 59),
    ...changes,
  };
}

const ascii = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
const headOf = (bytes: Uint8Array) => ascii(bytes).split('\r\n\r\n')[0] ?? '';
/** Header lines with their folding undone. */
const headers = (bytes: Uint8Array) =>
  headOf(bytes)
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n');

describe('golden files', () => {
  test.each([
    ['en', { locale: 'en' }],
    ['tr', { locale: 'tr', branding: {} }],
    ['en-pin', { locale: 'en', pin: true, branding: {} }],
    ['tr-pin', { locale: 'tr', pin: true, branding: { support: 'BT yardım masası, 4357' } }],
    ['en-pass', { locale: 'en', credential: 'temporaryAccessPass' }],
    ['tr-pass', { locale: 'tr', pin: true, credential: 'temporaryAccessPass', branding: {} }],
  ] as const)('%s.eml, byte for byte', async (name, changes) => {
    const { bytes } = await resetMail(await sample(changes));
    await expect(ascii(bytes)).toMatchFileSnapshot(`golden/${name}.eml`);
    // line ends included
    expect(Buffer.from(bytes).equals(await readFile(new URL(`golden/${name}.eml`, import.meta.url)))).toBe(true);
  });

  test('the same arguments give the same bytes, another Message-ID another boundary', async () => {
    const once = await resetMail(await sample());
    const again = await resetMail(await sample());
    expect(again).toEqual(once);
    const other = await resetMail(await sample({ messageId: '<other@contoso.example>' }));
    const boundary = (bytes: Uint8Array) => /boundary="([^"]+)"/.exec(ascii(bytes))?.[1];
    expect(boundary(other.bytes)).not.toBe(boundary(once.bytes));
  });
});

describe.each(locales)('in %s', (locale) => {
  test('both parts carry link, code, account, organisation and expiry with its zone', async () => {
    const mail = await sample({ locale, pin: true });
    const { subject, bytes } = await resetMail(mail);
    const read = await PostalMime.parse(bytes);
    expect(read.subject).toBe(subject);
    expect(read.from).toMatchObject({ name: 'Contoso IT', address: 'reset@contoso.example' });
    expect(read.to).toMatchObject([{ name: 'Ayşe Yılmaz', address: 'ayse@mail.example' }]);
    expect(read.messageId).toBe(mail.messageId);
    expect(read.date).toBe('2026-11-22T14:59:00.000Z');
    expect(read.attachments).toEqual([]);
    for (const part of [read.text ?? '', read.html ?? '']) {
      for (const piece of [
        mail.link,
        'ayse.yilmaz@contoso.example',
        'Contoso',
        'Ayşe Yılmaz',
        'UTC',
        '2026',
        '14:59',
      ]) {
        expect(part).toContain(piece);
      }
      expect(part.replace(/<br>|\n/g, '')).toContain(mail.code);
      expect(part).toContain('PIN');
    }
    expect(read.text).toMatch(new RegExp(`^${mail.link.replace(/[.?]/g, '\\$&')}$`, 'm'));
    expect(read.html).toContain(`<html lang="${locale}"`);
  });

  test('of a pass speaks of no new password, and of a password of no pass', async () => {
    for (const credential of ['password', 'temporaryAccessPass'] as const) {
      const { subject, bytes } = await resetMail(await sample({ locale, credential, pin: true }));
      const { text = '', html = '' } = await PostalMime.parse(bytes);
      for (const said of [`${subject}\n${text}`, html]) {
        const handed =
          /(show my|prepared a|link to a) new password|yeni (bir parola hazırladı|parola bağlantı|parolamı)/i;
        expect(handed.test(said.replace(/\s+/g, ' '))).toBe(credential === 'password');
        expect(/Temporary Access Pass|Geçici Erişim Geçişi/.test(said)).toBe(credential !== 'password');
      }
      expect(text).toContain(`#1.${locale}.p.${credential === 'password' ? '' : 't.'}`);
    }
  });

  test('is a transactional mail that no machine answers', async () => {
    const { bytes } = await resetMail(await sample({ locale }));
    const lines = headers(bytes);
    expect(lines).toContain('Auto-Submitted: auto-generated');
    expect(lines).toContain(`Content-Language: ${locale}`);
    expect(lines).toContain('X-Auto-Response-Suppress: DR, RN, NRN, OOF, AutoReply');
    expect(lines.filter((line) => /^(list-|precedence|x-mailer|bcc|sender)/i.test(line))).toEqual([]);
  });

  test('has lines and bytes that every server takes', async () => {
    const text = ascii((await resetMail(await sample({ locale }))).bytes);
    expect(text).toMatch(/^[\x20-\x7e\r\n\t]*$/);
    expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    expect(Math.max(...text.split('\r\n').map((line) => line.length))).toBeLessThanOrEqual(78);
    expect(text.length).toBeLessThan(30_000);
  });

  test('mentions a PIN only when there is one, a change only when it is asked for', async () => {
    const text = async (changes: Partial<ResetMail>) =>
      (await PostalMime.parse((await resetMail(await sample({ locale, ...changes }))).bytes)).text ?? '';
    expect(await text({ pin: false })).not.toContain('PIN');
    expect((await text({})).split('\n').filter((line) => /^\d\. /.test(line))).toHaveLength(3);
    expect((await text({ forceChange: false })).split('\n').filter((line) => /^\d\. /.test(line))).toHaveLength(2);
  });
});

test('the expiry can be told in the organisation’s own zone', async () => {
  const { bytes } = await resetMail(await sample({ locale: 'tr', timeZone: 'Europe/Istanbul' }));
  const { text } = await PostalMime.parse(bytes);
  expect(text).toContain('23 Kasım 2026 Pazartesi 17:59 GMT+3 (24 saat)');
});

describe('hostile names', () => {
  const hostile = [
    'Eve\r\nBcc: all@contoso.example',
    'Eve\nSubject: Free money\n\n<b>Hello</b>',
    '"Eve" <eve@mail.example>, Mallory <mallory@mail.example>',
    '=?utf-8?q?Eve=0d=0aBcc:_x?=',
    '<script>alert(1)</script> & "friends" \'n\' \u202eevil',
    'Dr. O’Brien, "Bob"; (comment) \\',
    '\u0000\u0007',
    '',
    '平仮名 🎉 العربية',
    'x'.repeat(5000),
  ];

  test.each(hostile)('%j stays text, in headers and in HTML', async (name) => {
    const person = { displayName: name, userPrincipalName: 'eve@contoso.example' };
    const { subject, bytes } = await resetMail(await sample({ person, organisation: name || 'Contoso' }));
    const names = headers(bytes).map((line) => line.split(':')[0]);
    expect(new Set(names).size).toBe(names.length);
    expect(names.sort()).toEqual(
      [
        'From',
        'To',
        'Subject',
        'Message-ID',
        'Date',
        'MIME-Version',
        'Content-Type',
        'Auto-Submitted',
        'X-Auto-Response-Suppress',
        'Content-Language',
      ].sort(),
    );
    const read = await PostalMime.parse(bytes);
    expect(read.to).toHaveLength(1);
    expect(read.to?.[0]?.address).toBe('ayse@mail.example');
    expect(read.subject).toBe(subject);
    expect(subject).not.toMatch(/[\p{Cc}\u202e]/u);
    expect(read.html).not.toMatch(/<(script|b)>/);
    expect(headOf(bytes)).toMatch(/^[\x20-\x7e\r\n\t]*$/);
  });

  test('whatever the name, there is one recipient and one boundary', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 80 }), async (name) => {
        const person = { displayName: name, userPrincipalName: 'eve@contoso.example' };
        const { bytes } = await resetMail(await sample({ person, organisation: name }));
        const read = await PostalMime.parse(bytes);
        expect(read.to).toHaveLength(1);
        expect(read.text).toContain(host);
        expect(read.html).toContain(host);
      }),
      { numRuns: 150 },
    );
  });

  test.each([
    { to: 'ada@mail.example\r\nBcc: x@mail.example' },
    { to: 'ada' },
    { to: 'a@b, c@d' },
    { to: '<ada@mail.example>' },
    { to: '' },
    { from: '' },
    { from: 'a@contoso.example, b@contoso.example' },
    { from: 'Contoso' },
    { messageId: '<a@b>\r\nBcc: x@mail.example' },
    { messageId: 'a@b' },
    { messageId: '<a>' },
  ])('%j is a mistake of the caller', async (changes) => {
    await expect(resetMail(await sample(changes))).rejects.toThrow(/^The .*\.$/);
  });

  test('a sender with odd letters is encoded', async () => {
    const { bytes } = await resetMail(await sample({ from: '"Çağrı, BT" <reset@contoso.example>' }));
    expect((await PostalMime.parse(bytes)).from).toMatchObject({ name: 'Çağrı, BT', address: 'reset@contoso.example' });
  });
});
