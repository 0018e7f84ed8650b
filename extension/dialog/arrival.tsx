// A reset on its way: how it stands, the ladder of what has been proven, what to tell the person, what can be done.

import { useEffect, useRef } from 'preact/hooks';
import type { Reset } from '#shared/api.ts';
import type { DialogMessages } from '#shared/messages/dialog.ts';
import { Actions } from './actions.tsx';
import { Icon, type IconName } from './icon.tsx';
import {
  has,
  isBySelf,
  isLive,
  isPass,
  lastReply,
  mood,
  type Rung,
  rungs,
  type Standing,
  saying,
  standing,
} from './ladder.ts';
import { Callout, CopyButton, signInNote, TroubleText, Waiting } from './parts.tsx';
import { PinCard } from './pin-card.tsx';
import type { Following, Step } from './reset-flow.ts';
import { useCountdown, useMoment, useRoom } from './room.tsx';

/** What is worked on turns; what a person is awaited for doesn't. */
function iconFor(now: Standing): IconName | undefined {
  if (now === 'waiting') return 'mail';
  if (now === 'opened') return 'link';
  if (now === 'signedIn') return 'person';
  if (now === 'retrying' || now === 'changeDelayed') return 'clock';
  return ({ busy: undefined, good: 'check', attention: 'alert', ended: 'stop' } as const)[mood(now)];
}

/** A reset as it stands, from its first second to its end. */
export function Arrival({ step }: { readonly step: Extract<Step, { at: 'reset' }> }) {
  const { words } = useRoom();
  const { reset, pin } = step;
  const moment = useMoment();
  const who = reset.user.displayName;
  const now = standing(reset);
  const { title, text } = saying(words, reset);
  const icon = iconFor(now);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <div class="arrival" data-testid="arrival" data-state={reset.state} data-standing={now}>
      <section class="standing" data-mood={mood(now)}>
        {icon ? <Icon name={icon} /> : <span class="spinner" aria-hidden="true" />}
        <div>
          <h2 ref={heading} tabIndex={-1} data-testid="standing">
            {title}
          </h2>
          <p>{text(who)}</p>
          {reset.why && now !== 'signInAgain' && <p data-testid="why">{reset.why.detail}</p>}
          {reset.startedBy.id !== step.offer.caller.id && (
            <p class="quiet" data-testid="started-by">
              {words.ladder.startedBy(reset.startedBy.displayName, moment(reset.startedAt))}
            </p>
          )}
        </div>
      </section>
      {/* The heading takes the focus once; from then on this says what changes. */}
      <p class="hidden" role="status">
        {title}
      </p>
      {step.trouble && (
        <Callout tone="bad" role="alert">
          <TroubleText trouble={step.trouble} />
        </Callout>
      )}
      <Unfollowed following={step.following} />
      {pin !== undefined && isLive(reset) && <PinCard pin={pin} who={who} />}
      <Ladder reset={reset} />
      {/* There is nothing to look for before a mail server has taken the mail. */}
      {isLive(reset) && has(reset, 'accepted') && mood(now) !== 'attention' && (
        <Tell reset={reset} pinGone={reset.pin && pin === undefined} />
      )}
      <Actions step={step} />
    </div>
  );
}

/** What is shown may be out of date: why, and what to do about it. */
function Unfollowed({ following }: { readonly following: Following }) {
  const { words, talk } = useRoom();
  switch (following.how) {
    case 'live':
      return null;
    case 'lost':
      return (
        <Callout tone="attention" role="status">
          <p data-testid="lost">{words.ladder.lost}</p>
        </Callout>
      );
    case 'signingIn':
      return <Waiting>{words.signIn.open}</Waiting>;
    case 'signedOut':
      return (
        <Callout tone="attention" role="status">
          <p data-testid="signed-out">
            <strong>{words.signIn.ended}</strong> {words.signIn.endedText}
          </p>
          {following.note && <p>{signInNote(words, following.note)}</p>}
          <button type="button" class="main" onClick={() => void talk.signIn()} data-testid="sign-in">
            {words.signIn.button}
          </button>
        </Callout>
      );
    case 'refused':
      return (
        <Callout tone="bad" role="alert">
          <p data-testid="not-followed">{following.problem.detail}</p>
          <button type="button" onClick={talk.followAgain} data-testid="follow-again">
            {words.tryAgain}
          </button>
        </Callout>
      );
  }
}

