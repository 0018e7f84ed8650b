// Who decides a setting, and which values are settings at all.

import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  localeOf,
  originPattern,
  parseConnector,
  readSettings,
  type SettingsStorage,
  saveSettings,
} from '../../extension/settings.ts';

afterEach(() => void vi.useRealTimers());

/** The browser's storage as far as settings go, in memory. */
function storage(local: Record<string, unknown> = {}, managed?: () => Promise<Record<string, unknown>>) {
  const kept = new Map(Object.entries(local));
  const area: SettingsStorage = {
    managed: { get: managed ?? (async () => ({})) },
    local: {
      get: async (keys) => Object.fromEntries(keys.filter((key) => kept.has(key)).map((key) => [key, kept.get(key)])),
      set: async (items) => {
        for (const [key, value] of Object.entries(items)) kept.set(key, value);
      },
      remove: async (keys) => {
        for (const key of keys) kept.delete(key);
      },
    },
  };
  return { area, kept };
}

const none = { value: undefined, source: 'default' };

describe('who decides', () => {
  test('nobody', async () => {
    expect(await readSettings(storage().area, undefined)).toEqual({ connector: none, language: none });
  });

  test('the build, then the user, then the policy', async () => {
    const build = 'https://127.0.0.1:8787';
    const user = { connector: 'https://user.example', language: 'tr' };
    const policy = async () => ({ connector: 'https://policy.example/' });
    expect((await readSettings(storage().area, build)).connector).toEqual({ value: build, source: 'default' });
    expect((await readSettings(storage(user).area, build)).connector).toEqual({
      value: 'https://user.example',
      source: 'user',
    });
    expect(await readSettings(storage(user, policy).area, build)).toEqual({
      connector: { value: 'https://policy.example', source: 'managed' },
      language: { value: 'tr', source: 'user' },
    });
  });

  test('a policy that can’t be used decides nothing: Firefox checks no schema', async () => {
    const policy = async () => ({ connector: 'http://policy.example', language: 5 });
    const settings = await readSettings(storage({ connector: 'https://user.example' }, policy).area, undefined);
    expect(settings).toEqual({ connector: { value: 'https://user.example', source: 'user' }, language: none });
  });

  test('Firefox without a policy rejects', async () => {
    const { area } = storage({ language: 'tr' }, () => Promise.reject(new Error('Managed storage manifest not found')));
    expect((await readSettings(area, undefined)).language.value).toBe('tr');
  });

  test('a browser that never answers for its policies is waited for two seconds', async () => {
    vi.useFakeTimers();
    let read = false;
    const { area } = storage({ language: 'tr' }, () => new Promise(() => {}));
    const settings = readSettings(area, undefined).finally(() => {
      read = true;
    });
    await vi.advanceTimersByTimeAsync(1999);
    expect(read).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect((await settings).language.value).toBe('tr');
  });

  test('a choice is kept, and taken back by undefined', async () => {
    const { area, kept } = storage();
    await saveSettings(area, { connector: 'https://reset.contoso.com', language: 'tr' });
    expect(Object.fromEntries(kept)).toEqual({ connector: 'https://reset.contoso.com', language: 'tr' });
    await saveSettings(area, { language: undefined });
    expect(Object.fromEntries(kept)).toEqual({ connector: 'https://reset.contoso.com' });
  });
});

describe('the connector’s address', () => {
  test.each([
    ['https://reset.contoso.com', 'https://reset.contoso.com'],
    [' reset.contoso.com ', 'https://reset.contoso.com'],
    ['reset.contoso.com:8443', 'https://reset.contoso.com:8443'],
    ['HTTPS://Reset.Contoso.com:443/', 'https://reset.contoso.com'],
    ['https://127.0.0.1:8787', 'https://127.0.0.1:8787'],
    ['https://sıfırla.example', 'https://xn--sfrla-n4ab.example'],
  ])('%s is %s', (typed, origin) => expect(parseConnector(typed)).toBe(origin));

  test.each([
    'http://reset.contoso.com',
    'https://reset.contoso.com/api',
    'https://reset.contoso.com/?x=1',
    'https://reset.contoso.com/#x',
    'https://admin:secret@reset.contoso.com',
    'javascript:alert(1)',
    'file:///etc/passwd',
    'https://',
    '',
    `https://${'a'.repeat(300)}.example`,
    5,
    null,
  ])('%j is none', (typed) => expect(parseConnector(typed)).toBeUndefined());

  test('whatever is typed, the outcome is an https origin or nothing', () => {
    const typed = fc.oneof(fc.string(), fc.webUrl(), fc.domain(), fc.anything());
    fc.assert(
      fc.property(typed, (text) => {
        const origin = parseConnector(text);
        if (origin === undefined) return;
        expect(new URL(origin).origin).toBe(origin);
        expect(origin).toMatch(/^https:\/\//);
        expect(parseConnector(origin)).toBe(origin);
      }),
    );
  });

  test('permission is asked for this origin alone; Firefox’s patterns have no port', () => {
    expect(originPattern('https://reset.contoso.com:8443', true)).toBe('https://reset.contoso.com:8443/*');
    expect(originPattern('https://reset.contoso.com:8443', false)).toBe('https://reset.contoso.com/*');
  });
});

test('the language is the one that was set, else the browser’s, else English', () => {
  expect(localeOf('tr', 'en-US')).toBe('tr');
  expect(localeOf(undefined, 'tr-TR')).toBe('tr');
  expect(localeOf(undefined, 'fr')).toBe('en');
});
