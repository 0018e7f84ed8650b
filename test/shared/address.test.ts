// What counts as an address, what looks like a mistake, and what a mask gives away.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isAddress, maskAddress, parseAddress, sameMailbox, suspicions } from '../../shared/address.ts';

const reason = (text: string) => {
  const parsed = parseAddress(text);
  return isAddress(parsed) ? 'fine' : parsed.details.reason;
};

function address(text: string) {
  const parsed = parseAddress(text);
  if (!isAddress(parsed)) throw new Error(`not an address: ${text}`);
  return parsed;
}

describe('parseAddress', () => {
  test.each([
    ['', 'empty'],
    ['   ', 'empty'],
    ['ada@mail.example\r\nBcc: eve@evil.example', 'control'],
    ['ada@mail.example\n', 'control'],
    ['ada\u0000@mail.example', 'control'],
    ['ada\u2028@mail.example', 'control'],
    ['ada', 'noAt'],
    ['ada at mail.example', 'noAt'],
    ['ada@', 'noDomain'],
    ['ada@mail', 'noDomain'],
    ['ada@localhost', 'noDomain'],
    ['@mail.example', 'localPart'],
    ['.ada@mail.example', 'localPart'],
    ['ada.@mail.example', 'localPart'],
    ['ada..l@mail.example', 'localPart'],
    ['"ada l"@mail.example', 'localPart'],
    ['Ada <ada@mail.example>', 'localPart'],
    ['ada@work@mail.example', 'localPart'],
    ['ada,bob@mail.example', 'localPart'],
    ['çağrı@mail.example', 'international'],
    ['ada@-mail.example', 'domain'],
    ['ada@mail..example', 'domain'],
    ['ada@mail.example.', 'domain'],
    ['ada@mail.example:25', 'domain'],
    ['ada@mail.example/x', 'domain'],
    ['ada@[192.0.2.1]', 'domain'],
    ['ada@192.0.2.1', 'domain'],
    ['ada@mail.123', 'domain'],
    ['ada@mail_box.example', 'domain'],
    ['ada@xn--.example', 'domain'],
    ['ada@mail .example', 'domain'],
    [`ada@${'m'.repeat(64)}.example`, 'domain'],
    [`${'a'.repeat(65)}@mail.example`, 'tooLong'],
    [`ada@${'mail.'.repeat(52)}example`, 'tooLong'],
    [`ada@${'x'.repeat(2_000)}.example`, 'tooLong'],
  ])('%j is refused: %s', (text, expected) => {
    expect(reason(text)).toBe(expected);
  });

  test('carries the code and reason of a problem', () => {
    expect(parseAddress('ada')).toEqual({ code: 'recipientInvalid', details: { reason: 'noAt' } });
  });

  test('forgives spaces around, keeps the case before the @ and lowers it after', () => {
    expect(parseAddress('  Ada.L+home@Mail.EXAMPLE ')).toEqual({
      address: 'Ada.L+home@mail.example',
      local: 'Ada.L+home',
      domain: 'mail.example',
      unicode: 'mail.example',
    });
  });

  test('carries an internationalised domain in ASCII', () => {
    expect(address('ada@müşteri.example')).toMatchObject({
      address: 'ada@xn--mteri-kva70e.example',
      unicode: 'müşteri.example',
    });
  });

  test('never throws, and what it accepts is one line of printable ASCII that it accepts again', () => {
    const nearly = fc
      .tuple(
        fc.string({ unit: 'binary', maxLength: 70 }),
        fc.oneof(fc.domain(), fc.string({ unit: 'binary', maxLength: 70 })),
      )
      .map(([local, domain]) => `${local}@${domain}`);
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), nearly, fc.emailAddress()), (text) => {
        const parsed = parseAddress(text);
        if (!isAddress(parsed)) return;
        expect(parsed.address).toMatch(/^[\x21-\x7e]+@[a-z0-9.-]+\.[a-z0-9-]+$/);
        expect(parsed.address.length).toBeLessThanOrEqual(254);
        expect(parseAddress(parsed.address)).toMatchObject({ address: parsed.address });
      }),
      { numRuns: 500 },
    );
  });

  test('a line break anywhere is refused', () => {
    fc.assert(
      fc.property(fc.emailAddress(), fc.nat(), fc.constantFrom('\r', '\n', '\r\n'), (text, place, end) => {
        const at = place % (text.length + 1);
        expect(reason(text.slice(0, at) + end + text.slice(at))).toBe('control');
      }),
    );
  });

  test('ordinary addresses are accepted', () => {
    fc.assert(
      fc.property(fc.emailAddress(), (text) => {
        expect(reason(text)).toBe('fine');
      }),
    );
  });
});

