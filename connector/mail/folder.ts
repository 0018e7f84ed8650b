// Mail into a folder, for loopback use: one file per message, named by the hash of its Message-ID, so that sending the
// same message again changes nothing.

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { folderProblem } from '../place.ts';
import type { Mail, SendOutcome } from './mail.ts';

/** What stays wrong until someone changes the folder, as against a disk that is full or busy for now. */
const lasting = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP', 'EISDIR']);

/** The file that a message is kept in; the Message-ID could hold anything, its hash can't. */
export function fileOf(messageId: string): string {
  return `${createHash('sha256').update(messageId).digest('hex')}.eml`;
}

/** Writes a new file and makes its bytes durable. The link is in them: readable by the owner alone. */
async function writeNew(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** A transport that keeps messages under `path`, made when it is missing; `random` names files while they are written. */
export function folderMail(path: string, deps: { random: (bytes: number) => Uint8Array }): Mail {
  const temporary = () => join(path, `.${Buffer.from(deps.random(12)).toString('hex')}.tmp`);
  const words = (error: NodeJS.ErrnoException) => `${error.code ?? 'error'}: ${error.message}`.slice(0, 200);

  return {
    async send({ messageId, bytes }): Promise<SendOutcome> {
      const name = fileOf(messageId);
      const draft = temporary();
      let renamed = false;
      try {
        await mkdir(path, { recursive: true, mode: 0o700 });
        await writeNew(draft, bytes);
        await rename(draft, join(path, name));
        renamed = true;
        await syncFolder(path);
        return { outcome: 'accepted', reply: `250 kept as ${name}` };
      } catch (thrown) {
        const error = thrown as NodeJS.ErrnoException;
        // the name may or may not survive a power cut
        if (renamed) return { outcome: 'unknown', reply: words(error) };
        await rm(draft, { force: true }).catch(() => {});
        return { outcome: lasting.has(error.code ?? '') ? 'misconfigured' : 'later', code: 0, reply: words(error) };
      }
    },

    async verify() {
      // Looked at, not made: `check` changes nothing.
      const problem = folderProblem(path);
      if (problem !== undefined) return { ok: false, why: problem };
      if (!existsSync(path)) return { ok: true };
      const draft = temporary();
      try {
        await writeNew(draft, new Uint8Array(1));
        return { ok: true };
      } catch (thrown) {
        return { ok: false, why: words(thrown as NodeJS.ErrnoException) };
      } finally {
        await rm(draft, { force: true }).catch(() => {});
      }
    },

    async close() {},
  };
}
