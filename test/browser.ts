// Finds a real browser and starts it with the built extension: for `npm start` with a window, for the tests without one.
// It meets the portals' hosts on loopback and nothing else: every other name leads nowhere.

import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import { geckoId } from '../extension/identity.ts';
import { type HostProxy, startHostProxy } from './host-proxy.ts';

const chromiums = [
  'chromium',
  'chromium-browser',
  'google-chrome-stable',
  'google-chrome',
  'microsoft-edge-stable',
  'microsoft-edge',
];
const firefoxes = ['firefox-esr', 'firefox'];

const elsewhere = {
  chromium: [
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge',
    'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
    'C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe',
  ],
  firefox: ['/Applications/Firefox.app/Contents/MacOS/firefox', 'C:\\Program Files\\Mozilla Firefox\\firefox.exe'],
};

function find(wanted: string | undefined, names: readonly string[], paths: readonly string[]): string | undefined {
  if (wanted) return existsSync(wanted) ? wanted : undefined;
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return [...names.flatMap((name) => folders.map((folder) => join(folder, name))), ...paths].find(existsSync);
}

/** Path of a Chromium, Chrome or Edge; `RR_BROWSER` decides where it is set. Undefined: there is none. */
export function findBrowser(): string | undefined {
  return find(process.env.RR_BROWSER, chromiums, elsewhere.chromium);
}

/** Path of a Firefox; `RR_FIREFOX` decides where it is set. Undefined: there is none. */
export function findFirefox(): string | undefined {
  return find(process.env.RR_FIREFOX, firefoxes, elsewhere.firefox);
}

export interface BrowserOptions {
  /** Folder of the built, unpacked extension. */
  readonly extension: string;
  /** Which port of 127.0.0.1 answers for a host. */
  readonly hosts: Readonly<Record<string, number>>;
  readonly headless: boolean;
  /** The page's and the windows' size in CSS pixels; absent: the browser's own. */
  readonly viewport?: { readonly width: number; readonly height: number };
  /** Language of the browser, BCP 47. */
  readonly locale?: string;
  /** Folder of the profile; absent: a throw-away one. */
  readonly profile?: string;
  /** Program; absent: the first that is found. */
  readonly executable?: string;
}

/** Whoever starts a browser ends it: puppeteer would leave the process at Ctrl-C, with everything else still running. */
const signals = { handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false } as const;

export interface StartedBrowser {
  readonly browser: Browser;
  /** Chromium: the extension's id. Firefox: its add-on id. */
  readonly extensionId: string;
  /** Closes it and removes a throw-away profile. */
  close(): Promise<void>;
}

/** A browser couldn't be started: the message says what to do. */
export class BrowserError extends Error {
  override readonly name = 'BrowserError';
}

async function profileFolder(given: string | undefined): Promise<{ folder: string; remove(): Promise<void> }> {
  if (given) return { folder: given, remove: async () => {} };
  const folder = await mkdtemp(join(tmpdir(), 'reset-and-resend-'));
  return { folder, remove: () => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }) };
}

/**
 * Starts Chromium, Chrome or Edge with the extension.
 * @param options.spki base64 SHA-256 of the certificates' public keys: these, and no others, are accepted unsigned
 * @throws BrowserError when there is none
 */
