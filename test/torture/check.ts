// What must hold when everything is quiet, looked at from outside and in the database file itself (reset.md, invariants).
// Sentences come back, none when all is well.

import { createHash } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { liveStates, type State } from '#shared/api.ts';
import { verifyAudit } from '../../connector/audit.ts';
import type { ResetRow } from '../../connector/resets/row.ts';
import { openSqlite } from '../../connector/sql/sqlite.ts';
import { argon2id } from '../../connector/store/credentials.ts';
import { firstPassword, type Installation } from './installation.ts';
import type { Ledger } from './ledger.ts';
import type { Taken } from './mail-server.ts';

interface Credential {
  readonly user_id: string;
  readonly hash: string;
  readonly changed_by: string;
}

/** The database as it stands at one moment, read beside a connector that may be running. */
export function readFile(database: string) {
  const db = new DatabaseSync(database, { readOnly: true });
  try {
    db.exec('pragma busy_timeout = 5000');
    // One snapshot: a connector that moves a reset between two looks would seem to have done only half of it.
    db.exec('begin');
    const all = <R>(text: string) => db.prepare(text).all() as unknown as R[];
    return {
      resets: all<ResetRow>('select * from reset order by started_at, id'),
      credentials: all<Credential>('select user_id, hash, changed_by from credential'),
      events: all<{ reset: string; name: string; at: number; evidence: string | null }>(
        'select reset, name, at, evidence from reset_event order by reset, seq',
      ),
      jobs: all<{ ref: string; due_at: number; leased_until: number }>("select * from job where kind = 'reset'"),
      audit: all<{ action: string; target: string }>('select action, target from audit order by seq'),
    };
  } finally {
    db.close();
  }
}

export type Found = ReturnType<typeof readFile>;

const isLive = (state: State) => (liveStates as readonly State[]).includes(state);

/** Resets that are still on their way and wait for nobody. */
export function restless({ resets, jobs }: Found, now: number): ResetRow[] {
  const replaced = ({ superseded_by: newer }: ResetRow) =>
    resets.some(({ id, state }) => id === newer && isLive(state));
  return resets.filter((row) => {
    // It waits for the end of the newer one.
    if (replaced(row)) return false;
    if (row.state === 'ready' || row.state === 'leased' || row.state === 'done') return false;
    if (isLive(row.state)) return row.needs_you === null || row.needs_you === 'overdue';
    // Something is still to be made useless, and due.
    return row.scramble === 1 && jobs.some(({ ref, due_at }) => ref === row.id && due_at <= now + 120_000);
  });
}

export interface Verdict {
  readonly violations: string[];
  /** Mails that came more than once. */
  readonly duplicates: number;
  readonly lost: number;
  readonly secondPasswords: number;
}

/** All of them. The connector is still running, and quiet. */
export async function check(installation: Installation, ledger: Ledger, found: Found): Promise<Verdict> {
  const violations: string[] = [];
  let [lost, secondPasswords] = [0, 0];
  const say = (text: string) => void violations.push(text);
  const rows = new Map(found.resets.map((row) => [row.id, row]));
  const eventsOf = (id: string) => found.events.filter(({ reset }) => reset === id).map(({ name }) => name);

  for (const { ids, key } of ledger.started) {
    if (ids.size > 1) say(`one Idempotency-Key, ${ids.size} resets: ${key}`);
    for (const id of ids) {
      if (rows.has(id)) continue;
      lost++;
      say(`lost: reset ${id} was accepted, and there is no row`);
    }
  }
  for (const row of found.resets) {
    const waits = isLive(row.state) && row.needs_you === null && !['ready', 'leased'].includes(row.state);
    if (waits && !(row.superseded_by !== null && isLive(rows.get(row.superseded_by)?.state ?? 'done'))) {
      lost++;
      say(`lost: reset ${row.id} stays in ${row.state}, and nobody is told`);
    }
    if (isLive(row.state) && !found.jobs.some(({ ref }) => ref === row.id))
      say(`reset ${row.id} in ${row.state} has no job`);
    checkRow(say, row, eventsOf(row.id), found);
  }
  const { duplicates } = checkMails(installation, found, say);
  secondPasswords += await checkPasswords(installation, ledger, found, say);
  for (const { ids, acts, shown } of ledger.started) {
    const [id = ''] = ids;
    if (acts.has('cancel') && eventsOf(id).includes('passwordSet'))
      say(`reset ${id} was cancelled, and changed the password`);
    if (acts.has('cancel') && rows.get(id)?.state !== 'cancelled')
      say(`reset ${id} was cancelled, and is ${rows.get(id)?.state}`);
    if (acts.has('kill') && rows.get(id)?.state !== 'recalled')
      say(`reset ${id} was killed, and is ${rows.get(id)?.state}`);
    if (shown.size > 1) {
      secondPasswords++;
      say(`reset ${id} has shown ${shown.size} passwords`);
    }
  }
  const brokenAt = await brokenRecord(installation.database);
  if (brokenAt !== undefined) say(`the record is broken at ${brokenAt}`);
  return { violations, duplicates, lost, secondPasswords };
}

