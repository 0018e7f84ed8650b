// `setup entra`: what a Microsoft Entra tenant needs for the connector, printed as commands or, with --run, done. The
// administrator's token comes from RR_SETUP_TOKEN or standard input, never from the command line, where others can read it.

import { X509Certificate } from 'node:crypto';
import { resolve } from 'node:path';
import { parseAddress } from '#shared/address.ts';
import { clouds, graphTenant, isCloud } from '../entra/clouds.ts';
import { azScript } from '../entra/setup/az.ts';
import { bicepFile } from '../entra/setup/bicep.ts';
import { byHand } from '../entra/setup/by-hand.ts';
import { type Choices, type ConnectorRole, connectorRoles } from '../entra/setup/choices.ts';
import { powershellScript, runnerScopes } from '../entra/setup/powershell.ts';
import { GraphRefusal, makeSecret, type RunDeps, runPlan } from '../entra/setup/run.ts';
import { consentLink, credentialAdvice, exchangeLines, settingLines } from '../entra/setup/script.ts';
import { isPlain } from '../entra/setup/template.ts';
import { Secret } from '../secret.ts';
import { CommandError, CommandLineError, type Out, optionsOf, running } from './command-line.ts';

const manual = `Usage: node connector/main.ts setup entra --tenant ID --extension-id ID [--extension-id ID …] [--as admin|app]
                     [--url https://reset.contoso.com] [--mail ADDRESS [--mail-everywhere]] [--synced] [--tap]
                     [--remember] [--expiry] [--role "User Administrator" [--unit ID]] [--cloud global]
                     [--certificate FILE | --secret-file FILE] [--name "Reset & Resend"]
                     [--format az|powershell|bicep|links | --run]

Prints what registers the connector and the extension in Microsoft Entra; with --run it is done, by an administrator's
token from RR_SETUP_TOKEN or standard input. Either can be done again: what is there is kept, what is missing is made.

  --as          admin: on behalf of the signed-in administrator (default). app: by the connector's own right
  --extension-id  as the browsers' stores show it; once for each store
  --mail        mails leave from this shared mailbox; --mail-everywhere consents to every mailbox, else Exchange is told
                to limit the connector to this one
  --synced      people who are synchronised from Active Directory too     (with --as admin)
  --tap         a Temporary Access Pass in place of a password            (with --as admin)
  --remember    put a confirmed address on file
  --expiry      let "check" read when the secret or certificate ends
  --role        with --as app: ${Object.keys(connectorRoles).join(' or ')};
                --unit limits it to one administrative unit
  --certificate a file with the connector's certificate (PEM), the better credential; --secret-file: a client secret is
                made and put into this file
  --url, --cloud, --tenant, --mail, --as and the extension ids are taken from the settings (RR_…) where they are not given.

az account get-access-token --resource-type ms-graph --query accessToken -o tsv | node connector/main.ts setup entra --run …`;

export interface SetupDeps {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readFile: (path: string) => string;
  /**
   * Makes a file that only this user can read, then fills it with what `content` gives; removed again when that fails.
   * Resolves with false when the file is there already.
   */
  readonly writeSecret: (path: string, content: () => Promise<string>) => Promise<boolean>;
  /** All of standard input; undefined when a person sits there. */
  readonly readInput: () => Promise<string | undefined>;
  readonly fetch: typeof fetch;
  readonly sleep: (ms: number) => Promise<void>;
}

/** Exit code: 0 done, 1 something was refused, 2 not understood. Without `deps`: the manual. */
export async function setupCommand(argv: readonly string[], deps: SetupDeps | undefined, out: Out): Promise<number> {
  if (!deps) {
    out.print(manual);
    return 0;
  }
  let code = 0;
  const understood = await running(out, manual, async () => {
    const [what, ...rest] = argv;
    if (what !== 'entra') throw new CommandLineError('What shall be set up? There is “setup entra”.');
    const { choices, format } = read(rest, deps);
    if (format === 'run') code = await run(choices, deps, out);
    else out.print(formats[format](choices).trimEnd());
  });
  return understood || code;
}

const formats = {
  az: azScript,
  powershell: powershellScript,
  bicep: bicepFile,
  links: (choices: Choices) => byHand(choices),
} as const satisfies Record<string, (choices: Choices) => string>;

type Format = keyof typeof formats;

