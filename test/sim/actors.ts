// The people of a simulation, and the machines that follow links: administrators with several tabs, recipients with a mail
// and a phone, mail scanners, whoever else finds a link, and directory sync, which changes everybody under them all.

import type { ResetRequest } from '#shared/api.ts';
import { fromBase64url, parseFragment, toBase64url } from '#shared/link.ts';
import type { Opened } from '#shared/link-open.ts';
import { Problem, type ProblemCode } from '#shared/problem.ts';
import type { Caller } from '../../connector/http/auth.ts';
import { roleTemplates } from '../../connector/policy/roles.ts';
import { actOn, beginReset, permitted } from '../../connector/resets/desk.ts';
import { alarmLink, finishLink, openLink } from '../../connector/resets/link.ts';
import type { ResetRow } from '../../connector/resets/row.ts';
import { isLive, readEvents } from '../../connector/resets/row.ts';
import { toReset } from '../../connector/resets/view.ts';
import { Secret } from '../../connector/secret.ts';
import { changePassword, verifyPassword } from '../../connector/store/credentials.ts';
import { assignRole, removeRole } from '../../connector/store/roles.ts';
import { deleteUser, updateUser } from '../../connector/store/users.ts';
import { openSealed, syncCryptography } from './cryptography.ts';
import { organisations, type Person, people } from './ground.ts';
import type { Machine } from './machine.ts';
import { hour, minute, type World } from './world.ts';

/** What came of asking: an answer, a refusal, or nothing. */
export type Answer<T> =
  | { readonly is: T }
  | { readonly refused: Problem }
  | { readonly lost: true }
  | { readonly broken: Error };

async function asked<T>(call: Promise<T | undefined>): Promise<Answer<T>> {
  try {
    const is = await call;
    return is === undefined ? { lost: true } : { is };
  } catch (error) {
    if (error instanceof Problem) return { refused: error };
    if (/^a (statement|commit) failed/.test((error as Error).message)) return { lost: true };
    return { broken: error as Error };
  }
}

/** What nobody should ever be answered. */
function noteBroken(world: World, answer: Answer<unknown>): void {
  if ('broken' in answer)
    world.observer.fail('promise', `somebody was answered with an error: ${answer.broken.message}`);
}

/** As who somebody calls. */
export function callerOf(world: World, { id, tenant, name, displayName }: Person): Caller {
  const organisation = organisations(world.elsewhere).find((one) => one.id === tenant);
  if (!organisation) throw new Error(`There is no organisation ${tenant}.`);
  const policy = world.policyOf();
  return {
    ...{ tenant: { ...organisation, policy }, id, name: displayName, userPrincipalName: name, azp: 'extension' },
    ...{ scopes: [], wids: [], expiresAt: Number.MAX_SAFE_INTEGER, token: new Secret('token') },
  };
}

/** What an admin wants; the rest is the ordinary. */
export type Wish = Partial<Pick<ResetRequest, 'password' | 'pin' | 'supersede' | 'forceChangePasswordNextSignIn'>> & {
  readonly address?: string;
};

/** Starts a reset, and asks again with the same key while no answer comes, as the dialog does. */
export async function startReset(
  world: World,
  admin: Person,
  person: Person,
  wish: Wish = {},
  key = toBase64url(world.random.bytes(12)),
): Promise<Answer<ResetRow>> {
  const { address = person.home, ...rest } = wish;
  const request: ResetRequest = {
    ...{ user: person.id, mode: 'link', forceChangePasswordNextSignIn: true, locale: 'en' },
    recipient: { address },
    ...rest,
  };
  let answer: Answer<ResetRow> = { lost: true };
  for (let tries = 0; tries < 6; tries++) {
    const call = (machine: Machine) =>
      beginReset(machine.desk, callerOf(world, admin), key, request).then(({ row }) => row);
    answer = await asked(world.ask(call));
    const again =
      'lost' in answer || ('refused' in answer && (answer.refused.status >= 500 || answer.refused.status === 429));
    if (!again) break;
    await world.sleep(2_000 + world.random.int(30_000));
  }
  noteBroken(world, answer);
  if ('refused' in answer) refusalHolds(world, admin, person, key, answer.refused);
  if ('is' in answer) {
    world.accepted(`${admin.id}/${key}`, answer.is.id);
    if (rest.pin !== undefined) world.pins.set(answer.is.id, rest.pin);
    world.note(`${admin.displayName} started ${world.nick(answer.is.id)} for ${person.displayName}`);
  } else if ('refused' in answer) {
    world.note(`${admin.displayName} was refused a reset for ${person.displayName}: ${answer.refused.code}`);
  } else world.note(`${admin.displayName} got no answer about ${person.displayName}`);
  return answer;
}

