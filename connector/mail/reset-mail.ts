// The mail that carries the one-time link: text and HTML in the person's language, frozen to bytes once, so that every
// attempt sends the same ones. It never holds the password, the pass or the PIN.

import { createHash } from 'node:crypto';
import addressparser from 'nodemailer/lib/addressparser';
import MailComposer from 'nodemailer/lib/mail-composer';
import type { Credential } from '#shared/api.ts';
import type { Locale } from '#shared/locale.ts';
import { mailWords } from '#shared/messages/mail.ts';
import { type Letter, letterHtml } from './reset-letter.ts';

export interface ResetMail {
  readonly organisation: string;
  /** `support`: whom to ask, as the organisation words it. */
  readonly branding?: { readonly support?: string };
  readonly person: { readonly displayName: string; readonly userPrincipalName: string };
  /** The whole link, fragment included, and the same as a code for typing. */
  readonly link: string;
  readonly code: string;
  /** A PIN is needed; it comes by phone. */
  readonly pin: boolean;
  /** What the link shows; absent: a password. */
  readonly credential?: Credential;
  /** Absent: true. */
  readonly forceChange?: boolean;
  readonly locale: Locale;
  /** Milliseconds. */
  readonly expiresAt: number;
  /** IANA name in which the expiry is told; UTC when absent. */
  readonly timeZone?: string;
  /** `Name <address>` or an address. */
  readonly from: string;
  readonly to: string;
  /** With angle brackets. */
  readonly messageId: string;
  /** Milliseconds; the Date header. */
  readonly date: number;
}

/** Control characters and directional overrides have no place in a name, a header or a line. */
const plain = (text: string) =>
  text
    .replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu, ' ')
    .trim()
    .slice(0, 256);

/** English as most of the world writes dates. */
const dateLocales = { en: 'en-GB', tr: 'tr-TR' } as const satisfies Record<Locale, string>;

/** By locale and time zone: to make one costs more than the rest of a letter's sentences. */
const formats = new Map<string, Intl.DateTimeFormat>();

/** `Monday 23 November 2026 at 14:59 UTC`: the zone is always said. */
function told(time: number, locale: Locale, timeZone: string): string {
  const name = `${locale} ${timeZone}`;
  let format = formats.get(name);
  if (!format) {
    format = new Intl.DateTimeFormat(dateLocales[locale], {
      ...({ weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' } as const),
      ...({ hour: '2-digit', minute: '2-digit', timeZoneName: 'short' } as const),
      timeZone,
    });
    // As many as organisations have time zones.
    if (formats.size >= 100) formats.clear();
    formats.set(name, format);
  }
  return format.format(time);
}

/** The letter's sentences, in order, before they become text or HTML. */
function letterOf(mail: ResetMail): Letter {
  const words = mailWords(mail.locale, mail.credential ?? 'password');
  const hours = Math.round((mail.expiresAt - mail.date) / 3_600_000);
  const until = told(mail.expiresAt, mail.locale, mail.timeZone ?? 'UTC');
  const organisation = plain(mail.organisation);
  const { open, signIn, change } = words.steps;
  return {
    locale: mail.locale,
    organisation,
    preheader: words.preheader(until),
    greeting: words.greeting(plain(mail.person.displayName) || mail.person.userPrincipalName),
    intro: words.intro(organisation),
    facts: [
      { name: words.account, value: plain(mail.person.userPrincipalName), address: true },
      { name: words.validUntil, value: hours > 0 ? `${until} (${words.hours(hours)})` : until },
    ],
    link: mail.link,
    linkIntro: words.link,
    button: words.button,
    host: words.host(new URL(mail.link).host),
    codeIntro: words.code,
    // two lines that fit a narrow screen
    code: mail.code.match(/(?:[^-]+-?){1,7}/g) ?? [mail.code],
    ...(mail.pin ? { pin: words.pin } : {}),
    next: words.next,
    steps: [open, signIn, ...(mail.forceChange === false && mail.credential !== 'temporaryAccessPass' ? [] : [change])],
    oldPassword: words.oldPassword,
    unexpected: words.unexpected(mail.branding?.support ? plain(mail.branding.support) : undefined),
    footer: words.footer(organisation),
  };
}

function letterText(letter: Letter): string {
  const paragraphs = [
    letter.greeting,
    letter.intro,
    letter.facts.map(({ name, value }) => `${name}: ${value}`).join('\n'),
    `${letter.linkIntro}\n\n${letter.link}`,
    ...(letter.pin ? [letter.pin] : []),
    `${letter.codeIntro}\n\n${letter.code.join('\n')}`,
    `${letter.next}\n${letter.steps.map((step, i) => `${i + 1}. ${step}`).join('\n')}`,
    letter.oldPassword,
    letter.unexpected,
    `-- \n${letter.footer}`,
  ];
  return `${paragraphs.join('\n\n')}\n`;
}

/**
 * Makes the mail. The same arguments give the same bytes (RFC 5322, CRLF line ends).
 * @throws Error when sender, recipient or Message-ID could not stand in a header: a mistake of the caller
 */
export async function resetMail(mail: ResetMail): Promise<{ subject: string; bytes: Uint8Array }> {
  const [from, ...others] = addressparser(plain(mail.from), { flatten: true });
  if (!from?.address || others.length) throw new Error('The sender is not one mail address.');
  if (!/^[^\s<>,;:"()\p{Cc}]+@[^\s<>,;:"()@\p{Cc}]+$/u.test(mail.to))
    throw new Error('The recipient is not a mail address.');
  if (!/^<[\w.!#$%&'*+/=?^`{|}~-]+@[\w.-]+>$/.test(mail.messageId)) throw new Error('The Message-ID cannot be used.');
  const letter = letterOf(mail);
  const subject = mailWords(mail.locale, mail.credential ?? 'password').subject(letter.organisation);
  const composed = new MailComposer({
    from: { name: from.name ?? '', address: from.address },
    to: { name: plain(mail.person.displayName), address: mail.to },
    subject,
    date: new Date(mail.date),
    messageId: mail.messageId,
    headers: {
      // RFC 3834 §5, and the same in Exchange's words: no out-of-office replies and receipts, but bounces are wanted
      'Auto-Submitted': 'auto-generated',
      'X-Auto-Response-Suppress': 'DR, RN, NRN, OOF, AutoReply',
      'Content-Language': mail.locale,
    },
    // a bare LF would stay one in quoted-printable (RFC 2045 §6.7 rule 4)
    text: letterText(letter).replaceAll('\n', '\r\n'),
    html: letterHtml(letter).replaceAll('\n', '\r\n'),
    encoding: 'quoted-printable',
    // random otherwise
    baseBoundary: createHash('sha256').update(mail.messageId).digest('hex').slice(0, 24),
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return { subject, bytes: new Uint8Array(await composed.compile().build()) };
}
