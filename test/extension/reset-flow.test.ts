// The dialog's states as a pure reducer: whatever order things happen in, no success is shown that nobody has proven,
// nothing that has ended comes back, and no secret outlives its use.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Config,
  type EventName,
  eventNames,
  liveStates,
  needs,
  type Offer,
  type Reset,
  type State,
  states,
} from '#shared/api.ts';
import { locales } from '#shared/locale.ts';
import { dialogMessages } from '#shared/messages/dialog.ts';
import { entraPolicy } from '#shared/password.ts';
import { isLive, isOver, lastReply, mood, newer, rungs, saying, standing } from '../../extension/dialog/ladder.ts';
import { begin, type Flow, foreignDomain, type Happening, reduce } from '../../extension/dialog/reset-flow.ts';

const secret = 'Wq7-secret-Zr';
const pin = '48201937';
const organisation = { id: 't', name: 'Contoso', domains: ['contoso.example'] };
const caller = { id: 'c', displayName: 'Gwen Okafor', userPrincipalName: 'gwen.okafor@contoso.example' };
const user = {
  id: 'u',
  displayName: 'Amara Nwosu',
  userPrincipalName: 'amara.nwosu@contoso.example',
  accountEnabled: true,
};

function reset(state: State, events: readonly (EventName | [EventName, string])[], more: Partial<Reset> = {}): Reset {
  return {
    id: 'r1',
    user,
    mode: 'link',
    credential: 'password',
    state,
    startedAt: '2026-11-22T10:00:00.000Z',
    startedBy: caller,
    recipient: { shown: 'a•••@m•••.example', onFile: true },
    pin: false,
    locale: 'en',
    generated: true,
    mail: { from: 'it@contoso.example', subject: 'Your new password' },
    expiresAt: '2026-11-23T10:00:00.000Z',
    may: [],
    seq: events.length,
    events: events.map((event, index) => ({
      seq: index + 1,
      name: typeof event === 'string' ? event : event[0],
      at: '2026-11-22T10:00:00.000Z',
      ...(typeof event === 'string' ? {} : { evidence: event[1] }),
    })),
    ...more,
  };
}

const offer: Offer = {
  user,
  organisation,
  caller,
  modes: ['link'],
  password: { mayCreate: true, policy: entraPolicy },
  forceChange: { default: true, mayUntick: true },
  temporaryAccessPass: false,
  addresses: [{ id: 'a1', masked: 'a•••@m•••.example' }],
  recipient: { mayType: true, mayRemember: true },
  later: 'connector',
  pin: { onFile: false, typed: true, mayUntick: true },
  locale: 'en',
  lifetimes: { link: 86_400, change: 259_200 },
};

const config: Config = {
  version: 1,
  organisation: { id: 't', name: 'Contoso' },
  authority: 'https://connector.example/signin/default',
  protocol: 'oidc',
  clientId: 'reset-and-resend-extension',
  scopes: ['openid', 'Passwords.Reset'],
};

const attempt = {
  key: 'key-1',
  request: {
    user: 'u',
    mode: 'link' as const,
    password: secret,
    pin,
    forceChangePasswordNextSignIn: true,
    recipient: { onFile: 'a1' },
    locale: 'en' as const,
  },
};

const play = (...happenings: Happening[]): Flow => happenings.reduce(reduce, begin(undefined));
const form: Happening[] = [
  { is: 'configured', config },
  { is: 'offered', offer },
];
const trouble = { kind: 'unreachable' as const };

