// The password policy: shown live in the dialog and the sign-in page, enforced by the connector. Entra's rules
// (8 to 256 characters, three of four classes, no Unicode) plus what people are actually attacked with.

import type { ProblemCode, ProblemDetails } from './problem.ts';

/** Lengths in characters; `classes` of small letters, capitals, digits, symbols. */
export interface PasswordPolicy {
  readonly minimum: number;
  readonly maximum: number;
  readonly classes: number;
}

export const entraPolicy: PasswordPolicy = { minimum: 8, maximum: 256, classes: 3 };

export type PasswordFinding = { readonly code: ProblemCode; readonly details?: ProblemDetails };

/** Whose password it is: what it must not contain. `organisation` is the name that people know the company by. */
export interface PasswordPerson {
  readonly displayName: string;
  readonly userPrincipalName: string;
  readonly organisation?: string;
}

/** `n` random bytes, as crypto.getRandomValues makes them. */
export type Random = (bytes: number) => Uint8Array;

/**
 * Everything that is wrong with a password, in the order in which a person would fix it; empty when it may be used.
 * The codes are those of problem.ts: passwordTooShort {minimum}, passwordTooLong {maximum}, passwordCharacters,
 * passwordClasses {classes}, passwordContainsName, passwordCommon. Lengths are in characters (code points).
 */
export function checkPassword(password: string, policy: PasswordPolicy, person: PasswordPerson): PasswordFinding[] {
  const found: PasswordFinding[] = [];
  // Cut before counting: an input of a megabyte costs no more than one of the maximum's length.
  const length = [...password.slice(0, 2 * policy.maximum + 2)].length;
  if (length > policy.maximum) return [{ code: 'passwordTooLong', details: { maximum: policy.maximum } }];
  if (length < policy.minimum) found.push({ code: 'passwordTooShort', details: { minimum: policy.minimum } });
  if (/[^\x20-\x7e]/.test(password)) found.push({ code: 'passwordCharacters' });
  if (classesOf(password).length < policy.classes) {
    found.push({ code: 'passwordClasses', details: { classes: policy.classes } });
  }
  if (nameParts(person).some((part) => contains(password, part))) found.push({ code: 'passwordContainsName' });
  if (isCommon(password, person)) found.push({ code: 'passwordCommon' });
  return found;
}

const classes = [
  { pattern: /[a-z]/, size: 26 },
  { pattern: /[A-Z]/, size: 26 },
  { pattern: /[0-9]/, size: 10 },
  { pattern: /[^a-zA-Z0-9]/, size: 33 },
] as const;

function classesOf(password: string) {
  return classes.filter(({ pattern }) => pattern.test(password));
}

// Names ---------------------------------------------------------------------------------------------------------

/** Latin letters without their marks: a person called Çağrı types Cagri. */
function fold(text: string): string {
  const letters: Readonly<Record<string, string>> = {
    ı: 'i',
    ß: 'ss',
    ø: 'o',
    æ: 'ae',
    œ: 'oe',
    đ: 'd',
    ð: 'd',
    ł: 'l',
    þ: 'th',
  };
  return text
    .toLowerCase()
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[ıßøæœđðłþ]/g, (letter) => letters[letter] ?? letter);
}

/** Runs of four letters or more in the name and user name, and the user name as a whole. */
function nameParts({ displayName, userPrincipalName }: PasswordPerson): string[] {
  const local = fold(userPrincipalName.split('@')[0] ?? '');
  const words = [...fold(displayName).split(/[^a-z]+/), ...local.split(/[^a-z]+/), local.replace(/[^a-z]/g, '')];
  const whole = /^[a-z0-9]{5,}$/.test(local) ? [local] : [];
  return [...new Set([...words.filter((word) => word.length >= 4), ...whole])];
}

function contains(password: string, part: string): boolean {
  for (let at = 0; at + part.length <= password.length; at++) if (readsAs(password, at, part)) return true;
  return false;
}

// Guessability --------------------------------------------------------------------------------------------------

/** What a character is commonly written for, besides itself. */
const standsFor: Readonly<Record<string, string>> = {
  '0': 'o',
  '1': 'li',
  '!': 'i',
  '3': 'e',
  '4': 'a',
  '@': 'a',
  '5': 's',
  $: 's',
  '7': 't',
  '+': 't',
  '8': 'b',
};

/** Does the word stand at this place, in any case and with digits for letters? */
function readsAs(password: string, at: number, word: string): boolean {
  for (let i = 0; i < word.length; i++) {
    const written = (password[at + i] ?? '').toLowerCase();
    const meant = word[i] ?? '';
    if (written !== meant && !standsFor[written]?.includes(meant)) return false;
  }
  return true;
}

/**
 * Words that lists of stolen passwords begin with, English and Turkish, without marks; each of four letters or more.
 */
