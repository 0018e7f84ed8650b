// What arrives before there is a request that a door could answer: addresses that no router can read, and bytes that are
// no HTTP. Neither is ever logged: they hold whatever a caller sent, tokens included.

import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from '../log.ts';

/**
 * An address as the router can read it. Where a percent sign begins no UTF-8 octets (RFC 3986 §2.1) the signs stand for
 * themselves: such a path names nothing, and its door says so in its own form and with its own headers.
 */
export function readableUrl({ url = '/' }: Pick<IncomingMessage, 'url'>): string {
  const end = url.search(/[?#]/);
  const path = end === -1 ? url : url.slice(0, end);
  try {
    decodeURIComponent(path);
    return url;
  } catch {
    return path.replaceAll('%', '%25') + url.slice(path.length);
  }
}

const statuses: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
};

/** Answers what is no HTTP (node:http `clientError`), and closes. */
export function refuseRaw(log: Logger): (error: NodeJS.ErrnoException, socket: Socket) => void {
  return ({ code }, socket) => {
    if (code === 'ECONNRESET' || socket.destroyed) return;
    log.debug({ code }, 'not a request');
    if (!socket.writable) return void socket.destroy();
    const status = statuses[code ?? ''] ?? '400 Bad Request';
    socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`, () => socket.destroy());
  };
}
