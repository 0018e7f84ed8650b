// THE PORT of resets: the directory in which a person's password is changed. The embedded store answers it
// (embedded.ts); Microsoft Graph upstream will. An instance belongs to one tenant.
//
// What an adapter must get right: `id` is immutable and decides, never a name; answers are read now, never from a
// cache or a token; a write is done, failed or unknown, and unknown is said whenever the answer did not arrive. Where the
// right to ask is refused, any of these throws Problem signInAgain (details.claims: what the sign-in must satisfy).

import type { Problem } from '#shared/problem.ts';
import type { Caller } from '../http/auth.ts';
import type { Standing } from '../policy/roles.ts';
import type { Secret } from '../secret.ts';
import type { Tenant } from '../tenant.ts';

/** A person as resets see one; names are Microsoft Graph's. Times are milliseconds since the epoch. */
export interface User {
  readonly id: string;
  readonly userPrincipalName: string;
  readonly displayName: string;
  readonly mail?: string;
  /** Addresses on file that are not the mailbox being reset: where a password may go. */
  readonly otherMails: readonly string[];
  /** Every address that ends in this person's own mailbox, `mail` and `userPrincipalName` included. */
  readonly proxyAddresses: readonly string[];
  readonly accountEnabled: boolean;
  readonly onPremisesSyncEnabled: boolean;
  readonly userType?: 'Member' | 'Guest';
  readonly mobilePhone?: string;
  readonly preferredLanguage?: string;
  readonly jobTitle?: string;
  readonly department?: string;
}

/** The organisation as its directory names it. `id` is Entra's tenant id (`tid` in tokens). */
export interface Organization {
  readonly id: string;
  readonly displayName: string;
  readonly verifiedDomains: readonly string[];
}

/** When the password last changed, and who did it as far as a record says so. */
export interface PasswordChange {
  readonly at: number;
  /**
   * 'self' only with a record that the person chose it; the id of our own operation when it was ours; 'other' with a record that
   * names somebody else, such as an operator or a sync.
   */
  readonly by:
    | { readonly kind: 'self' }
    | { readonly kind: 'operation'; readonly operation: string }
    | { readonly kind: 'other' }
    | { readonly kind: 'unknown' };
}

export interface PasswordProfile {
  readonly password: string;
  readonly forceChangePasswordNextSignIn: boolean;
}

/** What is not done: failed for certain, or nobody knows. */
export type NotDone =
  | { readonly outcome: 'failed'; readonly problem: Problem; readonly retryAt?: number }
  | { readonly outcome: 'unknown'; readonly why: string };

/** Of anything remote. `unknown`: it may or may not have happened; set the same value again. */
export type Outcome = { readonly outcome: 'done'; readonly at: number } | NotDone;

/** With whose right the directory is asked. The embedded one asks for none; Graph on behalf of an admin needs it. */
export type Acting =
  /** The connector's own identity, where it has one. */
  | { readonly kind: 'connector' }
  /** The admin who is calling now. */
  | { readonly kind: 'caller'; readonly caller: Caller }
  /** A reset, by what `grant` has given it; `keep` saves a newer form of it, since refresh tokens are rotated. */
  | { readonly kind: 'grant'; readonly grant: Grant; readonly keep: (secret: Secret) => Promise<void> };

/** What a reset takes along, so that its directory can be changed later, when nobody is calling (reset.md). */
export type Grant =
  /** Nothing is needed: the connector changes the directory by its own right. */
  | { readonly identity: 'connector' }
  /** The admin's own right, for as long as the secret is good. */
  | { readonly identity: 'admin'; readonly secret: Secret }
  /** Nothing can be done later; `secret` is the admin's right of this hour, good for a reset that goes well at once. */
  | { readonly identity: 'none'; readonly secret?: Secret };

/** A Temporary Access Pass, just made. The directory chooses its value and tells it this once; times in milliseconds. */
export interface MadePass {
  readonly outcome: 'done';
  readonly at: number;
  /** The directory's id of it (Graph: of the temporaryAccessPassAuthenticationMethod). */
  readonly id: string;
  readonly pass: Secret;
  /** When it ends by itself. */
  readonly until: number;
}

