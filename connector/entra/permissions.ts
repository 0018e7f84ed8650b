// Which of Microsoft Graph's permissions the connector asks for, and why: the one list behind token requests, setting up
// and checking. Names and ids: connector/graph/permissions.ts.

import type { GraphPermissionName } from '../graph/permissions.ts';

/** `needed`: nothing works without it. Else what is missing without it is said where it shows. */
export interface Asked {
  readonly needed: boolean;
  readonly why: string;
}

/** In the name of the signed-in admin. Entra's own rules about who may reset whom hold on top. */
export const delegatedPermissions = {
  'User.Read': { needed: true, why: 'The admin’s own groups and roles; name and domains of the organisation.' },
  'User.Read.All': {
    needed: true,
    why: 'People: found by name and address, guest, blocked or synchronised, addresses on file, last change.',
  },
  'User-PasswordProfile.ReadWrite.All': { needed: true, why: 'Sets the password of a cloud account.' },
  'RoleManagement.Read.Directory': { needed: true, why: 'Administrator roles of admin and person, over what.' },
  'GroupMember.Read.All': { needed: true, why: 'Is somebody in a group to which roles can be assigned?' },
  'AdministrativeUnit.Read.All': { needed: true, why: 'Is somebody in a unit with restricted management?' },
  'User.RevokeSessions.All': { needed: false, why: 'Ends the sessions of the old password.' },
  'UserAuthenticationMethod.ReadWrite.All': {
    needed: false,
    why: 'Resets the password of a synchronised person (writeback); gives out a Temporary Access Pass.',
  },
  'User-Mail.ReadWrite.All': { needed: false, why: 'Puts a confirmed address on file (otherMails).' },
  'Domain.Read.All': { needed: false, why: 'Says before anything is sent that a domain is federated.' },
} as const satisfies Partial<Record<GraphPermissionName, Asked>>;

/** In the connector's own name. There is no resetPassword action for applications, so that is absent. */
export const applicationPermissions = {
  'User.Read.All': { needed: true, why: delegatedPermissions['User.Read.All'].why },
  'User-PasswordProfile.ReadWrite.All': {
    needed: true,
    why: 'Sets the password; beside it the app needs a directory role, such as User Administrator.',
  },
  'RoleManagement.Read.Directory': { needed: true, why: delegatedPermissions['RoleManagement.Read.Directory'].why },
  'GroupMember.Read.All': { needed: true, why: delegatedPermissions['GroupMember.Read.All'].why },
  'AdministrativeUnit.Read.All': { needed: true, why: delegatedPermissions['AdministrativeUnit.Read.All'].why },
  'Organization.Read.All': { needed: true, why: 'Name and domains of the organisation.' },
  'User.RevokeSessions.All': { needed: false, why: delegatedPermissions['User.RevokeSessions.All'].why },
  'User-Mail.ReadWrite.All': { needed: false, why: delegatedPermissions['User-Mail.ReadWrite.All'].why },
  'Domain.Read.All': { needed: false, why: delegatedPermissions['Domain.Read.All'].why },
  'Mail.Send': { needed: false, why: 'RR_MAIL=graph://: sends from the shared mailbox; limit it to that mailbox.' },
} as const satisfies Partial<Record<GraphPermissionName, Asked>>;

/** Beside them, where mail leaves by Graph and the connector itself has not been granted Mail.Send. */
export const delegatedMailPermissions = ['Mail.Send', 'Mail.Send.Shared'] as const satisfies GraphPermissionName[];

/** The delegated permissions to consent to: all, or only those without which nothing works. */
export function delegatedScopes(which: 'all' | 'needed'): GraphPermissionName[] {
  const list = Object.entries(delegatedPermissions) as [GraphPermissionName, Asked][];
  return list.filter(([, { needed }]) => which === 'all' || needed).map(([name]) => name);
}
