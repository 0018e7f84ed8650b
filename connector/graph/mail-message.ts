// A message of sendMail as bytes: from Microsoft Graph's message resource, or from MIME in base64. What stands in headers is
// checked where it comes in; the sender is always the mailbox that sends.

import { createHash } from 'node:crypto';
import addressparser from 'nodemailer/lib/addressparser';
import MailComposer from 'nodemailer/lib/mail-composer';
import { badRequest, GraphError } from './error.ts';

/** Ready to be handed to a mail server: the same bytes for every recipient. */
export interface OutgoingMail {
  readonly messageId: string;
  readonly recipients: readonly string[];
  readonly bytes: Uint8Array;
}

/** The mailbox that sends, and what a message that has none is given. */
export interface Sender {
  readonly name: string;
  readonly address: string;
  /** With angle brackets. */
  readonly messageId: string;
  /** Milliseconds since the epoch. */
  readonly date: number;
}

const mostRecipients = 500;
const addressForm = /^[^\s<>,;:"()\p{Cc}]+@[^\s<>,;:"()@\p{Cc}]+$/u;
const messageIdForm = /^<[^\s<>\p{Cc}]{1,250}@[^\s<>\p{Cc}]{1,250}>$/u;

function invalid(what: string): GraphError {
  return new GraphError(400, 'ErrorInvalidProperty', `The value of '${what}' is not valid.`);
}

function noRecipients(): GraphError {
  const message = "At least one recipient isn't valid., A message can't be sent because it contains no recipients.";
  return new GraphError(400, 'ErrorInvalidRecipients', message);
}

function sendAsDenied(): GraphError {
  const message =
    'The user account which was used to submit this request does not have the right to send mail on behalf of the specified sending account.';
  return new GraphError(403, 'ErrorSendAsDenied', message);
}

// Graph's message -----------------------------------------------------------------------------------------------

type Members = Record<string, unknown>;

/** An object's members by name in any case: clients write `message` and `Message`. @throws GraphError 400 */
export function membersOf(value: unknown, what: string): Map<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badRequest(`'${what}' is not an object.`);
  const members = new Map<string, unknown>();
  for (const [name, one] of Object.entries(value as Members)) {
    // RFC 8259 §4 in spirit: of two names nobody can say which was meant.
    if (members.has(name.toLowerCase())) throw badRequest(`'${name.slice(0, 50)}' is given twice.`);
    members.set(name.toLowerCase(), one);
  }
  return members;
}

interface Mailbox {
  readonly name: string;
  readonly address: string;
}

function mailboxOf(value: unknown, what: string): Mailbox {
  const email = membersOf(membersOf(value, what).get('emailaddress'), what);
  const address = email.get('address');
  const name = email.get('name') ?? '';
  if (typeof address !== 'string' || !addressForm.test(address)) throw noRecipients();
  if (typeof name !== 'string' || /\p{Cc}/u.test(name)) throw invalid(what);
  return { name, address };
}

function mailboxesOf(value: unknown, what: string): Mailbox[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw invalid(what);
  return value.map((one) => mailboxOf(one, what));
}

function textOf(value: unknown, what: string): string {
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string') throw invalid(what);
  return value;
}

/** Only the sender's own: anything else would be somebody else's name. */
function refuseOtherSender(value: unknown, sender: Sender, what: string): void {
  if (value === undefined || value === null) return;
  if (mailboxOf(value, what).address.toLowerCase() !== sender.address.toLowerCase()) throw sendAsDenied();
}

interface Attachment {
  readonly filename: string;
  readonly contentType: string;
  readonly content: Buffer;
  readonly cid?: string;
  readonly contentDisposition: 'attachment' | 'inline';
}

