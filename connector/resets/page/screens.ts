// The other screens: what to press, what to type, and the plain truth in every other case.

import { codeCharacters, codeLength } from '../../../shared/link.ts';
import type { Contact } from '../../../shared/link-open.ts';
import type { LinkMessages, Told } from '../../../shared/messages/link.ts';
import { h, icon, on, type Shape } from './element.ts';
import { readPin, type Screen } from './flow.ts';

export interface ScreenActions {
  readonly show: (pin?: string) => void;
  /** Takes what was typed; answers with what is wrong with it. */
  readonly enterCode: (text: string) => Promise<string | undefined>;
  readonly askForCode: () => void;
  readonly alarm: () => void;
  readonly tryAgain: () => void;
  readonly say: (text: string) => void;
  /** A time as this person writes it. */
  readonly time: (iso: string) => string;
}

const heading = (title: string, shape?: Shape) =>
  h('h1', { tabindex: '-1' }, ...(shape ? [icon(shape) as Node] : []), title);

const button = (label: string, look: 'primary' | 'secondary', click: () => void) =>
  on(h('button', { type: 'button', class: look }, label), { click });

function told(shape: Shape, { title, body }: Told, ...actions: readonly HTMLElement[]): Node[] {
  return [
    h('div', { class: `mark ${shape}` }, icon(shape)),
    heading(title),
    h('p', {}, body),
    ...(actions.length ? [h('div', { class: 'actions' }, ...actions)] : []),
  ];
}

/** A form with one field: label, help, what is wrong, and a button. Sets the field as invalid and says why. */
function form(
  field: HTMLInputElement | HTMLTextAreaElement,
  parts: { label: string; help: HTMLElement; submit: string },
) {
  const wrong = h('p', { class: 'wrong', id: 'wrong', role: 'alert' });
  field.id = 'field';
  parts.help.id = 'help';
  field.setAttribute('aria-describedby', 'help wrong');
  const complain = (text: string | undefined) => {
    wrong.replaceChildren(...(text === undefined ? [] : [icon('warn'), text]));
    field.toggleAttribute('aria-invalid', false);
    if (text === undefined) return;
    field.setAttribute('aria-invalid', 'true');
    field.focus();
  };
  const element = h(
    'form',
    { novalidate: true },
    h('label', { for: 'field' }, parts.label),
    field,
    parts.help,
    wrong,
    h('div', { class: 'actions' }, h('button', { type: 'submit', class: 'primary' }, parts.submit)),
  );
  return { element, complain };
}

function pinScreen(words: LinkMessages, screen: Extract<Screen, { name: 'pin' }>, actions: ScreenActions): Node[] {
  const { pin, start } = words;
  const field = h('input', {
    ...{ class: 'pin', type: 'text', inputmode: 'numeric', autocomplete: 'off', dir: 'ltr', maxlength: '20' },
    ...{ autocapitalize: 'off', spellcheck: 'false', placeholder: '0000 0000', required: true },
  });
  on(field, {
    // 1234 5678, as it is read out; only while typing at the end, so that the caret never jumps
    input: (event) => {
      const atEnd = field.selectionStart === field.value.length;
      if (!atEnd || (event as InputEvent).inputType?.startsWith('delete')) return;
      if (/^\d{4}$/.test(field.value)) field.value += ' ';
      else if (/^\d{5,8}$/.test(field.value)) field.value = `${field.value.slice(0, 4)} ${field.value.slice(4)}`;
    },
  });
  const { element, complain } = form(field, {
    label: pin.label,
    help: h('p', { class: 'help' }, pin.hint),
    submit: start.show,
  });
  on(element, {
    submit: (event) => {
      event.preventDefault();
      const digits = readPin(field.value);
      if (digits === undefined) complain(pin.invalid);
      else actions.show(digits);
    },
  });
  const { note } = screen;
  if (note) queueMicrotask(() => complain(note === 'unknown' ? pin.unknown : pin.wrong(note.left)));
  return [heading(pin.title, 'key'), h('p', {}, pin.body), element];
}

function codeScreen({ code }: LinkMessages, actions: ScreenActions): Node[] {
  const field = h('textarea', {
    ...{ class: 'code', rows: '4', autocomplete: 'off', autocapitalize: 'characters', spellcheck: 'false', dir: 'ltr' },
    ...{ translate: 'no', maxlength: '2000', required: true },
  });
  const help = h('p', { class: 'help' }, code.count(0, codeLength));
  on(field, {
    input: () => {
      help.textContent = code.count(codeCharacters(field.value).length, codeLength);
    },
  });
  const { element, complain } = form(field, { label: code.label, help, submit: code.next });
  on(element, {
    submit: async (event) => {
      event.preventDefault();
      complain(await actions.enterCode(field.value));
    },
  });
  return [heading(code.title, 'key'), h('p', {}, code.body), element];
}

const shapes = {
  notReady: 'wait',
  nothingChanged: 'good',
  expired: 'wait',
  restored: 'wait',
  recalled: 'stop',
  superseded: 'warn',
  pinLocked: 'stop',
  finished: 'good',
} as const satisfies Record<Extract<Screen, { name: 'truth' }>['state'], Shape>;

/** Whom to ask, under everything that didn't end well. */
function withContact(words: LinkMessages, nodes: Node[], { organisation, support }: Contact = {}): Node[] {
  const name = organisation ? [h('p', { class: 'organisation' }, h('bdi', {}, organisation))] : [];
  return [...name, ...nodes, h('p', { class: 'quiet ask' }, words.ask(organisation, support))];
}

/** The content of every screen but the password's. */
export function screenNodes(
  words: LinkMessages,
  screen: Exclude<Screen, { name: 'password' }>,
  actions: ScreenActions,
): Node[] {
  switch (screen.name) {
    case 'code':
      return codeScreen(words, actions);
    case 'start':
      return [
        heading(words.start.title, 'key'),
        h('p', {}, words.start.body),
        h(
          'div',
          { class: 'actions' },
          button(words.start.show, 'primary', () => actions.show()),
        ),
      ];
    case 'pin':
      return pinScreen(words, screen, actions);
    case 'truth': {
      const again = screen.state === 'notReady' ? [button(words.tryAgain, 'secondary', actions.tryAgain)] : [];
      return withContact(words, told(shapes[screen.state], words.truths[screen.state], ...again), screen.truth);
    }
    case 'openedElsewhere': {
      const { title, body, notMe } = words.openedElsewhere;
      const nodes = told(
        'warn',
        { title, body: body(actions.time(screen.at)) },
        button(notMe, 'primary', actions.alarm),
      );
      return withContact(words, nodes, screen.truth);
    }
    case 'alarmed':
      return withContact(words, told('good', words.openedElsewhere.alarmed));
    case 'refused': {
      const enter = button(words.refused.enterCode, 'secondary', actions.askForCode);
      return withContact(words, told('stop', words.refused, enter));
    }
    case 'trouble':
      return told('warn', words.trouble[screen.kind], button(words.tryAgain, 'primary', actions.tryAgain));
    case 'done':
      return told('good', words.done);
    case 'leaseOver':
      return withContact(words, told('wait', words.leaseOver));
  }
}
