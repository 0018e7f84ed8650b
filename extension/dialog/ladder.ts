// The arrival ladder: what has been proven of a reset, rung by rung, and how it stands as a whole. Pure; every rung
// that is done rests on an event of the connector's, never on a guess.

import { type Credential, type EventName, liveStates, type NeedsYou, type Reset, type State } from '#shared/api.ts';
import type { DialogMessages } from '#shared/messages/dialog.ts';

/** The rungs of each credential. */
export const rungNames = {
  password: ['accepted', 'passwordSet', 'opened', 'changed'],
  temporaryAccessPass: ['accepted', 'passCreated', 'opened', 'passUsed'],
} as const satisfies Record<Credential, EventName[]>;
export type RungName = (typeof rungNames)[Credential][number];

export interface Rung {
  readonly name: RungName;
  /** `trouble`: someone must act here. `never`: the reset ended before it. */
  readonly state: 'done' | 'active' | 'trouble' | 'waiting' | 'never';
  /** ISO 8601, when done. */
  readonly at?: string;
}

/**
 * How a reset stands: while it lives, where it is or what it needs; then how it ended. `changed` (of a pass `passUsed`) is
 * the only success, and only with the record that says so; `signedIn` is the person's own word, and so is `passEnded`.
 */
export type Standing =
  | 'sending'
  | 'retrying'
  | 'changing'
  | 'changeDelayed'
  | 'waiting'
  | 'opened'
  | NeedsYou
  | 'signedIn'
  | 'changed'
  | 'changedSince'
  | 'passUsed'
  | 'passEnded'
  | 'replacing'
  | 'killing'
  | 'killedUnchanged'
  | 'killed'
  | 'expiredUnchanged'
  | 'restored'
  | 'expiring'
  | Extract<State, 'rejected' | 'cancelled' | 'refused' | 'scrambled' | 'superseded'>;

/** Good news, news, a warning, the end without success. */
export type Mood = 'busy' | 'good' | 'attention' | 'ended';

/** Has the connector recorded this event? */
export function has(reset: Reset, name: EventName): boolean {
  return reset.events.some((event) => event.name === name);
}

/** Is there a record that the person chose the new password? Without it, it has merely changed since. */
export function isBySelf(reset: Reset): boolean {
  return reset.events.some(({ name, evidence }) => name === 'changed' && evidence === 'self');
}

/** Is the reset on its way: can it still end well? */
export function isLive(reset: Reset): boolean {
  return (liveStates as readonly string[]).includes(reset.state);
}

/** Is a Temporary Access Pass handed over, and no password changed? */
export function isPass({ credential }: Reset): boolean {
  return credential === 'temporaryAccessPass';
}

/** Has the directory set the password, or made the pass? It may have, where its answer was lost. */
function isSet(reset: Reset): boolean {
  const ended = reset.events.findLast(({ name }) => name === 'expired')?.evidence;
  return has(reset, 'passwordSet') || has(reset, 'passCreated') || ended === 'answer lost';
}

/** Has it been made useless? */
function isUseless(reset: Reset): boolean {
  return has(reset, 'scrambled') || has(reset, 'passRemoved');
}

/** Nothing will be added to it any more: it ended and owes nothing, or the person has chosen a new password. */
export function isOver(reset: Reset): boolean {
  if (isLive(reset)) return false;
  if (reset.state === 'done') return has(reset, 'changed') || has(reset, 'passUsed') || has(reset, 'passEnded');
  // Both may still owe a scramble, which is told when it is done.
  if (reset.state === 'expired') return !isSet(reset);
  if (reset.state === 'recalled') return isUseless(reset) || !has(reset, 'accepted');
  return true;
}

