// The dialog's talk with a connector over real HTTP, what its form makes of a draft, which clicks count, and that both
// languages say everything.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type Config, eventNames, type Offer, parseResetRequest, type Reset, type Search } from '#shared/api.ts';
import { locales } from '#shared/locale.ts';
import { dialogMessages } from '#shared/messages/dialog.ts';
import { problemBody } from '#shared/messages/problem.ts';
import { entraPolicy } from '#shared/password.ts';
import { Problem, type ProblemCode } from '#shared/problem.ts';
import { connector } from '../../extension/connector-client.ts';
import { type Conversation, converse } from '../../extension/dialog/conversation.ts';
import { deliberation } from '../../extension/dialog/deliberate.ts';
import { addressTrouble, type Draft, missing, newDraft, pinFor, toRequest } from '../../extension/dialog/draft.ts';
import type { Flow, Step } from '../../extension/dialog/reset-flow.ts';
import type { Hint } from '../../extension/portals/portal.ts';
import type { SignIn, SignInOutcome } from '../../extension/sign-in.ts';

const organisation = { id: 't', name: 'Contoso', domains: ['contoso.example'] };
const caller = { id: 'c', displayName: 'Gwen Okafor', userPrincipalName: 'gwen.okafor@contoso.example' };
const user = {
  id: 'u',
  displayName: 'Amara Nwosu',
  userPrincipalName: 'amara.nwosu@contoso.example',
  accountEnabled: true,
};
const config: Config = {
  version: 1,
  organisation: { id: 't', name: 'Contoso' },
  authority: 'https://connector.example/signin/default',
  protocol: 'oidc',
  clientId: 'reset-and-resend-extension',
  scopes: ['Passwords.Reset'],
};
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
  locale: 'tr',
  lifetimes: { link: 86_400, change: 259_200 },
};
const reset = (state: Reset['state'], more: Partial<Reset> = {}): Reset => ({
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
  may: ['cancel', 'sendAgain', 'kill'],
  seq: 2,
  events: [],
  ...more,
});

// The talk --------------------------------------------------------------------------------------------------------

interface Seen {
  readonly what: string;
  readonly key: string | undefined;
  readonly body: unknown;
}
type Answers = (what: string, seen: Seen[]) => unknown;

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/**
 * A connector that answers by `METHOD /path`: with JSON, with a Problem, or ('cut') with nothing. A stream of events
 * begins with the reset that is answered, if any, and stays open.
 */
async function world(hint: Hint | undefined, answers: Answers, outcomes: SignInOutcome['outcome'][] = ['done']) {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const what = `${request.method} ${request.url}`;
    const body: unknown = text === '' ? undefined : JSON.parse(text);
    const key = request.headers['idempotency-key'];
    seen.push({ what, key: typeof key === 'string' ? key : undefined, body });
    const answer = answers(what, seen);
    if (what.endsWith('/events') && answer !== 'cut' && !(answer instanceof Problem)) {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': here\n\n');
      if (answer) response.write(`id: 9\nevent: reset\ndata: ${JSON.stringify(answer)}\n\n`);
      return;
    }
    if (answer === 'cut') return void response.destroy();
    const problem = answer instanceof Problem ? answer : answer === undefined ? new Problem('notFound') : undefined;
    const status = problem?.status ?? (request.method === 'POST' ? 202 : 200);
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(problem ? problemBody(problem, 'en') : answer));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const flows: Flow[] = [];
  const configs: Config[] = [];
  const outcome = async () => ({ outcome: outcomes.shift() ?? 'done', why: 'x' }) as SignInOutcome;
  const provider: SignIn = { token: async () => 'token', quiet: outcome, interactive: outcome };
  let keys = 0;
  const talk: Conversation = converse({
    hint,
    connect: (token) => connector({ origin, locale: 'en', token, wait: async () => {}, timeout: 2000 }),
    signInTo: (found) => {
      configs.push(found);
      return provider;
    },
    random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
    newKey: () => `key-${++keys}-of-the-test`,
    show: (flow) => flows.push(flow),
  });
  const step = () => flows.at(-1)?.step as Step;
  return { talk, seen, flows, step, configs };
}