describe('the way to the form', () => {
  test('a live reset is shown in place of the form, one that is over is not', () => {
    const live = reset('ready', ['requested', 'accepted', 'passwordSet', 'armed']);
    expect(play({ is: 'offered', offer: { ...offer, reset: live } }).step).toMatchObject({ at: 'reset', reset: live });
    const said = reset('done', ['accepted', 'passwordSet', 'opened', 'done']);
    expect(play({ is: 'offered', offer: { ...offer, reset: said } }).step.at).toBe('reset');
    const over = reset('cancelled', ['requested', 'cancelled']);
    expect(play({ is: 'offered', offer: { ...offer, reset: over } }).step.at).toBe('form');
  });

  test('a refusal leaves nothing to send', () => {
    const refusal = { type: 'x', title: 'x', status: 403, detail: 'No.', code: 'targetPrivileged' as const };
    const refused = play({ is: 'offered', offer: { ...offer, refusal } });
    expect(refused.step.at).toBe('refused');
    expect(reduce(refused, { is: 'sending', attempt })).toEqual(refused);
    expect(reduce(refused, { is: 'started', reset: reset('prepared', ['requested']) })).toEqual(refused);
  });

  test('people found by name alone are never picked by themselves, not even the only one', () => {
    const search = { organisation, caller, users: [{ ...user }] };
    const named = reduce(begin({ displayName: 'Amara Nwosu', host: 'admin.cloud.microsoft' }), {
      ...{ is: 'found', text: 'Amara Nwosu', search, hint: true },
    } as Happening);
    expect(named.step).toMatchObject({ at: 'picking', why: 'nameOnly', users: [{ id: 'u' }] });
  });

  test('only the answer to the newest text counts', () => {
    const answer = (text: string): Happening => ({
      is: 'found',
      text,
      hint: false,
      search: { organisation, caller, users: text === 'am' ? [user] : [] },
    });
    const picking = play({ is: 'found', text: '', search: { organisation, caller, users: [] }, hint: true });
    const typed = [{ is: 'searching', text: 'am' } as const, { is: 'searching', text: 'amx' } as const].reduce(
      reduce,
      picking,
    );
    expect(reduce(typed, answer('am'))).toEqual(typed);
    expect(reduce(typed, answer('amx')).step).toMatchObject({ at: 'picking', text: 'amx', busy: false, users: [] });
  });

  test('a hint from another organisation’s domain is foreign, whatever its case', () => {
    const hint = (address: string) => ({ address, host: 'admin.cloud.microsoft' });
    expect(foreignDomain(hint('dana@Fabrikam.example'), organisation)).toBe('fabrikam.example');
    expect(foreignDomain(hint('ada@CONTOSO.example'), organisation)).toBeUndefined();
    expect(foreignDomain(hint('ada@evil-contoso.example'), organisation)).toBe('evil-contoso.example');
    expect(foreignDomain({ displayName: 'Ada', host: '' }, organisation)).toBeUndefined();
    const foreign = play({
      is: 'belongsElsewhere',
      domain: 'fabrikam.example',
      search: { organisation, caller, users: [] },
    });
    expect(reduce(foreign, { is: 'sending', attempt })).toEqual(foreign);
  });
});

describe('sending', () => {
  test('after the answer the PIN is shown and the typed password is gone', () => {
    const sent = play(...form, { is: 'sending', attempt }, { is: 'started', reset: reset('prepared', ['requested']) });
    expect(sent.step).toMatchObject({ at: 'reset', pin, fresh: true });
    expect(JSON.stringify(sent)).not.toContain(secret);
    expect(JSON.stringify(reduce(sent, { is: 'pinHidden' }))).not.toContain(pin);
  });

  test('while the outcome is unknown only the same attempt may be repeated', () => {
    const unsure = play(...form, { is: 'sending', attempt }, { is: 'startUnknown', trouble });
    expect(unsure.step).toMatchObject({ at: 'form', unsure: { key: 'key-1' } });
    expect(reduce(unsure, { is: 'sending', attempt: { ...attempt, key: 'key-2' } })).toEqual(unsure);
    expect(reduce(unsure, { is: 'sending', attempt }).step).toMatchObject({ sending: { key: 'key-1' } });
  });

  test('a refused attempt is forgotten, so that the next one gets a key of its own', () => {
    const refused = play(...form, { is: 'sending', attempt }, { is: 'startRefused', trouble });
    expect(refused.step).toEqual({ at: 'form', offer, trouble });
  });

  test('nothing becomes a reset without an attempt', () => {
    const waiting = play(...form);
    expect(reduce(waiting, { is: 'started', reset: reset('done', ['changed']) })).toEqual(waiting);
  });

  test('send again opens the form with what it replaces, and back leads to it', () => {
    const live = reset('ready', ['requested', 'accepted', 'passwordSet'], { may: ['sendAgain', 'kill'] });
    const again = play({ is: 'offered', offer: { ...offer, reset: live } }, { is: 'sendAgain' });
    expect(again.step).toMatchObject({ at: 'form', replaces: { id: 'r1' } });
    expect(reduce(again, { is: 'keep' }).step).toMatchObject({ at: 'reset', reset: { id: 'r1' } });
  });
});

