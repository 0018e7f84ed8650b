// What an attribute is (RFC 7643 §2.2, §7) and how one is found by name (§2.1, RFC 7644 §3.10). A resource type's table
// of attributes is the only description there is: it validates bodies, resolves filters and paths, and answers /Schemas.

import type { Field } from '../filter/filter.ts';
import type { AttributePath, Use } from '../filter/scim.ts';

/** One row of a table, with the names of the standard; what is left out has the default of RFC 7643 §2.2. */
export interface Attribute {
  readonly name: string;
  readonly type: Field['type'];
  readonly multiValued: boolean;
  readonly description: string;
  readonly required: boolean;
  readonly canonicalValues?: readonly string[];
  readonly caseExact: boolean;
  readonly mutability: 'readOnly' | 'readWrite' | 'immutable' | 'writeOnly';
  readonly returned: 'always' | 'never' | 'default' | 'request';
  readonly uniqueness: 'none' | 'server' | 'global';
  readonly referenceTypes?: readonly string[];
  readonly subAttributes?: readonly Attribute[];
  /** Kept as rows of its own (members): neither read with the resource nor written with it. */
  readonly rows?: true;
  /** Made while sending, from the value beside it: what a client says of it is understood and not kept. */
  readonly derived?: true;
}

/** A Schema (RFC 7643 §7); `id` is its URN. */
export interface Schema {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly attributes: readonly Attribute[];
}

/** A ResourceType (RFC 7643 §6). `common` are the attributes of every resource (§3.1), which no schema lists. */
export interface ResourceType {
  readonly name: string;
  readonly endpoint: string;
  readonly description: string;
  readonly common: readonly Attribute[];
  readonly schema: Schema;
  readonly extensions: readonly { readonly schema: Schema; readonly required: boolean }[];
}

/** An attribute in its place. `container` is the URN of the extension that it lives under, if it does. */
export interface Located {
  readonly attribute: Attribute;
  readonly sub?: Attribute;
  readonly container?: string;
}

type More = Partial<Omit<Attribute, 'name' | 'type' | 'description' | 'subAttributes'>>;

/** A row of the table: a simple attribute. Binaries and references are case exact (RFC 7643 §2.3.6, §2.3.7). */
export function simple(
  name: string,
  type: Exclude<Field['type'], 'complex'>,
  description: string,
  more: More = {},
): Attribute {
  const caseExact = type === 'binary' || type === 'reference';
  return { name, type, description, ...defaults, caseExact, ...more };
}

/** A row of the table: a complex attribute with its sub-attributes. */
export function complex(
  name: string,
  description: string,
  subAttributes: readonly Attribute[],
  more: More = {},
): Attribute {
  return { name, type: 'complex', description, ...defaults, ...more, subAttributes };
}

const defaults = {
  multiValued: false,
  required: false,
  caseExact: false,
  mutability: 'readWrite',
  returned: 'default',
  uniqueness: 'none',
} as const;

const indexes = new WeakMap<ResourceType, Map<string, Located>>();

/** Every attribute of a type under its full and short name in lower case; names are case-insensitive (RFC 7643 §2.1). */
function indexOf(type: ResourceType): Map<string, Located> {
  const known = indexes.get(type);
  if (known) return known;
  const index = new Map<string, Located>();
  const add = (prefix: string, located: Located) => {
    const name = `${prefix}${located.attribute.name}`.toLowerCase();
    index.set(name, located);
    for (const sub of located.attribute.subAttributes ?? []) {
      index.set(`${name}.${sub.name.toLowerCase()}`, { ...located, sub });
    }
  };
  for (const attribute of [...type.common, ...type.schema.attributes]) {
    add('', { attribute });
    add(`${type.schema.id}:`, { attribute });
  }
  for (const { schema } of type.extensions) {
    for (const attribute of schema.attributes) add(`${schema.id}:`, { attribute, container: schema.id });
  }
  indexes.set(type, index);
  return index;
}