const found = (users: Search['users']): Search => ({ organisation, caller, users });
const rowHint = { address: user.userPrincipalName, displayName: 'Amara Nwosu', host: 'admin.cloud.microsoft' };
const known: Answers = (what) => {
  if (what.startsWith('GET /api/config')) return config;
  if (what.startsWith('GET /api/users?search=')) return found([{ ...user, exact: true }]);
  if (what === 'GET /api/users/u/offer') return offer;
  return undefined;
};
const request = {
  user: 'u',
  mode: 'link' as const,
  forceChangePasswordNextSignIn: true,
  recipient: { onFile: 'a1' },
  locale: 'en' as const,
};

describe('from the hint to the person', () => {
  test('a whole address leads straight to the form', async () => {
    const { talk, step, flows } = await world(rowHint, known);
    await talk.begin();
    expect(step()).toMatchObject({ at: 'form', offer: { user: { id: 'u' } } });
    expect(flows.at(-1)).toMatchObject({ organisation: { name: 'Contoso' }, caller: { displayName: 'Gwen Okafor' } });
  });

  test('without a connector there is only the way to the settings', async () => {
    const flows: Flow[] = [];
    const talk = converse({
      ...{ hint: rowHint, connect: undefined, signInTo: () => Promise.reject() as never },
      ...{ random: (bytes) => new Uint8Array(bytes), newKey: () => 'key', show: (flow) => flows.push(flow) },
    });
    await talk.begin();
    expect(flows.at(-1)?.step.at).toBe('setUp');
  });

  test('a name alone is searched for and never picked, not even a single match', async () => {
    const hint = { displayName: 'Amara Nwosu', host: 'admin.cloud.microsoft' };
    const { talk, step, seen } = await world(hint, (what, all) =>
      what.startsWith('GET /api/users?') ? found([user]) : known(what, all),
    );
    await talk.begin();
    expect(step()).toMatchObject({ at: 'picking', why: 'nameOnly', users: [{ id: 'u' }] });
    expect(seen.some(({ what }) => what.includes('/offer'))).toBe(false);
    await talk.choose('u');
    expect(step().at).toBe('form');
  });

  test('an object id leads to the person, an unknown one to the list', async () => {
    const hint = { objectId: 'u', displayName: 'Amara Nwosu', host: 'admin.cloud.microsoft' };
    const direct = await world(hint, known);
    await direct.talk.begin();
    expect(direct.step().at).toBe('form');
    const unknown = await world({ ...hint, objectId: 'gone' }, (what, all) =>
      what.startsWith('GET /api/users?') ? found([user]) : known(what, all),
    );
    await unknown.talk.begin();
    expect(unknown.step()).toMatchObject({ at: 'picking', why: 'notFound' });
  });

  test('an address of another organisation stops here and offers that organisation’s sign-in', async () => {
    const fabrikam = { ...config, organisation: { id: 'f', name: 'Fabrikam' } };
    const hint = { ...rowHint, address: 'dana.fabri@fabrikam.example' };
    const { talk, step, seen, configs } = await world(hint, (what, all) =>
      what === 'GET /api/config?domain=fabrikam.example' ? fabrikam : known(what, all),
    );
    await talk.begin();
    expect(step()).toMatchObject({ at: 'elsewhere', domain: 'fabrikam.example', other: fabrikam });
    await talk.send(request, false);
    expect(seen.some(({ what }) => what.startsWith('POST'))).toBe(false);
    await talk.signInElsewhere();
    expect(configs.map(({ organisation: { name } }) => name)).toEqual(['Contoso', 'Fabrikam']);
  });

  test('when the connector doesn’t serve that organisation, it says so', async () => {
    const { talk, step } = await world({ ...rowHint, address: 'dana@fabrikam.example' }, (what, all) =>
      what.includes('domain=') ? new Problem('notFound') : known(what, all),
    );
    await talk.begin();
    expect(step()).toMatchObject({ at: 'elsewhere', other: null });
  });

  test.each<[ProblemCode, Step['at']]>([
    ['roleMissing', 'trouble'],
    ['tokenExpired', 'signIn'],
  ])('%s leads to %s', async (code, at) => {
    const { talk, step } = await world(rowHint, (what, all) =>
      what.startsWith('GET /api/users?') ? new Problem(code) : known(what, all),
    );
    await talk.begin();
    expect(step().at).toBe(at);
  });

  test('a connector that doesn’t answer is trouble, and trying again helps', async () => {
    let up = false;
    const { talk, step } = await world(rowHint, (what, all) => (up ? known(what, all) : 'cut'));
    await talk.begin();
    expect(step()).toMatchObject({ at: 'trouble', trouble: { kind: 'unreachable' } });
    up = true;
    await talk.reload();
    expect(step().at).toBe('form');
  });

  test('a closed sign-in window leaves the button', async () => {
    const { talk, step } = await world(rowHint, known, ['needed', 'closed', 'done']);
    await talk.begin();
    expect(step()).toEqual({ at: 'signIn', phase: 'ready' });
    await talk.signIn();
    expect(step()).toEqual({ at: 'signIn', phase: 'ready', note: 'closed' });
    await talk.signIn();
    expect(step().at).toBe('form');
  });
});