const rungIcon: Readonly<Record<Rung['state'], IconName>> = {
  done: 'check',
  active: 'dot',
  trouble: 'alert',
  waiting: 'dot',
  never: 'minus',
};

function Ladder({ reset }: { readonly reset: Reset }) {
  const { words } = useRoom();
  const moment = useMoment();
  const countdown = useCountdown(reset.nextAttemptAt);
  const byPerson: readonly Rung['name'][] = ['opened', 'changed', 'passUsed'];
  const awaitsPerson = (rung: Rung) => rung.state === 'active' && byPerson.includes(rung.name);
  const stateOf = (rung: Rung) => (awaitsPerson(rung) ? words.ladder.awaited : words.ladder[rung.state]);
  const note = (rung: Rung): (string | undefined)[] => {
    const now = rung.state === 'active' || rung.state === 'trouble';
    const again = now && countdown ? words.ladder.nextAttempt(countdown) : undefined;
    if (rung.name === 'accepted')
      return [words.ladder.to(reset.recipient.shown), now ? replyText(words, lastReply(reset)) : undefined, again];
    if (!now) return [];
    if (rung.name === 'passwordSet' || rung.name === 'passCreated') return [again];
    if (rung.name === 'opened') return [words.ladder.openBy(moment(reset.expiresAt))];
    const by = isPass(reset) ? words.ladder.useBy : words.ladder.changeBy;
    return reset.changeBy ? [by(moment(reset.changeBy))] : [];
  };
  return (
    <section class="ladder">
      <h3>{words.ladder.title}</h3>
      <ol>
        {rungs(reset).map((rung) => (
          <li key={rung.name} data-state={rung.state} data-testid={`rung-${rung.name}`}>
            <span class="mark">
              <Icon name={rungIcon[rung.state]} />
            </span>
            <div>
              <p class="rung">
                <span>
                  {rung.name === 'changed' && rung.at && !isBySelf(reset)
                    ? words.ladder.changedSince
                    : words.ladder[rung.name]}
                </span>
                {rung.at ? <time dateTime={rung.at}>{moment(rung.at)}</time> : <span>{stateOf(rung)}</span>}
              </p>
              {note(rung).map(
                (text) =>
                  text && (
                    <p key={text} class="hint">
                      {text}
                    </p>
                  ),
              )}
            </div>
          </li>
        ))}
      </ol>
      <Details reset={reset} />
    </section>
  );
}

/** The raw error stays beneath "All events". */
function replyText(words: DialogMessages, last: ReturnType<typeof lastReply>): string | undefined {
  return last === 'unreached' ? words.ladder.unreached : last?.reply;
}

function Tell({ reset, pinGone }: { readonly reset: Reset; readonly pinGone: boolean }) {
  const { words } = useRoom();
  const { from, subject } = reset.mail;
  const { tell } = words;
  const [plain, withPin] = isPass(reset)
    ? [tell.sentencePass, tell.sentencePassWithPin]
    : [tell.sentence, tell.sentenceWithPin];
  const sentence = (reset.pin ? withPin : plain)(from, subject);
  return (
    <section class="tell">
      <h3>{words.tell.title(reset.user.displayName)}</h3>
      <dl>
        <dt>{words.tell.to}</dt>
        <dd dir="ltr" data-testid="recipient">
          {reset.recipient.shown}
        </dd>
        <dt>{words.tell.from}</dt>
        <dd dir="ltr">{from}</dd>
        <dt>{words.tell.subject}</dt>
        <dd dir="auto">{subject}</dd>
      </dl>
      <p class="quiet">{words.tell.spam}</p>
      {pinGone && <p class="quiet">{words.pin.gone}</p>}
      <CopyButton text={sentence} label={words.tell.copy} testId="copy-sentence" />
    </section>
  );
}

/** Everything that was recorded, with its evidence: for people who check. */
function Details({ reset }: { readonly reset: Reset }) {
  const { words } = useRoom();
  const moment = useMoment();
  return (
    <details class="details">
      <summary>{words.ladder.details}</summary>
      <p class="quiet">{words.ladder.startedBy(reset.startedBy.displayName, moment(reset.startedAt))}</p>
      <ul>
        {reset.events.map((event) => (
          <li key={event.seq}>
            <time dateTime={event.at}>{moment(event.at)}</time>
            <span>
              {words.event[event.name]}
              {event.evidence && !['self', 'since'].includes(event.evidence) && (
                <span class="evidence" dir="ltr">
                  {event.evidence}
                </span>
              )}
            </span>
          </li>
        ))}
      </ul>
    </details>
  );
}
