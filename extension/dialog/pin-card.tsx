// The PIN, big enough to read out. It exists in this page's memory alone, until it is hidden or the window closes.

import { CopyButton } from './parts.tsx';
import { useRoom } from './room.tsx';

/** The PIN of a reset that was started in this window. */
export function PinCard({ pin, who }: { readonly pin: string; readonly who: string }) {
  const { words, talk } = useRoom();
  const halves = [pin.slice(0, 4), pin.slice(4)];
  return (
    <section class="pin" aria-label={words.pin.title}>
      <h3>{words.pin.title}</h3>
      {/* Digit by digit: a screen reader must not make a number of millions of it. */}
      <p class="digits" dir="ltr" data-testid="pin">
        <span aria-hidden="true">{halves.join(' ')}</span>
        <span class="hidden">{[...pin].join(' ')}</span>
      </p>
      <p>{words.pin.read(who)}</p>
      <p class="buttons">
        <CopyButton text={pin} label={words.copy} testId="copy-pin" />
        <button type="button" class="small" onClick={talk.hidePin} data-testid="hide-pin">
          {words.pin.hide}
        </button>
      </p>
    </section>
  );
}
