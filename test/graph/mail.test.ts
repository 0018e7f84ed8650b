// sendMail: what is asked for in JSON or MIME becomes a real mail of the person's own mailbox.

import PostalMime from 'postal-mime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recordedEntries } from '../../connector/audit.ts';
import { errorOf, type GraphWorld, graphWorld, type Who } from './graph-world.ts';

let world: GraphWorld;
beforeEach(async () => {
  world = await graphWorld({ names: ['globalAdmin', 'amara'] });
});
afterEach(() => world[Symbol.asyncDispose]());

const to = (address: string, name?: string) => ({ emailAddress: { address, ...(name === undefined ? {} : { name }) } });
const message = {
  subject: 'Lunch — today?',
  body: { contentType: 'text', content: 'Soup\nand bread, Çağla.' },
  toRecipients: [to('kwame@post.example', 'Kwame Mensah')],
};
const send = (body: unknown, who: Who = 'amara', url = '/me/sendMail', more: object = {}) =>
  world.call(who, 'POST', url, body, more);

it('sends a mail of the caller’s mailbox, and answers with nothing', async () => {
  const answer = await send({ message, saveToSentItems: false });
  expect([answer.status, answer.body]).toEqual([202, undefined]);
  expect(world.sent.map(({ envelope }) => envelope)).toEqual([
    { from: 'amara.nwosu@contoso.example', to: 'kwame@post.example' },
  ]);
  const [mail] = world.sent;
  const read = await PostalMime.parse(mail?.bytes as Uint8Array);
  expect(read.from).toMatchObject({ name: 'Amara Nwosu', address: 'amara.nwosu@contoso.example' });
  expect(read.to).toMatchObject([{ name: 'Kwame Mensah', address: 'kwame@post.example' }]);
  expect(read.subject).toBe('Lunch — today?');
  expect(read.text).toBe('Soup\nand bread, Çağla.\n');
  expect(read.date).toBe('2026-11-22T09:00:00.000Z');
  expect(read.messageId).toBe(mail?.messageId);
  expect(mail?.messageId).toMatch(/^<[\w-]+@contoso\.example>$/);
  expect(Buffer.from(mail?.bytes as Uint8Array).toString('latin1')).not.toMatch(/[^\r]\n/);
});

it('spells the parameters in any case, and takes Microsoft’s "false"', async () => {
  expect(
    (
      await send(
        { Message: { ...message, body: { ContentType: 'Text', content: 'x' } }, SaveToSentItems: 'false' },
        'amara',
        '/me/sendMail',
        { wrong: true },
      )
    ).status,
  ).toBe(202);
  expect(
    (await send({ message: { ...message, Subject: 'twice' } }, 'amara', '/me/sendMail', { wrong: true })).status,
  ).toBe(400);
  expect((await send({ message, saveToSentItems: 'no' }, 'amara', '/me/sendMail', { wrong: true })).status).toBe(400);
  expect((await send({}, 'amara', '/me/sendMail', { wrong: true })).status).toBe(400);
});

it('carries everything of a message: HTML, copies, headers, attachments, its own id', async () => {
  const whole = {
    ...message,
    body: { contentType: 'html', content: '<p>Soup</p>' },
    ccRecipients: [to('priya@post.example')],
    bccRecipients: [to('quiet@post.example')],
    replyTo: [to('desk@contoso.example')],
    importance: 'high',
    internetMessageId: '<reset-1@contoso.example>',
    internetMessageHeaders: [{ name: 'x-reset', value: 'one' }],
    attachments: [
      {
        '@odata.type': '#microsoft.graph.fileAttachment',
        name: 'menu.txt',
        contentType: 'text/plain',
        contentBytes: Buffer.from('soup').toString('base64'),
      },
    ],
  };
  expect((await send({ message: whole })).status).toBe(202);
  expect(world.sent.map(({ envelope }) => envelope.to)).toEqual([
    'kwame@post.example',
    'priya@post.example',
    'quiet@post.example',
  ]);
  expect(new Set(world.sent.map(({ messageId }) => messageId))).toEqual(new Set(['<reset-1@contoso.example>']));
  const [mail] = world.sent;
  const read = await PostalMime.parse(mail?.bytes as Uint8Array);
  expect(read).toMatchObject({ messageId: '<reset-1@contoso.example>', html: '<p>Soup</p>\n' });
  expect(read.cc).toMatchObject([{ address: 'priya@post.example' }]);
  expect(read.replyTo).toMatchObject([{ address: 'desk@contoso.example' }]);
  expect(read.attachments).toMatchObject([{ filename: 'menu.txt', mimeType: 'text/plain' }]);
  expect(read.headers.find(({ key }) => key === 'x-reset')?.value).toBe('one');
  expect(read.headers.find(({ key }) => key === 'x-priority')?.value).toMatch(/^1/);
  expect(Buffer.from(mail?.bytes as Uint8Array).toString('latin1')).not.toContain('quiet@');
  // The same request makes the same bytes.
  await send({ message: whole });
  expect(world.sent[3]?.bytes).toEqual(mail?.bytes);
});

