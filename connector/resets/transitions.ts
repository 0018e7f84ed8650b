// The one table of a reset's ways. A state may only go where its line says; golden-tested, printed in the docs.

import type { Mode, State } from '#shared/api.ts';

/**
 * Mode `link`, reset.md: requested → prepared → mailing → mailed → changing → ready → leased → done.
 * `expired` and `recalled` are where a password that we set may still have to be scrambled; `done` is watched until the
 * person has chosen a new password.
 */
export const transitions = {
  link: {
    requested: ['prepared'],
    prepared: ['mailing', 'cancelled', 'recalled', 'superseded', 'expired'],
    mailing: ['mailed', 'cancelled', 'recalled', 'superseded', 'expired'],
    mailed: ['changing', 'cancelled', 'rejected', 'recalled', 'superseded', 'expired'],
    changing: ['ready', 'refused', 'recalled', 'superseded', 'expired'],
    ready: ['leased', 'done', 'recalled', 'superseded', 'expired'],
    leased: ['done', 'recalled', 'superseded', 'expired'],
    done: ['recalled', 'expired'],
    expired: ['scrambled', 'done'],
    recalled: [],
    rejected: [],
    cancelled: [],
    refused: [],
    scrambled: [],
    superseded: ['recalled'],
  },
} as const satisfies Record<Mode, Record<State, readonly State[]>>;

/** May a reset of this mode go from one state to the other? */
export function mayGo(mode: Mode, from: State, to: State): boolean {
  return (transitions[mode][from] as readonly State[]).includes(to);
}

/** Before the password changes: the admin may still cancel, and an ending leaves the old password working. */
export const beforeChange = ['requested', 'prepared', 'mailing', 'mailed'] as const satisfies State[];

/** From here on the directory may hold our password: an ending owes a scramble. */
export const afterChange = ['changing', 'ready', 'leased', 'done'] as const satisfies State[];
