// The walk's way to `mailed`: the frozen bytes go to the mail server until it accepts or refuses them for good.

import type { SendOutcome } from '../mail/mail.ts';
import type { Tenant } from '../tenant.ts';
import {
  aad,
  actingOf,
  backoffAfter,
  expireUnchanged,
  type Lease,
  moved,
  type Next,
  remaining,
  soon,
  standsBack,
  type WalkDeps,
} from './lease.ts';
import type { Columns, ResetRow } from './row.ts';
import { endOlder } from './supersede.ts';

/** The longest that one attempt may take, in milliseconds (mail/smtp.ts). */
const mailTakes = 60_000;

/** prepared → mailing */
export async function beginMail(deps: WalkDeps, _tenant: Tenant, row: ResetRow, job: Lease): Promise<Next> {
  if (standsBack(row, deps.now())) return row.expires_at;
  await moved(deps, job, row, 'mailing', []);
  return deps.now();
}

/** mailing → mailed, or again later, or never to this address */
export async function sendMail(deps: WalkDeps, tenant: Tenant, row: ResetRow, job: Lease): Promise<Next> {
  const now = deps.now();
  if (now >= row.expires_at) return expireUnchanged(deps, row, job);
  if (standsBack(row, now)) return row.expires_at;
  if (row.next_attempt_at !== null && now < row.next_attempt_at) return Math.min(row.next_attempt_at, row.expires_at);
  // An answer of 5xx is final for this address: only the admin, or the end of the day, moves it.
  if (row.needs_you === 'mailFailed') return row.expires_at;
  // Not begun when the lease would run out under it: whoever takes over sends it too.
  if (remaining(job, now) < mailTakes) return now;
  if (row.sealed_mail === null) throw new Error('A reset in mailing has no mail.');
  const bytes = deps.keyring.open(row.sealed_mail, aad(row, 'sealed_mail'));
  const envelope = { from: row.mail_from, to: row.recipient };
  const outcome = await deps.mailOf(tenant, actingOf(deps, row)).send({ envelope, messageId: row.message_id, bytes });
  deps.log.info({ reset: row.id, outcome: outcome.outcome }, 'mail attempt');
  return noteMail(deps, row, job, outcome);
}

async function noteMail(deps: WalkDeps, row: ResetRow, job: Lease, outcome: SendOutcome): Promise<Next> {
  const attempts = row.mail_attempts + 1;
  if (outcome.outcome === 'accepted') {
    const accepted = [{ name: 'accepted' as const, evidence: masked(row, outcome.reply) }];
    // The key in the link is nowhere on our side from here on.
    const set = { mail_attempts: attempts, sealed_mail: null, needs_you: null, next_attempt_at: null, why: null };
    await moved(deps, job, row, 'mailed', accepted, set, endOlder);
    return deps.now();
  }
  const evidence = masked(row, `${outcome.outcome}: ${outcome.reply}`);
  if (outcome.outcome === 'refused') {
    const set: Columns = { mail_attempts: attempts, needs_you: 'mailFailed', next_attempt_at: null };
    await moved(deps, job, row, 'mailing', [{ name: 'mailRefused', evidence }], set);
    return row.expires_at;
  }
  job.failed = true;
  const wait = outcome.outcome === 'unknown' && attempts === 1 ? soon : backoffAfter(attempts);
  const asked = outcome.outcome === 'later' ? (outcome.retryAt ?? 0) : 0;
  const next = Math.min(Math.max(deps.now() + wait, asked), row.expires_at);
  const needs = outcome.outcome === 'misconfigured' ? 'mailMisconfigured' : attempts >= 4 ? 'overdue' : null;
  const set: Columns = { mail_attempts: attempts, next_attempt_at: next, needs_you: needs };
  await moved(deps, job, row, 'mailing', [{ name: 'deferred', evidence }], set);
  return next;
}

/** A mail server's reply repeats the address; one on file is shown masked everywhere. */
function masked(row: ResetRow, reply: string): string {
  if (row.recipient_on_file === 0) return reply;
  const address = new RegExp(RegExp.escape(row.recipient), 'gi');
  return reply.replace(address, () => row.recipient_masked);
}
