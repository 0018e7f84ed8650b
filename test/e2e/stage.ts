// A real browser with the practice build of the extension, in front of the practice admin center.

import { fileURLToPath } from 'node:url';
import type { Browser, CDPSession, Page, WebWorker } from 'puppeteer-core';
import { practiceId } from '../../extension/identity.ts';
import { type StartedBrowser, startBrowser } from '../browser.ts';
import type { PortalPerson } from '../portal/page/people.ts';
import { portalHosts, startPortal } from '../portal/portal.ts';
import { buildExtension } from '../practice/build.ts';
import { certificate } from '../practice/certificate.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const connector = 'https://127.0.0.1:8787';

/** Where the throw-away certificate of the tests lies; made once. */
export const tlsFolder = fileURLToPath(new URL('../../.output/test-tls', import.meta.url));

/** People enough for a screen, with names that break things. */
export const people: readonly PortalPerson[] = [
  'Ada Lovelace',
  'Alan Turing',
  'Barbara Liskov',
  'Edsger W. Dijkstra',
  'Frances “Fran” Allen',
  'Grace Hopper',
  'İbrahim Çelik',
  'Jean-Baptiste d’Alembert de la Fontaine-Montmorency',
  'Katherine Johnson & Co',
  'Mary Ann O’Neill',
  'Ömer Şahin',
  'Radia Perlman',
  'יעל כהן',
  '李小龍',
].map((displayName, index) => ({
  id: `11111111-1111-4111-8111-${String(index).padStart(12, '0')}`,
  displayName,
  userPrincipalName: `person.${index}@contoso.example`,
  ...(index % 3 === 0 ? {} : { licenses: 'Microsoft 365 E3' }),
}));