describe('the ladder', () => {
  test('lights up rung by rung, each with its time', () => {
    const at = (state: State, ...events: EventName[]) => rungs(reset(state, events)).map((rung) => rung.state);
    expect(at('mailing', 'requested')).toEqual(['active', 'waiting', 'waiting', 'waiting']);
    expect(at('mailed', 'accepted')).toEqual(['done', 'active', 'waiting', 'waiting']);
    expect(at('ready', 'accepted', 'passwordSet')).toEqual(['done', 'done', 'active', 'waiting']);
    expect(at('leased', 'accepted', 'passwordSet', 'opened')).toEqual(['done', 'done', 'done', 'active']);
    expect(at('done', 'accepted', 'passwordSet', 'opened', 'changed')).toEqual(['done', 'done', 'done', 'done']);
    expect(at('done', 'accepted', 'passwordSet', 'changed')).toEqual(['done', 'done', 'never', 'done']);
    expect(at('cancelled', 'requested', 'cancelled')).toEqual(['never', 'never', 'never', 'never']);
    expect(at('recalled', 'accepted', 'passwordSet', 'recalled')).toEqual(['done', 'done', 'never', 'never']);
  });

  test('what needs somebody is where it stands', () => {
    const failed = reset('mailing', ['requested', 'mailRefused'], { needsYou: 'mailFailed' });
    expect(standing(failed)).toBe('mailFailed');
    expect(rungs(failed)[0]?.state).toBe('trouble');
  });

  test('killed is said to be done only when the password has been scrambled', () => {
    expect(standing(reset('recalled', ['requested', 'recalled']))).toBe('killedUnchanged');
    expect(standing(reset('recalled', ['accepted', 'passwordSet', 'recalled']))).toBe('killing');
    expect(standing(reset('recalled', ['accepted', 'passwordSet', 'recalled', 'scrambled']))).toBe('killed');
    expect(isOver(reset('recalled', ['accepted', 'passwordSet', 'recalled']))).toBe(false);
  });

  test('“by the person” only with a record that says so', () => {
    expect(standing(reset('done', ['passwordSet', ['changed', 'self']]))).toBe('changed');
    expect(standing(reset('done', ['passwordSet', ['changed', 'since']]))).toBe('changedSince');
    expect(standing(reset('done', ['passwordSet', 'done']))).toBe('signedIn');
  });
});

describe('where a Temporary Access Pass is handed over', () => {
  const pass = (state: State, events: readonly EventName[], more: Partial<Reset> = {}) =>
    reset(state, events, { credential: 'temporaryAccessPass', ...more });
  const made = ['accepted', 'passCreated'] as const;

  test('the last rung is a sign-in with it, and a changed password is not waited for', () => {
    const at = (state: State, ...events: EventName[]) => rungs(pass(state, events)).map((rung) => rung.state);
    expect(rungs(pass('ready', made)).map(({ name }) => name)).toEqual([
      'accepted',
      'passCreated',
      'opened',
      'passUsed',
    ]);
    expect(at('mailed', 'accepted')).toEqual(['done', 'active', 'waiting', 'waiting']);
    expect(at('leased', ...made, 'opened')).toEqual(['done', 'done', 'done', 'active']);
    expect(at('done', ...made, 'opened', 'passUsed')).toEqual(['done', 'done', 'done', 'done']);
    expect(at('done', ...made, 'passUsed')).toEqual(['done', 'done', 'never', 'done']);
    expect(at('scrambled', ...made, 'opened', 'expired', 'passRemoved')).toEqual(['done', 'done', 'done', 'never']);
  });

  test('no success is told that was not seen', () => {
    expect(standing(pass('done', [...made, 'opened', 'done']))).toBe('signedIn');
    expect(standing(pass('done', [...made, 'opened', 'done', 'passUsed']))).toBe('passUsed');
    expect(standing(pass('done', [...made, 'opened', 'done', 'passEnded']))).toBe('passEnded');
    expect(standing(pass('recalled', [...made, 'recalled']))).toBe('killing');
    expect(standing(pass('recalled', [...made, 'recalled', 'passRemoved']))).toBe('killed');
    expect(standing(pass('expired', [...made, 'expired']))).toBe('expiring');
    expect(standing(pass('expired', ['accepted', 'expired']))).toBe('expiredUnchanged');
  });

  test('it is followed until it was used, has ended or is removed', () => {
    for (const last of ['passUsed', 'passEnded'] as const) {
      expect(isOver(pass('done', [...made, 'done', last]))).toBe(true);
    }
    expect(isOver(pass('done', [...made, 'done']))).toBe(false);
    expect(isOver(pass('expired', [...made, 'expired']))).toBe(false);
    expect(isOver(pass('recalled', [...made, 'recalled']))).toBe(false);
    expect(isOver(pass('recalled', [...made, 'recalled', 'passRemoved']))).toBe(true);
  });

  test.each(locales)('nothing is said of a changed or old password in its place, in %s', (locale) => {
    const words = dialogMessages[locale];
    const standings = new Set<string>();
    for (const state of states) {
      for (const events of [
        [],
        made,
        [...made, 'passUsed'],
        [...made, 'passEnded'],
        [...made, 'passRemoved'],
      ] as const) {
        for (const needsYou of [undefined, ...needs]) {
          const one = pass(state, events, needsYou ? { needsYou } : {});
          standings.add(standing(one));
          const { title, text } = saying(words, one);
          const wrong =
            /new password|old password|temporary password|changing the password|yeni (bir )?parola|eski parola|geçici parola/i;
          expect(`${title} ${text('Amara Nwosu')}`).not.toMatch(wrong);
        }
      }
    }
    expect(standings.size).toBeGreaterThan(20);
    // A password is spoken of as before.
    expect(saying(words, reset('ready', ['accepted', 'passwordSet']))).toBe(words.standing.waiting);
  });
});

