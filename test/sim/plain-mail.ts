// A mail with nothing but what a simulated recipient reads: writing a whole letter takes ten times as long as all the rest
// of a reset. Some runs write whole letters (`wholeMails`).

import type { resetMail } from '../../connector/mail/reset-mail.ts';

export const plainMail: typeof resetMail = async ({ from, to, messageId, link, code }) => {
  const lines = [`From: ${from}`, `To: ${to}`, 'Subject: A link', `Message-ID: ${messageId}`, '', link, code, ''];
  return { subject: 'A link', bytes: new Uint8Array(Buffer.from(lines.join('\r\n'))) };
};
