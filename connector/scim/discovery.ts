// What this service provider can do (RFC 7644 §4, RFC 7643 §5–§7), derived from the tables that it works by: what is
// advertised here is what happens, and what is not yet there is said to be absent.

import { createHash } from 'node:crypto';
import { eventUris } from '../store/events.ts';
import type { Attribute, ResourceType, Schema } from './attribute.ts';
import { maxOperations, maxPayloadSize } from './bulk-request.ts';
import { cursorTimeout } from './cursor.ts';

/** The most resources in one answer, and how many when a client does not say. */
export const maxResults = 1000;
export const defaultCount = 100;

/** A resource that describes the service; `meta.version`, where there is one, is its entity-tag. */
export interface Described {
  readonly meta: Readonly<Record<'resourceType' | 'location', string>> & Readonly<Record<string, string>>;
  readonly [attribute: string]: unknown;
}

/**
 * @param began when the connector started, in milliseconds since the epoch: what is advertised has been so since then
 */
export function serviceProviderConfig(base: string, began: number): Described {
  const config = {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
    patch: { supported: true },
    bulk: { supported: true, maxOperations, maxPayloadSize },
    filter: { supported: true, maxResults },
    changePassword: { supported: false },
    sort: { supported: true },
    etag: { supported: true },
    pagination: {
      cursor: true,
      index: true,
      defaultPaginationMethod: 'index',
      defaultPageSize: defaultCount,
      maxPageSize: maxResults,
      cursorTimeout,
    },
    authenticationSchemes: [
      {
        type: 'oauthbearertoken',
        name: 'OAuth Bearer Token',
        description: 'A long-lived token, made with `token create --scope scim`, in the Authorization header.',
        specUri: 'https://www.rfc-editor.org/info/rfc6750',
        primary: true,
      },
      {
        type: 'oauth2',
        name: 'OAuth 2.0 client credentials',
        description: 'An access token from /scim/oauth/token, for a secret, a signed assertion or a federated one.',
        specUri: 'https://www.rfc-editor.org/info/rfc6749',
        primary: false,
      },
    ],
    securityEvents: { asyncRequest: 'request', eventUris: Object.values(eventUris) },
  };
  const since = new Date(began).toISOString();
  const version = createHash('sha256').update(JSON.stringify(config)).digest('base64url').slice(0, 16);
  return {
    ...config,
    meta: {
      resourceType: 'ServiceProviderConfig',
      created: since,
      lastModified: since,
      // RFC 7643 §8.5. Made of what it says: another start that says the same has the same version.
      version: `W/"${version}"`,
      location: `${base}/ServiceProviderConfig`,
    },
  };
}

export function resourceTypeResource(type: ResourceType, base: string): Described {
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:ResourceType'],
    id: type.name,
    name: type.name,
    endpoint: type.endpoint,
    description: type.description,
    schema: type.schema.id,
    schemaExtensions: type.extensions.map(({ schema, required }) => ({ schema: schema.id, required })),
    meta: { resourceType: 'ResourceType', location: `${base}/ResourceTypes/${type.name}` },
  };
}

export function schemaResource(schema: Schema, base: string): Described {
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:Schema'],
    id: schema.id,
    name: schema.name,
    description: schema.description,
    attributes: schema.attributes.map(describe),
    meta: { resourceType: 'Schema', location: `${base}/Schemas/${schema.id}` },
  };
}

/** The attribute's row, in the order of RFC 7643 §8.7.1; nothing in it is ever null. */
function describe(attribute: Attribute): object {
  const { name, type, multiValued, description, required, caseExact, mutability, returned, uniqueness } = attribute;
  const { canonicalValues, referenceTypes, subAttributes } = attribute;
  const hasCase = type === 'string' || type === 'reference' || type === 'binary';
  return {
    name,
    type,
    ...(subAttributes ? { subAttributes: subAttributes.map(describe) } : {}),
    multiValued,
    description,
    required,
    ...(canonicalValues ? { canonicalValues } : {}),
    ...(hasCase ? { caseExact } : {}),
    mutability,
    returned,
    uniqueness,
    ...(referenceTypes ? { referenceTypes } : {}),
  };
}
