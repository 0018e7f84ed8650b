// The people that the page shows, as its server gives them.

export interface PortalPerson {
  readonly id: string;
  readonly displayName: string;
  readonly userPrincipalName: string;
  readonly licenses?: string;
}

export type Column = 'DisplayName' | 'Username' | 'Licenses';

export interface Sorting {
  readonly column: Column;
  readonly descending: boolean;
}

export const fields = {
  DisplayName: (person: PortalPerson) => person.displayName,
  Username: (person: PortalPerson) => person.userPrincipalName,
  Licenses: (person: PortalPerson) => person.licenses ?? 'Unlicensed',
} as const satisfies Record<Column, (person: PortalPerson) => string>;

export type Shown = 'all' | 'licensed' | 'unlicensed';

/** Those who match the search and the filter, in the order of a column. */
export function arrange(
  people: readonly PortalPerson[],
  search: string,
  shown: Shown,
  sorting: Sorting,
): PortalPerson[] {
  const wanted = search.trim().toLowerCase();
  const collator = new Intl.Collator();
  const field = fields[sorting.column];
  return people
    .filter((person) => shown === 'all' || (shown === 'licensed') === (person.licenses !== undefined))
    .filter((person) => `${person.displayName}\n${person.userPrincipalName}`.toLowerCase().includes(wanted))
    .sort((a, b) => collator.compare(field(a), field(b)) * (sorting.descending ? -1 : 1));
}
