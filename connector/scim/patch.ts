// PATCH (RFC 7644 §3.5.2) applied: operations on a copy of the resource, one after the other; the outcome is read again as a
// whole, so that what a PATCH leaves behind is what a PUT could have said. Pure: atomic because nothing else happens.
// Attributes that are kept as rows are not in the copy: what is to be done with them is handed on, in order.

import { Problem } from '#shared/problem.ts';
import { type Filter, matches } from '../filter/filter.ts';
import { type PatchPath, parsePath } from '../filter/scim.ts';
import {
  type Attribute,
  fieldOf,
  type Located,
  locate,
  locateExtension,
  type ResourceType,
  type Schema,
  subAttribute,
} from './attribute.ts';
import type { Op, Operation, PatchRequest } from './patch-request.ts';
import {
  idOfReference,
  isObject,
  type JsonObject,
  readPart,
  readResource,
  readValue,
  saysOnlyLabels,
} from './resource.ts';

/** One operation on an attribute that is kept as rows. */
export interface RowsOperation {
  readonly op: Op;
  readonly attribute: Attribute;
  readonly filter?: Filter;
  readonly sub?: Attribute;
  readonly value: unknown;
}

/**
 * Applies a PATCH to a resource.
 * @param rows takes the operations on attributes that are kept as rows
 * @throws Problem invalidSyntax, invalidPath, invalidFilter, invalidValue, noTarget, mutability
 */
export function patchResource<C extends object>(
  type: ResourceType,
  content: C,
  { operations }: PatchRequest,
  rows: (operation: RowsOperation) => void = () => {},
): C {
  const patch: Patch = { type, resource: copyOf(content) as JsonObject, rows };
  for (const operation of operations) for (const step of stepsOf(type, operation)) apply(patch, step);
  return readResource<C>(type, patch.resource, content);
}

/**
 * The last value that a PATCH gives to a simple attribute of the core schema; undefined: none. It goes through the very
 * steps that are applied, so that nothing is set that was not found here.
 */
export function assignedValue(type: ResourceType, { operations }: PatchRequest, attribute: string): unknown {
  let found: unknown;
  try {
    for (const operation of operations) {
      for (const { parsed, value } of stepsOf(type, operation)) {
        const located = locate(type, parsed.attribute);
        if (located?.container === undefined && located?.attribute.name === attribute) found = value;
      }
    }
  } catch (error) {
    // What is wrong with it is found again, and told, when it is applied.
    if (!(error instanceof Problem)) throw error;
  }
  return found;
}

/** A copy of JSON, which structuredClone makes four times as slowly. Its depth is that of what readResource has let in. */
function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf);
  if (!isObject(value)) return value;
  const copy: JsonObject = {};
  for (const name of Object.keys(value)) copy[name] = copyOf(value[name]);
  return copy;
}

interface Patch {
  readonly type: ResourceType;
  readonly resource: JsonObject;
  readonly rows: (operation: RowsOperation) => void;
}

/** What an operation does to one attribute, or to an extension as a whole. */
interface Step extends Operation {
  readonly path: string;
  readonly parsed: PatchPath;
  readonly extension?: Schema;
}

/** The steps of an operation: an object without a path, or under the URN of a schema, is as many as it has members. */
function* stepsOf(type: ResourceType, operation: Operation): Generator<Step> {
  const { op, path, value } = operation;
  if (path === undefined) {
    for (const [name, inner] of Object.entries(value as JsonObject)) {
      // Okta repeats the id; a client may send back what it has read: read-only attributes say nothing new.
      const located = name.includes('[') ? undefined : locateName(type, name);
      if (located?.attribute.mutability === 'readOnly') continue;
      // Entra, with aadOptscim062020 in its URL, writes "name.givenName" and "urn:…:User:department" as names.
      yield* stepsOf(type, { ...operation, path: name, value: inner });
    }
    return;
  }
  const parsed = parsePath(path, (name, use, parent) => fieldOf(type, name, use, parent));
  const extension = locateExtension(type, parsed.attribute);
  if (extension && op !== 'remove' && value !== null && value !== '') {
    const { id } = extension;
    if (!isObject(value)) throw new Problem('invalidValue', { field: id, reason: 'An extension is an object.' });
    for (const [name, inner] of Object.entries(value)) {
      yield* stepsOf(type, { ...operation, path: `${id}:${name}`, value: inner });
    }
    return;
  }
  // A client may write the URN of the core schema alone, as it may that of an extension: the resource itself.
  if (isCore(type, parsed) && isObject(value) && op !== 'remove') {
    const { path: _path, ...pathless } = operation;
    yield* stepsOf(type, pathless);
    return;
  }
  yield { ...operation, path, parsed, ...(extension ? { extension } : {}) };
}

