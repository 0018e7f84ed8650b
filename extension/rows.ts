// The only code that touches the foreign page: watches its rows, gives each person's row one button, keeps the button's
// label true while rows are recycled. The page is the only state: a row has its button or it hasn't. Stamping happens in
// the mutation callback, a microtask, so that a row is never painted without its button.

import { buttonClass, cellMark, type Hint, type Portal } from './portals/portal.ts';

/** Rows stamped before the page may do something else: some 20 ms of work, and far more than a screen shows. */
const chunk = 1000;

export interface Words {
  /** Visible text of the button. */
  readonly label: string;
  /** Its accessible name; begins with the label (WCAG 2.5.3). */
  labelFor(name: string): string;
  /** BCP 47, for the button's `lang`: the page may speak another language. */
  readonly lang: string;
  /** Said of a button that is faint: whoever signed in last seems to have no role for it. It can be pressed all the same. */
  readonly faint?: string;
}

export interface RowWatch {
  /** Writes the buttons anew, in another language. */
  speak(words: Words): void;
  /** Stops looking and leaves the buttons where they are, saying something else from now on. */
  retire(label: string, why: string): void;
  /** Where the page is now: watches on a page with people; elsewhere stops and takes the buttons away. */
  route(url: URL): void;
}

export interface Watched {
  readonly document: Document;
  readonly portal: Portal;
  readonly words: Words;
  /** Aborts: everything is taken away. */
  readonly signal: AbortSignal;
  /** A person's own hand pressed the button: whom its row showed at that moment. */
  open(hint: Omit<Hint, 'host'>, button: HTMLButtonElement): void;
}

/** Begins to listen for presses at once, and to watch rows at the first `route` that shows people. */
export function watchRows({ document, portal, words, signal, open }: Watched): RowWatch {
  const window = document.defaultView as Window & typeof globalThis;
  let stamp = stamper(document, portal, words);
  let watching = false;
  let retired = false;
  let waiting: Element[] = [];

  const observer = new window.MutationObserver((records) => stampAll(changedRows(records, portal.row)));

  function stampAll(rows: readonly Element[]): void {
    rows.slice(0, chunk).forEach(stamp);
    observer.takeRecords(); // only our own: nobody else runs during a microtask
    // A list without virtualisation may bring thousands at once.
    if (rows.length <= chunk) return;
    if (waiting.length === 0) window.setTimeout(stampWaiting);
    waiting = waiting.concat(rows.slice(chunk));
  }

  function stampWaiting(): void {
    const rows = waiting.filter((row) => row.isConnected);
    waiting = [];
    if (watching) stampAll(rows);
  }

  function start(): void {
    watching = true;
    // No attributes: pages change them all the time, and none that matters here.
    observer.observe(document, { childList: true, subtree: true, characterData: true });
    stampAll([...document.querySelectorAll(portal.row)]);
  }

  function stop(): void {
    watching = false;
    observer.disconnect();
    waiting = [];
    for (const button of document.querySelectorAll(`.${buttonClass}`)) takeAway(button);
  }

  listenForPresses({ document, portal, signal, open });
  signal.addEventListener('abort', stop, { once: true });

  return {
    speak(next) {
      stamp = stamper(document, portal, next);
      if (!watching || retired) return;
      stop();
      start();
    },
    retire(label, why) {
      retired = true;
      observer.disconnect();
      waiting = [];
      for (const button of document.querySelectorAll(`.${buttonClass}`)) {
        (button.lastChild ?? button).textContent = label;
        button.setAttribute('aria-label', label);
        button.setAttribute('title', why);
      }
    },
    route(url) {
      if (retired || signal.aborted) return;
      const shown = portal.isUsersPage(url);
      if (shown && !watching) start();
      if (!shown && watching) stop();
    },
  };
}

/** The rows that records of mutations speak of, each once: rows that came, and rows whose inside changed. */
function changedRows(records: readonly MutationRecord[], selector: string): Element[] {
  const rows = new Set<Element>();
  for (const { target, addedNodes } of records) {
    const around = (isElement(target) ? target : target.parentElement)?.closest(selector);
    if (around) rows.add(around);
    for (const node of addedNodes) {
      if (!isElement(node)) continue;
      if (node.matches(selector)) rows.add(node);
      else if (!around && node.firstElementChild) for (const row of node.querySelectorAll(selector)) rows.add(row);
    }
  }
  return [...rows];
}

function isElement(node: Node): node is Element {
  return node.nodeType === 1;
}

function takeAway(button: Element): void {
  button.parentElement?.removeAttribute(cellMark);
  button.remove();
}

/** A function that gives a row its one button, or makes the one it has true again. */
export function stamper(document: Document, portal: Portal, words: Words): (row: Element) => void {
  const template = buttonTemplate(document, words);
  return (row) => {
    const cell = portal.cell(row);
    const name = cell ? portal.displayName(cell) : undefined;
    const [own, ...others] = row.getElementsByClassName(buttonClass);
    others.forEach(takeAway);
    if (!cell || name === undefined) {
      if (own) takeAway(own); // the row is no person's (any more): a placeholder, a group's heading
      return;
    }
    const button = own ?? (template.cloneNode(true) as Element);
    const label = words.labelFor(name);
    if (button.getAttribute('aria-label') !== label) {
      button.setAttribute('aria-label', label);
      button.setAttribute('title', words.faint === undefined ? label : `${label}\n${words.faint}`);
    }
    if (own) return;
    if (portal.rovingFocus(row)) button.setAttribute('tabindex', '-1');
    cell.setAttribute(cellMark, '');
    // Last in its own cell: a child of the row would be no cell, and the page counts on a cell's first child.
    cell.append(button);
  };
}

/** The button before it has a name: a keyhole that an arrow goes round, and the label. */
function buttonTemplate(document: Document, words: Words): HTMLButtonElement {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = buttonClass;
  button.lang = words.lang;
  if (words.faint !== undefined) button.dataset.faint = '';
  // Fluent's FocusZone reaches it with the arrow keys, like the row's own buttons.
  button.setAttribute('data-is-focusable', 'true');
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 16 16');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute(
    'd',
    'M13.4 6.2A5.7 5.7 0 1 0 13.7 8.8M13.8 2.9v3.4h-3.4M8 7.7a.9.9 0 1 0 0-1.8.9.9 0 0 0 0 1.8zV10',
  );
  svg.append(path);
  button.append(svg, words.label);
  return button;
}

/** What a grid would take for a press on its row. Listened to before the page: at the window, in capture, from the start. */
const presses = [
  'pointerdown',
  'pointerup',
  'mousedown',
  'mouseup',
  'touchstart',
  'touchend',
  'dblclick',
  'click',
] as const;
const keys = ['keydown', 'keyup'] as const;

function listenForPresses({ document, portal, signal, open }: Omit<Watched, 'words'>): void {
  const window = document.defaultView as Window & typeof globalThis;

  function pressed(event: Event): void {
    const button = (event.target as Partial<Element> | null)?.closest?.(`.${buttonClass}`);
    if (!button) return;
    // Enter and Space arrive as a click of their own; other keys belong to the grid.
    if (event.type.startsWith('key') && !['Enter', ' '].includes((event as KeyboardEvent).key)) return;
    event.stopImmediatePropagation();
    // Scripts of the page may press it as they like: nothing happens.
    if (event.type !== 'click' || !event.isTrusted) return;
    const row = button.closest(portal.row);
    if (row) open(portal.hint(row, new URL(document.URL)), button as HTMLButtonElement);
  }

  for (const type of [...presses, ...keys])
    window.addEventListener(type, pressed, { capture: true, passive: true, signal });
}
