// Whose mail it was: a process may be gone, and the next one begun, before the server has read its last bytes.

import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { drawOf } from './draw.ts';
import { tortureMail } from './mail-server.ts';

it('a message is of the process that has connected, whoever runs when its dot is read', async () => {
  await using mail = await tortureMail(drawOf(1), 1);
  mail.process = 1;
  const socket = connect(mail.port, '127.0.0.1');
  try {
    await once(socket, 'data');
    for (const line of ['EHLO here', 'MAIL FROM:<a@contoso.example>', 'RCPT TO:<b@post.example>', 'DATA']) {
      socket.write(`${line}\r\n`);
      await once(socket, 'data');
    }
    socket.write('Message-ID: <1@here>\r\n\r\nHello\r\n.\r\n');
    // Not read yet, and another one has been started.
    mail.process = 2;
    await once(socket, 'data');
    expect(mail.taken.map(({ process, told }) => [process, told])).toEqual([[1, 'said 250']]);
  } finally {
    socket.destroy();
  }
});
