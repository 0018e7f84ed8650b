// What became of a mail, at the grain of one attempt: each reply, cut and silence at its step (C13 to C18).

import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import selfsigned from 'selfsigned';
import { SMTPServer } from 'smtp-server';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Message } from '../../connector/mail/mail.ts';
import { isLoopback, type SmtpDeps, smtpMail } from '../../connector/mail/smtp.ts';
import { hangUp, nothing, type Script, type ScriptedServer, saySo, scriptedServer } from './scripted-server.ts';

const text = [
  'From: Contoso <reset@contoso.example>',
  'To: ada@mail.example',
  'Message-ID: <1@contoso.example>',
  'Subject: Hello',
  '',
  'A line',
  '. a line with a dot',
  '..',
  'The end',
  '',
].join('\r\n');
const message: Message = {
  envelope: { from: 'reset@contoso.example', to: 'ada@mail.example' },
  messageId: '<1@contoso.example>',
  bytes: new TextEncoder().encode(text),
};

const deps: SmtpDeps = { now: () => performance.now(), limits: { connect: 2000, greeting: 2000, total: 5000 } };

let key: { key: string; cert: string };
/** Another certificate, which nobody trusts. */
let stranger: { key: string; cert: string };
beforeAll(async () => {
  const make = async (name: string) => {
    const made = await selfsigned.generate([{ name: 'commonName', value: name }], {
      extensions: [
        { name: 'basicConstraints', cA: true },
        {
          name: 'subjectAltName',
          altNames: [
            { type: 7, ip: '0.0.0.0' },
            { type: 7, ip: '127.0.0.1' },
          ],
        },
      ],
    });
    return { key: made.private, cert: made.cert };
  };
  [key, stranger] = await Promise.all([make('mail.contoso.example'), make('stranger.example')]);
});

/** 0.0.0.0 is this machine, and yet not a loopback address: the rules for the world outside hold. */
const outside = '0.0.0.0';

async function attempt(script: Script, options: { deps?: Partial<SmtpDeps>; url?: (port: number) => string } = {}) {
  await using server = await scriptedServer(script);
  const url = options.url?.(server.port) ?? `smtp://127.0.0.1:${server.port}`;
  const mail = smtpMail(new URL(url), { ...deps, ...options.deps });
  const outcome = await mail.send(message);
  await mail.close();
  return { outcome, server };
}

const stuffed = text.replaceAll('\r\n.', '\r\n..');

describe('accepted', () => {
  test('only after the 250 to the final dot; the bytes arrive as they are', async () => {
    const { outcome, server } = await attempt({});
    expect(outcome).toEqual({ outcome: 'accepted', reply: '250 2.0.0 Queued as 4F2A' });
    expect(server.messages).toEqual([stuffed]);
    expect(server.commands.slice(1)).toEqual([
      `MAIL FROM:<reset@contoso.example> SIZE=${text.length}`,
      'RCPT TO:<ada@mail.example>',
      'DATA',
    ]);
  });

  test('by a real server (smtp-server), with STARTTLS, AUTH and pipelining', async () => {
    const mails: string[] = [];
    const logins: string[] = [];
    const real = new SMTPServer({
      ...key,
      onAuth: ({ username = '', password = '' }, session, done) => {
        logins.push(`${username}/${password}/${session.secure}`);
        done(null, { user: username });
      },
      onData: (stream, _session, done) => {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk) => chunks.push(chunk));
        stream.on('end', () => {
          mails.push(Buffer.concat(chunks).toString());
          done();
        });
      },
    });
    real.listen(0, '127.0.0.1');
    await once(real.server, 'listening');
    const port = (real.server.address() as AddressInfo).port;
    const mail = smtpMail(new URL(`smtp://relay%40contoso:p%2Fw%25@${outside}:${port}`), { ...deps, ca: key.cert });
    expect(await mail.verify()).toEqual({ ok: true });
    expect(await mail.send(message)).toMatchObject({ outcome: 'accepted', reply: expect.stringMatching(/^250/) });
    expect(mails).toEqual([text]);
    expect(logins).toEqual(['relay@contoso/p/w%/true', 'relay@contoso/p/w%/true']);
    await mail.close();
    await new Promise<void>((resolve) => real.close(() => resolve()));
  });

  test('over smtps', async () => {
    const { outcome, server } = await attempt(
      { secure: true, key },
      { deps: { ca: key.cert }, url: (port) => `smtps://127.0.0.1:${port}` },
    );
    expect(outcome.outcome).toBe('accepted');
    expect(server.messages).toEqual([stuffed]);
    expect(server.inClear).toEqual([]);
  });

  test('a domain in other letters goes as ASCII, a null reverse-path as <>', async () => {
    await using server = await scriptedServer({});
    const mail = smtpMail(new URL(`smtp://127.0.0.1:${server.port}`), deps);
    await mail.send({ ...message, envelope: { from: '', to: 'ada@bücher.example' } });
    await mail.close();
    expect(server.commands).toContain('RCPT TO:<ada@xn--bcher-kva.example>');
    expect(server.commands.some((command) => command.startsWith('MAIL FROM:<>'))).toBe(true);
  });

  test('a multi-line reply is kept on one line, cut to 200 characters', async () => {
    const { outcome } = await attempt({ dot: `250-first\r\n250 ${'x'.repeat(400)}` });
    expect(outcome).toMatchObject({ outcome: 'accepted', reply: expect.stringMatching(/^250-first 250 x+$/) });
    expect(outcome.reply).toHaveLength(200);
  });
});

