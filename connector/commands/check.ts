// `check`: every setting with its value, its source and what is wrong with it, and whether the parts answer.

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { isAddress, parseAddress } from '#shared/address.ts';
import { verifyAudit } from '../audit.ts';
import { checkAddresses } from '../check/address.ts';
import { checkEnds } from '../check/ends.ts';
import { checkEntra } from '../check/entra.ts';
import { checkFiles, secretFiles } from '../check/files.ts';
import { endOf, type Finding, findings, type Net, sentenceOf } from '../check/finding.ts';
import { checkMail, mailOf } from '../check/mail.ts';
import { type Config, publicUrlOf, readConfig, type SettingLine } from '../config.ts';
import { olderKeys } from '../key-rotation.ts';
import { keyFileOf, openMasterKey } from '../master-key.ts';
import { folderProblem } from '../place.ts';
import { readExtensions } from '../scim/extension-file.ts';
import { shownAddress } from '../sql/address.ts';
import { openDatabase } from '../sql/engines.ts';
import { isMigrated, readMeta } from '../sql/migrate.ts';
import { canSignIn, type World } from '../state.ts';
import { CommandLineError, type Out, optionsOf, running } from './command-line.ts';

/** One line per setting, aligned, problems below; for a terminal. */
export function settingTable(lines: readonly SettingLine[]): string {
  const shown = lines.filter((line) => line.env !== '');
  const wide = Math.max(...shown.map((line) => line.env.length));
  const rows = shown.map((line) => {
    const value = line.source === 'not set' ? '–' : line.shown === '' ? '(empty)' : line.shown;
    return `${line.problem ? '✗' : ' '} ${line.env.padEnd(wide)}  ${line.source.padEnd(11)}  ${value}`;
  });
  const problems = lines.flatMap((line) => (line.problem ? [`✗ ${line.problem}`] : []));
  return [...rows, ...(problems.length > 0 ? ['', ...problems] : [])].join('\n');
}

const manual = `Usage: node connector/main.ts check [--mail ADDRESS]

Shows every setting, where it comes from and what is wrong with it, then tries what they lead to: the database and its key,
mail, the public addresses and their certificates, who can read the secret files, what ends within 30 days, and, with a
directory in Microsoft 365, its sign-in, the clock, the credential, permissions, role and registrations.
✓ in order   ! look at it   ✗ wrong (exit code 1)

  --mail        sends a mail to this address, which should be your own; else only the way out is tried

Nothing is changed, and no secret is shown.`;

/** What `check` looks at beside the settings. */
export interface CheckDeps {
  readonly env: Environment;
  readonly world: World;
  readonly net: Net;
  /** Permission bits of a file; undefined when there is none, or where files have no such bits. */
  readonly modeOf: (file: string) => number | undefined;
}

/**
 * Prints the settings, then tries what they lead to. Exit code 0 when nothing is wrong, 1 else, 2 when not understood.
 * Changes nothing: the database is opened only when it is there already. Without `deps`: the manual.
 */
export async function checkCommand(argv: readonly string[], deps: CheckDeps | undefined, out: Out): Promise<number> {
  if (!deps) {
    out.print(manual);
    return 0;
  }
  let code = 0;
  const understood = await running(out, manual, async () => {
    const { values, positionals } = optionsOf(argv, { mail: { type: 'string' } });
    if (positionals.length > 0)
      throw new CommandLineError(`check takes --mail alone, and “${positionals[0]}” was given.`);
    if (values.mail !== undefined && !isAddress(parseAddress(values.mail))) {
      throw new CommandLineError(`--mail is an address, not “${values.mail}”.`);
    }
    code = await check(values.mail, deps, out);
  });
  return understood || code;
}

async function check(mailTo: string | undefined, deps: CheckDeps, { print }: Out): Promise<number> {
  const { config, lines } = readConfig(deps.env, readText);
  print(settingTable(lines));
  if (!config) return 1;
  print('');
  let code = 0;
  for (const { name, run } of trials) {
    const found = await run(config, { ...deps, mailTo }).catch((error: unknown) => [
      findings(name).wrong(sentenceOf(error)),
    ]);
    for (const { mark, name, text } of found) {
      print(`${marks[mark]} ${name}: ${text}`);
      if (mark === 'wrong') code = 1;
    }
  }
  return code;
}

