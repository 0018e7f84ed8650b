// The choice of a language from tags and Accept-Language headers.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isLocale, localeNames, locales, pickLocale } from '../../shared/locale.ts';

describe('pickLocale', () => {
  test.each([
    [undefined, 'en'],
    ['', 'en'],
    ['*', 'en'],
    ['tr', 'tr'],
    ['tr-TR,tr;q=0.9,en;q=0.8', 'tr'],
    ['en;q=0.4, tr;q=0.5', 'tr'],
    ['TR-CY', 'tr'],
    ['de-DE, fr;q=0.9', 'en'],
    ['de, tr;q=0.1', 'tr'],
    ['tr;q=0, en', 'en'],
    ['trk', 'en'],
    [['de', 'tr-TR', 'en'], 'tr'],
    [['tr;q=oops'], 'tr'],
  ] as const)('%j: %s', (wanted, expected) => {
    expect(pickLocale(wanted)).toBe(expected);
  });

  test('always answers with a language of ours', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.array(fc.string({ unit: 'binary' }))), (wanted) => {
        expect(isLocale(pickLocale(wanted))).toBe(true);
      }),
    );
  });
});

test('every language names itself', () => {
  expect(Object.keys(localeNames)).toEqual([...locales]);
  for (const locale of locales) expect(localeNames[locale].name).not.toBe('');
  expect(isLocale('constructor')).toBe(false);
  expect(isLocale(1)).toBe(false);
});
