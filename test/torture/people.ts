// The scripted people: administrators who start, repeat, replace, cancel and kill resets over the real API; recipients who
// open the link that was really mailed, sign in with what it shows and choose their own; scanners that touch links.

import { randomUUID } from 'node:crypto';
import type { Reset } from '#shared/api.ts';
import { deriveLink, type Link, openPassword, toBase64url } from '#shared/link.ts';
import type { OpenAnswer } from '#shared/link-open.ts';
import { visitor } from '../signin/visitor.ts';
import type { Draw } from './draw.ts';
import { type Installation, origin, type Person } from './installation.ts';
import { type Ledger, linkOf, note, type Started } from './ledger.ts';
import type { Answer, Wire } from './wire.ts';

/** Of a link: what the child is told as well, so that a PIN does not cost 0.2 s each time. */
export const pinIterations = 1000;

export interface Stage {
  readonly installation: Installation;
  readonly ledger: Ledger;
  readonly wire: Wire;
  readonly draw: Draw;
  /** Resolves when nothing new is begun any more in this round. */
  readonly over: Promise<void>;
  readonly isOver: () => boolean;
}

const pause = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

/** Whatever happens to one person in a round, with all its hands: ends when all have done what they wanted, or could. */
export async function story(stage: Stage, person: Person): Promise<void> {
  const { draw } = stage;
  const kind = draw.pick(['plain', 'plain', 'twice', 'replace', 'cancel', 'kill', 'two admins'] as const);
  note(stage.ledger, `${person.userName}: ${kind}`);
  const first = begin(stage, person);
  const others: Promise<unknown>[] = [];
  if (kind === 'two admins') others.push(begin(stage, person));
  const started = await first;
  if (!started) return void (await Promise.all(others));
  others.push(recipient(stage, person, started, draw.fork()));
  if (kind === 'twice') others.push(again(stage, started), again(stage, started));
  await pause(draw.between(0, 500));
  if (kind === 'cancel' || kind === 'kill') others.push(act(stage, started, kind));
  if (kind === 'replace') {
    const newer = await begin(stage, person, [...started.ids][0]);
    if (newer) others.push(recipient(stage, person, newer, draw.fork()));
  }
  await Promise.all(others);
}

const bodies = new WeakMap<Started, { body: unknown; bearer: string }>();

/** Starts a reset; where another one is live, replaces that or leaves it. Undefined: nothing was started. */
async function begin(stage: Stage, person: Person, supersede?: string): Promise<Started | undefined> {
  const { draw, installation, ledger } = stage;
  const { bearer } = draw.pick(installation.admins);
  const pin = draw.chance(0.3) ? String(draw.between(0, 99_999_999)).padStart(8, '0') : undefined;
  const created = draw.chance(0.2) ? `Typed-by-hand-${toBase64url(draw.bytes(9))}` : undefined;
  const started: Started = {
    ...{ key: `key-${randomUUID()}`, person: person.id, address: `${randomUUID()}@post.example` },
    ...(pin === undefined ? {} : { pin }),
    ...(created === undefined ? {} : { created }),
    ...(supersede === undefined ? {} : { supersede }),
    ...{
      ids: new Set<string>(),
      acts: new Set<'cancel' | 'kill'>(),
      shown: new Set<string>(),
      holders: new Set<string>(),
    },
  };
  const body = {
    ...{ user: person.id, mode: 'link', forceChangePasswordNextSignIn: true, locale: draw.pick(['en', 'tr']) },
    recipient: { address: started.address },
    ...(pin === undefined ? {} : { pin }),
    ...(created === undefined ? {} : { password: created }),
    ...(supersede === undefined ? {} : { supersede }),
  };
  bodies.set(started, { body, bearer });
  ledger.started.push(started);
  const answer = await again(stage, started);
  if (!answer) return undefined;
  if (answer.status === 202) return started;
  const problem = JSON.parse(answer.text) as { code?: string; details?: { reset?: string } };
  note(ledger, `${person.userName}: refused, ${answer.status} ${problem.code}`);
  if (problem.code === 'liveReset' && supersede === undefined && draw.chance(0.6))
    return begin(stage, person, problem.details?.reset);
  const usual = ['liveReset', 'stateConflict', 'throttled'];
  if (!usual.includes(problem.code ?? ''))
    ledger.violations.push(`a start was refused: ${answer.status} ${answer.text}`);
  return undefined;
}

/** The same request with the same key, as often as it takes; sometimes the client gives up in the middle and asks again. */
async function again(stage: Stage, started: Started): Promise<Answer | undefined> {
  const { draw, wire, ledger } = stage;
  const { body, bearer } = bodies.get(started) ?? {};
  const headers = { authorization: `Bearer ${bearer}`, 'idempotency-key': started.key };
  if (draw.chance(0.2))
    await wire.once('POST', '/api/resets', { headers, body, giveUpAfter: draw.between(1, 60) }).catch(() => {});
  const answer = await wire.ask('POST', '/api/resets', { headers, body });
  if (answer?.status !== 202) return answer;
  const { id } = JSON.parse(answer.text) as Reset;
  if (!started.ids.has(id)) note(ledger, `reset ${id} of ${started.person} accepted, key ${started.key}`);
  started.ids.add(id);
  return answer;
}

async function act({ wire, ledger }: Stage, started: Started, name: 'cancel' | 'kill'): Promise<void> {
  const [id] = started.ids;
  const { bearer } = bodies.get(started) ?? {};
  const answer = await wire.ask('POST', `/api/resets/${id}/${name}`, {
    headers: { authorization: `Bearer ${bearer}` },
    body: {},
  });
  if (!answer) return;
  note(ledger, `reset ${id}: ${name} answered ${answer.status}`);
  if (answer.status === 200) started.acts.add(name);
  else if (answer.status !== 409) ledger.violations.push(`${name} of ${id}: ${answer.status} ${answer.text}`);
}

