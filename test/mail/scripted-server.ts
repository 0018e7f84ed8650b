// An SMTP server that does exactly what a test says, on port 0: real sockets, scripted replies, cuts at any byte.

import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';
import tls from 'node:tls';

/** A reply line (CRLF is added), or something to do to the connection. */
type Reply = string | ((socket: Socket) => void);

export interface Script {
  readonly greeting?: Reply;
  readonly ehlo?: Reply;
  readonly helo?: Reply;
  readonly starttls?: Reply;
  readonly auth?: Reply;
  readonly mail?: Reply;
  readonly rcpt?: Reply;
  readonly data?: Reply;
  /** To the final dot. */
  readonly dot?: Reply;
  /** The connection is destroyed after so many bytes of the message. */
  readonly cutAfter?: number;
  /** After so many bytes of the message this is said, and reading goes on. */
  readonly interrupt?: { readonly after: number; readonly reply: Reply };
  /** Milliseconds between the bytes of every reply. */
  readonly drip?: number;
  readonly key?: { readonly key: string; readonly cert: string };
  /** TLS from the first byte. */
  readonly secure?: boolean;
}

export interface ScriptedServer {
  readonly port: number;
  /** Command lines in the order received, over all connections. */
  readonly commands: string[];
  /** Whole messages, each up to its dot, as sent (dots stuffed). */
  readonly messages: string[];
  /** Bytes of the message received on the last connection. */
  received: number;
  /** Was any command line heard without TLS that carries a secret or an address? */
  readonly inClear: string[];
  /** Resolves when a scripted cut has happened. */
  readonly cut: Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export const hangUp = (socket: Socket) => void socket.destroy();
export const saySo = (text: string) => (socket: Socket) => void socket.end(text);
export const nothing = () => {};

/** Starts the server; `await using` stops it. */
export async function scriptedServer(script: Script): Promise<ScriptedServer> {
  const sockets = new Set<Socket>();
  const cut = Promise.withResolvers<void>();
  const state = { commands: [] as string[], messages: [] as string[], inClear: [] as string[], received: 0 };

  const replies: Record<string, Reply> = {
    EHLO: script.ehlo ?? '250-scripted.example\r\n250 SIZE 1000000000',
    HELO: script.helo ?? '250 scripted.example',
    STARTTLS: script.starttls ?? '502 5.5.1 Unknown command',
    AUTH: script.auth ?? '235 2.7.0 Accepted',
    MAIL: script.mail ?? '250 2.1.0 Ok',
    RCPT: script.rcpt ?? '250 2.1.5 Ok',
    DATA: script.data ?? '354 End data with <CR><LF>.<CR><LF>',
    QUIT: saySo('221 2.0.0 Bye\r\n'),
  };

  function say(socket: Socket, reply: Reply): void {
    if (typeof reply === 'function') {
      reply(socket);
      return;
    }
    const bytes = `${reply}\r\n`;
    if (!script.drip) {
      socket.write(bytes);
      return;
    }
    let at = 0;
    const timer = setInterval(() => {
      if (at < bytes.length && socket.writable) socket.write(bytes[at++] ?? '');
      else clearInterval(timer);
    }, script.drip);
    socket.on('close', () => clearInterval(timer));
  }

  function talk(socket: Socket, encrypted: boolean, greet: boolean): void {
    sockets.add(socket);
    let pending = '';
    let inData = false;
    let interrupted = false;
    state.received = 0;
    socket.on('error', nothing);
    socket.on('close', () => sockets.delete(socket));
    if (greet) say(socket, script.greeting ?? '220 scripted.example ESMTP');

    function command(text: string): void {
      state.commands.push(text);
      const verb = text.split(/[ :]/)[0]?.toUpperCase() ?? '';
      if (!encrypted && ['AUTH', 'MAIL', 'RCPT', 'DATA'].includes(verb)) state.inClear.push(text);
      if (verb === 'STARTTLS' && script.key && !script.starttls) {
        socket.write('220 Go ahead\r\n');
        socket.removeAllListeners('data');
        talk(new tls.TLSSocket(socket, { isServer: true, ...script.key }), true, false);
      } else {
        say(socket, replies[verb] ?? '500 5.5.2 What?');
        inData = verb === 'DATA' && /^3/.test(String(replies.DATA));
      }
    }

    socket.on('data', (chunk: Buffer) => {
      pending += chunk.toString('latin1');
      for (;;) {
        if (inData) {
          state.received = pending.length;
          if (script.cutAfter !== undefined && pending.length >= script.cutAfter) {
            socket.destroy();
            cut.resolve();
            return;
          }
          if (script.interrupt && !interrupted && pending.length >= script.interrupt.after) {
            interrupted = true;
            say(socket, script.interrupt.reply);
          }
          const end = pending.startsWith('.\r\n') ? 0 : pending.indexOf('\r\n.\r\n') + 2;
          if (end < 2 && !pending.startsWith('.\r\n')) return;
          state.messages.push(pending.slice(0, end));
          pending = pending.slice(end + 3);
          inData = false;
          say(socket, script.dot ?? '250 2.0.0 Queued as 4F2A');
        } else {
          const end = pending.indexOf('\r\n');
          if (end < 0) return;
          const text = pending.slice(0, end);
          pending = pending.slice(end + 2);
          command(text);
        }
      }
    });
  }

  const server =
    script.secure && script.key
      ? tls.createServer(script.key, (socket) => talk(socket, true, true))
      : net.createServer((socket) => talk(socket, false, true));
  server.on('tlsClientError', nothing);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(state, {
    port: (server.address() as AddressInfo).port,
    cut: cut.promise,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  });
}
