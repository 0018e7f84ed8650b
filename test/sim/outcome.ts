// What must hold when faults have stopped and two days have passed (reset.md, liveness): nobody waits for nothing, nobody
// is left with a password that nobody knows, the newest wins, and the record tells all of it.

import { hash } from 'node:crypto';
import type { State } from '#shared/api.ts';
import { liveStates } from '#shared/api.ts';
import { mayGo } from '../../connector/resets/transitions.ts';
import type { Seen } from './observer.ts';
import type { World } from './world.ts';

/** Looks at everything once more; violations go to the observer. */
export function judge(world: World): void {
  const { observer } = world;
  observer.look(world.anyMachine());
  for (const seen of observer.resets.values()) {
    waits(world, seen);
    orphan(world, seen);
    deliveries(world, seen);
    record(world, seen);
    refusals(world, seen);
  }
  chain(world);
  secrets(world);
}

/** I11: whatever is not at its end has time left, or says that somebody must act. */
function waits(world: World, { row }: Seen): void {
  const name = world.nick(row.id);
  const now = world.loop.now;
  const late = 2 * 3_600_000;
  const live = (liveStates as readonly State[]).includes(row.state);
  const deadline = row.state === 'leased' ? (row.change_by ?? row.expires_at) : row.expires_at;
  if (live && now > deadline + late && row.needs_you === null) {
    world.observer.fail('I11', `${name} is still ${row.state}, past its time, and says nothing`);
  }
  if (
    row.state === 'expired' &&
    row.scramble === 1 &&
    now > row.expires_at + 80 * 3_600_000 &&
    row.needs_you === null
  ) {
    world.observer.fail('I11', `${name} still owes a scramble and says nothing`);
  }
}

/** I1: where the directory holds a password of ours, somebody can still get at it, or it is on its way to be made useless. */
function orphan(world: World, seen: Seen): void {
  const { row } = seen;
  const last = world.observer.writesOf(row.user_id).at(-1);
  if (last?.by !== `reset:${row.id}`) return;
  if (isGone(world, row.user_id)) return;
  const name = world.nick(row.id);
  const reachable = row.sealed_password !== null || row.ciphertext !== null || seen.shown.length > 0;
  const owed = row.scramble === 1;
  const opened = row.holder_hash !== null;
  const live = (liveStates as readonly State[]).includes(row.state) || row.state === 'done';
  if (live && !reachable && !opened) {
    world.observer.fail('I1', `${name} is ${row.state}, the directory has its password, and nobody can get it`);
  }
  if (!live && !owed && !(row.state === 'superseded' && seen.shown.length > 0)) {
    world.observer.fail('I1', `${name} is ${row.state}, and the directory still has its password`);
  }
}

/** Whoever was deleted has no password that could be left behind. */
function isGone(world: World, user: string): boolean {
  if (world.elsewhere) return world.directory.accounts.get(user)?.deleted === true;
  return world.observer.query('select 1 from credential where user_id = ?', user).length === 0;
}

/** I2, I12: every mail of a reset is the same; more than one only after an outcome that was not known, or a crash. */
function deliveries(world: World, { row }: Seen): void {
  const mails = world.post.delivered.filter(({ messageId }) => messageId === row.message_id);
  const name = world.nick(row.id);
  const texts = new Set(mails.map(({ bytes, to }) => hash('sha256', `${to} ${bytes.toString('latin1')}`)));
  if (texts.size > 1) world.observer.fail('I2', `the mails of ${name} differ`);
  if (world.faults === 0 && !world.meddled && mails.length > 1)
    world.observer.fail('I12', `${name} was mailed ${mails.length} times`);
  if (mails.length > 1 + world.faults + world.kills && !world.meddled)
    world.observer.fail('I12', `${name} was mailed more often than something failed`);
  const mailed = mails.length > 0;
  if (!mailed && ['mailed', 'changing', 'ready', 'leased', 'done'].includes(row.state)) {
    world.observer.fail('I4', `${name} is ${row.state}, and was never mailed`);
  }
}

