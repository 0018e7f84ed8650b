// A process that was frozen past its lease goes on where it was: its late write to the embedded directory must not touch
// what has become of the password since.

import { expect, test } from 'vitest';
import { embeddedDirectory } from '../../connector/directory/embedded.ts';
import type { Sql } from '../../connector/sql/sql.ts';
import { argon2id, hashing } from '../../connector/store/credentials.ts';
import { makeWorld } from '../world.ts';

/** A database at which a process stops before each of its units of work. */
function stopping(sql: Sql, stop: () => Promise<void>): Sql {
  return { ...sql, run: (work) => stop().then(() => sql.run(work)), read: (work) => stop().then(() => sql.read(work)) };
}

const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
const queueOf = () => hashing({ concurrency: 1, waiting: 4, argon: argon2id });

test.each([0, 1, 2, 3, 4])(
  'a call that freezes before its unit of work %i leaves a chosen password alone',
  async (at) => {
    await using world = await makeWorld({ names: ['amara'] });
    await world.signUp('amara', 'Old password 1!');
    let [count, time] = [0, world.now()];
    const until = time + 60_000;
    const freeze = async () => {
      if (count++ !== at) return;
      // Another one has made the change meanwhile, and the person has chosen a password.
      time += 120_000;
      await world.signUp('amara', 'My very own choice 3!');
    };
    const deps = { sql: stopping(world.sql, freeze), hashing: queueOf(), random, now: () => time };
    const directory = embeddedDirectory(deps, world.tenant);
    const profile = { password: 'What was handed over 2!', forceChangePasswordNextSignIn: true };
    const outcome = await directory.setPassword(world.ids.amara, profile, 'reset:1', undefined, until);
    const frozen = count > at;
    expect(outcome.outcome).toBe(frozen ? 'failed' : 'done');
    if (frozen) expect(await world.holds('amara', 'My very own choice 3!')).toBe(true);
  },
);

test.each([0, 1, 2, 3, 4])(
  'one by whose clock there is time left, and that freezes before its unit of work %i, does so as well',
  async (at) => {
    await using world = await makeWorld({ names: ['amara'] });
    await world.signUp('amara', 'Old password 1!');
    const behind = world.now();
    let count = -1;
    const freeze = async () => {
      if (count++ !== at) return;
      await world.pass(3_600_000);
      await world.signUp('amara', 'My very own choice 3!');
    };
    const deps = { sql: stopping(world.sql, freeze), hashing: queueOf(), random, now: () => behind };
    const directory = embeddedDirectory(deps, world.tenant);
    // What the walk has seen right before.
    const since = (await directory.lastPasswordChange(world.ids.amara))?.at;
    const profile = { password: 'What was handed over 2!', forceChangePasswordNextSignIn: true };
    const outcome = await directory.setPassword(world.ids.amara, profile, 'reset:1', since, behind + 60_000);
    const frozen = count > at;
    expect(outcome.outcome).toBe(frozen ? 'failed' : 'done');
    if (frozen) expect(await world.holds('amara', 'My very own choice 3!')).toBe(true);
  },
);

test.each([0, 1, 2])(
  'one for a pass that freezes before its unit of work %i leaves the newer pass alone',
  async (at) => {
    await using world = await makeWorld({ names: ['amara'] });
    const wanted = { lifetimeInMinutes: 60, isUsableOnce: true };
    const passesAt = (sql: Sql, now: () => number) => {
      const { temporaryAccessPass } = embeddedDirectory({ sql, hashing: queueOf(), random, now }, world.tenant);
      if (!temporaryAccessPass) throw new Error('There are no passes.');
      return temporaryAccessPass;
    };
    let [count, time] = [0, world.now()];
    const until = time + 60_000;
    const others = passesAt(world.sql, () => time);
    const freeze = async () => {
      if (count++ !== at) return;
      // Another one has made a pass meanwhile, which has been shown.
      time += 120_000;
      expect((await others.create(world.ids.amara, wanted, 'reset:1')).outcome).toBe('done');
    };
    const frozen = passesAt(stopping(world.sql, freeze), () => time);
    const outcome = await frozen.create(world.ids.amara, wanted, 'reset:1', until);
    expect(outcome.outcome).toBe(count > at ? 'failed' : 'done');
  },
);
