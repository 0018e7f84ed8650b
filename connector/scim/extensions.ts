// Schema extensions of an organisation (RFC 7643 §3.3), declared in a JSON file and checked before the door opens:
//
//   [{ "resourceType": "User", "required": false, "schema": { …a Schema as in RFC 7643 §7 and §8.7.1… } }]

import type { Attribute, ResourceType, Schema } from './attribute.ts';

/** A declared extension of one resource type. */
export interface Extension {
  readonly resourceType: string;
  readonly required: boolean;
  readonly schema: Schema;
}

/** A file that cannot be used: the message is a sentence for the operator that names the place. */
export class ExtensionError extends Error {
  override readonly name = 'ExtensionError';
}

const simpleTypes = ['string', 'boolean', 'decimal', 'integer', 'dateTime', 'binary', 'reference'] as const;
const attributeName = /^[A-Za-z][A-Za-z0-9_$-]*$/;
// RFC 8141, as far as it can be written in a path (RFC 7644 §3.10).
const urn = /^urn:[A-Za-z0-9][A-Za-z0-9-]{1,30}[A-Za-z0-9]:[A-Za-z0-9_.:-]*[A-Za-z0-9_-]$/i;
/** Each is read with every body. */
const mostAttributes = 200;

/**
 * Reads the declarations.
 * @param types the resource types that can be extended
 * @throws ExtensionError
 */
export function parseExtensions(text: string, types: readonly ResourceType[]): Extension[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    refuse('The file', `is not JSON (${error instanceof Error ? error.message : ''})`);
  }
  if (!Array.isArray(value)) refuse('The file', 'must hold an array of extensions');
  const taken = new Set(
    types.flatMap(({ schema, extensions }) =>
      [schema, ...extensions.map((one) => one.schema)].map(({ id }) => id.toLowerCase()),
    ),
  );
  return value.map((one: unknown, at) => {
    const extension = readExtension(one, `Extension ${at + 1}`, types);
    const key = extension.schema.id.toLowerCase();
    if (taken.has(key)) refuse(`The schema ${extension.schema.id}`, 'is there already');
    taken.add(key);
    return extension;
  });
}

/** The types with the extensions that were declared for them behind their own. */
export function extendTypes(types: readonly ResourceType[], extensions: readonly Extension[]): ResourceType[] {
  return types.map((type) => ({
    ...type,
    extensions: [
      ...type.extensions,
      ...extensions
        .filter(({ resourceType }) => resourceType === type.name)
        .map(({ schema, required }) => ({ schema, required })),
    ],
  }));
}

function readExtension(value: unknown, place: string, types: readonly ResourceType[]): Extension {
  const given = objectOf(value, place, ['resourceType', 'required', 'schema']);
  const names = types.map(({ name }) => name);
  const resourceType = oneOf(given.resourceType, names, `“resourceType” of ${place}`);
  const required = flag(given.required, false, `“required” of ${place}`);
  return { resourceType, required, schema: readSchema(given.schema, place) };
}

function readSchema(value: unknown, place: string): Schema {
  // As it is served by /Schemas it may stand here: `schemas` and `meta` say nothing new.
  const given = objectOf(value, `“schema” of ${place}`, ['id', 'name', 'description', 'attributes', 'schemas', 'meta']);
  const id = textOf(given.id, `“id” of the schema of ${place}`);
  if (!urn.test(id))
    refuse(`The schema id “${id}”`, 'must be a URN such as urn:example:params:scim:schemas:hr:1.0:User');
  const schema = `the schema ${id}`;
  const name = textOf(given.name, `“name” of ${schema}`);
  const description = textOf(given.description ?? name, `“description” of ${schema}`);
  return { id, name, description, attributes: readAttributes(given.attributes, schema, false) };
}

const characteristics = [
  ...['name', 'type', 'subAttributes', 'multiValued', 'description', 'required', 'canonicalValues', 'caseExact'],
  ...['mutability', 'returned', 'uniqueness', 'referenceTypes'],
];