describe('an act without an answer', () => {
  const unsure = { kind: 'unsure', act: 'kill' } as const;
  const shown = play(
    { is: 'offered', offer: { ...offer, reset: reset('ready', ['accepted'], { may: ['kill'] }) } },
    { is: 'doing', act: 'kill' },
    { is: 'actFailed', trouble: unsure },
  );

  test('is said until the connection is back or the act is repeated', () => {
    expect(shown.step).toMatchObject({ trouble: unsure });
    const lost = reduce(shown, { is: 'following', following: { how: 'lost' } });
    expect(lost.step).toMatchObject({ trouble: unsure, following: { how: 'lost' } });
    expect(reduce(lost, { is: 'following', following: { how: 'live' } }).step).not.toHaveProperty('trouble');
    expect(reduce(shown, { is: 'doing', act: 'kill' }).step).not.toHaveProperty('trouble');
  });

  test('what the connector has refused stays said', () => {
    const problem = { type: 'x', title: 'x', status: 409, detail: 'No.', code: 'stateConflict' as const };
    const refused = reduce(shown, { is: 'actFailed', trouble: { kind: 'problem', problem } });
    expect(reduce(refused, { is: 'following', following: { how: 'live' } }).step).toHaveProperty('trouble');
  });
});

describe('what the mail server said last', () => {
  const said = (name: EventName, evidence: string) => lastReply(reset('mailing', ['requested', [name, evidence]]));

  test.each([
    ['later: connect ECONNREFUSED 127.0.0.1:2525'],
    ['later: getaddrinfo ENOTFOUND mail.contoso.example'],
    ['later: Greeting never received'],
    ['unknown: Connection closed'],
  ])('%s: nothing, it was not reached', (evidence) => {
    expect(said('deferred', evidence)).toBe('unreached');
  });

  test('its reply as it gave it; what an operator must know of the settings as it is', () => {
    expect(said('deferred', 'later: 451 4.7.1 Come back')).toEqual({ reply: '451 4.7.1 Come back' });
    expect(said('mailRefused', 'refused: 550 5.1.1 No such user')).toEqual({ reply: '550 5.1.1 No such user' });
    expect(said('deferred', 'misconfigured: self-signed certificate')).toEqual({ reply: 'self-signed certificate' });
    expect(lastReply(reset('mailing', ['requested']))).toBeUndefined();
  });
});

// Properties ----------------------------------------------------------------------------------------------------

const arbitraryReset = fc
  .record({
    state: fc.constantFrom(...states),
    events: fc.uniqueArray(fc.constantFrom(...eventNames), { maxLength: 8 }),
    self: fc.boolean(),
    seq: fc.nat(12),
    needsYou: fc.option(fc.constantFrom(...needs), { nil: undefined }),
    id: fc.constantFrom('r1', 'r1', 'r1', 'r2'),
  })
  .map(({ state, events, self, seq, needsYou, id }) =>
    reset(
      state,
      events.map((name) => (name === 'changed' && self ? [name, 'self'] : name)),
      { seq, id, ...(needsYou ? { needsYou } : {}) },
    ),
  );

