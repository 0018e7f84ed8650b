import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyring, SealError, Secret, sameText } from '../connector/secret.ts';

const key = (byte: number) => new Uint8Array(32).fill(byte);

describe('sealing', () => {
  it('opens what it sealed, in the same place only', () => {
    const ring = keyring([key(1)]);
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (plain, place, other) => {
        const sealed = ring.seal(plain, place);
        expect(ring.openText(sealed, place)).toBe(plain);
        if (other !== place) expect(() => ring.open(sealed, other)).toThrow(SealError);
      }),
    );
  });

  it('opens nothing that was changed', () => {
    const ring = keyring([key(1)]);
    const sealed = ring.seal('a password', 'p');
    fc.assert(
      fc.property(fc.nat(sealed.length - 1), fc.constantFrom(...'ABCabc019-_.'), (at, character) => {
        const changed = sealed.slice(0, at) + character + sealed.slice(at + 1);
        // The last character of base64 may carry unused bits: only another value counts as changed.
        fc.pre(changed !== sealed && at < sealed.length - 2);
        expect(() => ring.open(changed, 'p')).toThrow(SealError);
      }),
    );
  });

  it('opens nothing whose nonce is cut to nothing', () => {
    const ring = keyring([key(1)]);
    const [version, id, nonce = '', body] = ring.seal('a password', 'p').split('.');
    for (const length of [1, 2, 15]) {
      const cut = [version, id, nonce.slice(0, length), body].join('.');
      expect(() => ring.open(cut, 'p')).toThrow(SealError);
    }
  });

  it('rotates: the first key seals, all open, a missing one is named', () => {
    const old = keyring([key(1)]).seal('x', 'p');
    const both = keyring([key(2), key(1)]);
    expect(both.openText(old, 'p')).toBe('x');
    expect(() => keyring([key(2)]).open(old, 'p')).toThrow(/key that is not here/);
    expect(keyring([key(2)]).openText(both.seal('y', 'p'), 'p')).toBe('y');
  });

  it('takes only keys of 32 bytes, and at least one', () => {
    expect(() => keyring([])).toThrow(RangeError);
    expect(() => keyring([new Uint8Array(31)])).toThrow(RangeError);
  });

  it('compares fingerprints of every key in the list, the first one first', () => {
    const both = keyring([key(2), key(1)]);
    expect(both.macs('a', 'x')).toEqual([keyring([key(2)]).mac('a', 'x'), keyring([key(1)]).mac('a', 'x')]);
    expect(both.macs('a', 'x')[0]).toBe(both.mac('a', 'x'));
  });

  it('makes fingerprints that differ by key and by label', () => {
    const ring = keyring([key(1)]);
    expect(ring.mac('a', 'x')).toBe(keyring([key(1)]).mac('a', 'x'));
    expect(new Set([ring.mac('a', 'x'), ring.mac('b', 'x'), keyring([key(2)]).mac('a', 'x')]).size).toBe(3);
  });
});

describe('Secret', () => {
  it('does not print', () => {
    const secret = new Secret('hunter2');
    const printed = [`${secret}`, JSON.stringify({ secret }), inspect(secret), inspect({ a: [secret] }, { depth: 9 })];
    expect(printed.join()).not.toContain('hunter2');
    expect(secret.reveal()).toBe('hunter2');
  });
});

it('sameText compares whole texts', () => {
  expect(sameText('abc', 'abc')).toBe(true);
  expect(sameText('abc', 'abd')).toBe(false);
  expect(sameText('abc', 'ab')).toBe(false);
});
