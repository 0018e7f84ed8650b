// The dialog as a whole: the header, and beneath it the one state it is in.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { Arrival } from './arrival.tsx';
import { Header, PersonCard } from './header.tsx';
import { isLive } from './ladder.ts';
import { Elsewhere, Refused, SetUp, SignInNotice, TroubleNotice } from './notices.tsx';
import { Question, Waiting } from './parts.tsx';
import { PersonPicker } from './person-picker.tsx';
import type { Flow } from './reset-flow.ts';
import { ResetForm } from './reset-form.tsx';
import { type Room, RoomContext, useRoom } from './room.tsx';

/** What closing the window would lose, if anything. */
type Loss = 'pin' | 'draft' | 'sending';

function lossOf({ step }: Flow, dirty: boolean): Loss | undefined {
  if (step.at === 'form' && (step.sending || step.unsure)) return 'sending';
  if (step.at === 'form' && dirty) return 'draft';
  return step.at === 'reset' && step.pin !== undefined && isLive(step.reset) ? 'pin' : undefined;
}

/** The page's content: all that it shows follows from `flow`. */
export function Dialog({ flow, room }: { readonly flow: Flow; readonly room: Room }) {
  const [dirty, setDirty] = useState(false);
  const [leaving, setLeaving] = useState(false);
  const loss = lossOf(flow, dirty);
  // What the listeners see is the newest state, not that of the render that installed them.
  const known = useRef(loss);
  known.current = loss;
  const { close: closeWindow } = room;
  const close = useCallback(() => (known.current ? setLeaving(true) : closeWindow()), [closeWindow]);

  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      // In a search field the key empties the field first.
      const used =
        event.target instanceof HTMLInputElement && event.target.type === 'search' && event.target.value !== '';
      if (event.key === 'Escape' && !event.defaultPrevented && !used) close();
    };
    const unload = (event: BeforeUnloadEvent) => {
      if (known.current) event.preventDefault();
    };
    document.addEventListener('keydown', pressed);
    window.addEventListener('beforeunload', unload);
    return () => {
      document.removeEventListener('keydown', pressed);
      window.removeEventListener('beforeunload', unload);
    };
  }, [close]);
  useEffect(() => {
    if (!loss) setLeaving(false);
  }, [loss]);

  const { step } = flow;
  return (
    <RoomContext.Provider value={{ ...room, close }}>
      <Header flow={flow} />
      <main data-testid="dialog" data-step={step.at}>
        {'offer' in step && <PersonCard user={step.offer.user} />}
        <Body flow={flow} onDirty={setDirty} />
      </main>
      {leaving && loss && (
        <Leaving
          loss={loss}
          stay={() => setLeaving(false)}
          leave={() => {
            known.current = undefined;
            room.close();
          }}
          words={room.words.closing}
        />
      )}
    </RoomContext.Provider>
  );
}

function Body({ flow, onDirty }: { readonly flow: Flow; readonly onDirty: (dirty: boolean) => void }) {
  const { step } = flow;
  switch (step.at) {
    case 'starting':
      return <Starting />;
    case 'setUp':
      return <SetUp />;
    case 'signIn':
      return <SignInNotice flow={flow} step={step} />;
    case 'finding':
      return <Finding />;
    case 'picking':
      return <PersonPicker flow={flow} step={step} />;
    case 'elsewhere':
      return <Elsewhere flow={flow} step={step} />;
    case 'refused':
      return <Refused step={step} />;
    case 'form':
      return <ResetForm key={step.replaces?.id ?? step.offer.user.id} step={step} onDirty={onDirty} />;
    case 'reset':
      return <Arrival key={step.reset.id} step={step} />;
    case 'trouble':
      return <TroubleNotice step={step} />;
  }
}

function Starting() {
  const { words } = useRoom();
  return <Waiting>{words.loading}</Waiting>;
}

function Finding() {
  const { words } = useRoom();
  return <Waiting>{words.finding}</Waiting>;
}

/** Asks before something is lost. */
function Leaving({
  loss,
  stay,
  leave,
  words,
}: {
  readonly loss: Loss;
  readonly stay: () => void;
  readonly leave: () => void;
  readonly words: Room['words']['closing'];
}) {
  return (
    <Question title={words[loss]} tone="attention" leave={stay} testId="leaving">
      <p class="buttons">
        <button type="button" class="main" onClick={stay} data-testid="stay">
          {words.stay}
        </button>
        <button type="button" onClick={leave} data-testid="leave">
          {words.leave}
        </button>
      </p>
    </Question>
  );
}