const arbitraryHappening: fc.Arbitrary<Happening> = fc.oneof(
  fc.constantFrom<Happening>(
    { is: 'setUpNeeded' },
    { is: 'configured', config },
    { is: 'signingIn' },
    { is: 'signInWanted', note: 'closed' },
    { is: 'finding' },
    { is: 'offered', offer },
    { is: 'sending', attempt },
    { is: 'sending', attempt: { ...attempt, key: 'key-2' } },
    { is: 'startRefused', trouble },
    { is: 'startUnknown', trouble },
    { is: 'following', following: { how: 'lost' } },
    { is: 'following', following: { how: 'signedOut' } },
    { is: 'following', following: { how: 'live' } },
    { is: 'doing', act: 'kill' },
    { is: 'doing', act: 'cancel' },
    { is: 'actFailed', trouble },
    { is: 'pinHidden' },
    { is: 'sendAgain' },
    { is: 'keep' },
    { is: 'startOver', offer },
    { is: 'showReset' },
    { is: 'failed', trouble },
  ),
  arbitraryReset.map((seen): Happening => ({ is: 'seen', reset: seen })),
  arbitraryReset.map((seen): Happening => ({ is: 'started', reset: seen })),
  arbitraryReset.map((seen): Happening => ({ is: 'offered', offer: { ...offer, reset: seen } })),
);

const histories = fc.array(arbitraryHappening, { maxLength: 40 });
const final: readonly State[] = ['rejected', 'cancelled', 'refused', 'recalled', 'scrambled', 'superseded'];

describe('in any order of events', () => {
  test('success is shown only of a reset that is done, with the event that says so', () => {
    fc.assert(
      fc.property(histories, (happenings) => {
        let flow = play(...form);
        for (const happening of happenings) {
          flow = reduce(flow, happening);
          if (flow.step.at !== 'reset') continue;
          const shown = flow.step.reset;
          if (mood(standing(shown)) !== 'good') continue;
          expect(shown.state).toBe('done');
          const seen = standing(shown) === 'passUsed' ? 'passUsed' : 'changed';
          expect(shown.events.map(({ name }) => name)).toContain(seen);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('what has been killed, cancelled or superseded stays so, until another reset is shown', () => {
    fc.assert(
      fc.property(histories, (happenings) => {
        let flow = play(...form);
        for (const happening of happenings) {
          const before = flow.step;
          flow = reduce(flow, happening);
          if (before.at !== 'reset' || flow.step.at !== 'reset' || happening.is === 'offered') continue;
          if (before.reset.id === flow.step.reset.id && final.includes(before.reset.state)) {
            expect(flow.step.reset.state).toBe(before.reset.state);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  test('an older answer never replaces a newer one', () => {
    fc.assert(
      fc.property(arbitraryReset, fc.array(arbitraryReset), (first, later) => {
        let known = first;
        for (const seen of later) {
          const next = newer(known, seen);
          expect(next.id).toBe(known.id);
          expect(next.seq).toBeGreaterThanOrEqual(known.seq);
          if (!isLive(known) && isLive(next)) expect(next.seq).toBeGreaterThan(known.seq);
          known = next;
        }
      }),
    );
  });

  test('the typed password is in the state only while an attempt is under way or its outcome unknown', () => {
    fc.assert(
      fc.property(histories, (happenings) => {
        let flow = play(...form);
        for (const happening of happenings) {
          flow = reduce(flow, happening);
          const { step } = flow;
          const underWay = step.at === 'form' && (step.sending ?? step.unsure) !== undefined;
          expect(JSON.stringify(flow).includes(secret)).toBe(underWay);
          if (!underWay && step.at !== 'reset') expect(JSON.stringify(flow)).not.toContain(pin);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('every reset has a standing and four rungs, lit only by their own events', () => {
    fc.assert(
      fc.property(arbitraryReset, (some) => {
        expect(typeof standing(some)).toBe('string');
        const names = some.events.map(({ name }) => name as string);
        for (const rung of rungs(some)) expect(rung.state === 'done').toBe(names.includes(rung.name));
        if ((liveStates as readonly State[]).includes(some.state)) expect(isOver(some)).toBe(false);
      }),
    );
  });
});