function locateName(type: ResourceType, name: string): Located | undefined {
  const { attribute } = parsePath(name, () => undefined);
  return locate(type, attribute);
}

function isCore(type: ResourceType, { attribute, filter }: PatchPath): boolean {
  if (filter || attribute.uri === undefined || attribute.sub !== undefined) return false;
  return `${attribute.uri}:${attribute.name}`.toLowerCase() === type.schema.id.toLowerCase();
}

function apply({ type, resource, rows }: Patch, { op, path, parsed, value, creates, extension }: Step): void {
  if (extension) {
    delete resource[extension.id];
    return;
  }
  const located = locate(type, parsed.attribute);
  if (!located) throw new Problem('invalidPath', { path: path.slice(0, 100) });
  const { attribute } = located;
  const sub = located.sub ?? (parsed.sub === undefined ? undefined : named(attribute, parsed.sub, path));
  if (!changeable(op, attribute, sub, path)) return;
  if (attribute.rows) {
    const filter = parsed.filter ? { filter: parsed.filter } : {};
    rows({ op, attribute, value, ...filter, ...(sub ? { sub } : {}) });
    return;
  }
  const holder = located.container === undefined ? resource : child(resource, located.container);
  const prefix = located.container === undefined ? '' : `${located.container}:`;
  const name = `${prefix}${attribute.name}${sub ? `.${sub.name}` : ''}`;
  const target: Target = { holder, attribute, path: name, creates, ...(sub ? { sub } : {}) };
  if (attribute.multiValued) applyToMany(op, target, parsed, value);
  else if (parsed.filter) throw new Problem('invalidPath', { path: path.slice(0, 100) });
  else applyToOne(op, target, value);
}

/** May this operation touch it? False: it is passed over. @throws Problem mutability (§3.5.2), invalidValue */
function changeable(op: Op, attribute: Attribute, sub: Attribute | undefined, path: string): boolean {
  for (const target of [attribute, sub]) {
    if (target?.mutability !== 'readOnly') continue;
    // `schemas` follows from the attributes that are there; a client that names it changes nothing.
    if (target.name === 'schemas') return false;
    throw new Problem('mutability', { attribute: path.slice(0, 100) });
  }
  // §3.5.2.2: a required attribute cannot become unassigned, and a password that is only taken away lets nobody in.
  const kept = attribute.required || attribute.mutability === 'writeOnly' || attribute.mutability === 'immutable';
  if (op === 'remove' && (kept || sub?.required)) throw new Problem('mutability', { attribute: path.slice(0, 100) });
  return true;
}

function named(attribute: Attribute, name: string, path: string): Attribute {
  const sub = subAttribute(attribute, name);
  if (!sub) throw new Problem('invalidPath', { path: path.slice(0, 100) });
  return sub;
}

function child(holder: JsonObject, name: string): JsonObject {
  const existing = holder[name];
  if (isObject(existing)) return existing;
  const created: JsonObject = {};
  holder[name] = created;
  return created;
}

interface Target {
  readonly holder: JsonObject;
  readonly attribute: Attribute;
  readonly sub?: Attribute;
  readonly path: string;
  readonly creates: boolean;
}

