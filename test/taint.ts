// The taint oracle: given the secrets of a run, it finds them in whatever the run has left behind or said, in every form
// in which they could occur (reset.md, I5). It names the secret's label and the form, and never prints the secret.

import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { codeOf, deriveLink, type Link } from '#shared/link.ts';
import { type Needle, needleIndex } from './taint-needles.ts';

/**
 * A secret: a text (a password, a code), or bytes (a key). `digits`: a text of digits alone, such as a PIN; it counts
 * only where it stands by itself, since eight digits are in any longer number by chance.
 */
export interface Tainted {
  readonly label: string;
  readonly value: string | Uint8Array;
  readonly digits?: boolean;
}

/** A secret that was found where it must not be. */
export interface Finding {
  readonly label: string;
  /** As what: `utf16le`, `base64 at 1`, `half of base64url` … */
  readonly form: string;
  readonly where: string;
  /** Offset in bytes of the first one; after line breaks were taken out where the form says so. */
  readonly at: number;
}

export interface Taint {
  /** More secrets; the same one twice is one. @throws RangeError for one that is too short to be told from chance */
  add(...secrets: readonly Tainted[]): void;
  /** What is found in bytes or in a text, each label and form once. @param where for the finding */
  find(where: string, hay: Uint8Array | string): Finding[];
  /** The same of a file; one that is not there holds nothing. */
  findFile(path: string, where?: string): Finding[];
  readonly size: number;
}

/** What shorter needles would find by chance. */
const shortest = 8;

