// What a portal is: a foreign page with a list of people. A portal is one file here and one line in portals.ts; it knows
// the page's markup and nothing else. Whatever it reads is a hint for a search, never a fact: the page isn't ours.

/** Whom a row seems to show. The connector resolves it, and the dialog names the person as the connector knows them. */
export interface Hint {
  /** The sign-in name of the row: a cell that is one whole address. */
  readonly address?: string;
  /** Object id (GUID) of the person whose details are open in the page, when this row is that person's. */
  readonly objectId?: string;
  readonly displayName?: string;
  /** Host of the page; in the popup's own search, empty. */
  readonly host: string;
}

export interface Portal {
  /** Short name, as the file. */
  readonly name: string;
  /** Hosts, without scheme and port; also the extension's host permissions. */
  readonly hosts: readonly string[];
  /** Does this address show the list of people? The part after `#` belongs to it. */
  isUsersPage(url: URL): boolean;
  /** Selector of everything that may be a person's row. */
  readonly row: string;
  /** The cell of a row that the button goes into, as its last child; null when the row isn't a person's. */
  cell(row: Element): Element | null;
  /** The display name that such a cell shows now. */
  displayName(cell: Element): string | undefined;
  /** Whom the row shows now. Rows are recycled: ask at the click, not before. */
  hint(row: Element, url: URL): Omit<Hint, 'host'>;
  /** The grid moves the focus by arrow keys itself, so that the button must not be a Tab stop of its own. */
  rovingFocus(row: Element): boolean;
}

/** Class of our own button, whose text isn't the page's. */
export const buttonClass = 'rr-reset';
/** Marks the cell that has it, for the style sheet. */
export const cellMark = 'data-rr-reset';

const limits = { address: 320, objectId: 36, displayName: 256, host: 253 } as const;

/** Address-like enough for a search: one `@`, no blanks, no second address glued to it. */
export const wholeAddress = /^[^\s@"(),:;<>[\\\]]{1,64}@[^\s@"(),:;<>[\\\]]+\.[^\s@"(),:;<>[\\\].]{2,}$/u;

const guid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Reads a hint that came over a message; undefined when it isn't one. What doesn't look right is left out. */
export function parseHint(value: unknown): Hint | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const given = value as Record<string, unknown>;
  const text = (name: keyof typeof limits) => {
    const found = given[name];
    return typeof found === 'string' && found !== '' && found.length <= limits[name] ? found : undefined;
  };
  const address = text('address');
  const objectId = text('objectId');
  const displayName = text('displayName');
  const hint = {
    ...(address && wholeAddress.test(address) ? { address } : {}),
    ...(objectId && guid.test(objectId) ? { objectId: objectId.toLowerCase() } : {}),
    ...(displayName ? { displayName } : {}),
    host: text('host') ?? '',
  };
  return hint.address || hint.objectId || hint.displayName ? hint : undefined;
}

/** The object id in a text, lower case, when the text is one. */
export function objectIdOf(text: string | undefined): string | undefined {
  return text !== undefined && guid.test(text) ? text.toLowerCase() : undefined;
}
