// The dialog's few icons, drawn in the text's colour. They never stand alone: words beside them say the same.

const shapes = {
  check: <path d="m4.5 10.5 3.6 3.6 7.4-8" />,
  cross: <path d="m5.5 5.5 9 9m0-9-9 9" />,
  alert: <path d="M10 5v6.2m0 3.3v.3" />,
  dot: <circle cx="10" cy="10" r="2.2" fill="currentColor" stroke="none" />,
  minus: <path d="M5.5 10h9" />,
  mail: <path d="M3 5.5h14v9.5H3zm0 .8 7 5 7-5" />,
  key: <path d="M12.3 11.2a3.9 3.9 0 1 0-3.5-3.5L3.5 13v3.2H7v-2h2v-1.8zm1.4-4.7h.1" />,
  link: (
    <path d="M8.5 11.5a3 3 0 0 0 4.3 0l2.6-2.6a3 3 0 0 0-4.3-4.3m.4 3.9a3 3 0 0 0-4.3 0l-2.6 2.6a3 3 0 0 0 4.3 4.3" />
  ),
  person: <path d="M10 9.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6m-6 7c.4-3.2 2.8-5 6-5s5.6 1.8 6 5" />,
  building: <path d="M4.5 17V4h7v13m0-9h4v9M2.5 17h15M7 7h2M7 10h2M7 13h2" />,
  copy: <path d="M7 7h9v9H7zM4 13V4h9" />,
  clock: <path d="M10 3.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13m0 3V10l2.5 2" />,
  stop: <path d="M7 3h6l4 4v6l-4 4H7l-4-4V7zm3 3v5m0 2.8v.2" />,
} as const;

export type IconName = keyof typeof shapes;

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      {shapes[name]}
    </svg>
  );
}
