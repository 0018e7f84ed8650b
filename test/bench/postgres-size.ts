// What a person and what happens to them takes on a real Postgres, indexes included: `npm run bench:postgres-size`. People are
// created by the store's own code, many in a transaction; resets and their record are counted by npm run bench:postgres.
//
//   --people 100000   --together 100 (people in one transaction)

import { randomFillSync } from 'node:crypto';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { sealOnce } from '../../connector/sealer.ts';
import { parseDatabaseAddress } from '../../connector/sql/address.ts';
import { migrate } from '../../connector/sql/migrate.ts';
import { openPostgres } from '../../connector/sql/postgres.ts';
import type { Tx, Work } from '../../connector/sql/sql.ts';
import type { UserContent } from '../../connector/store/user-resource.ts';
import { createUser } from '../../connector/store/users.ts';
import { uuidv7 } from '../../connector/store/uuid.ts';
import { startPostgres } from '../postgres/server.ts';
import { nameOf, person } from './load.ts';
import { sizes } from './postgres-load.ts';

const { values } = parseArgs({
  options: { people: { type: 'string', default: '100000' }, together: { type: 'string', default: '100' } },
});
const [people, together] = [Number(values.people), Number(values.together)];

await using server = await startPostgres({ settings: { shared_buffers: '256MB', maintenance_work_mem: '128MB' } });
const url = await server.create('size');
const address = parseDatabaseAddress(url);
if (address.engine !== 'postgres') throw new Error('This is no address of Postgres.');
const sql = await openPostgres(address, { connections: 4 });
await migrate(sql);

function* several(tx: Tx, from: number, ids: readonly string[], at: number): Work<void> {
  for (const [offset, id] of ids.entries()) {
    const content = person(from + offset, nameOf(from + offset)) as UserContent;
    yield* createUser(tx, 'default', id, content, { at, actor: 'client:size' });
  }
}

let next = 0;
const loop = async () => {
  while (next < people) {
    const from = next;
    next += together;
    const at = Date.now();
    const count = Math.min(together, people - from);
    const ids = Array.from({ length: count }, () => uuidv7(at, randomFillSync(new Uint8Array(10))));
    await sql.run((tx) => several(tx, from, ids, at));
  }
};
const start = performance.now();
await Promise.all([loop(), loop()]);
await sealOnce(sql, Date.now());
const rate = people / ((performance.now() - start) / 1000);
const client = new pg.Client(url);
await client.connect();
// As it is once autovacuum has been there: what is free within a page stays in it.
await client.query('vacuum analyze');
console.log(`\n${people} people, loaded at ${rate.toFixed(0)}/s (${together} in a transaction, fsync off).\n`);
for (const line of await sizes(client)) console.log(line);
await client.end();
await sql.close();
