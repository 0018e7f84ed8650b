// The embedded directory on Postgres, when the answer to a COMMIT is lost: nobody knows, and nobody may say “failed”.

import { expect, test } from 'vitest';
import { embeddedDirectory } from '../../connector/directory/embedded.ts';
import { openPostgres } from '../../connector/sql/postgres.ts';
import { hashing } from '../../connector/store/credentials.ts';
import { wireTo } from '../postgres/cut.ts';
import { freshDatabase } from '../postgres/database.ts';
import { makeWorld } from '../world.ts';

test.each(['cutAnswer', 'cutBefore'] as const)(
  'a password change whose COMMIT is lost (%s) is unknown',
  async (lost) => {
    await using database = await freshDatabase({ migrated: true });
    await using world = await makeWorld({ sql: await database.open(), names: ['amara'] });
    await world.signUp('amara', 'Old password 1!');
    await using wire = await wireTo(database.address);
    const far = await openPostgres(wire.address, { connections: 1 });
    const queue = hashing({ concurrency: 1, waiting: 4 });
    const deps = { sql: far, hashing: queue, random: () => new Uint8Array(10), now: world.now };
    const directory = embeddedDirectory(deps, world.tenant);
    const before = (await directory.lastPasswordChange(world.ids.amara))?.by;
    const profile = { password: 'New password 2!', forceChangePasswordNextSignIn: true };
    let cuts = 0;
    wire.verdict = (text, changed) => (text === 'commit' && changed && cuts++ === 0 ? lost : 'pass');
    const outcome = await directory.setPassword(world.ids.amara, profile, 'reset:1').catch((error: unknown) => error);
    expect(cuts).toBe(1);
    expect(outcome).toEqual({ outcome: 'unknown', why: 'commit' });
    const after = (await directory.lastPasswordChange(world.ids.amara))?.by;
    expect(after).toEqual(lost === 'cutAnswer' ? { kind: 'operation', operation: 'reset:1' } : before);
    // The same value is set again, and then it is known.
    expect(await directory.setPassword(world.ids.amara, profile, 'reset:1')).toMatchObject({ outcome: 'done' });
    await far.close();
  },
);
