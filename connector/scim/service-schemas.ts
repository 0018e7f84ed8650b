// The schemas of the discovery resources themselves (RFC 7643 §5, §6, §7, §8.7.2; RFC 9865 §4; RFC 9967 §3): "for every
// schema URI used in a resource object, there is a corresponding Schema resource". All of it is read-only.

import { type Attribute, complex, type Schema, simple } from './attribute.ts';

const given = { mutability: 'readOnly' } as const;
const must = { ...given, required: true } as const;
const many = { multiValued: true } as const;

const supported = simple('supported', 'boolean', 'Whether the operation is supported.', must);

/** A capability: whether it is there, and its limits. */
function capability(name: string, description: string, ...limits: readonly Attribute[]): Attribute {
  return complex(name, description, [supported, ...limits], must);
}

function limit(name: string, description: string): Attribute {
  return simple(name, 'integer', description, must);
}

const serviceProviderConfig: Schema = {
  id: 'urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig',
  name: 'Service Provider Configuration',
  description: "Schema for representing the service provider's configuration",
  attributes: [
    simple('documentationUri', 'reference', 'Where the documentation for people is.', {
      ...given,
      referenceTypes: ['external'],
    }),
    capability('patch', 'PATCH.'),
    capability(
      'bulk',
      'Bulk operations.',
      limit('maxOperations', 'The most operations in one request.'),
      limit('maxPayloadSize', 'The most bytes in one request.'),
    ),
    capability('filter', 'Filters.', limit('maxResults', 'The most resources in one answer.')),
    capability('changePassword', 'Changing a password.'),
    capability('sort', 'Sorting.'),
    capability('etag', 'Versions.'),
    complex(
      'pagination',
      'How long results are read in pages.',
      [
        simple('cursor', 'boolean', 'Whether cursors are supported.', must),
        simple('index', 'boolean', 'Whether startIndex is supported.', must),
        simple('defaultPaginationMethod', 'string', 'What a client gets that asks for neither.', {
          ...given,
          canonicalValues: ['cursor', 'index'],
        }),
        simple('defaultPageSize', 'integer', 'How many resources come without a count.', given),
        simple('maxPageSize', 'integer', 'How many come at most.', given),
        simple('cursorTimeout', 'integer', 'How many seconds a cursor is good for.', given),
      ],
      given,
    ),
    complex(
      'securityEvents',
      'Security event tokens.',
      [
        simple('asyncRequest', 'string', 'Whether requests may be completed later.', {
          ...must,
          canonicalValues: ['none', 'long', 'request'],
        }),
        simple('eventUris', 'string', 'The events that are told.', { ...given, ...many }),
      ],
      given,
    ),
    complex(
      'authenticationSchemes',
      'How a client proves who it is.',
      [
        simple('type', 'string', 'The authentication scheme.', {
          ...must,
          canonicalValues: ['oauth', 'oauth2', 'oauthbearertoken', 'httpbasic', 'httpdigest'],
        }),
        simple('name', 'string', 'Its common name.', must),
        simple('description', 'string', 'What it is.', must),
        simple('specUri', 'reference', 'Where it is specified.', { ...given, referenceTypes: ['external'] }),
        simple('documentationUri', 'reference', 'Where its use is described.', {
          ...given,
          referenceTypes: ['external'],
        }),
        simple('primary', 'boolean', 'Whether it is the preferred one.', given),
      ],
      { ...must, ...many },
    ),
  ],
};

const resourceType: Schema = {
  id: 'urn:ietf:params:scim:schemas:core:2.0:ResourceType',
  name: 'ResourceType',
  description: 'Specifies the schema that describes a SCIM resource type',
  attributes: [
    simple('id', 'string', "The resource type's server unique id.", given),
    simple('name', 'string', 'The resource type name, as in meta.resourceType.', must),
    simple('description', 'string', "The resource type's human-readable description.", given),
    simple('endpoint', 'reference', 'Its endpoint, relative to the base URL.', { ...must, referenceTypes: ['uri'] }),
    simple('schema', 'reference', 'The URI of its base schema.', { ...must, referenceTypes: ['uri'] }),
    complex(
      'schemaExtensions',
      'Its schema extensions.',
      [
        simple('schema', 'reference', 'The URI of the extension.', { ...must, referenceTypes: ['uri'] }),
        simple('required', 'boolean', 'Whether a resource of this type must have it.', must),
      ],
      { ...given, ...many },
    ),
  ],
};

/** The characteristics of an attribute; those of a sub-attribute are the same but for `subAttributes` itself. */
const characteristics: readonly Attribute[] = [
  simple('name', 'string', "The attribute's name.", { ...must, caseExact: true }),
  simple('type', 'string', "The attribute's data type.", {
    ...must,
    canonicalValues: ['string', 'boolean', 'decimal', 'integer', 'dateTime', 'binary', 'reference', 'complex'],
  }),
  simple('multiValued', 'boolean', 'Whether it can have several values.', must),
  simple('description', 'string', "The attribute's human-readable description.", given),
  simple('required', 'boolean', 'Whether it must have a value.', given),
  simple('canonicalValues', 'string', 'Suggested values.', { ...given, ...many, caseExact: true }),
  simple('caseExact', 'boolean', 'Whether capitals and small letters differ.', given),
  simple('mutability', 'string', 'When its value can be (re)defined.', {
    ...given,
    caseExact: true,
    canonicalValues: ['readOnly', 'readWrite', 'immutable', 'writeOnly'],
  }),
  simple('returned', 'string', 'When it is returned.', {
    ...given,
    caseExact: true,
    canonicalValues: ['always', 'never', 'default', 'request'],
  }),
  simple('uniqueness', 'string', 'How far its value is unique.', {
    ...given,
    caseExact: true,
    canonicalValues: ['none', 'server', 'global'],
  }),
  simple('referenceTypes', 'string', 'What it may refer to.', { ...given, ...many, caseExact: true }),
];

const schema: Schema = {
  id: 'urn:ietf:params:scim:schemas:core:2.0:Schema',
  name: 'Schema',
  description: 'Specifies the schema that describes a SCIM schema',
  attributes: [
    simple('id', 'string', 'The unique URI of the schema.', { ...must, returned: 'always' }),
    simple('name', 'string', "The schema's human-readable name.", must),
    simple('description', 'string', "The schema's human-readable description.", given),
    complex(
      'attributes',
      'The attributes of the schema.',
      // RFC 7643 §7: "Unlike other core resources, the Schema resource MAY contain a complex object within a sub-attribute".
      [
        ...characteristics,
        complex('subAttributes', 'The sub-attributes of a complex one.', characteristics, { ...given, ...many }),
      ],
      { ...must, ...many },
    ),
  ],
};

export const serviceSchemas: readonly Schema[] = [serviceProviderConfig, resourceType, schema];
