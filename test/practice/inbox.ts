// The inbox page: what the sample people would see in their private mailboxes, on loopback only. A mail's HTML is shown
// in a sandbox without scripts or network; its links open in a tab of their own.

import { readFile } from 'node:fs/promises';
import fastify from 'fastify';
import type { MailServer, Received } from './mail-server.ts';

export interface Inbox {
  readonly url: string;
  [Symbol.asyncDispose](): Promise<void>;
}

const files = {
  '/': { name: 'index.html', type: 'text/html' },
  '/inbox.css': { name: 'inbox.css', type: 'text/css' },
  '/inbox.js': { name: 'inbox.js', type: 'text/javascript' },
} as const;

const pagePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self'; img-src data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const mailPolicy =
  'sandbox allow-popups allow-popups-to-escape-sandbox; ' +
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'";

/** Starts the page on loopback. */
export async function startInbox({ mails, port }: { mails: MailServer; port: number }): Promise<Inbox> {
  const app = fastify({ forceCloseConnections: true });

  // A page elsewhere could point a name of its own at 127.0.0.1 and read the links: only our own names are answered.
  app.addHook('onRequest', async (request, reply) => {
    if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(request.headers.host ?? '')) return reply.code(421).send();
    reply.headers({
      'cache-control': 'no-store',
      'content-security-policy': pagePolicy,
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    });
  });

  for (const [path, { name, type }] of Object.entries(files)) {
    app.get(path, async (_request, reply) => {
      const text = await readFile(new URL(`inbox/${name}`, import.meta.url), 'utf8');
      return reply.type(`${type}; charset=utf-8`).send(text);
    });
  }

  app.get('/mails', async () => (await mails.mails()).map(summary));

  app.get('/mails/events', (request, reply) => {
    reply.hijack();
    reply.raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    reply.raw.write(': open\n\n');
    const stop = mails.watch((mail) => reply.raw.write(`data: ${JSON.stringify(summary(mail))}\n\n`));
    request.raw.on('close', stop);
  });

  app.get<{ Params: { id: string } }>('/mails/:id', async (request, reply) => {
    const mail = await mails.find(request.params.id);
    if (!mail) return reply.code(404).send({ detail: 'There is no such mail.' });
    const { headerLines, text, html } = mail.email;
    return {
      ...summary(mail),
      headers: headerLines.map(({ line }) => line.replace(/\r?\n[ \t]+/g, ' ')),
      text: text ?? '',
      html: Boolean(html),
    };
  });

  app.get<{ Params: { id: string } }>('/mails/:id/html', async (request, reply) => {
    const mail = await mails.find(request.params.id);
    reply.header('content-security-policy', mailPolicy).type('text/html; charset=utf-8');
    return reply.code(mail?.email.html ? 200 : 404).send(`<base target="_blank">${mail?.email.html ?? ''}`);
  });

  await app.listen({ host: '127.0.0.1', port });
  const address = app.server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : port}`,
    [Symbol.asyncDispose]: () => app.close(),
  };
}

/** What the list shows of a mail. */
function summary({ id, to, email }: Received) {
  const from = email.from?.name || email.from?.address || '';
  const preview = (email.text ?? '').replace(/\s+/g, ' ').trim().slice(0, 140);
  const at = new Date(Number(id.slice(0, 13))).toISOString();
  return { id, to, from, address: email.from?.address ?? '', subject: email.subject ?? '', preview, at };
}