describe('a reset', () => {
  const posts = (seen: Seen[]) => seen.filter(({ what }) => what === 'POST /api/resets');

  test('is sent with a PIN of its own, which is shown afterwards', async () => {
    const { talk, step, seen } = await world(rowHint, (what, all) =>
      what === 'POST /api/resets' ? reset('prepared', { pin: true }) : known(what, all),
    );
    await talk.begin();
    await talk.send({ ...request, password: 'Wq7-secret-Zr' }, true);
    const shown = step();
    expect(shown).toMatchObject({ at: 'reset', pin: expect.stringMatching(/^\d{8}$/), reset: { id: 'r1' } });
    const [sent] = posts(seen);
    expect(parseResetRequest(sent?.body)).toMatchObject({ pin: shown.at === 'reset' && shown.pin });
    expect(JSON.stringify(step())).not.toContain('Wq7-secret');
  });

  test('a double click sends once', async () => {
    const { talk, seen } = await world(rowHint, (what, all) =>
      what === 'POST /api/resets' ? reset('prepared') : known(what, all),
    );
    await talk.begin();
    await Promise.all([talk.send(request, false), talk.send(request, false), talk.send(request, false)]);
    expect(posts(seen)).toHaveLength(1);
  });

  test('without an answer the same attempt is repeated: same key, same body, same PIN', async () => {
    let up = false;
    const { talk, step, seen } = await world(rowHint, (what, all) => {
      if (what !== 'POST /api/resets') return known(what, all);
      return up ? reset('prepared', { pin: true }) : 'cut';
    });
    await talk.begin();
    await talk.send(request, true);
    expect(step()).toMatchObject({ at: 'form', unsure: { key: 'key-1-of-the-test' } });
    up = true;
    await talk.send({ ...request, locale: 'tr' }, false);
    expect(step().at).toBe('reset');
    expect(posts(seen).length).toBe(5);
    expect(new Set(posts(seen).map(({ key, body }) => JSON.stringify([key, body]))).size).toBe(1);
  });

  test('after a refusal the next attempt has another key and another PIN', async () => {
    const { talk, step, seen } = await world(rowHint, (what, all) =>
      what === 'POST /api/resets' ? new Problem('recipientNotAllowed') : known(what, all),
    );
    await talk.begin();
    await talk.send(request, true);
    expect(step()).toMatchObject({
      at: 'form',
      trouble: { kind: 'problem', problem: { code: 'recipientNotAllowed' } },
    });
    await talk.send(request, true);
    const keys = posts(seen).map(({ key, body }) => `${key}/${(body as { pin: string }).pin}`);
    expect(new Set(keys).size).toBe(2);
  });

  test('somebody else was faster: theirs is shown', async () => {
    const theirs = reset('ready', { id: 'r2', startedBy: { id: 'p', displayName: 'Pål Lindqvist' } });
    let taken = false;
    const { talk, step } = await world(rowHint, (what, all) => {
      if (what === 'POST /api/resets') {
        taken = true;
        return new Problem('liveReset', { by: 'Pål Lindqvist' });
      }
      return what === 'GET /api/users/u/offer' && taken ? { ...offer, reset: theirs } : known(what, all);
    });
    await talk.begin();
    await talk.send(request, true);
    expect(step()).toMatchObject({ at: 'reset', reset: { id: 'r2' } });
    expect(step()).not.toHaveProperty('pin');
  });

  test('a sign-in that ended meanwhile is renewed, and the attempt goes on with its key', async () => {
    const { talk, step, seen } = await world(rowHint, (what, all) => {
      if (what !== 'POST /api/resets') return known(what, all);
      return posts(all).length <= 2 ? new Problem('tokenExpired') : reset('prepared');
    });
    await talk.begin();
    await talk.send(request, false);
    expect(step().at).toBe('reset');
    expect(new Set(posts(seen).map(({ key }) => key)).size).toBe(1);
  });

  test('that lives is shown when the dialog opens again, and can be killed', async () => {
    const { talk, step } = await world(rowHint, (what, all) => {
      if (what === 'GET /api/users/u/offer') return { ...offer, reset: reset('ready') };
      return what === 'POST /api/resets/r1/kill' ? reset('recalled', { seq: 3, may: [] }) : known(what, all);
    });
    await talk.begin();
    expect(step()).toMatchObject({ at: 'reset', reset: { state: 'ready' } });
    await talk.act('kill');
    expect(step()).toMatchObject({ at: 'reset', reset: { state: 'recalled' } });
    expect(step()).not.toHaveProperty('doing');
  });

  test('that moved on before it could be cancelled is shown as it is now', async () => {
    const { talk, step } = await world(rowHint, (what, all) => {
      if (what === 'GET /api/users/u/offer') return { ...offer, reset: reset('mailed') };
      if (what === 'POST /api/resets/r1/cancel') return new Problem('stateConflict');
      return what === 'GET /api/resets/r1' ? reset('ready', { seq: 4 }) : known(what, all);
    });
    await talk.begin();
    await talk.act('cancel');
    expect(step()).toMatchObject({
      at: 'reset',
      reset: { state: 'ready' },
      trouble: { problem: { code: 'stateConflict' } },
    });
  });
});

