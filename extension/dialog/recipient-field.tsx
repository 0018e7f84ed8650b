// Where the link goes: an address on file, masked, or one that is typed and judged as it is typed.

import type { RefObject } from 'preact';
import type { Suspicion } from '#shared/address.ts';
import type { Offer } from '#shared/api.ts';
import type { DialogMessages } from '#shared/messages/dialog.ts';
import { addressSuspicions, addressTrouble, type Draft } from './draft.ts';
import { Icon } from './icon.tsx';
import { useRoom } from './room.tsx';

/** The sentence for a suspicion. */
function suspicionText(words: DialogMessages['suspicion'], { code, meant }: Suspicion): string {
  if (code === 'typo') return words.typo(meant ?? '');
  if (code === 'lookAlike') return meant === undefined ? words.lookAlikeUnknown : words.lookAlike(meant);
  return words[code];
}

/** The addresses on file and the field for another one. `asked`: somebody has tried to send, so say what is missing. */
export function RecipientField({
  draft,
  offer,
  change,
  asked,
  disabled,
  first,
}: {
  readonly draft: Draft;
  readonly offer: Offer;
  readonly change: (part: Partial<Draft>) => void;
  readonly asked: boolean;
  readonly disabled: boolean;
  readonly first: RefObject<HTMLInputElement | null>;
}) {
  const { words } = useRoom();
  const { mayType } = offer.recipient;
  const chosen = typeof draft.recipient === 'object' ? draft.recipient.onFile : draft.recipient;
  return (
    <fieldset disabled={disabled}>
      <legend>{words.form.recipient}</legend>
      {offer.addresses.length === 0 && <p class="quiet">{mayType ? words.form.none : words.form.noneAndNoTyping}</p>}
      {offer.addresses.map(({ id, masked }, index) => (
        <label key={id} class="choice">
          <input
            ref={index === 0 ? first : undefined}
            type="radio"
            name="recipient"
            checked={chosen === id}
            onChange={() => change({ recipient: { onFile: id } })}
            data-testid="on-file"
          />
          <span>
            <span class="address" dir="ltr">
              {masked}
            </span>
            <span class="hint">{words.form.onFile}</span>
          </span>
        </label>
      ))}
      {mayType && (
        <>
          <label class="choice">
            <input
              ref={offer.addresses.length === 0 ? first : undefined}
              type="radio"
              name="recipient"
              checked={chosen === 'typed'}
              onChange={() => change({ recipient: 'typed' })}
              data-testid="other-address"
            />
            <span>
              {words.form.other}
              <span class="hint">{words.form.otherHint}</span>
            </span>
          </label>
          {chosen === 'typed' && <TypedAddress {...{ draft, offer, change, asked }} />}
        </>
      )}
      {asked && draft.recipient === undefined && (
        <p class="finding" data-tone="bad" role="alert">
          <Icon name="alert" />
          {words.form.chooseRecipient}
        </p>
      )}
    </fieldset>
  );
}

function TypedAddress({
  draft,
  offer,
  change,
  asked,
}: {
  readonly draft: Draft;
  readonly offer: Offer;
  readonly change: (part: Partial<Draft>) => void;
  readonly asked: boolean;
}) {
  const { words } = useRoom();
  const trouble = addressTrouble(draft, offer);
  // An address is wrong at its every letter until it is finished: say so only of what more typing won't mend.
  const final = trouble !== undefined && ['control', 'international', 'tooLong', 'ownMailbox'].includes(trouble);
  const told = trouble !== undefined && (asked || final) ? words.address[trouble] : undefined;
  const suspicious = trouble === undefined ? addressSuspicions(draft, offer) : [];
  return (
    <div class="nested">
      <label for="address">{words.form.address}</label>
      <input
        id="address"
        data-testid="address"
        type="text"
        inputMode="email"
        dir="ltr"
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        maxLength={400}
        value={draft.address}
        aria-invalid={told !== undefined}
        aria-describedby="address-findings"
        onInput={(event) => change({ address: event.currentTarget.value })}
      />
      <div id="address-findings" role="status">
        {told !== undefined && (
          <p class="finding" data-tone="bad" data-testid="address-error">
            <Icon name="alert" />
            {told}
          </p>
        )}
        {suspicious.map((suspicion) => (
          <p key={suspicion.code} class="finding" data-tone="attention" data-testid="address-warning">
            <Icon name="alert" />
            {suspicionText(words.suspicion, suspicion)}
          </p>
        ))}
      </div>
      {offer.recipient.mayRemember && (
        <label class="choice">
          <input
            type="checkbox"
            checked={draft.remember}
            onChange={(event) => change({ remember: event.currentTarget.checked })}
            data-testid="remember"
          />
          <span>
            {words.form.remember}
            <span class="hint">{words.form.rememberHint}</span>
          </span>
        </label>
      )}
    </div>
  );
}