describe('later: nothing was accepted, for now', () => {
  const cases: [string, Script, number][] = [
    ['greeting 421', { greeting: '421 4.3.2 Shutting down' }, 421],
    ['greeting 554', { greeting: '554 No service here' }, 554],
    ['greeting cut', { greeting: hangUp }, 0],
    ['EHLO 421', { ehlo: '421 4.7.0 Too many connections' }, 421],
    ['EHLO and HELO refused', { ehlo: '502 no', helo: '502 no' }, 502],
    ['EHLO cut', { ehlo: hangUp }, 0],
    ['garbage instead of a greeting', { greeting: 'HTTP/1.1 400 Bad Request' }, 0],
    ['MAIL FROM 451', { mail: '451 4.3.0 Try later' }, 451],
    ['MAIL FROM cut', { mail: hangUp }, 0],
    ['RCPT 450 (greylisted)', { rcpt: '450 4.2.0 Greylisted' }, 450],
    ['RCPT 451', { rcpt: '451 4.3.0 Try later' }, 451],
    ['RCPT 452', { rcpt: '452 4.2.2 Mailbox full' }, 452],
    ['RCPT 421', { rcpt: '421 4.3.2 Shutting down' }, 421],
    ['RCPT cut', { rcpt: hangUp }, 0],
    ['RCPT 503, which is about the session', { rcpt: '503 5.5.1 Bad sequence' }, 503],
    ['DATA 451', { data: '451 4.3.0 Try later' }, 451],
    ['DATA cut', { data: hangUp }, 0],
    ['450 after the dot', { dot: '450 4.2.0 Try later' }, 450],
    ['451 after the dot', { dot: '451 4.3.0 Try later' }, 451],
    ['452 after the dot', { dot: '452 4.3.1 No space' }, 452],
    ['421 after the dot', { dot: '421 4.3.2 Shutting down' }, 421],
    ['451 after the dot, its line end cut off', { dot: saySo('451 4.3.0 Try la') }, 451],
  ];
  test.each(cases)('%s', async (_, script, code) => {
    const { outcome } = await attempt(script);
    expect(outcome).toMatchObject({ outcome: 'later', code });
    expect(outcome.reply).not.toBe('');
  });

  test('nobody listens', async () => {
    const gone = await scriptedServer({});
    await gone[Symbol.asyncDispose]();
    const mail = smtpMail(new URL(`smtp://127.0.0.1:${gone.port}`), deps);
    expect(await mail.send(message)).toMatchObject({ outcome: 'later', code: 0 });
    expect(await mail.verify()).toMatchObject({ ok: false, why: expect.stringContaining('ECONNREFUSED') });
  });

  test('no such host', async () => {
    const mail = smtpMail(new URL('smtp://mail.nowhere.invalid'), { ...deps, limits: { connect: 3000 } });
    expect(await mail.send(message)).toMatchObject({ outcome: 'later', code: 0 });
  });

  test('a greeting that never comes is waited for no longer than the limit', async () => {
    const { outcome } = await attempt({ greeting: nothing }, { deps: { limits: { greeting: 100 } } });
    expect(outcome).toMatchObject({ outcome: 'later', code: 0 });
  });

  test('a server that says a byte at a time is left at the end of the limit', async () => {
    const before = performance.now();
    const { outcome } = await attempt({ drip: 30 }, { deps: { limits: { total: 400 } } });
    expect(outcome).toMatchObject({ outcome: 'later', code: 0 });
    expect(performance.now() - before).toBeLessThan(3000);
  });

  test('a login that fails for now', async () => {
    const { outcome, server } = await attempt(
      { ehlo: '250-scripted.example\r\n250 AUTH PLAIN', auth: '454 4.7.0 Temporary authentication failure' },
      { url: (port) => `smtp://user:pass@127.0.0.1:${port}` },
    );
    expect(outcome).toMatchObject({ outcome: 'later', code: 454 });
    expect(server.commands.some((command) => command.startsWith('MAIL'))).toBe(false);
  });
});