describe('following a reset', () => {
  const live = reset('ready');
  const events = 'GET /api/resets/r1/events';
  const offered: Answers = (what, all) => {
    if (what === 'GET /api/users/u/offer') return { ...offer, reset: live };
    return what === events ? undefined : known(what, all);
  };
  const streams = (seen: Seen[]) => seen.filter(({ what }) => what === events);

  test('a sign-in that has ended is said, with the reset in sight; after signing in it is followed again', async () => {
    let ended = true;
    const later = reset('leased', { seq: 9 });
    const { talk, step } = await world(rowHint, (what, all) => {
      if (what === events) return ended ? new Problem('tokenExpired') : later;
      return offered(what, all);
    });
    await talk.begin();
    await vi.waitFor(() => expect(step()).toMatchObject({ at: 'reset', following: { how: 'signedOut' } }));
    expect(step()).toMatchObject({ reset: { id: 'r1', state: 'ready' } });
    ended = false;
    await talk.signIn();
    await vi.waitFor(() => expect(step()).toMatchObject({ at: 'reset', reset: { state: 'leased' } }));
    expect(step()).toMatchObject({ following: { how: 'live' } });
  });

  test('a sign-in window that was closed keeps the reset and the button; the next try works', async () => {
    let ended = true;
    const { talk, step } = await world(
      rowHint,
      (what, all) => {
        if (what === events) return ended ? new Problem('tokenExpired') : reset('leased', { seq: 9 });
        return offered(what, all);
      },
      ['done', 'closed', 'done'],
    );
    await talk.begin();
    await vi.waitFor(() => expect(step()).toMatchObject({ following: { how: 'signedOut' } }));
    await talk.signIn();
    expect(step()).toMatchObject({ at: 'reset', following: { how: 'signedOut', note: 'closed' } });
    ended = false;
    await talk.signIn();
    await vi.waitFor(() => expect(step()).toMatchObject({ reset: { state: 'leased' }, following: { how: 'live' } }));
  });

  test('a sign-in for something else takes it up again as well', async () => {
    let ended = true;
    const { talk, step, seen } = await world(rowHint, (what, all) => {
      if (what === events) return ended ? new Problem('tokenExpired') : undefined;
      if (what !== 'POST /api/resets/r1/cancel') return offered(what, all);
      // The first answer, and the one with a fresh token.
      if (all.filter((one) => one.what === what).length <= 2) return new Problem('tokenExpired');
      ended = false;
      return reset('ready', { seq: 3 });
    });
    await talk.begin();
    await vi.waitFor(() => expect(step()).toMatchObject({ following: { how: 'signedOut' } }));
    const before = streams(seen).length;
    await talk.act('cancel');
    await vi.waitFor(() => expect(streams(seen).length).toBeGreaterThan(before));
    expect(step()).toMatchObject({ following: { how: 'live' } });
  });

  test('another refusal is shown with its own sentence, and can be tried again', async () => {
    let refused = true;
    const { talk, step } = await world(rowHint, (what, all) => {
      if (what === events) return refused ? new Problem('roleMissing') : reset('leased', { seq: 9 });
      return offered(what, all);
    });
    await talk.begin();
    await vi.waitFor(() =>
      expect(step()).toMatchObject({ following: { how: 'refused', problem: { code: 'roleMissing' } } }),
    );
    refused = false;
    talk.followAgain();
    await vi.waitFor(() => expect(step()).toMatchObject({ reset: { state: 'leased' }, following: { how: 'live' } }));
  });

  test('is taken up again by “keep” when it was refused behind the form', async () => {
    let refused = false;
    const { talk, step, seen } = await world(rowHint, (what, all) => {
      if (what === events) return refused ? new Problem('tokenExpired') : 'cut';
      return offered(what, all);
    });
    await talk.begin();
    refused = true;
    talk.sendAgain();
    await vi.waitFor(() => expect(streams(seen).length).toBeGreaterThan(1));
    await new Promise((resolve) => setTimeout(resolve, 150));
    const before = streams(seen).length;
    // Nobody looks at it behind the form: it is not asked for over and over.
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(streams(seen).length).toBe(before);
    talk.keep();
    // Asked once, and once more with a fresh token.
    await vi.waitFor(() => expect(streams(seen).length).toBe(before + 2));
    await vi.waitFor(() => expect(step()).toMatchObject({ at: 'reset', following: { how: 'signedOut' } }));
  });

  test('one that is over is not asked for again', async () => {
    const over = reset('cancelled', { seq: 9 });
    const { talk, step, seen } = await world(rowHint, (what, all) => (what === events ? over : offered(what, all)));
    await talk.begin();
    await vi.waitFor(() => expect(step()).toMatchObject({ reset: { state: 'cancelled' } }));
    talk.hidePin();
    talk.followAgain();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(streams(seen)).toHaveLength(1);
  });
});

