// The words of the one-time link's page, by language.

import type { Credential } from '../api.ts';
import type { LinkTruth } from '../link-open.ts';
import type { Locale } from '../locale.ts';
import { link as en, passLink as enPass } from './en/link.ts';
import { link as tr, passLink as trPass } from './tr/link.ts';

/** What a screen says: a heading and a paragraph. */
export interface Told {
  readonly title: string;
  readonly body: string;
}

/** The truths that are told as they are; the others have a screen of their own. */
export type PlainTruth = Exclude<LinkTruth['state'], 'pinNeeded' | 'pinWrong' | 'openedElsewhere'>;

export interface LinkMessages {
  /** Of the browser's tab. */
  readonly tab: string;
  readonly language: string;
  readonly wait: string;
  readonly tryAgain: string;
  readonly start: Told & { readonly show: string };
  readonly pin: Told & {
    readonly label: string;
    readonly hint: string;
    readonly invalid: string;
    readonly wrong: (left: number) => string;
    readonly unknown: string;
  };
  readonly code: Told & {
    readonly label: string;
    readonly count: (typed: number, all: number) => string;
    readonly next: string;
    readonly incomplete: (typed: number, all: number) => string;
    readonly mistyped: string;
  };
  readonly password: {
    readonly title: string;
    readonly forWhom: (name: string) => string;
    readonly userName: string;
    readonly password: string;
    readonly copyUserName: string;
    readonly copyPassword: string;
    readonly copied: string;
    readonly copyByHand: string;
    readonly legend: { readonly letter: string; readonly digit: string; readonly symbol: string };
    readonly spell: string;
    readonly steps: string;
    readonly stepCopy: string;
    readonly stepSignIn: string;
    readonly stepChange: string;
    readonly signIn: string;
    readonly newTab: string;
    readonly done: string;
    readonly hiddenAt: (time: string) => string;
    readonly lastMinute: string;
  };
  readonly truths: Readonly<Record<PlainTruth, Told>>;
  readonly notReadyForLong: string;
  readonly openedElsewhere: {
    readonly title: string;
    readonly body: (at: string) => string;
    readonly notMe: string;
    readonly alarmed: Told;
  };
  readonly done: Told;
  readonly leaseOver: Told;
  /** No right proof: the server says the same for every link, so all causes are named. */
  readonly refused: Told & { readonly enterCode: string };
  readonly trouble: { readonly unreachable: Told; readonly busy: Told; readonly fault: Told };
  readonly ask: (organisation: string | undefined, support: string | undefined) => string;
  /** How a character is said: `sign` is undefined for letters and digits. */
  readonly spoken: {
    readonly small: (letter: string) => string;
    readonly capital: (letter: string) => string;
    readonly digit: (digit: string) => string;
    /** Names of the 33 ASCII symbols, space included. */
    readonly symbols: Readonly<Record<string, string>>;
  };
}

export const linkMessages: Readonly<Record<Locale, LinkMessages>> = { en, tr };

/** The sentences that are others where the link shows a Temporary Access Pass. */
export interface PassLinkMessages {
  readonly tab: string;
  readonly start: LinkMessages['start'];
  readonly pin: Pick<LinkMessages['pin'], 'body'>;
  readonly password: Pick<
    LinkMessages['password'],
    | 'title'
    | 'password'
    | 'copyPassword'
    | 'copyByHand'
    | 'stepCopy'
    | 'stepSignIn'
    | 'stepChange'
    | 'hiddenAt'
    | 'lastMinute'
  >;
  readonly truths: Pick<LinkMessages['truths'], 'notReady' | 'expired' | 'recalled' | 'finished'>;
  readonly openedElsewhere: Pick<LinkMessages['openedElsewhere'], 'body' | 'alarmed'>;
  readonly done: Told;
  readonly leaseOver: Told;
}

function withPass(words: LinkMessages, pass: PassLinkMessages): LinkMessages {
  return {
    ...words,
    ...pass,
    pin: { ...words.pin, ...pass.pin },
    password: { ...words.password, ...pass.password },
    truths: { ...words.truths, ...pass.truths },
    openedElsewhere: { ...words.openedElsewhere, ...pass.openedElsewhere },
  };
}

const passMessages: Readonly<Record<Locale, LinkMessages>> = { en: withPass(en, enPass), tr: withPass(tr, trPass) };

/** The words of the page, for what its link shows. */
export function linkWords(locale: Locale, credential: Credential): LinkMessages {
  return (credential === 'password' ? linkMessages : passMessages)[locale];
}
