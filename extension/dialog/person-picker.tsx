// The person is picked by hand: where the page told only a name, or an address that nobody has. Never picked for
// anyone.

import { useState } from 'preact/hooks';
import { Callout, Notice, TroubleText } from './parts.tsx';
import type { Flow, Step } from './reset-flow.ts';
import { useRoom } from './room.tsx';

/** The list to pick from, and the search. */
export function PersonPicker({ flow, step }: { readonly flow: Flow; readonly step: Extract<Step, { at: 'picking' }> }) {
  const { words, talk } = useRoom();
  const [text, setText] = useState(step.text);
  const wanted = text.trim();
  const told = {
    nameOnly: words.picking.nameOnlyText(flow.hint?.displayName ?? ''),
    notFound: words.picking.notFoundText(flow.hint?.address ?? flow.hint?.objectId ?? ''),
    byHand: words.picking.byHandText,
  };
  return (
    <Notice title={words.picking[step.why]}>
      <p>{told[step.why]}</p>
      <form
        class="search"
        onSubmit={(event) => {
          event.preventDefault();
          if (wanted !== '') void talk.search(wanted);
        }}
      >
        <label for="search">{words.picking.search}</label>
        <div class="line">
          <input
            id="search"
            type="search"
            dir="auto"
            autocomplete="off"
            maxLength={256}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
          <button type="submit" aria-disabled={wanted === ''}>
            {words.picking.button}
          </button>
        </div>
      </form>
      {step.trouble && (
        <Callout tone="bad" role="alert">
          <TroubleText trouble={step.trouble} />
        </Callout>
      )}
      <p class="quiet" role="status">
        {step.busy
          ? words.loading
          : step.text !== '' &&
            (step.users.length > 0 ? words.picking.results(step.users.length) : words.picking.none(step.text))}
      </p>
      <ul class="people" aria-busy={step.busy}>
        {step.users.map((user) => (
          <li key={user.id}>
            <button type="button" onClick={() => void talk.choose(user.id)} data-testid="pick">
              <bdi class="name">{user.displayName}</bdi>
              <span class="user-name" dir="ltr">
                {user.userPrincipalName}
              </span>
              <span class="place">
                {user.department && <bdi>{user.department}</bdi>}
                {!user.accountEnabled && (
                  <span class="badge" data-state="blocked">
                    {words.picking.blocked}
                  </span>
                )}
              </span>
            </button>
          </li>
        ))}
      </ul>
    </Notice>
  );
}
