// Serves the one-time page: one document, the same bytes for every id, looked up nowhere, and its scripts, which are the
// repository's own TypeScript files with their types blanked out, under paths that mirror it.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';

/** What the page may load, by its path in the repository; nothing else is ever read. */
export const pageFiles = [
  'connector/http/card.css',
  'connector/resets/page/page.css',
  'connector/resets/page/page.ts',
  'connector/resets/page/flow.ts',
  'connector/resets/page/element.ts',
  'connector/resets/page/screens.ts',
  'connector/resets/page/password-screen.ts',
  'shared/link.ts',
  'shared/link-open.ts',
  'shared/locale.ts',
  'shared/problem.ts',
  'shared/messages/link.ts',
  'shared/messages/en/link.ts',
  'shared/messages/tr/link.ts',
] as const;

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const documentHeaders = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': policy,
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'x-robots-tag': 'noindex, nofollow',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy':
    'accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), payment=(), usb=(), clipboard-read=(), clipboard-write=(self)',
} as const;

interface Asset {
  readonly type: string;
  readonly body: string;
  readonly etag: string;
}

function readFromRepository(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
}

function assetOf(path: string): Asset {
  const text = readFromRepository(path);
  const script = path.endsWith('.ts');
  const body = script ? stripTypeScriptTypes(text) : text;
  const etag = `"${createHash('sha256').update(body).digest('base64url')}"`;
  return { type: script ? 'text/javascript; charset=utf-8' : 'text/css; charset=utf-8', body, etag };
}

/**
 * The plugin; mount it under `/r`, beside the link's own routes. GET and HEAD of `/r/:id` and of `/r/_/…`. Reads its files
 * once, at registration.
 */
export function pageRoutes(): FastifyPluginAsync {
  return async (app) => {
    const document = readFromRepository('connector/resets/page/page.html');
    const assets = new Map<string, Asset>(pageFiles.map((path) => [path, assetOf(path)]));

    app.get('/:id', async (_request, reply) => reply.headers(documentHeaders).send(document));

    app.get('/_/*', async (request: FastifyRequest, reply: FastifyReply) => {
      const asset = assets.get((request.params as { '*': string })['*']);
      if (!asset) return reply.callNotFound();
      // The files' names stay while their contents change, and they must fit together: asked for each time, sent once.
      reply.headers({
        'cache-control': 'no-cache',
        etag: asset.etag,
        'x-content-type-options': 'nosniff',
        'cross-origin-resource-policy': 'same-origin',
        'referrer-policy': 'no-referrer',
      });
      if (request.headers['if-none-match'] === asset.etag) return reply.code(304).send();
      return reply.type(asset.type).send(asset.body);
    });
  };
}
