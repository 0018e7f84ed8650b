// An installation under trouble that is not chance: a disk of its own, requests one at a time, a link that is opened.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Reset } from '#shared/api.ts';
import { drawOf } from './draw.ts';
import { type Installation, publicHost, tortureInstallation } from './installation.ts';
import { linkOf, newLedger, type Started } from './ledger.ts';
import { open } from './people.ts';
import { type Answer, type Wire, wire } from './wire.ts';

/** A file system of a few megabytes in memory; undefined where this user may not mount one. */
export function smallDisk(
  megabytes: number,
): { folder: string; remount: (how: string) => void; remove: () => void } | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'rr-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    rmSync(folder, { recursive: true });
    return undefined;
  }
  return {
    folder,
    remount: (how) => void execFileSync('mount', ['-o', `remount,${how}`, folder]),
    remove() {
      // Also when something still has a file open there.
      execFileSync('umount', ['-l', folder]);
      rmSync(folder, { recursive: true });
    },
  };
}

export interface Trouble extends AsyncDisposable {
  readonly installation: Installation;
  readonly http: Wire;
  /** One try to reset the n-th person; where the mail goes is theirs. */
  start(person: number, key?: string): Promise<Answer>;
  see(id: string): Promise<Reset>;
  /** Waits until a reset is in this state. */
  reaches(id: string, state: Reset['state']): Promise<void>;
  /** Opens the link of the n-th person's mail as the page does; undefined when it shows nothing within 20 s. */
  open(person: number): Promise<string | undefined>;
}

export const addressOf = (person: number) => `person${person}@post.example`;
const pause = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

export async function troubled(options: { people: number; folder?: string }): Promise<Trouble> {
  const installation = await tortureInstallation(drawOf(1), {
    ...{ people: options.people, drip: 1 },
    ...(options.folder === undefined ? {} : { env: { RR_DATABASE: `sqlite:${options.folder}/connector.db` } }),
  });
  const http = wire(installation.port, publicHost, () => false, false);
  const [admin] = installation.admins;
  const authorization = `Bearer ${admin?.bearer}`;
  const see = async (id: string) => {
    const answer = await http.ask('GET', `/api/resets/${id}`, { headers: { authorization } });
    return JSON.parse(answer?.text ?? '{}') as Reset;
  };
  return {
    ...{ installation, http, see },
    start(person, key = `key-of-person-${person}`) {
      const body = {
        ...{ user: installation.people[person]?.id, mode: 'link', forceChangePasswordNextSignIn: true, locale: 'en' },
        recipient: { address: addressOf(person) },
      };
      return http.once('POST', '/api/resets', { headers: { authorization, 'idempotency-key': key }, body });
    },
    async reaches(id, state) {
      for (let tries = 0; (await see(id)).state !== state; tries++) {
        if (tries > 600) throw new Error(`reset ${id} does not get to ${state}: ${JSON.stringify(await see(id))}`);
        await pause(50);
      }
    },
    async open(person) {
      const mail = await installation.mail.letter(addressOf(person), pause(20_000));
      if (!mail) return undefined;
      const until = Date.now() + 20_000;
      const isOver = () => Date.now() > until;
      const own = wire(installation.port, publicHost, isOver);
      const started: Started = {
        ...{ key: '', person: '', address: addressOf(person), ids: new Set(), acts: new Set(), shown: new Set() },
        ...{ holders: new Set(), link: await linkOf(mail) },
      };
      try {
        return await open({ wire: own, ledger: newLedger(), isOver }, started, new Uint8Array(32).fill(5));
      } finally {
        own.close();
      }
    },
    async [Symbol.asyncDispose]() {
      http.close();
      await installation[Symbol.asyncDispose]();
    },
  };
}
