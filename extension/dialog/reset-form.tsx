// The form: how the password comes about, where the link goes, what protects it. What is typed lives here and nowhere
// else, and goes when the form goes.

import { useEffect, useRef, useState } from 'preact/hooks';
import { type Locale, localeNames, locales } from '#shared/locale.ts';
import { type Draft, isWorthKeeping, missing, newDraft, pinFor, toRequest } from './draft.ts';
import { isLive, saying } from './ladder.ts';
import { Callout, TroubleText } from './parts.tsx';
import { PasswordField } from './password-field.tsx';
import { RecipientField } from './recipient-field.tsx';
import type { Step } from './reset-flow.ts';
import { useMoment, useRoom } from './room.tsx';

/** The form of one reset. */
export function ResetForm({
  step,
  onDirty,
}: {
  readonly step: Extract<Step, { at: 'form' }>;
  /** Tells whether closing would lose something. */
  readonly onDirty: (dirty: boolean) => void;
}) {
  const { words, talk, isDeliberate, close } = useRoom();
  const { offer } = step;
  const replaces = step.replaces && isLive(step.replaces) ? step.replaces : undefined;
  const [draft, setDraft] = useState<Draft>(() => newDraft(offer, step.replaces));
  const [asked, setAsked] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const firstRecipient = useRef<HTMLInputElement>(null);
  const change = (part: Partial<Draft>) => setDraft((known) => ({ ...known, ...part }));
  const dirty = isWorthKeeping(draft, offer, step.replaces);
  useEffect(() => onDirty(dirty), [dirty, onDirty]);
  useEffect(() => () => onDirty(false), [onDirty]);
  // Begin with whom it is about; where the address is the point, begin there.
  const [again] = useState(step.replaces !== undefined);
  useEffect(() => {
    (again ? firstRecipient.current : document.getElementById('person'))?.focus();
  }, [again]);

  const busy = step.sending !== undefined;
  const locked = busy || step.unsure !== undefined;
  const pin = pinFor(draft, offer);
  const pass = draft.how === 'pass';
  const impossible = offer.addresses.length === 0 && !offer.recipient.mayType;

  function send(event: Event): void {
    if (busy || impossible || !isDeliberate(event)) return;
    setAsked(true);
    const [first] = missing(draft, offer);
    if (first === undefined) return void talk.send(toRequest(draft, offer, replaces), pin.wanted);
    if (first === 'recipient') firstRecipient.current?.focus();
    else form.current?.querySelector<HTMLInputElement>(`#${first}`)?.focus();
  }

  return (
    <form ref={form} class="reset" noValidate onSubmit={(event) => event.preventDefault()} data-testid="form">
      {replaces && (
        <Callout tone="plain">
          <p>{words.form.replaces(offer.user.displayName)}</p>
          <button type="button" class="quiet-link" onClick={talk.keep} disabled={locked} data-testid="keep">
            {words.form.keep}
          </button>
        </Callout>
      )}
      {!step.replaces && <LastReset step={step} />}

      <PasswordChoice {...{ draft, offer, change, asked }} disabled={locked} />
      <RecipientField {...{ draft, offer, change, asked }} disabled={locked} first={firstRecipient} />

      <fieldset disabled={locked}>
        <label class="choice">
          <input
            type="checkbox"
            checked={pin.wanted}
            disabled={pin.fixed}
            onChange={(event) => change({ pin: event.currentTarget.checked })}
            data-testid="with-pin"
          />
          <span>
            {words.form.pin}
            <span class="hint">{words.form.pinHint}</span>
            {pin.fixed && <span class="hint">{words.form.pinFixed}</span>}
          </span>
        </label>
        <div class="line field">
          <label for="locale">{words.form.locale}</label>
          <select
            id="locale"
            data-testid="locale"
            value={draft.locale}
            onChange={(event) => change({ locale: event.currentTarget.value as Locale })}
          >
            {locales.map((locale) => (
              <option key={locale} value={locale} lang={locale}>
                {localeNames[locale].name}
              </option>
            ))}
          </select>
        </div>
      </fieldset>

      {offer.later === 'admin' && (
        <p class="quiet" data-testid="later">
          {pass ? words.form.laterAdminPass : words.form.laterAdmin}
        </p>
      )}
      {offer.later === 'app' && (
        <p class="quiet" data-testid="later">
          {words.form.laterApp}
        </p>
      )}
      {offer.later === 'none' && (
        <Callout tone="attention">
          <p data-testid="later">{pass ? words.form.laterNonePass : words.form.laterNone}</p>
        </Callout>
      )}

      <footer class="bottom">
        {step.trouble && (
          <Callout tone="bad" role="alert">
            <p data-testid="send-trouble">{step.unsure ? words.form.unsure : <TroubleText trouble={step.trouble} />}</p>
          </Callout>
        )}
        {!step.trouble && <p class="quiet">{pass ? words.form.promisePass : words.form.promise}</p>}
        <div class="buttons">
          <button type="button" class="main" aria-disabled={busy || impossible} onClick={send} data-testid="send">
            {busy && <span class="spinner" aria-hidden="true" />}
            {busy
              ? words.form.sending
              : step.unsure
                ? words.form.askAgain
                : pass
                  ? words.form.sendPass
                  : words.form.send}
          </button>
          <button type="button" onClick={close} data-testid="cancel-form">
            {words.form.cancel}
          </button>
        </div>
        <p class="hidden" role="status">
          {busy ? words.form.sending : ''}
        </p>
      </footer>
    </form>
  );
}

