// The practice mailboxes and the page that shows them, through a real SMTP client and real HTTP.

import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startInbox } from './inbox.ts';
import { startMailServer } from './mail-server.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'practice-mail-'));
});
afterEach(() => rm(folder, { recursive: true }));

const letter = {
  from: 'Contoso IT <it@contoso.example>',
  to: 'cagla@mail.example',
  subject: 'Yeni parolanız hazır',
  text: 'Merhaba Çağla',
  html: '<p>Merhaba <a href="https://127.0.0.1:8787/r/x#1.tr.s">parolayı göster</a></p>',
};

describe('the mail server', () => {
  it('has the mail on disk, for this account alone, by the time it answers 250', async () => {
    await using mails = await startMailServer({ folder });
    const coming = mails.next('CAGLA@mail.example');
    const sent = await createTransport({ port: mails.port, host: '127.0.0.1' }).sendMail(letter);
    expect(sent.response).toMatch(/^250/);
    const [file = ''] = await readdir(folder);
    expect(file).toMatch(/^\d{13}-\d{4}\.eml$/);
    expect((await stat(join(folder, file))).mode & 0o077).toBe(0);
    const mail = await coming;
    expect(mail.email.subject).toBe(letter.subject);
    expect(mail.email.returnPath).toContain('it@contoso.example');
  });

  it('keeps one copy for each mailbox of the envelope, Bcc included, and finds them again after a restart', async () => {
    {
      await using mails = await startMailServer({ folder });
      await createTransport({ port: mails.port, host: '127.0.0.1' }).sendMail({ ...letter, bcc: 'other@mail.example' });
    }
    await using again = await startMailServer({ folder });
    expect((await again.mails()).map((mail) => mail.to).sort()).toEqual(['cagla@mail.example', 'other@mail.example']);
    const kept = await again.next('other@mail.example', { since: '' });
    expect(kept.email.text).toContain('Merhaba');
    await expect(
      again.next('other@mail.example', { since: kept.id, signal: AbortSignal.abort('no more') }),
    ).rejects.toBe('no more');
  });

  it('refuses what is too large instead of keeping half of it', async () => {
    await using mails = await startMailServer({ folder });
    const large = createTransport({ port: mails.port, host: '127.0.0.1' }).sendMail({
      ...letter,
      text: 'x'.repeat(1_100_000),
    });
    await expect(large).rejects.toThrow(/552|exceeds/);
  });
});

describe('the inbox page', () => {
  it('lists, shows and streams mails, and serves their HTML without scripts', async () => {
    await using mails = await startMailServer({ folder });
    await using inbox = await startInbox({ mails, port: 0 });
    const stream = await fetch(`${inbox.url}/mails/events`);
    const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toContain(': open');
    await createTransport({ port: mails.port, host: '127.0.0.1' }).sendMail(letter);
    expect((await reader?.read())?.value).toContain('cagla@mail.example');
    await reader?.cancel();

    const [first] = (await (await fetch(`${inbox.url}/mails`)).json()) as { id: string; subject: string }[];
    expect(first?.subject).toBe(letter.subject);
    const whole = await (await fetch(`${inbox.url}/mails/${first?.id}`)).json();
    expect(whole).toMatchObject({ text: expect.stringContaining('Merhaba'), html: true, from: 'Contoso IT' });
    const html = await fetch(`${inbox.url}/mails/${first?.id}/html`);
    expect(html.headers.get('content-security-policy')).toMatch(/^sandbox (?!.*allow-scripts)/);
    expect(await html.text()).toContain('/r/x#1.tr.s');
    expect((await fetch(inbox.url)).headers.get('content-security-policy')).toContain("script-src 'self'");
  });

  it('answers neither strange names nor strange paths', async () => {
    await using mails = await startMailServer({ folder });
    await using inbox = await startInbox({ mails, port: 0 });
    expect((await fetch(`${inbox.url}/mails/..%2f..%2fetc%2fpasswd`)).status).toBe(404);
    expect((await fetch(`${inbox.url}/mails/1-1`)).status).toBe(404);
    const { request } = await import('node:http');
    const rebound = await new Promise<number | undefined>((resolve, reject) => {
      const asked = request(`${inbox.url}/mails`, { headers: { host: 'rebound.example' } }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      asked.on('error', reject).end();
    });
    expect(rebound).toBe(421);
  });
});
