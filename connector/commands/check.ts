// `check`: every setting with its value, its source and what is wrong with it, and whether the parts answer.

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { verifyAudit } from '../audit.ts';
import { type Config, publicUrlOf, readConfig, type SettingLine } from '../config.ts';
import { olderKeys } from '../key-rotation.ts';
import { mailTransport } from '../mail/transports.ts';
import { keyFileOf, openMasterKey } from '../master-key.ts';
import { folderProblem } from '../place.ts';
import { readExtensions } from '../scim/extension-file.ts';
import { readMeta } from '../sql/migrate.ts';
import { openSqlite } from '../sql/sqlite.ts';
import { canSignIn, type World } from '../state.ts';

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

/**
 * Prints the settings, then tries what they lead to. Exit code 0 when everything is in order, 1 else.
 * Changes nothing: the database is opened only when it is there already.
 */
export async function checkCommand(env: Environment, world: World, print: (line: string) => void): Promise<number> {
  const { config, lines } = readConfig(env, (path) => readFileSync(path, 'utf8'));
  print(settingTable(lines));
  if (!config) return 1;
  print('');
  let code = 0;
  for (const { name, run } of trials) {
    const result = await run(config, world, env).catch((error: unknown) => ({ ok: false, text: sentence(error) }));
    print(`${result.ok ? '✓' : '✗'} ${name}: ${result.text}`);
    if (!result.ok) code = 1;
  }
  return code;
}

type Environment = Readonly<Record<string, string | undefined>>;
interface Trial {
  readonly name: string;
  readonly run: (config: Config, world: World, env: Environment) => Promise<{ ok: boolean; text: string }>;
}

function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const trials: readonly Trial[] = [
  {
    name: 'Database',
    run: async ({ database, secretKey }, { now }, env) => {
      if (!existsSync(database)) {
        const problem = folderProblem(dirname(database));
        if (problem !== undefined) return { ok: false, text: `${database} cannot be made: ${problem}` };
        return { ok: true, text: `${database} will be made at the first start` };
      }
      const sql = openSqlite(database);
      try {
        const key = keyFileOf(database, env);
        const checked = await sql.run((tx) => readMeta(tx, 'keyCheck'));
        if (checked === undefined) return { ok: true, text: `${database}, not sealed yet` };
        const { keyring } = await openMasterKey(sql, secretKey, key);
        const audit = await verifyAudit(sql, 'default');
        if (audit.brokenAt !== undefined)
          return { ok: false, text: `the audit chain is broken at entry ${audit.brokenAt}` };
        const keys = await olderKeys(sql, keyring, now());
        const text = `${database}, opens with its key, ${audit.entries} audit entries verified`;
        return { ok: true, text: keys === undefined ? text : `${text}; ${keys}` };
      } finally {
        await sql.close();
      }
    },
  },
  {
    name: 'Mail',
    run: async (config, { random, now }) => {
      const mail = mailTransport(config.mail.reveal(), { random, now });
      try {
        const answer = await mail.verify();
        return answer.ok ? { ok: true, text: 'the way out is open' } : { ok: false, text: answer.why };
      } finally {
        await mail.close();
      }
    },
  },
  {
    name: 'Certificate',
    run: async ({ tlsCert, tlsKey }, { now }) => {
      if (!tlsCert || !tlsKey) return { ok: true, text: 'none; http on this machine, for a proxy that speaks https' };
      const certificate = new X509Certificate(readFileSync(tlsCert));
      if (!certificate.checkPrivateKey(createPrivateKey(readFileSync(tlsKey)))) {
        return { ok: false, text: 'RR_TLS_KEY is not the key of RR_TLS_CERT' };
      }
      const days = Math.floor((certificate.validToDate.getTime() - now()) / 86_400_000);
      return { ok: days > 0, text: days > 0 ? `valid for ${days} more days` : 'has expired' };
    },
  },
  {
    name: 'SCIM extensions',
    run: async ({ scimExtensions }) => {
      const found = scimExtensions === undefined ? [] : readExtensions(scimExtensions);
      return { ok: true, text: found.length > 0 ? found.map(({ schema }) => schema.id).join(' ') : 'none' };
    },
  },
  {
    name: 'Sign-in',
    run: async (config) => ({
      ok: true,
      text: canSignIn(config)
        ? `browsers sign in at ${publicUrlOf(config)}`
        : 'browsers need https; scripts and sync work',
    }),
  },
];
