// What is built, as the browsers and the stores get it: who may run where, and that the practice build's openness stays
// in the practice build.

import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { geckoId, practiceId, practiceKey } from '../../extension/identity.ts';
import { buildExtension } from '../practice/build.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const connector = 'https://127.0.0.1:8787';
const hosts = ['https://admin.microsoft.com/*', 'https://admin.cloud.microsoft/*'];

type Manifest = Record<string, unknown> & {
  permissions: string[];
  host_permissions: string[];
  content_scripts: { matches: string[]; js: string[]; css: string[]; run_at: string; all_frames: boolean }[];
  content_security_policy: { extension_pages: string };
  icons: Record<string, string>;
};

interface Built {
  readonly manifest: Manifest;
  /** Every file, by its path in the build. */
  readonly files: ReadonlyMap<string, Buffer>;
}

async function built(browser: 'chrome' | 'firefox', practice: boolean): Promise<Built> {
  const folder = await buildExtension(root, { browser, ...(practice ? { connector } : {}) });
  const names = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const files = new Map<string, Buffer>();
  for (const { parentPath, name } of names) {
    const path = join(parentPath, name);
    files.set(path.slice(folder.length + 1), await readFile(path));
  }
  return { manifest: JSON.parse(files.get('manifest.json')?.toString() ?? ''), files };
}

const builds: Record<string, Built> = {};
beforeAll(async () => {
  // One after the other: they share the folder of generated types.
  for (const browser of ['chrome', 'firefox'] as const) {
    builds[browser] = await built(browser, false);
    builds[`practice-${browser}`] = await built(browser, true);
  }
}, 120_000);
const of = (name: string) => builds[name] as Built;

describe.each(['chrome', 'firefox'])('the stores’ build for %s', (browser) => {
  test('reaches the two admin centers and, when it is asked for, one connector', () => {
    const { manifest } = of(browser);
    expect(manifest.manifest_version).toBe(3);
    expect([...manifest.host_permissions].sort()).toEqual([...hosts].sort());
    expect(manifest.optional_host_permissions).toEqual(['https://*/*']);
    expect([...manifest.permissions].sort()).toEqual(['identity', 'storage']);
    for (const name of ['web_accessible_resources', 'externally_connectable', 'optional_permissions', 'key']) {
      expect(manifest).not.toHaveProperty(name);
    }
  });

  test('knows nothing of the practice: no key, no connector', () => {
    for (const [path, content] of of(browser).files) {
      for (const trace of [practiceKey, practiceId, connector, '127.0.0.1', 'localhost:']) {
        expect(content.includes(trace), `${trace} in ${path}`).toBe(false);
      }
    }
  });

  test('has one content script, in the top frame, from the start, small and with no library', () => {
    const { manifest, files } = of(browser);
    expect(manifest.content_scripts).toHaveLength(1);
    const [script] = manifest.content_scripts;
    expect([...(script?.matches ?? [])].sort()).toEqual([...hosts].sort());
    expect(script).toMatchObject({ all_frames: false, run_at: 'document_start' });
    const code = files.get(script?.js[0] ?? '') ?? Buffer.alloc(0);
    const style = files.get(script?.css[0] ?? '') ?? Buffer.alloc(0);
    expect(code.length).toBeGreaterThan(1000);
    expect(gzipSync(code).length + gzipSync(style).length).toBeLessThanOrEqual(8_000);
    for (const trace of ['__proxied', 'msal', 'preact', 'wxt/storage', 'innerHTML', 'eval(']) {
      expect(code.includes(trace), trace).toBe(false);
    }
  });

  test('lets no page of its own load or send anything it shouldn’t', () => {
    const policy = of(browser).manifest.content_security_policy.extension_pages;
    const rules = new Map(policy.split('; ').map((rule) => [rule.split(' ')[0], rule.split(' ').slice(1).join(' ')]));
    expect(Object.fromEntries(rules)).toEqual({
      'default-src': "'none'",
      'script-src': "'self'",
      'style-src': "'self'",
      'img-src': "'self'",
      'connect-src': 'https:',
      'form-action': "'none'",
      'base-uri': "'none'",
      'frame-ancestors': "'none'",
    });
  });

  test('has pages without scripts or styles in them', () => {
    const pages = [...of(browser).files].filter(([path]) => path.endsWith('.html'));
    expect(pages.map(([path]) => path).sort()).toEqual(expect.arrayContaining(['options.html', 'popup.html']));
    for (const [path, content] of pages) {
      expect(content.toString(), path).not.toMatch(/<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)/);
    }
  });

  test('has icons of the sizes that it says', () => {
    const { manifest, files } = of(browser);
    expect(Object.keys(manifest.icons)).toEqual(['16', '32', '48', '128']);
    for (const [size, path] of Object.entries(manifest.icons)) {
      const png = files.get(path) ?? Buffer.alloc(24);
      // IHDR: width and height (PNG §11.2.1)
      expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([Number(size), Number(size)]);
    }
  });

  test('says its name and what it is for in both languages', () => {
    const words = (locale: string) =>
      JSON.parse(of(browser).files.get(`_locales/${locale}/messages.json`)?.toString() ?? '{}');
    expect(of(browser).manifest).toMatchObject({ name: '__MSG_name__', default_locale: 'en' });
    expect(Object.keys(words('tr'))).toEqual(Object.keys(words('en')));
    for (const locale of ['en', 'tr']) {
      // What the stores take.
      expect(words(locale).name.message.length).toBeLessThanOrEqual(45);
      expect(words(locale).description.message.length).toBeLessThanOrEqual(132);
    }
    expect(words('tr').description).not.toEqual(words('en').description);
  });
});