/** A refusal must have its reason in what is there. */
function refusalHolds(world: World, admin: Person, person: Person, key: string, { code, details }: Problem): void {
  const known = world.observer.query<{ reset: string }>(
    'select reset from idempotency where caller = ? and key = ? and tenant = ?',
    ...[admin.id, key, admin.tenant],
  );
  // Keys are kept for a day, by the clock of whoever is asked.
  const astray = world.machines.some((machine) => Math.abs(machine?.skew ?? 0) > 12 * hour);
  if (code === 'liveReset' && !astray && known.some(({ reset }) => reset === details.reset)) {
    world.observer.fail('promise', `a repeated request for ${person.displayName} was refused because of itself`);
  }
  const live = [...world.observer.resets.values()].some(({ row }) => row.user_id === person.id && isLive(row));
  if (code === 'stateConflict' && !live) {
    world.observer.fail('promise', `a request for ${person.displayName} was refused, and nothing is in its way`);
  }
}

/** Cancels, kills or grants, until there is an answer. */
export async function act(
  world: World,
  admin: Person,
  id: string,
  name: 'cancel' | 'kill' | 'grant',
): Promise<Answer<ResetRow>> {
  let answer: Answer<ResetRow> = { lost: true };
  for (let tries = 0; tries < 6; tries++) {
    answer = await asked(world.ask((machine) => actOn(machine.desk, callerOf(world, admin), id, name)));
    if (!('lost' in answer) && !('refused' in answer && answer.refused.status >= 500)) break;
    await world.sleep(3_000);
  }
  noteBroken(world, answer);
  if ('is' in answer && answer.is.tenant !== admin.tenant) {
    world.observer.fail('I13', `${admin.displayName} could ${name} a reset of another organisation`);
  }
  const said = 'is' in answer ? answer.is.state : 'refused' in answer ? answer.refused.code : 'no answer';
  world.note(`${admin.displayName}: ${name} ${world.nick(id)}: ${said}`);
  return answer;
}

/** What the dialog is told: goes to the sinks, since many people see it. */
export async function look(world: World, admin: Person, id: string): Promise<Answer<ResetRow>> {
  const call = async (machine: Machine) => {
    const { row } = await permitted(machine.desk, callerOf(world, admin), id);
    const events = await machine.sql.run((tx) => readEvents(tx, row.tenant, row.id));
    world.sinks.push(JSON.stringify(toReset(row, events, true, 'en')));
    return row;
  };
  return asked(world.ask(call));
}

/** A link as somebody found it in a mail. */
export interface Found {
  readonly id: string;
  readonly key: Uint8Array;
}