function readAttributes(value: unknown, place: string, within: boolean): Attribute[] {
  const what = within ? 'subAttributes' : 'attributes';
  if (!Array.isArray(value) || value.length === 0) refuse(`“${what}” of ${place}`, 'must be an array with attributes');
  if (value.length > mostAttributes) refuse(`“${what}” of ${place}`, `must be at most ${mostAttributes}`);
  const attributes = value.map((one: unknown, at) => readAttribute(one, `${what}[${at}] of ${place}`, place, within));
  const names = new Set<string>();
  for (const { name } of attributes) {
    if (names.has(name.toLowerCase())) refuse(`The attribute “${name}” of ${place}`, 'stands twice');
    names.add(name.toLowerCase());
  }
  return attributes;
}

function readAttribute(value: unknown, at: string, owner: string, within: boolean): Attribute {
  const given = objectOf(value, at, characteristics);
  const name = textOf(given.name, `“name” of ${at}`);
  const place = `the attribute “${name}” of ${owner}`;
  // `$ref` is the one name that RFC 7643 §2.4 itself gives against its own rule.
  if (!attributeName.test(name) && !(within && name === '$ref')) {
    refuse(capital(place), 'must be named with letters, digits, “_”, “-” and “$”, beginning with a letter');
  }
  const types = within ? simpleTypes : ([...simpleTypes, 'complex'] as const);
  const type = oneOf(given.type ?? 'string', types, `“type” of ${place}`);
  if ((given.subAttributes !== undefined) !== (type === 'complex')) {
    refuse(
      capital(place),
      type === 'complex' ? 'is complex and has no “subAttributes”' : 'is not complex and has “subAttributes”',
    );
  }
  // What nobody sets has no value, and a value that is never sent could only be a secret: neither belongs here.
  const mutability = oneOf(
    given.mutability ?? 'readWrite',
    within ? ['readWrite'] : ['readWrite', 'immutable'],
    `“mutability” of ${place}`,
  );
  const returned = oneOf(
    given.returned ?? 'default',
    within ? ['default'] : ['default', 'request'],
    `“returned” of ${place}`,
  );
  oneOf(given.uniqueness ?? 'none', ['none'], `“uniqueness” of ${place}`);
  const exact = type === 'binary' || type === 'reference';
  const canonicalValues = textsOf(given.canonicalValues, `“canonicalValues” of ${place}`);
  const referenceTypes = textsOf(given.referenceTypes, `“referenceTypes” of ${place}`);
  if (referenceTypes && type !== 'reference') refuse(capital(place), 'is not a reference and has “referenceTypes”');
  return {
    name,
    type,
    multiValued: flag(given.multiValued, false, `“multiValued” of ${place}`),
    description: textOf(given.description ?? name, `“description” of ${place}`),
    required: flag(given.required, false, `“required” of ${place}`),
    caseExact: flag(given.caseExact, exact, `“caseExact” of ${place}`) || exact,
    mutability,
    returned,
    uniqueness: 'none',
    ...(canonicalValues ? { canonicalValues } : {}),
    ...(type === 'reference' ? { referenceTypes: referenceTypes ?? ['uri'] } : {}),
    ...(type === 'complex' ? { subAttributes: readAttributes(given.subAttributes, place, true) } : {}),
  };
}

function objectOf(value: unknown, place: string, names: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse(capital(place), 'must be an object');
  const unknown = Object.keys(value).find((name) => !names.includes(name));
  if (unknown !== undefined) refuse(capital(place), `has “${unknown}”, which means nothing here`);
  return value as Record<string, unknown>;
}

function textOf(value: unknown, place: string): string {
  if (typeof value !== 'string' || value.trim() === '') refuse(capital(place), 'must be a text');
  return value;
}

function textsOf(value: unknown, place: string): string[] | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || !value.every((one) => typeof one === 'string'))
    refuse(capital(place), 'must be an array of texts');
  return value.length > 0 ? value : undefined;
}

function flag(value: unknown, otherwise: boolean, place: string): boolean {
  if (value === undefined) return otherwise;
  return typeof value === 'boolean' ? value : refuse(capital(place), 'must be true or false');
}

function oneOf<T extends string>(value: unknown, values: readonly T[], place: string): T {
  const found = values.find((one) => one === value);
  return found ?? refuse(capital(place), `must be ${values.map((one) => `“${one}”`).join(' or ')}`);
}

function capital(place: string): string {
  return place.replace(/^./, (letter) => letter.toUpperCase());
}

function refuse(place: string, what: string): never {
  throw new ExtensionError(`${place} ${what}.`);
}
