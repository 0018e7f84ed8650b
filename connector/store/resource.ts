// A resource as every table keeps one: its JSON text ready to send, but for what other rows and the connector's address
// say of it.

/** A resource as stored; `text` lacks `meta.location`, which `sending` puts in. */
export interface StoredResource {
  readonly id: string;
  readonly text: string;
  /** 1 for a new one, one more with each change. */
  readonly version: number;
}

/** Who writes, and when (milliseconds since the epoch): goes into `meta` and the audit record. */
export interface Stamp {
  readonly at: number;
  /** As in the audit record: `token:<id>`, `operator`. */
  readonly actor: string;
  /** The program that a person writes with, as its tokens name it (`azp`). */
  readonly client?: string | undefined;
  /** How a change was asked for, for those who are told of it: PUT, or anything else. */
  readonly via?: 'put' | 'patch';
  /** The transaction that the client was promised (Set-Txn), if it was. */
  readonly txn?: string;
  /** May they change who is in a group that gives roles? Never a sync client, or it could make administrators. */
  readonly overRoles?: true;
}

/** Times of a resource in milliseconds since the epoch. */
export interface Meta {
  readonly created: number;
  readonly lastModified: number;
  readonly version: number;
}

/** The entity-tag of a version (RFC 7232 §2.3): weak, since the text may be written anew without meaning another thing. */
export function etag(version: number): string {
  return `W/"${version}"`;
}

/**
 * The text that is kept. The connector's address may change at any time and is therefore not in it: `meta` stands last,
 * so that `location` can be put in as its last member while sending.
 */
export function compose(
  type: string,
  id: string,
  content: { readonly schemas: readonly string[] },
  meta: Meta,
): string {
  const { schemas, ...rest } = content;
  return JSON.stringify({
    schemas,
    id,
    ...rest,
    meta: {
      resourceType: type,
      created: new Date(meta.created).toISOString(),
      lastModified: new Date(meta.lastModified).toISOString(),
      version: etag(meta.version),
    },
  });
}

/**
 * Makes the whole resource as JSON text (RFC 7643 §3.1).
 * @param url the endpoint under which resources of its type are found
 * @returns a function of the id, the stored text, and further members as JSON text, each with a comma before it
 */
export function sending(url: string): (id: string, text: string, more?: string) => string {
  // Ids are made here and need no escaping.
  const location = `,"location":${JSON.stringify(`${url}/`).slice(0, -1)}`;
  return (id, text, more = '') => `${text.slice(0, -2)}${location}${id}"}${more}}`;
}

/** What the client said, out of the stored text. */
export function contentOfResource<C extends object>(stored: StoredResource): C {
  const { id: _id, meta: _meta, ...content } = JSON.parse(stored.text) as C & { id: string; meta: object };
  return content as unknown as C;
}

/** Names only: what goes into the audit record never tells a value. */
export function changedAttributes(before: object, after: object): string[] {
  const was = before as Record<string, unknown>;
  const is = after as Record<string, unknown>;
  const names = new Set([...Object.keys(was), ...Object.keys(is)]);
  return [...names].filter((name) => !same(was[name], is[name]));
}

/** Are two JSON values written alike? The order of members counts, as it does in the text that is kept. */
function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const names = Object.keys(a);
  const others = Object.keys(b);
  if (Array.isArray(a) !== Array.isArray(b) || names.length !== others.length) return false;
  return names.every((name, at) => {
    return name === others[at] && same((a as Record<string, unknown>)[name], (b as Record<string, unknown>)[name]);
  });
}
