// What the two scripts (az and PowerShell) have in common: their comments, and what remains to be done by hand.

import { clouds } from '../clouds.ts';
import type { Choices } from './choices.ts';
import { cloudTools } from './choices.ts';
import { permissionsFor } from './permissions.ts';
import { consentedAt } from './plan.ts';

/** What is consented to and why, one line each. */
export function permissionLines(choices: Choices): string[] {
  const permissions = permissionsFor(choices);
  const wide = Math.max(...permissions.map(({ name }) => name.length));
  return permissions.map(({ name, type, id, why }) => {
    const kind = type === 'Scope' ? 'delegated  ' : 'application';
    return `${name.padEnd(wide)}  ${kind}  ${id}  ${why}`;
  });
}

/** The page on which a Global or Privileged Role Administrator consents for everybody. */
export function consentLink({ cloud, tenant, url }: Choices, connectorApp: string): string {
  const back = url === undefined ? '' : `&redirect_uri=${encodeURIComponent(consentedAt(url))}`;
  return `${clouds[cloud].authority.replace('{tid}', tenant)}/adminconsent?client_id=${connectorApp}${back}`;
}

/** The settings of the connector; `value` writes a hole's value in the notation at hand. */
export function settingLines(choices: Choices, connectorApp: string, extensionApp: string): string[] {
  const { cloud, tenant, as, mail, certificate, secretFile, remember, tap } = choices;
  return [
    `RR_DIRECTORY=graph://${tenant}`,
    ...(cloud === 'global' ? [] : [`RR_CLOUD=${cloud}`]),
    `RR_GRAPH_AS=${as}`,
    `RR_CLIENT_ID=${connectorApp}`,
    ...(certificate ? [`RR_CLIENT_CERT=${certificate.file}`, 'RR_CLIENT_KEY=(the file with its private key)'] : []),
    ...(secretFile === undefined ? [] : [`RR_CLIENT_SECRET_FILE=${secretFile}`]),
    `RR_EXTENSION_CLIENT_ID=${extensionApp}`,
    // Exchange lets the connector send in the mailbox's own name alone.
    ...(mail === undefined ? [] : [`RR_MAIL=graph://${mail}`, `RR_MAIL_FROM=${mail}`]),
    // What no permission was asked for is not to be offered; and what was asked for is not offered by itself.
    ...(remember ? [] : ['RR_POLICY_REMEMBER=no']),
    ...(tap ? ['RR_POLICY_TAP=yes'] : []),
  ];
}

/** For a registration without a credential. */
export const credentialAdvice = [
  'The connector has no certificate yet. Make one, then run setup again with --certificate connector.crt:',
  '  openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=reset-and-resend -keyout connector.key -out connector.crt',
] as const;

/** The limit of sendMail to one mailbox, in Exchange Online PowerShell (RBAC for Applications). */
export function exchangeLines(choices: Choices, connectorApp: string, connectorPrincipal: string): string[] {
  const { mail, mailEverywhere, cloud, name } = choices;
  if (mail === undefined || mailEverywhere) return [];
  // A mailbox address holds no quote that would end the filter's (RFC 5321 allows one: it is doubled).
  const box = mail.replace(/'/g, "''");
  const quoted = (text: string) => `'${text.replace(/['\u2018\u2019\u201A\u201B]/g, '$&$&')}'`;
  return [
    `Connect-ExchangeOnline -ExchangeEnvironmentName ${cloudTools[cloud].exchange}`,
    `New-ServicePrincipal -AppId ${connectorApp} -ObjectId ${connectorPrincipal} -DisplayName ${quoted(`${name} connector`)}`,
    `New-ManagementScope -Name ${quoted(`${name} mailbox`)} -RecipientRestrictionFilter ${quoted(`PrimarySmtpAddress -eq '${box}'`)}`,
    `New-ManagementRoleAssignment -App ${connectorPrincipal} -Role 'Application Mail.Send' -CustomResourceScope ${quoted(`${name} mailbox`)}`,
    `Test-ServicePrincipalAuthorization -Identity ${connectorPrincipal} -Resource ${quoted(mail)}`,
  ];
}
