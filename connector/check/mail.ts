// Can mail leave? Without an address only the way out is tried; with one a mail is really sent there.

import addressparser from 'nodemailer/lib/addressparser';
import MailComposer from 'nodemailer/lib/mail-composer';
import type { Config } from '../config.ts';
import { endpointsOf, graphTenant } from '../entra/clouds.ts';
import { readCredential } from '../entra/credential.ts';
import { tokensOf } from '../entra/tokens.ts';
import { logger } from '../log.ts';
import { graphMail, graphMailbox } from '../mail/graph.ts';
import type { Mail } from '../mail/mail.ts';
import { mailTransport } from '../mail/transports.ts';
import type { EntraDeps } from './entra.ts';
import { type Finding, findings } from './finding.ts';

export interface MailCheck {
  /** `Name <address>` or an address: RR_MAIL_FROM. */
  readonly from: string;
  /** Where a mail is sent to; absent: none is. */
  readonly to?: string;
  readonly organisation: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly random: (bytes: number) => Uint8Array;
}

/** The way out that RR_MAIL names; by Graph in the connector's own name, since nobody is signed in. @throws StartError */
export function mailOf(config: Config, { net, now, random, readFile }: EntraDeps): Mail {
  const url = config.mail.reveal();
  const mailbox = graphMailbox(url);
  const tid = graphTenant(config.directory);
  if (mailbox === undefined || tid === undefined) return mailTransport(url, { random, now });
  const { issuer, graph } = endpointsOf(config.cloud, tid);
  const asking = { fetch: net.fetch, now, log: logger('silent'), graph };
  const client = { issuer, clientId: config.clientId ?? '', credential: readCredential(config, readFile) };
  const tokens = tokensOf({ ...asking, ...client, random });
  return graphMail({ ...asking, tokens, as: config.graphAs }, mailbox, { kind: 'connector' });
}

/** Closes the transport in any case. */
export async function checkMail(mail: Mail, check: MailCheck): Promise<Finding> {
  const say = findings('Mail');
  try {
    if (check.to === undefined) {
      const answer = await mail.verify();
      return answer.ok ? say.ok('the way out is open; check --mail YOU@… sends one') : say.wrong(answer.why);
    }
    const sent = await mail.send(await testMessage({ ...check, to: check.to }));
    if (sent.outcome === 'accepted')
      return say.ok(`sent to ${check.to} (${sent.reply}): see that it arrived, and not in junk`);
    return say.wrong(`not sent to ${check.to}, ${words[sent.outcome]}: ${sent.reply}`);
  } finally {
    await mail.close();
  }
}

const words = {
  later: 'the other side asks to try again later',
  refused: 'the other side refuses it',
  misconfigured: 'RR_MAIL is at fault',
  unknown: 'no answer came, it may have been sent',
} as const;

async function testMessage({ from, to, organisation, now, random }: MailCheck & { to: string }) {
  const sender = addressparser(from)[0]?.address ?? '';
  const domain = sender.slice(sender.lastIndexOf('@') + 1) || 'localhost';
  const messageId = `<${Buffer.from(random(16)).toString('hex')}@${domain}>`;
  const bytes = await new MailComposer({
    from,
    to: { name: '', address: to },
    subject: 'Reset & Resend can send mail',
    messageId,
    date: new Date(now),
    headers: { 'Auto-Submitted': 'auto-generated' },
    text: `This is a test from the connector of ${organisation}.\nMails with a link to a new password will come from this address.\n`,
  })
    .compile()
    .build();
  return { envelope: { from: sender, to }, messageId, bytes };
}
