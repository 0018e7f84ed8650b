// The manager of a User (RFC 7643 §4.3): kept as an id; its name and reference are put in while sending, so that a
// manager's new name need not be written into the people who report to him.

import type { Tx, Work } from '../sql/sql.ts';
import { inChunks, placeholders } from './in-list.ts';
import { enterpriseUser } from './user-resource.ts';

// Within JSON text a quotation mark that belongs to a value has a backslash before it: these can only be names.
const extension = `${JSON.stringify(enterpriseUser)}:{`;
/** Without its first quotation mark, of which every text is full: it is found missing twice as fast. */
const member = 'manager":{"value":';
const manager = /"manager":\{"value":("(?:[^"\\]|\\.)*")\}/g;

/** A manager in a stored text. */
export interface Manager {
  readonly id: string;
  /** The text with `$ref`, and with `displayName` when the manager is a User here. */
  named(base: string, displayName: string | undefined): string;
}

/** The manager that a stored User has, if it has one. */
export function managerOf(text: string): Manager | undefined {
  // Most have none, and are asked often: that much is seen without a regular expression.
  if (!text.includes(member)) return undefined;
  const start = text.indexOf(extension);
  if (start < 0) return undefined;
  manager.lastIndex = start;
  const found = manager.exec(text);
  if (!found?.[1]) return undefined;
  const value = found[1];
  const end = found.index + found[0].length;
  const id = JSON.parse(value) as string;
  return {
    id,
    named(base, displayName) {
      const reference = JSON.stringify(`${base}/Users/${encodeURIComponent(id)}`);
      const name = displayName === undefined ? '' : `,"displayName":${JSON.stringify(displayName)}`;
      return `${text.slice(0, found.index)}"manager":{"value":${value},"$ref":${reference}${name}}${text.slice(end)}`;
    },
  };
}

/** The names that people read, by id. */
export function* namesOf(tx: Tx, tenant: string, ids: readonly string[]): Work<Map<string, string>> {
  const names = new Map<string, string>();
  for (const chunk of inChunks(ids)) {
    const rows = yield* tx.query<{ id: string; name: string }>(
      `select id, display_name as name from app_user where tenant = ? and id in (${placeholders(chunk.length)})`,
      [tenant, ...chunk],
    );
    for (const { id, name } of rows) names.set(id, name);
  }
  return names;
}
