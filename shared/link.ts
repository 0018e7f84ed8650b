// The one-time link, protocol v1: its keys, its address, its code for typing (what is asked of the server: link-open.ts).
// WebCrypto only: it runs in the recipient's browser; the connector's own way to the same bytes is in
// connector/link-cryptography.ts.
//
//   id = 16 random bytes (stored as SHA-256)      S = 32 random bytes (only in the address's fragment)
//   K0 = HKDF(S, id, rr/v1/root)                  Kpin = PIN ? PBKDF2(PIN, id, 600 000) : zeros
//   encKey = HKDF(K0‖Kpin, id, rr/v1/enc)         ct = AES-256-GCM(encKey, nonce, AAD = version|tenant|reset)
//   proof = HKDF(K0, id, rr/v1/proof-link)        proofPin = HKDF(K0‖Kpin, id, rr/v1/proof-pin)

import type { Credential } from './api.ts';
import { isLocale, type Locale } from './locale.ts';
import { Problem } from './problem.ts';

const version = 1;
/** Rounds of PBKDF2-HMAC-SHA-256: a PIN of eight digits is only as strong as one try is slow. */
export const pinIterations = 600_000;

type Bytes = Uint8Array<ArrayBuffer>;

/** What makes a link: `id` (16 bytes) is public, `key` (32 bytes, S above) exists only in the mail's fragment. */
export interface Link {
  readonly id: Uint8Array;
  readonly key: Uint8Array;
}

/** 32 bytes each. `proof` shows possession of the link, `proofPin` (only with a PIN) of link and PIN. */
export interface LinkKeys {
  readonly encKey: Uint8Array;
  readonly proof: Uint8Array;
  readonly proofPin?: Uint8Array;
}

/** To what a sealed password is bound; neither is secret, the page learns both with the ciphertext. */
export interface LinkContext {
  readonly tenant: string;
  readonly reset: string;
}

/** Ciphertext with its tag, and nonce (12 bytes), both base64url. */
export interface SealedPassword {
  readonly ct: string;
  readonly nonce: string;
}

// -- bytes

/** Base64url without padding (RFC 4648 §5). */
export function toBase64url(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/** The bytes of base64url text, or undefined when it is not canonical or not `length` bytes long. */
export function fromBase64url(text: string, length?: number): Bytes | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) return undefined;
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  if (length !== undefined && binary.length !== length) return undefined;
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  return toBase64url(bytes) === text ? bytes : undefined;
}

function joined(...parts: readonly Uint8Array[]): Bytes {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const utf8 = (text: string): Bytes => joined(new TextEncoder().encode(text));

async function sha256(bytes: Uint8Array): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', joined(bytes)));
}

/** SHA-256 as base64url: what the connector stores of an id, a proof or a holder. */
export async function hash(bytes: Uint8Array): Promise<string> {
  return toBase64url(await sha256(bytes));
}

/**
 * Is the stored hash the hash of this value (base64url of 32 bytes, from a request)? In constant time for a value of the
 * right shape. `stored` undefined (no such row) compares against zeros and is never right, at the same cost.
 */
export async function isHashOf(value: string, stored: string | undefined): Promise<boolean> {
  const bytes = fromBase64url(value, 32);
  const known = stored === undefined ? undefined : fromBase64url(stored, 32);
  const [given, expected] = [await sha256(bytes ?? new Uint8Array(32)), known ?? new Uint8Array(32)];
  let difference = 0;
  for (let i = 0; i < 32; i++) difference |= (given[i] ?? 0) ^ (expected[i] ?? 0);
  return difference === 0 && bytes !== undefined && known !== undefined;
}

// -- keys

/** A new link; `random` gives so many random bytes. */
export function createLink(random: (bytes: number) => Uint8Array): Link {
  return { id: random(16), key: random(32) };
}

/** HKDF-SHA-256 (RFC 5869), 32 bytes out. */
async function hkdf(secret: Uint8Array, salt: Uint8Array, info: string): Promise<Bytes> {
  const key = await crypto.subtle.importKey('raw', joined(secret), 'HKDF', false, ['deriveBits']);
  const bits = { name: 'HKDF', hash: 'SHA-256', salt: joined(salt), info: utf8(info) };
  return new Uint8Array(await crypto.subtle.deriveBits(bits, key, 256));
}