const commonWords = `
  password passwort passw0rd parola sifre sifrem letmein welcome hosgeldin merhaba hello admin administrator yonetici
  login oturum giris user username kullanici guest misafir test testing deneme temp temporary gecici change changeme
  default secret gizli master root system sistem server office microsoft windows google apple samsung
  qwerty qwertz azerty asdf asdfgh zxcv zxcvbn qazwsx abcd
  dragon monkey football futbol baseball soccer hockey basketball superman batman pokemon starwars shadow sunshine
  princess prenses iloveyou love lovely askim seviyorum canim baby angel melek flower cicek freedom trustno
  summer winter spring autumn fall yaz kis bahar sonbahar
  january february march april june july august september october november december
  ocak subat mart nisan mayis haziran temmuz agustos eylul ekim kasim aralik
  monday tuesday wednesday thursday friday saturday sunday pazartesi sali carsamba persembe cuma cumartesi pazar
  london paris berlin newyork istanbul ankara izmir bursa antalya trabzon turkey turkiye turkish anatolia anadolu
  galatasaray fenerbahce besiktas trabzonspor cimbom
  michael jordan jennifer jessica charlie thomas daniel ashley mustafa mehmet ahmet fatma ayse kemal ataturk
  company sirket internet computer bilgisayar mobile phone telefon money para gold access cheese pepper cookie
  whatever nothing killer ninja hunter ranger buster tigger ginger maggie
`
  .trim()
  .split(/\s+/)
  .filter((word) => word.length >= 4);

interface Token {
  readonly length: number;
  /** Bits that a guesser needs for it. */
  readonly bits: number;
}

/** The guessable pieces that begin at a place: words, years, runs like 1234, cba, aaaa. */
function* tokensAt(password: string, at: number, words: readonly string[]): Generator<Token> {
  for (const word of words) if (readsAs(password, at, word)) yield { length: word.length, bits: 9 };
  if (/^(1\d|20)\d\d/.test(password.slice(at, at + 4))) yield { length: 4, bits: 6 };
  for (const step of [0, 1, -1]) {
    let length = 1;
    const code = (i: number) => password.toLowerCase().charCodeAt(i);
    while (at + length < password.length && code(at + length) - code(at + length - 1) === step) length++;
    for (let cut = 3; cut <= length; cut++) yield { length: cut, bits: 6 };
  }
}

/** The cheapest way to build the password from tokens and single characters. */
function cheapest(password: string, words: readonly string[], token: (t: Token) => number, single: number): number {
  const cost = [0];
  const relax = (to: number, value: number) => {
    cost[to] = Math.min(cost[to] ?? Number.POSITIVE_INFINITY, value);
  };
  for (let at = 0; at < password.length; at++) {
    const here = cost[at] ?? 0;
    relax(at + 1, here + single);
    for (const found of tokensAt(password, at, words)) relax(at + found.length, here + token(found));
  }
  return cost[password.length] ?? 0;
}

/**
 * Entra's measure: every common word (the organisation's name is one), and with us every year and run, counts one
 * point, like any other character; five points are needed.
 */
function isCommon(password: string, person: PasswordPerson): boolean {
  const company = [person.organisation ?? '', person.userPrincipalName.split('@')[1]?.split('.')[0] ?? ''];
  const own = company.flatMap((name) => fold(name).split(/[^a-z]+/)).filter((word) => word.length >= 4);
  return password.length > 0 && cheapest(password, [...commonWords, ...own], () => 1, 1) < 5;
}

/**
 * A rough estimate of how hard a password is to guess: 0 (at once) to 4 (beyond reach, about 2^75 guesses and more).
 * For encouragement only; what may be used is decided by `checkPassword`.
 */
export function strength(password: string): 0 | 1 | 2 | 3 | 4 {
  const text = password.slice(0, 256);
  const alphabet = classesOf(text).reduce((sum, { size }) => sum + size, 0);
  const bits = cheapest(text, commonWords, (token) => token.bits, Math.log2(Math.max(alphabet, 2)));
  if (bits < 25) return 0;
  if (bits < 40) return 1;
  if (bits < 56) return 2;
  return bits < 75 ? 3 : 4;
}

// Making --------------------------------------------------------------------------------------------------------

/**
 * A whole number below `n` (at most 256), every one equally likely: bytes of the incomplete last round are thrown
 * away.
 */
function below(random: Random, n: number): number {
  const limit = 256 - (256 % n);
  for (;;) {
    for (const byte of random(8)) if (byte < limit) return byte % n;
  }
}

function pick(random: Random, letters: string): string {
  return letters.charAt(below(random, letters.length));
}

/** Without i, l, o, u and their capitals (L stays), 0 and 1: nothing to misread, and few words left to spell. */
const small = 'abcdefghjkmnpqrstvwxyz';
const capital = 'ABCDEFGHJKLMNPQRSTVWXYZ';
const digit = '23456789';

/**
 * A password such as `Kf7e-rB4m-t9Rz-5hWd`: 19 characters, 80.1 bits. Each group has one digit, one capital and two
 * small letters in any order, so that every policy of up to four classes is met, and never four letters in a row, so
 * that no name and no word of four letters fits in.
 */
export function generatePassword(random: Random): string {
  const group = () => {
    const places = [pick(random, small), pick(random, small)];
    places.splice(below(random, 3), 0, pick(random, capital));
    places.splice(below(random, 4), 0, pick(random, digit));
    return places.join('');
  };
  return [group(), group(), group(), group()].join('-');
}

/** The PIN of a reset: eight digits, 00000000 to 99999999, every one equally likely. */
export function generatePin(random: Random): string {
  return Array.from({ length: 8 }, () => pick(random, '0123456789')).join('');
}
