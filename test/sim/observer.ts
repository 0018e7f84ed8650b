// Who sees everything: the database after each commit, each value that a directory takes, each mail, each password that is
// shown. The invariants of reset.md are looked at after every step; what breaks one is told with the history before it.

import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { State } from '#shared/api.ts';
import { leaseFor } from '../../connector/resets/lease.ts';
import { isLive, type ResetRow } from '../../connector/resets/row.ts';
import { mayGo } from '../../connector/resets/transitions.ts';
import { keyring } from '../../connector/secret.ts';
import { masterKey } from './ground.ts';
import type { Machine } from './machine.ts';
import { plainOf } from './quick-argon.ts';
import type { World } from './world.ts';

export type Invariant = `I${number}` | 'promise';

export interface Violation {
  readonly invariant: Invariant;
  readonly what: string;
}

/** A value that a directory has taken. `by` as in `ChangedBy`; `hit`: somebody else's change fell into its window. */
export interface Write {
  readonly user: string;
  readonly value: string;
  readonly by: string;
  readonly at: number;
  readonly hit: boolean;
}

/** What has become known of one reset, beside its row. */
export interface Seen {
  row: ResetRow;
  /** In the order in which they were accepted. */
  readonly order: number;
  /** The one value that it may hand over. */
  value: string | undefined;
  mailed: boolean;
  armed: boolean;
  readonly shown: { readonly holder: string; readonly value: string; readonly at: number }[];
}

const ring = keyring([masterKey]);
/** From here on the mail has been accepted. */
const afterMail: readonly State[] = ['mailed', 'changing', 'ready', 'leased', 'done'];

export class Observer {
  readonly resets = new Map<string, Seen>();
  readonly writes = new Map<string, Write[]>();
  readonly violations: Violation[] = [];
  /** Changes of somebody else that fell between a look and a write of ours, in a directory that cannot compare. */
  windows = 0;
  readonly #world: World;
  #db: DatabaseSync | undefined;
  readonly #prepared = new Map<string, StatementSync>();
  readonly #versions = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Reads from these files from now on: after a crash they are others. */
  open(path: string): void {
    this.close();
    this.#db = new DatabaseSync(path);
    this.look();
  }

