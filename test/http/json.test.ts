import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseJson } from '../../connector/http/json.ts';

it('reads what JSON.parse reads, for data of ordinary depth', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      const text = JSON.stringify(value);
      if (text.includes('"__proto__"')) return;
      expect(parseJson(text)).toEqual(JSON.parse(text));
    }),
  );
});

it.each([
  ['not JSON', '{'],
  ['a prototype key', '{"a":[{"__proto__":{"admin":true}}]}'],
  ['an escaped prototype key', '{"\\u005f_proto__":1}'],
  ['a constructor', '{"constructor":{"prototype":{}}}'],
  ['a name twice', '{"a":1,"b":{},"a":2}'],
  ['a name twice, once escaped', '{"a":1,"\\u0061":2}'],
  ['a name twice below, after strings full of quotes', '[{"x":"\\\\\\":{","y":[{"a":":","a":1}]}]'],
  ['33 levels', `${'['.repeat(33)}${']'.repeat(33)}`],
  ['half a million levels', `${'['.repeat(500_000)}${']'.repeat(500_000)}`],
])('refuses %s', (_what, text) => {
  expect(() => parseJson(text)).toThrowError(expect.objectContaining({ code: 'invalidSyntax' }));
});

it('takes 32 levels', () => {
  expect(() => parseJson(`${'['.repeat(32)}${']'.repeat(32)}`)).not.toThrow();
});

it('takes colons, quotes and backslashes inside strings for what they are', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: fc.constantFrom('"', ':', '\\', '{', 'a') }), fc.string()), (value) => {
      expect(parseJson(JSON.stringify(value, null, 1))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});
