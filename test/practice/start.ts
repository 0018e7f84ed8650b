// `npm start`: the practice, and a real browser on it: with a window for a person, or headless for the tour.

import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BrowserError, startBrowser } from '../browser.ts';
import { cast } from '../people.ts';
import { Stopped, signalStatus, stopSignals } from '../set-up/children.mjs';
import { Trouble } from '../set-up/trouble.mjs';
import { buildExtension } from './build.ts';
import { parsePort } from './ports.ts';
import { type Practice, startPractice, usersPage } from './practice.ts';
import { playTour } from './tour.ts';

const root = resolve(fileURLToPath(new URL('../..', import.meta.url)));
const say = (line: string) => console.log(line);

interface Options {
  readonly port: number;
  readonly inboxPort: number;
  readonly headless: boolean;
  readonly once: boolean;
  readonly fresh: boolean;
}

function readOptions(argv: string[]): Options {
  try {
    const { values } = parseArgs({
      args: argv,
      options: {
        headless: { type: 'boolean', default: false },
        once: { type: 'boolean', default: false },
        fresh: { type: 'boolean', default: false },
        port: { type: 'string', default: '8787' },
        'inbox-port': { type: 'string' },
      },
    });
    const hasDisplay =
      process.platform === 'darwin' ||
      process.platform === 'win32' ||
      Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);
    const port = parsePort(values.port, '--port');
    const given = values['inbox-port'];
    const inboxPort = given === undefined ? (port < 65_535 ? port + 1 : port - 1) : parsePort(given, '--inbox-port');
    if (inboxPort === port) throw new Trouble('--port and --inbox-port can’t be the same.');
    return {
      ...{ port, inboxPort },
      headless: values.headless || values.once || !hasDisplay,
      once: values.once,
      fresh: values.fresh,
    };
  } catch (error) {
    if (error instanceof Trouble) throw error;
    const what = error instanceof Error ? error.message : String(error);
    throw new Trouble(`${what.replace(/\.?$/, '.')} “npm start -- --help” shows the options.`);
  }
}

/** Where everything is, and who may sign in with what. */
function summary({ connector, inbox, organisation }: Practice): string {
  const accounts = [
    [cast.globalAdmin.userName, 'Global Administrator'],
    [cast.passwordAdmin.userName, 'Password Administrator'],
    [cast.noRole.userName, 'no role'],
  ] as const;
  const passwordOf = (userName: string) => organisation.passwords[userName] ?? '';
  return [
    '',
    `  Admin center  ${usersPage}  (in the practice browser only)`,
    `  Inbox         ${inbox.url}`,
    `  Connector     ${connector.url}`,
    '',
    ...accounts.map(([name, role], index) => {
      const label = index === 0 ? 'Sign in as' : '';
      return `  ${label.padEnd(12)}  ${name.padEnd(30)}  ${role.padEnd(22)}  ${passwordOf(name)}`;
    }),
    '',
  ].join('\n');
}

/** Until a stop signal; rejects with Stopped. */
function untilStopped(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** Waits for something that is being started and takes charge of its end, be it too late already. */
async function adopt<T>(own: AsyncDisposableStack, starting: Promise<T>, end: (thing: T) => Promise<void>): Promise<T> {
  const thing = await starting;
  if (own.disposed) {
    await end(thing);
    throw stop.signal.reason;
  }
  own.defer(() => end(thing));
  return thing;
}

/** @returns the exit status */
async function start(options: Options, own: AsyncDisposableStack, signal: AbortSignal): Promise<number> {
  const begun = performance.now();
  const folder = join(root, 'data', 'practice');
  const origin = `https://127.0.0.1:${options.port}`;
  const building = buildExtension(root, { browser: 'chrome', connector: origin });
  // Awaited below; a failure in between is told there.
  building.catch(() => {});
  const { port, inboxPort, fresh } = options;
  const starting = startPractice({ root, folder, port, inboxPort, fresh, say, signal });
  const practice = await adopt(own, starting, async (started) => started[Symbol.asyncDispose]());
  const extension = await building;
  signal.throwIfAborted();
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  say(`Reset & Resend is running, on this computer only (${seconds} s).`);
  say(summary(practice));

  const { hosts, certificate } = practice;
  const { browser } = await adopt(
    own,
    startBrowser({
      ...{ extension, hosts, spki: certificate.spki, headless: options.headless },
      ...(options.headless ? { locale: 'en-GB' } : {}),
    }),
    (started) => started.close(),
  );
  signal.throwIfAborted();

  if (!options.headless) {
    const [first] = await browser.pages();
    const inboxPage = await browser.newPage();
    await inboxPage.goto(practice.inbox.url);
    const page = first ?? (await browser.newPage());
    await page.goto(usersPage);
    await page.bringToFront();
    say('A browser window is open on the admin center, with the inbox in its second tab.');
    say('Close it, or press Ctrl-C here, to end.');
    await new Promise<void>((resolve) => browser.once('disconnected', () => resolve()));
    signal.throwIfAborted();
    say('The browser was closed; everything is stopped.');
    return 0;
  }

  const worked = await playTour({
    practice,
    browser,
    folder: join(root, 'data', 'tour'),
    say,
    signal,
  });
  if (options.once || !worked) return worked ? 0 : 1;
  say('Serving on; press Ctrl-C to end.');
  return untilStopped(signal);
}

const stop = new AbortController();
let firstStop = 0;
for (const name of stopSignals) {
  process.on(name, () => {
    // npm and the set-up pass on what the terminal has sent already; only a person asks again a second later.
    if (stop.signal.aborted && performance.now() - firstStop > 1000) process.exit(signalStatus(name));
    if (!stop.signal.aborted) firstStop = performance.now();
    stop.abort(new Stopped(name));
  });
}
const own = new AsyncDisposableStack();
let work: Promise<number> | undefined;
try {
  work = start(readOptions(process.argv.slice(2)), own, stop.signal);
  process.exitCode = await Promise.race([work, untilStopped(stop.signal)]);
} catch (error) {
  if (error instanceof Stopped) {
    console.log('\nStopped.');
    process.exitCode = signalStatus(error.signal);
  } else if (error instanceof Trouble || error instanceof BrowserError) {
    console.error(error.message);
    if (error instanceof Trouble && error.details) console.error(error.details.replace(/^/gm, '  | '));
    process.exitCode = 1;
  } else throw error;
} finally {
  await own.disposeAsync();
  // What was being started when the signal came ends itself (adopt).
  await Promise.race([work?.catch(() => {}), wait(15_000, undefined, { ref: false })]);
}
process.exit();
