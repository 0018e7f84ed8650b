// The plan as a bash script for the Azure CLI. It can be run again: registrations are brought to this form, what is
// missing is made. `az rest` fetches its own token; nothing secret is written down here.

import { clouds } from '../clouds.ts';
import { type Choices, cloudTools } from './choices.ts';
import { applicationPath, planOf, principalPath, type Step } from './plan.ts';
import { consentLink, credentialAdvice, exchangeLines, permissionLines, settingLines } from './script.ts';
import { bash, type Hole, hole, holes } from './template.ts';

/** The whole script, ending with a line end. */
export function azScript(choices: Choices): string {
  const { az } = cloudTools[choices.cloud];
  const { graph } = clouds[choices.cloud];
  const { secretFile, certificate } = choices;
  const lines = [
    '#!/usr/bin/env bash',
    '# Registers Reset & Resend in a Microsoft Entra tenant. Can be run again. Needs the Azure CLI and, to consent,',
    '# a Global Administrator or a Privileged Role Administrator.',
    '#',
    '# What the connector asks for, and why:',
    ...permissionLines(choices).map((line) => `#   ${line}`),
    ...(certificate
      ? [
          '#',
          '# The certificate that is given is the only one of the connector afterwards; setup --run keeps the others.',
        ]
      : []),
    'set -euo pipefail',
    '',
    `az cloud set --name ${az}`,
    `az login --tenant ${bash(choices.tenant)} --allow-no-subscriptions --output none`,
    `graph() { az rest --resource ${bash(graph)} --headers 'Content-Type=application/json' "$@"; }`,
    `upsert() { az rest --resource ${bash(graph)} --headers 'Content-Type=application/json' 'Prefer=create-if-missing' --method PATCH "$@"; }`,
    ...planOf(choices).flatMap((step) => ['', `# ${step.title}`, ...stepLines(step, graph)]),
  ];
  if (secretFile !== undefined) {
    const reset = `az ad app credential reset --id ${bash(hole('connectorApp'))} --append --years 1 --query password --output tsv`;
    lines.push(
      '',
      '# A client secret, into a file that only you can read; kept when the file is there',
      `[ -e ${bash(secretFile)} ] || (umask 077 && ${reset} > ${bash(secretFile)})`,
    );
  } else if (certificate === undefined) {
    lines.push('', ...credentialAdvice.map((line) => `# ${line}`));
  }
  const settings = settingLines(choices, hole('connectorApp'), hole('extensionApp'));
  lines.push('', '# The settings of the connector', ...settings.map((line) => `echo ${bash(line)}`));
  const exchange = exchangeLines(choices, hole('connectorApp'), hole('connectorPrincipal'));
  if (exchange.length > 0) {
    lines.push(
      '',
      '# Exchange limits the connector to the one mailbox: run these in Exchange Online PowerShell',
      ...exchange.map((line) => `echo ${bash(line)}`),
    );
  }
  lines.push(
    '',
    '# Should consent have been refused above, an administrator gives it here',
    `echo ${bash(consentLink(choices, hole('connectorApp')))}`,
    '',
  );
  return lines.join('\n');
}

function stepLines(step: Step, graph: string): string[] {
  if (step.kind === 'application') {
    const url = bash(graph + applicationPath(step.which));
    return [`upsert --url ${url} --body ${bash(JSON.stringify(step.body))}`, ...learnLines(step.learn, url)];
  }
  if (step.kind === 'principal') {
    const url = bash(graph + principalPath(step.appId));
    const make = step.body ? [`upsert --url ${url} --body ${bash(JSON.stringify(step.body))}`] : [];
    return [...make, ...learnLines(step.learn, url)];
  }
  const conditions = Object.entries(step.match).map(([name, value]) => `${name}=='${value}'`);
  const query = bash(`value[?${conditions.join(' && ')}].id | [0]`);
  const create = `graph --method POST --url ${bash(graph + step.path)} --body ${bash(JSON.stringify(step.body))}`;
  const change = step.update && [
    'else',
    `  graph --method PATCH --url ${bash(graph + step.update.path)}"$FOUND" --body ${bash(JSON.stringify({ scope: step.update.scope.join(' ') }))}`,
  ];
  return [
    `FOUND=$(graph --method GET --url ${bash(graph + step.list)} --query ${query} --output tsv)`,
    'if [ -z "$FOUND" ]; then',
    `  ${create}`,
    ...(change ?? []),
    'fi',
  ];
}

function learnLines(learn: Readonly<Partial<Record<string, Hole>>>, url: string): string[] {
  return Object.entries(learn).flatMap(([property, name]) =>
    name === undefined ? [] : [`${holes[name]}=$(graph --method GET --url ${url} --query ${property} --output tsv)`],
  );
}