/** The attribute that a path names, or undefined. Extended attributes need their URN (RFC 7644 §3.10). */
export function locate(type: ResourceType, path: AttributePath): Located | undefined {
  const name = `${path.uri ? `${path.uri}:` : ''}${path.name}${path.sub ? `.${path.sub}` : ''}`;
  return indexOf(type).get(name.toLowerCase());
}

/** The extension whose URN the whole path is (`urn:…:enterprise:2.0:User`), or undefined. */
export function locateExtension(type: ResourceType, path: AttributePath): Schema | undefined {
  if (path.uri === undefined || path.sub !== undefined) return undefined;
  const urn = `${path.uri}:${path.name}`.toLowerCase();
  return type.extensions.find(({ schema }) => schema.id.toLowerCase() === urn)?.schema;
}

/** The sub-attribute of this name in any case. */
export function subAttribute(attribute: Attribute, name: string): Attribute | undefined {
  return attribute.subAttributes?.find((sub) => sub.name.toLowerCase() === name.toLowerCase());
}

/**
 * A path as a filter sees it: what `parseFilter` asks for. A complex attribute that is compared stands for its `value`
 * (`emails co "example.com"` in RFC 7644 §3.4.2.2); what is never returned can't be searched either.
 */
export function fieldOf(type: ResourceType, path: AttributePath, use: Use, parent?: Field): Field | undefined {
  if (parent) return elementField(type, path, use, parent);
  const located = locate(type, path) ?? locateUnqualified(type, path);
  if (!located || located.attribute.returned === 'never') return undefined;
  const { attribute, container } = located;
  const implied = use === 'compare' && attribute.type === 'complex' ? subAttribute(attribute, 'value') : undefined;
  const sub = located.sub ?? implied;
  const last = sub ?? attribute;
  if (!fits(last, use)) return undefined;
  const name = sub ? `${attribute.name}.${sub.name}` : attribute.name;
  return {
    path: container ? `${container}:${name}` : name,
    steps: [...(container ? [container] : []), attribute.name, ...(sub ? [sub.name] : [])],
    type: last.type,
    caseExact: last.caseExact,
  };
}

/** An extended attribute without its URN (RFC 7644 §3.10: SHOULD be qualified): Entra asks `id eq "…" and manager eq "…"`. */
function locateUnqualified(type: ResourceType, path: AttributePath): Located | undefined {
  if (path.uri !== undefined) return undefined;
  for (const { schema } of type.extensions) {
    const located = locate(type, { ...path, uri: schema.id });
    if (located) return located;
  }
  return undefined;
}

/** A name inside the brackets of `parent`. */
function elementField(type: ResourceType, path: AttributePath, use: Use, parent: Field): Field | undefined {
  if (path.uri !== undefined || path.sub !== undefined) return undefined;
  // A list of plain values has no sub-attributes; in brackets each of them is called `value` (RFC 7644 §3.5.2.2).
  if (parent.type !== 'complex') {
    const found = path.name.toLowerCase() === 'value' && use !== 'some';
    return found ? { path: 'value', steps: [], type: parent.type, caseExact: parent.caseExact } : undefined;
  }
  const colon = parent.path.lastIndexOf(':');
  const uri = colon > 0 ? { uri: parent.path.slice(0, colon) } : {};
  const attribute = locate(type, { ...uri, name: parent.path.slice(colon + 1) })?.attribute;
  const sub = attribute && subAttribute(attribute, path.name);
  if (!sub || !fits(sub, use)) return undefined;
  return { path: sub.name, steps: [sub.name], type: sub.type, caseExact: sub.caseExact };
}

function fits(attribute: Attribute, use: Use): boolean {
  if (use === 'present') return true;
  return use === 'some' ? attribute.type === 'complex' || attribute.multiValued : attribute.type !== 'complex';
}
