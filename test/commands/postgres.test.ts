// Real connector processes on one Postgres database: several serve it, and neither breaks the other's leases.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../postgres/database.ts';
import { command, freePort, installation, startServing } from '../serving.ts';

let database: FreshDatabase;
let here = installation();
beforeEach(async () => {
  database = await freshDatabase();
  here = installation({ RR_DATABASE: database.url });
});
afterEach(async () => {
  here.remove();
  await database[Symbol.asyncDispose]();
});

describe('connectors on Postgres', () => {
  it('serve one database together, and leave each other’s leases alone', async () => {
    const first = await startServing(here.env, await freePort());
    // No further ahead than a lease can be: what no clock of now can have written is brought back.
    const until = String(Date.now() + 85_000);
    await database.query(`insert into job (tenant, kind, ref, due_at, attempts, epoch, leased_until)
      values ('default', 'reset', 'r', ${until}, 1, 7, ${until})`);
    const second = await startServing(here.env, await freePort());
    expect(await database.query('select epoch, leased_until from job')).toEqual([{ epoch: '7', leased_until: until }]);
    expect([await first.end(), await second.end()]).toEqual([0, 0]);
  });

  it('are told by check where they are, and nothing secret', async () => {
    const secret = here.env.RR_DATABASE?.replace('postgres@', 'postgres:hunter2@') ?? '';
    const env = { ...here.env, RR_DATABASE: secret };
    const empty = await command(env, 'check');
    expect(empty.stdout).toMatch(
      /✓ Database: postgres:\/\/127\.0\.0\.1:\d+\/t_\w+\?sslmode=disable answers, and is empty/,
    );
    expect(await database.query(`select 1 from pg_tables where tablename = 'meta'`)).toEqual([]);
    expect((await command(env, 'user', 'create', '--user-name', 'a@contoso.example', '--display-name', 'A')).code).toBe(
      0,
    );
    const filled = await command(env, 'check');
    expect(filled.stdout).toMatch(/✓ Database: postgres:/);
    expect([empty, filled].map(({ stdout, stderr }) => stdout + stderr).join()).not.toContain('hunter2');
  });

  it('do not start with another key, or none', async () => {
    const { RR_SECRET_KEY, ...keyless } = here.env;
    const first = await startServing(here.env, await freePort());
    const other = await command({ ...here.env, RR_SECRET_KEY: Buffer.alloc(32, 9).toString('base64') }, 'serve');
    expect([other.code, other.stderr]).toEqual([1, expect.stringMatching(/sealed with another master key/)]);
    const none = await command(keyless, 'serve');
    expect([none.code, none.stderr]).toEqual([1, expect.stringMatching(/needs RR_SECRET_KEY/)]);
    expect(await first.end()).toBe(0);
  });
});
