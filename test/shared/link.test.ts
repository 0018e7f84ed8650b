// Protocol v1 of the link: vectors that pin it, a second implementation on node:crypto, and properties.

import { createCipheriv, createHash, hkdfSync, pbkdf2Sync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { credentials } from '../../shared/api.ts';
import {
  codeCharacters,
  codeLength,
  codeOf,
  createLink,
  deriveLink,
  fromBase64url,
  hash,
  isHashOf,
  linkUrl,
  openPassword,
  parseCode,
  parseFragment,
  pinIterations,
  sealPassword,
  toBase64url,
} from '../../shared/link.ts';
import { parseAlarmRequest, parseDoneRequest, parseOpenAnswer, parseOpenRequest } from '../../shared/link-open.ts';
import { locales } from '../../shared/locale.ts';
import { Problem } from '../../shared/problem.ts';

const id = Uint8Array.from({ length: 16 }, (_, i) => i);
const key = Uint8Array.from({ length: 32 }, (_, i) => 0x80 + i);
const nonce = Uint8Array.from({ length: 12 }, (_, i) => 0x40 + i);
const context = { tenant: 'default', reset: '0190f3c2-1111-7222-8333-444455556666' };
const password = 'Kestrel-7-harbour-Moss';

const hex = (bytes: Uint8Array | undefined) => (bytes ? Buffer.from(bytes).toString('hex') : undefined);

/** The protocol once more, on node:crypto: two implementations that agree are not both wrong in the same place. */
function derivedByNode(pin: string | undefined, iterations: number) {
  const hkdf = (secret: Uint8Array, info: string) => new Uint8Array(hkdfSync('sha256', secret, id, info, 32));
  const root = hkdf(key, 'rr/v1/root');
  const pinKey = pin === undefined ? Buffer.alloc(32) : pbkdf2Sync(pin, id, iterations, 32, 'sha256');
  const both = Buffer.concat([root, pinKey]);
  const proofPin = pin === undefined ? {} : { proofPin: hkdf(both, 'rr/v1/proof-pin') };
  return { encKey: hkdf(both, 'rr/v1/enc'), proof: hkdf(root, 'rr/v1/proof-link'), ...proofPin };
}

describe('keys', () => {
  test('a PIN costs 600,000 rounds', () => {
    expect(pinIterations).toBe(600_000);
  });

  test('golden vectors without a PIN', async () => {
    const keys = await deriveLink({ id, key });
    expect(keys).toEqual(derivedByNode(undefined, 0));
    expect({ encKey: hex(keys.encKey), proof: hex(keys.proof), proofPin: keys.proofPin }).toMatchInlineSnapshot(`
      {
        "encKey": "a0fe62dc47a4dfa8a7b13eb91630478a802827e3c9f6a5f915ef4bd2125ef847",
        "proof": "2f13716b27cea5f2d97afbdfd727165d85dc0283615657bbc55657f2bd96897c",
        "proofPin": undefined,
      }
    `);
  });

  test('golden vectors with a PIN, at the full cost', async () => {
    const keys = await deriveLink({ id, key, pin: '04719562' });
    expect(keys).toEqual(derivedByNode('04719562', 600_000));
    const shown = { encKey: hex(keys.encKey), proof: hex(keys.proof), proofPin: hex(keys.proofPin) };
    expect(shown).toMatchInlineSnapshot(`
      {
        "encKey": "05ff0344d6b4ddcaf2a1bf253d839f3d3dce1b0d3f4181c26d262c5ca214c560",
        "proof": "2f13716b27cea5f2d97afbdfd727165d85dc0283615657bbc55657f2bd96897c",
        "proofPin": "72ffb3e2394743b7d191444fdcc57da7e0fb227b9c2b0ef200249f1ead57751a",
      }
    `);
  });

  test('the proof of the link does not depend on the PIN, everything else does', async () => {
    const without = await deriveLink({ id, key });
    const one = await deriveLink({ id, key, pin: '11111111', iterations: 2 });
    const other = await deriveLink({ id, key, pin: '11111112', iterations: 2 });
    expect(one.proof).toEqual(without.proof);
    expect(new Set([without, one, other].map((keys) => hex(keys.encKey))).size).toBe(3);
    expect(one.proofPin).not.toEqual(other.proofPin);
  });

  test.each(['', '1234567', '123456789', '1234567a', '١٢٣٤٥٦٧٨'])('a PIN of %j is refused', async (pin) => {
    await expect(deriveLink({ id, key, pin })).rejects.toMatchObject({ code: 'pinInvalid' });
  });

  test('a new link takes its bytes from the random source and from nowhere else', () => {
    let asked = 0;
    const link = createLink((bytes) => new Uint8Array(bytes).fill(++asked));
    expect(link).toEqual({ id: new Uint8Array(16).fill(1), key: new Uint8Array(32).fill(2) });
  });
});

describe('the sealed password', () => {
  test('golden vector: AES-256-GCM with version|tenant|reset as additional data', async () => {
    const { encKey } = await deriveLink({ id, key });
    const sealed = await sealPassword(password, encKey, context, nonce);
    const cipher = createCipheriv('aes-256-gcm', encKey, nonce).setAAD(
      Buffer.from(`1|${context.tenant}|${context.reset}`),
    );
    const ct = Buffer.concat([cipher.update(password), cipher.final(), cipher.getAuthTag()]);
    expect(sealed).toEqual({ ct: ct.toString('base64url'), nonce: Buffer.from(nonce).toString('base64url') });
    expect(sealed).toMatchInlineSnapshot(`
      {
        "ct": "AFonV94EpXEjSFT72OvTQufQ4yD_5rX2Ivzyipk1dCNT2rkXIpo",
        "nonce": "QEFCQ0RFRkdISUpL",
      }
    `);
  });

  test('opens to what was sealed, whatever it was', async () => {
    const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme' }), bytes(32), bytes(12), async (text, encKey, iv) => {
        expect(await openPassword(await sealPassword(text, encKey, context, iv), encKey, context)).toBe(text);
      }),
      { numRuns: 60 },
    );
  });

  test('does not open with another link, PIN, tenant or reset', async () => {
    const pinned = await deriveLink({ id, key, pin: '04719562', iterations: 2 });
    const sealed = await sealPassword(password, pinned.encKey, context, nonce);
    const flipped = Uint8Array.from(key, (byte, i) => (i === 31 ? byte ^ 1 : byte));
    const others = [
      await deriveLink({ id, key: flipped, pin: '04719562', iterations: 2 }),
      await deriveLink({ id: id.toReversed(), key, pin: '04719562', iterations: 2 }),
      await deriveLink({ id, key, pin: '04719563', iterations: 2 }),
      await deriveLink({ id, key }),
    ];
    for (const { encKey } of others) expect(await openPassword(sealed, encKey, context)).toBeUndefined();
    expect(await openPassword(sealed, pinned.encKey, { ...context, tenant: 'fabrikam' })).toBeUndefined();
    expect(await openPassword(sealed, pinned.encKey, { ...context, reset: 'other' })).toBeUndefined();
    expect(await openPassword(sealed, pinned.encKey, context)).toBe(password);
  });

  test('does not open when any one bit of it is changed', async () => {
    const { encKey } = await deriveLink({ id, key });
    const sealed = await sealPassword(password, encKey, context, nonce);
    const flip = (text: string, bit: number) => {
      const bytes = Uint8Array.from(Buffer.from(text, 'base64url'));
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      return toBase64url(bytes);
    };
    for (let bit = 0; bit < Buffer.from(sealed.ct, 'base64url').length * 8; bit++) {
      expect(await openPassword({ ...sealed, ct: flip(sealed.ct, bit) }, encKey, context)).toBeUndefined();
    }
    for (let bit = 0; bit < 96; bit++) {
      expect(await openPassword({ ...sealed, nonce: flip(sealed.nonce, bit) }, encKey, context)).toBeUndefined();
    }
    for (const ct of ['', 'AA', 'not base64url!', sealed.ct.slice(0, -4)]) {
      expect(await openPassword({ ...sealed, ct }, encKey, context)).toBeUndefined();
    }
  });

  test('refuses ids that would make the additional data ambiguous', async () => {
    const { encKey } = await deriveLink({ id, key });
    await expect(sealPassword(password, encKey, { tenant: 'a|b', reset: 'c' }, nonce)).rejects.toThrow(RangeError);
  });
});

