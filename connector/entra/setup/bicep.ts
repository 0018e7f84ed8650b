// The plan as a Bicep file (extension Microsoft Graph, v1.0). What Bicep has no resource for is said at its end, as az
// commands: the API's address, which contains the id that Entra gives, and the directory role.

import { graphAppId } from '../../graph/permissions.ts';
import { clouds } from '../clouds.ts';
import type { Choices } from './choices.ts';
import { planOf, type Step, uniqueNames } from './plan.ts';
import { consentLink, credentialAdvice, exchangeLines, permissionLines, settingLines } from './script.ts';
import { bash, bicep, type Hole, hole, type Json } from './template.ts';

const names = {
  extensionApp: 'extensionApp.appId',
  connectorApp: 'connectorApp.appId',
  connectorObject: 'connectorApp.id',
  extensionPrincipal: 'extensionPrincipal.id',
  connectorPrincipal: 'connectorPrincipal.id',
  graphPrincipal: 'graph.id',
} as const satisfies Record<Hole, string>;

/** The whole file, ending with a line end. */
export function bicepFile(choices: Choices): string {
  const { graph } = clouds[choices.cloud];
  const { secretFile, certificate } = choices;
  const lines = [
    '// Registers Reset & Resend in a Microsoft Entra tenant.',
    '// bicepconfig.json beside this file names the extension:',
    '//   { "extensions": { "microsoftGraphV1": "br:mcr.microsoft.com/bicep/extensions/microsoftgraph/v1.0:1.0.0" } }',
    '// az deployment group create --resource-group GROUP --template-file setup.bicep',
    '//',
    '// What the connector asks for, and why:',
    ...permissionLines(choices).map((line) => `//   ${line}`),
    'extension microsoftGraphV1',
  ];
  const after: string[] = [];
  let roles = 0;
  const plan = planOf(choices);
  // One resource is one registration: what the plan adds to it in a second step stands in it at once.
  const api = plan.findLast((step) => step.kind === 'application' && step.which === 'connector');
  for (const step of plan) {
    const resource = resourceOf(step, api, () => (roles += 1));
    if (resource === undefined) after.push(`# ${step.title}`, ...commandOf(step, graph));
    else lines.push('', `// ${step.title}`, ...resource);
  }
  const connectorApp = '$CONNECTOR_APP';
  if (secretFile !== undefined) {
    const reset = `az ad app credential reset --id ${bash(hole('connectorApp'))} --append --years 1 --query password --output tsv`;
    after.push(
      '# A client secret, into a file that only you can read',
      `(umask 077 && ${reset} > ${bash(secretFile)})`,
    );
  } else if (certificate === undefined) after.push(...credentialAdvice.map((line) => `# ${line}`));
  const exchange = exchangeLines(choices, connectorApp, '$CONNECTOR_PRINCIPAL');
  if (exchange.length > 0) {
    after.push('# Exchange limits the connector to the one mailbox (Exchange Online PowerShell)', ...exchange);
  }
  after.push('# The settings of the connector', ...settingLines(choices, connectorApp, '$EXTENSION_APP'));
  after.push(
    '# Should consent have been refused above, an administrator gives it here',
    consentLink(choices, connectorApp),
  );
  lines.push(
    '',
    'output extensionClientId string = extensionApp.appId',
    'output connectorClientId string = connectorApp.appId',
    'output connectorObjectId string = connectorPrincipal.id',
    '',
    '// Afterwards, with EXTENSION_APP, CONNECTOR_APP and CONNECTOR_PRINCIPAL set to these three outputs:',
    // Line by line: a block comment could be ended by what stands in it.
    ...after.map((line) => `//   ${line}`),
    '',
  );
  return lines.join('\n');
}

/** A resource block; undefined for what Bicep has none for. */
function resourceOf(step: Step, api: Step | undefined, count: () => number): string[] | undefined {
  if (step.kind === 'application') {
    if (!('signInAudience' in step.body)) return undefined;
    const whole = step.which === 'connector' && api?.kind === 'application' ? { api: api.body.api ?? null } : undefined;
    const body: { readonly [name: string]: Json } = { uniqueName: uniqueNames[step.which], ...step.body, ...whole };
    return resource(`${step.which}App`, 'applications', body);
  }
  if (step.kind === 'principal') {
    if (step.appId === graphAppId) {
      return [
        "resource graph 'Microsoft.Graph/servicePrincipals@v1.0' existing = {",
        `  appId: ${bicep(step.appId, names)}`,
        '}',
      ];
    }
    const name = step.learn.id === 'extensionPrincipal' ? 'extensionPrincipal' : 'connectorPrincipal';
    return resource(name, 'servicePrincipals', { appId: step.appId });
  }
  if (step.part === 'role') return undefined;
  if (step.update) {
    const name = step.match.clientId === hole('extensionPrincipal') ? 'extensionConsent' : 'connectorConsent';
    return resource(name, 'oauth2PermissionGrants', step.body);
  }
  return resource(`connectorRole${count()}`, 'appRoleAssignedTo', step.body);
}

function commandOf(step: Step, graph: string): string[] {
  if (step.kind === 'application') {
    const uri = Array.isArray(step.body.identifierUris) ? String(step.body.identifierUris[0]) : '';
    return [`az ad app update --id ${bash(hole('connectorApp'))} --identifier-uris ${bash(uri)}`];
  }
  if (step.kind === 'principal') return [];
  const { path, body } = step;
  return [
    `az rest --method POST --resource ${bash(graph)} --url ${bash(graph + path)} --headers 'Content-Type=application/json' --body ${bash(JSON.stringify(body))}`,
  ];
}

function resource(name: string, type: string, body: { readonly [name: string]: Json }): string[] {
  return `resource ${name} 'Microsoft.Graph/${type}@v1.0' = ${literal(body, '')}`.split('\n');
}

function literal(value: Json, indent: string): string {
  if (typeof value === 'string') return bicep(value, names);
  if (value === null || typeof value !== 'object') return String(value);
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    return value.length === 0
      ? '[]'
      : `[\n${value.map((one: Json) => `${inner}${literal(one, inner)}\n`).join('')}${indent}]`;
  }
  const rows = Object.entries(value).map(([name, one]) => {
    const key = /^[a-zA-Z_]\w*$/.test(name) ? name : bicep(name, names);
    return `${inner}${key}: ${literal(one as Json, inner)}\n`;
  });
  return `{\n${rows.join('')}${indent}}`;
}
