// The dialog's states, and what leads from one to the next: a pure reducer. What the connector has answered comes in as
// happenings; effects live in conversation.ts, words and boxes in the components.

import type { Config, Offer, Organisation, Person, Reset, ResetRequest, Search } from '#shared/api.ts';
import type { ProblemBody } from '#shared/problem.ts';
import type { Unknown } from '../connector-client.ts';
import type { Hint } from '../portals/portal.ts';
import { isLive, isOver, newer } from './ladder.ts';

/** Why something could not be done, for the person to read. */
export type Trouble =
  | { readonly kind: 'problem'; readonly problem: ProblemBody }
  | { readonly kind: Unknown }
  /** No answer to an act came: it may or may not have taken effect. */
  | { readonly kind: 'unsure'; readonly act: Act }
  /** The sign-in that it needs has come to nothing. */
  | { readonly kind: 'signIn'; readonly note: SignInNote };

/** What may be done to a reset that is under way. */
export type Act = 'cancel' | 'kill' | 'grant';

/** Why a sign-in has come to nothing: the person has closed its window, or the provider's code or sentence. */
export type SignInNote = 'closed' | { readonly failed: string };

/**
 * Is what is shown of a reset kept up to date? `lost`: the connection is, and will be taken up again. `signedOut`: once
 * the person has signed in again. `refused`: the connector doesn't show it any more.
 */
export type Following =
  | { readonly how: 'live' | 'lost' | 'signingIn' }
  | { readonly how: 'signedOut'; readonly note?: SignInNote; readonly claims?: string }
  | { readonly how: 'refused'; readonly problem: ProblemBody };

/** One try at starting a reset. Whoever repeats it repeats all of it; it holds the typed password and the PIN. */
export interface Attempt {
  readonly key: string;
  readonly request: ResetRequest;
}

export type Found = Search['users'][number];

export type Step =
  | { readonly at: 'starting' }
  /** No connector is configured. */
  | { readonly at: 'setUp' }
  /** `quiet`: asking the provider's session. `ready`: waiting for the button. `open`: the provider's window is open. */
  | {
      readonly at: 'signIn';
      readonly phase: 'quiet' | 'ready' | 'open';
      readonly note?: SignInNote;
      /** What the directory wants of the sign-in. */
      readonly claims?: string;
    }
  | { readonly at: 'finding' }
  /** The person is picked by hand. `why`: the hint was a name only, the hint led to nobody, or there was none. */
  | {
      readonly at: 'picking';
      readonly why: 'nameOnly' | 'notFound' | 'byHand';
      readonly text: string;
      readonly users: readonly Found[];
      readonly busy: boolean;
      readonly trouble?: Trouble;
    }
  /** The hint belongs to a domain of another organisation. `other`: its connector settings; null: not served. */
  | { readonly at: 'elsewhere'; readonly domain: string; readonly other?: Config | null; readonly trouble?: Trouble }
  | { readonly at: 'refused'; readonly offer: Offer }
  /** `unsure`: whether the attempt has reached the connector is not known; only the same attempt may be repeated. */
  | {
      readonly at: 'form';
      readonly offer: Offer;
      readonly replaces?: Reset;
      readonly sending?: Attempt;
      readonly unsure?: Attempt;
      readonly trouble?: Trouble;
    }
  | {
      readonly at: 'reset';
      readonly offer: Offer;
      readonly reset: Reset;
      /** In memory only, until it is hidden or the window closes. */
      readonly pin?: string;
      /** Started in this window just now. */
      readonly fresh?: true;
      readonly following: Following;
      readonly doing?: Act;
      readonly trouble?: Trouble;
    }
  | { readonly at: 'trouble'; readonly trouble: Trouble };

export interface Flow {
  readonly step: Step;
  readonly hint?: Hint;
  readonly config?: Config;
  /** Whom one is signed in to, and as whom, as the connector says. */
  readonly organisation?: Organisation;
  readonly caller?: Person;
}

