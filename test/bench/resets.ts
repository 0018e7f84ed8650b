// What a reset costs on this machine, and how near that is to what the machine can do: started over HTTP → mail accepted
// → password set → armed, durable at every step; and what becomes of ten thousand that are due at once.
//
//   npm run bench:resets -- [--quick] [--only speed|queue] [--rounds N] [--resets N] [--administrators N] [--queued N] [--profile FOLDER]

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort, installation } from '../serving.ts';
import type { Seen } from './probe.ts';
import { durableRecords, passwordHashes, pooledMails } from './resets-limits.ts';
import { reader, resetAll, type Served, serveProbed, idle as startIdle, startSink, untilArmed } from './resets-load.ts';
import { diskOf, furnish, loadOf, ordinaryLetter, type Place } from './resets-place.ts';
import { median } from './turns.ts';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    rounds: { type: 'string' },
    resets: { type: 'string' },
    administrators: { type: 'string', default: '16' },
    queued: { type: 'string' },
    profile: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(`npm run bench:resets -- [options]

A connector process on a SQLite file, mail to a sink on loopback, durable at every step: how many resets a second go from the
request to the armed link, beside what the same machine does in the same seconds (durable records, pooled mails, argon2id);
then how ten thousand that are due at once come to their end, with the event loop's delay and the memory meanwhile.

  --only speed|queue      one of the two
  --rounds N (7)          of the first
  --resets N (400)        in each round
  --administrators N (16) that ask at once
  --queued N (10000)      that are due at once
  --quick                 a look, no measurement
  --profile FOLDER        writes the connector's CPU profile there
`);
  process.exit(0);
}
const { quick } = values;
const rounds = Number(values.rounds ?? (quick ? 1 : 7));
const perRound = Number(values.resets ?? (quick ? 12 : 400));
const queued = Number(values.queued ?? (quick ? 40 : 10_000));
const administrators = Number(values.administrators);
/** How long a limit is measured in each round, in milliseconds. */
const turn = quick ? 100 : 1500;
/** How often is looked: a hundredth of a whole round, in milliseconds. */
const seldom = quick ? 20 : 80;
/** What the connector itself keeps to: resets walked, and passwords hashed, at a time. */
const [together, hashers] = [8, 2];
const wanted = (part: string) => values.only === '' || values.only === part;
const profile =
  values.profile === undefined ? '' : `--cpu-prof --cpu-prof-interval=500 --cpu-prof-dir=${values.profile}`;

interface Ground {
  readonly env: Readonly<Record<string, string>>;
  readonly folder: string;
  readonly file: string;
  readonly sinkPort: number;
}

/** An installation whose mail goes to a sink on loopback, and the sink. */
async function onGround(work: (ground: Ground) => Promise<void>): Promise<void> {
  const [port, sinkPort] = [await freePort(), await freePort()];
  const place = installation({
    RR_PUBLIC_URL: `http://127.0.0.1:${port}`,
    RR_LISTEN: `127.0.0.1:${port}`,
    RR_MAIL: `smtp://127.0.0.1:${sinkPort}`,
  });
  const file = join(place.folder, 'state', 'connector.db');
  try {
    await work({ env: place.env, folder: place.folder, file, sinkPort });
  } finally {
    place.remove();
  }
}

interface Round {
  readonly resets: number;
  readonly fsync: number;
  readonly grouped: number;
  readonly mails: number;
  readonly hashes: number;
  /** Milliseconds of processor time for one hash. */
  readonly hashCpu: number;
  readonly ratio: number;
  readonly seen: Seen;
  /** Of a process that does nothing meanwhile. */
  readonly idle: Seen;
  /** Milliseconds from the request to its 202. */
  readonly answered: number[];
}