describe('without an answer', () => {
  const lost: Answers = (what, all) => {
    if (what === 'GET /api/users/u/offer') return { ...offer, reset: reset('ready') };
    return what === 'GET /api/resets/r1/events' ? undefined : known(what, all);
  };

  test.each(['kill', 'cancel'] as const)('a %s is said to be unknown, not failed, and may be repeated', async (act) => {
    let up = false;
    const { talk, step } = await world(rowHint, (what, all) => {
      if (what.startsWith('POST') || what === 'GET /api/resets/r1') {
        return up ? reset('recalled', { seq: 3, may: [] }) : 'cut';
      }
      return lost(what, all);
    });
    await talk.begin();
    await talk.act(act);
    expect(step()).toMatchObject({ at: 'reset', trouble: { kind: 'unsure', act } });
    up = true;
    await talk.act(act);
    expect(step()).toMatchObject({ reset: { state: 'recalled' } });
    expect(step()).not.toHaveProperty('trouble');
  });

  test('a search that is not signed in any more offers the sign-in', async () => {
    let ended = false;
    const { talk, step } = await world({ displayName: 'Amara Nwosu', host: 'x' }, (what, all) =>
      what.startsWith('GET /api/users?') ? (ended ? new Problem('tokenExpired') : found([user])) : known(what, all),
    );
    await talk.begin();
    expect(step().at).toBe('picking');
    ended = true;
    await talk.search('amara');
    expect(step()).toMatchObject({ at: 'signIn', phase: 'ready' });
  });
});

