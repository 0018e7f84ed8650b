// The contract of the resets door (`/api`): what the dialog asks and what the connector answers. Bodies are JSON, errors
// problem+json (problem.ts), times ISO 8601 in UTC. The bearer token is the only authority.
//
//   GET  /api/config[?domain=contoso.com]   Config     public
//   GET  /api/me                            Me         what the token tells of the caller; the directory is not asked
//   GET  /api/users?search=TEXT             Search
//   GET  /api/users/{id}/offer              Offer      one request draws the dialog
//   POST /api/resets                        Reset      202 + Location; header Idempotency-Key
//   GET  /api/resets/{id}                   Reset
//   GET  /api/resets/{id}/events            text/event-stream of `reset` events, data = Reset, id = its seq
//   POST /api/resets/{id}/cancel            Reset      before the password changes
//   POST /api/resets/{id}/kill              Reset      "wrong person": link dead, password scrambled
//   POST /api/resets/{id}/grant             Reset      goes on with the right of whoever calls, after signInAgain
//
// 401 with code signInAgain: the directory wants the caller to sign in anew; `details.claims` is what the sign-in must ask
// for then (OpenID Connect Core §5.5).

import { isLocale, type Locale } from './locale.ts';
import type { PasswordPolicy } from './password.ts';
import { Problem, type ProblemBody } from './problem.ts';

export const modes = ['link'] as const;
export type Mode = (typeof modes)[number];

/** What is handed over. A Temporary Access Pass signs in once, beside the password, which stays as it is. */
export const credentials = ['password', 'temporaryAccessPass'] as const;
export type Credential = (typeof credentials)[number];

/** The way, in order, then the other ends. */
// biome-ignore format: read as a list, row by row
export const states = [
  'requested', 'prepared', 'mailing', 'mailed', 'changing', 'ready', 'leased', 'done',
  'rejected', 'cancelled', 'refused', 'expired', 'scrambled', 'recalled', 'superseded',
] as const;
export type State = (typeof states)[number];

/** States in which a reset is live: one per person. */
export const liveStates = [
  'requested',
  'prepared',
  'mailing',
  'mailed',
  'changing',
  'ready',
  'leased',
] as const satisfies State[];

/** Someone must act; the row stays as it is. */
// biome-ignore format: read as a list, row by row
export const needs = [
  'mailFailed', 'mailMisconfigured', 'bounced', 'signInAgain', 'directoryFailed',
  'pinLocked', 'likelyScanner', 'alarm', 'overdue',
] as const;
export type NeedsYou = (typeof needs)[number];

/** Append-only; the arrival ladder is drawn from them. */
// biome-ignore format: read as a list, row by row
export const eventNames = [
  'requested', 'prepared', 'deferred', 'mailRefused', 'accepted', 'passwordSet', 'armed', 'opened', 'leaseEnded',
  'done', 'changed', 'passCreated', 'passUsed', 'passEnded', 'passRemoved', 'remembered', 'notRemembered', 'bounced', 'reminded', 'pinFailed', 'pinLocked', 'alarm',
  'rejected', 'cancelled', 'refused', 'expired', 'recalled', 'scrambled', 'superseded', 'reinstated', 'signedInAgain', 'restored',
] as const;
export type EventName = (typeof eventNames)[number];

export interface ResetEvent {
  readonly seq: number;
  readonly name: EventName;
  readonly at: string;
  /** What it rests on, for people who check: the server's reply, a device, a role. Never a secret. */
  readonly evidence?: string;
}

/** A person as the connector knows them. */
export interface Person {
  readonly id: string;
  readonly displayName: string;
  readonly userPrincipalName: string;
}

export interface Organisation {
  /** `tid` of the tokens. */
  readonly id: string;
  readonly name: string;
  readonly domains: readonly string[];
}

/** GET /api/config: all that the extension must know before anyone has signed in. */
export interface Config {
  readonly version: 1;
  readonly organisation: { readonly id: string; readonly name: string };
  /** OpenID issuer for MSAL. */
  readonly authority: string;
  readonly protocol: 'oidc' | 'entra';
  readonly clientId: string;
  readonly scopes: readonly string[];
}

/** GET /api/me: as old as the token, so it decides nothing; it colours the buttons in the rows. */
export interface Me {
  /** Object id. */
  readonly id: string;
  /** Has the caller a role that resets somebody? Absent: the token has no roles in it (`wids`). */
  readonly mayReset?: boolean;
}

/** GET /api/users?search= */
export interface Search {
  readonly organisation: Organisation;
  readonly caller: Person;
  /** At most 20; a person found by whole address or object id stands first and has `exact`. */
  readonly users: readonly (Person & {
    readonly accountEnabled: boolean;
    readonly department?: string;
    readonly exact?: true;
  })[];
}

/** GET /api/users/{id}/offer: what the dialog may propose for this person, to this caller, now. */
export interface Offer {
  readonly user: Person & {
    readonly accountEnabled: boolean;
    readonly jobTitle?: string;
    readonly department?: string;
  };
  readonly organisation: Organisation;
  readonly caller: Person;
  /** Present: nothing may be sent, and this is why. */
  readonly refusal?: ProblemBody;
  readonly modes: readonly Mode[];
  readonly password: { readonly mayCreate: boolean; readonly policy: PasswordPolicy };
  readonly forceChange: { readonly default: boolean; readonly mayUntick: boolean };
  /** May a Temporary Access Pass be handed over instead? By the policy, the directory, and this caller's roles. */
  readonly temporaryAccessPass: boolean;
  /** Addresses on file; `id` stands for the address in ResetRequest. */
  readonly addresses: readonly { readonly id: string; readonly masked: string }[];
  /** `mayRemember`: a typed address may be put on file once it has proven to be the person's. */
  readonly recipient: { readonly mayType: boolean; readonly mayRemember: boolean };
  /**
   * As whom the directory is changed when nobody is signed in, such as when an unused password expires: `connector`: it
   * is its own directory; `app`: the connector's own registration in the tenant.
   */
  readonly later: 'connector' | 'app' | 'admin' | 'none';
  readonly pin: { readonly onFile: boolean; readonly typed: boolean; readonly mayUntick: boolean };
  /** Of the mail; proposed from the person's preferredLanguage. */
  readonly locale: Locale;
  /** Seconds until an unopened link dies, and from opening until an unchanged password is scrambled. */
  readonly lifetimes: { readonly link: number; readonly change: number };
  /** The live reset of this person, or the last one of the past 72 hours. */
  readonly reset?: Reset;
}

