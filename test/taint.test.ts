// The taint oracle finds what it must and nothing else: each form, made here by other means than its own, in the middle
// of something longer.

import { Buffer } from 'node:buffer';
import { execFileSync } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import MailComposer from 'nodemailer/lib/mail-composer/index.js';
import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { createLink, linkUrl } from '#shared/link.ts';
import { generatePassword } from '#shared/password.ts';
import { linkTaint, pinTaint, taintOf, told } from './taint.ts';

const random = (bytes: number) => new Uint8Array(randomBytes(bytes));
const password = `pä$$ "w0rd"\\<&'=+/€`;
const labels = (hay: Uint8Array | string, value: string | Uint8Array = password) =>
  taintOf([{ label: 'it', value }])
    .find('here', hay)
    .map(({ label }) => label);

/** Something longer around a text, of another length each time. */
function* amid(encode: (text: string) => string | Uint8Array): Generator<string | Uint8Array> {
  for (const before of ['', 'x', 'xy', 'xyz', 'user=ada&pw='])
    for (const after of ['', '!', ' and more']) yield encode(`${before}${password}${after}`);
}

function* rfc2045(text: string): Generator<string> {
  for (const octet of Buffer.from(text)) {
    const plain = octet >= 33 && octet <= 126 && octet !== 61;
    yield plain || octet === 32 ? String.fromCharCode(octet) : `=${octet.toString(16).toUpperCase().padStart(2, '0')}`;
  }
}

