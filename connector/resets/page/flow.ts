// What the one-time page knows and asks, without a screen: the secret of its link, the requests, and what each answer
// means for the person. Nothing is asked of the server before the person presses a button.

import type { Credential } from '../../../shared/api.ts';
import {
  codeCharacters,
  codeLength,
  deriveLink,
  type Fragment,
  fromBase64url,
  openPassword,
  parseCode,
  parseFragment,
  toBase64url,
} from '../../../shared/link.ts';
import { type LinkTruth, type Opened, parseOpenAnswer } from '../../../shared/link-open.ts';
import { isLocale, type Locale } from '../../../shared/locale.ts';
import type { PlainTruth } from '../../../shared/messages/link.ts';

/** What this tab remembers of its link until it is done. `holder` is made once, before the first attempt. */
export interface Visit {
  /** From the address: base64url of 16 bytes. */
  readonly id: string;
  readonly locale: Locale;
  readonly holder: string;
  /** Absent: no fragment came; the code is asked for. */
  readonly key?: Uint8Array;
  /** A PIN will be asked for. */
  readonly pin: boolean;
  /** What the link shows, as its fragment says. */
  readonly credential: Credential;
}

/** What the person sees next. */
export type Screen =
  | { readonly name: 'code' }
  | { readonly name: 'start' }
  | { readonly name: 'pin'; readonly note?: 'unknown' | { readonly left: number } }
  | { readonly name: 'password'; readonly password: string; readonly opened: Opened }
  | { readonly name: 'truth'; readonly state: PlainTruth; readonly truth: LinkTruth }
  | { readonly name: 'openedElsewhere'; readonly at: string; readonly truth: LinkTruth }
  | { readonly name: 'alarmed' }
  | { readonly name: 'refused' }
  | { readonly name: 'trouble'; readonly kind: 'unreachable' | 'busy' | 'fault' }
  | { readonly name: 'done' }
  | { readonly name: 'leaseOver' };

export interface FlowDeps {
  readonly fetch: typeof fetch;
  /** Milliseconds until an unanswered request is given up. */
  readonly patience: number;
}

/** The screen to begin with. */
export function firstScreen(visit: Visit): Screen {
  if (!visit.key) return { name: 'code' };
  return { name: visit.pin ? 'pin' : 'start' };
}

// -- remembering

/** A visit as text for sessionStorage; `readVisit` is the way back, undefined for anything else. */
export function writeVisit({ key, ...visit }: Visit): string {
  return JSON.stringify({ ...visit, ...(key ? { key: toBase64url(key) } : {}) });
}

export function readVisit(text: string | null, id: string): Visit | undefined {
  let kept: unknown;
  try {
    kept = JSON.parse(text ?? 'null');
  } catch {
    return undefined;
  }
  if (typeof kept !== 'object' || kept === null) return undefined;
  const { locale, holder, pin, credential, key: keptKey, id: keptId } = kept as Record<string, unknown>;
  if (keptId !== id || !isLocale(locale) || typeof pin !== 'boolean') return undefined;
  if (typeof holder !== 'string' || !fromBase64url(holder, 32)) return undefined;
  const key = typeof keptKey === 'string' ? fromBase64url(keptKey, 32) : undefined;
  const shows = credential === 'temporaryAccessPass' ? credential : 'password';
  return { id, locale, holder, pin, credential: shows, ...(key ? { key } : {}) };
}

// -- the code from the mail

/** Reads what was typed or pasted: the code, or a fragment or whole link, for people who paste that. */
export async function readCode(
  text: string,
): Promise<Omit<Fragment, 'locale'> | { wrong: 'incomplete' | 'mistyped'; typed: number }> {
  const fragment = parseFragment(text);
  if (fragment) return { key: fragment.key, pin: fragment.pin, credential: fragment.credential };
  const typed = codeCharacters(text).length;
  if (typed !== codeLength) return { wrong: 'incomplete', typed };
  return (await parseCode(text)) ?? { wrong: 'mistyped', typed };
}

