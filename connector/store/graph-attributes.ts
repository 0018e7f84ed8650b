// What the attributes of our own extension can hold: the same at both doors, the Graph door and the SCIM door. Lengths and
// forms: Microsoft Graph v1.0, user resource type; those that only directory sync brings are merely bounded.

import type { GraphContent } from './user-resource.ts';

interface Bound {
  /** Characters. */
  readonly most: number;
  readonly form?: RegExp;
}

const policy = 'Disable(StrongPassword|PasswordExpiration)';

export const graphBounds = {
  mailNickname: { most: 64, form: /^[^@()\\[\]";:<>, ]+$/ },
  usageLocation: { most: 2, form: /^[A-Za-z]{2}$/ },
  employeeType: { most: 64 },
  passwordPolicies: { most: 80, form: new RegExp(`^(None|${policy}(, ?${policy})?)$`) },
  creationType: { most: 64 },
  externalUserState: { most: 64 },
  externalUserStateChangeDateTime: { most: 64 },
  onPremisesImmutableId: { most: 64, form: /^[^$_]+$/ },
  onPremisesDistinguishedName: { most: 2048 },
  onPremisesDomainName: { most: 255 },
  onPremisesSamAccountName: { most: 256 },
  onPremisesSecurityIdentifier: { most: 184 },
  onPremisesUserPrincipalName: { most: 1024 },
  onPremisesLastSyncDateTime: { most: 64 },
} as const satisfies Readonly<Record<Exclude<keyof GraphContent, 'onPremisesSyncEnabled'>, Bound>>;

export type GraphTextName = keyof typeof graphBounds;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const control = /[\0-\x1f\x7f-\x9f]/;

/** A text that says something, in one line, of at most so many characters. */
export function isText(value: unknown, most: number, form?: RegExp): value is string {
  if (typeof value !== 'string' || value.trim() === '' || value.length > most) return false;
  return !control.test(value) && value.isWellFormed() && (!form || form.test(value));
}

/** The first attribute whose text it cannot hold. */
export function unfitAttribute(content: GraphContent): GraphTextName | undefined {
  return (Object.keys(graphBounds) as GraphTextName[]).find((name) => {
    const { most, form }: Bound = graphBounds[name];
    return content[name] !== undefined && !isText(content[name], most, form);
  });
}