async function speed(): Promise<void> {
  await onGround(async (ground) => {
    const sink = await startSink(ground.sinkPort);
    const alone = quick ? 4 : 60;
    const place = await furnish(ground.env, { people: perRound * (rounds + 1) + alone, administrators, queued: 0 });
    const served = await serveProbed(ground.env, ground.folder, profile);
    const look = reader(ground.file);
    const nothing = await startIdle(ground.folder);
    try {
      const people = [...place.people];
      let armed = perRound;
      // Once for the compiler.
      await resetAll(served.origin, place.tokens, people.splice(0, perRound), { administrators });
      await untilArmed(look, armed, seldom);
      const one = await oneByOne(served, look, place, people.splice(0, alone), armed);
      armed += alone;
      const letter = await ordinaryLetter();
      const all: Round[] = [];
      for (let round = 0; round < rounds; round++) {
        const limits = async () => {
          const { rate: hashes, cpu: hashCpu } = await passwordHashes(turn, hashers);
          return {
            fsync: durableRecords(ground.folder, turn, 1),
            grouped: durableRecords(ground.folder, turn, together),
            mails: await pooledMails(ground.sinkPort, letter, turn, together),
            ...{ hashes, hashCpu },
          };
        };
        const before = await limits();
        const answered: number[] = [];
        await Promise.all([served.look(), nothing.look()]);
        const begun = performance.now();
        const some = people.splice(0, perRound);
        await resetAll(served.origin, place.tokens, some, { administrators, each: (ms) => answered.push(ms) });
        armed += perRound;
        await untilArmed(look, armed, seldom);
        const resets = perRound / ((performance.now() - begun) / 1000);
        const [seen, idle] = await Promise.all([served.look(), nothing.look()]);
        const after = await limits();
        const mean = (what: keyof typeof before) => (before[what] + after[what]) / 2;
        const [fsync, grouped, mails, hashes] = [mean('fsync'), mean('grouped'), mean('mails'), mean('hashes')];
        const others = { seen, idle, answered, hashCpu: mean('hashCpu') };
        const ratio = resets / Math.min(fsync, mails, hashes);
        all.push({ ...others, resets, fsync, grouped, mails, hashes, ratio });
      }
      const letters = await sink.count();
      tellSpeed(ground, all, one, letter.length);
      checkWhole(look, armed, letters.messages - 1);
    } finally {
      look.close();
      await served.serving.end();
      await Promise.all([sink.end(), nothing.end()]);
    }
  });
}

/** One reset at a time shares no commit with another: what it needs by itself. */
async function oneByOne(
  served: Served,
  look: ReturnType<typeof reader>,
  { tokens }: Place,
  people: Place['people'],
  before: number,
): Promise<Seen & { milliseconds: number }> {
  await served.look();
  const begun = performance.now();
  for (const [nth, somebody] of people.entries()) {
    await resetAll(served.origin, tokens, [somebody], { administrators: 1 });
    await untilArmed(look, before + nth + 1, 10);
  }
  const milliseconds = (performance.now() - begun) / people.length;
  const seen = await served.look();
  const each = (total: number) => total / people.length;
  return { ...seen, milliseconds, groups: each(seen.groups), commits: each(seen.commits) };
}

function tellSpeed(
  { folder }: Ground,
  all: readonly Round[],
  one: Seen & { milliseconds: number },
  size: number,
): void {
  const of = (what: (round: Round) => number, digits = 0) => {
    const numbers = all.map(what);
    const shown = (number: number) => number.toFixed(digits);
    return `${shown(median(numbers))} | ${shown(Math.min(...numbers))} … ${shown(Math.max(...numbers))}`;
  };
  const answered = all.flatMap((round) => round.answered).toSorted((a, b) => a - b);
  const at = (part: number) => (answered[Math.floor(answered.length * part)] ?? Number.NaN).toFixed(0);
  console.log(
    `\n### ${rounds} rounds of ${perRound} resets by ${administrators} administrators; database on ${diskOf(folder)}, ` +
      `load average ${loadOf()}\n`,
  );
  console.log('| | median of the rounds | least … most |\n|---|---|---|');
  const line = (name: string, what: (round: Round) => number, digits = 0) =>
    console.log(`| ${name} | ${of(what, digits)} |`);
  line('resets/s: started → mail accepted → password set → armed', ({ resets }) => resets, 1);
  line('limit: page-sized records/s, each with its own fdatasync', ({ fsync }) => fsync);
  line(`limit: the same, ${together} to one fdatasync`, ({ grouped }) => grouped);
  line(`limit: mails/s of ${size} bytes, nodemailer's pool of ${together}`, ({ mails }) => mails);
  line(`limit: argon2id hashes/s, ${hashers} at a time`, ({ hashes }) => hashes, 1);
  line('**ratio to the slowest limit** (aim ≥ 0.7)', ({ ratio }) => ratio, 2);
  line('CPU of the connector per reset, all threads, ms', ({ seen }) => seen.cpu / perRound, 2);
  line('of that in the event loop, ms', ({ seen }) => seen.loopCpu / perRound, 2);
  line('CPU of one argon2id hash, alone, ms', ({ hashCpu }) => hashCpu, 2);
  line('commits with something in them per reset', ({ seen }) => seen.commits / perRound, 2);
  line('event loop delay p50, ms', ({ seen }) => seen.loop.p50, 1);
  line('event loop delay p99, ms', ({ seen }) => seen.loop.p99, 1);
  line('event loop delay, longest, ms', ({ seen }) => seen.loop.max, 1);
  line('the same of a process that does nothing: p99, ms', ({ idle }) => idle.loop.p99, 1);
  line('the same, longest, ms', ({ idle }) => idle.loop.max, 1);
  line('resident, MiB', ({ seen }) => seen.resident);
  console.log(
    `\nOne at a time: ${one.groups.toFixed(1)} transactions, ${one.commits.toFixed(1)} of them durable (one fsync each), ` +
      `${one.milliseconds.toFixed(0)} ms from the request until it is armed. ` +
      `Requests are answered within ${at(0.5)} ms (p50), ${at(0.99)} ms (p99).`,
  );
}

