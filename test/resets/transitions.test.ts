import { expect, it } from 'vitest';
import { liveStates, states } from '#shared/api.ts';
import { afterChange, beforeChange, mayGo, transitions } from '../../connector/resets/transitions.ts';

it('is the table of the design', () => {
  const table = states.map((state) => `${state} → ${transitions.link[state].join(' ') || '–'}`).join('\n');
  expect(`\n${table}\n`).toMatchInlineSnapshot(`
    "
    requested → prepared
    prepared → mailing cancelled recalled superseded expired
    mailing → mailed cancelled recalled superseded expired
    mailed → changing cancelled rejected recalled superseded expired
    changing → ready refused recalled superseded expired
    ready → leased done recalled superseded expired
    leased → done recalled superseded expired
    done → recalled expired
    rejected → –
    cancelled → –
    refused → –
    expired → scrambled done
    scrambled → –
    recalled → –
    superseded → recalled
    "
  `);
});

it('reaches every state from requested, and never leaves an end but to be killed', () => {
  const reached = new Set<string>(['requested']);
  for (const state of reached) for (const next of transitions.link[state as 'requested']) reached.add(next);
  expect([...reached].sort()).toEqual([...states].sort());
  // A replaced one may still be killed while its password is not made useless.
  const ends = states.filter((state) => transitions.link[state].length === 0);
  expect(ends).toEqual(['rejected', 'cancelled', 'refused', 'scrambled', 'recalled']);
});

it('can always be expired or recalled while live, and cancelled only before the change', () => {
  for (const state of liveStates) {
    if (state === 'requested') continue;
    expect(mayGo('link', state, 'recalled'), state).toBe(true);
    expect(mayGo('link', state, 'expired'), state).toBe(true);
    expect(mayGo('link', state, 'cancelled'), state).toBe((beforeChange as readonly string[]).includes(state));
  }
  expect([...beforeChange, ...afterChange].sort()).toEqual([...liveStates, 'done'].sort());
});
