// The certificate of the doors, read and tried before anything else is started.

import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { StartError } from '../start-error.ts';

/** Certificate chain and private key, PEM. */
export interface Tls {
  readonly cert: string;
  readonly key: string;
}

function read(setting: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new StartError(`${setting} names a file that cannot be read: ${(error as Error).message}.`);
  }
}

/**
 * Reads RR_TLS_CERT and RR_TLS_KEY; undefined when they are not set.
 * @throws StartError when they cannot be read, are no PEM, or do not belong together
 */
export function readTls(certFile: string | undefined, keyFile: string | undefined): Tls | undefined {
  if (certFile === undefined || keyFile === undefined) return undefined;
  const tls = { cert: read('RR_TLS_CERT', certFile), key: read('RR_TLS_KEY', keyFile) };
  try {
    createSecureContext(tls);
  } catch (error) {
    throw new StartError(`RR_TLS_CERT and RR_TLS_KEY cannot be used together: ${(error as Error).message}.`);
  }
  return tls;
}