/** What a row by itself must be like. */
function checkRow(say: (text: string) => void, row: ResetRow, events: readonly string[], { audit }: Found): void {
  const here = `reset ${row.id} in ${row.state}`;
  const sent = events.includes('accepted');
  if (sent && row.sealed_mail !== null) say(`${here} still has the key of a link that was sent`);
  if (events.includes('passwordSet') && row.sealed_password !== null) say(`${here} still has a password that was set`);
  const ended = !isLive(row.state);
  if (ended && (row.sealed_password ?? row.sealed_mail ?? row.ciphertext ?? row.sealed_key) !== null)
    say(`${here} has ended and is not shredded`);
  if (events.includes('passwordSet') && !sent) say(`${here} has changed the password before the mail was accepted`);
  if (row.state === 'ready' && row.ciphertext === null) say(`${here} can't hand anything over`);
  // Each transition has exactly one record (I10).
  const recorded = audit.filter(({ target }) => target === `reset:${row.id}`).map(({ action }) => action);
  const once = [
    'requested',
    'prepared',
    'mailing',
    'mailed',
    'changing',
    'ready',
    'leased',
    'cancelled',
    'recalled',
    'refused',
    'rejected',
  ];
  for (const state of once) {
    if (recorded.filter((action) => action === `reset.${state}`).length > 1)
      say(`${here} went to ${state} more than once`);
  }
  if (!recorded.includes(`reset.${row.state}`) && row.state !== 'scrambled')
    say(`${here} has no record of getting there`);
}

/** One reset, one mail: more only after nobody knew, and then the same bytes (I12). */
function checkMails({ mail }: Installation, found: Found, say: (text: string) => void): { duplicates: number } {
  const byId = Map.groupBy(mail.taken, ({ bytes }) => /^Message-ID: (.*)$/im.exec(bytes.toString('latin1'))?.[1] ?? '');
  const known = new Map(found.resets.map((row) => [row.message_id, row]));
  let duplicates = 0;
  for (const [id, copies] of byId) {
    const row = known.get(id);
    if (!row) say(`a mail ${id} was sent for no reset`);
    duplicates += copies.length - 1;
    if (new Set(copies.map(({ bytes }) => createHash('sha256').update(bytes).digest('hex'))).size > 1)
      say(`the mails of reset ${row?.id} are not the same`);
    const accepted = found.events.find(({ reset, name }) => reset === row?.id && name === 'accepted')?.at;
    for (const [i, copy] of copies.slice(1).entries()) {
      const before = copies[i] as Taken;
      // A process that has died since may not have heard the 250, or not have written it down.
      if (before.told === 'said 250' && before.process === copy.process)
        say(`reset ${row?.id}: sent again although the server had said 250`);
      if (accepted !== undefined && copy.at > accepted)
        say(`reset ${row?.id}: sent again after it was known to be accepted`);
    }
  }
  for (const row of found.resets) {
    const claimed = found.events.some(({ reset, name }) => reset === row.id && name === 'accepted');
    if (claimed && !byId.has(row.message_id)) say(`reset ${row.id} says that its mail was accepted, and it was not`);
  }
  return { duplicates };
}

/** Every person's password is one that somebody can know, and the newest (I1–I3). */
async function checkPasswords(
  { people }: Installation,
  ledger: Ledger,
  { credentials, resets, events }: Found,
  say: (text: string) => void,
): Promise<number> {
  let second = 0;
  for (const { id: person, userName } of people) {
    const held = credentials.find(({ user_id }) => user_id === person);
    if (!held) {
      say(`${userName} has no password any more`);
      continue;
    }
    const holds = (password: string) => argon2id.verify(held.hash, password);
    const [by, operation = ''] = held.changed_by.split(':');
    const own = resets.filter(({ user_id }) => user_id === person);
    const row = own.find(({ id }) => id === operation);
    if (held.changed_by === 'operator') {
      if (!(await holds(firstPassword))) say(`${userName}'s first password was changed by nobody`);
    } else if (held.changed_by === 'self') {
      const chosen = ledger.chosen.get(person) ?? [];
      if (!(await Promise.all(chosen.map(holds))).includes(true))
        say(`${userName} holds a password that they did not choose`);
    } else if (by === 'reset') {
      const names = events.filter(({ reset }) => reset === operation).map(({ name }) => name);
      const waits = row?.state === 'changing' && row.needs_you !== null;
      const debt = row?.scramble === 1;
      if (!row || !(['ready', 'leased', 'done'].includes(row.state) || waits || debt))
        say(`${userName} holds the password of reset ${operation} (${row?.state}), which nobody can hand over`);
      if (!waits && !names.includes('passwordSet')) say(`reset ${operation} has set the password without saying so`);
      for (const started of ledger.started.filter(({ ids }) => ids.has(operation))) {
        for (const password of started.shown) {
          if (await holds(password)) continue;
          second++;
          say(`reset ${operation} has shown another password than the directory holds`);
        }
      }
    } else if (by === 'scramble') {
      const names = events.filter(({ reset }) => reset === operation).map(({ name }) => name);
      if (!names.includes('scrambled'))
        say(`${userName}'s password was scrambled by ${operation}, which does not say so`);
    } else say(`${userName}'s password was changed by ${held.changed_by}`);
    // The last one that has set a password is whose the directory holds, unless somebody has changed it since.
    const set = own.filter(({ baseline_at }) => baseline_at !== null);
    const newest = set.toSorted((a, b) => (a.baseline_at ?? 0) - (b.baseline_at ?? 0)).at(-1);
    if (by === 'reset' && newest && newest.id !== operation)
      say(`${userName} holds the password of ${operation}, and ${newest.id} is newer`);
    const usable = own.filter(({ state }) => state === 'ready' || state === 'leased');
    if (usable.length > 1) say(`${userName} has ${usable.length} links that open`);
    for (const one of usable) {
      if (
        one.superseded_by === null &&
        held.changed_by !== `reset:${one.id}` &&
        one.changed === 0 &&
        held.changed_by !== 'self'
      )
        say(`reset ${one.id} would hand over a password that ${userName} does not have (${held.changed_by})`);
    }
  }
  return second;
}

async function brokenRecord(database: string): Promise<number | undefined> {
  const sql = openSqlite(database);
  try {
    return (await verifyAudit(sql, 'default')).brokenAt;
  } finally {
    await sql.close();
  }
}
