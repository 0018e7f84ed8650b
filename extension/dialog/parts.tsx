// Small pieces that several states of the dialog share.

import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Icon } from './icon.tsx';
import type { Trouble } from './reset-flow.ts';
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
  if (trouble.kind === 'signIn') return <>{words.signIn.failed(trouble.why)}</>;
  return <>{words.trouble[trouble.kind]}</>;
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
