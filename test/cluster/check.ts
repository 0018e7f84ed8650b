// What must hold in a cluster's database when everything is quiet (reset.md, invariants), as sentences: none when all is
// well. And the figures for the table.

import { createHash } from 'node:crypto';
import { liveStates, type State } from '#shared/api.ts';
import { verifyAudit } from '../../connector/audit.ts';
import type { EventRow, ResetRow } from '../../connector/resets/row.ts';
import { argon2id } from '../../connector/store/credentials.ts';
import type { Cluster } from './cluster.ts';
import { type Ledger, pause } from './people.ts';

interface CredentialRow {
  readonly user_id: string;
  readonly hash: string;
  readonly changed_by: string;
}

// On one snapshot: between two looks an entry of the record is chained, and would be in neither.
function read({ sql }: Cluster) {
  return sql.read(function* (tx) {
    return {
      resets: yield* tx.all<ResetRow>`select * from reset order by user_id, nth`,
      events: yield* tx.all<EventRow>`select reset, seq, name, at, evidence from reset_event order by reset, seq`,
      credentials: yield* tx.all<CredentialRow>`select user_id, hash, changed_by from credential`,
      jobs: yield* tx.all<{ ref: string; due_at: number; leased_until: number }>`
        select ref, due_at, leased_until from job where kind = 'reset'`,
      moves: [
        ...(yield* tx.all<{ target: string; action: string }>`select target, action from audit order by seq`),
        // Recorded, and not yet chained.
        ...(yield* tx.all<{ target: string; action: string }>`
          select target, action from audit_waiting order by arrived, id`),
      ],
    };
  });
}

type Found = Awaited<ReturnType<typeof read>>;
const isLive = (state: State) => (liveStates as readonly State[]).includes(state);

/** Waits until nothing is on its way that waits for nobody; what was put off for a while is brought about by the clock. */
export async function quiet(cluster: Cluster): Promise<Found> {
  for (let tries = 0; ; tries++) {
    const found = await read(cluster);
    const restless = found.resets.filter(({ state, superseded_by: newer, needs_you: needs, scramble }) => {
      if (scramble === 1) return true;
      if (!isLive(state) || ['ready', 'leased'].includes(state)) return false;
      return (needs === null || needs === 'overdue') && newer === null;
    });
    if (restless.length === 0) return found;
    if (tries > 600)
      throw new Error(`Still on its way: ${restless.map(({ id, state }) => `${id} ${state}`).join(', ')}`);
    const walking = found.jobs.some(({ leased_until: until }) => until > cluster.now());
    if (tries % 60 === 59) cluster.pass(walking ? 95_000 : 60_000);
    await pause(50);
  }
}

export interface Figures {
  readonly resets: number;
  /** Mails that came more than once. */
  readonly duplicates: number;
  readonly lost: number;
  readonly secondPasswords: number;
  /** Resets of which more than one connector has moved the row, or tried to. */
  readonly takeovers: number;
  readonly violations: string[];
}

/** Looks at everything; nothing may be on its way that could not come to an end by itself. */
export async function check(cluster: Cluster, ledger: Ledger): Promise<Figures> {
  const found = await quiet(cluster);
  const violations: string[] = [];
  const say = (text: string) => void violations.push(text);
  const byId = new Map(found.resets.map((row) => [row.id, row]));
  const lost = ledger.begun.filter(({ id }) => !byId.has(id));
  for (const { id } of lost) say(`lost: reset ${id} was accepted, and there is no row`);
  const keys = new Map(ledger.begun.map(({ key, id }) => [key, id]));
  for (const { key, id } of ledger.begun) if (keys.get(key) !== id) say(`one Idempotency-Key, two resets: ${key}`);
  for (const row of found.resets) checkRow(say, row, found);
  const duplicates = checkMails(say, cluster, found);
  const secondPasswords = await checkPasswords(say, ledger, found);
  const { brokenAt } = await verifyAudit(cluster.sql, 'default');
  if (brokenAt !== undefined) say(`the record is broken at ${brokenAt}`);
  const figures = { duplicates, lost: lost.length, secondPasswords, takeovers: takeovers(cluster, found) };
  return { resets: found.resets.length, ...figures, violations };
}

