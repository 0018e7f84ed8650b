// What the popup shows.

import { useId, useRef, useState } from 'preact/hooks';
import type { SettingsMessages } from '#shared/messages/settings.ts';
import { type Hint, wholeAddress } from '../../portals/portal.ts';

export interface PopupProps {
  readonly words: SettingsMessages;
  /** Is there a connector to ask? */
  readonly ready: boolean;
  /** Opens the dialog; the answer is true when it did. */
  open(hint: Hint): Promise<unknown>;
  settings(): Promise<void>;
  close(): void;
}

export function Popup({ words, ready, open, settings, close }: PopupProps) {
  const said = words.popup;
  const field = useId();
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState('');
  const [trouble, setTrouble] = useState('');

  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    const wanted = text.trim();
    setTrouble('');
    if (wanted === '') {
      setTrouble(said.empty);
      input.current?.focus();
      return;
    }
    const hint: Hint = wholeAddress.test(wanted)
      ? { address: wanted, host: '' }
      : { displayName: wanted.slice(0, 256), host: '' };
    const opened = await open(hint).catch(() => false);
    if (opened === true) close();
    else setTrouble(said.failed);
  }

  async function showSettings(event: Event): Promise<void> {
    event.preventDefault();
    await settings();
    close();
  }

  return (
    <main>
      <header>
        <img src="/icon/32.png" width="28" height="28" alt="" />
        <h1>{words.product}</h1>
      </header>
      {ready ? (
        <form onSubmit={submit} noValidate>
          <p class="quiet">{said.about}</p>
          <label for={field}>{said.person}</label>
          <div class="line">
            <input
              ref={input}
              id={field}
              type="text"
              dir="auto"
              autoComplete="off"
              spellcheck={false}
              autofocus
              value={text}
              aria-invalid={trouble !== ''}
              aria-describedby={`${field}-status`}
              onInput={(event) => setText(event.currentTarget.value)}
            />
            <button class="main" type="submit">
              {said.open}
            </button>
          </div>
          <div class="status" id={`${field}-status`} aria-live="polite">
            {trouble ? <p class="bad">{trouble}</p> : null}
          </div>
        </form>
      ) : (
        <>
          <p>{said.noConnector}</p>
          <button class="main" type="button" onClick={showSettings}>
            {said.setUp}
          </button>
        </>
      )}
      <footer>
        <a href="https://admin.cloud.microsoft/?#/users" target="_blank" rel="noreferrer">
          {said.adminCenter}
        </a>
        <a href="/options.html" onClick={showSettings}>
          {words.settings}
        </a>
      </footer>
    </main>
  );
}
