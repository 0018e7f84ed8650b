// What the form holds before it is sent, what is wrong with it, and the request that it becomes. Pure.

import {
  type AddressReason,
  isAddress,
  parseAddress,
  type Suspicion,
  sameMailbox,
  suspicions,
} from '#shared/address.ts';
import type { Offer, Reset, ResetRequest } from '#shared/api.ts';
import type { Locale } from '#shared/locale.ts';
import { checkPassword, type PasswordFinding } from '#shared/password.ts';
import { isLive } from './ladder.ts';

export interface Draft {
  /** What is handed over: a generated password, one that is typed here, or a Temporary Access Pass. */
  readonly how: 'generate' | 'create' | 'pass';
  readonly password: string;
  readonly forceChange: boolean;
  /** The id of an address on file, `typed`, or nothing chosen yet. */
  readonly recipient: { readonly onFile: string } | 'typed' | undefined;
  readonly address: string;
  /** Put the typed address on file once it has proven to be the person's. */
  readonly remember: boolean;
  /** Undefined: as the organisation proposes for the recipient. */
  readonly pin: boolean | undefined;
  readonly locale: Locale;
}

/**
 * The form as it opens. An address is proposed only when there is one alone, or when `replaces` went there: among
 * several a person must choose.
 */
export function newDraft(offer: Offer, replaces?: Reset): Draft {
  const { addresses } = offer;
  const only = addresses.length === 1 ? addresses[0] : undefined;
  const same = replaces?.recipient.onFile
    ? addresses.find(({ masked }) => masked === replaces.recipient.shown)
    : undefined;
  const typedBefore = replaces !== undefined && !replaces.recipient.onFile && offer.recipient.mayType;
  const onFile = same ?? only;
  const typed = typedBefore || (addresses.length === 0 && offer.recipient.mayType);
  return {
    how: replaces?.credential === 'temporaryAccessPass' && offer.temporaryAccessPass ? 'pass' : 'generate',
    password: '',
    forceChange: offer.forceChange.default,
    recipient: typed ? 'typed' : onFile && { onFile: onFile.id },
    address: typedBefore ? replaces.recipient.shown : '',
    remember: false,
    pin: replaces?.pin ? true : undefined,
    locale: replaces?.locale ?? offer.locale,
  };
}

/** Has anything been typed that closing the window would lose? */
export function isWorthKeeping(draft: Draft, offer: Offer, replaces?: Reset): boolean {
  return draft.password !== '' || draft.address !== newDraft(offer, replaces).address;
}

/** Must, may or need a PIN not be there? */
export function pinFor(draft: Draft, offer: Offer): { readonly wanted: boolean; readonly fixed: boolean } {
  const proposed = draft.recipient === 'typed' ? offer.pin.typed : offer.pin.onFile;
  const fixed = proposed && !offer.pin.mayUntick;
  return { wanted: fixed || (draft.pin ?? proposed), fixed };
}

/** Everything wrong with the created password, by the connector's own rules. */
export function passwordFindings(draft: Draft, offer: Offer): PasswordFinding[] {
  return checkPassword(draft.password, offer.password.policy, { ...offer.user, organisation: offer.organisation.name });
}

/** What keeps the typed address from being used. */
export function addressTrouble(draft: Draft, offer: Offer): AddressReason | 'ownMailbox' | undefined {
  const parsed = parseAddress(draft.address);
  if (!isAddress(parsed)) return parsed.details.reason;
  return sameMailbox(parsed.address, offer.user.userPrincipalName) ? 'ownMailbox' : undefined;
}

/** What to look at twice in the typed address; addresses on file are known here only masked. */
export function addressSuspicions(draft: Draft, offer: Offer): Suspicion[] {
  const parsed = parseAddress(draft.address);
  return isAddress(parsed) ? suspicions(parsed, { onFile: [], ownDomains: offer.organisation.domains }) : [];
}

export type Missing = 'password' | 'recipient' | 'address';

/** The parts that must be mended before anything can be sent, in the order of the form. */
export function missing(draft: Draft, offer: Offer): Missing[] {
  const found: Missing[] = [];
  if (draft.how === 'create' && passwordFindings(draft, offer).length > 0) found.push('password');
  if (draft.recipient === undefined) found.push('recipient');
  if (draft.recipient === 'typed' && addressTrouble(draft, offer)) found.push('address');
  return found;
}

/** The request of a draft in which nothing is missing; without the PIN, which is made when it is sent. */
export function toRequest(draft: Draft, offer: Offer, replaces?: Reset): Omit<ResetRequest, 'pin'> {
  const parsed = parseAddress(draft.address);
  const recipient = draft.recipient === 'typed' && isAddress(parsed) ? { address: parsed.address } : draft.recipient;
  if (recipient === undefined || recipient === 'typed') throw new Error('A draft without a recipient was sent.');
  return {
    user: offer.user.id,
    mode: 'link',
    ...(draft.how === 'pass' ? { credential: 'temporaryAccessPass' } : {}),
    // A pass changes no password.
    forceChangePasswordNextSignIn: draft.how !== 'pass' && draft.forceChange,
    recipient,
    locale: draft.locale,
    ...(draft.recipient === 'typed' && draft.remember && offer.recipient.mayRemember ? { remember: true } : {}),
    ...(draft.how === 'create' ? { password: draft.password } : {}),
    ...(replaces && isLive(replaces) ? { supersede: replaces.id } : {}),
  };
}