function applyToOne(op: Op, { holder, attribute, sub, path }: Target, value: unknown): void {
  if (sub) {
    setMember(child(holder, attribute.name), sub, op, value, path);
    return;
  }
  const read = op === 'remove' ? undefined : readValue(attribute, value, path);
  if (attribute.type !== 'complex' || read === undefined || !isObject(value)) {
    // Cleared, simple, or a manager given as a bare id: whatever stood there is gone.
    if (read === undefined && isObject(value)) clearMembers(child(holder, attribute.name), attribute, value);
    else holder[attribute.name] = read;
    return;
  }
  // RFC 7644 §3.5.2.3: sub-attributes that are not specified are left unchanged.
  const existing = child(holder, attribute.name);
  clearMembers(existing, attribute, value);
  Object.assign(existing, read);
}

/** `{ "familyName": null }` unassigns what it names. */
function clearMembers(existing: JsonObject, attribute: Attribute, value: JsonObject): void {
  for (const [name, inner] of Object.entries(value)) {
    const sub = subAttribute(attribute, name);
    if (sub && (inner === null || inner === '')) delete existing[sub.name];
  }
}

function setMember(object: JsonObject, sub: Attribute, op: Op, value: unknown, path: string): void {
  const read = op === 'remove' ? undefined : readValue(sub, value, path);
  if (sub.derived) {
    // `manager.$ref` says who it is as well as `manager.value` does; taking away what is derived takes nothing away.
    if (sub.name === '$ref' && typeof read === 'string') object.value = idOfReference(read);
  } else if (read === undefined) delete object[sub.name];
  else object[sub.name] = read;
}

function applyToMany(op: Op, target: Target, path: PatchPath, value: unknown): void {
  const { holder, attribute, sub } = target;
  const elements = Array.isArray(holder[attribute.name]) ? (holder[attribute.name] as unknown[]) : [];
  holder[attribute.name] = elements;
  if (attribute.type !== 'complex') applyToPlain(op, target, path, elements, value);
  else if (path.filter || sub) applyToChosen(op, target, path.filter, elements as JsonObject[], value);
  else applyToAll(op, target, elements as JsonObject[], value);
  // The next operation finds what a client would find: no empty elements, none twice.
  const whole = sub ? target.path.slice(0, -sub.name.length - 1) : target.path;
  holder[attribute.name] = readValue(attribute, holder[attribute.name], whole);
}

/** A list of plain values (an extension may have one). */
function applyToPlain(op: Op, target: Target, { filter }: PatchPath, elements: unknown[], value: unknown): void {
  const { holder, attribute, path, creates } = target;
  const chosen = filter ? elements.filter((element) => matches(filter, element)) : elements;
  const given = Array.isArray(value) || value === null || value === undefined || value === '' ? value : [value];
  const read = op === 'remove' && filter ? undefined : (readValue(attribute, given, path) as unknown[] | undefined);
  if (op === 'replace' && filter && chosen.length === 0 && !creates) throw new Problem('noTarget');
  if (op === 'add') holder[attribute.name] = [...elements, ...(read ?? [])];
  else {
    const gone = new Set(op === 'remove' && !filter && read ? read : chosen);
    const kept = elements.filter((element) => !gone.has(element));
    holder[attribute.name] = op === 'replace' ? [...kept, ...(read ?? [])] : kept;
  }
}

