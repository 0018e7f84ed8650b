// The practice certificate: kept, private, pinned by the hash that Chromium computes.

import { createHash, createPublicKey } from 'node:crypto';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, get } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { certificate } from './certificate.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'practice-tls-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('is made once, its key for this account alone', async () => {
  const made = await certificate(folder);
  expect((await stat(made.keyFile)).mode & 0o777).toBe(0o600);
  expect(await certificate(folder)).toEqual(made);
  const der = createPublicKey(made.key).export({ type: 'spki', format: 'der' });
  expect(made.spki).toBe(createHash('sha256').update(der).digest('base64'));
});

it('is made anew when it is about to end, and when one half is missing', async () => {
  const first = await certificate(folder);
  const later = await certificate(folder, Date.now() + 340 * 86_400_000);
  expect(later.spki).not.toBe(first.spki);
  await rm(later.certFile);
  expect((await certificate(folder)).spki).not.toBe(later.spki);
  await writeFile(join(folder, 'tls.crt.1.new'), 'half');
  expect((await certificate(folder)).cert).toContain('END CERTIFICATE');
});

it('serves https on 127.0.0.1 to whoever trusts exactly it', async () => {
  const { key, cert } = await certificate(folder);
  const server = createServer({ key, cert }, (_request, response) => response.end('here'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const ask = (ca?: string) =>
    new Promise<string>((resolve, reject) => {
      get(url, { agent: false, ...(ca ? { ca } : {}) }, (answer) => {
        answer.setEncoding('utf8').on('data', resolve);
      }).on('error', reject);
    });
  try {
    expect(await ask(cert)).toBe('here');
    await expect(ask()).rejects.toThrow(/self.signed/i);
  } finally {
    server.close();
  }
});