/** @throws Error when one is lost or was mailed twice */
function checkWhole(look: ReturnType<typeof reader>, wanted: number, messages: number): void {
  const found = {
    resets: look.resets(),
    armed: look.states().ready ?? 0,
    ...{
      accepted: look.events('accepted'),
      passwordSet: look.events('passwordSet'),
      armedEvents: look.events('armed'),
    },
    ...{ recordedMailed: look.recorded('reset.mailed'), recordedReady: look.recorded('reset.ready') },
    messages,
  };
  for (const [what, number] of Object.entries(found)) {
    if (number !== wanted) throw new Error(`${what}: ${number} instead of ${wanted} (${JSON.stringify(found)})`);
  }
  console.log(`\nAll ${wanted} are armed; each was mailed once and recorded once.`);
}

/** Ten thousand that are due at once. */
async function queue(): Promise<void> {
  await onGround(async (ground) => {
    const later = quick ? 4 : 100;
    const place = await furnish(ground.env, { people: queued + later, administrators, queued });
    const sink = await startSink(ground.sinkPort);
    const served = await serveProbed(ground.env, ground.folder, profile);
    const look = reader(ground.file);
    const nothing = await startIdle(ground.folder);
    try {
      await Promise.all([served.look(), nothing.look()]);
      const begun = performance.now();
      let most = 0;
      const answered: number[] = [];
      const others = place.people.slice(0, later);
      // Somebody is at the desk all the same, one request a while.
      const interactive = (async () => {
        for (const somebody of others) {
          await resetAll(served.origin, place.tokens, [somebody], {
            administrators: 1,
            each: (ms) => answered.push(ms),
          });
          await new Promise((resolve) => setTimeout(resolve, quick ? 1 : 200));
        }
      })();
      const watch = setInterval(() => void memory(served).then((now) => (most = Math.max(most, now))), 500);
      await untilArmed(look, queued + later, 250);
      await interactive;
      clearInterval(watch);
      const seconds = (performance.now() - begun) / 1000;
      most = Math.max(most, await memory(served));
      const [seen, idle] = await Promise.all([served.look(), nothing.look()]);
      answered.sort((a, b) => a - b);
      const at = (part: number) => (answered[Math.floor(answered.length * part)] ?? Number.NaN).toFixed(0);
      console.log(
        `\n### ${queued} queued resets, due at once; database on ${diskOf(ground.folder)}, load average ${loadOf()}\n`,
      );
      console.log(
        `Drained in ${seconds.toFixed(1)} s: ${((queued + later) / seconds).toFixed(1)}/s. Event loop delay p50 ` +
          `${seen.loop.p50.toFixed(1)}, p99 ${seen.loop.p99.toFixed(1)} (aim ≤ 50), longest ${seen.loop.max.toFixed(1)} ms ` +
          `(a process that does nothing: p99 ${idle.loop.p99.toFixed(1)}, longest ${idle.loop.max.toFixed(1)}). ` +
          `Resident at most ${most.toFixed(0)} MiB (aim ≤ 250). CPU ${(seen.cpu / (queued + later)).toFixed(2)} ms per reset, ` +
          `${(seen.loopCpu / (queued + later)).toFixed(2)} of them in the event loop; ` +
          `${(seen.commits / (queued + later)).toFixed(2)} commits per reset. ` +
          `Meanwhile ${later} requests of an administrator were answered within ${at(0.5)} ms (p50), ${at(0.99)} ms (p99).`,
      );
      checkWhole(look, queued + later, (await sink.count()).messages);
      const { accepted } = await sink.count();
      if (accepted !== queued + later) throw new Error(`${accepted} mails for ${queued + later} resets.`);
    } finally {
      look.close();
      await served.serving.end();
      await Promise.all([sink.end(), nothing.end()]);
    }
  });
}

async function memory({ serving }: Served): Promise<number> {
  const { memoryOf } = await import('./load.ts');
  return memoryOf(serving.child.pid ?? 0);
}

if (wanted('speed')) await speed();
if (wanted('queue')) await queue();
