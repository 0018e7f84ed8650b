// PATCH (RFC 7644 §3.5.2): operations on a copy of the resource, one after the other; the outcome is read again as a
// whole, so that what a PATCH leaves behind is what a PUT could have said. Pure: atomic because nothing else happens.

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
  subAttribute,
} from './attribute.ts';
import { isObject, type JsonObject, membersOf, readResource, readValue } from './resource.ts';

export const patchOp = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

type Op = 'add' | 'remove' | 'replace';
interface Operation {
  readonly op: Op;
  readonly path?: string;
  readonly value: unknown;
}

/** Operations of one PATCH: each may walk every value of an attribute. */
const mostOperations = 1000;

/**
 * Applies the body of a PATCH to a resource.
 * @throws Problem invalidSyntax, invalidPath, invalidFilter, invalidValue, noTarget, mutability; scopeMissing for a password
 */
export function patchResource<C extends object>(type: ResourceType, content: C, body: unknown): C {
  const resource = structuredClone(content) as unknown as JsonObject;
  for (const operation of readOperations(body)) apply(type, resource, operation);
  return readResource<C>(type, resource, content);
}

function readOperations(body: unknown): Operation[] {
  if (!isObject(body)) throw new Problem('invalidSyntax', { reason: 'A PATCH is a JSON object.' });
  const members = membersOf(body);
  const schemas = members.get('schemas');
  const named = (urn: unknown) => typeof urn === 'string' && urn.toLowerCase() === patchOp.toLowerCase();
  if (!Array.isArray(schemas) || !schemas.some(named)) {
    throw new Problem('invalidSyntax', { field: 'schemas', reason: `“schemas” must contain ${patchOp}.` });
  }
  const operations = members.get('operations');
  if (!Array.isArray(operations) || operations.length === 0) {
    throw new Problem('invalidSyntax', {
      field: 'Operations',
      reason: '“Operations” must be an array with operations.',
    });
  }
  if (operations.length > mostOperations) {
    throw new Problem('invalidValue', {
      field: 'Operations',
      reason: `At most ${mostOperations} operations fit in a PATCH.`,
    });
  }
  return operations.map(readOperation);
}

function readOperation(value: unknown): Operation {
  if (!isObject(value))
    throw new Problem('invalidSyntax', { field: 'Operations', reason: 'An operation is an object.' });
  const members = membersOf(value);
  const given = members.get('op');
  // Entra writes Add, Replace and Remove.
  const op = typeof given === 'string' ? given.toLowerCase() : '';
  if (op !== 'add' && op !== 'remove' && op !== 'replace') {
    throw new Problem('invalidSyntax', { field: 'op', reason: '“op” must be add, remove or replace.' });
  }
  const path = members.get('path') ?? undefined;
  if (path !== undefined && typeof path !== 'string') throw new Problem('invalidPath', { path: '' });
  if (op === 'remove' && (path === undefined || path === '')) throw new Problem('noTarget');
  const operation = { op, value: members.get('value') } as const;
  if (path) return { ...operation, path };
  if (!isObject(operation.value)) {
    throw new Problem('invalidValue', { field: 'value', reason: 'Without a path, “value” must be an object.' });
  }
  return operation;
}

function apply(type: ResourceType, resource: JsonObject, { op, path, value }: Operation): void {
  if (path !== undefined) {
    applyAt(type, resource, op, path, value);
    return;
  }
  for (const [name, inner] of Object.entries(value as JsonObject)) {
    // Okta repeats the id; a client may send back what it has read: read-only attributes say nothing new.
    const located = name.includes('[') ? undefined : locateName(type, name);
    if (located?.attribute.mutability === 'readOnly' || ['groups', 'meta'].includes(name.toLowerCase())) continue;
    // Entra, with aadOptscim062020 in its URL, writes "name.givenName" and "urn:…:User:department" as names.
    applyAt(type, resource, op, name, inner);
  }
}

function locateName(type: ResourceType, name: string): Located | undefined {
  const { attribute } = parsePath(name, () => undefined);
  return locate(type, attribute);
}