/** C15: what a server has refused for good is not tried again behind everybody's back. */
function refusals(world: World, { row }: Seen): void {
  const events = world.observer.query<{ name: string }>(
    "select name from reset_event where tenant = ? and reset = ? and name in ('mailRefused', 'accepted') order by seq",
    row.tenant,
    row.id,
  );
  if (events.some(({ name }, i) => name === 'mailRefused' && i < events.length - 1)) {
    world.observer.fail('I4', `${world.nick(row.id)} was refused for good, and sent again all the same`);
  }
}

interface Entry {
  readonly action: string;
  readonly actor: string;
  readonly at: number;
}

/** I9, I10: each move has one record, in order; each change of the directory has a decision before it. */
function record(world: World, { row }: Seen): void {
  const name = world.nick(row.id);
  const entries = world.observer.query<Entry>(
    'select action, actor, at from audit where tenant = ? and target = ? order by seq',
    row.tenant,
    `reset:${row.id}`,
  );
  const [first] = entries;
  if (first?.action !== 'reset.requested' || first.actor !== `user:${row.caller_id}`) {
    const granted = entries.some(({ action }) => action === 'reset.signedInAgain');
    if (!granted) world.observer.fail('I9', `${name} has no record of who began it`);
  }
  let state: State = 'requested';
  for (const { action } of entries.slice(1)) {
    const to = action.slice('reset.'.length) as State;
    if (!(to in ways) || to === state) continue;
    // An event has its own record where it is no move; some share a name with a state.
    if (!mayGo(row.mode, state, to)) continue;
    state = to;
  }
  if (state !== row.state) world.observer.fail('I10', `${name} is ${row.state}, and its record ends at ${state}`);
}

const ways: Readonly<Record<string, true>> = Object.fromEntries(
  [...liveStates, 'done', 'rejected', 'cancelled', 'refused', 'expired', 'scrambled', 'recalled', 'superseded'].map(
    (state) => [state, true as const],
  ),
);

/** I10: nobody has changed the record. */
function chain(world: World): void {
  for (const tenant of ['default', 'fabrikam']) {
    let before = '';
    let seq = 0;
    const rows = world.observer.query<Record<string, string | number>>(
      'select * from audit where tenant = ? order by seq',
      tenant,
    );
    for (const row of rows) {
      const { at, actor, action, target, detail } = row;
      const content = JSON.stringify([before, tenant, row.seq, at, actor, action, target, detail]);
      if (row.seq !== ++seq || row.hash !== hash('sha256', content, 'base64url')) {
        world.observer.fail('I10', `the record of ${tenant} does not fit at ${row.seq}`);
        return;
      }
      before = String(row.hash);
    }
  }
}

/** I5: no password, key or PIN where people, programs and thieves of a database file could read it. */
function secrets(world: World): void {
  const { observer } = world;
  const mails = world.post.delivered.map(({ bytes }) => bytes.toString('latin1')).join('\n');
  const values = [...world.generated, ...[...observer.resets.values()].flatMap(({ value }) => value ?? [])];
  const texts = [
    ...world.sinks,
    ...observer
      .query<{ t: string }>('select evidence as t from reset_event where evidence is not null')
      .map(({ t }) => t),
    ...observer.query<{ t: string }>('select detail || action || target as t from audit').map(({ t }) => t),
  ].join('\n');
  for (const value of new Set([...values, ...world.pins.values()])) {
    const forms = [
      value,
      Buffer.from(value).toString('base64url'),
      Buffer.from(value).toString('hex'),
      encodeURIComponent(value),
    ];
    const where = forms.some((form) => texts.includes(form))
      ? 'a log, an event, the record or an answer'
      : forms.some((form) => mails.includes(form)) && 'a mail';
    if (where) {
      observer.fail('I5', `a secret stands in ${where}`);
      return;
    }
  }
}
