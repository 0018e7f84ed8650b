// What a tenant needs, as a list of steps that every notation writes down and `--run` takes: two registrations with their
// service principals, consent, and a role where the connector acts alone. Property names are Microsoft Graph's v1.0.

import { graphAppId } from '../../graph/permissions.ts';
import { apiScope, redirectUriOf } from '../../signin/clients.ts';
import { type Choices, connectorRoles } from './choices.ts';
import { extensionPermissions, type NeededPermission, permissionsFor } from './permissions.ts';
import { type Hole, hole, type Json } from './template.ts';

/** Id of the scope Passwords.Reset within its registration: the same everywhere, so that a second run finds it. */
export const resetScopeId = 'd713846c-6b8d-42d3-87b5-044fd3063c07';

/** The keys by which the two registrations are found again (`uniqueName`: set once, never shown). */
export const uniqueNames = {
  extension: 'reset-and-resend-extension',
  connector: 'reset-and-resend-connector',
} as const;

type Learn = Partial<Record<'id' | 'appId', Hole>>;

export type Step =
  /** Made when it is not there (Prefer: create-if-missing), else brought to this form. */
  | {
      readonly kind: 'application';
      readonly which: keyof typeof uniqueNames;
      readonly title: string;
      readonly body: { readonly [name: string]: Json };
      readonly learn: Learn;
    }
  | {
      readonly kind: 'principal';
      readonly title: string;
      /** A GUID or a hole. */
      readonly appId: string;
      /** Absent: it is there in every tenant. */
      readonly body?: { readonly [name: string]: Json };
      readonly learn: Learn;
    }
  /** Made unless one in `list` has all of `match`; with `update`, that one is changed. */
  | {
      readonly kind: 'ensure';
      readonly title: string;
      readonly list: string;
      readonly match: Readonly<Record<string, string>>;
      readonly path: string;
      readonly body: { readonly [name: string]: Json };
      readonly update?: { readonly path: string; readonly scope: readonly string[] };
      /** What it is part of: consent may be given by link instead. */
      readonly part: 'consent' | 'role';
    };

/** What is asked of Graph, as a registration lists it. */
function access(permissions: readonly NeededPermission[]): Json {
  const resourceAccess = permissions.map(({ id, type }) => ({ id, type }));
  return [{ resourceAppId: graphAppId, resourceAccess }];
}

function extensionBody({ name, extensionIds }: Choices) {
  return {
    displayName: `${name} extension`,
    signInAudience: 'AzureADMyOrg',
    // Single-page application: the only type whose code a browser may redeem.
    spa: { redirectUris: extensionIds.map(redirectUriOf) },
    requiredResourceAccess: access(extensionPermissions()),
  };
}

function connectorBody(choices: Choices) {
  const { name, url, certificate } = choices;
  return {
    displayName: `${name} connector`,
    signInAudience: 'AzureADMyOrg',
    groupMembershipClaims: 'DirectoryRole',
    optionalClaims: { accessToken: [{ name: 'xms_cc' }, { name: 'idtyp' }] },
    api: connectorApi,
    requiredResourceAccess: access(permissionsFor(choices)),
    ...(url === undefined ? {} : { web: { redirectUris: [consentedAt(url)] } }),
    ...(certificate === undefined ? {} : { keyCredentials: [keyCredential(name, certificate.der)] }),
  };
}

const connectorApi = {
  requestedAccessTokenVersion: 2,
  oauth2PermissionScopes: [
    {
      id: resetScopeId,
      value: apiScope,
      type: 'Admin',
      isEnabled: true,
      adminConsentDisplayName: 'Reset passwords',
      adminConsentDescription: 'Reset people’s passwords as far as the signed-in administrator’s own roles allow.',
    },
  ],
};

/**
 * What can be said only once the registration and its scope are there: its address contains the id that Entra has given,
 * and the extension is let in to a scope that must exist. The whole API again: a shorter form could take the scope away.
 */
function connectorAddress({ name }: Choices) {
  return {
    displayName: `${name} connector`,
    identifierUris: [`api://${hole('connectorApp')}`],
    api: {
      ...connectorApi,
      preAuthorizedApplications: [{ appId: hole('extensionApp'), delegatedPermissionIds: [resetScopeId] }],
    },
  };
}

/** Where the consent page leads back to. */
export function consentedAt(url: string): string {
  return `${url}/healthz`;
}