export type Happening =
  | { readonly is: 'setUpNeeded' }
  | { readonly is: 'configured'; readonly config: Config }
  | { readonly is: 'signingIn' }
  | { readonly is: 'signInWanted'; readonly note?: SignInNote; readonly claims?: string }
  | { readonly is: 'finding' }
  /** `hint`: the search was for the hint, not for what somebody typed. */
  | { readonly is: 'searching'; readonly text: string }
  | { readonly is: 'found'; readonly text: string; readonly search: Search; readonly hint: boolean }
  | { readonly is: 'searchFailed'; readonly text: string; readonly trouble: Trouble }
  | { readonly is: 'belongsElsewhere'; readonly domain: string; readonly search: Search }
  | { readonly is: 'otherKnown'; readonly other: Config | null }
  | { readonly is: 'offered'; readonly offer: Offer }
  | { readonly is: 'sending'; readonly attempt: Attempt }
  | { readonly is: 'started'; readonly reset: Reset }
  | { readonly is: 'startRefused'; readonly trouble: Trouble }
  | { readonly is: 'startUnknown'; readonly trouble: Trouble }
  | { readonly is: 'seen'; readonly reset: Reset }
  | { readonly is: 'following'; readonly following: Following }
  | { readonly is: 'doing'; readonly act: Act }
  | { readonly is: 'actFailed'; readonly trouble: Trouble; readonly reset?: Reset }
  | { readonly is: 'pinHidden' }
  | { readonly is: 'sendAgain' }
  | { readonly is: 'keep' }
  | { readonly is: 'startOver'; readonly offer: Offer }
  | { readonly is: 'showReset' }
  | { readonly is: 'failed'; readonly trouble: Trouble };

/** The dialog as it opens. `hint`: about whom, as far as the page with the button could tell. */
export function begin(hint: Hint | undefined): Flow {
  return { step: { at: 'starting' }, ...(hint ? { hint } : {}) };
}

/** What a happening makes of the dialog. One that doesn't fit (an answer that came too late) changes nothing. */
export function reduce(flow: Flow, happening: Happening): Flow {
  const { step } = flow;
  const to = (next: Step): Flow => ({ ...flow, step: next });
  switch (happening.is) {
    case 'setUpNeeded':
      return to({ at: 'setUp' });
    case 'configured':
      return {
        ...(flow.hint ? { hint: flow.hint } : {}),
        config: happening.config,
        step: { at: 'signIn', phase: 'quiet' },
      };
    case 'signingIn':
      return to({ at: 'signIn', phase: 'open' });
    case 'signInWanted':
      return to({
        ...{ at: 'signIn', phase: 'ready' },
        ...(happening.note ? { note: happening.note } : {}),
        ...(happening.claims ? { claims: happening.claims } : {}),
      });
    case 'finding':
      return to({ at: 'finding' });
    case 'searching':
      if (step.at !== 'picking') return flow;
      return to({ at: 'picking', why: step.why, users: step.users, text: happening.text, busy: true });
    case 'found':
      return found(flow, happening);
    case 'searchFailed':
      if (step.at !== 'picking' || step.text !== happening.text) return flow;
      return to({ ...step, busy: false, trouble: happening.trouble });
    case 'belongsElsewhere':
      return { ...signedIn(flow, happening.search), step: { at: 'elsewhere', domain: happening.domain } };
    case 'otherKnown':
      return step.at === 'elsewhere' ? to({ ...step, other: happening.other }) : flow;
    case 'offered':
      return { ...signedIn(flow, happening.offer), step: stepFor(happening.offer) };
    case 'failed':
      return to(
        step.at === 'elsewhere'
          ? { ...step, trouble: happening.trouble }
          : { at: 'trouble', trouble: happening.trouble },
      );
    default:
      return step.at === 'form'
        ? to(onForm(step, happening))
        : step.at === 'reset'
          ? to(onReset(step, happening))
          : flow;
  }
}

function signedIn(flow: Flow, { organisation, caller }: Pick<Search, 'organisation' | 'caller'>): Flow {
  return { ...flow, organisation, caller };
}