describe('MIME', () => {
  const mime = ['To: Kwame <kwame@post.example>', 'Bcc: quiet@post.example', 'Subject: Lunch', '', 'Soup', ''].join(
    '\n',
  );
  const post = (payload: string) =>
    send(undefined, 'amara', '/me/sendMail', { payload, headers: { 'content-type': 'text/plain' } });
  const encoded = (text: string) => Buffer.from(text).toString('base64');

  it('is sent as it is, from the caller, without its blind copies', async () => {
    expect((await post(encoded(mime))).status).toBe(202);
    expect(world.sent.map(({ envelope }) => envelope.to)).toEqual(['kwame@post.example', 'quiet@post.example']);
    const text = Buffer.from(world.sent[0]?.bytes as Uint8Array).toString();
    expect(text).toMatch(
      /^To: Kwame <kwame@post\.example>\r\nSubject: Lunch\r\nFrom: <amara\.nwosu@contoso\.example>\r\n/,
    );
    expect(text).toMatch(/\r\nDate: Sun, 22 Nov 2026 09:00:00 \+0000\r\n/);
    expect(text).toMatch(/\r\n\r\nSoup\r\n$/);
    expect(text).not.toContain('quiet');
  });

  it.each([
    ['no base64', 'Subject: Lunch', 'ErrorMimeContentInvalidBase64String'],
    ['nothing', '', 'ErrorMimeContentInvalidBase64String'],
    ['no message', encoded('just words'), 'ErrorMimeContentInvalid'],
    ['nobody to send it to', encoded('Subject: Lunch\n\nSoup'), 'ErrorInvalidRecipients'],
  ])('that is %s is refused', async (_what, payload, code) => {
    expect(errorOf(await post(payload)).slice(0, 2)).toEqual([400, payload === '' ? expect.any(String) : code]);
    expect(world.sent).toEqual([]);
  });

  it('in somebody else’s name is refused', async () => {
    const other = encoded(`From: boss@contoso.example\n${mime}`);
    expect(errorOf(await post(other)).slice(0, 2)).toEqual([403, 'ErrorSendAsDenied']);
    const own = encoded(`From: "A, N" <Amara.Nwosu@contoso.example>\n${mime}`);
    expect((await post(own)).status).toBe(202);
  });

  it('is for this address alone', async () => {
    const url = `/users/${world.ids.amara}`;
    const answer = await world.call('globalAdmin', 'PATCH', url, undefined, {
      payload: 'x',
      headers: { 'content-type': 'text/plain' },
    });
    expect(answer.status).toBe(415);
  });
});