export interface Stage {
  readonly browser: Browser;
  /** Opens the list: `rows=5000`, `keyless=1`, `all=1`. */
  open(query?: string, route?: string): Promise<Page>;
  /** What the extension keeps for its dialogs, from its background. */
  kept(): Promise<{ hint: Record<string, string>; windowId?: number }[]>;
  /** Ends the background, as the browser does after 30 idle seconds. */
  evict(): Promise<void>;
  /** Puts the extension in once more, as an update does: open pages keep scripts that have lost their extension. */
  update(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Builds what is missing and starts all of it.
 * @param hosts that others than the portal answer for: their ports
 */
export async function startStage(hosts: Readonly<Record<string, number>> = {}): Promise<Stage> {
  const extension = await buildExtension(root, { browser: 'chrome', connector });
  const tls = await certificate(tlsFolder);
  const portal = await startPortal({ people, ...tls });
  let started: StartedBrowser;
  try {
    started = await startBrowser({
      extension,
      spki: tls.spki,
      hosts: { ...Object.fromEntries(portalHosts.map((host) => [host, portal.port])), ...hosts },
      headless: true,
      viewport: { width: 1360, height: 900 },
    });
  } catch (error) {
    await portal.close();
    throw error;
  }
  const { browser } = started;

  async function background(): Promise<WebWorker> {
    const target = await browser.waitForTarget(
      (each) => each.type() === 'service_worker' && each.url().includes(practiceId),
      { timeout: 10_000 },
    );
    const worker = await target.worker();
    if (!worker) throw new Error('the background has no worker');
    return worker;
  }

  return {
    browser,
    async open(query = '', route = '#/users') {
      const page = await browser.newPage();
      await page.evaluateOnNewDocument(watchPaints, { button: '.rr-reset', row: '[data-automationid="DetailsRow"]' });
      await page.goto(`https://admin.cloud.microsoft/?${query}${route}`);
      if (route === '#/users') await page.waitForSelector('[data-automationid="DetailsRow"]');
      return page;
    },
    async kept() {
      const all = (await (await background()).evaluate('chrome.storage.session.get(null)')) as Record<string, never>;
      return Object.values(all);
    },
    async evict() {
      await (await background()).close();
    },
    async update() {
      await browser.installExtension(extension);
    },
    async close() {
      await started.close();
      await portal.close();
    },
  };
}

declare global {
  interface Window {
    /** Of every row and frame painted since the page began: how many rows, and how many without just one button. */
    painted: { rows: number; without: number; double: number; frames: number };
  }
}

/**
 * Runs in the page: counts, in every frame, after layout and right before paint, the rows on the screen without a button.
 * A ResizeObserver is called just then, if something's size changes in each frame.
 */
function watchPaints(selectors: { button: string; row: string }): void {
  window.painted = { rows: 0, without: 0, double: 0, frames: 0 };
  const probe = document.createElement('div');
  probe.style.cssText = 'position:fixed;inset:auto auto 0 0;height:1px;pointer-events:none;visibility:hidden';
  let wide = false;
  const look = () => {
    if (!/^#\/users(?![^/?])/i.test(location.hash)) return;
    window.painted.frames++;
    for (const row of document.querySelectorAll(selectors.row)) {
      const { top, bottom } = row.getBoundingClientRect();
      if (bottom < 0 || top > innerHeight) continue;
      const buttons = row.querySelectorAll(selectors.button).length;
      window.painted.rows++;
      if (buttons === 0) window.painted.without++;
      if (buttons > 1) window.painted.double++;
    }
  };
  const frame = () => {
    if (document.body && !probe.isConnected) {
      document.documentElement.append(probe);
      new ResizeObserver(look).observe(probe);
    }
    wide = !wide;
    probe.style.width = wide ? '2px' : '1px';
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}

/** Waits until the page has painted twice. */
export async function settle(page: Page): Promise<void> {
  await page.evaluate(
    () => new Promise<void>((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve()))),
  );
}

/** Rows on the page as they are: the person's name as the page shows it, and the labels of the buttons in the row. */
export function rowsOf(page: Page): Promise<{ name: string; labels: (string | null)[] }[]> {
  return page.$$eval('[data-automationid="DetailsRow"]', (rows) =>
    rows.map((row) => ({
      name: row.querySelector('[data-automation-key="DisplayName"] [role="button"]')?.textContent ?? '',
      labels: [...row.querySelectorAll('.rr-reset')].map((button) => button.getAttribute('aria-label')),
    })),
  );
}

/** Jumps down the list; after each jump waits until rows are on the screen again, and two frames more. */
export function jump(page: Page, jumps = 40, pixels = 1500): Promise<void> {
  return page.evaluate(
    async (count, by) => {
      const list = document.querySelector('.list');
      const painted = () => new Promise((resolve) => requestAnimationFrame(resolve));
      const shows = () => {
        const { left, top, height } = list?.getBoundingClientRect() ?? new DOMRect();
        return !!document.elementFromPoint(left + 200, top + height / 2)?.closest('[data-automationid="DetailsRow"]');
      };
      for (let step = 0; list && step < count; step++) {
        list.scrollTop += by;
        for (let frame = 0; frame < 60 && (frame === 0 || !shows()); frame++) await painted();
        await painted();
        await painted();
      }
    },
    jumps,
    pixels,
  );
}

/** The microseconds that code of one script, and what it called, took while `work` went on. */
export async function profile(page: Page, script: string, work: () => Promise<void>): Promise<number> {
  const client: CDPSession = await page.createCDPSession();
  await client.send('Profiler.enable');
  await client.send('Profiler.setSamplingInterval', { interval: 100 });
  await client.send('Profiler.start');
  await work();
  const { profile: taken } = await client.send('Profiler.stop');
  await client.detach();
  const nodes = new Map(taken.nodes.map((node) => [node.id, node]));
  const ours = new Set<number>();
  const visit = (id: number, within: boolean): void => {
    const node = nodes.get(id);
    if (!node) return;
    const own = within || node.callFrame.url.endsWith(script);
    if (own) ours.add(id);
    for (const child of node.children ?? []) visit(child, own);
  };
  visit(taken.nodes[0]?.id ?? 0, false);
  const deltas = taken.timeDeltas ?? [];
  return (taken.samples ?? []).reduce((sum, id, index) => sum + (ours.has(id) ? (deltas[index] ?? 0) : 0), 0);
}
