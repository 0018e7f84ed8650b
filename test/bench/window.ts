// The window that a password in Microsoft Graph leaves open, since Graph cannot compare and set: from the adapter's last
// look at the time of the last change to the arrival of its write, both as Graph sees them. A change by somebody else
// in between is lost. Whole resets on the simulated tenant, through its proxy, one after the other.
//
//   --resets 200   --rtt 0 (milliseconds to Graph and back, beside loopback)

import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { graph, startDownstream } from '../graph/downstream.ts';
import type { Answer, Asked, Fault } from '../graph/fault-proxy.ts';
import { cast } from '../people.ts';

const { values } = parseArgs({
  options: { resets: { type: 'string', default: '200' }, rtt: { type: 'string', default: '0' } },
});
const [resets, rtt] = [Number(values.resets), Number(values.rtt)];

await using stage = await startDownstream();
/** When the service had the last look at a person, by their path. */
const looked = new Map<string, number>();
const windows: number[] = [];

/** Notes when a request has arrived at the service; half of the way lies before it, half behind. */
function noting(note: (asked: Asked) => void): Fault {
  return {
    name: 'noted',
    async meet(asked: Asked, forward: () => Promise<Answer>) {
      if (rtt > 0) await sleep(rtt / 2);
      note(asked);
      const answer = await forward();
      if (rtt > 0) await sleep(rtt / 2);
      return answer;
    },
  };
}

const always = { times: Number.POSITIVE_INFINITY };
stage.proxy.fault(
  { ...graph.look, ...always },
  noting(({ path, query }) => {
    if (query.includes('lastPasswordChangeDateTime')) looked.set(path, performance.now());
  }),
);
stage.proxy.fault(
  { ...graph.patch, ...always },
  noting(({ path }) => {
    const at = looked.get(path);
    if (at === undefined) throw new Error('A password was set without a look.');
    windows.push(performance.now() - at);
  }),
);

for (let number = 0; number < resets; number++) {
  const person = { ...cast.kwame, userName: `person${number}@contoso.example`, externalId: `p-${number}`, emails: [] };
  const created = await stage.upstream.world.scim('POST', '/Users', person);
  const { id: user } = created.json<{ id: string }>();
  await stage.upstream.choosePassword(user, 'Old-Pw7k-still-works-9x');
  await stage.pass(2000);
  const { id } = await stage.start('globalAdmin', 'kwame', { user });
  await stage.walk();
  const row = await stage.world.sql.get<{ state: string }>`select state from reset where id = ${id}`;
  if (row?.state !== 'ready') throw new Error(`Reset ${number} is ${row?.state}.`);
  stage.proxy.forget();
}

const sorted = windows.toSorted((a, b) => a - b);
const at = (share: number) =>
  (sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0).toFixed(1);
console.log('| resets | RTT | median | p99 | max |\n|---|---|---|---|---|');
console.log(`| ${windows.length} | loopback + ${rtt} ms | ${at(0.5)} ms | ${at(0.99)} ms | ${at(1)} ms |`);
