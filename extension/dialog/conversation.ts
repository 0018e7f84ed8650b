// The dialog's side of the talk with connector and provider: does what the person asks, tells the reducer what came of
// it. No document in here, so that it runs in tests against a real server.

import type { Config, Offer, Reset, ResetRequest } from '#shared/api.ts';
import { generatePin } from '#shared/password.ts';
import type { ProblemBody } from '#shared/problem.ts';
import type { Answer, Connector } from '../connector-client.ts';
import type { Hint } from '../portals/portal.ts';
import type { SignIn, SignInOutcome } from '../sign-in.ts';
import { isLive, isOver } from './ladder.ts';
import {
  type Act,
  type Attempt,
  begin,
  type Flow,
  foreignDomain,
  type Happening,
  reduce,
  type SignInNote,
  type Trouble,
} from './reset-flow.ts';

export interface ConversationDeps {
  readonly hint: Hint | undefined;
  /** Undefined: no connector is configured. `token` is to be asked before each request. */
  readonly connect: ((token: (fresh: boolean) => Promise<string | undefined>) => Connector) | undefined;
  readonly signInTo: (config: Config) => SignIn;
  readonly random: (bytes: number) => Uint8Array;
  /** A new Idempotency-Key. */
  readonly newKey: () => string;
  readonly show: (flow: Flow) => void;
  /** Takes what the token tells of the caller's roles, for the buttons in the rows. */
  readonly noteMayReset?: (mayReset: boolean | undefined) => void;
}

/** What the dialog's person may ask for. Nothing here rejects; what went wrong is in the flow. */
export interface Conversation {
  begin(): Promise<void>;
  /** From a click, in the provider's window. A reset that is shown stays shown. `choose`: with another account. */
  signIn(choose?: boolean): Promise<void>;
  search(text: string): Promise<void>;
  choose(user: string): Promise<void>;
  signInElsewhere(): Promise<void>;
  /** Starts a reset, or repeats the attempt whose outcome is unknown, whatever is given then. */
  send(request: Omit<ResetRequest, 'pin'>, withPin: boolean): Promise<void>;
  act(name: Act): Promise<void>;
  /** Follows the shown reset again, after a refusal. */
  followAgain(): void;
  sendAgain(): void;
  keep(): void;
  hidePin(): void;
  showReset(): void;
  startOver(): Promise<void>;
  /** The person again, as they are now. */
  reload(): Promise<void>;
}

