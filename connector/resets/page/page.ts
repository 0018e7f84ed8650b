// The one-time page's beginning: takes the secret out of the address bar, keeps it in this tab until it is done, and
// draws one screen after the other.

import { codeLength, parseFragment, toBase64url } from '../../../shared/link.ts';
import { type Locale, localeNames, locales, pickLocale } from '../../../shared/locale.ts';
import { linkWords } from '../../../shared/messages/link.ts';
import { h, on } from './element.ts';
import { alarm, finish, firstScreen, open, readCode, readVisit, type Screen, type Visit, writeVisit } from './flow.ts';
import { passwordScreen } from './password-screen.ts';
import { screenNodes } from './screens.ts';

const deps = { fetch: (input: RequestInfo | URL, init?: RequestInit) => fetch(input, init), patience: 20_000 };
/** Milliseconds between looks while the password is being changed, and how many there are. */
const [lookEvery, looks] = [3000, 40];

const id = location.pathname.split('/')[2] ?? '';
const place = `reset-and-resend:${id}`;

/** Storage may be switched off; the page then lives in memory alone. */
const store = {
  read: () => {
    try {
      return sessionStorage.getItem(place);
    } catch {
      return null;
    }
  },
  write: (visit: Visit | undefined) => {
    try {
      if (visit) sessionStorage.setItem(place, writeVisit(visit));
      else sessionStorage.removeItem(place);
    } catch {
      // a refresh then begins anew, with the link from the mail
    }
  },
};

/** The visit as the address and this tab's memory tell it. The fragment leaves the address bar at once. */
function visitNow(): Visit {
  const kept = readVisit(store.read(), id);
  const fragment = parseFragment(location.hash);
  if (location.hash) history.replaceState(null, '', location.pathname);
  const holder = kept?.holder ?? toBase64url(crypto.getRandomValues(new Uint8Array(32)));
  const unknown = { id, holder, pin: false, credential: 'password', locale: pickLocale(navigator.languages) } as const;
  const first: Visit = kept ?? unknown;
  const visit = fragment ? { ...first, ...fragment } : first;
  store.write(visit);
  return visit;
}

let visit = visitNow();
let screen: Screen = firstScreen(visit);
/** What "Try again" does. */
let again: () => Promise<Screen> = async () => firstScreen(visit);
let busy = false;
let hideTimer: ReturnType<typeof setInterval> | undefined;
let lookTimer: ReturnType<typeof setTimeout> | undefined;
let looked = 0;
/** Client time at which the lease ends. */
let hideAt = 0;

const main = document.getElementById('screen') as HTMLElement;
const foot = document.getElementById('foot') as HTMLElement;
const status = document.getElementById('status') as HTMLElement;

/** The words for what this link shows, in the language that is chosen. */
const words = () => linkWords(visit.locale, visit.credential);

/** Said to those who listen; the same words twice are said twice. */
function say(text: string): void {
  status.textContent = '';
  requestAnimationFrame(() => {
    status.textContent = text;
  });
}

/** The variety of the language that the person's browser prefers, for times. */
const variety = (locale: Locale) => navigator.languages.find((tag) => tag.toLowerCase().startsWith(locale)) ?? locale;

function time(at: number): string {
  const sameDay = new Date(at).toDateString() === new Date().toDateString();
  const day = sameDay ? {} : ({ day: 'numeric', month: 'long' } as const);
  return new Intl.DateTimeFormat(variety(visit.locale), { ...day, hour: 'numeric', minute: '2-digit' }).format(at);
}

function nodes(): Node[] {
  const { locale, credential } = visit;
  if (screen.name === 'password') {
    const copy = (text: string) => navigator.clipboard.writeText(text);
    return passwordScreen(locale, screen, {
      done: () => run(() => finish(deps, visit)),
      say,
      copy,
      hiddenAt: time(hideAt),
    });
  }
  return screenNodes(linkWords(locale, credential), screen, {
    show: (pin) => run(() => open(deps, visit, pin)),
    enterCode,
    askForCode: () => go({ name: 'code' }),
    alarm: () => run(() => alarm(deps, visit)),
    tryAgain: () => run(again),
    say,
    time: (iso) => time(Date.parse(iso)),
  });
}