// The form --------------------------------------------------------------------------------------------------------

describe('the draft', () => {
  test('proposes the only address on file, and none among several', () => {
    expect(newDraft(offer).recipient).toEqual({ onFile: 'a1' });
    const two = { ...offer, addresses: [...offer.addresses, { id: 'a2', masked: 'b•••@p•••.example' }] };
    expect(newDraft(two).recipient).toBeUndefined();
    expect(missing(newDraft(two), two)).toEqual(['recipient']);
    expect(newDraft({ ...offer, addresses: [] }).recipient).toBe('typed');
    expect(
      newDraft({ ...offer, addresses: [], recipient: { mayType: false, mayRemember: true } }).recipient,
    ).toBeUndefined();
  });

  test('comes back with what it replaces', () => {
    const typed = newDraft(
      offer,
      reset('ready', { recipient: { shown: 'ada@post.example', onFile: false }, pin: true }),
    );
    expect(typed).toMatchObject({ recipient: 'typed', address: 'ada@post.example', pin: true, locale: 'en' });
    expect(toRequest(typed, offer, reset('ready'))).toMatchObject({ supersede: 'r1' });
    expect(toRequest(typed, offer, reset('expired'))).not.toHaveProperty('supersede');
  });

  test('wants a PIN as the organisation proposes, unless the person decides otherwise where they may', () => {
    const onFile = newDraft(offer);
    const typed: Draft = { ...onFile, recipient: 'typed' };
    expect([pinFor(onFile, offer), pinFor(typed, offer)]).toEqual([
      { wanted: false, fixed: false },
      { wanted: true, fixed: false },
    ]);
    expect(pinFor({ ...typed, pin: false }, offer).wanted).toBe(false);
    const strict = { ...offer, pin: { onFile: false, typed: true, mayUntick: false } };
    expect(pinFor({ ...typed, pin: false }, strict)).toEqual({ wanted: true, fixed: true });
    expect(pinFor({ ...onFile, pin: true }, strict)).toEqual({ wanted: true, fixed: false });
  });

  test.each([
    ['', 'empty'],
    ['ada', 'noAt'],
    ['ada@mail', 'noDomain'],
    ['ada@mail.example\nBcc: eve@evil.example', 'control'],
    ['AMARA.NWOSU@contoso.example', 'ownMailbox'],
    ['amara.nwosu+x@contoso.example', 'ownMailbox'],
    ['amara@mail.example', undefined],
  ])('an address %j: %s', (address, expected) => {
    const draft: Draft = { ...newDraft(offer), recipient: 'typed', address };
    expect(addressTrouble(draft, offer)).toBe(expected);
    expect(missing(draft, offer)).toEqual(expected === undefined ? [] : ['address']);
  });

  test('a pass is proposed again for a reset that had one, where it is still allowed, and takes no password along', () => {
    const before = reset('ready', { credential: 'temporaryAccessPass' });
    const allowing = { ...offer, temporaryAccessPass: true };
    expect([newDraft(allowing).how, newDraft(allowing, reset('ready')).how]).toEqual(['generate', 'generate']);
    expect(newDraft(offer, before).how).toBe('generate');
    const again = newDraft(allowing, before);
    expect(again.how).toBe('pass');
    expect(toRequest({ ...again, password: 'typed before' }, allowing, before)).toEqual({
      user: 'u',
      mode: 'link',
      credential: 'temporaryAccessPass',
      forceChangePasswordNextSignIn: false,
      recipient: { onFile: 'a1' },
      locale: 'en',
      supersede: 'r1',
    });
    expect(missing({ ...again, password: 'x' }, allowing)).toEqual([]);
  });

  test('with nothing missing becomes a request that the connector’s own parser takes', () => {
    const draft = fc.record({
      how: fc.constantFrom('generate' as const, 'create' as const, 'pass' as const),
      password: fc.oneof(fc.constant('Wq7-Xkvb-Zr'), fc.string({ unit: 'binary' })),
      forceChange: fc.boolean(),
      recipient: fc.constantFrom('typed' as const, { onFile: 'a1' }, undefined),
      address: fc.oneof(fc.emailAddress(), fc.string({ unit: 'binary' })),
      pin: fc.constantFrom(true, false, undefined),
      remember: fc.boolean(),
      locale: fc.constantFrom(...locales),
    });
    let sent = 0;
    fc.assert(
      fc.property(draft, (some: Draft) => {
        if (missing(some, offer).length > 0) return;
        sent++;
        const made = toRequest(some, offer);
        expect(parseResetRequest(JSON.parse(JSON.stringify(made)))).toEqual(made);
        expect('password' in made).toBe(some.how === 'create');
        expect(made.credential).toBe(some.how === 'pass' ? 'temporaryAccessPass' : undefined);
      }),
    );
    expect(sent).toBeGreaterThan(5);
  });
});