/** How a reset stands as a whole. */
export function standing(reset: Reset): Standing {
  const isEnd = reset.state === 'expired' || reset.state === 'scrambled';
  if (isEnd && has(reset, 'restored')) return 'restored';
  switch (reset.state) {
    case 'recalled':
      if (isUseless(reset)) return 'killed';
      return has(reset, 'accepted') ? 'killing' : 'killedUnchanged';
    case 'expired':
      return isSet(reset) ? 'expiring' : 'expiredUnchanged';
    case 'rejected':
    case 'cancelled':
    case 'refused':
    case 'scrambled':
    case 'superseded':
      return reset.state;
    case 'done':
      if (has(reset, 'passUsed')) return 'passUsed';
      if (has(reset, 'passEnded')) return 'passEnded';
      if (!has(reset, 'changed')) return reset.needsYou ?? 'signedIn';
      return isBySelf(reset) ? 'changed' : 'changedSince';
  }
  if (reset.needsYou) return reset.needsYou;
  if (reset.supersededBy) return 'replacing';
  if (reset.state === 'ready') return 'waiting';
  if (reset.state === 'leased') return 'opened';
  if (reset.state === 'mailed' || reset.state === 'changing') return reset.nextAttemptAt ? 'changeDelayed' : 'changing';
  return reset.nextAttemptAt ? 'retrying' : 'sending';
}

const moods = {
  sending: 'busy',
  retrying: 'busy',
  changing: 'busy',
  changeDelayed: 'busy',
  waiting: 'busy',
  opened: 'busy',
  signedIn: 'busy',
  replacing: 'busy',
  mailFailed: 'attention',
  mailMisconfigured: 'attention',
  bounced: 'attention',
  signInAgain: 'attention',
  directoryFailed: 'attention',
  pinLocked: 'attention',
  likelyScanner: 'attention',
  alarm: 'attention',
  overdue: 'attention',
  changed: 'good',
  changedSince: 'good',
  passUsed: 'good',
  killing: 'ended',
  killedUnchanged: 'ended',
  killed: 'ended',
  expiredUnchanged: 'ended',
  restored: 'ended',
  expiring: 'ended',
  rejected: 'ended',
  cancelled: 'ended',
  refused: 'ended',
  scrambled: 'ended',
  superseded: 'ended',
  passEnded: 'ended',
} as const satisfies Record<Standing, Mood>;

/** The colour and symbol that go with a standing. */
export function mood(now: Standing): Mood {
  return moods[now];
}

/** What is said of how a reset stands. */
export function saying(words: DialogMessages, reset: Reset): { title: string; text: (who: string) => string } {
  const now = standing(reset);
  const ofPass: Partial<DialogMessages['standing']> = words.passStanding;
  return (isPass(reset) ? ofPass[now] : undefined) ?? words.standing[now];
}

/** The four rungs in order. */
export function rungs(reset: Reset): Rung[] {
  const alive = isLive(reset) || reset.state === 'done';
  const attention = mood(standing(reset)) === 'attention';
  let next = true;
  return rungNames[reset.credential].map((name): Rung => {
    const event = reset.events.find((candidate) => candidate.name === name);
    if (event) {
      return { name, state: 'done', at: event.at };
    }
    const first = next;
    next = false;
    if (!alive) return { name, state: 'never' };
    // Opening is skipped where the person changed the password in another way.
    if (name === 'opened' && (has(reset, 'changed') || has(reset, 'passUsed'))) return { name, state: 'never' };
    if (!first) return { name, state: 'waiting' };
    return { name, state: attention ? 'trouble' : 'active' };
  });
}

/**
 * What the mail server said last, while it has not accepted. `unreached`: nothing, there was no talk with it, or it broke
 * off; undefined: it has not been asked in vain.
 */
export function lastReply(reset: Reset): 'unreached' | { readonly reply: string } | undefined {
  const last = reset.events.findLast(({ name }) => name === 'mailRefused' || name === 'deferred')?.evidence;
  if (last === undefined) return undefined;
  // As the connector writes it: the outcome, then the reply, or the error that came in place of one.
  const [, outcome, reply = last] = /^(\w+): (.*)$/s.exec(last) ?? [];
  const isReply = /^[2-5]\d\d\b/.test(reply);
  return !isReply && (outcome === 'later' || outcome === 'unknown') ? 'unreached' : { reply };
}

/** The newest state of a reset: what has ended stays ended, and no answer that is older than another one counts. */
export function newer(known: Reset, seen: Reset): Reset {
  if (seen.id !== known.id || seen.seq < known.seq) return known;
  if (seen.seq === known.seq && !isLive(known) && isLive(seen)) return known;
  return isFinal(known.state) && seen.state !== known.state ? known : seen;
}

/** States that no way leads out of. */
function isFinal(state: State): boolean {
  return ['rejected', 'cancelled', 'refused', 'recalled', 'scrambled', 'superseded'].includes(state);
}