  close(): void {
    if (this.#db) this.#db.close();
    this.#db = undefined;
    this.#prepared.clear();
  }

  query<R>(text: string, ...values: (string | number)[]): R[] {
    let statement = this.#prepared.get(text);
    if (!statement && this.#db) {
      statement = this.#db.prepare(text);
      this.#prepared.set(text, statement);
    }
    return (statement?.all(...values) ?? []) as R[];
  }

  fail(invariant: Invariant, what: string): void {
    this.violations.push({ invariant, what });
    this.#world.note(`!! ${invariant}: ${what}`);
  }

  /** The writes of a person's password, oldest first. */
  writesOf(user: string): readonly Write[] {
    return this.writes.get(user) ?? [];
  }

  /** A directory has taken a value. */
  wrote(user: string, value: string, by: string, hit = false): void {
    const before = this.writesOf(user);
    const write = { user, value, by, hit, at: this.#world.loop.now };
    this.#world.note(`directory: ${this.#world.nick(user)} now has the password of ${this.#world.nickOf(by)}`);
    this.writes.set(user, [...before, write]);
    if (hit) this.windows++;
    const [kind, id = ''] = by.split(':');
    if (kind === 'reset') this.#wroteReset(id, write, before);
    if (kind === 'scramble') this.#wroteScramble(id, write, before);
  }

  #wroteReset(id: string, write: Write, before: readonly Write[]): void {
    const seen = this.resets.get(id);
    if (!seen) {
      this.fail('I9', `the directory was changed for a reset that is not in the database`);
      return;
    }
    const name = this.#world.nick(id);
    if (!seen.mailed) this.fail('promise', `${name}: the password was changed before the mail was accepted`);
    if (seen.row.user_id !== write.user) this.fail('I13', `${name}: the password of somebody else was changed`);
    if (seen.value !== undefined && seen.value !== write.value) this.fail('I2', `${name}: a second password was set`);
    seen.value ??= write.value;
    if (seen.armed && !write.hit) this.fail('I3', `${name}: its password was set again after the link was armed`);
    const newer = before.find(({ by }) => {
      const other = this.resets.get(by.replace(/^reset:/, ''));
      return by.startsWith('reset:') && other !== undefined && other.order > seen.order;
    });
    if (newer) this.fail('I3', `${name} has set its password after the newer ${this.#world.nickOf(newer.by)}`);
  }

  #wroteScramble(id: string, write: Write, before: readonly Write[]): void {
    const seen = this.resets.get(id);
    const name = this.#world.nick(id);
    const last = before.at(-1);
    if (!seen) {
      this.fail('I9', `a scramble for a reset that is not in the database`);
      return;
    }
    if (isLive(seen.row)) this.fail('promise', `${name} was scrambled while it was live`);
    if (!last || write.hit || seen.row.state === 'recalled') return;
    if (last.by === 'self' && before.some(({ by }) => by === `reset:${id}`)) {
      this.fail('promise', `${name}: a password that the person chose was scrambled`);
    }
    const other = this.resets.get(last.by.replace(/^reset:/, ''));
    if (last.by.startsWith('reset:') && other && other.row.id !== id && isLive(other.row) && other.order > seen.order) {
      this.fail('I3', `${name}: its scramble has burned the password of the newer ${this.#world.nickOf(last.by)}`);
    }
    if (last.by === 'before' || last.by === 'operator')
      this.fail('promise', `${name}: an untouched password was scrambled`);
  }