/** The link in a mail, as a reader shows it: soft line breaks of quoted-printable are none. */
export function linkIn(bytes: Buffer): Found | undefined {
  const text = bytes.toString('latin1').replace(/=\r\n/g, '').replaceAll('=3D', '=');
  const url = /https:\/\/\S+\/r\/([\w-]+)(#[\w.-]+)/.exec(text);
  const fragment = parseFragment(url?.[2] ?? '');
  return url?.[1] && fragment ? { id: url[1], key: fragment.key } : undefined;
}

export type Seen =
  | { readonly open: Opened; readonly password: string }
  | { readonly state: string }
  | { readonly lost: true };

/** One press of "Show password". `holder`: 32 bytes that the page made before its first attempt. */
export async function press(world: World, found: Found, holder: Uint8Array, pin?: string): Promise<Seen> {
  const id = fromBase64url(found.id) ?? new Uint8Array();
  const keys = await syncCryptography.deriveLink({ id, key: found.key, iterations: 1, ...(pin ? { pin } : {}) });
  const request = {
    proof: toBase64url(keys.proof),
    holder: toBase64url(holder),
    ...(keys.proofPin ? { proofPin: toBase64url(keys.proofPin) } : {}),
  };
  world.provenHolders.add(await syncCryptography.hash(holder));
  let by: Machine | undefined;
  const answer = await asked(
    world.ask((machine) => {
      by = machine;
      return openLink(machine.link, found.id, request).then(({ answer }) => answer);
    }),
  );
  noteBroken(world, answer);
  if ('lost' in answer || 'broken' in answer) return { lost: true };
  if ('refused' in answer) return { state: answer.refused.code };
  if (answer.is.state === 'pinWrong') {
    const wrong = (world.wrongPins.get(found.id) ?? 0) + 1;
    world.wrongPins.set(found.id, wrong);
    if (wrong >= 5) world.observer.fail('I8', `a PIN could be tried ${wrong} times, and there are tries left`);
  }
  const { is } = answer;
  if (is.state !== 'open') return { state: is.state };
  const password = openSealed(is, keys.encKey, is);
  if (password === undefined) {
    world.observer.fail('I1', `${world.nick(is.reset)}: the link opened, and its ciphertext did not`);
    return { state: 'broken' };
  }
  if (by) world.observer.shown(is.reset, toBase64url(holder), password, by);
  return { open: is, password };
}

/** Signs in; the person then chooses a password of their own. False: the directory does not take it. */
export async function signIn(world: World, person: Person, password: string, next?: string): Promise<boolean> {
  if (world.elsewhere) {
    const account = world.directory.accounts.get(person.id);
    if (!account?.enabled || account.deleted || account.passwords.at(-1) !== password) return false;
    if (next !== undefined) world.directory.choose(account, next);
    return true;
  }
  const answer = await asked(
    world.ask(async (machine) => {
      const deps = { sql: machine.sql, hashing: machine.hashing, now: () => machine.now() };
      const verdict = await verifyPassword(deps, person.tenant, { userId: person.id }, password);
      if (verdict.outcome !== 'right') return false;
      if (next === undefined) return true;
      const change = {
        password: next,
        forceChange: false,
        changedBy: 'self' as const,
        ifVersion: verdict.credential.version,
      };
      return (await changePassword(deps, person.tenant, person.id, change)).outcome === 'done';
    }),
  );
  return 'is' in answer && answer.is;
}

/** How a recipient is. */
export interface Habits {
  /** Milliseconds until the mail is read. */
  readonly readsAfter: number;
  readonly chooses: boolean;
  readonly saysDone: boolean;
  /** Wrong PINs before the right one. */
  readonly wrongPins: number;
}

/** Reads a mail, opens the link, keeps at it with the same holder, signs in. */
export async function receive(world: World, person: Person, found: Found, habits: Habits): Promise<void> {
  await world.sleep(habits.readsAfter);
  const holder = world.random.bytes(32);
  let wrong = habits.wrongPins;
  let seen: Seen = { lost: true };
  let needsPin = false;
  for (let tries = 0; tries < 40; tries++) {
    const id = world.resetOfLink(found.id);
    const right = id === undefined ? undefined : world.pins.get(id);
    const pin = needsPin ? (wrong-- > 0 ? '00000000' : right) : undefined;
    seen = await press(world, found, holder, pin);
    if ('open' in seen) break;
    if ('state' in seen && seen.state === 'pinNeeded') {
      needsPin = true;
      continue;
    }
    if ('state' in seen) await heldByMe(world, found, holder, seen.state);
    if ('state' in seen && seen.state === 'openedElsewhere') await tellAlarm(world, found);
    const waits = 'lost' in seen || ['notReady', 'pinWrong', 'unavailable', 'throttled'].includes(seen.state);
    if (!waits) break;
    await world.sleep(tries < 10 ? 5_000 : 10 * minute);
  }
  if (!('open' in seen)) {
    world.note(`${person.displayName} saw no password: ${'state' in seen ? seen.state : 'no answer'}`);
    return;
  }
  const chosen = `Chosen-${person.displayName}-${world.random.int(1e9)}`;
  const good = await signIn(world, person, seen.password, habits.chooses ? chosen : undefined);
  world.note(`${person.displayName} ${good ? 'signed in' : 'could not sign in'}`);
  if (!habits.saysDone) return;
  for (let tries = 0; tries < 5; tries++) {
    const done = await asked(
      world.ask((machine) => finishLink(machine.link, found.id, { holder: toBase64url(holder) }).then(() => true)),
    );
    if ('is' in done) return;
    await world.sleep(5_000);
  }
}

/** I7: whoever holds the link, and has seen nothing yet, is shown the password until the lease ends. */
async function heldByMe(world: World, found: Found, holder: Uint8Array, state: string): Promise<void> {
  if (state !== 'finished' && state !== 'openedElsewhere') return;
  const reset = world.observer.resets.get(world.resetOfLink(found.id) ?? '');
  if (!reset || reset.shown.length > 0 || reset.row.state !== 'leased') return;
  if (reset.row.holder_hash !== (await syncCryptography.hash(holder))) return;
  const clock = Math.max(...world.machines.map((machine) => machine?.now() ?? 0), world.loop.now);
  if (clock < (reset.row.leased_until ?? 0) - 10_000 && reset.row.seq < 1e9) {
    world.observer.fail('I7', `${world.nick(reset.row.id)}: its holder has seen nothing and is told: ${state}`);
  }
}

async function tellAlarm(world: World, found: Found): Promise<void> {
  const id = fromBase64url(found.id) ?? new Uint8Array();
  const { proof } = await syncCryptography.deriveLink({ id, key: found.key });
  await asked(
    world.ask((machine) => alarmLink(machine.link, found.id, { proof: toBase64url(proof) }).then(() => true)),
  );
}

/**
 * Something that follows links in mails (reset.md, S0–S5). Up to S3 it only asks for the page, whose bytes are the same for
 * every link and which asks nothing of the database; S4 presses without the fragment, S5 with it.
 */
export async function scan(world: World, found: Found, kind: 'S3' | 'S4' | 'S5'): Promise<void> {
  await world.sleep(world.random.int(20_000));
  if (kind === 'S3') return;
  if (kind === 'S5') return void (await press(world, found, world.random.bytes(32)));
  const [proof, holder] = [world.random.bytes(32), world.random.bytes(32)].map(toBase64url);
  const before = world.observer.query<{ n: number }>(`select count(*) as n from reset_event where name = 'opened'`);
  const answer = await asked(
    world.ask((machine) => openLink(machine.link, found.id, { proof: proof ?? '', holder: holder ?? '' })),
  );
  if ('is' in answer) world.observer.fail('I8', `a wrong proof was answered with ${answer.is.answer.state}`);
  if ('refused' in answer && before.length > 0) {
    const known: ProblemCode[] = ['linkNotOpened', 'unavailable'];
    if (!known.includes(answer.refused.code))
      world.observer.fail('I8', `a wrong proof was answered ${answer.refused.code}`);
  }
}

const global = roleTemplates['Global Administrator'];

/** Directory sync, and other administrators: names, blocks, deletions, roles. */
export async function change(
  world: World,
  what: 'rename' | 'take the name' | 'block' | 'unblock' | 'delete' | 'promote' | 'demote',
  whom: Person,
  /** Whose name is taken. */
  from: Person = whom,
): Promise<void> {
  world.note(`sync: ${what} ${whom.displayName}`);

  if (world.elsewhere) {
    const account = world.directory.accounts.get(whom.id);
    if (!account) return;
    if (what === 'rename') account.name = `renamed.${account.name}`;
    if (what === 'take the name') account.name = from.name;
    if (what === 'block' || what === 'unblock') account.enabled = what === 'unblock';
    if (what === 'delete') account.deleted = true;
    if (what === 'promote') account.roles = [...account.roles, global];
    if (what === 'demote') account.roles = [];
    if (what === 'demote') world.demoted.set(whom.id, world.loop.now);
    return;
  }
  await asked(
    world.ask(async (machine) => {
      const by = { at: machine.now(), actor: 'token:sync' };
      const { tenant, id } = whom;
      await machine.sql.run(function* (tx) {
        if (what === 'delete') yield* deleteUser(tx, tenant, id, by);
        else if (what === 'promote') yield* assignRole(tx, tenant, id, global, by);
        else if (what === 'demote') for (const role of whom.roles) yield* removeRole(tx, tenant, id, role, by);
        else {
          yield* updateUser(
            tx,
            tenant,
            id,
            (content) =>
              what === 'rename'
                ? { ...content, userName: `renamed.${content.userName}` }
                : what === 'take the name'
                  ? { ...content, userName: from.name }
                  : { ...content, active: what === 'unblock' },
            by,
          );
        }
      });
      machine.wake();
      if (what === 'demote') world.demoted.set(whom.id, world.loop.now);
      return true;
    }),
  );
}

/** Somebody at random. */
export function anybody(world: World): Person {
  return world.random.pick(people);
}

/** When a mail is read: mostly soon, sometimes too late. */
export function readingTime(world: World): number {
  const { random } = world;
  if (random.chance(0.5)) return random.int(10 * minute);
  return random.chance(0.7) ? random.int(6 * hour) : random.int(30 * hour);
}
