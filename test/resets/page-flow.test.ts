// What the one-time page makes of every answer, and of none: nothing is lost, the same holder asks again.

import { describe, expect, test } from 'vitest';
import {
  alarm,
  type FlowDeps,
  finish,
  firstScreen,
  open,
  readCode,
  readPin,
  readVisit,
  type Visit,
  writeVisit,
} from '../../connector/resets/page/flow.ts';
import { spoken } from '../../connector/resets/page/password-screen.ts';
import { codeOf, deriveLink, linkUrl, sealPassword, toBase64url } from '../../shared/link.ts';
import { locales } from '../../shared/locale.ts';
import { linkMessages, linkWords } from '../../shared/messages/link.ts';

const id = Uint8Array.from({ length: 16 }, (_, i) => i);
const key = Uint8Array.from({ length: 32 }, (_, i) => 200 - i);
const holder = toBase64url(new Uint8Array(32).fill(9));
const visit: Visit = { id: toBase64url(id), key, holder, locale: 'en', pin: false, credential: 'password' };
const context = { tenant: 'default', reset: 'r1' };
const password = 'Kestrel-7-harbour-Moss';

/** A server that answers each request with the next of these. */
function server(...answers: (Response | Error)[]) {
  const asked: { url: string; init: RequestInit }[] = [];
  const deps: FlowDeps = {
    patience: 1000,
    fetch: async (url, init = {}) => {
      asked.push({ url: String(url), init });
      const answer = answers.shift() ?? new Error('nothing left to answer');
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
  const body = (at: number) => JSON.parse(String(asked[at]?.init.body)) as Record<string, string>;
  return { deps, asked, body };
}

async function opened(pin?: string) {
  const { encKey } = await deriveLink({ id, key, ...(pin === undefined ? {} : { pin }) });
  return Response.json({
    ...{ state: 'open', ...(await sealPassword(password, encKey, context, new Uint8Array(12))), ...context },
    ...{ signIn: 'https://portal.example/', user: { userPrincipalName: 'ada@contoso.example', displayName: 'Ada' } },
    ...{ organisation: 'Contoso', forceChange: true, leasedUntil: '2026-11-22T10:52:00.000Z', leaseSeconds: 600 },
  });
}

const uniform = () => Response.json({ code: 'linkNotOpened', status: 403 }, { status: 403 });

describe('opening', () => {
  test('a pass is told apart from a password', async () => {
    const pass = { ...(await (await opened()).json()), credential: 'temporaryAccessPass', forceChange: false };
    const { deps } = server(Response.json(pass), Response.json({ ...pass, credential: 'key of the safe' }));
    const screen = await open(deps, { ...visit, credential: 'temporaryAccessPass' }, undefined);
    expect(screen).toMatchObject({ name: 'password', password, opened: { credential: 'temporaryAccessPass' } });
    // What is not known is shown as what it is in nearly every case.
    const unknown = await open(deps, visit, undefined);
    expect(unknown.name === 'password' && unknown.opened).not.toHaveProperty('credential');
  });

  test('shows proof and holder, never key or PIN, and decrypts here', async () => {
    const { deps, asked, body } = server(await opened('12345678'));
    const screen = await open(deps, { ...visit, pin: true }, '12345678');
    expect(screen).toMatchObject({ name: 'password', password });
    const keys = await deriveLink({ id, key, pin: '12345678' });
    const { proof, proofPin = new Uint8Array() } = keys;
    expect(body(0)).toEqual({ proof: toBase64url(proof), proofPin: toBase64url(proofPin), holder });
    expect(asked[0]?.url).toBe(`/r/${visit.id}/open`);
    expect(asked[0]?.init).toMatchObject({ method: 'POST', credentials: 'omit', cache: 'no-store', redirect: 'error' });
    // Origin would be "null" with `same-origin` or `no-cors` under no-referrer (Fetch §4.1), and the server refuse
    expect(asked[0]?.init.mode).toBeUndefined();
    expect(JSON.stringify(asked)).not.toMatch(new RegExp(`12345678|${toBase64url(key)}|${password}`));
  });

  test('a lost answer is asked for again with the same holder', async () => {
    const { deps, body } = server(
      new TypeError('Failed to fetch'),
      new DOMException('timed out', 'TimeoutError'),
      await opened(),
    );
    expect(await open(deps, visit, undefined)).toEqual({ name: 'trouble', kind: 'unreachable' });
    expect(await open(deps, visit, undefined)).toEqual({ name: 'trouble', kind: 'unreachable' });
    expect(await open(deps, visit, undefined)).toMatchObject({ name: 'password', password });
    expect(new Set([0, 1, 2].map((at) => JSON.stringify(body(at)))).size).toBe(1);
  });

  test('a server that never answers is given up', async () => {
    const deps: FlowDeps = {
      patience: 20,
      fetch: (_, init) =>
        new Promise((_resolve, reject) => {
          init?.signal?.addEventListener('abort', () => reject(init.signal?.reason));
        }),
    };
    expect(await open(deps, visit, undefined)).toEqual({ name: 'trouble', kind: 'unreachable' });
  });

  test.each([
    [uniform(), { name: 'refused' }],
    [Response.json({ code: 'originRefused' }, { status: 403 }), { name: 'trouble', kind: 'fault' }],
    [new Response('<html>captive portal', { status: 200 }), { name: 'trouble', kind: 'fault' }],
    [new Response('<html>blocked', { status: 403 }), { name: 'trouble', kind: 'fault' }],
    [Response.json({ state: 'open' }), { name: 'trouble', kind: 'fault' }],
    [Response.json({}, { status: 429 }), { name: 'trouble', kind: 'busy' }],
    [Response.json({}, { status: 503 }), { name: 'trouble', kind: 'busy' }],
    [new Response('bad gateway', { status: 502 }), { name: 'trouble', kind: 'busy' }],
    [Response.json({}, { status: 500 }), { name: 'trouble', kind: 'fault' }],
    [Response.json({ state: 'pinNeeded' }), { name: 'pin', note: 'unknown' }],
    [Response.json({ state: 'pinWrong', left: 3 }), { name: 'pin', note: { left: 3 } }],
    [Response.json({ state: 'openedElsewhere', at: '2026-11-22T10:42:00Z' }), { name: 'openedElsewhere' }],
    [Response.json({ state: 'notReady' }), { name: 'truth', state: 'notReady' }],
    [Response.json({ state: 'nothingChanged' }), { name: 'truth', state: 'nothingChanged' }],
    [Response.json({ state: 'finished', support: '4357' }), { name: 'truth', truth: { support: '4357' } }],
  ])('answer %#: what the person sees', async (answer, screen) => {
    const { deps } = server(answer);
    expect(await open(deps, visit, undefined)).toMatchObject(screen);
  });

  test('a password that does not decrypt is not shown', async () => {
    const { deps } = server(await opened('12345678'));
    expect(await open(deps, visit, '87654321')).toEqual({ name: 'trouble', kind: 'fault' });
  });

  test('nothing is asked for an id or a key that cannot be one', async () => {
    const { deps, asked } = server();
    expect(await open(deps, { ...visit, id: 'x' }, undefined)).toEqual({ name: 'refused' });
    const { key: _, ...keyless } = visit;
    expect(await open(deps, keyless, undefined)).toEqual({ name: 'refused' });
    expect(asked).toEqual([]);
  });
});

test('"I have signed in" shows the holder alone; refused means over; lost can be said again', async () => {
  const { deps, asked, body } = server(
    new Response(null, { status: 204 }),
    uniform(),
    new TypeError('gone'),
    Response.json({}, { status: 503 }),
  );
  expect(await finish(deps, visit)).toEqual({ name: 'done' });
  expect(await finish(deps, visit)).toEqual({ name: 'done' });
  expect(await finish(deps, visit)).toEqual({ name: 'trouble', kind: 'unreachable' });
  expect(await finish(deps, visit)).toEqual({ name: 'trouble', kind: 'busy' });
  expect([asked[0]?.url, body(0)]).toEqual([`/r/${visit.id}/done`, { holder }]);
});

test('"that was not me" shows the proof alone', async () => {
  const { deps, asked, body } = server(new Response(null, { status: 204 }), Response.json({}, { status: 500 }));
  expect(await alarm(deps, visit)).toEqual({ name: 'alarmed' });
  expect(await alarm(deps, visit)).toEqual({ name: 'trouble', kind: 'fault' });
  const { proof } = await deriveLink({ id, key });
  expect([asked[0]?.url, body(0)]).toEqual([`/r/${visit.id}/alarm`, { proof: toBase64url(proof) }]);
});

describe('what is typed', () => {
  test.each([
    ['12345678', '12345678'],
    [' 1234 5678 ', '12345678'],
    ['1234-5678', '12345678'],
    ['٠١٢٣ ٤٥٦٧', '01234567'],
    ['０１２３４５６７', '01234567'],
    ['१२३४५६७८', '12345678'],
    ['1234567', undefined],
    ['123456789', undefined],
    ['1234567a', undefined],
    ['', undefined],
  ])('PIN %j', (text, pin) => {
    expect(readPin(text)).toBe(pin);
  });

  test('the code, the fragment or the whole link will do', async () => {
    const link = linkUrl('https://h.example', { id, key, locale: 'tr', pin: true });
    for (const text of [await codeOf({ key, pin: true }), link, new URL(link).hash, `<${link}>`]) {
      expect(await readCode(text)).toEqual({ key, pin: true, credential: 'password' });
    }
    const pass = linkUrl('https://h.example', { id, key, locale: 'tr', pin: false, credential: 'temporaryAccessPass' });
    for (const text of [await codeOf({ key, pin: false, credential: 'temporaryAccessPass' }), pass]) {
      expect(await readCode(text)).toEqual({ key, pin: false, credential: 'temporaryAccessPass' });
    }
    const code = await codeOf({ key, pin: false });
    expect(await readCode(code.slice(0, -1))).toEqual({ wrong: 'incomplete', typed: 55 });
    expect(await readCode(`${code.slice(0, -1)}${code.endsWith('7') ? '8' : '7'}`)).toEqual({
      wrong: 'mistyped',
      typed: 56,
    });
    expect(await readCode('')).toEqual({ wrong: 'incomplete', typed: 0 });
  });
});

describe('what the tab remembers', () => {
  test('comes back as it was', () => {
    const { key: _, ...keyless } = visit;
    const pass = { ...visit, credential: 'temporaryAccessPass' as const };
    for (const kept of [visit, { ...visit, pin: true, locale: 'tr' as const }, pass, keyless]) {
      expect(readVisit(writeVisit(kept), visit.id)).toEqual(kept);
    }
  });

  test.each([
    null,
    '',
    '{',
    'null',
    '[]',
    '{}',
    writeVisit({ ...visit, holder: 'short' }),
    writeVisit({ ...visit, id: 'other' }),
  ])('%j is not taken for it', (text) => {
    expect(readVisit(text, visit.id)).toBeUndefined();
  });

  test('where it begins', () => {
    const { key: _, ...keyless } = visit;
    expect(firstScreen(visit)).toEqual({ name: 'start' });
    expect(firstScreen({ ...visit, pin: true })).toEqual({ name: 'pin' });
    expect(firstScreen(keyless)).toEqual({ name: 'code' });
  });
});

describe.each(locales)('in %s', (locale) => {
  test('every character of a password has a name of its own', () => {
    const printable = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i));
    const names = printable.map((character) => spoken(locale, character));
    expect(new Set(names).size).toBe(95);
    expect(names.every((name) => name.length > 1)).toBe(true);
    expect(Object.keys(linkMessages[locale].spoken.symbols)).toHaveLength(33);
  });

  test('where a pass is shown nothing speaks of a new password', () => {
    const {
      tab,
      start,
      pin,
      password: screen,
      truths,
      openedElsewhere,
      done,
      leaseOver,
    } = linkWords(locale, 'temporaryAccessPass');
    const { notReady, expired, recalled, finished } = truths;
    const told = [start, pin, notReady, expired, recalled, finished, openedElsewhere.alarmed, done, leaseOver];
    const said = [
      ...told.flatMap(({ title, body }) => [title, body]),
      ...[tab, screen.title, screen.password, screen.copyPassword, screen.stepCopy, openedElsewhere.body('10:42')],
      ...[screen.hiddenAt('10:42'), screen.lastMinute, screen.copyByHand],
    ];
    expect(said.join('\n')).toMatch(/pass\b|geçiş/i);
    // "Without your password" is the one thing to say of it, on the first screen.
    expect(said.filter((text) => /password|parola/i.test(text))).toEqual([start.body]);
    expect(linkWords(locale, 'password')).toBe(linkMessages[locale]);
  });
});
