// The states in which nothing can be sent yet, or at all: set-up, sign-in, another organisation, a refusal, trouble.

import { Callout, Notice, signInNote, TroubleText, Waiting } from './parts.tsx';
import type { Flow, Step } from './reset-flow.ts';
import { useRoom } from './room.tsx';

type At<Name extends Step['at']> = Extract<Step, { at: Name }>;

/** No connector is configured: the way to the settings. */
export function SetUp() {
  const { words, openSettings } = useRoom();
  return (
    <Notice title={words.setUp.title}>
      <p>{words.setUp.text}</p>
      <p class="buttons">
        <button type="button" class="main" onClick={openSettings} data-testid="open-settings">
          {words.setUp.button}
        </button>
      </p>
    </Notice>
  );
}

/** The sign-in: asked quietly, waiting for the button, or open in its window. */
export function SignInNotice({ flow, step }: { readonly flow: Flow; readonly step: At<'signIn'> }) {
  const { words, talk } = useRoom();
  if (step.phase === 'quiet') return <Waiting>{words.signIn.quiet}</Waiting>;
  const { note } = step;
  return (
    <Notice title={words.signIn.title(flow.config?.organisation.name ?? '')}>
      <p>{words.signIn.text}</p>
      {note && (
        <Callout tone={note === 'closed' ? 'attention' : 'bad'} role="status">
          {signInNote(words, note)}
        </Callout>
      )}
      {step.phase === 'open' ? (
        <Waiting>{words.signIn.open}</Waiting>
      ) : (
        <p class="buttons">
          <button type="button" class="main" onClick={() => void talk.signIn()} data-testid="sign-in">
            {words.signIn.button}
          </button>
        </p>
      )}
    </Notice>
  );
}

/** The person belongs to another organisation: nothing can be sent, its sign-in is offered. */
export function Elsewhere({ flow, step }: { readonly flow: Flow; readonly step: At<'elsewhere'> }) {
  const { words, talk } = useRoom();
  const { other, trouble } = step;
  return (
    <Notice title={words.elsewhere.title} tone="attention">
      <p data-testid="elsewhere">{words.elsewhere.text(step.domain, flow.organisation?.name ?? '')}</p>
      {trouble && (
        <Callout tone="bad" role="alert">
          <TroubleText trouble={trouble} />
        </Callout>
      )}
      {other === undefined && !trouble && <Waiting>{words.elsewhere.looking(step.domain)}</Waiting>}
      {other === null && <p>{words.elsewhere.none(step.domain)}</p>}
      {other && (
        <p class="buttons">
          <button
            type="button"
            class="main"
            onClick={() => void talk.signInElsewhere()}
            data-testid="sign-in-elsewhere"
          >
            {words.elsewhere.button(other.organisation.name)}
          </button>
        </p>
      )}
    </Notice>
  );
}

/** Nothing may be sent for this person, and why. */
export function Refused({ step }: { readonly step: At<'refused'> }) {
  const { words, close } = useRoom();
  const { refusal, user } = step.offer;
  return (
    <Notice title={words.refused.title(user.displayName)} tone="attention" below="person">
      <p data-testid="refusal">{refusal?.detail}</p>
      <p class="quiet">{words.refused.nothing}</p>
      <p class="buttons">
        <button type="button" onClick={close} data-testid="close">
          {words.close}
        </button>
      </p>
    </Notice>
  );
}

/** Nothing can be shown, why, and what may help. */
export function TroubleNotice({ step }: { readonly step: At<'trouble'> }) {
  const { words, talk, openSettings } = useRoom();
  const { trouble } = step;
  const lacksRole = trouble.kind === 'problem' && trouble.problem.status === 403;
  return (
    <Notice title={words.trouble.title} tone="attention">
      <p role="alert" data-testid="trouble">
        <TroubleText trouble={trouble} />
      </p>
      <p class="buttons">
        <button
          type="button"
          class={lacksRole ? '' : 'main'}
          onClick={() => void talk.reload()}
          data-testid="try-again"
        >
          {words.tryAgain}
        </button>
        {lacksRole && (
          <button type="button" class="main" onClick={() => void talk.signIn(true)} data-testid="other-account">
            {words.signIn.other}
          </button>
        )}
        {trouble.kind === 'notConnector' && (
          <button type="button" onClick={openSettings}>
            {words.trouble.settings}
          </button>
        )}
      </p>
    </Notice>
  );
}
