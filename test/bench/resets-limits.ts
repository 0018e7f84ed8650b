// The three limits of a reset on this machine: durable writes, mails, password hashes. Each is measured alone, for a
// short while, in turns with what is compared to them.

import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';
import { hashing } from '../../connector/store/credentials.ts';

/** Per second. */
export type Rate = number;

/**
 * Records of a page and its frame's head, as SQLite's log has them, appended and made durable `together` at a time by one
 * writer. Records per second.
 */
export function durableRecords(folder: string, milliseconds: number, together: number): Rate {
  const file = join(folder, 'limit.log');
  const fd = openSync(file, 'w');
  const record = Buffer.alloc((4096 + 24) * together, 7);
  const begun = performance.now();
  let done = 0;
  try {
    while (performance.now() - begun < milliseconds) {
      writeSync(fd, record);
      fdatasyncSync(fd);
      done += together;
    }
    return done / ((performance.now() - begun) / 1000);
  } finally {
    closeSync(fd);
    rmSync(file);
  }
}

/** nodemailer's own pool, this many connections, the same bytes each time. Mails per second. */
export async function pooledMails(
  port: number,
  bytes: Uint8Array,
  milliseconds: number,
  connections: number,
): Promise<Rate> {
  const transport = createTransport({
    ...{ pool: true, maxConnections: connections, maxMessages: Number.POSITIVE_INFINITY },
    ...{ host: '127.0.0.1', port, ignoreTLS: true },
  });
  const envelope = { from: 'helpdesk@contoso.example', to: 'limit@mail.example' };
  const raw = Buffer.from(bytes);
  const begun = performance.now();
  let done = 0;
  try {
    const sender = async () => {
      while (performance.now() - begun < milliseconds) {
        await transport.sendMail({ envelope, raw });
        done++;
      }
    };
    await Promise.all(Array.from({ length: connections }, sender));
    return done / ((performance.now() - begun) / 1000);
  } finally {
    transport.close();
  }
}

/** argon2id at the connector's own cost, as many at a time as it allows itself. */
export async function passwordHashes(
  milliseconds: number,
  concurrency: number,
): Promise<{ rate: Rate /** Processor time of one, in milliseconds. */; cpu: number }> {
  const { turn } = hashing({ concurrency, waiting: concurrency });
  const used = process.cpuUsage();
  const begun = performance.now();
  let done = 0;
  const hasher = async () => {
    while (performance.now() - begun < milliseconds) {
      await turn((argon) => argon.hash(`Correct-Horse-${done}`));
      done++;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, hasher));
  const { user, system } = process.cpuUsage(used);
  return { rate: done / ((performance.now() - begun) / 1000), cpu: (user + system) / 1000 / done };
}