/** Begins a talk; nothing is asked before `begin`. Every change is shown through `deps.show`, at once and in order. */
export function converse(deps: ConversationDeps): Conversation {
  let flow = begin(deps.hint);
  let provider: SignIn | undefined;
  let watching: { readonly id: string; readonly stop: AbortController } | undefined;
  // The reset behind the form whose stream was refused: it would be refused again and again from there.
  let refused: string | undefined;
  // Each journey to a person makes the answers of the one before it void.
  let journey = 0;
  const connector = deps.connect?.(async (fresh) => provider?.token(fresh));

  function tell(happening: Happening): void {
    flow = reduce(flow, happening);
    follow();
    deps.show(flow);
  }

  /** Watches the reset that is shown or about to be replaced, and no other. */
  function follow(): void {
    const { step } = flow;
    const behind = step.at === 'form' && step.replaces?.id !== refused ? step.replaces : undefined;
    const shown = step.at === 'reset' && isFollowed(step) ? step.reset : behind;
    if (watching?.id === shown?.id) return;
    watching?.stop.abort();
    watching = undefined;
    if (!shown || !connector || isOver(shown)) return;
    refused = undefined;
    watching = { id: shown.id, stop: new AbortController() };
    void watch(connector, shown, watching.stop.signal);
  }

  async function watch(from: Connector, { id, seq }: Reset, signal: AbortSignal): Promise<void> {
    for await (const sighting of from.watch(id, seq, signal)) {
      if (signal.aborted) return;
      if (sighting.kind === 'reset') {
        tell({ is: 'seen', reset: sighting.reset });
        continue;
      }
      if (sighting.kind === 'connection') {
        tell({ is: 'following', following: { how: sighting.lost ? 'lost' : 'live' } });
        continue;
      }
      // The last that is told: whoever follows it again begins anew.
      watching = undefined;
      refused = id;
      const { problem } = sighting;
      const out = problem.status === 401;
      tell({
        is: 'following',
        following: out ? { how: 'signedOut', ...claimsIn(problem) } : { how: 'refused', problem },
      });
    }
  }

  /** The answer's value; nothing when the journey is over or went wrong, which has been told then. */
  async function need<T>(mine: number, asked: Promise<Answer<T>>): Promise<T | undefined> {
    const answer = await asked;
    if (mine !== journey) return undefined;
    if (answer.outcome === 'done') return answer.value;
    if (isSignedOut(answer)) tell({ is: 'signInWanted', ...claimsOf(answer) });
    else tell({ is: 'failed', trouble: troubleOf(answer) });
    return undefined;
  }

  async function signInQuietly(config: Config): Promise<void> {
    const mine = ++journey;
    provider = deps.signInTo(config);
    tell({ is: 'configured', config });
    await signedIn(mine, provider.quiet());
  }

  async function signedIn(mine: number, trying: Promise<SignInOutcome>): Promise<void> {
    const outcome = await trying;
    if (mine !== journey) return;
    if (outcome.outcome === 'done') {
      void noteRole();
      return find();
    }
    const wasOpen = flow.step.at === 'signIn' && flow.step.phase === 'open';
    tell({ is: 'signInWanted', ...noteOn(outcome, wasOpen) });
  }

  async function noteRole(): Promise<void> {
    const me = await connector?.me();
    if (me?.outcome === 'done') deps.noteMayReset?.(me.value.mayReset);
  }

  /** Signs in beside a reset that stays in sight. */
  async function signInBeside(trying: Promise<SignInOutcome>, claims?: string): Promise<void> {
    tell({ is: 'following', following: { how: 'signingIn' } });
    const outcome = await trying;
    const done = outcome.outcome === 'done';
    tell({
      is: 'following',
      following: done ? { how: 'live' } : { how: 'signedOut', ...noteOn(outcome, true), ...(claims ? { claims } : {}) },
    });
  }

  /** From the hint to the person: by whole address, by object id, else by hand. */
  async function find(): Promise<void> {
    if (!connector) return;
    const mine = ++journey;
    tell({ is: 'finding' });
    const { hint } = flow;
    if (hint?.objectId && !hint.address && (await offerFor(mine, hint.objectId, true))) return;
    const text = hint?.address ?? hint?.displayName ?? '';
    const search = await need(mine, connector.search(text));
    if (!search) return;
    const foreign = foreignDomain(hint, search.organisation);
    if (foreign !== undefined) return goElsewhere(mine, foreign, { is: 'belongsElsewhere', domain: foreign, search });
    const exact = hint?.address ? search.users.find((user) => user.exact) : undefined;
    if (exact) return void (await offerFor(mine, exact.id, false));
    if (hint?.address && hint.objectId && (await offerFor(mine, hint.objectId, true))) return;
    if (search.users.length > 0 || !hint?.address || !hint.displayName) {
      return tell({ is: 'found', text, search, hint: true });
    }
    const named = await need(mine, connector.search(hint.displayName));
    if (named) tell({ is: 'found', text: hint.displayName, search: named, hint: true });
  }

  async function goElsewhere(mine: number, domain: string, told: Happening): Promise<void> {
    tell(told);
    const answer = await connector?.config(domain);
    if (!answer || mine !== journey) return;
    if (answer.outcome === 'unknown') return tell({ is: 'failed', trouble: troubleOf(answer) });
    const other = answer.outcome === 'done' && answer.value.organisation.id !== flow.organisation?.id;
    tell({ is: 'otherKnown', other: other ? answer.value : null });
  }

  /** Draws the person's form or reset; `maybe`: an unknown id is no trouble, the search goes on. */
  async function offerFor(mine: number, user: string, maybe: boolean): Promise<boolean> {
    if (!connector) return false;
    const answer = await connector.offer(user);
    if (mine !== journey) return true;
    if (maybe && answer.outcome === 'failed' && answer.problem.status === 404) return false;
    const offer = await need(mine, Promise.resolve(answer));
    if (offer) tell({ is: 'offered', offer });
    return true;
  }

  /** Asks; when the sign-in has ended meanwhile, signs in again in the provider's window and asks once more. */
  async function askSignedIn<T>(ask: () => Promise<Answer<T>>): Promise<Answer<T>> {
    const answer = await ask();
    if (!isSignedOut(answer) || (await provider?.interactive(claimsOf(answer)))?.outcome !== 'done') return answer;
    followAgain();
    return ask();
  }

  function followAgain(): void {
    if (flow.step.at === 'reset' && !isFollowed(flow.step)) tell({ is: 'following', following: { how: 'live' } });
  }

  async function started(mine: number, attempt: Attempt, answer: Answer<Reset>): Promise<void> {
    if (answer.outcome === 'done') return tell({ is: 'started', reset: answer.value });
    if (answer.outcome === 'unknown') return tell({ is: 'startUnknown', trouble: troubleOf(answer) });
    tell({ is: 'startRefused', trouble: troubleOf(answer) });
    // Somebody was faster: show what they have started.
    if (answer.problem.code === 'liveReset') await offerFor(mine, attempt.request.user, false);
  }

  function shownOffer(): Offer | undefined {
    return 'offer' in flow.step ? flow.step.offer : undefined;
  }

  return {
    async begin() {
      if (!connector) return tell({ is: 'setUpNeeded' });
      const mine = ++journey;
      if (flow.step.at === 'trouble') tell({ is: 'finding' });
      const config = await need(mine, connector.config());
      if (config) await signInQuietly(config);
    },
    async signIn(choose = false) {
      if (!provider) return;
      if (flow.step.at === 'reset') {
        const { following } = flow.step;
        const wanted = following.how === 'signedOut' ? following.claims : undefined;
        return signInBeside(provider.interactive({ choose, claims: wanted }), wanted);
      }
      const claims = flow.step.at === 'signIn' ? flow.step.claims : undefined;
      const mine = ++journey;
      tell({ is: 'signingIn' });
      await signedIn(mine, provider.interactive({ choose, claims }));
    },
    async search(text) {
      if (!connector) return;
      tell({ is: 'searching', text });
      const answer = await connector.search(text);
      if (answer.outcome === 'done') tell({ is: 'found', text, search: answer.value, hint: false });
      else if (isSignedOut(answer)) {
        if (flow.step.at === 'picking') tell({ is: 'signInWanted', ...claimsOf(answer) });
      } else tell({ is: 'searchFailed', text, trouble: troubleOf(answer) });
    },
    async choose(user) {
      const mine = ++journey;
      tell({ is: 'finding' });
      await offerFor(mine, user, false);
    },
    async signInElsewhere() {
      const other = flow.step.at === 'elsewhere' ? flow.step.other : undefined;
      if (!other) return;
      await signInQuietly(other);
      if (flow.step.at === 'signIn') await this.signIn();
    },
    async send(request, withPin) {
      if (!connector || flow.step.at !== 'form' || flow.step.sending) return;
      const mine = journey;
      const pin = withPin ? { pin: generatePin(deps.random) } : {};
      const attempt = flow.step.unsure ?? { key: deps.newKey(), request: { ...request, ...pin } };
      tell({ is: 'sending', attempt });
      await started(mine, attempt, await askSignedIn(() => connector.start(attempt.request, attempt.key)));
    },
    async act(name) {
      if (!connector || flow.step.at !== 'reset' || flow.step.doing) return;
      const { id, why } = flow.step.reset;
      tell({ is: 'doing', act: name });
      // It waits for a sign-in that satisfies the directory: the one of before would be refused again.
      if (name === 'grant') {
        const outcome = await provider?.interactive(claimsIn(why));
        if (outcome?.outcome !== 'done') {
          const { note = 'closed' } = outcome ? noteOn(outcome, true) : {};
          return tell({ is: 'actFailed', trouble: { kind: 'signIn', note } });
        }
      }
      const answer = await askSignedIn(() => connector[name](id));
      if (answer.outcome === 'done') return tell({ is: 'seen', reset: answer.value });
      if (isSignedOut(answer)) {
        tell({ is: 'actFailed', trouble: troubleOf(answer) });
        return tell({ is: 'following', following: { how: 'signedOut', ...claimsOf(answer) } });
      }
      // It has moved on, or nobody knows: what it is now says more than what went wrong.
      const now = await connector.reset(id);
      const reset = now.outcome === 'done' ? { reset: now.value } : {};
      const trouble: Trouble = answer.outcome === 'unknown' ? { kind: 'unsure', act: name } : troubleOf(answer);
      tell({ is: 'actFailed', trouble, ...reset });
    },
    followAgain,
    sendAgain: () => tell({ is: 'sendAgain' }),
    keep: () => tell({ is: 'keep' }),
    hidePin: () => tell({ is: 'pinHidden' }),
    showReset: () => tell({ is: 'showReset' }),
    async startOver() {
      const shown = shownOffer();
      if (!connector || !shown || (flow.step.at === 'reset' && isLive(flow.step.reset))) return;
      const mine = journey;
      const offer = await need(
        mine,
        askSignedIn(() => connector.offer(shown.user.id)),
      );
      if (!offer) return;
      // Somebody else may have started one in the meantime.
      if (offer.reset && isLive(offer.reset)) tell({ is: 'offered', offer });
      else tell({ is: 'startOver', offer });
    },
    async reload() {
      const shown = shownOffer();
      if (shown) return this.choose(shown.user.id);
      return provider && flow.step.at === 'trouble' ? find() : this.begin();
    },
  };
}