describe('sameMailbox', () => {
  test.each([
    ['ada@contoso.example', 'ADA@Contoso.Example', true],
    ['ada@contoso.example', ' ada@contoso.example ', true],
    ['ada+private@contoso.example', 'ada@contoso.example', true],
    ['ada@müşteri.example', 'ada@xn--mteri-kva70e.example', true],
    ['ada@contoso.example', 'ada@contoso.test', false],
    ['ada@contoso.example', 'bob@contoso.example', false],
    ['+ada@contoso.example', '+bob@contoso.example', false],
  ])('%s and %s: %s', (a, b, expected) => {
    expect(sameMailbox(a, b)).toBe(expected);
    expect(sameMailbox(b, a)).toBe(expected);
  });
});

describe('maskAddress', () => {
  test.each([
    ['ada.l@mail.example', 'a•••@m•••.example'],
    ['grace.hopper@post.mail.co.uk', 'g•••@p•••.uk'],
    ['a@x.example', '•••@•••.example'],
    ['not an address', '•••'],
  ])('%s is shown as %s', (text, expected) => {
    expect(maskAddress(text)).toBe(expected);
  });

  test('gives away neither length nor anything but the first letters and the end', () => {
    fc.assert(
      fc.property(fc.emailAddress(), (text) => {
        const { local, domain } = address(text);
        const end = domain.slice(domain.lastIndexOf('.'));
        const first = (part: string) => (part.length > 1 ? part.charAt(0) : '');
        const name = domain.slice(0, domain.indexOf('.'));
        expect(maskAddress(text)).toBe(`${first(local)}•••@${first(name)}•••${end}`);
      }),
    );
  });
});

describe('suspicions', () => {
  const known = { onFile: ['ada@maple-street.example'], ownDomains: ['contoso.example'] };
  const found = (text: string) => suspicions(address(text), known);

  test.each([
    ['ada@gmial.com', [{ code: 'typo', meant: 'gmail.com' }]],
    ['ada@gmail.con', [{ code: 'typo', meant: 'gmail.com' }]],
    ['ada@gmaill.con', [{ code: 'typo', meant: 'gmail.com' }]],
    ['ada@hotmal.com', [{ code: 'typo', meant: 'hotmail.com' }]],
    ['ada@outlok.com.tr', [{ code: 'typo', meant: 'outlook.com.tr' }]],
    ['ada@mapel-street.example', [{ code: 'typo', meant: 'maple-street.example' }]],
    ['ada@contosso.example', [{ code: 'typo', meant: 'contoso.example' }]],
    ['ada@gmaiI.com', [{ code: 'lookAlike', meant: 'gmail.com' }]],
    ['ada@grnail.com', [{ code: 'lookAlike', meant: 'gmail.com' }]],
    ['ada@0utlook.com', [{ code: 'lookAlike', meant: 'outlook.com' }]],
    ['ada@gmaıl.com', [{ code: 'lookAlike', meant: 'gmail.com' }]],
    ['ada@оutlook.com', [{ code: 'lookAlike', meant: 'outlook.com' }]],
    ['ada@cоntoso.example', [{ code: 'lookAlike', meant: 'contoso.example' }]],
    ['ada@xn--80ak6aa92e.com', [{ code: 'lookAlike' }]],
    ['ada@mailinator.com', [{ code: 'disposable' }]],
    ['ada@box.yopmail.com', [{ code: 'disposable' }]],
    ['bob@contoso.example', [{ code: 'ownDomain' }]],
    ['bob@sales.contoso.example', [{ code: 'ownDomain' }]],
    ['ada@gmail.com', []],
    ['ada@mail.com', []],
    ['ada@maple-street.example', []],
    ['ada@müller.example', []],
    ['ada@yahoo.be', []],
    ['ada@five.com', []],
    ['ada@lovelace.example', []],
  ])('%s', (text, expected) => {
    expect(found(text)).toEqual(expected);
  });

  test('never throws on a correct address', () => {
    fc.assert(
      fc.property(fc.emailAddress(), (text) => {
        expect(Array.isArray(found(text))).toBe(true);
      }),
    );
  });
});
