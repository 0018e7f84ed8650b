// Mail into a folder: whole files only, the same message once, and honest outcomes when the disk says no.

import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fileOf, folderMail } from '../../connector/mail/folder.ts';
import type { Message } from '../../connector/mail/mail.ts';

const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
const message: Message = {
  envelope: { from: 'reset@contoso.example', to: 'ada@mail.example' },
  messageId: '<../../etc/1@contoso.example>',
  bytes: new TextEncoder().encode('Subject: Hello\r\n\r\nAda\r\n'),
};

let base: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'mail-'));
});
afterEach(() => rm(base, { recursive: true, force: true }));

describe('a folder', () => {
  test('keeps a message as it is, readable by the owner alone, and makes itself', async () => {
    const path = join(base, 'not', 'there');
    const mail = folderMail(path, { random });
    expect(await mail.verify()).toEqual({ ok: true });
    expect(await readdir(base)).toEqual([]);
    const name = fileOf(message.messageId);
    expect(name).toMatch(/^[0-9a-f]{64}\.eml$/);
    expect(await mail.send(message)).toEqual({ outcome: 'accepted', reply: `250 kept as ${name}` });
    expect(await readdir(path)).toEqual([name]);
    expect(await readFile(join(path, name))).toEqual(Buffer.from(message.bytes));
    expect((await stat(join(path, name))).mode & 0o777).toBe(0o600);
    expect((await stat(path)).mode & 0o777).toBe(0o700);
  });

  test('holds one file for one message, however often and at once it is sent', async () => {
    const mail = folderMail(base, { random });
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => mail.send(message)));
    expect(outcomes.every(({ outcome }) => outcome === 'accepted')).toBe(true);
    await mail.send({ ...message, messageId: '<2@contoso.example>' });
    expect((await readdir(base)).sort()).toEqual([fileOf(message.messageId), fileOf('<2@contoso.example>')].sort());
  });

  test('that is a file, or below one, is misconfigured', async () => {
    const file = join(base, 'file');
    await writeFile(file, '');
    const mail = folderMail(join(file, 'mail'), { random });
    expect(await mail.send(message)).toMatchObject({ outcome: 'misconfigured', code: 0 });
    expect(await mail.verify()).toMatchObject({ ok: false, why: expect.stringContaining('ENOTDIR') });
  });

  test('that takes no file where the message belongs leaves nothing behind', async () => {
    // a folder of that name can't be replaced by a file, not even by root
    await mkdir(join(base, fileOf(message.messageId)));
    const mail = folderMail(base, { random });
    expect(await mail.send(message)).toMatchObject({
      outcome: 'misconfigured',
      reply: expect.stringContaining('EISDIR'),
    });
    expect(await readdir(base)).toEqual([fileOf(message.messageId)]);
  });

  test('whose disk ends in the middle of a message is tried again later, and no half is left', async () => {
    // a process that may write 4 kB files: the kernel cuts its write short as a full disk does
    const script = `
      import { folderMail } from ${JSON.stringify(new URL('../../connector/mail/folder.ts', import.meta.url).href)};
      const mail = folderMail(process.argv[1], { random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)) });
      const envelope = { from: 'a@b.example', to: 'c@d.example' };
      const outcome = await mail.send({ envelope, messageId: '<1@b.example>', bytes: new Uint8Array(100_000) });
      console.log(JSON.stringify(outcome));`;
    const command = 'ulimit -f 4; exec "$0" --input-type=module -e "$1" "$2"';
    const { stdout } = await promisify(execFile)('bash', ['-c', command, process.execPath, script, base]);
    expect(JSON.parse(stdout)).toMatchObject({ outcome: 'later', code: 0, reply: expect.stringContaining('EFBIG') });
    expect(await readdir(base)).toEqual([]);
  });
});
