// The practice admin center's server: builds the page when its sources have changed, serves it over https on loopback.
// Browsers are told to find the real hosts there (browser.ts). Its headers are as strict as the real page's.

import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PortalPerson } from './page/people.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = join(root, 'test/portal/page');
const built = join(root, '.output/portal');

export const portalHosts = ['admin.microsoft.com', 'admin.cloud.microsoft'] as const;

/** Of an empty style element: Fluent makes one and fills it through the object model. */
const emptyStyle = 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=';

const headers = {
  'content-security-policy':
    `default-src 'none'; script-src 'self'; style-src 'self' '${emptyStyle}'; img-src 'self' data:; ` +
    "connect-src 'self'; frame-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

const mediaTypes: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
};

/** A stamp of everything that the built page depends on. */
async function stampOf(): Promise<string> {
  const hash = createHash('sha256');
  for (const path of [fileURLToPath(import.meta.url), join(root, 'package-lock.json')])
    hash.update(await readFile(path));
  for (const name of (await readdir(page)).sort()) hash.update(name).update(await readFile(join(page, name)));
  return hash.digest('hex');
}

/** Builds the page into `.output/portal`, unless it is there already and current. */
export async function buildPortal(): Promise<void> {
  const stamp = await stampOf();
  if ((await readFile(join(built, 'stamp'), 'utf8').catch(() => '')) === stamp) return;
  const { build } = await import('vite');
  const making = `${built}.${process.pid}`;
  await build({
    root: page,
    configFile: false,
    logLevel: 'error',
    define: { 'process.env.NODE_ENV': '"production"' },
    // Whoever builds it, a test runner too: React as users have it.
    oxc: { jsx: { development: false } },
    build: { outDir: making, emptyOutDir: true, chunkSizeWarningLimit: 2000, modulePreload: false },
  });
  await writeFile(join(making, 'stamp'), stamp);
  await mkdir(built, { recursive: true });
  await rm(built, { recursive: true });
  await rename(making, built);
}

/** `rows` people: those given, then as many invented ones as are missing. */
function fill(people: readonly PortalPerson[], rows: number): readonly PortalPerson[] {
  if (rows <= people.length) return people;
  const more = Array.from({ length: Math.min(rows, 20_000) - people.length }, (_, index) => {
    const number = String(index + 1).padStart(5, '0');
    return {
      id: `00000000-0000-4000-8000-0000000${number}`,
      displayName: `Sample Person ${number}`,
      userPrincipalName: `sample.${number}@contoso.example`,
      ...(index % 3 === 0 ? {} : { licenses: 'Microsoft 365 E3' }),
    };
  });
  return [...people, ...more];
}

/**
 * Starts the practice admin center on loopback.
 * @param options.key,options.cert PEM, for `portalHosts`
 * @param options.port 0 or absent: any free one
 */
export async function startPortal(options: {
  readonly people: readonly PortalPerson[];
  readonly key: string;
  readonly cert: string;
  readonly port?: number;
}): Promise<{ readonly port: number; close(): Promise<void> }> {
  await buildPortal();

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'https://admin.cloud.microsoft');
    if (request.method !== 'GET' && request.method !== 'HEAD') return void response.writeHead(405, headers).end();
    if (url.pathname === '/people.json') {
      const people = fill(options.people, Number(url.searchParams.get('rows')) || 0);
      return void response
        .writeHead(200, { ...headers, 'content-type': 'application/json' })
        .end(JSON.stringify(people));
    }
    // Whatever the path, it is the one page: /Adminportal/Home and / alike.
    const asset = /^\/assets\/([\w.-]+)$/.exec(url.pathname)?.[1];
    const file = asset ? join(built, 'assets', asset) : join(built, 'index.html');
    const body = await readFile(file).catch(() => undefined);
    if (!body) return void response.writeHead(404, headers).end();
    response.writeHead(200, { ...headers, 'content-type': mediaTypes[extname(file)] ?? 'application/octet-stream' });
    response.end(body);
  }

  const server = createServer({ key: options.key, cert: options.cert }, (request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