/** PBKDF2-HMAC-SHA-256 (RFC 8018 §5.2), 32 bytes out. */
async function stretchPin(pin: string, salt: Uint8Array, iterations: number): Promise<Bytes> {
  const key = await crypto.subtle.importKey('raw', utf8(pin), 'PBKDF2', false, ['deriveBits']);
  const bits = { name: 'PBKDF2', hash: 'SHA-256', salt: joined(salt), iterations };
  return new Uint8Array(await crypto.subtle.deriveBits(bits, key, 256));
}

/**
 * The keys of a link. `pin` is eight digits; `iterations` is lowered by simulations only.
 * @throws Problem pinInvalid
 */
export async function deriveLink(link: Link & { pin?: string; iterations?: number }): Promise<LinkKeys> {
  const { id, key, pin, iterations = pinIterations } = link;
  if (pin !== undefined && !/^[0-9]{8}$/.test(pin)) throw new Problem('pinInvalid');
  const root = await hkdf(key, id, 'rr/v1/root');
  const pinKey = pin === undefined ? new Uint8Array(32) : await stretchPin(pin, id, iterations);
  const both = joined(root, pinKey);
  return {
    encKey: await hkdf(both, id, 'rr/v1/enc'),
    proof: await hkdf(root, id, 'rr/v1/proof-link'),
    ...(pin === undefined ? {} : { proofPin: await hkdf(both, id, 'rr/v1/proof-pin') }),
  };
}

// -- the password

/** What a sealed password is bound to, as text. @throws RangeError for ids that would make two contexts look alike */
export function linkContextText({ tenant, reset }: LinkContext): string {
  if (`${tenant}${reset}`.includes('|')) throw new RangeError('ids of tenants and resets have no “|” in them');
  return `${version}|${tenant}|${reset}`;
}

const aad = (context: LinkContext): Bytes => utf8(linkContextText(context));

const gcmKey = (encKey: Uint8Array) =>
  crypto.subtle.importKey('raw', joined(encKey), 'AES-GCM', false, ['encrypt', 'decrypt']);

/** Seals a password for the holder of the link; `nonce` is 12 random bytes. */
export async function sealPassword(
  password: string,
  encKey: Uint8Array,
  context: LinkContext,
  nonce: Uint8Array,
): Promise<SealedPassword> {
  const gcm = { name: 'AES-GCM', iv: joined(nonce), additionalData: aad(context) };
  const ct = await crypto.subtle.encrypt(gcm, await gcmKey(encKey), utf8(password));
  return { ct: toBase64url(new Uint8Array(ct)), nonce: toBase64url(nonce) };
}

/** The password, or undefined when key, PIN, context or ciphertext is not the right one. */
export async function openPassword(
  sealed: SealedPassword,
  encKey: Uint8Array,
  context: LinkContext,
): Promise<string | undefined> {
  const ct = fromBase64url(sealed.ct);
  const nonce = fromBase64url(sealed.nonce, 12);
  if (!ct || !nonce) return undefined;
  const gcm = { name: 'AES-GCM', iv: nonce, additionalData: aad(context) };
  const plain = await crypto.subtle.decrypt(gcm, await gcmKey(encKey), ct).catch(() => undefined);
  return plain === undefined ? undefined : new TextDecoder('utf-8', { fatal: true }).decode(plain);
}

/** What the connector does with a link's cryptography, as an argument: a simulation brings one that keeps its order. */
export interface LinkCryptography {
  readonly deriveLink: typeof deriveLink;
  readonly sealPassword: typeof sealPassword;
  readonly hash: typeof hash;
  readonly isHashOf: typeof isHashOf;
  readonly codeOf: typeof codeOf;
}

/** WebCrypto's: the reference for others. */
export const linkCryptography: LinkCryptography = { deriveLink, sealPassword, hash, isHashOf, codeOf };

// -- the address

/** What the fragment tells the page before anything is asked of the server. */
export interface Fragment {
  readonly key: Uint8Array;
  readonly locale: Locale;
  /** A PIN will be asked for. */
  readonly pin: boolean;
  /** What will be shown. */
  readonly credential: Credential;
}