describe('hashes', () => {
  test('are SHA-256 as base64url', async () => {
    expect(await hash(id)).toBe(createHash('sha256').update(id).digest('base64url'));
  });

  test('only the right value matches', async () => {
    const stored = await hash(key);
    expect(await isHashOf(toBase64url(key), stored)).toBe(true);
    expect(await isHashOf(toBase64url(key.toReversed()), stored)).toBe(false);
    expect(await isHashOf(toBase64url(key), undefined)).toBe(false);
    expect(await isHashOf(toBase64url(key.subarray(1)), stored)).toBe(false);
    expect(await isHashOf('', stored)).toBe(false);
    // what is compared when nothing is stored must not be matched by what is hashed when nothing is given
    expect(await isHashOf('', await hash(new Uint8Array(32)))).toBe(false);
  });
});

describe('base64url', () => {
  test('reads what it writes, and nothing that is not canonical', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(toBase64url(bytes)).toBe(Buffer.from(bytes).toString('base64url'));
        expect(fromBase64url(toBase64url(bytes))).toEqual(bytes);
      }),
    );
    for (const text of ['A', 'AB', 'AA==', 'A+', 'A/', 'AA A', 'AAA\n', 'é'])
      expect(fromBase64url(text)).toBeUndefined();
    expect(fromBase64url('AAAA', 32)).toBeUndefined();
  });
});

