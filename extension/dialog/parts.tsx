// Small pieces that several states of the dialog share.

import type { ComponentChildren } from 'preact';
import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { DialogMessages } from '#shared/messages/dialog.ts';
import { Icon } from './icon.tsx';
import type { SignInNote, Trouble } from './reset-flow.ts';
import { useRoom } from './room.tsx';

/** A state of its own: a heading that takes the focus when it appears, so that a screen reader begins there. */
export function Notice({
  title,
  children,
  tone,
  below,
}: {
  readonly title: string;
  readonly children: ComponentChildren;
  readonly tone?: 'attention';
  /** There is a person above it, whose name is the page's first heading. */
  readonly below?: 'person';
}) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const Heading = below ? 'h2' : 'h1';
  return (
    <section class="notice" data-tone={tone}>
      <Heading ref={heading} tabIndex={-1}>
        {tone && <Icon name="alert" />}
        {title}
      </Heading>
      {children}
    </section>
  );
}

/** Something is being waited for; says so, and shows it after a moment. */
export function Waiting({ children }: { readonly children: string }) {
  return (
    <p class="waiting" role="status">
      <span class="spinner" aria-hidden="true" />
      {children}
    </p>
  );
}

/** The sentence for a trouble. */
export function TroubleText({ trouble }: { readonly trouble: Trouble }) {
  const { words } = useRoom();
  if (trouble.kind === 'problem') return <>{trouble.problem.detail}</>;
  if (trouble.kind === 'signIn') return <>{signInNote(words, trouble.note)}</>;
  if (trouble.kind === 'unsure') return <>{words.trouble.unsure[trouble.act]}</>;
  return <>{words.trouble[trouble.kind]}</>;
}

/** The sentence for a sign-in that came to nothing. */
export function signInNote(words: DialogMessages, note: SignInNote): string {
  return note === 'closed' ? words.signIn.closed : words.signIn.failed(note.failed);
}

/**
 * A question before something that can't be taken back: above everything else, which does nothing while it stands
 * (the browser's own modal dialog). Focus goes back to where it was. Escape is `leave`.
 */
export function Question({
  title,
  text,
  tone,
  leave,
  testId,
  children,
}: {
  readonly title: string;
  readonly text?: string;
  readonly tone: 'bad' | 'attention';
  readonly leave: () => void;
  readonly testId: string;
  readonly children: ComponentChildren;
}) {
  const box = useRef<HTMLDialogElement>(null);
  const id = useId();
  // Before anything else can be pressed.
  useLayoutEffect(() => {
    const shown = box.current;
    shown?.showModal();
    return () => shown?.close();
  }, []);
  return (
    <dialog
      ref={box}
      class="question"
      data-tone={tone}
      role="alertdialog"
      aria-labelledby={`${id}-title`}
      {...(text === undefined ? {} : { 'aria-describedby': `${id}-text` })}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        // The page's own Escape closes the window.
        event.preventDefault();
        event.stopPropagation();
        leave();
      }}
      onCancel={(event) => {
        event.preventDefault();
        leave();
      }}
      data-testid={testId}
    >
      <h2 id={`${id}-title`} tabIndex={-1} autofocus>
        {title}
      </h2>
      {text !== undefined && <p id={`${id}-text`}>{text}</p>}
      {children}
    </dialog>
  );
}

/** A box that says what went wrong, or what to look at. */
export function Callout({
  tone,
  children,
  role,
}: {
  readonly tone: 'bad' | 'attention' | 'plain';
  readonly children: ComponentChildren;
  readonly role?: 'alert' | 'status';
}) {
  return (
    <div class="callout" data-tone={tone} role={role}>
      <Icon name={tone === 'plain' ? 'dot' : 'alert'} />
      <div>{children}</div>
    </div>
  );
}

/** Copies a text; says for a moment that it did. */
export function CopyButton({
  text,
  label,
  testId,
}: {
  readonly text: string;
  readonly label: string;
  readonly testId: string;
}) {
  const { words } = useRoom();
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(false), 2500);
    return () => clearTimeout(timer);
  }, [done]);
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => setDone(true),
      () => setDone(false),
    );
  return (
    <button type="button" class="small" onClick={() => void copy()} data-testid={testId}>
      <Icon name={done ? 'check' : 'copy'} />
      <span aria-live="polite">{done ? words.copied : label}</span>
    </button>
  );
}
