// The resource type Group (RFC 7643 §4.2), with the characteristics of §8.7.1. Members are rows: see store/groups.ts.

import { coreGroup, graphGroup } from '../store/groups.ts';
import { complex, type ResourceType, type Schema, simple } from './attribute.ts';
import { commonAttributes } from './common.ts';

const types = ['User', 'Group'] as const;
const fixed = { mutability: 'immutable' } as const;

export const coreGroupSchema: Schema = {
  id: coreGroup,
  name: 'Group',
  description: 'Group',
  attributes: [
    simple('displayName', 'string', 'A human-readable name for the Group. Two Groups may have the same.', {
      required: true,
    }),
    complex(
      'members',
      'The members of the Group: Users, and Groups within it. Values may be added and removed, not changed.',
      [
        simple('value', 'string', 'The id of the member.', { caseExact: true, ...fixed }),
        simple('$ref', 'reference', 'The URI of the member.', { referenceTypes: types, derived: true, ...fixed }),
        simple('type', 'string', 'What the member is.', { canonicalValues: types, derived: true, ...fixed }),
        simple('display', 'string', 'The name of the member.', { derived: true, ...fixed }),
      ],
      { multiValued: true, rows: true },
    ),
  ],
};

export const graphGroupSchema: Schema = {
  id: graphGroup,
  name: 'GraphGroup',
  description: 'What Microsoft Graph says of a Group and SCIM has no place for.',
  attributes: [
    simple('description', 'string', 'What the Group is for.'),
    simple('mailNickname', 'string', 'The mail alias of the Group.'),
  ],
};

export const group: ResourceType = {
  name: 'Group',
  endpoint: '/Groups',
  description: 'Group',
  common: commonAttributes,
  schema: coreGroupSchema,
  extensions: [{ schema: graphGroupSchema, required: false }],
};
