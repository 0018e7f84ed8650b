// The certificate of a practice installation: made once, its key readable by this account only, never put into a system's
// or browser's store. The throw-away browser is told to accept this one key by its SPKI hash.

import { createHash, X509Certificate } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generate } from 'selfsigned';

const day = 86_400_000;

/** PEM texts; `spki` is base64 of the SHA-256 of the public key, as --ignore-certificate-errors-spki-list takes it. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
  readonly spki: string;
  /** Where the two lie, for settings that name files. */
  readonly keyFile: string;
  readonly certFile: string;
}

/**
 * The certificate kept in this folder; made when there is none, or when it ends within 30 days of `now` (milliseconds).
 * @throws what the file system throws
 */
export async function certificate(folder: string, now = Date.now()): Promise<Certificate> {
  const files = { keyFile: join(folder, 'tls.key'), certFile: join(folder, 'tls.crt') };
  const kept = await Promise.all([readFile(files.keyFile, 'utf8'), readFile(files.certFile, 'utf8')]).catch(
    () => undefined,
  );
  if (kept) {
    const [key, cert] = kept;
    if (Date.parse(new X509Certificate(cert).validTo) > now + 30 * day)
      return { key, cert, spki: spkiOf(cert), ...files };
  }
  const made = await generate([{ name: 'commonName', value: 'Reset & Resend practice' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(now - day),
    notAfterDate: new Date(now + 365 * day),
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
          { type: 7, ip: '::1' },
        ],
      },
    ],
  });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // The certificate last: without it the key is not looked at, so a half-made pair is made anew.
  await writeAside(files.keyFile, made.private, 0o600);
  await writeAside(files.certFile, made.cert, 0o644);
  return { key: made.private, cert: made.cert, spki: spkiOf(made.cert), ...files };
}

function spkiOf(cert: string): string {
  const der = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(der).digest('base64');
}

/** Whole or not at all: written beside, then renamed. */
export async function writeAside(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  const aside = `${path}.${process.pid}.new`;
  await writeFile(aside, content, { mode });
  await rename(aside, path);
}
