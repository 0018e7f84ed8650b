// Elements from code: the page's Content-Security-Policy allows no markup from strings, and none is needed.

type Listeners = Partial<{
  readonly click: (event: Event) => void;
  readonly submit: (event: Event) => void;
  readonly input: (event: Event) => void;
}>;
type Attributes = Readonly<Record<string, string | boolean | undefined>>;
type Child = Node | string | undefined | false;

/** Makes an element: attributes (true: present, false or undefined: absent), listeners under `on`, children. */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes & { readonly on?: never } = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, '');
    else if (typeof value === 'string') element.setAttribute(name, value);
  }
  element.append(...children.filter((child): child is Node | string => child !== undefined && child !== false));
  return element;
}

/** The element, listening. */
export function on<E extends Element>(element: E, listeners: Listeners): E {
  for (const [name, listener] of Object.entries(listeners)) element.addEventListener(name, listener);
  return element;
}

const shapes = {
  key: 'M14 2a6 6 0 0 0-5.8 7.6L2 15.8V20h4.2v-2.4h2.4v-2.4H11l1-1A6 6 0 1 0 14 2Zm2 3a1.5 1.5 0 1 1 0 3 1.5 1.5 0 0 1 0-3Z',
  good: 'M11 1a10 10 0 1 0 0 20 10 10 0 0 0 0-20Zm5.2 7.2-6.4 6.6a1 1 0 0 1-1.4 0l-2.6-2.6 1.4-1.4 1.9 1.9 5.7-5.9 1.4 1.4Z',
  wait: 'M11 1a10 10 0 1 0 0 20 10 10 0 0 0 0-20Zm1 10.6-3.3 3.3-1.4-1.4 2.7-2.7V5h2v6.6Z',
  stop: 'M11 1a10 10 0 1 0 0 20 10 10 0 0 0 0-20Zm4.2 12.8-1.4 1.4L11 12.4l-2.8 2.8-1.4-1.4L9.6 11 6.8 8.2l1.4-1.4L11 9.6l2.8-2.8 1.4 1.4-2.8 2.8 2.8 2.8Z',
  warn: 'M11 1.5 21.5 20H.5L11 1.5ZM10 8v6h2V8h-2Zm0 7.5v2h2v-2h-2Z',
} as const;
export type Shape = keyof typeof shapes;

/** A small picture that says nothing to those who listen. */
export function icon(shape: Shape): SVGElement {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', shapes[shape]);
  path.setAttribute('fill-rule', 'evenodd');
  svg.append(path);
  svg.setAttribute('viewBox', '0 0 22 22');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('class', `icon ${shape}`);
  return svg;
}
