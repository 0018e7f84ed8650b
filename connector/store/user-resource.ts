// A person as the store keeps one: the SCIM User resource (RFC 7643 §4.1, §4.3), and what is derived from it for search.

import { fold, words } from '../filter/fold.ts';

export const coreUser = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const enterpriseUser = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

export interface Email {
  readonly value?: string;
  readonly type?: string;
  readonly primary?: boolean;
  readonly display?: string;
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
  readonly [enterpriseUser]?: { readonly department?: string };
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
