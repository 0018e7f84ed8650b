// What the sign-in pages do beyond plain forms: show a typed password, tick off the rules while typing, count a wait
// down, keep a form from being sent twice. Everything works without it, and the connector enforces every rule itself.

import { checkPassword, type PasswordPerson, type PasswordPolicy } from '#shared/password.ts';

/** Written by pages.ts into data-rules. */
interface Rules {
  readonly policy: PasswordPolicy;
  readonly person: PasswordPerson;
  readonly met: string;
  readonly notMet: string;
  readonly allMet: string;
}

function reveal(button: HTMLButtonElement): void {
  const inputs = (button.dataset.reveals ?? '').split(' ').map((id) => document.getElementById(id));
  const { show = '', hide = '', showLabel = '', hideLabel = '' } = button.dataset;
  let shown = false;
  const turn = () => {
    shown = !shown;
    button.setAttribute('aria-label', shown ? hideLabel : showLabel);
    button.textContent = shown ? hide : show;
    for (const input of inputs) if (input instanceof HTMLInputElement) input.type = shown ? 'text' : 'password';
  };
  button.hidden = false;
  button.addEventListener('click', turn);
  // Browsers offer what was typed into a text field the next time; a password is not for that.
  button.form?.addEventListener('submit', () => {
    if (shown) turn();
  });
}

function watchRules(form: HTMLFormElement): void {
  const { policy, person, met, notMet, allMet } = JSON.parse(form.dataset.rules ?? '{}') as Rules;
  const first = form.querySelector<HTMLInputElement>('#new-password');
  const second = form.querySelector<HTMLInputElement>('#repeat');
  const summary = form.querySelector<HTMLElement>('[data-summary]');
  const items = [...form.querySelectorAll<HTMLElement>('[data-rule]')];
  if (!first || !second || !summary) return;

  const look = () => {
    const wrong = new Set<string>(checkPassword(first.value, policy, person).map(({ code }) => code));
    if (first.value === '') for (const item of items) wrong.add(item.dataset.rule ?? '');
    if (second.value !== first.value) wrong.add('repeat');
    for (const item of items) {
      const rule = item.dataset.rule ?? '';
      const isMet = !wrong.has(rule);
      item.dataset.met = String(isMet);
      const state = item.querySelector('[data-state]');
      if (state) state.textContent = `, ${isMet ? met : notMet}`;
      // A rule that hardly anybody breaks is shown once it is broken.
      if (rule === 'passwordCharacters') item.hidden = isMet || first.value === '';
    }
    // Said once, when it becomes true: a screen reader is not to be talked over at every key.
    const message = first.value !== '' && wrong.size === 0 ? allMet : '';
    if (summary.textContent !== message) summary.textContent = message;
  };
  first.addEventListener('input', look);
  second.addEventListener('input', look);
  look();
}

function countDown(alert: HTMLElement): void {
  const until = performance.now() + Number(alert.dataset.wait) * 1000;
  const timer = setInterval(() => {
    if (performance.now() < until) return;
    clearInterval(timer);
    alert.textContent = alert.dataset.waited ?? '';
    alert.classList.add('calm');
  }, 500);
}

function sendOnce(form: HTMLFormElement): void {
  form.addEventListener('submit', (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = 'yes';
  });
  // Back from the next page: the browser restores the form as it was left.
  addEventListener('pageshow', () => {
    delete form.dataset.sent;
  });
}

for (const button of document.querySelectorAll<HTMLButtonElement>('[data-reveals]')) reveal(button);
for (const form of document.querySelectorAll('form')) sendOnce(form);
for (const form of document.querySelectorAll<HTMLFormElement>('[data-rules]')) watchRules(form);
for (const alert of document.querySelectorAll<HTMLElement>('[data-wait]')) countDown(alert);
