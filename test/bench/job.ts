// What the job costs on this machine: connector cold start and idle memory, dialog ready after the click, and from
// "Reset & send" to the mail server's acceptance on loopback. Run: npm run bench:job

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dialogPages, startBrowser } from '../browser.ts';
import { cast, people, roles } from '../people.ts';
import * as act from '../practice/acts.ts';
import { buildExtension } from '../practice/build.ts';
import { startPractice } from '../practice/practice.ts';
import { freePort, installation, startServing } from '../serving.ts';

const root = new URL('../..', import.meta.url).pathname;
const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const told = (what: string, values: number[], unit: string) =>
  console.log(
    `${what.padEnd(52)} median ${median(values).toFixed(0)} ${unit} (${values.map((v) => v.toFixed(0)).join(', ')})`,
  );

async function coldStart(rounds: number): Promise<void> {
  const here = installation();
  const starts: number[] = [];
  const memory: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const port = await freePort();
    const since = performance.now();
    const serving = await startServing(here.env, port);
    starts.push(performance.now() - since);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const status = await readFile(`/proc/${serving.child.pid}/status`, 'utf8').catch(() => '');
    memory.push(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) / 1024);
    await serving.end();
  }
  here.remove();
  told('connector: process start to /readyz', starts, 'ms');
  told('connector: resident memory, idle', memory, 'MiB');
}

async function clicks(rounds: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'rr-bench-'));
  const extension = await buildExtension(root, { browser: 'chrome', connector: 'https://127.0.0.1:8787' });
  await using practice = await startPractice({ root, folder, port: await freePort(), inboxPort: 0, say: () => {} });
  const { hosts, certificate, connector, organisation } = practice;
  const started = await startBrowser({ extension, hosts, spki: certificate.spki, headless: true, locale: 'en-GB' });
  const { browser } = started;
  try {
    const worker = await browser.waitForTarget((each) => each.type() === 'service_worker');
    await (await worker.worker())?.evaluate(`chrome.storage.local.set({ connector: '${connector.url}' })`);
    const users = await act.openUsers(browser);
    const targets = people.filter(
      (one) => one.active && one.emails.length === 2 && !roles.some(({ user }) => user === one),
    );
    const ready: number[] = [];
    const accepted: number[] = [];
    for (const person of targets.slice(0, rounds)) {
      const { displayName } = person;
      if (people.filter((one) => one.displayName === displayName).length > 1) continue;
      const clicked = performance.now();
      const dialog = await act.openDialog(browser, users, displayName);
      ready.push(performance.now() - clicked);
      if ((await act.untilStep(dialog, 'signIn', 'form')) === 'signIn') {
        const button = await dialog.waitForSelector('[data-testid="sign-in"], [data-testid="form"]', {
          timeout: 15_000,
        });
        if ((await button?.evaluate((one) => (one as HTMLElement).dataset.testid)) === 'sign-in') {
          const { userName } = cast.globalAdmin;
          await act.signIn(browser, dialog, connector.url, {
            userName,
            password: organisation.passwords[userName] ?? '',
          });
        }
      }
      await act.untilStep(dialog, 'form');
      await dialog.bringToFront();
      // The dialog wants to have been in sight for half a second before anything irrevocable.
      await new Promise((resolve) => setTimeout(resolve, 800));
      const sent = performance.now();
      await dialog.click('[data-testid="send"]');
      await act.untilRung(dialog, 'accepted');
      accepted.push(performance.now() - sent);
      for (const page of await dialogPages(browser)) await page.close();
      for (let tries = 0; tries < 50 && (await dialogPages(browser)).length > 0; tries++) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      await users.bringToFront();
    }
    told('click on the row’s button to the dialog’s first screen', ready, 'ms');
    told('"Reset & send" to the rung "accepted by a mail server"', accepted, 'ms');
  } finally {
    await started.close();
    await rm(folder, { recursive: true, force: true });
  }
}

if (!process.argv.includes('clicks')) await coldStart(5);
await clicks(10);
