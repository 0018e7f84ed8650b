// Mail through an SMTP server (RFC 5321), one connection per message, on nodemailer's client. What this file adds is the
// truth about each attempt: what the server said, at which step, and whether the final dot may have been sent.

import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { domainToASCII } from 'node:url';
import type { NodemailerError } from 'nodemailer';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { eventLoop, type Scheduler } from '../scheduler.ts';
import type { Mail, Message, SendOutcome } from './mail.ts';

export interface SmtpDeps {
  /** Milliseconds. */
  readonly now: () => number;
  /** What we call ourselves in EHLO; the machine's name when absent. */
  readonly clientName?: string;
  /** PEM of further certificate authorities; the system's own always hold (see also NODE_EXTRA_CA_CERTS). */
  readonly ca?: string;
  readonly limits?: Partial<Limits>;
  /** Waits so many milliseconds, then for what has arrived meanwhile to be handled. */
  readonly pause?: (milliseconds: number) => Promise<void>;
  /** The process's own event loop when absent. */
  readonly scheduler?: Scheduler;
  /** Opens the way to the server in place of TCP: a simulation has a network of its own. */
  readonly connect?: () => Socket;
}

/** Milliseconds: TCP and TLS, the greeting after it, and everything together. */
export interface Limits {
  readonly connect: number;
  readonly greeting: number;
  readonly total: number;
}
const limits: Limits = { connect: 15_000, greeting: 20_000, total: 60_000 };

/** The dot is held back for as long as the envelope took, but no longer than this. */
const longestHold = 250;

const pause = ({ after, soon }: Scheduler, milliseconds: number) =>
  new Promise<void>((resolve) => after(milliseconds, () => soon(resolve)));

/** Nothing but this machine hears what is said to it. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

interface Server {
  readonly options: SMTPConnection.Options;
  readonly auth: { user: string; pass: string } | undefined;
}

/** `smtp://` (STARTTLS) and `smtps://` (TLS at once); user and password percent-encoded. */
function serverOf(url: URL, deps: SmtpDeps): Server {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  const secure = url.protocol === 'smtps:';
  const bounds = { ...limits, ...deps.limits };
  // On loopback nobody can listen in, and local relays carry self-made certificates: encrypt if offered, verify nothing.
  const relaxed = isLoopback(host) && !secure;
  const tls = { minVersion: 'TLSv1.2' as const, rejectUnauthorized: !relaxed, ...(deps.ca ? { ca: deps.ca } : {}) };
  const options: SMTPConnection.Options = {
    host,
    port: Number(url.port) || (secure ? 465 : 587),
    secure,
    ...(relaxed ? { opportunisticTLS: true } : { requireTLS: true }),
    tls,
    ...(deps.clientName ? { name: deps.clientName } : {}),
    connectionTimeout: bounds.connect,
    dnsTimeout: bounds.connect,
    greetingTimeout: bounds.greeting,
    socketTimeout: bounds.total,
    socketCloseTimeout: 1000,
  };
  const auth = url.username
    ? { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) }
    : undefined;
  return { options, auth };
}

/** The body on its way. `dotSent` turns true before the last byte of the dialogue can leave, never after. */
interface Body {
  readonly stream: Readable;
  dotSent(): boolean;
}

/**
 * The message's bytes, and then, after a pause of one round trip, the end, upon which the client sends the dot. A server
 * that died while it was reading is noticed in the pause: the mail is then known not to be sent, instead of unknown.
 */
function bodyOf(bytes: Uint8Array, deps: SmtpDeps): Body {
  const asked = deps.now();
  let [offset, started, ended] = [0, 0, false];
  const stream = new Readable({
    read() {
      started ||= deps.now();
      if (offset < bytes.length) {
        const chunk = Buffer.from(bytes.subarray(offset, offset + 65_536));
        offset += chunk.length;
        this.push(chunk);
        return;
      }
      const hold = Math.min(Math.max(started - asked, 1), longestHold);
      (deps.pause?.(hold) ?? pause(deps.scheduler ?? eventLoop, hold)).then(() => {
        if (stream.destroyed) return;
        ended = true;
        stream.push(null);
      });
    },
  });
  return { stream, dotSent: () => ended };
}

/** One dialogue: connects, signs in, runs `talk`, says QUIT. Rejects with the client's error; never outlives the limit. */
async function dialogue<T>(
  server: Server,
  deps: SmtpDeps,
  open: Set<SMTPConnection>,
  talk: (connection: SMTPConnection) => Promise<T>,
): Promise<T> {
  const { after, soon } = deps.scheduler ?? eventLoop;
  const connection = new SMTPConnection({
    ...server.options,
    ...(deps.connect ? { connection: deps.connect() } : {}),
  });
  open.add(connection);
  let forget = () => {};
  const broken = new Promise<never>((_, reject) => {
    // stays for the connection's whole life: an error that nobody hears would end the process
    connection.on('error', reject);
    // an orderly end has no error; whatever is being told right now is told first
    connection.on('end', () => {
      open.delete(connection);
      soon(() => reject(failure('Connection closed', 'ECONNECTION')));
    });
    const total = deps.limits?.total ?? limits.total;
    forget = after(total, () => reject(failure(`No end after ${total} ms`, 'ETIMEDOUT')));
  });
  const work = async () => {
    await new Promise<void>((resolve, reject) => connection.connect((error) => (error ? reject(error) : resolve())));
    if (server.auth) await signIn(connection, server.auth);
    return talk(connection);
  };
  try {
    const result = await Promise.race([work(), broken]);
    connection.quit();
    // whoever does not answer QUIT is not waited for
    after(2000, () => connection.close());
    return result;
  } catch (error) {
    connection.close();
    throw error;
  } finally {
    forget();
  }
}

