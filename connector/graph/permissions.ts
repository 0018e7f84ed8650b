// Microsoft Graph's permissions as far as they are known here: what can be granted to a client of the embedded sign-in,
// asked for by a route of the Graph door, or registered in Entra. Ids from Microsoft's own list
// (microsoft-graph-devx-content, ProvisioningInfo.json): the same in every organisation.

export interface GraphPermission {
  /** Id of the delegated permission (`scp`), in a registration of type Scope; absent: there is none. */
  readonly delegated?: string;
  /** Id of the application permission (`roles`), in a registration of type Role; absent: there is none. */
  readonly application?: string;
  /** What it is for, for whoever consents. */
  readonly why: string;
}

/** By name, as tokens carry it. */
export const graphPermissions = {
  'User.Read': {
    delegated: 'e1fe6dd8-ba31-4d61-89e7-88639da4683d',
    why: 'Read the signed-in person’s own profile, groups and roles.',
  },
  'User.ReadWrite': {
    delegated: 'b4e74841-8e56-480b-be8b-910348b18b4c',
    why: 'Change one’s own telephone numbers and language.',
  },
  'User.ReadBasic.All': {
    delegated: 'b340eb25-3456-403f-be2f-af7a0d370277',
    application: '97235f07-e226-4f63-ace3-39588e11d3a1',
    why: 'Find people by name and user name.',
  },
  'User.Read.All': {
    delegated: 'a154be20-db9c-4678-8ab7-66f6cc099a59',
    application: 'df021288-bdef-4463-88db-98f22de89214',
    why: 'Read whether a person is blocked, a guest or synchronised, and the addresses that they have on file.',
  },
  'User.ReadWrite.All': {
    delegated: '204e0828-b5ca-4ad8-b9f3-f32a958e7cc4',
    application: '741f803b-c850-494e-b5df-cde7c675a1ca',
    why: 'Create, change and delete people; no passwords.',
  },
  'User-PasswordProfile.ReadWrite.All': {
    delegated: '56760768-b641-451f-8906-e1b8ab31bca7',
    application: 'cc117bb9-00cf-4eb8-b580-ea2a878fe8f7',
    why: 'Set a person’s password.',
  },
  'User-Mail.ReadWrite.All': {
    delegated: '6166886a-9576-433b-8544-658177bdef1d',
    application: '280d0935-0796-47d1-8d26-273470a3f17a',
    why: 'Remember a confirmed address among a person’s other addresses.',
  },
  'User-Phone.ReadWrite.All': {
    delegated: 'e29d5979-5b06-4a7f-ae24-6a9348d2e1ff',
    application: '86ceff06-c822-49ff-989a-d912845ffe69',
    why: 'Change a person’s telephone numbers.',
  },
  'User.EnableDisableAccount.All': {
    delegated: 'f92e74e7-2563-467f-9dd0-902688cb5863',
    application: '3011c876-62b7-4ada-afa2-506cbbecc68c',
    why: 'Block a person’s sign-in, or allow it again.',
  },
  'User.RevokeSessions.All': {
    delegated: 'fc30e98b-8810-4501-81f5-c20a3196387b',
    application: '77f3a031-c388-4f99-b373-dc68676a979e',
    why: 'Sign a person out everywhere after a reset.',
  },
  'UserAuthenticationMethod.Read.All': {
    delegated: 'aec28ec7-4d02-4e8c-b864-50163aea77eb',
    application: '38d9df27-64da-44fd-b7c5-a6fbac20248f',
    why: 'Read how a person signs in.',
  },
  'UserAuthenticationMethod.ReadWrite.All': {
    delegated: 'b7887744-6746-4312-813d-72daeaee7e2d',
    application: '50483e42-d915-4231-9639-7fdb7fd190e5',
    why: 'Reset the password of a synchronised person, and give out a Temporary Access Pass.',
  },
  'Mail.Send': {
    delegated: 'e383f46e-2787-4529-855e-0e479a3ffac0',
    application: 'b633e1c5-b582-4048-a93e-9f11b44c7e96',
    why: 'Send the mails of a reset.',
  },
  'Mail.Send.Shared': {
    delegated: 'a367ab51-6b49-43bf-a716-a1fb06d2a174',
    why: 'Send the mails of a reset from a shared mailbox, in the name of the signed-in administrator.',
  },
  'Group.Read.All': {
    delegated: '5f8c59db-677d-491f-a6b8-5f174b11ec1d',
    application: '5b567255-7703-4780-807c-7be8301ae99b',
    why: 'Read groups and who is in them.',
  },
  'Group.ReadWrite.All': {
    delegated: '4e46008b-f24c-477d-8fff-7bb4ec7aafe0',
    application: '62a82d76-70ea-41e2-9197-370581804d09',
    why: 'Create, change and delete groups, and who is in them.',
  },
  'GroupMember.Read.All': {
    delegated: 'bc024368-1153-4739-b217-4326f2e966d0',
    application: '98830695-27a2-44f7-8c18-0c3ebc9698f6',
    why: 'Read the names of groups and who is in them.',
  },
  'GroupMember.ReadWrite.All': {
    delegated: 'f81125ac-d3b7-4573-a3b2-7099cc39df9e',
    application: 'dbaae8cf-10b5-4b86-a4a1-f871c94c6695',
    why: 'Change who is in a group.',
  },
  'Directory.Read.All': {
    delegated: '06da0dbc-49e2-44d2-8312-53f166ab848a',
    application: '7ab1d382-f21e-4acd-a863-ba3e13f7da61',
    why: 'Read people, groups, roles and the organisation.',
  },
  'Directory.ReadWrite.All': {
    delegated: 'c5366453-9fb0-48a5-a156-24f0c49a4b84',
    application: '19dbc75e-c2e2-444c-a770-ec69d8559fc7',
    why: 'Read and change people and groups; no passwords.',
  },
  'RoleManagement.Read.Directory': {
    delegated: '741c54c3-0c1e-44a1-818b-3f97ab4e8c83',
    application: '483bed4a-2ad3-4361-a73b-c83ccdbdc53c',
    why: 'Read who holds which administrator role: whoever resets a password may only reach who stands below.',
  },
  'RoleManagement.ReadWrite.Directory': {
    delegated: 'd01b97e9-cbc0-49fe-810a-750afd5527a3',
    application: '9e3f62cf-ca93-4989-b6ce-bf83c28f9fe8',
    why: 'Give and take administrator roles.',
  },
  'AdministrativeUnit.Read.All': {
    delegated: '3361d15d-be43-4de6-b441-3c746d05163d',
    application: '134fd756-38ce-4afd-ba33-e9623dbe66c2',
    why: 'Read in which administrative units a person is, and whether their management is restricted.',
  },
  'Organization.Read.All': {
    delegated: '4908d5b9-3fb2-4b1e-9336-1888b7937185',
    application: '498476ce-e0fe-48b0-b801-37ba7e2685c6',
    why: 'Read the organisation’s name and whether it writes passwords back to its own directory.',
  },
  'Domain.Read.All': {
    delegated: '2f9ee017-59c1-4f1d-9472-bd5529a7b311',
    application: 'dbb9058a-0e50-45d7-ae91-66909b5d4664',
    why: 'Read which domains the organisation has, and which of them sign in elsewhere (federated).',
  },
  'Policy.Read.All': {
    delegated: '572fea84-0151-49b2-9301-11cb16974376',
    application: '246dd0d5-5bd0-4def-940b-0421030a5b68',
    why: 'Read whether a Temporary Access Pass may be given out.',
  },
} as const satisfies Readonly<Record<string, GraphPermission>>;

export type GraphPermissionName = keyof typeof graphPermissions;

/** The application id of Microsoft Graph, in every cloud and organisation. */
export const graphAppId = '00000003-0000-0000-c000-000000000000';

/**
 * The permission of this name in any case, where it exists of this kind.
 * @param kind delegated: with a person signed in; application: of an app by itself
 */
export function graphPermission(name: string, kind: 'delegated' | 'application'): GraphPermissionName | undefined {
  const wanted = name.toLowerCase();
  const found = Object.entries<GraphPermission>(graphPermissions).find(([one]) => one.toLowerCase() === wanted);
  return found?.[1][kind] === undefined ? undefined : (found[0] as GraphPermissionName);
}

/** The names that there are of this kind. */
export function graphPermissionNames(kind: 'delegated' | 'application'): GraphPermissionName[] {
  const all = Object.entries<GraphPermission>(graphPermissions);
  return all.filter(([, one]) => one[kind] !== undefined).map(([name]) => name as GraphPermissionName);
}
