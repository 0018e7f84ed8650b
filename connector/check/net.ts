// The real network of `check`.

import { connect } from 'node:tls';
import type { Net } from './finding.ts';

/** The certificate that a server shows to anybody, trusted or not; nothing is sent. */
async function certificateOf(origin: string): Promise<{ validTo: number; trusted: boolean; why?: string }> {
  const { hostname, port } = new URL(origin);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  // An address literal has no place in SNI (RFC 6066 §3).
  const servername = /^[\d.]+$|:/.test(host) ? '' : host;
  const socket = connect({ host, port: Number(port || 443), servername, rejectUnauthorized: false });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('secureConnect', resolve).once('error', reject);
      socket.setTimeout(10_000, () => reject(new Error('no answer')));
    });
    const { valid_to: validTo } = socket.getPeerCertificate();
    const why = socket.authorizationError;
    return {
      validTo: Date.parse(validTo),
      trusted: socket.authorized,
      ...(why ? { why: String((why as Error).message ?? why) } : {}),
    };
  } finally {
    socket.destroy();
  }
}

export const realNet: Net = { fetch: (input, init) => fetch(input, init), certificateOf };
