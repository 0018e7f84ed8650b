// POST /me/sendMail and /users/{id}/sendMail: hands a mail of a person's mailbox to the connector's own mail server. There
// are no mailboxes here: saveToSentItems is read, and nothing is kept. 202 is sent when the server has taken it, for the
// first recipient at least.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from '#shared/problem.ts';
import { record } from '../audit.ts';
import { fold } from '../filter/fold.ts';
import type { Access } from '../http/auth.ts';
import type { SendOutcome } from '../mail/mail.ts';
import type { Tx, Work } from '../sql/sql.ts';
import type { Stamp } from '../store/resource.ts';
import { mailOf, shownName } from '../store/user-resource.ts';
import { contentOf, readStored, type StoredUser } from '../store/users.ts';
import { uuidv7 } from '../store/uuid.ts';
import { callerOf, type Permissions } from './access.ts';
import { type GraphDeps, stampOf } from './deps.ts';
import { badRequest, GraphError } from './error.ts';
import { mailOfMessage, mailOfMime, membersOf, type OutgoingMail, type Sender } from './mail-message.ts';
import { isOfOrganisation } from './own-address.ts';
import { personIn, personOf, routePerson } from './person.ts';

const sends: Permissions = { delegated: ['Mail.Send'], application: ['Mail.Send'] };
const bodyLimit = 4 * 1024 * 1024;

export function mailRoutes(app: FastifyInstance, deps: GraphDeps): void {
  app.register(async (inner) => {
    // MIME comes as text/plain, in base64; only here.
    inner.addContentTypeParser('text/plain', { parseAs: 'string' }, async (_request: FastifyRequest, body: string) => ({
      mime: body,
    }));
    sendMail(inner, deps);
  });
}

function sendMail(app: FastifyInstance, deps: GraphDeps): void {
  const { sql, now, random, log } = deps;
  app.addHook('onRoute', (route) => {
    route.bodyLimit = bodyLimit;
  });

  /** An app may send as everybody; a person as themselves alone, and is not told who else there is. */
  function* mailboxOf(tx: Tx, access: Access, who: string): Work<StoredUser> {
    const { tenant, appOnly, oid } = access;
    const own = appOnly ? undefined : yield* readStored(tx, tenant.id, oid);
    const isOwn = own && (own.id === who.toLowerCase() || fold(contentOf(own).userName) === fold(who));
    if (appOnly) return yield* personOf(tx, tenant.id, who);
    if (!isOwn) throw new GraphError(403, 'ErrorAccessDenied', 'Access is denied. Check credentials and try again.');
    return own;
  }

  function* senderOf(tx: Tx, request: FastifyRequest): Work<Omit<Sender, 'messageId' | 'date'> & { id: string }> {
    const access = callerOf(request);
    const stored = yield* mailboxOf(tx, access, personIn(request));
    const content = contentOf(stored);
    const address = mailOf(content)?.value ?? content.userName;
    // A guest's mailbox is at their own organisation, whatever else it is called here.
    if (!isOfOrganisation(access.tenant, address, content.userName)) {
      const message = 'The mailbox is either inactive, soft-deleted, or is hosted on-premise.';
      throw new GraphError(404, 'MailboxNotEnabledForRESTAPI', message);
    }
    return { id: stored.id, name: shownName(content).replace(/\p{Cc}+/gu, ' '), address };
  }

  function noted(tx: Tx, tenant: string, user: string, by: Stamp): Work<void> {
    const { actor, client } = by;
    return record(tx, { tenant, at: now(), actor, client, action: 'mail.sent', target: `user:${user}` });
  }

  routePerson(app, 'POST', '/sendMail', sends, async (request, reply) => {
    const { tenant } = callerOf(request);
    const by = stampOf(request, deps);
    const { id, name, address } = await sql.read((tx) => senderOf(tx, request));
    const messageId = `<${uuidv7(by.at, random(10))}@${address.slice(address.lastIndexOf('@') + 1)}>`;
    const outgoing = await read(request, { name, address, messageId, date: now() });
    const mail = deps.mailOf(tenant);
    let taken = 0;
    for (const to of outgoing.recipients) {
      const { messageId: own, bytes } = outgoing;
      const outcome = await mail.send({ envelope: { from: address, to }, messageId: own, bytes });
      if (outcome.outcome === 'accepted') {
        taken++;
        // Before the next is tried: what is gone stands in the record, whatever then fails.
        await sql.run((tx) => noted(tx, tenant.id, id, by));
      }
      // Asked again, those who have it would have it twice: 202 says that it was taken, not that it arrived.
      else if (taken === 0) throw refusal(outcome);
      else log.warn({ outcome: outcome.outcome }, 'graph sendMail: not for every recipient');
    }
    return reply.code(202).send();
  });
}

async function read(request: FastifyRequest, sender: Sender): Promise<OutgoingMail> {
  const { body } = request;
  if (/^text\/plain/i.test(request.headers['content-type'] ?? '')) {
    return mailOfMime((body as { mime: string }).mime, sender);
  }
  const members = membersOf(body, 'body');
  const save = members.get('savetosentitems');
  // Microsoft's own samples send it as a text.
  if (save !== undefined && save !== null && !/^(true|false)$/i.test(String(save))) {
    throw badRequest("The value of 'saveToSentItems' is not a boolean.");
  }
  if (!members.has('message')) throw badRequest("The parameter 'message' is missing.");
  return mailOfMessage(members.get('message'), sender);
}

/** What the mail server said, as far as it is the caller's to know. */
function refusal(outcome: SendOutcome): Error {
  if (outcome.outcome === 'refused') {
    return new GraphError(400, 'ErrorInvalidRecipients', "At least one recipient isn't valid.");
  }
  return new Problem('unavailable');
}
