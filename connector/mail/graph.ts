// Mail through Exchange Online by Graph's sendMail, from a shared mailbox. The frozen bytes are taken apart into Graph's
// own form, since only that can keep a mail that carries a key out of "Sent Items"; what it has no place for is lost: the
// text part, and headers that do not begin with X-.

import PostalMime, { type Address } from 'postal-mime';
import { problemSentence } from '#shared/messages/problem.ts';
import { Problem } from '#shared/problem.ts';
import type { Acting } from '../directory/directory.ts';
import {
  errorOf,
  type GraphAnswer,
  type GraphClient,
  type GraphDeps,
  graphClient,
  NoAnswer,
  segment,
} from '../entra/graph-client.ts';
import { type RightDeps, rightOf } from '../entra/right.ts';
import { retryAfterOf } from '../entra/token-endpoint.ts';
import type { Mail, Message, SendOutcome } from './mail.ts';

export type GraphMailDeps = GraphDeps & RightDeps;

/** The mailbox of `graph://mailbox`; undefined for any other address of RR_MAIL. */
export function graphMailbox(url: string): string | undefined {
  return /^graph:\/\/(.+)$/i.exec(url)?.[1];
}

/**
 * Sends from a shared mailbox: in the connector's own name, and where it has not been granted that, with the right of
 * whoever acts. `send` throws Problem signInAgain when that right is gone: then an admin, not an operator, can help.
 */
export function graphMail(deps: GraphMailDeps, mailbox: string, acting: Acting): Mail {
  const own = graphClient(deps, rightOf(deps, { kind: 'connector' }));
  const right = rightOf(deps, acting);
  const path = `/users/${segment(mailbox)}`;

  async function attempt(client: GraphClient, body: object): Promise<SendOutcome> {
    try {
      return outcomeOf(await client.write('POST', `${path}/sendMail`, body), deps.now());
    } catch (error) {
      if (error instanceof NoAnswer) {
        const reply = `no answer: ${error.message}`;
        return error.sent ? { outcome: 'unknown', reply } : { outcome: 'later', code: 0, reply };
      }
      if (!(error instanceof Problem) || error.code === 'signInAgain') throw error;
      const passing = error.code === 'throttled' || error.code === 'unavailable';
      const reply = problemSentence('en', error.code, error.details).slice(0, 200);
      if (!passing) return { outcome: 'misconfigured', code: 0, reply };
      const { retryAfter } = error.details;
      const later = { outcome: 'later', code: 0, reply } as const;
      return typeof retryAfter === 'number' ? { ...later, retryAt: deps.now() + retryAfter * 1000 } : later;
    }
  }

  return {
    async send(message) {
      const body = { message: await graphMessage(message), saveToSentItems: false };
      const first = await attempt(own, body);
      // Forbidden to the connector itself, which did nothing: with the admin's right, if that is another one.
      if (first.outcome !== 'misconfigured' || right.own) return first;
      return attempt(graphClient(deps, right), body);
    },

    async verify() {
      try {
        const { status } = await own.read(path, { query: { $select: 'id,mail' } });
        if (status === 404) return { ok: false, why: `There is no mailbox ${mailbox} in the tenant` };
        // Without the permission to read people it cannot be looked at; sending needs another one.
        return status === 200 || status === 403 ? { ok: true } : { ok: false, why: `Graph answered ${status}` };
      } catch (error) {
        if (error instanceof Problem) return { ok: false, why: problemSentence('en', error.code, error.details) };
        if (error instanceof NoAnswer) return { ok: false, why: `Graph did not answer (${error.message})` };
        throw error;
      }
    },

    // Each request has its own bound, and nothing is kept open.
    async close() {},
  };
}

/** RFC 5322 to Graph's message. Its `internetMessageId` is our Message-ID, so that a second copy is known as the same. */
async function graphMessage({ envelope, messageId, bytes }: Message): Promise<object> {
  const mail = await PostalMime.parse(bytes);
  const from = recipients([mail.from]);
  const replyTo = recipients(mail.replyTo ?? []);
  const toName = recipients(mail.to ?? [])[0]?.emailAddress.name;
  const headers = mail.headers.filter(({ key }) => key.startsWith('x-')).slice(0, 5);
  return {
    subject: mail.subject ?? '',
    internetMessageId: messageId,
    body:
      mail.html === undefined
        ? { contentType: 'text', content: mail.text ?? '' }
        : { contentType: 'html', content: mail.html },
    ...(from[0] ? { from: from[0] } : {}),
    // Where it goes is said by the envelope alone.
    toRecipients: [{ emailAddress: { address: envelope.to, ...(toName ? { name: toName } : {}) } }],
    ...(replyTo.length > 0 ? { replyTo } : {}),
    ...(headers.length > 0
      ? { internetMessageHeaders: headers.map(({ originalKey: name, value }) => ({ name, value })) }
      : {}),
  };
}

interface Recipient {
  readonly emailAddress: { readonly address: string; readonly name?: string };
}

function recipients(addresses: readonly (Address | undefined)[]): Recipient[] {
  return addresses.flatMap((one) => {
    if (!one?.address) return [];
    return [{ emailAddress: { address: one.address, ...(one.name ? { name: one.name } : {}) } }];
  });
}

/** What an answer of sendMail means (Graph, "user: sendMail"). */
function outcomeOf(answer: GraphAnswer, now: number): SendOutcome {
  const { status, headers } = answer;
  const { code, message } = errorOf(answer);
  const request = headers.get('request-id');
  // Exchange has taken it; what the other side's server says comes later, if at all, as a bounce.
  if (status === 202) {
    return { outcome: 'accepted', reply: `202 accepted by Exchange, not delivered${request ? ` (${request})` : ''}` };
  }
  const wait = headers.get('retry-after');
  const after = wait ? `, retry after ${wait}` : '';
  const reply = `${status} ${code}: ${message}${after}`.replace(/\s+/g, ' ').slice(0, 200);
  if (status === 429 || status === 503) {
    const seconds = retryAfterOf(headers, now);
    const later = { outcome: 'later', code: status, reply } as const;
    return seconds === undefined ? later : { ...later, retryAt: now + seconds * 1000 };
  }
  if (status === 401 || status === 403 || status === 404) return { outcome: 'misconfigured', code: status, reply };
  if (status >= 400 && status < 500 && status !== 408) return { outcome: 'refused', code: status, reply };
  return { outcome: 'unknown', reply };
}
