// A mail server on loopback in a process of its own: accepts everything, keeps nothing but how often each message came.
// As little as RFC 5321 allows, so that it is the sender that is measured.
//
//   node test/bench/mail-sink.ts PORT     over IPC: 'count' is answered with a SinkCount, 'forget' begins anew

import { createServer, type Socket } from 'node:net';

/** What has been accepted since the last 'forget'. */
export interface SinkCount {
  readonly accepted: number;
  /** Different Message-IDs among them. */
  readonly messages: number;
  readonly connections: number;
}

const seen = new Map<string, number>();
let accepted = 0;
let connections = 0;

/** One connection: lines until DATA, then bytes until the line with the dot alone. */
function serve(socket: Socket): void {
  connections++;
  let rest = '';
  let inData = false;
  socket.setNoDelay(true);
  socket.setEncoding('latin1');
  socket.on('error', () => socket.destroy());
  socket.on('data', (text: string) => {
    rest += text;
    for (;;) {
      const end = rest.indexOf(inData ? '\r\n.\r\n' : '\r\n');
      if (end === -1) return;
      const [part, skip] = [rest.slice(0, end), inData ? 5 : 2];
      rest = rest.slice(end + skip);
      if (inData) {
        inData = false;
        accepted++;
        const id = /^message-id: *(\S+)/im.exec(part)?.[1] ?? '';
        seen.set(id, (seen.get(id) ?? 0) + 1);
        socket.write(`250 2.0.0 Queued as ${accepted}\r\n`);
        continue;
      }
      const verb = part.slice(0, 4).toUpperCase();
      if (verb === 'EHLO') socket.write('250-sink.example\r\n250-PIPELINING\r\n250 SIZE 10000000\r\n');
      else if (verb === 'DATA') {
        inData = true;
        socket.write('354 Go on\r\n');
      } else if (verb === 'QUIT') socket.end('221 2.0.0 Bye\r\n');
      else socket.write('250 2.0.0 OK\r\n');
    }
  });
  socket.write('220 sink.example ESMTP\r\n');
}

const [port = ''] = process.argv.slice(2);
const server = createServer(serve).listen(Number(port), '127.0.0.1', () => process.send?.('ready'));
process.on('message', (asked) => {
  if (asked === 'forget') {
    seen.clear();
    accepted = 0;
    connections = 0;
  }
  process.send?.({ accepted, messages: seen.size, connections } satisfies SinkCount);
});
// Whoever started it is gone.
process.on('disconnect', () => {
  server.close();
  process.exit();
});