function found(flow: Flow, { text, search, hint }: Extract<Happening, { is: 'found' }>): Flow {
  const { step } = flow;
  const known = signedIn(flow, search);
  if (!hint) {
    // Answers may overtake each other: only the one to the newest text counts.
    if (step.at !== 'picking' || step.text !== text) return flow;
    return { ...known, step: { at: 'picking', why: step.why, text, users: search.users, busy: false } };
  }
  const why = flow.hint === undefined ? 'byHand' : flow.hint.address || flow.hint.objectId ? 'notFound' : 'nameOnly';
  return { ...known, step: { at: 'picking', why, text, users: search.users, busy: false } };
}

/** Of a reset that was just answered. */
const following: Following = { how: 'live' };

/** The live reset comes before everything; then the reason why nothing may be sent; then the form. */
function stepFor(offer: Offer): Step {
  if (offer.reset && !isOver(offer.reset)) return { at: 'reset', offer, reset: offer.reset, following };
  return offer.refusal ? { at: 'refused', offer } : { at: 'form', offer };
}

function onForm(step: Extract<Step, { at: 'form' }>, happening: Happening): Step {
  const { offer, replaces } = step;
  const form = { at: 'form' as const, offer, ...(replaces ? { replaces } : {}) };
  const attempt = step.sending ?? step.unsure;
  switch (happening.is) {
    case 'sending':
      // While it is unknown whether one was started, only that one may be tried again.
      return step.unsure && happening.attempt.key !== step.unsure.key ? step : { ...form, sending: happening.attempt };
    case 'started': {
      if (!attempt) return step;
      const pin = attempt.request.pin;
      // The attempt goes, and the typed password with it.
      const shown = { at: 'reset' as const, offer, reset: happening.reset, fresh: true as const, following };
      return pin === undefined ? shown : { ...shown, pin };
    }
    case 'startRefused':
      return step.sending ? { ...form, trouble: happening.trouble } : step;
    case 'startUnknown':
      return step.sending ? { ...form, unsure: step.sending, trouble: happening.trouble } : step;
    case 'keep':
      return replaces && !attempt ? { at: 'reset', offer, reset: replaces, following } : step;
    case 'showReset':
      return offer.reset && !attempt ? { at: 'reset', offer, reset: offer.reset, following } : step;
    case 'seen':
      return replaces ? { ...step, replaces: newer(replaces, happening.reset) } : step;
    default:
      return step;
  }
}

function onReset(step: Extract<Step, { at: 'reset' }>, happening: Happening): Step {
  const { doing: _doing, trouble: _trouble, ...calm } = step;
  switch (happening.is) {
    case 'seen': {
      const reset = newer(step.reset, happening.reset);
      // An act of ours is over when the reset has ended; the answer to the act itself comes as `seen`, too.
      return isLive(reset) ? { ...step, reset } : { ...calm, reset };
    }
    case 'following':
      return followed(step, happening.following);
    case 'doing':
      return step.doing ? step : { ...calm, doing: happening.act };
    case 'actFailed': {
      const reset = happening.reset ? newer(step.reset, happening.reset) : step.reset;
      return { ...calm, reset, trouble: happening.trouble };
    }
    case 'pinHidden': {
      const { pin: _pin, ...rest } = step;
      return rest;
    }
    case 'sendAgain':
      return step.doing || !isLive(step.reset) ? step : { at: 'form', offer: step.offer, replaces: step.reset };
    case 'startOver':
      return isLive(step.reset) || step.doing ? step : formAfter(happening.offer);
    default:
      return step;
  }
}

/** What was not known is out of date when there are answers again, and needs no saying beside the way to sign in. */
function followed(step: Extract<Step, { at: 'reset' }>, now: Following): Step {
  const { trouble, ...calm } = step;
  const said = now.how === 'lost' || (trouble?.kind === 'problem' && trouble.problem.status !== 401);
  return { ...(said ? step : calm), following: now };
}

function formAfter(offer: Offer): Step {
  return offer.refusal ? { at: 'refused', offer } : { at: 'form', offer };
}

/** The domain of a hint that is none of this organisation's; undefined: nothing speaks against it. */
export function foreignDomain(hint: Hint | undefined, organisation: Organisation): string | undefined {
  const domain = hint?.address?.split('@').at(-1)?.toLowerCase();
  if (!domain || organisation.domains.some((own) => own.toLowerCase() === domain)) return undefined;
  return domain;
}