describe('a password is found', () => {
  const encodings: Record<string, (text: string) => string | Uint8Array> = {
    'as text': (text) => text,
    'in UTF-16LE': (text) => Buffer.from(text, 'utf16le'),
    'in UTF-16BE': (text) => Buffer.from(text, 'utf16le').swap16(),
    'in base64': (text) => Buffer.from(text).toString('base64'),
    'in base64url': (text) => Buffer.from(text).toString('base64url'),
    'in base64 of UTF-16, as PowerShell has it': (text) => Buffer.from(text, 'utf16le').toString('base64'),
    'in base64 in lines': (text) =>
      Buffer.from(text)
        .toString('base64')
        .replace(/(.{7})/g, '$1\r\n'),
    'in base64 in an address': (text) => encodeURIComponent(Buffer.from(text).toString('base64')),
    'in hex': (text) => Buffer.from(text).toString('hex'),
    'in HEX': (text) => Buffer.from(text).toString('hex').toUpperCase(),
    'in a query': (text) => encodeURIComponent(text),
    'in a query with small digits': (text) => encodeURIComponent(text).replace(/%../g, (one) => one.toLowerCase()),
    'in a form': (text) => new URLSearchParams({ text }).toString(),
    'in JSON': (text) => JSON.stringify({ text }),
    'in JSON within JSON': (text) => JSON.stringify({ body: JSON.stringify({ text }) }),
    'in JSON of ASCII alone': (text) =>
      JSON.stringify(text).replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
    'in HTML': (text) =>
      text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;'),
    'in quoted-printable': (text) => [...rfc2045(text)].join(''),
    'in quoted-printable with soft breaks anywhere': (text) => [...rfc2045(text)].join('=\r\n'),
    'in quoted-printable with dots stuffed': (text) => [...rfc2045(`.${text}`)].join('=\r\n').replace(/^\./gm, '..'),
  };
  for (const [name, encode] of Object.entries(encodings)) {
    it(name, () => {
      for (const hay of amid(encode)) expect([hay.length, labels(hay)[0]]).toEqual([hay.length, 'it']);
    });
  }

  it('in a mail that nodemailer makes, in each of its encodings', async () => {
    for (const encoding of ['quoted-printable', 'base64', '7bit'] as const) {
      const text = `Hello,\n\nyour new password is ${password} and this line is long enough to be broken somewhere.\n`;
      const mail = new MailComposer({
        from: 'a@b.example',
        to: 'c@d.example',
        text,
        textEncoding: encoding as 'base64',
      });
      expect([encoding, labels(await mail.compile().build())[0]]).toEqual([encoding, 'it']);
    }
  });

  it('in a log line, in an error, in the page of a database', () => {
    const lines: string[] = [];
    const log = pino({}, { write: (text: string) => void lines.push(text) });
    log.info({ err: new Error(`no ${password}`) }, 'it failed');
    expect(labels(lines.join(''))).toContain('it');
    const folder = mkdtempSync(join(tmpdir(), 'torture-taint-'));
    try {
      const file = join(folder, 'a.db');
      const db = new DatabaseSync(file);
      db.exec('create table t (a text)');
      db.prepare('insert into t values (?)').run(password);
      db.exec('delete from t');
      db.close();
      expect(taintOf([{ label: 'it', value: password }]).findFile(file)).toHaveLength(1);
      writeFileSync(file, '');
      expect(taintOf([{ label: 'it', value: password }]).findFile(file)).toEqual([]);
      expect(taintOf([{ label: 'it', value: password }]).findFile(join(folder, 'none'))).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('any password, in any of the forms, at any place', () => {
    const some = fc.string({ unit: 'binary', minLength: 8, maxLength: 40 }).filter((text) => text.isWellFormed());
    const encode = fc.constantFrom(...Object.entries(encodings).filter(([name]) => name !== 'in HTML'));
    fc.assert(
      fc.property(
        some,
        encode,
        fc.string({ maxLength: 9 }),
        fc.string({ maxLength: 9 }),
        (value, form, before, after) => {
          const hay = form[1](`${before}x${value}x${after}`);
          expect(labels(hay, value)).toContain('it');
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('a key is found', () => {
  it('as bytes, in every alphabet, in a link, in the encoding of a link, and half of it', async () => {
    for (let round = 0; round < 20; round++) {
      const link = createLink(random);
      const taint = taintOf(await linkTaint('A', link));
      const url = linkUrl('https://contoso.example', { ...link, locale: 'en', pin: false });
      const hays: Record<string, string | Uint8Array> = {
        bytes: Buffer.concat([random(5), link.key, random(5)]),
        list: JSON.stringify({ key: Buffer.from(link.key).toString('base64') }),
        link: url,
        'link in base64': Buffer.from(`click ${url} now`).toString('base64'),
        'link in a query': `?to=${encodeURIComponent(url)}`,
        'link in UTF-16': Buffer.from(url, 'utf16le'),
        'link in soft breaks': url.replace(/(.{20})/g, '$1=\r\n'),
        'the first half': Buffer.from(link.key.subarray(0, 16)).toString('base64url'),
        'the second half': Buffer.from(link.key.subarray(16)),
        'cut off': url.slice(0, -8),
      };
      for (const [name, hay] of Object.entries(hays))
        expect([name, taint.find('here', hay)[0]?.label]).toEqual([name, 'A link key']);
      expect(told(taint.find('here', `/r/${Buffer.from(link.id).toString('base64url')}`))).toEqual([]);
    }
  });

  it('as the code that is typed, and by what is derived from it', async () => {
    const link = createLink(random);
    const pin = '40718293';
    const secrets = await linkTaint('A', { ...link, pin, iterations: 1 });
    const taint = taintOf(secrets);
    expect(secrets.map(({ label }) => label)).toEqual([
      ...['A link key', 'A link code', 'A link code', 'A encryption key', 'A proof', 'A PIN proof'],
    ]);
    for (const { label, value } of secrets) {
      const hay =
        typeof value === 'string' ? `code: ${value}.` : JSON.stringify(Buffer.from(value).toString('base64url'));
      expect(taint.find('here', hay)[0]?.label).toBe(label);
    }
  });
});

describe('a PIN is found', () => {
  const pin = '17952034';
  const taint = taintOf(pinTaint('PIN', pin));
  it('where it stands by itself', () => {
    for (const hay of [
      ...[pin, `pin=${pin}&`, `{"pin":"${pin}"}`, `{"pin":${pin}}`, `PIN: ${pin}.`, '1795 2034', '(1795-2034)'],
      ...[Buffer.from(` ${pin} `, 'utf16le'), Buffer.from(` ${pin} `, 'utf16le').swap16()],
      ...[Buffer.from(`x${pin}x`).toString('base64'), Buffer.from(pin).toString('hex')],
    ])
      expect(taint.find('here', hay)[0]?.label).toBe('PIN');
  });
  it('and not in a longer number, an id or a hash', () => {
    for (const hay of [
      ...[`${pin}1`, `1${pin}`, `{"at":${pin}00000}`, `${pin}-1111-4222-8333-444455556666`, `aa${pin}bb`],
      ...['aaaaaaaa-1795-2034-8333-444455556666', Buffer.from(`1${pin}`, 'utf16le'), `1795\n2034`],
    ])
      expect(told(taint.find('here', hay))).toEqual([]);
  });
});

it('nothing is found in clean data', () => {
  const taint = taintOf();
  expect(taint.find('here', password)).toEqual([]);
  for (let i = 0; i < 300; i++) {
    taint.add({ label: `password ${i}`, value: generatePassword(random) });
    taint.add({ label: `key ${i}`, value: random(32) });
    taint.add(...pinTaint(`PIN ${i}`, String(randomInt(1e8)).padStart(8, '0')));
  }
  const before = taint.size;
  taint.add({ label: 'twice', value: password }, { label: 'twice', value: password });
  const added = taint.size - before;
  taint.add({ label: 'twice', value: password });
  expect(taint.size - before).toBe(added);
  const noise = random(1 << 20);
  const rows = Array.from(
    { length: 5000 },
    () => `${crypto.randomUUID()} ${Date.now() - randomInt(1e9)} ${randomInt(1e9)}\n`,
  );
  const program = execFileSync(process.execPath, ['--help']);
  for (const hay of [
    ...[noise, Buffer.from(noise).toString('base64'), Buffer.from(noise).toString('hex'), rows.join('')],
    ...[program, deflateRawSync(noise), JSON.stringify(rows)],
  ])
    expect(told(taint.find('here', hay))).toEqual([]);
});

it('a finding says what and where, and never the secret', () => {
  const taint = taintOf([{ label: 'the password of Ada', value: password }]);
  const [finding] = taint.find('the log', `12345${Buffer.from(password).toString('hex')}`);
  expect(finding).toEqual({ label: 'the password of Ada', form: 'hex', where: 'the log', at: 5 });
  expect(JSON.stringify(taint.find('the log', password))).not.toContain('w0rd');
  expect(() => taint.add({ label: 'short', value: '1234567' })).toThrow(RangeError);
});
