// Was a click meant? Only one by a person's own hand, in a window that has the focus and has been in sight long enough
// to be read: no script, no window that slips under the pointer in mid-click.

/** Milliseconds that a window must have been visible. */
export const settled = 500;

/** Begins to watch; the function tells of an event whether it may do something that can't be undone. */
export function deliberation(
  page: Pick<Document, 'hasFocus' | 'visibilityState' | 'addEventListener'>,
  now: () => number,
): (event: Pick<Event, 'isTrusted'>) => boolean {
  const isVisible = () => page.visibilityState === 'visible';
  let since = isVisible() ? now() : undefined;
  page.addEventListener('visibilitychange', () => {
    since = isVisible() ? now() : undefined;
  });
  return (event) => event.isTrusted && page.hasFocus() && since !== undefined && now() - since >= settled;
}