/** What a directory must be able to do for passes to be handed over (Graph: temporaryAccessPassMethods). */
export interface TemporaryAccessPasses {
  /**
   * May this person have one here, now, by what the directory's own policy says? Then how long it may live at most.
   * Whether the caller's roles suffice is asked elsewhere (resets/pass.ts).
   */
  allowed(user: User): Promise<{ readonly maximumLifetimeInMinutes: number } | undefined>;
  /**
   * Makes a pass. A person has one at most: a second one replaces the first, so that asking again after `unknown` is
   * harmless as long as the first was shown to nobody. A policy with a minimum may give a longer life: `until` says so.
   * `operation` names our attempt, for the record; `until` is that of `setPassword`: a pass that is made after it could take
   * the place of one that has been shown.
   */
  create(
    id: string,
    pass: { readonly lifetimeInMinutes: number; readonly isUsableOnce: boolean },
    operation: string,
    until?: number,
  ): Promise<MadePass | NotDone>;
  /** Has somebody signed in with it? False also when that is not known, or it is no longer there. */
  isUsed(id: string, passId: string): Promise<boolean>;
  /** Removes this pass, or without `passId` whichever the person has. That there is none (any more) is done. */
  remove(id: string, passId?: string): Promise<Outcome>;
}

export interface Directory {
  organization(): Promise<Organization>;
  /** By object id, or by userPrincipalName in any case. */
  find(idOrName: string): Promise<User | undefined>;
  /** By the beginning of a name or address, whole address first; at most 20. */
  search(text: string): Promise<User[]>;
  /** What decides about this person now (Entra's role template ids; `policy/roles.ts` names them). Nobody: `noStanding`. */
  standingOf(id: string): Promise<Standing>;
  /**
   * Why this person's password cannot be changed here, whoever asks: a guest, a federated domain, a synchronised person
   * without writeback. Undefined when nothing that can be known beforehand speaks against it.
   */
  obstacle(user: User): Promise<Problem | undefined>;
  /**
   * Sets the password. `operation` names our attempt (`reset:<id>`, `scramble:<id>`): asking again with the same
   * operation and the same value is harmless. An adapter that can compare and set does: when the password changed
   * between its own read and its write, it answers failed with Problem `stateConflict`; with `ifUnchangedSince` (the
   * `at` of a PasswordChange that the caller has seen) also when it has changed after that, so that a scramble never
   * hits a password that the person chose in the meantime. `until`: the end of the caller's lease; nothing is begun, and
   * nothing waited for, after it.
   */
  setPassword(
    id: string,
    profile: PasswordProfile,
    operation: string,
    ifUnchangedSince?: number,
    until?: number,
  ): Promise<Outcome>;
  /** Ends the sessions and refresh tokens of a person; partial success is failed with a Problem that says so. */
  revokeSessions(id: string): Promise<Outcome>;
  lastPasswordChange(id: string): Promise<PasswordChange | undefined>;
  /** Puts an address on file (`otherMails`), if it is not there yet. */
  rememberAddress(id: string, address: string): Promise<Outcome>;
  /**
   * How far its clock was ahead of ours when it last answered, in milliseconds; undefined: it has not yet. Absent: its clock
   * is ours.
   */
  readonly ahead?: () => number | undefined;
  /** By the write that sets a password who was signed in is so no longer. */
  readonly endsSessions?: true;
  /** Whoever waits for a person is woken in the transaction that changes the password, or uses the pass: no need to look. */
  readonly wakes?: true;
  /** Absent: this directory knows no Temporary Access Pass. */
  readonly temporaryAccessPass?: TemporaryAccessPasses;
  /** What a reset started now takes along. */
  grant(): Promise<Grant>;
}

/** The directory of a tenant, asked with somebody's right. */
export type DirectoryOf = (tenant: Tenant, acting: Acting) => Directory;
