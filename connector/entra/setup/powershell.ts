// The plan as a script for Microsoft Graph PowerShell (module Microsoft.Graph.Authentication alone). It can be run again.

import { clouds } from '../clouds.ts';
import { type Choices, cloudTools } from './choices.ts';
import { applicationPath, planOf, principalPath, type Step } from './plan.ts';
import { consentLink, credentialAdvice, exchangeLines, permissionLines, settingLines } from './script.ts';
import { type Hole, hole, powershell, powershellName } from './template.ts';

/** What the administrator who runs it is asked to consent to; `--run` needs the same in its token. */
export const runnerScopes = [
  'Application.ReadWrite.All',
  'DelegatedPermissionGrant.ReadWrite.All',
  'AppRoleAssignment.ReadWrite.All',
  'RoleManagement.ReadWrite.Directory',
] as const;

/** The whole script, ending with a line end. */
export function powershellScript(choices: Choices): string {
  const { powershell: environment } = cloudTools[choices.cloud];
  const { graph } = clouds[choices.cloud];
  const { secretFile, certificate, tenant, name } = choices;
  const lines = [
    '# Registers Reset & Resend in a Microsoft Entra tenant. Can be run again. Needs the module',
    '# Microsoft.Graph.Authentication and, to consent, a Global Administrator or a Privileged Role Administrator.',
    '#',
    '# What the connector asks for, and why:',
    ...permissionLines(choices).map((line) => `#   ${line}`),
    ...(certificate
      ? [
          '#',
          '# The certificate that is given is the only one of the connector afterwards; setup --run keeps the others.',
        ]
      : []),
    "$ErrorActionPreference = 'Stop'",
    '',
    `Connect-MgGraph -NoWelcome -Environment ${environment} -TenantId ${powershell(tenant)} -Scopes ${runnerScopes.map((scope) => powershell(scope)).join(', ')}`,
    'function Read-Graph($Uri) { Invoke-MgGraphRequest -Method GET -Uri $Uri }',
    "function Send-Graph($Method, $Uri, $Body, $Headers = @{}) { Invoke-MgGraphRequest -Method $Method -Uri $Uri -Body $Body -Headers $Headers -ContentType 'application/json' }",
    ...planOf(choices).flatMap((step) => ['', `# ${step.title}`, ...stepLines(step, graph)]),
  ];
  if (secretFile !== undefined) {
    const body = JSON.stringify({ passwordCredential: { displayName: `${name} connector` } });
    const url = powershell(`${graph}/v1.0/applications/${hole('connectorObject')}/addPassword`);
    lines.push(
      '',
      '# A client secret, into a file; kept when the file is there. Let nobody else read it',
      `if (-not (Test-Path -LiteralPath ${powershell(secretFile)})) {`,
      `  (Send-Graph POST ${url} ${powershell(body)}).secretText | Set-Content -NoNewline -LiteralPath ${powershell(secretFile)}`,
      '}',
    );
  } else if (certificate === undefined) {
    lines.push('', ...credentialAdvice.map((line) => `# ${line}`));
  }
  const settings = settingLines(choices, hole('connectorApp'), hole('extensionApp'));
  lines.push('', '# The settings of the connector', ...settings.map((line) => powershell(line)));
  // Here the commands can stand as they are: the variables are PowerShell's own.
  const exchange = exchangeLines(choices, powershellName('connectorApp'), powershellName('connectorPrincipal'));
  if (exchange.length > 0) {
    lines.push('', '# Exchange limits the connector to the one mailbox (module ExchangeOnlineManagement)', ...exchange);
  }
  lines.push(
    '',
    '# Should consent have been refused above, an administrator gives it here',
    powershell(consentLink(choices, hole('connectorApp'))),
    '',
  );
  return lines.join('\n');
}

const prefer = "@{ Prefer = 'create-if-missing' }";

function stepLines(step: Step, graph: string): string[] {
  if (step.kind === 'ensure') {
    const url = powershell(graph + step.list);
    const where = Object.entries(step.match).map(([name, value]) => `$_.${name} -eq ${powershell(value)}`);
    const create = `Send-Graph POST ${powershell(graph + step.path)} ${powershell(JSON.stringify(step.body))} | Out-Null`;
    const change = step.update && [
      `} else { Send-Graph PATCH (${powershell(graph + step.update.path)} + $Found.id) ${powershell(JSON.stringify({ scope: step.update.scope.join(' ') }))} | Out-Null`,
    ];
    return [
      `$Found = (Read-Graph ${url}).value | Where-Object { ${where.join(' -and ')} } | Select-Object -First 1`,
      `if (-not $Found) { ${create}`,
      ...(change ?? []),
      '}',
    ];
  }
  const path = step.kind === 'application' ? applicationPath(step.which) : principalPath(step.appId);
  const url = powershell(graph + path);
  const body = step.body
    ? [`Send-Graph PATCH ${url} ${powershell(JSON.stringify(step.body))} ${prefer} | Out-Null`]
    : [];
  return [...body, ...learnLines(step.learn, url)];
}

function learnLines(learn: Readonly<Partial<Record<string, Hole>>>, url: string): string[] {
  return Object.entries(learn).flatMap(([property, name]) =>
    name === undefined ? [] : [`${powershellName(name)} = (Read-Graph ${url}).${property}`],
  );
}