/** Waits for the mail, lets scanners at it, opens it, and perhaps signs in. */
async function recipient(stage: Stage, person: Person, started: Started, draw: Draw): Promise<void> {
  const mail = await stage.installation.mail.letter(started.address, stage.over);
  if (!mail) return;
  started.link ??= await linkOf(mail);
  if (draw.chance(0.4)) await scanner(stage, started.link);
  if (draw.chance(0.15)) return;
  await pause(draw.between(0, 400));
  const holder = draw.bytes(32);
  const password = await open(stage, started, holder, draw);
  if (password === undefined) return;
  if (draw.chance(0.3)) await open(stage, started, holder, draw);
  if (draw.chance(0.2)) await open(stage, started, draw.bytes(32), draw, 'second');
  if (draw.chance(0.5)) await finish(stage, started, holder);
  if (draw.chance(0.4)) await signIn(stage, person, password, draw);
}

const pageHeaders = { origin, 'sec-fetch-site': 'same-origin' };

/** What comes along without a key (reset.md S0–S4): learns nothing, changes nothing. */
async function scanner({ wire, ledger, draw }: Stage, link: Link): Promise<void> {
  const path = `/r/${toBase64url(link.id)}`;
  await wire.ask('HEAD', path);
  await wire.ask('GET', path);
  const body = { proof: toBase64url(draw.bytes(32)), holder: toBase64url(draw.bytes(32)) };
  const answer = await wire.ask('POST', `${path}/open`, { headers: pageHeaders, body });
  if (answer && answer.status !== 403) ledger.violations.push(`a scanner was answered ${answer.status}`);
}

/** What the page does: asks until there is an answer other than "not ready". The password, when it was shown. */
export async function open(
  stage: Pick<Stage, 'wire' | 'ledger' | 'isOver'>,
  started: Started,
  holder: Uint8Array,
  draw?: Draw,
  who: 'first' | 'second' = 'first',
): Promise<string | undefined> {
  const { wire, ledger } = stage;
  const { link, pin } = started;
  if (!link) return undefined;
  const keys = await deriveLink({ ...link, ...(pin === undefined ? {} : { pin }), iterations: pinIterations });
  const path = `/r/${toBase64url(link.id)}`;
  const body = (proofPin: Uint8Array | undefined) => ({
    ...{ proof: toBase64url(keys.proof), holder: toBase64url(holder) },
    ...(proofPin ? { proofPin: toBase64url(proofPin) } : {}),
  });
  if (draw && pin !== undefined && draw.chance(0.2)) {
    await wire.ask('POST', `${path}/open`, { headers: pageHeaders, body: body(draw.bytes(32)) });
  }
  while (!stage.isOver()) {
    const answer = await wire.ask('POST', `${path}/open`, { headers: pageHeaders, body: body(keys.proofPin) });
    if (!answer) return undefined;
    if (answer.status !== 200) {
      ledger.violations.push(`a right proof was answered ${answer.status} ${answer.text}`);
      return undefined;
    }
    const told = JSON.parse(answer.text) as OpenAnswer;
    const [id = '?'] = started.ids;
    note(ledger, `reset ${id}: the link says ${told.state}`);
    if (told.state === 'notReady') {
      await pause(40);
      continue;
    }
    if (told.state !== 'open') return undefined;
    const password = await openPassword(told, keys.encKey, told);
    if (password === undefined) ledger.violations.push(`reset ${id}: what the link shows does not decrypt`);
    else started.shown.add(password);
    started.holders.add(toBase64url(holder));
    if (who === 'second') ledger.violations.push(`reset ${id}: a second holder was shown the password`);
    return password;
  }
  return undefined;
}

async function finish({ wire, ledger }: Stage, started: Started, holder: Uint8Array): Promise<void> {
  if (!started.link) return;
  const path = `/r/${toBase64url(started.link.id)}/done`;
  const answer = await wire.ask('POST', path, { headers: pageHeaders, body: { holder: toBase64url(holder) } });
  if (answer && answer.status !== 204) ledger.violations.push(`done was answered ${answer.status} ${answer.text}`);
}

/** Signs in at the embedded sign-in with the temporary password and chooses another one; a process may die under it. */
async function signIn(
  { installation, ledger, wire }: Stage,
  person: Person,
  password: string,
  draw: Draw,
): Promise<void> {
  const own = `My-own-Choice-${toBase64url(draw.bytes(9))}`;
  const visit = visitor(installation);
  const account = `${origin}/signin/default/account?login_hint=${encodeURIComponent(person.userName)}`;
  try {
    const asked = await visit.go(account);
    const choose = await visit.submit(asked, { userName: person.userName, password });
    if (!choose.text.includes('newPassword')) return;
    // From here on the answer may be lost, and the password changed all the same.
    ledger.chosen.set(person.id, [...(ledger.chosen.get(person.id) ?? []), own]);
    const done = await visit.submit(choose, { newPassword: own, repeat: own }, '/password');
    note(ledger, `${person.userName} has chosen a password: ${done.status}`);
    const received = [asked, choose, done].map(({ text, headers }) => `${JSON.stringify(headers)}\n${text}`).join('\n');
    wire.exchanges.push({ method: 'POST', path: '/signin', sent: '', received });
  } catch {
    note(ledger, `${person.userName} could not sign in`);
  }
}