const marks = { ok: '✓', warn: '!', wrong: '✗' } as const satisfies Record<Finding['mark'], string>;

const readText = (path: string) => readFileSync(path, 'utf8');

type Environment = Readonly<Record<string, string | undefined>>;
interface Trial {
  readonly name: string;
  readonly run: (config: Config, deps: CheckDeps & { mailTo: string | undefined }) => Promise<readonly Finding[]>;
}

const trials: readonly Trial[] = [
  {
    name: 'Database',
    run: async ({ database, secretKey }, { world: { now }, env }) => {
      const say = findings('Database');
      const shown = shownAddress(database);
      if (database.engine === 'sqlite' && !existsSync(database.file)) {
        const problem = folderProblem(dirname(database.file));
        if (problem !== undefined) return [say.wrong(`${shown} cannot be made: ${problem}`)];
        return [say.ok(`${shown} will be made at the first start`)];
      }
      const sql = await openDatabase(database);
      try {
        const key = keyFileOf(database, env);
        if (!(await isMigrated(sql))) return [say.ok(`${shown} answers, and is empty: filled at the first start`)];
        const checked = await sql.run((tx) => readMeta(tx, 'keyCheck'));
        if (checked === undefined) return [say.ok(`${shown}, not sealed yet`)];
        const { keyring } = await openMasterKey(sql, secretKey, key);
        const audit = await verifyAudit(sql, 'default');
        if (audit.brokenAt !== undefined) return [say.wrong(`the audit chain is broken at entry ${audit.brokenAt}`)];
        if (audit.waiting && audit.waiting.changed > 0) return [say.wrong('entries of the audit record were changed')];
        const keys = await olderKeys(sql, keyring, now());
        const text = `${shown}, opens with its key, ${audit.entries} audit entries verified`;
        return [say.ok(keys === undefined ? text : `${text}; ${keys}`), ...(await checkEnds(sql, now()))];
      } finally {
        await sql.close();
      }
    },
  },
  {
    name: 'Mail',
    run: async (config, { net, world: { random, now }, mailTo }) => {
      const mail = mailOf(config, { net, now, random, readFile: readText });
      const { mailFrom: from, organisation } = config;
      const to = mailTo === undefined ? {} : { to: mailTo };
      return [await checkMail(mail, { from, organisation, now: now(), random, ...to })];
    },
  },
  {
    name: 'Certificate',
    run: async ({ tlsCert, tlsKey }, { world: { now } }) => {
      const say = findings('Certificate');
      if (!tlsCert || !tlsKey) return [say.ok('none; http on this machine, for a proxy that speaks https')];
      const certificate = new X509Certificate(readFileSync(tlsCert));
      if (!certificate.checkPrivateKey(createPrivateKey(readFileSync(tlsKey)))) {
        return [say.wrong('RR_TLS_KEY is not the key of RR_TLS_CERT')];
      }
      const renew = 'renew it, then start the connector again';
      return [endOf('Certificate', 'RR_TLS_CERT', certificate.validToDate.getTime(), now(), renew)];
    },
  },
  {
    name: 'Secret files',
    run: async (config, { env, modeOf }) =>
      checkFiles(secretFiles(env, config, keyFileOf(config.database, env)), modeOf),
  },
  {
    name: 'SCIM extensions',
    run: async ({ scimExtensions }) => {
      const found = scimExtensions === undefined ? [] : readExtensions(scimExtensions);
      const ids = found.map(({ schema }) => schema.id).join(' ');
      return [findings('SCIM extensions').ok(ids || 'none')];
    },
  },
  {
    name: 'Sign-in',
    run: async (config) => {
      const where = `browsers sign in at ${publicUrlOf(config)}`;
      return [findings('Sign-in').ok(canSignIn(config) ? where : 'browsers need https; scripts and sync work')];
    },
  },
  {
    name: 'Public address',
    run: (config, { net, world: { now } }) => checkAddresses(config, net, now()),
  },
  {
    name: 'Microsoft 365',
    run: (config, { net, world: { now, random } }) => checkEntra(config, { net, now, random, readFile: readText }),
  },
];