function PasswordChoice({
  draft,
  offer,
  change,
  asked,
  disabled,
}: {
  readonly draft: Draft;
  readonly offer: Extract<Step, { at: 'form' }>['offer'];
  readonly change: (part: Partial<Draft>) => void;
  readonly asked: boolean;
  readonly disabled: boolean;
}) {
  const { words } = useRoom();
  const { mayCreate } = offer.password;
  return (
    <fieldset disabled={disabled}>
      <legend>{words.form.password}</legend>
      <label class="choice">
        <input
          type="radio"
          name="how"
          checked={draft.how === 'generate'}
          onChange={() => change({ how: 'generate', password: '' })}
          data-testid="generate"
        />
        <span>
          {words.form.generate}
          <span class="hint">{words.form.generateHint}</span>
        </span>
      </label>
      <label class="choice">
        <input
          type="radio"
          name="how"
          checked={draft.how === 'create'}
          disabled={!mayCreate}
          onChange={() => change({ how: 'create' })}
          data-testid="create"
        />
        <span>
          {words.form.create}
          <span class="hint">{mayCreate ? words.form.createHint : words.form.createNotAllowed}</span>
        </span>
      </label>
      {draft.how === 'create' && (
        <PasswordField {...{ draft, offer, asked, disabled }} onInput={(password) => change({ password })} />
      )}
      {offer.temporaryAccessPass && (
        <label class="choice">
          <input
            type="radio"
            name="how"
            checked={draft.how === 'pass'}
            onChange={() => change({ how: 'pass', password: '' })}
            data-testid="pass"
          />
          <span>
            {words.form.pass}
            <span class="hint">{words.form.passHint}</span>
          </span>
        </label>
      )}
      {draft.how !== 'pass' && (
        <label class="choice">
          <input
            type="checkbox"
            checked={draft.forceChange}
            disabled={offer.forceChange.default && !offer.forceChange.mayUntick}
            onChange={(event) => change({ forceChange: event.currentTarget.checked })}
            data-testid="force-change"
          />
          <span>{words.form.forceChange}</span>
        </label>
      )}
    </fieldset>
  );
}

/** What became of the reset before this one. */
function LastReset({ step }: { readonly step: Extract<Step, { at: 'form' }> }) {
  const { words, talk } = useRoom();
  const moment = useMoment();
  const last = step.offer.reset;
  if (!last) return null;
  return (
    <p class="last">
      <span>{words.form.last(saying(words, last).title, moment(last.startedAt))}</span>
      <button type="button" class="quiet-link" onClick={talk.showReset} data-testid="show-last">
        {words.form.showLast}
      </button>
    </p>
  );
}
