// Where a connector dies, what the harness and it tell each other, and the breaches by which the harness proves that it
// can fail.

import type { Draw } from './draw.ts';

/** Where a process kills itself; `nth`: not the first time, from 1. */
export type Plan =
  | { readonly at: 'never' }
  | { readonly at: 'statement'; readonly nth: number }
  /** `step` is an action of the record: its transaction is `inside` not committed, `after` committed and told to nobody. */
  | { readonly at: 'step'; readonly step: string; readonly when: 'inside' | 'after'; readonly nth: number }
  | { readonly at: 'directory'; readonly when: 'before' | 'after'; readonly nth: number }
  /** From outside: so long after it has begun to serve, in milliseconds; or when the mail server is at this point. */
  | { readonly at: 'time'; readonly after: number }
  | { readonly at: 'mail'; readonly moment: MailMoment; readonly nth: number };

/** Moments of a mail dialogue, as the server sees them. */
export const mailMoments = ['connected', 'MAIL', 'RCPT', 'DATA', 'body', 'dot', 'answered'] as const;
export type MailMoment = (typeof mailMoments)[number];

export type ToMortal = { readonly kind: 'shift'; readonly shift: number };
export type FromMortal =
  | { readonly kind: 'ready' }
  /** Its clock has been moved so far. */
  | { readonly kind: 'shifted'; readonly shift: number }
  /** What the directory is told, for the taint oracle. */
  | { readonly kind: 'secret'; readonly operation: string; readonly password: string };

/** Rules that can be broken on purpose: each must be noticed. */
export const breaches = [
  'acknowledged before the commit',
  'another password at each try',
  'another Message-ID at each try',
  'a refused mail taken for sent',
  'the password in a log line',
  'a cancelled reset goes on',
] as const;
export type Breach = (typeof breaches)[number];

const moved = ['requested', 'prepared', 'mailing', 'mailed', 'changing', 'ready', 'leased', 'done'] as const;
const ended = ['cancelled', 'recalled', 'superseded', 'scrambled', 'expired', 'reinstated'] as const;

/** Every named step, once. */
export function namedSteps(): Plan[] {
  const around = ['inside', 'after'] as const;
  return [
    ...moved.flatMap((state) => around.map((when) => ({ at: 'step' as const, step: `reset.${state}`, when, nth: 1 }))),
    ...ended.flatMap((state) => around.map((when) => ({ at: 'step' as const, step: `reset.${state}`, when, nth: 1 }))),
    ...(['before', 'after'] as const).map((when) => ({ at: 'directory' as const, when, nth: 1 })),
    ...mailMoments.map((moment) => ({ at: 'mail' as const, moment, nth: 1 })),
  ];
}

/** What a plan is called in the table. */
export function nameOf(plan: Plan): string {
  switch (plan.at) {
    case 'never':
      return 'never';
    case 'time':
      return 'at a random time';
    case 'statement':
      return 'at a random statement';
    case 'step':
      return `${plan.step} ${plan.when}`;
    case 'directory':
      return `directory ${plan.when}`;
    case 'mail':
      return `mail ${plan.moment}`;
  }
}

/** Named steps in turn, each again later; in between anywhere. */
export function* plans(draw: Draw): Generator<Plan, never> {
  for (;;) {
    for (const step of draw.shuffled(namedSteps())) {
      yield { ...step, nth: draw.chance(0.7) ? 1 : draw.between(2, 3) } as Plan;
      if (draw.chance(0.35)) yield { at: 'statement', nth: draw.between(30, 400) };
      if (draw.chance(0.35)) yield { at: 'time', after: draw.between(0, 600) };
    }
  }
}