function keyCredential(name: string, der: string) {
  return { type: 'AsymmetricX509Cert', usage: 'Verify', displayName: `${name} connector`, key: der };
}

function grant(client: Hole, scopes: readonly string[], title: string): Step {
  const match = { clientId: hole(client), consentType: 'AllPrincipals', resourceId: hole('graphPrincipal') };
  return {
    kind: 'ensure',
    part: 'consent',
    title,
    list: `/v1.0/oauth2PermissionGrants?$filter=clientId%20eq%20'${hole(client)}'`,
    match,
    path: '/v1.0/oauth2PermissionGrants',
    body: { ...match, scope: scopes.join(' ') },
    update: { path: '/v1.0/oauth2PermissionGrants/', scope: scopes },
  };
}

/** Everything in its order. */
export function planOf(choices: Choices): Step[] {
  const permissions = permissionsFor(choices);
  const scopes = permissions.filter(({ type }) => type === 'Scope');
  const roles = permissions.filter(({ type }) => type === 'Role');
  const steps: Step[] = [
    {
      kind: 'application',
      which: 'extension',
      title: 'Registration of the extension',
      body: extensionBody(choices),
      learn: { appId: 'extensionApp' },
    },
    {
      kind: 'application',
      which: 'connector',
      title: 'Registration of the connector',
      body: connectorBody(choices),
      learn: { appId: 'connectorApp', id: 'connectorObject' },
    },
    {
      kind: 'application',
      which: 'connector',
      title: 'Address of the connector’s API, and who may use it unasked: the extension',
      body: connectorAddress(choices),
      learn: {},
    },
    principal('Service principal of the extension', 'extensionApp', `${choices.name} extension`, 'extensionPrincipal'),
    principal('Service principal of the connector', 'connectorApp', `${choices.name} connector`, 'connectorPrincipal'),
    { kind: 'principal', title: 'Microsoft Graph', appId: graphAppId, learn: { id: 'graphPrincipal' } },
    grant(
      'extensionPrincipal',
      extensionPermissions().map(({ name }) => name),
      'Consent for the extension: signing in',
    ),
  ];
  if (scopes.length > 0) {
    const title = 'Consent for the connector: on behalf of the signed-in admin';
    steps.push(
      grant(
        'connectorPrincipal',
        scopes.map(({ name }) => name),
        title,
      ),
    );
  }
  for (const { name, id } of roles) {
    const match = { appRoleId: id, resourceId: hole('graphPrincipal') };
    steps.push({
      kind: 'ensure',
      part: 'consent',
      title: `Consent for the connector by itself: ${name}`,
      list: `/v1.0/servicePrincipals/${hole('connectorPrincipal')}/appRoleAssignments`,
      match,
      path: `/v1.0/servicePrincipals/${hole('graphPrincipal')}/appRoleAssignedTo`,
      body: { principalId: hole('connectorPrincipal'), ...match },
    });
  }
  if (choices.as === 'app') steps.push(roleStep(choices));
  return steps;
}

function principal(title: string, appId: Hole, displayName: string, id: Hole): Step {
  return { kind: 'principal', title, appId: hole(appId), body: { displayName }, learn: { id } };
}

function roleStep({ role, unit }: Choices): Step {
  const match = {
    roleDefinitionId: connectorRoles[role],
    directoryScopeId: unit === undefined ? '/' : `/administrativeUnits/${unit}`,
  };
  return {
    kind: 'ensure',
    part: 'role',
    title: `Role of the connector: ${role}${unit === undefined ? '' : ', in one administrative unit'}`,
    list: `/v1.0/roleManagement/directory/roleAssignments?$filter=principalId%20eq%20'${hole('connectorPrincipal')}'`,
    match,
    path: '/v1.0/roleManagement/directory/roleAssignments',
    body: {
      '@odata.type': '#microsoft.graph.unifiedRoleAssignment',
      principalId: hole('connectorPrincipal'),
      ...match,
    },
  };
}

/** Path of a registration by its unique name. */
export function applicationPath(which: keyof typeof uniqueNames): string {
  return `/v1.0/applications(uniqueName='${uniqueNames[which]}')`;
}

/** Path of a service principal by its application. */
export function principalPath(appId: string): string {
  return `/v1.0/servicePrincipals(appId='${appId}')`;
}
