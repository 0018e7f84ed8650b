// The plan for whoever sets it up in the Entra admin center: which pages, what to enter, and the consent link.

import { apiScope, redirectUriOf } from '../../signin/clients.ts';
import { type Choices, cloudTools } from './choices.ts';
import { extensionPermissions, permissionsFor } from './permissions.ts';
import { consentedAt } from './plan.ts';
import { consentLink, credentialAdvice, exchangeLines, permissionLines, settingLines } from './script.ts';

/** The text, ending with a line end. Without an id: a word in its place. */
export function byHand(
  choices: Choices,
  connectorApp = 'CONNECTOR_CLIENT_ID',
  extensionApp = 'EXTENSION_CLIENT_ID',
): string {
  const { cloud, name, as, role, unit, url, certificate, secretFile } = choices;
  const { portal } = cloudTools[cloud];
  const asked = (type: 'Scope' | 'Role') => permissionsFor(choices).some((permission) => permission.type === type);
  const lines = [
    `1. ${portal}/#view/Microsoft_AAD_RegisteredApps/CreateApplicationBlade`,
    `   Register “${name} extension”, for this organisation only. Platform: Single-page application, redirect addresses:`,
    ...choices.extensionIds.map((id) => `     ${redirectUriOf(id)}`),
    `   API permissions: Microsoft Graph, delegated: ${extensionPermissions()
      .map(({ name }) => name)
      .join(', ')}`,
    `   Its application (client) id is EXTENSION_CLIENT_ID below.`,
    '',
    `2. The same page again: register “${name} connector”, for this organisation only.`,
    ...(url === undefined
      ? []
      : [`   Platform: Web, redirect address ${consentedAt(url)} (where the consent page leads back to).`]),
    '   Its application (client) id is CONNECTOR_CLIENT_ID below.',
    `   Expose an API: application ID URI api://${connectorApp}; scope ${apiScope}, admins only;`,
    `     authorised client application ${extensionApp} for that scope.`,
    '   Manifest: api.requestedAccessTokenVersion: 2, groupMembershipClaims: "DirectoryRole"',
    '   Token configuration: optional claims of the access token: xms_cc, idtyp',
    `   API permissions: Microsoft Graph${asked('Role') && asked('Scope') ? ', delegated and application' : ''}:`,
    ...permissionLines(choices).map((line) => `     ${line}`),
    ...(certificate ? [`   Certificates & secrets: upload ${certificate.file}`] : []),
    ...(secretFile === undefined
      ? []
      : [
          `   Certificates & secrets: a new client secret, its value into ${secretFile}, readable by the connector alone`,
        ]),
    ...(certificate || secretFile !== undefined ? [] : credentialAdvice.map((line) => `   ${line}`)),
    '',
    '3. An administrator consents for everybody (Global Administrator or Privileged Role Administrator):',
    `   ${consentLink(choices, connectorApp)}`,
    `   ${consentLink({ ...choices, url: undefined }, extensionApp)}`,
  ];
  let number = 4;
  if (as === 'app') {
    const where = unit === undefined ? 'over the directory' : `over administrative unit ${unit}`;
    lines.push(
      '',
      `${number}. Roles & admins: ${role}, assigned to the enterprise application “${name} connector”, ${where}.`,
    );
    number += 1;
  }
  const exchange = exchangeLines(choices, connectorApp, 'CONNECTOR_OBJECT_ID');
  if (exchange.length > 0) {
    lines.push(
      '',
      `${number}. Exchange Online PowerShell limits the connector to the one mailbox; CONNECTOR_OBJECT_ID is the object id of the`,
      '   enterprise application (not of the registration):',
      ...exchange.map((line) => `   ${line}`),
    );
    number += 1;
  }
  lines.push(
    '',
    `${number}. The settings of the connector:`,
    ...settingLines(choices, connectorApp, extensionApp).map((line) => `   ${line}`),
    '',
  );
  return lines.join('\n');
}
