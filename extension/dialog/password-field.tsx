// A password that an administrator types: masked until shown, pasted if they like, each rule answered as they type.

import { useState } from 'preact/hooks';
import type { Offer } from '#shared/api.ts';
import { strength } from '#shared/password.ts';
import { type Draft, passwordFindings } from './draft.ts';
import { Icon } from './icon.tsx';
import { useRoom } from './room.tsx';

const rules = [
  'passwordTooShort',
  'passwordClasses',
  'passwordCharacters',
  'passwordContainsName',
  'passwordCommon',
] as const;

export function PasswordField({
  draft,
  offer,
  onInput,
  asked,
  disabled,
}: {
  readonly draft: Draft;
  readonly offer: Offer;
  readonly onInput: (password: string) => void;
  /** Sending was tried: what is missing is an error now. */
  readonly asked: boolean;
  readonly disabled: boolean;
}) {
  const { words } = useRoom();
  const [shown, setShown] = useState(false);
  const { policy } = offer.password;
  const findings = passwordFindings(draft, offer).map(({ code }) => code);
  const tooLong = findings.includes('passwordTooLong');
  const wrong = findings.length > 0;
  const sentence = (rule: (typeof rules)[number]) => {
    if (rule === 'passwordTooShort') return words.form.rules.passwordTooShort(policy.minimum);
    return rule === 'passwordClasses' ? words.form.rules.passwordClasses(policy.classes) : words.form.rules[rule];
  };
  const level = strength(draft.password);
  return (
    <div class="nested">
      <label for="password">{words.form.newPassword}</label>
      <div class="line joined">
        <input
          id="password"
          data-testid="password"
          // Preact's types know one kind at a time.
          type={(shown ? 'text' : 'password') as 'text'}
          dir="ltr"
          class="secret"
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          value={draft.password}
          disabled={disabled}
          aria-invalid={asked && wrong}
          aria-describedby="password-rules"
          onInput={(event) => onInput(event.currentTarget.value)}
        />
        <button
          type="button"
          aria-pressed={shown}
          aria-label={shown ? words.form.hideLabel : words.form.revealLabel}
          aria-controls="password"
          onClick={() => setShown(!shown)}
          data-testid="reveal"
        >
          {shown ? words.form.hide : words.form.reveal}
        </button>
      </div>
      <div class="strength" data-level={draft.password === '' ? undefined : level}>
        <span class="meter" aria-hidden="true">
          {[0, 1, 2, 3, 4].map((step) => (
            <span key={step} data-lit={draft.password !== '' && step <= level} />
          ))}
        </span>
        <span class="quiet">
          {draft.password !== '' && `${words.form.strengthLabel}: ${words.form.strength[level]}`}
        </span>
      </div>
      <ul id="password-rules" class="rules" data-asked={asked}>
        {tooLong && <Rule met={false} text={words.form.rules.passwordTooLong(policy.maximum)} />}
        {rules.map((rule) => (
          <Rule key={rule} met={draft.password !== '' && !tooLong && !findings.includes(rule)} text={sentence(rule)} />
        ))}
      </ul>
    </div>
  );
}

function Rule({ met, text }: { readonly met: boolean; readonly text: string }) {
  const { words } = useRoom();
  return (
    <li data-met={met}>
      <Icon name={met ? 'check' : 'dot'} />
      {text}
      <span class="hidden">, {met ? words.form.ruleMet : words.form.ruleUnmet}</span>
    </li>
  );
}
