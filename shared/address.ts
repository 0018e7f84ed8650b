// Mail addresses that a person types: what is one (RFC 5321 §4.1.2 Mailbox, without quoted strings and address
// literals), what looks like a mistake, how one is shown without giving it away. Live in the dialog, enforced by the
// connector, which alone decides where a password may go.

/**
 * A checked address. `domain` is ASCII (RFC 5891 A-labels) and lower case; `unicode` is the domain as people read
 * it.
 */
export interface MailAddress {
  /** `local@domain`: what a mail server is told. */
  readonly address: string;
  readonly local: string;
  readonly domain: string;
  readonly unicode: string;
}

export type AddressReason =
  | 'empty'
  | 'control'
  | 'noAt'
  | 'localPart'
  | 'international'
  | 'noDomain'
  | 'domain'
  | 'tooLong';

/** Why a text is not an address; `code` and `details` are those of a Problem. */
export interface AddressFinding {
  readonly code: 'recipientInvalid';
  readonly details: { readonly reason: AddressReason };
}

/** Dot-string of RFC 5321 §4.1.2: atoms of RFC 5322 §3.2.3 with single dots between. */
const dotString = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/i;

/**
 * Reads one address; spaces around it are forgiven, nothing else is. Limits are those of RFC 5321 §4.5.3.1: 64 octets
 * before the @, 253 in the domain, 254 in all. A local part that would need SMTPUTF8 (RFC 6531) is refused, since
 * the way to it may not speak that; an internationalised domain is carried in ASCII.
 */
export function parseAddress(text: string): MailAddress | AddressFinding {
  const refuse = (reason: AddressReason): AddressFinding => ({ code: 'recipientInvalid', details: { reason } });
  // Before trimming: a line break at the end is an injection in the making, not a slip.
  if (/[\p{Cc}\u2028\u2029]/u.test(text)) return refuse('control');
  if (text.length > 1000) return refuse('tooLong');
  const typed = text.trim();
  if (typed === '') return refuse('empty');
  const at = typed.lastIndexOf('@');
  if (at < 0) return refuse('noAt');
  const local = typed.slice(0, at);
  const unicode = typed
    .slice(at + 1)
    .normalize('NFC')
    .toLowerCase();
  if (/[^\x20-\x7e]/.test(local)) return refuse('international');
  if (local.length > 64) return refuse('tooLong');
  if (!dotString.test(local)) return refuse('localPart');
  if (!unicode.includes('.')) return refuse('noDomain');
  const domain = asciiDomain(unicode);
  if (domain === undefined) return refuse('domain');
  const address = `${local}@${domain}`;
  if (domain.length > 253 || address.length > 254) return refuse('tooLong');
  return { address, local, domain, unicode };
}

/** Did `parseAddress` find an address? */
export function isAddress(parsed: MailAddress | AddressFinding): parsed is MailAddress {
  return 'address' in parsed;
}

/** The domain in A-labels (UTS 46, as URL does it), or nothing when it can't be one on the public network. */
function asciiDomain(unicode: string): string | undefined {
  // URL would read a port, a path or an IPv4 number out of other characters.
  if (!/^[\p{L}\p{M}\p{N}.-]+$/u.test(unicode) || !URL.canParse(`http://${unicode}`)) return undefined;
  const labels = new URL(`http://${unicode}`).hostname.split('.');
  const isLabel = (label: string) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(label);
  const top = labels.at(-1) ?? '';
  return labels.length >= 2 && labels.every(isLabel) && /[a-z]/.test(top) ? labels.join('.') : undefined;
}

/**
 * Do both addresses end in the same mailbox, as far as their text can tell? Case is ignored on both sides of the @
 * (every provider does, whatever RFC 5321 §2.4 allows), and so is a sub-address (RFC 5233): ada+work@ reaches ada@.
 */
export function sameMailbox(a: string, b: string): boolean {
  const key = (text: string) => {
    const parsed = parseAddress(text);
    if (!isAddress(parsed)) return text.trim().toLowerCase();
    const local = parsed.local.toLowerCase();
    return `${local.replace(/(?<=.)\+.*$/, '')}@${parsed.domain}`;
  };
  return key(a) === key(b);
}

/**
 * `ada.lovelace@mail.example` → `a•••@m•••.example`: an admin who knows the person recognises the address, nobody
 * else learns it. The dots tell no length; a name of one letter is not shown at all.
 */
export function maskAddress(text: string): string {
  const parsed = parseAddress(text);
  if (!isAddress(parsed)) return '•••';
  const hide = (part: string) => ([...part].length > 1 ? `${[...part][0]}•••` : '•••');
  const [name = '', ...rest] = parsed.unicode.split('.');
  return `${hide(parsed.local)}@${hide(name)}.${rest.at(-1) ?? ''}`;
}

// Suspicions ----------------------------------------------------------------------------------------------------

/** Something to look at twice; never a reason to refuse. `meant` is the domain that was probably meant. */
export interface Suspicion {
  readonly code: 'typo' | 'lookAlike' | 'disposable' | 'ownDomain';
  readonly meant?: string;
}