describe('the connection is cut while the message is read', () => {
  // the pause before the dot lasts until the server has cut, whatever the machine is busy with
  const noticed = (server: () => ScriptedServer) => async () => {
    await server().cut;
    await new Promise((resolve) => setTimeout(resolve, 20));
  };

  test.each([1, 2, 7, 100, 101, text.length - 1, text.length])(
    'after %i bytes: known not to be sent',
    async (cutAfter) => {
      await using server = await scriptedServer({ cutAfter: Math.min(cutAfter, stuffed.length) });
      const mail = smtpMail(new URL(`smtp://127.0.0.1:${server.port}`), { ...deps, pause: noticed(() => server) });
      expect(await mail.send(message)).toMatchObject({ outcome: 'later', code: 0 });
      expect(server.messages).toEqual([]);
      await mail.close();
    },
  );

  test.each([1, 2, 3])('after %i bytes of the dot’s own line: unknown', async (bytes) => {
    const { outcome, server } = await attempt({ cutAfter: stuffed.length + bytes });
    expect(outcome.outcome).toBe('unknown');
    expect(server.messages).toEqual([]);
  });

  test('in the middle of a large one that it stopped reading', async () => {
    await using server = await scriptedServer({ cutAfter: 100_000 });
    const mail = smtpMail(new URL(`smtp://127.0.0.1:${server.port}`), deps);
    const large = { ...message, bytes: new TextEncoder().encode(`${text}${'0123456789abcde\r\n'.repeat(2_000_000)}`) };
    expect(await mail.send(large)).toMatchObject({ outcome: 'later', code: 0 });
    expect(server.messages).toEqual([]);
    await mail.close();
  });

  test('a server that stops reading is left at the end of the limit, and the dot has not been sent', async () => {
    await using server = await scriptedServer({ interrupt: { after: 1000, reply: (socket) => void socket.pause() } });
    const mail = smtpMail(new URL(`smtp://127.0.0.1:${server.port}`), { ...deps, limits: { total: 600 } });
    const large = { ...message, bytes: new TextEncoder().encode('0123456789abcde\r\n'.repeat(2_000_000)) };
    expect(await mail.send(large)).toMatchObject({ outcome: 'later', code: 0 });
    await mail.close();
  });

  test('a reply in the middle of the message counts as what it says, and no more is sent', async () => {
    const held = { deps: { pause: () => new Promise<void>((resolve) => setTimeout(resolve, 100)) } };
    const early = (reply: string) => attempt({ interrupt: { after: 10, reply } }, held);
    expect((await early('552 5.3.4 Too big')).outcome).toMatchObject({ outcome: 'refused', code: 552 });
    expect((await early('421 4.3.2 Shutting down')).outcome).toMatchObject({ outcome: 'later', code: 421 });
    const promised = await early('250 2.0.0 Queued already');
    expect(promised.outcome).toMatchObject({ outcome: 'later', code: 0 });
    expect(promised.server.messages).toEqual([]);
  });
});

