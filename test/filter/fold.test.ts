import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareText, fold, successor, words } from '../../connector/filter/fold.ts';

describe('fold', () => {
  test.each([
    ['ADA@Contoso.EXAMPLE', 'ada@contoso.example'],
    ['ÇAĞRI', 'çağri'],
    ['ΟΔΟΣ', 'οδοσ'],
    ['e\u0301', 'é'],
    ['\u212a', 'k'],
  ])('%s is %s', (text, key) => {
    expect(fold(text)).toBe(key);
  });

  test.each([
    ['İpek', 'Ipek'],
    ['ışık', 'işik'],
    ['Straße', 'STRASSE'],
  ])('%s is another name than %s, in every language of the server', (one, other) => {
    expect(fold(one)).not.toBe(fold(other));
  });

  test('folding twice is folding once', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(fold(fold(text))).toBe(fold(text));
      }),
    );
  });
});

test('words: marks and decoration gone, each once', () => {
  expect(words("Gökçe  O'Brien-Łukasiewicz gökçe")).toEqual(['gokce', 'o', 'brien', 'lukasiewicz']);
  expect(words('İpek Işık')).toEqual(['ipek', 'isik']);
  expect(words('ليلى حداد')).toEqual(['ليلى', 'حداد']);
  expect(words(' – ')).toEqual([]);
});

test('successor: between it and the prefix lies exactly what begins with the prefix', () => {
  const unit = fc.constantFrom('a', 'b', '\u{10ffff}', '\ud7ff', '\ue000', '\uffff', '\u{1f600}');
  const short = fc.array(unit, { maxLength: 4 }).map((all) => all.join(''));
  fc.assert(
    fc.property(short, short, (prefix, text) => {
      const end = successor(prefix);
      const inside = compareText(text, prefix) >= 0 && (end === undefined || compareText(text, end) < 0);
      expect(inside).toBe(text.startsWith(prefix));
    }),
    { numRuns: 2000 },
  );
});
