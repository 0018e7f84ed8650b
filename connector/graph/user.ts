// Properties of a user in Microsoft Graph ↔ the SCIM User that is stored: the one table between the two. What it says of
// each property is what `GET /users` shows, what $filter, $orderby and $search may ask, and what POST and PATCH may set.
// Lengths and operators: Microsoft Graph v1.0, user resource type; advanced query capabilities on directory objects.

import type { FieldType } from '../filter/filter.ts';
import { fold } from '../filter/fold.ts';
import { graphBounds } from '../store/graph-attributes.ts';
import {
  coreUser,
  type Element,
  type EnterpriseContent,
  enterpriseUser,
  type GraphContent,
  graphUser,
  isOfType,
  mailboxesOf,
  mailOf,
  mobilePhoneOf,
  type PostalAddress,
  shownName,
  type UserContent,
  userTypeOf,
} from '../store/user-resource.ts';
import type { StoredUser } from '../store/users.ts';
import { badRequest, type GraphError } from './error.ts';
import { Draft, element, extended, Invalid, text, truth } from './user-draft.ts';

/** A stored person, opened. */
export interface Person {
  readonly content: UserContent & { readonly id: string; readonly meta: { readonly created: string } };
  /** When the password last changed, in milliseconds since the epoch, where that was looked up and there is one. */
  readonly passwordChangedAt?: number | undefined;
}

/** What $filter may do with a property. `null` is comparing with null, `count` is `/$count eq 0`. */
export type Ability = 'eq' | 'ne' | 'gt' | 'ge' | 'lt' | 'le' | 'sw' | 'ew' | 'null' | 'count';

export interface Filtering {
  /** In any query. */
  readonly plain: readonly Ability[];
  /** In an advanced one (header ConsistencyLevel, $count=true), too. */
  readonly advanced: readonly Ability[];
}

/** One row of the table. */
export interface Property {
  readonly type: 'String' | 'Boolean' | 'DateTimeOffset' | 'Strings' | 'Complex' | 'Complexes';
  /** The value as it is sent; null where there is none. */
  readonly read: (person: Person) => unknown;
  /** The attributes of the SCIM User that it is made of; `password` is the credential. */
  readonly from: readonly string[];
  /** Puts a new value into the SCIM User, null to clear it; without it the property cannot be set. @throws Invalid */
  readonly write?: (draft: Draft, value: unknown) => void;
  /** Is it asked for when a user is created? Such a one cannot be cleared either. */
  readonly required?: true;
  readonly filter?: Filtering;
  readonly sort?: 'plain' | 'advanced';
  /** Of the elements of a `Complexes`: what they can be compared by. */
  readonly elements?: Readonly<Record<string, FieldType>>;
}

// What can be asked of a property ------------------------------------------------------------------------------------

const ordered = ['gt', 'ge', 'lt', 'le'] as const;
const exact = { plain: ['eq'], advanced: ['ne'] } as const satisfies Filtering;
const usual = { plain: ['eq', ...ordered, 'sw'], advanced: ['ne', 'null'] } as const satisfies Filtering;
/** Not indexed for ordinary queries. */
const advanced = { plain: [], advanced: ['eq', ...ordered, 'sw', 'ne', 'null'] } as const satisfies Filtering;
const nullable = { plain: ['eq'], advanced: ['ne', 'null'] } as const satisfies Filtering;
const address = { plain: ['eq', ...ordered, 'sw'], advanced: ['ne', 'ew', 'null'] } as const satisfies Filtering;
const some = { plain: ['eq', ...ordered, 'sw'], advanced: ['ew', 'count'] } as const satisfies Filtering;
const time = { plain: ['eq', ...ordered], advanced: ['ne'] } as const satisfies Filtering;
const lateTime = { plain: [], advanced: ['eq', 'ne', ...ordered, 'null'] } as const satisfies Filtering;
const countOnly = { plain: [], advanced: ['count'] } as const satisfies Filtering;

