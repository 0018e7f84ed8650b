// The one-time page as it is served: one document for every id, its headers, and exactly the files that it imports.

import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import Fastify from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pageFiles, pageRoutes } from '../../connector/resets/page.ts';

const app = Fastify();
beforeAll(async () => {
  await app.register(pageRoutes(), { prefix: '/r' });
  await app.ready();
});
afterAll(() => app.close());

const source = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

describe('the document', () => {
  test('is the same, headers included, for every id, known or not, and sets no cookie', async () => {
    const ids = [
      'AAECAwQFBgcICQoLDA0ODw',
      'x',
      'favicon.ico',
      'r%C3%A9%2f..',
      'a'.repeat(90),
      'AAECAwQFBgcICQoLDA0ODw?utm=1',
    ];
    const answers = await Promise.all(ids.map((id) => app.inject(`/r/${id}`)));
    const [first, ...others] = answers.map(({ statusCode, headers, body }) => {
      const { date, ...rest } = headers;
      return { statusCode, headers: rest, body };
    });
    expect(first?.statusCode).toBe(200);
    for (const other of others) expect(other).toEqual(first);
    expect(first?.headers).not.toHaveProperty('set-cookie');
  });

  test('may run its own scripts and nothing else, is kept nowhere, framed nowhere, and names itself to nobody', async () => {
    const { headers } = await app.inject('/r/x');
    const policy = String(headers['content-security-policy']).split('; ');
    expect(policy).toEqual([
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "connect-src 'self'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
      "form-action 'none'",
      "require-trusted-types-for 'script'",
      "trusted-types 'none'",
    ]);
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'cross-origin-opener-policy': 'same-origin',
      'permissions-policy': expect.stringContaining('camera=()'),
    });
    expect(headers).not.toHaveProperty('etag');
  });

  test('answers HEAD as GET, and no other method', async () => {
    const head = await app.inject({ method: 'HEAD', url: '/r/x' });
    expect(head.statusCode).toBe(200);
    expect(head.body).toBe('');
    expect(head.headers['content-security-policy']).toBe((await app.inject('/r/x')).headers['content-security-policy']);
    for (const method of ['POST', 'PUT', 'DELETE'] as const) {
      expect((await app.inject({ method, url: '/r/x' })).statusCode).toBe(404);
    }
  });

  test('has no script, style or address of its own inside, and says in both languages that it needs scripts', async () => {
    const { body } = await app.inject('/r/x');
    expect(body).not.toMatch(/<style|style=|\son\w+=|javascript:|https?:/);
    expect(body.match(/<script[^>]*>/g)).toEqual(['<script type="module" src="/r/_/connector/resets/page/page.ts">']);
    const noscript = /<noscript>([\s\S]*)<\/noscript>/.exec(body)?.[1] ?? '';
    expect(noscript).toMatch(/lang="en">This page needs JavaScript/);
    expect(noscript).toMatch(/lang="tr">Bu sayfa JavaScript gerektirir/);
  });
});

describe('the files', () => {
  /** Everything that a module loads, as the browser follows it: `import type` is gone once types are stripped. */
  function closure(path: string, seen = new Set<string>()): Set<string> {
    if (seen.has(path)) return seen;
    seen.add(path);
    const imports = source(path).matchAll(/^(?:import|export) (?!type )[^;]*?from '([^']+)';/gm);
    for (const [, specifier = ''] of imports) {
      if (/^import \{(\s*type [^,}]+,?)+\s*\}/.test(specifier)) continue;
      closure(posix.join(posix.dirname(path), specifier), seen);
    }
    return seen;
  }

  test('are exactly those that the page imports, and each is announced in the document', async () => {
    const needed = closure('connector/resets/page/page.ts');
    expect([...needed].sort()).toEqual(pageFiles.filter((file) => file.endsWith('.ts')).sort());
    const { body } = await app.inject('/r/x');
    const named = [...body.matchAll(/(?:href|src)="\/r\/_\/([^"]+)"/g)].map(([, file]) => file);
    expect(named.sort()).toEqual([...pageFiles].sort());
  });

  test.each(pageFiles)('%s is served without types, and again only when it has changed', async (file) => {
    const { statusCode, headers, body } = await app.inject(`/r/_/${file}`);
    expect(statusCode).toBe(200);
    expect(headers['content-type']).toBe(
      file.endsWith('.css') ? 'text/css; charset=utf-8' : 'text/javascript; charset=utf-8',
    );
    expect(headers).toMatchObject({ 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff' });
    expect(body).toHaveLength(source(file).length);
    if (file.endsWith('.ts')) expect(body).not.toMatch(/^(import type|export type|export interface|interface) /m);
    const again = await app.inject({ url: `/r/_/${file}`, headers: { 'if-none-match': String(headers.etag) } });
    expect([again.statusCode, again.body]).toEqual([304, '']);
    const other = await app.inject({ url: `/r/_/${file}`, headers: { 'if-none-match': '"other"' } });
    expect(other.statusCode).toBe(200);
  });

  test.each([
    'package.json',
    'connector/secret.ts',
    'connector/resets/page.ts',
    'shared/../connector/secret.ts',
    '..%2fpackage.json',
    '%2e%2e%2fpackage.json',
    'shared/link.ts/',
    'shared//link.ts',
    'shared/link.ts%00',
    'SHARED/link.ts',
    '',
    '__proto__',
    'connector/resets/page/page.html',
    'shared/messages/en/mail.ts',
  ])('%j is not served', async (path) => {
    expect((await app.inject(`/r/_/${path}`)).statusCode).toBe(404);
  });
});