const providers = `
  gmail.com googlemail.com outlook.com outlook.com.tr hotmail.com hotmail.com.tr hotmail.co.uk hotmail.fr hotmail.de
  live.com live.co.uk msn.com windowslive.com yahoo.com yahoo.com.tr yahoo.co.uk yahoo.fr yahoo.de ymail.com
  rocketmail.com icloud.com me.com mac.com aol.com proton.me protonmail.com pm.me tutanota.com fastmail.com zoho.com
  gmx.com gmx.net gmx.de web.de t-online.de freenet.de mail.com email.com mail.ru yandex.com yandex.com.tr yandex.ru
  mynet.com orange.fr free.fr laposte.net libero.it virgilio.it wanadoo.fr comcast.net verizon.net btinternet.com
  sky.com qq.com naver.com
`
  .trim()
  .split(/\s+/);

const disposables = `
  mailinator.com guerrillamail.com guerrillamail.net sharklasers.com grr.la 10minutemail.com 10minutemail.net
  temp-mail.org temp-mail.io tempmail.com tempmail.dev tempmailo.com tempr.email throwawaymail.com trashmail.com
  trash-mail.com yopmail.com yopmail.fr maildrop.cc mailnesia.com mailcatch.com mintemail.com mytemp.email
  getnada.com nada.email dispostable.com discard.email emailondeck.com fakeinbox.com fakemail.net moakt.com
  mohmal.com spamgourmet.com burnermail.io inboxkitten.com 33mail.com
`
  .trim()
  .split(/\s+/);

/**
 * What a careful colleague would ask about a correct address before sending: a slip in a well-known provider's name, a
 * name that only looks like it (or like the organisation's, or like one on file), a throw-away box, a mailbox of the
 * organisation itself, which a locked-out person may not be able to open.
 * @param known `onFile`: addresses on file (whole); `ownDomains`: the organisation's domains
 */
export function suspicions(
  address: MailAddress,
  known: { readonly onFile: readonly string[]; readonly ownDomains: readonly string[] },
): Suspicion[] {
  const own = known.ownDomains.map((domain) => domain.toLowerCase());
  const onFile = known.onFile
    .map(parseAddress)
    .filter(isAddress)
    .map(({ domain }) => domain);
  const trusted = [...new Set([...onFile, ...own, ...providers])];
  const within = (domains: readonly string[]) =>
    domains.some((domain) => address.domain === domain || address.domain.endsWith(`.${domain}`));
  if (within(disposables)) return [{ code: 'disposable' }];
  if (within(own)) return [{ code: 'ownDomain' }];
  if (trusted.includes(address.domain)) return [];

  const shape = skeleton(address.unicode);
  const twin = trusted.find((domain) => skeleton(domain) === shape);
  if (twin !== undefined) return [{ code: 'lookAlike', meant: twin }];
  const encoded = /(^|\.)xn--/.test(address.unicode);
  if (encoded || address.unicode.split('.').some(mixesScripts)) return [{ code: 'lookAlike' }];
  const near = trusted.find((domain) => isSlip(address.domain, domain));
  return near === undefined ? [] : [{ code: 'typo', meant: near }];
}

/** Letters of other alphabets that can't be told from Latin ones (after UTS 39), and digits written for letters. */
const confusable: Readonly<Record<string, string>> = {
  а: 'a',
  в: 'b',
  с: 'c',
  ԁ: 'd',
  е: 'e',
  ғ: 'f',
  һ: 'h',
  і: 'i',
  ј: 'j',
  к: 'k',
  ӏ: 'l',
  м: 'm',
  о: 'o',
  р: 'p',
  ѕ: 's',
  т: 't',
  у: 'y',
  х: 'x',
  ԝ: 'w',
  α: 'a',
  ε: 'e',
  ι: 'i',
  κ: 'k',
  ν: 'v',
  ο: 'o',
  ρ: 'p',
  τ: 't',
  υ: 'u',
  χ: 'x',
  ı: 'i',
  ɡ: 'g',
  ɩ: 'i',
  ʏ: 'y',
  ø: 'o',
  đ: 'd',
  ł: 'l',
  '0': 'o',
  '1': 'l',
  '5': 's',
};

/** What a hasty reader sees: marks gone, twins merged, "rn" read as "m". */
function skeleton(domain: string): string {
  return [...domain.normalize('NFKD').replace(/\p{M}/gu, '')]
    .map((letter) => confusable[letter] ?? letter)
    .join('')
    .replaceAll('rn', 'm')
    .replaceAll('vv', 'w')
    .replaceAll('i', 'l');
}

/** Latin beside Cyrillic or Greek in one label: no language is written so. */
function mixesScripts(label: string): boolean {
  return /\p{Script=Latin}/u.test(label) && /[\p{Script=Cyrillic}\p{Script=Greek}]/u.test(label);
}

/** One slip of the finger in the name (from five letters on) and at most one in what follows the first dot. */
function isSlip(typed: string, meant: string): boolean {
  const split = (domain: string) => {
    const dot = domain.indexOf('.');
    return [domain.slice(0, dot), domain.slice(dot + 1)] as const;
  };
  const [name, rest] = split(typed);
  const [meantName, meantRest] = split(meant);
  // yahoo.be beside yahoo.de is another country, not a slip.
  if (rest !== meantRest && rest.length === 2 && meantRest.length === 2) return false;
  const nameOff = slips(name, meantName);
  return (nameOff === 0 || (nameOff === 1 && meantName.length >= 5)) && slips(rest, meantRest) <= 1;
}

/** Letters left out, added, mistaken or swapped with a neighbour (Damerau-Levenshtein, optimal string alignment). */
function slips(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 1) return 2;
  let [before, last]: [number[], number[]] = [[], Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, (before[j - 2] ?? 0) + 1);
      row.push(least);
    }
    [before, last] = [last, row];
  }
  return last[b.length] ?? 0;
}
