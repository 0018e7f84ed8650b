// What an administrator chooses before a tenant is set up, and how each national cloud is called by the tools that do it.

import type { clouds } from '../clouds.ts';

export type CloudName = keyof typeof clouds;

/** How the tools call a cloud; its addresses are in ../clouds.ts. */
interface CloudTools {
  /** Origin of the Entra admin center. */
  readonly portal: string;
  /** `az cloud set --name`. */
  readonly az: string;
  /** `Connect-MgGraph -Environment`. */
  readonly powershell: string;
  /** `Connect-ExchangeOnline -ExchangeEnvironmentName`. */
  readonly exchange: string;
}

export const cloudTools = {
  global: {
    portal: 'https://entra.microsoft.com',
    az: 'AzureCloud',
    powershell: 'Global',
    exchange: 'O365Default',
  },
  usgov: {
    portal: 'https://entra.microsoft.us',
    az: 'AzureUSGovernment',
    powershell: 'USGov',
    exchange: 'O365USGovGCCHigh',
  },
  dod: {
    portal: 'https://entra.microsoft.us',
    az: 'AzureUSGovernment',
    powershell: 'USGovDoD',
    exchange: 'O365USGovDoD',
  },
  china: {
    portal: 'https://entra.microsoftonline.cn',
    az: 'AzureChinaCloud',
    powershell: 'China',
    exchange: 'O365China',
  },
} as const satisfies Record<CloudName, CloudTools>;

/**
 * Roles that the connector itself can be given to act alone (role template ids). Microsoft names User Administrator as the
 * least for people without a role and Privileged Authentication Administrator as the least for administrators.
 */
export const connectorRoles = {
  'User Administrator': 'fe930be7-5e62-47db-91af-98c3a49a38b1',
  'Privileged Authentication Administrator': '7be44c8a-adaf-4e2a-84d6-ab2649e08a13',
} as const;

export type ConnectorRole = keyof typeof connectorRoles;

export interface Choices {
  /** The tenant's GUID. */
  readonly tenant: string;
  readonly cloud: CloudName;
  /** On behalf of the signed-in admin, or alone. */
  readonly as: 'admin' | 'app';
  /** Extension ids as the stores gave them. */
  readonly extensionIds: readonly string[];
  /** What the two registrations are called: `<name> connector` and `<name> extension`. */
  readonly name: string;
  /** The connector's public origin; the consent link comes back to it. */
  readonly url?: string;
  /** Mails leave from this shared mailbox. */
  readonly mail?: string;
  /** Consent to every mailbox in place of a limit to that one. */
  readonly mailEverywhere: boolean;
  /** Reset people who are synchronised from Active Directory. */
  readonly synced: boolean;
  /** Offer a Temporary Access Pass. */
  readonly tap: boolean;
  /** Put a confirmed address among a person's other addresses. */
  readonly remember: boolean;
  /** Let `check` read when the connector's secret or certificate ends. */
  readonly expiry: boolean;
  /** Acting alone: the role of the connector, and the administrative unit that it is limited to. */
  readonly role: ConnectorRole;
  readonly unit?: string;
  /** The connector's certificate: base64 of its DER form, which is public. */
  readonly certificate?: { readonly file: string; readonly der: string };
  /** Or a file for a client secret, made there. */
  readonly secretFile?: string;
}