describe('unknown: the dot was sent', () => {
  const cases: [string, Script][] = [
    ['and the connection was cut', { dot: hangUp }],
    ['and the server closed without a word', { dot: (socket) => void socket.end() }],
    ['and half a reply came', { dot: saySo('25') }],
    ['and a whole 250 came without its line end', { dot: saySo('250 2.0.0 Queued') }],
    ['and something came that is no reply', { dot: 'thank you' }],
    ['and an odd reply came', { dot: '354 Go on' }],
  ];
  test.each(cases)('%s', async (_, script) => {
    const { outcome, server } = await attempt(script);
    expect(outcome.outcome).toBe('unknown');
    expect(server.messages).toEqual([stuffed]);
  });

  test('and no reply came before the limit', async () => {
    const { outcome, server } = await attempt({ dot: nothing }, { deps: { limits: { total: 400 } } });
    expect(outcome.outcome).toBe('unknown');
    expect(server.messages).toEqual([stuffed]);
  });

  test('and the reply came at a byte a second', async () => {
    const slowly = (socket: Socket) => {
      const timer = setInterval(() => (socket.writable ? socket.write('2') : clearInterval(timer)), 100);
      socket.on('close', () => clearInterval(timer));
    };
    const { outcome } = await attempt({ dot: slowly }, { deps: { limits: { total: 500 } } });
    expect(outcome.outcome).toBe('unknown');
  });

  test('and the transport was closed', async () => {
    const asked = Promise.withResolvers<void>();
    await using server = await scriptedServer({ dot: () => asked.resolve() });
    const mail = smtpMail(new URL(`smtp://127.0.0.1:${server.port}`), deps);
    const sending = mail.send(message);
    await asked.promise;
    await mail.close();
    expect((await sending).outcome).toBe('unknown');
  });
});

test('a transport that has been closed sends nothing', async () => {
  await using server = await scriptedServer({});
  const mail = smtpMail(new URL(`smtp://127.0.0.1:${server.port}`), deps);
  await mail.close();
  expect(await mail.send(message)).toMatchObject({ outcome: 'later', code: 0 });
  expect(server.commands).toEqual([]);
});

describe('refused: this recipient or message, for good', () => {
  const cases: [string, Script, number][] = [
    ['RCPT 550', { rcpt: '550 5.1.1 No such user' }, 550],
    ['RCPT 551', { rcpt: '551 5.1.6 User not local' }, 551],
    ['RCPT 552', { rcpt: '552 5.2.2 Over quota' }, 552],
    ['RCPT 553', { rcpt: '553 5.1.3 Bad address' }, 553],
    ['RCPT 550 behind a pipelined 354', { ehlo: '250-x\r\n250 PIPELINING', rcpt: '550 5.1.1 No such user' }, 550],
    ['DATA 554', { data: '554 5.5.1 No valid recipients' }, 554],
    ['550 after the dot', { dot: '550 5.7.1 Looks like spam' }, 550],
    ['552 after the dot', { dot: '552 5.2.2 Over quota' }, 552],
    ['554 after the dot', { dot: '554 5.6.0 Refused' }, 554],
  ];
  test.each(cases)('%s', async (_, script, code) => {
    const { outcome } = await attempt(script);
    expect(outcome).toMatchObject({ outcome: 'refused', code, reply: expect.stringMatching(/^5\d\d /) });
  });

  test.each([
    'ada@mail.example>\r\nRCPT TO:<eve@mail.example',
    'ada',
    '@mail.example',
    'ädä@mail.example',
    'a b@mail.example',
  ])('the address %j is not even tried', async (to) => {
    await using server = await scriptedServer({});
    const mail = smtpMail(new URL(`smtp://127.0.0.1:${server.port}`), deps);
    const outcome = await mail.send({ ...message, envelope: { ...message.envelope, to } });
    expect(outcome).toMatchObject({ outcome: 'refused', code: 0 });
    expect(server.commands).toEqual([]);
  });
});

