// What an administrator can do with a reset: what the connector says they may, and nothing else.

import { useEffect, useState } from 'preact/hooks';
import { isLive, isPass, mood, standing } from './ladder.ts';
import { Callout, Question, TroubleText } from './parts.tsx';
import type { Step } from './reset-flow.ts';
import { useRoom } from './room.tsx';

type At = Extract<Step, { at: 'reset' }>;

/** The buttons beneath a reset. */
export function Actions({ step }: { readonly step: At }) {
  const { words, talk, isDeliberate, close } = useRoom();
  const { reset, doing } = step;
  const [asking, setAsking] = useState(false);
  const mayKill = reset.may.includes('kill');
  const live = isLive(reset);
  // It may have ended by itself while the question stood, or the connector has said no: then there is more to read.
  const answered = !mayKill || step.trouble?.kind === 'problem' || step.following.how === 'signedOut';
  useEffect(() => {
    if (answered) setAsking(false);
  }, [answered]);
  const now = standing(reset);
  const stopFirst = now === 'alarm';
  const attention = mood(now) === 'attention' && !stopFirst;
  return (
    <section class="actions" aria-label={words.actions.title}>
      <div class="buttons">
        {reset.may.includes('grant') && (
          <button
            type="button"
            class="main"
            aria-disabled={doing !== undefined}
            onClick={(event) => {
              if (!doing && isDeliberate(event)) void talk.act('grant');
            }}
            data-testid="grant"
          >
            {doing === 'grant' ? words.actions.granting : words.actions.grant}
          </button>
        )}
        {reset.may.includes('sendAgain') && (
          <button
            type="button"
            class={attention && !reset.may.includes('grant') ? 'main' : ''}
            onClick={talk.sendAgain}
            data-testid="send-again"
          >
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
            type="button"
            class={stopFirst ? 'danger' : 'danger-quiet'}
            onClick={() => setAsking(true)}
            data-testid="kill"
          >
            {words.actions.kill}
          </button>
        )}
      </div>
      {asking && <KillQuestion step={step} leave={() => setAsking(false)} />}
    </section>
  );
}

/** Stays until there is an answer, so that a stop whose outcome is unknown can be repeated. */
function KillQuestion({ step, leave }: { readonly step: At; readonly leave: () => void }) {
  const { words, talk, isDeliberate } = useRoom();
  const { reset, doing, trouble } = step;
  return (
    <Question
      title={words.actions.confirmKill}
      text={isPass(reset) ? words.actions.confirmKillPass : words.actions.confirmKillText(reset.user.displayName)}
      tone="bad"
      leave={leave}
      testId="kill-question"
    >
      {trouble?.kind === 'unsure' && trouble.act === 'kill' && (
        <Callout tone="bad" role="alert">
          <p data-testid="kill-trouble">
            <TroubleText trouble={trouble} />
          </p>
        </Callout>
      )}
      <p class="buttons">
        <button
          type="button"
          class="danger"
          aria-disabled={doing !== undefined}
          onClick={(event) => {
            if (!doing && isDeliberate(event)) void talk.act('kill');
          }}
          data-testid="confirm-kill"
        >
          {doing === 'kill' ? words.actions.killing : words.actions.confirm}
        </button>
        <button type="button" onClick={leave} data-testid="keep-running">
          {words.actions.back}
        </button>
      </p>
    </Question>
  );
}