const anyKey = fc.uint8Array({ minLength: 32, maxLength: 32 });
const anyLocale = fc.constantFrom(...locales);
const anyCredential = fc.constantFrom(...credentials);

describe('the address', () => {
  test('is https://host/r/<id>#1.<locale>[.p].<key>', () => {
    const url = linkUrl('https://reset.contoso.example', { id, key, locale: 'tr', pin: true });
    expect(url).toMatchInlineSnapshot(
      `"https://reset.contoso.example/r/AAECAwQFBgcICQoLDA0ODw#1.tr.p.gIGCg4SFhoeIiYqLjI2Oj5CRkpOUlZaXmJmam5ydnp8"`,
    );
    expect(new URL(url).pathname).toBe(`/r/${toBase64url(id)}`);
  });

  test('gives back what was put into it', () => {
    fc.assert(
      fc.property(anyKey, anyLocale, fc.boolean(), anyCredential, (secret, locale, pin, credential) => {
        const url = linkUrl('https://h.example', { id, key: secret, locale, pin, credential });
        expect(parseFragment(new URL(url).hash)).toEqual({ key: secret, locale, pin, credential });
        expect(parseFragment(url)).toEqual({ key: secret, locale, pin, credential });
        expect(parseFragment(`${url}). `)).toEqual({ key: secret, locale, pin, credential });
      }),
    );
  });

  test('a pass has a flag of its own, and a password none', () => {
    const url = linkUrl('https://h.example', { id, key, locale: 'tr', pin: true, credential: 'temporaryAccessPass' });
    expect(new URL(url).hash).toBe(`#1.tr.p.t.${toBase64url(key)}`);
    const plain = linkUrl('https://h.example', { id, key, locale: 'en', pin: false, credential: 'password' });
    expect(plain).toBe(linkUrl('https://h.example', { id, key, locale: 'en', pin: false }));
  });

  test('a language from elsewhere becomes English', () => {
    expect(parseFragment(`#1.pt-BR.${toBase64url(key)}`)).toEqual({
      key,
      locale: 'en',
      pin: false,
      credential: 'password',
    });
  });

  test.each([
    '',
    '#',
    '#1',
    '#1.en',
    '#1.en.',
    `#2.en.${toBase64url(key)}`,
    `#1.en.${toBase64url(key).slice(0, 42)}`,
    `#1.en.${toBase64url(key)}A`,
    `#1..${toBase64url(key)}`,
    `#1.en.x.${toBase64url(key)}`,
    `x1.en.${toBase64url(key)}`,
    `#1.en.${'A'.repeat(42)}B`,
    'javascript:alert(1)',
  ])('%j is not a fragment', (text) => {
    expect(parseFragment(text)).toBeUndefined();
  });

  test('any text is read or refused, never thrown at', () => {
    fc.assert(fc.property(fc.string(), (text) => void parseFragment(text)));
  });
});

describe('the printed code', () => {
  test('golden', async () => {
    expect(await codeOf({ key, pin: true })).toMatchInlineSnapshot(
      `"2608-30M3-GJ2R-D1W8-H658-Q34D-HT7S-14CJ-JEA9-B5MQ-K2CS-N6WW-KPF9-Z8P3"`,
    );
    expect(await codeOf({ key, pin: false })).toMatchInlineSnapshot(
      `"2208-30M3-GJ2R-D1W8-H658-Q34D-HT7S-14CJ-JEA9-B5MQ-K2CS-N6WW-KPF9-ZSY3"`,
    );
  });

  test('gives back key and flags, however it is typed', async () => {
    await fc.assert(
      fc.asyncProperty(anyKey, fc.boolean(), anyCredential, async (secret, pin, credential) => {
        const code = await codeOf({ key: secret, pin, credential });
        expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){13}[0-9A-HJKMNP-TV-Z]{4}$/);
        expect(codeCharacters(code)).toHaveLength(codeLength);
        const typed = [
          code,
          code.toLowerCase(),
          ` ${code.replaceAll('-', ' ')}\n`,
          code.replaceAll('-', ''),
          code.replaceAll('0', 'o').replaceAll('1', 'l'),
          code.replaceAll('0', 'O').replaceAll('1', 'I'),
          code.replaceAll('1', 'ı').replaceAll('-', '–'),
          code.replaceAll('1', 'İ'),
        ];
        for (const text of typed) expect(await parseCode(text)).toEqual({ key: secret, pin, credential });
      }),
      { numRuns: 50 },
    );
  });

  test('every single wrong character and every swap of neighbours is noticed', async () => {
    const code = codeCharacters(await codeOf({ key, pin: false }));
    for (let i = 0; i < code.length; i++) {
      const wrong = code[i] === '7' ? '8' : '7';
      expect(await parseCode(code.slice(0, i) + wrong + code.slice(i + 1))).toBeUndefined();
      const swapped =
        code.slice(0, i) +
        code
          .slice(i, i + 2)
          .split('')
          .reverse()
          .join('') +
        code.slice(i + 2);
      if (swapped !== code) expect(await parseCode(swapped)).toBeUndefined();
    }
    expect(await parseCode(code.slice(1))).toBeUndefined();
    expect(await parseCode(`${code}0`)).toBeUndefined();
    expect(await parseCode('')).toBeUndefined();
  });
});