describe('misconfigured: an operator must act', () => {
  const login = (port: number) => `smtp://user:pass@127.0.0.1:${port}`;
  const auth = '250-scripted.example\r\n250 AUTH PLAIN LOGIN';
  const cases: [string, Script, number, ((port: number) => string)?][] = [
    ['AUTH 535', { ehlo: auth, auth: '535 5.7.8 Bad credentials' }, 535, login],
    ['AUTH 534', { ehlo: auth, auth: '534 5.7.9 Stronger please' }, 534, login],
    ['no AUTH offered', {}, 0, login],
    ['530 at MAIL FROM', { mail: '530 5.7.0 Authentication required' }, 530],
    ['530 at RCPT TO', { rcpt: '530 5.7.0 Authentication required' }, 530],
    ['our sender refused', { mail: '550 5.7.60 Not allowed to send as this sender' }, 550],
    ['our network refused', { mail: '554 5.7.1 Blocked' }, 554],
    ['larger than the server takes', { ehlo: '250-x\r\n250 SIZE 10' }, 0],
  ];
  test.each(cases)('%s', async (_, script, code, url) => {
    const { outcome, server } = await attempt(script, url ? { url } : {});
    expect(outcome).toMatchObject({ outcome: 'misconfigured', code });
    expect(JSON.stringify(outcome)).not.toContain('pass');
    expect(server.messages).toEqual([]);
  });
});

describe('never in clear to another machine', () => {
  const away = (port: number) => `smtp://user:pass@${outside}:${port}`;
  const offers = '250-scripted.example\r\n250-STARTTLS\r\n250 AUTH PLAIN';
  const babble = (socket: Socket) => {
    socket.once('data', () => socket.write('This is no handshake\r\n'));
    socket.write('220 Go ahead\r\n');
  };
  const cases: [string, () => Script, string | undefined, string][] = [
    ['STARTTLS is not offered', () => ({ ehlo: '250-scripted.example\r\n250 AUTH PLAIN' }), undefined, 'misconfigured'],
    [
      'STARTTLS is refused',
      () => ({ ehlo: offers, starttls: '454 4.7.0 TLS not available' }),
      undefined,
      'misconfigured',
    ],
    ['the certificate is a stranger’s', () => ({ ehlo: offers, key: stranger }), 'known', 'misconfigured'],
    ['no authority is known for the certificate', () => ({ ehlo: offers, key }), undefined, 'misconfigured'],
    ['what answers STARTTLS is not TLS', () => ({ ehlo: offers, starttls: babble }), 'known', 'misconfigured'],
    ['EHLO is refused, so that only HELO is left', () => ({ ehlo: '502 no' }), undefined, 'later'],
    [
      'the connection is cut in the handshake',
      () => ({ ehlo: offers, starttls: (socket) => void socket.end('220 Go\r\n') }),
      'known',
      'later',
    ],
  ];
  test.each(cases)('%s', async (_, script, ca, expected) => {
    const { outcome, server } = await attempt(script(), { url: away, deps: ca ? { ca: key.cert } : {} });
    expect(outcome.outcome).toBe(expected);
    expect(server.inClear).toEqual([]);
    expect(server.messages).toEqual([]);
  });

  test('smtps to a stranger, and to a server without TLS', async () => {
    const direct = (port: number) => `smtps://127.0.0.1:${port}`;
    const first = await attempt({ secure: true, key: stranger }, { url: direct, deps: { ca: key.cert } });
    expect(first.outcome.outcome).toBe('misconfigured');
    const second = await attempt({}, { url: direct, deps: { ca: key.cert } });
    expect(second.outcome.outcome).toBe('misconfigured');
    expect([...first.server.commands, ...second.server.commands.filter((line) => /MAIL|AUTH/.test(line))]).toEqual([]);
  });

  test('on loopback encryption is used when it is offered, whoever signed it', async () => {
    const { outcome, server } = await attempt({ ehlo: '250-scripted.example\r\n250 STARTTLS', key: stranger });
    expect(outcome.outcome).toBe('accepted');
    expect(server.inClear).toEqual([]);
  });

  test('what loopback is', () => {
    for (const host of ['localhost', '127.0.0.1', '127.1.2.3', '::1']) expect(isLoopback(host)).toBe(true);
    for (const host of ['0.0.0.0', '127.0.0.1.example', 'localhost.example', '128.0.0.1', '::', '10.0.0.1', '']) {
      expect(isLoopback(host)).toBe(false);
    }
  });
});
