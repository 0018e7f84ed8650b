// One text for both engines, as Postgres wants to have it: `$1` for `?`, and text columns that compare as SQLite's do.

/** A statement's text for Postgres. Whoever has run it twice runs it prepared, under its name. */
export interface NativeText {
  readonly text: string;
  readonly name?: string;
  /** Does it only read? */
  readonly reads: boolean;
}

export interface TextOptions {
  /**
   * Should columns of type text be made `collate "C"`? By it they compare by bytes, as in SQLite, whatever the database
   * was made with; and indexes stay right when the operating system's collation changes beneath them. CockroachDB compares by
   * bytes anyway.
   */
  readonly collate: boolean;
}

/** Texts that code puts together are many; as many are kept prepared in each connection. */
const mostNames = 500;
const mostTexts = 2000;

/** Translates and remembers. `renew` gives every text another name: what connections have prepared is of no use any more. */
export function nativeTexts({ collate }: TextOptions) {
  const known = new Map<string, NativeText>();
  let names = 0;
  let generation = 0;

  return {
    of(text: string): NativeText {
      const found = known.get(text);
      if (found?.name !== undefined) return found;
      if (found && names < mostNames) {
        // Asked for again: worth being prepared.
        const named = { ...found, name: `rr${generation}_${names++}` };
        known.set(text, named);
        return named;
      }
      if (found) return found;
      if (known.size >= mostTexts) known.delete(oldestUnnamed(known));
      const made = { text: native(text, collate), reads: /^\s*select\b/i.test(text) };
      known.set(text, made);
      return made;
    },
    renew(): void {
      known.clear();
      names = 0;
      generation++;
    },
  };
}

function oldestUnnamed(known: ReadonlyMap<string, NativeText>): string {
  for (const [text, { name }] of known) if (name === undefined) return text;
  throw new Error('Every text has a name, and there are fewer names than texts.');
}

const skipLocked = '/* skip locked */';

/**
 * `?` becomes `$1`, `$2` … where it is not inside quotes; DDL gets its collation, a select its locks. Comments of ours hold
 * no quotes.
 */
export function native(text: string, collate: boolean): string {
  let count = 0;
  const locked = text.includes(skipLocked) ? `${text.replace(skipLocked, '')} for update skip locked` : text;
  // A default of a column: the one clock that all connectors share.
  const timed = locked.replace('0 /* microseconds now */', '(extract(epoch from clock_timestamp()) * 1000000)::bigint');
  // What is no column has no collation of its own.
  const ordered = collate ? timed.replaceAll('/* by bytes */', 'collate "C"') : timed;
  const numbered = ordered.replace(/'[^']*'|"[^"]*"|\?/g, (part) => (part === '?' ? `$${++count}` : part));
  return collate && /^\s*(create|alter)\s+table\b/i.test(text)
    ? numbered.replace(/'[^']*'|\btext\b/g, (part) => (part === 'text' ? 'text collate "C"' : part))
    : numbered;
}