const options = {
  tenant: { type: 'string' },
  cloud: { type: 'string' },
  as: { type: 'string' },
  name: { type: 'string' },
  url: { type: 'string' },
  mail: { type: 'string' },
  role: { type: 'string' },
  unit: { type: 'string' },
  certificate: { type: 'string' },
  'secret-file': { type: 'string' },
  format: { type: 'string' },
  'extension-id': { type: 'string', multiple: true },
  'mail-everywhere': { type: 'boolean' },
  synced: { type: 'boolean' },
  tap: { type: 'boolean' },
  remember: { type: 'boolean' },
  expiry: { type: 'boolean' },
  run: { type: 'boolean' },
} as const;

const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** @throws CommandLineError, CommandError for a certificate that can't be read */
function read(argv: readonly string[], { env, readFile }: SetupDeps): { choices: Choices; format: Format | 'run' } {
  const { values, positionals } = optionsOf(argv, options);
  if (positionals.length > 0) throw new CommandLineError(`“${positionals[0]}” is not an option.`);
  const bad = Object.values(values)
    .flat()
    .find((value) => typeof value === 'string' && (!isPlain(value) || value.length > 500));
  if (bad !== undefined)
    throw new CommandLineError('An option holds a line end or a control character, or is too long.');
  const as = oneOf(values.as ?? env.RR_GRAPH_AS ?? 'admin', ['admin', 'app'], 'as');
  const tenant = values.tenant ?? graphTenant(env.RR_DIRECTORY?.toLowerCase() ?? '');
  if (tenant === undefined || !guid.test(tenant)) {
    throw new CommandLineError('--tenant is the tenant’s id, a GUID (az account show --query tenantId says it).');
  }
  const cloud = values.cloud ?? env.RR_CLOUD ?? 'global';
  if (!isCloud(cloud)) throw new CommandLineError(`--cloud is ${Object.keys(clouds).join(', ')}.`);
  const extensionIds = values['extension-id'] ?? (env.RR_EXTENSION_IDS ?? '').split(/[\s,]+/).filter(Boolean);
  const wrong = extensionIds.find(
    (id) => !/^[a-p]{32}$/.test(id) && !/^(\{[0-9a-f-]{36}\}|[\w.-]*@[\w.-]+)$/i.test(id),
  );
  if (extensionIds.length === 0 || wrong !== undefined) {
    throw new CommandLineError(
      '--extension-id is the id that a browser’s store gave to the extension, once for each store.',
    );
  }
  const choices: Choices = {
    ...{ tenant, cloud, as, extensionIds },
    name: named(values.name ?? 'Reset & Resend'),
    mailEverywhere: values['mail-everywhere'] ?? false,
    synced: onBehalf(as, values.synced ?? false, '--synced: only an administrator can reset a synchronised person'),
    tap: onBehalf(as, values.tap ?? false, '--tap: a Temporary Access Pass is given on behalf of an administrator'),
    remember: values.remember ?? false,
    expiry: values.expiry ?? false,
    role: roleOf(values.role, as),
    ...optional(
      'unit',
      values.unit,
      (id) => guid.test(id) && as === 'app',
      '--unit is the id of an administrative unit, with --as app',
    ),
    ...optional(
      'url',
      values.url ?? env.RR_PUBLIC_URL,
      isOrigin,
      '--url is an https origin, for example https://reset.contoso.com',
    ),
    ...optional('mail', values.mail ?? mailboxOf(env.RR_MAIL), isMailbox, '--mail is the address of a mailbox'),
    ...optional(
      'secretFile',
      values['secret-file'] && resolve(values['secret-file']),
      (path) => path !== '',
      '--secret-file is the name of a file',
    ),
    ...certificateOf(values.certificate, readFile),
  };
  if (choices.certificate && choices.secretFile !== undefined) {
    throw new CommandLineError('One credential is enough: --certificate or --secret-file.');
  }
  if (values.run && values.format !== undefined) throw new CommandLineError('--format is for printing, without --run.');
  return {
    choices,
    format: values.run ? 'run' : oneOf(values.format ?? 'az', Object.keys(formats) as Format[], 'format'),
  };
}

function oneOf<T extends string>(value: string, allowed: readonly T[], option: string): T {
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw new CommandLineError(`--${option} is ${allowed.join(' or ')}, not “${value}”.`);
  return found;
}

function onBehalf(as: Choices['as'], wanted: boolean, sentence: string): boolean {
  if (wanted && as === 'app') throw new CommandLineError(`${sentence}; it needs --as admin.`);
  return wanted;
}

