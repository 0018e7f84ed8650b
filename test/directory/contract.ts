// What every directory adapter must do, as the resets door relies on it; each adapter's test file runs it over a
// directory that holds Contoso's sample people.

import { describe, expect, test } from 'vitest';
import type { Directory, User } from '../../connector/directory/directory.ts';
import { cast, contoso, homeAddresses, people, type SampleUser, stranger } from '../people.ts';

/** A directory under test with Contoso's people in it. */
export interface Subject {
  readonly directory: Directory;
  /** Moves the adapter's clock, in milliseconds. */
  advance(milliseconds: number): void;
  /** Does this password sign the person in? */
  signsIn(id: string, password: string): Promise<boolean>;
  /** The person chooses a password by signing in. */
  choosePassword(id: string, password: string): Promise<void>;
  /** Sessions that the person has at the moment; `signIn` makes one. */
  sessions(id: string): Promise<number>;
  signIn(id: string): Promise<void>;
  /** Gives a role by its template id. */
  giveRole(id: string, roleTemplateId: string): Promise<void>;
  close(): Promise<void>;
  /** Is there a record of who changed a password? Without one it is only known what this adapter did itself. */
  readonly knowsWho?: false;
}

const first = 'Kf7e-rB4m-t9Rz-5hWd';
const second = 'Mn8w-Qd3k-x5Tv-7jPy';
const nobody = '00000000-0000-4000-8000-000000000000';
const force = (password: string) => ({ password, forceChangePasswordNextSignIn: true });