/** `https://host/r/<id>#1.<locale>[.p][.t].<key>`; `host` is an origin without a path. `credential` absent: a password. */
export function linkUrl(host: string, link: Link & { locale: Locale; pin: boolean; credential?: Credential }): string {
  const { id, key, locale, pin, credential } = link;
  const flags = [...(pin ? ['p'] : []), ...(credential === 'temporaryAccessPass' ? ['t'] : [])];
  return `${host}/r/${toBase64url(id)}#${[version, locale, ...flags, toBase64url(key)].join('.')}`;
}

/**
 * Reads a fragment (with or without `#`), or a whole link. Punctuation that a mail reader drew into the link is let pass;
 * a language that is no longer spoken becomes English. Undefined when the key is not whole.
 */
export function parseFragment(text: string): Fragment | undefined {
  const found =
    /(?:^|#)1\.([A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*)(\.p)?(\.t)?\.([A-Za-z0-9_-]{43})(?![A-Za-z0-9_-])/.exec(
      text.trim(),
    );
  const key = fromBase64url(found?.[4] ?? '', 32);
  if (!found || !key) return undefined;
  const credential = found[3] === undefined ? 'password' : 'temporaryAccessPass';
  return { key, locale: isLocale(found[1]) ? found[1] : 'en', pin: found[2] !== undefined, credential };
}

// -- the code, for mail gateways that cut fragments off: version and flags, key and two bytes of checksum as 56
// characters of Crockford's base32, printed under the mail's button and typed or pasted into the page

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
/** Characters of a whole code, hyphens not counted. */
export const codeLength = 56;

/** The first byte of a code: four bits of version, then the flags. */
function head(pin: boolean, credential: Credential): number {
  return (version << 4) | (pin ? 1 : 0) | (credential === 'temporaryAccessPass' ? 2 : 0);
}

/** What a code carries. `credential` absent: a password. */
export interface Coded {
  readonly key: Uint8Array;
  readonly pin: boolean;
  readonly credential?: Credential;
}

const bodyOf = ({ key, pin, credential }: Coded) => joined(Uint8Array.of(head(pin, credential ?? 'password')), key);
const withChecksum = (body: Uint8Array, sum: Uint8Array) => joined(body, sum.subarray(0, 2));

/** The code of a link: 14 groups of four characters with hyphens. */
export async function codeOf(link: Coded): Promise<string> {
  const checksum = await sha256(bodyOf(link));
  return codeWith(link, () => checksum);
}

/** The same by a SHA-256 that answers at once. */
export function codeWith(link: Coded, sum: (body: Uint8Array) => Uint8Array): string {
  const body = bodyOf(link);
  let bits = '';
  for (const byte of withChecksum(body, sum(body))) bits += byte.toString(2).padStart(8, '0');
  const characters = bits.match(/.{5}/g) ?? [];
  const code = characters.map((five) => alphabet[Number.parseInt(five, 2)]).join('');
  return (code.match(/.{4}/g) ?? []).join('-');
}

/** The characters of a code as someone typed it: O is 0, I and L are 1, everything else that is not of a code is dropped. */
export function codeCharacters(text: string): string {
  // not toUpperCase with a locale: Turkish would make İ of i
  const upper = text.toUpperCase().replaceAll('O', '0').replace(/[ILİ]/g, '1');
  return [...upper].filter((character) => alphabet.includes(character)).join('');
}

/** Reads a typed code; undefined when it is not whole or its checksum does not hold. */
export async function parseCode(text: string): Promise<Omit<Fragment, 'locale'> | undefined> {
  const characters = codeCharacters(text);
  if (characters.length !== codeLength) return undefined;
  const bits = [...characters].map((character) => alphabet.indexOf(character).toString(2).padStart(5, '0')).join('');
  const bytes = Uint8Array.from(bits.match(/.{8}/g) ?? [], (eight) => Number.parseInt(eight, 2));
  const key = bytes.slice(1, 33);
  const [first = 0] = bytes;
  const pin = (first & 1) !== 0;
  const credential = (first & 2) === 0 ? 'password' : 'temporaryAccessPass';
  const body = bodyOf({ key, pin, credential });
  const whole = withChecksum(body, await sha256(body));
  return toBase64url(whole) === toBase64url(bytes) ? { key, pin, credential } : undefined;
}