function named(name: string): string {
  if (name.trim() === '' || name.length > 100) throw new CommandLineError('--name has 1 to 100 characters.');
  return name.trim();
}

function roleOf(given: string | undefined, as: Choices['as']): ConnectorRole {
  if (given !== undefined && as !== 'app') throw new CommandLineError('--role is for --as app.');
  return oneOf(given ?? 'User Administrator', Object.keys(connectorRoles) as ConnectorRole[], 'role');
}

function optional<K extends string>(
  key: K,
  value: string | undefined,
  is: (value: string) => boolean,
  sentence: string,
) {
  if (value === undefined) return {} as { readonly [name in K]?: string };
  if (!is(value)) throw new CommandLineError(`${sentence}.`);
  return { [key]: value } as { readonly [name in K]?: string };
}

function isOrigin(value: string): boolean {
  return URL.canParse(value) && new URL(value).origin === value && value.startsWith('https://');
}

/** A mailbox of Exchange: letters, digits and a few marks, so that no quotation can be meant by it. */
function isMailbox(value: string): boolean {
  return 'address' in parseAddress(value) && /^[\w.+-]+@[\w.-]+$/.test(value);
}

function mailboxOf(mail: string | undefined): string | undefined {
  return /^graph:\/\/(.+)$/.exec(mail ?? '')?.[1];
}

function certificateOf(file: string | undefined, readFile: (path: string) => string) {
  if (file === undefined) return {};
  try {
    return { certificate: { file: resolve(file), der: new X509Certificate(readFile(file)).raw.toString('base64') } };
  } catch {
    throw new CommandError(`${file} is not a certificate (PEM) that can be read.`);
  }
}

const marks = { made: '✓ made', completed: '✓ completed', 'was there': '= was there', refused: '✗ refused' } as const;

async function run(choices: Choices, deps: SetupDeps, out: Out): Promise<number> {
  const runDeps: RunDeps = {
    ...{ fetch: deps.fetch, sleep: deps.sleep, token: await tokenOf(deps) },
    told: ({ outcome, title, why }) =>
      out.say(`${marks[outcome].padEnd(11)}  ${title}${why === undefined ? '' : `: ${why}`}`),
  };
  try {
    const { ids, refused } = await runPlan(choices, runDeps);
    const { connectorApp = '', extensionApp = '', connectorObject = '', connectorPrincipal = '' } = ids;
    const { secretFile } = choices;
    if (secretFile !== undefined) {
      const made = await deps.writeSecret(secretFile, async () =>
        (await makeSecret(choices, connectorObject, runDeps)).reveal(),
      );
      out.say(`${made ? marks.made : marks['was there'].padEnd(11)}  Client secret in ${secretFile}`);
    } else if (!choices.certificate) for (const line of credentialAdvice) out.say(line);
    const exchange = exchangeLines(choices, connectorApp, connectorPrincipal);
    if (exchange.length > 0) {
      out.say('What remains: Exchange limits the connector to the one mailbox, in Exchange Online PowerShell:');
      for (const line of exchange) out.say(`  ${line}`);
    }
    if (refused.some(({ part }) => part === 'consent')) {
      out.say('What remains: consent, by a Global Administrator or a Privileged Role Administrator:');
      out.say(`  ${consentLink(choices, connectorApp)}`);
    }
    if (refused.some(({ part }) => part === 'role')) {
      out.say(
        `What remains: “${choices.role}” for the connector, by a Privileged Role Administrator; then run this again.`,
      );
    }
    for (const line of settingLines(choices, connectorApp, extensionApp)) out.print(line);
    return refused.length > 0 ? 1 : 0;
  } catch (error) {
    if (!(error instanceof GraphRefusal)) throw error;
    out.say(`✗ refused    ${error.message}`);
    if (error.status === 401) out.say('The token is not good, or too old: they last about an hour.');
    if (error.status === 403)
      out.say(`The token needs ${runnerScopes.join(' ')}, and its person the right to use them.`);
    throw new CommandError('Not finished. Run the same again when that is mended: what is there is kept.');
  }
}

/** @throws CommandLineError when there is none */
async function tokenOf({ env, readInput }: SetupDeps): Promise<Secret> {
  const token = (env.RR_SETUP_TOKEN ?? (await readInput()) ?? '').trim();
  if (!/^[\w.~+/=-]{20,}$/.test(token)) {
    throw new CommandLineError(
      '--run needs an administrator’s token for Microsoft Graph in RR_SETUP_TOKEN or standard input.',
    );
  }
  return new Secret(token);
}