test('Chromium’s policy schema lists the settings', () => {
  const { manifest, files } = of('chrome');
  expect(manifest.storage).toEqual({ managed_schema: 'managed-schema.json' });
  const schema = JSON.parse(files.get('managed-schema.json')?.toString() ?? '{}');
  expect(Object.keys(schema.properties)).toEqual(['connector', 'language']);
});

test('Firefox knows it by its id, and what it sends', () => {
  const { manifest } = of('firefox');
  expect(manifest.browser_specific_settings).toEqual({
    gecko: {
      id: geckoId,
      strict_min_version: '140.0',
      data_collection_permissions: { required: ['personallyIdentifyingInfo', 'authenticationInfo'] },
    },
  });
  expect(manifest.background).toEqual({ scripts: ['background.js'] });
  expect(manifest).not.toHaveProperty('storage');
});

describe('the practice build', () => {
  test('has the id that its key leads to', () => {
    const half = createHash('sha256').update(Buffer.from(practiceKey, 'base64')).digest('hex').slice(0, 32);
    const id = [...half].map((digit) => String.fromCharCode(97 + Number.parseInt(digit, 16))).join('');
    expect(id).toBe(practiceId);
    expect(of('practice-chrome').manifest.key).toBe(practiceKey);
    expect(of('practice-firefox').manifest).not.toHaveProperty('key');
  });

  test('may reach its connector, and has it as the default', () => {
    expect(of('practice-chrome').manifest.host_permissions).toContain(`${connector}/*`);
    expect(of('practice-firefox').manifest.host_permissions).toContain('https://127.0.0.1/*');
    for (const browser of ['chrome', 'firefox']) {
      const { files } = of(`practice-${browser}`);
      const code = [...files].filter(([path]) => path.endsWith('.js')).map(([, content]) => content.toString());
      expect(code.some((text) => text.includes(connector))).toBe(true);
    }
  });

  test('differs from the stores’ in nothing else', () => {
    for (const browser of ['chrome', 'firefox']) {
      const { key, host_permissions, ...practice } = of(`practice-${browser}`).manifest;
      const { host_permissions: _, ...store } = of(browser).manifest;
      expect(practice).toEqual(store);
      expect(host_permissions).toHaveLength(hosts.length + 1);
    }
  });
});