  /** A password was decrypted on somebody's screen. */
  shown(id: string, holder: string, value: string, machine: Machine): void {
    const seen = this.resets.get(id);
    const name = this.#world.nick(id);
    this.#world.note(`shown: the password of ${name}`);
    if (!seen) {
      this.fail('promise', 'a password of an unknown reset was shown');
      return;
    }
    if (!seen.armed) this.fail('I4', `${name}: a password was shown before the directory had it`);
    if (seen.value !== undefined && seen.value !== value)
      this.fail('I2', `${name}: another password was shown than was set`);
    const others = new Set(seen.shown.map((one) => one.holder));
    if (others.size > 0 && !others.has(holder)) this.fail('I6', `${name} was shown to a second holder`);
    // The answer was on its way: as long ago as an answer may take.
    const began = machine.now() - 200_000;
    if (began >= seen.row.expires_at && seen.row.leased_until === null)
      this.fail('I14', `${name} was shown after its time`);
    const over = (seen.row.leased_until ?? Number.POSITIVE_INFINITY) + 130_000;
    if (machine.now() > over) this.fail('I14', `${name} was shown after its lease`);
    seen.shown.push({ holder, value, at: this.#world.loop.now });
    const last = this.writesOf(seen.row.user_id).at(-1);
    const ours = last?.by === `reset:${id}`;
    if (last?.by === 'before') this.fail('I1', `${name} was shown, and the directory never had it`);
    if (!ours && last?.by.startsWith('reset:') && seen.row.superseded_by === null) {
      this.fail('I3', `${name} was shown, and the directory has the password of ${this.#world.nickOf(last.by)}`);
    }
  }

  /** Looks at what a commit has changed. `touched`: the tables, where they are known. */
  look(machine?: Machine, touched?: ReadonlySet<string>): void {
    if (!this.#db) return;
    if (touched === undefined || touched.has('credential')) this.#lookAtPasswords();
    if (touched === undefined || touched.has('reset')) this.#lookAtRows(machine);
    if (touched === undefined || touched.has('reset') || touched.has('job')) this.#lookAtJobs();
  }

  #lookAtRows(machine: Machine | undefined): void {
    const rows = this.query<{ id: string; seq: number; epoch: number }>('select id, seq, epoch from reset');
    for (const { id, seq, epoch } of rows) {
      const seen = this.resets.get(id);
      if (seen && seen.row.seq === seq && seen.row.epoch === epoch) continue;
      const [row] = this.query<ResetRow>('select * from reset where id = ?', id);
      if (row) this.#lookAtRow(seen, row, machine);
    }
    for (const { row } of this.resets.values()) {
      this.#lookAtReplaced(row);
      if (row.state !== 'superseded' || this.#hasMailedSuccessor(row)) continue;
      this.fail('I2', `${this.#world.nick(row.id)} died before a successor was mailed`);
    }
  }

  /** A reset that ended before its mail has given back what it would have replaced. */
  #lookAtReplaced(row: ResetRow): void {
    const newer = isLive(row) ? this.resets.get(row.superseded_by ?? '') : undefined;
    if (!newer || isLive(newer.row) || newer.mailed) return;
    const gone = ['cancelled', 'rejected', 'expired', 'recalled'].includes(newer.row.state);
    if (gone && newer.row.state !== 'recalled') {
      this.fail('promise', `${this.#world.nick(row.id)} was left behind by a successor that was never mailed`);
    }
  }

  #hasMailedSuccessor(row: ResetRow): boolean {
    for (let id = row.superseded_by; id !== null; ) {
      const newer = this.resets.get(id);
      if (newer?.mailed) return true;
      id = newer?.row.superseded_by ?? null;
    }
    return false;
  }

  /** Whatever is not at its end has somebody who will look at it. */
  #lookAtJobs(): void {
    const waiting = this.query<{ id: string }>(
      `select id from reset r where not exists (select 1 from job where job.tenant = r.tenant and job.ref = r.id)
        and (scramble = 1 or (state = 'done' and changed = 0 and force_change = 1) or state in
          ('requested', 'prepared', 'mailing', 'mailed', 'changing', 'ready', 'leased'))`,
    );
    for (const { id } of waiting) this.fail('I11', `${this.#world.nick(id)}: nobody will ever look at it again`);
  }

  /** The embedded directory's passwords, as they stand after a commit. */
  #lookAtPasswords(): void {
    if (this.#world.elsewhere) return;
    const rows = this.query<{ user_id: string; hash: string; changed_by: string; version: number }>(
      'select user_id, hash, changed_by, version from credential',
    );
    for (const { user_id, hash, changed_by, version } of rows) {
      if (this.#versions.get(user_id) === version) continue;
      const first = !this.#versions.has(user_id);
      this.#versions.set(user_id, version);
      if (first) this.writes.set(user_id, [{ user: user_id, value: plainOf(hash), by: 'before', at: 0, hit: false }]);
      else this.wrote(user_id, plainOf(hash), changed_by);
    }
  }

  #lookAtRow(seen: Seen | undefined, row: ResetRow, machine: Machine | undefined): void {
    const name = this.#world.nick(row.id);
    const before = seen?.row;
    if (before?.state !== row.state) {
      const needs = row.needs_you === null ? '' : ` (${row.needs_you})`;
      this.#world.note(`${name}: ${before ? `${before.state} → ` : ''}${row.state}${needs}`);
    } else if (before.needs_you !== row.needs_you && row.needs_you !== null) {
      this.#world.note(`${name}: needs you: ${row.needs_you}`);
    }
    const one: Seen = seen ?? {
      ...{ row, order: this.resets.size, value: undefined, mailed: false, armed: false, shown: [] },
    };
    one.row = row;
    this.resets.set(row.id, one);
    if (row.sealed_password !== null) {
      const value = ring.openText(row.sealed_password, `reset/${row.tenant}/${row.id}/sealed_password`);
      if (one.value !== undefined && one.value !== value) this.fail('I2', `${name}: a second password was sealed`);
      one.value = value;
    }
    if (before) this.#compare(name, before, row);
    this.#lookAtState(name, one, before, machine);
  }

