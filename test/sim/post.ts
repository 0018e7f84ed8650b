// The mail server of a simulation (RFC 5321), spoken to by the connector's own SMTP client over a wire in memory. At every
// command, at classes of bytes of the message and around the final dot it may answer otherwise, fall silent, or be gone.

import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Machine } from './machine.ts';
import type { World } from './world.ts';

export interface Delivered {
  readonly from: string;
  readonly to: string;
  readonly bytes: Buffer;
  readonly messageId: string;
  /** By the true clock. */
  readonly at: number;
}

/** What can go wrong where a command is answered. */
const atCommand = ['cut', '421', '451', '550', 'silence', 'kill'] as const;
/** While the message is on its way, after so much of it. */
const inBody = ['cut', 'silence', 'kill'] as const;
/** Once the dot has been read: the message is kept where the name begins with `kept`. */
const atDot = [
  'kept-cut',
  'kept-silence',
  'kept-kill',
  'kept-garbage',
  'cut',
  '451',
  '552',
  'silence',
  'kill',
] as const;

/** How far a message has come when something happens to it. */
const shares = { first: 0, headers: 0.1, middle: 0.5, lastLine: 0.99 } as const;

const replies: Readonly<Record<string, string>> = {
  '421': '421 4.3.2 Service not available',
  '451': '451 4.7.1 Greylisted, try again later',
  '550': '550 5.1.1 No such user here',
  '552': '552 5.2.2 Mailbox full',
};

export class Post {
  readonly delivered: Delivered[] = [];
  /** Dialogues that are under way. */
  open = 0;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** A connection to the server, as the client sees one. */
  connect(machine: Machine): Socket {
    const world = this.#world;
    this.open++;
    let gone = false;
    let silent = false;
    const client = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        if (!silent && !gone) receive(chunk);
        done();
      },
      destroy: (error, done) => {
        if (!gone) this.open--;
        gone = true;
        done(error);
      },
    });
    const later = (work: () => void) =>
      world.loop.after(machine, world.latency(), () => {
        if (!gone) work();
      });
    const say = (line: string) => later(() => void client.push(`${line}\r\n`));
    const cut = () =>
      later(() => void client.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })));
    /** What happens instead of the answer; true: nothing more is to be said. */
    const trouble = (fault: string | undefined): boolean => {
      if (fault === undefined) return false;
      if (fault.endsWith('cut')) cut();
      else if (fault.endsWith('silence')) silent = true;
      else if (fault.endsWith('kill')) world.kill(machine, 'none');
      else if (fault === 'kept-garbage') say('220 hello?');
      else say(replies[fault] ?? '451 4.3.0 Local error');
      return true;
    };

    let from = '';
    let to = '';
    let text = '';
    let body: Buffer[] | undefined;
    let tried = 0;

    const receive = (chunk: Buffer) => {
      if (body) return receiveBody(chunk);
      text += chunk.toString('latin1');
      for (let end = text.indexOf('\r\n'); end !== -1; end = text.indexOf('\r\n')) {
        const line = text.slice(0, end);
        text = text.slice(end + 2);
        command(line);
      }
    };

    const command = (line: string) => {
      const verb = line.slice(0, 4).toUpperCase();
      if (verb === 'QUIT') return void client.push(null);
      const fault = world.io(machine, `mail ${verb}`, atCommand);
      if (trouble(fault)) return;
      if (verb === 'EHLO') return say('250-mail.example\r\n250-8BITMIME\r\n250 SIZE 10000000');
      if (verb === 'MAIL') from = /<([^>]*)>/.exec(line)?.[1] ?? '';
      if (verb === 'RCPT') to = /<([^>]*)>/.exec(line)?.[1] ?? '';
      if (verb === 'DATA') {
        body = [];
        return say('354 End data with <CR><LF>.<CR><LF>');
      }
      say('250 2.0.0 OK');
    };

    const receiveBody = (chunk: Buffer) => {
      body?.push(chunk);
      const whole = Buffer.concat(body ?? []);
      const ended = whole.subarray(-5).toString('latin1') === '\r\n.\r\n';
      for (const [name, share] of Object.entries(shares).slice(tried)) {
        // A class is passed when so many bytes have come; of a short message in one go.
        if (!ended && share > 0 && whole.length < 200) return;
        tried++;
        if (trouble(world.io(machine, `mail body ${name}`, inBody))) return;
      }
      if (!ended) return;
      const fault = world.io(machine, 'mail dot', atDot);
      if (fault === undefined || fault.startsWith('kept')) this.#keep(from, to, whole.subarray(0, -3));
      body = undefined;
      tried = 0;
      if (!trouble(fault)) say('250 2.0.0 OK queued');
    };

    world.connected();
    const down = world.loop.now < world.mailDownUntil ? '421' : undefined;
    if (!trouble(down ?? world.io(machine, 'mail connect', atCommand))) say('220 mail.example ESMTP');
    return Object.assign(client, {
      setTimeout: () => client,
      setKeepAlive: () => client,
      setNoDelay: () => client,
    }) as unknown as Socket;
  }

  #keep(from: string, to: string, stuffed: Buffer): void {
    // RFC 5321 §4.5.2
    const bytes = Buffer.from(stuffed.toString('latin1').replace(/^\.\./gm, '.'), 'latin1');
    const messageId = /^Message-ID: (<[^>]+>)/im.exec(bytes.toString('latin1'))?.[1] ?? '';
    const mail = { from, to, bytes, messageId, at: this.#world.loop.now };
    this.delivered.push(mail);
    this.#world.arrived(mail);
  }
}
