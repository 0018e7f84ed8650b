// A real mail server on TCP that keeps every message that it has taken, and does to its clients what mail servers and
// networks do: it drops, delays, drips, cuts off at each stage, answers 4xx and 5xx, takes a mail and does not say so.

import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';
import type { Draw } from './draw.ts';
import type { MailMoment } from './plan.ts';

/** A message that was taken over: after its dot the server has it, whatever the client heard. */
export interface Taken {
  readonly to: string;
  readonly bytes: Buffer;
  /** By the connector's clock, in milliseconds since the epoch. */
  readonly at: number;
  /** Which of the connector's processes had connected, counted from 1. */
  readonly process: number;
  /** Could the client hear the 250? Else it must not know what has become of it. */
  told: 'said 250' | 'cut off' | 'client gone';
}

/** What happens on one connection. */
interface Trouble {
  readonly kind: string;
  /** Instead of the reply at this command, or the greeting. */
  readonly replies?: Readonly<Record<string, string>>;
  /** The connection is cut instead of the reply. */
  readonly cutAt?: string;
  readonly cutInBody?: number;
  /** The dot is taken, and not answered. */
  readonly silent?: boolean;
  readonly afterDot?: string;
  /** Milliseconds between the bytes of each reply. */
  readonly drip?: number;
  /** Milliseconds before the reply to the dot. */
  readonly slow?: number;
}

const none: Trouble = { kind: 'none' };

function troubleOf(draw: Draw, drip: number): Trouble {
  const stages = ['greeting', 'EHLO', 'MAIL', 'RCPT', 'DATA'];
  const kinds: (() => Trouble)[] = [
    () => ({ kind: 'cut at a stage', cutAt: draw.pick(stages) }),
    () => ({ kind: 'cut in the message', cutInBody: draw.between(1, 6000) }),
    () => ({ kind: 'taken, and not answered', silent: true }),
    () => ({ kind: 'taken, and not answered', silent: true }),
    () => ({ kind: '421 for a greeting', replies: { greeting: '421 4.3.2 Not now' } }),
    () => ({ kind: '4xx', replies: { [draw.pick(['MAIL', 'RCPT', 'DATA'])]: '451 4.3.0 Later' } }),
    () => ({ kind: '4xx after the dot', afterDot: '452 4.3.1 Disk full' }),
    () => ({ kind: '5xx', replies: { RCPT: '550 5.1.1 Nobody here' } }),
    () => ({ kind: '5xx after the dot', afterDot: '554 5.7.1 Not wanted' }),
    () => ({ kind: 'drips', drip: draw.chance(0.5) ? drip : Math.ceil(drip / 4) }),
    () => ({ kind: 'slow', slow: draw.between(20, 700) }),
  ];
  return draw.pick(kinds)();
}

