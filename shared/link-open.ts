// What the one-time page asks and is told: the bodies of POST /r/:id/{open,done,alarm} and their parsers. Proofs and
// holders are 32 bytes as base64url; without a right proof every id, known or not, gets 403 Problem linkNotOpened.

import type { Credential } from './api.ts';
import { fromBase64url, type LinkContext, type SealedPassword } from './link.ts';
import { Problem } from './problem.ts';

/** `holder` is made by the page before its first attempt and stays the same for every attempt. */
export interface OpenRequest {
  readonly proof: string;
  readonly proofPin?: string;
  readonly holder: string;
}
/** "I have signed in"; answered 204, as often as it is asked. */
export interface DoneRequest {
  readonly holder: string;
}
/** "That was not me"; answered 204, as often as it is asked. */
export interface AlarmRequest {
  readonly proof: string;
}

/** Whom to ask, once the proof was right: the organisation's name, and what it wrote for those who need help. */
export interface Contact {
  readonly organisation?: string;
  readonly support?: string;
}

/** The password, or the pass, for this holder, until the lease ends. */
export interface Opened extends SealedPassword, LinkContext, Contact {
  readonly state: 'open';
  /** Where to sign in with it. */
  readonly signIn: string;
  readonly user: { readonly userPrincipalName: string; readonly displayName: string };
  readonly forceChange: boolean;
  /** Absent: a password. */
  readonly credential?: Credential;
  /** ISO 8601; `leaseSeconds` is the same as seconds from now, for devices whose clock is wrong. */
  readonly leasedUntil: string;
  readonly leaseSeconds: number;
}

/** What whoever shows a right proof is told when there is no password to show; all are answered with 200. */
export type LinkTruth = Contact &
  (
    | /** The password is being changed; ask again in a moment. */ { readonly state: 'notReady' }
    /** Cancelled, refused or failed before the change: the old password works. */
    | { readonly state: 'nothingChanged' }
    | { readonly state: 'expired' }
    /** Its database was restored from a backup: everything that was under way has ended. */
    | { readonly state: 'restored' }
    /** The administrator called the link back. */
    | { readonly state: 'recalled' }
    /** A newer mail has a newer link. */
    | { readonly state: 'superseded' }
    /** Another holder opened it, at this time (ISO 8601). */
    | { readonly state: 'openedElsewhere'; readonly at: string }
    /** A PIN is needed and none was shown; not a try. */
    | { readonly state: 'pinNeeded' }
    | { readonly state: 'pinWrong'; readonly left: number }
    | { readonly state: 'pinLocked' }
    /** This holder was done, or the lease is over: the password is no longer kept. */
    | { readonly state: 'finished' }
  );

/** 200 of POST /r/:id/open. Without a right proof every id gets 403 Problem linkNotOpened instead. */
export type OpenAnswer = Opened | LinkTruth;

function members(body: unknown, required: readonly string[], optional: readonly string[] = []): Record<string, string> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new Problem('invalidSyntax');
  for (const name of Object.keys(body)) {
    if (!required.includes(name) && !optional.includes(name)) {
      throw new Problem('invalidValue', { field: name.slice(0, 60) });
    }
  }
  const given = body as Record<string, unknown>;
  for (const field of [...required, ...optional.filter((name) => Object.hasOwn(given, name))]) {
    const value = Object.hasOwn(given, field) ? given[field] : undefined;
    if (typeof value !== 'string' || !fromBase64url(value, 32)) throw new Problem('invalidValue', { field });
  }
  return given as Record<string, string>;
}

/** @throws Problem invalidSyntax, or invalidValue with `field`; the same for every id, since it looks at the body alone */
export function parseOpenRequest(body: unknown): OpenRequest {
  const { proof = '', proofPin, holder = '' } = members(body, ['proof', 'holder'], ['proofPin']);
  return { proof, holder, ...(proofPin === undefined ? {} : { proofPin }) };
}

/** @throws Problem as parseOpenRequest */
export function parseDoneRequest(body: unknown): DoneRequest {
  return { holder: members(body, ['holder']).holder ?? '' };
}

/** @throws Problem as parseOpenRequest */
export function parseAlarmRequest(body: unknown): AlarmRequest {
  return { proof: members(body, ['proof']).proof ?? '' };
}

const plainTruths = [
  'notReady',
  'nothingChanged',
  'expired',
  'restored',
  'recalled',
  'superseded',
  'pinNeeded',
  'pinLocked',
  'finished',
] as const;

const isText = (value: unknown): value is string => typeof value === 'string';
const isTime = (value: unknown): value is string => isText(value) && !Number.isNaN(Date.parse(value));
const isWebAddress = (value: unknown): value is string => isText(value) && /^https?:\/\/[^\s]+$/.test(value);
const isCount = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value < 1e9;

/** Reads the answer of POST /r/:id/open; undefined when it is none of ours, as from a proxy or a portal in between. */
export function parseOpenAnswer(body: unknown): OpenAnswer | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const given = body as Record<string, unknown>;
  const contact: Contact = {
    ...(isText(given.organisation) ? { organisation: given.organisation } : {}),
    ...(isText(given.support) ? { support: given.support } : {}),
  };
  const { state, at, left } = given;
  const plain = plainTruths.find((known) => known === state);
  if (plain) return { state: plain, ...contact };
  if (state === 'openedElsewhere') return isTime(at) ? { state, at, ...contact } : undefined;
  if (state === 'pinWrong') return isCount(left) ? { state, left, ...contact } : undefined;
  return state === 'open' ? parseOpened(given, contact) : undefined;
}

function parseOpened(given: Record<string, unknown>, contact: Contact): Opened | undefined {
  const { ct, nonce, tenant, reset, signIn, user, forceChange, credential, leasedUntil, leaseSeconds } = given;
  if (!isText(ct) || !isText(nonce) || !isText(tenant) || !isText(reset) || !isWebAddress(signIn)) return undefined;
  if (typeof forceChange !== 'boolean' || !isTime(leasedUntil) || !isCount(leaseSeconds)) return undefined;
  if (typeof user !== 'object' || user === null) return undefined;
  const { userPrincipalName, displayName } = user as Record<string, unknown>;
  if (!isText(userPrincipalName) || !isText(displayName)) return undefined;
  const sealed = { ct, nonce, tenant, reset };
  const person = { userPrincipalName, displayName };
  const pass = credential === 'temporaryAccessPass' ? ({ credential } as const) : {};
  return {
    state: 'open',
    ...sealed,
    signIn,
    user: person,
    forceChange,
    ...pass,
    leasedUntil,
    leaseSeconds,
    ...contact,
  };
}
