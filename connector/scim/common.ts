// The attributes that every resource has (RFC 7643 §3.1 and §3 "schemas"); no schema lists them.

import { complex, simple } from './attribute.ts';

const given = { mutability: 'readOnly' } as const;

export const commonAttributes = [
  simple('schemas', 'reference', 'URNs of the schemas that this resource uses.', {
    multiValued: true,
    required: true,
    returned: 'always',
    referenceTypes: ['uri'],
    ...given,
  }),
  simple('id', 'string', 'Identifier that the service provider gave.', {
    caseExact: true,
    returned: 'always',
    ...given,
  }),
  simple('externalId', 'string', 'Identifier that the provisioning client gave.', { caseExact: true }),
  complex(
    'meta',
    'What the service provider knows of the resource.',
    [
      simple('resourceType', 'string', 'The name of the resource type.', { caseExact: true, ...given }),
      simple('created', 'dateTime', 'When it was added.', given),
      simple('lastModified', 'dateTime', 'When it was last changed.', given),
      simple('location', 'reference', 'Its URI.', { referenceTypes: ['uri'], ...given }),
      simple('version', 'string', 'Its version, the same as its ETag.', { caseExact: true, ...given }),
    ],
    given,
  ),
] as const;
