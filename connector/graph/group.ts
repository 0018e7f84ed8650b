// A group in Microsoft Graph ↔ the SCIM Group that is stored: what GET shows of it, and what POST and PATCH may set. Groups
// here are security groups: who is in one decides, and no mail goes to it.

import { coreGroup, type GraphGroupContent, type GroupContent, graphGroup } from '../store/groups.ts';
import type { StoredResource } from '../store/resource.ts';
import type { GraphDeps } from './deps.ts';
import { badRequest, type GraphError } from './error.ts';
import { type Reference, readReference } from './reference.ts';

interface Opened {
  readonly content: GroupContent & { readonly id: string; readonly meta: { readonly created: string } };
  readonly isAssignableToRole: boolean;
}

const own = ({ content }: Opened) => content[graphGroup] ?? {};

/** In the order in which they are sent. */
const properties = {
  id: ({ content }) => content.id,
  deletedDateTime: () => null,
  classification: () => null,
  createdDateTime: ({ content }) => content.meta.created,
  description: (group) => own(group).description ?? null,
  displayName: ({ content }) => content.displayName,
  groupTypes: () => [],
  isAssignableToRole: ({ isAssignableToRole }) => isAssignableToRole || null,
  mail: () => null,
  mailEnabled: () => false,
  mailNickname: (group) => own(group).mailNickname ?? group.content.displayName.replace(/[^\w.-]/g, '').slice(0, 64),
  membershipRule: () => null,
  onPremisesSyncEnabled: () => null,
  proxyAddresses: () => [],
  renewedDateTime: ({ content }) => content.meta.created,
  securityEnabled: () => true,
  visibility: () => null,
} as const satisfies Readonly<Record<string, (group: Opened) => unknown>>;

type Name = keyof typeof properties;
const names = Object.keys(properties) as Name[];

/** The names that `$select` asks for, in any case; unknown ones are passed over, as the service does. */
export function selectedOf($select: string | undefined): readonly Name[] | undefined {
  if ($select === undefined) return undefined;
  const asked = $select.split(',').map((name) => name.trim().toLowerCase());
  if (asked.includes('*')) return undefined;
  return names.filter((name) => asked.includes(name.toLowerCase()));
}

/** A group in Graph's shape. */
export function graphGroupOf(
  { text }: Pick<StoredResource, 'text'>,
  isAssignableToRole: boolean,
  select: readonly Name[] = names,
): Record<string, unknown> {
  const opened: Opened = { content: JSON.parse(text), isAssignableToRole };
  return Object.fromEntries(select.map((name) => [name, properties[name](opened)]));
}

/** What a body says of a group. */
export interface WantedGroup {
  readonly content: GroupContent;
  readonly isAssignableToRole: boolean;
  /** The members that a new group is to have (`members@odata.bind`). */
  readonly members: readonly Reference[];
}

function invalid(property: string): GraphError {
  return badRequest(`Invalid value specified for property '${property}' of resource 'Group'.`);
}

function text(property: string, value: unknown, most: number): string {
  if (typeof value !== 'string' || value.trim() === '' || value.length > most) throw invalid(property);
  if (/\p{Cc}/u.test(value) || !value.isWellFormed()) throw invalid(property);
  return value;
}

/** The only values that these have here. */
const fixed: Readonly<Record<string, (value: unknown) => boolean>> = {
  mailEnabled: (value) => value === false,
  securityEnabled: (value) => value === true,
  groupTypes: (value) => Array.isArray(value) && value.length === 0,
  visibility: (value) => value === null || value === 'Private',
};

const required = ['displayName', 'mailEnabled', 'mailNickname', 'securityEnabled'];

/**
 * A new group (POST), or a change of one that is stored (PATCH).
 * @throws GraphError 400: no object, unknown, read-only or missing properties, values that do not fit
 */
export function readGroupBody(deps: Pick<GraphDeps, 'publicUrl'>, body: unknown, current?: GroupContent): WantedGroup {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw badRequest('A JSON object is required as the body of the request.');
  }
  const given = body as Record<string, unknown>;
  const missing = current ? undefined : required.find((name) => given[name] === undefined || given[name] === null);
  if (missing) throw badRequest(`A value is required for property '${missing}' of resource 'Group'.`);
  let { displayName = '' } = current ?? {};
  let extension: GraphGroupContent = { ...current?.[graphGroup] };
  let isAssignableToRole = false;
  let members: Reference[] = [];
  for (const [name, value] of Object.entries(given)) {
    if (name === 'displayName') displayName = text(name, value, 256);
    else if (name === 'mailNickname') extension = { ...extension, mailNickname: text(name, value, 64) };
    else if (name === 'description') {
      const { description: _old, ...rest } = extension;
      extension = value === null ? rest : { ...rest, description: text(name, value, 1024) };
    } else if (name === 'isAssignableToRole' && !current) {
      if (typeof value !== 'boolean') throw invalid(name);
      isAssignableToRole = value;
    } else if (name === 'members@odata.bind' && !current) {
      if (!Array.isArray(value) || value.length > 20)
        throw badRequest('At most 20 members can be added in one request.');
      members = value.map((one) => readReference(deps, one));
    } else if (name.includes('@')) {
      // Other annotations say nothing of the group.
    } else if (!fixed[name]?.(value)) throw name in properties ? invalid(name) : unknownProperty(name);
  }
  const { schemas: _schemas, ...rest } = current ?? { schemas: [] };
  const extended = Object.keys(extension).length > 0;
  const { [graphGroup]: _extension, ...plain } = rest as GroupContent;
  const content: GroupContent = {
    ...plain,
    schemas: extended ? [coreGroup, graphGroup] : [coreGroup],
    displayName,
    ...(extended ? { [graphGroup]: extension } : {}),
  };
  return { content, isAssignableToRole, members };
}

function unknownProperty(name: string): GraphError {
  return badRequest(`Property '${name.slice(0, 100)}' does not exist as a declared property or extension property.`);
}