describe('a click', () => {
  function visible() {
    let listener = () => {};
    const page = {
      visibilityState: 'visible' as DocumentVisibilityState,
      hasFocus: vi.fn(() => true),
      addEventListener: (_name: string, heard: () => void) => {
        listener = heard;
      },
    };
    const change = (state: DocumentVisibilityState) => {
      page.visibilityState = state;
      listener();
    };
    return { page, change };
  }

  test('counts only from a hand, in a focused window that has been seen for half a second', () => {
    const { page, change } = visible();
    let now = 0;
    const isDeliberate = deliberation(page as never, () => now);
    const real = { isTrusted: true };
    now = 499;
    expect(isDeliberate(real)).toBe(false);
    now = 500;
    expect(isDeliberate(real)).toBe(true);
    expect(isDeliberate({ isTrusted: false })).toBe(false);
    page.hasFocus.mockReturnValue(false);
    expect(isDeliberate(real)).toBe(false);
    page.hasFocus.mockReturnValue(true);
    change('hidden');
    now = 5_000;
    expect(isDeliberate(real)).toBe(false);
    change('visible');
    expect(isDeliberate(real)).toBe(false);
    now = 5_500;
    expect(isDeliberate(real)).toBe(true);
  });
});

// The words -------------------------------------------------------------------------------------------------------

describe('the words', () => {
  /** Every sentence with its path; functions are asked with telling arguments. */
  function sentences(value: unknown, path = ''): [string, string][] {
    if (typeof value === 'string') return [[path, value]];
    if (typeof value === 'function') return [[path, String(value('«one»', '«two»'))]];
    return Object.entries(value as object).flatMap(([key, inner]) => sentences(inner, `${path}.${key}`));
  }

  test('say the same things in every language', () => {
    const [first = [], ...others] = locales.map((locale) => sentences(dialogMessages[locale]).map(([path]) => path));
    for (const other of others) expect(other).toEqual(first);
  });

  test('leave nothing empty, nothing undefined, and drop none of what they are given', () => {
    for (const locale of locales) {
      const english = new Map(sentences(dialogMessages.en));
      for (const [path, sentence] of sentences(dialogMessages[locale])) {
        expect(sentence.trim(), path).not.toBe('');
        expect(sentence, path).not.toMatch(/undefined|\[object|NaN/);
        for (const given of ['«one»', '«two»']) {
          expect(sentence.includes(given), `${locale}${path} ${given}`).toBe(english.get(path)?.includes(given));
        }
      }
    }
  });

  test('are Turkish in Turkish', () => {
    const english = new Map(sentences(dialogMessages.en));
    const same = sentences(dialogMessages.tr).filter(([path, sentence]) => english.get(path) === sentence);
    expect(same.map(([, sentence]) => sentence)).toEqual(['Reset & Resend', 'PIN']);
  });

  test('have a name for every event', () => {
    for (const locale of locales)
      expect(Object.keys(dialogMessages[locale].event).sort()).toEqual([...eventNames].sort());
  });
});
