// What the settings page shows.

import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { isLocale, type Locale, localeNames, locales } from '#shared/locale.ts';
import { type SettingsMessages, settingsMessages } from '#shared/messages/settings.ts';
import { connect, disconnect, inquire, type SetUp, type SetUpDeps } from '../../set-up.ts';
import { type Settings, type Source, saveSettings } from '../../settings.ts';

export interface OptionsProps {
  readonly deps: SetUpDeps;
  readonly settings: Settings;
  readonly browserLocale: Locale;
  readonly hosts: readonly string[];
  readonly version: string;
}

export function Options({ deps, settings, browserLocale, hosts, version }: OptionsProps) {
  const [language, setLanguage] = useState(settings.language.value);
  const locale = language ?? browserLocale;
  const words = settingsMessages[locale];

  useEffect(() => {
    document.documentElement.lang = locale;
    document.documentElement.dir = localeNames[locale].dir;
    document.title = `${words.settings} – ${words.product}`;
  }, [locale, words]);

  return (
    <main>
      <header>
        <img src="/icon/48.png" width="40" height="40" alt="" />
        <h1>
          {words.product}
          <small>{words.settings}</small>
        </h1>
      </header>
      <ConnectorSection deps={deps} settings={settings} words={words} />
      <Language
        words={words}
        browserLocale={browserLocale}
        value={language}
        source={settings.language.source}
        choose={(chosen) => {
          setLanguage(chosen);
          void saveSettings(deps.storage, { language: chosen });
        }}
      />
      <Sites deps={deps} hosts={hosts} words={words} />
      <footer>{words.version(version)}</footer>
    </main>
  );
}

function ConnectorSection({
  deps,
  settings,
  words,
}: Pick<OptionsProps, 'deps' | 'settings'> & { words: SettingsMessages }) {
  const said = words.connector;
  const field = useId();
  const input = useRef<HTMLInputElement>(null);
  const [source, setSource] = useState<Source>(settings.connector.source);
  const [origin, setOrigin] = useState(settings.connector.value);
  const [text, setText] = useState(settings.connector.value ?? '');
  const [busy, setBusy] = useState(false);
  const [found, setFound] = useState<SetUp>();
  /** Set by the first press: what was asked when the page opened has nothing more to say then. */
  const acted = useRef(false);
  const managed = source === 'managed';

  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the page opens
  useEffect(() => {
    if (!origin) return;
    void inquire(origin, deps).then((answer) => {
      if (!acted.current) setFound(answer);
    });
  }, []);

  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    if (busy || managed) return;
    acted.current = true;
    setBusy(true);
    // Called before anything is awaited: the browser's question needs the click.
    const answer = await connect(text, origin, deps);
    setBusy(false);
    setFound(answer);
    if (answer.is === 'connected') {
      setOrigin(answer.origin);
      setText(answer.origin);
      setSource('user');
    } else {
      input.current?.focus();
    }
  }

  async function remove(): Promise<void> {
    if (!origin) return;
    acted.current = true;
    await disconnect(origin, deps);
    setOrigin(undefined);
    setText('');
    setFound(undefined);
    setSource('default');
    input.current?.focus();
  }

  const failed = found !== undefined && found.is !== 'connected';
  return (
    <section aria-labelledby={`${field}-title`}>
      <h2 id={`${field}-title`}>{said.title}</h2>
      <p class="quiet">{said.about}</p>
      <form onSubmit={submit} noValidate>
        <label for={field}>{said.address}</label>
        <div class="line">
          <input
            ref={input}
            id={field}
            type="url"
            dir="ltr"
            inputMode="url"
            autoComplete="off"
            spellcheck={false}
            placeholder="https://reset.contoso.com"
            value={text}
            readOnly={managed}
            aria-invalid={failed}
            aria-describedby={`${field}-status`}
            onInput={(event) => setText(event.currentTarget.value)}
          />
          {managed ? null : (
            <button class="main" type="submit" aria-disabled={busy}>
              {said.connect}
            </button>
          )}
          {source === 'user' && origin ? (
            <button type="button" onClick={remove}>
              {said.remove}
            </button>
          ) : null}
        </div>
      </form>
      {managed ? <span class="managed">{words.managed}</span> : null}
      {source === 'default' && origin ? <span class="managed">{words.builtIn}</span> : null}
      <div class="status" id={`${field}-status`} aria-live="polite">
        {busy || (origin && !found) ? (
          <p class="quiet">{said.connecting}</p>
        ) : found ? (
          <Outcome found={found} kept={origin} words={words} />
        ) : null}
      </div>
    </section>
  );
}

function Outcome({ found, kept, words }: { found: SetUp; kept: string | undefined; words: SettingsMessages }) {
  const said = words.connector;
  if (found.is === 'connected') {
    return (
      <>
        <p class="good">{said.connected(found.config.organisation.name)}</p>
        <p class="quiet">{said.signInAt(new URL(found.config.authority).host)}</p>
      </>
    );
  }
  const host = 'origin' in found ? new URL(found.origin).host : '';
  const sentence =
    found.is === 'problem'
      ? found.detail
      : found.is === 'unreachable' || found.is === 'notConnector'
        ? said[found.is](host)
        : said[found.is];
  // The address in use may simply not answer today; only a new one was refused.
  const refused = !('origin' in found) || found.origin !== kept;
  return (
    <>
      <p class="bad">{sentence}</p>
      {refused ? <p class="quiet">{said.notSaved}</p> : null}
    </>
  );
}

function Language(props: {
  words: SettingsMessages;
  browserLocale: Locale;
  value: Locale | undefined;
  source: Source;
  choose(locale: Locale | undefined): void;
}) {
  const field = useId();
  const said = props.words.language;
  const managed = props.source === 'managed';
  return (
    <section>
      <h2>
        <label for={field}>{said.title}</label>
      </h2>
      <p class="quiet" id={`${field}-about`}>
        {said.about}
      </p>
      <select
        id={field}
        aria-describedby={`${field}-about`}
        disabled={managed}
        value={props.value ?? ''}
        onChange={({ currentTarget: { value } }) => props.choose(isLocale(value) ? value : undefined)}
      >
        <option value="">{said.browser(localeNames[props.browserLocale].name)}</option>
        {locales.map((locale) => (
          <option key={locale} value={locale} lang={locale}>
            {localeNames[locale].name}
          </option>
        ))}
      </select>
      {managed ? <span class="managed">{props.words.managed}</span> : null}
    </section>
  );
}

/** Browsers let people take a site away from an extension; then there is no button, and this says why. */
function Sites({ deps, hosts, words }: Pick<OptionsProps, 'deps' | 'hosts'> & { words: SettingsMessages }) {
  const [allowed, setAllowed] = useState<boolean>();
  const origins = hosts.map((host) => `https://${host}/*`);
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the page opens
  useEffect(() => {
    void deps.permissions.contains({ origins }).then(setAllowed);
  }, []);
  return (
    <section>
      <h2>{words.pages.title}</h2>
      <p class="quiet">{words.pages.about}</p>
      <ul class="sites">
        {hosts.map((host) => (
          <li key={host} dir="ltr">
            {host}
          </li>
        ))}
      </ul>
      <div aria-live="polite">
        {allowed === true ? <p class="good">{words.pages.allowed}</p> : null}
        {allowed === false ? (
          <div class="line">
            <p class="bad">{words.pages.refused}</p>
            <button type="button" onClick={() => void deps.permissions.request({ origins }).then(setAllowed)}>
              {words.pages.allow}
            </button>
          </div>
        ) : null}
      </div>
    </section>
  );
}
