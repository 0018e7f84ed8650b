// The resource type User: the core schema (RFC 7643 §4.1), EnterpriseUser (§4.3) and our own extension for what only
// Microsoft Graph has a word for, attribute by attribute with the characteristics of §8.7.1. This table validates, resolves and describes; an attribute that is not in it does not exist.

import { coreUser, enterpriseUser, graphUser } from '../store/user-resource.ts';
import { type Attribute, complex, type ResourceType, type Schema, simple } from './attribute.ts';
import { commonAttributes } from './common.ts';

/** The default sub-attributes of a multi-valued attribute (RFC 7643 §2.4). */
function elements(value: Attribute, types: readonly string[] | undefined): Attribute[] {
  return [
    value,
    simple('display', 'string', 'A human-readable name, primarily used for display purposes.'),
    simple('type', 'string', "A label indicating the attribute's function.", types ? { canonicalValues: types } : {}),
    simple('primary', 'boolean', 'Whether this is the preferred value; true at most once.'),
  ];
}

const many = { multiValued: true } as const;
const given = { mutability: 'readOnly' } as const;
const places = ['work', 'home', 'other'] as const;

export const core: Schema = {
  id: coreUser,
  name: 'User',
  description: 'User Account',
  attributes: [
    simple('userName', 'string', 'Unique identifier for the User, used to sign in. Case-insensitive.', {
      required: true,
      uniqueness: 'server',
    }),
    complex('name', "The components of the User's name.", [
      simple('formatted', 'string', 'The full name, formatted for display.'),
      simple('familyName', 'string', 'The family name of the User, or last name in most Western languages.'),
      simple('givenName', 'string', 'The given name of the User, or first name in most Western languages.'),
      simple('middleName', 'string', 'The middle name(s) of the User.'),
      simple('honorificPrefix', 'string', 'The honorific prefix(es) of the User, or title.'),
      simple('honorificSuffix', 'string', 'The honorific suffix(es) of the User, or suffix.'),
    ]),
    simple('displayName', 'string', 'The name of the User, suitable for display to end-users.'),
    simple('nickName', 'string', 'The casual way to address the User.'),
    simple('profileUrl', 'reference', "A URL of the User's online profile.", { referenceTypes: ['external'] }),
    simple('title', 'string', "The User's title, such as “Vice President”."),
    simple('userType', 'string', 'The relationship between the organization and the User.'),
    simple('preferredLanguage', 'string', 'Preferred written or spoken languages, as in Accept-Language.'),
    simple('locale', 'string', "The User's default location for localizing currency, dates and numbers."),
    simple('timezone', 'string', "The User's time zone in IANA Time Zone database format."),
    simple('active', 'boolean', 'Whether the User may sign in. A User who is not active cannot be reset.'),
    simple('password', 'string', "The User's password. Setting one takes a token that may, and never returns one.", {
      mutability: 'writeOnly',
      returned: 'never',
    }),
    complex(
      'emails',
      'Addresses of the User. A “home” address is where a reset may be sent; every other one counts as the mailbox that is being reset.',
      elements(simple('value', 'string', 'The address.'), places),
      many,
    ),
    complex(
      'phoneNumbers',
      'Phone numbers of the User.',
      elements(simple('value', 'string', 'The number.'), ['work', 'home', 'mobile', 'fax', 'pager', 'other']),
      many,
    ),
    complex(
      'ims',
      'Instant messaging addresses of the User.',
      elements(simple('value', 'string', 'The address.'), [
        'aim',
        'gtalk',
        'icq',
        'xmpp',
        'msn',
        'skype',
        'qq',
        'yahoo',
        'other',
      ]),
      many,
    ),
    complex(
      'photos',
      'URLs of photos of the User.',
      elements(simple('value', 'reference', 'The URL.', { referenceTypes: ['external'] }), ['photo', 'thumbnail']),
      many,
    ),
    complex(
      'addresses',
      'Physical mailing addresses of the User.',
      [
        simple('formatted', 'string', 'The full mailing address, formatted for display.'),
        simple('streetAddress', 'string', 'The full street address component.'),
        simple('locality', 'string', 'The city or locality component.'),
        simple('region', 'string', 'The state or region component.'),
        simple('postalCode', 'string', 'The zip code or postal code component.'),
        simple('country', 'string', 'The country name component, in ISO 3166-1 alpha-2 code format.'),
        simple('type', 'string', "A label indicating the attribute's function.", { canonicalValues: places }),
        simple('primary', 'boolean', 'Whether this is the preferred address; true at most once.'),
      ],
      many,
    ),
    complex(
      'groups',
      'Groups that the User is in, either directly or within another group.',
      [
        simple('value', 'string', 'The id of the Group.', { caseExact: true, ...given }),
        simple('$ref', 'reference', 'The URI of the Group.', { referenceTypes: ['User', 'Group'], ...given }),
        simple('display', 'string', 'The displayName of the Group.', given),
        simple('type', 'string', 'Whether the User is a member of the Group itself.', {
          canonicalValues: ['direct', 'indirect'],
          ...given,
        }),
      ],
      { ...many, ...given },
    ),
    complex(
      'entitlements',
      'Things that the User has.',
      elements(simple('value', 'string', 'The entitlement.'), undefined),
      many,
    ),
    complex(
      'roles',
      'Who the User is at the client; kept as data. It gives no right in this product.',
      elements(simple('value', 'string', 'The role.'), undefined),
      many,
    ),
    complex(
      'x509Certificates',
      'Certificates issued to the User.',
      elements(simple('value', 'binary', 'One DER-encoded certificate in base64.'), undefined),
      many,
    ),
  ],
};

