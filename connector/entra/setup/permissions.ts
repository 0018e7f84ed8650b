// Which of Graph's permissions the connector needs for what was chosen: no more than these, each with its reason.

import { type GraphPermission, type GraphPermissionName, graphPermissions } from '../../graph/permissions.ts';
import { applicationPermissions, delegatedPermissions, type Asked as Reason } from '../permissions.ts';
import type { Choices } from './choices.ts';

/** What only a registration in Entra knows: OpenID Connect's own scopes, and reading registrations. */
const registrationPermissions = {
  openid: { delegated: '37f7f235-527c-4136-accd-4a02d197296e', why: 'Sign the admin in.' },
  profile: { delegated: '14dad69e-099b-42c9-810b-d002981feec1', why: 'Show who is signed in.' },
  offline_access: {
    delegated: '7427e0e9-2fba-42fe-b0c0-848c9e6a8182',
    why: 'Finish a reset after the admin has left: change the password once the mail is accepted, scramble it at its end.',
  },
  'Application.Read.All': {
    delegated: 'c79f8feb-a9db-4090-85f9-90d820caa0eb',
    application: '9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30',
    why: 'Read when the connector’s own secret or certificate ends, so that check can warn.',
  },
} as const satisfies Readonly<Record<string, GraphPermission>>;

export type SetupPermissionName = GraphPermissionName | keyof typeof registrationPermissions;

/** A permission that has to be consented to. */
export interface NeededPermission {
  readonly name: SetupPermissionName;
  /** Scope: with an admin signed in. Role: of the connector by itself. */
  readonly type: 'Scope' | 'Role';
  readonly id: string;
  readonly why: string;
}

const known: Readonly<Record<SetupPermissionName, GraphPermission>> = {
  ...graphPermissions,
  ...registrationPermissions,
};

function needed(name: SetupPermissionName, type: 'Scope' | 'Role', why = known[name].why): NeededPermission {
  const id = type === 'Scope' ? known[name].delegated : known[name].application;
  if (id === undefined) throw new Error(`${name} does not exist as ${type}`);
  return { name, type, id, why };
}

type Asked = Pick<Choices, 'as' | 'mail' | 'mailEverywhere' | 'synced' | 'tap' | 'remember' | 'expiry'>;

/** What was not chosen is not asked for: whatever has no line here is part of every installation. */
const chosen: Readonly<Partial<Record<GraphPermissionName, (choices: Asked) => boolean>>> = {
  'UserAuthenticationMethod.ReadWrite.All': ({ synced, tap }) => synced || tap,
  'User-Mail.ReadWrite.All': ({ remember }) => remember,
  // Exchange's own limit to one mailbox needs no consent; a consent would lift it.
  'Mail.Send': ({ mail, mailEverywhere }) => mail !== undefined && mailEverywhere,
};

/** What the connector's registration asks for. */
export function permissionsFor(choices: Asked): NeededPermission[] {
  const of = (list: Readonly<Partial<Record<GraphPermissionName, Reason>>>, type: 'Scope' | 'Role') =>
    (Object.entries(list) as [GraphPermissionName, Reason][])
      .filter(([name]) => chosen[name]?.(choices) ?? true)
      .map(([name, { why }]) => needed(name, type, why));
  const alone = of(applicationPermissions, 'Role');
  // Mails leave on their own, when no admin is there.
  const mail = alone.filter(({ name }) => name === 'Mail.Send');
  const directory =
    choices.as === 'admin'
      ? [...of(delegatedPermissions, 'Scope'), needed('offline_access', 'Scope')]
      : alone.filter(({ name }) => name !== 'Mail.Send');
  const expiry = choices.expiry ? [needed('Application.Read.All', 'Role')] : [];
  return [...directory, ...mail, ...expiry];
}

/** What the extension's registration asks for: signing in, nothing of Graph's data. */
export function extensionPermissions(): NeededPermission[] {
  return (['openid', 'profile', 'offline_access'] as const).map((name) => needed(name, 'Scope'));
}