/** The eight digits of a PIN however they were typed, or undefined. Other scripts' digits count as digits. */
export function readPin(text: string): string | undefined {
  const digits = text.replace(/\p{Nd}/gu, (digit) => {
    const point = digit.codePointAt(0) ?? 0;
    // each script's ten digits stand together, zero first (Unicode §4.6)
    let zero = point;
    while (point - zero < 9 && /^\p{Nd}$/u.test(String.fromCodePoint(zero - 1))) zero--;
    return String(point < 0x80 ? point - 0x30 : point - zero);
  });
  const bare = digits.replace(/[\s\u200e\u200f.-]/g, '');
  return /^[0-9]{8}$/.test(bare) ? bare : undefined;
}

// -- asking

interface Answer {
  readonly status: number;
  /** Undefined when it is not JSON. */
  readonly body: unknown;
}

/** Undefined: no whole answer came, whether or not the request arrived. */
async function ask(deps: FlowDeps, id: string, action: string, body: unknown): Promise<Answer | undefined> {
  try {
    const response = await deps.fetch(`/r/${id}/${action}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify(body),
      credentials: 'omit',
      cache: 'no-store',
      redirect: 'error',
      signal: AbortSignal.timeout(deps.patience),
    });
    const text = await response.text();
    return { status: response.status, body: jsonOf(text) };
  } catch {
    return undefined;
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The answer was lost, the server is busy or it failed: all can be tried again as they are. */
function troubleOf(answer: Answer | undefined): Screen {
  if (!answer) return { name: 'trouble', kind: 'unreachable' };
  const busy = [429, 502, 503, 504].includes(answer.status);
  return { name: 'trouble', kind: busy ? 'busy' : 'fault' };
}

const isGood = (status = 0) => status >= 200 && status < 300;

/** Asks for the password; asking again with the same visit is harmless. */
export async function open(deps: FlowDeps, visit: Visit, pin: string | undefined): Promise<Screen> {
  const id = fromBase64url(visit.id, 16);
  if (!id || !visit.key) return { name: 'refused' };
  const keys = await deriveLink({ id, key: visit.key, ...(pin === undefined ? {} : { pin }) });
  const answer = await ask(deps, visit.id, 'open', {
    proof: toBase64url(keys.proof),
    ...(keys.proofPin ? { proofPin: toBase64url(keys.proofPin) } : {}),
    holder: visit.holder,
  });
  if (answer?.status === 403) {
    const problem = answer.body as { code?: unknown } | null | undefined;
    return problem?.code === 'linkNotOpened' ? { name: 'refused' } : { name: 'trouble', kind: 'fault' };
  }
  if (!answer || !isGood(answer.status)) return troubleOf(answer);
  const told = parseOpenAnswer(answer.body);
  return told ? screenOf(told, keys.encKey) : { name: 'trouble', kind: 'fault' };
}

async function screenOf(answer: Opened | LinkTruth, encKey: Uint8Array): Promise<Screen> {
  switch (answer.state) {
    case 'open': {
      const password = await openPassword(answer, encKey, answer);
      return password === undefined
        ? { name: 'trouble', kind: 'fault' }
        : { name: 'password', password, opened: answer };
    }
    case 'pinNeeded':
      return { name: 'pin', note: 'unknown' };
    case 'pinWrong':
      return { name: 'pin', note: { left: answer.left } };
    case 'openedElsewhere':
      return { name: 'openedElsewhere', at: answer.at, truth: answer };
    default:
      return { name: 'truth', state: answer.state, truth: answer };
  }
}

/** "I have signed in". A refusal means that the lease is over already, which is as good. */
export async function finish(deps: FlowDeps, visit: Visit): Promise<Screen> {
  const answer = await ask(deps, visit.id, 'done', { holder: visit.holder });
  return isGood(answer?.status) || answer?.status === 403 ? { name: 'done' } : troubleOf(answer);
}

/** "That was not me". */
export async function alarm(deps: FlowDeps, visit: Visit): Promise<Screen> {
  const id = fromBase64url(visit.id, 16);
  if (!id || !visit.key) return { name: 'refused' };
  const { proof } = await deriveLink({ id, key: visit.key });
  const answer = await ask(deps, visit.id, 'alarm', { proof: toBase64url(proof) });
  return isGood(answer?.status) ? { name: 'alarmed' } : troubleOf(answer);
}