/** An oracle for these secrets; more can be added later. */
export function taintOf(secrets: readonly Tainted[] = []): Taint {
  const needles = new Map<string, Needle>();
  const known = new Set<string>();
  let index: ReturnType<typeof needleIndex> | undefined;

  function add(...more: readonly Tainted[]): void {
    for (const secret of more) {
      const name = `${secret.label}\0${Buffer.from(secret.value).toString('hex')}`;
      if (known.has(name)) continue;
      if (Buffer.from(secret.value).length < shortest)
        throw new RangeError(`“${secret.label}” is too short to be told from chance.`);
      known.add(name);
      for (const needle of needlesOf(secret)) {
        const key = `${secret.label}\0${needle.bytes.toString('latin1')}`;
        if (!needles.has(key)) needles.set(key, needle);
      }
      index = undefined;
    }
  }

  function find(where: string, hay: Uint8Array | string): Finding[] {
    if (needles.size === 0) return [];
    index ??= needleIndex([...needles.values()]);
    const bytes = typeof hay === 'string' ? Buffer.from(hay) : Buffer.from(hay.buffer, hay.byteOffset, hay.byteLength);
    const found = new Map<string, Finding>();
    for (const { text, note } of readings(bytes)) {
      index.search(text, ({ label, form, digits }, at) => {
        if (digits && (note === ', lines joined' || !standsAlone(text, at, digits))) return;
        const told = `${form}${note}`;
        const name = `${label}\0${form}`;
        if (!found.has(name)) found.set(name, { label, form: told, where, at });
      });
    }
    return [...found.values()];
  }

  add(...secrets);
  return {
    add,
    find,
    findFile(path, where = path) {
      let bytes: Buffer;
      try {
        bytes = readFileSync(path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
        throw error;
      }
      return find(where, bytes);
    },
    get size() {
      return needles.size;
    },
  };
}

/**
 * All that is secret about a link: its key, its typed code, what encrypts the password, and the proofs, which belong into
 * the requests of the link page and nowhere else (their labels end in `proof`).
 */
export async function linkTaint(
  label: string,
  link: Link & { pin?: string; iterations?: number; credential?: 'password' | 'temporaryAccessPass' },
): Promise<Tainted[]> {
  const keys = await deriveLink(link);
  const { credential = 'password' } = link;
  const code = await codeOf({ key: link.key, pin: link.pin !== undefined, credential });
  return [
    { label: `${label} link key`, value: link.key },
    { label: `${label} link code`, value: code },
    { label: `${label} link code`, value: code.replaceAll('-', '') },
    { label: `${label} encryption key`, value: keys.encKey },
    { label: `${label} proof`, value: keys.proof },
    ...(keys.proofPin ? [{ label: `${label} PIN proof`, value: keys.proofPin }] : []),
  ];
}

/** A PIN as it is and as it is read out. */
export function pinTaint(label: string, pin: string): Tainted[] {
  return ['', ' ', '-'].map((gap) => ({
    label,
    value: `${pin.slice(0, 4)}${gap}${pin.slice(4)}`,
    digits: true,
  }));
}

/** What a text of findings looks like in a failed test. */
export function told(findings: readonly Finding[]): string[] {
  return findings.map(({ label, form, where, at }) => `${where}: ${label} as ${form} at ${at}`);
}

// -- forms

function needlesOf({ label, value, digits }: Tainted): Needle[] {
  const forms = typeof value === 'string' ? [...textForms(value)] : [...byteForms(Buffer.from(value))];
  return forms
    .filter(([, bytes]) => bytes.length >= shortest)
    .map(([form, bytes]) => {
      const width = form === 'utf8' ? 1 : form === 'utf16le' || form === 'utf16be' ? 2 : 0;
      const alone = digits && width > 0 ? { digits: { length: bytes.length, width } } : {};
      return { label, form, bytes, ...alone };
    });
}

type Form = readonly [form: string, bytes: Buffer];

/** Of bytes: as they are, and as the texts that stand for them, each of those in every form of a text. */
function* byteForms(bytes: Buffer): Generator<Form> {
  yield ['bytes', bytes];
  const texts = { base64url: bytes.toString('base64url'), hex: bytes.toString('hex') };
  for (const [name, text] of Object.entries(texts)) {
    for (const [form, found] of textForms(text)) yield [form === 'utf8' ? name : `${name}, ${form}`, found];
  }
  yield* encodings(bytes);
  // A page of a database, or a line that is cut, may hold a part only.
  const middle = bytes.length >> 1;
  if (middle >= 2 * shortest) {
    for (const half of [bytes.subarray(0, middle), bytes.subarray(middle)]) {
      yield ['half of bytes', half];
      for (const [form, found] of encodings(half)) yield [`half of ${form}`, found];
    }
  }
}

/** Base64 at each of the three offsets that bytes may have in something longer, and hex. */
function* encodings(bytes: Buffer): Generator<Form> {
  for (const offset of [0, 1, 2]) {
    const whole = Buffer.concat([Buffer.alloc(offset), bytes]);
    // Characters that also hold bits of what comes before or after are left out.
    const [from, to] = [Math.ceil((offset * 8) / 6), Math.floor((whole.length * 8) / 6)];
    const standard = whole.toString('base64').slice(from, to);
    yield [`base64 at ${offset}`, Buffer.from(standard)];
    yield [`base64 at ${offset}, percent`, Buffer.from(encodeURIComponent(standard))];
    yield [`base64 at ${offset}, JSON`, Buffer.from(standard.replaceAll('/', '\\/'))];
    yield [`base64url at ${offset}`, Buffer.from(whole.toString('base64url').slice(from, to))];
  }
  const hex = bytes.toString('hex');
  yield ['hex', Buffer.from(hex)];
  yield ['HEX', Buffer.from(hex.toUpperCase())];
}

/** Of a text: its character encodings, what encodes those bytes, and what mails, addresses, JSON and HTML make of it. */
function* textForms(text: string): Generator<Form> {
  const bytes = Buffer.from(text);
  const utf16le = Buffer.from(text, 'utf16le');
  const utf16be = Buffer.from(utf16le).swap16();
  yield ['utf8', bytes];
  yield ['utf16le', utf16le];
  yield ['utf16be', utf16be];
  if (/^[\0-\xff]*$/.test(text)) yield ['latin1', Buffer.from(text, 'latin1')];
  yield* encodings(bytes);
  for (const [form, found] of encodings(utf16le)) yield [`utf16le, ${form}`, found];
  for (const [form, found] of encodings(utf16be)) yield [`utf16be, ${form}`, found];
  for (const [form, written] of writings(text, bytes)) yield [form, Buffer.from(written)];
}

function* writings(text: string, bytes: Buffer): Generator<readonly [form: string, written: string]> {
  for (const [form, percent] of [
    ['percent', encodeURIComponent(text)],
    ['percent of a whole address', encodeURI(text)],
    ['percent, all but letters and digits', escaped(text, /[^A-Za-z0-9]/gu, encoded('%'))],
    ['percent, all', [...bytes].map((byte) => `%${hexOf(byte)}`).join('')],
    ['form', new URLSearchParams([['', text]]).toString().slice(1)],
  ] as const) {
    yield [form, percent];
    yield [form, percent.replace(/%[0-9A-F]{2}/g, (one) => one.toLowerCase())];
  }

  const json = JSON.stringify(text).slice(1, -1);
  const unicode = (upper: boolean) => (character: string) =>
    [...Array(character.length).keys()]
      .map((unit) => {
        const hex = character.charCodeAt(unit).toString(16).padStart(4, '0');
        return `\\u${upper ? hex.toUpperCase() : hex}`;
      })
      .join('');
  for (const written of [
    json,
    json.replaceAll('/', '\\/'),
    ...[false, true].flatMap((upper) => [
      escaped(json, /[^\0-\x7f]/gu, unicode(upper)),
      escaped(json, /[^\0-\x7f]|[<>&'+=]/gu, unicode(upper)),
      escaped(text, /[^A-Za-z0-9]/gu, unicode(upper)),
      escaped(text, /[\s\S]/gu, unicode(upper)),
    ]),
  ]) {
    yield ['JSON', written];
    // A body in a log line.
    yield ['JSON twice', JSON.stringify(written).slice(1, -1)];
  }

  for (const apostrophe of ["'", '&#39;', '&#x27;', '&apos;', '&#039;']) {
    for (const quote of ['"', '&quot;', '&#34;']) {
      const named: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': quote, "'": apostrophe };
      yield ['HTML', escaped(text, /[&<>"']/g, (character) => named[character] ?? character)];
    }
  }
  const point = (character: string) => character.codePointAt(0) ?? 0;
  yield ['HTML, decimal', escaped(text, /[^A-Za-z0-9]/gu, (character) => `&#${point(character)};`)];
  yield ['HTML, all decimal', escaped(text, /[\s\S]/gu, (character) => `&#${point(character)};`)];
  yield ['HTML, hex', escaped(text, /[^A-Za-z0-9]/gu, (character) => `&#x${point(character).toString(16)};`)];
  yield [
    'HTML, HEX',
    escaped(text, /[^A-Za-z0-9]/gu, (character) => `&#x${point(character).toString(16).toUpperCase()};`),
  ];

  // Soft line breaks are taken out of the hay.
  for (const printable of [
    escaped(text, /[^\t -<>-~]/gu, encoded('=')),
    escaped(text, /[^A-Za-z0-9]/gu, encoded('=')),
    // The Q encoding of headers (RFC 2047 §4.2).
    escaped(text, /[^A-Za-z0-9 ]/gu, encoded('=')).replaceAll(' ', '_'),
  ]) {
    yield ['quoted-printable', printable];
    yield ['quoted-printable', printable.replace(/=[0-9A-F]{2}/g, (one) => one.toLowerCase())];
  }
}

function escaped(text: string, which: RegExp, how: (character: string) => string): string {
  return text.replace(which, how);
}

const hexOf = (byte: number) => byte.toString(16).toUpperCase().padStart(2, '0');

/** The bytes of a character, each as a sign and two digits. */
function encoded(sign: string): (character: string) => string {
  return (character) => [...Buffer.from(character)].map((byte) => `${sign}${hexOf(byte)}`).join('');
}

// -- readings of a hay

/**
 * The bytes as they are; without the soft line breaks of quoted-printable (RFC 2045 §6.7, and RFC 5321 §4.5.2 where a line
 * began with a dot); and with its lines joined, as base64 and headers are folded.
 */
function* readings(bytes: Buffer): Generator<{ text: Buffer; note: string }> {
  yield { text: bytes, note: '' };
  const folded = bytes.includes('\n') || bytes.includes('\\n');
  if (!folded) return;
  const text = bytes.toString('latin1');
  // Also where the line breaks themselves were escaped, as in a log line.
  if (/=(?:\r?\n|(?:\\r)?\\n)/.test(text)) {
    yield {
      text: Buffer.from(text.replace(/=(?:\r?\n|(?:\\r)?\\n)(?:\.(?=\.))?/g, ''), 'latin1'),
      note: ', soft breaks out',
    };
  }
  yield { text: Buffer.from(text.replace(/(?:\r?\n|(?:\\r)?\\n)[ \t]*/g, ''), 'latin1'), note: ', lines joined' };
}

/** Are there no letters, digits or hyphens around, as in a longer number, an id, an encoded text? */
function standsAlone(text: Buffer, at: number, { length, width }: NonNullable<Needle['digits']>): boolean {
  // In UTF-16 of either order the other byte of an ASCII character is zero.
  const unit = (offset: number) => (text[offset] ?? 0) | (width === 1 ? 0 : (text[offset + 1] ?? 0));
  const near = [unit(at - width), unit(at + length)];
  return near.every((code) => !/[0-9A-Za-z_-]/.test(String.fromCharCode(code)));
}
