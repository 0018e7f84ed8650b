// When are two texts the same? The one answer for userName, addresses and every attribute whose caseExact is false, so
// that the index, the filter and the sign-in can't disagree.

/**
 * The comparison key of a text: NFC, lower case by Unicode's default mapping, whatever language the server speaks
 * (PRECIS UsernameCaseMapped, RFC 8265 §3.3, which RFC 7644 §5 asks for by its older number). So `ADA` = `ada`, `İ` and `I` stay
 * two letters, `ß` is not `ss`. Beyond PRECIS: a final sigma equals a sigma, because it depends on what follows.
 */
export function fold(text: string): string {
  if (!ascii.test(text)) return foldAny(text);
  return text.toLowerCase();
}

/** Of most texts nothing has to be normalised. */
const ascii = /^[\0-\x7f]*$/;

function foldAny(text: string): string {
  return text.normalize('NFC').toLowerCase().replaceAll('ς', 'σ').normalize('NFC');
}

/** The words of a name as people type them in a hurry: folded, marks and other decoration gone (`Gökçe` → `gokce`). */
export function words(text: string): string[] {
  if (ascii.test(text)) return [...new Set(text.toLowerCase().match(/[a-z0-9]+/g))];
  const plain = fold(text)
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[ıøđłþðæœß]/g, (letter) => undecorated[letter] ?? letter);
  return [...new Set(plain.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== ''))];
}

/** Letters that Unicode does not decompose and keyboards elsewhere do not have. */
const undecorated: Readonly<Record<string, string>> = {
  ı: 'i',
  ø: 'o',
  đ: 'd',
  ł: 'l',
  þ: 'th',
  ð: 'd',
  æ: 'ae',
  œ: 'oe',
  ß: 'ss',
};

/**
 * The least text that is greater than every text beginning with `prefix`, in code point order (how both engines sort):
 * a prefix search is `key >= prefix and key < successor(prefix)`. Undefined when there is none.
 */
export function successor(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0) ?? 0);
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    if (last === 0x10ffff) continue;
    // A surrogate is not a character: after U+D7FF comes U+E000.
    return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
  }
  return undefined;
}

/** Orders two texts by code point, as the databases do; JavaScript's `<` orders by UTF-16 unit. */
export function compareText(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  for (let at = 0; at < shorter; at++) {
    const difference = rank(a.charCodeAt(at)) - rank(b.charCodeAt(at));
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** A surrogate stands for a code point above all that are one unit. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