describe('what the page asks', () => {
  const proof = toBase64url(key);
  const holder = toBase64url(key.toReversed());

  test('open, done and alarm', () => {
    expect(parseOpenRequest({ proof, holder })).toEqual({ proof, holder });
    expect(parseOpenRequest({ proof, proofPin: holder, holder })).toEqual({ proof, proofPin: holder, holder });
    expect(parseDoneRequest({ holder })).toEqual({ holder });
    expect(parseAlarmRequest({ proof })).toEqual({ proof });
  });

  test.each([
    [null, 'invalidSyntax', undefined],
    [[], 'invalidSyntax', undefined],
    ['x', 'invalidSyntax', undefined],
    [{}, 'invalidValue', 'proof'],
    [{ proof }, 'invalidValue', 'holder'],
    [{ proof, holder: 7 }, 'invalidValue', 'holder'],
    [{ proof, holder: 'AAAA' }, 'invalidValue', 'holder'],
    [{ proof: `${proof}=`, holder }, 'invalidValue', 'proof'],
    [{ proof, holder, proofPin: null }, 'invalidValue', 'proofPin'],
    [{ proof, holder, pin: '12345678' }, 'invalidValue', 'pin'],
    [JSON.parse(`{"proof":"${proof}","holder":"${holder}","__proto__":{"x":1}}`), 'invalidValue', '__proto__'],
    [Object.create({ proof, holder }), 'invalidValue', 'proof'],
  ])('%j is refused', (body, code, field) => {
    let problem: unknown;
    try {
      parseOpenRequest(body);
    } catch (thrown) {
      problem = thrown;
    }
    expect(problem).toBeInstanceOf(Problem);
    expect(problem).toMatchObject({ code, details: field === undefined ? {} : { field } });
  });
});

describe('what the page is told', () => {
  const opened = {
    ...{ state: 'open', ct: 'AAAA', nonce: 'AAAAAAAAAAAAAAAA', ...context },
    signIn: 'https://portal.example/',
    user: { userPrincipalName: 'ada@contoso.example', displayName: 'Ada' },
    ...{ organisation: 'Contoso', support: 'Help desk, 4357', forceChange: true },
    ...{ leasedUntil: '2026-11-22T10:52:00.000Z', leaseSeconds: 600 },
  };

  test('every answer is read as it is', () => {
    const answers = [
      opened,
      ...['notReady', 'nothingChanged', 'expired', 'recalled', 'superseded', 'pinNeeded', 'pinLocked', 'finished'].map(
        (state) => ({ state, organisation: 'Contoso' }),
      ),
      { state: 'openedElsewhere', at: '2026-11-22T10:42:00.000Z' },
      { state: 'pinWrong', left: 4 },
    ];
    for (const answer of answers) expect(parseOpenAnswer(answer)).toEqual(answer);
  });

  test.each([
    null,
    'open',
    {},
    { state: 'elsewhere' },
    { state: 'openedElsewhere', at: 'soon' },
    { state: 'pinWrong' },
    { ...opened, signIn: 'javascript:alert(1)' },
    { ...opened, signIn: 'data:text/html,x' },
    { ...opened, user: null },
    { ...opened, user: { displayName: 'Ada' } },
    { ...opened, ct: 1 },
    { ...opened, leasedUntil: 'later' },
    { ...opened, forceChange: 'yes' },
    { ...opened, leaseSeconds: -1 },
  ])('%j is not an answer of ours', (body) => {
    expect(parseOpenAnswer(body)).toBeUndefined();
  });
});