export interface TortureMail {
  readonly port: number;
  /** Every message that was taken over, in order. */
  readonly taken: Taken[];
  /** All that clients said, for the taint oracle: what is of no message, and the messages. */
  readonly said: { readonly commands: string[]; readonly bodies: Buffer[] };
  /** How often each kind of trouble was made. */
  readonly troubles: Map<string, number>;
  /** From 0 (a good server) to 1. */
  misbehave(share: number): void;
  /** Called at each moment of each dialogue. */
  onMoment: (moment: MailMoment) => void;
  /** The connector's. */
  clock: () => number;
  /** Which of the connector's processes is the last one, counted from 1. */
  process: number;
  /** The next message to this address, or the one that has come already; undefined when `until` has come first. */
  letter(to: string, until: Promise<unknown>): Promise<Buffer | undefined>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts it on loopback. `drip`: milliseconds between the bytes of a dripping server. */
export async function tortureMail(draw: Draw, drip: number): Promise<TortureMail> {
  const sockets = new Set<Socket>();
  const waiting = new Map<string, Set<(bytes: Buffer) => void>>();
  let share = 0;
  const mail = {
    taken: [] as Taken[],
    said: { commands: [] as string[], bodies: [] as Buffer[] },
    troubles: new Map<string, number>(),
    onMoment: (_moment: MailMoment): void => {},
    clock: () => Date.now(),
    process: 0,
  };

  function talk(socket: Socket): void {
    sockets.add(socket);
    // Whoever dies right after its last dot may be followed by the next one before that is read.
    const { process } = mail;
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.setNoDelay(true);
    const trouble = draw.chance(share) ? troubleOf(draw, drip) : none;
    mail.troubles.set(trouble.kind, (mail.troubles.get(trouble.kind) ?? 0) + 1);
    let pending = Buffer.alloc(0);
    let to = '';
    let inBody = false;
    let saying = Promise.resolve();

    function say(stage: string, reply: string): void {
      if (trouble.cutAt === stage) {
        socket.destroy();
        return;
      }
      const line = `${trouble.replies?.[stage] ?? reply}\r\n`;
      saying = saying.then(async () => {
        const pieces = trouble.drip === undefined ? [line] : [...line];
        for (const piece of pieces) {
          if (!socket.writable) return;
          socket.write(piece);
          if (trouble.drip !== undefined) await new Promise((resolve) => setTimeout(resolve, trouble.drip));
        }
        if (/^421/.test(line) && socket.writable) socket.end();
      });
    }

    function command(line: string): void {
      mail.said.commands.push(line);
      const verb = line.split(/[ :]/)[0]?.toUpperCase() ?? '';
      if (verb === 'MAIL' || verb === 'RCPT' || verb === 'DATA') mail.onMoment(verb);
      if (verb === 'RCPT') to = /<([^>]*)>/.exec(line)?.[1]?.toLowerCase() ?? '';
      if (verb === 'DATA') {
        say('DATA', '354 End data with <CR><LF>.<CR><LF>');
        inBody = trouble.replies?.DATA === undefined && trouble.cutAt !== 'DATA';
      } else if (verb === 'QUIT') {
        socket.end('221 2.0.0 Bye\r\n');
      } else say(verb, verb === 'EHLO' ? '250-torture.example\r\n250 SIZE 1000000' : '250 2.0.0 Ok');
    }

    function dot(bytes: Buffer): void {
      mail.said.bodies.push(bytes);
      if (trouble.afterDot !== undefined) {
        mail.onMoment('dot');
        say('dot', trouble.afterDot);
        return;
      }
      const taken: Taken = { to, bytes, at: mail.clock(), process, told: 'client gone' };
      mail.taken.push(taken);
      for (const tell of waiting.get(to) ?? []) tell(bytes);
      mail.onMoment('dot');
      if (trouble.silent) {
        taken.told = 'cut off';
        socket.destroy();
        return;
      }
      setTimeout(() => {
        if (!socket.writable) return;
        taken.told = 'said 250';
        say('dot', '250 2.0.0 Queued');
        mail.onMoment('answered');
      }, trouble.slow ?? 0);
    }

    function body(): boolean {
      if (pending.length > 0) mail.onMoment('body');
      if (trouble.cutInBody !== undefined && pending.length >= trouble.cutInBody) {
        socket.destroy();
        return false;
      }
      const end = pending.subarray(0, 3).toString('latin1') === '.\r\n' ? 0 : pending.indexOf('\r\n.\r\n') + 2;
      if (end < 2) return false;
      const bytes = Buffer.from(pending.subarray(0, end));
      pending = pending.subarray(end + 3);
      inBody = false;
      dot(bytes);
      return true;
    }

    mail.onMoment('connected');
    say('greeting', '220 torture.example ESMTP');
    socket.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      for (let more = true; more && !socket.destroyed; ) {
        if (inBody) more = body();
        else {
          const end = pending.indexOf('\r\n');
          more = end >= 0;
          if (more) {
            const line = pending.subarray(0, end).toString('latin1');
            pending = pending.subarray(end + 2);
            command(line);
          }
        }
      }
    });
  }

  const server = net.createServer(talk);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(mail, {
    port: (server.address() as AddressInfo).port,
    misbehave(part: number) {
      share = part;
    },
    letter(to: string, until: Promise<unknown>) {
      const come = mail.taken.find((one) => one.to === to.toLowerCase());
      if (come) return Promise.resolve(come.bytes);
      const told = Promise.withResolvers<Buffer | undefined>();
      const set = waiting.get(to.toLowerCase()) ?? new Set();
      waiting.set(to.toLowerCase(), set.add(told.resolve));
      void until.then(() => told.resolve(undefined));
      return told.promise.finally(() => set.delete(told.resolve));
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  });
}
