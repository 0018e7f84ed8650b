// What an administrator can do with a reset: what the connector says they may, and nothing else.

import { useEffect, useRef, useState } from 'preact/hooks';
import { isLive, mood, standing } from './ladder.ts';
import type { Step } from './reset-flow.ts';
import { useRoom } from './room.tsx';

export function Actions({ step }: { readonly step: Extract<Step, { at: 'reset' }> }) {
  const { words, talk, isDeliberate, close } = useRoom();
  const { reset, doing } = step;
  const [asking, setAsking] = useState(false);
  const killButton = useRef<HTMLButtonElement>(null);
  const question = useRef<HTMLHeadingElement>(null);
  const mayKill = reset.may.includes('kill');
  const live = isLive(reset);
  useEffect(() => {
    if (asking) question.current?.focus();
  }, [asking]);
  // It may have ended by itself while the question stood.
  useEffect(() => {
    if (!mayKill) setAsking(false);
  }, [mayKill]);

  if (asking && mayKill) {
    const leave = () => {
      setAsking(false);
      requestAnimationFrame(() => killButton.current?.focus());
    };
    return (
      <section
        class="confirm"
        role="alertdialog"
        aria-labelledby="kill-title"
        aria-describedby="kill-text"
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return;
          event.stopPropagation();
          leave();
        }}
      >
        <h3 id="kill-title" ref={question} tabIndex={-1}>
          {words.actions.confirmKill}
        </h3>
        <p id="kill-text">{words.actions.confirmKillText(reset.user.displayName)}</p>
        <p class="buttons">
          <button
            type="button"
            class="danger"
            aria-disabled={doing !== undefined}
            onClick={(event) => {
              if (!doing && isDeliberate(event)) void talk.act('kill').then(() => setAsking(false));
            }}
            data-testid="confirm-kill"
          >
            {doing === 'kill' ? words.actions.killing : words.actions.confirm}
          </button>
          <button type="button" onClick={leave} data-testid="keep-running">
            {words.actions.back}
          </button>
        </p>
      </section>
    );
  }

  const now = standing(reset);
  const stopFirst = now === 'alarm';
  const attention = mood(now) === 'attention' && !stopFirst;
  return (
    <section class="actions" aria-label={words.actions.title}>
      <div class="buttons">
        {reset.may.includes('sendAgain') && (
          <button type="button" class={attention ? 'main' : ''} onClick={talk.sendAgain} data-testid="send-again">
            {words.actions.sendAgain}
          </button>
        )}
        {reset.may.includes('cancel') && (
          <button
            type="button"
            aria-disabled={doing !== undefined}
            onClick={(event) => {
              if (!doing && isDeliberate(event)) void talk.act('cancel');
            }}
            data-testid="cancel-reset"
          >
            {doing === 'cancel' ? words.actions.cancelling : words.actions.cancel}
          </button>
        )}
        {reset.state === 'superseded' && (
          <button type="button" class="main" onClick={() => void talk.reload()} data-testid="show-newer">
            {words.actions.showNewer}
          </button>
        )}
        {!live && reset.state !== 'superseded' && (
          <button type="button" onClick={() => void talk.startOver()} data-testid="start-over">
            {words.actions.startOver}
          </button>
        )}
        {!live && (
          <button type="button" onClick={close} data-testid="close">
            {words.close}
          </button>
        )}
        {mayKill && (
          <button
            ref={killButton}
            type="button"
            class={stopFirst ? 'danger' : 'danger-quiet'}
            onClick={() => setAsking(true)}
            data-testid="kill"
          >
            {words.actions.kill}
          </button>
        )}
      </div>
    </section>
  );
}