/** POST /api/resets */
export interface ResetRequest {
  /** Object id; never a name. */
  readonly user: string;
  readonly mode: Mode;
  /** Absent: a password. */
  readonly credential?: Credential;
  /** A created password; absent: the connector generates one, and nobody but the recipient sees it. */
  readonly password?: string;
  /** Of a password; a pass changes none. */
  readonly forceChangePasswordNextSignIn: boolean;
  readonly recipient: { readonly onFile: string } | { readonly address: string };
  /** Eight digits, made by the dialog before its first attempt so that a lost answer loses nothing; never stored. */
  readonly pin?: string;
  readonly locale: Locale;
  /** The id of the live reset that this one replaces. */
  readonly supersede?: string;
  /** Put the typed address on file once the person has opened the link there and it has worked. */
  readonly remember?: boolean;
}

export interface Reset {
  readonly id: string;
  readonly user: Person;
  readonly mode: Mode;
  readonly credential: Credential;
  readonly state: State;
  readonly needsYou?: NeedsYou;
  /** Why it ended or waits, as a problem, when there is one to tell. */
  readonly why?: ProblemBody;
  readonly startedAt: string;
  readonly startedBy: { readonly id: string; readonly displayName: string };
  /** Masked when the address is on file, whole when the admin typed it. */
  readonly recipient: { readonly shown: string; readonly onFile: boolean };
  readonly pin: boolean;
  readonly locale: Locale;
  readonly generated: boolean;
  readonly mail: { readonly from: string; readonly subject: string };
  readonly expiresAt: string;
  /**
   * Until when the person must choose a new password, set once the link was opened; of a pass: until when one can sign in
   * with it, set once it was made.
   */
  readonly changeBy?: string;
  /** A retry is planned for then. */
  readonly nextAttemptAt?: string;
  readonly supersedes?: string;
  readonly supersededBy?: string;
  /** What this caller may do now. */
  readonly may: readonly ('cancel' | 'sendAgain' | 'kill' | 'grant')[];
  readonly seq: number;
  readonly events: readonly ResetEvent[];
}

function field(body: Record<string, unknown>, name: string, kind: 'string' | 'boolean'): unknown {
  const value = body[name];
  if (typeof value !== kind) throw new Problem('invalidValue', { field: name });
  return value;
}

/**
 * Reads the body of POST /api/resets; unknown members are refused, so that a misspelt one is not silently dropped.
 * @throws Problem invalidSyntax (not an object), invalidValue with `field`
 */
export function parseResetRequest(body: unknown): ResetRequest {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new Problem('invalidSyntax');
  const known = [
    'user',
    'mode',
    'credential',
    'password',
    'forceChangePasswordNextSignIn',
    'recipient',
    'pin',
    'locale',
    'supersede',
    'remember',
  ];
  const given = body as Record<string, unknown>;
  for (const name of Object.keys(given))
    if (!known.includes(name)) throw new Problem('invalidValue', { field: name.slice(0, 60) });
  const mode = field(given, 'mode', 'string');
  if (!(modes as readonly unknown[]).includes(mode)) throw new Problem('invalidValue', { field: 'mode' });
  const locale = given.locale;
  if (!isLocale(locale)) throw new Problem('invalidValue', { field: 'locale' });
  const optional = (name: string) => (given[name] === undefined ? undefined : (field(given, name, 'string') as string));
  const pin = optional('pin');
  if (pin !== undefined && !/^\d{8}$/.test(pin)) throw new Problem('pinInvalid');
  const credential = optional('credential') ?? 'password';
  if (!(credentials as readonly string[]).includes(credential))
    throw new Problem('invalidValue', { field: 'credential' });
  const password = optional('password');
  // A pass is made by the directory: nobody can choose it.
  if (credential === 'temporaryAccessPass' && password !== undefined)
    throw new Problem('invalidValue', { field: 'password' });
  const supersede = optional('supersede');
  const remember = given.remember === undefined ? undefined : (field(given, 'remember', 'boolean') as boolean);
  return {
    user: field(given, 'user', 'string') as string,
    mode: mode as Mode,
    ...(credential === 'temporaryAccessPass' ? { credential } : {}),
    forceChangePasswordNextSignIn: field(given, 'forceChangePasswordNextSignIn', 'boolean') as boolean,
    recipient: parseRecipient(given.recipient),
    locale,
    ...(password === undefined ? {} : { password }),
    ...(pin === undefined ? {} : { pin }),
    ...(supersede === undefined ? {} : { supersede }),
    ...(remember ? { remember } : {}),
  };
}

function parseRecipient(value: unknown): ResetRequest['recipient'] {
  if (typeof value === 'object' && value !== null && Object.keys(value).length === 1) {
    if ('onFile' in value && typeof value.onFile === 'string') return { onFile: value.onFile };
    if ('address' in value && typeof value.address === 'string') return { address: value.address };
  }
  throw new Problem('invalidValue', { field: 'recipient' });
}
