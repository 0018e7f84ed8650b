// The log: JSON lines by pino. Ids and codes only; routes by pattern, never a URL (a link's id is half of a secret).

import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger } from 'pino';

/** Names under which a secret could come along; a value below them is never written. */
const hidden = ['password', 'pin', 'token', 'authorization', 'cookie', 'key', 'proof', 'proofPin', 'holder', 'secret'];

/** A logger at `level`, to standard output or a stream of the caller's. */
export function logger(level: string, stream?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: [...hidden, ...hidden.map((name) => `*.${name}`), '*.headers'], censor: '[secret]' },
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return stream ? pino(options, stream) : pino(options);
}
