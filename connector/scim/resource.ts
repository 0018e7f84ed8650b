// From a client's JSON to a resource: the table of attributes decides what is kept, in which order and in which form.
// Strict where a value is wrong, forgiving where clients are known to be odd; each such line names the client.

import { Problem } from '#shared/problem.ts';
import { dateTime } from '../filter/scim.ts';
import type { Attribute, ResourceType } from './attribute.ts';

/** Values of one multi-valued attribute; each costs a row. */
const mostValues = 200;
/** What only says which value it is: an element with nothing else holds none. */
const labels = new Set(['type', 'primary', 'display']);
/** RFC 7643 §4.1.2: only the parts of a postal address may have line ends. */
const multiLine = new Set(['addresses.formatted', 'addresses.streetAddress']);
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2,3}={0,2})?$/;
// Written out: \p{Cc}, several times as fast.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const control = /[\0-\x1f\x7f-\x9f]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above, but tab, line feed and carriage return
const controlButLines = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/;
/** What no URI contains unescaped (RFC 3986 §2). */
const notInUri = /[\s<>"{}|\\^`]/;

export type JsonObject = Record<string, unknown>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Reads the resource of a POST or PUT (RFC 7644 §3.3, §3.5.1), or the outcome of a PATCH. What is read-only, unknown,
 * null or empty is left out (RFC 7643 §2.5).
 * @param current what is stored, if anything: an `active` that is absent changes nothing, an immutable attribute stays
 * @throws Problem invalidSyntax (no object, no `schemas`, a name twice), invalidValue with `field`, mutability
 */
export function readResource<C extends object>(type: ResourceType, body: unknown, current?: C): C {
  if (!isObject(body)) throw new Problem('invalidSyntax', { reason: `A ${type.name} is a JSON object.` });
  const members = membersOf(body);
  const core = type.schema.id;
  requireSchema(members, core);
  const stored = current as JsonObject | undefined;
  const content = readAttributes([...type.common, ...type.schema.attributes], members, '', stored);
  // Entra (older) sends department and manager beside their extension: names that the schema lacks are passed over.
  const extensions: JsonObject = {};
  for (const { schema, required } of type.extensions) {
    const value = members.get(schema.id.toLowerCase());
    const there = stored?.[schema.id];
    const before = isObject(there) ? there : {};
    const given = value === undefined || value === null || value === '' ? {} : value;
    if (!isObject(given)) refuse(schema.id, 'an object');
    const fixed = schema.attributes.some(({ name, mutability }) => mutability === 'immutable' && name in before);
    if (Object.keys(given).length === 0 && !fixed && !required) continue;
    const inner = readAttributes(schema.attributes, membersOf(given), `${schema.id}:`, before);
    if (Object.keys(inner).length > 0) extensions[schema.id] = inner;
    else if (required) refuse(schema.id, 'a value');
  }
  const { externalId, ...rest } = content;
  // An `active` that is absent never disables, and never lets anybody in again.
  const hasActive = type.schema.attributes.some(({ name }) => name === 'active');
  const active = content.active ?? stored?.active ?? true;
  return {
    schemas: [core, ...Object.keys(extensions)],
    ...(externalId === undefined ? {} : { externalId }),
    ...rest,
    ...(hasActive ? { active } : {}),
    ...extensions,
  } as unknown as C;
}

/** The members of an object under their names in lower case: attribute names are case-insensitive (RFC 7643 §2.1). */
export function membersOf(object: JsonObject): Map<string, unknown> {
  const members = new Map<string, unknown>();
  for (const [name, value] of Object.entries(object)) {
    const key = name.toLowerCase();
    if (members.has(key))
      throw new Problem('invalidSyntax', { field: name.slice(0, 100), reason: 'A name stands twice.' });
    members.set(key, value);
  }
  return members;
}

/**
 * Holds `schemas` (RFC 7643 §3, RFC 7644 §3.1) against what a message must be.
 * @throws Problem invalidSyntax when it does not contain this URN, in any case
 */
export function requireSchema(members: ReadonlyMap<string, unknown>, schema: string): void {
  const schemas = members.get('schemas');
  const named = (urn: unknown) => typeof urn === 'string' && urn.toLowerCase() === schema.toLowerCase();
  // Entra names a schema of its own beside Group: URNs that are not ours are passed over.
  if (Array.isArray(schemas) && schemas.some(named)) return;
  throw new Problem('invalidSyntax', { field: 'schemas', reason: `“schemas” must contain ${schema}.` });
}

function readAttributes(
  attributes: readonly Attribute[],
  members: Map<string, unknown>,
  prefix: string,
  current?: JsonObject,
): JsonObject {
  const content: JsonObject = {};
  for (const attribute of attributes) {
    const path = `${prefix}${attribute.name}`;
    // Okta's PUT carries id and meta, as RFC 7644 §3.5.1 says it may: read-only attributes are ignored.
    const given = attribute.mutability === 'readOnly' ? undefined : members.get(attribute.name.toLowerCase());
    let value = readValue(attribute, given, path);
    if (attribute.mutability === 'immutable' && current !== undefined && current[attribute.name] !== undefined) {
      // RFC 7644 §3.5.1: what is set already must match, "or HTTP status code 400 SHOULD be returned".
      if (value !== undefined && JSON.stringify(value) !== JSON.stringify(current[attribute.name])) {
        throw new Problem('mutability', { attribute: path.slice(0, 200) });
      }
      value = current[attribute.name];
    }
    if (value !== undefined && !attribute.derived) content[attribute.name] = value;
    else if (attribute.required && attribute.mutability !== 'readOnly') refuse(path, 'a value');
  }
  return content;
}

/**
 * One value of an attribute, in the form in which it is kept; undefined when it is unassigned (RFC 7643 §2.5).
 * @throws Problem invalidValue with `field` = path
 */
export function readValue(attribute: Attribute, value: unknown, path: string): unknown {
  // Entra clears an attribute with "", then with null.
  if (value === undefined || value === null || value === '') return undefined;
  if (!attribute.multiValued) return readSingle(attribute, value, path);
  if (!Array.isArray(value)) return refuse(path, 'an array');
  // How many rows fit is decided by the size of the body.
  if (value.length > mostValues && !attribute.rows) return refuse(path, `at most ${mostValues} values`);
  const elements = value.map((one) => readElement(attribute, one, path)).filter((one) => one !== undefined);
  const primaries = elements.filter((one) => isObject(one) && one.primary === true).length;
  if (primaries > 1) refuse(path, 'at most one primary value');
  const unique = withoutRepeats(elements);
  return unique.length > 0 ? unique : undefined;
}

function readElement(attribute: Attribute, value: unknown, path: string): unknown {
  // A client may leave null and "" among the values (Entra, in arrays that its mapping has not filled).
  if (value === null || value === '') return undefined;
  // Microsoft's collection of requests adds members by their plain ids.
  const bare = attribute.rows && typeof value === 'string';
  return readSingle(attribute, bare ? { value } : value, path);
}

function hasValue(attribute: Attribute): boolean {
  return attribute.subAttributes?.some(({ name }) => name === 'value') ?? false;
}

/** RFC 7643 §2.4: the same type and value SHOULD NOT come back twice. Where one of them is primary, it is that one. */
function withoutRepeats(elements: readonly unknown[]): readonly unknown[] {
  if (elements.length < 2) return elements;
  const unique: unknown[] = [];
  const places = new Map<string, number>();
  for (const one of elements) {
    const key = isObject(one) ? one.value !== undefined && JSON.stringify([one.type, one.value]) : JSON.stringify(one);
    const place = key === false ? undefined : places.get(key);
    if (place === undefined) {
      if (key !== false) places.set(key, unique.length);
      unique.push(one);
    } else if (isObject(one) && one.primary === true) unique[place] = one;
  }
  return unique;
}

function readSingle(attribute: Attribute, value: unknown, path: string): unknown {
  switch (attribute.type) {
    case 'complex':
      return readComplex(attribute, value, path);
    case 'boolean':
      // Entra sends "True" and "False" unless its tenant URL carries aadOptscim062020.
      if (typeof value === 'string' && /^(true|false)$/i.test(value)) return value.toLowerCase() === 'true';
      return typeof value === 'boolean' ? value : refuse(path, 'true or false');
    case 'integer':
      return Number.isSafeInteger(value) ? value : refuse(path, 'a whole number');
    case 'decimal':
      return typeof value === 'number' ? value : refuse(path, 'a number');
    case 'binary':
      return readBinary(value, path);
    case 'dateTime':
      return typeof value === 'string' && dateTime.test(value) && !Number.isNaN(Date.parse(value))
        ? value
        : refuse(path, 'a date and time such as 2008-01-23T04:56:22Z');
    case 'reference':
      return notInUri.test(readText(value, path)) ? refuse(path, 'a URI') : value;
    default:
      return canonical(attribute, readText(value, path));
  }
}

/** Certificates come in lines, as tools write them and RFC 7643 §8.2 prints them; they are kept without. */
function readBinary(value: unknown, path: string): string {
  const text = typeof value === 'string' ? value.replace(/[ \t\r\n]+/g, '') : '';
  return text !== '' && base64.test(text) ? text : refuse(path, 'text in base64');
}

/** RFC 7643 §2.4: "service providers SHOULD canonicalize the value returned"; other values are as good. */
function canonical({ canonicalValues, caseExact }: Attribute, value: string): string {
  if (!canonicalValues || caseExact) return value;
  return canonicalValues.find((one) => one.toLowerCase() === value.toLowerCase()) ?? value;
}

function readText(value: unknown, path: string): string {
  if (typeof value !== 'string') return refuse(path, 'text');
  if ((multiLine.has(path) ? controlButLines : control).test(value) || !value.isWellFormed())
    refuse(path, 'text without control characters');
  if (path === 'userName' && (value.trim() === '' || value.length > 320)) refuse(path, 'a name of 1 to 320 characters');
  return value;
}

function readComplex(attribute: Attribute, value: unknown, path: string): unknown {
  let object = value;
  const subs = attribute.subAttributes ?? [];
  if (!attribute.multiValued && hasValue(attribute)) {
    // Entra sends manager as the plain id, or as [{ "$ref", "value" }]; "" inside unsets it.
    if (typeof object === 'string') object = { value: object };
    if (Array.isArray(object) && object.length <= 1) object = object[0] ?? {};
    if (typeof object === 'string') object = { value: object };
  }
  const content = readMembers(subs, object, path);
  // A manager without an id is nobody.
  const empty = attribute.multiValued ? saysOnlyLabels(content) : Object.keys(content).length === 0;
  return empty ? undefined : content;
}

/** Has it nothing but a type, a display and whether it is primary? */
export function saysOnlyLabels(element: JsonObject): boolean {
  return Object.keys(element).every((name) => labels.has(name));
}

/**
 * What an object says of an element that is there already: it need not be whole.
 * @throws Problem invalidValue with `field` below path
 */
export function readPart({ subAttributes = [] }: Attribute, value: unknown, path: string): JsonObject {
  return readMembers(
    subAttributes.map((sub) => ({ ...sub, required: false })),
    value,
    path,
  );
}

function readMembers(subs: readonly Attribute[], object: unknown, path: string): JsonObject {
  if (!isObject(object)) return refuse(path, 'an object');
  const members = membersOf(object);
  const content = readAttributes(subs, members, `${path}.`);
  const reference = members.get('$ref');
  if (content.value === undefined && typeof reference === 'string' && isDerived(subs, '$ref')) {
    // Who is meant may be said by the reference alone (RFC 7643 §2.4).
    const id = idOfReference(reference);
    if (id !== '') content.value = id;
  }
  return content;
}

function isDerived(subs: readonly Attribute[], name: string): boolean {
  return subs.some((sub) => sub.name === name && sub.derived);
}

/** The id at the end of a resource's URI, absolute or relative (RFC 7643 §2.3.7). */
export function idOfReference(uri: string): string {
  const last =
    uri
      .split(/[?#]/)[0]
      ?.split('/')
      .findLast((part) => part !== '') ?? '';
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

function refuse(field: string, wanted: string): never {
  throw new Problem('invalidValue', {
    field: field.slice(0, 200),
    reason: `“${field.slice(0, 200)}” must be ${wanted}.`,
  });
}