// Ways into the SCIM User --------------------------------------------------------------------------------------------

type Names<T> = Extract<keyof T, string>;

/** A text of the core schema. */
function core(name: 'title', most: number, filter: Filtering): Property {
  const write = (draft: Draft, value: unknown) => draft.set(name, text(value, most));
  return { type: 'String', read: ({ content }) => content[name] ?? null, from: [name], write, filter };
}

function nameOf(part: 'givenName' | 'familyName'): Property {
  return {
    type: 'String',
    read: ({ content }) => content.name?.[part] ?? null,
    from: ['name'],
    write: (draft, value) => draft.setIn('name', part, text(value, 64)),
    filter: usual,
  };
}

function enterprise(part: Names<EnterpriseContent>, most: number, filter: Filtering): Property {
  return {
    type: 'String',
    read: ({ content }) => content[enterpriseUser]?.[part] ?? null,
    from: [enterpriseUser],
    write: (draft, value) => draft.setIn(enterpriseUser, part, text(value, most)),
    filter,
  };
}

/** Of our own extension. @param settable can it be set here? Directory sync brings the others */
function kept(part: Names<GraphContent>, settable: boolean, filter?: Filtering): Property {
  const { most = 0, form }: { most?: number; form?: RegExp } =
    part === 'onPremisesSyncEnabled' ? {} : graphBounds[part];
  const write = (draft: Draft, value: unknown) => draft.setIn(graphUser, part, text(value, most, form));
  return {
    type: part.endsWith('DateTime') ? 'DateTimeOffset' : part === 'onPremisesSyncEnabled' ? 'Boolean' : 'String',
    read: ({ content }) => content[graphUser]?.[part] ?? null,
    from: [graphUser],
    ...(settable ? { write } : {}),
    ...(filter ? { filter } : {}),
  };
}

/** A part of the address at work, or of the one of type `other`, where Entra's sync puts the office. */
function place(
  part: Exclude<Names<PostalAddress>, 'type' | 'primary'>,
  most: number,
  filter: Filtering,
  type = 'work',
): Property {
  return {
    type: 'String',
    read: ({ content }) => content.addresses?.find((one) => isOfType(one, type))?.[part] ?? null,
    from: ['addresses'],
    write: (draft, value) => draft.setPart('addresses', type, part, text(value, most)),
    filter,
  };
}

function phone(type: 'mobile' | 'fax', read: (content: UserContent) => string | undefined): Property {
  return {
    type: 'String',
    read: ({ content }) => read(content) ?? null,
    from: ['phoneNumbers'],
    write: (draft, value) => draft.setPart('phoneNumbers', type, 'value', text(value, 64)),
    filter: advanced,
  };
}

function valuesOf(elements: readonly Element[] | undefined, type?: string): string[] {
  if (!elements) return [];
  const own = type === undefined ? elements : elements.filter((one) => isOfType(one, type));
  return own.flatMap(({ value }) => (value === undefined ? [] : [value]));
}

/** Known to Microsoft Graph, and never anything here. */
function nothing(value: null | readonly never[] = null, filter?: Filtering): Property {
  return { type: value ? 'Complexes' : 'String', read: () => value, from: [], ...(filter ? { filter } : {}) };
}

/** What all security identifiers of Entra's own users are made of: the object id, as four numbers. */
function securityIdentifierOf(id: string): string | null {
  const [, a = '', b = '', c = '', d = '', e = ''] = /^(.{8})-(.{4})-(.{4})-(.{4})-(.{12})$/.exec(id) ?? [];
  const little = (hex: string) => (hex.match(/../g) ?? []).reverse().join('');
  const parts = [a, c + b, little(d + e.slice(0, 4)), little(e.slice(4))].map((hex) => Number.parseInt(hex, 16));
  return parts.some(Number.isNaN) ? null : `S-1-12-1-${parts.join('-')}`;
}