function applyAt(type: ResourceType, resource: JsonObject, op: Op, path: string, value: unknown): void {
  const parsed = parsePath(path, (name, use, parent) => fieldOf(type, name, use, parent));
  const extension = locateExtension(type, parsed.attribute);
  if (extension) {
    applyToExtension(type, resource, op, extension.id, value);
    return;
  }
  const located = locate(type, parsed.attribute);
  if (!located) {
    // changePassword is advertised as absent; a password that is silently dropped would be believed to be set.
    if (/(^|:)password$/i.test(path)) throw new Problem('scopeMissing', { attribute: 'password' });
    throw new Problem('invalidPath', { path: path.slice(0, 100) });
  }
  const sub = located.sub ?? (parsed.sub === undefined ? undefined : named(located.attribute, parsed.sub, path));
  for (const target of [located.attribute, sub]) {
    if (target?.mutability !== 'readOnly') continue;
    // `schemas` follows from the attributes that are there; a client that names it changes nothing.
    if (target.name === 'schemas') return;
    throw new Problem('mutability', { attribute: path.slice(0, 100) });
  }
  if (op === 'remove' && located.attribute.required)
    throw new Problem('mutability', { attribute: located.attribute.name });
  const holder = located.container === undefined ? resource : child(resource, located.container);
  const prefix = located.container === undefined ? '' : `${located.container}:`;
  const name = `${prefix}${located.attribute.name}${sub ? `.${sub.name}` : ''}`;
  const target: Target = { holder, attribute: located.attribute, path: name, ...(sub ? { sub } : {}) };
  if (located.attribute.multiValued) applyToMany(op, target, parsed, value);
  else if (parsed.filter) throw new Problem('invalidPath', { path: path.slice(0, 100) });
  else applyToOne(op, target, value);
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

/** The URN of an extension alone: its attributes come as an object. */
function applyToExtension(type: ResourceType, resource: JsonObject, op: Op, urn: string, value: unknown): void {
  if (op === 'remove' || value === null || value === '') {
    delete resource[urn];
    return;
  }
  if (!isObject(value)) throw new Problem('invalidValue', { field: urn });
  for (const [name, inner] of Object.entries(value)) applyAt(type, resource, op, `${urn}:${name}`, inner);
}

interface Target {
  readonly holder: JsonObject;
  readonly attribute: Attribute;
  readonly sub?: Attribute;
  readonly path: string;
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
  if (read === undefined) delete object[sub.name];
  else object[sub.name] = read;
}

function applyToMany(op: Op, target: Target, path: PatchPath, value: unknown): void {
  const { holder, attribute, sub } = target;
  const elements = Array.isArray(holder[attribute.name]) ? (holder[attribute.name] as JsonObject[]) : [];
  holder[attribute.name] = elements;
  if (!path.filter && !sub) {
    applyToAll(op, target, elements, value);
    return;
  }
  const { filter } = path;
  const chosen = filter ? elements.filter((element) => matches(filter, element)) : elements;
  if (op === 'remove') {
    if (sub) for (const element of chosen) delete element[sub.name];
    else holder[attribute.name] = elements.filter((element) => !chosen.includes(element));
    return;
  }
  const clears = value === undefined || value === null || value === '';
  if (chosen.length === 0) {
    // Entra clears twice, with "" and with null: what is not there is clear already.
    if (clears) return;
    if (op === 'replace' && filter) throw new Problem('noTarget');
    // Entra adds phoneNumbers[type eq "mobile"].value before there is such an element.
    const created = filter ? elementOf(filter) : {};
    if (!created) throw new Problem('noTarget');
    elements.push(created);
    chosen.push(created);
  }
  for (const element of chosen) {
    if (sub) setMember(element, sub, op, value, target.path);
    else if (clears) elements.splice(elements.indexOf(element), 1);
    else Object.assign(element, readElement(attribute, value, target.path));
  }
  onePrimary(elements, chosen);
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
  const added = read.filter((one) => !elements.some((there) => JSON.stringify(there) === JSON.stringify(one)));
  elements.push(...added);
  onePrimary(elements, added);
}

function sameValue(element: JsonObject, gone: unknown): boolean {
  return isObject(gone) && gone.value !== undefined && element.value === gone.value;
}

function readElement(attribute: Attribute, value: unknown, path: string): JsonObject {
  const read = readValue(attribute, [value], path) as JsonObject[] | undefined;
  return read?.[0] ?? {};
}

/** RFC 7644 §3.5.2: a value that becomes primary makes every other one not so. */
function onePrimary(elements: JsonObject[], touched: JsonObject[]): void {
  const primary = touched.findLast((element) => element.primary === true);
  if (!primary) return;
  for (const element of elements) if (element !== primary && element.primary === true) element.primary = false;
}

/** The element that a filter of equalities describes: `type eq "work" and primary eq true`; undefined for any other. */
function elementOf(filter: Filter): JsonObject | undefined {
  if (filter.kind === 'and') {
    const parts = filter.filters.map(elementOf);
    return parts.every((part) => part !== undefined) ? Object.assign({}, ...parts) : undefined;
  }
  if (filter.kind !== 'compare' || filter.operator !== 'eq' || filter.value === null) return undefined;
  const [name] = filter.field.steps;
  return name === undefined ? undefined : { [name]: filter.value };
}
