// The address of the mail server: each form, and sentences for wrong ones that never repeat a password.

import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { mailTransport } from '../../connector/mail/transports.ts';
import { scriptedServer } from './scripted-server.ts';

const deps = { now: Date.now, random: (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes)) };
const message = {
  envelope: { from: 'reset@contoso.example', to: 'ada@mail.example' },
  messageId: '<1@contoso.example>',
  bytes: new TextEncoder().encode('Subject: Hello\r\n\r\nAda\r\n'),
};

test('folder: and smtp: each send', async () => {
  const base = await mkdtemp(join(tmpdir(), 'mail %'));
  expect(await mailTransport(`folder:${base}`, deps).send(message)).toMatchObject({ outcome: 'accepted' });
  expect(await readdir(base)).toHaveLength(1);
  await rm(base, { recursive: true });

  await using server = await scriptedServer({});
  const mail = mailTransport(`SMTP://LOCALHOST:${server.port}`, deps);
  expect(await mail.send(message)).toMatchObject({ outcome: 'accepted' });
  await mail.close();
  expect(server.messages).toHaveLength(1);
});

test.each([
  '',
  'mail.contoso.example',
  'http://mail.contoso.example',
  'smtp:',
  'folder:',
  'smtp://',
  'smtp://:hunter2@mail.example',
  'smtp://relay:hunter2%@mail.example',
  'smtp://relay:hunter2@mail.example/path',
  'smtp://relay:hun#ter2@mail.example',
  'smtp://relay:hunter2@mail.example:99999',
  'smtps://relay:hunter2@mail.example?tls=no',
  'toString:x',
  '__proto__:x',
])('%j is refused in a sentence without the password', (url) => {
  expect(() => mailTransport(url, deps)).toThrow(/^[A-Z].*\.$/);
  expect(() => mailTransport(url, deps)).not.toThrow(/hunter2|hun#ter2/);
});