/** How a person signs in; Graph counts the userPrincipalName among the identities. */
function identitiesOf({ userName }: UserContent): object[] {
  return [{ signInType: 'userPrincipalName', issuer: userName.split('@')[1] ?? '', issuerAssignedId: userName }];
}

/** The mailbox's addresses, the primary one with capitals before it. */
function proxyAddressesOf(content: UserContent): string[] {
  const mail = fold(mailOf(content)?.value ?? '');
  return mailboxesOf(content).own.map((one) => (fold(one) === mail ? `SMTP:${one}` : `smtp:${one}`));
}

const emailForm = /^[^\s@<>"]{1,64}@[^\s@<>"]{1,255}$/;
/** Entra's own user names, and those of its guests. */
const principalForm = /^[A-Za-z0-9'.\-_!#^~]{1,64}@[A-Za-z0-9.-]{1,255}$/;

// The table ----------------------------------------------------------------------------------------------------------

/** In the order in which they are sent; the first eleven are those that are sent unasked, as a real tenant sends them. */
export const properties = {
  businessPhones: {
    type: 'Strings',
    read: ({ content }) => valuesOf(content.phoneNumbers, 'work'),
    from: ['phoneNumbers'],
    // "Although this is a string collection, only one number can be set" (user resource type).
    write: (draft, value) => draft.setAll('phoneNumbers', 'work', element(value, 1, 64)),
    filter: { plain: ['eq', ...ordered, 'sw'], advanced: ['count'] },
  },
  displayName: {
    type: 'String',
    read: ({ content }) => shownName(content),
    from: ['displayName', 'name', 'userName'],
    write: (draft, value) => draft.set('displayName', text(value, 256)),
    required: true,
    filter: usual,
    sort: 'plain',
  },
  givenName: nameOf('givenName'),
  jobTitle: core('title', 128, usual),
  mail: {
    type: 'String',
    read: ({ content }) => mailOf(content)?.value ?? null,
    from: ['emails'],
    write: (draft, value) => draft.setMail(text(value, 320, emailForm)),
    filter: address,
  },
  mobilePhone: phone('mobile', mobilePhoneOf),
  officeLocation: place('formatted', 128, advanced, 'other'),
  preferredLanguage: {
    type: 'String',
    read: ({ content }) => content.preferredLanguage ?? content.locale ?? null,
    from: ['preferredLanguage', 'locale'],
    write: (draft, value) => {
      draft.set('preferredLanguage', text(value, 40));
      // What is cleared must not be read from beside it.
      if (value === null) draft.set('locale', undefined);
    },
    filter: advanced,
  },
  surname: nameOf('familyName'),
  userPrincipalName: {
    type: 'String',
    read: ({ content }) => content.userName,
    from: ['userName'],
    write: (draft, value) => draft.set('userName', text(value, 113, principalForm)),
    required: true,
    filter: { plain: ['eq', ...ordered, 'sw'], advanced: ['ne', 'ew'] },
    sort: 'plain',
  },
  id: { type: 'String', read: ({ content }) => content.id, from: [], filter: exact },

  accountEnabled: {
    type: 'Boolean',
    read: ({ content }) => content.active,
    from: ['active'],
    write: (draft, value) => draft.set('active', truth(value)),
    required: true,
    filter: exact,
  },
  ageGroup: nothing(),
  assignedLicenses: nothing([], countOnly),
  assignedPlans: nothing([]),
  city: place('locality', 128, usual),
  companyName: enterprise('organization', 64, advanced),
  consentProvidedForMinor: nothing(),
  country: place('country', 128, usual),
  createdDateTime: {
    type: 'DateTimeOffset',
    read: ({ content }) => content.meta.created,
    from: [],
    filter: time,
    sort: 'advanced',
  },
  creationType: kept('creationType', false, exact),
  deletedDateTime: nothing(),
  department: enterprise('department', 64, usual),
  employeeHireDate: nothing(),
  employeeId: enterprise('employeeNumber', 16, usual),
  employeeLeaveDateTime: nothing(),
  employeeOrgData: {
    type: 'Complex',
    read: ({ content }) => {
      const { costCenter = null, division = null } = content[enterpriseUser] ?? {};
      return costCenter === null && division === null ? null : { costCenter, division };
    },
    from: [enterpriseUser],
    write: (draft, value) => {
      const { costCenter = null, division = null } = extended(value, ['costCenter', 'division']);
      draft.setIn(enterpriseUser, 'costCenter', text(costCenter, 64));
      draft.setIn(enterpriseUser, 'division', text(division, 64));
    },
  },
  employeeType: kept('employeeType', true, advanced),
  externalUserState: kept('externalUserState', false, exact),
  externalUserStateChangeDateTime: kept('externalUserStateChangeDateTime', false, lateTime),
  faxNumber: phone('fax', ({ phoneNumbers }) => phoneNumbers?.find((one) => isOfType(one, 'fax'))?.value),
  identities: {
    type: 'Complexes',
    read: ({ content }) => identitiesOf(content),
    from: ['userName'],
    filter: exact,
    elements: { signInType: 'string', issuer: 'string', issuerAssignedId: 'string' },
  },
  imAddresses: { type: 'Strings', read: ({ content }) => valuesOf(content.ims), from: ['ims'], filter: some },
  isResourceAccount: nothing(),
  lastPasswordChangeDateTime: {
    type: 'DateTimeOffset',
    read: ({ passwordChangedAt }) =>
      passwordChangedAt === undefined ? null : new Date(passwordChangedAt).toISOString(),
    from: ['password'],
  },
  legalAgeGroupClassification: nothing(),
  licenseAssignmentStates: nothing([]),
  mailNickname: { ...kept('mailNickname', true, usual), required: true },
  onPremisesDistinguishedName: kept('onPremisesDistinguishedName', false),
  onPremisesDomainName: kept('onPremisesDomainName', false),
  onPremisesExtensionAttributes: nothing(),
  onPremisesImmutableId: kept('onPremisesImmutableId', true, advanced),
  onPremisesLastSyncDateTime: kept('onPremisesLastSyncDateTime', false, lateTime),
  onPremisesProvisioningErrors: nothing([]),
  onPremisesSamAccountName: kept('onPremisesSamAccountName', false, advanced),
  onPremisesSecurityIdentifier: kept('onPremisesSecurityIdentifier', false, nullable),
  onPremisesSyncEnabled: kept('onPremisesSyncEnabled', false, nullable),
  onPremisesUserPrincipalName: kept('onPremisesUserPrincipalName', false, advanced),
  otherMails: {
    type: 'Strings',
    read: ({ content }) => mailboxesOf(content).home,
    from: ['emails', 'userName'],
    write: (draft, value) => draft.setAll('emails', 'home', element(value, 250, 250, emailForm)),
    filter: some,
  },
  passwordPolicies: kept('passwordPolicies', true, { plain: [], advanced: ['eq', 'ne', 'null'] }),
  // Never told; what sets it is password.ts.
  passwordProfile: { type: 'Complex', read: () => null, from: [], required: true },
  postalCode: place('postalCode', 40, advanced),
  preferredDataLocation: nothing(),
  provisionedPlans: nothing([]),
  proxyAddresses: {
    type: 'Strings',
    read: ({ content }) => proxyAddressesOf(content),
    from: ['emails', 'userName'],
    filter: some,
  },
  securityIdentifier: { type: 'String', read: ({ content }) => securityIdentifierOf(content.id), from: [] },
  showInAddressList: nothing(),
  signInSessionsValidFromDateTime: nothing(),
  state: place('region', 128, usual),
  streetAddress: place('streetAddress', 1024, advanced),
  usageLocation: kept('usageLocation', true, usual),
  userType: {
    type: 'String',
    read: ({ content }) => userTypeOf(content),
    from: ['userType'],
    write: (draft, value) => draft.setUserType(text(value, 6, /^(member|guest)$/i)),
    filter: nullable,
  },
} as const satisfies Readonly<Record<string, Property>>;

export type PropertyName = keyof typeof properties;

const table: Readonly<Record<string, Property>> = properties;

/** Every name, in the order of the table. */
export const propertyNames = Object.keys(properties) as PropertyName[];
/** What is sent when nothing is selected. */
export const defaultProperties: readonly PropertyName[] = propertyNames.slice(0, 11);
/** What User.ReadBasic.All lets a caller see (permissions reference). */
export const basicProperties: readonly PropertyName[] = propertyNames.filter((name) =>
  ['displayName', 'givenName', 'id', 'mail', 'surname', 'userPrincipalName', 'securityIdentifier'].includes(name),
);

const byLowerCase = new Map(propertyNames.map((name) => [name.toLowerCase(), name]));

/** The property of this name in any case. */
export function propertyNamed(name: string): PropertyName | undefined {
  return byLowerCase.get(name.toLowerCase());
}

export function propertyOf(name: PropertyName): Property {
  return table[name] as Property;
}

/** Opens a stored person. @param passwordChangedAt needed for lastPasswordChangeDateTime alone */
export function personOf({ text: json }: Pick<StoredUser, 'text'>, passwordChangedAt?: number): Person {
  const content = JSON.parse(json) as Person['content'];
  return passwordChangedAt === undefined ? { content } : { content, passwordChangedAt };
}

/**
 * A user in Graph's shape: these properties, or those that are sent unasked.
 * @param before what stands before them, such as @odata.context
 */
export function graphUserOf(
  person: Person,
  names: readonly PropertyName[] = defaultProperties,
  before: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  const sent: Record<string, unknown> = { ...before };
  for (const name of names) sent[name] = (properties[name] as Property).read(person);
  return sent;
}

// Writing ------------------------------------------------------------------------------------------------------------

/**
 * The SCIM User that these properties make: of nothing (POST), or of what is stored (PATCH). `passwordProfile` is passed
 * over: whoever sets the password reads it.
 * @param patch a parsed body; names are taken in any case
 * @throws GraphError 400: no object, unknown, read-only or missing properties, values that do not fit
 */
export function toScim(patch: unknown, current?: UserContent): UserContent {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) {
    throw badRequest('A JSON object is required as the body of the request.');
  }
  const draft = new Draft(current ?? { schemas: [coreUser], active: true });
  const given = new Set<string>();
  for (const [name, value] of Object.entries(patch)) {
    // Annotations (OData JSON format §4.6) say nothing of the user.
    if (name.includes('@')) continue;
    const property = propertyNamed(name);
    if (!property)
      throw badRequest(`Property '${name.slice(0, 100)}' does not exist as a declared property or extension property.`);
    given.add(property);
    if (property === 'passwordProfile') continue;
    const { write, required } = propertyOf(property);
    if (!write) throw badRequest(`Property '${property}' is read-only and cannot be set.`);
    if (required && value === null) throw invalidValue(property);
    try {
      write(draft, value);
    } catch (error) {
      throw error instanceof Invalid ? refusal(property) : error;
    }
  }
  if (!current) {
    const missing = propertyNames.find((name) => propertyOf(name).required && !given.has(name));
    if (missing) throw badRequest(`A value is required for property '${missing}' of resource 'User'.`);
  }
  return whole(draft.content);
}

function refusal(property: string): GraphError {
  return property === 'userPrincipalName'
    ? badRequest('Property userPrincipalName is invalid.')
    : invalidValue(property);
}

/** 400 in the service's words. */
export function invalidValue(property: string): GraphError {
  return badRequest(`Invalid value specified for property '${property}' of resource 'User'.`);
}

/** With `schemas` naming the extensions that there are (RFC 7643 §3). */
function whole(content: Readonly<Record<string, unknown>>): UserContent {
  const extensions = Object.keys(content).filter((name) => name.startsWith('urn:'));
  const { schemas: _schemas, ...rest } = content;
  return { schemas: [coreUser, ...extensions], ...rest } as unknown as UserContent;
}