function applyToChosen(
  op: Op,
  { holder, attribute, sub, path, creates }: Target,
  filter: Filter | undefined,
  elements: JsonObject[],
  value: unknown,
): void {
  const chosen = filter ? elements.filter((element) => matches(filter, element)) : [...elements];
  if (op === 'remove') {
    if (sub) for (const element of chosen) delete element[sub.name];
    else holder[attribute.name] = elements.filter((element) => !chosen.includes(element));
    return;
  }
  const said = sub ? value : onlyOf(value, path);
  const clears = said === undefined || said === null || said === '';
  if (chosen.length === 0) {
    // Entra clears twice, with "" and with null: what is not there is clear already.
    if (clears) return;
    if (op === 'replace' && filter && !creates) throw new Problem('noTarget');
    // Entra adds phoneNumbers[type eq "mobile"].value before there is such an element.
    const created = filter ? elementOf(filter) : {};
    if (!created) throw new Problem('noTarget');
    elements.push(created);
    chosen.push(created);
  }
  for (const element of chosen) {
    if (sub) setMember(element, sub, op, value, path);
    else if (clears) elements.splice(elements.indexOf(element), 1);
    else {
      const part = readPart(attribute, said, path);
      if (op === 'replace') clearElement(element, part, filter);
      Object.assign(element, part);
      clearMembers(element, attribute, said as JsonObject);
    }
  }
  onePrimary(elements, chosen);
}

/** One element may come as a list of one. */
function onlyOf(value: unknown, path: string): unknown {
  if (!Array.isArray(value)) return value;
  const given = value.filter((one) => one !== null && one !== '');
  if (given.length > 1) throw new Problem('invalidValue', { field: path, reason: 'One value is wanted here.' });
  return given[0];
}

/**
 * What goes when an element is replaced. §3.5.2.3: "all matching record values SHALL be replaced"; what the path itself says
 * of them stays true. An object without a value says something of the one that is there, and takes nobody's e-mail away.
 */
function clearElement(element: JsonObject, part: JsonObject, filter: Filter | undefined): void {
  const stays = saysOnlyLabels(part)
    ? (name: string) => !saysOnlyLabels({ [name]: true })
    : (name: string) => name === 'value';
  for (const name of Object.keys(element)) if (!stays(name)) delete element[name];
  Object.assign(element, filter && elementOf(filter));
}

function applyToAll(op: Op, { holder, attribute, path }: Target, elements: JsonObject[], value: unknown): void {
  // RFC 7644 Figure 6 gives an array; one element alone is understood as well.
  const given = isObject(value) ? [value] : value;
  if (op === 'remove') {
    // Entra removes values by listing them; to a strict reader that would empty the attribute.
    const listed = Array.isArray(given) ? given : undefined;
    holder[attribute.name] = listed
      ? elements.filter((one) => !listed.some((gone) => sameValue(one, gone)))
      : undefined;
    return;
  }
  const read = (readValue(attribute, given, path) as JsonObject[] | undefined) ?? [];
  if (op === 'replace') {
    holder[attribute.name] = read;
    return;
  }
  // The same type and value is the same element (RFC 7643 §2.4): what is said beside them is said of it.
  const touched = read.map((one) => {
    const there = elements.find((element) => one.value !== undefined && sameTypeAndValue(element, one));
    if (there) return Object.assign(there, one);
    if (!elements.some((element) => JSON.stringify(element) === JSON.stringify(one))) elements.push(one);
    return one;
  });
  onePrimary(elements, touched);
}

function sameValue(element: JsonObject, gone: unknown): boolean {
  const value = isObject(gone) ? gone.value : gone;
  return value !== undefined && element.value === value;
}

function sameTypeAndValue(a: JsonObject, b: JsonObject): boolean {
  return a.type === b.type && a.value === b.value;
}

/** RFC 7644 §3.5.2: a value that becomes primary makes every other one not so. */
function onePrimary(elements: JsonObject[], touched: JsonObject[]): void {
  const primary = touched.findLast((element) => element.primary === true);
  if (!primary) return;
  for (const element of elements) if (element !== primary && element.primary === true) element.primary = false;
}

/** The element that a filter of equalities describes: `type eq "work" and primary eq true`; undefined for any other. */
export function elementOf(filter: Filter): JsonObject | undefined {
  if (filter.kind === 'and') {
    const parts = filter.filters.map(elementOf);
    return parts.every((part) => part !== undefined) ? Object.assign({}, ...parts) : undefined;
  }
  if (filter.kind !== 'compare' || filter.operator !== 'eq' || filter.value === null) return undefined;
  const [name] = filter.field.steps;
  return name === undefined ? undefined : { [name]: filter.value };
}