export async function startBrowser(options: BrowserOptions & { readonly spki: string }): Promise<StartedBrowser> {
  const executablePath = options.executable ?? findBrowser();
  if (!executablePath) {
    throw new BrowserError(
      'No Chromium, Chrome or Edge was found. Install one, or set RR_BROWSER to its program file.',
    );
  }
  const profile = await profileFolder(options.profile);
  const rules = Object.entries(options.hosts).map(([host, port]) => `MAP ${host} 127.0.0.1:${port}`);
  // Root, as in a container, has no sandbox to offer.
  const asRoot = process.getuid?.() === 0;
  try {
    const browser = await puppeteer.launch({
      executablePath,
      userDataDir: profile.folder,
      headless: options.headless,
      // A pipe, because the debugger may load an extension only through one; branded Chrome has no other way left.
      pipe: true,
      enableExtensions: true,
      defaultViewport: null,
      ...signals,
      args: [
        `--host-resolver-rules=${[...rules, 'MAP * ~NOTFOUND', 'EXCLUDE 127.0.0.1'].join(', ')}`,
        `--ignore-certificate-errors-spki-list=${options.spki}`,
        '--no-default-browser-check',
        '--disable-component-update',
        '--disable-domain-reliability',
        '--no-pings',
        // As large as a desk's, so that no window is cut to the 800 by 600 of a headless browser.
        // A person's window needn't warn of these very flags.
        options.headless ? '--screen-info={1920x1200}' : '--test-type',
        ...(options.viewport ? [`--window-size=${options.viewport.width},${options.viewport.height}`] : []),
        ...(options.locale ? [`--lang=${options.locale}`, `--accept-lang=${options.locale}`] : []),
        ...(asRoot ? ['--no-sandbox'] : []),
      ],
      env: { ...process.env, ...(options.locale ? { LANGUAGE: options.locale.replace('-', '_') } : {}) },
      // A person's window needn't say that it is under control.
      ignoreDefaultArgs: options.headless ? [] : ['--enable-automation'],
    });
    const extensionId = await browser.installExtension(options.extension);
    return {
      browser,
      extensionId,
      async close() {
        await browser.close();
        await profile.remove();
      },
    };
  } catch (error) {
    await profile.remove();
    throw error;
  }
}

/**
 * Starts Firefox with the extension, over WebDriver BiDi, always without a window of its own.
 * Names reach their ports through a proxy, because Firefox has no rules for its resolver.
 */
export async function startFirefox(options: BrowserOptions): Promise<StartedBrowser> {
  const executablePath = options.executable ?? findFirefox();
  if (!executablePath) {
    throw new BrowserError('No Firefox was found. Install it, or set RR_FIREFOX to its program file.');
  }
  const profile = await profileFolder(options.profile);
  let proxy: HostProxy | undefined;
  try {
    proxy = await startHostProxy(options.hosts);
    const browser = await puppeteer.launch({
      browser: 'firefox',
      executablePath,
      userDataDir: profile.folder,
      headless: options.headless,
      acceptInsecureCerts: true,
      defaultViewport: null,
      ...signals,
      args: options.viewport ? [`--width=${options.viewport.width}`, `--height=${options.viewport.height}`] : [],
      extraPrefsFirefox: {
        'network.proxy.type': 1,
        'network.proxy.ssl': '127.0.0.1',
        'network.proxy.ssl_port': proxy.port,
        'network.proxy.http': '127.0.0.1',
        'network.proxy.http_port': proxy.port,
        'network.proxy.no_proxies_on': '127.0.0.1',
        ...(options.locale ? { 'intl.accept_languages': options.locale } : {}),
      },
    });
    const extensionId = await browser.installExtension(options.extension);
    return {
      browser,
      extensionId: extensionId || geckoId,
      async close() {
        await browser.close();
        await proxy?.close();
        await profile.remove();
      },
    };
  } catch (error) {
    await proxy?.close();
    await profile.remove();
    throw error;
  }
}

/** The dialog's page, once its window is open. */
export async function dialogPage(browser: Browser, timeout = 10_000): Promise<Page> {
  for (const until = Date.now() + timeout; ; ) {
    const [page] = await dialogPages(browser);
    if (page) return page;
    if (Date.now() > until) throw new BrowserError('The dialog’s window did not open.');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The dialogs' pages that are open now. */
export async function dialogPages(browser: Browser): Promise<Page[]> {
  const pages = await browser.pages();
  const addresses = await Promise.all(pages.map(addressOf));
  return pages.filter((_, index) => /^(?:chrome|moz)-extension:\/\/[^/]+\/dialog\.html/.test(addresses[index] ?? ''));
}

/** Where a page is. Firefox tells nobody that a window has gone to a page of an extension; the page itself does. */
export async function addressOf(page: Page): Promise<string> {
  const told = page.url();
  return told === 'about:blank' ? page.evaluate(() => location.href).catch(() => told) : told;
}