/** A connector says in its log which resets it moves, sends and changes. */
function takeovers({ nodes }: Cluster, { resets }: Found): number {
  const outputs = Object.values(nodes).map((node) => node.output());
  const worked = /"msg":"(reset moved|mail attempt|password change|reset stopped on its way)"/;
  const lines = outputs.map((output) => output.split('\n').filter((line) => worked.test(line)));
  return resets.filter(
    ({ id }) => lines.filter((own) => own.some((line) => line.includes(id) && !line.includes('"done"'))).length > 1,
  ).length;
}

function checkRow(say: (text: string) => void, row: ResetRow, { events, moves, jobs }: Found): void {
  const here = `reset ${row.id} in ${row.state}`;
  const own = events.filter(({ reset }) => reset === row.id);
  const names = own.map(({ name }) => name);
  if (names.includes('passwordSet') && !(names.indexOf('accepted') < names.indexOf('passwordSet')))
    say(`${here} has changed the password before the mail was accepted`);
  for (const once of ['requested', 'prepared', 'accepted', 'passwordSet', 'armed', 'opened'])
    if (names.filter((name) => name === once).length > 1) say(`${here} says ${once} more than once`);
  const recorded = moves.filter(({ target }) => target === `reset:${row.id}`).map(({ action }) => action);
  for (const state of ['requested', 'prepared', 'mailing', 'mailed', 'changing', 'ready', 'leased', 'done'])
    if (recorded.filter((action) => action === `reset.${state}`).length > 1) say(`${here} went to ${state} twice`);
  if (!recorded.includes(`reset.${row.state}`)) say(`${here} has no record of getting there`);
  if (names.includes('accepted') && row.sealed_mail !== null) say(`${here} still has the key of a link that was sent`);
  if (names.includes('passwordSet') && row.sealed_password !== null) say(`${here} still has a password that was set`);
  if (isLive(row.state) && !jobs.some(({ ref }) => ref === row.id)) say(`${here} has no job`);
}

/** One mail each; more only when nobody knew, and then the same bytes (I12). */
function checkMails(say: (text: string) => void, { mail }: Cluster, { resets }: Found): number {
  let duplicates = 0;
  const idOf = (bytes: Buffer) => /^Message-ID: (.*)$/im.exec(bytes.toString('latin1'))?.[1]?.trim() ?? '';
  const known = new Map(resets.map((row) => [row.message_id, row]));
  for (const [id, copies] of Map.groupBy(mail.taken, ({ bytes }) => idOf(bytes))) {
    const row = known.get(id);
    if (!row) say(`a mail ${id} was sent for no reset`);
    duplicates += copies.length - 1;
    if (new Set(copies.map(({ bytes }) => createHash('sha256').update(bytes).digest('hex'))).size > 1)
      say(`the mails of reset ${row?.id} are not the same`);
  }
  return duplicates;
}

/** Each person holds a password that somebody can know, and the newest (I1–I3). */
async function checkPasswords(say: (text: string) => void, ledger: Ledger, found: Found): Promise<number> {
  let second = 0;
  for (const [id, passwords] of ledger.shown) {
    if (passwords.size === 1) continue;
    second++;
    say(`reset ${id} has shown ${passwords.size} passwords`);
  }
  for (const { user_id: person, hash, changed_by: by } of found.credentials) {
    const own = found.resets.filter(({ user_id }) => user_id === person);
    const newest = own.filter(({ baseline_at: at }) => at !== null).at(-1);
    const choice = ledger.chosen.get(person);
    if (choice !== undefined && !(await argon2id.verify(hash, choice)) && by === 'self')
      say(`${person} does not hold what they chose`);
    if (!by.startsWith('reset:')) continue;
    if (by !== `reset:${newest?.id}`) say(`${person} holds the password of ${by}, and ${newest?.id} is the newest`);
    if (newest?.changed === 1) say(`${person} had chosen a password, and holds that of reset ${newest.id} again`);
    for (const password of ledger.shown.get(newest?.id ?? '') ?? []) {
      if (await argon2id.verify(hash, password)) continue;
      second++;
      say(`reset ${newest?.id} has shown another password than the directory holds`);
    }
  }
  return second;
}
