// Where Entra's sign-in and Microsoft Graph are: one line for each national cloud (Graph, "National cloud deployments"),
// and two addresses of one's own for any other cloud or a simulated one. Tokens do not cross clouds.

interface Cloud {
  /** What `iss` of its v2 tokens is; `{tid}` stands for the tenant's GUID. */
  readonly issuer: string;
  /** What MSAL is given. */
  readonly authority: string;
  /** Origin of Microsoft Graph. */
  readonly graph: string;
  /** Where people sign in, and are made to choose a new password; absent: the issuer's own account page. */
  readonly portal?: string;
}

/** China's sign-in answers at login.chinacloudapi.cn as well, and names itself by this host. */
export const clouds = {
  global: entra('https://login.microsoftonline.com', 'https://graph.microsoft.com', 'https://m365.cloud.microsoft'),
  usgov: entra('https://login.microsoftonline.us', 'https://graph.microsoft.us', 'https://portal.office365.us'),
  dod: entra('https://login.microsoftonline.us', 'https://dod-graph.microsoft.us', 'https://portal.apps.mil'),
  china: entra(
    'https://login.partner.microsoftonline.cn',
    'https://microsoftgraph.chinacloudapi.cn',
    'https://portal.partner.microsoftonline.cn',
  ),
} as const satisfies Readonly<Record<string, Cloud>>;

function entra(login: string, graph: string, portal: string): Cloud {
  return { issuer: `${login}/{tid}/v2.0`, authority: `${login}/{tid}`, graph, portal };
}

/** The addresses of one tenant. */
export interface Endpoints extends Cloud {
  /** How MSAL speaks to the authority: its own dialect for Entra, plain OpenID Connect for anything else. */
  readonly protocol: 'entra' | 'oidc';
}

/** RR_CLOUD, read: a cloud by name, or an issuer and an origin of Graph. */
export type CloudSetting = keyof typeof clouds | { readonly issuer: string; readonly graph: string };

/** Of a tenant by its GUID (`tid`). */
export function endpointsOf(cloud: CloudSetting, tid: string): Endpoints {
  if (typeof cloud !== 'string') return { ...cloud, authority: cloud.issuer, protocol: 'oidc' };
  const { issuer, authority, graph, portal } = clouds[cloud] as Cloud;
  const of = (text: string) => text.replace('{tid}', tid);
  return {
    issuer: of(issuer),
    authority: of(authority),
    graph,
    ...(portal === undefined ? {} : { portal }),
    protocol: 'entra',
  };
}

/** Is there a cloud of this name? */
export function isCloud(name: string): name is keyof typeof clouds {
  return Object.hasOwn(clouds, name);
}

/** The tenant's GUID in `graph://<tenant>`; undefined for any other directory. */
export function graphTenant(directory: string): string | undefined {
  return /^graph:\/\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(directory)?.[1];
}
