// The languages that people read, in one list. A language is a folder under messages/ and a line here.

export const locales = ['en', 'tr'] as const;
export type Locale = (typeof locales)[number];

/** Each language in its own words, and its direction. */
export const localeNames = {
  en: { name: 'English', dir: 'ltr' },
  tr: { name: 'Türkçe', dir: 'ltr' },
} as const satisfies Record<Locale, { name: string; dir: 'ltr' | 'rtl' }>;

/** The first language of ours in a list of BCP 47 tags or an Accept-Language header (RFC 9110 §12.5.4); English else. */
export function pickLocale(wanted: string | readonly string[] | undefined): Locale {
  const tags = typeof wanted === 'string' ? wanted.split(',').slice(0, 20) : (wanted ?? []);
  const ranked = tags
    .map((tag, order) => {
      const [name = '', ...rest] = tag.split(';');
      const q = rest.map((part) => /^\s*q=([\d.]+)\s*$/.exec(part)?.[1]).find((value) => value !== undefined);
      return { name: name.trim().toLowerCase(), q: q === undefined ? 1 : Number(q), order };
    })
    .filter((tag) => tag.q > 0)
    .sort((a, b) => b.q - a.q || a.order - b.order);
  for (const { name } of ranked) {
    const found = locales.find((locale) => name === locale || name.startsWith(`${locale}-`));
    if (found) return found;
  }
  return 'en';
}

/** Is this one of our languages? */
export function isLocale(value: unknown): value is Locale {
  return typeof value === 'string' && (locales as readonly string[]).includes(value);
}
