// Can anybody else on this machine read a file that holds a secret?

import type { Config } from '../config.ts';
import { type Finding, findings } from './finding.ts';

/** The files in question, by the setting that names them, and the key file that the connector made itself. */
export function secretFiles(
  env: Readonly<Record<string, string | undefined>>,
  config: Pick<Config, 'clientKey' | 'tlsKey' | 'secretKey'>,
  keyFile: string | undefined,
): [setting: string, file: string][] {
  const named = Object.entries(env).filter(([name, file]) => /^RR_.*_FILE$/.test(name) && file) as [string, string][];
  if (config.clientKey !== undefined) named.push(['RR_CLIENT_KEY', config.clientKey]);
  if (config.tlsKey !== undefined) named.push(['RR_TLS_KEY', config.tlsKey]);
  if (config.secretKey === undefined && keyFile !== undefined) named.push(['Master key', keyFile]);
  return named;
}

/** @param modeOf permission bits of a file; undefined when there is none, or where files have no such bits */
export function checkFiles(
  files: readonly [string, string][],
  modeOf: (file: string) => number | undefined,
): Finding[] {
  const say = findings('Secret files');
  const there = files.flatMap(([setting, file]) => {
    const mode = modeOf(file);
    return mode === undefined ? [] : [{ setting, file, mode: mode & 0o777 }];
  });
  const open = there.filter(({ mode }) => (mode & 0o077) !== 0);
  if (open.length === 0) return there.length > 0 ? [say.ok('for this user alone')] : [];
  return open.map(({ setting, file, mode }) => {
    const octal = mode.toString(8).padStart(4, '0');
    return say.warn(`${setting}: others on this machine can use ${file} (mode ${octal}): chmod 600 ${file}`);
  });
}