/** Is a shown reset kept up to date, or will it be without anybody's doing? */
function isFollowed({ following }: Extract<Flow['step'], { at: 'reset' }>): boolean {
  return following.how === 'live' || following.how === 'lost';
}

/** What to say of a sign-in that came to nothing. `seen`: its window was open. */
function noteOn(outcome: SignInOutcome, seen: boolean): { note?: SignInNote } {
  if (outcome.outcome === 'failed') return { note: { failed: outcome.why } };
  return outcome.outcome === 'closed' && seen ? { note: 'closed' } : {};
}

/** What the directory wants of the sign-in, when it has refused the one of before. */
function claimsOf(answer: Answer<unknown>): { claims?: string } {
  return answer.outcome === 'failed' ? claimsIn(answer.problem) : {};
}

function claimsIn(problem: ProblemBody | undefined): { claims?: string } {
  const claims = problem?.code === 'signInAgain' ? problem.details?.claims : undefined;
  return typeof claims === 'string' ? { claims } : {};
}

function isSignedOut(answer: Answer<unknown>): boolean {
  return answer.outcome === 'failed' && answer.problem.status === 401;
}

function troubleOf(
  answer: { outcome: 'failed'; problem: ProblemBody } | { outcome: 'unknown'; why: 'unreachable' | 'notConnector' },
): Trouble {
  return answer.outcome === 'failed' ? { kind: 'problem', problem: answer.problem } : { kind: answer.why };
}