function draw(): void {
  const { locale } = visit;
  document.documentElement.lang = locale;
  document.documentElement.dir = localeNames[locale].dir;
  document.title = words().tab;
  main.dataset.screen = screen.name;
  main.replaceChildren(...nodes());
  foot.replaceChildren(languages(locale));
}

function languages(locale: Locale): HTMLElement {
  const choices = locales.map((other) => {
    const current = other === locale;
    const choice = h(
      'button',
      { type: 'button', lang: other, 'aria-pressed': String(current) },
      localeNames[other].name,
    );
    return on(choice, {
      click: () => {
        visit = { ...visit, locale: other };
        if (screen.name !== 'done' && screen.name !== 'leaseOver') store.write(visit);
        draw();
        foot.querySelector<HTMLElement>(`[lang="${other}"]`)?.focus();
      },
    });
  });
  return h('div', { class: 'languages', role: 'group', 'aria-label': words().language }, ...choices);
}

/** Shows the next screen, and puts those who listen or use the keyboard at its beginning. */
function go(next: Screen): void {
  clearInterval(hideTimer);
  clearTimeout(lookTimer);
  screen = next;
  if (next.name === 'password') beginLease(next.opened.leaseSeconds);
  if (next.name === 'done' || next.name === 'leaseOver') store.write(undefined);
  draw();
  const invalid = next.name === 'pin' && next.note;
  if (!invalid) main.querySelector<HTMLElement>('h1')?.focus();
  if (next.name === 'truth' && next.state === 'notReady') lookAgainSoon();
  else looked = 0;
}

/** Runs what a button does, once at a time. What failed for now can be tried again as it was. */
async function run(work: () => Promise<Screen>): Promise<void> {
  if (busy) return;
  busy = true;
  again = work;
  clearTimeout(lookTimer);
  main.setAttribute('aria-busy', 'true');
  say(words().wait);
  let next: Screen;
  try {
    next = await work();
  } catch {
    next = { name: 'trouble', kind: 'fault' };
  }
  busy = false;
  main.removeAttribute('aria-busy');
  status.textContent = '';
  go(next);
}

async function enterCode(text: string): Promise<string | undefined> {
  const { code } = words();
  const read = await readCode(text);
  if ('wrong' in read) {
    return read.wrong === 'mistyped' ? code.mistyped : code.incomplete(read.typed, codeLength);
  }
  visit = { ...visit, ...read };
  store.write(visit);
  go(firstScreen(visit));
  return undefined;
}

/** While the password is being changed the page looks by itself, quietly, for two minutes. */
function lookAgainSoon(): void {
  if (looked++ >= looks) {
    const { notReadyForLong } = words();
    main.querySelector('h1 + p')?.replaceChildren(notReadyForLong);
    say(notReadyForLong);
    return;
  }
  lookTimer = setTimeout(async () => {
    const next = await again().catch((): Screen => ({ name: 'trouble', kind: 'fault' }));
    if (busy || screen.name !== 'truth') return;
    // still the same: nothing moves on the screen, nothing is said
    if (next.name === 'truth' && next.state === 'notReady') lookAgainSoon();
    else go(next);
  }, lookEvery);
}

/** The password is hidden when the lease ends, also when the device slept in between. */
function beginLease(seconds: number): void {
  hideAt = Date.now() + seconds * 1000;
  let warned = seconds <= 60;
  hideTimer = setInterval(() => {
    const left = hideAt - Date.now();
    if (left <= 0) go({ name: 'leaseOver' });
    else if (left <= 60_000 && !warned) {
      warned = true;
      say(words().password.lastMinute);
    }
  }, 1000);
}

// another link pasted into the same tab
addEventListener('hashchange', () => {
  if (!parseFragment(location.hash)) return;
  visit = visitNow();
  go(firstScreen(visit));
});
// a page that comes back from the browser's memory must not show what is over
addEventListener('pageshow', (event) => {
  if (event.persisted && screen.name === 'password' && Date.now() >= hideAt) go({ name: 'leaseOver' });
});

draw();
