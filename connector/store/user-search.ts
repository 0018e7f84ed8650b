// Finding a person by the beginning of what one knows of them, through indexes alone.

import { fold, successor, words } from '../filter/fold.ts';
import type { Condition } from '../filter/sql.ts';
import type { Tx, Work } from '../sql/sql.ts';
import type { StoredUser } from './users.ts';

/** How many a search answers at most. */
export const mostFound = 20;
/** Looked at when one short beginning fits many: enough to fill an answer, so that "a" costs no more than a whole name. */
const candidates = 2000;
/** Further words narrow nothing that a person would notice. */
const mostTerms = 6;

/**
 * People by id or whole address first, then those each of whose typed words begins a word of the name, the userName or an
 * address; by the name that people read. Case, accents and the order of words do not matter.
 */
export function* searchUsers(tx: Tx, tenant: string, text: string): Work<StoredUser[]> {
  const typed = fold(text).trim().slice(0, 400);
  if (typed === '') return [];
  const exact = yield* tx.all<StoredUser>`select id, resource as text, version from app_user u
    where u.tenant = ${tenant} and u.id in
      (select ${typed} union select a.user_id from user_address a where a.tenant = ${tenant} and a.address_key = ${typed})
    order by u.id limit ${mostFound}`;
  const terms = beginnings(typed).sort((a, b) => length(b) - length(a));
  const [longest, ...others] = terms;
  if (!longest) return exact;
  // The longest beginning finds, the others only look at whom it has found.
  const conditions = [begun(tenant, longest, others.length === 0), ...others.map((other) => begins(tenant, other))];
  const found = yield* tx.query<StoredUser>(
    `select u.id, u.resource as text, u.version from app_user u
      where u.tenant = ? and ${conditions.map(({ text }) => text).join(' and ')}
      order by u.display_name, u.id limit ?`,
    [tenant, ...conditions.flatMap(({ values }) => values), mostFound],
  );
  const known = new Set(exact.map(({ id }) => id));
  return [...exact, ...found.filter(({ id }) => !known.has(id))].slice(0, mostFound);
}

interface Beginning {
  readonly word?: string;
  readonly address?: string;
}

/** One for each typed word: as a name may begin, and as an address may. */
function beginnings(typed: string): Beginning[] {
  const terms = typed.split(/\s+/).slice(0, mostTerms);
  return terms.flatMap((address): Beginning[] => {
    // "jean-luc" and "o'brien" are two words of a name each, and one beginning of an address.
    const [first, ...rest] = address.includes('@') ? [] : words(address);
    if (first === undefined) return /[\p{L}\p{N}]/u.test(address) ? [{ address }] : [];
    return [rest.length === 0 ? { word: first, address } : { word: first }, ...rest.map((word) => ({ word }))];
  });
}

function length({ word, address }: Beginning): number {
  return (word ?? address ?? '').length;
}

interface Range {
  readonly table: string;
  readonly text: string;
  readonly values: readonly string[];
}

/** Where the beginning is looked for. A name and an address hold a letter or digit, so that there is a text after each. */
function rangesOf(tenant: string, { word, address }: Beginning): Range[] {
  const range = (table: string, column: string, prefix: string): Range => ({
    table,
    text: `tenant = ? and ${column} >= ? and ${column} < ?`,
    values: [tenant, prefix, successor(prefix) ?? prefix],
  });
  return [
    ...(word === undefined ? [] : [range('user_word', 'word', word)]),
    ...(address === undefined ? [] : [range('user_address', 'address_key', address)]),
  ];
}

function begun(tenant: string, beginning: Beginning, alone: boolean): Condition {
  const ranges = rangesOf(tenant, beginning);
  const limit = alone ? ` limit ${candidates}` : '';
  const parts = ranges.map(
    ({ table, text }) => `select * from (select user_id from ${table} where ${text}${limit}) ${table}_begun`,
  );
  return { text: `u.id in (${parts.join(' union ')})`, values: ranges.flatMap(({ values }) => values) };
}

function begins(tenant: string, beginning: Beginning): Condition {
  const ranges = rangesOf(tenant, beginning);
  const parts = ranges.map(({ table, text }) => `exists (select 1 from ${table} where ${text} and user_id = u.id)`);
  return { text: `(${parts.join(' or ')})`, values: ranges.flatMap(({ values }) => values) };
}
