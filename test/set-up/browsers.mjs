// The browsers that the product is shown and tested in: found where people have them, or installed on Debian.

import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { lastLines, run } from './children.mjs';
import { Trouble } from './trouble.mjs';

/**
 * A browser by its family. `variable` names the setting that overrules the search, `debian` the package to install.
 * @typedef {{ title: string, variable: string, names: string[], mac: string[], windows: string[], debian: string }} Family
 */

export const chromium = /** @type {const} @satisfies {Family} */ ({
  title: 'Chromium, Chrome or Edge',
  variable: 'RR_BROWSER',
  names: [
    'chromium',
    'chromium-browser',
    'google-chrome-stable',
    'google-chrome',
    'microsoft-edge-stable',
    'microsoft-edge',
  ],
  mac: ['Chromium', 'Google Chrome', 'Microsoft Edge'],
  windows: [
    'Chromium/Application/chrome.exe',
    'Google/Chrome/Application/chrome.exe',
    'Microsoft/Edge/Application/msedge.exe',
  ],
  debian: 'chromium',
});

export const firefox = /** @type {const} @satisfies {Family} */ ({
  title: 'Firefox',
  variable: 'RR_FIREFOX',
  names: ['firefox-esr', 'firefox'],
  mac: ['Firefox'],
  windows: ['Mozilla Firefox/firefox.exe'],
  debian: 'firefox-esr',
});

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * The path of an installed browser of this family.
 * @param {Family} family
 * @param {NodeJS.ProcessEnv} [env]
 * @param {NodeJS.Platform} [platform]
 * @returns {string | undefined}
 * @throws {Trouble} when the variable names a browser that is not there
 */
export function findBrowser(family, env = process.env, platform = process.platform) {
  const named = env[family.variable];
  if (named) {
    if (isExecutable(named)) return named;
    throw new Trouble(`${family.variable} names ${named}, and there is no program there.`);
  }
  const places = {
    darwin: () =>
      family.mac.map((app) => `/Applications/${app}.app/Contents/MacOS/${app === 'Firefox' ? 'firefox' : app}`),
    win32: () =>
      [env.PROGRAMFILES, env['PROGRAMFILES(X86)'], env.LOCALAPPDATA].flatMap((folder) =>
        folder ? family.windows.map((program) => join(folder, program)) : [],
      ),
  };
  const onPath = () =>
    family.names.flatMap((name) =>
      (env.PATH ?? '')
        .split(delimiter)
        .filter(Boolean)
        .map((folder) => join(folder, name)),
    );
  const candidates = platform === 'darwin' || platform === 'win32' ? places[platform]() : onPath();
  return candidates.find(isExecutable);
}

/**
 * What a person can do when the browser is missing and we may not install it: one line.
 * @param {readonly Family[]} families
 */
export function instruction(families) {
  const titles = families.map((family) => family.title).join(' and no ');
  const variables = families.map((family) => family.variable).join(' and ');
  const packages = families.map((family) => family.debian).join(' ');
  return (
    `No ${titles} was found. Install it (on Debian: sudo apt-get install ${packages}), ` +
    `or name the program in ${variables}, and start again.`
  );
}

/**
 * The command prefix with which this account may install packages: none for root, sudo where it asks nothing.
 * @returns {Promise<string[] | undefined>} undefined: it may not
 */
export async function mayInstall() {
  if (process.platform !== 'linux' || !['/usr/bin/apt-get', '/bin/apt-get'].some(existsSync)) return undefined;
  if (process.getuid?.() === 0) return [];
  const { status } = await run('sudo', ['-n', 'true']);
  return status === 0 ? ['sudo', '-n'] : undefined;
}

/** Without any font a browser draws boxes; without a plain one our pages look like a terminal. */
const fonts = 'fonts-liberation';

/**
 * Installs browsers from Debian's packages: fetched first, which Ctrl-C may interrupt, then unpacked, which it may not.
 * @param {readonly Family[]} families
 * @param {readonly string[]} prefix what {@link mayInstall} found
 * @param {(line: string) => void} say
 * @throws {Trouble} with the one-line instruction when apt fails; {@link Stopped} on a signal
 */
export async function installBrowsers(families, prefix, say) {
  const packages = [...families.map((family) => family.debian), fonts];
  const apt = async (/** @type {string[]} */ args, unstoppable = false) => {
    const options = ['-q', '-y', '-o', 'DPkg::Lock::Timeout=120', '-o', 'Acquire::Retries=3'];
    const [command = 'env', ...rest] = [
      ...prefix,
      'env',
      'DEBIAN_FRONTEND=noninteractive',
      'apt-get',
      ...options,
      ...args,
    ];
    const onHold = () => say('Stopping as soon as the packages are unpacked, so that the system stays whole.');
    const { status, output } = await run(command, rest, { unstoppable, onHold });
    if (status !== 0) throw new Trouble(`${instruction(families)} apt-get ${args[0]} said:`, lastLines(output));
  };
  await apt(['update']);
  await apt(['install', '--no-install-recommends', '--download-only', ...packages]);
  await apt(['install', '--no-install-recommends', '--no-download', ...packages], true);
  if (families.some((family) => !findBrowser(family))) throw new Trouble(instruction(families));
}