export const enterprise: Schema = {
  id: enterpriseUser,
  name: 'EnterpriseUser',
  description: 'Enterprise User',
  attributes: [
    simple('employeeNumber', 'string', 'An identifier assigned to a person by the organization.'),
    simple('costCenter', 'string', 'The name of a cost center.'),
    simple('organization', 'string', 'The name of an organization.'),
    simple('division', 'string', 'The name of a division.'),
    simple('department', 'string', 'The name of a department.'),
    complex('manager', "The User's manager.", [
      simple('value', 'string', "The id of the manager's User resource.", { caseExact: true }),
      simple('$ref', 'reference', "The URI of the manager's User resource.", {
        referenceTypes: ['User'],
        derived: true,
      }),
      simple('displayName', 'string', "The manager's displayName.", { mutability: 'readOnly' }),
    ]),
  ],
};

const onPremises = 'of the User in the directory that it is synchronised from.';

export const graph: Schema = {
  id: graphUser,
  name: 'GraphUser',
  description: 'What Microsoft Graph says of a User and SCIM has no place for.',
  attributes: [
    simple('mailNickname', 'string', 'The mail alias of the User.'),
    simple('usageLocation', 'string', 'The country whose laws apply to the User, as two letters of ISO 3166.'),
    simple('employeeType', 'string', 'How the User works for the organization, such as Employee or Contractor.'),
    simple('passwordPolicies', 'string', 'DisableStrongPassword, DisablePasswordExpiration, both, or None.'),
    simple('creationType', 'string', 'How the account came to be, where that was not by an administrator.'),
    simple('externalUserState', 'string', 'Whether an invitation was accepted: PendingAcceptance or Accepted.'),
    simple('externalUserStateChangeDateTime', 'dateTime', 'When externalUserState last changed.'),
    simple('onPremisesSyncEnabled', 'boolean', 'Whether the User is synchronised from a directory on the premises.'),
    simple('onPremisesImmutableId', 'string', `The lasting id ${onPremises}`, { caseExact: true }),
    simple('onPremisesDistinguishedName', 'string', `The distinguished name ${onPremises}`),
    simple('onPremisesDomainName', 'string', `The domain ${onPremises}`),
    simple('onPremisesSamAccountName', 'string', `The sAMAccountName ${onPremises}`),
    simple('onPremisesSecurityIdentifier', 'string', `The security identifier ${onPremises}`),
    simple('onPremisesUserPrincipalName', 'string', `The userPrincipalName ${onPremises}`),
    simple('onPremisesLastSyncDateTime', 'dateTime', 'When the User was last synchronised.'),
  ],
};

export const user: ResourceType = {
  name: 'User',
  endpoint: '/Users',
  description: 'User Account',
  common: commonAttributes,
  schema: core,
  extensions: [
    { schema: enterprise, required: false },
    { schema: graph, required: false },
  ],
};
