// A person as the store keeps one: the SCIM User resource (RFC 7643 §4.1, §4.3), and what is derived from it for search.

import { fold, words } from '../filter/fold.ts';

export const coreUser = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const enterpriseUser = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
/** Our own extension: what Microsoft Graph says of a person and SCIM has no place for (connector/scim/user.ts lists it). */
export const graphUser = 'urn:resetandresend:scim:schemas:extension:graph:2.0:User';

/** An element of a multi-valued attribute (RFC 7643 §2.4). */
export interface Element {
  readonly value?: string;
  readonly type?: string;
  readonly primary?: boolean;
  readonly display?: string;
}
export type Email = Element;

export interface PostalAddress {
  readonly formatted?: string;
  readonly streetAddress?: string;
  readonly locality?: string;
  readonly region?: string;
  readonly postalCode?: string;
  readonly country?: string;
  readonly type?: string;
  readonly primary?: boolean;
}

export interface EnterpriseContent {
  readonly employeeNumber?: string;
  readonly costCenter?: string;
  readonly organization?: string;
  readonly division?: string;
  readonly department?: string;
}

/** The names are Microsoft Graph's. */
export interface GraphContent {
  readonly mailNickname?: string;
  readonly usageLocation?: string;
  readonly employeeType?: string;
  readonly passwordPolicies?: string;
  readonly creationType?: string;
  readonly externalUserState?: string;
  readonly externalUserStateChangeDateTime?: string;
  readonly onPremisesSyncEnabled?: boolean;
  readonly onPremisesImmutableId?: string;
  readonly onPremisesDistinguishedName?: string;
  readonly onPremisesDomainName?: string;
  readonly onPremisesSamAccountName?: string;
  readonly onPremisesSecurityIdentifier?: string;
  readonly onPremisesUserPrincipalName?: string;
  readonly onPremisesLastSyncDateTime?: string;
}

/** What a client said of a person, validated: no `id`, no `meta`, no unassigned attribute. The attributes that are read
 * here are named; every other one of the schema is kept beside them. */
export interface UserContent {
  readonly schemas: readonly string[];
  readonly externalId?: string;
  readonly userName: string;
  readonly name?: {
    readonly formatted?: string;
    readonly familyName?: string;
    readonly givenName?: string;
  };
  readonly displayName?: string;
  readonly title?: string;
  readonly preferredLanguage?: string;
  readonly locale?: string;
  readonly active: boolean;
  readonly emails?: readonly Email[];
  readonly phoneNumbers?: readonly Element[];
  readonly ims?: readonly Element[];
  readonly addresses?: readonly PostalAddress[];
  readonly userType?: string;
  readonly [enterpriseUser]?: EnterpriseContent;
  readonly [graphUser]?: GraphContent;
  readonly [attribute: string]: unknown;
}

/** The name that people read: displayName, or the best that stands in for it. */
export function shownName({ displayName, name, userName }: UserContent): string {
  const joined = [name?.givenName, name?.familyName].filter(Boolean).join(' ');
  return displayName ?? name?.formatted ?? (joined || userName);
}

/** An address that leads to a person. `kind` is `userName`, or the folded type of the email, or `''` without one. */
export interface Address {
  readonly key: string;
  readonly kind: string;
}

/** Every address once per kind. Kinds of emails are folded, so that none of them can be mistaken for `userName`. */
export function addressesOf({ userName, emails }: UserContent): Address[] {
  const all = new Map<string, Address>();
  const add = (address: Address) => all.set(JSON.stringify(address), address);
  add({ key: fold(userName), kind: 'userName' });
  for (const { value, type } of emails ?? []) if (value) add({ key: fold(value), kind: fold(type ?? '') });
  return [...all.values()];
}

/** The words by whose beginning a person is found. */
export function searchWords(content: UserContent): string[] {
  const { name, displayName } = content;
  return words([shownName(content), displayName, name?.formatted, name?.givenName, name?.familyName].join(' '));
}

/** Is it of this type? Types are not case-sensitive (RFC 7643 §2.2); one that has none is of type `''`. */
export function isOfType({ type }: { readonly type?: string }, wanted: string): boolean {
  return type === wanted || fold(type ?? '') === wanted;
}

/**
 * A person's addresses. An email of type "home" is a private address, on file for resets; userName and every other email
 * count as the mailbox that is being reset, and so does a "home" one that is equal to one of them.
 */
export function mailboxesOf({ userName, emails = [] }: UserContent): { own: string[]; home: string[] } {
  const values = (home: boolean) =>
    emails
      .filter((email) => isOfType(email, 'home') === home)
      .flatMap(({ value }) => (value === undefined ? [] : [value]));
  const own = distinct([userName, ...values(false)], new Set());
  return { own, home: distinct(values(true), new Set(own.map(fold))) };
}

function distinct(texts: readonly string[], seen: Set<string>): string[] {
  return texts.filter((text) => !seen.has(fold(text)) && seen.add(fold(text)));
}

/** The email of the primary mailbox: of those that are not private the primary one, else the first of type "work", else the first. */
export function mailOf({ emails = [] }: UserContent): Email | undefined {
  let work: Email | undefined;
  let first: Email | undefined;
  for (const email of emails) {
    if (email.value === undefined || isOfType(email, 'home')) continue;
    if (email.primary) return email;
    first ??= email;
    if (isOfType(email, 'work')) work ??= email;
  }
  return work ?? first;
}

/** The number at which a person can be reached on the way. */
export function mobilePhoneOf({ phoneNumbers = [] }: UserContent): string | undefined {
  return phoneNumbers.find((number) => isOfType(number, 'mobile'))?.value;
}

/** SCIM's userType says what the organisation likes; in Graph's sense everybody is a member who is not called a guest. */
export function userTypeOf({ userType }: UserContent): 'Member' | 'Guest' {
  return fold(userType ?? '') === 'guest' ? 'Guest' : 'Member';
}