it.each([
  ['no recipients', { toRecipients: [] }, 400, 'ErrorInvalidRecipients'],
  ['an address that is none', { toRecipients: [to('a b@post.example')] }, 400, 'ErrorInvalidRecipients'],
  ['a line in an address', { toRecipients: [to('a@b.example>\r\nBcc: c@d.example')] }, 400, 'ErrorInvalidRecipients'],
  ['a line in a name', { toRecipients: [to('a@b.example', 'A\r\nBcc: c@d.example')] }, 400, 'ErrorInvalidProperty'],
  ['somebody else’s name', { from: to('boss@contoso.example') }, 403, 'ErrorSendAsDenied'],
  [
    'a header that is not its own',
    { internetMessageHeaders: [{ name: 'Bcc', value: 'c@d.example' }] },
    400,
    'InvalidInternetMessageHeader',
  ],
  [
    'a line in a header',
    { internetMessageHeaders: [{ name: 'x-a', value: 'b\r\nBcc: c@d.example' }] },
    400,
    'InvalidInternetMessageHeader',
  ],
  ['an id that is none', { internetMessageId: 'x\r\nBcc: c@d.example' }, 400, 'ErrorInvalidProperty'],
  [
    'an attachment by address',
    { attachments: [{ '@odata.type': '#microsoft.graph.referenceAttachment', sourceUrl: 'file:///etc/passwd' }] },
    400,
    'Request_BadRequest',
  ],
])('with %s is refused', async (_what, more, status, code) => {
  const answer = await send({ message: { ...message, ...more } }, 'amara', '/me/sendMail', { wrong: true });
  expect(errorOf(answer).slice(0, 2)).toEqual([status, code]);
  expect(world.sent).toEqual([]);
});

it('keeps a subject on its line', async () => {
  await send({ message: { ...message, subject: 'Lunch\r\nBcc: c@d.example' } });
  const text = Buffer.from(world.sent[0]?.bytes as Uint8Array).toString('latin1');
  expect(text).not.toMatch(/^Bcc:/im);
  expect(text).toContain('Subject: Lunch Bcc: c@d.example');
});

it('is of one’s own mailbox for people, of every one for apps', async () => {
  const url = `/users/${world.ids.amara}/sendMail`;
  expect(errorOf(await send({ message }, 'globalAdmin', url)).slice(0, 2)).toEqual([403, 'ErrorAccessDenied']);
  expect((await send({ message }, 'amara', url)).status).toBe(202);
  const app = await world.newApp();
  expect(
    (await send({ message }, app, '/users/amara.nwosu@contoso.example/sendMail', { scp: 'Mail.Send' })).status,
  ).toBe(202);
  expect((await send({ message }, app, url, { scp: 'User.Read.All' })).status).toBe(403);
  expect((await send({ message }, app, '/users/nobody/sendMail')).status).toBe(404);
});

describe('the mail server', () => {
  it('that takes nothing now is 503, one that refuses is 400', async () => {
    world.script.push({ outcome: 'later', code: 451, reply: '451 later' });
    const later = await send({ message });
    expect([later.status, later.headers['retry-after']]).toEqual([503, '1']);
    world.script.push({ outcome: 'refused', code: 550, reply: '550 no such user' });
    const refused = await send({ message });
    expect(errorOf(refused).slice(0, 2)).toEqual([400, 'ErrorInvalidRecipients']);
    expect(JSON.stringify(refused.body)).not.toContain('no such user');
  });

  it('that takes it for the first is not asked again for the others', async () => {
    world.script.push({ outcome: 'accepted', reply: '250' }, { outcome: 'later', code: 451, reply: '451' });
    const two = { ...message, ccRecipients: [to('priya@post.example')] };
    expect((await send({ message: two })).status).toBe(202);
    const sent = await recordedEntries(world.sql, 'default', 9, 'mail.sent');
    expect(sent).toMatchObject([{ actor: `user:${world.ids.amara}`, detail: { client: 'some-script' } }]);
  });

  it('stands in the record with each mail that it took, whatever becomes of the next', async () => {
    const atEach: number[] = [];
    const looked = async () => {
      atEach.push((await recordedEntries(world.sql, 'default', 9, 'mail.sent')).length);
      if (atEach.length === 3) throw new Error('The way is cut.');
      return { outcome: 'accepted', reply: '250' } as const;
    };
    world.script.push(looked, looked, looked);
    const toRecipients = ['a@post.example', 'b@post.example', 'c@post.example'].map((one) => to(one));
    const answer = await send({ message: { ...message, toRecipients } });
    expect([answer.status, atEach]).toEqual([500, [0, 1, 2]]);
    expect(await recordedEntries(world.sql, 'default', 9, 'mail.sent')).toHaveLength(2);
  });
});