/** Runs the contract. `make` gives a fresh directory for each test. */
export function directoryContract(name: string, make: () => Promise<Subject>): void {
  async function using(work: (subject: Subject, idOf: (person: SampleUser) => Promise<string>) => Promise<void>) {
    const subject = await make();
    const idOf = async (person: SampleUser) => ((await subject.directory.find(person.userName)) as User).id;
    try {
      await work(subject, idOf);
    } finally {
      await subject.close();
    }
  }

  describe(`${name}: people`, () => {
    test('the organisation has an id, a name and its domains', () =>
      using(async ({ directory }) => {
        const organisation = await directory.organization();
        expect(organisation.id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
        expect(organisation).toMatchObject({ displayName: contoso.name, verifiedDomains: [contoso.domain] });
      }));

    test('everybody is found by name in any case, and by the id that this gives', () =>
      using(async ({ directory }) => {
        for (const person of people) {
          const found = await directory.find(person.userName);
          expect(found).toMatchObject({
            userPrincipalName: person.userName,
            displayName: person.displayName,
            accountEnabled: person.active,
            otherMails: homeAddresses(person),
            jobTitle: person.title,
            preferredLanguage: person.preferredLanguage,
          });
          expect(found?.proxyAddresses).toContain(person.userName);
          expect(found?.otherMails.some((address) => found.proxyAddresses.includes(address))).toBe(false);
          expect(await directory.find(found?.id ?? '')).toEqual(found);
          expect(await directory.find(person.userName.toUpperCase())).toEqual(found);
        }
      }));

    test('who is not here is not found: by name, by id, by address, by nothing', () =>
      using(async ({ directory }) => {
        const [home = ''] = homeAddresses(cast.amara);
        for (const text of [
          stranger.userName,
          '00000000-0000-4000-8000-000000000000',
          home,
          '',
          ' ',
          "' or 1=1",
          '%',
          '*',
        ]) {
          expect([text, await directory.find(text)]).toEqual([text, undefined]);
        }
      }));

    test('search: the beginning of names and addresses; a whole address first; twenty at most; strangers never', () =>
      using(async ({ directory }, idOf) => {
        const ids = async (text: string) => (await directory.search(text)).map(({ id }) => id);
        const amara = await idOf(cast.amara);
        expect(await ids('amara')).toEqual([amara]);
        expect(await ids('Nwosu')).toEqual([amara]);
        expect(await ids('amara.nw')).toEqual([amara]);
        expect((await ids(cast.mariaOfSales.userName))[0]).toBe(await idOf(cast.mariaOfSales));
        expect(await ids('Maria Silva')).toHaveLength(2);
        expect((await ids('a')).length).toBeLessThanOrEqual(20);
        expect(await ids('nobody at all')).toEqual([]);
        expect(await ids('')).toEqual([]);
      }));

    test('roles are read now', () =>
      using(async ({ directory, giveRole }, idOf) => {
        const amara = await idOf(cast.amara);
        expect((await directory.standingOf(amara)).roles).toEqual([]);
        await giveRole(amara, '966707d0-3269-4727-9be2-8c3a10f19b9d');
        expect((await directory.standingOf(amara)).roles).toEqual(['966707d0-3269-4727-9be2-8c3a10f19b9d']);
        expect((await directory.standingOf(await idOf(cast.ada))).roles).toEqual([]);
        expect((await directory.standingOf('nobody')).roles).toEqual([]);
      }));
  });

  describe(`${name}: passwords`, () => {
    test('a password that is set signs in, the one before no longer does, and the record names the operation', () =>
      using(async ({ directory, signsIn, advance }, idOf) => {
        const amara = await idOf(cast.amara);
        expect(await directory.lastPasswordChange(amara)).toBeUndefined();
        const one = await directory.setPassword(amara, force(first), 'reset:1');
        expect(one).toMatchObject({ outcome: 'done' });
        expect(await signsIn(amara, first)).toBe(true);
        advance(1000);
        const two = await directory.setPassword(amara, force(second), 'reset:2');
        expect([await signsIn(amara, first), await signsIn(amara, second)]).toEqual([false, true]);
        const at = two.outcome === 'done' ? two.at : 0;
        const change = await directory.lastPasswordChange(amara);
        expect(change).toEqual({ at, by: { kind: 'operation', operation: 'reset:2' } });
      }));

    test('the same operation with the same value again is harmless', () =>
      using(async ({ directory, advance, signsIn }, idOf) => {
        const amara = await idOf(cast.amara);
        await directory.setPassword(amara, force(first), 'reset:1');
        const before = await directory.lastPasswordChange(amara);
        advance(5000);
        expect(await directory.setPassword(amara, force(first), 'reset:1')).toMatchObject({ outcome: 'done' });
        expect(await directory.lastPasswordChange(amara)).toEqual(before);
        expect(await signsIn(amara, first)).toBe(true);
      }));

    test('of many at once one value holds, and each that says done was true when it said so', () =>
      using(async ({ directory, signsIn }, idOf) => {
        const amara = await idOf(cast.amara);
        const passwords = Array.from({ length: 4 }, (_, at) => `Kf7e-rB4m-t9Rz-${at}hWd`);
        const outcomes = await Promise.all(
          passwords.map((password, at) => directory.setPassword(amara, force(password), `reset:${at}`)),
        );
        const done = outcomes.flatMap(({ outcome }, at) => (outcome === 'done' ? [at] : []));
        expect(done.length).toBeGreaterThan(0);
        for (const outcome of outcomes) {
          if (outcome.outcome === 'failed') expect(outcome.problem.code).toBe('stateConflict');
        }
        const holding = await Promise.all(passwords.map((password) => signsIn(amara, password)));
        expect(holding.filter(Boolean)).toHaveLength(1);
        expect(done).toContain(holding.indexOf(true));
      }));

    test('ifUnchangedSince: a password that the person chose meanwhile is never overwritten', () =>
      using(async ({ directory, choosePassword, signsIn, advance, knowsWho }, idOf) => {
        const amara = await idOf(cast.amara);
        await directory.setPassword(amara, force(first), 'reset:1');
        const seen = (await directory.lastPasswordChange(amara))?.at;
        advance(1000);
        await choosePassword(amara, second);
        const who = knowsWho === false ? 'unknown' : 'self';
        expect((await directory.lastPasswordChange(amara))?.by).toEqual({ kind: who });
        const late = await directory.setPassword(amara, force('Zz9q-Zz8w-Zz7r-Zz6t'), 'scramble:1', seen);
        expect(late.outcome === 'failed' && late.problem.code).toBe('stateConflict');
        expect(await signsIn(amara, second)).toBe(true);
      }));

    test('ifUnchangedSince: unchanged, it is set; repeated after a lost answer, it is still done', () =>
      using(async ({ directory, advance, signsIn }, idOf) => {
        const amara = await idOf(cast.amara);
        await directory.setPassword(amara, force(first), 'reset:1');
        const seen = (await directory.lastPasswordChange(amara))?.at;
        advance(1000);
        for (let attempt = 0; attempt < 2; attempt++) {
          expect(await directory.setPassword(amara, force(second), 'scramble:1', seen)).toMatchObject({
            outcome: 'done',
          });
          advance(1000);
        }
        expect(await signsIn(amara, second)).toBe(true);
      }));

    test('a new password ends the sessions of the old one; so does revokeSessions; others keep theirs', () =>
      using(async ({ directory, signIn, sessions }, idOf) => {
        const [amara, ada] = [await idOf(cast.amara), await idOf(cast.ada)];
        await signIn(amara);
        await signIn(ada);
        expect([await sessions(amara), await sessions(ada)]).toEqual([1, 1]);
        await directory.setPassword(amara, force(first), 'reset:1');
        expect([await sessions(amara), await sessions(ada)]).toEqual([0, 1]);
        await signIn(amara);
        expect(await directory.revokeSessions(amara)).toMatchObject({ outcome: 'done' });
        expect([await sessions(amara), await sessions(ada)]).toEqual([0, 1]);
      }));

    test('a person who does not exist: failed, targetUnknown, and nobody comes into being', () =>
      using(async ({ directory }) => {
        const nobody = '00000000-0000-4000-8000-000000000000';
        for (const outcome of [
          await directory.setPassword(nobody, force(first), 'reset:1'),
          await directory.revokeSessions(nobody),
        ]) {
          expect(outcome.outcome === 'failed' && outcome.problem.code).toBe('targetUnknown');
        }
        expect(await directory.find(nobody)).toBeUndefined();
        expect(await directory.lastPasswordChange(nobody)).toBeUndefined();
      }));
  });

  describe(`${name}: Temporary Access Passes, where there are some`, () => {
    const wanted = { lifetimeInMinutes: 60, isUsableOnce: true };

    test('a pass is made with a value, an id and an end; a second one replaces it, under another id', () =>
      using(async ({ directory }, idOf) => {
        const passes = directory.temporaryAccessPass;
        const user = await directory.find(cast.amara.userName);
        if (!passes || !user) return;
        expect((await passes.allowed(user))?.maximumLifetimeInMinutes).toBeGreaterThanOrEqual(60);
        const id = await idOf(cast.amara);
        const first = await passes.create(id, wanted, 'reset:one');
        const again = await passes.create(id, wanted, 'reset:one');
        if (first.outcome !== 'done' || again.outcome !== 'done') throw new Error('No pass was made.');
        expect(first.pass.reveal().length).toBeGreaterThanOrEqual(8);
        expect(again.pass.reveal()).not.toBe(first.pass.reveal());
        expect(again.id).not.toBe(first.id);
        expect(first.until - first.at).toBeGreaterThanOrEqual(59 * 60_000);
        expect(`${first.pass}${JSON.stringify(first)}`).not.toContain(first.pass.reveal());
        expect([await passes.isUsed(id, first.id), await passes.isUsed(id, again.id)]).toEqual([false, false]);
        expect(await directory.lastPasswordChange(id)).toBeUndefined();
      }));

    test('removing takes the pass that is meant, or whichever there is; that there is none is as good', () =>
      using(async ({ directory }, idOf) => {
        const passes = directory.temporaryAccessPass;
        if (!passes) return;
        const id = await idOf(cast.amara);
        const first = await passes.create(id, wanted, 'reset:one');
        const second = await passes.create(id, wanted, 'reset:two');
        if (first.outcome !== 'done' || second.outcome !== 'done') throw new Error('No pass was made.');
        for (const which of [first.id, first.id, second.id, second.id, undefined]) {
          expect(await passes.remove(id, which)).toMatchObject({ outcome: 'done' });
        }
        await passes.create(id, wanted, 'reset:three');
        expect(await passes.remove(id)).toMatchObject({ outcome: 'done' });
      }));

    test('nobody gets none', () =>
      using(async ({ directory }) => {
        const made = await directory.temporaryAccessPass?.create(nobody, wanted, 'reset:one');
        if (made) expect(made).toMatchObject({ outcome: 'failed', problem: { code: 'targetUnknown' } });
      }));
  });
}
