// The screen for which everything else is made: user name and password (or pass), with all that helps to get them across.

import type { Locale } from '../../../shared/locale.ts';
import { type LinkMessages, linkMessages, linkWords } from '../../../shared/messages/link.ts';
import { h, icon, on } from './element.ts';
import type { Screen } from './flow.ts';

export interface PasswordActions {
  readonly done: () => void;
  /** Said to those who listen. */
  readonly say: (text: string) => void;
  readonly copy: (text: string) => Promise<void>;
  /** The hour at which the password is hidden, as the person reads it. */
  readonly hiddenAt: string;
}

type Kind = 'letter' | 'digit' | 'symbol';
const kindOf = (character: string): Kind =>
  /^[0-9]$/.test(character) ? 'digit' : /^\p{L}$/u.test(character) ? 'letter' : 'symbol';

/** How a character is said aloud: `capital K`, `digit 0`, `hyphen`. */
export function spoken(locale: Locale, character: string): string {
  const { small, capital, digit, symbols } = linkMessages[locale].spoken;
  if (/^[0-9]$/.test(character)) return digit(character);
  if (/^[a-z]$/.test(character)) return small(character);
  if (/^[A-Z]$/.test(character)) return capital(character);
  return (Object.hasOwn(symbols, character) ? symbols[character] : undefined) ?? character;
}

/** A password without spaces to be read into it: each character in its own colour and mark. */
function secret(password: string): HTMLElement {
  const marked = [...password].map((character) => h('span', { class: kindOf(character) }, character));
  return h(
    'p',
    { class: 'secret', id: 'password', dir: 'ltr', translate: 'no', 'aria-labelledby': 'password-name' },
    ...marked,
  );
}

function spelled(locale: Locale, password: string, words: LinkMessages['password']): HTMLElement {
  const items = [...password].map((character) =>
    h(
      'li',
      {},
      h(
        'span',
        { class: `sign ${kindOf(character)}`, 'aria-hidden': 'true', dir: 'ltr', translate: 'no' },
        character === ' ' ? '␣' : character,
      ),
      ` ${spoken(locale, character)}`,
    ),
  );
  const kinds = (['letter', 'digit', 'symbol'] as const).filter((kind) =>
    [...password].some((c) => kindOf(c) === kind),
  );
  const legend = kinds.map((kind) => h('span', {}, h('span', { class: kind }, '■'), ` ${words.legend[kind]}`));
  return h(
    'details',
    { class: 'spell' },
    h('summary', {}, words.spell),
    h('p', { class: 'legend', 'aria-hidden': 'true' }, ...legend),
    h('ol', {}, ...items),
  );
}

/** A button that copies, says so, and helps when the browser refuses. */
function copyButton(
  text: string,
  label: string,
  target: () => HTMLElement,
  words: LinkMessages['password'],
  actions: PasswordActions,
) {
  const caption = h('span', {}, label);
  const button = h('button', { type: 'button', class: 'copy' }, caption);
  let reset: ReturnType<typeof setTimeout> | undefined;
  return on(button, {
    click: async () => {
      try {
        await actions.copy(text);
        caption.textContent = words.copied;
        button.classList.add('copied');
        actions.say(words.copied);
      } catch {
        getSelection()?.selectAllChildren(target());
        actions.say(words.copyByHand);
        caption.textContent = words.copyByHand;
      }
      clearTimeout(reset);
      reset = setTimeout(() => {
        caption.textContent = label;
        button.classList.remove('copied');
      }, 4000);
    },
  });
}

/** The screen's content. */
export function passwordScreen(
  locale: Locale,
  screen: Extract<Screen, { name: 'password' }>,
  actions: PasswordActions,
): Node[] {
  const { user, organisation, signIn, forceChange, credential = 'password' } = screen.opened;
  const words = linkWords(locale, credential).password;
  const userName = h('p', { class: 'user-name', id: 'user-name', dir: 'ltr', translate: 'no' }, user.userPrincipalName);
  const shown = secret(screen.password);
  const last = forceChange || credential === 'temporaryAccessPass' ? [words.stepChange] : [];
  const steps = [words.stepCopy, words.stepSignIn, ...last];
  return [
    ...(organisation ? [h('p', { class: 'organisation' }, h('bdi', {}, organisation))] : []),
    h('h1', { tabindex: '-1' }, words.title),
    h('p', { class: 'quiet' }, words.forWhom(user.displayName)),
    h(
      'div',
      { class: 'well' },
      h('p', { class: 'name' }, words.userName),
      h(
        'div',
        { class: 'row' },
        userName,
        copyButton(user.userPrincipalName, words.copyUserName, () => userName, words, actions),
      ),
      h('p', { class: 'name', id: 'password-name' }, words.password),
      shown,
      copyButton(screen.password, words.copyPassword, () => shown, words, actions),
      spelled(locale, screen.password, words),
    ),
    h('h2', {}, words.steps),
    h('ol', { class: 'steps' }, ...steps.map((step) => h('li', {}, step))),
    h(
      'div',
      { class: 'actions' },
      h(
        'a',
        { class: 'primary', href: signIn, target: '_blank', rel: 'noopener noreferrer' },
        words.signIn,
        h('span', { class: 'unseen' }, ` (${words.newTab})`),
      ),
      on(h('button', { type: 'button', class: 'secondary', id: 'done' }, words.done), { click: actions.done }),
    ),
    h('p', { class: 'quiet hidden-at' }, icon('wait'), words.hiddenAt(actions.hiddenAt)),
  ];
}
