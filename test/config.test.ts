import { describe, expect, it } from 'vitest';
import { settingTable } from '../connector/commands/check.ts';
import { policyOf, publicUrlOf, readConfig, settings } from '../connector/config.ts';

const read = (env: Record<string, string>, files: Record<string, string> = {}) =>
  readConfig(env, (path) => {
    const text = files[path];
    if (text === undefined) throw new Error('ENOENT');
    return text;
  });
const problems = (env: Record<string, string>) => read(env).lines.flatMap(({ problem }) => problem ?? []);
const key = Buffer.alloc(32, 7).toString('base64');

describe('settings', () => {
  it('have defaults that work on this machine alone', () => {
    const { config } = read({});
    expect(config?.listen).toEqual({ host: '127.0.0.1', port: 8787 });
    expect(config && publicUrlOf(config)).toBe('http://127.0.0.1:8787');
    expect(config && policyOf(config)).toMatchObject({
      linkLifetime: 86_400,
      changeLifetime: 259_200,
      pinForTyped: 'on',
    });
    expect(Object.isFrozen(config)).toBe(true);
  });

  it.each([
    ['RR_LISTEN', 'everywhere'],
    ['RR_LISTEN', '127.0.0.1:99999'],
    ['RR_PUBLIC_URL', 'http://reset.contoso.com'],
    ['RR_PUBLIC_URL', 'https://reset.contoso.com/path'],
    ['RR_PUBLIC_URL', 'ftp://x'],
    ['RR_SECRET_KEY', 'short'],
    ['RR_SECRET_KEY', `${key},${key.slice(4)}`],
    ['RR_DATABASE', 'mysql://x'],
    ['RR_DIRECTORY', 'ldap://x'],
    ['RR_MAIL', 'pigeon://x'],
    ['RR_MAIL_FROM', 'nobody'],
    ['RR_MAIL_FROM', 'A <a@b.example>\r\nBcc: x@y.example'],
    ['RR_EXTENSION_IDS', 'abc'],
    ['RR_TRUSTED_PROXIES', '10.0.0.0/99'],
    ['RR_POLICY_LINK_HOURS', '48'],
    ['RR_POLICY_PIN_TYPED', 'maybe'],
    ['RR_POLICY_CREATE_PASSWORD', 'perhaps'],
    ['RR_POLICY_PASSWORD_MINIMUM', '4'],
    ['RR_TIME_ZONE', 'Moon/Base'],
    ['RR_LISSTEN', '127.0.0.1:1'],
  ])('%s=%s is refused with a sentence that names it', (name, value) => {
    const found = problems({ [name]: value });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(new RegExp(`^${name} .*\\.$`));
  });

  it('that do not go together are refused', () => {
    expect(problems({ RR_TLS_CERT: 'a' })[0]).toMatch(/go together/);
    expect(problems({ RR_LISTEN: '0.0.0.0:8787', RR_MAIL: 'smtp://mail.contoso.com' })[0]).toMatch(/this machine only/);
    expect(problems({ RR_PUBLIC_URL: 'https://reset.contoso.com' })[0]).toMatch(/RR_MAIL=folder/);
    expect(problems({ RR_PUBLIC_URL: 'https://reset.contoso.com', RR_MAIL: 'smtp://mail' })).toEqual([]);
  });

  it('read secrets from files, and never show them', () => {
    const { config, lines } = read(
      { RR_SECRET_KEY_FILE: '/run/key', RR_MAIL: 'smtp://ada:hunter2@mail.contoso.com:587' },
      { '/run/key': `${key}\n` },
    );
    expect(config?.secretKey?.[0]).toHaveLength(32);
    expect(config?.mail.reveal()).toContain('hunter2');
    const table = settingTable(lines);
    expect(table).not.toContain('hunter2');
    expect(table).not.toContain(key);
    expect(table).toContain('smtp://mail.contoso.com:587');
    expect(lines.find(({ env }) => env === 'RR_SECRET_KEY')?.source).toBe('file');
    expect(problems({ RR_SECRET_KEY_FILE: '/gone' })[0]).toMatch(/cannot be read/);
  });

  it('each say what they are for', () => {
    for (const { env, about } of Object.values(settings)) {
      expect(env).toMatch(/^RR_[A-Z_]+$/);
      expect(about.length).toBeGreaterThan(8);
    }
  });
});