function attachmentsOf(value: unknown): Attachment[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw invalid('attachments');
  return value.map((one) => {
    const given = membersOf(one, 'attachments');
    const type = textOf(given.get('@odata.type'), '@odata.type');
    if (type !== '#microsoft.graph.fileAttachment')
      throw badRequest('Only attachments of type fileAttachment can be sent.');
    const content = base64(given.get('contentbytes'));
    if (!content) throw invalid('contentBytes');
    const contentType = textOf(given.get('contenttype'), 'contentType') || 'application/octet-stream';
    if (!/^[\w.+-]+\/[\w.+-]+(;[ \w.="+-]*)?$/.test(contentType)) throw invalid('contentType');
    const cid = textOf(given.get('contentid'), 'contentId');
    const filename = textOf(given.get('name'), 'name');
    if (/\p{Cc}/u.test(`${cid}${filename}`)) throw invalid('attachments');
    const contentDisposition = given.get('isinline') === true ? 'inline' : 'attachment';
    return { filename, contentType, content, contentDisposition, ...(cid === '' ? {} : { cid }) };
  });
}

/** Canonical base64 alone. */
function base64(value: unknown): Buffer | undefined {
  if (typeof value !== 'string') return undefined;
  const bytes = Buffer.from(value, 'base64');
  return bytes.toString('base64') === value ? bytes : undefined;
}

/** Headers of the message's own: names that begin with `x-` alone (internetMessageHeader). */
function headersOf(value: unknown): { key: string; value: string }[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || value.length > 5) throw invalid('internetMessageHeaders');
  return value.map((one) => {
    const given = membersOf(one, 'internetMessageHeaders');
    const key = textOf(given.get('name'), 'internetMessageHeaders');
    const text = textOf(given.get('value'), 'internetMessageHeaders');
    if (!/^x-[\w-]{1,70}$/i.test(key) || /\p{Cc}/u.test(text)) {
      const message = `The internet message header name '${key.slice(0, 80)}' should start with 'x-' or 'X-'.`;
      throw new GraphError(400, 'InvalidInternetMessageHeader', message);
    }
    return { key, value: text };
  });
}

/** In the words of mail programs (RFC 4021 §2.1.54, and the older header beside it). */
const importances: Readonly<Record<string, readonly { key: string; value: string }[]>> = {
  low: [
    { key: 'Importance', value: 'low' },
    { key: 'X-Priority', value: '5' },
  ],
  high: [
    { key: 'Importance', value: 'high' },
    { key: 'X-Priority', value: '1' },
  ],
};

/** @throws GraphError 400, 403 */
export async function mailOfMessage(value: unknown, sender: Sender): Promise<OutgoingMail> {
  const message = membersOf(value, 'message');
  refuseOtherSender(message.get('from'), sender, 'from');
  refuseOtherSender(message.get('sender'), sender, 'sender');
  const [to, cc, bcc] = (['toRecipients', 'ccRecipients', 'bccRecipients'] as const).map((name) =>
    mailboxesOf(message.get(name.toLowerCase()), name),
  ) as [Mailbox[], Mailbox[], Mailbox[]];
  const recipients = distinct([...to, ...cc, ...bcc].map(({ address }) => address));
  const body = message.get('body') === undefined ? new Map<string, unknown>() : membersOf(message.get('body'), 'body');
  // A bare LF would stay one in quoted-printable (RFC 2045 §6.7 rule 4).
  const content = textOf(body.get('content'), 'body').replace(/\r\n|\r|\n/g, '\r\n');
  const isHtml = textOf(body.get('contenttype'), 'body').toLowerCase() === 'html';
  const messageId = textOf(message.get('internetmessageid'), 'internetMessageId') || sender.messageId;
  if (!messageIdForm.test(messageId)) throw invalid('internetMessageId');
  const importance = importances[textOf(message.get('importance'), 'importance').toLowerCase()] ?? [];
  const subject = textOf(message.get('subject'), 'subject').replace(/\p{Cc}+/gu, ' ');
  const composed = new MailComposer({
    from: { name: sender.name, address: sender.address },
    to,
    cc,
    replyTo: mailboxesOf(message.get('replyto'), 'replyTo'),
    subject,
    date: new Date(sender.date),
    messageId,
    headers: [...headersOf(message.get('internetmessageheaders')), ...importance],
    ...(isHtml ? { html: content } : { text: content }),
    attachments: attachmentsOf(message.get('attachments')),
    encoding: 'quoted-printable',
    // random otherwise
    baseBoundary: createHash('sha256').update(messageId).digest('hex').slice(0, 24),
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return { messageId, recipients, bytes: new Uint8Array(await composed.compile().build()) };
}

// MIME ----------------------------------------------------------------------------------------------------------

/** From may be missing; else there is one, with one mailbox in it (RFC 5322 §3.6.2), the sender's. @throws GraphError 400, 403 */
function refuseOtherField(name: string, values: readonly string[], sender: Sender): void {
  if (values.length === 0) return;
  const [first, ...more] = addressparser(values[0] ?? '');
  // A group has a name and no address: mail programs would show its name.
  const isOne = values.length === 1 && more.length === 0 && first !== undefined && !('group' in first && first.group);
  const address = first?.address ?? '';
  if (!isOne || address === '') throw invalid(name === 'from' ? 'From' : 'Sender');
  if (address.toLowerCase() !== sender.address.toLowerCase()) throw sendAsDenied();
}

/** @throws GraphError 400, 403 */
export function mailOfMime(text: unknown, sender: Sender): OutgoingMail {
  const bytes = base64(typeof text === 'string' ? text.replace(/\s+/g, '') : undefined);
  if (!bytes || bytes.length === 0) {
    throw new GraphError(400, 'ErrorMimeContentInvalidBase64String', 'Invalid base64 string for MIME content.');
  }
  // Of bytes, not of characters: a body may be in any encoding. Line ends as mail has them (RFC 5322 §2.1).
  const mime = bytes.toString('latin1').replace(/\r\n|\r|\n/g, '\r\n');
  const end = mime.indexOf('\r\n\r\n');
  const head = end === -1 ? mime.replace(/(\r\n)+$/, '') : mime.slice(0, end);
  const rest = end === -1 ? '\r\n\r\n' : mime.slice(end);
  const fields = head
    .split(/\r\n(?![ \t])/)
    .map((line) => ({ line, name: (/^([!-9;-~]+):/.exec(line)?.[1] ?? '').toLowerCase() }));
  if (fields.some(({ name }) => name === '')) {
    throw new GraphError(400, 'ErrorMimeContentInvalid', 'The MIME content is not a message.');
  }
  const contentOf = (field: { line: string }) =>
    field.line
      .slice(field.line.indexOf(':') + 1)
      .replace(/\r\n/g, '')
      .trim();
  const all = (name: string) => fields.filter((field) => field.name === name).map(contentOf);
  const addresses = (name: string) =>
    all(name).flatMap((value) => addressparser(value, { flatten: true }).map(({ address }) => address ?? ''));
  for (const name of ['from', 'sender']) refuseOtherField(name, all(name), sender);
  const recipients = distinct(['to', 'cc', 'bcc'].flatMap(addresses));
  const messageId = all('message-id')[0] ?? sender.messageId;
  if (!messageIdForm.test(messageId) || all('message-id').length > 1) throw invalid('Message-ID');
  const added = [
    ...(all('from').length > 0 ? [] : [`From: <${sender.address}>`]),
    ...(all('date').length > 0 ? [] : [`Date: ${new Date(sender.date).toUTCString().replace('GMT', '+0000')}`]),
    ...(all('message-id').length > 0 ? [] : [`Message-ID: ${messageId}`]),
    ...(all('mime-version').length > 0 ? [] : ['MIME-Version: 1.0']),
  ];
  // Whom a blind copy goes to is for nobody to read (RFC 5322 §3.6.3).
  const kept = fields.filter(({ name }) => name !== 'bcc').map(({ line }) => line);
  const whole = Buffer.from([...kept, ...added].join('\r\n') + rest, 'latin1');
  return { messageId, recipients, bytes: new Uint8Array(whole) };
}

function distinct(addresses: readonly string[]): string[] {
  const seen = new Set<string>();
  const found = addresses.filter((address) => !seen.has(address.toLowerCase()) && seen.add(address.toLowerCase()));
  if (found.length === 0 || found.length > mostRecipients || !found.every((one) => addressForm.test(one))) {
    throw noRecipients();
  }
  return found;
}