function failure(message: string, code: string, command?: string): NodemailerError {
  return Object.assign(new Error(message), { code, ...(command ? { command } : {}) });
}

async function signIn(connection: SMTPConnection, auth: { user: string; pass: string }): Promise<void> {
  if (!connection.allowsAuth) throw failure('The server offers no AUTH', 'EAUTH', 'AUTH');
  await new Promise<void>((resolve, reject) => {
    connection.login({ ...auth }, (error) => (error ? reject(error) : resolve()));
  });
}

/** Certificate errors of Node's TLS ("X509 certificate error codes"), and handshakes that could not agree. */
const tlsFault =
  /^(UNABLE_TO_|CERT_|CRL_|ERROR_IN_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_|HOSTNAME_MISMATCH|ERR_TLS_|ERR_SSL_|EPROTO$)/;

const line = (text: string) => text.replace(/[\r\n\t]+/g, ' ').slice(0, 200);

/**
 * What an error of the dialogue means. Replies at MAIL FROM are about us (sender or network not allowed): another
 * recipient would not help, so a 5xx there is `misconfigured`; at RCPT TO, DATA and after the dot it is `refused`.
 */
function outcomeOf(error: NodemailerError, dotSent: boolean): SendOutcome {
  const code = error.responseCode || 0;
  const reply = line(typeof error.response === 'string' ? error.response : error.message);
  const temporary = code >= 400 && code < 500;
  const permanent = code >= 500 && code < 600;
  if (dotSent) {
    if (temporary) return { outcome: 'later', code, reply };
    if (permanent) return { outcome: 'refused', code, reply };
    return { outcome: 'unknown', reply };
  }
  if (error.code === 'ETLS' && error.command === 'STARTTLS') return { outcome: 'misconfigured', code, reply };
  if (tlsFault.test(error.originalCode ?? error.code ?? '')) return { outcome: 'misconfigured', code, reply };
  if (error.code === 'EAUTH' && !temporary) return { outcome: 'misconfigured', code, reply };
  // RFC 4954 §6: authentication or encryption is required first
  if (code === 530 || code === 538) return { outcome: 'misconfigured', code, reply };
  // "larger than allowed" comes from the server's SIZE, without a reply
  if (error.code === 'EMESSAGE' && code === 0) return { outcome: 'misconfigured', code, reply };
  // 503 is about the session, not about the message (RFC 5321 §4.2.4)
  if (!permanent || code === 503) return { outcome: 'later', code, reply };
  if (error.command === 'MAIL FROM') return { outcome: 'misconfigured', code, reply };
  if (error.command === 'RCPT TO' || error.command === 'DATA') return { outcome: 'refused', code, reply };
  return { outcome: 'later', code, reply };
}

/** The address as an envelope may carry it to every server: domain in ASCII. Undefined when that can't be done. */
function envelopeAddress(address: string): string | undefined {
  const at = address.lastIndexOf('@');
  const [local, domain] = [address.slice(0, at), domainToASCII(address.slice(at + 1))];
  return at > 0 && domain && /^[\x21-\x7e]+$/.test(local) && !/[<>]/.test(local) ? `${local}@${domain}` : undefined;
}

/** A transport for `smtp://[user:password@]host[:port]` or `smtps://…`. */
export function smtpMail(url: URL, deps: SmtpDeps): Mail {
  const server = serverOf(url, deps);
  const open = new Set<SMTPConnection>();
  let closed = false;

  return {
    async send({ envelope, bytes }: Message): Promise<SendOutcome> {
      if (closed) return { outcome: 'later', code: 0, reply: 'Closing' };
      const from = envelope.from === '' ? '' : envelopeAddress(envelope.from);
      if (from === undefined) return { outcome: 'misconfigured', code: 0, reply: 'The sender is not a mail address' };
      const to = envelopeAddress(envelope.to);
      if (to === undefined) return { outcome: 'refused', code: 0, reply: 'SMTP cannot carry this address' };
      let body: Body | undefined;
      try {
        const reply = await dialogue(server, deps, open, (connection) => {
          const sending = bodyOf(bytes, deps);
          body = sending;
          return new Promise<string>((resolve, reject) => {
            connection.send({ from, to, size: bytes.length }, sending.stream, (error, info) =>
              error ? reject(error) : resolve(info?.response ?? ''),
            );
          });
        });
        // a 250 to a message whose end it has not seen is no promise
        if (!body?.dotSent()) return { outcome: 'later', code: 0, reply: line(`Answered before the end: ${reply}`) };
        return { outcome: 'accepted', reply: line(reply) };
      } catch (error) {
        return outcomeOf(error as NodemailerError, body?.dotSent() ?? false);
      }
    },

    async verify() {
      try {
        await dialogue(server, deps, open, async () => {});
        return { ok: true };
      } catch (error) {
        return { ok: false, why: outcomeOf(error as NodemailerError, false).reply };
      }
    },

    async close() {
      closed = true;
      for (const connection of open) connection.close();
      open.clear();
    },
  };
}
