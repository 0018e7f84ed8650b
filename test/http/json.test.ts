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
  ['33 levels', `${'['.repeat(33)}${']'.repeat(33)}`],
  ['half a million levels', `${'['.repeat(500_000)}${']'.repeat(500_000)}`],
])('refuses %s', (_what, text) => {
  expect(() => parseJson(text)).toThrowError(expect.objectContaining({ code: 'invalidSyntax' }));
});

it('takes 32 levels', () => {
  expect(() => parseJson(`${'['.repeat(32)}${']'.repeat(32)}`)).not.toThrow();
});