  #compare(name: string, before: ResetRow, row: ResetRow): void {
    const jumped = before.state !== row.state && !mayGo(row.mode, before.state, row.state);
    // Several moves may share a commit; each alone is in the table.
    if (jumped && !reachable(row, before.state)) {
      this.fail('promise', `${name} went from ${before.state} to ${row.state}`);
    }
    if (before.holder_hash !== null && before.holder_hash !== row.holder_hash)
      this.fail('I6', `${name} has another holder`);
    if (row.epoch < before.epoch || row.seq < before.seq) this.fail('promise', `${name}: epoch or seq went back`);
    if (row.user_id !== before.user_id) this.fail('I13', `${name} belongs to somebody else`);
    const demoted = this.#world.demoted.get(row.caller_id) ?? Number.POSITIVE_INFINITY;
    if (before.state === 'mailed' && row.state === 'changing') {
      // Between the question and the step its process may have been stopped, within its lease.
      if (this.#world.loop.now > demoted + (this.#world.meddled ? leaseFor : 30_000))
        this.fail('I9', `${name} goes on although its admin has lost the role`);
    }
    if (row.message_id !== before.message_id) this.fail('I2', `${name} has another Message-ID`);
  }

  #lookAtState(name: string, seen: Seen, before: ResetRow | undefined, machine: Machine | undefined): void {
    const { row } = seen;
    if (afterMail.includes(row.state) && !seen.mailed) {
      seen.mailed = true;
      const kept = this.#world.post.delivered.some(({ messageId }) => messageId === row.message_id);
      if (!kept) this.fail('I4', `${name} is said to be mailed, and no server has the mail`);
      if (row.sealed_mail !== null) this.fail('promise', `${name}: the link’s key is kept after the mail was accepted`);
    }
    if ((row.state === 'ready' || row.state === 'leased') && !seen.armed) {
      seen.armed = true;
      const set = this.writesOf(row.user_id).some(({ by }) => by === `reset:${row.id}`);
      if (!set) this.fail('I4', `${name} is armed, and the directory does not have its password`);
      if (row.sealed_password !== null) this.fail('promise', `${name}: the password is kept after the link was armed`);
    }
    if (before && row.holder_hash !== null && before.holder_hash === null) {
      const now = machine?.now() ?? 0;
      if (now >= row.expires_at) this.fail('I14', `${name} was opened after its time`);
      if (!this.#world.provenHolders.has(row.holder_hash)) this.fail('I8', `${name} was opened without a right proof`);
    }
    const ended = ['cancelled', 'rejected', 'refused', 'expired', 'scrambled', 'recalled', 'superseded'];
    if (ended.includes(row.state) && (row.ciphertext ?? row.sealed_password ?? row.sealed_mail ?? null) !== null) {
      this.fail('promise', `${name} has ended, and could still be opened`);
    }
    if (row.state === 'done' && row.ciphertext !== null)
      this.fail('promise', `${name} is done, and could still be opened`);
    if (row.superseded_by !== null && row.state === 'leased' && before?.state === 'ready') {
      const newer = this.resets.get(row.superseded_by);
      if (newer?.mailed) this.fail('I2', `${name} was opened after its successor was mailed`);
    }
  }
}

/** Is there a way of more than one step? */
function reachable(row: ResetRow, from: State): boolean {
  const known = new Set<State>([from]);
  for (const state of known) {
    if (state === row.state) return true;
    for (const to of [
      'prepared',
      'mailing',
      'mailed',
      'changing',
      'ready',
      'leased',
      'done',
      'expired',
      'superseded',
      'recalled',
      'scrambled',
      'cancelled',
      'rejected',
      'refused',
    ] as const) {
      if (mayGo(row.mode, state, to)) known.add(to);
    }
  }
  return false;
}
